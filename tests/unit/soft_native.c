/* SPDX-License-Identifier: MIT */
/*
 * soft_native.c - a signal frame as the door into any register state, and out of it
 *
 * INT3 in native_run raises SIGTRAP; the handler keeps the frame's registers and puts the test's there, and
 * returns into the instruction. The trap after it, or its fault, comes to the same handler, which takes
 * the registers and puts the first ones back. Code and read-only page are mapped twice: never writable
 * where they are executed.
 */
#include "soft_native.h"

#include <asm/hwcap2.h>
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <cpuid.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { TF = 0x100, INT1 = 0xf1, ALT_STACK = 65536, FILE_LEN = WINDOW_PAGE + WINDOW_DATA_LEN };

enum phase { OUTSIDE, ENTERING, INSIDE };

/* A signal handler has no argument of its own. */
static _Thread_local struct {
    volatile sig_atomic_t phase;
    enum x86_code code;
    const struct native_regs *in;
    struct native_end *out;
    gregset_t saved;
} now;

/* In the order of enum x86_gpr. */
static const int greg_of[X86_NGPR] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                       REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                       REG_R12, REG_R13, REG_R14, REG_R15 };

static const int signals[] = { SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGILL };

enum { NSIGNALS = sizeof(signals) / sizeof(signals[0]) };

static void enter(greg_t *g)
{
    uint64_t cs = now.code == X86_CODE_16 ? NATIVE_CS16 : NATIVE_CS32;
    uint64_t ss = now.code == X86_CODE_16 ? NATIVE_DS16 : NATIVE_DS32;

    memcpy(now.saved, g, sizeof(now.saved));
    for (unsigned i = 0; i < X86_NGPR; i++)
        g[greg_of[i]] = (greg_t)now.in->gpr[i];
    g[REG_RIP] = (greg_t)now.in->rip;
    g[REG_EFL] = (greg_t)(now.in->rflags | TF);
    if (now.code != X86_CODE_64)
        g[REG_CSGSFS] =
            (greg_t)(((uint64_t)g[REG_CSGSFS] & UINT64_C(0x0000ffffffff0000)) | cs | ss << 48);
    now.phase = INSIDE;
}

/* soft_native_entry.S; written by native_open alone. */
extern uint64_t native_thread_base, native_has_bases;
void native_entry(int sig, siginfo_t *info, void *context);
void native_on_signal(int sig, siginfo_t *info, void *context, uint32_t fs, uint64_t fs_base,
                      uint64_t gs_base);

/* CS and SS are in the frame; this handler, being 64-bit code, does without ES, DS and GS. */
static void leave_segments(const greg_t *g, struct native_end *out)
{
    uint32_t es, ds, gs;

    __asm__ volatile("mov %%es, %0\n\tmov %%ds, %1\n\tmov %%gs, %2" : "=r"(es), "=r"(ds), "=r"(gs));
    out->sel[X86_ES] = (uint16_t)es;
    out->sel[X86_DS] = (uint16_t)ds;
    out->sel[X86_GS] = (uint16_t)gs;
    out->sel[X86_CS] = (uint16_t)g[REG_CSGSFS];
    out->sel[X86_SS] = (uint16_t)((uint64_t)g[REG_CSGSFS] >> 48);
}

static void leave(greg_t *g)
{
    leave_segments(g, now.out);
    for (unsigned i = 0; i < X86_NGPR; i++)
        now.out->regs.gpr[i] = (uint64_t)g[greg_of[i]];
    now.out->regs.rip = (uint64_t)g[REG_RIP];
    now.out->regs.rflags = (uint64_t)g[REG_EFL];
    now.out->vector = (unsigned)g[REG_TRAPNO];
    now.out->error = (uint32_t)g[REG_ERR];
    now.out->cr2 = (uint64_t)g[REG_CR2];
    memcpy(g, now.saved, sizeof(now.saved));
    now.phase = OUTSIDE;
}

void native_on_signal(int sig, siginfo_t *info, void *context, uint32_t fs, uint64_t fs_base,
                      uint64_t gs_base)
{
    ucontext_t *uc = context;

    (void)info;
    if (now.phase == ENTERING) {
        enter(uc->uc_mcontext.gregs);
    } else if (now.phase == INSIDE) {
        now.out->sel[X86_FS] = (uint16_t)fs;
        now.out->fs_base = fs_base;
        now.out->gs_base = gs_base;
        leave(uc->uc_mcontext.gregs);
    } else {
        signal(sig, SIG_DFL); /* a real crash of the test: again, without us */
    }
}

/* ---- the window ------------------------------------------------------------------------------- */

static bool map(int fd, uint64_t at, uint64_t len, int prot, uint64_t offset)
{
    /* The window's address is a number by design: the software CPU has the same one. */
    void *want = (void *)(uintptr_t)(WINDOW + at); // NOLINT

    if (mmap(want, len, prot, MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, fd, (off_t)offset) !=
        want)
        return false;
    /* Present before the first access, as the software CPU's tables say. */
    for (uint64_t i = 0; i < len; i += WINDOW_PAGE)
        (void)*((const volatile uint8_t *)want + i);
    return true;
}

static bool map_window(struct native *n)
{
    int fd = memfd_create("window", MFD_CLOEXEC);
    uint8_t *all = MAP_FAILED;
    bool good;

    if (fd < 0)
        return false;
    if (ftruncate(fd, FILE_LEN) == 0)
        all = mmap(NULL, FILE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    good = all != MAP_FAILED && map(fd, WINDOW_CODE, WINDOW_PAGE, PROT_READ | PROT_EXEC, 0) &&
           map(fd, WINDOW_DATA, WINDOW_RO - WINDOW_DATA, PROT_READ | PROT_WRITE, WINDOW_PAGE) &&
           map(fd, WINDOW_RO, WINDOW_PAGE, PROT_READ, WINDOW_PAGE + WINDOW_RO - WINDOW_DATA);
    close(fd);
    if (!good)
        return false;
    n->code = all;
    n->data = all + WINDOW_PAGE;
    return true;
}

/* CONTENTS: 0 data, 1 stack (expand-down), 2 code */
static const struct user_desc ldt[NATIVE_LDT] = {
    { .entry_number = NATIVE_CS16 >> 3, .base_addr = WINDOW, .limit = 0xffff, .contents = 2 },
    { .entry_number = NATIVE_DS16 >> 3, .base_addr = WINDOW, .limit = 0xffff, .contents = 0 },
    { .entry_number = 2, .limit = 0x12345, .contents = 2, .read_exec_only = 1, .seg_32bit = 1 },
    { .entry_number = 3,
      .limit = 0x12345,
      .contents = 0,
      .read_exec_only = 1,
      .limit_in_pages = 1 },
    { .entry_number = 4, .limit = 0x456, .contents = 1, .seg_32bit = 1 },
    { .entry_number = 5, .limit = 0x789, .contents = 1, .read_exec_only = 1, .useable = 1 },
    { .entry_number = 6, .limit = 0xabc, .contents = 0, .seg_not_present = 1 },
    { .entry_number = 7, .base_addr = WINDOW, .limit = 0xfff, .contents = 2, .seg_32bit = 1 },
    { .entry_number = 8, .limit = 0xfffff, .contents = 2, .limit_in_pages = 1 },
    { .entry_number = 9,
      .limit = 0xfffff,
      .contents = 2,
      .seg_32bit = 1,
      .limit_in_pages = 1,
      .seg_not_present = 1 },
    { .entry_number = 10,
      .limit = 0xfffff,
      .contents = 3, /* conforming: Linux allows it where it cannot be entered */
      .seg_32bit = 1,
      .limit_in_pages = 1,
      .seg_not_present = 1 },
    { .entry_number = 11,
      .limit = 0xfffff,
      .contents = 2,
      .read_exec_only = 1,
      .seg_32bit = 1,
      .limit_in_pages = 1 },
    { .entry_number = 12, .limit = 0xfffff, .contents = 0, .seg_32bit = 1, .limit_in_pages = 1 },
    { .entry_number = 13, .limit = 0, .read_exec_only = 1, .seg_not_present = 1 }, /* empty */
};

uint64_t native_ldt_entry(unsigned n)
{
    const struct user_desc *d = &ldt[n];
    uint64_t type =
        1 | (d->read_exec_only ? 0 : 2) | d->contents << 2; /* Linux marks all as accessed */
    uint64_t access = type | 1 << 4 | 3 << 5 | (d->seg_not_present ? 0 : 1 << 7);
    uint64_t flags = d->useable | d->seg_32bit << 2 | d->limit_in_pages << 3;

    if (n == NATIVE_LDT - 1)
        return 0;
    return (d->limit & 0xffff) | (uint64_t)(d->base_addr & 0xffffff) << 16 | access << 40 |
           (uint64_t)(d->limit >> 16) << 48 | flags << 52 | (uint64_t)(d->base_addr >> 24) << 56;
}

static bool make_ldt(void)
{
    for (unsigned i = 0; i < NATIVE_LDT; i++) {
        struct user_desc d = ldt[i];

        if (syscall(SYS_modify_ldt, 0x11, &d, sizeof(d)) != 0)
            return false;
    }
    return true;
}

static bool catch_signals(void)
{
    stack_t stack = { .ss_sp = malloc(ALT_STACK), .ss_size = ALT_STACK };
    struct sigaction act = { .sa_flags = SA_SIGINFO | SA_ONSTACK };

    act.sa_sigaction = native_entry;
    if (stack.ss_sp == NULL || sigaltstack(&stack, NULL) != 0)
        return false;
    for (unsigned i = 0; i < NSIGNALS; i++) {
        if (sigaction(signals[i], &act, NULL) != 0)
            return false;
    }
    return true;
}

void native_close(struct native *n)
{
    stack_t stack, none = { .ss_flags = SS_DISABLE };

    for (unsigned i = 0; i < NSIGNALS; i++)
        signal(signals[i], SIG_DFL);
    if (sigaltstack(&none, &stack) == 0)
        free(stack.ss_sp);
    munmap((void *)(uintptr_t)WINDOW, WINDOW_END); // NOLINT
    munmap(n->code, FILE_LEN);
}

/* ---- one instruction --------------------------------------------------------------------------- */

static void set_data_segments(uint16_t selector)
{
    __asm__ volatile("mov %0, %%ds\n\tmov %0, %%es\n\tmov %1, %%gs"
                     :
                     : "r"((uint32_t)selector), "r"(0)
                     : "memory");
}

/* Linux has no use for it in a 64-bit process; a null selector leaves it alone on some CPUs. */
static void set_gs_base(const struct native *n, uint64_t base)
{
    if (n->has_bases)
        __asm__ volatile("wrgsbase %0" : : "r"(base));
}

/* NT and ID: SIGRETURN leaves them as they are. */
static void set_flags(uint64_t rflags)
{
    const uint64_t kept = X86_RFLAGS_NT | X86_RFLAGS_ID;
    uint64_t flags = __builtin_ia32_readeflags_u64();

    __builtin_ia32_writeeflags_u64((flags & ~kept) | (rflags & kept));
}

void native_run(struct native *n, enum x86_code code, const struct native_regs *in,
                struct native_end *out)
{
    now.code = code;
    now.in = in;
    now.out = out;
    now.phase = ENTERING;
    set_data_segments(code == X86_CODE_64 ? 0 : code == X86_CODE_16 ? NATIVE_DS16 : NATIVE_DS32);
    set_gs_base(n, in->gs_base);
    set_flags(in->rflags);
    __asm__ volatile("int3" : : : "memory");
    set_data_segments(0);
    set_gs_base(n, 0);
    set_flags(0);
}

/* ---- which CPU this is ---------------------------------------------------------------------------- */

static bool null_keeps_base(void)
{
    uint64_t base;

    __asm__ volatile("wrgsbase %1\n\tmov %2, %%gs\n\trdgsbase %0\n\twrgsbase %3"
                     : "=&r"(base)
                     : "r"(UINT64_C(0x1000)), "r"(0), "r"(UINT64_C(0)));
    return base != 0;
}

static bool under_hypervisor(void)
{
    unsigned eax, ebx, ecx = 0, edx;

    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx >> 31;
}

static bool stays_at_int1(struct native *n)
{
    const struct native_regs in = { .rip = WINDOW, .rflags = X86_RFLAGS_FIXED | X86_RFLAGS_IF };
    struct native_end end;

    n->code[0] = INT1;
    native_run(n, X86_CODE_64, &in, &end);
    return end.regs.rip == in.rip;
}

bool native_open(struct native *n)
{
    n->has_bases = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
    if (syscall(SYS_arch_prctl, ARCH_GET_FS, &n->fs_base) != 0)
        return false;
    native_thread_base = n->fs_base;
    native_has_bases = n->has_bases;
    n->null_keeps_base = n->has_bases && null_keeps_base();
    if (!map_window(n) || !make_ldt() || !catch_signals())
        return false;
    n->int1_stays = under_hypervisor() && stays_at_int1(n);
    return true;
}
