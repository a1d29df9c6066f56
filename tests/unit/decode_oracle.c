/* SPDX-License-Identifier: MIT */
/*
 * decode_oracle.c - our decoder against Zydis 4.0
 *
 * Zydis runs with MPX, CET, CLDEMOTE and WBNOINVD off, as on a CPU without them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "decode_oracle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "x86/operand.h"

enum { SHOWN = 40, TEXT = 160 };

/* Everything about one byte string in one mode. */
struct trial {
    const uint8_t *bytes;
    unsigned avail;
    enum x86_code code;
    enum x86_decode_result result;
    struct x86_insn in;
    ZyanStatus status;
    ZydisDecodedInstruction zi;
    ZydisDecodedOperand zo[ZYDIS_MAX_OPERAND_COUNT];
    bool undescribed;
    char what[TEXT]; /* the difference */
};

/* Instruction sets without rows: what Zydis takes for one of these must be #UD here. */
static const struct {
    ZydisISAExt ext;
    const char *why;
} undescribed[] = {
    { ZYDIS_ISA_EXT_AMD3DNOW, "3DNow!" },
    { ZYDIS_ISA_EXT_AMD_INVLPGB, "AMD page invalidation" },
    { ZYDIS_ISA_EXT_AMX_BF16, "AMX" },
    { ZYDIS_ISA_EXT_AMX_INT8, "AMX" },
    { ZYDIS_ISA_EXT_AMX_TILE, "AMX" },
    { ZYDIS_ISA_EXT_AVX512EVEX, "AVX-512" },
    { ZYDIS_ISA_EXT_AVX512VEX, "AVX-512 mask registers" },
    { ZYDIS_ISA_EXT_AVX_VNNI, "later than AVX2" },
    { ZYDIS_ISA_EXT_CET, "shadow stacks; the NOP forms are rows" },
    { ZYDIS_ISA_EXT_CLZERO, "AMD" },
    { ZYDIS_ISA_EXT_ENQCMD, "later than AVX2" },
    { ZYDIS_ISA_EXT_FMA4, "AMD" },
    { ZYDIS_ISA_EXT_GFNI, "later than AVX2" },
    { ZYDIS_ISA_EXT_HRESET, "later than AVX2" },
    { ZYDIS_ISA_EXT_KEYLOCKER, "later than AVX2" },
    { ZYDIS_ISA_EXT_KEYLOCKER_WIDE, "later than AVX2" },
    { ZYDIS_ISA_EXT_KNC, "Xeon Phi" },
    { ZYDIS_ISA_EXT_KNCE, "Xeon Phi" },
    { ZYDIS_ISA_EXT_KNCV, "Xeon Phi" },
    { ZYDIS_ISA_EXT_MCOMMIT, "AMD" },
    { ZYDIS_ISA_EXT_MONITOR, "MONITOR and MWAIT are not offered" },
    { ZYDIS_ISA_EXT_MONITORX, "AMD" },
    { ZYDIS_ISA_EXT_MOVDIR, "later than AVX2" },
    { ZYDIS_ISA_EXT_PADLOCK, "VIA" },
    { ZYDIS_ISA_EXT_PCONFIG, "memory encryption" },
    { ZYDIS_ISA_EXT_PKU, "protection keys" },
    { ZYDIS_ISA_EXT_PT, "processor trace" },
    { ZYDIS_ISA_EXT_RDPRU, "AMD" },
    { ZYDIS_ISA_EXT_RTM, "TSX" },
    { ZYDIS_ISA_EXT_SERIALIZE, "later than AVX2" },
    { ZYDIS_ISA_EXT_SGX, "SGX" },
    { ZYDIS_ISA_EXT_SGX_ENCLV, "SGX" },
    { ZYDIS_ISA_EXT_SMX, "SMX" },
    { ZYDIS_ISA_EXT_SNP, "AMD SEV-SNP" },
    { ZYDIS_ISA_EXT_SSE4A, "AMD" },
    { ZYDIS_ISA_EXT_SVM, "SVM" },
    { ZYDIS_ISA_EXT_TBM, "AMD" },
    { ZYDIS_ISA_EXT_TDX, "TDX" },
    { ZYDIS_ISA_EXT_TSX_LDTRK, "TSX" },
    { ZYDIS_ISA_EXT_UINTR, "user interrupts" },
    { ZYDIS_ISA_EXT_VAES, "AES on 256 bits" },
    { ZYDIS_ISA_EXT_VMFUNC, "VMX" },
    { ZYDIS_ISA_EXT_VPCLMULQDQ, "PCLMULQDQ on 256 bits" },
    { ZYDIS_ISA_EXT_VTX, "VMX" },
    { ZYDIS_ISA_EXT_WAITPKG, "later than AVX2" },
    { ZYDIS_ISA_EXT_XOP, "AMD" },
};

static enum x86_decode_result zydis_result(const struct trial *t)
{
    if (ZYAN_SUCCESS(t->status))
        return X86_DECODE_OK;
    if (t->status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG)
        return X86_DECODE_TOO_LONG;
    if (t->status == ZYDIS_STATUS_NO_MORE_DATA)
        return t->avail == X86_INSN_MAX ? X86_DECODE_TOO_LONG : X86_DECODE_NEED_MORE;
    return X86_DECODE_UD;
}

static const char *zydis_name(const struct trial *t)
{
    return ZYAN_SUCCESS(t->status) ? ZydisMnemonicGetString(t->zi.mnemonic) : "-";
}

static bool is_undescribed(const ZydisDecodedInstruction *zi)
{
    if (zi->mnemonic == ZYDIS_MNEMONIC_RSM) /* in the base set; SMM is not offered */
        return true;
    for (size_t i = 0; i < ARRAY_LEN(undescribed); i++)
        if (undescribed[i].ext == zi->meta.isa_ext)
            return true;
    return false;
}

/* Too long for Zydis, but with one byte less in front it would be of an undescribed set. */
static bool too_long_and_undescribed(const ZydisDecoder *decoder, const struct trial *t)
{
    for (unsigned drop = 0; drop < 8; drop++) {
        ZydisDecodedInstruction zi;
        ZydisDecodedOperand zo[ZYDIS_MAX_OPERAND_COUNT];
        uint8_t bytes[X86_INSN_MAX] = { 0 };

        memcpy(bytes, t->bytes, drop);
        memcpy(bytes + drop, t->bytes + drop + 1, X86_INSN_MAX - 1 - drop);
        if (ZYAN_SUCCESS(ZydisDecoderDecodeFull(decoder, bytes, X86_INSN_MAX, &zi, zo)) &&
            is_undescribed(&zi))
            return true;
    }
    return false;
}

/* Register of ours in the oracle's numbers. */
static ZydisRegister zydis_gpr(unsigned bytes, unsigned reg)
{
    switch (bytes) {
    case 1:
        return (ZydisRegister)((reg < 4 ? ZYDIS_REGISTER_AL : ZYDIS_REGISTER_SPL - 4) + reg);
    case 2:
        return (ZydisRegister)(ZYDIS_REGISTER_AX + reg);
    case 4:
        return (ZydisRegister)(ZYDIS_REGISTER_EAX + reg);
    default:
        return (ZydisRegister)(ZYDIS_REGISTER_RAX + reg);
    }
}

static ZydisRegister zydis_register(const struct x86_operand *o)
{
    static const ZydisRegister first[] = {
        [X86_REG_HIGH] = ZYDIS_REGISTER_AH,  [X86_REG_SEG] = ZYDIS_REGISTER_ES,
        [X86_REG_CR] = ZYDIS_REGISTER_CR0,   [X86_REG_DR] = ZYDIS_REGISTER_DR0,
        [X86_REG_ST] = ZYDIS_REGISTER_ST0,   [X86_REG_MM] = ZYDIS_REGISTER_MM0,
        [X86_REG_XMM] = ZYDIS_REGISTER_XMM0, [X86_REG_YMM] = ZYDIS_REGISTER_YMM0,
    };

    if (o->reg_class == X86_REG_GPR)
        return zydis_gpr(o->bytes, o->reg);
    return (ZydisRegister)(first[o->reg_class] + o->reg);
}

static bool differs(struct trial *t, const char *what, uint64_t ours, uint64_t theirs)
{
    if (ours == theirs)
        return false;
    snprintf(t->what, TEXT, "%s: %" PRIx64 ", not %" PRIx64, what, ours, theirs);
    return true;
}

/* The registers of a memory operand that ModRM does not name. */
static void implied_address(const struct x86_operand *o, struct x86_insn *in)
{
    in->base = X86_REG_NONE;
    in->index = X86_REG_NONE;
    in->scale = 0;
    if (o->kind == X86_OPK_STRSRC || o->kind == X86_OPK_STRDST) {
        in->base = o->kind == X86_OPK_STRSRC ? X86_RSI : X86_RDI;
        in->disp = 0;
    }
}

static bool same_memory(struct trial *t, const struct x86_operand *o, const ZydisDecodedOperand *z)
{
    struct x86_insn in = t->in;
    const ZydisDecodedOperandMem *m = &z->mem;
    ZydisRegister base = ZYDIS_REGISTER_NONE, index = ZYDIS_REGISTER_NONE;

    if (z->type != ZYDIS_OPERAND_TYPE_MEMORY)
        return !differs(t, "memory", 1, 0);
    if (!(in.flags & X86_INSN_MEM))
        implied_address(o, &in);
    if (in.base == X86_BASE_RIP)
        base = in.addrsize == 8 ? ZYDIS_REGISTER_RIP : ZYDIS_REGISTER_EIP;
    else if (in.base != X86_REG_NONE)
        base = zydis_gpr(in.addrsize, in.base);
    if (o->kind == X86_OPK_VSIB) {
        unsigned bytes =
            x86_size_bytes(x86_opnd_types[x86_insn_row(&in)->operand[1]].reg_size, &in);

        index =
            (ZydisRegister)((bytes == 32 ? ZYDIS_REGISTER_YMM0 : ZYDIS_REGISTER_XMM0) + in.index);
    } else if (in.index != X86_REG_NONE) {
        index = zydis_gpr(in.addrsize, in.index);
    }
    uint64_t scale = index == ZYDIS_REGISTER_NONE ? 0 : 1u << in.scale;
    if (in.addrsize == 2 && index != ZYDIS_REGISTER_NONE)
        scale = m->scale;
    if (differs(t, "base", base, m->base) || differs(t, "index", index, m->index) ||
        differs(t, "scale", scale, index == ZYDIS_REGISTER_NONE ? 0 : m->scale) ||
        differs(t, "disp", in.disp & ones(in.addrsize),
                m->disp.has_displacement ? (uint64_t)m->disp.value & ones(in.addrsize) : 0))
        return false;
    /* No segment for LEA, as for NOP: the address is not used. */
    if (m->type == ZYDIS_MEMOP_TYPE_MEM || m->type == ZYDIS_MEMOP_TYPE_VSIB)
        if (differs(t, "segment", ZYDIS_REGISTER_ES + o->seg, m->segment))
            return false;
    /* A hint has no width; Zydis gives some of them that of a cache line. */
    if (o->bytes == 0 || x86_insn_row(&in)->klass == X86_CLASS_HINT)
        return true;
    return !differs(t, "memory width", o->bytes * 8u, z->size);
}

static bool same_immediate(struct trial *t, const struct x86_operand *o,
                           const ZydisDecodedOperand *z)
{
    if (o->kind == X86_OPK_FAR) {
        if (z->type != ZYDIS_OPERAND_TYPE_POINTER)
            return !differs(t, "far pointer", 1, 0);
        return !differs(t, "offset", o->value, z->ptr.offset) &&
               !differs(t, "selector", t->in.imm2, z->ptr.segment) &&
               !differs(t, "pointer width", o->bytes * 8u, z->size);
    }
    if (z->type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
        return !differs(t, "immediate", 1, 0);
    bool extended = o->value > INT64_MAX && z->imm.is_signed;
    uint64_t mask = extended ? UINT64_MAX : ones(z->size / 8u);

    return !differs(t, "value", o->value & mask, z->imm.value.u & mask);
}

static bool same_operand(struct trial *t, const struct x86_operand *o, const ZydisDecodedOperand *z)
{
    switch (o->what) {
    case X86_OPERAND_MEM:
        return same_memory(t, o, z);
    case X86_OPERAND_IMM:
        return same_immediate(t, o, z);
    case X86_OPERAND_REG:
        if (z->type != ZYDIS_OPERAND_TYPE_REGISTER)
            return !differs(t, "register", 1, 0);
        return !differs(t, "register", zydis_register(o), z->reg.value);
    default:
        return true;
    }
}

/* Operands that the assembler's text leaves out, and so Zydis too: ST, XMM0, AX of FNSTSW. */
static bool is_left_out(const struct trial *t, const struct x86_operand *o)
{
    unsigned shown = t->zi.operand_count_visible;

    switch (o->kind) {
    case X86_OPK_ST0:
        return shown < 2;
    case X86_OPK_XMM0:
        return shown < 3;
    case X86_OPK_GPR:
        return shown == 0;
    default:
        return false;
    }
}

static bool same_operands(struct trial *t)
{
    const struct x86_row *row = x86_insn_row(&t->in);
    bool string = row->klass == X86_CLASS_STRING; /* all operands hidden, flags and such behind */
    unsigned n = string ? t->zi.operand_count : t->zi.operand_count_visible;
    unsigned at = 0;

    if (row->mnemonic == X86_MN_NOP)
        return true; /* they are named nowhere, and Zydis varies */
    for (unsigned i = 0; i < 4; i++) {
        struct x86_operand o;

        x86_insn_operand(&t->in, i, &o);
        if (o.what == X86_OPERAND_NONE || (!string && is_left_out(t, &o)))
            continue;
        if (at >= n)
            return !differs(t, "operands", at + 1, n);
        if (!same_operand(t, &o, &t->zo[at++])) {
            size_t len = strlen(t->what);

            snprintf(t->what + len, TEXT - len, " (operand %u)", i);
            return false;
        }
    }
    return string || !differs(t, "operands", at, n);
}

static bool same_name(struct trial *t)
{
    static const struct {
        const char *ours, *theirs;
    } aliases[] = {
        { "callf", "call" },           { "jmpf", "jmp" },          { "retf", "ret" },
        { "nop", "prefetch" }, /* 3DNow!'s, NOP without it */
        { "nop", "prefetchwt1" },      { "feni", "feni8087_nop" }, { "fdisi", "fdisi8087_nop" },
        { "fsetpm", "fsetpm287_nop" },
    };
    const char *ours = x86_mnemonic_names[x86_insn_row(&t->in)->mnemonic];
    const char *theirs = zydis_name(t);

    if (strcmp(ours, theirs) == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
        if (strcmp(aliases[i].ours, ours) == 0 && strcmp(aliases[i].theirs, theirs) == 0)
            return true;
    snprintf(t->what, TEXT, "name: %s, not %s", ours, theirs);
    return false;
}

static bool same(struct trial *t)
{
    static const char *const names[] = { "ok", "#UD", "need more", "too long" };
    enum x86_decode_result theirs = zydis_result(t);

    if (t->undescribed)
        theirs = X86_DECODE_UD;
    if (t->result != theirs) {
        snprintf(t->what, TEXT, "result: %s, not %s", names[t->result], names[theirs]);
        return false;
    }
    if (theirs != X86_DECODE_OK)
        return true;
    return !differs(t, "length", t->in.len, t->zi.length) && same_name(t) && same_operands(t);
}

static bool movsxd16(const struct trial *t)
{
    return t->zi.mnemonic == ZYDIS_MNEMONIC_MOVSXD && t->in.opsize == 2 &&
           strncmp(t->what, "memory width", 12) == 0;
}

static bool sib_without_base(const struct trial *t)
{
    return t->code == X86_CODE_64 && t->in.addrsize == 4 && t->in.rex & X86_REX_B &&
           (t->in.modrm & 0xc7) == 4 && t->in.base == X86_REG_NONE &&
           strncmp(t->what, "base", 4) == 0;
}

static bool lar64(const struct trial *t)
{
    return t->zi.mnemonic == ZYDIS_MNEMONIC_LAR && t->in.opsize == 8 &&
           strncmp(t->what, "register", 8) == 0;
}

/* Where Zydis 4.0 is not the manual. The first two were tried on an Intel CPU: it is as the manual. */
static const struct {
    bool (*matches)(const struct trial *t);
    const char *why;
} exceptions[] = {
    { movsxd16, "MOVSXD r16 reads 16 bits, not 32 (SDM 2, MOVSX/MOVSXD: 63 /r, r16, r/m16)" },
    { sib_without_base, "SIB with mod 0 and base 101 has no base, also with REX.B and a 32-bit "
                        "address (SDM 2, table Special Cases of REX Encodings)" },
    { lar64, "LAR r64 has a 32-bit register as its source (SDM 2, LAR: reg, r32/m16)" },
};

static bool is_exception(const struct trial *t)
{
    for (size_t i = 0; i < ARRAY_LEN(exceptions); i++)
        if (exceptions[i].matches(t))
            return true;
    return false;
}

static void report(const struct oracle *o, const struct trial *t)
{
    if (o->differences > SHOWN)
        return;
    fprintf(stderr, "%d-bit ", t->code);
    for (unsigned i = 0; i < t->avail; i++)
        fprintf(stderr, "%02x", t->bytes[i]);
    fprintf(stderr, " zydis %s (%s) ours %s: %s\n", zydis_name(t),
            ZYAN_SUCCESS(t->status) ? ZydisISAExtGetString(t->zi.meta.isa_ext) : "-",
            t->result == X86_DECODE_OK ? x86_op_names[t->in.op] : "-", t->what);
}

unsigned oracle_try(struct oracle *o, const uint8_t *bytes, unsigned avail, enum x86_code code)
{
    const ZydisDecoder *decoder = &o->decoders[code == X86_CODE_16   ? 0
                                               : code == X86_CODE_32 ? 1
                                                                     : 2];
    struct trial t = { .bytes = bytes, .avail = avail, .code = code };

    o->trials++;
    t.result = x86_decode(bytes, avail, code, &t.in);
    t.status = ZydisDecoderDecodeFull(decoder, bytes, avail, &t.zi, t.zo);
    if (t.result == X86_DECODE_OK) {
        o->instructions++;
        o->seen[t.in.op] = true;
    }
    if (ZYAN_SUCCESS(t.status))
        t.undescribed = is_undescribed(&t.zi);
    else if (t.result == X86_DECODE_UD && zydis_result(&t) == X86_DECODE_TOO_LONG)
        t.undescribed = too_long_and_undescribed(decoder, &t);
    if (same(&t)) {
        o->undescribed += t.undescribed;
    } else if (is_exception(&t)) {
        o->excepted++;
    } else {
        o->differences++;
        report(o, &t);
    }
    return ZYAN_SUCCESS(t.status) ? t.zi.length : 1;
}

void oracle_init(struct oracle *o)
{
    static const struct {
        ZydisMachineMode mode;
        ZydisStackWidth width;
    } rows[] = {
        { ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16 },
        { ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32 },
        { ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64 },
    };
    /* These live in NOP space or behind an ignored prefix when the CPU has them not. */
    static const ZydisDecoderMode off[] = {
        ZYDIS_DECODER_MODE_MPX,      ZYDIS_DECODER_MODE_CET, ZYDIS_DECODER_MODE_CLDEMOTE,
        ZYDIS_DECODER_MODE_WBNOINVD, ZYDIS_DECODER_MODE_KNC,
    };

    *o = (struct oracle){ 0 };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ZyanStatus status = ZydisDecoderInit(&o->decoders[i], rows[i].mode, rows[i].width);

        assert_true(ZYAN_SUCCESS(status));
        for (size_t k = 0; k < ARRAY_LEN(off); k++)
            assert_true(ZYAN_SUCCESS(ZydisDecoderEnableMode(&o->decoders[i], off[k], ZYAN_FALSE)));
    }
}

void oracle_close(const struct oracle *o, const char *what)
{
    printf("%s: %" PRIu64 " strings, %" PRIu64 " instructions, %" PRIu64
           " of undescribed sets, %" PRIu64 " excepted, %" PRIu64 " differences\n",
           what, o->trials, o->instructions, o->undescribed, o->excepted, o->differences);
    assert_int_equal(o->differences, 0);
}
