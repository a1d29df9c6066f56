/* SPDX-License-Identifier: MIT */
/*
 * test_i8254_counter.c - the counter that computes against one that counts
 *
 * The slow counter below does at each CLK pulse what the data sheet's mode definitions say happens then. Both get the
 * same random control words, counts, half counts and gate changes, and must show the same OUT and the same count at each
 * pulse; and each rising edge must have been foretold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dev/i8254_counter.h"

struct slow {
    unsigned mode, rw;
    bool bcd, gate, out;
    uint32_t cr; /* 0: none since the control word */
    uint32_t ce; /* a plain number; 0 also means the modulus */
    bool have;   /* ce holds something */
    bool load;   /* at the next pulse ce gets cr */
    bool stopped, armed, odd;
    bool half; /* the lower byte has been written */
    uint8_t lsb;
};

static uint32_t modulus(const struct slow *s)
{
    return s->bcd ? 10000 : 65536;
}

static void slow_control(struct slow *s, uint8_t control)
{
    unsigned mode = control >> 1 & 7;

    *s = (struct slow){
        .mode = mode > 5 ? mode - 4 : mode,
        .rw = control >> 4 & 3,
        .bcd = control & 1,
        .gate = s->gate,
        .out = mode != 0,
    };
}

static void slow_count(struct slow *s, uint32_t written)
{
    uint32_t v = written;

    if (s->bcd)
        v = (v >> 12) * 1000 + (v >> 8 & 15) * 100 + (v >> 4 & 15) * 10 + (v & 15);
    s->cr = v != 0 ? v : modulus(s);
    switch (s->mode) {
    case 0:
        s->out = false;
        s->stopped = false;
        s->load = true;
        break;
    case 4:
        s->load = true;
        break;
    case 2:
    case 3:
        s->load = s->load || !s->have;
        break;
    default:
        break;
    }
}

static void slow_write(struct slow *s, uint8_t byte)
{
    if (s->rw == 1) {
        slow_count(s, byte);
    } else if (s->rw == 2) {
        slow_count(s, (uint32_t)byte << 8);
    } else if (s->half) {
        s->half = false;
        slow_count(s, (uint32_t)byte << 8 | s->lsb);
    } else {
        s->half = true;
        s->lsb = byte;
        if (s->mode == 0) {
            s->stopped = true;
            s->out = false;
        }
    }
}

static void slow_gate(struct slow *s, bool level)
{
    bool rises = level && !s->gate;

    s->gate = level;
    if (rises && s->cr != 0 && s->mode != 0 && s->mode != 4)
        s->load = true;
    if (!level && s->mode >= 2 && s->mode <= 4)
        s->out = true;
}

static void slow_reload(struct slow *s)
{
    s->odd = s->cr & 1;
    s->ce = s->mode == 3 ? s->cr & ~1u : s->cr;
    s->have = true;
}

static void slow_load(struct slow *s)
{
    s->load = false;
    s->armed = true;
    slow_reload(s);
    if (s->mode == 1)
        s->out = false;
    if (s->mode == 2 || s->mode == 3)
        s->out = true;
}

static void slow_square(struct slow *s)
{
    if (s->cr == 1 || (s->odd && s->out && s->ce == 0)) {
        s->out = s->cr == 1 || !s->out;
        slow_reload(s);
        return;
    }
    s->ce -= 2;
    if (s->ce == 0 && !(s->odd && s->out)) {
        s->out = !s->out;
        slow_reload(s);
    }
}

static void slow_pulse(struct slow *s)
{
    bool counts = s->gate || s->mode == 1 || s->mode == 5;

    if (s->mode == 4 || s->mode == 5)
        s->out = true;
    if (s->load) {
        slow_load(s);
        return;
    }
    if (!s->have || s->stopped || !counts)
        return;
    if (s->mode == 3) {
        slow_square(s);
        return;
    }
    s->ce = (s->ce + modulus(s) - 1) % modulus(s);
    if (s->mode == 2) {
        s->out = s->ce != 1;
        if (s->ce == 0)
            slow_reload(s);
    } else if (s->ce == 0 && s->armed) {
        s->armed = false;
        s->out = s->mode < 2;
    }
}

static uint16_t slow_value(const struct slow *s)
{
    uint32_t v = s->ce % modulus(s);

    return (uint16_t)(s->bcd ? v / 1000 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10 : v);
}

/* ---- comparison -------------------------------------------------------------------------------- */

struct pair {
    struct counter fast;
    struct slow slow;
    int64_t now;
    int64_t rise; /* foretold after what was last done */
    bool out;     /* before the last pulse */
    uint64_t seed;
    unsigned rises;
};

static unsigned random_below(struct pair *p, unsigned n)
{
    p->seed = p->seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(p->seed >> 33) % n;
}

/* A control word, a count (small, so that much happens), half of one, or GATE. */
static void random_step(struct pair *p)
{
    unsigned what = random_below(p, 40);
    uint8_t val;

    if (what == 0) {
        val = (uint8_t)((1 + random_below(p, 3)) << 4 | random_below(p, 16));
        counter_control(&p->fast, val);
        slow_control(&p->slow, val);
    } else if (what < 4) {
        bool level = random_below(p, 2);

        counter_gate(&p->fast, level, p->now);
        slow_gate(&p->slow, level);
    } else if (what < 8) {
        bool upper = p->slow.rw == 2 || p->slow.half;

        val = (uint8_t)(upper ? random_below(p, 20) == 0 : 2 + random_below(p, 9));
        if (p->slow.rw == 2)
            val = (uint8_t)random_below(p, 2);
        counter_write(&p->fast, val, p->now);
        slow_write(&p->slow, val);
    }
}

static void compare(struct pair *p, unsigned step)
{
    bool out = counter_out(&p->fast, p->now);

    if (out != p->slow.out || counter_value(&p->fast, p->now) != slow_value(&p->slow))
        fail_msg("seed step %u, mode %u, count %u: OUT %d and count 0x%x, not %d and 0x%x", step,
                 p->slow.mode, p->slow.cr, out, counter_value(&p->fast, p->now), p->slow.out,
                 slow_value(&p->slow));
}

static void computes_what_counts(void **state)
{
    struct pair p = { .seed = 8254, .now = 1000 };

    (void)state;
    counter_control(&p.fast, 0x34);
    slow_control(&p.slow, 0x34);
    for (unsigned step = 0; step < 2000000; step++) {
        random_step(&p);
        compare(&p, step);
        p.out = counter_out(&p.fast, p.now);
        p.rise = counter_next_rise(&p.fast, p.now);
        p.now++;
        slow_pulse(&p.slow);
        compare(&p, step);
        assert_true(p.rise >= p.now);
        assert_int_equal(p.rise == p.now, !p.out && p.slow.out);
        p.rises += p.rise == p.now;
    }
    assert_true(p.rises > 10000);
}

/* Foretold far ahead, and looked at only then. */
static void far_ahead(void **state)
{
    struct counter c = { .gate = true };

    (void)state;
    counter_control(&c, 0x34);
    counter_write(&c, 0x00, 5);
    counter_write(&c, 0x00, 5);
    assert_int_equal(counter_next_rise(&c, 5), 6 + 65536);
    assert_int_equal(counter_next_rise(&c, 6 + 65536), 6 + 2 * 65536);
    assert_int_equal(counter_next_rise(&c, 6 + INT64_C(65536) * 1000000 + 7),
                     6 + INT64_C(65536) * 1000001);
    assert_int_equal(counter_value(&c, 6 + INT64_C(65536) * 1000000 + 7), 65536 - 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computes_what_counts),
        cmocka_unit_test(far_ahead),
    };

    return cmocka_run_group_tests_name("dev/i8254 counter", tests, NULL, NULL);
}
