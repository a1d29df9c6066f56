/* SPDX-License-Identifier: MIT */
/*
 * fuzz_chips.c - serial port, clock, keyboard, power management, x87 errors, ports for debugging, under random use by a
 * guest and by people
 *
 * Input: steps of an operation byte and its arguments (fuzz_take), zero when it ends in the middle. Held after each step:
 * what waits has a bound, a line is as high as the chip's own registers say, looking at registers changes none, and
 * timers run a bounded number of times.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "dev/acpi_pm.h"
#include "dev/debugcon.h"
#include "dev/debugexit.h"
#include "dev/ferr.h"
#include "dev/i8042.h"
#include "dev/mc146818.h"
#include "dev/sysports.h"
#include "dev/uart16550.h"
#include "fuzz.h"
#include "moved_time.h"

/* Each timer is for an event that is enabled and has not come: three of the clock, one each of two others. */
enum { STEPS_MAX = 4096, EVENTS_MAX = 5 };

enum { IRQ_KBD = 1, IRQ_SERIAL = 4, IRQ_CLOCK = 8, IRQ_SCI = 9, IRQ_FERR = 13, NIRQS = 16 };

enum { NCHIPS = 8 };

struct board {
    struct bus bus;
    struct timers timers;
    struct clock clock;
    struct dev *uart, *clk, *kbd, *pm, *sys, *ferr, *con, *exit;
    struct dev *chip[NCHIPS]; /* all of them */
    bool level[NIRQS];
    bool changes; /* a read of the guest's or a write: callbacks may come */
    uint64_t sent, writes, wall;
    struct fuzz_input in;
};

static uint64_t take(struct board *b, unsigned bytes)
{
    return fuzz_take(&b->in, bytes);
}

/* ---- the board --------------------------------------------------------------------------------- */

/* A line is set only when it changes. */
static void set_line(void *ctx, unsigned pin, bool level)
{
    struct board *b = ctx;

    CHECK(b->changes && pin < NIRQS && b->level[pin] != level);
    b->level[pin] = level;
}

static void see_sent(void *ctx, const void *bytes, size_t len)
{
    struct board *b = ctx;

    (void)bytes;
    CHECK(b->changes);
    b->sent += len;
}

static void see_end(void *ctx, uint32_t value)
{
    (void)value;
    CHECK(((struct board *)ctx)->changes);
}

static void see_room(void *ctx)
{
    struct board *b = ctx;

    CHECK(b->changes);
    if (b->writes & 1) /* the other half is told and does nothing */
        uart16550_receive(b->uart, "0123456789abcdefghij", 20);
}

static void see_call(void *ctx)
{
    CHECK(((struct board *)ctx)->changes);
}

static uint64_t wall(void *ctx)
{
    return ((struct board *)ctx)->wall;
}

static void attach(struct board *b, uint64_t base, uint64_t len, struct dev *dev)
{
    if (dev == NULL || bus_add(&b->bus, base, len, dev, NULL) < 0)
        abort();
}

static void build(struct board *b)
{
    static const struct chr_ops sink = { see_sent };
    uint64_t how = take(b, 1);

    time_reset();
    b->wall = take(b, 4);
    b->changes = true;
    b->uart = uart16550_new(&(struct uart16550_config){ .out = { &sink, b },
                                                        .irq = { set_line, b, IRQ_SERIAL },
                                                        .clock = &b->clock,
                                                        .timers = &b->timers,
                                                        .room = see_room,
                                                        .room_ctx = b,
                                                        .out2_gates = how & 1,
                                                        .rts_flow = how & 2 });
    b->clk = mc146818_new(&(struct mc146818_config){ .irq = { set_line, b, IRQ_CLOCK },
                                                     .clock = &b->clock,
                                                     .timers = &b->timers,
                                                     .wall = wall,
                                                     .wall_ctx = b,
                                                     .ram_below_4g = take(b, 4),
                                                     .ram_above_4g = take(b, 5) });
    b->kbd = i8042_new(&(struct i8042_config){ { set_line, b, IRQ_KBD }, see_call, b });
    b->pm = acpi_pm_new(&(struct acpi_pm_config){ .sci = { set_line, b, IRQ_SCI },
                                                  .clock = &b->clock,
                                                  .timers = &b->timers,
                                                  .timer_bits = how & 4 ? 32 : 24,
                                                  .s5_type = how >> 5,
                                                  .power_off = see_call,
                                                  .power_off_ctx = b });
    b->sys = sysports_new(&(struct sysports_config){ see_call, b });
    b->ferr = ferr_new(&(struct irq_line){ set_line, b, IRQ_FERR });
    b->con = debugcon_new(&(struct chr){ &sink, b });
    b->exit = debugexit_new(&(struct debugexit_line){ see_end, b });
    memcpy(b->chip,
           (struct dev *[]){ b->uart, b->clk, b->kbd, b->pm, b->sys, b->ferr, b->con, b->exit },
           sizeof(b->chip));
}

static void connect(struct board *b)
{
    attach(b, 0x3f8, UART16550_LEN, b->uart);
    attach(b, MC146818_PORT, MC146818_LEN, b->clk);
    attach(b, I8042_DATA_PORT, I8042_PART_LEN, i8042_part(b->kbd, I8042_DATA));
    attach(b, I8042_COMMAND_PORT, I8042_PART_LEN, i8042_part(b->kbd, I8042_COMMAND));
    attach(b, 0x600, ACPI_PM1_EVENT_LEN, acpi_pm_part(b->pm, ACPI_PM1_EVENT));
    attach(b, 0x604, ACPI_PM1_CONTROL_LEN, acpi_pm_part(b->pm, ACPI_PM1_CONTROL));
    attach(b, 0x608, ACPI_PM_TIMER_LEN, acpi_pm_part(b->pm, ACPI_PM_TIMER));
    attach(b, SYSPORTS_POST_PORT, 1, sysports_part(b->sys, SYSPORTS_POST));
    attach(b, SYSPORTS_92_PORT, 1, sysports_part(b->sys, SYSPORTS_92));
    attach(b, SYSPORTS_RESET_PORT, 1, sysports_part(b->sys, SYSPORTS_RESET));
    attach(b, FERR_PORT, 1, b->ferr);
    attach(b, DEBUGCON_PORT, DEBUGCON_LEN, b->con);
    attach(b, DEBUGEXIT_PORT, DEBUGEXIT_LEN, b->exit);
}

/* ---- steps ------------------------------------------------------------------------------------- */

static void access(struct board *b, uint64_t port, bool write, unsigned width)
{
    if (write)
        bus_write(&b->bus, port, width, take(b, width));
    else
        CHECK((bus_read(&b->bus, port, width) & ~ones(width)) == 0);
    b->writes += write;
}

/* Every fourth is of a random width. */
static void do_port(struct board *b, uint64_t how)
{
    static const uint16_t ports[] = { 0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe,
                                      0x3ff, 0x60,  0x64,  0x70,  0x71,  0x80,  0x92,
                                      0xcf9, 0x600, 0x602, 0x604, 0x608, 0x601, 0x603,
                                      0x605, 0x60a, 0xf0,  0xe9,  0xf4,  0xf5,  0xf7 };
    uint64_t port = ports[take(b, 1) % ARRAY_LEN(ports)];

    access(b, port, how & 1, how & 6 ? 1 : 1u << take(b, 1) % 4);
}

/* A byte of the clock, which two random accesses seldom reach; half the time register B. */
static void do_clock(struct board *b, uint64_t how)
{
    bus_write(&b->bus, MC146818_PORT, 1, how & 2 ? take(b, 1) : 0x0b);
    access(b, MC146818_PORT + 1, how & 1, 1);
}

/* Interrupts are let through. */
static void do_enable(struct board *b, uint64_t how)
{
    bus_write(&b->bus, 0x3fb, 1, 0x03);
    bus_write(&b->bus, 0x3fc, 1, 0x0b);
    bus_write(&b->bus, 0x3f9, 1, how);
    bus_write(&b->bus, 0x602, 2, 0x0101);
}

static void do_receive(struct board *b, uint64_t how)
{
    uint8_t bytes[64] = { 0 };
    size_t len = take(b, 1) % sizeof(bytes);

    if (how & 1)
        uart16550_break(b->uart);
    CHECK(uart16550_receive(b->uart, bytes, len) <= (len < 16 ? len : 16));
}

static void do_person(struct board *b, uint64_t how)
{
    switch (how & 3) {
    case 0:
        i8042_key(b->kbd, (unsigned)take(b, 2), how & 4);
        break;
    case 1:
        i8042_type(b->kbd, (char)take(b, 1));
        break;
    case 2:
        i8042_ctrl_alt_del(b->kbd);
        break;
    default:
        acpi_pm_power_button(b->pm);
        break;
    }
}

/* An x87 exception comes or goes, or the handler writes. */
static void do_ferr(struct board *b, uint64_t how)
{
    struct ferr *wires = ferr_wires(b->ferr);

    if (how & 2)
        wires->set(wires, how & 1);
    else
        access(b, FERR_PORT, how & 1, 1);
}

static void do_time(struct board *b, uint64_t how)
{
    uint64_t ns = take(b, 3) << how;

    CHECK(time_advance(&b->timers, ns) <= EVENTS_MAX);
}

static void do_reset(struct board *b, uint64_t how)
{
    struct dev *dev = b->chip[how % NCHIPS];

    if (dev->ops->reset != NULL)
        dev->ops->reset(dev);
}

/* how: 0..15 */
static void (*const steps[])(struct board *b, uint64_t how) = {
    do_port,    do_port,   do_port, do_clock, do_enable, do_receive, do_person, do_time,
    do_receive, do_person, do_time, do_clock, do_port,   do_port,    do_ferr,   do_reset,
};

/* ---- what must hold ---------------------------------------------------------------------------- */

static uint64_t reg(const struct dev_reg *rows, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].value;
    }
    abort();
}

/* Twice the same: looking changes nothing. */
static size_t look(const struct dev *dev, struct dev_reg rows[DEV_REGS_MAX])
{
    struct dev_reg again[DEV_REGS_MAX];
    size_t n = dev->ops->regs(dev, rows);

    CHECK(n > 0 && n <= DEV_REGS_MAX && dev->ops->regs(dev, again) == n);
    for (size_t i = 0; i < n; i++) {
        CHECK(rows[i].value == again[i].value);
        CHECK((rows[i].value & ~ones(rows[i].width)) == 0);
    }
    return n;
}

static void check(struct board *b)
{
    struct dev_reg r[DEV_REGS_MAX];
    size_t n;
    uint64_t events;

    b->changes = false;
    n = look(b->uart, r);
    CHECK(reg(r, n, "waiting") <= (reg(r, n, "FCR") & 1 ? 16 : 1));
    CHECK(!b->level[IRQ_SERIAL] || !(reg(r, n, "IIR") & 1));
    CHECK(b->level[IRQ_SERIAL] || reg(r, n, "IIR") & 1 || (reg(r, n, "MCR") & 0x18) != 0x08);
    n = look(b->clk, r);
    CHECK(reg(r, n, "C") >> 7 == b->level[IRQ_CLOCK]);
    n = look(b->ferr, r);
    CHECK(b->level[IRQ_FERR] == reg(r, n, "request"));
    CHECK(!reg(r, n, "IGNNE#") || (reg(r, n, "FERR#") && !reg(r, n, "request")));
    n = look(b->kbd, r);
    CHECK(b->level[IRQ_KBD] == (reg(r, n, "status") & reg(r, n, "command byte") & 1));
    CHECK(reg(r, n, "waiting") <= 2 + PS2KBD_ANSWERS + PS2KBD_KEYS);
    n = look(b->pm, r);
    events = reg(r, n, "PM1_STS") & reg(r, n, "PM1_EN");
    CHECK(b->level[IRQ_SCI] == (events != 0));
    look(sysports_part(b->sys, SYSPORTS_RESET), r);
    b->changes = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct board *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return 0;
    b->in = (struct fuzz_input){ data, size };
    build(b);
    connect(b);
    for (unsigned n = 0; n < STEPS_MAX && b->in.left > 0; n++) {
        uint64_t op = take(b, 1);

        steps[op & 15](b, op >> 4);
        check(b);
    }
    CHECK(b->sent <= b->writes);
    for (size_t i = 0; i < NCHIPS; i++)
        b->chip[i]->ops->free(b->chip[i]);
    CHECK(b->timers.first == NULL);
    free(b);
    return 0;
}
