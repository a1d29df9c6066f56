/* SPDX-License-Identifier: MIT */
/*
 * ioapic.c - Intel I/O APIC, version 0x20: 24 pins, a redirection table, an EOI register
 *
 * Source: Intel 82093AA data sheet; Intel I/O Controller Hub data sheets, "APIC (D31:F0)", for the EOI register that
 * came with version 0x20. Devices say "asserted" and not high or low, so the polarity bit is kept and has no effect. An
 * edge on a masked pin is lost, as the data sheet has it. Delivery is instant: the delivery status reads idle.
 */
#include "dev/ioapic.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/names.h"

/* In memory. */
enum { IOREGSEL = 0x00, IOWIN = 0x10, EOIR = 0x40 };

/* Through the window. */
enum { IOAPICID = 0x00, IOAPICVER = 0x01, IOAPICARB = 0x02, IOREDTBL = 0x10 };

enum { VERSION = 0x20 | (IOAPIC_PINS - 1) << 16 };

/*
 * An entry:  63..56 destination | 16 mask | 15 level | 14 remote IRR | 13 polarity | 12 delivery status |
 *            11 logical | 10..8 delivery mode | 7..0 vector
 */
static const uint64_t entry_masked = BIT(16), entry_level = BIT(15), entry_remote_irr = BIT(14),
                      entry_writable = UINT64_C(0xff0000000001afff);

enum { FIXED = 0, LOWEST = 1 };

struct ioapic {
    struct dev dev; /* first */
    struct ioapic_config cfg;
    /* guest-visible */
    uint8_t select, id;
    uint64_t entry[IOAPIC_PINS];
    uint32_t asserted; /* levels of the pins */
};

/* ---- interrupts -------------------------------------------------------------------------------- */

/* Modes that are not Fixed or Lowest Priority are edges, whatever the trigger mode says. */
static bool level_triggered(uint64_t entry)
{
    unsigned mode = entry >> 8 & 7;

    return entry & entry_level && (mode == FIXED || mode == LOWEST);
}

static uint64_t message_addr(uint64_t entry)
{
    return 0xfee00000 | (entry >> 56) << 12 | (entry >> 11 & 1) << 2;
}

static uint32_t message_data(uint64_t entry)
{
    return (uint32_t)(entry & 0x7ff) | 1u << 14 | (level_triggered(entry) ? 1u << 15 : 0);
}

static void send(struct ioapic *io, unsigned pin)
{
    uint64_t entry = io->entry[pin];

    if (level_triggered(entry))
        io->entry[pin] |= entry_remote_irr;
    msi_send(&io->cfg.msi, message_addr(entry), message_data(entry));
}

/* A level that is there and has not been sent. */
static void send_level(struct ioapic *io, unsigned pin)
{
    uint64_t entry = io->entry[pin];

    if (level_triggered(entry) && !(entry & (entry_masked | entry_remote_irr)) &&
        io->asserted >> pin & 1)
        send(io, pin);
}

void ioapic_set(void *ctx, unsigned pin, bool level)
{
    struct ioapic *io = ctx;
    bool rises;

    assert(pin < IOAPIC_PINS);
    rises = level && !(io->asserted >> pin & 1);
    io->asserted = (io->asserted & ~(1u << pin)) | (uint32_t)level << pin;
    if (level_triggered(io->entry[pin]))
        send_level(io, pin);
    else if (rises && !(io->entry[pin] & entry_masked))
        send(io, pin);
}

void ioapic_eoi(void *ctx, uint8_t vector)
{
    struct ioapic *io = ctx;

    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        if (!(io->entry[pin] & entry_remote_irr) || (io->entry[pin] & 0xff) != vector)
            continue;
        io->entry[pin] &= ~entry_remote_irr;
        send_level(io, pin);
    }
}

bool ioapic_route(const struct dev *dev, unsigned pin, uint64_t *addr, uint32_t *data)
{
    uint64_t entry = ((const struct ioapic *)dev)->entry[pin];

    *addr = message_addr(entry);
    *data = message_data(entry);
    return !(entry & entry_masked);
}

/* ---- registers --------------------------------------------------------------------------------- */

static uint32_t read_window(const struct ioapic *io)
{
    unsigned at = io->select - IOREDTBL;

    switch (io->select) {
    case IOAPICID:
    case IOAPICARB:
        return (uint32_t)io->id << 24;
    case IOAPICVER:
        return VERSION;
    default:
        break;
    }
    if (io->select < IOREDTBL || at >= 2 * IOAPIC_PINS)
        return 0;
    return (uint32_t)(io->entry[at / 2] >> 32 * (at % 2));
}

/* Leaving level-triggered mode forgets the remote IRR. */
static void write_entry(struct ioapic *io, unsigned pin, uint64_t val)
{
    uint64_t old = io->entry[pin];
    uint64_t entry = (val & entry_writable) | (old & entry_remote_irr);

    if (!level_triggered(entry))
        entry &= ~entry_remote_irr;
    io->entry[pin] = entry;
    if (io->cfg.changed != NULL && (entry ^ old) & entry_writable)
        io->cfg.changed(io->cfg.ctx, pin);
    send_level(io, pin);
}

static void write_window(struct ioapic *io, uint32_t val)
{
    unsigned at = io->select - IOREDTBL, shift = 32 * (at % 2);
    uint64_t old;

    if (io->select == IOAPICID) {
        io->id = val >> 24 & 15;
        return;
    }
    if (io->select < IOREDTBL || at >= 2 * IOAPIC_PINS)
        return;
    old = io->entry[at / 2];
    write_entry(io, at / 2, (old & ~(ones(4) << shift)) | (uint64_t)val << shift);
}

/* Registers are 32 bits wide; their lower bytes may be read alone. */
static uint64_t ioapic_read(struct dev *dev, uint64_t off, unsigned width)
{
    const struct ioapic *io = (const struct ioapic *)dev;

    (void)width;
    switch (off) {
    case IOREGSEL:
        return io->select;
    case IOWIN:
        return read_window(io);
    default:
        return 0;
    }
}

static void ioapic_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct ioapic *io = (struct ioapic *)dev;

    if (off == IOREGSEL)
        io->select = (uint8_t)val;
    else if (off == IOWIN && width == W32)
        write_window(io, (uint32_t)val);
    else if (off == EOIR)
        ioapic_eoi(io, (uint8_t)val);
    else
        dev->refused++;
}

/* ---- the device ------------------------------------------------------------------------------- */

static const struct bit_name entry_rows[] = {
    { 0xff, "VECTOR", "vector" },
    { 0x700, "MODE", "delivery mode: 0 fixed, 1 lowest, 2 SMI, 4 NMI, 5 INIT, 7 ExtINT" },
    { BIT(11), "LOGICAL", "logical destination" },
    { BIT(13), "LOW", "pin active low" },
    { BIT(14), "REMOTE_IRR", "waits for EOI" },
    { BIT(15), "LEVEL", "level-triggered" },
    { BIT(16), "MASKED", "masked" },
    { UINT64_C(0xff) << 56, "DEST", "destination" },
};
static const struct bit_table entry_bits = { entry_rows, ARRAY_LEN(entry_rows) };

static size_t ioapic_regs(const struct dev *dev, struct dev_reg *out)
{
    static const char *const names[IOAPIC_PINS] = {
        "pin 0",  "pin 1",  "pin 2",  "pin 3",  "pin 4",  "pin 5",  "pin 6",  "pin 7",
        "pin 8",  "pin 9",  "pin 10", "pin 11", "pin 12", "pin 13", "pin 14", "pin 15",
        "pin 16", "pin 17", "pin 18", "pin 19", "pin 20", "pin 21", "pin 22", "pin 23",
    };
    const struct ioapic *io = (const struct ioapic *)dev;
    size_t n = 0;

    out[n++] = (struct dev_reg){ "IOREGSEL", 1, NULL, io->select };
    out[n++] = (struct dev_reg){ "IOAPICID", 4, NULL, (uint64_t)io->id << 24 };
    out[n++] = (struct dev_reg){ "IOAPICVER", 4, NULL, VERSION };
    out[n++] = (struct dev_reg){ "asserted", 3, NULL, io->asserted };
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        out[n++] = (struct dev_reg){ names[pin], 8, &entry_bits, io->entry[pin] };
    return n;
}
static_assert(4 + IOAPIC_PINS <= DEV_REGS_MAX, "all rows have room");

/* The lines are the devices'. */
static void ioapic_reset(struct dev *dev)
{
    struct ioapic *io = (struct ioapic *)dev;

    io->select = 0;
    io->id = io->cfg.id & 15;
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        io->entry[pin] = entry_masked;
        if (io->cfg.changed != NULL)
            io->cfg.changed(io->cfg.ctx, pin);
    }
}

static void ioapic_free(struct dev *dev)
{
    free(dev);
}

static const struct dev_ops ioapic_ops = {
    .name = "ioapic",
    .widths = W8 | W16 | W32,
    .read = ioapic_read,
    .write = ioapic_write,
    .reset = ioapic_reset,
    .bytes = sizeof(struct ioapic),
    .free = ioapic_free,
    .regs = ioapic_regs,
};

struct dev *ioapic_new(const struct ioapic_config *cfg)
{
    struct ioapic *io = calloc(1, sizeof(*io));

    if (io == NULL)
        return NULL;
    io->dev.ops = &ioapic_ops;
    io->cfg = *cfg;
    io->id = cfg->id & 15;
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        io->entry[pin] = entry_masked;
    return &io->dev;
}
