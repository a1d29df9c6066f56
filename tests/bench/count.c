/* SPDX-License-Identifier: MIT */
/*
 * count.c - what a piece of code does, exactly: system calls by a seccomp filter, instructions by
 * single steps
 *
 * Both work on any host, without performance counters. Neither is a measure of time.
 */
#include "bench.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Kills the process on anything but exit_group and, where request is not 0, that ioctl. */
static bool forbid_calls(unsigned long request)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 6),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, request != 0 ? SYS_ioctl : ~0u, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)request, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog prog = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
}

enum { CHILD_DONE = 42, CHILD_NO_FILTER = 43 };

enum calls_result calls_check(void (*ready)(void *ctx), void (*work)(void *ctx), void *ctx,
                              unsigned long request)
{
    pid_t pid = fork();
    int status;

    if (pid < 0)
        return CALLS_CANNOT_RUN;
    if (pid == 0) {
        if (ready != NULL)
            ready(ctx);
        if (request != CALLS_BY_WORK && !forbid_calls(request))
            _exit(CHILD_NO_FILTER);
        work(ctx);
        _exit(CHILD_DONE);
    }
    if (waitpid(pid, &status, 0) != pid)
        return CALLS_CANNOT_RUN;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return CALLS_SOME;
    return WIFEXITED(status) && WEXITSTATUS(status) == CHILD_DONE ? CALLS_NONE : CALLS_CANNOT_RUN;
}

void calls_begin(unsigned long request)
{
    if (!forbid_calls(request))
        _exit(CHILD_NO_FILTER);
}

void calls_done(void)
{
    _exit(CHILD_DONE);
}

long insn_count(void (*work)(void *ctx), void *ctx)
{
    pid_t pid = fork();
    long steps = 0;
    int status;

    if (pid < 0)
        return -1;
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(1);
        raise(SIGSTOP);
        work(ctx);
        _exit(CHILD_DONE);
    }
    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0)
            break;
        steps++;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == CHILD_DONE ? steps : -1;
}
