/* SPDX-License-Identifier: MIT */
/*
 * bench.h - samples, their summary, and the JSON that scripts/bench reads
 *
 * A figure compares things that take turns (A B A B ...), so that a busy host slows all of them
 * alike. What is reported is the ratio of medians; the extremes are shown beside it, not used.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct series {
    const char *name;
    double *v;
    size_t n, max;
};

/* Exits with a message when memory is out: a bench has nobody to hand errors to. */
void series_init(struct series *s, const char *name, size_t max);
void series_fini(struct series *s);
void series_add(struct series *s, double v);
/* Of what has been added; 0 for none. */
double series_median(const struct series *s);

/* CLOCK_MONOTONIC. */
uint64_t bench_ns(void);

/* "name": {"n": 5, "min": 1.0, "median": 1.2, "max": 3.1}, and a comma unless it is the last. */
void json_series(const struct series *s, bool last);
/* Median of a over median of b, and the extremes of the ratios of neighbours. */
void json_ratio(const char *name, const struct series *a, const struct series *b, bool last);

/* Prints {"cannot_run": "..."} and ends the process with success: the reader reports it. */
void bench_cannot_run(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Prints to standard error and ends the process with failure. */
void bench_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The number in argv[i], or a default when there is none. */
unsigned long bench_arg(int argc, char **argv, int i, unsigned long otherwise);

/* ---- system calls and instructions, counted in a forked child ------------------------------ */

#define CALLS_BY_WORK (~0ul)

enum calls_result {
    CALLS_NONE,       /* made none but the one allowed */
    CALLS_SOME,       /* was killed for making one */
    CALLS_CANNOT_RUN, /* this host offers no seccomp filter */
};

/*
 * calls_check - run work in a child that is killed for any system call
 *
 * ready    the child runs it first, unrestricted; may be NULL
 * request  an ioctl that is allowed, by its request number; 0: none is; CALLS_BY_WORK: work itself says
 *          from where on, with calls_begin
 */
enum calls_result calls_check(void (*ready)(void *ctx), void (*work)(void *ctx), void *ctx,
                              unsigned long request);

/* From here on the child of calls_check is killed for any system call; request: as there, but CALLS_BY_WORK. */
void calls_begin(unsigned long request);

/* Ends the child of calls_check before work returns: it has made no other call. */
void calls_done(void) __attribute__((noreturn));

/* Instructions that work(ctx) executes, single-stepped in a child; -1 where that cannot be. */
long insn_count(void (*work)(void *ctx), void *ctx);

#endif
