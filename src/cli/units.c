/* SPDX-License-Identifier: MIT */
/* units.c - numbers, sizes and times as people write and read them. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

bool parse_number(const char *word, uint64_t *out)
{
    static const char suffixes[] = "KMGT";
    const char *suffix;
    unsigned shift = 0;
    char *end;
    int base = word[0] == '0' && (word[1] == 'x' || word[1] == 'X') ? 16 : 10;

    if (!isxdigit((unsigned char)word[0])) /* strtoull would take signs and spaces */
        return false;
    errno = 0;
    *out = strtoull(word, &end, base);
    if (errno != 0 || end == word)
        return false;
    suffix = *end != '\0' ? strchr(suffixes, toupper((unsigned char)*end)) : NULL;
    if (suffix != NULL && base == 10) {
        shift = 10 * (unsigned)(suffix - suffixes + 1);
        end++;
        if (strcmp(end, "iB") == 0 || strcmp(end, "B") == 0)
            end = strchr(end, '\0');
    }
    if (*end != '\0' || *out > UINT64_MAX >> shift)
        return false;
    *out <<= shift;
    return true;
}

bool parse_seconds(const char *word, uint64_t *ns)
{
    double scale = 1e9, value;
    char *end;

    if (!isdigit((unsigned char)word[0]) && word[0] != '.')
        return false;
    value = strtod(word, &end);
    if (end == word)
        return false;
    if (strcmp(end, "ms") == 0)
        scale = 1e6;
    else if (*end != '\0' && strcmp(end, "s") != 0)
        return false;
    if (!(value > 0) || value * scale < 1 || value * scale > 1e18)
        return false;
    *ns = (uint64_t)(value * scale);
    return true;
}

char *format_ns(uint64_t ns, char *buf, size_t len)
{
    static const struct {
        double per;
        const char *unit;
    } rows[] = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double v = (double)ns / rows[i].per;

        if (v >= 1) {
            snprintf(buf, len, "%.*f %s", v >= 100 ? 0 : v >= 10 ? 1 : 2, v, rows[i].unit);
            return buf;
        }
    }
    snprintf(buf, len, "%" PRIu64 " ns", ns);
    return buf;
}
