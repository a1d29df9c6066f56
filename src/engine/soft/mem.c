/* SPDX-License-Identifier: MIT */
/*
 * mem.c - segment checks, page-crossing, and memory or device
 *
 * Sources: SDM 3A "Protection" ("Limit Checking", "Type Checking"), "Canonical Addressing"; alignment
 * checking of #AC under "Exception Reference".
 */
#include "engine/soft/mem.h"

#include "core/mem_access.h"
#include "engine/soft/host_alu.h"
#include "engine/soft/mmu.h"
#include "engine/soft/trans/trans.h"
#include "engine/soft/world.h"
#include "x86/canonical.h"

enum { PAGE = 4096, SEG_CODE = 8, SEG_EXPAND_DOWN = 4, SEG_RW = 2 };

/* ---- segments -------------------------------------------------------------------------------- */

/* The last byte's offset is inside the segment. */
static bool in_limit(const struct soft_cpu *c, const struct x86_seg *s, uint64_t ea, unsigned len)
{
    uint64_t last = ea + len - 1;

    if (c->mode != X86_MODE_REAL && c->mode != X86_MODE_VM86 && !(s->type & SEG_CODE) &&
        s->type & SEG_EXPAND_DOWN)
        return ea > s->limit && last <= (s->db ? UINT32_MAX : 0xffff);
    return last <= s->limit;
}

enum purpose { TO_READ, TO_WRITE, TO_NAME /* no data is read */ };

static bool type_allows(const struct x86_seg *s, enum purpose purpose)
{
    if (purpose == TO_NAME)
        return true;
    if (s->type & SEG_CODE)
        return purpose == TO_READ && s->type & SEG_RW;
    return purpose == TO_READ || s->type & SEG_RW;
}

static bool linear_to(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned len,
                      enum purpose purpose, uint64_t *linear)
{
    const struct x86_seg *s = &c->s.seg[seg];
    enum soft_vector vector = seg == X86_SS ? VEC_SS : VEC_GP;

    *linear = ea;
    if (c->mode == X86_MODE_LONG) {
        if (seg == X86_FS || seg == X86_GS)
            *linear += s->base;
        if (!x86_canonical(*linear) || !x86_canonical(*linear + len - 1))
            return soft_raise_error(c, vector, 0);
        return true;
    }
    if (c->mode != X86_MODE_REAL && c->mode != X86_MODE_VM86 &&
        (s->unusable || !s->present || !type_allows(s, purpose)))
        return soft_raise_error(c, vector, 0);
    if (!in_limit(c, s, ea, len))
        return soft_raise_error(c, vector, 0);
    *linear = (uint32_t)(s->base + ea);
    return true;
}

bool soft_linear(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned len, bool write,
                 uint64_t *linear)
{
    return linear_to(c, seg, ea, len, write ? TO_WRITE : TO_READ, linear);
}

bool soft_linear_unread(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned len,
                        uint64_t *linear)
{
    return linear_to(c, seg, ea, len, TO_NAME, linear);
}

/* ---- devices --------------------------------------------------------------------------------- */

bool soft_device(struct soft_cpu *c, bool port, bool write, uint64_t addr, unsigned width,
                 uint64_t *data)
{
    struct cpu_exit *x = &c->vcpu->exit;

    if (c->access_at < c->naccesses) {
        if (!write)
            *data = c->access[c->access_at].data;
        c->access_at++;
        return true;
    }
    if (c->naccesses == SOFT_ACCESSES) { /* no instruction needs so many: the rest finds nobody */
        if (!write)
            *data = ones(width);
        return true;
    }
    *x = (struct cpu_exit){ .kind = port ? EXIT_PIO : EXIT_MMIO,
                            .write = write,
                            .more = c->naccesses > 0,
                            .width = (uint8_t)width,
                            .addr = addr,
                            .data = write ? *data & ones(width) : 0,
                            .rip = c->s.rip };
    c->vcpu->answered = false;
    c->stop.kind = SOFT_EXIT;
    return false;
}

/* Widest power of two that divides the rest of a range. */
static unsigned piece(unsigned left)
{
    return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

static bool device_bytes(struct soft_cpu *c, bool write, gpa_t gpa, uint8_t *buf, unsigned len)
{
    for (unsigned done = 0; done < len;) {
        unsigned width = piece(len - done);
        uint64_t data = write ? le_get(buf + done, width) : 0;

        if (!soft_device(c, false, write, gpa + done, width, &data))
            return false;
        if (!write)
            le_put(buf + done, width, data);
        done += width;
    }
    return true;
}

/* ---- linear accesses ------------------------------------------------------------------------- */

/* Both pages of a range, translated before anything is touched. */
struct span {
    uint64_t linear[2];
    struct soft_place place[2];
    unsigned len[2]; /* the second is 0 when one page holds it all */
};

static bool span_of(struct soft_cpu *c, uint64_t linear, unsigned len, enum soft_how how,
                    enum soft_bank bank, struct span *out)
{
    unsigned left = PAGE - (unsigned)(linear % PAGE);
    uint64_t second = linear + left;

    out->len[0] = len < left ? len : left;
    out->len[1] = len - out->len[0];
    if (c->mode != X86_MODE_LONG && linear <= UINT32_MAX)
        second = (uint32_t)second; /* legacy linear addresses wrap at 4 GiB; tables may lie above */
    out->linear[0] = linear;
    out->linear[1] = second;
    return soft_translate(c, linear, how, bank, &out->place[0]) &&
           (out->len[1] == 0 || soft_translate(c, second, how, bank, &out->place[1]));
}

/* Who keeps something that was made of memory is told before it changes. */
static void note_store(struct soft_cpu *c, const struct soft_place *place, const uint8_t *buf,
                       unsigned len)
{
    if (c->watches_tables)
        soft_note_store(c, place->host, buf, len);
    if (c->trans != NULL)
        trans_note_store(c->trans, place->gpa, len);
}

static bool span_move(struct soft_cpu *c, const struct span *s, bool write, uint8_t *buf)
{
    for (unsigned i = 0; i < 2 && s->len[i] > 0; i++) {
        uint8_t *host = s->place[i].host;

        if (host == NULL) {
            if (!device_bytes(c, write, s->place[i].gpa, buf, s->len[i]))
                return false;
        } else if (write) {
            note_store(c, &s->place[i], buf, s->len[i]);
            mem_store(host, buf, s->len[i]);
        } else {
            mem_load(buf, host, s->len[i]);
        }
        buf += s->len[i];
    }
    return true;
}

/* The access has been made. */
static void note_watched(struct soft_cpu *c, const struct span *s, unsigned how)
{
    for (unsigned i = 0; i < 2 && s->len[i] > 0; i++) {
        if (s->place[i].watched)
            soft_watch_access(c, s->linear[i], s->len[i], how);
    }
}

static bool linear_move(struct soft_cpu *c, uint64_t linear, unsigned len, bool write,
                        enum soft_bank bank, uint8_t *buf)
{
    struct span s;

    if (!span_of(c, linear, len, write ? HOW_WRITE : HOW_READ, bank, &s) ||
        !span_move(c, &s, write, buf))
        return false;
    note_watched(c, &s, write ? HOW_WRITE : HOW_READ);
    return true;
}

/* ---- the instruction's accesses -------------------------------------------------------------- */

static bool aligned_enough(struct soft_cpu *c, uint64_t linear, unsigned width)
{
    if (c->cpl != 3 || linear % width == 0 || !(c->s.rflags & X86_RFLAGS_AC) ||
        !(c->s.cr0 & X86_CR0_AM))
        return true;
    return soft_raise_error(c, VEC_AC, 0);
}

bool soft_load(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned width, uint64_t *out)
{
    uint8_t buf[8];
    uint64_t linear;

    if (!soft_linear(c, seg, ea, width, false, &linear) || !aligned_enough(c, linear, width) ||
        !linear_move(c, linear, width, false, c->bank, buf))
        return false;
    *out = le_get(buf, width);
    return true;
}

bool soft_store(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned width, uint64_t val)
{
    uint8_t buf[8];
    uint64_t linear;

    le_put(buf, width, val);
    return soft_linear(c, seg, ea, width, true, &linear) && aligned_enough(c, linear, width) &&
           linear_move(c, linear, width, true, c->bank, buf);
}

bool soft_can_write(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned len)
{
    uint64_t linear;
    struct span s;

    return soft_linear(c, seg, ea, len, true, &linear) &&
           (len > 8 || aligned_enough(c, linear, len)) &&
           span_of(c, linear, len, HOW_WRITE, c->bank, &s);
}

/* No bus lock reaches over two pages of the host: the others stand still. 1, 2, 4 or 8 bytes. */
static bool cas_two_pages(struct soft_cpu *c, const struct span *s, uint64_t expected[2],
                          uint8_t *val, bool *same)
{
    unsigned width = s->len[0] + s->len[1];
    uint8_t now[8];
    bool done = true;

    soft_world_stop(c);
    mem_load(now, s->place[0].host, s->len[0]);
    mem_load(now + s->len[0], s->place[1].host, s->len[1]);
    *same = le_get(now, width) == (expected[0] & ones(width));
    if (*same)
        done = span_move(c, s, true, val);
    else
        expected[0] = le_get(now, width);
    soft_world_go(c);
    return done;
}

bool soft_cas(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned width, uint64_t expected[2],
              const uint64_t val[2], bool *same)
{
    uint8_t buf[16];
    uint64_t linear;
    struct span s;

    le_put(buf, width < 8 ? width : 8, val[0]);
    if (width > 8)
        le_put(buf + 8, width - 8, val[1]);
    if (!soft_linear(c, seg, ea, width, true, &linear) ||
        (width <= 8 && !aligned_enough(c, linear, width)) ||
        !span_of(c, linear, width, HOW_WRITE, c->bank, &s))
        return false;
    if (s.place[0].host == NULL || (s.len[1] > 0 && s.place[1].host == NULL)) {
        /* GAP: LOCK and XCHG of a device are a load and a store, not one step. */
        *same = true;
        if (!span_move(c, &s, true, buf))
            return false;
    } else if (s.len[1] == 0) {
        note_store(c, &s.place[0], buf, width);
        *same = host_cas(s.place[0].host, width, expected, val);
    } else if (!cas_two_pages(c, &s, expected, buf, same)) {
        return false;
    }
    note_watched(c, &s, HOW_WRITE);
    return true;
}

bool soft_load_to_write(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned width,
                        uint64_t *out)
{
    return soft_can_write(c, seg, ea, width) && soft_load(c, seg, ea, width, out);
}

bool soft_load_block(struct soft_cpu *c, unsigned seg, uint64_t ea, void *dst, unsigned len)
{
    uint64_t linear;

    return soft_linear(c, seg, ea, len, false, &linear) &&
           linear_move(c, linear, len, false, c->bank, dst);
}

bool soft_store_block(struct soft_cpu *c, unsigned seg, uint64_t ea, const void *src, unsigned len)
{
    union {
        const void *in;
        uint8_t *out;
    } buf = { .in = src }; /* a write only reads it */
    uint64_t linear;

    return soft_linear(c, seg, ea, len, true, &linear) &&
           linear_move(c, linear, len, true, c->bank, buf.out);
}

bool soft_load_linear(struct soft_cpu *c, uint64_t linear, enum soft_bank bank, void *dst,
                      unsigned len)
{
    return linear_move(c, linear, len, false, bank, dst);
}

bool soft_store_linear(struct soft_cpu *c, uint64_t linear, enum soft_bank bank, const void *src,
                       unsigned len)
{
    union {
        const void *in;
        uint8_t *out;
    } buf = { .in = src };

    return linear_move(c, linear, len, true, bank, buf.out);
}

/* Implicit accesses: SMAP forbids them user pages whatever AC is (SDM 3A, "Access Rights"). */
bool soft_sys_load(struct soft_cpu *c, uint64_t linear, void *dst, unsigned len)
{
    return soft_load_linear(c, linear, BANK_SUPER, dst, len);
}

bool soft_sys_store(struct soft_cpu *c, uint64_t linear, const void *src, unsigned len)
{
    return soft_store_linear(c, linear, BANK_SUPER, src, len);
}

bool soft_fetch(struct soft_cpu *c, uint64_t linear, const uint8_t **host, unsigned *left,
                uint64_t *gpa)
{
    struct soft_place p;

    if (!soft_translate(c, linear, HOW_FETCH, c->bank, &p))
        return false;
    *host = p.host;
    *gpa = p.gpa;
    *left = PAGE - (unsigned)(linear % PAGE);
    return true;
}
