/* SPDX-License-Identifier: MIT */
/* test_i8042.c - scripts of the keyboard controller and its keyboard. Source: IBM PC AT Technical Reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "chip_rig.h"
#include "dev/i8042.h"

/* Status with nothing to read: tested, not locked; with a byte; after a command. */
enum { IDLE = 0x14, READY = 0x15, COMMAND = 0x08 };

struct rig {
    struct dev *dev;
    struct bus bus;
    bool level;
    unsigned rises, resets;
};

static void see_irq(void *ctx, unsigned pin, bool level)
{
    struct rig *r = ctx;

    assert_int_equal(pin, 1);
    r->rises += level && !r->level;
    r->level = level;
}

static void see_reset(void *ctx)
{
    ((struct rig *)ctx)->resets++;
}

static void make(struct rig *r)
{
    struct i8042_config cfg = { .irq = { see_irq, r, 1 }, .reset = see_reset, .reset_ctx = r };

    *r = (struct rig){ .level = false };
    r->dev = i8042_new(&cfg);
    assert_non_null(r->dev);
    assert_int_equal(
        bus_add(&r->bus, I8042_DATA_PORT, I8042_PART_LEN, i8042_part(r->dev, I8042_DATA), NULL), 0);
    assert_int_equal(bus_add(&r->bus, I8042_COMMAND_PORT, I8042_PART_LEN,
                             i8042_part(r->dev, I8042_COMMAND), NULL),
                     0);
}

static void drop(struct rig *r)
{
    r->dev->ops->free(r->dev);
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

/* The byte wanted: status says it is there, and it is read. */
static void get(void *rig, const struct step *s)
{
    struct rig *r = rig;

    step_expect(s, "OBF", bus_read(&r->bus, 0x64, 1) & 1, 1);
    step_expect(s, "the byte", bus_read(&r->bus, 0x60, 1), s->arg[0]);
}

/* Nothing is to be read. */
static void none(void *rig, const struct step *s)
{
    step_expect(s, "OBF", bus_read(&((struct rig *)rig)->bus, 0x64, 1) & 1, 0);
}

/* code, down, whether it is taken */
static void key(void *rig, const struct step *s)
{
    step_expect(s, "taken", i8042_key(((struct rig *)rig)->dev, (unsigned)s->arg[0], s->arg[1]),
                s->arg[2]);
}

/* character, whether it is taken */
static void type(void *rig, const struct step *s)
{
    step_expect(s, "taken", i8042_type(((struct rig *)rig)->dev, (char)s->arg[0]), s->arg[1]);
}

static void cad(void *rig, const struct step *s)
{
    step_expect(s, "taken", i8042_ctrl_alt_del(((struct rig *)rig)->dev), s->arg[0]);
}

/* level, rising edges so far */
static void irq(void *rig, const struct step *s)
{
    step_expect(s, "the line", ((struct rig *)rig)->level, s->arg[0]);
    step_expect(s, "rising edges", ((struct rig *)rig)->rises, s->arg[1]);
}

static void resets(void *rig, const struct step *s)
{
    step_expect(s, "resets", ((struct rig *)rig)->resets, s->arg[0]);
}

static void refused(void *rig, const struct step *s)
{
    struct rig *r = rig;

    step_expect(s, "refused", r->dev->refused + i8042_part(r->dev, I8042_COMMAND)->refused,
                s->arg[0]);
}

static void reset(void *rig, const struct step *s)
{
    (void)s;
    ((struct rig *)rig)->dev->ops->reset(((struct rig *)rig)->dev);
}

#define SCRIPT(...)                                         \
    do {                                                    \
        static const struct step steps[] = { __VA_ARGS__ }; \
        struct rig r;                                       \
                                                            \
        make(&r);                                           \
        RUN(&r, steps);                                     \
        drop(&r);                                           \
    } while (0)

/* Command; command with a byte; a byte for the keyboard, acknowledged. */
#define CMD(c)     STEP(wr, 0x64, c)
#define CMD2(c, v) STEP(wr, 0x64, c), STEP(wr, 0x60, v)
#define KBD(c)     STEP(wr, 0x60, c), STEP(get, 0xfa)

/* ---- the controller ---------------------------------------------------------------------------- */

static void self_test(void **state)
{
    (void)state;
    SCRIPT(STEP(rd, 0x64, IDLE), CMD(0xaa), STEP(rd, 0x64, READY | COMMAND), STEP(rd, 0x60, 0x55),
           STEP(rd, 0x64, IDLE | COMMAND), STEP(rd, 0x60, 0x55), /* the last one again */
           CMD(0xab), STEP(get, 0x00), CMD(0xc0), STEP(get, 0xb0), STEP(none, 0));
    /* the system flag is the command byte's */
    SCRIPT(CMD2(0x60, 0x41), STEP(rd, 0x64, 0x10), CMD(0xaa), STEP(rd, 0x64, READY | COMMAND),
           STEP(get, 0x55), CMD(0x20), STEP(get, 0x45));
}

static void command_byte(void **state)
{
    (void)state;
    SCRIPT(CMD(0x20), STEP(get, 0x45), CMD2(0x60, 0xff), CMD(0x20), STEP(get, 0x5d), CMD(0xae),
           CMD(0x20), STEP(get, 0x4d), CMD(0xad), CMD(0x20), STEP(get, 0x5d), CMD2(0x60, 0),
           STEP(rd, 0x64, 0x10), CMD2(0x7f, 0xa5), CMD(0x3f), STEP(get, 0xa5), CMD(0x20),
           STEP(get, 0));
    /* a command in place of the byte */
    SCRIPT(CMD(0x60), CMD(0xab), STEP(get, 0), STEP(wr, 0x60, 0xee), STEP(get, 0xee), CMD(0x20),
           STEP(get, 0x45));
}

static void resets_cpus(void **state)
{
    (void)state;
    SCRIPT(CMD(0xff), STEP(resets, 0), CMD(0xf1), STEP(resets, 0), CMD(0xfe), STEP(resets, 1),
           CMD(0xf0), STEP(resets, 2), CMD2(0xd1, 0x03), STEP(resets, 2), CMD2(0xd1, 0x02),
           STEP(resets, 3), STEP(refused, 0));
}

/* The output port tells of the interrupt and the keyboard's clock; address line 20 stays on. */
static void output_port(void **state)
{
    (void)state;
    SCRIPT(CMD(0xd0), STEP(get, 0xc3), CMD(0xad), CMD(0xd0), STEP(get, 0x83), STEP(key, 0x1c, 1, 1),
           CMD(0xae), CMD(0xd0), STEP(get, 0xd3), STEP(get, 0x1e), CMD2(0xd1, 0x01),
           STEP(refused, 1), CMD(0xd0), STEP(get, 0xc3), CMD(0xdd), STEP(refused, 2), CMD(0xdf),
           CMD2(0xd1, 0xdf), STEP(refused, 2), STEP(resets, 0));
}

/* What an AT's controller says of a mouse: the bit for it never stays set, tests fail, nobody answers. */
static void no_mouse(void **state)
{
    (void)state;
    SCRIPT(CMD(0xa7), CMD(0x20), STEP(get, 0x45), CMD(0xa8), CMD(0x20), STEP(get, 0x45), CMD(0xa9),
           STEP(get, 0x01), CMD2(0xd3, 0x5a), STEP(rd, 0x64, READY), STEP(get, 0x5a),
           CMD2(0xd4, 0xf4), STEP(rd, 0x64, READY | 0x40), STEP(rd, 0x60, 0xfe),
           STEP(rd, 0x64, IDLE), CMD2(0x60, 0x22), CMD(0x20), STEP(get, 0), STEP(refused, 0));
}

static void unknown(void **state)
{
    (void)state;
    SCRIPT(CMD(0x00), CMD(0xac), CMD(0xe0), CMD(0xc1), CMD(0xa4), STEP(none, 0), STEP(refused, 5),
           CMD2(0xd2, 0x77), STEP(get, 0x77));
}

static void interrupts(void **state)
{
    (void)state;
    SCRIPT(STEP(type, 'a', 1), STEP(irq, 1, 1), STEP(get, 0x1e), STEP(irq, 1, 2), STEP(get, 0x9e),
           STEP(irq, 0, 2), CMD(0xaa), STEP(irq, 1, 3), STEP(get, 0x55), STEP(irq, 0, 3),
           CMD2(0x60, 0x44), STEP(type, 'a', 1), STEP(irq, 0, 3), CMD2(0x60, 0x45), STEP(irq, 1, 4),
           STEP(get, 0x1e), STEP(get, 0x9e), STEP(irq, 0, 5));
}

/* The controller's byte comes first, and the key that was there is not lost. */
static void own_bytes_first(void **state)
{
    (void)state;
    SCRIPT(STEP(type, 'a', 1), CMD(0xaa), STEP(get, 0x55), STEP(get, 0x1e), STEP(get, 0x9e),
           STEP(none, 0));
}

static void keyboard_off(void **state)
{
    (void)state;
    SCRIPT(CMD(0xad), STEP(type, 'a', 1), STEP(none, 0), STEP(irq, 0, 0), CMD(0xae),
           STEP(get, 0x1e), STEP(get, 0x9e), CMD(0xad), STEP(wr, 0x60, 0xee), /* lets it go */
           STEP(get, 0xee), CMD(0x20), STEP(get, 0x45));
}

/* ---- the keyboard ------------------------------------------------------------------------------ */

static void identifies(void **state)
{
    (void)state;
    SCRIPT(KBD(0xf2), STEP(get, 0xab), STEP(get, 0x41), CMD2(0x60, 0x05), KBD(0xf2),
           STEP(get, 0xab), STEP(get, 0x83), STEP(none, 0));
}

static void keyboard_reset(void **state)
{
    (void)state;
    SCRIPT(KBD(0xf0), KBD(0x01), KBD(0xed), KBD(0x07), KBD(0xf5), STEP(wr, 0x60, 0xff),
           STEP(get, 0xfa), STEP(get, 0xaa), STEP(none, 0), KBD(0xf0), KBD(0x00), STEP(get, 0x41),
           STEP(type, 'a', 1));
}

static void leds_and_rates(void **state)
{
    (void)state;
    SCRIPT(KBD(0xed), KBD(0x02), KBD(0xf3), KBD(0x7f), KBD(0xf6), KBD(0xfa), STEP(none, 0),
           STEP(refused, 0));
    /* a command in place of the second byte */
    SCRIPT(KBD(0xed), KBD(0xf4), KBD(0xf0), STEP(wr, 0x60, 0xee), STEP(get, 0xee), STEP(none, 0));
}

static void scan_sets(void **state)
{
    (void)state;
    /* set 2, not translated */
    SCRIPT(CMD2(0x60, 0x05), STEP(type, 'a', 1), STEP(get, 0x1c), STEP(get, 0xf0), STEP(get, 0x1c),
           STEP(key, PS2KBD_DELETE, 0, 1), STEP(get, 0xe0), STEP(get, 0xf0), STEP(get, 0x71),
           KBD(0xf0), KBD(0x00), STEP(get, 0x02));
    /* set 1 of the keyboard's own */
    SCRIPT(CMD2(0x60, 0x05), KBD(0xf0), KBD(0x01), STEP(type, 'a', 1), STEP(get, 0x1e),
           STEP(get, 0x9e), STEP(key, PS2KBD_DELETE, 0, 1), STEP(get, 0xe0), STEP(get, 0xd3),
           KBD(0xf0), KBD(0x00), STEP(get, 0x01), KBD(0xf0), STEP(wr, 0x60, 0x03), STEP(get, 0xfe),
           STEP(refused, 1), KBD(0xf6), KBD(0xf0), KBD(0x00), STEP(get, 0x02));
    /* translated: F7 and Alt+Print Screen lie outside the table */
    SCRIPT(STEP(key, 0x83, 1, 1), STEP(get, 0x41), STEP(key, 0x84, 0, 1), STEP(get, 0xd4),
           STEP(key, PS2KBD_DELETE, 1, 1), STEP(get, 0xe0), STEP(get, 0x53));
}

static void scanning(void **state)
{
    (void)state;
    SCRIPT(STEP(type, 'a', 1), STEP(type, 'b', 1), STEP(get, 0x1e), STEP(wr, 0x60, 0xf5),
           STEP(get, 0x9e), /* was on its way */
           STEP(get, 0xfa), STEP(none, 0), STEP(type, 'c', 0), STEP(key, 0x1c, 1, 0), STEP(cad, 0),
           STEP(none, 0), KBD(0xf4), STEP(type, 'c', 1), STEP(get, 0x2e), STEP(get, 0xae));
}

static void resends(void **state)
{
    (void)state;
    SCRIPT(KBD(0xf2), STEP(get, 0xab), STEP(get, 0x41), STEP(wr, 0x60, 0xfe), STEP(get, 0x41),
           STEP(wr, 0x60, 0x00), STEP(get, 0xfe), STEP(refused, 1), STEP(none, 0));
}

/* Keys wait until a command is complete, and are not lost. */
static void keys_and_answers(void **state)
{
    (void)state;
    SCRIPT(KBD(0xed), STEP(type, 'a', 1), STEP(none, 0), KBD(0x01), STEP(get, 0x1e),
           STEP(get, 0x9e), STEP(none, 0));
}

static void full_queue(void **state)
{
    struct rig r;
    unsigned taken = 0;

    (void)state;
    make(&r);
    for (unsigned i = 0; i < 100000; i++)
        taken += i8042_type(r.dev, 'A');
    assert_int_equal(taken, 10); /* six bytes each; the first is out already */
    assert_false(i8042_ctrl_alt_del(r.dev));
    for (unsigned i = 0; i < taken; i++) { /* whole ones: no key stays down */
        static const uint8_t want[] = { 0x2a, 0x1e, 0x9e, 0xaa };

        for (unsigned k = 0; k < 4; k++)
            assert_int_equal(bus_read(&r.bus, 0x60, 1), want[k]);
    }
    assert_int_equal(bus_read(&r.bus, 0x64, 1) & 1, 0);
    drop(&r);
}

static void typed_keys(void **state)
{
    (void)state;
    SCRIPT(STEP(type, 'z', 1), STEP(get, 0x2c), STEP(get, 0xac), STEP(type, '?', 1),
           STEP(get, 0x2a), STEP(get, 0x35), STEP(get, 0xb5), STEP(get, 0xaa), STEP(type, '\n', 1),
           STEP(get, 0x1c), STEP(get, 0x9c), STEP(type, ' ', 1), STEP(get, 0x39), STEP(get, 0xb9),
           STEP(type, 0x1b, 1), STEP(get, 0x01), STEP(get, 0x81), STEP(type, 0, 0),
           STEP(type, 0x80, 0), STEP(none, 0));
    SCRIPT(STEP(cad, 1), STEP(get, 0x1d), STEP(get, 0x38), STEP(get, 0xe0), STEP(get, 0x53),
           STEP(get, 0xe0), STEP(get, 0xd3), STEP(get, 0xb8), STEP(get, 0x9d), STEP(none, 0));
}

/* Every printing character has a key, and no two the same one. */
static void all_characters(void **state)
{
    bool seen[2][0x100] = { 0 };

    (void)state;
    for (char c = ' '; c <= '~'; c++) {
        bool shift;
        unsigned code = ps2kbd_key_of(c, &shift);

        assert_in_range(code, 1, 0x83);
        assert_false(seen[shift][code]);
        seen[shift][code] = true;
    }
}

static void reset_state(void **state)
{
    (void)state;
    SCRIPT(CMD2(0x60, 0x10), KBD(0xf0), KBD(0x01), STEP(type, 'a', 1), CMD(0xaa), CMD(0xd1),
           STEP(reset, 0), STEP(rd, 0x64, IDLE), STEP(irq, 0, 0), CMD(0x20), STEP(get, 0x45),
           KBD(0xf0), KBD(0x00), STEP(get, 0x41));
}

static void view(void **state)
{
    static const struct step steps[] = { STEP(type, 'a', 1), CMD(0xaa) };
    struct dev_reg rows[DEV_REGS_MAX];
    struct rig r;

    (void)state;
    make(&r);
    RUN(&r, steps);
    assert_int_equal(r.dev->ops->regs(r.dev, rows), 5);
    assert_string_equal(rows[0].name, "status");
    assert_int_equal(rows[0].value, READY | COMMAND);
    assert_int_equal(rows[1].value, 0x45);
    assert_int_equal(rows[2].value, 0xd3);
    assert_int_equal(rows[3].value, 0x28);
    assert_int_equal(rows[4].value, 4);
    assert_int_equal(bus_read(&r.bus, 0x60, 1), 0x55);
    drop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(self_test),      cmocka_unit_test(command_byte),
        cmocka_unit_test(resets_cpus),    cmocka_unit_test(output_port),
        cmocka_unit_test(no_mouse),       cmocka_unit_test(unknown),
        cmocka_unit_test(interrupts),     cmocka_unit_test(own_bytes_first),
        cmocka_unit_test(keyboard_off),   cmocka_unit_test(identifies),
        cmocka_unit_test(keyboard_reset), cmocka_unit_test(leds_and_rates),
        cmocka_unit_test(scan_sets),      cmocka_unit_test(scanning),
        cmocka_unit_test(resends),        cmocka_unit_test(keys_and_answers),
        cmocka_unit_test(full_queue),     cmocka_unit_test(typed_keys),
        cmocka_unit_test(all_characters), cmocka_unit_test(reset_state),
        cmocka_unit_test(view),
    };

    return cmocka_run_group_tests_name("dev/i8042", tests, NULL, NULL);
}
