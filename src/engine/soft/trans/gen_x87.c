/* SPDX-License-Identifier: MIT */
/*
 * gen_x87.c - x87 and MMX instructions, and the control words of x87 and SSE
 *
 * They are copied: the guest's x87 is in the host's while a block that has such instructions runs, and all numeric
 * exceptions are masked then (vector.c). So nothing is raised, and nothing becomes pending: what would unmask one is
 * found before it is executed, and is the interpreter's. Control words are loaded from the frame: in the guest's memory
 * others may write them after the look.
 *
 * The host's FIP is an address of the host. The guest's is that of its last x87 instruction which was not a control
 * instruction (SDM 1, "x87 FPU Instruction and Data (Operand) Pointers"); such instructions leave a number of theirs in
 * frame.x87_at. What reads or sets FIP otherwise is the interpreter's: FNSTENV, FNSAVE, FLDENV, FRSTOR, FNINIT.
 *
 * C libraries ask for FCW to know how to round, and use no x87 besides: so the frame has it, and the x87 is not loaded.
 */
#include "engine/soft/trans/gen.h"

#include "engine/soft/fpu.h"
#include "engine/soft/thunk.h"
#include "x86/cpuid_model.h"
#include "x86/operand.h"

enum { ALU_AND = 4, ALU_CMP = 7, CC_NZ = 5, OP_LOAD = 0x8b, OP_STORE = 0x89, OP_STORE_IMM = 0xc7 };
enum { OP_MOVZX_16 = 0x0fb7, OP_FLDCW = 0xd9, OP_FNSTCW = 0xd9, OP_LDMXCSR = 0x0fae };

static_assert((uint64_t)BLOCKS_MAX << X87_AT_SHIFT <= UINT32_MAX &&
                  (unsigned)BLOCK_INSNS <= 1u << X87_AT_SHIFT,
              "frame.x87_at");

/* ---- choice ----------------------------------------------------------------------------------- */

static bool kinds_known(const struct x86_row *row)
{
    for (unsigned i = 0; i < ARRAY_LEN(row->operand); i++) {
        switch (x86_opnd_types[row->operand[i]].kind) {
        case X86_OPK_NONE:
        case X86_OPK_RM:
        case X86_OPK_REG:
        case X86_OPK_GPR:
        case X86_OPK_IMM:
        case X86_OPK_ST0:
        case X86_OPK_STI:
        case X86_OPK_MMREG:
        case X86_OPK_MMRM:
        case X86_OPK_XREG:
        case X86_OPK_XRM:
            break;
        default:
            return false;
        }
    }
    return true;
}

static bool names_xmm(const struct x86_row *row)
{
    for (unsigned i = 0; i < ARRAY_LEN(row->operand); i++) {
        unsigned kind = x86_opnd_types[row->operand[i]].kind;

        if (kind == X86_OPK_XREG || kind == X86_OPK_XRM)
            return true;
    }
    return false;
}

/* What the interpreter executes with a thunk of the row: of the x87, all that is no control instruction. */
static bool has_thunk(const struct x86_insn *in)
{
    const struct soft_thunk *t = &soft_thunks[in->op];

    return (t->reg[0] | t->reg[1] | t->mem[0] | t->mem[1]) != 0;
}

/* enum trans_simd of what it touches; 0: it is the interpreter's. */
static unsigned units(const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);

    switch (row->mnemonic) {
    case X86_MN_LDMXCSR:
    case X86_MN_STMXCSR:
        return TRANS_SIMD_SSE;
    case X86_MN_VLDMXCSR:
    case X86_MN_VSTMXCSR:
        return TRANS_SIMD_SSE | TRANS_SIMD_AVX;
    case X86_MN_FNSTCW:
        return TRANS_SIMD_FCW;
    case X86_MN_FLDCW:
    case X86_MN_FNSTSW:
    case X86_MN_FNCLEX:
    case X86_MN_FWAIT:
    case X86_MN_EMMS:
        return TRANS_SIMD_X87;
    case X86_MN_CVTPI2PS:
    case X86_MN_CVTPI2PD: /* from memory: whether it enters MMX is not the same everywhere */
        return in->flags & X86_INSN_MEM ? 0 : TRANS_SIMD_X87 | TRANS_SIMD_SSE;
    default:
        if (!has_thunk(in))
            return 0;
        return TRANS_SIMD_X87 | (names_xmm(row) ? (unsigned)TRANS_SIMD_SSE : 0);
    }
}

unsigned scan_x87(const struct scan *s, struct scan_insn *x)
{
    const struct x86_row *row = x86_insn_row(&x->in);
    unsigned simd = units(&x->in);
    int mem = scan_mem_operand(&x->in);

    if (simd == 0 || simd & ~(unsigned)s->simd_host || !kinds_known(row) ||
        row->privilege != X86_PRIV_NONE ||
        !x86_cpuid_has(s->c->sys.model, (enum x86_feature)row->feature) ||
        !scan_scratch_suffices(&x->in))
        return SCAN_STEP;
    if (mem >= 0 && x86_size_bytes(x86_opnd_types[row->operand[mem]].mem_size, &x->in) == 0)
        return SCAN_STEP;
    x->simd = (uint8_t)simd;
    return SCAN_X87;
}

/* ---- FIP -------------------------------------------------------------------------------------- */

static bool sets_fip(const struct scan_insn *x)
{
    return x->kind == SCAN_X87 && x86_insn_row(&x->in)->klass == X86_CLASS_X87 && has_thunk(&x->in);
}

/* Nothing leaves the block before the next one has told it anew. */
static bool told_anew(const struct gen *g)
{
    return g->i + 1 < g->s->n && sets_fip(g->x + 1) && !(g->x[1].in.flags & X86_INSN_MEM);
}

static void tell_fip(struct gen *g)
{
    if (!sets_fip(g->x) || told_anew(g))
        return;
    emit_op_mem(&g->e, false, OP_STORE_IMM, 0, FRAME(x87_at));
    emit_32(&g->e, g->number << X87_AT_SHIFT | g->i);
}

/* ---- control words ------------------------------------------------------------------------------ */

static const struct emit_mem at_s1 = { HOST_S1, EMIT_NO_INDEX, 0, 0 };

/* Of S2, what `mask` covers must be `masks`, which leaves no exception unmasked. */
static void load_control(struct gen *g, unsigned size, int32_t mask, int32_t masks)
{
    unsigned live;
    struct emit *e = &g->e;

    gen_operand(g,
                (struct gen_access){
                    .size = size, .how = TRANS_READ, .live = gen_live(g), .stays_parked = true });
    live = gen_live(g); /* none are parked if the check has put them into the frame */
    emit_op_mem(e, false, size == 2 ? OP_MOVZX_16 : OP_LOAD, HOST_S2, at_s1);
    emit_op_mem(e, false, OP_STORE, HOST_S2, FRAME(temp));
    emit_alu_imm(e, false, ALU_AND, HOST_S2, mask);
    emit_alu_imm(e, false, ALU_CMP, HOST_S2, masks);
    gen_step_if(g, CC_NZ, live);
    gen_unpark(g, live);
}

static void store_fcw(struct gen *g)
{
    struct emit *e = &g->e;

    gen_operand(g, (struct gen_access){ .size = 2, .how = TRANS_WRITE, .live = gen_live(g) });
    emit_op_mem(e, false, OP_MOVZX_16, HOST_S2, FRAME(fcw));
    emit_8(e, 0x66);
    emit_op_mem(e, false, OP_STORE, HOST_S2, at_s1);
}

void gen_x87(struct gen *g)
{
    switch (x86_insn_row(&g->x->in)->mnemonic) {
    case X86_MN_FLDCW:
        load_control(g, 2, FCW_MASKS, FCW_MASKS);
        emit_op_mem(&g->e, false, OP_FLDCW, 5, FRAME(temp));
        emit_op_mem(&g->e, false, OP_FNSTCW, 7, FRAME(fcw)); /* without reserved bits */
        break;
    case X86_MN_FNSTCW:
        store_fcw(g);
        break;
    case X86_MN_LDMXCSR:
    case X86_MN_VLDMXCSR: /* reserved bits are clear */
        load_control(g, 4, (int32_t)(~(uint32_t)MXCSR_MASK | MXCSR_MASKS), MXCSR_MASKS);
        emit_op_mem(&g->e, false, OP_LDMXCSR, 2, FRAME(temp));
        break;
    case X86_MN_FWAIT: /* nothing is pending */
        break;
    default:
        gen_copy(g);
        tell_fip(g);
        break;
    }
}
