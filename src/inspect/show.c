/* SPDX-License-Identifier: MIT */
/* show.c - numbers and names of the text views. */
#include "inspect/show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"

/* Steps of three significant digits: what one unit of the last digit is, in nanoseconds. */
static const struct {
    uint64_t digit;
    unsigned decimals;
    const char *unit;
} time_steps[] = {
    { 1, 0, "ns" },        { 10, 2, "us" },        { 100, 1, "us" },     { 1000, 0, "us" },
    { 10000, 2, "ms" },    { 100000, 1, "ms" },    { 1000000, 0, "ms" }, { 10000000, 2, "s" },
    { 100000000, 1, "s" }, { 1000000000, 0, "s" },
};

static uint64_t rounded(uint64_t v, uint64_t digit)
{
    return v / digit + (digit > 1 && v % digit >= digit / 2);
}

char *show_ns(uint64_t ns, char buf[SHOW_NUM])
{
    static const unsigned scale[] = { 1, 10, 100 };
    char whole[SHOW_NUM];
    size_t at = 0;
    uint64_t v;

    while (at + 1 < ARRAY_LEN(time_steps) && rounded(ns, time_steps[at].digit) >= 1000)
        at++;
    v = rounded(ns, time_steps[at].digit);
    show_count(v / scale[time_steps[at].decimals], whole);
    if (time_steps[at].decimals == 0)
        snprintf(buf, SHOW_NUM, "%.30s %s", whole, time_steps[at].unit);
    else
        snprintf(buf, SHOW_NUM, "%.8s.%0*u %s", whole, (int)time_steps[at].decimals,
                 (unsigned)(v % scale[time_steps[at].decimals]), time_steps[at].unit);
    return buf;
}

char *show_us(uint64_t ns, char buf[SHOW_NUM])
{
    snprintf(buf, SHOW_NUM, "%" PRIu64 ".%03u", ns / 1000, (unsigned)(ns % 1000));
    return buf;
}

char *show_count(uint64_t n, char buf[SHOW_NUM])
{
    char digits[SHOW_NUM];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
    char *p = buf;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *p++ = ',';
        *p++ = digits[i];
    }
    *p = '\0';
    return buf;
}

char *show_size(uint64_t n, char buf[SHOW_NUM])
{
    static const struct {
        uint64_t bytes;
        const char *unit;
    } rows[] = {
        { 1024 * GIB, "TiB" }, { GIB, "GiB" }, { MIB, "MiB" }, { KIB, "KiB" }, { 1, "bytes" }
    };
    char count[SHOW_NUM];
    size_t i = 0;

    while (rows[i].bytes > 1 && (n < rows[i].bytes || n % rows[i].bytes != 0))
        i++;
    snprintf(buf, SHOW_NUM, "%.30s %s", show_count(n / rows[i].bytes, count),
             n == 1 ? "byte" : rows[i].unit);
    return buf;
}

char *show_share(uint64_t part, uint64_t whole, char buf[SHOW_NUM])
{
    unsigned __int128 milli = whole == 0 ? 0 : ((unsigned __int128)part * 2000 + whole) / whole / 2;

    snprintf(buf, SHOW_NUM, "%u.%u %%", (unsigned)(milli / 10), (unsigned)(milli % 10));
    return buf;
}

/* ---- names ----------------------------------------------------------------------------------- */

void show_name(struct text *t, const char *name, size_t max)
{
    if (name != NULL)
        text_add_escaped(t, name, strnlen(name, max));
}

char *show_symbol(const struct symtab *symbols, uint64_t addr, char buf[SHOW_SYMBOL])
{
    struct text t = { 0 };
    uint64_t offset = 0;
    const char *name = symbols != NULL ? symtab_find(symbols, addr, &offset) : NULL;
    char plus[SHOW_NUM] = "";

    buf[0] = '\0';
    if (name == NULL)
        return buf;
    if (offset != 0)
        snprintf(plus, sizeof(plus), "+0x%" PRIx64, offset);
    show_name(&t, name, SHOW_SYMBOL);
    if (t.buf != NULL)
        snprintf(buf, SHOW_SYMBOL, "%.*s%s", (int)(SHOW_SYMBOL - 1 - strlen(plus)), t.buf, plus);
    text_fini(&t);
    return buf;
}

const char *show_direction(bool is_access, bool port, bool write)
{
    if (!is_access)
        return "";
    if (port)
        return write ? "out" : "in";
    return write ? "write" : "read";
}

void show_data(struct text *t, uint64_t data, unsigned width)
{
    char byte = (char)data;

    text_add(t, "0x%" PRIx64, data);
    if (width != 1 || (data > 0x7e || (data < 0x20 && data != '\n' && data != '\t')))
        return;
    text_add_bytes(t, " '", 2);
    text_add_escaped(t, &byte, 1);
    text_add_bytes(t, "'", 1);
}

int show_finish(struct text *t, const char *what, char **out, struct vitro_err *err)
{
    *out = text_take(t);
    if (*out == NULL)
        return err_set(err, -ENOMEM, "showing %s: out of memory", what);
    return 0;
}
