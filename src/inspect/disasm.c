/* SPDX-License-Identifier: MIT */
/*
 * disasm.c - guest code as instructions, by Zydis, in the mode the CPU is in now
 *
 * Addresses are guest-linear. Zydis is given offsets in CS, which is what near jumps count in; their
 * targets are turned back into linear addresses. Bytes that are no instruction show as "db", one a row.
 */
#include "inspect/inspect_spaces.h"

#include <Zydis/Zydis.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/chain.h"
#include "inspect/formatter.h"
#include "inspect/grid.h"
#include "inspect/json_parts.h"
#include "inspect/show.h"

enum { INSN_TEXT = 128, INSN_BYTES = ZYDIS_MAX_INSTRUCTION_LENGTH };

static const struct machine_row {
    ZydisMachineMode mode;
    ZydisStackWidth width;
} machines[] = {
    [X86_MODE_REAL] = { ZYDIS_MACHINE_MODE_REAL_16, ZYDIS_STACK_WIDTH_16 },
    [X86_MODE_VM86] = { ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16 },
    [X86_MODE_PROT16] = { ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16 },
    [X86_MODE_PROT32] = { ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32 },
    [X86_MODE_COMPAT] = { ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32 },
    [X86_MODE_LONG] = { ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64 },
};

struct disasm {
    const struct spaces *s;
    struct cpu_space c;
    unsigned cpu;
    enum x86_mode mode;
    uint64_t cs_base, rip; /* rip linear */
    ZydisDecoder decoder;
    ZydisFormatter formatter;
};

struct insn {
    uint64_t addr;
    unsigned len;
    uint8_t byte[INSN_BYTES];
    char text[INSN_TEXT];
    bool has_target; /* of a jump or call, or the address of an operand relative to rip */
    uint64_t target; /* linear */
};

static int disasm_init(struct disasm *d, const struct spaces *s, unsigned cpu, unsigned n,
                       struct vitro_err *err)
{
    struct machine_row row;
    int rc;

    memset(d, 0, sizeof(*d));
    if (n == 0 || n > SPACES_INSNS_MAX)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "showing %u instructions: 1 to %d at a time", n, SPACES_INSNS_MAX);
    rc = cpu_space_init(&d->c, s->m, cpu, STATE_REGS, err);
    if (rc < 0)
        return rc;
    d->s = s;
    d->cpu = cpu;
    d->mode = x86_mode_of(&d->c.state);
    d->rip = x86_linear_rip(&d->c.state);
    d->cs_base = d->mode == X86_MODE_LONG ? 0 : d->c.state.seg[X86_CS].base;
    row = machines[d->mode];
    if (d->mode == X86_MODE_COMPAT && !d->c.state.seg[X86_CS].db)
        row = (struct machine_row){ ZYDIS_MACHINE_MODE_LONG_COMPAT_16, ZYDIS_STACK_WIDTH_16 };
    if (ZYAN_FAILED(ZydisDecoderInit(&d->decoder, row.mode, row.width)) ||
        !formatter_init(&d->formatter))
        return err_set(err, -EINVAL, "disassembling: Zydis refuses the CPU's mode");
    return 0;
}

static void find_target(const struct disasm *d, const ZydisDecodedInstruction *z,
                        const ZydisDecodedOperand *op, uint64_t at, struct insn *in)
{
    for (unsigned i = 0; i < z->operand_count_visible && !in->has_target; i++) {
        bool relative =
            (op[i].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && op[i].imm.is_relative) ||
            (op[i].type == ZYDIS_OPERAND_TYPE_MEMORY && op[i].mem.base == ZYDIS_REGISTER_RIP);
        ZyanU64 target;

        if (!relative || ZYAN_FAILED(ZydisCalcAbsoluteAddress(z, &op[i], at, &target)))
            continue;
        in->has_target = true;
        in->target = d->cs_base + target;
    }
}

/* Fills *in; false when not even one byte can be read. */
static bool disasm_one(const struct disasm *d, uint64_t addr, struct insn *in)
{
    ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
    ZydisDecodedInstruction z;
    uint64_t at = addr - d->cs_base;
    size_t n;
    ZyanStatus status;

    *in = (struct insn){ .addr = addr };
    n = cpu_space_read(&d->c, addr, in->byte, INSN_BYTES);
    if (n == 0)
        return false;
    status = ZydisDecoderDecodeFull(&d->decoder, in->byte, n, &z, op);
    if (ZYAN_FAILED(status)) {
        in->len = 1;
        snprintf(in->text, sizeof(in->text), "db 0x%02x%s", in->byte[0],
                 status == ZYDIS_STATUS_NO_MORE_DATA ? " (cut off where the mapping ends)"
                                                     : " (no instruction)");
        return true;
    }
    in->len = z.length;
    find_target(d, &z, op, at, in);
    if (ZYAN_FAILED(ZydisFormatterFormatInstruction(&d->formatter, &z, op, z.operand_count_visible,
                                                    in->text, sizeof(in->text), at, NULL)))
        snprintf(in->text, sizeof(in->text), "?");
    return true;
}

static const char *why_unmapped(const struct disasm *d, uint64_t addr)
{
    struct x86_walk w;

    x86_walk(&d->c.regs, &d->c.phys, addr, &w);
    return w.end == X86_WALK_MAPPED ? "no memory behind it" : x86_walk_end_text(w.end);
}

static void bytes_words(const struct insn *in, const char *sep, char buf[3 * INSN_BYTES + 1])
{
    size_t at = 0;

    buf[0] = '\0';
    for (unsigned i = 0; i < in->len; i++)
        at += (size_t)snprintf(buf + at, 3 * INSN_BYTES + 1 - at, "%s%02x", i > 0 ? sep : "",
                               in->byte[i]);
}

bool disasm_text_at(const struct spaces *s, unsigned cpu, uint64_t addr, char *buf, size_t len)
{
    struct disasm d;
    struct insn in;

    buf[0] = '\0';
    if (disasm_init(&d, s, cpu, 1, NULL) < 0 || !disasm_one(&d, addr, &in))
        return false;
    snprintf(buf, len, "%s", in.text);
    return true;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void add_insn(struct grid *g, const struct disasm *d, const struct insn *in, unsigned digits)
{
    bool here = in->addr == d->rip;
    enum ink ink = here ? INK_STRONG : INK_PLAIN;
    char bytes[3 * INSN_BYTES + 1], symbol[SHOW_SYMBOL];
    uint64_t offset;

    if (d->s->symbols != NULL && symtab_find(d->s->symbols, in->addr, &offset) != NULL &&
        offset == 0)
        grid_line(g, INK_CODE, "%s:", show_symbol(d->s->symbols, in->addr, symbol));
    bytes_words(in, " ", bytes);
    grid_add(g, ink, "%s 0x%0*" PRIx64, here ? ">" : " ", (int)digits, in->addr);
    grid_add(g, INK_DIM, "%s", bytes);
    grid_add(g, ink, "%s", in->text);
    if (in->has_target && *show_symbol(d->s->symbols, in->target, symbol) != '\0')
        grid_add(g, INK_CODE, "; %s", symbol);
    else if (in->has_target && d->cs_base != 0)
        grid_add(g, INK_DIM, "; linear 0x%" PRIx64, in->target);
    grid_end(g);
}

static int disasm_text(const struct disasm *d, uint64_t addr, unsigned n, char **out,
                       struct vitro_err *err)
{
    struct grid g = { .color = d->s->style.color };
    unsigned digits = addr >> 32 == 0 ? 8 : 16;
    struct text t = { 0 };
    struct insn in;

    text_add(&t, "CPU %u, %s, rip at 0x%" PRIx64, d->cpu, x86_mode_name(d->mode), d->rip);
    if (d->cs_base != 0)
        text_add(&t, ", CS at 0x%" PRIx64 ": jumps count from there", d->cs_base);
    text_add(&t, "\n\n");
    for (; n > 0 && disasm_one(d, addr, &in); n--) {
        add_insn(&g, d, &in, digits);
        addr += in.len;
    }
    if (n > 0)
        grid_line(&g, INK_DIM, "  0x%0*" PRIx64 "  -- %s", (int)digits, addr,
                  why_unmapped(d, addr));
    grid_print(&g, &t);
    return show_finish(&t, "instructions", out, err);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *insn_json(const struct disasm *d, const struct insn *in)
{
    char bytes[3 * INSN_BYTES + 1], symbol[SHOW_SYMBOL], target[SHOW_SYMBOL];

    bytes_words(in, "", bytes);
    show_symbol(d->s->symbols, in->addr, symbol);
    show_symbol(in->has_target ? d->s->symbols : NULL, in->target, target);
    return json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:b}", "addr", json_hex(in->addr), "hex",
                     bytes, "text", in->text, "symbol",
                     symbol[0] != '\0' ? json_string(symbol) : json_null(), "target",
                     part_hex_if(in->has_target, in->target), "target_symbol",
                     target[0] != '\0' ? json_string(target) : json_null(), "current",
                     (int)(in->addr == d->rip));
}

static int disasm_json(const struct disasm *d, uint64_t addr, unsigned n, char **out,
                       struct vitro_err *err)
{
    json_t *list = json_array();
    struct insn in;

    for (; n > 0 && disasm_one(d, addr, &in); n--) {
        part_append(&list, insn_json(d, &in));
        addr += in.len;
    }
    return json_finish(json_pack("{s:i, s:s, s:o, s:o, s:o}", "cpu", (int)d->cpu, "mode",
                                 x86_mode_name(d->mode), "rip", json_hex(d->rip), "instructions",
                                 list, "ends", part_name(n > 0 ? why_unmapped(d, addr) : NULL)),
                       out, err);
}

int disasm_show(const struct spaces *s, unsigned cpu, uint64_t addr, unsigned n, char **out,
                struct vitro_err *err)
{
    struct disasm d;
    int rc;

    pause_hold(s->m);
    rc = disasm_init(&d, s, cpu, n, err);
    if (rc == 0)
        rc = s->style.format == VITRO_JSON ? disasm_json(&d, addr, n, out, err)
                                           : disasm_text(&d, addr, n, out, err);
    pause_release(s->m);
    return rc;
}
