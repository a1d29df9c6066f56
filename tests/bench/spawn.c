/* SPDX-License-Identifier: MIT */
/*
 * spawn.c - two commands as whole processes, by turns: time from start to end, and peak memory
 *
 *   bench-spawn PAIRS COMMAND [ARGUMENT ...] -- COMMAND [ARGUMENT ...]
 *
 * Output of both goes to /dev/null. It is a program of its own, and a small one, because the kernel
 * counts the memory of the starting process into a child's peak. A command that fails ends it all.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

extern char **environ;

struct command {
    char **argv;
    struct series us, rss_kib;
};

static void run_once(struct command *c, const posix_spawn_file_actions_t *quiet)
{
    uint64_t start = bench_ns();
    struct rusage usage;
    int status;
    pid_t pid;

    if (posix_spawn(&pid, c->argv[0], quiet, NULL, c->argv, environ) != 0)
        bench_die("%s: cannot be started", c->argv[0]);
    if (wait4(pid, &status, 0, &usage) != pid)
        bench_die("%s: lost", c->argv[0]);
    series_add(&c->us, (double)(bench_ns() - start) / 1000);
    series_add(&c->rss_kib, (double)usage.ru_maxrss);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        bench_die("%s: ended with status 0x%x", c->argv[0], (unsigned)status);
}

static char **after_dashes(char **argv)
{
    while (*argv != NULL && strcmp(*argv, "--") != 0)
        argv++;
    if (*argv == NULL)
        bench_die("usage: bench-spawn PAIRS COMMAND [ARGUMENT ...] -- COMMAND [ARGUMENT ...]");
    *argv = NULL;
    return argv + 1;
}

int main(int argc, char **argv)
{
    unsigned long pairs = bench_arg(argc, argv, 1, 1);
    struct command c[2] = { { .argv = argc > 2 ? argv + 2 : argv + argc } };
    posix_spawn_file_actions_t quiet;

    c[1].argv = after_dashes(c[0].argv);
    series_init(&c[0].us, "a_us", pairs);
    series_init(&c[0].rss_kib, "a_rss_kib", pairs);
    series_init(&c[1].us, "b_us", pairs);
    series_init(&c[1].rss_kib, "b_rss_kib", pairs);
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    for (unsigned long i = 0; i < pairs; i++) {
        run_once(&c[0], &quiet);
        run_once(&c[1], &quiet);
    }
    posix_spawn_file_actions_destroy(&quiet);
    printf("{\n");
    for (int i = 0; i < 2; i++) {
        json_series(&c[i].us, false);
        json_series(&c[i].rss_kib, false);
    }
    json_ratio("ratio", &c[0].us, &c[1].us, true);
    printf("}\n");
    for (int i = 0; i < 2; i++) {
        series_fini(&c[i].us);
        series_fini(&c[i].rss_kib);
    }
    return 0;
}
