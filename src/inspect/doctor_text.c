/* SPDX-License-Identifier: MIT */
/*
 * doctor_text.c - doctor's answer for people
 *
 * Rows that hold and have no number to show are put on one line in the two long groups, so that what is
 * missing stands out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "inspect/doctor.h"
#include "inspect/grid.h"
#include "inspect/show.h"

enum { WIDTH = 100, LIST_AT = 7 };

static const char *const marks[] = {
    [PROBE_UNKNOWN] = "-",
    [PROBE_YES] = "yes",
    [PROBE_NO] = "no",
};

static const enum ink inks[] = {
    [PROBE_UNKNOWN] = INK_DIM,
    [PROBE_YES] = INK_STRONG,
    [PROBE_NO] = INK_BAD,
};

/* "cmpxchg16b" of "insn_cmpxchg16b", "int n" of "insn_int_n". */
static const char *short_name(enum probe_id id, char *buf, size_t len)
{
    const char *key = probe_about[id].key;
    const char *cut = strchr(key, '_');

    snprintf(buf, len, "%s",
             cut != NULL && probe_about[id].group != PROBE_GROUP_STATE ? cut + 1 : key);
    for (char *c = buf; *c != '\0'; c++)
        *c = *c == '_' ? ' ' : *c;
    return buf;
}

/* Rows that go into the line of short names. */
static bool listed(const struct probe_report *r, enum probe_id id)
{
    const struct probe_about *a = &probe_about[id];
    bool brief = a->group == PROBE_GROUP_INSTRUCTIONS ||
                 (a->group == PROBE_GROUP_INTERFACE && id > PROBE_API);

    return brief && r->row[id].verdict != PROBE_NO;
}

/* Writes words from column `at` on, broken at WIDTH; further lines begin at `indent`. */
static void wrap(struct text *t, size_t at, size_t indent, const char *words)
{
    bool first = true; /* of the line: no space before it */

    while (*words != '\0') {
        size_t len = strcspn(words, " ");

        if (!first && at + 1 + len > WIDTH) {
            text_add(t, "\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        text_add(t, "%s%.*s", first ? "" : " ", (int)len, words);
        at += len + (first ? 0 : 1);
        first = false;
        words += len + strspn(words + len, " ");
    }
}

/* The short names of rows with one verdict; rows that were not run are kept apart by the reason. */
static void add_list(struct text *t, const struct probe_report *r, enum probe_group group,
                     enum probe_verdict verdict, bool color)
{
    const char *reason = NULL;
    struct text words = { 0 };
    char name[48];

    for (unsigned i = 0; i < PROBE_NROWS; i++) {
        const struct probe_row *row = &r->row[i];

        if (probe_about[i].group != group || !listed(r, (enum probe_id)i) ||
            row->verdict != verdict)
            continue;
        if (reason == NULL || strcmp(reason, row->reason) != 0)
            text_add(&words, "%s%s%s", reason != NULL ? "; " : "", row->reason,
                     row->reason[0] != '\0' ? ": " : "");
        else
            text_add(&words, ", ");
        reason = row->reason;
        text_add(&words, "%s", short_name((enum probe_id)i, name, sizeof(name)));
    }
    if (reason != NULL && !words.failed) {
        text_add(t, "  ");
        ink_add(t, color, inks[verdict], "%-3s", marks[verdict]);
        text_add(t, "  ");
        wrap(t, LIST_AT, LIST_AT, words.buf);
        text_add(t, "\n");
    }
    t->failed |= words.failed;
    text_fini(&words);
}

static void add_row(struct grid *g, const struct probe_row *row, const struct probe_about *a)
{
    char value[64];

    doctor_value(row, a->unit, value, sizeof(value));
    grid_add(g, inks[row->verdict], "  %-3s", marks[row->verdict]);
    grid_add(g, INK_PLAIN, "%s", a->sentence);
    grid_add(g, value[0] != '\0' ? INK_STRONG : INK_DIM, "%s",
             value[0] != '\0' ? value : row->reason);
    grid_end(g);
}

static bool anything(const struct probe_report *r, enum probe_group group)
{
    for (unsigned i = 0; i < PROBE_NROWS; i++) {
        if (probe_about[i].group == group &&
            (r->row[i].verdict != PROBE_UNKNOWN || r->row[i].reason[0] != '\0'))
            return true;
    }
    return false;
}

static void add_group(struct text *t, const struct doctor_case *c, enum probe_group group,
                      bool color)
{
    struct grid g = { .color = color };

    if (!anything(c->report, group))
        return;
    text_add(t, "\n");
    ink_add(t, color, INK_STRONG, "%s", probe_group_about[group].heading);
    text_add(t, "%s\n",
             c->remembered && group == PROBE_GROUP_SPEED
                 ? " earlier in this boot (--fresh measures again)"
                 : "");
    for (unsigned i = 0; i < PROBE_NROWS; i++) {
        if (probe_about[i].group == group && !listed(c->report, (enum probe_id)i))
            add_row(&g, &c->report->row[i], &probe_about[i]);
    }
    grid_print(&g, t);
    add_list(t, c->report, group, PROBE_YES, color);
    add_list(t, c->report, group, PROBE_UNKNOWN, color);
}

static void add_host(struct text *t, const struct probe_host *h, bool color)
{
    uint64_t tenths = h->mem_bytes / (GIB / 10);

    text_add(t, "\n");
    ink_add(t, color, INK_STRONG, "This host");
    text_add(t, "\n  CPU     %s, %u of them\n", h->cpu[0] != '\0' ? h->cpu : h->cpu_signature,
             h->ncpus);
    text_add(t, "  kernel  Linux %s\n", h->kernel[0] != '\0' ? h->kernel : "of unknown release");
    text_add(t, "  memory  %" PRIu64 ".%" PRIu64 " GiB\n", tenths / 10, tenths % 10);
}

static void add_lines(struct text *t, const char *heading, char (*line)[DOCTOR_LINE], unsigned n,
                      bool color)
{
    text_add(t, "\n");
    ink_add(t, color, INK_STRONG, "%s", heading);
    text_add(t, "\n");
    for (unsigned i = 0; i < n; i++) {
        text_add(t, "  ");
        wrap(t, 2, 4, line[i]);
        text_add(t, "\n");
    }
}

int doctor_show_text(const struct doctor_case *c, bool color, char **out, struct vitro_err *err)
{
    struct doctor_words w;
    struct text t = { 0 };

    doctor_words(c->report, &w);
    ink_add(&t, color, INK_STRONG, "%s", w.headline);
    text_add(&t, "\n");
    add_host(&t, c->host, color);
    for (unsigned g = 0; g < PROBE_NGROUPS; g++)
        add_group(&t, c, (enum probe_group)g, color);
    add_lines(&t, "What this means", w.means, w.nmeans, color);
    add_lines(&t, "What to do", w.todo, w.ntodo, color);
    return show_finish(&t, "doctor", out, err);
}
