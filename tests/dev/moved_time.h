/* SPDX-License-Identifier: MIT */
/*
 * moved_time.h - a machine's clock that the test moves
 *
 * What is linked with moved_time.c and --wrap=clock_ns,--wrap=clock_ticks_to_ns has its clock replaced:
 * clock_ns is what these functions have made of it, and two ticks are a nanosecond.
 */
#ifndef TESTS_MOVED_TIME_H
#define TESTS_MOVED_TIME_H

#include "core/timer.h"

uint64_t time_now(void);
void time_reset(void);

/* Moves the time on, and no timer runs. */
void time_skip(uint64_t ns);

/* Moves the time on, running each timer when it is due. Returns how often timers_run was called. */
uint64_t time_advance(struct timers *list, uint64_t ns);

#endif
