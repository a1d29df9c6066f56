/* SPDX-License-Identifier: MIT */
/*
 * prove_state.h - what the prover (prove.c) knows at a place, and what an instruction makes of it (prove_follow.c)
 */
#ifndef ENGINE_SOFT_TRANS_PROVE_STATE_H
#define ENGINE_SOFT_TRANS_PROVE_STATE_H

#include <stdbool.h>

#include "engine/soft/trans/emit.h"
#include "engine/soft/trans/prove.h"
#include "x86/operand.h"

/* What S1 is. */
enum s1 {
    S1_ANY,
    S1_DISTANCE, /* an address minus the page of the entry at S2 */
    S1_COMPARED, /* and the flags say whether it is above 4096 - n */
    S1_IN_PAGE,  /* it is not */
    S1_CHECKED,  /* n bytes there may be accessed */
    S1_CPU,      /* soft_cpu.s.gpr */
    S1_REQUESTS, /* vcpu.requests */
};

/* An address of the guest by its registers. */
struct address {
    bool known;
    uint8_t base, index, scale;
    int64_t disp;
};

struct state {
    bool reached;
    uint8_t s1;    /* enum s1 */
    uint16_t n;    /* from S1_COMPARED on: bytes */
    int32_t entry; /* S1_DISTANCE to S1_IN_PAGE: RSP + this is the entry, or with S2 added */
    bool counted;  /* the second */
    bool may_write;
    /* What S1 is; or was before the entry was added to it; with `direct` n bytes there are checked, and S2 is their
     * distance. */
    struct address of;
    bool direct;
    bool landed; /* S2 is where the call that was just made said to go on */
    bool pushed; /* RSP is 8 less */
    uint64_t s2; /* most that S2 can be */
};

enum backward {
    BACK_NOT,
    BACK_JUMP /* one from behind goes there */,
    BACK_ENTRY /* or one from outside */
};

struct prove {
    const struct prove_code *code;
    struct state *at;  /* by byte: what is known before it */
    uint8_t *backward; /* by byte: enum backward */
    struct state now;
    struct x86_insn in;
    uint32_t pos;
};

static inline bool same_address(const struct address *a, const struct address *b)
{
    return a->base == b->base && a->index == b->index && a->scale == b->scale && a->disp == b->disp;
}

/* S1 is `of`. */
static inline bool is_address(const struct state *s)
{
    return s->of.known && s->s1 == S1_ANY && !s->direct;
}

static inline bool is_mem(const struct x86_insn *in, unsigned base, unsigned index)
{
    return in->flags & X86_INSN_MEM && in->base == base && in->index == index;
}

/* prove_follow - the instruction under way, whose operands may be accessed, has been executed */
void prove_follow(struct prove *p);

#endif
