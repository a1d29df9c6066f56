/* SPDX-License-Identifier: MIT */
/*
 * gen_system.c - system instructions that kernels execute all the time
 *
 * Which of them are translated, and how. RFLAGS but for the arithmetic flags, the bases of FS and GS, and whether
 * interrupts are held off are in the frame while translated code runs; everything else is where the interpreter
 * has it, and reached through S1. Instructions that change the ring end in a call to fast.c.
 */
#include "engine/soft/trans/gen.h"

#include "engine/soft/trans/fast.h"
#include "x86/cpuid_model.h"

enum { ALU_ADD = 0, ALU_OR = 1, ALU_AND = 4, ALU_CMP = 7 };
enum { CC_Z = 4, CC_NZ = 5, CC_A = 7 };
enum {
    OP_LOAD = 0x8b,
    OP_STORE = 0x89,
    OP_STORE_IMM = 0xc7,
    OP_ALU_IMM = 0x81,
    OP_TEST_IMM = 0xf7
};

/* Behind S1 = frame.gpr. */
#define STATE(field)                                                \
    ((struct emit_mem){ HOST_S1, EMIT_NO_INDEX, 0,                  \
                        (int32_t)offsetof(struct soft_cpu, field) - \
                            (int32_t)offsetof(struct soft_cpu, s.gpr) })

/* ---- choice ----------------------------------------------------------------------------------- */

static bool system_ring(const struct scan *s)
{
    return s->bank != BANK_USER;
}

static bool reads_selector(const struct x86_insn *in)
{
    return in->opcode == 0x8c && x86_insn_row(in)->map == X86_MAP_1B && !(in->flags & X86_INSN_MEM);
}

/* CR8 is the local APIC's. */
static bool reads_control(const struct x86_insn *in)
{
    return x86_opnd_types[x86_insn_row(in)->operand[1]].kind == X86_OPK_CREG && in->reg < 8;
}

static bool changes_ring(const struct scan *s, unsigned mnemonic)
{
    switch (mnemonic) {
    case X86_MN_SYSCALL:
        return true;
    case X86_MN_SYSENTER:
        return s->flat32;
    case X86_MN_SYSRET:
        return !s->flat32 && system_ring(s);
    case X86_MN_IRETQ:
        return system_ring(s);
    default: /* SYSEXIT, IRETD */
        return s->flat32 && system_ring(s);
    }
}

unsigned scan_system(const struct scan *s, const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);

    if (!x86_cpuid_has(s->c->sys.model, (enum x86_feature)row->feature))
        return SCAN_STEP;
    switch (row->mnemonic) {
    case X86_MN_CLI:
    case X86_MN_STI:
    case X86_MN_SWAPGS:
        return system_ring(s) ? SCAN_SYSTEM : SCAN_STEP;
    case X86_MN_RDTSC:
    case X86_MN_RDTSCP:
        return s->once ? SCAN_SYSTEM : SCAN_STEP;
    case X86_MN_CLD:
    case X86_MN_STD:
    case X86_MN_RDFSBASE:
    case X86_MN_RDGSBASE:
    case X86_MN_WRFSBASE:
    case X86_MN_WRGSBASE:
        return SCAN_SYSTEM;
    case X86_MN_PUSHFQ:
    case X86_MN_PUSHFD:
        return in->opsize == (s->flat32 ? 4 : 8) ? SCAN_SYSTEM : SCAN_STEP;
    case X86_MN_POPFQ:
    case X86_MN_POPFD:
        return in->opsize == (s->flat32 ? 4 : 8) && system_ring(s) ? SCAN_SYSTEM : SCAN_STEP;
    case X86_MN_MOV:
        return reads_selector(in) || (reads_control(in) && system_ring(s)) ? SCAN_SYSTEM
                                                                           : SCAN_STEP;
    case X86_MN_STAC:
    case X86_MN_CLAC:
        return system_ring(s) ? SCAN_ACCESS : SCAN_STEP;
    case X86_MN_SYSCALL:
    case X86_MN_SYSENTER:
    case X86_MN_SYSRET:
    case X86_MN_SYSEXIT:
    case X86_MN_IRETQ:
    case X86_MN_IRETD:
        return changes_ring(s, row->mnemonic) ? SCAN_RING : SCAN_STOP;
    default:
        return SCAN_STEP;
    }
}

bool scan_is_sti(const struct scan_insn *x)
{
    return x->kind == SCAN_SYSTEM && x86_insn_row(&x->in)->mnemonic == X86_MN_STI;
}

/* ---- flags and bases -------------------------------------------------------------------------- */

static void state(struct gen *g)
{
    emit_load(&g->e, HOST_S1, FRAME(gpr));
}

static void alu_rflags(struct gen *g, unsigned alu, uint32_t imm)
{
    emit_op_mem(&g->e, false, OP_ALU_IMM, alu, FRAME(rflags));
    emit_32(&g->e, imm);
}

/* To the interpreter unless the bit of CR4 is as wanted. */
static void need_cr4(struct gen *g, uint32_t bit, bool set)
{
    gen_park(g, g->x->live);
    emit_op_mem(&g->e, false, OP_TEST_IMM, 0, FRAME(cr4));
    emit_32(&g->e, bit);
    gen_step_if(g, set ? CC_Z : CC_NZ, g->x->live);
    gen_unpark(g, g->x->live);
}

static void change_rflags(struct gen *g, unsigned alu, uint32_t imm)
{
    gen_park(g, g->x->live);
    alu_rflags(g, alu, imm);
    gen_unpark(g, g->x->live);
}

/* SHADOW_STI if interrupts have been disabled so far. */
static void hold_off(struct gen *g)
{
    struct emit *e = &g->e;

    emit_op_mem(e, false, OP_LOAD, HOST_S1, FRAME(rflags));
    emit_op_reg(e, false, 0xf7, 2, HOST_S1); /* not */
    emit_alu_imm(e, false, ALU_AND, HOST_S1, X86_RFLAGS_IF);
    emit_op_reg(e, false, 0xc1, 5, HOST_S1); /* shr */
    emit_8(e, 9);
    emit_op_mem(e, false, OP_STORE, HOST_S1, FRAME(shadow));
}

static bool branch_follows(const struct gen *g)
{
    unsigned kind = g->x[1].kind;

    return scan_ends(kind) || kind == SCAN_JCC;
}

/*
 * With somebody waiting for interrupts to be enabled it is the interpreter's. A branch that follows has no place
 * behind it for gen_shadow_end, so interrupts are not held off for it: nobody waits for one, and translated code is
 * not left between the two but for the branch's own sake.
 */
static void sti(struct gen *g)
{
    struct emit *e = &g->e;

    gen_park(g, g->x->live);
    emit_load(e, HOST_S1, FRAME(requests));
    emit_op_mem(e, false, 0x83, ALU_CMP, (struct emit_mem){ HOST_S1, EMIT_NO_INDEX, 0, 0 });
    emit_8(e, 0);
    gen_step_if(g, CC_NZ, g->x->live);
    if (!branch_follows(g))
        hold_off(g);
    alu_rflags(g, ALU_OR, X86_RFLAGS_IF);
    gen_unpark(g, g->x->live);
}

void gen_shadow_end(struct gen *g)
{
    if (g->i == 0 || !scan_is_sti(g->x - 1))
        return;
    emit_op_mem(&g->e, false, OP_STORE_IMM, 0, FRAME(shadow));
    emit_32(&g->e, 0);
}

/* The host's flags are the guest's arithmetic ones, and others that are not looked at. */
static void pushf(struct gen *g)
{
    struct emit_mem below = { X86_R14, EMIT_NO_INDEX, 0, -(int32_t)gen_word(g) };
    struct emit *e = &g->e;

    emit_8(e, 0x9c);
    emit_op_mem(e, false, 0x8f, 0, FRAME(temp)); /* pop: RSP has moved back when it is addressed */
    gen_lea_word(g, HOST_S1, below);
    gen_check(g, (struct gen_access){ .size = gen_word(g),
                                      .seg = X86_SS,
                                      .how = TRANS_WRITE,
                                      .live = g->x->live,
                                      .stays_parked = true });
    emit_load(e, HOST_S2, FRAME(temp));
    emit_alu_imm(e, false, ALU_AND, HOST_S2, FLAGS_ALL);
    emit_op_mem(e, true, 0x0b, HOST_S2, FRAME(rflags));
    emit_alu_imm(e, true, ALU_AND, HOST_S2, ~(int32_t)X86_RFLAGS_RF);
    gen_store_word(g, (struct emit_mem){ HOST_S1, EMIT_NO_INDEX, 0, 0 }, HOST_S2);
    gen_unpark(g, g->x->live);
    gen_lea_word(g, X86_R14, below);
}

/* What POPF changes in ring 0, besides the arithmetic flags: these at once, those only by the interpreter. */
#define POPF_TAKEN (X86_RFLAGS_IF | X86_RFLAGS_DF)
#define POPF_RARE  (X86_RFLAGS_TF | X86_RFLAGS_IOPL | X86_RFLAGS_NT | X86_RFLAGS_AC | X86_RFLAGS_ID)

/* EFLAGS = the arithmetic flags in S2, which changes; RAX is in the frame. */
static void take_arithmetic(struct gen *g)
{
    struct emit *e = &g->e;

    emit_op_reg(e, false, OP_STORE, HOST_S2, X86_RAX);
    emit_op_reg(e, false, 0xc1, 5, X86_RAX); /* shr: OF to bit 0 */
    emit_8(e, 11);
    emit_alu_imm(e, false, ALU_AND, X86_RAX, 1);
    emit_op_reg(e, false, 0xc1, 4, HOST_S2); /* shl */
    emit_8(e, 8);
    emit_alu_imm(e, false, ALU_AND, HOST_S2, 0xff00);
    emit_op_reg(e, false, 0x09, HOST_S2, X86_RAX);
    gen_unpark(g, FLAGS_ALL);
}

/* With somebody waiting for interrupts it is the interpreter's, as STI is. */
static void popf(struct gen *g)
{
    static const struct emit_mem at_s1 = { HOST_S1, EMIT_NO_INDEX, 0, 0 };
    struct emit *e = &g->e;
    unsigned live;

    gen_move_word(g, HOST_S1, X86_R14);
    gen_check(g, (struct gen_access){ .size = gen_word(g),
                                      .seg = X86_SS,
                                      .how = TRANS_READ,
                                      .live = g->x->live,
                                      .stays_parked = true });
    live = gen_live(g); /* 0 if the check has saved them */
    gen_load_word(g, HOST_S2, at_s1);
    emit_op_mem(e, false, OP_LOAD, HOST_S1, FRAME(rflags));
    emit_op_reg(e, false, 0x31, HOST_S2, HOST_S1);
    emit_op_reg(e, false, OP_TEST_IMM, 0, HOST_S1);
    emit_32(e, POPF_RARE);
    gen_step_if(g, CC_NZ, live);
    emit_load(e, HOST_S1, FRAME(requests));
    emit_op_mem(e, false, 0x83, ALU_CMP, at_s1);
    emit_8(e, 0);
    gen_step_if(g, CC_NZ, live);
    if (live == 0)
        emit_store(e, FRAME(parked_rax), X86_RAX);
    alu_rflags(g, ALU_AND, ~(uint32_t)POPF_TAKEN);
    emit_op_reg(e, false, OP_STORE, HOST_S2, HOST_S1);
    emit_alu_imm(e, false, ALU_AND, HOST_S1, POPF_TAKEN);
    emit_op_mem(e, false, 0x09, HOST_S1, FRAME(rflags));
    take_arithmetic(g);
    gen_lea_word(g, X86_R14, (struct emit_mem){ X86_R14, EMIT_NO_INDEX, 0, (int32_t)gen_word(g) });
}

static struct emit_mem base_of(unsigned seg)
{
    struct emit_mem m = FRAME(seg_base);

    m.disp += seg == X86_GS ? 8 : 0;
    return m;
}

static void swapgs(struct gen *g)
{
    struct emit *e = &g->e;

    state(g);
    emit_load(e, HOST_S2, STATE(msrs.kernel_gs_base));
    emit_store(e, FRAME(temp), HOST_S2);
    emit_load(e, HOST_S2, base_of(X86_GS));
    emit_store(e, STATE(msrs.kernel_gs_base), HOST_S2);
    emit_load(e, HOST_S2, FRAME(temp));
    emit_store(e, base_of(X86_GS), HOST_S2);
}

static void read_base(struct gen *g, unsigned seg)
{
    need_cr4(g, X86_CR4_FSGSBASE, true);
    emit_op_mem(&g->e, g->x->in.rex & X86_REX_W, OP_LOAD, HOST_S2, base_of(seg));
    gen_put(g, g->x->in.rm, HOST_S2);
}

static void write_base(struct gen *g, unsigned seg)
{
    struct emit *e = &g->e;

    need_cr4(g, X86_CR4_FSGSBASE, true);
    gen_get(g, HOST_S2, g->x->in.rm);
    if (!(g->x->in.rex & X86_REX_W))
        emit_op_reg(e, false, OP_STORE, HOST_S2, HOST_S2);
    emit_mov(e, HOST_S1, HOST_S2);
    gen_park(g, g->x->live);
    gen_need_canonical(g, HOST_S1);
    gen_unpark(g, g->x->live);
    emit_store(e, base_of(seg), HOST_S2);
}

static void selector(struct gen *g)
{
    const struct x86_insn *in = &g->x->in;
    unsigned home = gen_home(in->rm);
    struct emit_mem m = STATE(s.seg[0].selector);

    m.disp += (int32_t)((in->reg & 7u) * sizeof(struct x86_seg));
    state(g);
    emit_op_mem(&g->e, false, 0x0fb7, HOST_S2, m);
    if (in->opsize > 2) {
        gen_put(g, in->rm, HOST_S2);
        return;
    }
    emit_8(&g->e, 0x66);
    if (home == GEN_SPILLED)
        emit_op_mem(&g->e, false, OP_STORE, HOST_S2, gen_spill(in->rm));
    else
        emit_op_reg(&g->e, false, OP_STORE, HOST_S2, home);
}

static void control(struct gen *g)
{
    static const int32_t at[] = {
        [0] = offsetof(struct x86_state, cr0),
        [2] = offsetof(struct x86_state, cr2),
        [3] = offsetof(struct x86_state, cr3),
        [4] = offsetof(struct x86_state, cr4),
    };
    struct emit_mem m = STATE(s);

    m.disp += at[g->x->in.reg];
    state(g);
    gen_load_word(g, HOST_S2, m);
    gen_put(g, g->x->in.rm, HOST_S2);
}

/* ---- the counter ------------------------------------------------------------------------------- */

/* Without touching flags: halves go through memory. */
static void host_ticks(struct gen *g)
{
    struct emit_mem high = FRAME(temp);
    struct emit *e = &g->e;

    high.disp += 4;
    emit_8(e, 0x0f);
    emit_8(e, 0x31);
    emit_op_mem(e, false, OP_STORE, X86_RAX, FRAME(temp));
    emit_op_mem(e, false, OP_STORE, X86_RDX, high);
    emit_load(e, HOST_S1, FRAME(temp));
    emit_load(e, HOST_S2, FRAME(tsc));
    emit_lea(e, HOST_S1, (struct emit_mem){ HOST_S1, HOST_S2, 0, 0 });
}

/* frame.tsc is what it will be with no budget left at a block's beginning: minus R12 is plus NOT R12 plus 1. */
static void counted_ticks(struct gen *g)
{
    struct emit *e = &g->e;

    emit_mov(e, HOST_S2, HOST_BUDGET);
    emit_op_reg(e, true, 0xf7, 2, HOST_S2);
    emit_load(e, HOST_S1, FRAME(tsc));
    emit_lea(e, HOST_S1, (struct emit_mem){ HOST_S1, HOST_S2, 0, (int32_t)g->i + 1 });
}

static void rdtsc(struct gen *g, bool p)
{
    struct emit_mem high = FRAME(temp);
    struct emit *e = &g->e;

    high.disp += 4;
    if (!system_ring(g->s))
        need_cr4(g, X86_CR4_TSD, false);
    if (g->s->c->sys.counted_time)
        counted_ticks(g);
    else
        host_ticks(g);
    emit_store(e, FRAME(temp), HOST_S1);
    emit_op_reg(e, false, OP_STORE, HOST_S1, X86_RAX);
    emit_op_mem(e, false, OP_LOAD, X86_RDX, high);
    if (!p)
        return;
    state(g);
    emit_op_mem(e, false, OP_LOAD, X86_RCX, STATE(msrs.tsc_aux));
}

/* ---- dispatch ---------------------------------------------------------------------------------- */

/* False: it is none of those that read and write RFLAGS. */
static bool flags_insn(struct gen *g)
{
    switch (x86_insn_row(&g->x->in)->mnemonic) {
    case X86_MN_CLI:
        change_rflags(g, ALU_AND, ~(uint32_t)X86_RFLAGS_IF);
        return true;
    case X86_MN_STI:
        sti(g);
        return true;
    case X86_MN_CLD:
        change_rflags(g, ALU_AND, ~(uint32_t)X86_RFLAGS_DF);
        return true;
    case X86_MN_STD:
        change_rflags(g, ALU_OR, X86_RFLAGS_DF);
        return true;
    case X86_MN_PUSHFQ:
    case X86_MN_PUSHFD:
        pushf(g);
        return true;
    case X86_MN_POPFQ:
    case X86_MN_POPFD:
        popf(g);
        return true;
    default:
        return false;
    }
}

void gen_system(struct gen *g)
{
    if (flags_insn(g))
        return;
    switch (x86_insn_row(&g->x->in)->mnemonic) {
    case X86_MN_SWAPGS:
        swapgs(g);
        break;
    case X86_MN_RDFSBASE:
        read_base(g, X86_FS);
        break;
    case X86_MN_RDGSBASE:
        read_base(g, X86_GS);
        break;
    case X86_MN_WRFSBASE:
        write_base(g, X86_FS);
        break;
    case X86_MN_WRGSBASE:
        write_base(g, X86_GS);
        break;
    case X86_MN_RDTSC:
        rdtsc(g, false);
        break;
    case X86_MN_RDTSCP:
        rdtsc(g, true);
        break;
    default:
        if (reads_control(&g->x->in))
            control(g);
        else
            selector(g);
        break;
    }
}

/* STAC and CLAC: the same code with other rights, which is another block. */
void gen_access_flag(struct gen *g)
{
    bool set = x86_insn_row(&g->x->in)->mnemonic == X86_MN_STAC;
    enum soft_bank bank = set ? BANK_SUPER_AC : BANK_SUPER;
    unsigned mode = bank + (g->s->flat32 ? TRANS_FLAT32 : 0u);
    struct emit *e = &g->e;

    gen_save_flags(g);
    if (set)
        alu_rflags(g, ALU_OR, X86_RFLAGS_AC);
    else
        alu_rflags(g, ALU_AND, ~(uint32_t)X86_RFLAGS_AC);
    state(g);
    emit_op_mem(e, false, OP_STORE_IMM, 0, STATE(bank));
    emit_32(e, bank);
    emit_mov_imm(e, HOST_S1, scan_next(g->s, g->x));
    gen_probe(g, SITE_INDIRECT, 0, mode);
}

static enum trans_ring ring_of(const struct x86_insn *in)
{
    switch (x86_insn_row(in)->mnemonic) {
    case X86_MN_SYSCALL:
        return in->code == X86_CODE_32 ? TRANS_SYSCALL32 : TRANS_SYSCALL;
    case X86_MN_SYSRET:
        return in->opsize == 8 ? TRANS_SYSRET : TRANS_SYSRET32;
    case X86_MN_SYSENTER:
        return TRANS_SYSENTER;
    case X86_MN_SYSEXIT:
        return TRANS_SYSEXIT;
    case X86_MN_IRETD:
        return TRANS_IRETD;
    default:
        return TRANS_IRET;
    }
}

/* fast.c says where it goes on, or that it is the interpreter's. */
void gen_ring(struct gen *g)
{
    uint32_t step, landed;

    gen_save_flags(g);
    step = gen_site(g, SITE_STEP, FLAGS_FRAME);
    landed = gen_site(g, SITE_INDIRECT, FLAGS_FRAME);
    g->t->site[step].target = g->s->rip + g->x->at + g->x->in.len;
    g->t->site[step].how = (uint8_t)ring_of(&g->x->in);
    g->t->site[landed].executed = (uint8_t)(g->i + 1);
    emit_mov_imm(&g->e, HOST_S2, step);
    emit_op_mem(&g->e, false, 0xff, 2, FRAME(call));
    gen_count(g, g->i + 1);
    emit_op_reg(&g->e, false, 0xff, 4, HOST_S2); /* jmp */
}
