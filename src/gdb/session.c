/* SPDX-License-Identifier: MIT */
/*
 * session.c - the table of packets, and what all handlers need
 *
 * A packet that no row knows gets the empty reply, which is the protocol's "not supported"; one whose arguments make
 * no sense gets an error, and then nothing has changed. All-stop: while the machine runs, the debugger has nothing
 * to ask, and what it sends is answered with an error.
 */
#include "gdb/session_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static packet_fn set_thread, alive, start_no_acks;

enum { PREFIX, WHOLE };

static const struct packet_row {
    const char *name;
    int whole; /* nothing may follow */
    packet_fn *handle;
} rows[] = {
    { "?", WHOLE, gdb_stop_reason },
    { "bc", WHOLE, gdb_back_continue },
    { "bs", WHOLE, gdb_back_step },
    { "c", PREFIX, gdb_resume_continue },
    { "C", PREFIX, gdb_resume_continue_signal },
    { "D", PREFIX, gdb_detach },
    { "g", WHOLE, gdb_regs_read },
    { "G", PREFIX, gdb_regs_write },
    { "H", PREFIX, set_thread },
    { "k", WHOLE, gdb_kill_machine },
    { "m", PREFIX, gdb_mem_read },
    { "M", PREFIX, gdb_mem_write },
    { "p", PREFIX, gdb_reg_read_one },
    { "P", PREFIX, gdb_reg_write_one },
    { "QStartNoAckMode", WHOLE, start_no_acks },
    { "Qqemu.PhyMemMode:", PREFIX, gdb_set_phys },
    { "qAttached", PREFIX, gdb_query_attached },
    { "qC", WHOLE, gdb_query_current },
    { "qRcmd,", PREFIX, gdb_monitor },
    { "qSupported", PREFIX, gdb_query_supported },
    { "qSymbol::", WHOLE, gdb_query_symbol },
    { "qThreadExtraInfo,", PREFIX, gdb_query_thread_info },
    { "qXfer:features:read:", PREFIX, gdb_query_features },
    { "qXfer:threads:read::", PREFIX, gdb_query_threads },
    { "qfThreadInfo", WHOLE, gdb_query_first_threads },
    { "qqemu.PhyMemMode", WHOLE, gdb_query_phys },
    { "qsThreadInfo", WHOLE, gdb_query_no_more },
    { "s", PREFIX, gdb_resume_step },
    { "S", PREFIX, gdb_resume_step_signal },
    { "T", PREFIX, alive },
    { "vCont?", WHOLE, gdb_resume_vcont_offer },
    { "vCont;", PREFIX, gdb_resume_vcont },
    { "vKill;", PREFIX, gdb_kill_process },
    { "X", PREFIX, gdb_mem_write_binary },
    { "z", PREFIX, gdb_point_clear },
    { "Z", PREFIX, gdb_point_set },
};

json_t *session_call(struct session *s, const char *method, json_t *params, char why[WHY_MAX])
{
    char unused[WHY_MAX];

    return s->ops.call(s->ops.ctx, method, params, why != NULL ? why : unused, WHY_MAX);
}

void gdb_reply_bytes(struct session *s, const char *data, size_t len)
{
    s->ops.send(s->ops.ctx, data, len < PACKET_MAX ? len : PACKET_MAX);
}

void gdb_reply(struct session *s, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    gdb_reply_bytes(s, text, strlen(text));
}

void gdb_reply_error(struct session *s, int code)
{
    gdb_reply(s, "E%02x", (unsigned)code & 0xff);
}

json_t *gdb_json_hex(uint64_t value)
{
    char word[32];

    snprintf(word, sizeof(word), "0x%llx", (unsigned long long)value);
    return json_string(word);
}

bool gdb_json_hex_value(const json_t *value, uint64_t *out)
{
    const char *word = json_string_value(value);
    char *end;

    if (word == NULL)
        return false;
    *out = strtoull(word, &end, 0);
    return end != word && *end == '\0';
}

bool gdb_scan_who(const struct session *s, struct scan *in, unsigned *cpu, bool *any)
{
    uint64_t thread = 0;

    *any = scan_word(in, "-1");
    if (!*any && (!scan_hex(in, &thread) || thread > s->ncpus))
        return false;
    *any = thread == 0;
    if (!*any)
        *cpu = (unsigned)thread - 1;
    return true;
}

bool gdb_scan_thread(const struct session *s, struct scan *in, unsigned *cpu)
{
    bool any;

    return gdb_scan_who(s, in, cpu, &any) && !any;
}

/* Hg and Hc. 0 and -1 (any, all) leave the present choice; Hc is for packets older than vCont. */
static void set_thread(struct session *s, struct scan *in)
{
    unsigned cpu = s->cpu;
    bool any;

    if (!scan_word(in, "g") && !scan_word(in, "c")) {
        gdb_reply_error(s, EINVAL);
    } else if (!gdb_scan_who(s, in, &cpu, &any)) {
        gdb_reply_error(s, ESRCH);
    } else if (!scan_done(in)) {
        gdb_reply_error(s, EINVAL);
    } else {
        s->cpu = cpu;
        gdb_reply(s, "OK");
    }
}

static void alive(struct session *s, struct scan *in)
{
    unsigned cpu;

    if (gdb_scan_thread(s, in, &cpu) && scan_done(in))
        gdb_reply(s, "OK");
    else
        gdb_reply_error(s, ESRCH);
}

static void start_no_acks(struct session *s, struct scan *in)
{
    (void)in;
    gdb_reply(s, "OK"); /* this reply is still acknowledged */
    s->no_acks = true;
}

void session_packet(struct session *s, const char *data, size_t len)
{
    if (s->over)
        return;
    if (s->running) {
        gdb_reply_error(s, EBUSY);
        return;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scan in = { data, data + len };

        if (!scan_word(&in, rows[i].name) || (rows[i].whole == WHOLE && !scan_done(&in)))
            continue;
        rows[i].handle(s, &in);
        return;
    }
    gdb_reply_bytes(s, "", 0);
}

void session_too_long(struct session *s)
{
    if (!s->over)
        gdb_reply_error(s, E2BIG);
}

bool session_no_acks(const struct session *s)
{
    return s->no_acks;
}

bool session_over(const struct session *s)
{
    return s->over;
}

static bool is_linux(const json_t *info)
{
    const char *kind = json_string_value(json_object_get(info, "kind"));

    return kind != NULL &&
           (strcmp(kind, "linux") == 0 || strcmp(kind, "vmlinux") == 0 || strcmp(kind, "pvh") == 0);
}

/* How many CPUs there are, and which description fits. */
static int look(struct session *s, const char *arch, struct vitro_err *err)
{
    json_t *info = session_call(s, "info", NULL, NULL), *cpus = session_call(s, "cpus", NULL, NULL);
    const json_t *list = json_is_array(cpus) ? cpus : json_object_get(cpus, "cpus");
    json_int_t bits = json_integer_value(json_object_get(json_array_get(list, 0), "bits"));
    int rc = 0;

    s->ncpus = (unsigned)json_array_size(list);
    s->past = json_is_true(json_object_get(info, "past"));
    if (strcmp(arch, "auto") == 0)
        s->target = is_linux(info) ? target_for(64) : target_for((unsigned)bits);
    else
        s->target = target_find(arch);
    if (s->target == NULL)
        rc = err_set(err, -EINVAL, "%s: no such kind of CPU", arch);
    else if (s->ncpus == 0 || s->ncpus > SESSION_CPUS_MAX)
        rc = err_set(err, -EPROTO, "the machine does not say what CPUs it has");
    json_decref(info);
    json_decref(cpus);
    return rc;
}

/* It may have ended before: then only the end is to be told. */
static int attach(struct session *s, json_t **state, struct vitro_err *err)
{
    char why[WHY_MAX] = "";
    json_t *paused;

    *state = session_call(s, "debug.attach", json_pack("{s:b}", "hold_end", 1), why);
    if (*state == NULL)
        return err_set(err, -EBUSY, "%s", why);
    paused = session_call(s, "pause", NULL, why);
    if (paused == NULL)
        return err_set(err, -EPROTO, "%s", why);
    json_decref(paused);
    return 0;
}

int session_new(const char *arch, const struct session_ops *ops, struct session **out,
                struct vitro_err *err)
{
    struct session *s = calloc(1, sizeof(*s));
    json_t *state = NULL;
    int rc;

    if (s == NULL)
        return err_set(err, -ENOMEM, "starting a debugger's session: out of memory");
    s->ops = *ops;
    rc = attach(s, &state, err);
    if (rc == 0)
        rc = look(s, arch, err);
    if (rc < 0) {
        json_decref(state);
        session_free(s);
        return rc;
    }
    gdb_stop_set(s, 0, GDB_TRAP, "");
    session_notify(s, state, true); /* of the end, if it has come */
    json_decref(state);
    *out = s;
    return 0;
}

void session_free(struct session *s)
{
    if (s == NULL)
        return;
    gdb_regs_forget(s);
    text_fini(&s->xml);
    free(s);
}
