/* SPDX-License-Identifier: MIT */
/* regs_text.c - a CPU's registers, for people: names instead of bits. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "inspect/grid.h"
#include "inspect/inspect_cpu.h"
#include "inspect/show.h"

static enum ink ink_of(uint64_t v)
{
    return v == 0 ? INK_DIM : INK_PLAIN;
}

static void value_cell(struct grid *g, uint64_t v)
{
    grid_add(g, ink_of(v), "0x%" PRIx64, v);
}

static void heading(const struct regs_view *v, struct text *t, const char *words)
{
    text_add(t, "\n");
    ink_add(t, v->color, INK_STRONG, "%s", words);
    text_add(t, "\n");
}

/* ---- the first lines ------------------------------------------------------------------------- */

static void add_title(const struct regs_view *v, struct text *t)
{
    static const char *const rings[4] = { " (kernel)", "", "", " (user)" };
    static const char *const activities[] = {
        [X86_RUNNING] = "running",
        [X86_HALTED] = "halted",
        [X86_WAIT_INIT] = "waiting for INIT",
        [X86_WAIT_SIPI] = "waiting for its start address (SIPI)",
    };
    unsigned cpl = x86_cpl(v->state) & 3;
    bool protect = x86_mode_of(v->state) != X86_MODE_REAL;

    ink_add(t, v->color, INK_STRONG, "CPU %u: mode %s, CPL %u%s", v->cpu,
            x86_mode_name(x86_mode_of(v->state)), cpl, protect ? rings[cpl] : "");
    if (v->all)
        text_add(t, ", %s", activities[v->state->activity]);
    text_add(t, "\n\n");
}

static void add_rip(const struct regs_view *v, struct text *t)
{
    struct grid g = { .color = v->color };
    uint64_t linear = x86_linear_rip(v->state);
    char words[SHOW_SYMBOL], bits[256];

    grid_add(&g, INK_PLAIN, "rip");
    value_cell(&g, v->state->rip);
    show_symbol(v->symbols, linear, words);
    if (linear != v->state->rip)
        grid_add(&g, INK_PLAIN, "linear 0x%" PRIx64 "%s%s", linear, *words != '\0' ? " " : "",
                 words);
    else
        grid_add(&g, INK_PLAIN, "%s", words);
    grid_end(&g);
    grid_add(&g, INK_PLAIN, "rflags");
    value_cell(&g, v->state->rflags);
    names_print(&x86_rflags_names, v->state->rflags & ~(uint64_t)X86_RFLAGS_FIXED, " ", bits,
                sizeof(bits));
    grid_add(&g, bits[0] != '\0' ? INK_PLAIN : INK_DIM, "%s",
             bits[0] != '\0' ? bits : "no flag set (bit 1 is always one)");
    grid_end(&g);
    grid_print(&g, t);
}

/* Code outside long mode has eight registers of 32 bits; the others show only if they hold something. */
static unsigned gprs_to_show(const struct regs_view *v)
{
    enum x86_mode mode = x86_mode_of(v->state);
    uint64_t high = 0;

    for (unsigned i = X86_R8; i < X86_NGPR; i++)
        high |= v->state->gpr[i];
    return mode == X86_MODE_LONG || mode == X86_MODE_COMPAT || high != 0 ? X86_NGPR : X86_R8;
}

static void add_gprs(const struct regs_view *v, struct text *t)
{
    struct grid g = { .color = v->color, .right = 1 << 1 | 1 << 3 | 1 << 5 | 1 << 7 };
    unsigned n = gprs_to_show(v);

    text_add(t, "\n");
    for (unsigned i = 0; i < n; i++) {
        grid_add(&g, INK_PLAIN, "%s", x86_gpr_names[i]);
        value_cell(&g, v->state->gpr[i]);
        if (i % 4 == 3)
            grid_end(&g);
    }
    grid_print(&g, t);
}

/* ---- control registers ----------------------------------------------------------------------- */

struct bits_row {
    const char *name;
    uint64_t value;
    const struct bit_table *bits; /* NULL: `words` */
    const char *words;
};

/* One line with names; or, for `all`, a line a bit below it. */
static void bits_cells(const struct regs_view *v, struct grid *g, const struct bits_row *row)
{
    char names[256];

    grid_add(g, INK_PLAIN, "%s", row->name);
    value_cell(g, row->value);
    if (row->bits == NULL)
        grid_add(g, INK_DIM, "%s", row->words);
    else
        grid_add(g, INK_PLAIN, "%s", names_print(row->bits, row->value, " ", names, sizeof(names)));
    grid_end(g);
    for (size_t i = 0; v->all && row->bits != NULL && i < row->bits->n; i++) {
        const struct bit_name *bit = &row->bits->row[i];
        struct bit_table one = { bit, 1 };

        if (row->value & bit->mask)
            grid_line(g, INK_DIM, "        bit %-2d  %-10s  %s", __builtin_ctzll(bit->mask),
                      names_print(&one, row->value & bit->mask, "", names, sizeof(names)),
                      bit->what);
    }
}

static void add_control(const struct regs_view *v, struct text *t)
{
    const struct x86_state *s = v->state;
    struct grid g = { .color = v->color };
    const struct bits_row rows[] = {
        { "cr0", s->cr0, &x86_cr0_names, NULL },
        { "cr2", s->cr2, NULL, "address of the last page fault" },
        { "cr3", s->cr3, NULL,
          s->cr0 & X86_CR0_PG ? "where the page tables begin" : "not used: paging is off" },
        { "cr4", s->cr4, &x86_cr4_names, NULL },
        { "cr8", s->cr8, NULL, "task priority" },
        { "efer", s->efer, &x86_efer_names, NULL },
        { "rflags", s->rflags, &x86_rflags_names, NULL },
    };

    heading(v, t, "control registers");
    for (size_t i = 0; i < ARRAY_LEN(rows) - !v->all; i++)
        bits_cells(v, &g, &rows[i]);
    grid_print(&g, t);
}

/* ---- segments and tables --------------------------------------------------------------------- */

static void segment_cells(const struct regs_view *v, struct grid *g, const char *name,
                          const struct x86_seg *seg)
{
    char words[96], size[SHOW_NUM];

    grid_add(g, INK_PLAIN, "%s", name);
    grid_add(g, ink_of(seg->selector), "0x%04x", seg->selector);
    value_cell(g, seg->base);
    value_cell(g, seg->limit);
    grid_add(g, INK_PLAIN, "%s", show_size((uint64_t)seg->limit + 1, size));
    grid_add(g, ink_of(seg->g), "%d", seg->g);
    grid_add(g, ink_of(seg->dpl), "%u", seg->dpl);
    grid_add(g, INK_PLAIN, "%s", regs_segment_words(v->state, seg, words, sizeof(words)));
    grid_end(g);
}

static void note(const struct regs_view *v, struct text *t, const char *words)
{
    ink_add(t, v->color, INK_DIM, "%s", words);
    text_add_bytes(t, "\n", 1);
}

static void segment_notes(const struct regs_view *v, struct text *t)
{
    bool units = false;

    for (unsigned i = 0; i < X86_NSREG; i++)
        units |= v->state->seg[i].g;
    note(v, t, "limit: offset of the last byte; size: limit + 1");
    if (units)
        note(v, t,
             "G = 1: the descriptor counts in units of 4 KiB; its 20 bits, 0xfffff, reach 4 GiB");
    if (x86_mode_of(v->state) == X86_MODE_LONG)
        note(v, t,
             "64-bit code ignores base and limit of es, cs, ss, ds; of fs and gs it uses the base");
}

static void add_segments(const struct regs_view *v, struct text *t)
{
    static const char *const names[] = {
        "", "selector", "base", "limit", "size", "G", "DPL", "what"
    };
    struct grid g = { .color = v->color, .right = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 6 };

    heading(v, t, "segments");
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        grid_add(&g, INK_DIM, "%s", names[i]);
    grid_end(&g);
    for (unsigned i = 0; i < X86_NSREG; i++)
        segment_cells(v, &g, x86_sreg_names[i], &v->state->seg[i]);
    segment_cells(v, &g, "tr", &v->state->tr);
    segment_cells(v, &g, "ldtr", &v->state->ldtr);
    grid_print(&g, t);
    segment_notes(v, t);
}

static void table_cells(struct grid *g, const char *name, const struct x86_dtable *table,
                        unsigned unit, const char *what)
{
    unsigned n = (table->limit + 1u) / unit;

    grid_add(g, INK_PLAIN, "%s", name);
    value_cell(g, table->base);
    grid_add(g, INK_PLAIN, "limit 0x%x", table->limit);
    if (n == 0)
        grid_add(g, INK_DIM, "empty");
    else
        grid_add(g, INK_DIM, "room for %u %s of %u bytes", n, what, unit);
    grid_end(g);
}

static void add_tables(const struct regs_view *v, struct text *t)
{
    const struct x86_state *s = v->state;
    bool real = x86_mode_of(s) == X86_MODE_REAL;
    struct grid g = { .color = v->color };

    heading(v, t, "descriptor tables");
    table_cells(&g, "gdt", &s->gdtr, 8, "segment descriptors");
    if (real)
        table_cells(&g, "idt", &s->idtr, 4, "interrupt vectors");
    else
        table_cells(&g, "idt", &s->idtr, s->efer & X86_EFER_LMA ? 16 : 8, "interrupt gates");
    grid_print(&g, t);
}

/* ---- debug registers, MSRs, events ----------------------------------------------------------- */

/* SDM 3B, "Debug Control Register (DR7)": two enable bits, two of kind and two of length each. */
static void breakpoint_cells(struct grid *g, const struct x86_state *s, unsigned i)
{
    static const char *const kinds[4] = { "execution of", "writes to", "port access at",
                                          "reads and writes of" };
    static const unsigned lens[4] = { 1, 2, 8, 4 };
    unsigned control = (unsigned)(s->dr7 >> (16 + 4 * i)) & 15;

    grid_add(g, INK_PLAIN, "dr%u", i);
    value_cell(g, s->dr[i]);
    if (s->dr7 >> (2 * i) & 3)
        grid_add(g, INK_PLAIN, "stops at %s %u byte%s", kinds[control & 3], lens[control >> 2],
                 lens[control >> 2] == 1 ? "" : "s");
    else
        grid_add(g, INK_DIM, "off");
    grid_end(g);
}

static void add_debug(const struct regs_view *v, struct text *t)
{
    const struct x86_state *s = v->state;
    struct grid g = { .color = v->color };
    uint64_t causes = 0;
    char names[128];

    for (size_t i = 0; i < x86_dr6_names.n; i++)
        causes |= x86_dr6_names.row[i].mask;
    heading(v, t, "debug registers");
    for (unsigned i = 0; i < 4; i++)
        breakpoint_cells(&g, s, i);
    grid_add(&g, INK_PLAIN, "dr6");
    value_cell(&g, s->dr6);
    grid_add(&g, s->dr6 & causes ? INK_PLAIN : INK_DIM, "%s",
             s->dr6 & causes
                 ? names_print(&x86_dr6_names, s->dr6 & causes, " ", names, sizeof(names))
                 : "no cause noted");
    grid_end(&g);
    grid_add(&g, INK_PLAIN, "dr7");
    value_cell(&g, s->dr7);
    grid_add(&g, INK_DIM, "which of dr0 to dr3 are on, and for what");
    grid_end(&g);
    grid_print(&g, t);
}

static const char *msr_words(uint32_t index)
{
    static const struct {
        uint32_t index;
        const char *words;
    } rows[] = {
#define X(name, num, what) { (num), what },
        X86_MSRS(X)
#undef X
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].index == index)
            return rows[i].words;
    }
    return "";
}

static void msr_cells(struct grid *g, const struct x86_msr *msr)
{
    const char *name = x86_msr_name(msr->index);

    grid_add(g, INK_PLAIN, "0x%" PRIx32, msr->index);
    grid_add(g, INK_PLAIN, "%s", name != NULL ? name : "");
    value_cell(g, msr->value);
    grid_add(g, INK_DIM, "%s", msr_words(msr->index));
    grid_end(g);
}

static void zero_cell(struct grid *g, const struct x86_msr *msr)
{
    const char *name = x86_msr_name(msr->index);

    if (name != NULL)
        grid_add(g, INK_DIM, "%s", name);
    else
        grid_add(g, INK_DIM, "0x%" PRIx32, msr->index);
}

/* Those that hold something, a line each; the many that are zero follow as one block of names. */
static void add_msrs(const struct regs_view *v, struct text *t)
{
    const struct x86_state *s = v->state;
    struct grid set = { .color = v->color, .right = 1 << 0 | 1 << 2 };
    struct grid zero = { .color = v->color };
    unsigned zeros = 0;

    heading(v, t, "model-specific registers");
    for (uint32_t i = 0; i < s->nmsrs && i < X86_MSR_MAX; i++) {
        if (s->msr[i].value != 0) {
            msr_cells(&set, &s->msr[i]);
            continue;
        }
        zero_cell(&zero, &s->msr[i]);
        if (++zeros % 5 == 0)
            grid_end(&zero);
    }
    grid_print(&set, t);
    if (s->nmsrs == 0)
        note(v, t, "the engine gave none");
    if (zeros > 0)
        text_add(t, "zero, all %u of these:\n", zeros);
    grid_print(&zero, t);
}

static void add_more(const struct regs_view *v, struct text *t)
{
    const struct x86_state *s = v->state;
    const struct x86_events *e = &s->events;
    struct grid g = { .color = v->color };
    const char *name = x86_exception_name(e->exception_vector);

    heading(v, t, "more");
    grid_add(&g, INK_PLAIN, "xcr0");
    value_cell(&g, s->xcr0);
    grid_add(&g, INK_DIM, "register sets that XSAVE keeps");
    grid_end(&g);
    grid_add(&g, INK_PLAIN, "apic base");
    value_cell(&g, s->apic_base);
    grid_add(&g, INK_DIM, "%s", s->apic_base & 0x800 ? "local APIC on" : "local APIC off");
    grid_end(&g);
    if (e->exception_pending || e->exception_injected)
        grid_line(&g, INK_BAD, "exception %s (vector %u) on its way, error code 0x%" PRIx32,
                  name != NULL ? name : "?", e->exception_vector, e->exception_error);
    if (e->interrupt_injected)
        grid_line(&g, INK_PLAIN, "interrupt %u on its way", e->interrupt_vector);
    if (e->nmi_pending || e->nmi_injected)
        grid_line(&g, INK_PLAIN, "NMI on its way");
    if (e->triple_fault_pending)
        grid_line(&g, INK_BAD, "triple fault on its way");
    if (e->shadow != 0)
        grid_line(&g, INK_PLAIN, "interrupts held off for one instruction, after %s",
                  e->shadow & 1 ? "STI" : "MOV SS");
    grid_print(&g, t);
}

int regs_text(const struct regs_view *v, char **out, struct vitro_err *err)
{
    struct text t = { 0 };

    add_title(v, &t);
    add_rip(v, &t);
    add_gprs(v, &t);
    add_control(v, &t);
    if (v->all) {
        add_segments(v, &t);
        add_tables(v, &t);
        add_debug(v, &t);
        add_msrs(v, &t);
        add_more(v, &t);
    }
    return show_finish(&t, "registers", out, err);
}
