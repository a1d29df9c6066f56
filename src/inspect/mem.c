/* SPDX-License-Identifier: MIT */
/*
 * mem.c - guest memory as hex and characters, sixteen bytes a row
 *
 * Rows begin at multiples of 16, so that none crosses a page: a row is translated once. Reads nothing but
 * memory; a device's register shows as "--".
 */
#include "inspect/inspect_spaces.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "inspect/grid.h"
#include "inspect/json_parts.h"
#include "inspect/show.h"

enum { ROW = 16 };

struct dump {
    const struct spaces *s;
    unsigned cpu;
    struct dump_range what;
    uint64_t last; /* address, included */
    bool wraps;    /* fewer bytes than asked for: the end of all addresses */
    struct cpu_space c;
};

/* A row of the dump: bytes [from, to) of it are asked for. */
struct dump_row {
    uint64_t at;
    unsigned from, to;
    bool mapped;
    uint8_t byte[ROW];
};

static int dump_init(struct dump *d, const struct spaces *s, unsigned cpu,
                     const struct dump_range *what, struct vitro_err *err)
{
    memset(d, 0, sizeof(*d));
    if (what->len == 0 || what->len > SPACES_MEM_MAX)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "showing %" PRIu64 " bytes of memory: 1 to %d at a time", what->len,
                         SPACES_MEM_MAX);
    d->s = s;
    d->cpu = cpu;
    d->what = *what;
    d->wraps = what->len - 1 > UINT64_MAX - what->addr;
    d->last = d->wraps ? UINT64_MAX : what->addr + (what->len - 1);
    d->what.len = d->last - what->addr + 1;
    return cpu_space_init(&d->c, s->m, cpu, 0, err);
}

static struct dump_row row_at(const struct dump *d, uint64_t at)
{
    struct dump_row r = { .at = at, .to = ROW };

    if (at < d->what.addr)
        r.from = (unsigned)(d->what.addr - at);
    if (d->last - at < ROW - 1)
        r.to = (unsigned)(d->last - at) + 1;
    if (d->what.physical)
        r.mapped = mem_get(d->c.mem, at, r.byte, ROW);
    else
        r.mapped = cpu_space_read(&d->c, at, r.byte, ROW) == ROW;
    return r;
}

static bool is_whole(const struct dump_row *r)
{
    return r->from == 0 && r->to == ROW;
}

static bool same_bytes(const struct dump_row *a, const struct dump_row *b)
{
    return is_whole(a) && is_whole(b) && a->mapped == b->mapped &&
           (!a->mapped || memcmp(a->byte, b->byte, ROW) == 0);
}

/* ---- text ------------------------------------------------------------------------------------ */

/* "0x00000400  be 18 ..  |..|": 78 columns with eight digits. */
static void print_row(struct text *t, const struct dump_row *r, unsigned digits, bool color)
{
    char hex[3 * ROW + 2] = "", chars[ROW + 1];
    size_t at = 0;

    for (unsigned i = 0; i < ROW; i++) {
        bool asked = i >= r->from && i < r->to;
        uint8_t b = r->byte[i];

        if (i == ROW / 2)
            hex[at++] = ' ';
        if (!asked)
            at += (size_t)snprintf(hex + at, sizeof(hex) - at, "   ");
        else if (!r->mapped)
            at += (size_t)snprintf(hex + at, sizeof(hex) - at, "-- ");
        else
            at += (size_t)snprintf(hex + at, sizeof(hex) - at, "%02x ", b);
        chars[i] = ' ';
        if (asked && r->mapped)
            chars[i] = b >= 0x20 && b < 0x7f ? (char)b : '.';
    }
    chars[ROW] = '\0';
    ink_add(t, color, INK_DIM, "0x%0*" PRIx64, (int)digits, r->at);
    text_add(t, "  %s |%s|\n", hex, chars);
}

static void print_collapsed(struct text *t, uint64_t n, bool color)
{
    if (n > 0)
        ink_add(t, color, INK_DIM, "*  %" PRIu64 " more row%s like this\n", n, n == 1 ? "" : "s");
}

static void say_what(struct text *t, const struct dump *d)
{
    ink_add(t, d->s->style.color, INK_STRONG, "%s 0x%" PRIx64 "-0x%" PRIx64,
            d->what.physical ? "guest-physical" : "guest-virtual", d->what.addr, d->last);
    text_add(t, ", %" PRIu64 " byte%s", d->what.len, d->what.len == 1 ? "" : "s");
    if (!d->what.physical)
        text_add(t, ", as CPU %u sees them", d->cpu);
    text_add(t, d->wraps ? ": the end of all addresses\n\n" : "\n\n");
}

static int dump_text(const struct dump *d, char **out, struct vitro_err *err)
{
    bool color = d->s->style.color, unmapped = false;
    unsigned digits = d->last >> 32 == 0 ? 8 : 16;
    struct dump_row shown = { 0 };
    struct text t = { 0 };
    uint64_t collapsed = 0;

    say_what(&t, d);
    for (uint64_t at = d->what.addr & ~(uint64_t)(ROW - 1);; at += ROW) {
        struct dump_row r = row_at(d, at);

        unmapped = unmapped || !r.mapped;
        if (same_bytes(&r, &shown)) {
            collapsed++;
        } else {
            print_collapsed(&t, collapsed, color);
            print_row(&t, &r, digits, color);
            collapsed = 0;
            shown = r;
        }
        if (d->last - at < ROW)
            break;
    }
    print_collapsed(&t, collapsed, color);
    if (unmapped)
        ink_add(&t, color, INK_DIM, "(--  %s)\n",
                d->what.physical ? "no memory there" : "not mapped, or no memory behind it");
    return show_finish(&t, "memory", out, err);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* A run of rows that are mapped, or of rows that are not. */
struct extent {
    uint64_t addr, len;
    bool mapped;
    struct text hex, bytes;
};

static void end_extent(json_t **list, struct extent *e)
{
    json_t *hex = json_null(), *chars = json_null();

    if (e->mapped) {
        hex = e->hex.buf != NULL ? json_string(e->hex.buf) : NULL;
        chars = e->bytes.buf != NULL ? part_escaped(e->bytes.buf, e->bytes.len) : NULL;
    }
    if (e->len > 0)
        part_append(list, json_pack("{s:o, s:o, s:b, s:o, s:o}", "addr", json_hex(e->addr), "bytes",
                                    part_num(e->len), "mapped", (int)e->mapped, "hex", hex, "text",
                                    chars));
    else
        json_decref(hex), json_decref(chars);
    text_fini(&e->hex);
    text_fini(&e->bytes);
    *e = (struct extent){ 0 };
}

static void add_to_extent(struct extent *e, const struct dump_row *r)
{
    if (e->len == 0) {
        e->addr = r->at + r->from;
        e->mapped = r->mapped;
    }
    e->len += r->to - r->from;
    for (unsigned i = r->from; i < r->to && r->mapped; i++)
        text_add(&e->hex, "%02x", r->byte[i]);
    if (r->mapped)
        text_add_bytes(&e->bytes, (const char *)r->byte + r->from, r->to - r->from);
}

static int dump_json(const struct dump *d, char **out, struct vitro_err *err)
{
    json_t *list = json_array();
    struct extent e = { 0 };

    for (uint64_t at = d->what.addr & ~(uint64_t)(ROW - 1);; at += ROW) {
        struct dump_row r = row_at(d, at);

        if (e.len > 0 && e.mapped != r.mapped)
            end_extent(&list, &e);
        add_to_extent(&e, &r);
        if (d->last - at < ROW)
            break;
    }
    end_extent(&list, &e);
    return json_finish(json_pack("{s:s, s:i, s:o, s:o, s:o}", "space",
                                 d->what.physical ? "guest-physical" : "guest-virtual", "cpu",
                                 (int)d->cpu, "addr", json_hex(d->what.addr), "bytes",
                                 part_num(d->what.len), "extents", list),
                       out, err);
}

int dump_show(const struct spaces *s, unsigned cpu, const struct dump_range *what, char **out,
              struct vitro_err *err)
{
    struct dump d;
    int rc;

    pause_hold(s->m);
    rc = dump_init(&d, s, cpu, what, err);
    if (rc == 0)
        rc = s->style.format == VITRO_JSON ? dump_json(&d, out, err) : dump_text(&d, out, err);
    pause_release(s->m);
    return rc;
}
