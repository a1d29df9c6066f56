/* SPDX-License-Identifier: MIT */
/*
 * blocks.c - translated code: which blocks are hot, and what became of each guest instruction
 *
 * Guest bytes are those in memory now; a block whose bytes were written is dropped, so they are what it was
 * made of, unless a device has written them since it was last entered.
 */
#include "inspect/inspect_blocks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "inspect/blocks_look.h"
#include "inspect/grid.h"
#include "inspect/insn_text.h"
#include "inspect/json_parts.h"
#include "inspect/show.h"
#include "x86/decode.h"

enum { HEX_MAX = 3 * X86_INSN_MAX + 1 };

struct blocks {
    struct blocks_look look;
    const struct symtab *symbols;
};

/* ---- instructions -------------------------------------------------------------------------------- */

static void hex(const uint8_t *bytes, unsigned n, const char *sep, char buf[HEX_MAX])
{
    size_t at = 0;

    buf[0] = '\0';
    for (unsigned i = 0; i < n && i < X86_INSN_MAX; i++)
        at += (size_t)snprintf(buf + at, HEX_MAX - at, "%s%02x", i > 0 ? sep : "", bytes[i]);
}

/* Bytes of the host instruction at p, 1 where there is none. */
static unsigned host_len(const uint8_t *p, size_t left)
{
    struct x86_insn in;

    if (x86_decode(p, left < X86_INSN_MAX ? (unsigned)left : X86_INSN_MAX, X86_CODE_64, &in) !=
        X86_DECODE_OK)
        return 1;
    return in.len;
}

static unsigned guest_end(const struct apart *a, unsigned i)
{
    return i + 1u < a->b->ninsns ? a->insn[i + 1].guest : a->b->guest_len;
}

static uint32_t host_end(const struct apart *a, unsigned i)
{
    return i + 1u < a->b->ninsns ? a->insn[i + 1].host : a->b->straight_len;
}

/* ---- text ------------------------------------------------------------------------------------- */

static void add_host(struct grid *g, const struct apart *a, uint32_t *at)
{
    unsigned len = host_len(a->host + *at, a->b->host_len - *at);
    char bytes[HEX_MAX], words[INSN_TEXT_MAX];

    hex(a->host + *at, len, " ", bytes);
    grid_add(g, INK_DIM, "%s", bytes);
    grid_add(g, INK_CODE, "%s", insn_text(64, a->host + *at, len, a->b->host_addr + *at, words));
    grid_end(g);
    *at += len;
}

/* A guest instruction, and beside it and below what the host executes. */
static void add_insn(struct grid *g, const struct apart *a, unsigned i, uint32_t *at)
{
    const struct code_insn *in = &a->insn[i];
    char bytes[HEX_MAX], words[INSN_TEXT_MAX];
    unsigned len = guest_end(a, i) - in->guest;

    hex(a->guest + in->guest, len, " ", bytes);
    grid_add(g, INK_PLAIN, "  0x%" PRIx64, a->b->rip + in->guest);
    grid_add(g, INK_DIM, "%s", bytes);
    grid_add(g, in->why != NULL ? INK_BAD : INK_STRONG, "%s",
             insn_text(a->b->code_bits, a->guest + in->guest, len, a->b->rip + in->guest, words));
    if (*at >= host_end(a, i))
        grid_end(g);
    for (unsigned line = 0; *at < host_end(a, i); line++) {
        if (line > 0) {
            grid_skip(g);
            grid_skip(g);
            grid_skip(g);
        }
        add_host(g, a, at);
    }
    if (in->why != NULL)
        grid_line(g, INK_BAD, "    interpreted: %s", in->why);
}

static void text_apart(const struct apart *a, bool color, struct text *t)
{
    struct grid g = { .color = color };
    uint32_t at = 0;

    if (a->insn[0].host > 0)
        grid_line(&g, INK_DIM, "  entry");
    while (at < a->insn[0].host) {
        grid_skip(&g);
        grid_skip(&g);
        grid_skip(&g);
        add_host(&g, a, &at);
    }
    for (unsigned i = 0; i < a->b->ninsns; i++)
        add_insn(&g, a, i, &at);
    grid_line(&g, INK_DIM, "  and %" PRIu32 " bytes of host code for what is unusual",
              a->b->host_len - a->b->straight_len);
    grid_print(&g, t);
}

static void text_listing(struct blocks *v, size_t i, bool color, struct text *t)
{
    const struct apart *a = blocks_look_apart(&v->look, i);
    const struct code_block *b = &v->look.hot[i].b;
    char symbol[SHOW_SYMBOL], times[SHOW_NUM];

    if (a == NULL) {
        t->failed = true;
        return;
    }
    show_symbol(v->symbols, b->rip, symbol);
    text_add(t, "\n0x%" PRIx64 "%s%s", b->rip, *symbol != '\0' ? " " : "", symbol);
    if (v->look.stats.counts)
        text_add(t, ", executed %s times", show_count(b->executions, times));
    text_add(t, ": %u bytes, made into %u at 0x%" PRIx64 "\n", b->guest_len, b->host_len,
             b->host_addr);
    if (a->b != NULL)
        text_apart(a, color, t);
    else
        text_add(t, "  thrown away since\n");
}

static void text_head(const struct blocks *v, struct text *t)
{
    const struct code_stats *s = &v->look.stats;
    char a[SHOW_NUM], b[SHOW_NUM], c[SHOW_NUM];

    if (!s->translates) {
        text_add(t, "Nothing is translated in this machine: %s\n",
                 s->why_not != NULL ? s->why_not : "its tier is interp");
        return;
    }
    text_add(t, "%s blocks translated, %s guest instructions into %s\n", show_count(s->blocks, a),
             show_count(s->guest_insns, b), show_size(s->host_bytes, c));
    if (s->invalidated > 0)
        text_add(t, "%s of them dropped: their page was written, or has got a breakpoint\n",
                 show_count(s->invalidated, a));
    if (s->resets > 0)
        text_add(t, "%s time%s all of them were thrown away\n", show_count(s->resets, a),
                 s->resets == 1 ? "" : "s");
    text_add(t, "%s instructions executed in them, %s of theirs left to the interpreter\n",
             show_count(s->insns, a), show_count(s->steps, b));
    if (!s->counts)
        text_add(t, "Executions of blocks are not counted: that takes run --count-blocks.\n");
}

/* Why there is no table. */
static void text_none(const struct blocks *v, struct text *t)
{
    const struct vitro_blocks_filter *f = v->look.filter;

    if (v->look.stats.blocks == 0)
        text_add(
            t,
            "\nNothing was translated: 64-bit and flat 32-bit code is, once it has been executed "
            "often,\nor with --tier trans at once.\n");
    else if (f->from == 0 && f->to == UINT64_MAX)
        text_add(t, "\nNone of them is left.\n");
    else
        text_add(t, "\nNone of them lies in 0x%" PRIx64 " .. 0x%" PRIx64 " now.\n", f->from, f->to);
}

static void text_table(const struct blocks *v, bool color, struct text *t)
{
    struct grid g = { .color = color, .right = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 4 };

    text_add(t, "\n");
    grid_add(&g, INK_DIM, "executions");
    grid_add(&g, INK_DIM, "guest address");
    grid_add(&g, INK_DIM, "instructions");
    grid_add(&g, INK_DIM, "bytes");
    grid_add(&g, INK_DIM, "host bytes");
    grid_add(&g, INK_DIM, "symbol");
    grid_end(&g);
    for (size_t i = 0; i < v->look.shown; i++) {
        const struct code_block *b = &v->look.hot[i].b;
        char symbol[SHOW_SYMBOL], times[SHOW_NUM];

        grid_add(&g, INK_STRONG, "%s",
                 v->look.stats.counts ? show_count(b->executions, times) : "-");
        grid_add(&g, INK_PLAIN, "0x%" PRIx64, b->rip);
        grid_add(&g, INK_PLAIN, "%u", b->ninsns);
        grid_add(&g, INK_PLAIN, "%u", b->guest_len);
        grid_add(&g, INK_PLAIN, "%" PRIu32, b->host_len);
        grid_add(&g, INK_CODE, "%s", show_symbol(v->symbols, b->rip, symbol));
        grid_end(&g);
    }
    grid_print(&g, t);
    if (v->look.shown < v->look.n)
        text_add(t, "and %zu more\n", v->look.n - v->look.shown);
}

static int blocks_text(struct blocks *v, bool color, char **out, struct vitro_err *err)
{
    struct text t = { 0 };

    text_head(v, &t);
    if (v->look.n > 0)
        text_table(v, color, &t);
    else if (v->look.stats.translates)
        text_none(v, &t);
    for (size_t i = 0; i < v->look.shown && v->look.filter->listing; i++)
        text_listing(v, i, color, &t);
    return show_finish(&t, "translated code", out, err);
}

/* ---- JSON ------------------------------------------------------------------------------------- */

static json_t *host_json(const struct apart *a, uint32_t from, uint32_t to)
{
    json_t *list = json_array();

    while (from < to) {
        unsigned len = host_len(a->host + from, a->b->host_len - from);
        char bytes[HEX_MAX], words[INSN_TEXT_MAX];

        hex(a->host + from, len, "", bytes);
        insn_text(64, a->host + from, len, a->b->host_addr + from, words);
        part_append(&list, json_pack("{s:s, s:s}", "hex", bytes, "text", words));
        from += len;
    }
    return list;
}

static json_t *listing_json(const struct apart *a)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < a->b->ninsns; i++) {
        const struct code_insn *in = &a->insn[i];
        unsigned len = guest_end(a, i) - in->guest;
        char bytes[HEX_MAX], words[INSN_TEXT_MAX];

        hex(a->guest + in->guest, len, "", bytes);
        insn_text(a->b->code_bits, a->guest + in->guest, len, a->b->rip + in->guest, words);
        part_append(&list,
                    json_pack("{s:o, s:s, s:s, s:o, s:o}", "addr", json_hex(a->b->rip + in->guest),
                              "hex", bytes, "text", words, "interpreted", part_name(in->why),
                              "host", host_json(a, in->host, host_end(a, i))));
    }
    return list;
}

static json_t *block_json(const struct blocks *v, const struct code_block *b)
{
    char symbol[SHOW_SYMBOL];

    return json_pack(
        "{s:o, s:o, s:o, s:o, s:s, s:i, s:i, s:i, s:o}", "addr", json_hex(b->rip), "gpa",
        json_hex(b->gpa), "symbol", part_name(show_symbol(v->symbols, b->rip, symbol)),
        "executions", v->look.stats.counts ? part_num(b->executions) : json_null(), "ring",
        b->user ? "user" : "supervisor", "instructions", (int)b->ninsns, "guest_bytes",
        (int)b->guest_len, "host_bytes", (int)b->host_len, "host_addr", json_hex(b->host_addr));
}

/* Appends block i, with its instructions if they are wanted and still there. */
static void add_block(struct blocks *v, size_t i, json_t **list)
{
    const struct apart *a = v->look.filter->listing ? blocks_look_apart(&v->look, i) : NULL;
    json_t *o = block_json(v, &v->look.hot[i].b);

    if (v->look.filter->listing && a == NULL) { /* memory has run out */
        json_decref(o);
        o = NULL;
    } else if (o != NULL && a != NULL && a->b != NULL) {
        json_object_set_new(o, "listing", listing_json(a));
    }
    part_append(list, o);
}

static int blocks_json(struct blocks *v, char **out, struct vitro_err *err)
{
    const struct code_stats *s = &v->look.stats;
    json_t *list = json_array();

    for (size_t i = 0; i < v->look.shown; i++)
        add_block(v, i, &list);
    return json_finish(json_pack("{s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                                 "translates", (int)s->translates, "counts", (int)s->counts,
                                 "translated", part_num(s->blocks), "guest_instructions",
                                 part_num(s->guest_insns), "host_bytes", part_num(s->host_bytes),
                                 "executed", part_num(s->insns), "interpreted", part_num(s->steps),
                                 "dropped", part_num(s->invalidated), "resets", part_num(s->resets),
                                 "matching", part_num(v->look.n), "blocks", list),
                       out, err);
}

int blocks_show(struct machine *m, const struct symtab *symbols,
                const struct vitro_blocks_filter *filter, const struct vitro_style *style,
                char **out, struct vitro_err *err)
{
    struct blocks v = { .symbols = symbols };
    int rc = blocks_look(&v.look, m, filter, err);

    if (rc == 0)
        rc = style->format == VITRO_JSON ? blocks_json(&v, out, err)
                                         : blocks_text(&v, style->color, out, err);
    blocks_look_close(&v.look);
    return rc;
}

/* ---- the profiler's map ------------------------------------------------------------------------ */

int blocks_perf_map(struct machine *m, const struct symtab *symbols, char **out,
                    struct vitro_err *err)
{
    static const struct vitro_blocks_filter all = { .to = UINT64_MAX };
    struct blocks_look look;
    int rc = blocks_look(&look, m, &all, err);
    struct text t = { 0 };

    for (size_t i = 0; rc == 0 && i < look.n; i++) {
        const struct code_block *b = &look.hot[i].b;
        char symbol[SHOW_SYMBOL];

        text_add(&t, "%" PRIx64 " %" PRIx32 " guest:0x%" PRIx64, b->host_addr, b->host_len, b->rip);
        if (*show_symbol(symbols, b->rip, symbol) != '\0')
            text_add(&t, "[%s]", symbol);
        text_add(&t, "\n");
    }
    blocks_look_close(&look);
    return rc == 0 ? show_finish(&t, "the map for perf", out, err) : rc;
}
