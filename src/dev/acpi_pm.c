/* SPDX-License-Identifier: MIT */
/*
 * acpi_pm.c - PM1 event and control registers, power-management timer
 *
 * Source: Advanced Configuration and Power Interface Specification 6.3, "ACPI Hardware Specification", section 4.8.3
 * "Fixed Hardware Registers". The machine is always in ACPI mode: SCI_EN is set. The timer is computed from the
 * machine's clock. Without: sleeping other than S5 (refused), general-purpose events, the global lock of firmware.
 */
#include "dev/acpi_pm.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/names.h"

/* The same places in the status and the enable register. */
#define EVENT_BITS(X)                                            \
    X(EV_TMR, "TMR", 0x0001, "highest bit of the timer changed") \
    X(EV_GBL, "GBL", 0x0020, "global lock released")             \
    X(EV_PWRBTN, "PWRBTN", 0x0100, "power button")               \
    X(EV_SLPBTN, "SLPBTN", 0x0200, "sleep button")               \
    X(EV_RTC, "RTC", 0x0400, "alarm of the clock")

#define CONTROL_BITS(X)                                    \
    X(CNT_SCI_EN, "SCI_EN", 0x0001, "events are for ACPI") \
    X(CNT_BM_RLD, "BM_RLD", 0x0002, "bus masters wake C3") \
    X(CNT_SLP_TYP, "SLP_TYP", 0x1c00, "kind of sleep")

#define X(id, name, mask, what) id = mask,
enum { EVENT_BITS(X) CONTROL_BITS(X) };
#undef X

enum {
    EVENTS = EV_TMR | EV_GBL | EV_PWRBTN | EV_SLPBTN | EV_RTC,
    CNT_SLP_TYP_SHIFT = 10,
    CNT_SLP_EN = 0x2000, /* reads 0 */
    NS_A_SECOND = 1000000000,
};

struct part {
    struct dev dev; /* first */
    struct acpi_pm *pm;
};

struct acpi_pm {
    struct part part[ACPI_PM_PARTS]; /* first: the machine's device is the first of them */
    struct acpi_pm_config cfg;
    struct timer timer;
    uint16_t status, enable, control;
    uint64_t seen; /* changes of the timer's highest bit that status has */
    bool sci_level;
};

static struct acpi_pm *pm_of(struct dev *dev)
{
    return ((struct part *)dev)->pm;
}

/* ---- the timer --------------------------------------------------------------------------------- */

/* Of unlimited width. */
static uint64_t ticks_now(const struct acpi_pm *p)
{
    return (uint64_t)((unsigned __int128)clock_ns(p->cfg.clock) * ACPI_PM_TIMER_HZ / NS_A_SECOND);
}

static uint32_t timer_value(const struct acpi_pm *p)
{
    return (uint32_t)(ticks_now(p) & (UINT64_MAX >> (64 - p->cfg.timer_bits)));
}

/* How often the highest bit has changed. */
static uint64_t changes_now(const struct acpi_pm *p)
{
    return ticks_now(p) >> (p->cfg.timer_bits - 1);
}

static uint64_t next_change_ns(const struct acpi_pm *p)
{
    unsigned __int128 ticks = (unsigned __int128)(changes_now(p) + 1) << (p->cfg.timer_bits - 1);

    return (uint64_t)((ticks * NS_A_SECOND + ACPI_PM_TIMER_HZ - 1) / ACPI_PM_TIMER_HZ);
}

/* ---- events ------------------------------------------------------------------------------------ */

static uint16_t status_now(const struct acpi_pm *p)
{
    return p->status | (changes_now(p) != p->seen ? EV_TMR : 0);
}

/* Status up to now, the line after it, and the timer only for an event that is enabled and has not come. */
static void update(struct acpi_pm *p)
{
    bool level;

    p->status = status_now(p);
    p->seen = changes_now(p);
    level = p->status & p->enable;
    if (level != p->sci_level)
        irq_set(&p->cfg.sci, level);
    p->sci_level = level;
    if (p->enable & ~p->status & EV_TMR)
        timer_arm(&p->timer, next_change_ns(p));
    else
        timer_cancel(&p->timer);
}

static void on_timer(void *ctx)
{
    update(ctx);
}

bool acpi_pm_power_button(struct dev *dev)
{
    struct acpi_pm *p = pm_of(dev);

    p->status |= EV_PWRBTN;
    update(p);
    return p->enable & EV_PWRBTN;
}

/* ---- registers --------------------------------------------------------------------------------- */

/* Puts the bytes of an access to a register of 16 bits in their place. */
static uint16_t merge(uint16_t old, uint64_t off, unsigned width, uint64_t val)
{
    if (width == 2)
        return (uint16_t)val;
    return off & 1 ? (uint16_t)((old & 0x00ff) | val << 8) : (uint16_t)((old & 0xff00) | val);
}

/* Status in the first half, enable in the second; an access lies in one, or spans both. */
static uint64_t event_read(struct dev *dev, uint64_t off, unsigned width)
{
    struct acpi_pm *p = pm_of(dev);

    (void)width;
    update(p);
    return (p->status | (uint64_t)p->enable << 16) >> (8 * off);
}

static void event_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct acpi_pm *p = pm_of(dev);
    unsigned done = 0;

    update(p);
    for (; done < width; done++) { /* a byte at a time: a word may lie across the two */
        uint64_t at = off + done;
        uint8_t byte = (uint8_t)(val >> (8 * done));

        if (at < 2)
            p->status &= (uint16_t) ~(byte << (8 * at));
        else
            p->enable = merge(p->enable, at, 1, byte) & EVENTS;
    }
    update(p);
}

static uint64_t control_read(struct dev *dev, uint64_t off, unsigned width)
{
    (void)width;
    return pm_of(dev)->control >> (8 * off);
}

static void control_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct acpi_pm *p = pm_of(dev);
    uint16_t cnt = merge(p->control, off, width, val);

    p->control = (cnt & (CNT_BM_RLD | CNT_SLP_TYP)) | CNT_SCI_EN;
    if (!(cnt & CNT_SLP_EN))
        return;
    if ((unsigned)(cnt & CNT_SLP_TYP) >> CNT_SLP_TYP_SHIFT != p->cfg.s5_type)
        dev->refused++;
    else if (p->cfg.power_off != NULL)
        p->cfg.power_off(p->cfg.power_off_ctx);
}

static uint64_t timer_read(struct dev *dev, uint64_t off, unsigned width)
{
    (void)width;
    return timer_value(pm_of(dev)) >> (8 * off);
}

static void timer_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    (void)off;
    (void)width;
    (void)val;
    dev->refused++;
}

/* ---- the device -------------------------------------------------------------------------------- */

#define X(id, name, mask, what) { mask, name, what },
static const struct bit_name event_rows[] = { EVENT_BITS(X) };
static const struct bit_table events = { event_rows, ARRAY_LEN(event_rows) };
static const struct bit_name control_rows[] = { CONTROL_BITS(X) };
static const struct bit_table controls = { control_rows, ARRAY_LEN(control_rows) };
#undef X

static size_t acpi_pm_regs(const struct dev *dev, struct dev_reg *out)
{
    const struct acpi_pm *p = ((const struct part *)dev)->pm;
    const struct dev_reg rows[] = {
        { "PM1_STS", 2, &events, status_now(p) },
        { "PM1_EN", 2, &events, p->enable },
        { "PM1_CNT", 2, &controls, p->control },
        { "PM_TMR", 4, NULL, timer_value(p) },
    };

    static_assert(ARRAY_LEN(rows) <= DEV_REGS_MAX, "all rows have room");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        out[i] = rows[i];
    return ARRAY_LEN(rows);
}

/* The timer goes on. */
static void acpi_pm_reset(struct dev *dev)
{
    struct acpi_pm *p = pm_of(dev);

    p->status = p->enable = 0;
    p->control = CNT_SCI_EN;
    p->seen = changes_now(p);
    update(p);
}

static void acpi_pm_free(struct dev *dev)
{
    struct acpi_pm *p = pm_of(dev);

    timer_cancel(&p->timer);
    free(p);
}

static const struct dev_ops part_ops[ACPI_PM_PARTS] = {
    [ACPI_PM1_EVENT] = { .name = "acpi-pm",
                         .widths = W8 | W16 | W32,
                         .read = event_read,
                         .write = event_write,
                         .reset = acpi_pm_reset,
                         .bytes = sizeof(struct acpi_pm),
                         .free = acpi_pm_free,
                         .regs = acpi_pm_regs },
    [ACPI_PM1_CONTROL] = { .name = "acpi-control",
                           .widths = W8 | W16,
                           .read = control_read,
                           .write = control_write },
    [ACPI_PM_TIMER] = { .name = "acpi-timer",
                        .widths = W8 | W16 | W32,
                        .read = timer_read,
                        .write = timer_write },
};

struct dev *acpi_pm_new(const struct acpi_pm_config *cfg)
{
    struct acpi_pm *p = calloc(1, sizeof(*p));

    assert(cfg->timer_bits == 24 || cfg->timer_bits == 32);
    if (p == NULL)
        return NULL;
    for (unsigned i = 0; i < ACPI_PM_PARTS; i++)
        p->part[i] = (struct part){ { .ops = &part_ops[i] }, p };
    p->cfg = *cfg;
    timer_init(&p->timer, cfg->timers, on_timer, p);
    acpi_pm_reset(&p->part[0].dev);
    return &p->part[0].dev;
}

struct dev *acpi_pm_part(struct dev *dev, enum acpi_pm_part part)
{
    return &pm_of(dev)->part[part].dev;
}
