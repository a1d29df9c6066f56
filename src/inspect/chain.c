/* SPDX-License-Identifier: MIT */
/* chain.c - the faults of a shutdown: the data, as lines, as JSON. */
#include "inspect/chain.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "inspect/grid.h"
#include "inspect/json_parts.h"
#include "inspect/show.h"

enum { VEC_PF = 14, PF_P = 1, PF_W = 2, PF_U = 4, PF_I = 16 };

static_assert(ARRAY_LEN(((struct vitro_chain *)NULL)->fault) == CHAIN_LINKS, "one for each link");

/* ---- data ------------------------------------------------------------------------------------ */

static void fill_name(const struct fault_link *link, struct vitro_fault *out)
{
    const char *name = link->vector < 32 ? x86_exception_name(link->vector) : NULL;

    if (link->interrupt && link->vector == 2)
        snprintf(out->name, sizeof(out->name), "NMI");
    else if (link->interrupt)
        snprintf(out->name, sizeof(out->name), "interrupt %u", link->vector);
    else if (name != NULL)
        snprintf(out->name, sizeof(out->name), "%s", name);
    else
        snprintf(out->name, sizeof(out->name), "exception %u", link->vector);
}

int chain_fill(const struct spaces *s, unsigned cpu, const struct fault_chain *chain,
               struct vitro_chain *out, struct vitro_err *err)
{
    struct cpu_space c;
    uint64_t linear;
    int rc = cpu_space_init(&c, s->m, cpu, STATE_REGS, err);

    *out = (struct vitro_chain){ .rip = chain->rip, .n = chain->n };
    if (rc < 0)
        return rc;
    linear = x86_mode_of(&c.state) == X86_MODE_LONG
                 ? chain->rip
                 : (uint32_t)(c.state.seg[X86_CS].base + chain->rip);
    disasm_text_at(s, cpu, linear, out->insn, sizeof(out->insn));
    show_symbol(s->symbols, linear, out->symbol);
    for (unsigned i = 0; i < chain->n; i++) {
        const struct fault_link *link = &chain->link[i];

        out->fault[i] = (struct vitro_fault){
            .vector = link->vector,
            .interrupt = link->interrupt,
            .doubled = link->doubled,
            .has_error = link->has_error,
            .error = link->error,
            .cr2 = link->cr2,
        };
        fill_name(link, &out->fault[i]);
        chain_why(&c, chain, i, &out->fault[i]);
    }
    return 0;
}

/* ---- text ------------------------------------------------------------------------------------ */

static const char *access_words(uint32_t error)
{
    if (error & PF_I)
        return error & PF_U ? "fetch in ring 3" : "fetch";
    if (error & PF_W)
        return error & PF_U ? "write in ring 3" : "write";
    return error & PF_U ? "read in ring 3" : "read";
}

static void add_fault(const struct vitro_fault *f, struct text *t)
{
    text_add(t, "%s", f->name);
    if (!f->interrupt && f->vector == VEC_PF)
        text_add(t, " at 0x%" PRIx64 " (%s)", f->cr2, access_words(f->error));
    if (f->has_error)
        text_add(t, ", error 0x%" PRIx32, f->error);
    if (f->why[0] != '\0')
        text_add(t, ": %s", f->why);
    if (f->entry_gpa != 0)
        text_add(t, " (entry at 0x%" PRIx64 ")", f->entry_gpa);
}

void chain_text(const struct vitro_chain *c, bool color, unsigned indent, struct text *t)
{
    text_add(t, "%*srip 0x%" PRIx64 "%s%s%s", (int)indent, "", c->rip,
             c->symbol[0] != '\0' ? " (" : "", c->symbol, c->symbol[0] != '\0' ? ")" : "");
    if (c->insn[0] != '\0')
        text_add(t, "  %s", c->insn);
    text_add(t, "\n");
    for (unsigned i = 0; i < c->n; i++) {
        text_add(t, "%*s-> ", (int)indent, "");
        add_fault(&c->fault[i], t);
        text_add(t, "\n");
        if (c->fault[i].doubled)
            text_add(t, "%*s-> #DF: two that cannot be delivered one after the other\n",
                     (int)indent, "");
    }
    if (c->n > 0)
        text_add(t, "%*s-> shutdown: nothing is left to call\n", (int)indent, "");
    ink_add(t, color, INK_DIM, "%*s%s", (int)indent, "", c->source);
    text_add(t, "\n");
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *fault_json(const struct vitro_fault *f)
{
    bool page = !f->interrupt && f->vector == VEC_PF;

    return json_pack("{s:i, s:s, s:b, s:b, s:o, s:o, s:s, s:o}", "vector", (int)f->vector, "name",
                     f->name, "interrupt", (int)f->interrupt, "becomes_double_fault",
                     (int)f->doubled, "error", part_hex_if(f->has_error, f->error), "cr2",
                     part_hex_if(page, f->cr2), "why", f->why, "entry",
                     part_hex_if(f->entry_gpa != 0, f->entry_gpa));
}

json_t *chain_json(const struct vitro_chain *c)
{
    json_t *faults = json_array();

    for (unsigned i = 0; i < c->n; i++)
        part_append(&faults, fault_json(&c->fault[i]));
    return json_pack("{s:o, s:s, s:o, s:o, s:s}", "rip", json_hex(c->rip), "instruction", c->insn,
                     "symbol", c->symbol[0] != '\0' ? json_string(c->symbol) : json_null(),
                     "faults", faults, "source", c->source);
}

int chain_show(const struct vitro_chain *c, const struct vitro_style *style, char **out,
               struct vitro_err *err)
{
    bool json = style != NULL && style->format == VITRO_JSON;
    struct text t = { 0 };

    if (json)
        return json_finish(chain_json(c), out, err);
    text_add(&t, c->n > 0 ? "how it came to the shutdown\n\n" : "where it ended\n\n");
    chain_text(c, style != NULL && style->color, 2, &t);
    return show_finish(&t, "the faults", out, err);
}
