/* SPDX-License-Identifier: MIT */
/* m_cpu.c - methods that read registers, and read and write memory, for programs rather than for people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_priv.h"

enum { SEG_CS = 1, SEG_FS = 4, NSEGS = 6, CR0_PE = 1, EFER_LMA = 1 << 10 };

static unsigned cpu_of(const struct call *call)
{
    return (unsigned)call_number(call, "cpu");
}

static bool read_regs(struct call *call, unsigned cpu, struct vitro_regs *out)
{
    struct vitro_err err = { 0 };

    if (vitro_regs(call->ctl->m, cpu, out, &err) < 0)
        call_fail_err(call, &err);
    return call->code == 0;
}

/* ---- reading registers ----------------------------------------------------------------------- */

static json_t *seg_json(const struct vitro_seg *s)
{
    return json_pack("{s:o, s:o, s:o, s:i, s:i, s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "selector",
                     rpc_hex(s->selector), "base", rpc_hex(s->base), "limit", rpc_hex(s->limit),
                     "type", s->type, "dpl", s->dpl, "s", s->s, "present", s->present, "avl",
                     s->avl, "l", s->l, "db", s->db, "g", s->g, "unusable", s->unusable);
}

static json_t *table_json(uint64_t base, uint16_t limit)
{
    return json_pack("{s:o, s:o}", "base", rpc_hex(base), "limit", rpc_hex(limit));
}

static void put_hex(json_t *json, const char *name, uint64_t v)
{
    json_object_set_new(json, name, rpc_hex(v));
}

static const char *const segment_names[NSEGS] = { "es", "cs", "ss", "ds", "fs", "gs" };

static void put_segments(json_t *json, const struct vitro_regs *r)
{
    for (unsigned i = 0; i < NSEGS; i++)
        json_object_set_new(json, segment_names[i], seg_json(&r->seg[i]));
    json_object_set_new(json, "tr", seg_json(&r->tr));
    json_object_set_new(json, "ldtr", seg_json(&r->ldtr));
    json_object_set_new(json, "gdt", table_json(r->gdt_base, r->gdt_limit));
    json_object_set_new(json, "idt", table_json(r->idt_base, r->idt_limit));
}

static void put_control(json_t *json, const struct vitro_regs *r)
{
    static const char *const names[4] = { "dr0", "dr1", "dr2", "dr3" };

    put_hex(json, "cr0", r->cr0);
    put_hex(json, "cr2", r->cr2);
    put_hex(json, "cr3", r->cr3);
    put_hex(json, "cr4", r->cr4);
    put_hex(json, "cr8", r->cr8);
    put_hex(json, "efer", r->efer);
    put_hex(json, "xcr0", r->xcr0);
    for (int i = 0; i < 4; i++)
        put_hex(json, names[i], r->dr[i]);
    put_hex(json, "dr6", r->dr6);
    put_hex(json, "dr7", r->dr7);
}

static json_t *hex_bytes(const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;
    char *text = malloc(2 * len + 1);
    json_t *json;

    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[from[i] >> 4];
        text[2 * i + 1] = digits[from[i] & 15];
    }
    json = json_stringn(text, 2 * len);
    free(text);
    return json;
}

/* Bytes in the order of memory. */
static void put_fpu(struct call *call, json_t *json)
{
    struct vitro_err err = { 0 };
    struct vitro_fpu f;
    char name[8];

    if (vitro_fpu(call->ctl->m, cpu_of(call), &f, &err) < 0) {
        call_fail_err(call, &err);
        return;
    }
    put_hex(json, "fcw", f.fcw);
    put_hex(json, "fsw", f.fsw);
    put_hex(json, "ftw", f.ftw);
    put_hex(json, "fop", f.fop);
    put_hex(json, "fip", f.fip);
    put_hex(json, "fdp", f.fdp);
    put_hex(json, "mxcsr", f.mxcsr);
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof(name), "st%d", i);
        json_object_set_new(json, name, hex_bytes(f.st[i], sizeof(f.st[i])));
    }
    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof(name), "xmm%d", i);
        json_object_set_new(json, name, hex_bytes(f.xmm[i], sizeof(f.xmm[i])));
    }
    for (int i = 0; f.avx && i < 16; i++) {
        snprintf(name, sizeof(name), "ymmh%d", i);
        json_object_set_new(json, name, hex_bytes(f.ymmh[i], sizeof(f.ymmh[i])));
    }
}

static json_t *vector_json(int vector)
{
    return vector >= 0 ? rpc_hex((uint64_t)vector) : json_null();
}

static json_t *events_json(const struct vitro_events *e)
{
    return json_pack("{s:o, s:o, s:o, s:b, s:i}", "exception", vector_json(e->exception),
                     "exception_error", rpc_hex(e->exception_error), "interrupt",
                     vector_json(e->interrupt), "nmi", e->nmi, "shadow", e->shadow);
}

void m_regs_get(struct call *call)
{
    struct vitro_regs r;
    json_t *json;

    if (!read_regs(call, cpu_of(call), &r))
        return;
    json = call->result = json_object();
    for (unsigned i = 0; i < 16; i++)
        put_hex(json, rpc_gpr_name(i), r.gpr[i]);
    put_hex(json, "rip", r.rip);
    put_hex(json, "rflags", r.rflags);
    put_segments(json, &r);
    put_control(json, &r);
    json_object_set_new(json, "mode", json_string(r.mode));
    json_object_set_new(json, "cpl", json_integer(r.cpl));
    json_object_set_new(json, "events", events_json(&r.events));
    if (call_flag(call, "fpu"))
        put_fpu(call, json);
}

static int code_bits(const struct vitro_regs *r)
{
    const struct vitro_seg *cs = &r->seg[SEG_CS];

    if (!(r->cr0 & CR0_PE))
        return 16;
    return cs->l && r->efer & EFER_LMA ? 64 : cs->db ? 32 : 16;
}

static json_t *cpu_json(unsigned cpu, const struct vitro_regs *r)
{
    uint64_t linear = code_bits(r) == 64 ? r->rip : r->rip + r->seg[SEG_CS].base;

    return json_pack("{s:i, s:o, s:o, s:s, s:i, s:i}", "cpu", (int)cpu, "rip", rpc_hex(r->rip),
                     "linear", rpc_hex(linear), "mode", r->mode, "bits", code_bits(r), "cpl",
                     (int)r->cpl);
}

void m_cpus(struct call *call)
{
    json_t *list = json_array();
    struct vitro_regs r;

    for (unsigned i = 0; i < vitro_cpus(call->ctl->m) && read_regs(call, i, &r); i++)
        json_array_append_new(list, cpu_json(i, &r));
    call->result = json_pack("{s:o}", "cpus", list);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *p = c != '\0' ? strchr(digits, c) : NULL;

    return p != NULL ? (int)((p - digits) % 16) : -1;
}

/* False when the text is no row of bytes. */
static bool parse_bytes(const char *text, size_t len, unsigned char *out)
{
    for (size_t i = 0; i + 1 < len; i += 2) {
        int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (unsigned char)(high << 4 | low);
    }
    return len % 2 == 0;
}

static int physical_failed(int rc, uint64_t addr, size_t len, struct vitro_err *err)
{
    if (rc < 0) {
        err->code = rc;
        snprintf(err->text, sizeof(err->text),
                 "guest-physical 0x%llx, %zu bytes: not all of it is memory",
                 (unsigned long long)addr, len);
    }
    return rc;
}

static int read_memory(struct call *call, uint64_t addr, void *buf, size_t len,
                       struct vitro_err *err)
{
    struct vitro *m = call->ctl->m;

    return call_flag(call, "physical")
               ? physical_failed(vitro_mem_read(m, addr, buf, len), addr, len, err)
               : vitro_linear_read(m, cpu_of(call), addr, buf, len, err);
}

static int write_memory(struct call *call, uint64_t addr, const void *buf, size_t len,
                        struct vitro_err *err)
{
    struct vitro *m = call->ctl->m;

    return call_flag(call, "physical")
               ? physical_failed(vitro_mem_write(m, addr, buf, len), addr, len, err)
               : vitro_linear_write(m, cpu_of(call), addr, buf, len, err);
}

void m_mem_read(struct call *call)
{
    size_t len = (size_t)call_number(call, "len");
    struct vitro_err err = { 0 };
    unsigned char buf[MEM_MAX];
    uint64_t addr;

    if (!call_address(call, "addr", cpu_of(call), &addr))
        return;
    if (read_memory(call, addr, buf, len, &err) < 0)
        call_fail_err(call, &err);
    else
        call->result = json_pack("{s:o}", "bytes", hex_bytes(buf, len));
}

void m_mem_write(struct call *call)
{
    const struct value *bytes = call_value(call, "bytes");
    struct vitro_err err = { 0 };
    unsigned char buf[MEM_MAX];
    uint64_t addr;

    if (!call_address(call, "addr", cpu_of(call), &addr))
        return;
    if (!parse_bytes(bytes->text, bytes->len, buf))
        call_fail(call, RPC_PARAMS, "mem.write: bytes: pairs of hexadecimal digits are wanted");
    else if (write_memory(call, addr, buf, bytes->len / 2, &err) < 0)
        call_fail_err(call, &err);
}
