/* SPDX-License-Identifier: MIT */
/*
 * mc146818.h - clock and battery-backed memory of a PC; used by board/
 *
 * Everything here is under the machine lock.
 */
#ifndef DEV_MC146818_H
#define DEV_MC146818_H

#include "core/bus.h"
#include "core/clock.h"
#include "core/irq.h"
#include "core/timer.h"

enum { MC146818_PORT = 0x70, MC146818_LEN = 2, MC146818_RAM = 128 };

struct mc146818_config {
    struct irq_line irq;       /* high from an interrupt until register C is read */
    const struct clock *clock; /* borrowed, as timers */
    struct timers *timers;
    /* Seconds since 1970 that the clock starts with; asked once, by mc146818_new. Fixed in a run to be repeated. */
    uint64_t (*wall)(void *ctx);
    void *wall_ctx;
    uint64_t ram_below_4g, ram_above_4g; /* bytes, for the registers that tell sizes of memory */
};

/* cfg is copied. Returns NULL when out of memory. The caller gives it to machine_add_dev and bus_add. */
struct dev *mc146818_new(const struct mc146818_config *cfg);

#endif
