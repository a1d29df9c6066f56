/* SPDX-License-Identifier: MIT */
/*
 * trans.h - the translator: 64-bit and flat 32-bit guest code as host code
 *
 * Guest instructions are copied nearly byte for byte: registers are renumbered (frame.h), memory operands
 * go through a check against a table of pages, branches are linked. What it does not translate it leaves to
 * soft_step, one instruction at a time, so that faults, devices, modes and rare instructions have one
 * place. Used by soft_engine.c in place of bursts. One translator for each vCPU, used by its thread only; the
 * code that they make is shared by all vCPUs of the machine.
 */
#ifndef ENGINE_SOFT_TRANS_TRANS_H
#define ENGINE_SOFT_TRANS_TRANS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct soft_cpu;
struct trans;

struct trans_config {
    unsigned threshold; /* executions by the interpreter before code is translated; 0: at once */
    bool exact_flags; /* arithmetic flags are right at every instruction, also those nobody reads */
    uint32_t cache_len; /* bytes of translated code; 0: the default */
    bool prove;         /* emitted code is read again, and must touch nothing else (prove.h) */
    bool counts;        /* executions of each block are counted: one addition at its entry */
    bool perf;          /* the host's profiler shall ask for a map of the code: TRANSLATE_PERF */
    bool check;         /* all of it is executed by the interpreter too, and compared (check.h) */
};

struct trans_stats {
    uint64_t translated;  /* blocks */
    uint64_t guest_insns; /* in them */
    uint64_t host_bytes;
    uint64_t insns;       /* executed by translated code */
    uint64_t leaves;      /* times it was left */
    uint64_t steps;       /* instructions it left to the interpreter */
    uint64_t invalidated; /* blocks whose code was written, or has got a breakpoint */
    uint64_t resets;      /* times everything was thrown away */
};

/*
 * trans_new - a translator; with those of the machine's other vCPUs it shares what was made for the first
 *
 * config  only that of the first counts
 *
 * Before a vCPU runs. -ENOTSUP: this host cannot (no executable memory, or a CPU that lacks what translated code
 * uses).
 */
WARN_UNUSED int trans_new(struct soft_cpu *c, const struct trans_config *config, struct trans **out,
                          struct vitro_err *err);
void trans_free(struct trans *t);

/*
 * trans_attach - the translator of a vCPU, as the machine's tier asks for it, into c->trans
 *
 * NULL there, and success, where everything is to be interpreted: TIER_INTERP; and with TIER_AUTO where this
 * host cannot, for the reason in machine.untranslated, unless translated code is to be checked.
 */
WARN_UNUSED int trans_attach(struct soft_cpu *c, struct vitro_err *err);

/* Before a run: what the machine's owner may have changed since the last one. */
void trans_begin(struct trans *t);

/*
 * trans_burst - execute up to `budget` instructions, translated where that has been done or is worth it
 *
 * exact  not one more than that; else up to 64 more. c->limit is never passed.
 *
 * Ends early when something wants to be looked at between two instructions, or before one that the caller is
 * to execute with soft_step. False: an instruction that was executed meanwhile needs the monitor; the
 * vCPU's exit is filled as after soft_step.
 */
bool trans_burst(struct trans *t, uint64_t budget, bool exact);

/* Bytes at gpa have been or will be written by the interpreter or a device: what was made of them is dropped. */
void trans_note_store(struct trans *t, uint64_t gpa, uint64_t len);

/* No access goes to the page at this linear address without being looked up. False: all have to be forgotten. */
bool trans_forget_page(struct trans *t, uint64_t linear);

/* Something of this physical page has been translated. */
bool trans_has_code(const struct trans *t, uint64_t gpa);

/* The vCPU will be able to store to this physical page, at `linear`, from now on; before it asks trans_has_code. */
void trans_note_writer(struct trans *t, uint64_t gpa, uint64_t linear);

/* Stores to this physical page must come to trans_note_store. */
bool trans_wants_stores(const struct trans *t, uint64_t gpa);

/* The CPU itself is about to set bits in an entry of a page table. */
void trans_note_mark(struct trans *t, uint64_t gpa);

/* 0, or err filled: translated code has done something else than the interpreter (trans_config.check). */
WARN_UNUSED int trans_failure(const struct trans *t, struct vitro_err *err);
/* The same for the end of a run, when what has differed may still be looked for. */
WARN_UNUSED int trans_end_of_run(const struct trans *t, struct vitro_err *err);
/* Where the code begins that has, as far as is known; false: none. */
bool trans_failed_at(const struct trans *t, uint64_t *rip);

/* Everything is translated anew from the next burst on. Thread: any, while the vCPU stands still. */
void trans_reset(struct trans *t);

void trans_stats_get(const struct trans *t, struct trans_stats *out);

#endif
