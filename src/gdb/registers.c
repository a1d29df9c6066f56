/* SPDX-License-Identifier: MIT */
/*
 * registers.c - g, G, p, P: registers of one CPU, in the order of the target's table
 *
 * They are read once a stop: a debugger that steps asks for single registers many times. What cannot be had is sent as
 * x digits, which gdb shows as unavailable. A write of a register that the machine does not let be set is an error.
 */
#include "gdb/session_priv.h"

#include <errno.h>
#include <string.h>

void gdb_regs_forget(struct session *s)
{
    json_decref(s->regs);
    json_decref(s->fpu);
    s->regs = s->fpu = NULL;
}

static bool refresh(struct session *s, unsigned cpu)
{
    if (s->regs != NULL && s->regs_cpu == cpu)
        return true;
    gdb_regs_forget(s);
    s->regs = session_call(s, "regs", json_pack("{s:i, s:b}", "cpu", (int)cpu, "all", 1), NULL);
    s->regs_cpu = cpu;
    s->source.doc = s->regs;
    if (s->regs == NULL)
        return false;
    s->fpu = session_call(s, "regs.get", json_pack("{s:i, s:b}", "cpu", (int)cpu, "fpu", 1), NULL);
    s->source.fpu = s->fpu;
    return true;
}

const json_t *gdb_regs_doc(struct session *s, unsigned cpu)
{
    return refresh(s, cpu) ? s->regs : NULL;
}

static void add_reg(struct session *s, const struct reg_row *row, struct text *out)
{
    uint8_t bytes[REG_BYTES_MAX];
    char hex[2 * REG_BYTES_MAX];

    if (target_read(row, &s->source, bytes))
        hex_put(hex, bytes, reg_bytes(row));
    else
        memset(hex, 'x', sizeof(hex));
    text_add_bytes(out, hex, 2 * (size_t)reg_bytes(row));
}

static void send_regs(struct session *s, unsigned first, unsigned n)
{
    struct text out = { 0 };

    if (!refresh(s, s->cpu)) {
        gdb_reply_error(s, EIO);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        add_reg(s, &s->target->rows[first + i], &out);
    if (out.failed)
        gdb_reply_error(s, ENOMEM);
    else
        gdb_reply_bytes(s, out.buf, out.len);
    text_fini(&out);
}

void gdb_regs_read(struct session *s, struct scan *in)
{
    (void)in;
    send_regs(s, 0, s->target->nrows);
}

static bool scan_reg(const struct session *s, struct scan *in, unsigned *out)
{
    uint64_t n;

    if (!scan_hex(in, &n) || n >= s->target->nrows)
        return false;
    *out = (unsigned)n;
    return true;
}

void gdb_reg_read_one(struct session *s, struct scan *in)
{
    unsigned n;

    if (scan_reg(s, in, &n) && scan_done(in))
        send_regs(s, n, 1);
    else
        gdb_reply_error(s, EINVAL);
}

/* Adds one register to what is to be set; 0, or a positive errno. One that keeps its value need not be settable. */
static int want(struct session *s, const struct reg_row *row, const uint8_t *bytes, json_t *regs)
{
    uint8_t now[REG_BYTES_MAX];
    uint64_t value = 0;

    if (target_read(row, &s->source, now) && memcmp(now, bytes, reg_bytes(row)) == 0)
        return 0;
    if (row->set == NULL)
        return EPERM;
    for (unsigned i = reg_bytes(row); i-- > 0;)
        value = value << 8 | bytes[i];
    return json_object_set_new(regs, row->set, gdb_json_hex(value)) < 0 ? ENOMEM : 0;
}

static void set_regs(struct session *s, json_t *regs)
{
    char why[WHY_MAX] = "";
    json_t *done = NULL;

    if (json_object_size(regs) != 0) {
        done = session_call(s, "regs.set",
                            json_pack("{s:i, s:O}", "cpu", (int)s->cpu, "regs", regs), why);
        gdb_regs_forget(s);
        if (done == NULL) {
            gdb_reply(s, "E.%s", why); /* which gdb shows */
            return;
        }
    }
    json_decref(done);
    gdb_reply(s, "OK");
}

/* x digits in place of a register: it stays as it is. */
static bool scan_unavailable(struct scan *in, unsigned bytes)
{
    if ((size_t)(in->end - in->at) < 2 * (size_t)bytes)
        return false;
    for (unsigned i = 0; i < 2 * bytes; i++) {
        if (in->at[i] != 'x')
            return false;
    }
    in->at += 2 * (size_t)bytes;
    return true;
}

void gdb_regs_write(struct session *s, struct scan *in)
{
    json_t *regs = json_object();
    uint8_t bytes[REG_BYTES_MAX];
    int wrong = refresh(s, s->cpu) ? 0 : EIO;

    for (unsigned i = 0; wrong == 0 && i < s->target->nrows; i++) {
        const struct reg_row *row = &s->target->rows[i];

        if (scan_unavailable(in, reg_bytes(row)))
            continue;
        wrong = scan_bytes(in, bytes, reg_bytes(row)) ? want(s, row, bytes, regs) : EINVAL;
    }
    if (wrong == 0 && !scan_done(in))
        wrong = EINVAL;
    if (wrong != 0)
        gdb_reply_error(s, wrong);
    else
        set_regs(s, regs);
    json_decref(regs);
}

void gdb_reg_write_one(struct session *s, struct scan *in)
{
    json_t *regs = json_object();
    uint8_t bytes[REG_BYTES_MAX];
    unsigned n = 0;
    int wrong = EINVAL;

    if (scan_reg(s, in, &n) && scan_word(in, "=") &&
        scan_bytes(in, bytes, reg_bytes(&s->target->rows[n])) && scan_done(in))
        wrong = refresh(s, s->cpu) ? want(s, &s->target->rows[n], bytes, regs) : EIO;
    if (wrong != 0)
        gdb_reply_error(s, wrong);
    else
        set_regs(s, regs);
    json_decref(regs);
}
