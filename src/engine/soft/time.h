/* SPDX-License-Identifier: MIT */
/*
 * time.h - the software CPU and a clock that counts instructions (core/clock.h, core/turns.h)
 *
 * While it executes, a vCPU is ahead of the machine's clock by what it has executed. It tells the clock
 * when it returns, and before anybody else may ask for the time.
 */
#ifndef ENGINE_SOFT_TIME_H
#define ENGINE_SOFT_TIME_H

#include "engine/soft/cpu.h"

/* The vCPU is about to execute: takes over the clock's time, and finds its limit. */
void soft_time_begin(struct soft_cpu *c);

/* The clock takes over the vCPU's time. No effect on a clock that is not counted. */
void soft_time_end(struct soft_cpu *c);

/* Sets c->limit anew, after a timer may have been armed. */
void soft_time_limit(struct soft_cpu *c);

#endif
