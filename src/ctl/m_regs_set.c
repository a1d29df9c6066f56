/* SPDX-License-Identifier: MIT */
/* m_regs_set.c - the method that writes registers: which there are by name, and how a value becomes one's. */
#include <stddef.h>
#include <string.h>

#include "ctl_priv.h"

enum set_how {
    SET_U64,
    SET_U32,
    SET_U16,
    SET_SHADOW,
    SET_BOOL,
    SET_VECTOR,
    SET_LIMIT,
    SET_SELECTOR
};

static const uint64_t set_max[] = {
    [SET_U64] = UINT64_MAX,   [SET_U32] = UINT32_MAX,
    [SET_U16] = UINT16_MAX,   [SET_SHADOW] = 2,
    [SET_BOOL] = 1,           [SET_VECTOR] = 255,
    [SET_LIMIT] = UINT32_MAX, [SET_SELECTOR] = UINT16_MAX,
};

/* A register of regs.set, and where it goes. */
struct settable {
    const char *name;
    size_t at; /* in struct vitro_regs; SET_LIMIT, SET_SELECTOR: of the segment */
    enum set_how how;
    unsigned part; /* enum vitro_regs_part */
    bool system;   /* TR or LDTR */
};

#define ROW(name, field, how, part)                                             \
    {                                                                           \
        name, offsetof(struct vitro_regs, field), how, VITRO_REGS_##part, false \
    }

static const struct settable settables[] = {
    ROW("rip", rip, SET_U64, GENERAL),
    ROW("rflags", rflags, SET_U64, GENERAL),
    ROW("cr0", cr0, SET_U64, CONTROL),
    ROW("cr2", cr2, SET_U64, CR2),
    ROW("cr3", cr3, SET_U64, CONTROL),
    ROW("cr4", cr4, SET_U64, CONTROL),
    ROW("cr8", cr8, SET_U64, CR8),
    ROW("efer", efer, SET_U64, CONTROL),
    ROW("gdt_base", gdt_base, SET_U64, TABLES),
    ROW("gdt_limit", gdt_limit, SET_U16, TABLES),
    ROW("idt_base", idt_base, SET_U64, TABLES),
    ROW("idt_limit", idt_limit, SET_U16, TABLES),
    ROW("dr0", dr[0], SET_U64, DEBUG),
    ROW("dr1", dr[1], SET_U64, DEBUG),
    ROW("dr2", dr[2], SET_U64, DEBUG),
    ROW("dr3", dr[3], SET_U64, DEBUG),
    ROW("dr6", dr6, SET_U64, DEBUG),
    ROW("dr7", dr7, SET_U64, DEBUG),
    ROW("exception", events.exception, SET_VECTOR, EVENTS),
    ROW("exception_error", events.exception_error, SET_U32, EVENTS),
    ROW("interrupt", events.interrupt, SET_VECTOR, EVENTS),
    ROW("nmi", events.nmi, SET_BOOL, EVENTS),
    ROW("shadow", events.shadow, SET_SHADOW, EVENTS),
};

static const struct {
    const char *name;
    size_t at;
    unsigned part;
    unsigned base_part; /* with the bases of FS and GS no more is set, as a 64-bit program does */
} segments[] = {
#define SEGMENT(name, field, part, base)                                               \
    {                                                                                  \
        name, offsetof(struct vitro_regs, field), VITRO_REGS_##part, VITRO_REGS_##base \
    }
    SEGMENT("es", seg[0], SEGMENTS, SEGMENTS), SEGMENT("cs", seg[1], SEGMENTS, SEGMENTS),
    SEGMENT("ss", seg[2], SEGMENTS, SEGMENTS), SEGMENT("ds", seg[3], SEGMENTS, SEGMENTS),
    SEGMENT("fs", seg[4], SEGMENTS, BASES),    SEGMENT("gs", seg[5], SEGMENTS, BASES),
    SEGMENT("tr", tr, TABLES, TABLES),         SEGMENT("ldtr", ldtr, TABLES, TABLES),
#undef SEGMENT
};

/* "cs", "cs_base", "cs_limit" */
static bool find_segment(const char *name, struct settable *out)
{
    for (size_t i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
        size_t len = strlen(segments[i].name);
        const char *rest = name + len;

        if (strncmp(name, segments[i].name, len) != 0)
            continue;
        *out = (struct settable){ name, segments[i].at, SET_SELECTOR, segments[i].part, false };
        out->system = segments[i].part == VITRO_REGS_TABLES;
        if (strcmp(rest, "_base") == 0) {
            out->how = SET_U64;
            out->at += offsetof(struct vitro_seg, base);
            out->part = segments[i].base_part;
        } else if (strcmp(rest, "_limit") == 0) {
            out->how = SET_LIMIT;
        } else if (*rest != '\0') {
            continue;
        }
        return true;
    }
    return false;
}

static bool find(const char *name, struct settable *out)
{
    for (unsigned i = 0; i < 16; i++) {
        if (strcmp(name, rpc_gpr_name(i)) == 0) {
            *out = (struct settable)ROW(name, gpr, SET_U64, GENERAL);
            out->at += i * sizeof(uint64_t);
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(settables) / sizeof(settables[0]); i++) {
        if (strcmp(name, settables[i].name) == 0) {
            *out = settables[i];
            return true;
        }
    }
    return find_segment(name, out);
}

/* A vector may be "none". False: the value is none of the register's, which has been told. */
static bool parse(struct call *call, const struct settable *to, json_t *value, uint64_t *out)
{
    const char *text = json_string_value(value);

    if (text != NULL && to->how == SET_VECTOR && strcmp(text, "none") == 0)
        *out = UINT64_MAX;
    else if (text == NULL || !rpc_parse_number(text, out))
        call_fail(call, RPC_PARAMS, "regs.set: %.40s: a number is wanted, as a string", to->name);
    else if (*out > set_max[to->how])
        call_fail(call, RPC_PARAMS, "regs.set: %.40s: at most 0x%llx", to->name,
                  (unsigned long long)set_max[to->how]);
    return call->code == 0;
}

static void load_segment(struct call *call, const struct settable *to, uint16_t selector,
                         struct vitro_seg *seg)
{
    unsigned cpu = (unsigned)call_number(call, "cpu");
    struct vitro_err err = { 0 };
    int rc = to->system ? vitro_system_seg_load(call->ctl->m, cpu, selector, seg, &err)
                        : vitro_seg_load(call->ctl->m, cpu, selector, seg, &err);

    if (rc < 0)
        call_fail_err(call, &err);
}

/* A limit of 1 MiB or more counts pages; whether it may be that, the machine says. */
static void set_limit(struct vitro_seg *seg, uint32_t limit)
{
    seg->limit = limit;
    seg->g = limit > 0xfffff;
}

static void put(struct call *call, const struct settable *to, uint64_t v, struct vitro_regs *r)
{
    void *place = (char *)r + to->at;

    switch (to->how) {
    case SET_U64:
        *(uint64_t *)place = v;
        break;
    case SET_U32:
        *(uint32_t *)place = (uint32_t)v;
        break;
    case SET_U16:
        *(uint16_t *)place = (uint16_t)v;
        break;
    case SET_SHADOW:
        *(uint8_t *)place = (uint8_t)v;
        break;
    case SET_BOOL:
        *(bool *)place = v != 0;
        break;
    case SET_VECTOR:
        *(int *)place = (int)v; /* "none" is -1 */
        break;
    case SET_LIMIT:
        set_limit(place, (uint32_t)v);
        break;
    case SET_SELECTOR:
        load_segment(call, to, (uint16_t)v, place);
        break;
    }
}

/* Selectors in the first pass, so that a base that is given beside one wins, in whatever order they come. */
static unsigned set_all(struct call *call, struct vitro_regs *r)
{
    unsigned parts = 0;
    const char *name;
    json_t *value;

    for (int pass = 0; pass < 2; pass++) {
        json_object_foreach(call_value(call, "regs")->object, name, value)
        {
            struct settable to = { 0 };
            uint64_t v = 0;

            if (!find(name, &to))
                call_fail(call, RPC_PARAMS, "regs.set: %.40s: it cannot be set", name);
            else if ((to.how == SET_SELECTOR) == (pass == 0) && parse(call, &to, value, &v))
                put(call, &to, v, r);
            parts |= to.part;
        }
    }
    return parts;
}

void m_regs_set(struct call *call)
{
    unsigned cpu = (unsigned)call_number(call, "cpu"), parts;
    struct vitro_err err = { 0 };
    struct vitro_regs r;

    if (vitro_regs(call->ctl->m, cpu, &r, &err) < 0) {
        call_fail_err(call, &err);
        return;
    }
    parts = set_all(call, &r);
    if (call->code == 0 && parts != 0 && vitro_regs_set(call->ctl->m, cpu, &r, parts, &err) < 0)
        call_fail_err(call, &err);
}
