/* SPDX-License-Identifier: MIT */
/*
 * system.c - benchmark programs that mostly ask the kernel: calls, processes, pages, signals, files
 */
#include "tasks.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

uint64_t task_null_calls(unsigned n)
{
    uint64_t same = 0;
    long parent = syscall(SYS_getppid);

    for (unsigned i = 0; i < n; i++)
        same += syscall(SYS_getppid) == parent;
    return same;
}

/* How many of n children end well; each is busybox's true. */
uint64_t task_fork_exec(unsigned n)
{
    char *argv[] = { (char *)(uintptr_t) "true", NULL };
    uint64_t well = 0;

    for (unsigned i = 0; i < n; i++) {
        int status;
        pid_t child = fork();

        if (child == 0) {
            execvp(argv[0], argv);
            _exit(127);
        }
        if (waitpid(child, &status, 0) != child)
            task_fail("waitpid");
        well += status == 0;
    }
    return well;
}

static void echo(int from, int to)
{
    unsigned char byte;

    while (read(from, &byte, 1) == 1) {
        byte++;
        if (write(to, &byte, 1) != 1)
            break;
    }
    _exit(0);
}

/* A byte goes to another process and back n times, which adds one each time. */
uint64_t task_pipe_switches(unsigned n)
{
    int to[2], from[2];
    unsigned char byte = 0;
    uint64_t sum = 0;
    pid_t child;

    if (pipe(to) != 0 || pipe(from) != 0)
        task_fail("pipe");
    child = fork();
    if (child == 0) {
        close(to[1]);
        echo(to[0], from[1]);
    }
    for (unsigned i = 0; i < n; i++) {
        if (write(to[1], &byte, 1) != 1 || read(from[0], &byte, 1) != 1)
            task_fail("a pipe");
        sum += byte;
    }
    close(to[1]);
    waitpid(child, NULL, 0);
    close(to[0]);
    close(from[0]);
    close(from[1]);
    return sum;
}

/* n times 8 MiB of new pages. */
uint64_t task_page_faults(unsigned n)
{
    enum { LEN = 8 << 20 };
    uint64_t sum = 0;

    for (unsigned round = 0; round < n; round++) {
        unsigned char *p =
            mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
            task_fail("mmap");
        madvise(p, LEN, MADV_NOHUGEPAGE);
        for (unsigned i = 0; i < LEN; i += 4096)
            sum += ++p[i];
        munmap(p, LEN);
    }
    return sum;
}

static volatile sig_atomic_t delivered;

static void on_signal(int signal)
{
    (void)signal;
    delivered++;
}

uint64_t task_signals(unsigned n)
{
    struct sigaction action = { .sa_handler = on_signal }, before;

    delivered = 0;
    sigaction(SIGUSR1, &action, &before);
    for (unsigned i = 0; i < n; i++)
        kill(getpid(), SIGUSR1);
    sigaction(SIGUSR1, &before, NULL);
    return (uint64_t)delivered;
}

/* ---- files in memory ------------------------------------------------------------------------------ */

static uint64_t one_file(const char *path, unsigned i)
{
    static char bytes[16384];
    size_t len = 512 + i * 61 % (sizeof(bytes) - 512);
    struct stat st;
    uint64_t sum;
    int fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);

    memset(bytes, (int)(i & 0x7f), len);
    if (fd < 0 || write(fd, bytes, len) != (ssize_t)len || fstat(fd, &st) != 0 ||
        lseek(fd, (off_t)(len / 2), SEEK_SET) < 0)
        task_fail(path);
    sum = (uint64_t)st.st_size + (uint64_t)read(fd, bytes, len);
    close(fd);
    return sum;
}

/* Writes, reads back, renames and removes n files, in a folder of a file system in memory: a guest's root is one. */
uint64_t task_files(unsigned n)
{
    char folder[64], path[96], other[96];
    uint64_t sum = 0;

    snprintf(folder, sizeof(folder), "%s/tasks.XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL)
        task_fail(folder);
    for (unsigned i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "%s/%u", folder, i % 64);
        snprintf(other, sizeof(other), "%s/other-%u", folder, i % 64);
        sum += one_file(path, i);
        if (rename(path, other) != 0)
            task_fail(path);
        if (i % 2 == 1)
            sum += unlink(other) == 0;
    }
    for (unsigned i = 0; i < 64; i++) {
        snprintf(other, sizeof(other), "%s/other-%u", folder, i);
        unlink(other);
    }
    if (rmdir(folder) != 0)
        task_fail(folder);
    return sum;
}
