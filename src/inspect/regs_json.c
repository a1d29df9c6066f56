/* SPDX-License-Identifier: MIT */
/* regs_json.c - a CPU's registers, as JSON. */
#include "base/bits.h"
#include "inspect/inspect_cpu.h"
#include "inspect/json_parts.h"
#include "inspect/show.h"

static json_t *with_bits(const struct bit_table *bits, uint64_t value)
{
    return json_pack("{s:o, s:o}", "value", json_hex(value), "bits", part_bits(bits, value));
}

/* What is missing is seen by the caller: json_pack made NULL, or the document lacks a member. */
static bool set(json_t *obj, const char *key, json_t *value)
{
    return json_object_set_new(obj, key, value) == 0;
}

static json_t *gprs(const struct x86_state *s)
{
    json_t *obj = json_object();
    bool ok = obj != NULL;

    for (unsigned i = 0; i < X86_NGPR; i++)
        ok = ok && set(obj, x86_gpr_names[i], json_hex(s->gpr[i]));
    if (!ok) {
        json_decref(obj);
        obj = NULL;
    }
    return obj;
}

static json_t *segment(const struct x86_state *s, const struct x86_seg *seg)
{
    char words[96];

    return json_pack("{s:o, s:o, s:o, s:i, s:i, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:s}",
                     "selector", json_hex(seg->selector), "base", json_hex(seg->base), "limit",
                     json_hex(seg->limit), "type", seg->type, "dpl", seg->dpl, "s", seg->s,
                     "present", seg->present, "avl", seg->avl, "l", seg->l, "db", seg->db, "g",
                     seg->g, "unusable", seg->unusable, "what",
                     regs_segment_words(s, seg, words, sizeof(words)));
}

static json_t *segments(const struct x86_state *s)
{
    json_t *obj = json_object();
    bool ok = obj != NULL;

    for (unsigned i = 0; i < X86_NSREG; i++)
        ok = ok && set(obj, x86_sreg_names[i], segment(s, &s->seg[i]));
    ok = ok && set(obj, "tr", segment(s, &s->tr)) && set(obj, "ldtr", segment(s, &s->ldtr));
    if (!ok) {
        json_decref(obj);
        obj = NULL;
    }
    return obj;
}

static json_t *table(const struct x86_dtable *t)
{
    return json_pack("{s:o, s:o}", "base", json_hex(t->base), "limit", json_hex(t->limit));
}

static json_t *msrs(const struct x86_state *s)
{
    json_t *rows = json_array();

    for (uint32_t i = 0; i < s->nmsrs && i < X86_MSR_MAX; i++)
        part_append(&rows,
                    json_pack("{s:o, s:s?, s:o}", "index", json_hex(s->msr[i].index), "name",
                              x86_msr_name(s->msr[i].index), "value", json_hex(s->msr[i].value)));
    return rows;
}

static json_t *debug_registers(const struct x86_state *s)
{
    json_t *rows = json_array();

    for (unsigned i = 0; i < 4; i++)
        part_append(&rows, json_hex(s->dr[i]));
    return rows;
}

static json_t *all_else(const struct x86_state *s)
{
    static const char *const activities[] = {
        [X86_RUNNING] = "running",
        [X86_HALTED] = "halted",
        [X86_WAIT_INIT] = "wait-for-init",
        [X86_WAIT_SIPI] = "wait-for-sipi",
    };

    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "activity",
                     activities[s->activity], "segments", segments(s), "gdt", table(&s->gdtr),
                     "idt", table(&s->idtr), "dr", debug_registers(s), "dr6",
                     with_bits(&x86_dr6_names, s->dr6), "dr7", json_hex(s->dr7), "xcr0",
                     json_hex(s->xcr0), "apic_base", json_hex(s->apic_base), "msrs", msrs(s));
}

int regs_json(const struct regs_view *v, char **out, struct vitro_err *err)
{
    const struct x86_state *s = v->state;
    uint64_t linear = x86_linear_rip(s);
    char symbol[SHOW_SYMBOL];
    bool named = show_symbol(v->symbols, linear, symbol)[0] != '\0';
    json_t *doc =
        json_pack("{s:i, s:s, s:i, s:o, s:o, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "cpu",
                  (int)v->cpu, "mode", x86_mode_name(x86_mode_of(s)), "cpl", (int)x86_cpl(s), "rip",
                  json_hex(s->rip), "rip_linear", json_hex(linear), "symbol", named ? symbol : NULL,
                  "rflags", with_bits(&x86_rflags_names, s->rflags), "gpr", gprs(s), "cr0",
                  with_bits(&x86_cr0_names, s->cr0), "cr2", json_hex(s->cr2), "cr3",
                  json_hex(s->cr3), "cr4", with_bits(&x86_cr4_names, s->cr4), "cr8",
                  json_hex(s->cr8), "efer", with_bits(&x86_efer_names, s->efer));
    json_t *more = v->all ? all_else(s) : json_object();

    if (more == NULL || json_object_update_missing(doc, more) < 0) {
        json_decref(doc);
        doc = NULL;
    }
    json_decref(more);
    return json_finish(doc, out, err);
}
