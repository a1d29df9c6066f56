/* SPDX-License-Identifier: MIT */
/*
 * sysports.c - POST code, system control port A, reset control register
 *
 * Source: port 0x80: IBM PC AT, where a firmware writes how far it has come; port 0x92: IBM Personal System/2 Hardware
 * Interface Technical Reference, "System Control Port A"; port 0xcf9: Intel PIIX3 data sheet, "Reset Control Register".
 * Every reset is one of the whole machine. Without: the lights and the lock of port 0x92.
 * Address line 20 is fixed on (i8042.c).
 */
#include "dev/sysports.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/names.h"

#define PORT_92_BITS(X)                         \
    X(A_RESET, "RESET", 0x01, "rising: resets") \
    X(A_A20, "A20", 0x02, "address line 20 is on")

#define RST_CNT_BITS(X)                           \
    X(RST_SYS, "SYS_RST", 0x02, "a hard one")     \
    X(RST_CPU, "RST_CPU", 0x04, "rising: resets") \
    X(RST_FULL, "FULL_RST", 0x08, "with the power off in between")

#define X(id, name, mask, what) id = mask,
enum { PORT_92_BITS(X) RST_CNT_BITS(X) };
#undef X

struct part {
    struct dev dev; /* first */
    struct sysports *all;
};

struct sysports {
    struct part part[SYSPORTS_PARTS]; /* first: the machine's device is the first of them */
    struct sysports_config cfg;
    uint8_t val[SYSPORTS_PARTS];
};

static struct part *part_of(struct dev *dev)
{
    return (struct part *)dev;
}

static uint8_t *val_of(struct dev *dev)
{
    struct sysports *s = part_of(dev)->all;

    return &s->val[part_of(dev) - s->part];
}

static uint64_t sysports_read(struct dev *dev, uint64_t off, unsigned width)
{
    (void)off;
    (void)width;
    return *val_of(dev);
}

static void post_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    (void)off;
    (void)width;
    *val_of(dev) = (uint8_t)val;
}

/* Keeps a value, and resets if `bit` of it rises. */
static void write_reset(struct dev *dev, uint8_t val, uint8_t bit)
{
    const struct sysports *s = part_of(dev)->all;
    bool rises = val & ~*val_of(dev) & bit;

    *val_of(dev) = val;
    if (rises && s->cfg.reset != NULL)
        s->cfg.reset(s->cfg.reset_ctx);
}

static void port_92_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    (void)off;
    (void)width;
    if (!(val & A_A20))
        dev->refused++;
    write_reset(dev, ((uint8_t)val & A_RESET) | A_A20, A_RESET);
}

static void reset_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    (void)off;
    (void)width;
    write_reset(dev, (uint8_t)val & (RST_SYS | RST_CPU | RST_FULL), RST_CPU);
}

/* ---- the device -------------------------------------------------------------------------------- */

#define X(id, name, mask, what) { mask, name, what },
static const struct bit_name port_92_rows[] = { PORT_92_BITS(X) };
static const struct bit_table port_92 = { port_92_rows, ARRAY_LEN(port_92_rows) };
static const struct bit_name rst_cnt_rows[] = { RST_CNT_BITS(X) };
static const struct bit_table rst_cnt = { rst_cnt_rows, ARRAY_LEN(rst_cnt_rows) };
#undef X

/* Each part shows its own. */
static size_t sysports_regs(const struct dev *dev, struct dev_reg *out)
{
    static const struct dev_reg rows[SYSPORTS_PARTS] = {
        [SYSPORTS_POST] = { "POST", 1, NULL, 0 },
        [SYSPORTS_92] = { "port 92", 1, &port_92, 0 },
        [SYSPORTS_RESET] = { "RST_CNT", 1, &rst_cnt, 0 },
    };
    const struct part *part = (const struct part *)dev;
    size_t which = (size_t)(part - part->all->part);

    *out = rows[which];
    out->value = part->all->val[which];
    return 1;
}

/* The POST code tells how far it had come before. */
static void sysports_reset(struct dev *dev)
{
    struct sysports *s = part_of(dev)->all;

    s->val[SYSPORTS_92] = A_A20;
    s->val[SYSPORTS_RESET] = 0;
}

static void sysports_free(struct dev *dev)
{
    free(dev);
}

static const struct dev_ops part_ops[SYSPORTS_PARTS] = {
    [SYSPORTS_POST] = { .name = "post",
                        .widths = W8,
                        .read = sysports_read,
                        .write = post_write,
                        .reset = sysports_reset,
                        .bytes = sizeof(struct sysports),
                        .free = sysports_free,
                        .regs = sysports_regs },
    [SYSPORTS_92] = { .name = "port92",
                      .widths = W8,
                      .read = sysports_read,
                      .write = port_92_write,
                      .regs = sysports_regs },
    [SYSPORTS_RESET] = { .name = "reset",
                         .widths = W8,
                         .read = sysports_read,
                         .write = reset_write,
                         .regs = sysports_regs },
};

struct dev *sysports_new(const struct sysports_config *cfg)
{
    struct sysports *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    for (unsigned i = 0; i < SYSPORTS_PARTS; i++)
        s->part[i] = (struct part){ { .ops = &part_ops[i] }, s };
    s->cfg = *cfg;
    sysports_reset(&s->part[0].dev);
    return &s->part[0].dev;
}

struct dev *sysports_part(struct dev *dev, enum sysports_part part)
{
    return &part_of(dev)->all->part[part].dev;
}
