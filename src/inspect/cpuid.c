/* SPDX-License-Identifier: MIT */
/* cpuid.c - the CPU model: flags by name, and the answers of CPUID. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/grid.h"
#include "inspect/inspect_cpu.h"
#include "inspect/json.h"
#include "inspect/show.h"
#include "x86/cpu_flags.h"

enum { WIDTH = 79 };

static struct x86_cpuid_regs answer(const struct cpuid_view *v, const struct x86_cpuid_leaf *leaf)
{
    const struct x86_state reset = { .apic_base = 0x900, .xcr0 = 1 };
    struct x86_cpuid_regs r;

    x86_cpuid(v->model, &reset, v->cpu, leaf->leaf, leaf->subleaf, &r);
    return r;
}

static int by_number(const void *left, const void *right)
{
    const struct x86_cpuid_leaf *a = left, *b = right;

    if (a->leaf != b->leaf)
        return a->leaf < b->leaf ? -1 : 1;
    return (a->subleaf > b->subleaf) - (a->subleaf < b->subleaf);
}

/* The model has them in the order in which it was made. Returns how many. */
static unsigned in_order(const struct cpuid_view *v, struct x86_cpuid_leaf leaf[X86_CPUID_LEAVES])
{
    memcpy(leaf, v->model->leaf, sizeof(v->model->leaf));
    qsort(leaf, v->model->nleaves, sizeof(leaf[0]), by_number);
    return v->model->nleaves;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void add_flags(const struct cpuid_view *v, struct text *t)
{
    size_t at = 0;

    for (unsigned i = 0; i < x86_ncpu_flags; i++) {
        size_t len = strlen(x86_cpu_flags[i].name);

        if (!x86_cpuid_offers(v->model, &x86_cpu_flags[i].at))
            continue;
        if (at > 0 && at + 1 + len > WIDTH) {
            text_add_bytes(t, "\n", 1);
            at = 0;
        }
        text_add(t, "%s%s", at > 0 ? " " : "", x86_cpu_flags[i].name);
        at += len + (at > 0);
    }
    text_add_bytes(t, "\n\n", 2);
}

static void add_leaves(const struct cpuid_view *v, bool color, struct text *t)
{
    struct grid g = { .color = color };
    struct x86_cpuid_leaf leaves[X86_CPUID_LEAVES];
    unsigned n = in_order(v, leaves);

    for (unsigned i = 0; i < n; i++) {
        const struct x86_cpuid_leaf *leaf = &leaves[i];
        struct x86_cpuid_regs r = answer(v, leaf);

        grid_add(&g, INK_STRONG, "leaf 0x%" PRIx32, leaf->leaf);
        grid_add(&g, INK_STRONG, "%s%" PRIu32, leaf->subleaf != 0 ? "." : " ", leaf->subleaf);
        grid_add(&g, INK_PLAIN, "eax 0x%08" PRIx32, r.eax);
        grid_add(&g, INK_PLAIN, "ebx 0x%08" PRIx32, r.ebx);
        grid_add(&g, INK_PLAIN, "ecx 0x%08" PRIx32, r.ecx);
        grid_add(&g, INK_PLAIN, "edx 0x%08" PRIx32, r.edx);
        grid_end(&g);
    }
    grid_print(&g, t);
}

static int text_show(const struct cpuid_view *v, bool color, char **out, struct vitro_err *err)
{
    struct text t = { 0 };

    text_add(&t, "CPU model ");
    show_name(&t, v->name, WIDTH);
    text_add(&t, ": the machine %s\n\n",
             v->movable ? "can move between engines" : "cannot move to another engine");
    if (v->model != NULL) {
        add_flags(v, &t);
        add_leaves(v, color, &t);
    } else {
        text_add(&t, "What CPUID answers is the engine's own affair.\n");
    }
    return show_finish(&t, "the CPU model", out, err);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *flags_json(const struct cpuid_view *v)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < x86_ncpu_flags; i++) {
        if (x86_cpuid_offers(v->model, &x86_cpu_flags[i].at))
            json_array_append_new(list, json_string(x86_cpu_flags[i].name));
    }
    return list;
}

static json_t *leaves_json(const struct cpuid_view *v)
{
    json_t *list = json_array();
    struct x86_cpuid_leaf leaves[X86_CPUID_LEAVES];
    unsigned n = in_order(v, leaves);

    for (unsigned i = 0; i < n; i++) {
        const struct x86_cpuid_leaf *leaf = &leaves[i];
        struct x86_cpuid_regs r = answer(v, leaf);

        json_array_append_new(list, json_pack("{s:o, s:i, s:o, s:o, s:o, s:o}", "leaf",
                                              json_hex(leaf->leaf), "subleaf", (int)leaf->subleaf,
                                              "eax", json_hex(r.eax), "ebx", json_hex(r.ebx), "ecx",
                                              json_hex(r.ecx), "edx", json_hex(r.edx)));
    }
    return list;
}

int cpuid_show(const struct cpuid_view *v, const struct vitro_style *style, char **out,
               struct vitro_err *err)
{
    bool known = v->model != NULL;

    if (style == NULL || style->format != VITRO_JSON)
        return text_show(v, style != NULL && style->color, out, err);
    return json_finish(json_pack("{s:s, s:b, s:i, s:o*, s:o*}", "model", v->name, "movable",
                                 (int)v->movable, "cpu", (int)v->cpu, "flags",
                                 known ? flags_json(v) : NULL, "leaves",
                                 known ? leaves_json(v) : NULL),
                       out, err);
}
