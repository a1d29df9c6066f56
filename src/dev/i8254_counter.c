/* SPDX-License-Identifier: MIT */
/*
 * i8254_counter.c - Intel 8254: the six modes of a counter
 *
 * Source: Intel data sheet 8254, "Programming the 8254", "Mode Definitions", "Operation Common to All Modes". What is
 * done between two pulses takes effect at the second one. A count of 1, which modes 2 and 3 do not allow, leaves OUT high
 * for good. GATE low ends the strobe of mode 4. BCD digits above 9 count as what they would be worth.
 */
#include "dev/i8254_counter.h"

#include "base/bits.h"

enum { CONTROL_BCD = 1, CONTROL_MODE = 7 << 1, CONTROL_RW = 3 << 4 };
enum { RW_LSB = 1, RW_MSB = 2, RW_BOTH = 3 };
enum { STATUS_NULL = 1 << 6, STATUS_OUT = 1 << 7 };

/* 6 and 7 are 2 and 3: the upper bit does not matter there. */
static unsigned mode_of(const struct counter *c)
{
    unsigned mode = (c->control & CONTROL_MODE) >> 1;

    return mode > 5 ? mode - 4 : mode;
}

static uint32_t modulus(const struct counter *c)
{
    return c->control & CONTROL_BCD ? 10000 : 65536;
}

static bool periodic(const struct counter *c)
{
    return mode_of(c) == 2 || mode_of(c) == 3;
}

/* Modes whose count begins with a rising edge of GATE and not with a written count. */
static bool triggered(const struct counter *c)
{
    return mode_of(c) == 1 || mode_of(c) == 5;
}

/* ---- time -------------------------------------------------------------------------------------- */

/* Pulses since n was loaded; below 0: it will be at the next one. */
static int64_t elapsed(const struct counter *c, int64_t now)
{
    return c->paused ? c->held : now - c->load;
}

/* Where in a half cycle of the square wave. */
struct half {
    bool high;
    uint32_t at, len; /* pulses */
};

static struct half half_of(const struct counter *c, int64_t e)
{
    uint32_t high = (c->n + 1) / 2, low = c->n / 2, first = c->low_first ? low : high;
    uint32_t at = (uint32_t)(e % c->n);
    bool in_first = at < first, is_high = in_first != c->low_first;

    return (struct half){ is_high, in_first ? at : at - first, is_high ? high : low };
}

/* With the pending count loaded if its pulse has come. */
static struct counter at(const struct counter *c, int64_t now)
{
    struct counter s = *c;

    if (!s.pending || s.paused || now < s.pending_at)
        return s;
    s.low_first = mode_of(c) == 3 && half_of(c, s.pending_at - 1 - s.load).high;
    s.load = s.pending_at;
    s.n = s.cr;
    s.pending = false;
    return s;
}

/* ---- what it shows ----------------------------------------------------------------------------- */

bool counter_out(const struct counter *c, int64_t now)
{
    struct counter s = at(c, now);
    int64_t e = elapsed(&s, now);

    if (!s.running)
        return mode_of(c) != 0;
    if (now < s.load)
        return s.out_before || (s.paused && mode_of(c) == 4);
    switch (mode_of(c)) {
    case 0:
        return e >= s.n;
    case 1:
        return e >= s.n;
    case 2:
        return s.paused || s.n == 1 || e % s.n != s.n - 1;
    case 3:
        return s.paused || half_of(&s, e).high;
    default:
        return s.paused || s.spent || e != s.n;
    }
}

/* What the counting element holds, as a plain number. */
static uint32_t element(const struct counter *c, int64_t now)
{
    int64_t e = elapsed(c, now), m = modulus(c), left;

    if (c->n == 0 || now < c->load)
        return c->before;
    if (mode_of(c) == 3)
        left = (c->n & ~1u) - 2 * half_of(c, e).at;
    else if (mode_of(c) == 2)
        left = c->n - e % c->n;
    else
        left = (c->n - e % m) % m;
    return (uint32_t)((left + m) % m);
}

uint16_t counter_value(const struct counter *c, int64_t now)
{
    struct counter s = at(c, now);
    uint32_t v = element(&s, now);

    if (!(c->control & CONTROL_BCD))
        return (uint16_t)v;
    return (uint16_t)(v / 1000 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10);
}

uint8_t counter_status(const struct counter *c, int64_t now)
{
    struct counter s = at(c, now);
    bool null = s.n == 0 || s.fresh || s.pending || (!s.running && s.cr == 0) ||
                (!s.paused && now < s.load);

    return c->control | (null ? STATUS_NULL : 0) | (counter_out(c, now) ? STATUS_OUT : 0);
}

/* The first of the pulses first, first + n, first + 2n ... after now. */
static int64_t next_of(int64_t first, uint32_t n, int64_t now)
{
    return now < first ? first : first + ((now - first) / n + 1) * n;
}

/* As if no count were pending. */
static int64_t next_rise(const struct counter *c, int64_t now)
{
    int64_t rise;

    if (!c->running || c->paused)
        return COUNTER_NEVER;
    switch (mode_of(c)) {
    case 0:
    case 1:
        rise = c->load + c->n;
        break;
    case 2:
        return c->n == 1 ? COUNTER_NEVER : next_of(c->load + c->n, c->n, now);
    case 3:
        rise = c->load + (c->low_first ? c->n / 2 : c->n);
        return c->n == 1 ? COUNTER_NEVER : next_of(rise, c->n, now);
    default:
        if (now < c->load && !c->out_before)
            return c->load;
        rise = c->spent ? now : c->load + c->n + 1;
        break;
    }
    return now < rise ? rise : COUNTER_NEVER;
}

int64_t counter_next_rise(const struct counter *c, int64_t now)
{
    struct counter s = at(c, now);
    int64_t rise = next_rise(&s, now);

    if (!s.pending || s.paused || rise <= s.pending_at)
        return rise;
    now = s.pending_at;
    s = at(&s, now);
    return next_rise(&s, now);
}

/* ---- what is done to it ------------------------------------------------------------------------ */

void counter_control(struct counter *c, uint8_t control)
{
    *c = (struct counter){ .control = control & 0x3f, .gate = c->gate };
}

/* The counting element gets the count register at the next pulse. */
static void load_next(struct counter *c, int64_t now)
{
    c->before = element(c, now);
    c->out_before = mode_of(c) != 0 && counter_out(c, now);
    c->n = c->cr;
    c->load = now + 1;
    c->held = 0;
    c->paused = !triggered(c) && !c->gate;
    c->running = true;
    c->spent = false;
    c->low_first = false;
    c->fresh = false;
    c->pending = false;
}

static void pause(struct counter *c, int64_t now)
{
    int64_t e = elapsed(c, now);

    c->held = e < 0 ? 0 : e;
    c->paused = true;
    c->spent = c->spent || c->held >= c->n;
}

void counter_gate(struct counter *c, bool level, int64_t now)
{
    if (level == c->gate)
        return;
    c->gate = level;
    *c = at(c, now);
    if (level && c->cr != 0 && (periodic(c) || triggered(c))) {
        load_next(c, now);
    } else if (c->running && !triggered(c)) {
        if (!level) {
            pause(c, now);
        } else {
            if (now >= c->load)
                c->load = now - c->held;
            c->paused = false;
        }
    }
}

static uint32_t count_of(const struct counter *c, uint16_t written)
{
    uint32_t v = written;

    if (c->control & CONTROL_BCD)
        v = (v >> 12) * 1000 + (v >> 8 & 15) * 100 + (v >> 4 & 15) * 10 + (v & 15);
    return v != 0 ? v : modulus(c);
}

/* A whole count has been written. */
static void take_count(struct counter *c, uint16_t written, int64_t now)
{
    int64_t e;

    *c = at(c, now);
    c->cr = count_of(c, written);
    e = elapsed(c, now);
    if (triggered(c) || (periodic(c) && c->running && c->paused)) {
        c->fresh = true;
    } else if (!periodic(c) || !c->running || e < 0) {
        load_next(c, now);
    } else if (!c->pending) {
        struct half h = half_of(c, e);

        c->pending = true;
        c->pending_at = now + (mode_of(c) == 3 ? h.len - h.at : c->n - e % c->n);
    }
}

void counter_write(struct counter *c, uint8_t byte, int64_t now)
{
    switch ((c->control & CONTROL_RW) >> 4) {
    case RW_LSB:
        take_count(c, byte, now);
        break;
    case RW_MSB:
        take_count(c, (uint16_t)(byte << 8), now);
        break;
    case RW_BOTH:
        c->write_msb = !c->write_msb;
        if (!c->write_msb) {
            take_count(c, (uint16_t)(byte << 8 | c->lsb), now);
        } else {
            c->lsb = byte;
            if (mode_of(c) == 0) { /* half a count stops it */
                pause(c, now);
                c->running = false;
            }
        }
        break;
    default: /* never programmed */
        break;
    }
}

void counter_latch(struct counter *c, int64_t now)
{
    if (!c->latched)
        c->latch = counter_value(c, now);
    c->latched = true;
}

void counter_latch_status(struct counter *c, int64_t now)
{
    if (!c->status_latched)
        c->status = counter_status(c, now);
    c->status_latched = true;
}

uint8_t counter_read(struct counter *c, int64_t now)
{
    unsigned rw = (c->control & CONTROL_RW) >> 4;
    uint16_t v = c->latched ? c->latch : counter_value(c, now);
    bool msb = rw == RW_MSB || (rw == RW_BOTH && c->read_msb);

    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    if (rw == RW_BOTH)
        c->read_msb = !c->read_msb;
    if (rw != RW_BOTH || !c->read_msb)
        c->latched = false;
    return (uint8_t)(msb ? v >> 8 : v);
}
