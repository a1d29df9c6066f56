/* SPDX-License-Identifier: MIT */
/*
 * tasks.c - what 'scripts/bench guest' runs in the guest and natively: one kind of work a row
 *
 *   tasks           all of them but pair
 *   tasks NAME      one; "list" prints the names
 *
 * Prints "bench begin NAME" and "bench end NAME NS" around each; NS by the clock of the system it runs on. Static,
 * for the baseline x86-64, so that all run the same bytes. The rows with a shell line are busybox's work.
 */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static volatile uint64_t sink;

/* ---- integers, calls, memory, floating point --------------------------------------------------- */

static void integers(void)
{
    uint64_t x = 88172645463325252u, sum = 0;

    for (unsigned i = 0; i < 8000000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        sum += (x & 1) ? x >> 60 : i;
    }
    sink = sum;
}

static void sieve(void)
{
    enum { LIMIT = 4000000 };
    unsigned char *composite = calloc(LIMIT + 1, 1);
    unsigned primes = 0;

    for (unsigned i = 2; i <= LIMIT; i++) {
        if (composite[i])
            continue;
        primes++;
        for (uint64_t j = (uint64_t)i * i; j <= LIMIT; j += i)
            composite[j] = 1;
    }
    sink = primes;
    free(composite);
}

static __attribute__((noinline)) unsigned fibonacci(unsigned n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static void calls(void)
{
    sink = fibonacci(33);
}

static void copies(void)
{
    enum { LEN = 1 << 20 };
    char *a = malloc(LEN), *b = malloc(LEN);

    memset(a, 1, LEN);
    for (unsigned i = 0; i < 200; i++) {
        memcpy(b, a, LEN);
        a[i] = b[LEN - 1 - i] ^ (char)i;
    }
    sink = (uint64_t)a[7];
    free(a);
    free(b);
}

/* With one CPU nobody else writes the words: a software CPU may do without what makes them atomic. */
static void atomics(void)
{
    static uint64_t words[64], last;

    for (unsigned i = 0; i < 4000000; i++) {
        uint64_t old = __atomic_fetch_add(&words[i % 64], i, __ATOMIC_SEQ_CST);

        __atomic_compare_exchange_n(&words[(i + 7) % 64], &old, old + 1, 0, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        last = __atomic_exchange_n(&words[(i + 13) % 64], last, __ATOMIC_SEQ_CST);
        __atomic_or_fetch(&words[(i + 29) % 64], 1, __ATOMIC_SEQ_CST);
    }
    sink = last;
}

static void floating(void)
{
    enum { N = 96 };
    static double a[N][N], b[N][N], c[N][N];

    for (unsigned i = 0; i < N * N; i++) {
        a[i / N][i % N] = 1.0 / (i + 1);
        b[i / N][i % N] = i * 0.5;
    }
    for (unsigned round = 0; round < 50; round++) {
        for (unsigned i = 0; i < N; i++) {
            for (unsigned j = 0; j < N; j++) {
                double sum = 0;

                for (unsigned k = 0; k < N; k++)
                    sum += a[i][k] * b[k][j];
                c[i][j] += sum;
            }
        }
    }
    sink = (uint64_t)c[3][5];
}

/* ---- the kernel ------------------------------------------------------------------------------ */

static void null_calls(void)
{
    for (unsigned i = 0; i < 100000; i++)
        syscall(SYS_getppid);
}

static void fork_exec(void)
{
    char *argv[] = { (char *)"true", NULL };

    for (unsigned i = 0; i < 40; i++) {
        pid_t child = fork();

        if (child == 0) {
            execvp(argv[0], argv);
            _exit(127);
        }
        waitpid(child, NULL, 0);
    }
}

static void pipe_switches(void)
{
    int to[2], from[2];
    char byte = 'x';
    pid_t child;

    if (pipe(to) != 0 || pipe(from) != 0)
        exit(1);
    child = fork();
    if (child == 0) {
        while (read(to[0], &byte, 1) == 1 && byte != 'e')
            if (write(from[1], &byte, 1) != 1)
                break;
        _exit(0);
    }
    for (unsigned i = 0; i < 3000; i++) {
        if (write(to[1], &byte, 1) != 1 || read(from[0], &byte, 1) != 1)
            exit(1);
    }
    byte = 'e';
    sink = (uint64_t)write(to[1], &byte, 1);
    waitpid(child, NULL, 0);
}

static void page_faults(void)
{
    enum { LEN = 8 << 20 };

    for (unsigned round = 0; round < 8; round++) {
        char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        madvise(p, LEN, MADV_NOHUGEPAGE);
        for (unsigned i = 0; i < LEN; i += 4096)
            p[i] = 1;
        munmap(p, LEN);
    }
}

/* Two programs that are busy all the time, for one CPU and for two. */
static void pair(void)
{
    for (unsigned i = 0; i < 2; i++) {
        if (fork() == 0) {
            for (unsigned round = 0; round < 6; round++) {
                integers();
                sieve();
                calls();
            }
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        ;
}

/* ---- all ------------------------------------------------------------------------------------- */

static const struct task {
    const char *name;
    void (*run)(void);
    const char *shell; /* instead of run */
    int named;         /* only when it is named */
} tasks[] = {
    { "integers", integers, NULL, 0 },
    { "sieve", sieve, NULL, 0 },
    { "calls", calls, NULL, 0 },
    { "copies", copies, NULL, 0 },
    { "atomics", atomics, NULL, 0 },
    { "floating", floating, NULL, 0 },
    { "null_calls", null_calls, NULL, 0 },
    { "fork_exec", fork_exec, NULL, 0 },
    { "pipe_switches", pipe_switches, NULL, 0 },
    { "page_faults", page_faults, NULL, 0 },
    { "sort", NULL, "seq 20000 | sort -r | sort -n >/dev/null", 0 },
    { "sha256sum", NULL, "head -c 3000000 /dev/zero | sha256sum >/dev/null", 0 },
    { "gzip", NULL, "seq 100000 | gzip -c >/dev/null", 0 },
    { "awk", NULL,
      "seq 60000 | awk '{ s += $1 % 7; t = substr($1, 1, 2) t % 10 } END { print s }' >/dev/null",
      0 },
    { "pair", pair, NULL, 1 },
};

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void run_shell(const char *line)
{
    char *argv[] = { (char *)"sh", (char *)"-c", (char *)(uintptr_t)line, NULL };
    pid_t child;

    if (posix_spawnp(&child, "sh", NULL, NULL, argv, environ) == 0)
        waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
        const struct task *t = &tasks[i];
        uint64_t start;

        if (argc > 1 && strcmp(argv[1], "list") == 0 && !t->named)
            puts(t->name);
        if (argc > 1 ? strcmp(argv[1], t->name) != 0 : t->named)
            continue;
        printf("bench begin %s\n", t->name);
        fflush(stdout);
        start = now_ns();
        if (t->run != NULL)
            t->run();
        else
            run_shell(t->shell);
        printf("bench end %s %llu\n", t->name, (unsigned long long)(now_ns() - start));
        fflush(stdout);
    }
    return 0;
}
