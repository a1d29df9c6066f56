/* SPDX-License-Identifier: MIT */
/*
 * exit.h - why an engine came back, and the accounting of it
 *
 * One table a vCPU: reason x address x guest rip. It has a fixed size: a guest that invents new
 * addresses for ever fills it, and what comes then is counted in one row a reason
 * and direction. Addresses where nothing answers get a part of it only, since kernels search
 * whole ranges for tables of firmware and for cards.
 */
#ifndef CORE_EXIT_H
#define CORE_EXIT_H

#include <stdbool.h>
#include <stdint.h>

/* X(constant, name in views) */
#define EXIT_KINDS(X)                                                                             \
    X(KICKED, "kicked") /* somebody called kick; not the guest's doing */                         \
    X(PIO, "pio")       /* IN, OUT and their string forms */                                      \
    X(MMIO, "mmio")     /* memory access where there is no memory */                              \
    X(HLT, "hlt")                                                                                 \
    X(SHUTDOWN, "shutdown") /* triple fault */                                                    \
    X(DEBUG, "debug")       /* breakpoint, watchpoint or single step */                           \
    X(REFUSED, "refused")   /* the engine cannot execute this instruction */                      \
    X(MSR, "msr") /* RDMSR, WRMSR of the local APIC, or one unknown to the engine; addr is it */  \
    /* The next two come from boards with an interrupt controller; the bare board has none. */    \
    X(IRQ_WINDOW, "irq-window")     /* the guest can take an interrupt now */                     \
    X(EOI, "eoi")                   /* level interrupt acknowledged; addr is the vector */        \
    X(SYSTEM_EVENT, "system-event") /* reset or power-off asked of the engine; addr says which */ \
    X(FAILED, "failed")             /* the engine could not enter the guest; detail says why */

#define X(name, text) EXIT_##name,
enum exit_kind { EXIT_KINDS(X) EXIT_NKINDS };
#undef X

/* What the engine could not do alone; the same for KVM and software. */
struct cpu_exit {
    enum exit_kind kind;
    bool write;
    bool nobody;        /* PIO, MMIO: no device has answered; set by the loop */
    bool more;          /* a further piece of the same instruction: an access, not an exit */
    uint8_t width;      /* PIO, MMIO: 1, 2, 4 or 8 bytes */
    uint8_t ninsn;      /* bytes valid in insn */
    uint8_t insn[15];   /* REFUSED: bytes at rip, where known; the instruction may be shorter */
    uint8_t watch_how;  /* DEBUG: by a watchpoint: enum watch_how of the access; else 0 */
    uint16_t watch_len; /* DEBUG by a watchpoint: bytes of the access; data is its linear address */
    uint64_t addr;      /* PIO: port; MMIO: guest-physical address; DEBUG: DR6 */
    uint64_t data;      /* zero-extended; the loop fills it in for reads. HLT: RFLAGS.IF, 0 or 1 */
    uint64_t rip;       /* of the instruction that caused the exit; KICKED: 0, none did */
    const char *detail; /* REFUSED, FAILED, SHUTDOWN: words, static; else NULL */
};

struct exit_row {
    enum exit_kind kind;
    bool write;
    bool other; /* stands for all keys that found no row; addr and rip are 0 */
    uint64_t addr, rip;
    uint64_t exits;    /* returns of the engine */
    uint64_t accesses; /* bus accesses; more than exits when an engine batches REP OUTS */
    uint64_t guest_ticks, monitor_ticks, monitor_worst_ticks;
    uint64_t helped; /* REFUSED: instructions that the helper executed because of them */
};

enum { EXIT_ROWS = 1024, EXIT_NOBODY_ROWS = 128, EXIT_OTHERS = 2 * EXIT_NKINDS, EXIT_RECENT = 16 };

struct exit_table {
    struct exit_row row[EXIT_ROWS];     /* open addressing; a row with accesses == 0 is free */
    struct exit_row other[EXIT_OTHERS]; /* [2 * kind + write] */
    struct exit_row *last;              /* most exits repeat the one before */
    uint32_t nrows, nobody;             /* rows in use; those of them where nobody has answered */
    uint64_t exits, accesses; /* sums of all rows but EXIT_KICKED, which is not the guest's */
    struct cpu_exit recent[EXIT_RECENT]; /* ring: the newest is at (nrecent - 1) % EXIT_RECENT */
    uint64_t nrecent;
};

/*
 * exit_account - count one exit
 *
 * guest_ticks    spent in the engine; monitor_ticks spent outside it, both of clock_ticks()
 *
 * No system call, no allocation. Thread: the vCPU's, under the machine lock.
 */
void exit_account(struct exit_table *t, const struct cpu_exit *x, uint64_t guest_ticks,
                  uint64_t monitor_ticks);

const char *exit_kind_name(enum exit_kind kind);

#endif
