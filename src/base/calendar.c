/* SPDX-License-Identifier: MIT */
/* calendar.c - the Gregorian calendar repeats after 400 years, which are 146097 days. */
#include "base/calendar.h"

#include <stdbool.h>

enum { CYCLE_YEARS = 400, CYCLE_DAYS = 146097, CYCLES = 25 };

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days before 1 January of a year; year 0 is a leap year. */
static uint32_t days_before_year(unsigned year)
{
    return 365 * year + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
}

static uint32_t days_before_month(unsigned year, unsigned month)
{
    static const uint16_t days[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };

    return days[month - 1] + (month > 2 && is_leap(year));
}

uint32_t calendar_days(const struct date *d)
{
    unsigned month = d->month < 1 ? 1 : d->month > 12 ? 12 : d->month;

    return days_before_year(d->year) + days_before_month(d->year, month) + d->day - 1;
}

struct date calendar_date(uint32_t days)
{
    struct date d = { .month = 12 };

    days %= CYCLES * CYCLE_DAYS;
    d.year = (unsigned)((uint64_t)days * CYCLE_YEARS / CYCLE_DAYS) + 1; /* this year or the next */
    while (days_before_year(d.year) > days)
        d.year--;
    days -= days_before_year(d.year);
    while (days_before_month(d.year, d.month) > days)
        d.month--;
    d.day = days - days_before_month(d.year, d.month) + 1;
    return d;
}

unsigned calendar_weekday(uint32_t days)
{
    return (days + 6) % 7;
}
