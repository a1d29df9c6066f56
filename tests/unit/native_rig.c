/* SPDX-License-Identifier: MIT */
/*
 * native_rig.c - see native_rig.h
 *
 * A signal frame's floating-point part is an XSAVE area (Linux, asm/sigcontext.h), restored whole when the
 * handler returns. Handlers reach the run under way through a global: they get no other argument.
 */
#include "native_rig.h"

#include <assert.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum { PAGE = 4096, STACK = 256 * 1024, LEGACY = 416, HEADER = 512, AVX = 576, TRAP_BP = 3 };

struct run {
    struct native_state *s;
    const uint8_t *code;
    size_t len;
    gregset_t host;
    uint8_t host_fp[NATIVE_XSAVE];
};

static struct run *volatile running; /* raise() is thought to leave it alone */

static const int greg_of[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                 REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                 REG_R12, REG_R13, REG_R14, REG_R15 };

/* Handlers begin with the instruction's alignment check. The red zone is stepped over. */
static inline void stop_alignment_check(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
                     "pushfq\n\t"
                     "andq $~0x40000, (%%rsp)\n\t"
                     "popfq\n\t"
                     "lea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
}

static void start(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    uint8_t *fp = (uint8_t *)uc->uc_mcontext.fpregs;
    struct run *r = running;
    uint64_t bv;

    (void)sig;
    (void)info;
    memcpy(r->host, uc->uc_mcontext.gregs, sizeof(r->host));
    memcpy(r->host_fp, fp, NATIVE_XSAVE);
    for (unsigned i = 0; i < 16; i++)
        uc->uc_mcontext.gregs[greg_of[i]] = (greg_t)r->s->gpr[i];
    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)r->code;
    uc->uc_mcontext.gregs[REG_EFL] = (greg_t)r->s->rflags;
    memcpy(fp, r->s->xsave, LEGACY);
    memcpy(fp + AVX, r->s->xsave + AVX, NATIVE_XSAVE - AVX);
    memcpy(&bv, fp + HEADER, 8);
    bv |= 7;
    memcpy(fp + HEADER, &bv, 8);
}

static void end(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    uint8_t *fp = (uint8_t *)uc->uc_mcontext.fpregs;
    struct run *r = running;
    struct native_state *s = r->s;

    stop_alignment_check();
    (void)sig;
    (void)info;
    for (unsigned i = 0; i < 16; i++)
        s->gpr[i] = (uint64_t)uc->uc_mcontext.gregs[greg_of[i]];
    s->rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
    s->rflags = (uint64_t)uc->uc_mcontext.gregs[REG_EFL];
    s->vector = (int)uc->uc_mcontext.gregs[REG_TRAPNO];
    s->error = (uint64_t)uc->uc_mcontext.gregs[REG_ERR];
    s->cr2 = (uint64_t)uc->uc_mcontext.gregs[REG_CR2];
    if (s->vector == TRAP_BP && s->rip == (uint64_t)r->code + r->len + 1)
        s->vector = NATIVE_OK;
    memcpy(s->xsave, fp, LEGACY);
    memcpy(s->xsave + HEADER, fp + HEADER, NATIVE_XSAVE - HEADER);
    memcpy(uc->uc_mcontext.gregs, r->host, sizeof(r->host));
    memcpy(fp, r->host_fp, NATIVE_XSAVE);
}

static void handle(int sig, void (*fn)(int, siginfo_t *, void *))
{
    struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | SA_ONSTACK };

    sigfillset(&sa.sa_mask);
    /* Faults of the instruction arrive while no handler runs, so all may be blocked. */
    assert(sigaction(sig, &sa, NULL) == 0);
}

void native_open(struct native *n)
{
    static const int ends[] = { SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGILL };
    stack_t stack = { .ss_size = STACK };

    n->code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    n->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(n->code != MAP_FAILED && n->stack != MAP_FAILED);
    stack.ss_sp = n->stack;
    assert(sigaltstack(&stack, NULL) == 0);
    handle(SIGUSR1, start);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        handle(ends[i], end);
}

void native_close(struct native *n)
{
    stack_t stack = { .ss_flags = SS_DISABLE };

    sigaltstack(&stack, NULL);
    munmap(n->code, PAGE);
    munmap(n->stack, STACK);
}

void native_run(struct native *n, const uint8_t *bytes, size_t len, struct native_state *s)
{
    struct run r = { .s = s, .code = n->code, .len = len };

    assert(mprotect(n->code, PAGE, PROT_READ | PROT_WRITE) == 0);
    memcpy(n->code, bytes, len);
    n->code[len] = 0xcc;
    assert(mprotect(n->code, PAGE, PROT_READ | PROT_EXEC) == 0);
    running = &r;
    raise(SIGUSR1);
    running = NULL;
}
