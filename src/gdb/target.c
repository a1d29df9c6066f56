/* SPDX-License-Identifier: MIT */
/*
 * target.c - register tables, their XML, their values
 *
 * Names, order and types of the first features are those that gdb asks for ("Debugging with GDB", i386 Features);
 * org.vitro.system and org.vitro.msr are our own.
 * The upper halves of the AVX registers are unavailable as long as the guest has not switched them on.
 */
#include "gdb/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "gdb/packet.h"

enum feature { CORE, SSE, AVX, SEGMENTS, SYSTEM, MSR, NFEATURES };

static const char *const feature_names[NFEATURES] = {
    [CORE] = "org.gnu.gdb.i386.core", [SSE] = "org.gnu.gdb.i386.sse",
    [AVX] = "org.gnu.gdb.i386.avx",   [SEGMENTS] = "org.gnu.gdb.i386.segments",
    [SYSTEM] = "org.vitro.system",    [MSR] = "org.vitro.msr",
};

#define PLAIN(n, b, f, ty, p)                                     \
    {                                                             \
        .name = n, .bits = b, .feature = f, .type = ty, .path = p \
    }
#define SETTABLE(n, b, f, ty, p, s)                                         \
    {                                                                       \
        .name = n, .bits = b, .feature = f, .type = ty, .path = p, .set = s \
    }
#define SHIFTED(n, b, f, ty, p, by)                                            \
    {                                                                          \
        .name = n, .bits = b, .feature = f, .type = ty, .path = p, .shift = by \
    }

#define GPR64(n)       SETTABLE(#n, 64, CORE, "int64", "gpr." #n, #n)
#define GPR32(n, wide) SETTABLE(#n, 32, CORE, "int32", "gpr." #wide, #wide)
#define SELECTOR(n)    SETTABLE(#n, 32, CORE, "int32", "segments." #n ".selector", #n)
#define BASE(n)        SETTABLE(#n "_base", 64, SYSTEM, "uint64", "segments." #n ".base", #n "_base")
#define ST(i)          PLAIN("st" #i, 80, CORE, "i387_ext", "fpu:st" #i)
#define X87(n, in, by) SHIFTED(n, 32, CORE, "int", "fpu:" in, by)
#define XMM(i)         PLAIN("xmm" #i, 128, SSE, "vec128", "fpu:xmm" #i)
#define YMMH(i)        PLAIN("ymm" #i "h", 128, AVX, "uint128", "fpu:ymmh" #i)
#define MSR64(n, msr)  PLAIN(n, 64, MSR, "uint64", "msr:" msr)

#define FPU            "fpu:"
#define MSR_PATH       "msr:"

#define EIGHT(X)       X(0), X(1), X(2), X(3), X(4), X(5), X(6), X(7)
#define EIGHT_MORE(X)  X(8), X(9), X(10), X(11), X(12), X(13), X(14), X(15)

#define SELECTORS_AND_X87                                                                          \
    SELECTOR(cs), SELECTOR(ss), SELECTOR(ds), SELECTOR(es), SELECTOR(fs), SELECTOR(gs), EIGHT(ST), \
        X87("fctrl", "fcw", 0), X87("fstat", "fsw", 0), X87("ftag", "ftw", 0),                     \
        X87("fiseg", "fip", 32), X87("fioff", "fip", 0), X87("foseg", "fdp", 32),                  \
        X87("fooff", "fdp", 0), X87("fop", "fop", 0)

#define MXCSR PLAIN("mxcsr", 32, SSE, "i386_mxcsr", "fpu:mxcsr")

#define SYSTEM_ROWS                                                                          \
    SETTABLE("cr0", 64, SYSTEM, "vitro_cr0", "cr0.value", "cr0"),                            \
        SETTABLE("cr2", 64, SYSTEM, "uint64", "cr2", "cr2"),                                 \
        SETTABLE("cr3", 64, SYSTEM, "uint64", "cr3", "cr3"),                                 \
        SETTABLE("cr4", 64, SYSTEM, "vitro_cr4", "cr4.value", "cr4"),                        \
        SETTABLE("cr8", 64, SYSTEM, "uint64", "cr8", "cr8"),                                 \
        SETTABLE("efer", 64, SYSTEM, "vitro_efer", "efer.value", "efer"),                    \
        PLAIN("xcr0", 64, SYSTEM, "uint64", "xcr0"), BASE(cs), BASE(ss), BASE(ds), BASE(es), \
        SETTABLE("tr", 32, SYSTEM, "int32", "segments.tr.selector", "tr"), BASE(tr),         \
        SETTABLE("ldtr", 32, SYSTEM, "int32", "segments.ldtr.selector", "ldtr"), BASE(ldtr), \
        SETTABLE("gdtr_base", 64, SYSTEM, "uint64", "gdt.base", "gdt_base"),                 \
        SETTABLE("gdtr_limit", 32, SYSTEM, "int32", "gdt.limit", "gdt_limit"),               \
        SETTABLE("idtr_base", 64, SYSTEM, "uint64", "idt.base", "idt_base"),                 \
        SETTABLE("idtr_limit", 32, SYSTEM, "int32", "idt.limit", "idt_limit"),               \
        SETTABLE("dr0", 64, SYSTEM, "uint64", "dr.0", "dr0"),                                \
        SETTABLE("dr1", 64, SYSTEM, "uint64", "dr.1", "dr1"),                                \
        SETTABLE("dr2", 64, SYSTEM, "uint64", "dr.2", "dr2"),                                \
        SETTABLE("dr3", 64, SYSTEM, "uint64", "dr.3", "dr3"),                                \
        SETTABLE("dr6", 64, SYSTEM, "uint64", "dr6.value", "dr6"),                           \
        SETTABLE("dr7", 64, SYSTEM, "uint64", "dr7", "dr7")

#define MSR_ROWS                                                                        \
    PLAIN("apic_base", 64, MSR, "uint64", "apic_base"), MSR64("star", "STAR"),          \
        MSR64("lstar", "LSTAR"), MSR64("cstar", "CSTAR"), MSR64("fmask", "FMASK"),      \
        MSR64("kernel_gs_base", "KERNEL_GS_BASE"), MSR64("sysenter_cs", "SYSENTER_CS"), \
        MSR64("sysenter_esp", "SYSENTER_ESP"), MSR64("sysenter_eip", "SYSENTER_EIP"),   \
        MSR64("pat", "PAT"), MSR64("tsc", "TSC"), MSR64("misc_enable", "MISC_ENABLE")

static const struct reg_row amd64_rows[] = {
    GPR64(rax),
    GPR64(rbx),
    GPR64(rcx),
    GPR64(rdx),
    GPR64(rsi),
    GPR64(rdi),
    SETTABLE("rbp", 64, CORE, "data_ptr", "gpr.rbp", "rbp"),
    SETTABLE("rsp", 64, CORE, "data_ptr", "gpr.rsp", "rsp"),
    GPR64(r8),
    GPR64(r9),
    GPR64(r10),
    GPR64(r11),
    GPR64(r12),
    GPR64(r13),
    GPR64(r14),
    GPR64(r15),
    SETTABLE("rip", 64, CORE, "code_ptr", "rip", "rip"),
    SETTABLE("eflags", 32, CORE, "i386_eflags", "rflags.value", "rflags"),
    SELECTORS_AND_X87,
    EIGHT(XMM),
    EIGHT_MORE(XMM),
    MXCSR,
    EIGHT(YMMH),
    EIGHT_MORE(YMMH),
    SETTABLE("fs_base", 64, SEGMENTS, "int", "segments.fs.base", "fs_base"),
    SETTABLE("gs_base", 64, SEGMENTS, "int", "segments.gs.base", "gs_base"),
    SYSTEM_ROWS,
    MSR_ROWS,
};

static const struct reg_row i386_rows[] = {
    GPR32(eax, rax),
    GPR32(ecx, rcx),
    GPR32(edx, rdx),
    GPR32(ebx, rbx),
    SETTABLE("esp", 32, CORE, "data_ptr", "gpr.rsp", "rsp"),
    SETTABLE("ebp", 32, CORE, "data_ptr", "gpr.rbp", "rbp"),
    GPR32(esi, rsi),
    GPR32(edi, rdi),
    SETTABLE("eip", 32, CORE, "code_ptr", "rip", "rip"),
    SETTABLE("eflags", 32, CORE, "i386_eflags", "rflags.value", "rflags"),
    SELECTORS_AND_X87,
    EIGHT(XMM),
    MXCSR,
    EIGHT(YMMH),
    SETTABLE("fs_base", 64, SYSTEM, "uint64", "segments.fs.base", "fs_base"),
    SETTABLE("gs_base", 64, SYSTEM, "uint64", "segments.gs.base", "gs_base"),
    SYSTEM_ROWS,
    MSR_ROWS,
};

static const struct target targets[] = {
    { "amd64", "i386:x86-64", amd64_rows, ARRAY_LEN(amd64_rows), 8 },
    { "i386", "i386", i386_rows, ARRAY_LEN(i386_rows), 4 },
    { "i8086", "i8086", i386_rows, ARRAY_LEN(i386_rows), 4 },
};

const struct target *target_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        if (strcmp(targets[i].name, name) == 0)
            return &targets[i];
    }
    return NULL;
}

const struct target *target_for(unsigned bits)
{
    return &targets[bits == 64 ? 0 : bits == 32 ? 1 : 2];
}

/* A register of flags, as a type of the description. */
struct flags_type {
    const char *name;
    unsigned bytes, feature;
    struct {
        uint8_t bit;
        const char *name;
    } bits[24];
};

static const struct flags_type flags_types[] = {
    { "i386_eflags",
      4,
      CORE,
      { { 0, "CF" },
        { 2, "PF" },
        { 4, "AF" },
        { 6, "ZF" },
        { 7, "SF" },
        { 8, "TF" },
        { 9, "IF" },
        { 10, "DF" },
        { 11, "OF" },
        { 14, "NT" },
        { 16, "RF" },
        { 17, "VM" },
        { 18, "AC" },
        { 19, "VIF" },
        { 20, "VIP" },
        { 21, "ID" } } },
    { "i386_mxcsr",
      4,
      SSE,
      { { 0, "IE" },
        { 1, "DE" },
        { 2, "ZE" },
        { 3, "OE" },
        { 4, "UE" },
        { 5, "PE" },
        { 6, "DAZ" },
        { 7, "IM" },
        { 8, "DM" },
        { 9, "ZM" },
        { 10, "OM" },
        { 11, "UM" },
        { 12, "PM" },
        { 15, "FZ" } } },
    { "vitro_cr0",
      8,
      SYSTEM,
      { { 0, "PE" },
        { 1, "MP" },
        { 2, "EM" },
        { 3, "TS" },
        { 4, "ET" },
        { 5, "NE" },
        { 16, "WP" },
        { 18, "AM" },
        { 29, "NW" },
        { 30, "CD" },
        { 31, "PG" } } },
    { "vitro_cr4",
      8,
      SYSTEM,
      { { 0, "VME" },
        { 1, "PVI" },
        { 2, "TSD" },
        { 3, "DE" },
        { 4, "PSE" },
        { 5, "PAE" },
        { 6, "MCE" },
        { 7, "PGE" },
        { 8, "PCE" },
        { 9, "OSFXSR" },
        { 10, "OSXMMEXCPT" },
        { 11, "UMIP" },
        { 12, "LA57" },
        { 16, "FSGSBASE" },
        { 17, "PCIDE" },
        { 18, "OSXSAVE" },
        { 20, "SMEP" },
        { 21, "SMAP" },
        { 22, "PKE" } } },
    { "vitro_efer",
      8,
      SYSTEM,
      { { 0, "SCE" },
        { 8, "LME" },
        { 10, "LMA" },
        { 11, "NXE" },
        { 12, "SVME" },
        { 14, "FFXSR" } } },
};

static const char vector_types[] = "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
                                   "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
                                   "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
                                   "<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
                                   "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
                                   "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
                                   "<union id=\"vec128\">"
                                   "<field name=\"v4_float\" type=\"v4f\"/>"
                                   "<field name=\"v2_double\" type=\"v2d\"/>"
                                   "<field name=\"v16_int8\" type=\"v16i8\"/>"
                                   "<field name=\"v8_int16\" type=\"v8i16\"/>"
                                   "<field name=\"v4_int32\" type=\"v4i32\"/>"
                                   "<field name=\"v2_int64\" type=\"v2i64\"/>"
                                   "<field name=\"uint128\" type=\"uint128\"/></union>\n";

static void types_xml(unsigned feature, struct text *out)
{
    for (size_t i = 0; i < ARRAY_LEN(flags_types); i++) {
        const struct flags_type *f = &flags_types[i];

        if (f->feature != feature)
            continue;
        text_add(out, "<flags id=\"%s\" size=\"%u\">", f->name, f->bytes);
        for (size_t b = 0; b < ARRAY_LEN(f->bits) && f->bits[b].name != NULL; b++)
            text_add(out, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>", f->bits[b].name,
                     f->bits[b].bit, f->bits[b].bit);
        text_add(out, "</flags>\n");
    }
    if (feature == SSE)
        text_add(out, "%s", vector_types);
}

static const char *group_of(const struct reg_row *row)
{
    if (row->feature == CORE && strncmp(row->path, FPU, strlen(FPU)) == 0)
        return "float";
    if (row->feature == SSE || row->feature == AVX)
        return "vector";
    return row->feature == SYSTEM || row->feature == MSR ? "system" : "general";
}

void target_xml(const struct target *t, struct text *out)
{
    unsigned feature = NFEATURES;

    text_add(out,
             "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
             "<target version=\"1.0\">\n<architecture>%s</architecture>\n",
             t->architecture);
    for (unsigned i = 0; i < t->nrows; i++) {
        const struct reg_row *row = &t->rows[i];

        if (row->feature != feature) {
            text_add(out, "%s<feature name=\"%s\">\n", i > 0 ? "</feature>\n" : "",
                     feature_names[row->feature]);
            types_xml(row->feature, out);
            feature = row->feature;
        }
        text_add(out, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\" group=\"%s\"/>\n",
                 row->name, row->bits, row->type, i, group_of(row));
    }
    text_add(out, "</feature>\n</target>\n");
}

/* "segments.fs.base", "dr.0" */
static const json_t *find(const json_t *doc, const char *path)
{
    char name[32];

    while (doc != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");

        if (len >= sizeof(name))
            return NULL;
        memcpy(name, path, len);
        name[len] = '\0';
        doc = json_is_array(doc) ? json_array_get(doc, (size_t)atoi(name))
                                 : json_object_get(doc, name);
        path += len + (path[len] == '.');
    }
    return doc;
}

static const json_t *find_msr(const json_t *doc, const char *name)
{
    const json_t *msrs = json_object_get(doc, "msrs"), *entry;
    size_t i;

    json_array_foreach(msrs, i, entry)
    {
        const char *its = json_string_value(json_object_get(entry, "name"));

        if (its != NULL && strcmp(its, name) == 0)
            return json_object_get(entry, "value");
    }
    return NULL;
}

/* A number in words, or bytes as digits. */
static bool read_value(const struct reg_row *row, const json_t *value, uint8_t *out)
{
    const char *word = json_string_value(value);
    struct scan in;
    char *end;
    uint64_t v;

    if (word == NULL)
        return false;
    if (row->bits > 64) {
        in = (struct scan){ word, word + strlen(word) };
        return scan_bytes(&in, out, reg_bytes(row)) && scan_done(&in);
    }
    v = strtoull(word, &end, 0);
    le_put(out, reg_bytes(row), v >> row->shift);
    return end != word && *end == '\0';
}

static bool fpu_number(const json_t *fpu, const char *name, uint64_t *out)
{
    const char *word = json_string_value(json_object_get(fpu, name));

    *out = word != NULL ? strtoull(word, NULL, 0) : 0;
    return word != NULL;
}

/* What one register of the stack holds, by its 80 bits: 0 a number, 1 zero, 2 anything else. */
static unsigned tag_of(const json_t *fpu, unsigned st)
{
    char name[8];
    uint8_t bytes[10] = { 0 };
    const char *hex;
    unsigned exponent;
    uint64_t mantissa;

    snprintf(name, sizeof(name), "st%u", st);
    hex = json_string_value(json_object_get(fpu, name));
    if (hex != NULL && !scan_bytes(&(struct scan){ hex, hex + strlen(hex) }, bytes, sizeof(bytes)))
        return 2;
    exponent = le_get(bytes + 8, 2) & 0x7fff;
    mantissa = le_get(bytes, 8);
    if (exponent == 0 && mantissa == 0)
        return 1;
    return exponent == 0 || exponent == 0x7fff || mantissa >> 63 == 0 ? 2 : 0;
}

/* gdb wants the tag word with two bits a register; the machine has one, as FXSAVE does (SDM 1, "x87 Tag Word"). */
static bool read_tags(const json_t *fpu, uint8_t *out)
{
    uint64_t used, status;
    unsigned tags = 0;

    if (!fpu_number(fpu, "ftw", &used) || !fpu_number(fpu, "fsw", &status))
        return false;
    for (unsigned i = 0; i < 8; i++) { /* physical register */
        unsigned top = status >> 11 & 7;

        tags |= (used >> i & 1 ? tag_of(fpu, (i - top) & 7) : 3) << (2 * i);
    }
    le_put(out, 4, tags);
    return true;
}

/* Selectors and offsets of the last x87 instruction are halves of one number. */
static bool read_fpu(const struct reg_row *row, const json_t *fpu, uint8_t *out)
{
    const char *name = row->path + strlen(FPU);

    return strcmp(name, "ftw") == 0 ? read_tags(fpu, out)
                                    : read_value(row, json_object_get(fpu, name), out);
}

bool target_read(const struct reg_row *row, const struct reg_source *src, uint8_t *out)
{
    if (strncmp(row->path, FPU, strlen(FPU)) == 0)
        return read_fpu(row, src->fpu, out);
    if (strncmp(row->path, MSR_PATH, strlen(MSR_PATH)) == 0)
        return read_value(row, find_msr(src->doc, row->path + strlen(MSR_PATH)), out);
    return read_value(row, find(src->doc, row->path), out);
}
