/* SPDX-License-Identifier: MIT */
/* test_uart16550.c - register scripts of the serial port. Source: data sheet PC16550D. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "chip_rig.h"
#include "dev/uart16550.h"

enum { RBR = 0, THR = 0, DLL = 0, IER = 1, DLM = 1, IIR = 2, FCR = 2, LCR, MCR, LSR, MSR, SCR };

/* Four characters of 8N1 at divisor 1 are 4 * 10 * 16 periods of the crystal. */
enum { FOUR_NS = 347222 };

struct rig {
    struct dev *dev;
    struct bus bus;
    struct timers timers;
    struct clock clock;
    char sent[64];
    size_t nsent;
    bool level;
    unsigned rises, rooms;
    unsigned refill; /* bytes that the room callback still has to send */
    bool busy;       /* the line takes nothing */
};

static void see_irq(void *ctx, unsigned pin, bool level)
{
    struct rig *r = ctx;

    assert_int_equal(pin, 4);
    r->rises += level && !r->level;
    r->level = level;
}

static void see_sent(void *ctx, const void *bytes, size_t len)
{
    struct rig *r = ctx;

    assert_true(len < sizeof(r->sent) - r->nsent);
    memcpy(r->sent + r->nsent, bytes, len);
    r->nsent += len;
}

static void see_room(void *ctx)
{
    struct rig *r = ctx;

    r->rooms++;
    while (r->refill > 0 && uart16550_receive(r->dev, "r", 1) == 1)
        r->refill--;
    if (r->refill > 0) /* asks to be told again */
        assert_int_equal(uart16550_receive(r->dev, "r", 1), 0);
}

static bool see_ready(void *ctx)
{
    return !((struct rig *)ctx)->busy;
}

static const struct chr_ops sink = { see_sent };

static void make(struct rig *r, bool out2_gates, bool rts_flow)
{
    struct uart16550_config cfg = {
        .out = { &sink, r },
        .irq = { see_irq, r, 4 },
        .clock = &r->clock,
        .timers = &r->timers,
        .room = see_room,
        .room_ctx = r,
        .ready = see_ready,
        .ready_ctx = r,
        .out2_gates = out2_gates,
        .rts_flow = rts_flow,
    };

    *r = (struct rig){ .nsent = 0 };
    time_reset();
    r->dev = uart16550_new(&cfg);
    assert_non_null(r->dev);
    assert_int_equal(bus_add(&r->bus, 0x3f8, UART16550_LEN, r->dev, NULL), 0);
}

static void drop(struct rig *r)
{
    r->dev->ops->free(r->dev);
    assert_null(r->timers.first);
}

/* ---- steps ------------------------------------------------------------------------------------- */

/* register, value */
static void wr(void *rig, const struct step *s)
{
    bus_write(&((struct rig *)rig)->bus, 0x3f8 + s->arg[0], 1, s->arg[1]);
}

/* register, value wanted */
static void rd(void *rig, const struct step *s)
{
    step_expect(s, "the register", bus_read(&((struct rig *)rig)->bus, 0x3f8 + s->arg[0], 1),
                s->arg[1]);
}

/* first byte, how many come in counting up, how many are to be taken */
static void in(void *rig, const struct step *s)
{
    uint8_t bytes[64];

    for (size_t i = 0; i < s->arg[1]; i++)
        bytes[i] = (uint8_t)(s->arg[0] + i);
    step_expect(s, "bytes taken", uart16550_receive(((struct rig *)rig)->dev, bytes, s->arg[1]),
                s->arg[2]);
}

/* whether it is taken */
static void brk(void *rig, const struct step *s)
{
    step_expect(s, "break", uart16550_break(((struct rig *)rig)->dev), s->arg[0]);
}

/* level, rising edges so far */
static void irq(void *rig, const struct step *s)
{
    step_expect(s, "the line", ((struct rig *)rig)->level, s->arg[0]);
    step_expect(s, "rising edges", ((struct rig *)rig)->rises, s->arg[1]);
}

static void pass(void *rig, const struct step *s)
{
    time_advance(&((struct rig *)rig)->timers, s->arg[0]);
}

/* whether the line takes nothing */
static void busy(void *rig, const struct step *s)
{
    struct rig *r = rig;

    r->busy = s->arg[0];
    if (!r->busy)
        uart16550_ready(r->dev);
}

/* calls of the room callback so far */
static void rooms(void *rig, const struct step *s)
{
    step_expect(s, "calls", ((struct rig *)rig)->rooms, s->arg[0]);
}

static void refill(void *rig, const struct step *s)
{
    ((struct rig *)rig)->refill = (unsigned)s->arg[0];
}

/* bytes sent so far, the last of them */
static void sent(void *rig, const struct step *s)
{
    struct rig *r = rig;

    step_expect(s, "bytes sent", r->nsent, s->arg[0]);
    if (r->nsent > 0)
        step_expect(s, "the last", (uint8_t)r->sent[r->nsent - 1], s->arg[1]);
}

static void reset(void *rig, const struct step *s)
{
    (void)s;
    ((struct rig *)rig)->dev->ops->reset(((struct rig *)rig)->dev);
}

static void refused(void *rig, const struct step *s)
{
    step_expect(s, "refused", ((struct rig *)rig)->dev->refused, s->arg[0]);
}

#define SCRIPT(gates, flow, ...)                            \
    do {                                                    \
        static const struct step steps[] = { __VA_ARGS__ }; \
        struct rig r;                                       \
                                                            \
        make(&r, gates, flow);                              \
        RUN(&r, steps);                                     \
        drop(&r);                                           \
    } while (0)

/* 115200 baud, 8N1. */
#define LINE STEP(wr, LCR, 0x83), STEP(wr, DLL, 1), STEP(wr, DLM, 0), STEP(wr, LCR, 0x03)

/* ---- scripts ----------------------------------------------------------------------------------- */

static void after_reset(void **state)
{
    (void)state;
    SCRIPT(true, false, STEP(rd, IER, 0), STEP(rd, IIR, 0x01), STEP(rd, LCR, 0), STEP(rd, MCR, 0),
           STEP(rd, LSR, 0x60), STEP(rd, MSR, 0xb0), STEP(rd, RBR, 0), STEP(irq, 0, 0));
    SCRIPT(true, false, LINE, STEP(wr, SCR, 0x5a), STEP(wr, IER, 0x0f), STEP(wr, MCR, 0x0b),
           STEP(wr, FCR, 0xc1), STEP(in, 'a', 3, 3), STEP(irq, 1, 1), STEP(reset, 0),
           STEP(irq, 0, 1), STEP(rd, IER, 0), STEP(rd, IIR, 0x01), STEP(rd, MCR, 0),
           STEP(rd, LSR, 0x60), STEP(rd, SCR, 0x5a), STEP(wr, LCR, 0x80), STEP(rd, DLL, 1),
           STEP(pass, 10 * FOUR_NS), STEP(irq, 0, 1));
}

/* Bits that are not there read 0. The divisor covers the first two registers, no others. */
static void plain_registers(void **state)
{
    (void)state;
    SCRIPT(true, false, STEP(wr, SCR, 0xa5), STEP(rd, SCR, 0xa5), STEP(wr, IER, 0xff),
           STEP(rd, IER, 0x0f), STEP(wr, MCR, 0xff), STEP(rd, MCR, 0x1f), STEP(wr, LCR, 0xff),
           STEP(rd, LCR, 0xff), STEP(wr, DLL, 0x34), STEP(wr, DLM, 0x12), STEP(rd, DLL, 0x34),
           STEP(rd, DLM, 0x12), STEP(rd, IIR, 0x02), STEP(wr, LCR, 0x7f), STEP(rd, IER, 0x0f),
           STEP(wr, LSR, 0), STEP(wr, MSR, 0), STEP(rd, LSR, 0x60), STEP(refused, 2),
           STEP(sent, 0, 0));
}

/* A wider access is one to each register. */
static void widths(void **state)
{
    struct rig r;

    (void)state;
    make(&r, true, false);
    bus_write(&r.bus, 0x3f8 + LCR, 2, 0x0b83);
    bus_write(&r.bus, 0x3f8 + DLL, 2, 0x1234);
    assert_int_equal(bus_read(&r.bus, 0x3f8 + DLL, 4), 0x83011234);
    assert_int_equal(bus_read(&r.bus, 0x3f8 + MCR, 4), 0x00b0600b);
    assert_int_equal(bus_read(&r.bus, 0x3f8 + LSR, 4), UINT32_MAX); /* crosses the end */
    drop(&r);
}

static void sends(void **state)
{
    (void)state;
    SCRIPT(true, false, STEP(wr, THR, 'x'), STEP(sent, 1, 'x'), STEP(rd, LSR, 0x60), LINE,
           STEP(wr, FCR, 0x07), STEP(wr, THR, 0xff), STEP(sent, 2, 0xff), STEP(rd, LSR, 0x60),
           STEP(wr, LCR, 0x43), STEP(wr, THR, 'y'), /* lost in the break */
           STEP(sent, 2, 0xff), STEP(wr, LCR, 0x03), STEP(wr, THR, 'z'), STEP(sent, 3, 'z'));
}

/* The transmitter's interrupt: when enabled, once told, again after each byte. */
static void transmitter_interrupt(void **state)
{
    (void)state;
    SCRIPT(true, false, STEP(wr, MCR, 0x08), STEP(rd, MSR, 0xb0), STEP(wr, IER, 0x02),
           STEP(irq, 1, 1), STEP(rd, LSR, 0x60), STEP(irq, 1, 1), STEP(rd, IIR, 0x02),
           STEP(irq, 0, 1), STEP(rd, IIR, 0x01), STEP(wr, IER, 0x02), /* was enabled before */
           STEP(irq, 0, 1), STEP(wr, THR, 'a'), STEP(irq, 1, 2), STEP(rd, IIR, 0x02),
           STEP(irq, 0, 2), STEP(wr, IER, 0), STEP(wr, IER, 0x02), STEP(irq, 1, 3),
           STEP(wr, THR, 'b'), STEP(irq, 1, 4), /* not told: an edge all the same */
           STEP(wr, IER, 0), STEP(irq, 0, 4), STEP(rd, IIR, 0x01));
    /* told of another one, it is not used up */
    SCRIPT(true, false, STEP(wr, MCR, 0x08), STEP(wr, IER, 0x03), STEP(in, 'a', 1, 1),
           STEP(rd, IIR, 0x04), STEP(rd, RBR, 'a'), STEP(irq, 1, 1), STEP(rd, IIR, 0x02),
           STEP(rd, IIR, 0x01), STEP(irq, 0, 1));
}

static void out2(void **state)
{
    (void)state;
    SCRIPT(true, false, STEP(wr, IER, 0x02), STEP(irq, 0, 0), STEP(wr, MCR, 0x08), STEP(irq, 1, 1),
           STEP(wr, MCR, 0x07), STEP(irq, 0, 1), STEP(wr, MCR, 0x18), STEP(irq, 0, 1),
           STEP(rd, IIR, 0x02));
    SCRIPT(false, false, STEP(wr, IER, 0x02), STEP(irq, 1, 1));
}

/* One byte of room: what comes while it is full waits outside. */
static void without_fifos(void **state)
{
    (void)state;
    SCRIPT(true, false, STEP(wr, MCR, 0x08), STEP(wr, IER, 0x01), STEP(in, 'a', 3, 1),
           STEP(irq, 1, 1), STEP(rd, IIR, 0x04), STEP(rd, LSR, 0x61), STEP(rooms, 0),
           STEP(rd, RBR, 'a'), STEP(rooms, 1), STEP(irq, 0, 1), STEP(rd, LSR, 0x60),
           STEP(rd, RBR, 'a'), STEP(rooms, 1), STEP(in, 'b', 1, 1), STEP(rd, RBR, 'b'),
           STEP(rooms, 1), STEP(pass, 10 * FOUR_NS), STEP(irq, 0, 2));
    SCRIPT(true, false, STEP(refill, 2), STEP(in, 'a', 2, 1), STEP(rd, RBR, 'a'), STEP(rooms, 1),
           STEP(rd, RBR, 'r'), STEP(rooms, 2), STEP(rd, RBR, 'r'), STEP(rooms, 2),
           STEP(rd, LSR, 0x60));
}

static void triggers(void **state)
{
    static const struct {
        uint8_t fcr, level;
    } rows[] = { { 0x01, 1 }, { 0x41, 4 }, { 0x81, 8 }, { 0xc1, 14 } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct step steps[] = {
            LINE,
            STEP(wr, MCR, 0x08),
            STEP(wr, FCR, rows[i].fcr),
            STEP(wr, IER, 0x01),
            STEP(in, 0, rows[i].level - 1u, rows[i].level - 1u),
            STEP(irq, 0, 0),
            STEP(rd, IIR, 0xc1),
            STEP(in, 0x40, 1, 1),
            STEP(irq, 1, 1),
            STEP(rd, IIR, 0xc4),
            STEP(in, 0x41, 20, 16u - rows[i].level),
            STEP(pass, 10 * FOUR_NS),
            STEP(rd, IIR, 0xc4),
        };
        struct rig r;

        make(&r, true, false);
        RUN(&r, steps);
        for (unsigned left = 16; left >= rows[i].level; left--) {
            assert_true(r.level);
            bus_read(&r.bus, 0x3f8, 1);
        }
        assert_false(r.level);
        drop(&r);
    }
}

/* Nothing has moved for four characters: told until a byte is read. */
static void character_timeout(void **state)
{
    (void)state;
    SCRIPT(true, false, LINE, STEP(wr, MCR, 0x08), STEP(wr, FCR, 0xc1), STEP(wr, IER, 0x01),
           STEP(in, 'a', 3, 3), STEP(pass, FOUR_NS - 1), STEP(irq, 0, 0), STEP(in, 'd', 1, 1),
           STEP(pass, FOUR_NS - 1), STEP(irq, 0, 0), STEP(pass, 1), STEP(irq, 1, 1),
           STEP(rd, IIR, 0xcc), STEP(rd, IIR, 0xcc), STEP(in, 'e', 1, 1), STEP(irq, 1, 1),
           STEP(rd, RBR, 'a'), STEP(irq, 0, 1), STEP(rd, IIR, 0xc1), STEP(pass, FOUR_NS),
           STEP(irq, 1, 2), STEP(wr, FCR, 0xc3), STEP(irq, 0, 2), STEP(rd, LSR, 0x60),
           STEP(pass, 10 * FOUR_NS), STEP(irq, 0, 2));
    /* it has passed when the guest asks to be told */
    SCRIPT(true, false, LINE, STEP(wr, MCR, 0x08), STEP(wr, FCR, 0xc1), STEP(in, 'a', 1, 1),
           STEP(pass, 2 * FOUR_NS), STEP(rd, IIR, 0xc1), STEP(wr, IER, 0x01), STEP(pass, 0),
           STEP(irq, 1, 1), STEP(rd, IIR, 0xcc), STEP(wr, IER, 0), STEP(irq, 0, 1));
    /* divisor 2, 5 bits, parity, one and a half stop bits: 8.5 bits; a divisor of 0 is 1 */
    SCRIPT(true, false, STEP(wr, LCR, 0x80), STEP(wr, DLL, 2), STEP(wr, DLM, 0),
           STEP(wr, LCR, 0x0c), STEP(wr, MCR, 0x08), STEP(wr, FCR, 0xc1), STEP(wr, IER, 0x01),
           STEP(in, 'a', 1, 1), STEP(pass, 590276), STEP(irq, 0, 0), STEP(pass, 1), STEP(irq, 1, 1),
           STEP(wr, LCR, 0x83), STEP(wr, DLL, 0), STEP(wr, LCR, 0x03), STEP(in, 'b', 1, 1),
           STEP(rd, RBR, 'a'), STEP(irq, 0, 1), STEP(pass, FOUR_NS), STEP(irq, 1, 2));
}

static void fifo_control(void **state)
{
    (void)state;
    SCRIPT(true, false, STEP(wr, FCR, 0xc6), /* without ENABLE: nothing */
           STEP(rd, IIR, 0x01), STEP(in, 'a', 1, 1), STEP(wr, FCR, 0x02), STEP(rd, LSR, 0x61),
           STEP(wr, FCR, 0x01), /* the change clears */
           STEP(rd, LSR, 0x60), STEP(rd, IIR, 0xc1), STEP(in, 'b', 20, 16), STEP(wr, FCR, 0x05),
           STEP(rd, LSR, 0x61), STEP(rooms, 0), STEP(wr, FCR, 0x03), STEP(rooms, 1),
           STEP(rd, LSR, 0x60), STEP(in, 'c', 2, 2), STEP(wr, FCR, 0), STEP(rd, LSR, 0x60),
           STEP(rd, IIR, 0x01));
}

static void breaks(void **state)
{
    (void)state;
    SCRIPT(true, false, STEP(wr, MCR, 0x08), STEP(wr, FCR, 0x01), STEP(wr, IER, 0x05),
           STEP(in, 'a', 1, 1), STEP(brk, 1), STEP(in, 'b', 1, 1), STEP(rd, IIR, 0xc4),
           STEP(rd, LSR, 0xe1), /* it is not at the top yet */
           STEP(rd, RBR, 'a'), STEP(rd, IIR, 0xc6), STEP(rd, LSR, 0xf1), STEP(rd, LSR, 0x61),
           STEP(rd, IIR, 0xc4), STEP(rd, RBR, 0), STEP(rd, RBR, 'b'), STEP(rd, IIR, 0xc1));
    SCRIPT(true, false, STEP(brk, 1), STEP(brk, 0), STEP(rd, LSR, 0x71), STEP(rd, LSR, 0x61),
           STEP(rd, RBR, 0), STEP(wr, MCR, 0x10), STEP(brk, 0));
}

static void loopback(void **state)
{
    (void)state;
    SCRIPT(true, false, STEP(wr, MCR, 0x1a), STEP(rd, MSR, 0x92), STEP(rd, MSR, 0x90),
           STEP(wr, MCR, 0x15), STEP(rd, MSR, 0x6b), STEP(wr, MCR, 0x11), STEP(rd, MSR, 0x24),
           STEP(wr, MCR, 0x10), STEP(rd, MSR, 0x02), STEP(wr, THR, 'q'), STEP(sent, 0, 0),
           STEP(rd, LSR, 0x61), STEP(in, 'a', 1, 0), STEP(rd, RBR, 'q'), STEP(rooms, 0),
           STEP(wr, MCR, 0x0b), STEP(rooms, 1), STEP(rd, MSR, 0xbb), STEP(wr, THR, 'r'),
           STEP(sent, 1, 'r'));
    /* overrun: without FIFOs the old byte is lost, with them the new one */
    SCRIPT(true, false, STEP(wr, MCR, 0x10), STEP(wr, IER, 0x04), STEP(wr, THR, 'a'),
           STEP(wr, THR, 'b'), STEP(rd, IIR, 0x06), STEP(rd, LSR, 0x63), STEP(rd, IIR, 0x01),
           STEP(rd, LSR, 0x61), STEP(rd, RBR, 'b'), STEP(rd, LSR, 0x60));
    SCRIPT(true, false, STEP(wr, FCR, 0x01), STEP(in, 'a', 16, 16), STEP(wr, MCR, 0x10),
           STEP(wr, THR, 'z'), STEP(rd, LSR, 0x63), STEP(rd, RBR, 'a'), STEP(wr, THR, 'y'),
           STEP(rd, LSR, 0x61), STEP(rd, RBR, 'b'));
}

/* The modem's lines as they change with loopback, in the order of priority below all others. */
static void modem_interrupt(void **state)
{
    (void)state;
    SCRIPT(true, false, STEP(wr, MCR, 0x18), STEP(wr, IER, 0x0f), STEP(rd, IIR, 0x02),
           STEP(rd, IIR, 0x00), STEP(wr, MCR, 0x08), STEP(irq, 1, 1), STEP(rd, IIR, 0x00),
           STEP(rd, MSR, 0xb3), STEP(irq, 0, 1), STEP(rd, IIR, 0x01), STEP(in, 'a', 1, 1),
           STEP(rd, IIR, 0x04), STEP(rd, RBR, 'a'), STEP(brk, 1), STEP(rd, IIR, 0x06),
           STEP(rd, LSR, 0x71), STEP(rd, IIR, 0x04));
}

/* The other end heeds RTS; to a guest that leaves MCR alone it sends when that looks. */
static void flow(void **state)
{
    (void)state;
    SCRIPT(true, true, STEP(in, 'a', 1, 0), STEP(wr, MCR, 0x01), STEP(rd, LSR, 0x60),
           STEP(rooms, 0), STEP(in, 'a', 1, 0), STEP(wr, MCR, 0x02), STEP(rooms, 1),
           STEP(in, 'a', 1, 1), STEP(rd, RBR, 'a'), STEP(wr, MCR, 0), STEP(in, 'b', 1, 0),
           STEP(wr, MCR, 0x12), STEP(rooms, 1), STEP(in, 'b', 1, 0), STEP(reset, 0),
           STEP(rooms, 1));
    SCRIPT(true, true, STEP(in, 'a', 1, 0), STEP(wr, THR, 'x'), STEP(in, 'a', 1, 0),
           STEP(rd, LSR, 0x60), STEP(rooms, 1), STEP(in, 'a', 1, 1), STEP(rd, LSR, 0x61));
}

/* A line that takes nothing is a full transmitter: no THRE, no interrupt of it; what is written all the same goes on. */
static void busy_line(void **state)
{
    (void)state;
    SCRIPT(true, true, STEP(wr, MCR, 0x0b), STEP(rd, LSR, 0x60), STEP(busy, 1), STEP(rd, LSR, 0x00),
           STEP(wr, IER, 0x02), STEP(irq, 0, 0), STEP(rd, IIR, 0x01), STEP(wr, THR, 'x'),
           STEP(irq, 0, 0), STEP(busy, 0), STEP(irq, 1, 1), STEP(rd, LSR, 0x60),
           STEP(rd, IIR, 0x02), STEP(irq, 0, 1));
}

/* What never reads takes 16 bytes, however much comes. */
static void bounded(void **state)
{
    struct rig r;
    size_t taken = 0;

    (void)state;
    make(&r, true, false);
    bus_write(&r.bus, 0x3f8 + FCR, 1, 0x01);
    for (unsigned i = 0; i < 100000; i++)
        taken += uart16550_receive(r.dev, "0123456789", 10);
    assert_int_equal(taken, 16);
    assert_int_equal(r.rooms, 0);
    drop(&r);
}

static void view(void **state)
{
    static const struct step steps[] = {
        LINE,
        STEP(wr, MCR, 0x0b),
        STEP(wr, FCR, 0x81),
        STEP(wr, IER, 0x07),
        STEP(in, 'a', 9, 9),
        STEP(brk, 1),
    };
    static const struct {
        const char *name;
        uint64_t value;
    } want[] = { { "IER", 0x07 }, { "IIR", 0xc4 },  { "FCR", 0x81 }, { "LCR", 0x03 },
                 { "MCR", 0x0b }, { "LSR", 0xe1 },  { "MSR", 0xb0 }, { "SCR", 0 },
                 { "DL", 1 },     { "waiting", 10 } };
    struct dev_reg rows[DEV_REGS_MAX];
    struct rig r;

    (void)state;
    make(&r, true, false);
    RUN(&r, steps);
    for (int again = 0; again < 2; again++) { /* looking changes nothing */
        assert_int_equal(r.dev->ops->regs(r.dev, rows), sizeof(want) / sizeof(want[0]));
        for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
            assert_string_equal(rows[i].name, want[i].name);
            assert_int_equal(rows[i].value, want[i].value);
        }
    }
    drop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_reset),
        cmocka_unit_test(plain_registers),
        cmocka_unit_test(widths),
        cmocka_unit_test(sends),
        cmocka_unit_test(transmitter_interrupt),
        cmocka_unit_test(out2),
        cmocka_unit_test(without_fifos),
        cmocka_unit_test(triggers),
        cmocka_unit_test(character_timeout),
        cmocka_unit_test(fifo_control),
        cmocka_unit_test(breaks),
        cmocka_unit_test(loopback),
        cmocka_unit_test(modem_interrupt),
        cmocka_unit_test(flow),
        cmocka_unit_test(busy_line),
        cmocka_unit_test(bounded),
        cmocka_unit_test(view),
    };

    return cmocka_run_group_tests_name("dev/uart16550", tests, NULL, NULL);
}
