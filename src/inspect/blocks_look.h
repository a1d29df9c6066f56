/* SPDX-License-Identifier: MIT */
/*
 * blocks_look.h - copies of translated code, taken in pieces from a machine that may run; used by blocks.c
 *
 * A machine may have a hundred thousand blocks, more than can be copied in the moment that a view may stop it for. Each
 * piece is of one point in time. What is thrown away between two pieces is not in the result, or has no copy.
 */
#ifndef INSPECT_BLOCKS_LOOK_H
#define INSPECT_BLOCKS_LOOK_H

#include <vitro/inspect.h>

#include "core/code.h"
#include "core/machine.h"
#include "x86/decode.h"

enum {
    LOOK_ROWS = 4096, /* blocks that are looked at in one stop */
    LOOK_APART = 32,  /* that are taken apart in one */
};

struct hot {
    uint32_t number;
    struct code_block b; /* b.host is not to be read */
};

/* One block taken apart: instruction i has host code from insn[i].host to that of the next one. */
struct apart {
    const struct code_block *b; /* NULL: it has been thrown away meanwhile */
    const uint8_t *host;        /* b->host_len bytes */
    uint8_t guest[CODE_INSNS_MAX * X86_INSN_MAX];
    struct code_insn insn[CODE_INSNS_MAX];
};

struct blocks_look {
    struct machine *m; /* borrowed, as the next two */
    const struct code_ops *ops;
    const struct vitro_blocks_filter *filter;
    struct code_stats stats; /* when the last rows were taken */
    struct hot *hot;         /* those that the filter lets through, executed most often first */
    size_t n, room, shown;

    struct apart *apart; /* of hot[first], and what comes after it; NULL until asked for */
    size_t first, napart;
    uint8_t *host; /* their code */
};

/*
 * blocks_look - all blocks that the filter lets through
 *
 * The caller calls blocks_look_close whatever is returned. -ENOTSUP: the engine translates nothing; -ENOMEM. Thread: any
 * that may hold the machine, which it does several times.
 */
WARN_UNUSED int blocks_look(struct blocks_look *l, struct machine *m,
                            const struct vitro_blocks_filter *filter, struct vitro_err *err);
void blocks_look_close(struct blocks_look *l);

/* Block hot[i] taken apart, until the next call; asked for in order. NULL: memory has run out. */
const struct apart *blocks_look_apart(struct blocks_look *l, size_t i);

#endif
