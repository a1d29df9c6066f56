/* SPDX-License-Identifier: MIT */
/* doctor_json.c - doctor's answer for programs: every row with the same keys, whatever came of it. */
#include "inspect/doctor.h"
#include "inspect/json_parts.h"

static const char *const unit_names[] = {
    [PROBE_COUNT] = "count", [PROBE_BYTES] = "bytes",
    [PROBE_NS] = "ns",       [PROBE_PER_SECOND] = "instructions/s",
    [PROBE_ERRNO] = "errno",
};

/* The number is null where the row has none: no unit, or an answer that brings no number. */
static json_t *row_value(const struct probe_row *row, enum probe_unit unit)
{
    bool there = unit == PROBE_ERRNO ? row->verdict == PROBE_NO
                                     : unit != PROBE_PLAIN && row->verdict == PROBE_YES;

    return there ? json_integer(row->value) : json_null();
}

static json_t *rows_json(const struct probe_report *r)
{
    json_t *rows = json_array();

    for (unsigned i = 0; i < PROBE_NROWS; i++) {
        const struct probe_about *a = &probe_about[i];
        const struct probe_row *row = &r->row[i];

        part_append(&rows,
                    json_pack("{ss ss ss ss so ss? ss}", "key", a->key, "group",
                              probe_group_about[a->group].key, "text", a->sentence, "verdict",
                              probe_verdict_name(row->verdict), "value", row_value(row, a->unit),
                              "unit", unit_names[a->unit], "reason", row->reason));
    }
    return rows;
}

static json_t *lines_json(char (*line)[DOCTOR_LINE], unsigned n)
{
    json_t *lines = json_array();

    for (unsigned i = 0; i < n; i++)
        part_append(&lines, json_string(line[i]));
    return lines;
}

static json_t *host_json(const struct probe_host *h)
{
    return json_pack("{ss ss ss sI so}", "cpu", h->cpu, "cpu_signature", h->cpu_signature, "kernel",
                     h->kernel, "cpus", (json_int_t)h->ncpus, "memory_bytes",
                     part_num(h->mem_bytes));
}

int doctor_show_json(const struct doctor_case *c, char **out, struct vitro_err *err)
{
    struct doctor_words w;

    doctor_words(c->report, &w);
    return json_finish(json_pack("{ss ss ss sb so so so so}", "vitro", VITRO_VERSION, "verdict",
                                 doctor_verdict_name(w.verdict), "summary", w.headline,
                                 "remembered", c->remembered, "host", host_json(c->host), "rows",
                                 rows_json(c->report), "means", lines_json(w.means, w.nmeans),
                                 "advice", lines_json(w.todo, w.ntodo)),
                       out, err);
}
