/* SPDX-License-Identifier: MIT */
/*
 * tasks.h - the benchmark programs that 'scripts/bench guest' runs in a guest and natively
 *
 * Each is a function that does one kind of work and returns a value that depends on all of it. The same n gives the
 * same value everywhere: floating point is not contracted (-ffp-contract=off) and no function of libm is used, whose
 * results may depend on the CPU's features.
 */
#ifndef TASKS_H
#define TASKS_H

#include <stddef.h>
#include <stdint.h>

/* n: amount of work, in what the table of tasks.c says */
typedef uint64_t task_fn(unsigned n);

/* integer.c */
task_fn task_integers, task_sieve, task_divide, task_crc32, task_chacha, task_sha256, task_bignum;
/* flow.c */
task_fn task_calls, task_queens, task_bytecode, task_sorting, task_parse;
/* memory.c */
task_fn task_copies, task_clears, task_chase_16k, task_chase_1m, task_chase_64m, task_random_32m;
/* structures.c */
task_fn task_hash_table, task_tree, task_words;
/* locking.c */
task_fn task_atomics, task_locks;
/* floating.c */
task_fn task_floating, task_planets, task_mandelbrot, task_extended;
/* vector.c */
task_fn task_sse2_floats, task_sse2_bytes, task_avx2_floats, task_avx2_bytes;
/* text.c */
task_fn task_compress, task_regex;
/* database.c */
task_fn task_sqlite;
/* system.c */
task_fn task_null_calls, task_pipe_switches, task_fork_exec, task_page_faults, task_signals,
    task_files;

/* Ends the program: a call that cannot fail in a benchmark has failed. */
_Noreturn void task_fail(const char *what);

/* Marsaglia's xorshift64, and what all begin with. */
#define RANDOM_SEED 88172645463325252u

static inline uint64_t random_next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

/* FNV-1a, for values that depend on bytes in order. */
#define HASH_BEGIN 0xcbf29ce484222325u

static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash;
}

#endif
