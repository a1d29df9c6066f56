/* SPDX-License-Identifier: MIT */
/*
 * insn_trace.h - a trace of instructions: which ones, and what is told of each
 *
 * An engine that can (engine_ops.traces_insns) executes one instruction after the other and emits an EVENT_INSN for
 * each that machine.insn_trace asks for.
 */
#ifndef CORE_INSN_TRACE_H
#define CORE_INSN_TRACE_H

#include <stdbool.h>
#include <stdint.h>

/* Set while the machine is stopped. */
struct insn_trace {
    bool on;
    uint64_t first; /* instructions that a vCPU completes before its trace begins */
    uint64_t
        left; /* of all vCPUs; then the machine stops with STOP_COUNT. Guarded by the machine lock */
    uint64_t from, to; /* linear addresses, both included */
};

enum { INSN_EVENT_BYTES = 15, INSN_REGS_MAX = 48, INSN_REG_BYTES = 32 };

struct reg_change {
    const char *name;              /* static: "rax", "ymm3" */
    uint8_t width;                 /* bytes: 2, 8, 16, 32 */
    uint8_t value[INSN_REG_BYTES]; /* little-endian, after the instruction */
};

/* One execution: a repeated string instruction is one for each repetition. */
struct insn_event {
    uint64_t count; /* which one of its vCPU, from 1 */
    uint64_t rip;   /* offset in CS */
    uint64_t linear;
    uint8_t code_bits; /* 16, 32, 64 */
    uint8_t len;       /* 0: it could not be fetched */
    uint8_t bytes[INSN_EVENT_BYTES];
    int raised; /* vector of the exception that it ended in, which has been delivered; -1: none */
    unsigned nregs;
    struct reg_change reg[INSN_REGS_MAX]; /* those that have changed, by it and by the delivery */
};

#endif
