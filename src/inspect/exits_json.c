/* SPDX-License-Identifier: MIT */
/* exits_json.c - exit counters and the last exits, as JSON. */
#include <stdio.h>
#include <string.h>

#include "inspect/inspect_cpu.h"
#include "inspect/json_parts.h"
#include "inspect/show.h"

/* Symbols are escaped already. */
static json_t *json_symbol(const char *symbol)
{
    return symbol[0] != '\0' ? json_string(symbol) : json_null();
}

static json_t *json_direction(bool access, bool port, bool write)
{
    return access ? json_string(show_direction(access, port, write)) : json_null();
}

static json_t *json_row(const struct vitro_exit_row *r)
{
    bool at = r->is_access && !r->other;

    return json_pack(
        "{s:s, s:i, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "reason",
        r->reason, "cpu", (int)r->cpu, "access", (int)r->is_access, "other", (int)r->other,
        "direction", json_direction(r->is_access, strcmp(r->reason, "pio") == 0, r->write),
        "address", part_hex_if(at, r->addr), "device", part_name(r->device), "rip",
        part_hex_if(!r->other, r->rip), "symbol", json_symbol(r->symbol), "exits",
        part_num(r->exits), "accesses", part_num(r->accesses), "guest_ns", part_num(r->guest_ns),
        "monitor_ns", part_num(r->monitor_ns), "monitor_worst_ns", part_num(r->monitor_worst_ns),
        "helped", part_num(r->helped));
}

static json_t *json_rows(const struct exits_view *v, bool guests)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < v->n; i++) {
        if (exits_is_guests(&v->row[i]) == guests)
            part_append(&rows, json_row(&v->row[i]));
    }
    return rows;
}

int exits_json(const struct exits_view *v, char **out, struct vitro_err *err)
{
    json_t *doc = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "exits", part_num(v->exits),
                            "accesses", part_num(v->accesses), "guest_ns", part_num(v->guest_ns),
                            "monitor_ns", part_num(v->monitor_ns), "helped", part_num(v->helped),
                            "rows", json_rows(v, true), "kicked", json_rows(v, false));

    return json_finish(doc, out, err);
}

/* The bytes of an instruction the engine refused: "0fc70f", or null. */
static json_t *json_insn(const struct cpu_exit *x)
{
    char hex[2 * sizeof(x->insn) + 1] = "";

    for (unsigned i = 0; i < x->ninsn && i < sizeof(x->insn); i++)
        snprintf(hex + 2 * i, 3, "%02x", x->insn[i]);
    return x->ninsn > 0 ? json_string(hex) : json_null();
}

static json_t *json_recent(const struct recent_row *r, int back)
{
    const struct cpu_exit *x = &r->exit;
    bool at = x->kind == EXIT_PIO || x->kind == EXIT_MMIO;
    bool has_addr =
        at || x->kind == EXIT_DEBUG || x->kind == EXIT_EOI || x->kind == EXIT_SYSTEM_EVENT;

    return json_pack("{s:i, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "back", -back,
                     "reason", exit_kind_name(x->kind), "access", (int)at, "direction",
                     json_direction(at, x->kind == EXIT_PIO, x->write), "width",
                     at ? json_integer(x->width) : json_null(), "address",
                     part_hex_if(has_addr, x->addr), "data", part_hex_if(at, x->data), "device",
                     part_name(r->device), "rip", json_hex(x->rip), "symbol",
                     json_symbol(r->symbol), "detail", part_name(x->detail), "bytes", json_insn(x));
}

int recent_json(const struct recent_view *v, char **out, struct vitro_err *err)
{
    json_t *rows = json_array();

    for (unsigned i = 0; i < v->n; i++)
        part_append(&rows, json_recent(&v->row[i], (int)(v->n - i)));
    return json_finish(json_pack("{s:i, s:o}", "cpu", (int)v->cpu, "recent", rows), out, err);
}
