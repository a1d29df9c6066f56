/* SPDX-License-Identifier: MIT */
/*
 * i8254_counter.h - one counter of an i8254, as a function of time; used by i8254.c
 *
 * Time is a number of CLK pulses. Nothing happens from pulse to pulse: what the counter shows at a time is computed from
 * what was last done to it, so it costs the same whether it was read a microsecond or a year ago.
 */
#ifndef DEV_I8254_COUNTER_H
#define DEV_I8254_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#define COUNTER_NEVER INT64_MAX

/* Read-only for others. All zero: never programmed; counter_control comes first. Counts are plain numbers, also BCD. */
struct counter {
    uint8_t control; /* RW1 RW0 M2 M1 M0 BCD, as written */
    bool gate;
    uint32_t cr; /* count register, 1..65536; 0: no count has come since the control word */
    uint32_t n;  /* count that the counting element began with; 0: nothing loaded yet */

    int64_t load;    /* pulse at which the counting element got n, or will */
    uint32_t before; /* until then: what it holds ... */
    bool out_before; /* ... and OUT */
    int64_t held;    /* while paused: pulses since load */
    bool paused;     /* GATE is low in a mode that heeds it, or half a count is written in mode 0 */
    bool running;    /* n governs OUT; else OUT is as after the control word */
    bool spent;      /* mode 4: the strobe has been */
    bool low_first;  /* mode 3: the half cycle that began at load has OUT low */

    bool fresh;         /* cr waits for a trigger: modes 1 and 5, and 2 and 3 while paused */
    bool pending;       /* modes 2 and 3: cr is loaded ... */
    int64_t pending_at; /* ... at that pulse, where the cycle or half cycle ends */

    bool write_msb, read_msb; /* the next byte is the upper one */
    uint8_t lsb;              /* the lower one, written already */
    bool latched, status_latched;
    uint16_t latch;
    uint8_t status;
};

/* Control word for this counter: bits 5:0. */
void counter_control(struct counter *c, uint8_t control);

void counter_gate(struct counter *c, bool level, int64_t now);
void counter_write(struct counter *c, uint8_t byte, int64_t now);
uint8_t counter_read(struct counter *c, int64_t now);

/* Counter latch and status latch; without effect while the last one has not been read. */
void counter_latch(struct counter *c, int64_t now);
void counter_latch_status(struct counter *c, int64_t now);

bool counter_out(const struct counter *c, int64_t now);
uint16_t counter_value(const struct counter *c, int64_t now); /* as a read would show it */
uint8_t counter_status(const struct counter *c, int64_t now);

/* The first rising edge of OUT after `now`, if nothing is done to the counter; COUNTER_NEVER: there is none. */
int64_t counter_next_rise(const struct counter *c, int64_t now);

#endif
