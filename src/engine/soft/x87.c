/* SPDX-License-Identifier: MIT */
/*
 * x87.c - x87 arithmetic on the host CPU
 *
 * The guest's image is loaded with FXRSTOR, control word and all, the one-instruction thunk of the row
 * runs, FXSAVE takes the result back. An exception that the guest has not masked only becomes pending,
 * as on the guest's CPU: no x87 instruction follows on the host that would raise it. The next waiting
 * instruction of the guest gets #MF. FIP, FDP and FOP are the guest's, not the host's; FDP and
 * FOP are those of the last instruction with an unmasked exception, FCS and FDS are 0, as CPUID leaf 7
 * FDP_EXCPTN_ONLY and its neighbour say. Source: SDM 1, "x87 FPU Exception Handling", "x87 FPU Last
 * Instruction Pointer"; SDM 3A, "Control Registers", NE.
 * With NE clear it is FERR#'s business (ferr.c).
 */
#include <string.h>

#include "engine/soft/fpu.h"
#include "engine/soft/thunk.h"
#include "x86/operand.h"

enum { ARITHMETIC_FLAGS = 0x8d5, X87_PART = offsetof(struct soft_fx, xmm) };

/* What FXSAVE64 writes. */
struct x87_image {
    struct soft_fx fx __attribute__((aligned(64)));
};

bool soft_x87_wait(struct soft_cpu *c)
{
    bool pending = soft_fx(c, FX_X87)->fsw & FSW_ES;

    if (!pending && !c->ferr_on)
        return true;
    return pending && c->s.cr0 & X86_CR0_NE ? soft_raise(c, VEC_MF) : soft_ferr_wait(c, pending);
}

void soft_x87_set_top(struct soft_fx *fx, unsigned top)
{
    unsigned by = (top - (fx->fsw >> FSW_TOP_SHIFT)) & 7;
    uint8_t old[8][16];

    if (by == 0)
        return;
    memcpy(old, fx->st, sizeof(old));
    for (unsigned i = 0; i < 8; i++)
        memcpy(fx->st[i], old[(i + by) & 7], 16);
    fx->fsw = (uint16_t)((fx->fsw & ~FSW_TOP) | top << FSW_TOP_SHIFT);
}

void soft_x87_to_mmx(struct soft_fx *fx)
{
    soft_x87_set_top(fx, 0);
    fx->ftw = 0xff;
}

/* The part of the image that the host CPU may see. */
static void to_host(struct x87_image *image, const struct soft_fx *fx)
{
    memset(image, 0, sizeof(*image));
    memcpy(image, fx, X87_PART);
    image->fx.fop = 0;
    image->fx.fip = image->fx.fdp = 0;
    image->fx.mxcsr = MXCSR_INIT;
}

static void from_host(struct soft_fx *fx, const struct x87_image *image)
{
    fx->fcw = image->fx.fcw;
    fx->fsw = image->fx.fsw;
    fx->ftw = image->fx.ftw;
    memcpy(fx->st, image->fx.st, sizeof(fx->st));
}

/* Fewer than 64 bits are kept. AMD's CPUs save the pointers only while an exception is pending. */
static void fit_pointers(struct soft_fx *fx)
{
    static const struct soft_fx pending = { .fcw = FCW_INIT & ~1, .fsw = 1 };
    struct x87_image image;
    struct soft_regs r;

    if (((fx->fip | fx->fdp) >> 47) == 0)
        return;
    to_host(&image, &pending);
    image.fx.fip = fx->fip; /* nothing runs in between, so they stay the guest's */
    image.fx.fdp = fx->fdp;
    soft_call_fxrstor(&r, &image);
    fx->fip = image.fx.fip;
    fx->fdp = image.fx.fdp;
}

void soft_x87_settle(struct soft_fx *fx)
{
    struct x87_image image;
    struct soft_regs r;

    to_host(&image, fx);
    soft_call_fxrstor(&r, &image);
    from_host(fx, &image);
    fit_pointers(fx);
}

/* ---- one instruction ------------------------------------------------------------------------- */

struct x87_insn {
    const struct x86_row *row;
    uint64_t ea;
    unsigned len; /* of the memory operand; 0: none */
    bool store;
    struct soft_regs r;
    struct x87_image image;
};

/* Ten bytes are moved as eight and two. */
static bool load_bytes(struct soft_cpu *c, const struct x86_insn *in, struct x87_insn *x)
{
    unsigned first = x->len < 8 ? x->len : 8;

    return soft_fx_load(c, in->seg, x->ea, x->r.mem, first) &&
           (first == x->len ||
            soft_fx_load(c, in->seg, x->ea + first, x->r.mem + first, x->len - first));
}

static bool load_memory(struct soft_cpu *c, const struct x86_insn *in, struct x87_insn *x)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct x86_opnd_type *type = &x86_opnd_types[x->row->operand[i]];

        if (type->kind != X86_OPK_RM || !(in->flags & X86_INSN_MEM))
            continue;
        x->ea = soft_ea(c, in);
        x->len = x86_size_bytes(type->mem_size, in);
        x->store = x->row->access >> (2 * i) & X86_ACCESS_W;
        return x->store || load_bytes(c, in, x);
    }
    return true;
}

static void call_thunk(const struct x86_insn *in, struct x87_insn *x)
{
    const struct soft_thunk *t = &soft_thunks[in->op];
    uint32_t slot = in->flags & X86_INSN_MEM ? t->mem[0] : t->reg[0];

    for (unsigned i = 0; i < 2; i++)
        if (x86_opnd_types[x->row->operand[i]].kind == X86_OPK_STI)
            slot += in->rm & 7;
    soft_call_x87(&x->r, soft_thunk_code + (size_t)slot * SOFT_THUNK_SLOT, &x->image);
}

/* An exception that is not masked keeps the result from memory, and the page is not looked at. */
static bool store_memory(struct soft_cpu *c, const struct x86_insn *in, struct x87_insn *x)
{
    unsigned first = x->len < 8 ? x->len : 8;

    if (!x->store || x->image.fx.fsw & ~x->image.fx.fcw & FSW_FAULTS)
        return true;
    return soft_fx_store(c, in->seg, x->ea, x->r.mem, first) &&
           (first == x->len ||
            soft_fx_store(c, in->seg, x->ea + first, x->r.mem + first, x->len - first));
}

/* The pointers to the instruction, SDM 1 "x87 FPU Instruction and Data (Operand) Pointers". */
static void set_pointers(struct soft_cpu *c, const struct x86_insn *in, const struct x87_insn *x)
{
    struct soft_fx *fx = soft_fx(c, FX_X87);

    fx->fip = c->s.rip;
    if (!(fx->fsw & FSW_ES))
        return;
    fx->fop = (uint16_t)((in->opcode & 7) << 8 | in->modrm);
    if (x->len > 0)
        fx->fdp = x->ea;
}

bool soft_op_x87(struct soft_cpu *c, const struct x86_insn *in)
{
    struct x87_insn x = { .row = x86_insn_row(in) };
    struct soft_fx *fx = soft_fx(c, FX_X87);
    unsigned ignored = fx->fsw & FSW_ES ? fx->fsw & FSW_PENDING : 0;
    uint64_t flags = x.row->flags_written | x.row->flags_undefined;

    if (!soft_x87_wait(c) || !load_memory(c, in, &x))
        return false;
    to_host(&x.image, fx);
    x.image.fx.fsw &= (uint16_t)~ignored;
    x.r.rflags = (c->s.rflags & ARITHMETIC_FLAGS) | X86_RFLAGS_FIXED;
    call_thunk(in, &x);
    if (!store_memory(c, in, &x))
        return false;
    from_host(fx, &x.image);
    fx->fsw |= (uint16_t)ignored;
    c->s.rflags = (c->s.rflags & ~flags) | (x.r.rflags & flags);
    set_pointers(c, in, &x);
    return true;
}

bool soft_op_fwait(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    return soft_x87_wait(c);
}

bool soft_op_x87_nop(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)c;
    (void)in;
    return true;
}
