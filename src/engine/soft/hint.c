/* SPDX-License-Identifier: MIT */
/*
 * hint.c - what has no effect on data: no-operations, prefetches, fences, cache lines; and UD
 *
 * Source: SDM 2, instruction pages NOP PAUSE PREFETCHh PREFETCHW MFENCE LFENCE SFENCE CLFLUSH CLFLUSHOPT CLWB
 * UD. Caches are coherent here, so a flush only makes the checks of a load, but that code may be execute-only.
 */
#include "engine/soft/mmu.h"
#include "engine/soft/ops_int.h"

bool op_nop(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)c;
    (void)in;
    return true;
}

/* Guest loads and stores are the host's: pairs with what other CPUs do to guest memory, whatever it is. */
bool op_mfence(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)c;
    (void)in;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return true;
}

bool op_clflush(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_place place;
    uint64_t linear;

    return soft_linear_unread(c, in->seg, soft_ea(c, in), 1, &linear) &&
           soft_translate(c, linear, HOW_READ, c->bank, &place);
}

bool op_ud(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    return soft_raise(c, VEC_UD);
}
