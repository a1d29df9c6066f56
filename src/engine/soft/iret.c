/* SPDX-License-Identifier: MIT */
/*
 * iret.c - IRET in every mode
 *
 * Sources: SDM 2, IRET; SDM 3A, "Task Linking" (return to the task that was interrupted), "Handling
 * Multiple NMIs" (IRET ends the blocking, also when it faults), "Virtual-8086 Mode".
 */
#include "engine/soft/far.h"

#include "engine/soft/ops_far.h"
#include "engine/soft/vme.h"

enum { FRAME_RIP, FRAME_CS, FRAME_FLAGS, FRAME_SP, FRAME_SS, FRAME_LONG };

/* CF PF AF ZF SF TF DF OF NT: whoever returns may change them. */
#define FLAGS_ANY  UINT64_C(0x4dd5)
#define FLAGS_WIDE (X86_RFLAGS_RF | X86_RFLAGS_AC | X86_RFLAGS_ID)
#define FLAGS_ALL  UINT64_C(0x3f7fd5)

/* Flags that the image may change, by operand size and the ring that IRET is executed in. */
static uint64_t flags_mask(const struct soft_cpu *c, unsigned width)
{
    unsigned iopl = c->s.rflags >> 12 & 3;
    uint64_t mask = FLAGS_ANY;

    if (width > 2)
        mask |= FLAGS_WIDE;
    if (c->mode == X86_MODE_REAL)
        return mask | X86_RFLAGS_IF | X86_RFLAGS_IOPL;
    if (c->cpl <= iopl)
        mask |= X86_RFLAGS_IF;
    if (c->cpl == 0)
        mask |= X86_RFLAGS_IOPL | (width > 2 ? X86_RFLAGS_VIF | X86_RFLAGS_VIP : 0);
    return mask;
}

static void set_flags(struct soft_cpu *c, uint64_t image, uint64_t mask)
{
    c->s.rflags = (c->s.rflags & ~mask) | (image & mask) | X86_RFLAGS_FIXED;
    /* What was there before has done its work; only the image brings a new one. */
    if (!(mask & X86_RFLAGS_RF))
        c->s.rflags &= ~(uint64_t)X86_RFLAGS_RF;
    c->keep_rf = true;
}

/* Real mode, and virtual-8086 mode staying there. */
static bool iret_plain(struct soft_cpu *c, struct soft_stack *st, unsigned width)
{
    uint64_t frame[3], mask = flags_mask(c, width), old = c->s.rflags;
    bool virtual = soft_vme(c);

    if (c->mode == X86_MODE_VM86 && (~c->s.rflags & X86_RFLAGS_IOPL) && !(virtual && width == 2))
        return soft_raise_error(c, VEC_GP, 0);
    if (!soft_stack_pop_all(c, st, width, frame, ARRAY_LEN(frame)) ||
        (virtual && !soft_vme_load(c, frame[FRAME_FLAGS])))
        return false;
    if (!soft_enter_plain(c, (uint16_t)frame[FRAME_CS], frame[FRAME_RIP])) {
        c->s.rflags = old;
        return false;
    }
    soft_stack_commit(c, st);
    if (virtual)
        return true; /* no RF in 16 bits: it ends with the instruction */
    set_flags(c, frame[FRAME_FLAGS], mask);
    soft_mode_changed(c); /* AC */
    return true;
}

/* SDM 2, IRET: "RETURN-TO-VIRTUAL-8086-MODE". st is past EFLAGS. */
static bool iret_to_vm86(struct soft_cpu *c, struct soft_stack *st, const uint64_t *frame)
{
    static const uint8_t order[] = { X86_ES, X86_DS, X86_FS, X86_GS };
    uint64_t sp_ss[2], data[ARRAY_LEN(order)];

    if (!soft_stack_pop_all(c, st, 4, sp_ss, ARRAY_LEN(sp_ss)) ||
        !soft_stack_pop_all(c, st, 4, data, ARRAY_LEN(data)))
        return false;
    if (frame[FRAME_RIP] > 0xffff)
        return soft_raise_error(c, VEC_GP, 0);
    set_flags(c, frame[FRAME_FLAGS], FLAGS_ALL);
    for (unsigned i = 0; i < ARRAY_LEN(order); i++) {
        struct x86_seg *s = &c->s.seg[order[i]];

        *s = soft_plain_seg(s, (uint16_t)data[i], true);
    }
    c->s.seg[X86_CS] = soft_plain_seg(&c->s.seg[X86_CS], (uint16_t)frame[FRAME_CS], true);
    c->s.seg[X86_SS] = soft_plain_seg(&c->s.seg[X86_SS], (uint16_t)sp_ss[1], true);
    c->s.gpr[X86_RSP] = sp_ss[0];
    c->next_rip = frame[FRAME_RIP];
    soft_mode_changed(c);
    return true;
}

/* SDM 2, IRET: "TASK-RETURN". */
static bool iret_task(struct soft_cpu *c)
{
    struct soft_task_from from = {
        .why = TASK_IRET,
        .rip = c->next_rip,
        .rflags = c->s.rflags & ~(uint64_t)X86_RFLAGS_RF,
    };
    struct soft_desc tss;
    uint8_t link[2];

    return soft_table_load(c, c->s.tr.base, link, sizeof(link)) &&
           soft_task_desc(c, (uint16_t)le_get(link, 2), VEC_TS, true, &tss) &&
           soft_switch_task(c, &tss, &from);
}

/* SDM 2, IRET: "PROTECTED-MODE-RETURN" and "IA-32e-MODE-RETURN". */
static bool iret_protected(struct soft_cpu *c, struct soft_stack *st, unsigned width,
                           uint64_t *frame)
{
    uint64_t mask = flags_mask(c, width);
    struct soft_return r = { 0 };

    /* In 64-bit mode all five are popped first, whatever comes of it. */
    if (c->mode == X86_MODE_LONG && !soft_stack_pop_all(c, st, width, frame + FRAME_SP, 2))
        return false;
    if (!soft_check_return(c, (uint16_t)frame[FRAME_CS], &r))
        return false;
    if (c->mode != X86_MODE_LONG && r.cpl > c->cpl &&
        !soft_stack_pop_all(c, st, width, frame + FRAME_SP, 2))
        return false;
    if ((c->mode == X86_MODE_LONG || r.cpl > c->cpl) &&
        !soft_check_return_stack(c, (uint16_t)frame[FRAME_SS], &r))
        return false;
    r.rip = frame[FRAME_RIP];
    r.sp = frame[FRAME_SP];
    if (!soft_check_rip(c, &r.cs.seg, r.rip) || !soft_mark_accessed(c, &r.cs))
        return false;
    if (!r.has_ss)
        soft_stack_commit(c, st);
    set_flags(c, frame[FRAME_FLAGS], mask);
    soft_take_return(c, &r);
    return true;
}

static bool iret(struct soft_cpu *c, unsigned width)
{
    uint64_t frame[FRAME_LONG] = { 0 };
    struct soft_stack st;

    soft_stack_current(c, &st);
    if (soft_plain(c))
        return iret_plain(c, &st, width);
    if (c->s.rflags & X86_RFLAGS_NT)
        return soft_long(c) ? soft_raise_error(c, VEC_GP, 0) : iret_task(c);
    if (!soft_stack_pop_all(c, &st, width, frame, 3))
        return false;
    if (frame[FRAME_FLAGS] & X86_RFLAGS_VM && width == 4 && c->cpl == 0 && !soft_long(c))
        return iret_to_vm86(c, &st, frame);
    return iret_protected(c, &st, width, frame);
}

bool op_iret(struct soft_cpu *c, const struct x86_insn *in)
{
    bool done = iret(c, in->opsize);

    if (done || c->stop.kind == SOFT_FAULT)
        c->s.events.nmi_masked = false;
    return done;
}
