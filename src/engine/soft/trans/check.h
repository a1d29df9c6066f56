/* SPDX-License-Identifier: MIT */
/*
 * check.h - translated code against the interpreter, as a machine runs (run --check-blocks)
 *
 * A piece of a run is executed translated, taken back, and executed once more by the interpreter, which the
 * machine goes on from. Registers, the flags that somebody reads, vectors and every page that one of both has
 * written must be the same. A piece ends wherever the interpreter has its turn anyway. One that differs
 * is taken back too, and executed once more block by block, so that the block is found.
 *
 * Meanwhile no other vCPU executes anything, so that memory is what this one makes of it; where a device is asked by
 * another one, which may write to memory too, code is interpreted.
 */
#ifndef ENGINE_SOFT_TRANS_CHECK_H
#define ENGINE_SOFT_TRANS_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct check;
struct trans;

enum check_result {
    CHECK_SAME,
    CHECK_AGAIN, /* taken back: rip is where the piece began */
    CHECK_DIFFERS,
};

struct check_stats {
    uint64_t pieces, insns;
};

/* NULL: out of memory. */
struct check *check_new(void);
void check_free(struct check *k);

/*
 * check_hold - from now on, at least up to check_end, no other vCPU executes anything; at once without checks
 *
 * What was found before may have been dropped meanwhile. False: it is not possible now, and nothing is to be executed
 * translated.
 */
bool check_hold(struct trans *t);
/* They go on, if they have not before. */
void check_let_go(struct trans *t);

/*
 * check_begin - translated code or trans_rep is about to be entered, with a budget for so many instructions
 *
 * After check_hold. Begins a piece unless one is under way. Returns how many instructions it may be entered with.
 */
uint64_t check_begin(struct trans *t, uint64_t budget);

/* It has come back. must: the piece ends here; else only when it is long enough. */
enum check_result check_end(struct trans *t, bool must);

/* Stores may go to this page of the host from now on, by entry `number` of the table of pages. False: no room. */
bool check_page(struct trans *t, uint8_t *host, uint32_t number);
/* [gpa, gpa + len) is about to be written. */
void check_store(struct trans *t, uint64_t gpa, uint64_t len);
/* So is an entry of a page table, by the CPU itself. */
void check_mark(struct trans *t, uint64_t gpa);

/* 0, or err filled with the difference, once its block has been found. */
WARN_UNUSED int check_failure(const struct check *k, struct vitro_err *err);
/* The same for the end of a run, which may have come before that. */
WARN_UNUSED int check_end_of_run(const struct check *k, struct vitro_err *err);
/* Where the piece that differs begins, as far as is known; false: none does. */
bool check_found(const struct check *k, uint64_t *rip);
void check_stats_get(const struct check *k, struct check_stats *out);

#endif
