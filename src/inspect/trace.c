/* SPDX-License-Identifier: MIT */
/*
 * trace.c - takes events, lets a format write them down, and keeps the stream whole when storing fails
 *
 * Each call of the callback carries whole lines. After a failure the next line begins afresh and says
 * how many events are missing. Memory does not grow with the number of events.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "inspect/inspect_cpu.h"
#include "inspect/show.h"
#include "inspect/trace_priv.h"

static const struct trace_format *const formats[] = {
    [VITRO_TRACE_TEXT] = &trace_text,
    [VITRO_TRACE_JSONL] = &trace_jsonl,
    [VITRO_TRACE_CHROME] = &trace_chrome,
    [VITRO_TRACE_FLOW] = &trace_flow,
};

int trace_new(enum vitro_trace_format format,
              bool (*write)(void *ctx, const char *bytes, size_t len), void *ctx,
              struct vitro_trace **out, struct vitro_err *err)
{
    struct vitro_trace *t;

    if ((size_t)format >= ARRAY_LEN(formats) || write == NULL)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "starting a trace: unknown format %d",
                         (int)format);
    t = calloc(1, sizeof(*t));
    if (t == NULL)
        return err_set(err, -ENOMEM, "starting a trace: out of memory");
    t->format = formats[format];
    t->write = write;
    t->ctx = ctx;
    pthread_mutex_init(&t->lock, NULL);
    *out = t;
    return 0;
}

static void text_clear(struct text *t)
{
    if (t->failed)
        text_fini(t);
    t->len = 0;
}

/* Head and line as one call of the callback. */
static bool store(struct vitro_trace *t)
{
    text_clear(&t->out);
    t->format->head(t, &t->out);
    if (t->line.len > 0)
        text_add_bytes(&t->out, t->line.buf, t->line.len);
    if (t->line.failed || t->out.failed)
        return false;
    return t->out.len == 0 || t->write(t->ctx, t->out.buf, t->out.len);
}

static void store_or_drop(struct vitro_trace *t)
{
    bool ok = store(t);

    if (ok) {
        t->started = true;
        t->gap = 0;
    } else {
        t->dropped += t->covers;
        t->gap += t->covers;
    }
    if (t->format->stored != NULL)
        t->format->stored(t, ok);
    t->covers = 0;
    text_clear(&t->line);
}

void trace_event(struct vitro_trace *t, const struct vitro_event *ev)
{
    pthread_mutex_lock(&t->lock);
    t->covers++;
    t->format->event(t, ev);
    if (t->line.len > 0 || t->line.failed)
        store_or_drop(t);
    pthread_mutex_unlock(&t->lock);
}

uint64_t trace_end(struct vitro_trace *t)
{
    uint64_t dropped;

    if (t == NULL)
        return 0;
    if (t->format->flush != NULL)
        t->format->flush(t);
    if (t->started)
        text_add(&t->line, "%s", t->format->tail);
    else if (t->line.len == 0)
        text_add(&t->line, "%s", t->format->empty);
    if (t->line.len > 0 || t->gap > 0)
        store_or_drop(t);
    dropped = t->dropped;
    pthread_mutex_destroy(&t->lock);
    text_fini(&t->line);
    text_fini(&t->out);
    free(t);
    return dropped;
}

/* ---- pieces of lines ------------------------------------------------------------------------- */

void trace_tab(struct text *t, size_t start, size_t to)
{
    size_t at = t->len - start;

    text_add(t, "%*s", at < to ? (int)(to - at) : 1, "");
}

/* As text_add_escaped, and then as a JSON string: the backslash of an escape is doubled. */
void trace_json_string(struct text *t, const char *s)
{
    size_t len = s != NULL ? strnlen(s, TRACE_NAME) : 0;

    if (s == NULL) {
        text_add_bytes(t, "null", 4);
        return;
    }
    text_add_bytes(t, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c == '"')
            text_add_bytes(t, "\\\"", 2);
        else if (c == '\\')
            text_add_bytes(t, "\\\\\\\\", 4);
        else if (c >= 0x20 && c < 0x7f)
            text_add_bytes(t, &s[i], 1);
        else if (c == '\n' || c == '\t')
            text_add_bytes(t, c == '\n' ? "\\\\n" : "\\\\t", 3);
        else
            text_add(t, "\\\\x%02x", c);
    }
    text_add_bytes(t, "\"", 1);
}

void trace_result(struct text *t, int64_t result)
{
    const char *name = result < 0 && result > -4096 ? strerrorname_np((int)-result) : NULL;

    if (name != NULL)
        text_add(t, " = -%s", name);
    else
        text_add(t, " = %" PRId64, result);
}

const char *trace_direction(const struct vitro_event *ev)
{
    return show_direction(ev->is_access, ev->reason != NULL && strcmp(ev->reason, "pio") == 0,
                          ev->write);
}
