/* SPDX-License-Identifier: MIT */
/*
 * scan_kind.c - how each instruction is translated
 *
 * Only instructions that are listed here are, and gen_system.c's and gen_x87.c's; all others are the interpreter's.
 */
#include "engine/soft/trans/scan.h"

#include "engine/soft/ops_sys.h"
#include "engine/soft/thunk.h"
#include "x86/cpuid_model.h"
#include "x86/operand.h"
#include "x86/canonical.h"

/* ---- operands -------------------------------------------------------------------------------- */

unsigned scan_access(const struct x86_row *row, unsigned operand)
{
    return row->access >> (2 * operand) & 3;
}

int scan_mem_operand(const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);

    if (!(in->flags & X86_INSN_MEM))
        return -1;
    for (unsigned i = 0; i < ARRAY_LEN(row->operand); i++) {
        unsigned kind = x86_opnd_types[row->operand[i]].kind;

        if (kind == X86_OPK_RM || kind == X86_OPK_XRM || kind == X86_OPK_MMRM ||
            kind == X86_OPK_RMBITS)
            return (int)i;
    }
    return -1;
}

bool scan_writes_memory(const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);

    for (unsigned i = 0; i < ARRAY_LEN(row->operand); i++) {
        unsigned kind = x86_opnd_types[row->operand[i]].kind;
        bool mem = kind == X86_OPK_MOFFS ||
                   (in->flags & X86_INSN_MEM && (kind == X86_OPK_RM || kind == X86_OPK_RMBITS ||
                                                 kind == X86_OPK_XRM || kind == X86_OPK_MMRM));

        if (mem && scan_access(row, i) & X86_ACCESS_W)
            return true;
    }
    return false;
}

bool scan_scratch_suffices(const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);
    unsigned seen = 0, n = 0, room = in->flags & X86_INSN_MEM ? 1 : 2;

    for (unsigned i = 0; i < ARRAY_LEN(row->operand); i++) {
        unsigned reg;

        switch (x86_opnd_types[row->operand[i]].kind) {
        case X86_OPK_RM:
            if (in->flags & X86_INSN_MEM)
                continue;
            reg = in->rm;
            break;
        case X86_OPK_OPREG:
            reg = in->rm;
            break;
        case X86_OPK_REG:
            reg = in->reg;
            break;
        case X86_OPK_VVVV:
            reg = in->vvvv;
            break;
        default:
            continue;
        }
        if (reg >= X86_R12 && !(seen >> reg & 1)) {
            seen |= 1u << reg;
            n++;
        }
    }
    return n <= room;
}

static bool kinds_copyable(const struct x86_row *row, bool vectors)
{
    for (unsigned i = 0; i < ARRAY_LEN(row->operand); i++) {
        switch (x86_opnd_types[row->operand[i]].kind) {
        case X86_OPK_NONE:
        case X86_OPK_RM:
        case X86_OPK_REG:
        case X86_OPK_VVVV:
        case X86_OPK_OPREG:
        case X86_OPK_GPR:
        case X86_OPK_IMM:
        case X86_OPK_ONE:
            break;
        case X86_OPK_XREG:
        case X86_OPK_XRM:
        case X86_OPK_XVVVV:
        case X86_OPK_XIS4:
        case X86_OPK_XMM0:
            if (!vectors)
                return false;
            break;
        default:
            return false;
        }
    }
    return true;
}

/* ---- kinds ----------------------------------------------------------------------------------- */

#define CONDITIONS(X) \
    X(O) X(NO) X(B) X(NB) X(Z) X(NZ) X(BE) X(NBE) X(S) X(NS) X(P) X(NP) X(L) X(NL) X(LE) X(NLE)

static const uint8_t kinds[X86_NMNEMONICS] = {
#define X(cc) \
    [X86_MN_J##cc] = SCAN_JCC, [X86_MN_CMOV##cc] = SCAN_COPY, [X86_MN_SET##cc] = SCAN_COPY,
    CONDITIONS(X)
#undef X
        [X86_MN_ADD] = SCAN_COPY,
    [X86_MN_OR] = SCAN_COPY,
    [X86_MN_ADC] = SCAN_COPY,
    [X86_MN_SBB] = SCAN_COPY,
    [X86_MN_AND] = SCAN_COPY,
    [X86_MN_SUB] = SCAN_COPY,
    [X86_MN_XOR] = SCAN_COPY,
    [X86_MN_CMP] = SCAN_COPY,
    [X86_MN_INC] = SCAN_COPY,
    [X86_MN_DEC] = SCAN_COPY,
    [X86_MN_TEST] = SCAN_COPY,
    [X86_MN_XCHG] = SCAN_COPY,
    [X86_MN_MOV] = SCAN_COPY,
    [X86_MN_MOVSXD] = SCAN_COPY,
    [X86_MN_MOVSX] = SCAN_COPY,
    [X86_MN_MOVZX] = SCAN_COPY,
    [X86_MN_CBW] = SCAN_COPY,
    [X86_MN_CWDE] = SCAN_COPY,
    [X86_MN_CDQE] = SCAN_COPY,
    [X86_MN_CWD] = SCAN_COPY,
    [X86_MN_CDQ] = SCAN_COPY,
    [X86_MN_CQO] = SCAN_COPY,
    [X86_MN_SAHF] = SCAN_COPY,
    [X86_MN_LAHF] = SCAN_COPY,
    [X86_MN_ROL] = SCAN_COPY,
    [X86_MN_ROR] = SCAN_COPY,
    [X86_MN_RCL] = SCAN_COPY,
    [X86_MN_RCR] = SCAN_COPY,
    [X86_MN_SHL] = SCAN_COPY,
    [X86_MN_SHR] = SCAN_COPY,
    [X86_MN_SAR] = SCAN_COPY,
    [X86_MN_SHLD] = SCAN_COPY,
    [X86_MN_SHRD] = SCAN_COPY,
    [X86_MN_CMC] = SCAN_COPY,
    [X86_MN_CLC] = SCAN_COPY,
    [X86_MN_STC] = SCAN_COPY,
    [X86_MN_NOT] = SCAN_COPY,
    [X86_MN_NEG] = SCAN_COPY,
    [X86_MN_MUL] = SCAN_COPY,
    [X86_MN_IMUL] = SCAN_COPY,
    [X86_MN_DIV] = SCAN_DIV,
    [X86_MN_IDIV] = SCAN_DIV,
    [X86_MN_BT] = SCAN_COPY,
    [X86_MN_BTS] = SCAN_COPY,
    [X86_MN_BTR] = SCAN_COPY,
    [X86_MN_BTC] = SCAN_COPY,
    [X86_MN_BSF] = SCAN_COPY,
    [X86_MN_BSR] = SCAN_COPY,
    [X86_MN_TZCNT] = SCAN_COPY,
    [X86_MN_LZCNT] = SCAN_COPY,
    [X86_MN_POPCNT] = SCAN_COPY,
    [X86_MN_BSWAP] = SCAN_COPY,
    [X86_MN_CMPXCHG] = SCAN_COPY,
    [X86_MN_CMPXCHG8B] = SCAN_COPY,
    [X86_MN_CMPXCHG16B] = SCAN_COPY,
    [X86_MN_XADD] = SCAN_COPY,
    [X86_MN_MOVNTI] = SCAN_COPY,
    [X86_MN_MOVBE] = SCAN_COPY,
    [X86_MN_CRC32] = SCAN_COPY,
    [X86_MN_ADCX] = SCAN_COPY,
    [X86_MN_ADOX] = SCAN_COPY,
    [X86_MN_ANDN] = SCAN_COPY,
    [X86_MN_BLSR] = SCAN_COPY,
    [X86_MN_BLSMSK] = SCAN_COPY,
    [X86_MN_BLSI] = SCAN_COPY,
    [X86_MN_BZHI] = SCAN_COPY,
    [X86_MN_PEXT] = SCAN_COPY,
    [X86_MN_PDEP] = SCAN_COPY,
    [X86_MN_MULX] = SCAN_COPY,
    [X86_MN_BEXTR] = SCAN_COPY,
    [X86_MN_SHLX] = SCAN_COPY,
    [X86_MN_SARX] = SCAN_COPY,
    [X86_MN_SHRX] = SCAN_COPY,
    [X86_MN_RORX] = SCAN_COPY,
    [X86_MN_LEA] = SCAN_LEA,
    [X86_MN_NOP] = SCAN_NOTHING,
    [X86_MN_PAUSE] = SCAN_NOTHING,
    [X86_MN_PREFETCHW] = SCAN_NOTHING,
    [X86_MN_PREFETCHNTA] = SCAN_NOTHING,
    [X86_MN_PREFETCHT0] = SCAN_NOTHING,
    [X86_MN_PREFETCHT1] = SCAN_NOTHING,
    [X86_MN_PREFETCHT2] = SCAN_NOTHING,
    [X86_MN_LFENCE] = SCAN_COPY,
    [X86_MN_MFENCE] = SCAN_COPY,
    [X86_MN_SFENCE] = SCAN_COPY,
    [X86_MN_PUSH] = SCAN_PUSH,
    [X86_MN_POP] = SCAN_POP,
    [X86_MN_LEAVE] = SCAN_LEAVE,
    [X86_MN_JMP] = SCAN_JMP,
    [X86_MN_CALL] = SCAN_CALL,
    [X86_MN_RET] = SCAN_RET,
};

/* Mode, privilege and CPUID allow it whenever a block of this mode is entered. */
static bool allowed(const struct scan *s, const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);

    return row->privilege == X86_PRIV_NONE &&
           (row->exception == X86_EXC_NONE || row->exception == X86_EXC_13) &&
           x86_cpuid_has(s->c->sys.model, (enum x86_feature)row->feature);
}

static bool flow_is_plain(const struct scan *s, const struct scan_insn *x)
{
    const struct x86_row *row = x86_insn_row(&x->in);
    unsigned kind = x86_opnd_types[row->operand[0]].kind;

    if (x->in.opsize != (s->flat32 ? 4 : 8) || row->operand[1] != X86_OPND_NONE)
        return false;
    if (kind == X86_OPK_REL)
        return x86_canonical(scan_target(s, x));
    return kind == X86_OPK_RM;
}

/* Of stack instructions those with operands as wide as the code. */
static bool stack_is_plain(const struct scan *s, const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);
    unsigned word = s->flat32 ? 4 : 8;

    switch (x86_opnd_types[row->operand[0]].kind) {
    case X86_OPK_NONE:
    case X86_OPK_OPREG:
    case X86_OPK_IMM:
        return in->opsize == word;
    case X86_OPK_RM:
        return in->opsize == word && (row->mnemonic == X86_MN_PUSH || !(in->flags & X86_INSN_MEM));
    default:
        return false;
    }
}

static bool div_is_plain(const struct x86_insn *in)
{
    bool mem = in->flags & X86_INSN_MEM;

    return in->opsize >= 4 && in->opcode & 1 && (mem || (in->rm != X86_RAX && in->rm != X86_RDX));
}

/* MOVZX, MOVSX and CRC32 of AH CH DH BH with RSP or RBP, whose homes need a REX prefix. */
static bool mixes_high_byte(const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);

    return x86_opnd_types[row->operand[0]].kind == X86_OPK_REG &&
           x86_opnd_types[row->operand[1]].kind == X86_OPK_RM &&
           x86_opnd_types[row->operand[1]].reg_size == X86_SZ_B &&
           x86_opnd_types[row->operand[0]].reg_size != X86_SZ_B &&
           !(in->flags & (X86_INSN_REX | X86_INSN_MEM)) && in->rm >= 4 &&
           (in->reg == X86_RSP || in->reg == X86_RBP);
}

/* A bit string whose bit number is in a register: in memory it moves the address. */
static bool is_bit_string(const struct x86_insn *in)
{
    return x86_opnd_types[x86_insn_row(in)->operand[0]].kind == X86_OPK_RMBITS;
}

static bool copy_is_plain(const struct x86_insn *in)
{
    if (!kinds_copyable(x86_insn_row(in), false) && !is_bit_string(in))
        return false;
    if (!(x86_insn_row(in)->when & X86_WHEN_64) && !scan_short_inc(in))
        return false; /* the host would take the bytes for something else */
    return !mixes_high_byte(in) && scan_scratch_suffices(in);
}

static unsigned copy_kind(const struct x86_insn *in)
{
    if (is_bit_string(in) && in->flags & X86_INSN_MEM)
        return scan_bits(in) ? SCAN_BITS : SCAN_STEP;
    if (x86_insn_row(in)->imm == X86_IMM_MOFFS)
        return SCAN_MOFFS;
    return copy_is_plain(in) ? SCAN_COPY : SCAN_STEP;
}

/* Vector instructions: what the interpreter does with a thunk of the row. */
static bool vector_is_plain(const struct scan *s, struct scan_insn *x)
{
    const struct x86_row *row = x86_insn_row(&x->in);
    int mem = scan_mem_operand(&x->in);
    bool avx = row->klass == X86_CLASS_AVX;

    if (!(s->simd_host & (avx ? TRANS_SIMD_AVX : TRANS_SIMD_SSE)) || row->props & X86_ROW_VSIB ||
        !kinds_copyable(row, true) ||
        !x86_cpuid_has(s->c->sys.model, (enum x86_feature)row->feature) ||
        row->privilege != X86_PRIV_NONE)
        return false;
    switch (row->mnemonic) {
    case X86_MN_VZEROUPPER:
    case X86_MN_VZEROALL:
        x->simd = TRANS_SIMD_SSE | TRANS_SIMD_AVX;
        return true;
    case X86_MN_VMASKMOVPS:
    case X86_MN_VMASKMOVPD:
    case X86_MN_VPMASKMOVD:
    case X86_MN_VPMASKMOVQ:
    case X86_MN_MASKMOVDQU:
    case X86_MN_VMASKMOVDQU:
        return false;
    }
    if (soft_thunks[x->in.op].reg[0] == 0 && soft_thunks[x->in.op].reg[1] == 0 &&
        soft_thunks[x->in.op].mem[0] == 0 && soft_thunks[x->in.op].mem[1] == 0)
        return false;
    if (mem >= 0 && x86_size_bytes(x86_opnd_types[row->operand[mem]].mem_size, &x->in) == 0)
        return false;
    x->simd = avx ? TRANS_SIMD_SSE | TRANS_SIMD_AVX : TRANS_SIMD_SSE;
    return scan_scratch_suffices(&x->in);
}

static bool is_control_or_x87(const struct x86_row *row)
{
    switch (row->mnemonic) {
    case X86_MN_LDMXCSR:
    case X86_MN_VLDMXCSR:
    case X86_MN_STMXCSR:
    case X86_MN_VSTMXCSR:
        return true;
    default:
        return row->klass == X86_CLASS_X87 || row->klass == X86_CLASS_MMX;
    }
}

static bool ends_block(const struct x86_row *row)
{
    switch ((enum x86_class)row->klass) {
    case X86_CLASS_BRANCH:
    case X86_CLASS_FAR:
    case X86_CLASS_UD:
        return true;
    default:
        return false;
    }
}

static unsigned int_kind(const struct scan *s, struct scan_insn *x)
{
    const struct x86_row *row = x86_insn_row(&x->in);
    unsigned kind = kinds[row->mnemonic];

    switch (kind) {
    case SCAN_COPY:
        return copy_kind(&x->in);
    case SCAN_DIV:
        return div_is_plain(&x->in) && copy_is_plain(&x->in) ? kind : SCAN_STEP;
    case SCAN_LEA:
        return copy_is_plain(&x->in) ? kind : SCAN_STEP;
    case SCAN_PUSH:
    case SCAN_POP:
    case SCAN_LEAVE:
        return stack_is_plain(s, &x->in) ? kind : SCAN_STEP;
    case SCAN_JMP:
    case SCAN_CALL:
    case SCAN_JCC:
        return flow_is_plain(s, x) ? kind : SCAN_STOP;
    case SCAN_RET:
        return x->in.opsize == (s->flat32 ? 4 : 8) ? kind : SCAN_STOP;
    default:
        return kind;
    }
}

unsigned scan_kind(const struct scan *s, struct scan_insn *x)
{
    const struct x86_row *row = x86_insn_row(&x->in);
    unsigned kind = SCAN_STEP;

    x->simd = 0;
    if (s->shared && row->mnemonic == X86_MN_PAUSE)
        return SCAN_STEP; /* it waits for another vCPU */
    if (s->flat32 && !scan_flat32(&x->in))
        return ends_block(row) ? SCAN_STOP : SCAN_STEP;
    if (soft_offered_op(s->c, x->in.op) != x->in.op)
        return SCAN_STEP; /* the host would execute the one that is not offered */
    if (is_control_or_x87(row))
        return scan_x87(s, x);
    if (row->klass == X86_CLASS_SSE || row->klass == X86_CLASS_AVX)
        return vector_is_plain(s, x) ? SCAN_COPY : SCAN_STEP;
    if (scan_segment(&x->in))
        kind = SCAN_SEGMENT;
    else if (row->klass == X86_CLASS_SYSTEM || row->klass == X86_CLASS_FAR ||
             row->privilege != X86_PRIV_NONE || row->mnemonic == X86_MN_CLD ||
             row->mnemonic == X86_MN_STD)
        kind = scan_system(s, &x->in);
    else if (trans_is_string(&x->in))
        kind = SCAN_STRING;
    else if (scan_look(&x->in))
        kind = SCAN_LOOK;
    else if (allowed(s, &x->in))
        kind = int_kind(s, x);
    return kind == SCAN_STEP && ends_block(row) ? SCAN_STOP : kind;
}
