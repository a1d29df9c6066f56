/* SPDX-License-Identifier: MIT */
/*
 * lab_clock.h - ends a turn by the host's time, where instructions are not counted
 *
 * A thread that sleeps until a turn has used its time, and then stops the machine.
 */
#ifndef CLI_LAB_CLOCK_H
#define CLI_LAB_CLOCK_H

#include <stdint.h>
#include <vitro/vitro.h>

struct lab_clock;

/* 0 or a negative errno. */
int lab_clock_start(struct lab_clock **out);
void lab_clock_end(struct lab_clock *c); /* NULL is fine */

/*
 * lab_clock_arm - stop a machine (VITRO_STOP_HOLD) when this process has used so much time
 *
 * ms  of the host's CPUs, so that other programs do not shorten the turn; a guest that waits is stopped
 *     when 20 times as long has passed
 *
 * Until lab_clock_disarm(), after which no stop comes any more.
 */
void lab_clock_arm(struct lab_clock *c, struct vitro *m, uint64_t ms);
void lab_clock_disarm(struct lab_clock *c);

#endif
