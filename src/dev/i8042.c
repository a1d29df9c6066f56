/* SPDX-License-Identifier: MIT */
/*
 * i8042.c - Intel 8042 programmed as the keyboard controller of a PC AT
 *
 * Source: IBM Personal Computer AT Technical Reference, "Keyboard Controller": commands, status, command byte, ports;
 * Intel 8042 data sheet. A byte of the controller's own is shown before one of the keyboard's, which then waits.
 * There is no port for a mouse: its commands answer as an AT's controller does that has none.
 * Without: the password of PS/2 controllers, diagnostic dump, test inputs (refused).
 * Address line 20 is fixed on, as firmware leaves it: a machine begins behind the firmware, and neither engine masks
 * addresses. What would switch it off is counted as refused, and reads back as on.
 */
#include "dev/i8042.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/names.h"

#define STATUS_BITS(X)                                       \
    X(STATUS_OBF, "OBF", 0x01, "output buffer full")         \
    X(STATUS_IBF, "IBF", 0x02, "input buffer full")          \
    X(STATUS_SYS, "SYS", 0x04, "self-test passed")           \
    X(STATUS_CMD, "CMD", 0x08, "last write was a command")   \
    X(STATUS_UNLOCKED, "UNLOCKED", 0x10, "keyboard is free") \
    X(STATUS_TIMEOUT, "TIMEOUT", 0x40, "nobody answers")

#define CTR_BITS(X)                                             \
    X(CTR_INT, "INT", 0x01, "keyboard interrupt")               \
    X(CTR_SYS, "SYS", 0x04, "self-test passed")                 \
    X(CTR_NOLOCK, "NOLOCK", 0x08, "lock is overridden")         \
    X(CTR_DISABLE, "DISABLE", 0x10, "keyboard's clock is held") \
    X(CTR_XLATE, "XLATE", 0x40, "scan codes of set 2 become set 1's")

#define OUT_BITS(X)                                     \
    X(OUT_RESET, "RESET", 0x01, "low: resets the CPUs") \
    X(OUT_A20, "A20", 0x02, "address line 20")          \
    X(OUT_OBF, "OBF", 0x10, "interrupt request")        \
    X(OUT_CLOCK, "CLOCK", 0x40, "keyboard's clock")     \
    X(OUT_DATA, "DATA", 0x80, "keyboard's data")

#define KBD_BITS(X)                                      \
    X(KBD_LEDS, "LEDS", 0x07, "1 Scroll, 2 Num, 4 Caps") \
    X(KBD_SCANNING, "SCANNING", 0x08, "keys are sent")   \
    X(KBD_SET, "SET", 0x30, "of scan codes")

#define X(id, name, mask, what) id = mask,
enum { STATUS_BITS(X) CTR_BITS(X) OUT_BITS(X) KBD_BITS(X) };
#undef X

/* Commands; those of the first two rows have the address of a byte in bits 4:0. */
enum {
    READ_RAM = 0x20,
    WRITE_RAM = 0x60,
    RAM_LEN = 0x20,
    MOUSE_OFF = 0xa7,
    MOUSE_ON = 0xa8,
    MOUSE_TEST = 0xa9,
    SELF_TEST = 0xaa,
    KBD_TEST = 0xab,
    KBD_OFF = 0xad,
    KBD_ON = 0xae,
    READ_INPUT = 0xc0,
    READ_OUTPUT = 0xd0,
    WRITE_OUTPUT = 0xd1,
    WRITE_KBD_BUFFER = 0xd2,
    WRITE_MOUSE_BUFFER = 0xd3,
    WRITE_MOUSE = 0xd4,
    A20_OFF = 0xdd,
    A20_ON = 0xdf,
    PULSE = 0xf0, /* and up: bits 3:0 low pulse the output port's */
};

enum {
    SELF_TEST_PASSED = 0x55,
    KBD_TEST_PASSED = 0x00,
    MOUSE_CLOCK_LOW = 0x01,
    NOBODY = 0xfe,
    INPUT_PORT = 0xb0, /* not locked, no jumper of the factory's, colour display, memory there */
};

struct part {
    struct dev dev; /* first */
    struct i8042 *chip;
};

struct i8042 {
    struct part part[I8042_PARTS]; /* first: the machine's device is the first of them */
    struct i8042_config cfg;
    struct ps2kbd kbd;
    uint8_t ram[RAM_LEN]; /* the first is the command byte */
    uint8_t command;      /* that waits for its data; 0: none */
    bool last_was_command;
    /* Two bytes may wait, the controller's is shown first. */
    uint8_t own, from_kbd, last; /* last: what was read last */
    bool own_full, kbd_full, timeout;
    bool going_up; /* the byte before was set 2's mark of a key that goes up */
    bool irq_level;
};

static struct i8042 *chip_of(struct dev *dev)
{
    return ((struct part *)dev)->chip;
}

static bool full(const struct i8042 *c)
{
    return c->own_full || c->kbd_full;
}

/* ---- towards the guest ------------------------------------------------------------------------- */

/* Takes bytes from the keyboard until one is to be shown; at most what waits in it. */
static void pump(struct i8042 *c)
{
    uint8_t byte;

    while (!c->kbd_full && !(c->ram[0] & CTR_DISABLE) && ps2kbd_take(&c->kbd, &byte)) {
        if (!(c->ram[0] & CTR_XLATE)) {
            c->going_up = false;
        } else if (byte == 0xf0) {
            c->going_up = true;
            continue;
        } else {
            byte = ps2kbd_translate(byte) | (c->going_up ? 0x80 : 0);
            c->going_up = false;
        }
        c->from_kbd = byte;
        c->kbd_full = true;
    }
}

/* Each byte is an edge of its own: the line goes down when one is read. */
static void update(struct i8042 *c)
{
    bool level;

    pump(c);
    level = full(c) && c->ram[0] & CTR_INT;
    if (level != c->irq_level)
        irq_set(&c->cfg.irq, level);
    c->irq_level = level;
}

static void answer(struct i8042 *c, uint8_t byte)
{
    c->own = byte;
    c->own_full = true;
    c->timeout = false;
}

static uint8_t read_data(struct i8042 *c)
{
    if (c->own_full) {
        c->last = c->own;
        c->own_full = c->timeout = false;
    } else if (c->kbd_full) {
        c->last = c->from_kbd;
        c->kbd_full = false;
    }
    if (c->irq_level)
        irq_set(&c->cfg.irq, false);
    c->irq_level = false;
    return c->last;
}

static uint8_t status_of(const struct i8042 *c)
{
    return STATUS_UNLOCKED | (full(c) ? STATUS_OBF : 0) | (c->ram[0] & CTR_SYS ? STATUS_SYS : 0) |
           (c->last_was_command ? STATUS_CMD : 0) | (c->timeout ? STATUS_TIMEOUT : 0);
}

static uint8_t output_port(const struct i8042 *c)
{
    return OUT_RESET | OUT_A20 | OUT_DATA | (full(c) ? OUT_OBF : 0) |
           (c->ram[0] & CTR_DISABLE ? 0 : OUT_CLOCK);
}

/* ---- commands ---------------------------------------------------------------------------------- */

static void refuse(struct i8042 *c)
{
    c->part[I8042_COMMAND].dev.refused++;
}

static void reset_cpus(struct i8042 *c)
{
    if (c->cfg.reset != NULL)
        c->cfg.reset(c->cfg.reset_ctx);
}

static void set_a20(struct i8042 *c, bool on)
{
    if (!on)
        refuse(c);
}

/* The bits of a second interface do not stay set: there is none. */
static void write_ram(struct i8042 *c, unsigned at, uint8_t val)
{
    c->ram[at] = at == 0 ? val & (CTR_INT | CTR_SYS | CTR_NOLOCK | CTR_DISABLE | CTR_XLATE) : val;
}

/* Commands whose data come through the data port. */
static bool wants_data(uint8_t command)
{
    return (command >= WRITE_RAM && command < WRITE_RAM + RAM_LEN) ||
           (command >= WRITE_OUTPUT && command <= WRITE_MOUSE);
}

static void command_data(struct i8042 *c, uint8_t command, uint8_t val)
{
    switch (command) {
    case WRITE_OUTPUT:
        set_a20(c, val & OUT_A20);
        if (!(val & OUT_RESET))
            reset_cpus(c);
        break;
    case WRITE_KBD_BUFFER:
    case WRITE_MOUSE_BUFFER:
        answer(c, val);
        break;
    case WRITE_MOUSE:
        answer(c, NOBODY);
        c->timeout = true;
        break;
    default:
        write_ram(c, command - WRITE_RAM, val);
        break;
    }
}

static void run_command(struct i8042 *c, uint8_t command)
{
    switch (command) {
    case MOUSE_OFF:
    case MOUSE_ON:
    case A20_ON:
        break;
    case MOUSE_TEST:
        answer(c, MOUSE_CLOCK_LOW);
        break;
    case SELF_TEST:
        c->ram[0] |= CTR_SYS;
        answer(c, SELF_TEST_PASSED);
        break;
    case KBD_TEST:
        answer(c, KBD_TEST_PASSED);
        break;
    case KBD_OFF:
        c->ram[0] |= CTR_DISABLE;
        break;
    case KBD_ON:
        c->ram[0] &= ~CTR_DISABLE;
        break;
    case READ_INPUT:
        answer(c, INPUT_PORT);
        break;
    case READ_OUTPUT:
        answer(c, output_port(c));
        break;
    case A20_OFF:
        set_a20(c, false);
        break;
    default:
        refuse(c);
        break;
    }
}

static void write_command(struct i8042 *c, uint8_t command)
{
    c->last_was_command = true;
    c->command = wants_data(command) ? command : 0;
    if (c->command != 0)
        return;
    if (command >= PULSE && !(command & OUT_RESET))
        reset_cpus(c);
    else if (command >= READ_RAM && command < READ_RAM + RAM_LEN)
        answer(c, c->ram[command - READ_RAM]);
    else if (command < PULSE)
        run_command(c, command);
}

/* Without a command that waits it is the keyboard's, whose clock is then let go. */
static void write_data(struct i8042 *c, uint8_t val)
{
    uint8_t command = c->command;

    c->last_was_command = false;
    c->command = 0;
    if (command != 0) {
        command_data(c, command, val);
        return;
    }
    c->ram[0] &= ~CTR_DISABLE;
    if (!ps2kbd_write(&c->kbd, val))
        c->part[I8042_DATA].dev.refused++;
}

/* ---- ports ------------------------------------------------------------------------------------- */

static uint64_t data_read(struct dev *dev, uint64_t off, unsigned width)
{
    struct i8042 *c = chip_of(dev);
    uint8_t val = read_data(c);

    (void)off;
    (void)width;
    update(c);
    return val;
}

static void data_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    (void)off;
    (void)width;
    write_data(chip_of(dev), (uint8_t)val);
    update(chip_of(dev));
}

static uint64_t command_read(struct dev *dev, uint64_t off, unsigned width)
{
    (void)off;
    (void)width;
    return status_of(chip_of(dev));
}

static void command_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    (void)off;
    (void)width;
    write_command(chip_of(dev), (uint8_t)val);
    update(chip_of(dev));
}

/* ---- keys -------------------------------------------------------------------------------------- */

bool i8042_key(struct dev *dev, unsigned code, bool down)
{
    struct i8042 *c = chip_of(dev);
    bool taken = ps2kbd_key(&c->kbd, code, down);

    update(c);
    return taken;
}

enum { TYPED_BYTES = 6 }; /* a key with Shift, down and up */

bool i8042_ready(const struct dev *dev)
{
    const struct ps2kbd *k = &((const struct i8042 *)dev)->kbd;

    return !k->scanning || ps2kbd_room(k, TYPED_BYTES);
}

/* All of it or nothing: no key stays down. */
bool i8042_type(struct dev *dev, char ch)
{
    bool shift;
    unsigned code = ps2kbd_key_of(ch, &shift);

    if (code == 0 || !ps2kbd_room(&chip_of(dev)->kbd, TYPED_BYTES))
        return false;
    if (shift)
        i8042_key(dev, PS2KBD_SHIFT, true);
    i8042_key(dev, code, true);
    i8042_key(dev, code, false);
    if (shift)
        i8042_key(dev, PS2KBD_SHIFT, false);
    return true;
}

bool i8042_ctrl_alt_del(struct dev *dev)
{
    enum { BYTES = 11 };
    static const uint16_t keys[] = { PS2KBD_CTRL, PS2KBD_ALT, PS2KBD_DELETE };

    if (!ps2kbd_room(&chip_of(dev)->kbd, BYTES))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        i8042_key(dev, keys[i], true);
    for (size_t i = ARRAY_LEN(keys); i-- > 0;)
        i8042_key(dev, keys[i], false);
    return true;
}

/* ---- the device -------------------------------------------------------------------------------- */

#define X(id, name, mask, what) { mask, name, what },
#define TABLE(id, BITS)                                     \
    static const struct bit_name id##_rows[] = { BITS(X) }; \
    static const struct bit_table id = { id##_rows, ARRAY_LEN(id##_rows) }
TABLE(status, STATUS_BITS);
TABLE(ctr, CTR_BITS);
TABLE(output, OUT_BITS);
TABLE(keyboard, KBD_BITS);
#undef X

static size_t i8042_regs(const struct dev *dev, struct dev_reg *out)
{
    const struct i8042 *c = ((const struct part *)dev)->chip;
    const struct ps2kbd *k = &c->kbd;
    uint8_t kbd = (uint8_t)(k->leds | (k->scanning ? KBD_SCANNING : 0) | k->set << 4);
    const struct dev_reg rows[] = {
        { "status", 1, &status, status_of(c) },
        { "command byte", 1, &ctr, c->ram[0] },
        { "output port", 1, &output, output_port(c) },
        { "keyboard", 1, &keyboard, kbd },
        { "waiting", 1, NULL, c->own_full + c->kbd_full + k->nanswers + k->nkeys },
    };

    static_assert(ARRAY_LEN(rows) <= DEV_REGS_MAX, "all rows have room");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        out[i] = rows[i];
    return ARRAY_LEN(rows);
}

/* As firmware leaves it: tested, translating, with interrupts. */
static void i8042_reset(struct dev *dev)
{
    struct i8042 *c = chip_of(dev);

    c->ram[0] = CTR_INT | CTR_SYS | CTR_XLATE;
    ps2kbd_reset(&c->kbd);
    c->command = 0;
    c->last_was_command = c->own_full = c->kbd_full = c->timeout = c->going_up = false;
    update(c);
}

static void i8042_free(struct dev *dev)
{
    free(dev);
}

static const struct dev_ops part_ops[I8042_PARTS] = {
    [I8042_DATA] = { .name = "i8042",
                     .widths = W8,
                     .read = data_read,
                     .write = data_write,
                     .reset = i8042_reset,
                     .bytes = sizeof(struct i8042),
                     .free = i8042_free,
                     .regs = i8042_regs },
    [I8042_COMMAND] = { .name = "i8042-cmd",
                        .widths = W8,
                        .read = command_read,
                        .write = command_write },
};

struct dev *i8042_new(const struct i8042_config *cfg)
{
    struct i8042 *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    for (unsigned i = 0; i < I8042_PARTS; i++)
        c->part[i] = (struct part){ { .ops = &part_ops[i] }, c };
    c->cfg = *cfg;
    i8042_reset(&c->part[0].dev);
    return &c->part[0].dev;
}

struct dev *i8042_part(struct dev *dev, enum i8042_part part)
{
    return &chip_of(dev)->part[part].dev;
}
