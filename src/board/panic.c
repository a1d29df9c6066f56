/* SPDX-License-Identifier: MIT */
/*
 * panic.c - see panic.h
 *
 * Sources: what Linux prints, in kernel/panic.c (panic) and kernel/reboot.c; drivers/tty/serial/8250 for the
 * port's interrupts, which its console turns off for each line. Without: kernels with another console than the
 * first serial port; root may forge a line through /dev/kmsg, and then spin, or reset the machine by hand.
 */
#include "board/panic.h"

#include <stdio.h>
#include <string.h>

/* ---- lines ----------------------------------------------------------------------------------- */

/* After "[   12.345678]" and its kin, "[  T1]" say. */
static const char *after_stamps(const char *line)
{
    while (*line == '[') {
        const char *end = strchr(line, ']');

        if (end == NULL)
            break;
        line = end + 1;
        line += strspn(line, " ");
    }
    return line;
}

static const char *after_prefix(const char *line, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(line, prefix, len) == 0 ? line + len : NULL;
}

static void keep_line(struct panic *p)
{
    memcpy(p->lines[p->nlines++ % PANIC_LINES], p->line, p->len + 1);
}

/* A whole line of the kernel's. */
static void take_line(struct panic *p)
{
    const char *words = after_stamps(p->line);
    const char *text = after_prefix(words, "Kernel panic - not syncing: ");

    keep_line(p);
    if (text != NULL && !p->seen) {
        p->seen = true;
        snprintf(p->text, sizeof(p->text), "%s", text);
    } else if (after_prefix(words, "reboot: ") != NULL) {
        p->seen = false; /* it goes down in order: whatever it was, it was no panic */
    }
}

/* ---- the calm after -------------------------------------------------------------------------- */

static uint64_t count_halts(const struct machine *m)
{
    uint64_t halts = 0;

    for (unsigned i = 0; i < m->ncpus; i++) {
        const struct exit_table *t = &m->cpu[i]->exits;

        for (unsigned k = 0; k < EXIT_ROWS; k++)
            halts += t->row[k].kind == EXIT_HLT ? t->row[k].exits : 0;
        halts += t->other[2 * EXIT_HLT].exits;
    }
    return halts;
}

static void begin_calm(struct panic *p)
{
    p->halts = count_halts(p->m);
    timer_arm(&p->calm, clock_ns(&p->m->clock) + PANIC_CALM_MS * UINT64_C(1000000));
}

static void on_calm(void *ctx)
{
    struct panic *p = ctx;

    if (!p->seen)
        return;
    if (count_halts(p->m) == p->halts)
        machine_stop(p->m, STOP_PANIC, 0, -1);
    else
        begin_calm(p);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static void take_byte(struct panic *p, char byte)
{
    if (byte == '\r')
        return;
    p->foreign |= !p->polled(p->polled_ctx);
    if (byte != '\n') {
        if (p->len < PANIC_LINE - 1)
            p->line[p->len++] = byte >= ' ' && byte <= '~' ? byte : '.';
        return;
    }
    p->line[p->len] = '\0';
    if (!p->foreign)
        take_line(p);
    if (p->seen)
        begin_calm(p);
    p->len = 0;
    p->foreign = false;
}

static void panic_write(void *ctx, const void *bytes, size_t len)
{
    struct panic *p = ctx;
    const char *b = bytes;

    chr_write(&p->out, bytes, len);
    for (size_t i = 0; i < len; i++)
        take_byte(p, b[i]);
}

struct chr panic_chr(struct panic *p)
{
    static const struct chr_ops ops = { .write = panic_write };

    return (struct chr){ &ops, p };
}

void panic_init(struct panic *p, struct machine *m, struct chr next, bool (*polled)(void *ctx),
                void *polled_ctx)
{
    *p = (struct panic){ .m = m, .out = next, .polled = polled, .polled_ctx = polled_ctx };
    timer_init(&p->calm, &m->timers, on_calm, p);
}

bool panic_seen(const struct panic *p)
{
    return p->seen;
}

void panic_last_lines(const struct panic *p, char *buf, size_t len)
{
    unsigned first = p->nlines > PANIC_LINES ? p->nlines - PANIC_LINES : 0;
    size_t used = 0;

    buf[0] = '\0';
    for (unsigned i = first; i < p->nlines && used < len; i++)
        used += (size_t)snprintf(buf + used, len - used, "%s\n", p->lines[i % PANIC_LINES]);
}

void panic_reset(struct panic *p)
{
    timer_cancel(&p->calm);
    p->seen = p->foreign = false;
    p->len = p->nlines = 0;
}
