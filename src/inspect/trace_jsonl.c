/* SPDX-License-Identifier: MIT */
/*
 * trace_jsonl.c - a trace for programs: a JSON object a line
 *
 * Written by hand and not through the JSON library, which would cost more than the exit itself; the
 * tests read every line back with that library.
 */
#include <inttypes.h>

#include "inspect/trace_priv.h"

static void gpr_members(struct text *t, const uint64_t *gpr)
{
    static const char *const names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                           "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };

    text_add_bytes(t, ",\"regs\":{", 9);
    for (unsigned i = 0; i < 16; i++)
        text_add(t, "%s\"%s\":\"0x%" PRIx64 "\"", i > 0 ? "," : "", names[i], gpr[i]);
    text_add_bytes(t, "}", 1);
}

static void exit_members(struct text *t, const struct vitro_event *ev)
{
    text_add_bytes(t, ",\"reason\":", 10);
    trace_json_string(t, ev->reason);
    text_add(t, ",\"rip\":\"0x%" PRIx64 "\"", ev->rip);
    if (ev->is_access) {
        text_add(t,
                 ",\"direction\":\"%s\",\"width\":%u,\"address\":\"0x%" PRIx64
                 "\",\"data\":\"0x%" PRIx64 "\",\"device\":",
                 trace_direction(ev), ev->width, ev->addr, ev->data);
        trace_json_string(t, ev->device);
    }
    text_add(t, ",\"guest_ns\":%" PRIu64 ",\"monitor_ns\":%" PRIu64, ev->guest_ns, ev->monitor_ns);
    if (ev->gpr != NULL)
        gpr_members(t, ev->gpr);
}

static void call_members(struct text *t, const struct vitro_event *ev)
{
    text_add_bytes(t, ",\"call\":", 8);
    trace_json_string(t, ev->call);
    text_add_bytes(t, ",\"object\":", 10);
    trace_json_string(t, ev->object);
    text_add_bytes(t, ",\"meaning\":", 11);
    trace_json_string(t, ev->meaning);
    text_add(t, ",\"result\":%" PRId64 ",\"ns\":%" PRIu64, ev->result, ev->guest_ns);
}

static void jsonl_event(struct vitro_trace *t, const struct vitro_event *ev)
{
    static const char *const kinds[] = {
        [VITRO_EVENT_EXIT] = "exit", [VITRO_EVENT_HOSTCALL] = "call", [VITRO_EVENT_START] = "start",
        [VITRO_EVENT_STOP] = "stop", [VITRO_EVENT_HASH] = "hash",     [VITRO_EVENT_INSN] = "insn",
    };
    struct text *line = &t->line;

    text_add(line, "{\"seq\":%" PRIu64 ",\"t_ns\":%" PRIu64 ",\"cpu\":%u,\"event\":\"%s\"", ev->seq,
             ev->t_ns, ev->cpu, kinds[ev->kind]);
    if (ev->kind == VITRO_EVENT_EXIT)
        exit_members(line, ev);
    if (ev->kind == VITRO_EVENT_HOSTCALL)
        call_members(line, ev);
    if (ev->kind == VITRO_EVENT_STOP) {
        text_add_bytes(line, ",\"text\":", 8);
        trace_json_string(line, ev->text);
    }
    if (ev->kind == VITRO_EVENT_INSN && ev->insn != NULL)
        trace_insn_members(line, ev->insn);
    if (ev->kind == VITRO_EVENT_HASH)
        text_add(line, ",\"insns\":%" PRIu64 ",\"hash\":\"0x%016" PRIx64 "\"", ev->insns, ev->hash);
    text_add_bytes(line, "}\n", 2);
}

static void jsonl_head(const struct vitro_trace *t, struct text *out)
{
    if (t->gap > 0)
        text_add(out, "\n{\"event\":\"dropped\",\"count\":%" PRIu64 "}\n", t->gap);
}

const struct trace_format trace_jsonl = {
    .event = jsonl_event,
    .head = jsonl_head,
    .tail = "",
    .empty = "",
};
