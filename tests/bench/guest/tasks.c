/* SPDX-License-Identifier: MIT */
/*
 * tasks.c - what 'scripts/bench guest' runs in the guest and natively: one kind of work a row
 *
 *   tasks             all of them but pair
 *   tasks NAME ...    some
 *   tasks list        their names and groups
 *   tasks check       all at a small size: "NAME N VALUE" of each that is a function
 *
 * Prints "bench begin NAME" and "bench end NAME NS CPU_NS VALUE" around each, or "bench cannot NAME REASON" instead:
 * NS by the clock of the system it runs on, CPU_NS of the task and its children, VALUE what it computed. Static, for
 * the baseline x86-64, so that all run the same bytes. The rows with a shell line are busybox's work, and their value
 * is of the bytes that come out.
 */
#include "tasks.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* Two programs that are busy all the time, for one CPU and for two. */
static uint64_t task_pair(unsigned n)
{
    for (unsigned i = 0; i < 2; i++) {
        if (fork() == 0) {
            for (unsigned round = 0; round < n; round++) {
                if (task_integers(8000000) == 0 || task_sieve(4000000) == 0 || task_calls(33) == 0)
                    _exit(1);
            }
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        ;
    return n;
}

/* system: what scripts/bench takes for the figure of system programs. */
enum group { COMPUTE, SYSTEM, PROGRAM };

static const char *const group_names[] = { "compute", "system", "program" };

static const struct task {
    const char *name;
    enum group group;
    task_fn *run;
    unsigned n, small; /* amount of work, and for check */
    const char *shell; /* instead of run */
    int avx2;          /* CPUID has to have it */
    int named;         /* only when it is named */
} tasks[] = {
    { "integers", COMPUTE, task_integers, 80000000, 1000 },             /* rounds */
    { "sieve", COMPUTE, task_sieve, 20000000, 1000 },                   /* the largest number */
    { "divide", COMPUTE, task_divide, 1500000, 1000 },                  /* pairs */
    { "crc32", COMPUTE, task_crc32, 600, 2 },                           /* 64 KiB */
    { "chacha", COMPUTE, task_chacha, 500000, 1 },                      /* blocks */
    { "sha256", COMPUTE, task_sha256, 30000, 3 },                       /* KiB */
    { "bignum", COMPUTE, task_bignum, 1000000, 100 },                   /* squares */
    { "calls", COMPUTE, task_calls, 37, 15 },                           /* of the series */
    { "queens", COMPUTE, task_queens, 14, 6 },                          /* queens */
    { "bytecode", COMPUTE, task_bytecode, 30000, 30 },                  /* sequences */
    { "sorting", COMPUTE, task_sorting, 300000, 500 },                  /* records */
    { "parse", COMPUTE, task_parse, 5000, 5 },                          /* expressions */
    { "hash_table", COMPUTE, task_hash_table, 500000, 3000 },           /* keys */
    { "tree", COMPUTE, task_tree, 250000, 500 },                        /* keys */
    { "words", COMPUTE, task_words, 10000, 20 },                        /* lines */
    { "copies", COMPUTE, task_copies, 2000, 20 },                       /* MiB */
    { "clears", COMPUTE, task_clears, 1000000, 1000 },                  /* calls */
    { "chase_16k", COMPUTE, task_chase_16k, 50000000, 1000 },           /* steps */
    { "chase_1m", COMPUTE, task_chase_1m, 15000000, 20000 },            /* steps */
    { "chase_64m", COMPUTE, task_chase_64m, 2000000, 1000 },            /* steps */
    { "random_32m", COMPUTE, task_random_32m, 3000000, 10000 },         /* places */
    { "atomics", COMPUTE, task_atomics, 20000000, 1000 },               /* rounds */
    { "locks", COMPUTE, task_locks, 1500000, 1000 },                    /* transfers of each */
    { "floating", COMPUTE, task_floating, 250, 1 },                     /* products */
    { "planets", COMPUTE, task_planets, 600000, 20 },                   /* steps */
    { "mandelbrot", COMPUTE, task_mandelbrot, 1000, 20 },               /* points of a side */
    { "extended", COMPUTE, task_extended, 15000000, 100 },              /* terms */
    { "sse2_floats", COMPUTE, task_sse2_floats, 50000, 7 },             /* passes */
    { "sse2_bytes", COMPUTE, task_sse2_bytes, 3000, 5 },                /* 64 KiB */
    { "avx2_floats", COMPUTE, task_avx2_floats, 200000, 3, .avx2 = 1 }, /* passes */
    { "avx2_bytes", COMPUTE, task_avx2_bytes, 40000, 5, .avx2 = 1 },    /* 64 KiB */
    { "compress", COMPUTE, task_compress, 4000, 40 },                   /* KiB */
    { "regex", COMPUTE, task_regex, 2000, 20 },                         /* KiB */
    { "null_calls", SYSTEM, task_null_calls, 800000, 10 },              /* calls */
    { "fork_exec", SYSTEM, task_fork_exec, 100, 2 },                    /* children */
    { "pipe_switches", SYSTEM, task_pipe_switches, 10000, 300 },        /* there and back */
    { "page_faults", SYSTEM, task_page_faults, 16, 1 },                 /* 8 MiB */
    { "signals", SYSTEM, task_signals, 50000, 10 },                     /* signals */
    { "files", PROGRAM, task_files, 10000, 100 },                       /* files */
    { "sqlite", PROGRAM, task_sqlite, 20000, 300 },                     /* rows */
    { "sort", PROGRAM, .shell = "seq 20000 | sort -r | sort -n" },
    { "sha256sum", PROGRAM, .shell = "head -c 10000000 /dev/zero | sha256sum" },
    { "gzip", PROGRAM, .shell = "seq 100000 | gzip -c | gunzip | gzip -c" },
    { "grep", PROGRAM, .shell = "seq 200000 | grep -E '^[1-4]+(7|89)[05]' | grep -v 3 | wc" },
    { "awk", PROGRAM,
      .shell =
          "seq 60000 | awk '{ s += $1 % 7; t = substr($1, 1, 2) t % 10 } END { print s; print t }'" },
    { "shell", PROGRAM,
      .shell =
          "i=0; while [ $i -lt 20000 ]; do case $i in *7) t=${i%7};; esac; i=$((i + 1)); done; "
          "echo $t; for f in a b c d e f g h; do echo $f | sed s/$f/x/; done" },
    { "pair", COMPUTE, task_pair, 6, 1, .named = 1 },
};

enum { TASKS = sizeof(tasks) / sizeof(tasks[0]) };

_Noreturn void task_fail(const char *what)
{
    fprintf(stderr, "tasks: %s\n", what);
    exit(1);
}

static uint64_t wall_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t cpu_ns(void)
{
    uint64_t us = 0;

    for (int who = RUSAGE_CHILDREN; who <= RUSAGE_SELF; who++) {
        struct rusage used;

        getrusage(who, &used);
        us += (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000u;
        us += (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    }
    return us * 1000u;
}

/* The hash of what the line prints; the sh that PATH has first. */
static uint64_t run_shell(const char *line)
{
    char *argv[] = { (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)line,
                     NULL };
    posix_spawn_file_actions_t actions;
    uint64_t value = HASH_BEGIN;
    char part[4096];
    int out[2], status;
    ssize_t len;
    pid_t child;

    if (pipe2(out, O_CLOEXEC) != 0)
        task_fail("pipe2");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    if (posix_spawnp(&child, argv[0], &actions, NULL, argv, environ) != 0)
        task_fail("sh");
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    while ((len = read(out[0], part, sizeof(part))) > 0)
        value = hash_bytes(value, part, (size_t)len);
    close(out[0]);
    if (waitpid(child, &status, 0) != child || status != 0)
        task_fail(line);
    return value;
}

static int can_run(const struct task *t)
{
    return !t->avx2 || __builtin_cpu_supports("avx2");
}

/* Nothing is executed while who reads the lines looks at how much has been: it may come late. */
static void rest(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
}

static void measure(const struct task *t)
{
    uint64_t wall, cpu, value;

    if (!can_run(t)) {
        printf("bench cannot %s this CPU has no AVX2\n", t->name);
        return;
    }
    printf("bench begin %s\n", t->name);
    fflush(stdout);
    rest();
    wall = wall_ns();
    cpu = cpu_ns();
    value = t->run != NULL ? t->run(t->n) : run_shell(t->shell);
    printf("bench end %s %llu %llu %016llx\n", t->name, (unsigned long long)(wall_ns() - wall),
           (unsigned long long)(cpu_ns() - cpu), (unsigned long long)value);
    fflush(stdout);
    rest();
}

static void check(const struct task *t)
{
    if (t->run == NULL || t->named)
        return;
    if (can_run(t))
        printf("%s %u %016llx\n", t->name, t->small, (unsigned long long)t->run(t->small));
    fflush(stdout);
}

static void list(const struct task *t)
{
    if (!t->named)
        printf("%s %s\n", t->name, group_names[t->group]);
}

static void all(void (*what)(const struct task *))
{
    for (size_t i = 0; i < TASKS; i++) {
        if (!tasks[i].named || what != measure)
            what(&tasks[i]);
    }
}

int main(int argc, char **argv)
{
    if (argc == 1) {
        all(measure);
        return 0;
    }
    if (strcmp(argv[1], "list") == 0 || strcmp(argv[1], "check") == 0) {
        all(argv[1][0] == 'l' ? list : check);
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        for (size_t k = 0; k < TASKS; k++) {
            if (strcmp(argv[i], tasks[k].name) == 0)
                measure(&tasks[k]);
        }
    }
    return 0;
}
