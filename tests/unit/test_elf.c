/* SPDX-License-Identifier: MIT */
/*
 * test_elf.c - executables built here in memory, then broken in one place at a time
 *
 * The image: ELF header, two program headers, text, data, .symtab, .strtab, section headers.
 * Linked at LINEAR, loaded at PHYS. Every refusal is a row: what is patched, and a word that the
 * message must hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "boot/elf.h"
#include "boot/elf_symbols.h"

#define PHYS   UINT64_C(0x100000)
#define LINEAR UINT64_C(0x40000000)

/* Places in the 64-bit image, where every part has a slot of its own. */
enum { TEXT = 0x100, DATA = 0x110, SYMTAB = 0x120, STRTAB = 0x1f0, SHDRS = 0x220, IMAGE = 0x360 };

static const char names[] = "\0start\0main\0table\0SIZE\0outside\0file.c";
enum { N_START = 1, N_MAIN = 7, N_TABLE = 12, N_SIZE = 18, N_OUTSIDE = 23, N_FILE = 31 };

struct image {
    uint8_t bytes[IMAGE];
    size_t len;
};

/*
 * Building: records are made of both classes' structs by one initialiser.
 */
#define PUT(img, off, is64, record, ...)                     \
    do {                                                     \
        Elf32_##record r32 = { __VA_ARGS__ };                \
        Elf64_##record r64 = { __VA_ARGS__ };                \
        if (is64)                                            \
            memcpy((img)->bytes + (off), &r64, sizeof(r64)); \
        else                                                 \
            memcpy((img)->bytes + (off), &r32, sizeof(r32)); \
    } while (0)

#define SIZE_OF(is64, record) ((is64) ? sizeof(Elf64_##record) : sizeof(Elf32_##record))

static void put_program(struct image *img, bool is64)
{
    unsigned ph = (unsigned)SIZE_OF(is64, Ehdr);

    PUT(img, 0, is64, Ehdr, .e_type = ET_EXEC, .e_machine = is64 ? EM_X86_64 : EM_386,
        .e_version = EV_CURRENT, .e_entry = LINEAR + 4, .e_phoff = ph, .e_shoff = SHDRS,
        .e_ehsize = (uint16_t)ph, .e_phentsize = (uint16_t)SIZE_OF(is64, Phdr), .e_phnum = 2,
        .e_shentsize = (uint16_t)SIZE_OF(is64, Shdr), .e_shnum = 5);
    memcpy(img->bytes, ELFMAG, SELFMAG);
    img->bytes[EI_CLASS] = is64 ? ELFCLASS64 : ELFCLASS32;
    img->bytes[EI_DATA] = ELFDATA2LSB;
    img->bytes[EI_VERSION] = EV_CURRENT;
    PUT(img, ph, is64, Phdr, .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = TEXT,
        .p_vaddr = LINEAR, .p_paddr = PHYS, .p_filesz = 16, .p_memsz = 16);
    PUT(img, ph + SIZE_OF(is64, Phdr), is64, Phdr, .p_type = PT_LOAD, .p_flags = PF_R | PF_W,
        .p_offset = DATA, .p_vaddr = LINEAR + 0x1000, .p_paddr = PHYS + 0x1000, .p_filesz = 8,
        .p_memsz = 0x100);
}

static void put_symbols(struct image *img, bool is64)
{
    size_t at = SYMTAB + SIZE_OF(is64, Sym); /* the first is all zero */

#define ADD_SYM(n, bind, type, shndx, value, size)                                                 \
    PUT(img, at, is64, Sym, .st_name = n, .st_info = ELF64_ST_INFO(bind, type), .st_shndx = shndx, \
        .st_value = value, .st_size = size);                                                       \
    at += SIZE_OF(is64, Sym)
    ADD_SYM(N_FILE, STB_LOCAL, STT_FILE, SHN_ABS, 0, 0);
    ADD_SYM(N_TABLE, STB_LOCAL, STT_OBJECT, 2, LINEAR + 0x1000, 8);
    ADD_SYM(N_SIZE, STB_LOCAL, STT_NOTYPE, SHN_ABS, 0x1000, 0);
    ADD_SYM(N_OUTSIDE, STB_GLOBAL, STT_NOTYPE, SHN_UNDEF, 0, 0);
    ADD_SYM(0, STB_LOCAL, STT_SECTION, 1, LINEAR, 0);
    ADD_SYM(N_MAIN, STB_GLOBAL, STT_FUNC, 1, LINEAR + 8, 4);
    ADD_SYM(N_START, STB_GLOBAL, STT_NOTYPE, 1, LINEAR + 4, 0);
#undef ADD_SYM
    memcpy(img->bytes + STRTAB, names, sizeof(names));
}

static void put_sections(struct image *img, bool is64)
{
    size_t step = SIZE_OF(is64, Shdr);

    PUT(img, SHDRS + step, is64, Shdr, .sh_type = SHT_PROGBITS, .sh_addr = LINEAR,
        .sh_offset = TEXT, .sh_size = 16);
    PUT(img, SHDRS + 2 * step, is64, Shdr, .sh_type = SHT_PROGBITS, .sh_addr = LINEAR + 0x1000,
        .sh_offset = DATA, .sh_size = 8);
    PUT(img, SHDRS + 3 * step, is64, Shdr, .sh_type = SHT_SYMTAB, .sh_offset = SYMTAB,
        .sh_size = (uint32_t)(8 * SIZE_OF(is64, Sym)), .sh_link = 4,
        .sh_entsize = (uint32_t)SIZE_OF(is64, Sym));
    PUT(img, SHDRS + 4 * step, is64, Shdr, .sh_type = SHT_STRTAB, .sh_offset = STRTAB,
        .sh_size = sizeof(names));
}

static void build(struct image *img, bool is64)
{
    *img = (struct image){ .len = SHDRS + 5 * SIZE_OF(is64, Shdr) };
    put_program(img, is64);
    put_symbols(img, is64);
    put_sections(img, is64);
    for (unsigned i = 0; i < 16; i++)
        img->bytes[TEXT + i] = (uint8_t)(0x90 + i);
}

/*
 * Breaking: places in the 64-bit image.
 */
struct patch {
    unsigned off, width;
    uint64_t value;
};

#define FIELD(base, record, field, value)                                                 \
    {                                                                                     \
        (unsigned)((base) + offsetof(record, field)), sizeof(((record *)0)->field), value \
    }
#define ID(idx, value) \
    {                  \
        idx, 1, value  \
    }
#define EH(field, value)     FIELD(0, Elf64_Ehdr, field, value)
#define PH(i, field, value)  FIELD(64 + (i)*56, Elf64_Phdr, field, value)
#define SH(i, field, value)  FIELD(SHDRS + (i)*64, Elf64_Shdr, field, value)
#define SYM(i, field, value) FIELD(SYMTAB + (i)*24, Elf64_Sym, field, value)

struct row {
    const char *name, *word;
    struct patch patch[3]; /* those of width 0 are not used */
    size_t len;            /* the file is cut here; 0: it is not */
};

static const struct row segment_rows[] = {
    { "empty file", "no magic", { ID(0, 0) }, 3 },
    { "no magic", "no magic", { ID(1, 'F') }, 0 },
    { "ident cut", "truncated", { { 0 } }, 15 },
    { "header cut", "truncated", { { 0 } }, 63 },
    { "class", "class is 3", { ID(EI_CLASS, 3) }, 0 },
    { "big-endian", "big-endian", { ID(EI_DATA, 2) }, 0 },
    { "data encoding", "encoding is 0", { ID(EI_DATA, 0) }, 0 },
    { "ident version", "version is 2", { ID(EI_VERSION, 2) }, 0 },
    { "version", "e_version is 7", { EH(e_version, 7) }, 0 },
    { "machine", "AArch64 (machine 183)", { EH(e_machine, EM_AARCH64) }, 0 },
    { "unknown machine", "another machine (machine 999)", { EH(e_machine, 999) }, 0 },
    { "machine of the other class", "32-bit x86", { EH(e_machine, EM_386) }, 0 },
    { "x32", "x32", { ID(EI_CLASS, ELFCLASS32) }, 0 },
    { "position-independent", "-no-pie", { EH(e_type, ET_DYN) }, 0 },
    { "object", "not yet linked", { EH(e_type, ET_REL) }, 0 },
    { "core dump", "core dump", { EH(e_type, ET_CORE) }, 0 },
    { "type", "type is 9", { EH(e_type, 9) }, 0 },
    { "dynamic", "-static", { PH(1, p_type, PT_INTERP) }, 0 },
    { "no headers", "no program headers", { EH(e_phnum, 0) }, 0 },
    { "PN_XNUM", "PN_XNUM", { EH(e_phnum, 65535) }, 0 },
    { "too many headers", "65534 program headers", { EH(e_phnum, 65534) }, 0 },
    { "header size", "55 bytes each, must be 56", { EH(e_phentsize, 55) }, 0 },
    { "headers past the end", "outside the file", { EH(e_phoff, IMAGE) }, 0 },
    { "headers wrap", "outside the file", { EH(e_phoff, UINT64_MAX - 8) }, 0 },
    { "headers cut", "outside the file", { { 0 } }, 64 + 2 * 56 - 1 },
    { "offset past the end", "file ends at", { PH(0, p_offset, IMAGE - 15) }, 0 },
    { "offset wraps", "file ends at", { PH(0, p_offset, UINT64_MAX - 7) }, 0 },
    { "segment cut", "truncated", { { 0 } }, DATA + 7 },
    { "filesz past the end",
      "file ends at",
      { PH(0, p_filesz, UINT64_MAX), PH(0, p_memsz, UINT64_MAX) },
      0 },
    { "filesz above memsz", "more than its 0xf in memory", { PH(0, p_memsz, 15) }, 0 },
    { "filesz without memsz", "more than its 0x0 in memory", { PH(0, p_memsz, 0) }, 0 },
    { "paddr wraps", "past the last address", { PH(1, p_paddr, UINT64_MAX - 0x80) }, 0 },
    { "paddr above 52 bits", "AT()", { PH(1, p_paddr, (UINT64_C(1) << 52) - 0xff) }, 0 },
    { "memsz wraps", "past the last address", { PH(1, p_memsz, UINT64_MAX) }, 0 },
    { "vaddr wraps", "wraps around", { PH(1, p_vaddr, UINT64_MAX - 0xfe) }, 0 },
    { "overlap with the one below", "overlap", { PH(1, p_paddr, PHYS + 15) }, 0 },
    { "overlap with the one above", "overlap", { PH(1, p_paddr, PHYS - 0xff) }, 0 },
    { "same place", "overlap", { PH(1, p_paddr, PHYS) }, 0 },
    { "nothing loadable", "none of the 2", { PH(0, p_type, PT_NOTE), PH(1, p_type, PT_NULL) }, 0 },
    { "entry below", "entry 0x3fffffff", { EH(e_entry, LINEAR - 1) }, 0 },
    { "entry above", "outside every loadable segment", { EH(e_entry, LINEAR + 16) }, 0 },
};

static const struct row symbol_rows[] = {
    { "table outside", "outside the file", { EH(e_shoff, IMAGE + 1) }, 0 },
    { "table wraps", "outside the file", { EH(e_shoff, UINT64_MAX - 8) }, 0 },
    { "table cut", "outside the file", { { 0 } }, IMAGE - 1 },
    { "section header size", "40 bytes each, must be 64", { EH(e_shentsize, 40) }, 0 },
    { "too many sections", "9999 section headers", { EH(e_shnum, 9999) }, 0 },
    { "far too many sections",
      "outside the file",
      { EH(e_shnum, 0), SH(0, sh_size, UINT64_MAX / 64 + 2) },
      0 },
    { "symbols outside", "section 3", { SH(3, sh_offset, IMAGE - 8) }, 0 },
    { "symbols wrap", "section 3", { SH(3, sh_size, UINT64_MAX) }, 0 },
    { "symbol size", "0x10 bytes each", { SH(3, sh_entsize, 16) }, 0 },
    { "no such string table", "section 5", { SH(3, sh_link, 5) }, 0 },
    { "no string table", "no string table", { SH(3, sh_link, 1) }, 0 },
    { "strings outside", "section 4", { SH(4, sh_offset, IMAGE) }, 0 },
    { "strings not ended", "NUL", { SH(4, sh_size, sizeof(names) - 1) }, 0 },
    { "name outside", "0x26 is outside", { SYM(2, st_name, sizeof(names)) }, 0 },
    { "names of no length", "outside", { SH(4, sh_size, 0) }, 0 },
    { "object file", "object file", { EH(e_type, ET_REL) }, 0 },
    { "not ELF", "no magic", { ID(0, 0) }, 0 },
};

static void build_patched(struct image *img, const struct patch *patch, size_t n)
{
    build(img, true);
    for (size_t i = 0; i < n; i++)
        le_put(img->bytes + patch[i].off, patch[i].width, patch[i].value);
}

/* A copy of exact size at an odd address, so that the sanitizers see a read past the end. Give it
 * to free_file(). */
static uint8_t *exact_file(const uint8_t *bytes, size_t len)
{
    uint8_t *block = malloc(len + 1);

    assert_non_null(block);
    memcpy(block + 1, bytes, len);
    return block + 1;
}

static void free_file(uint8_t *file)
{
    free(file - 1);
}

static uint8_t *row_file(const struct row *row, size_t *len)
{
    struct image img;

    build_patched(&img, row->patch, ARRAY_LEN(row->patch));
    *len = row->len != 0 ? row->len : img.len;
    return exact_file(img.bytes, *len);
}

static void check_refusal(int rc, const struct vitro_err *err, const struct row *row)
{
    assert_int_equal(rc, -ENOEXEC);
    assert_int_equal(err->code, -ENOEXEC);
    assert_int_equal(err->kind, VITRO_ERR_IMAGE);
    if (strstr(err->text, row->word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err->text, row->word);
}

static void refuses_segments(void **state)
{
    struct vitro_err err = { 0 };
    struct elf_image out;
    size_t len;
    uint8_t *file = row_file(*state, &len);

    check_refusal(elf_parse(file, len, &out, &err), &err, *state);
    assert_int_equal(out.nsegments, 0);
    assert_int_equal(elf_parse(file, len, &out, NULL), -ENOEXEC);
    free_file(file);
}

static void refuses_symbols(void **state)
{
    struct vitro_err err = { 0 };
    struct symtab out;
    size_t len;
    uint8_t *file = row_file(*state, &len);

    check_refusal(elf_symbols(file, len, &out, &err), &err, *state);
    assert_int_equal(out.n, 0);
    assert_null(out.sym);
    free_file(file);
}

static void parse(const struct image *img, struct elf_image *out)
{
    struct vitro_err err = { 0 };

    if (elf_parse(img->bytes, img->len, out, &err) != 0)
        fail_msg("refused: %s", err.text);
}

static void knows_its_magic(void **state)
{
    (void)state;
    assert_true(elf_is(ELFMAG, 4));
    assert_false(elf_is(ELFMAG, 3));
    assert_false(elf_is(NULL, 0));
    assert_false(elf_is("#!/bin/sh", 9));
}

static void parses(bool is64)
{
    struct elf_image out;
    struct image img;

    build(&img, is64);
    parse(&img, &out);
    assert_int_equal(out.is64, is64);
    assert_int_equal(out.entry, PHYS + 4);
    assert_int_equal(out.nsegments, 2);
    assert_int_equal(out.segment[0].gpa, PHYS);
    assert_int_equal(out.segment[0].gva, LINEAR);
    assert_int_equal(out.segment[0].memsz, 16);
    assert_ptr_equal(out.segment[0].bytes, img.bytes + TEXT);
    assert_true(out.segment[0].read && !out.segment[0].write && out.segment[0].exec);
    assert_int_equal(out.segment[1].filesz, 8);
    assert_int_equal(out.segment[1].memsz, 0x100);
    assert_true(out.segment[1].read && out.segment[1].write && !out.segment[1].exec);
}

static void parses_elf32(void **state)
{
    (void)state;
    parses(false);
}

static void parses_elf64(void **state)
{
    (void)state;
    parses(true);
}

static void sorts_segments(void **state)
{
    static const struct patch below[] = { PH(1, p_paddr, PHYS - 0x100) }; /* they touch */
    struct elf_image out;
    struct image img;

    (void)state;
    build_patched(&img, below, ARRAY_LEN(below));
    parse(&img, &out);
    assert_int_equal(out.segment[0].gpa, PHYS - 0x100);
    assert_int_equal(out.segment[1].gpa, PHYS);
    assert_int_equal(out.entry, PHYS + 4);
}

static void takes_a_physical_entry(void **state)
{
    static const struct patch linux_like[] = { EH(e_entry, PHYS + 8) };
    struct elf_image out;
    struct image img;

    (void)state;
    build_patched(&img, linux_like, ARRAY_LEN(linux_like));
    parse(&img, &out);
    assert_int_equal(out.entry, PHYS + 8);
}

static void ignores_empty_segments(void **state)
{
    static const struct patch empty[] = { PH(1, p_memsz, 0), PH(1, p_filesz, 0),
                                          PH(1, p_offset, UINT64_MAX) };
    struct elf_image out;
    struct image img;

    (void)state;
    build_patched(&img, empty, ARRAY_LEN(empty));
    parse(&img, &out);
    assert_int_equal(out.nsegments, 1);
}

static void accepts_bss_of_any_offset_and_size(void **state)
{
    static const struct patch bss[] = { PH(1, p_filesz, 0), PH(1, p_offset, UINT64_MAX),
                                        PH(1, p_memsz, UINT64_C(1) << 40) };
    struct elf_image out;
    struct image img;

    (void)state;
    build_patched(&img, bss, ARRAY_LEN(bss));
    parse(&img, &out);
    assert_int_equal(out.segment[1].memsz, UINT64_C(1) << 40);
    assert_non_null(out.segment[1].bytes);
}

/* A reset vector: the last bytes below 4 GiB are a good place in a 32-bit file. */
static void elf32_may_end_at_4_gib(void **state)
{
    struct vitro_err err = { 0 };
    struct elf_image out;
    struct image img;
    uint8_t *ph;

    (void)state;
    build(&img, false);
    ph = img.bytes + sizeof(Elf32_Ehdr);
    le_put(ph + offsetof(Elf32_Phdr, p_paddr), 4, 0xfffffff0);
    parse(&img, &out);
    assert_int_equal(out.entry, 0xfffffff4);
    le_put(ph + offsetof(Elf32_Phdr, p_paddr), 4, 0xfffffff1);
    assert_int_equal(elf_parse(img.bytes, img.len, &out, &err), -ENOEXEC);
    assert_non_null(strstr(err.text, "past the last address 0xffffffff"));
}

static void truncation_never_crashes(void **state)
{
    struct elf_image out;
    struct symtab syms;
    struct image img;

    (void)state;
    for (int is64 = 0; is64 < 2; is64++) {
        build(&img, is64);
        for (size_t len = 0; len <= img.len; len++) {
            uint8_t *file = exact_file(img.bytes, len);

            assert_int_equal(elf_parse(file, len, &out, NULL), len < DATA + 8 ? -ENOEXEC : 0);
            assert_int_equal(elf_symbols(file, len, &syms, NULL), len < img.len ? -ENOEXEC : 0);
            symtab_fini(&syms);
            free_file(file);
        }
    }
}

/* n program headers, all alike but for the address, of `memsz` bytes each. */
static uint8_t *many_headers(unsigned n, uint32_t type, uint64_t memsz, size_t *len)
{
    struct image img;
    uint8_t *file;

    build(&img, true);
    *len = IMAGE + (size_t)n * sizeof(Elf64_Phdr);
    file = malloc(*len);
    assert_non_null(file);
    le_put(img.bytes + offsetof(Elf64_Ehdr, e_phoff), 8, IMAGE);
    le_put(img.bytes + offsetof(Elf64_Ehdr, e_phnum), 2, n);
    memcpy(file, img.bytes, IMAGE);
    for (unsigned i = 0; i < n; i++) {
        Elf64_Phdr ph = { .p_type = i == n / 2 ? PT_LOAD : type,
                          .p_paddr = PHYS - i * 16,
                          .p_vaddr = LINEAR - i * 16,
                          .p_memsz = i == n / 2 ? 16 : memsz };

        memcpy(file + IMAGE + i * sizeof(ph), &ph, sizeof(ph));
    }
    le_put(file + offsetof(Elf64_Ehdr, e_entry), 8, LINEAR - n / 2 * 16);
    return file;
}

static void takes_ten_thousand_headers(void **state)
{
    static const struct {
        unsigned n;
        uint32_t type;
        uint64_t memsz;
        unsigned nsegments; /* 0: refused */
    } rows[] = {
        { 10000, PT_NOTE, 16, 1 },
        { 10000, PT_LOAD, 0, 1 },
        { 10000, PT_LOAD, 16, 0 },
        { ELF_SEGMENTS_MAX, PT_LOAD, 16, ELF_SEGMENTS_MAX },
        { ELF_SEGMENTS_MAX + 1, PT_LOAD, 16, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct vitro_err err = { 0 };
        struct elf_image out;
        size_t len;
        uint8_t *file = many_headers(rows[i].n, rows[i].type, rows[i].memsz, &len);

        assert_int_equal(elf_parse(file, len, &out, &err), rows[i].nsegments ? 0 : -ENOEXEC);
        assert_int_equal(out.nsegments, rows[i].nsegments);
        if (rows[i].nsegments == 0)
            assert_non_null(strstr(err.text, "more than 64"));
        free(file);
    }
}

static void finds_symbols(bool is64, bool extended)
{
    struct vitro_err err = { 0 };
    struct symtab t;
    struct image img;
    uint64_t off = 0;

    build(&img, is64);
    if (extended) { /* gABI: e_shnum 0, the number is the size of section 0 */
        le_put(img.bytes + offsetof(Elf64_Ehdr, e_shnum), 2, 0);
        le_put(img.bytes + SHDRS + offsetof(Elf64_Shdr, sh_size), 8, 5);
    }
    if (elf_symbols(img.bytes, img.len, &t, &err) != 0)
        fail_msg("refused: %s", err.text);
    memset(img.bytes, 0, sizeof(img.bytes)); /* the table borrows nothing */

    assert_int_equal(t.n, 3); /* no file name, constant, undefined, section */
    assert_false(t.cut);
    assert_string_equal(symtab_name(&t, &t.sym[0]), "start");
    assert_string_equal(symtab_find(&t, LINEAR + 7, &off), "start");
    assert_int_equal(off, 3);
    assert_string_equal(symtab_find(&t, LINEAR + 11, &off), "main");
    assert_null(symtab_find(&t, LINEAR + 12, &off)); /* main has a size */
    assert_string_equal(symtab_find(&t, LINEAR + 0x1007, &off), "table");
    assert_null(symtab_find(&t, 0x1000, &off)); /* SIZE is a constant */
    assert_true(symtab_lookup(&t, "main", &off));
    assert_int_equal(off, LINEAR + 8);
    symtab_fini(&t);
}

static void finds_symbols_in_each_class(void **state)
{
    (void)state;
    finds_symbols(false, false);
    finds_symbols(true, false);
    finds_symbols(true, true);
}

static void label_ends_with_its_section(void **state)
{
    static const struct patch no_main[] = { SYM(6, st_name, 0) };
    struct symtab t;
    struct image img;

    (void)state;
    build_patched(&img, no_main, ARRAY_LEN(no_main));
    assert_int_equal(elf_symbols(img.bytes, img.len, &t, NULL), 0);
    assert_string_equal(symtab_find(&t, LINEAR + 15, NULL), "start");
    assert_null(symtab_find(&t, LINEAR + 16, NULL));
    symtab_fini(&t);
}

static void label_at_the_end_of_a_section_names_itself(void **state)
{
    static const struct patch end[] = { SYM(7, st_value, LINEAR + 16) };
    struct symtab t;
    struct image img;

    (void)state;
    build_patched(&img, end, ARRAY_LEN(end));
    assert_int_equal(elf_symbols(img.bytes, img.len, &t, NULL), 0);
    assert_string_equal(symtab_find(&t, LINEAR + 16, NULL), "start");
    assert_null(symtab_find(&t, LINEAR + 17, NULL));
    symtab_fini(&t);
}

static void stripped_is_no_failure(void **state)
{
    static const struct patch rows[] = { EH(e_shoff, 0), SH(3, sh_type, SHT_NULL) };
    struct symtab t;
    struct image img;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        build_patched(&img, &rows[i], 1);
        assert_int_equal(elf_symbols(img.bytes, img.len, &t, NULL), 0);
        assert_int_equal(t.n, 0);
        assert_null(symtab_find(&t, LINEAR, NULL));
        symtab_fini(&t);
    }
}

static const struct CMUnitTest plain_tests[] = {
    cmocka_unit_test(knows_its_magic),
    cmocka_unit_test(parses_elf32),
    cmocka_unit_test(parses_elf64),
    cmocka_unit_test(sorts_segments),
    cmocka_unit_test(takes_a_physical_entry),
    cmocka_unit_test(ignores_empty_segments),
    cmocka_unit_test(accepts_bss_of_any_offset_and_size),
    cmocka_unit_test(elf32_may_end_at_4_gib),
    cmocka_unit_test(truncation_never_crashes),
    cmocka_unit_test(takes_ten_thousand_headers),
    cmocka_unit_test(finds_symbols_in_each_class),
    cmocka_unit_test(label_ends_with_its_section),
    cmocka_unit_test(label_at_the_end_of_a_section_names_itself),
    cmocka_unit_test(stripped_is_no_failure),
};

static void row_tests(struct CMUnitTest *t, CMUnitTestFunction fn, const struct row *row, size_t n)
{
    for (size_t i = 0; i < n; i++)
        t[i] = (struct CMUnitTest){ .name = row[i].name,
                                    .test_func = fn,
                                    .initial_state = (void *)(uintptr_t)&row[i] };
}

int main(void)
{
    enum { PLAIN = ARRAY_LEN(plain_tests), SEGMENTS = ARRAY_LEN(segment_rows) };
    struct CMUnitTest tests[PLAIN + SEGMENTS + ARRAY_LEN(symbol_rows)];

    memcpy(tests, plain_tests, sizeof(plain_tests));
    row_tests(tests + PLAIN, refuses_segments, segment_rows, SEGMENTS);
    row_tests(tests + PLAIN + SEGMENTS, refuses_symbols, symbol_rows, ARRAY_LEN(symbol_rows));
    return cmocka_run_group_tests_name("boot/elf", tests, NULL, NULL);
}
