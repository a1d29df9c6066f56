/* SPDX-License-Identifier: MIT */
/* calendar.h - dates of the Gregorian calendar as days, years 0 to 9999, without the host's time zones. */
#ifndef BASE_CALENDAR_H
#define BASE_CALENDAR_H

#include <stdint.h>

struct date {
    unsigned year, month, day; /* month and day from 1 */
};

enum { CALENDAR_1970 = 719528, SECONDS_A_DAY = 86400 };

/*
 * calendar_days - days from 1 January of year 0 to a date
 *
 * year 0..9999. A month outside 1..12 counts as the nearest; any day is counted from the first of its month.
 */
uint32_t calendar_days(const struct date *d);

/* The date after so many days; the year wraps to 0 after 9999. */
struct date calendar_date(uint32_t days);

/* 0 Sunday .. 6 Saturday. */
unsigned calendar_weekday(uint32_t days);

#endif
