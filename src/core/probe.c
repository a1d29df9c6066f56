/* SPDX-License-Identifier: MIT */
/* probe.c - the tables behind the rows of a probe. */
#include "core/probe.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define X(g, name, k, u, s) \
    [PROBE_##name] = { .key = k, .group = PROBE_GROUP_##g, .unit = PROBE_##u, .sentence = s },
const struct probe_about probe_about[PROBE_NROWS] = { PROBE_ROWS(X) };
#undef X

#define X(name, k, h) [PROBE_GROUP_##name] = { .key = k, .heading = h },
const struct probe_group_about probe_group_about[PROBE_NGROUPS] = { PROBE_GROUPS(X) };
#undef X

static const char *const verdict_names[] = {
    [PROBE_UNKNOWN] = "unknown",
    [PROBE_YES] = "yes",
    [PROBE_NO] = "no",
};

const char *probe_verdict_name(enum probe_verdict v)
{
    return verdict_names[v];
}

bool probe_verdict_parse(const char *word, enum probe_verdict *out)
{
    for (unsigned i = PROBE_UNKNOWN; i <= PROBE_NO; i++) {
        if (strcmp(word, verdict_names[i]) == 0) {
            *out = (enum probe_verdict)i;
            return true;
        }
    }
    return false;
}

enum probe_id probe_find(const char *key)
{
    unsigned i = 0;

    while (i < PROBE_NROWS && strcmp(probe_about[i].key, key) != 0)
        i++;
    return (enum probe_id)i;
}

void probe_set(struct probe_row *row, enum probe_verdict verdict, int64_t value, const char *fmt,
               ...)
{
    va_list ap;

    *row = (struct probe_row){ .verdict = verdict, .value = value };
    va_start(ap, fmt);
    vsnprintf(row->reason, sizeof(row->reason), fmt, ap);
    va_end(ap);
    for (char *c = row->reason; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
}
