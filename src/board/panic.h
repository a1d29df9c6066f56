/* SPDX-License-Identifier: MIT */
/*
 * panic.h - finds out from a Linux kernel's console that it has panicked; used by the PC board
 *
 * Sits between the serial port and the console. A kernel writes its own lines with the port's interrupts off;
 * what programs print goes through the tty layer, by the transmitter's interrupt. So the same text from a program
 * is not taken for a panic. Neither is the line alone: what ends the machine must follow, a reset or a halt (the
 * board asks panic_seen), or a second in which the kernel prints nothing and no CPU halts, since a kernel that has
 * panicked waits in a loop. Everything here is under the machine lock.
 */
#ifndef BOARD_PANIC_H
#define BOARD_PANIC_H

#include "core/backend.h"
#include "core/machine.h"

enum {
    PANIC_TEXT = 160, /* of the message */
    PANIC_LINES = 16,
    PANIC_LINE = 128, /* of a line that is kept; the rest is cut off */
    PANIC_CALM_MS = 1000
};

/* Embedded. */
struct panic {
    /* set at creation */
    struct machine *m;
    struct chr out;            /* where all bytes go on to */
    bool (*polled)(void *ctx); /* whether the byte is written with the port's interrupts off */
    void *polled_ctx;
    /* of the line that is being written */
    char line[PANIC_LINE];
    unsigned len;
    bool foreign; /* part of it came by interrupt */
    /* since the panic's line */
    bool seen;
    char text[PANIC_TEXT];               /* after "Kernel panic - not syncing: " */
    char lines[PANIC_LINES][PANIC_LINE]; /* the kernel's last lines, a ring; printable ASCII */
    unsigned nlines;
    uint64_t halts; /* of all CPUs when it began to be calm */
    struct timer calm;
};

/* The machine, next's context and polled_ctx are borrowed. */
void panic_init(struct panic *p, struct machine *m, struct chr next, bool (*polled)(void *ctx),
                void *polled_ctx);

/* The interface for the serial port; borrows p. */
struct chr panic_chr(struct panic *p);

/* The kernel has said that it panics, and has not gone on as if nothing had been. */
bool panic_seen(const struct panic *p);

/* The kernel's last lines, oldest first, each with a newline; cut to len with its NUL. */
void panic_last_lines(const struct panic *p, char *buf, size_t len);

/* As after power-up. */
void panic_reset(struct panic *p);

#endif
