/* SPDX-License-Identifier: MIT */
/*
 * i8254.c - Intel 8254 as in a PC: ports, the line to irq 0, and system control port B
 *
 * Source: Intel data sheet 8254; IBM PC/AT Technical Reference, "System Timers" and "Port B": counter 0 is the
 * system timer, 1 was the memory refresh, 2 makes sound; GATE of 0 and 1 is high, of 2 it is bit 0 of port 0x61. Bit 4 of
 * that port toggles with each refresh, every 18 pulses, whatever counter 1 is programmed to. There is no sound and
 * no parity or channel check.
 */
#include "dev/i8254.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/names.h"
#include "dev/i8254_counter.h"

enum { NCOUNTERS = 3, CONTROL_PORT = 3, READ_BACK = 3, SPEAKER = 2, REFRESH_PULSES = 18 };

/* Ticks come no closer than this: a guest that asks for more must not keep the machine lock busy. */
enum { TICK_MIN_NS = 20000, NS_PER_S = 1000000000 };

enum {
    PORT_B_GATE2 = 1 << 0,
    PORT_B_WRITABLE = 0x0f,
    PORT_B_REFRESH = 1 << 4,
    PORT_B_OUT2 = 1 << 5
};

struct part {
    struct dev dev; /* first */
    struct i8254 *pit;
};

struct i8254 {
    struct part part[I8254_PARTS]; /* first: the machine's device is the first of them */
    struct machine *m;
    struct irq_line irq;
    struct counter counter[NCOUNTERS];
    uint8_t port_b; /* the writable bits */
    bool line;      /* level of irq */
    int64_t rise;   /* next rising edge of OUT 0 that has not been shown */
    struct timer timer;
};

/* ---- time -------------------------------------------------------------------------------------- */

static int64_t pulses_of(uint64_t ns)
{
    return (int64_t)(ns / NS_PER_S * I8254_HZ + ns % NS_PER_S * I8254_HZ / NS_PER_S);
}

/* The first nanosecond of a pulse. */
static uint64_t ns_of(int64_t pulse)
{
    uint64_t p = (uint64_t)pulse;

    return p / I8254_HZ * NS_PER_S + (p % I8254_HZ * NS_PER_S + I8254_HZ - 1) / I8254_HZ;
}

static int64_t now_of(const struct i8254 *p)
{
    return pulses_of(clock_ns(&p->m->clock));
}

/* ---- the line ---------------------------------------------------------------------------------- */

static void set_line(struct i8254 *p, bool level)
{
    if (level != p->line)
        irq_set(&p->irq, level);
    p->line = level;
}

/* Shows what has happened up to now: before anything is done to counter 0. */
static void catch_up(struct i8254 *p, int64_t now)
{
    if (p->rise <= now) {
        set_line(p, false);
        set_line(p, true);
    }
    set_line(p, counter_out(&p->counter[0], now));
}

/* Looks out for the next edge, at earliest at that time. */
static void look_out(struct i8254 *p, int64_t now, uint64_t earliest_ns)
{
    uint64_t ns;

    set_line(p, counter_out(&p->counter[0], now));
    p->rise = counter_next_rise(&p->counter[0], now);
    if (p->rise == COUNTER_NEVER) {
        timer_cancel(&p->timer);
        return;
    }
    ns = ns_of(p->rise);
    timer_arm(&p->timer, ns > earliest_ns ? ns : earliest_ns);
}

static void timer_due(void *ctx)
{
    struct i8254 *p = ctx;
    int64_t now = now_of(p);

    catch_up(p, now);
    look_out(p, now, clock_ns(&p->m->clock) + TICK_MIN_NS);
}

/* ---- ports ------------------------------------------------------------------------------------- */

/* Bit 5 low: latch the count; bit 4 low: the status; bits 3:1 which counters. */
static void read_back(struct i8254 *p, uint8_t val, int64_t now)
{
    for (unsigned i = 0; i < NCOUNTERS; i++) {
        if (!(val >> (i + 1) & 1))
            continue;
        if (!(val & 0x20))
            counter_latch(&p->counter[i], now);
        if (!(val & 0x10))
            counter_latch_status(&p->counter[i], now);
    }
}

static void write_control(struct i8254 *p, uint8_t val, int64_t now)
{
    unsigned which = val >> 6;

    if (which == READ_BACK)
        read_back(p, val, now);
    else if ((val & 0x30) == 0)
        counter_latch(&p->counter[which], now);
    else
        counter_control(&p->counter[which], val);
}

static uint64_t counters_read(struct dev *dev, uint64_t off, unsigned width)
{
    struct i8254 *p = ((struct part *)dev)->pit;

    (void)width;
    return off < NCOUNTERS ? counter_read(&p->counter[off], now_of(p)) : 0;
}

static void counters_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct i8254 *p = ((struct part *)dev)->pit;
    int64_t now = now_of(p);

    (void)width;
    catch_up(p, now);
    if (off == CONTROL_PORT)
        write_control(p, (uint8_t)val, now);
    else
        counter_write(&p->counter[off], (uint8_t)val, now);
    look_out(p, now, 0);
}

static uint8_t port_b(const struct i8254 *p)
{
    int64_t now = now_of(p);

    return (uint8_t)(p->port_b | (now / REFRESH_PULSES & 1 ? PORT_B_REFRESH : 0) |
                     (counter_out(&p->counter[SPEAKER], now) ? PORT_B_OUT2 : 0));
}

static uint64_t port_b_read(struct dev *dev, uint64_t off, unsigned width)
{
    (void)off, (void)width;
    return port_b(((struct part *)dev)->pit);
}

static void port_b_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct i8254 *p = ((struct part *)dev)->pit;

    (void)off, (void)width;
    p->port_b = val & PORT_B_WRITABLE;
    counter_gate(&p->counter[SPEAKER], val & PORT_B_GATE2, now_of(p));
}

/* ---- the device ------------------------------------------------------------------------------- */

static const struct bit_name status_rows[] = {
    { 0x01, "BCD", "decimal" },
    { 0x0e, "MODE", "0..5; 6 and 7 are 2 and 3" },
    { 0x30, "RW", "1 lower byte, 2 upper byte, 3 both" },
    { 0x40, "NULL", "a count has been written and not yet loaded" },
    { 0x80, "OUT", "output pin" },
};
static const struct bit_table status_bits = { status_rows, ARRAY_LEN(status_rows) };

static const struct bit_name port_b_rows[] = {
    { 0x01, "GATE2", "counter 2 counts" },
    { 0x02, "SPEAKER", "its output goes to the speaker" },
    { 0x04, "PARITY_OFF", "no parity check" },
    { 0x08, "CHANNEL_OFF", "no channel check" },
    { PORT_B_REFRESH, "REFRESH", "toggles with each refresh" },
    { PORT_B_OUT2, "OUT2", "output of counter 2" },
};
static const struct bit_table port_b_bits = { port_b_rows, ARRAY_LEN(port_b_rows) };

static size_t i8254_regs(const struct dev *dev, struct dev_reg *out)
{
    static const char *const names[NCOUNTERS][3] = {
        { "status 0", "count 0", "reload 0" },
        { "status 1", "count 1", "reload 1" },
        { "status 2", "count 2", "reload 2" },
    };
    const struct i8254 *p = ((const struct part *)dev)->pit;
    int64_t now = now_of(p);
    size_t n = 0;

    for (unsigned i = 0; i < NCOUNTERS; i++) {
        const struct counter *c = &p->counter[i];

        out[n++] = (struct dev_reg){ names[i][0], 1, &status_bits, counter_status(c, now) };
        out[n++] = (struct dev_reg){ names[i][1], 2, NULL, counter_value(c, now) };
        out[n++] = (struct dev_reg){ names[i][2], 4, NULL, c->cr };
    }
    out[n++] = (struct dev_reg){ "port 0x61", 1, &port_b_bits, port_b(p) };
    return n;
}

/* The data sheet leaves the state open: square waves without a count, so nothing runs. */
static void i8254_reset(struct dev *dev)
{
    struct i8254 *p = ((struct part *)dev)->pit;
    int64_t now = now_of(p);

    for (unsigned i = 0; i < NCOUNTERS; i++) {
        p->counter[i] = (struct counter){ .gate = i != SPEAKER };
        counter_control(&p->counter[i], 0x36);
    }
    p->port_b = 0;
    look_out(p, now, 0);
}

static void i8254_free(struct dev *dev)
{
    struct i8254 *p = ((struct part *)dev)->pit;

    timer_cancel(&p->timer);
    free(p);
}

static const struct dev_ops part_ops[I8254_PARTS] = {
    [I8254_COUNTERS] = { .name = "i8254",
                         .widths = W8,
                         .read = counters_read,
                         .write = counters_write,
                         .reset = i8254_reset,
                         .bytes = sizeof(struct i8254),
                         .free = i8254_free,
                         .regs = i8254_regs },
    [I8254_PORT_B] = { .name = "port-b", .widths = W8, .read = port_b_read, .write = port_b_write },
};

struct dev *i8254_new(struct machine *m, const struct irq_line *irq)
{
    struct i8254 *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    for (unsigned i = 0; i < I8254_PARTS; i++)
        p->part[i] = (struct part){ { .ops = &part_ops[i] }, p };
    p->m = m;
    p->irq = *irq;
    timer_init(&p->timer, &m->timers, timer_due, p);
    i8254_reset(&p->part[0].dev);
    return &p->part[0].dev;
}

struct dev *i8254_part(struct dev *dev, enum i8254_part part)
{
    return &((struct part *)dev)->pit->part[part].dev;
}
