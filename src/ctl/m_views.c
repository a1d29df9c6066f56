/* SPDX-License-Identifier: MIT */
/*
 * m_views.c - the views: the library's own, each of which stops the machine for the moment that it needs
 *
 * JSON of a view goes out as the library wrote it, on one line; text is a string.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl_priv.h"

typedef int show_fn(struct call *call, const struct vitro_style *style, char **out,
                    struct vitro_err *err);

static unsigned cpu_of(const struct call *call)
{
    return (unsigned)call_number(call, "cpu");
}

/* As call_address, and what comes next is the view. */
static bool last_address(struct call *call, const char *name, unsigned cpu, uint64_t *out)
{
    bool ok = call_address(call, name, cpu, out);

    if (call->one_moment)
        vitro_hold_ends(call->ctl->m);
    return ok;
}

static int show_map(struct call *call, const struct vitro_style *style, char **out,
                    struct vitro_err *err)
{
    return vitro_show_map(call->ctl->m, style, out, err);
}

static int show_walk(struct call *call, const struct vitro_style *style, char **out,
                     struct vitro_err *err)
{
    uint64_t addr;

    return last_address(call, "addr", cpu_of(call), &addr)
               ? vitro_show_walk(call->ctl->m, cpu_of(call), addr, style, out, err)
               : -1;
}

static int show_who_maps(struct call *call, const struct vitro_style *style, char **out,
                         struct vitro_err *err)
{
    uint64_t addr;

    return last_address(call, "addr", cpu_of(call), &addr)
               ? vitro_show_who_maps(call->ctl->m, cpu_of(call), addr, style, out, err)
               : -1;
}

static int show_tables(struct call *call, const struct vitro_style *style, char **out,
                       struct vitro_err *err)
{
    struct vitro_tables_filter filter = {
        .writable = call_flag(call, "writable"),
        .executable = call_flag(call, "executable"),
        .user = call_flag(call, "user"),
    };

    if (!call_address(call, "from", cpu_of(call), &filter.from) ||
        !last_address(call, "to", cpu_of(call), &filter.to))
        return -1;
    return vitro_show_tables(call->ctl->m, cpu_of(call), &filter, style, out, err);
}

static int show_regs(struct call *call, const struct vitro_style *style, char **out,
                     struct vitro_err *err)
{
    return vitro_show_regs(call->ctl->m, cpu_of(call), call_flag(call, "all"), style, out, err);
}

static int show_cpuid(struct call *call, const struct vitro_style *style, char **out,
                      struct vitro_err *err)
{
    return vitro_show_cpuid(call->ctl->m, cpu_of(call), style, out, err);
}

static int show_devices(struct call *call, const struct vitro_style *style, char **out,
                        struct vitro_err *err)
{
    return vitro_show_devices(call->ctl->m, call_flag(call, "all"), style, out, err);
}

static int show_mem(struct call *call, const struct vitro_style *style, char **out,
                    struct vitro_err *err)
{
    uint64_t addr;

    return last_address(call, "addr", cpu_of(call), &addr)
               ? vitro_show_mem(call->ctl->m, cpu_of(call), addr, call_number(call, "len"),
                                call_flag(call, "physical"), style, out, err)
               : -1;
}

static int show_disasm(struct call *call, const struct vitro_style *style, char **out,
                       struct vitro_err *err)
{
    uint64_t addr;

    return last_address(call, "addr", cpu_of(call), &addr)
               ? vitro_show_disasm(call->ctl->m, cpu_of(call), addr,
                                   (unsigned)call_number(call, "count"), style, out, err)
               : -1;
}

static int show_recent(struct call *call, const struct vitro_style *style, char **out,
                       struct vitro_err *err)
{
    return vitro_show_recent(call->ctl->m, cpu_of(call), style, out, err);
}

static int show_symbols(struct call *call, const struct vitro_style *style, char **out,
                        struct vitro_err *err)
{
    return vitro_show_symbols(call->ctl->m, style, out, err);
}

/* Looks are compared with the connection's own last one. */
static int show_heat(struct call *call, const struct vitro_style *style, char **out,
                     struct vitro_err *err)
{
    struct vitro_heat **heat = &call->conn->heat;
    int rc = *heat == NULL ? vitro_heat_new(call->ctl->m, heat, err) : 0;

    return rc < 0 ? rc : vitro_show_heat(*heat, style, out, err);
}

static int show_blocks(struct call *call, const struct vitro_style *style, char **out,
                       struct vitro_err *err)
{
    struct vitro_blocks_filter filter = { .count = (size_t)call_number(call, "count"),
                                          .listing = call_flag(call, "all") };

    if (!call_address(call, "from", 0, &filter.from) || !last_address(call, "to", 0, &filter.to))
        return -1;
    if (filter.to == 0)
        filter.to = UINT64_MAX;
    return vitro_show_blocks(call->ctl->m, &filter, style, out, err);
}

/* ---- exits and marks ------------------------------------------------------------------------- */

/* The connection's mark of that number; NULL: there is none any more, or never was. */
static const struct vitro_exits_mark *mark_of(const struct conn *conn, uint64_t number)
{
    if (number == 0 || number > conn->marks || conn->marks - number >= MARKS_MAX)
        return NULL;
    return conn->mark[number % MARKS_MAX];
}

static int show_exits(struct call *call, const struct vitro_style *style, char **out,
                      struct vitro_err *err)
{
    const struct value *since = call_value(call, "since");
    const struct vitro_exits_mark *mark = NULL;

    if (since->given) {
        mark = mark_of(call->conn, since->number);
        if (mark == NULL)
            call_fail(call, RPC_PARAMS, "exits: this connection has no such mark");
    }
    return call->code == 0 ? vitro_show_exits_since(call->ctl->m, mark, style, out, err) : -1;
}

void m_exits_mark(struct call *call)
{
    struct conn *conn = call->conn;
    struct vitro_exits_mark *mark, **slot = &conn->mark[(conn->marks + 1) % MARKS_MAX];
    struct vitro_err err = { 0 };

    if (vitro_exits_mark(call->ctl->m, &mark, &err) < 0) {
        call_fail_err(call, &err);
        return;
    }
    vitro_exits_mark_free(*slot);
    *slot = mark;
    conn->marks++;
    call->result = json_pack("{s:i}", "mark", (int)conn->marks);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static const struct view {
    const char *name;
    show_fn *show;
} views[] = {
    { "map", show_map },       { "walk", show_walk },       { "who_maps", show_who_maps },
    { "tables", show_tables }, { "regs", show_regs },       { "devices", show_devices },
    { "mem", show_mem },       { "disasm", show_disasm },   { "exits", show_exits },
    { "recent", show_recent }, { "symbols", show_symbols }, { "blocks", show_blocks },
    { "cpuid", show_cpuid },   { "heat", show_heat },
};

static show_fn *show_of(const char *name)
{
    size_t i = 0;

    while (strcmp(views[i].name, name) != 0)
        i++;
    return views[i].show;
}

static json_t *text_json(const char *text)
{
    json_t *string = json_string(text);

    return json_pack("{s:o}", "text", string != NULL ? string : rpc_latin1(text, strlen(text)));
}

/* An address that is a register's name has to be of the same moment as what is shown there. */
static bool names_register(const struct call *call)
{
    uint64_t number;

    for (int i = 0; i < RPC_PARAMS_MAX && call->method->param[i].type != PARAM_NONE; i++) {
        if (call->method->param[i].type == PARAM_ADDRESS && call->value[i].text != NULL &&
            !rpc_parse_number(call->value[i].text, &number))
            return true;
    }
    return false;
}

static int show(struct call *call, const struct vitro_style *style, char **out,
                struct vitro_err *err)
{
    int rc;

    call->one_moment = names_register(call);
    if (call->one_moment)
        vitro_hold(call->ctl->m);
    rc = show_of(call->method->name)(call, style, out, err);
    if (call->one_moment)
        vitro_release(call->ctl->m);
    return rc;
}

void m_view(struct call *call)
{
    bool json = strcmp(call_value(call, "format")->text, "json") == 0;
    const struct vitro_style style = { .format = json ? VITRO_JSON : VITRO_TEXT,
                                       .color = call_flag(call, "color") };
    struct vitro_err err = { 0 };
    char *out = NULL;

    if (show(call, &style, &out, &err) < 0) {
        call_fail_err(call, &err); /* unless it was said already */
        return;
    }
    if (json) {
        rpc_one_line(out);
        call->raw = out;
    } else {
        call->result = text_json(out);
        free(out);
    }
}
