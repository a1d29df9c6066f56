/* SPDX-License-Identifier: MIT */
/* trace_text.c - a trace for people: a line an event, in columns. */
#include <inttypes.h>
#include <string.h>

#include "inspect/show.h"
#include "inspect/trace_priv.h"

/* Where columns begin; times and addresses end one place before the column after them. */
enum {
    AT_EVENT = 18,
    AT_DIR = 25,
    AT_ADDR_END = 41,
    AT_DEVICE = 43,
    AT_DATA = 54,
    AT_RIP = 66,
    AT_GUEST_END = 93,
    AT_MONITOR_END = 102,
    AT_CALL = 35,
};

static const char heading[] =
    "#    time us cpu  event  dir       address  device     data        rip                    guest"
    "  monitor\n";

/* Puts word so that it ends at column `end`. */
static void right(struct text *t, size_t start, size_t end, const char *word)
{
    size_t len = strlen(word), at = t->len - start;

    trace_tab(t, start, at + len < end ? end - len : at + 1);
    text_add(t, "%s", word);
}

static void exit_words(struct text *t, size_t start, const struct vitro_event *ev)
{
    char buf[SHOW_NUM];
    struct text addr = { 0 };

    show_name(t, ev->reason, TRACE_NAME);
    if (ev->is_access) {
        trace_tab(t, start, AT_DIR);
        text_add(t, "%s", trace_direction(ev));
        text_add(&addr, "0x%" PRIx64, ev->addr);
        right(t, start, AT_ADDR_END, addr.buf != NULL ? addr.buf : "?");
        trace_tab(t, start, AT_DEVICE);
        show_name(t, ev->device != NULL ? ev->device : "(nobody)", TRACE_NAME);
        trace_tab(t, start, AT_DATA);
        show_data(t, ev->data, ev->width);
    }
    trace_tab(t, start, AT_RIP);
    text_add(t, "0x%" PRIx64, ev->rip);
    right(t, start, AT_GUEST_END, show_ns(ev->guest_ns, buf));
    right(t, start, AT_MONITOR_END, show_ns(ev->monitor_ns, buf));
    text_fini(&addr);
}

static void call_words(struct text *t, size_t start, const struct vitro_event *ev)
{
    char buf[SHOW_NUM];

    text_add(t, "call");
    trace_tab(t, start, AT_DIR);
    show_name(t, ev->object, TRACE_NAME);
    trace_tab(t, start, AT_CALL);
    show_name(t, ev->call, TRACE_NAME);
    trace_result(t, ev->result);
    right(t, start, AT_GUEST_END, show_ns(ev->guest_ns, buf));
}

static void text_event(struct vitro_trace *t, const struct vitro_event *ev)
{
    struct text *line = &t->line;
    size_t start = line->len;
    char time[SHOW_NUM];

    text_add(line, "%12s %3u", show_us(ev->t_ns, time), ev->cpu);
    trace_tab(line, start, AT_EVENT);
    switch (ev->kind) {
    case VITRO_EVENT_EXIT:
        exit_words(line, start, ev);
        break;
    case VITRO_EVENT_HOSTCALL:
        call_words(line, start, ev);
        break;
    case VITRO_EVENT_START:
        text_add(line, "start  the guest is entered for the first time");
        break;
    case VITRO_EVENT_STOP:
        text_add(line, "stop   ");
        show_name(line, ev->text, TRACE_NAME);
        break;
    case VITRO_EVENT_INSN:
        if (ev->insn != NULL)
            trace_insn_words(line, start, ev->insn);
        break;
    case VITRO_EVENT_HASH:
        text_add(line, "hash   0x%016" PRIx64 " after %" PRIu64 " instructions", ev->hash,
                 ev->insns);
        break;
    }
    text_add_bytes(line, "\n", 1);
}

static void text_head(const struct vitro_trace *t, struct text *out)
{
    if (t->gap > 0) /* a callback that stored part of a line after all spoils no other */
        text_add_bytes(out, "\n", 1);
    if (!t->started)
        text_add(out, "%s", heading);
    if (t->gap > 0)
        text_add(out, "# %" PRIu64 " event%s could not be stored here\n", t->gap,
                 t->gap == 1 ? "" : "s");
}

const struct trace_format trace_text = {
    .event = text_event,
    .head = text_head,
    .tail = "",
    .empty = "",
};
