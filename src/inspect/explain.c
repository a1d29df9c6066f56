/* SPDX-License-Identifier: MIT */
/* explain.c - the tour as text: eight questions, answered with the numbers of one run. */
#include "inspect/explain.h"

#include <Zydis/Zydis.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "inspect/chain.h"
#include "inspect/explain_json.h"
#include "inspect/formatter.h"
#include "inspect/grid.h"
#include "inspect/show.h"
#include "inspect/source_marks.h"

/* ---- finding the store ----------------------------------------------------------------------- */

static bool stores_to(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *ops,
                      uint64_t rip, uint64_t to)
{
    for (unsigned i = 0; i < insn->operand_count; i++) {
        ZyanU64 at;

        if (ops[i].type == ZYDIS_OPERAND_TYPE_MEMORY &&
            ops[i].actions & ZYDIS_OPERAND_ACTION_WRITE && ops[i].mem.base != ZYDIS_REGISTER_RSP &&
            ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(insn, &ops[i], rip, &at)) && at == to)
            return true;
    }
    return false;
}

struct explain_insn explain_find_store(const uint8_t *code, uint64_t len, uint64_t gva, uint64_t to,
                                       unsigned bits)
{
    struct explain_insn found = { 0 };
    ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
    ZydisDecodedInstruction insn;
    ZydisFormatter formatter;
    ZydisDecoder decoder;

    ZydisDecoderInit(&decoder,
                     bits == 64   ? ZYDIS_MACHINE_MODE_LONG_64
                     : bits == 32 ? ZYDIS_MACHINE_MODE_LEGACY_32
                                  : ZYDIS_MACHINE_MODE_REAL_16,
                     bits == 64   ? ZYDIS_STACK_WIDTH_64
                     : bits == 32 ? ZYDIS_STACK_WIDTH_32
                                  : ZYDIS_STACK_WIDTH_16);
    formatter_init(&formatter);
    for (uint64_t at = 0; at < len; at += insn.length) {
        if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code + at, len - at, &insn, ops)))
            break; /* data begins here: the code before it was all there is to look at */
        if (!stores_to(&insn, ops, gva + at, to))
            continue;
        found.rip = gva + at;
        ZydisFormatterFormatInstruction(&formatter, &insn, ops, insn.operand_count_visible,
                                        found.text, sizeof(found.text), found.rip, ZYAN_NULL);
        break;
    }
    return found;
}

/* ---- text ------------------------------------------------------------------------------------ */

struct tour {
    const struct explain *x;
    struct text *t;
    bool color;
};

static const struct source_mark *mark(const char *name)
{
    for (unsigned i = 0; i < nsource_marks; i++) {
        if (strcmp(source_marks[i].name, name) == 0)
            return &source_marks[i];
    }
    return NULL;
}

/* "   src/host/ram.c:53  mprotect(...)" under a statement. */
static void source(const struct tour *tour, const char *name)
{
    const struct source_mark *m = mark(name);
    char line[256];

    if (m == NULL)
        return;
    snprintf(line, sizeof(line), "   %s:%u  %s", m->file, m->line, m->text);
    ink_add(tour->t, tour->color, INK_DIM, "%s", line);
    text_add(tour->t, "\n");
}

/* A step that each engine does in its own way: the mark begins with the engine's name. */
static void engine_source(const struct tour *tour, const char *step)
{
    char name[64];

    snprintf(name, sizeof(name), "%s-%s", tour->x->engine, step);
    source(tour, name);
}

static void heading(const struct tour *tour, const char *words)
{
    text_add(tour->t, "\n");
    ink_add(tour->t, tour->color, INK_STRONG, "%s", words);
    text_add(tour->t, "\n");
}

static void memory(const struct tour *tour)
{
    const struct explain *x = tour->x;
    char size[SHOW_NUM];

    heading(tour, "1. Guest memory: how much, and where is it?");
    text_add(tour->t,
             "   %s (0x%" PRIx64 " bytes), which the guest sees at 0x0 .. 0x%" PRIx64 ".\n",
             show_size(x->mem_bytes, size), x->mem_bytes, x->mem_bytes - 1);
    text_add(tour->t,
             "   In this process it is ordinary anonymous memory at 0x%" PRIx64 " .. 0x%" PRIx64
             ":\n",
             x->mem_host, x->mem_host + x->mem_bytes - 1);
    source(tour, "mmap");
    text_add(tour->t, "   laid under guest-physical 0 as a memory slot:\n");
    engine_source(tour, "mem-slot");
}

static void run_area(const struct tour *tour)
{
    const struct explain *x = tour->x;
    char size[SHOW_NUM];

    heading(tour, "2. The run area: what do the monitor and the engine share?");
    text_add(tour->t, "   %s at host address 0x%" PRIx64 ": %s.\n",
             show_size(x->run_area_len, size), x->run_area_host, x->run_area_what);
    text_add(tour->t, "   It was made with the CPU:\n");
    engine_source(tour, "vcpu");
    engine_source(tour, "run-area");
    text_add(tour->t,
             "   After each exit it holds the reason and its details (port, size, direction,\n"
             "   where the data byte is); before the next entry, the answer to a read.\n");
}

static void spaces(const struct tour *tour)
{
    static const char *const segment_bits[] = { "16-bit", "32-bit" };
    const struct explain *x = tour->x;

    heading(tour, "3. Code, page tables, stack: where are they in both address spaces?");
    text_add(tour->t, "   %-16s %-23s %s\n", "", "guest-physical", "host-virtual");
    for (unsigned i = 0; i < x->nranges; i++) {
        const struct vitro_range *r = &x->range[i];
        char gpa[48];

        if (r->use == VITRO_USE_RUN_AREA)
            continue;
        snprintf(gpa, sizeof(gpa), "0x%" PRIx64 " .. 0x%" PRIx64, r->gpa, r->gpa + r->len - 1);
        text_add(tour->t, "   %-16s %-23s 0x%" PRIx64 " .. 0x%" PRIx64 "\n", r->name, gpa, r->host,
                 r->host + r->len - 1);
    }
    source(tour, "copy-code");
    text_add(tour->t, "   The code segment's limit reads 0x%" PRIx32, x->cs.limit);
    if (x->cs.g)
        text_add(tour->t, " because G = 1: its 20 bits count 4 KiB units,\n   4 GiB in all");
    text_add(tour->t, ".%s\n",
             x->cs.l ? " 64-bit code ignores base and limit; what matters there is\n"
                       "   L = 1 (64-bit), P = 1 (present), type (code) and DPL = 0 "
                       "(ring 0)."
                     : "");
    if (!x->cs.l)
        text_add(tour->t, "   D = %d: %s code; base 0x%" PRIx64 "; DPL = %d: ring %d.\n", x->cs.db,
                 segment_bits[x->cs.db], x->cs.base, x->cs.dpl, x->cs.dpl);
}

static void mappings(const struct tour *tour)
{
    const struct explain *x = tour->x;

    for (unsigned i = 0; i < x->nmappings; i++) {
        const struct explain_mapping *m = &x->mapping[i];
        char size[SHOW_NUM];

        text_add(tour->t,
                 "     0x%" PRIx64 " .. 0x%" PRIx64 " -> 0x%" PRIx64 " .. 0x%" PRIx64
                 "  %s pages%s%s%s\n",
                 m->gva, m->gva + m->bytes - 1, m->gpa, m->gpa + m->bytes - 1,
                 show_size(m->page_bytes, size), m->writable ? ", writable" : "",
                 m->user ? ", user" : "", m->executable ? ", executable" : "");
    }
    if (x->cut)
        text_add(tour->t, "     ... and more: see 'vitro tables'\n");
}

static void paging(const struct tour *tour)
{
    const struct explain *x = tour->x;
    char size[SHOW_NUM], space[SHOW_NUM];

    heading(tour, "4. Page tables: how many levels, and what do they map?");
    if (x->levels_of_mode == 0) {
        text_add(tour->t,
                 "   None: %s mode has no paging here, so an address is guest-physical as it "
                 "is.\n",
                 x->mode);
        return;
    }
    text_add(tour->t, "   %s paging has %u levels; this guest's code is found in %u%s.\n",
             x->paging, x->levels_of_mode, x->levels_used,
             x->levels_used < x->levels_of_mode ? ": a large page ends the walk early" : "");
    text_add(tour->t, "   The tables take %u page%s of guest memory:\n", x->ntables,
             x->ntables == 1 ? "" : "s");
    for (unsigned i = 0; i < x->ntables; i++)
        text_add(tour->t, "     0x%-8" PRIx64 " %-5s %u entr%s in use\n", x->table[i].gpa,
                 x->table[i].name, x->table[i].present, x->table[i].present == 1 ? "y" : "ies");
    source(tour, "page-tables");
    text_add(tour->t, "   Every mapping they hold:\n");
    mappings(tour);
    text_add(tour->t, "   That is %s of the %s that %u address bits could name.\n",
             show_size(x->mapped_bytes, size), show_size(UINT64_C(1) << x->gva_bits, space),
             x->gva_bits);
    if (x->beyond_why != NULL)
        text_add(
            tour->t,
            "   Beyond, at 0x%" PRIx64 ": %s, so the CPU raises #PF; a guest without an IDT\n"
            "   cannot take it, and three faults in a row shut the CPU down ('vitro run fault').\n",
            x->beyond, x->beyond_why);
}

static void start(const struct tour *tour)
{
    const struct explain *x = tour->x;

    heading(tour, "5. The start: where does the guest begin, and who said so?");
    text_add(tour->t,
             "   rip = 0x%" PRIx64 ", rflags = 0x%" PRIx64 ", rsp = 0x%" PRIx64 ", cr3 = 0x%" PRIx64
             ", in %s.\n",
             x->start.rip, x->start.rflags, x->start.gpr[4], x->start.cr3, x->start.mode);
    text_add(tour->t, "   The monitor wrote them before the first entry:\n");
    source(tour, "start-state");
    engine_source(tour, "sregs");
    engine_source(tour, "regs");
}

static void control(const struct tour *tour)
{
    const struct explain *x = tour->x;

    heading(tour, "6. Control: where does it pass to the guest, and where does it come back?");
    text_add(tour->t, "   Here, both: the call returns when the guest needs the monitor.\n");
    source(tour, "enter");
    engine_source(tour, "run");
    text_add(tour->t, "   It returned %" PRIu64 " time%s:\n", x->end.exits,
             x->end.exits == 1 ? "" : "s");
    for (unsigned i = 0; i < x->nexits; i++) {
        const struct vitro_exit_row *r = &x->exit[i];

        text_add(tour->t, "     %4" PRIu64 " x %s", r->exits, r->reason);
        if (r->is_access)
            text_add(tour->t, " %s 0x%" PRIx64 "%s%s", r->write ? "write to" : "read from", r->addr,
                     r->device != NULL ? " " : "", r->device != NULL ? r->device : "");
        text_add(tour->t, ", by the instruction at 0x%" PRIx64 "\n", r->rip);
    }
    if (x->has_first)
        text_add(tour->t,
                 "   The first: %s at rip 0x%" PRIx64 "; when the guest went on, rip was 0x%" PRIx64
                 ".\n",
                 x->first_reason, x->first_rip, x->next_rip);
    text_add(tour->t, "   The end: %s.\n", x->end.text);
    if (x->has_chain)
        chain_text(&x->chain, tour->color, 5, tour->t);
}

static void output(const struct tour *tour)
{
    const struct explain *x = tour->x;

    heading(tour, "7. The output: how do the letters get out?");
    if (x->out_exits == 0)
        text_add(tour->t, "   This guest wrote nothing to the debug console (port 0xe9).\n");
    else
        text_add(tour->t,
                 "   OUT to port 0x%" PRIx64 ", direction out, %" PRIu64 " byte a time: %" PRIu64
                 " exits for the whole text.\n",
                 x->out_port, x->out_width, x->out_exits);
    if (x->out_exits != 0 && x->out_buffer_offset != 0) {
        text_add(tour->t,
                 "   Each byte lies in the run area at offset 0x%" PRIx64 " (host 0x%" PRIx64
                 "); the first was ",
                 x->out_buffer_offset, x->run_area_host + x->out_buffer_offset);
        show_data(tour->t, x->out_byte, 1);
        text_add(tour->t, ".\n");
    }
    if (x->output_len == 0)
        return;
    text_add(tour->t,
             x->out_exits != 0 ? "   All together: \"" : "   Through the hypercall device: \"");
    text_add_escaped(tour->t, x->output, x->output_len);
    text_add(tour->t, "\"\n");
}

static void result(const struct tour *tour)
{
    const struct explain *x = tour->x;

    heading(tour, "8. The result: who writes it, and where is it read?");
    if (!x->has_result) {
        text_add(tour->t,
                 "   No instruction of this guest stores to the agreed place, 0x400; rax = "
                 "%" PRIu64 ".\n",
                 x->rax);
        return;
    }
    text_add(tour->t, "   The instruction at 0x%" PRIx64 " stores it:  %s\n", x->store.rip,
             x->store.text);
    text_add(tour->t,
             "   Guest-physical 0x%" PRIx64 " is host 0x%" PRIx64
             ", where the monitor reads %" PRIu64 ".\n",
             x->result_gpa, x->result_host, x->result);
    text_add(tour->t,
             "   The same number is left in rax: %" PRIu64
             ", read through the engine's registers.\n",
             x->rax);
}

int explain_show(const struct explain *x, const struct vitro_style *style, char **out,
                 struct vitro_err *err)
{
    struct text t = { 0 };
    struct tour tour = { x, &t, style->color };
    char title[160];

    if (style->format == VITRO_JSON)
        return explain_json(x, out, err);
    snprintf(title, sizeof(title), "%s, in %s mode, on %s", x->guest, x->mode, x->engine);
    ink_add(&t, style->color, INK_STRONG, "%s", title);
    text_add(&t, "\n");
    memory(&tour);
    run_area(&tour);
    spaces(&tour);
    paging(&tour);
    start(&tour);
    control(&tour);
    output(&tour);
    result(&tour);
    return show_finish(&t, "explain", out, err);
}
