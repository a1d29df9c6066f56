/* SPDX-License-Identifier: MIT */
/*
 * i8254.h - the interval timer of a PC: three counters and the port that has to do with them; used by board/
 *
 * One device for the machine, two places on the port bus (i8254_part). All under the machine lock.
 */
#ifndef DEV_I8254_H
#define DEV_I8254_H

#include "core/irq.h"
#include "core/machine.h"

enum i8254_part { I8254_COUNTERS, I8254_PORT_B, I8254_PARTS };
enum {
    I8254_COUNTERS_PORT = 0x40,
    I8254_COUNTERS_LEN = 4,
    I8254_PORT_B_PORT = 0x61,
    I8254_PORT_B_LEN = 1,
    I8254_HZ = 1193182,
};

/*
 * i8254_new - the timer; irq is copied and gets OUT of counter 0
 *
 * m  borrowed; its clock and timers are used from then on
 *
 * The line shows each rising edge of OUT, late ones as one; where OUT falls in between it may follow late. Returns
 * NULL when out of memory. The caller gives it to machine_add_dev.
 */
struct dev *i8254_new(struct machine *m, const struct irq_line *irq);

/* What belongs on the port bus at a part's port; owned by dev. I8254_COUNTERS gives dev itself. */
struct dev *i8254_part(struct dev *dev, enum i8254_part part);

#endif
