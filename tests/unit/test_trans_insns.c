/* SPDX-License-Identifier: MIT */
/*
 * test_trans_insns.c - every row of the opcode table, translated against interpreted
 *
 * Random instances, registers in every home, flags, memory, pages that are known, unknown, clean, devices or
 * ROM. After the instruction comes a jump, or something that writes all flags and a jump: so flags are live
 * or dead at it. Registers, flags, vectors, memory, the exit and the count of instructions must be the same;
 * where an instruction faults at a place where nobody reads flags, they are not compared. The x87 has any contents,
 * its exceptions are masked or not, pending or not, CR0 forbids its use or not.
 * All of it once more in flat 32-bit code, where FS is sometimes not flat, and as for several CPUs. SOFT_CASES in the
 * environment says how many cases a row; 200 else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/soft/fast.h"
#include "engine/soft/fpu.h"
#include "engine/soft/mmu.h"
#include "engine/soft/run.h"
#include "engine/soft/soft_priv.h"
#include "engine/soft/trans/trans.h"
#include "trans_rig.h"

enum { CASES = 200, PAGE = 4096, ROM_AT = 0x40000, DEVICE_AT = 0x900000, TABLE_AT = 3 * PAGE };
enum {
    LEAF = 0x25,
    WRITABLE = 2,
    DIRTY = 0x40,
    ARITHMETIC = 0x8d5,
    ALL_MASKED = MXCSR_MASKS | FCW_MASKS
};

/* CR0 that decides whether the x87 may be used. */
static const uint64_t X87_OFF = X86_CR0_EM | X86_CR0_TS | X86_CR0_MP;

struct memory_seen {
    uint8_t ram[RIG_RAM], rom[PAGE];
};

struct seen {
    struct x86_state s;
    struct memory_seen memory;
    struct cpu_exit exit;
    uint64_t insns;
    bool ok;
};

struct world {
    struct rig rig;
    struct gen gen;
    struct trans *t;
    uint8_t *rom;
    struct memory_seen before;
    struct x86_state start;
    struct seen interp, trans;
    unsigned rows, cases, translated, x87;
    struct x86_seg fs;
    bool exact;
};

static unsigned cases_wanted(void)
{
    const char *text = getenv("SOFT_CASES");

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : CASES;
}

static struct world *world_open(const struct trans_config *config, enum x86_code code,
                                unsigned cpus)
{
    struct world *w = calloc(1, sizeof(*w));
    struct mem_slot slot = { .base = ROM_AT, .len = PAGE, .kind = MEM_ROM, .name = "rom" };
    struct soft_cpu *c;

    assert_non_null(w);
    c = trans_rig_open(&w->rig);
    w->rom = aligned_alloc(PAGE, PAGE);
    assert_non_null(w->rom);
    memset(w->rom, 0x5a, PAGE);
    slot.host = w->rom;
    assert_int_equal(machine_add_mem(w->rig.m, &slot, NULL), 0);
    trans_rig_mode(&w->rig, code);
    w->rig.m->ncpus_planned = cpus;
    w->gen = (struct gen){ .rng = 1, .code = code, .fs_base = WINDOW + WINDOW_DATA };
    assert_int_equal(trans_new(c, config, &w->t, NULL), 0);
    w->exact = config->exact_flags;
    return w;
}

static void world_close(struct world *w)
{
    trans_free(w->t);
    trans_rig_close(&w->rig);
    free(w->rom);
    free(w);
}

/* ---- one case -------------------------------------------------------------------------------- */

static void map_pages(struct world *w)
{
    uint8_t *table = w->rig.ram + TABLE_AT;

    for (unsigned at = WINDOW_DATA; at < WINDOW_RO; at += PAGE) {
        uint64_t gpa = RIG_DATA + at - WINDOW_DATA, dirty = DIRTY;

        switch (gen_below(&w->gen, 12)) {
        case 0:
            gpa = DEVICE_AT;
            break;
        case 1:
            gpa = ROM_AT;
            break;
        case 2:
            dirty = 0;
            break;
        }
        le_put(table + 8 * (size_t)(at / PAGE), 8, gpa | LEAF | WRITABLE | dirty);
    }
}

static void fill(struct world *w)
{
    unsigned shift = gen_below(&w->gen, 2) * 17, masks = gen_below(&w->gen, 3);

    for (unsigned i = 0; i < WINDOW_DATA_LEN; i += 8)
        le_put(w->rig.data + i, 8, gen_random(&w->gen) >> shift);
    /* Words that are control words, FCW and MXCSR, with everything masked. */
    for (unsigned i = 0; masks == 0 && i < WINDOW_DATA_LEN; i += 4)
        le_put(w->rig.data + i, 4, ALL_MASKED | (gen_random(&w->gen) & 0xffff));
}

static void fill_x87(struct world *w, struct soft_fx *fx)
{
    struct gen *g = &w->gen;

    fx->fcw = (uint16_t)(0x40 | (gen_random(g) & 0xf00) |
                         (gen_below(g, 8) ? FCW_MASKS : gen_below(g, 64)));
    fx->fsw = (uint16_t)(gen_random(g) & 0x7f00) | (uint16_t)gen_below(g, 0x80);
    fx->ftw = gen_below(g, 2) ? 0xff : (uint8_t)gen_random(g);
    fx->fop = gen_random(g) & 0x7ff;
    fx->fip = gen_random(g) >> 18;
    fx->fdp = gen_random(g) >> 18;
    for (unsigned i = 0; i < 8; i++) {
        unsigned exponent = gen_below(g, 3) ? 0x3f80 + gen_below(g, 0x100) : gen_below(g, 0x8000);

        le_put(fx->st[i], 8, gen_value(g) | (gen_below(g, 4) ? UINT64_C(1) << 63 : 0));
        le_put(fx->st[i] + 8, 2, exponent | gen_below(g, 2) << 15);
    }
    soft_x87_settle(fx);
    if (gen_below(g, 16) == 0)
        fx->fsw |=
            FSW_ES | 0x8000; /* pending though it is masked: nobody but a snapshot brings that */
}

static void fill_vectors(struct world *w)
{
    struct soft_fx *fx = (struct soft_fx *)(void *)w->rig.c->s.xsave;

    memset(fx, 0, sizeof(*fx));
    fx->mxcsr = MXCSR_INIT;
    fx->xstate_bv = gen_below(&w->gen, 8) ? FX_ALL : gen_below(&w->gen, 8);
    fill_x87(w, fx);
    for (unsigned i = 0; i < 16 * 16; i += 8) {
        le_put(&fx->xmm[i / 16][i % 16], 8, gen_value(&w->gen));
        le_put(&fx->ymm_high[i / 16][i % 16], 8, gen_random(&w->gen));
    }
}

static void start(struct world *w, const struct gen_case *k)
{
    struct soft_cpu *c = w->rig.c;

    memcpy(w->rig.ram, w->before.ram, RIG_RAM);
    memcpy(w->rom, w->before.rom, PAGE);
    c->s = w->start;
    memcpy(c->s.gpr, k->regs.gpr, sizeof(c->s.gpr));
    c->s.rip = k->regs.rip;
    c->s.rflags = (k->regs.rflags & (ARITHMETIC | X86_RFLAGS_DF)) | X86_RFLAGS_FIXED;
    c->s.seg[X86_FS] = w->fs;
    c->naccesses = 0;
    c->waiting = false;
    c->insns = 0;
    c->stop.kind = SOFT_GOES_ON;
    c->hit.how = 0;
    memset(&c->vcpu->exit, 0, sizeof(c->vcpu->exit));
    soft_mode_changed(c);
    soft_flush(c, true);
    trans_reset(w->t);
}

static void keep(struct world *w, struct seen *to, bool ok)
{
    struct soft_cpu *c = w->rig.c;

    to->s = c->s;
    memcpy(to->memory.ram, w->rig.ram, RIG_RAM);
    memcpy(to->memory.rom, w->rom, PAGE);
    to->exit = c->vcpu->exit;
    to->insns = c->insns;
    to->ok = ok;
}

static void fail_case(const struct world *w, const struct gen_case *k, const char *what)
{
    printf("%s:", x86_op_names[k->in.op]);
    for (unsigned i = 0; i < k->in.len; i++)
        printf(" %02x", k->bytes[i]);
    printf(" at %lx\n", (unsigned long)k->regs.rip);
    for (unsigned i = 0; i < X86_NGPR; i++)
        printf("  %s %lx: %lx %lx\n", x86_gpr_names[i], (unsigned long)k->regs.gpr[i],
               (unsigned long)w->interp.s.gpr[i], (unsigned long)w->trans.s.gpr[i]);
    printf("  rip %lx %lx, flags %lx: %lx %lx, insns %lu %lu, ok %d %d\n",
           (unsigned long)w->interp.s.rip, (unsigned long)w->trans.s.rip,
           (unsigned long)k->regs.rflags, (unsigned long)w->interp.s.rflags,
           (unsigned long)w->trans.s.rflags, (unsigned long)w->interp.insns,
           (unsigned long)w->trans.insns, w->interp.ok, w->trans.ok);
    fail_msg("%s", what);
}

static void compare(struct world *w, const struct gen_case *k, bool dead)
{
    struct x86_state *a = &w->interp.s, *b = &w->trans.s;

    if (w->interp.ok != w->trans.ok || w->interp.insns != w->trans.insns || a->rip != b->rip)
        fail_case(w, k, "another end");
    /* It ends where nobody reads flags before they are written. */
    if (!w->exact &&
        ((w->interp.insns == 0 && !(b->rflags & ARITHMETIC)) ||
         (dead && a->rip - k->regs.rip < 32) || x86_insn_row(&k->in)->klass == X86_CLASS_BRANCH)) {
        a->rflags &= ~(uint64_t)ARITHMETIC;
        b->rflags &= ~(uint64_t)ARITHMETIC;
    }
    if (memcmp(a->gpr, b->gpr, sizeof(a->gpr)) != 0 || a->rflags != b->rflags || a->cr2 != b->cr2 ||
        !same_segments(a, b))
        fail_case(w, k, "registers or flags differ");
    for (unsigned i = 0; i < XSAVE_LEN; i++) {
        if (a->xsave[i] != b->xsave[i])
            printf("  xsave+%u: %x %x\n", i, a->xsave[i], b->xsave[i]);
    }
    if (memcmp(a->xsave, b->xsave, XSAVE_LEN) != 0)
        fail_case(w, k, "vectors differ");
    if (memcmp(&w->interp.memory, &w->trans.memory, sizeof(w->trans.memory)) != 0)
        fail_case(w, k, "memory differs");
    if (memcmp(&w->interp.exit, &w->trans.exit, sizeof(w->trans.exit)) != 0)
        fail_case(w, k, "exits differ");
}

/* Behind the instruction: test al, al where flags shall be dead, and a jump over nothing. */
static void put_tail(struct world *w, const struct gen_case *k, bool dead)
{
    unsigned at = (unsigned)(k->regs.rip - WINDOW) + k->in.len;

    if (dead) {
        w->rig.code[at++] = 0x84;
        w->rig.code[at++] = 0xc0;
    }
    w->rig.code[at++] = 0xeb;
    w->rig.code[at] = 0;
}

/* As far as translated code came. */
static bool interpret(struct world *w)
{
    struct soft_cpu *c = w->rig.c;

    while (c->insns < w->trans.insns) {
        if (!soft_advance(c))
            return false;
    }
    return w->trans.ok || soft_advance(c);
}

/* 32-bit code: limits, rights, and upper halves of registers that 64-bit code has left. */
static void make_odd(struct world *w, struct gen_case *k)
{
    w->fs = w->rig.c->s.seg[X86_FS];
    w->fs.base = w->gen.fs_base;
    if (w->gen.code == X86_CODE_64)
        return;
    switch (gen_below(&w->gen, 12)) {
    case 0:
        w->fs.limit = 0xfff;
        break;
    case 1:
        w->fs.type = 1; /* read-only */
        break;
    case 2:
        w->fs.unusable = true;
        break;
    }
    for (unsigned i = 0; i < X86_NGPR && gen_below(&w->gen, 4) == 0; i++)
        k->regs.gpr[i] |= gen_random(&w->gen) << 32;
}

static void check_case(struct world *w, struct gen_case *k)
{
    bool dead = gen_below(&w->gen, 2);
    struct trans_stats stats;
    uint64_t before;

    memset(w->rig.code, 0x90, PAGE);
    memcpy(w->rig.code + (k->regs.rip - WINDOW), k->bytes, k->in.len);
    put_tail(w, k, dead);
    make_odd(w, k);
    map_pages(w);
    fill(w);
    fill_vectors(w);
    w->rig.c->s.cr0 &= ~(uint64_t)X87_OFF;
    if (gen_below(&w->gen, 16) == 0)
        w->rig.c->s.cr0 |= gen_random(&w->gen) & X87_OFF;
    w->start = w->rig.c->s;
    memcpy(w->before.ram, w->rig.ram, RIG_RAM);
    memcpy(w->before.rom, w->rom, PAGE);

    trans_stats_get(w->t, &stats);
    before = stats.insns;
    start(w, k);
    keep(w, &w->trans, trans_burst(w->t, 1, false));
    trans_stats_get(w->t, &stats);
    w->translated += stats.insns > before;
    w->x87 += stats.insns > before && x86_insn_row(&k->in)->klass == X86_CLASS_X87;
    w->cases++;
    start(w, k);
    keep(w, &w->interp, interpret(w));
    compare(w, k, dead);
    w->rig.c->s = w->start;
    memcpy(w->rig.ram, w->before.ram, RIG_RAM);
    memcpy(w->rom, w->before.rom, PAGE);
}

/* ---- all rows -------------------------------------------------------------------------------- */

static void check_row(struct world *w, unsigned op, unsigned cases)
{
    struct gen_case k;
    unsigned before = w->cases;

    for (unsigned i = 0; i < cases && gen_case(&w->gen, op, &k); i++)
        check_case(w, &k);
    w->rows += w->cases != before;
}

static bool is_compared(const struct x86_row *row)
{
    return (row->klass == X86_CLASS_INT || row->klass == X86_CLASS_STACK ||
            row->klass == X86_CLASS_BRANCH || row->klass == X86_CLASS_HINT ||
            row->klass == X86_CLASS_STRING || row->klass == X86_CLASS_SSE ||
            row->klass == X86_CLASS_AVX || row->klass == X86_CLASS_X87 ||
            row->klass == X86_CLASS_MMX) &&
           row->mnemonic != X86_MN_RDRAND && row->mnemonic != X86_MN_RDSEED;
}

static void check_rows(const struct trans_config *config, enum x86_code code, unsigned cpus,
                       unsigned cases)
{
    struct world *w = world_open(config, code, cpus);

    for (unsigned op = 1; op < X86_NOPS; op++) {
        if (is_compared(&x86_rows[op]))
            check_row(w, op, cases);
    }
    printf(
        "%u-bit code: %u rows, %u cases, %u of them by translated code (x87: %u), 0 differences\n",
        (unsigned)code, w->rows, w->cases, w->translated, w->x87);
    assert_true(w->rows > 500 && w->translated > w->cases / 4 && w->x87 > w->cases / 40);
    world_close(w);
}

static void test_rows(void **state)
{
    (void)state;
    check_rows(&(struct trans_config){ .cache_len = 1 << 20, .prove = true }, X86_CODE_64, 1,
               cases_wanted());
}

static void test_rows_32(void **state)
{
    (void)state;
    check_rows(&(struct trans_config){ .cache_len = 1 << 20, .prove = true }, X86_CODE_32, 1,
               cases_wanted());
}

static void test_exact_flags(void **state)
{
    static const struct trans_config exact = { .cache_len = 1 << 20,
                                               .prove = true,
                                               .exact_flags = true };

    (void)state;
    check_rows(&exact, X86_CODE_64, 1, cases_wanted() / 4);
    check_rows(&exact, X86_CODE_32, 1, cases_wanted() / 4);
}

/* As it is translated for several CPUs. */
static void test_several_cpus(void **state)
{
    static const struct trans_config config = { .cache_len = 1 << 20, .prove = true };

    (void)state;
    check_rows(&config, X86_CODE_64, 2, cases_wanted() / 4);
    check_rows(&config, X86_CODE_32, 2, cases_wanted() / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_rows_32),
        cmocka_unit_test(test_exact_flags),
        cmocka_unit_test(test_several_cpus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
