/* SPDX-License-Identifier: MIT */
/*
 * test_soft_int.c - every integer row of the opcode table, in the interpreter and on the host CPU
 *
 * Registers, all flags, memory, and the fault with its error code and address must be equal. 64-bit,
 * 32-bit and 16-bit code segments. SOFT_CASES in the environment says how many cases a row; 200 else.
 *
 * What AMD's CPUs do otherwise is in soft_int_amd.c, exactly.
 *
 * Selectors are of an LDT that both sides have. Left out: far transfers (test_soft_far_native.c), ring 0.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soft_both.h"
#include "soft_claims.h"
#include "soft_int_amd.h"
#include "soft_int_gen.h"
#include "soft_int_own.h"
#include "soft_oracle.h"

enum { SHOWN = 2, TF = 1 << 8, NOP = 0x90 };

/* ---- which rows ------------------------------------------------------------------------------- */

static bool host_has(unsigned feature)
{
    const struct x86_feature_place *at = &x86_feature_places[feature];
    uint32_t r[4];

    if (at->leaf == 0)
        return true;
    __asm__("cpuid"
            : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
            : "a"(at->leaf), "c"((uint32_t)at->subleaf));
    return r[at->reg] >> at->bit & 1;
}

/* ---- one case --------------------------------------------------------------------------------- */

static uint64_t interesting(struct gen *g, bool code_address)
{
    if (code_address && gen_below(g, 3) != 0)
        return (g->code == X86_CODE_16 ? 0 : WINDOW) + gen_below(g, WINDOW_PAGE);
    return gen_value(g);
}

static void fill_memory(struct both *b, struct gen *g, const struct gen_case *k)
{
    bool branch = x86_insn_row(&k->in)->klass == X86_CLASS_BRANCH;

    for (unsigned i = 0; i < k->ntargets; i++) {
        for (int off = -32; off < 64; off += 8) {
            uint64_t at = k->target[i] + (uint64_t)(int64_t)off - WINDOW_DATA;
            uint64_t val = interesting(g, branch);

            /* POPF does not set AC: the signal handler would feel it. */
            if (x86_insn_row(&k->in)->klass == X86_CLASS_SYSTEM)
                val &= ~(uint64_t)X86_RFLAGS_AC;
            if (at > WINDOW_DATA_LEN - 8)
                continue;
            memcpy(b->rig.data + at, &val, 8);
            memcpy(b->native.data + at, &val, 8);
        }
    }
}

/* CMPXCHG finds its accumulator half of the time. */
static void match_accumulator(struct both *b, struct gen *g, struct gen_case *k)
{
    unsigned mnemonic = x86_insn_row(&k->in)->mnemonic;
    uint64_t at = k->target[k->ntargets - 1] - WINDOW_DATA, *gpr = k->regs.gpr, was[2];

    if ((mnemonic != X86_MN_CMPXCHG && mnemonic != X86_MN_CMPXCHG8B &&
         mnemonic != X86_MN_CMPXCHG16B) ||
        gen_below(g, 2) == 0)
        return;
    if (!(k->in.flags & X86_INSN_MEM)) {
        gpr[X86_RAX] = gpr[k->in.rm];
        return;
    }
    if (at > WINDOW_DATA_LEN - 16 || k->in.base == X86_RAX || k->in.index == X86_RAX ||
        k->in.base == X86_RDX || k->in.index == X86_RDX)
        return;
    memcpy(was, b->rig.data + at, sizeof(was));
    gpr[X86_RAX] = g->code == X86_CODE_64 ? was[0] : (uint32_t)was[0];
    if (mnemonic != X86_MN_CMPXCHG)
        gpr[X86_RDX] = mnemonic == X86_MN_CMPXCHG8B ? was[0] >> 32 : was[1];
}

/* The byte of memory that the selector is at; false when it is in a register. */
static bool selector_place(const struct gen_case *k, uint64_t *at)
{
    const struct x86_row *row = x86_insn_row(&k->in);
    bool far = oracle_loads_segment(row) && row->operand[1] != 0 && row->mnemonic != X86_MN_MOV;

    *at = k->target[row->mnemonic == X86_MN_POP ? 0 : k->ntargets - 1] - WINDOW_DATA;
    *at += far ? k->in.opsize : 0;
    return row->mnemonic == X86_MN_POP || k->in.flags & X86_INSN_MEM;
}

/* No selector, or one of the LDT or past its end; what the host's GDT has is not known. */
static void choose_selector(struct both *b, struct gen *g, struct gen_case *k)
{
    const struct x86_row *row = x86_insn_row(&k->in);
    uint16_t selector =
        (uint16_t)(gen_below(g, 8) == 0 ? gen_below(g, 4)
                                        : gen_below(g, NATIVE_LDT + 2) << 3 | 4 | gen_below(g, 4));
    uint64_t at;

    if (!oracle_asks_table(row) && !oracle_loads_segment(row))
        return;
    if (!selector_place(k, &at)) {
        k->regs.gpr[k->in.rm] = (k->regs.gpr[k->in.rm] & ~UINT64_C(0xffff)) | selector;
    } else if (at <= WINDOW_DATA_LEN - 2) {
        memcpy(b->rig.data + at, &selector, 2);
        memcpy(b->native.data + at, &selector, 2);
    }
}

/* After MOV SS and POP SS, not LSS, the trap waits until the next instruction is done: it is a NOP. */
static bool loads_stack(const struct gen_case *k)
{
    const struct x86_row *row = x86_insn_row(&k->in);

    if (row->mnemonic == X86_MN_POP)
        return x86_opnd_types[row->operand[0]].kind == X86_OPK_SEG &&
               x86_opnd_types[row->operand[0]].fixed == X86_SS;
    return row->mnemonic == X86_MN_MOV && oracle_loads_segment(row) && (k->in.reg & 7) == X86_SS;
}

static void run_soft(struct both *b, const struct gen_case *k, struct native_end *out)
{
    const struct native_regs *in = &k->regs;
    struct soft_cpu *c = b->rig.c;
    struct x86_seg before[X86_NSREG];

    c->s.seg[X86_FS].base = b->native.fs_base;
    c->s.seg[X86_GS].base = in->gs_base;
    memcpy(before, c->s.seg, sizeof(before));
    memcpy(c->s.gpr, in->gpr, sizeof(in->gpr));
    c->s.rip = in->rip;
    c->s.rflags = in->rflags | TF;
    memset(out, 0, sizeof(*out));
    if (rig_once(&b->rig) && (!loads_stack(k) || rig_once(&b->rig))) {
        out->vector = VEC_DB;
    } else {
        out->vector = c->stop.vector;
        out->error = c->stop.has_error ? c->stop.error : 0;
        out->cr2 = c->stop.cr2;
    }
    memcpy(out->regs.gpr, c->s.gpr, sizeof(in->gpr));
    out->regs.rip = c->s.rip;
    out->regs.rflags = c->s.rflags;
    for (unsigned i = 0; i < X86_NSREG; i++)
        out->sel[i] = c->s.seg[i].selector;
    if (b->native.has_bases) {
        out->fs_base = c->s.seg[X86_FS].base;
        out->gs_base = c->s.seg[X86_GS].base;
    }
    memcpy(c->s.seg, before, sizeof(before));
    soft_mode_changed(c);
}

/* Whether ARPL that changes nothing writes what it has read, the SDM does not tell. */
static bool is_unsaid(const struct both *b, const struct gen_case *k, const struct native_end *soft)
{
    return !b->amd && x86_insn_row(&k->in)->mnemonic == X86_MN_ARPL && soft->vector != VEC_DB;
}

static bool as_its_row_says(const struct gen_case *k, const struct native_end *soft)
{
    const char *wrong =
        claims_wrong(&k->in, k->regs.gpr, soft->regs.gpr, k->regs.rflags, soft->regs.rflags);

    if (wrong != NULL)
        printf("%s changes %s\n", x86_op_names[k->in.op], wrong);
    return wrong == NULL;
}

/* False when the case is not one for the host. */
static bool run_case(struct both *b, struct gen *g, unsigned op)
{
    struct native_end soft, native;
    struct gen_case k;
    bool told;

    if (!gen_case(g, op, &k))
        return false;
    if (b->amd && amd_other_insn(&k.in))
        return true;
    own_prepare(g, &k);
    fill_memory(b, g, &k);
    match_accumulator(b, g, &k);
    choose_selector(b, g, &k);
    if (loads_stack(&k))
        k.bytes[k.in.len] = NOP;
    memcpy(b->rig.code + GEN_CODE_AT, k.bytes, sizeof(k.bytes));
    memcpy(b->native.code + GEN_CODE_AT, k.bytes, sizeof(k.bytes));
    run_soft(b, &k, &soft);
    told = as_its_row_says(&k, &soft);
    if (b->amd)
        amd_expect(&(struct amd_case){ &b->rig, b->native.data, &k, &soft, &b->native });
    if (both_is_wild(&soft) || is_unsaid(b, &k, &soft)) {
        memcpy(b->rig.data, b->native.data, WINDOW_DATA_LEN); /* ENTER may have pushed */
        return true;
    }
    native_run(&b->native, g->code, &k.regs, &native);
    own_adopt(&k.in, &native, &soft);
    b->cases++;
    b->faults += soft.vector != VEC_DB;
    if (!both_equal(&soft, &native, g->code) ||
        memcmp(b->rig.data, b->native.data, WINDOW_DATA_LEN) != 0 || !told) {
        b->differences++;
        if (++b->shown <= SHOWN)
            both_show(&b->rig, &b->native, &k, &soft, &native);
    }
    memcpy(b->rig.data, b->native.data, WINDOW_DATA_LEN);
    return true;
}

/* ---- all rows --------------------------------------------------------------------------------- */

static void run_rows(struct both *b, enum x86_code code)
{
    const char *only = getenv("SOFT_ROW");
    struct gen g = { .rng = 0x1234567 + code, .code = code };

    both_open(b, code);
    g.fs_base =
        code == X86_CODE_64 ? b->native.fs_base : 0; /* natively the others have no FS and GS */
    rig_mode(&b->rig, code);
    both_make_ldt(&b->rig);
    own_open(&b->rig, &b->native);
    for (unsigned op = 1; op < X86_NOPS; op++) {
        const struct x86_row *row = &x86_rows[op];

        if (!oracle_is_int(row) || !oracle_exists(row, code) || !host_has(row->feature) ||
            (only != NULL && strstr(x86_op_names[op], only) == NULL))
            continue;
        both_run_row(b, &g, op, run_case);
    }
    both_close(b, "native oracle,", code);
}

static void test_64(void **state)
{
    run_rows(*state, X86_CODE_64);
}

static void test_32(void **state)
{
    run_rows(*state, X86_CODE_32);
}

static void test_16(void **state)
{
    run_rows(*state, X86_CODE_16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_64),
        cmocka_unit_test(test_32),
        cmocka_unit_test(test_16),
    };

    return cmocka_run_group_tests_name("soft/int", tests, both_setup, both_teardown);
}
