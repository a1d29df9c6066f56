/* SPDX-License-Identifier: MIT */
/*
 * code.h - code that an engine has translated, for those who look
 *
 * Implemented by engines that translate (engine_ops.code). Blocks have numbers from 0 on, not all of which are
 * there. No vCPU runs meanwhile; what is borrowed is so until one does.
 */
#ifndef CORE_CODE_H
#define CORE_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct machine;

enum { CODE_INSNS_MAX = 64 };

struct code_stats {
    bool translates;                          /* else nothing is, and the rest is 0 */
    const char *why_not;                      /* the machine's words; NULL: it was asked not to */
    bool counts;                              /* code_block.executions is right */
    uint64_t blocks, guest_insns, host_bytes; /* ever made */
    uint64_t insns;                           /* executed in them */
    uint64_t steps;                           /* instructions left to the interpreter there */
    uint64_t leaves, invalidated, resets;     /* blocks left; dropped; times all were */
};

struct code_block {
    uint64_t rip, gpa;
    uint64_t executions;
    uint64_t host_addr; /* in this process, where it is executed */
    const uint8_t *host;
    uint32_t host_len;
    uint32_t straight_len; /* of it what belongs to instructions one by one; the rest is behind */
    uint16_t guest_len;
    uint8_t ninsns, code_bits;
    bool user; /* made for ring 3 */
};

struct code_insn {
    uint16_t guest;  /* bytes from the block's rip */
    uint32_t host;   /* bytes from its host code */
    const char *why; /* why the interpreter executes it, static; NULL: it is translated */
};

struct code_ops {
    void (*stats)(const struct machine *m, struct code_stats *out);
    /* One more than the highest number. */
    uint32_t (*numbers)(const struct machine *m);
    /* False: there is none of that number now. */
    bool (*block)(const struct machine *m, uint32_t number, struct code_block *out);
    /* Its instructions, code_block.ninsns of them. */
    void (*insns)(const struct machine *m, uint32_t number, struct code_insn out[CODE_INSNS_MAX]);
    /* The run has ended: 0, or err filled when code has differed from the interpreter (TRANSLATE_CHECK). */
    int (*end_of_run)(const struct machine *m, struct vitro_err *err);
    /* Where the code begins that has differed ; false: none has. */
    bool (*differs)(const struct machine *m, uint64_t *rip);
};

#endif
