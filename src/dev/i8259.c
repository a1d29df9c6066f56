/* SPDX-License-Identifier: MIT */
/*
 * i8259.c - two Intel 8259A in cascade, as in a PC
 *
 * Source: Intel data sheet 8259A/8259A-2, "Programmable Interrupt Controller"; ELCR: Intel 82371 (PIIX) data sheet,
 * "Edge/Level Control Registers", which take the place of ICW1.LTIM. An edge is latched until it is acknowledged, also
 * when the line has gone down before: sources may pulse. The pin of the cascade follows the second chip.
 * Without: 8085 mode (vectors are given as in 8086 mode) and the buffer pins, which nothing here can see.
 */
#include "dev/i8259.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/names.h"

enum {
    ICW1_IC4 = 1 << 0,
    ICW1_SNGL = 1 << 1,
    ICW1_SELECT = 1 << 4,
    ICW4_AEOI = 1 << 1,
    ICW4_SFNM = 1 << 4,
    OCW3_RIS = 1 << 0,
    OCW3_RR = 1 << 1,
    OCW3_P = 1 << 2,
    OCW3_SELECT = 1 << 3,
    OCW3_SMM = 1 << 5,
    OCW3_ESMM = 1 << 6,
};

/* What the next write to the odd port is. */
enum stage { NOT_PROGRAMMED, WANT_ICW2, WANT_ICW3, WANT_ICW4, READY };

struct chip {
    uint8_t lines;   /* levels of the pins */
    uint8_t latched; /* edges that have come, of pins that are edge-triggered */
    uint8_t level;   /* pins that are level-triggered: by ELCR or by their wiring */
    uint8_t isr, imr;
    uint8_t icw1, icw2, icw3, icw4;
    uint8_t lowest;   /* pin of lowest priority; the next one has the highest */
    uint8_t stage;    /* enum stage */
    bool special;     /* special mask mode */
    bool rotate_aeoi; /* automatic EOI rotates */
    bool read_isr;    /* the even port reads ISR, else IRR */
    bool poll;        /* the next read is a poll */
};

struct part {
    struct dev dev; /* first */
    struct i8259 *pair;
    unsigned which; /* enum i8259_part */
};

struct i8259 {
    struct part part[I8259_PARTS]; /* first: the machine's device is the first of them */
    struct chip chip[2];
    struct irq_line out;
    bool out_level;
};

/* ELCR is not for the timer, keyboard, cascade, clock and FPU; the cascade follows the second chip's INT. */
static const uint8_t elcr_writable[2] = { 0xf8, 0xde }, wired_level[2] = { 1u << I8259_CASCADE, 0 };

/* ---- one chip ---------------------------------------------------------------------------------- */

static uint8_t irr_of(const struct chip *c)
{
    return (c->latched & ~c->level) | (c->lines & c->level);
}

/* Place of a pin in the order of priority, 0 the first. */
static unsigned rank(const struct chip *c, unsigned pin)
{
    return (pin - c->lowest - 1u) & 7;
}

/* The pin of highest priority in a set; -1: it is empty. */
static int first_of(const struct chip *c, uint8_t set)
{
    for (unsigned i = 1; i <= 8; i++) {
        unsigned pin = (c->lowest + i) & 7;

        if (set >> pin & 1)
            return (int)pin;
    }
    return -1;
}

/* In special mask mode what is masked holds back nothing. */
static uint8_t in_service(const struct chip *c)
{
    return c->special ? c->isr & ~c->imr : c->isr;
}

/* Pin 2 of the first chip, programmed as a cascade. The second chip has no such pin. */
static bool cascades(const struct i8259 *p, const struct chip *c, unsigned pin)
{
    return c == &p->chip[0] && pin == I8259_CASCADE && !(c->icw1 & ICW1_SNGL) &&
           c->icw3 & 1u << I8259_CASCADE;
}

/* The pin to be served now; -1: INT is low. Specially fully nested: the second chip may interrupt itself. */
static int wanted(const struct i8259 *p, const struct chip *c)
{
    int pin = first_of(c, irr_of(c) & ~c->imr), serving = first_of(c, in_service(c));

    if (pin < 0 || c->stage != READY)
        return -1;
    if (serving < 0 || rank(c, (unsigned)pin) < rank(c, (unsigned)serving))
        return pin;
    return pin == serving && c->icw4 & ICW4_SFNM && cascades(p, c, (unsigned)pin) ? pin : -1;
}

/* The first INTA, or a poll. */
static void take(struct chip *c, unsigned pin)
{
    c->latched &= ~(1u << pin);
    if (!(c->icw4 & ICW4_AEOI))
        c->isr |= 1u << pin;
    else if (c->rotate_aeoi)
        c->lowest = (uint8_t)pin;
}

/* ---- the pair ---------------------------------------------------------------------------------- */

static void set_out(struct i8259 *p, bool level)
{
    if (level != p->out_level)
        irq_set(&p->out, level);
    p->out_level = level;
}

static void update(struct i8259 *p)
{
    uint8_t cascade = 1u << I8259_CASCADE;

    if (wanted(p, &p->chip[1]) >= 0)
        p->chip[0].lines |= cascade;
    else
        p->chip[0].lines &= ~cascade;
    set_out(p, wanted(p, &p->chip[0]) >= 0);
}

void i8259_set(void *ctx, unsigned pin, bool level)
{
    struct i8259 *p = ctx;
    struct chip *c = &p->chip[pin / 8];
    uint8_t bit = (uint8_t)(1u << pin % 8);

    assert(pin < I8259_PINS);
    if (pin == I8259_CASCADE)
        return;
    if (level && !(c->lines & bit))
        c->latched |= bit;
    c->lines = level ? c->lines | bit : c->lines & ~bit;
    update(p);
}

/* The second chip answers for its own address on the cascade lines only; else nobody drives the bus. */
static int ack_slave(struct i8259 *p)
{
    struct chip *c = &p->chip[1];
    int pin = wanted(p, c);

    if (c->stage != READY || (c->icw3 & 7) != I8259_CASCADE)
        return 0xff;
    if (pin >= 0)
        take(c, (unsigned)pin);
    return c->icw2 | (pin >= 0 ? pin : 7);
}

int i8259_ack(void *ctx)
{
    struct i8259 *p = ctx;
    struct chip *c = &p->chip[0];
    int pin = wanted(p, c), vector = c->icw2 | (pin >= 0 ? pin : 7);

    if (pin >= 0) {
        take(c, (unsigned)pin);
        if (cascades(p, c, (unsigned)pin))
            vector = ack_slave(p);
    }
    set_out(p, false);
    update(p);
    return vector;
}

/* ---- command words ----------------------------------------------------------------------------- */

/* A pin must go down and up again to be seen, unless it is level-triggered. */
static void write_icw1(struct chip *c, uint8_t val)
{
    *c = (struct chip){
        .lines = c->lines,
        .level = c->level,
        .icw1 = val,
        .icw2 = c->icw2,
        .lowest = 7,
        .stage = WANT_ICW2,
    };
}

static void end_of_interrupt(struct chip *c, int pin, bool rotate)
{
    if (pin < 0)
        return;
    c->isr &= ~(1u << pin);
    if (rotate)
        c->lowest = (uint8_t)pin;
}

/* R, SL and EOI in bits 7:5, a pin in 2:0. */
static void write_ocw2(struct chip *c, uint8_t val)
{
    unsigned pin = val & 7;
    bool rotate = val & 0x80;

    switch (val >> 5) {
    case 0:
    case 4:
        c->rotate_aeoi = rotate;
        break;
    case 1:
    case 5: /* what is masked in special mask mode is not found */
        end_of_interrupt(c, first_of(c, in_service(c)), rotate);
        break;
    case 3:
    case 7:
        end_of_interrupt(c, (int)pin, rotate);
        break;
    case 6:
        c->lowest = (uint8_t)pin;
        break;
    default: /* no operation */
        break;
    }
}

static void write_ocw3(struct chip *c, uint8_t val)
{
    if (val & OCW3_ESMM)
        c->special = val & OCW3_SMM;
    if (val & OCW3_P)
        c->poll = true;
    else if (val & OCW3_RR)
        c->read_isr = val & OCW3_RIS;
}

static void write_even(struct chip *c, uint8_t val)
{
    if (val & ICW1_SELECT)
        write_icw1(c, val);
    else if (val & OCW3_SELECT)
        write_ocw3(c, val);
    else
        write_ocw2(c, val);
}

static void write_odd(struct chip *c, uint8_t val)
{
    uint8_t after = c->icw1 & ICW1_IC4 ? WANT_ICW4 : READY;

    switch ((enum stage)c->stage) {
    case NOT_PROGRAMMED:
    case READY:
        c->imr = val;
        break;
    case WANT_ICW2:
        c->icw2 = val & 0xf8;
        c->stage = c->icw1 & ICW1_SNGL ? after : WANT_ICW3;
        break;
    case WANT_ICW3:
        c->icw3 = val;
        c->stage = after;
        break;
    case WANT_ICW4:
        c->icw4 = val;
        c->stage = READY;
        break;
    }
}

/* Whether there is one, and its pin, now in service. */
static uint8_t poll(struct i8259 *p, struct chip *c)
{
    int pin = wanted(p, c);

    c->poll = false;
    if (pin < 0)
        return 0;
    take(c, (unsigned)pin);
    update(p);
    return 0x80 | (uint8_t)pin;
}

/* ---- ports ------------------------------------------------------------------------------------- */

static uint64_t i8259_read(struct dev *dev, uint64_t off, unsigned width)
{
    struct part *part = (struct part *)dev;
    struct chip *c = &part->pair->chip[part->which];

    (void)width;
    if (c->poll)
        return poll(part->pair, c);
    if (off == 1)
        return c->imr;
    return c->read_isr ? c->isr : irr_of(c);
}

static void i8259_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct part *part = (struct part *)dev;
    struct chip *c = &part->pair->chip[part->which];

    (void)width;
    (off == 0 ? write_even : write_odd)(c, (uint8_t)val);
    update(part->pair);
}

static uint64_t elcr_read(struct dev *dev, uint64_t off, unsigned width)
{
    (void)width;
    return ((struct part *)dev)->pair->chip[off].level & elcr_writable[off];
}

/* An edge that waits on a pin that becomes level-triggered is forgotten. */
static void elcr_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct i8259 *p = ((struct part *)dev)->pair;
    struct chip *c = &p->chip[off];

    (void)width;
    c->level = ((uint8_t)val & elcr_writable[off]) | wired_level[off];
    c->latched &= ~c->level;
    update(p);
}

/* ---- the device ------------------------------------------------------------------------------- */

#define PINS(X)      X(IR0, 0) X(IR1, 1) X(IR2, 2) X(IR3, 3) X(IR4, 4) X(IR5, 5) X(IR6, 6) X(IR7, 7)
#define X(name, bit) { 1u << (bit), #name, "pin " #bit },
static const struct bit_name pin_rows[] = { PINS(X) };
#undef X
static const struct bit_table pins = { pin_rows, ARRAY_LEN(pin_rows) };

static const struct bit_name mode_rows[] = {
    { 0x07, "LOWEST", "pin of lowest priority" },
    { 0x08, "READY", "all command words have been written" },
    { 0x10, "AEOI", "automatic end of interrupt" },
    { 0x20, "SFNM", "special fully nested mode" },
    { 0x40, "SMM", "special mask mode" },
    { 0x80, "RAEOI", "automatic end of interrupt rotates" },
};
static const struct bit_table modes = { mode_rows, ARRAY_LEN(mode_rows) };

static uint8_t mode_of(const struct chip *c)
{
    return (uint8_t)(c->lowest | (c->stage == READY) << 3 | (c->icw4 & ICW4_AEOI ? 0x10 : 0) |
                     (c->icw4 & ICW4_SFNM ? 0x20 : 0) | c->special << 6 | c->rotate_aeoi << 7);
}

static size_t i8259_regs(const struct dev *dev, struct dev_reg *out)
{
    const struct i8259 *p = ((const struct part *)dev)->pair;
    const struct chip *m = &p->chip[0], *s = &p->chip[1];
    const struct dev_reg rows[] = {
        { "IRR", 1, &pins, irr_of(m) },
        { "ISR", 1, &pins, m->isr },
        { "IMR", 1, &pins, m->imr },
        { "ELCR", 1, &pins, m->level & elcr_writable[0] },
        { "pins", 1, &pins, m->lines },
        { "ICW2", 1, NULL, m->icw2 },
        { "mode", 1, &modes, mode_of(m) },
        { "2nd IRR", 1, &pins, irr_of(s) },
        { "2nd ISR", 1, &pins, s->isr },
        { "2nd IMR", 1, &pins, s->imr },
        { "2nd ELCR", 1, &pins, s->level & elcr_writable[1] },
        { "2nd pins", 1, &pins, s->lines },
        { "2nd ICW2", 1, NULL, s->icw2 },
        { "2nd mode", 1, &modes, mode_of(s) },
    };

    static_assert(ARRAY_LEN(rows) <= DEV_REGS_MAX, "all rows have room");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        out[i] = rows[i];
    return ARRAY_LEN(rows);
}

/* The lines are the devices'. Nothing is programmed: no interrupt comes until the command words have been written. */
static void i8259_reset(struct dev *dev)
{
    struct i8259 *p = ((struct part *)dev)->pair;

    for (unsigned i = 0; i < 2; i++)
        p->chip[i] = (struct chip){
            .lines = p->chip[i].lines,
            .level = wired_level[i],
            .imr = 0xff,
            .lowest = 7,
        };
    update(p);
}

static void i8259_free(struct dev *dev)
{
    free(dev);
}

static const struct dev_ops part_ops[I8259_PARTS] = {
    [I8259_MASTER] = { .name = "i8259",
                       .widths = W8,
                       .read = i8259_read,
                       .write = i8259_write,
                       .reset = i8259_reset,
                       .bytes = sizeof(struct i8259),
                       .free = i8259_free,
                       .regs = i8259_regs },
    [I8259_SLAVE] = { .name = "i8259-2", .widths = W8, .read = i8259_read, .write = i8259_write },
    [I8259_ELCR] = { .name = "elcr", .widths = W8, .read = elcr_read, .write = elcr_write },
};

struct dev *i8259_new(const struct irq_line *out)
{
    struct i8259 *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    for (unsigned i = 0; i < I8259_PARTS; i++)
        p->part[i] = (struct part){ { .ops = &part_ops[i] }, p, i };
    p->out = *out;
    i8259_reset(&p->part[0].dev);
    return &p->part[0].dev;
}

struct dev *i8259_part(struct dev *dev, enum i8259_part part)
{
    return &((struct part *)dev)->pair->part[part].dev;
}
