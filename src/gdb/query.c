/* SPDX-License-Identifier: MIT */
/* query.c - the q packets: what this server offers, the target's description, the CPUs as threads. */
#include "gdb/session_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void gdb_query_supported(struct session *s, struct scan *in)
{
    while (!scan_done(in)) { /* the debugger's own features, separated by ';' */
        if (scan_word(in, "swbreak+"))
            s->tells_break = true;
        else
            in->at++;
    }
    gdb_reply(s,
              "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;qXfer:threads:read+;"
              "swbreak+;hwbreak+;vContSupported+%s",
              PACKET_MAX, s->past ? ";ReverseStep+;ReverseContinue+" : "");
}

/* The part of s->xml that offset,length names: m and bytes, or l and the last ones. */
static void send_part(struct session *s, struct scan *in)
{
    char part[PACKET_MAX];
    uint64_t offset, len;
    size_t n;

    if (!scan_hex(in, &offset) || !scan_word(in, ",") || !scan_hex(in, &len) || !scan_done(in) ||
        offset > s->xml.len) {
        gdb_reply_error(s, EINVAL);
        return;
    }
    if (s->xml.failed) {
        gdb_reply_error(s, ENOMEM);
        return;
    }
    n = s->xml.len - (size_t)offset;
    if (n > len)
        n = (size_t)len;
    if (n > sizeof(part) - 1)
        n = sizeof(part) - 1;
    part[0] = offset + n == s->xml.len ? 'l' : 'm';
    memcpy(part + 1, s->xml.buf + offset, n);
    gdb_reply_bytes(s, part, n + 1);
}

void gdb_query_features(struct session *s, struct scan *in)
{
    if (!scan_word(in, "target.xml:")) {
        gdb_reply(s, "E00"); /* no such annex */
        return;
    }
    text_fini(&s->xml);
    target_xml(s->target, &s->xml);
    send_part(s, in);
}

static const char *mode_of(const json_t *cpus, unsigned cpu)
{
    const json_t *list = json_is_array(cpus) ? cpus : json_object_get(cpus, "cpus");
    const char *mode = json_string_value(json_object_get(json_array_get(list, cpu), "mode"));

    return mode != NULL ? mode : "mode unknown";
}

void gdb_query_threads(struct session *s, struct scan *in)
{
    json_t *cpus = session_call(s, "cpus", NULL, NULL);

    text_fini(&s->xml);
    text_add(&s->xml, "<?xml version=\"1.0\"?>\n<threads>\n");
    for (unsigned i = 0; i < s->ncpus; i++)
        text_add(&s->xml, "<thread id=\"%x\" core=\"%u\" name=\"CPU %u\">%s</thread>\n", i + 1, i,
                 i, mode_of(cpus, i));
    text_add(&s->xml, "</threads>\n");
    json_decref(cpus);
    send_part(s, in);
}

void gdb_query_first_threads(struct session *s, struct scan *in)
{
    struct text out = { 0 };

    (void)in;
    for (unsigned i = 0; i < s->ncpus; i++)
        text_add(&out, "%c%x", i == 0 ? 'm' : ',', i + 1);
    if (out.failed)
        gdb_reply_error(s, ENOMEM);
    else
        gdb_reply_bytes(s, out.buf, out.len);
    text_fini(&out);
}

void gdb_query_no_more(struct session *s, struct scan *in)
{
    (void)in;
    gdb_reply(s, "l");
}

void gdb_query_thread_info(struct session *s, struct scan *in)
{
    char text[64], hex[2 * sizeof(text)];
    json_t *cpus;
    unsigned cpu;

    if (!gdb_scan_thread(s, in, &cpu) || !scan_done(in)) {
        gdb_reply_error(s, ESRCH);
        return;
    }
    cpus = session_call(s, "cpus", NULL, NULL);
    snprintf(text, sizeof(text), "CPU %u, %s", cpu, mode_of(cpus, cpu));
    json_decref(cpus);
    hex_put(hex, text, strlen(text));
    gdb_reply_bytes(s, hex, 2 * strlen(text));
}

void gdb_query_current(struct session *s, struct scan *in)
{
    (void)in;
    gdb_reply(s, "QC%x", s->cpu + 1);
}

/* The machine was there before the debugger: it leaves by detaching, not by killing. */
void gdb_query_attached(struct session *s, struct scan *in)
{
    (void)in;
    gdb_reply(s, "1");
}

void gdb_query_symbol(struct session *s, struct scan *in)
{
    (void)in;
    gdb_reply(s, "OK"); /* no symbols wanted */
}

void gdb_query_phys(struct session *s, struct scan *in)
{
    (void)in;
    gdb_reply(s, "%d", s->physical);
}

void gdb_set_phys(struct session *s, struct scan *in)
{
    bool on = scan_word(in, "1");

    if ((!on && !scan_word(in, "0")) || !scan_done(in)) {
        gdb_reply_error(s, EINVAL);
        return;
    }
    s->physical = on;
    gdb_reply(s, "OK");
}
