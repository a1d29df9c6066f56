/* SPDX-License-Identifier: MIT */
/* soft_both.c - see soft_both.h */
#include "soft_both.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_vendor.h"

enum { RF = 1 << 16 };

void both_make_ldt(struct rig *r)
{
    for (unsigned i = 0; i < NATIVE_LDT; i++)
        le_put(r->ram + RIG_TSS + 8 * i, 8, native_ldt_entry(i));
    r->c->s.ldtr = (struct x86_seg){
        .base = WINDOW + RIG_TSS_AT, .limit = 8 * NATIVE_LDT - 1, .type = 2, .present = true
    };
}

/* ---- the same? ---------------------------------------------------------------------------------- */

/* The kernel's IRET, on its way back to ring 3, makes 0 of every selector that is none (SDM 2, IRET). */
static bool same_segment(uint16_t a, uint16_t b)
{
    return a == b || ((a | b) & 0xfffc) == 0;
}

static bool same_segments(const struct native_end *a, const struct native_end *b)
{
    for (unsigned i = 0; i < X86_NSREG; i++) {
        if (!same_segment(a->sel[i], b->sel[i]))
            return false;
    }
    return a->fs_base == b->fs_base && a->gs_base == b->gs_base;
}

bool both_equal(const struct native_end *a, const struct native_end *b, enum x86_code code)
{
    bool stays_64 = code == X86_CODE_64 && (a->sel[X86_CS] | 3) == NATIVE_CS64;
    uint64_t mask = stays_64 ? UINT64_MAX : UINT32_MAX;

    for (unsigned i = 0; i < X86_NGPR; i++) {
        if ((a->regs.gpr[i] ^ b->regs.gpr[i]) & mask)
            return false;
    }
    if (a->regs.rip != b->regs.rip || (a->regs.rflags ^ b->regs.rflags) & ~(uint64_t)RF ||
        a->vector != b->vector || !same_segments(a, b))
        return false;
    if (a->vector == VEC_PF)
        return a->cr2 == b->cr2 && ((a->error ^ b->error) & (PF_P | PF_W | PF_U | PF_I)) == 0;
    return a->vector == VEC_DB || a->error == b->error;
}

bool both_is_wild(const struct native_end *soft)
{
    return soft->vector == VEC_PF && soft->cr2 - WINDOW > WINDOW_END + WINDOW_PAGE;
}

/* ---- what it was ---------------------------------------------------------------------------------- */

static void show_regs(const char *who, const struct native_end *e, const struct native_regs *in)
{
    printf("    %-6s vector %u error %x cr2 %llx rip %llx flags %llx", who, e->vector, e->error,
           (unsigned long long)e->cr2, (unsigned long long)e->regs.rip,
           (unsigned long long)e->regs.rflags);
    for (unsigned i = 0; i < X86_NSREG; i++)
        printf(" %s %x", x86_sreg_names[i], e->sel[i]);
    printf(" fs_base %llx gs_base %llx", (unsigned long long)e->fs_base,
           (unsigned long long)e->gs_base);
    for (unsigned i = 0; i < X86_NGPR; i++) {
        if (e->regs.gpr[i] != in->gpr[i])
            printf(" %s=%llx", x86_gpr_names[i], (unsigned long long)e->regs.gpr[i]);
    }
    printf("\n");
}

void both_show(const struct rig *r, const struct native *n, const struct gen_case *k,
               const struct native_end *soft, const struct native_end *native)
{
    printf("%s, %u-bit:", x86_op_names[k->in.op], k->in.code);
    for (unsigned i = 0; i < k->in.len; i++)
        printf(" %02x", k->bytes[i]);
    printf("\n    before flags %llx", (unsigned long long)k->regs.rflags);
    for (unsigned i = 0; i < X86_NGPR; i++)
        printf(" %s=%llx", x86_gpr_names[i], (unsigned long long)k->regs.gpr[i]);
    printf("\n");
    show_regs("soft", soft, &k->regs);
    show_regs("native", native, &k->regs);
    for (unsigned i = 0; i < WINDOW_DATA_LEN; i++) {
        if (r->data[i] != n->data[i])
            printf("    byte %x: soft %02x native %02x\n", WINDOW_DATA + i, r->data[i], n->data[i]);
    }
}

/* ---- all cases ----------------------------------------------------------------------------------- */

int both_setup(void **state)
{
    struct both *b = calloc(1, sizeof(*b));
    const char *cases = getenv("SOFT_CASES");

    if (b == NULL)
        return -1;
    b->ncases = cases != NULL ? (unsigned)strtoul(cases, NULL, 10) : 200;
    b->amd = host_is_amd();
    rig_open(&b->rig);
    *state = b;
    return 0;
}

int both_teardown(void **state)
{
    struct both *b = *state;

    rig_close(&b->rig);
    free(b);
    return 0;
}

void both_open(struct both *b, enum x86_code code)
{
    if (!native_open(&b->native)) {
        printf("%d-bit code cannot be compared: this host runs no native oracle\n", (int)code);
        skip();
    }
    memset(b->rig.data, 0, WINDOW_DATA_LEN);
    b->rows = b->cases = b->faults = b->differences = b->few = 0;
}

void both_run_row(struct both *b, struct gen *g, unsigned op, both_case_fn *run_case)
{
    unsigned before = b->cases;

    b->shown = 0;
    for (unsigned i = 0; i < 4 * b->ncases && b->cases - before < b->ncases; i++) {
        if (!run_case(b, g, op))
            break;
    }
    if (b->cases - before < b->ncases) {
        printf("%s: only %u cases\n", x86_op_names[op], b->cases - before);
        b->few++;
    }
    if (b->shown > 0)
        printf("%s: %u of %u cases differ\n", x86_op_names[op], b->shown, b->cases - before);
    b->rows++;
}

void both_close(struct both *b, const char *what, enum x86_code code)
{
    printf("%s %d-bit code: %u rows, %u cases, %u of them faults, %u differences\n", what,
           (int)code, b->rows, b->cases, b->faults, b->differences);
    native_close(&b->native);
    assert_int_equal(b->differences, 0);
    assert_int_equal(b->few, 0);
}
