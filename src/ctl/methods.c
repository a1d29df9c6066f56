/* SPDX-License-Identifier: MIT */
/* methods.c - the table of methods: docs/control.md and docs/control.schema.json say the same. */
#include "ctl_priv.h"

#define NUMBER(n, d, lo, hi)                                                    \
    {                                                                           \
        .name = (n), .type = PARAM_NUMBER, .def = (d), .min = (lo), .max = (hi) \
    }
#define NUMBER_WANTED(n, lo, hi)                                                      \
    {                                                                                 \
        .name = (n), .type = PARAM_NUMBER, .required = true, .min = (lo), .max = (hi) \
    }
#define FLAG(n)                         \
    {                                   \
        .name = (n), .type = PARAM_BOOL \
    }
#define ADDRESS(n)                                           \
    {                                                        \
        .name = (n), .type = PARAM_ADDRESS, .required = true \
    }
#define CPU NUMBER("cpu", 0, 0, 7)
/* What every view takes. */
#define STYLE \
    { .name = "format", .type = PARAM_TEXT, .text = "json", .words = "json|text" }, FLAG("color")
#define HOW                                                               \
    {                                                                     \
        .name = "how", .type = PARAM_TEXT, .text = "w", .words = "r|w|rw" \
    }
#define MEM_HEX (2 * MEM_MAX)

static void m_methods(struct call *call);

const struct method rpc_methods[] = {
    { "methods", m_methods, ACCESS_NONE, { { 0 } } },
    { "info", m_info, ACCESS_NONE, { { 0 } } },
    { "pause", m_pause, ACCESS_NONE, { { 0 } } },
    { "resume", m_resume, ACCESS_NONE, { { 0 } } },
    { "stop", m_stop, ACCESS_NONE, { FLAG("now"), NUMBER("grace_ms", 10000, 0, 3600000) } },
    { "reset", m_reset, ACCESS_NONE, { { 0 } } },
    { "power_button", m_power_button, ACCESS_NONE, { { 0 } } },
    { "state.subscribe", m_state_subscribe, ACCESS_NONE, { { 0 } } },
    { "unsubscribe", m_unsubscribe, ACCESS_NONE, { NUMBER_WANTED("subscription", 1, UINT32_MAX) } },

    { "map", m_view, ACCESS_LOOKS, { STYLE } },
    { "walk", m_view, ACCESS_LOOKS, { ADDRESS("addr"), CPU, STYLE } },
    { "who_maps", m_view, ACCESS_LOOKS, { ADDRESS("addr"), CPU, STYLE } },
    { "tables",
      m_view,
      ACCESS_LOOKS,
      { CPU,
        FLAG("writable"),
        FLAG("executable"),
        FLAG("user"),
        { .name = "from", .type = PARAM_ADDRESS },
        { .name = "to", .type = PARAM_ADDRESS },
        STYLE } },
    { "regs", m_view, ACCESS_LOOKS, { CPU, FLAG("all"), STYLE } },
    { "cpuid", m_view, ACCESS_LOOKS, { CPU, STYLE } },
    { "devices", m_view, ACCESS_LOOKS, { FLAG("all"), STYLE } },
    { "mem",
      m_view,
      ACCESS_LOOKS,
      { ADDRESS("addr"), NUMBER("len", 128, 1, 1 << 20), FLAG("physical"), CPU, STYLE } },
    { "disasm",
      m_view,
      ACCESS_LOOKS,
      { { .name = "addr", .type = PARAM_ADDRESS, .text = "rip" },
        NUMBER("count", 16, 1, 10000),
        CPU,
        STYLE } },
    { "exits", m_view, ACCESS_LOOKS, { NUMBER("since", 0, 1, UINT32_MAX), STYLE } },
    { "exits.mark", m_exits_mark, ACCESS_LOOKS, { { 0 } } },
    { "recent", m_view, ACCESS_LOOKS, { CPU, STYLE } },
    { "heat", m_view, ACCESS_LOOKS, { STYLE } },
    { "blocks",
      m_view,
      ACCESS_LOOKS,
      { { .name = "from", .type = PARAM_ADDRESS },
        { .name = "to", .type = PARAM_ADDRESS },
        NUMBER("count", 20, 1, 100000),
        FLAG("all"),
        STYLE } },
    { "symbols", m_view, ACCESS_LOOKS, { STYLE } },

    { "console.send",
      m_console_send,
      ACCESS_NONE,
      { { .name = "text", .type = PARAM_TEXT, .required = true } } },
    { "console.tail", m_console_tail, ACCESS_NONE, { NUMBER("bytes", 4096, 0, TAIL_BYTES) } },
    { "console.subscribe",
      m_console_subscribe,
      ACCESS_NONE,
      { NUMBER("bytes", 0, 0, TAIL_BYTES) } },

    { "debug.attach", m_debug_attach, ACCESS_NONE, { FLAG("hold_end") } },
    { "debug.detach", m_debug_detach, ACCESS_NONE, { { 0 } } },
    { "cpus", m_cpus, ACCESS_HOLDS, { { 0 } } },
    { "regs.get", m_regs_get, ACCESS_HOLDS, { CPU, FLAG("fpu") } },
    { "regs.set",
      m_regs_set,
      ACCESS_HOLDS,
      { { .name = "regs", .type = PARAM_OBJECT, .required = true }, CPU } },
    { "mem.read",
      m_mem_read,
      ACCESS_HOLDS,
      { ADDRESS("addr"), NUMBER_WANTED("len", 0, MEM_MAX), FLAG("physical"), CPU } },
    { "mem.write",
      m_mem_write,
      ACCESS_HOLDS,
      { ADDRESS("addr"),
        { .name = "bytes", .type = PARAM_TEXT, .required = true, .max = MEM_HEX },
        FLAG("physical"),
        CPU } },
    { "break.set", m_break_set, ACCESS_HOLDS, { ADDRESS("addr") } },
    { "break.clear", m_break_clear, ACCESS_HOLDS, { ADDRESS("addr") } },
    { "watch.set",
      m_watch_set,
      ACCESS_HOLDS,
      { ADDRESS("addr"), NUMBER("len", 1, 1, UINT64_MAX), HOW } },
    { "watch.clear",
      m_watch_clear,
      ACCESS_HOLDS,
      { ADDRESS("addr"), NUMBER("len", 1, 1, UINT64_MAX), HOW } },
    { "step", m_step, ACCESS_NONE, { CPU } },
    { "back.step", m_back_step, ACCESS_NONE, { CPU } },
    { "back.continue", m_back_continue, ACCESS_NONE, { CPU } },
    { "run_to", m_run_to, ACCESS_NONE, { ADDRESS("addr") } },

    { "trace.subscribe", m_trace_subscribe, ACCESS_HOLDS, { { 0 } } },
    { 0 },
};

static json_t *param_json(const struct param *p)
{
    static const char *const types[] = {
        [PARAM_ADDRESS] = "address", [PARAM_NUMBER] = "number", [PARAM_BOOL] = "boolean",
        [PARAM_TEXT] = "string",     [PARAM_OBJECT] = "object",
    };

    return json_pack("{s:s, s:s, s:b}", "name", p->name, "type", types[p->type], "required",
                     p->required);
}

/* This table, for programs and for the test of its document. */
static void m_methods(struct call *call)
{
    json_t *list = json_array();

    for (const struct method *m = rpc_methods; m->name != NULL; m++) {
        json_t *params = json_array();

        for (int i = 0; i < RPC_PARAMS_MAX && m->param[i].type != PARAM_NONE; i++)
            json_array_append_new(params, param_json(&m->param[i]));
        json_array_append_new(list, json_pack("{s:s, s:o}", "name", m->name, "params", params));
    }
    call->result = json_pack("{s:o}", "methods", list);
}
