/* SPDX-License-Identifier: MIT */
/*
 * mc146818.c - Motorola MC146818A, clock with 128 bytes of memory, as in a PC
 *
 * Source: data sheet MC146818A, "Real-Time Clock Plus RAM"; memory beyond byte 63, the century in byte 0x32 and
 * the sizes of memory: IBM AT and successors. Nothing ticks: time and flags are computed from the machine's clock when
 * somebody looks, and the timer is armed only for an interrupt that is enabled and has not come. Dates that do
 * not exist become ones that do when the clock goes on.
 * Without: daylight saving (bit DSE is memory), the square wave, time bases other than 32768 Hz (the clock stops).
 *
 * GAP: The clock asks the host for the time once, when the machine is made, to the second; from then on it counts the
 * machine's time. When the host sleeps, the guest's clock stays behind.
 */
#include "dev/mc146818.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/calendar.h"
#include "base/names.h"

#define REG_A_BITS(X)                                                 \
    X(A_RS, "RS", 0x0f, "periodic rate: 32768 Hz >> (RS - 1)")        \
    X(A_DV, "DV", 0x70, "divider: 2 runs at 32768 Hz, 6 and 7 reset") \
    X(A_UIP, "UIP", 0x80, "update in progress")

#define REG_B_BITS(X)                               \
    X(B_DSE, "DSE", 0x01, "daylight saving")        \
    X(B_24, "24/12", 0x02, "24 hours, else 12")     \
    X(B_DM, "DM", 0x04, "binary, else BCD")         \
    X(B_SQWE, "SQWE", 0x08, "square wave")          \
    X(B_UIE, "UIE", 0x10, "interrupt when updated") \
    X(B_AIE, "AIE", 0x20, "alarm interrupt")        \
    X(B_PIE, "PIE", 0x40, "periodic interrupt")     \
    X(B_SET, "SET", 0x80, "no updates: time is being set")

#define REG_C_BITS(X)                  \
    X(C_UF, "UF", 0x10, "updated")     \
    X(C_AF, "AF", 0x20, "alarm")       \
    X(C_PF, "PF", 0x40, "period over") \
    X(C_IRQF, "IRQF", 0x80, "interrupt request")

#define REG_D_BITS(X)           X(D_VRT, "VRT", 0x80, "valid RAM and time")

#define X(id, name, mask, what) id = mask,
enum { REG_A_BITS(X) REG_B_BITS(X) REG_C_BITS(X) REG_D_BITS(X) };
#undef X

/* Addresses of the bytes. */
enum {
    SECONDS,
    SECONDS_ALARM,
    MINUTES,
    MINUTES_ALARM,
    HOURS,
    HOURS_ALARM,
    WEEKDAY,
    DAY,
    MONTH,
    YEAR,
    REG_A,
    REG_B,
    REG_C,
    REG_D,
    BASE_MEM = 0x15,  /* KiB */
    EXT_MEM = 0x17,   /* KiB above 1 MiB */
    EXT_MEM_2 = 0x30, /* the same again */
    CENTURY = 0x32,
    MEM_16M = 0x34, /* 64 KiB units above 16 MiB */
    MEM_4G = 0x5b,  /* 64 KiB units above 4 GiB, three bytes */
};

enum {
    NS_A_SECOND = 1000000000,
    CRYSTAL_HZ = 32768,
    DIVIDER_RUNS = 0x20,
    UIP_NS = 244000,             /* before an update */
    FIRST_UPDATE_NS = 500000000, /* after the divider has been let go */
};

#define NEVER UINT64_MAX

struct mc146818 {
    struct dev dev; /* first */
    struct mc146818_config cfg;
    struct timer timer;
    uint8_t index; /* bit 7: NMI is masked, of which there is none */
    uint8_t a, b, c;
    uint8_t ram[MC146818_RAM]; /* time bytes: valid only while SET */

    /*
     * Seconds since year 0 at the moment origin_ns, when the divider was at its start; later ones come a second
     * each, while the clock runs. Times are signed: the origin may be before the machine's.
     */
    uint64_t base_s;
    int64_t origin_ns;
    uint8_t weekday; /* what register 6 is ahead of the calendar */
    int64_t seen_ns; /* flags of C are right up to here */
    bool irq_level;
};

static int64_t now_of(const struct mc146818 *r)
{
    return (int64_t)clock_ns(r->cfg.clock);
}

static bool divider_runs(const struct mc146818 *r)
{
    return (r->a & A_DV) == DIVIDER_RUNS;
}

static bool clock_runs(const struct mc146818 *r)
{
    return divider_runs(r) && !(r->b & B_SET);
}

static uint64_t since_origin(const struct mc146818 *r, int64_t now)
{
    return (uint64_t)(now - r->origin_ns);
}

static uint64_t time_at(const struct mc146818 *r, int64_t now)
{
    return r->base_s + (clock_runs(r) ? since_origin(r, now) / NS_A_SECOND : 0);
}

/* ---- time as bytes ----------------------------------------------------------------------------- */

static uint8_t encode(const struct mc146818 *r, unsigned v)
{
    return (uint8_t)(r->b & B_DM ? v : v / 10 * 16 + v % 10);
}

static unsigned decode(const struct mc146818 *r, uint8_t byte)
{
    return r->b & B_DM ? byte : (byte >> 4) * 10u + (byte & 15);
}

static uint8_t encode_hour(const struct mc146818 *r, unsigned hour)
{
    if (r->b & B_24)
        return encode(r, hour);
    return encode(r, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? 0x80 : 0);
}

static unsigned decode_hour(const struct mc146818 *r, uint8_t byte)
{
    if (r->b & B_24)
        return decode(r, byte);
    return decode(r, byte & 0x7f) % 12 + (byte & 0x80 ? 12 : 0);
}

static bool is_time(unsigned at)
{
    return (at < REG_A && at != SECONDS_ALARM && at != MINUTES_ALARM && at != HOURS_ALARM) ||
           at == CENTURY;
}

/* One of the bytes for which is_time() is true. */
static uint8_t time_byte(const struct mc146818 *r, unsigned at, uint64_t time_s)
{
    uint32_t days = (uint32_t)(time_s / SECONDS_A_DAY);
    unsigned s = (unsigned)(time_s % SECONDS_A_DAY);
    struct date d = calendar_date(days);

    switch (at) {
    case SECONDS:
        return encode(r, s % 60);
    case MINUTES:
        return encode(r, s / 60 % 60);
    case HOURS:
        return encode_hour(r, s / 3600);
    case WEEKDAY:
        return encode(r, (calendar_weekday(days) + r->weekday) % 7 + 1);
    case DAY:
        return encode(r, d.day);
    case MONTH:
        return encode(r, d.month);
    case YEAR:
        return encode(r, d.year % 100);
    default:
        return encode(r, d.year / 100);
    }
}

static void time_to_bytes(struct mc146818 *r)
{
    for (unsigned at = 0; at <= CENTURY; at++) {
        if (is_time(at))
            r->ram[at] = time_byte(r, at, r->base_s);
    }
}

/* Whatever the bytes are, it becomes a time. */
static void bytes_to_time(struct mc146818 *r)
{
    const uint8_t *ram = r->ram;
    struct date d = {
        (decode(r, ram[CENTURY]) % 100) * 100 + decode(r, ram[YEAR]) % 100,
        decode(r, ram[MONTH]),
        decode(r, ram[DAY]),
    };
    uint32_t days;

    d.day = d.day > 0 ? d.day : 1;
    days = calendar_days(&d);
    r->base_s = (uint64_t)days * SECONDS_A_DAY + decode_hour(r, ram[HOURS]) * 3600u +
                decode(r, ram[MINUTES]) * 60u + decode(r, ram[SECONDS]);
    r->weekday = (uint8_t)((decode(r, ram[WEEKDAY]) + 6 + 7 - calendar_weekday(days)) % 7);
}

/* ---- flags and the interrupt ------------------------------------------------------------------- */

/* Log2 of a period in ticks of the crystal; -1: none is chosen. The two fastest rates are others instead. */
static int period_shift(const struct mc146818 *r)
{
    int rs = r->a & A_RS;

    return rs == 0 ? -1 : rs < 3 ? rs + 6 : rs - 1;
}

static uint64_t periods_at(const struct mc146818 *r, int64_t now, int shift)
{
    unsigned __int128 ticks = (unsigned __int128)since_origin(r, now) * CRYSTAL_HZ / NS_A_SECOND;

    return (uint64_t)(ticks >> shift);
}

/* When the next period is over. */
static uint64_t period_end(const struct mc146818 *r, int64_t now, int shift)
{
    unsigned __int128 ticks = (unsigned __int128)(periods_at(r, now, shift) + 1) << shift;

    return (uint64_t)r->origin_ns + (uint64_t)((ticks * NS_A_SECOND + CRYSTAL_HZ - 1) / CRYSTAL_HZ);
}

/* 0xc0 and above match everything. */
static bool alarm_hits(const struct mc146818 *r, unsigned at, uint8_t val)
{
    return (r->ram[at] & 0xc0) == 0xc0 || r->ram[at] == val;
}

/* The first second after time_s at which the alarm comes; NEVER: its bytes are no time of day. */
static uint64_t next_alarm(const struct mc146818 *r, uint64_t time_s)
{
    uint64_t t = time_s + 1;

    for (int steps = 0; steps < 2 * (24 + 60 + 60); steps++) {
        unsigned s = (unsigned)(t % SECONDS_A_DAY);

        if (!alarm_hits(r, HOURS_ALARM, encode_hour(r, s / 3600)))
            t += 3600 - s % 3600;
        else if (!alarm_hits(r, MINUTES_ALARM, encode(r, s / 60 % 60)))
            t += 60 - s % 60;
        else if (!alarm_hits(r, SECONDS_ALARM, encode(r, s % 60)))
            t++;
        else
            return t;
    }
    return NEVER;
}

/* PF, AF and UF as they are at a time not before seen_ns. */
static uint8_t flags_at(const struct mc146818 *r, int64_t now)
{
    uint64_t from = time_at(r, r->seen_ns), to = time_at(r, now);
    int shift = period_shift(r);
    uint8_t c = r->c;

    if (shift >= 0 && divider_runs(r) &&
        periods_at(r, r->seen_ns, shift) != periods_at(r, now, shift))
        c |= C_PF;
    if (to != from)
        c |= C_UF;
    if (to != from && !(c & C_AF) && next_alarm(r, from) <= to)
        c |= C_AF;
    return c;
}

/* C with IRQF: its flags and B's enables have the same places. */
static uint8_t with_irqf(const struct mc146818 *r, uint8_t c)
{
    return c & r->b & (C_PF | C_AF | C_UF) ? c | C_IRQF : c;
}

/* When a flag that is enabled and not set will be. */
static uint64_t next_interrupt(const struct mc146818 *r, int64_t now)
{
    uint8_t want = r->b & ~r->c;
    uint64_t due = TIMER_NEVER, time_s = time_at(r, now), s = NEVER, at;

    if (want & C_PF && divider_runs(r) && period_shift(r) >= 0)
        due = period_end(r, now, period_shift(r));
    if (clock_runs(r) && want & C_AF)
        s = next_alarm(r, time_s);
    if (clock_runs(r) && want & C_UF)
        s = time_s + 1;
    if (s == NEVER)
        return due;
    at = (uint64_t)r->origin_ns + (s - r->base_s) * NS_A_SECOND;
    return at < due ? at : due;
}

static void update(struct mc146818 *r, int64_t now)
{
    bool level = with_irqf(r, r->c) & C_IRQF;
    uint64_t due = next_interrupt(r, now);

    if (level != r->irq_level)
        irq_set(&r->cfg.irq, level);
    r->irq_level = level;
    if (due == TIMER_NEVER)
        timer_cancel(&r->timer);
    else
        timer_arm(&r->timer, due);
}

/* Brings flags up to now, and the origin to the last second. Before anything that they depend on changes. */
static void settle(struct mc146818 *r, int64_t now)
{
    r->c = flags_at(r, now);
    r->seen_ns = now;
    r->base_s = time_at(r, now);
    if (divider_runs(r))
        r->origin_ns += (int64_t)(since_origin(r, now) / NS_A_SECOND * NS_A_SECOND);
}

static void on_timer(void *ctx)
{
    struct mc146818 *r = ctx;
    int64_t now = now_of(r);

    settle(r, now);
    update(r, now);
}

/* ---- bytes ------------------------------------------------------------------------------------- */

static bool uip(const struct mc146818 *r, int64_t now)
{
    return clock_runs(r) && since_origin(r, now) % NS_A_SECOND >= NS_A_SECOND - UIP_NS;
}

/* A byte as reading it now would give it, without the effects. */
static uint8_t peek(const struct mc146818 *r, unsigned at, int64_t now)
{
    switch (at) {
    case REG_A:
        return r->a | (uip(r, now) ? A_UIP : 0);
    case REG_B:
        return r->b;
    case REG_C:
        return with_irqf(r, flags_at(r, now));
    case REG_D:
        return D_VRT;
    default:
        return is_time(at) && !(r->b & B_SET) ? time_byte(r, at, time_at(r, now)) : r->ram[at];
    }
}

static uint64_t mc146818_read(struct dev *dev, uint64_t off, unsigned width)
{
    struct mc146818 *r = (struct mc146818 *)dev;
    unsigned at = r->index & (MC146818_RAM - 1);
    int64_t now = now_of(r);
    uint8_t val;

    (void)width;
    if (off == 0)
        return 0xff; /* the index is for writing */
    val = peek(r, at, now);
    if (at == REG_C) {
        settle(r, now);
        r->c = 0;
        update(r, now);
    }
    return val;
}

/* The divider goes on in the middle of a second; the phase is kept while time is being set. */
static void write_a(struct mc146818 *r, uint8_t val, int64_t now)
{
    bool ran = divider_runs(r);

    r->a = val & (A_RS | A_DV);
    if (divider_runs(r) && !ran)
        r->origin_ns = now - FIRST_UPDATE_NS;
}

/* SET going up clears UIE. The format of the bytes is the one in force when they are taken over. */
static void write_b(struct mc146818 *r, uint8_t val)
{
    bool was_set = r->b & B_SET, set = val & B_SET;

    if (set && !was_set)
        time_to_bytes(r);
    r->b = set && !was_set ? val & ~B_UIE : val;
    if (was_set && !set)
        bytes_to_time(r);
}

static void write_ram(struct mc146818 *r, unsigned at, uint8_t val)
{
    bool running = is_time(at) && !(r->b & B_SET);

    if (running)
        time_to_bytes(r);
    r->ram[at] = val;
    if (running)
        bytes_to_time(r);
}

static void mc146818_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct mc146818 *r = (struct mc146818 *)dev;
    unsigned at = r->index & (MC146818_RAM - 1);
    int64_t now = now_of(r);

    (void)width;
    if (off == 0) {
        r->index = (uint8_t)val;
        return;
    }
    settle(r, now);
    if (at == REG_A)
        write_a(r, (uint8_t)val, now);
    else if (at == REG_B)
        write_b(r, (uint8_t)val);
    else if (at == REG_C || at == REG_D)
        r->dev.refused++;
    else
        write_ram(r, at, (uint8_t)val);
    update(r, now);
}

/* ---- the device -------------------------------------------------------------------------------- */

#define X(id, name, mask, what) { mask, name, what },
#define TABLE(id, BITS)                                     \
    static const struct bit_name id##_rows[] = { BITS(X) }; \
    static const struct bit_table id = { id##_rows, ARRAY_LEN(id##_rows) }
TABLE(reg_a, REG_A_BITS);
TABLE(reg_b, REG_B_BITS);
TABLE(reg_c, REG_C_BITS);
TABLE(reg_d, REG_D_BITS);
#undef X

static const struct {
    const char *name;
    uint8_t at;
    const struct bit_table *bits;
} view_rows[] = {
    { "century", CENTURY, NULL },
    { "year", YEAR, NULL },
    { "month", MONTH, NULL },
    { "day", DAY, NULL },
    { "weekday", WEEKDAY, NULL },
    { "hours", HOURS, NULL },
    { "minutes", MINUTES, NULL },
    { "seconds", SECONDS, NULL },
    { "hours alarm", HOURS_ALARM, NULL },
    { "minutes alarm", MINUTES_ALARM, NULL },
    { "seconds alarm", SECONDS_ALARM, NULL },
    { "A", REG_A, &reg_a },
    { "B", REG_B, &reg_b },
    { "C", REG_C, &reg_c },
    { "D", REG_D, &reg_d },
};

static size_t mc146818_regs(const struct dev *dev, struct dev_reg *out)
{
    const struct mc146818 *r = (const struct mc146818 *)dev;
    int64_t now = now_of(r);
    size_t n = 0;

    static_assert(ARRAY_LEN(view_rows) + 1 <= DEV_REGS_MAX, "all rows have room");
    out[n++] = (struct dev_reg){ "index", 1, NULL, r->index };
    for (size_t i = 0; i < ARRAY_LEN(view_rows); i++)
        out[n++] = (struct dev_reg){ view_rows[i].name, 1, view_rows[i].bits,
                                     peek(r, view_rows[i].at, now) };
    return n;
}

/* The reset pin: time, memory and rates stay, interrupts are off. */
static void mc146818_reset(struct dev *dev)
{
    struct mc146818 *r = (struct mc146818 *)dev;
    int64_t now = now_of(r);

    settle(r, now);
    r->b &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    r->c = 0;
    update(r, now);
}

static void mc146818_free(struct dev *dev)
{
    struct mc146818 *r = (struct mc146818 *)dev;

    timer_cancel(&r->timer);
    free(r);
}

static const struct dev_ops mc146818_ops = {
    .name = "mc146818",
    .widths = W8,
    .read = mc146818_read,
    .write = mc146818_write,
    .reset = mc146818_reset,
    .bytes = sizeof(struct mc146818),
    .free = mc146818_free,
    .regs = mc146818_regs,
};

static uint64_t at_most(uint64_t v, uint64_t max)
{
    return v < max ? v : max;
}

static uint64_t above(uint64_t bytes, uint64_t start)
{
    return bytes > start ? bytes - start : 0;
}

static void set_memory_sizes(struct mc146818 *r)
{
    uint64_t below = r->cfg.ram_below_4g, ext = at_most(above(below, MIB) / KIB, 0xffff);

    le_put(&r->ram[BASE_MEM], 2, at_most(below / KIB, 640));
    le_put(&r->ram[EXT_MEM], 2, ext);
    le_put(&r->ram[EXT_MEM_2], 2, ext);
    le_put(&r->ram[MEM_16M], 2, at_most(above(below, 16 * MIB) / (64 * KIB), 0xffff));
    le_put(&r->ram[MEM_4G], 3, at_most(r->cfg.ram_above_4g / (64 * KIB), 0xffffff));
}

struct dev *mc146818_new(const struct mc146818_config *cfg)
{
    struct mc146818 *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->dev.ops = &mc146818_ops;
    r->cfg = *cfg;
    timer_init(&r->timer, cfg->timers, on_timer, r);
    r->a = DIVIDER_RUNS | 6; /* as firmware leaves them: 1024 Hz, 24 hours, BCD */
    r->b = B_24;
    r->base_s = cfg->wall(cfg->wall_ctx) + UINT64_C(86400) * CALENDAR_1970;
    r->origin_ns = r->seen_ns = now_of(r);
    set_memory_sizes(r);
    return &r->dev;
}
