/* SPDX-License-Identifier: MIT */
/* test_i8259.c - register scripts of the i8259 pair. Source: Intel data sheet 8259A. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "chip_rig.h"
#include "dev/i8259.h"

struct rig {
    struct dev *dev;
    struct bus bus;
    bool level;
    unsigned rises;
};

static void see_out(void *ctx, unsigned pin, bool level)
{
    struct rig *r = ctx;

    assert_int_equal(pin, 0);
    r->rises += level && !r->level;
    r->level = level;
}

static void make(struct rig *r)
{
    static const uint16_t ports[I8259_PARTS] = { I8259_MASTER_PORT, I8259_SLAVE_PORT,
                                                 I8259_ELCR_PORT };
    struct irq_line out = { see_out, r, 0 };

    *r = (struct rig){ .dev = i8259_new(&out) };
    assert_non_null(r->dev);
    for (int i = 0; i < I8259_PARTS; i++)
        assert_int_equal(bus_add(&r->bus, ports[i], I8259_PART_LEN, i8259_part(r->dev, i), NULL),
                         0);
}

static void run(const struct step *first, size_t nfirst, const struct step *steps, size_t n)
{
    struct rig r;

    make(&r);
    steps_run(&r, first, nfirst);
    steps_run(&r, steps, n);
    r.dev->ops->free(r.dev);
}

/* ---- steps ------------------------------------------------------------------------------------- */

/* port, value */
static void wr(void *rig, const struct step *s)
{
    bus_write(&((struct rig *)rig)->bus, s->arg[0], 1, s->arg[1]);
}

/* port, value wanted */
static void rd(void *rig, const struct step *s)
{
    step_expect(s, "the port", bus_read(&((struct rig *)rig)->bus, s->arg[0], 1), s->arg[1]);
}

/* pin, level */
static void pin(void *rig, const struct step *s)
{
    i8259_set(((struct rig *)rig)->dev, (unsigned)s->arg[0], s->arg[1]);
}

static void pulse(void *rig, const struct step *s)
{
    i8259_set(((struct rig *)rig)->dev, (unsigned)s->arg[0], true);
    i8259_set(((struct rig *)rig)->dev, (unsigned)s->arg[0], false);
}

/* level wanted of INT */
static void out(void *rig, const struct step *s)
{
    step_expect(s, "INT", ((struct rig *)rig)->level, s->arg[0]);
}

/* vector wanted */
static void ack(void *rig, const struct step *s)
{
    step_expect(s, "the vector", (uint64_t)i8259_ack(((struct rig *)rig)->dev), s->arg[0]);
}

static void rises(void *rig, const struct step *s)
{
    step_expect(s, "rising edges of INT", ((struct rig *)rig)->rises, s->arg[0]);
}

static void reset(void *rig, const struct step *s)
{
    struct rig *r = rig;

    (void)s;
    r->dev->ops->reset(r->dev);
}

/* As kernels do: vectors 0x30 and 0x38, everything unmasked. */
static const struct step programmed[] = {
    STEP(wr, 0x20, 0x11), STEP(wr, 0x21, 0x30), STEP(wr, 0x21, 0x04), STEP(wr, 0x21, 0x01),
    STEP(wr, 0xa0, 0x11), STEP(wr, 0xa1, 0x38), STEP(wr, 0xa1, 0x02), STEP(wr, 0xa1, 0x01),
};

#define SCRIPT(...)                                                        \
    do {                                                                   \
        static const struct step steps[] = { __VA_ARGS__ };                \
        run(programmed, sizeof(programmed) / sizeof(programmed[0]), steps, \
            sizeof(steps) / sizeof(steps[0]));                             \
    } while (0)

#define BARE(...)                                              \
    do {                                                       \
        static const struct step steps[] = { __VA_ARGS__ };    \
        run(NULL, 0, steps, sizeof(steps) / sizeof(steps[0])); \
    } while (0)

#define EOI1 STEP(wr, 0x20, 0x20)
#define EOI2 STEP(wr, 0xa0, 0x20)

/* ---- scripts ----------------------------------------------------------------------------------- */

static void not_programmed(void **state)
{
    (void)state;
    BARE(STEP(pin, 3, 1), STEP(out, 0), STEP(rd, 0x20, 0x08), STEP(rd, 0x21, 0xff),
         STEP(wr, 0x21, 0x55), STEP(rd, 0x21, 0x55), STEP(out, 0), STEP(ack, 0x07));
}

static void init_sequences(void **state)
{
    (void)state;
    /* no ICW4: three words; the line that was up is not an edge any more */
    BARE(STEP(pin, 3, 1), STEP(wr, 0x21, 0xff), STEP(wr, 0x20, 0x10), STEP(rd, 0x21, 0x00),
         STEP(wr, 0x21, 0x47), STEP(out, 0), STEP(wr, 0x21, 0x04), STEP(out, 0),
         STEP(rd, 0x20, 0x00), STEP(pin, 3, 0), STEP(pin, 3, 1), STEP(out, 1), STEP(ack, 0x43));
    /* single: no ICW3; pin 2 is nobody's cascade */
    BARE(STEP(wr, 0x20, 0x12), STEP(wr, 0x21, 0x50), STEP(pin, 0, 1), STEP(ack, 0x50));
    BARE(STEP(wr, 0x20, 0x13), STEP(wr, 0x21, 0x50), STEP(wr, 0x21, 0x03), STEP(pin, 0, 1),
         STEP(ack, 0x50), STEP(out, 0), STEP(wr, 0x20, 0x0b), STEP(rd, 0x20, 0));
    /* cut short and begun again; a command in the middle is a command */
    BARE(STEP(wr, 0x20, 0x11), STEP(wr, 0x21, 0x60), STEP(pin, 5, 1), STEP(wr, 0x20, 0x11),
         STEP(wr, 0x21, 0x70), STEP(wr, 0x20, 0x0b), STEP(wr, 0x21, 0x04), STEP(out, 0),
         STEP(wr, 0x21, 0x01), STEP(wr, 0x21, 0xf0), STEP(rd, 0x21, 0xf0), STEP(pin, 5, 0),
         STEP(pin, 5, 1), STEP(wr, 0x21, 0x00), STEP(ack, 0x75), STEP(rd, 0x20, 0x20));
}

static void priorities(void **state)
{
    (void)state;
    SCRIPT(STEP(pin, 5, 1), STEP(out, 1), STEP(pin, 3, 1), STEP(rd, 0x20, 0x28), STEP(ack, 0x33),
           STEP(rd, 0x20, 0x20), STEP(wr, 0x20, 0x0b), STEP(rd, 0x20, 0x08), STEP(out, 0),
           STEP(pin, 1, 1), STEP(out, 1), STEP(ack, 0x31), STEP(rd, 0x20, 0x0a), EOI1,
           STEP(rd, 0x20, 0x08), STEP(out, 0), EOI1, STEP(out, 1), STEP(ack, 0x35), EOI1,
           STEP(rd, 0x20, 0), STEP(wr, 0x20, 0x0a), STEP(rd, 0x20, 0), STEP(out, 0));
}

static void masks(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x21, 0x08), STEP(pin, 3, 1), STEP(out, 0), STEP(rd, 0x20, 0x08),
           STEP(wr, 0x21, 0x00), STEP(out, 1), STEP(wr, 0x21, 0xff), STEP(out, 0),
           STEP(ack, 0x37), /* spurious */
           STEP(wr, 0x20, 0x0b), STEP(rd, 0x20, 0));
}

/* An edge stays, also when the line goes down again; a held line is one edge. */
static void edges(void **state)
{
    (void)state;
    SCRIPT(STEP(pulse, 4), STEP(out, 1), STEP(ack, 0x34), EOI1, STEP(out, 0), STEP(pin, 4, 1),
           STEP(ack, 0x34), EOI1, STEP(out, 0), STEP(pin, 4, 1), STEP(out, 0), STEP(pin, 4, 0),
           STEP(pulse, 4), STEP(ack, 0x34), STEP(pulse, 4), STEP(out, 0), EOI1, STEP(out, 1),
           STEP(ack, 0x34));
}

static void levels(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x4d0, 0xff), STEP(rd, 0x4d0, 0xf8), STEP(wr, 0x4d1, 0xff),
           STEP(rd, 0x4d1, 0xde), STEP(pin, 5, 1), STEP(ack, 0x35), STEP(rd, 0x20, 0x20), EOI1,
           STEP(out, 1), STEP(pin, 5, 0), STEP(out, 0), STEP(ack, 0x37), STEP(pin, 10, 1),
           STEP(ack, 0x3a), EOI2, EOI1, STEP(ack, 0x3a), STEP(pin, 10, 0), EOI2, EOI1, STEP(out, 0),
           STEP(pulse, 6), STEP(out, 0), STEP(wr, 0x4d0, 0), STEP(pulse, 6),
           STEP(wr, 0x4d0, 0x40), /* the edge that waited is forgotten */
           STEP(out, 0));
}

static void cascade(void **state)
{
    (void)state;
    SCRIPT(STEP(pin, 12, 1), STEP(out, 1), STEP(rd, 0x20, 0x04), STEP(pin, 8, 1), STEP(ack, 0x38),
           STEP(wr, 0x20, 0x0b), STEP(rd, 0x20, 0x04), STEP(wr, 0xa0, 0x0b), STEP(rd, 0xa0, 0x01),
           STEP(out, 0), EOI2, STEP(out, 0), EOI1, STEP(ack, 0x3c), STEP(pin, 1, 1),
           STEP(ack, 0x31), /* before the second chip */
           EOI1, EOI2, EOI1, STEP(out, 0), STEP(pin, 2, 1), STEP(out, 0));
}

static void spurious(void **state)
{
    (void)state;
    SCRIPT(STEP(ack, 0x37), STEP(wr, 0x20, 0x0b), STEP(rd, 0x20, 0), STEP(wr, 0x4d1, 0x08),
           STEP(pin, 11, 1), STEP(pin, 11, 0), STEP(out, 0), STEP(ack, 0x37), STEP(pulse, 7),
           STEP(ack, 0x37), STEP(rd, 0x20, 0x80), EOI1);
    /* a second chip that is not the one addressed: nobody answers */
    BARE(STEP(wr, 0x20, 0x11), STEP(wr, 0x21, 0x30), STEP(wr, 0x21, 0x04), STEP(wr, 0x21, 0x01),
         STEP(wr, 0xa0, 0x11), STEP(wr, 0xa1, 0x38), STEP(wr, 0xa1, 0x03), STEP(wr, 0xa1, 0x01),
         STEP(pin, 9, 1), STEP(ack, 0xff));
    /* a first chip that knows no cascade */
    BARE(STEP(wr, 0x20, 0x11), STEP(wr, 0x21, 0x30), STEP(wr, 0x21, 0x00), STEP(wr, 0x21, 0x01),
         STEP(wr, 0xa0, 0x11), STEP(wr, 0xa1, 0x38), STEP(wr, 0xa1, 0x02), STEP(wr, 0xa1, 0x01),
         STEP(pin, 9, 1), STEP(ack, 0x32));
}

static void ends_of_interrupt(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x20, 0x0b), STEP(pin, 5, 1), STEP(ack, 0x35), STEP(pin, 2, 0), STEP(pin, 1, 1),
           STEP(ack, 0x31), STEP(wr, 0x20, 0x65),      /* specific: 5 */
           STEP(rd, 0x20, 0x02), STEP(wr, 0x20, 0x40), /* no operation */
           STEP(rd, 0x20, 0x02), EOI1, STEP(rd, 0x20, 0), EOI1, STEP(rd, 0x20, 0));
}

static void rotation(void **state)
{
    (void)state;
    SCRIPT(STEP(pulse, 3), STEP(ack, 0x33), STEP(wr, 0x20, 0xa0), /* 3 becomes the lowest */
           STEP(pulse, 0), STEP(pulse, 3), STEP(pulse, 4), STEP(ack, 0x34), EOI1, STEP(ack, 0x30),
           EOI1, STEP(ack, 0x33), STEP(wr, 0x20, 0xe3), STEP(wr, 0x20, 0xc6), /* 7 first */
           STEP(pulse, 0), STEP(pulse, 7), STEP(ack, 0x37), STEP(wr, 0x20, 0xe7), STEP(ack, 0x30));
}

static void automatic(void **state)
{
    (void)state;
    BARE(STEP(wr, 0x20, 0x11), STEP(wr, 0x21, 0x30), STEP(wr, 0x21, 0x04), STEP(wr, 0x21, 0x03),
         STEP(wr, 0x20, 0x0b), STEP(pulse, 3), STEP(pulse, 5), STEP(ack, 0x33), STEP(rd, 0x20, 0),
         STEP(out, 1), STEP(ack, 0x35), STEP(out, 0), STEP(wr, 0x20, 0x80), /* and rotate */
         STEP(pulse, 3), STEP(pulse, 4), STEP(ack, 0x33), STEP(pulse, 3), STEP(ack, 0x34),
         STEP(ack, 0x33), STEP(wr, 0x20, 0x00), STEP(pulse, 3), STEP(pulse, 4), STEP(ack, 0x34),
         STEP(pulse, 4), STEP(ack, 0x34), STEP(ack, 0x33));
}

static void special_mask(void **state)
{
    (void)state;
    SCRIPT(STEP(pulse, 1), STEP(ack, 0x31), STEP(pulse, 5), STEP(out, 0), STEP(wr, 0x21, 0x02),
           STEP(out, 0), STEP(wr, 0x20, 0x68), STEP(out, 1), STEP(ack, 0x35), STEP(wr, 0x20, 0x0b),
           STEP(rd, 0x20, 0x22), EOI1, /* finds what is not masked */
           STEP(rd, 0x20, 0x02), EOI1, STEP(rd, 0x20, 0x02), STEP(wr, 0x20, 0x61),
           STEP(rd, 0x20, 0), STEP(wr, 0x21, 0), STEP(pulse, 1), STEP(ack, 0x31),
           STEP(wr, 0x21, 0x02), STEP(pulse, 5), STEP(out, 1), STEP(wr, 0x20, 0x08), STEP(out, 1),
           STEP(wr, 0x20, 0x48), STEP(out, 0));
}

static void specially_nested(void **state)
{
    (void)state;
    BARE(STEP(wr, 0x20, 0x11), STEP(wr, 0x21, 0x30), STEP(wr, 0x21, 0x04), STEP(wr, 0x21, 0x11),
         STEP(wr, 0xa0, 0x11), STEP(wr, 0xa1, 0x38), STEP(wr, 0xa1, 0x02), STEP(wr, 0xa1, 0x01),
         STEP(pin, 12, 1), STEP(ack, 0x3c), STEP(pin, 3, 1), STEP(out, 0), STEP(pin, 9, 1),
         STEP(out, 1), STEP(ack, 0x39), STEP(out, 0), EOI2, STEP(wr, 0xa0, 0x0b),
         STEP(rd, 0xa0, 0x10), EOI2, EOI1, STEP(ack, 0x33));
    SCRIPT(STEP(pin, 12, 1), STEP(ack, 0x3c), STEP(pin, 9, 1), STEP(out, 0));
}

static void polling(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x20, 0x0c), STEP(rd, 0x20, 0), STEP(rd, 0x20, 0), STEP(pin, 3, 1),
           STEP(wr, 0x20, 0x0c), STEP(out, 1), STEP(rd, 0x21, 0x83), STEP(out, 0),
           STEP(wr, 0x20, 0x0b), STEP(rd, 0x20, 0x08), STEP(wr, 0x20, 0x0e), STEP(rd, 0x20, 0),
           STEP(rd, 0x20, 0x08), /* what was read before the poll is read after it */
           EOI1, STEP(pin, 9, 1), STEP(wr, 0x20, 0x0c), STEP(rd, 0x20, 0x82), STEP(wr, 0xa0, 0x0c),
           STEP(rd, 0xa0, 0x81), EOI2, EOI1, STEP(out, 0));
}

/* For a receiver of edges: one for each interrupt. */
static void output_edges(void **state)
{
    (void)state;
    SCRIPT(STEP(rises, 0), STEP(pulse, 3), STEP(pulse, 5), STEP(rises, 1), STEP(pulse, 1),
           STEP(rises, 1), STEP(ack, 0x31), STEP(rises, 1), EOI1, STEP(rises, 2), STEP(ack, 0x33),
           STEP(pulse, 0), STEP(rises, 3));
}

static void reset_keeps_lines(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x4d0, 0x20), STEP(pin, 5, 1), STEP(out, 1), STEP(reset, 0), STEP(out, 0),
           STEP(rd, 0x21, 0xff), STEP(rd, 0x4d0, 0), STEP(rd, 0x20, 0));
}

static void view(void **state)
{
    struct dev_reg rows[DEV_REGS_MAX];
    struct rig r;

    (void)state;
    make(&r);
    RUN(&r, programmed);
    i8259_set(r.dev, 8, true);
    assert_int_equal(r.dev->ops->regs(r.dev, rows), 14);
    assert_string_equal(rows[0].name, "IRR");
    assert_int_equal(rows[0].value, 0x04);
    assert_int_equal(rows[5].value, 0x30);
    assert_int_equal(rows[6].value, 0x0f);
    assert_int_equal(rows[7].value, 0x01);
    r.dev->ops->free(r.dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_programmed),
        cmocka_unit_test(init_sequences),
        cmocka_unit_test(priorities),
        cmocka_unit_test(masks),
        cmocka_unit_test(edges),
        cmocka_unit_test(levels),
        cmocka_unit_test(cascade),
        cmocka_unit_test(spurious),
        cmocka_unit_test(ends_of_interrupt),
        cmocka_unit_test(rotation),
        cmocka_unit_test(automatic),
        cmocka_unit_test(special_mask),
        cmocka_unit_test(specially_nested),
        cmocka_unit_test(polling),
        cmocka_unit_test(output_edges),
        cmocka_unit_test(reset_keeps_lines),
        cmocka_unit_test(view),
    };

    return cmocka_run_group_tests_name("dev/i8259", tests, NULL, NULL);
}
