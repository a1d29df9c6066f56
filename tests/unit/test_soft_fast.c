/* SPDX-License-Identifier: MIT */
/*
 * test_soft_fast.c - fast handlers against the generic way, and the bursts that call them
 *
 * For every row of the opcode table: random instances, registers, flags and memory. A handler that
 * says "done" must have done what soft_execute does; one that does not must have changed nothing;
 * where the generic way faults or needs a device, the handler must not say "done". Every row that
 * has a handler must have seen it work. SOFT_CASES in the environment says how many cases a row;
 * 400 else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/soft/fast.h"
#include "engine/soft/mmu.h"
#include "engine/soft/run.h"
#include "soft_int_gen.h"
#include "soft_int_rig.h"

enum { CASES = 400, PAGE = 4096, ROM_AT = 0x40000, DEVICE_AT = 0x900000, TABLE_AT = 3 * PAGE };
enum { LEAF = 0x25, WRITABLE = 2, DIRTY = 0x40 }; /* LEAF: present, user, accessed */

struct memory_seen {
    uint8_t ram[RIG_RAM], rom[PAGE];
};

struct world {
    struct rig rig;
    struct gen gen;
    uint8_t *rom;
    struct memory_seen before, fast;
    unsigned rows, cases, done, left;
};

static unsigned cases_wanted(void)
{
    const char *text = getenv("SOFT_CASES");

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : CASES;
}

static struct world *world_open(void)
{
    struct world *w = calloc(1, sizeof(*w));
    struct mem_slot slot = { .base = ROM_AT, .len = PAGE, .kind = MEM_ROM, .name = "rom" };

    assert_non_null(w);
    rig_open(&w->rig);
    w->rom = aligned_alloc(PAGE, PAGE);
    assert_non_null(w->rom);
    memset(w->rom, 0x5a, PAGE);
    slot.host = w->rom;
    assert_int_equal(machine_add_mem(w->rig.m, &slot, NULL), 0);
    w->gen = (struct gen){ .rng = 1, .code = X86_CODE_64, .fs_base = WINDOW + WINDOW_DATA };
    return w;
}

static void world_close(struct world *w)
{
    rig_close(&w->rig);
    free(w->rom);
    free(w);
}

/* ---- one case -------------------------------------------------------------------------------- */

/* The window's pages, each of which may be clean, a device or ROM this time. */
static void map_pages(struct world *w)
{
    uint8_t *table = w->rig.ram + TABLE_AT;

    for (unsigned at = WINDOW_DATA; at < WINDOW_RO; at += PAGE) {
        uint64_t gpa = RIG_DATA + at - WINDOW_DATA, dirty = DIRTY;

        switch (gen_below(&w->gen, 10)) {
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
    soft_flush(w->rig.c, true);
}

/* Half of the pages that it may touch are in the translation cache already. */
static void warm(struct world *w)
{
    struct soft_place place;

    for (unsigned at = WINDOW_DATA; at < WINDOW_END; at += PAGE) {
        unsigned how = gen_below(&w->gen, 4);

        if (how != 0)
            (void)soft_translate(w->rig.c, WINDOW + at, how == 1 ? HOW_READ : HOW_WRITE,
                                 w->rig.c->bank, &place);
    }
}

static void set_state(struct world *w, const struct gen_case *k)
{
    struct soft_cpu *c = w->rig.c;

    memcpy(c->s.gpr, k->regs.gpr, sizeof(c->s.gpr));
    c->s.rip = k->regs.rip;
    c->s.rflags = (k->regs.rflags & ~(uint64_t)X86_RFLAGS_TF) | X86_RFLAGS_FIXED;
    c->s.seg[X86_FS].base = w->gen.fs_base;
    c->naccesses = 0;
    c->stop.kind = SOFT_GOES_ON;
}

static void keep(const struct world *w, struct memory_seen *to)
{
    memcpy(to->ram, w->rig.ram, RIG_RAM);
    memcpy(to->rom, w->rom, PAGE);
}

static void put_back(struct world *w, const struct memory_seen *from)
{
    memcpy(w->rig.ram, from->ram, RIG_RAM);
    memcpy(w->rom, from->rom, PAGE);
}

static bool same_memory(const struct world *w, const struct memory_seen *m)
{
    return memcmp(w->rig.ram, m->ram, RIG_RAM) == 0 && memcmp(w->rom, m->rom, PAGE) == 0;
}

static bool same_regs(const struct x86_state *a, const struct x86_state *b)
{
    return memcmp(a->gpr, b->gpr, sizeof(a->gpr)) == 0 && a->rip == b->rip &&
           a->rflags == b->rflags;
}

static void fail_case(const struct world *w, const struct gen_case *k, const char *what)
{
    printf("%s:", x86_op_names[k->in.op]);
    for (unsigned i = 0; i < k->in.len; i++)
        printf(" %02x", k->bytes[i]);
    printf(" at %lx, now rip %lx flags %lx\n", (unsigned long)k->regs.rip,
           (unsigned long)w->rig.c->s.rip, (unsigned long)w->rig.c->s.rflags);
    fail_msg("%s", what);
}

/* The generic way from the same state; its end must be `fast`. */
static void check_done(struct world *w, const struct gen_case *k, const struct x86_state *fast)
{
    struct soft_cpu *c = w->rig.c;

    keep(w, &w->fast);
    put_back(w, &w->before);
    set_state(w, k);
    if (!soft_execute(c, &k->in, soft_op_of(x86_insn_row(&k->in))))
        fail_case(w, k, "done, where the generic way is not");
    c->s.rip = c->next_rip;
    if (!same_regs(fast, &c->s))
        fail_case(w, k, "registers or flags differ");
    if (!same_memory(w, &w->fast))
        fail_case(w, k, "memory differs");
}

/* Numbers, or what can be addresses. */
static void fill(struct world *w)
{
    unsigned shift = gen_below(&w->gen, 2) * 17;

    for (unsigned i = 0; i < WINDOW_DATA_LEN; i += 8)
        le_put(w->rig.data + i, 8, gen_random(&w->gen) >> shift);
}

/* Whether there was a handler. */
static bool check_case(struct world *w, const struct gen_case *k)
{
    struct soft_cpu *c = w->rig.c;
    struct x86_state before;
    struct soft_fast f;

    soft_fast_of(c, &k->in, &f);
    if (f.fn == NULL)
        return false;
    map_pages(w);
    warm(w);
    fill(w);
    set_state(w, k);
    keep(w, &w->before);
    before = c->s;
    w->cases++;
    if (f.fn(c, &f)) {
        struct x86_state fast = c->s;

        w->done++;
        check_done(w, k, &fast);
        return true;
    }
    w->left++;
    if (!same_regs(&before, &c->s) || !same_memory(w, &w->before))
        fail_case(w, k, "not done, but something changed");
    return true;
}

/* ---- all rows -------------------------------------------------------------------------------- */

static void check_row(struct world *w, unsigned op, unsigned cases)
{
    unsigned done = w->done, handled = 0;
    struct gen_case k;

    for (unsigned i = 0; i < cases && gen_case(&w->gen, op, &k); i++)
        handled += check_case(w, &k);
    if (handled == 0)
        return;
    w->rows++;
    if (w->done == done)
        fail_msg("%s: the fast handler was never taken", x86_op_names[op]);
}

static bool has_generator(const struct x86_row *row)
{
    return row->klass == X86_CLASS_INT || row->klass == X86_CLASS_STACK ||
           row->klass == X86_CLASS_BRANCH || row->klass == X86_CLASS_HINT;
}

static void test_rows(void **state)
{
    struct world *w = world_open();

    (void)state;
    for (unsigned op = 1; op < X86_NOPS; op++) {
        if (has_generator(&x86_rows[op]))
            check_row(w, op, cases_wanted());
    }
    printf("fast handlers: %u rows, %u cases: %u done, %u left to the generic way, 0 differences\n",
           w->rows, w->cases, w->done, w->left);
    assert_true(w->rows > 150);
    world_close(w);
}

/* ---- bursts ---------------------------------------------------------------------------------- */

static const uint8_t loop[] = {
    0x48, 0xff, 0xc0, /* 1: inc rax */
    0x83, 0xc3, 0x02, /* add ebx, 2 */
    0x48, 0x89, 0xc2, /* mov rdx, rax */
    0xeb, 0xf5,       /* jmp 1b */
};

/* The loop in the window's code page, once through the generic way, so that it is decoded. */
static struct world *loop_open(unsigned at)
{
    struct world *w = world_open();
    struct soft_cpu *c = w->rig.c;

    c->code = soft_code_new();
    assert_non_null(c->code);
    memset(w->rig.code, 0x90, PAGE);
    memcpy(w->rig.code + at, loop, sizeof(loop));
    c->s.rip = WINDOW + at;
    for (unsigned i = 0; i < 4; i++)
        assert_true(soft_step(c));
    assert_int_equal(c->s.rip, WINDOW + at);
    c->insns = 0;
    c->s.gpr[X86_RAX] = c->s.gpr[X86_RBX] = 0;
    return w;
}

static void loop_close(struct world *w)
{
    free(w->rig.c->code);
    world_close(w);
}

static void test_budget(void **state)
{
    struct world *w = loop_open(0x100);
    struct soft_cpu *c = w->rig.c;

    (void)state;
    soft_burst(c, 402);
    assert_int_equal(c->insns, 402);
    assert_int_equal(c->s.gpr[X86_RAX], 101);
    assert_int_equal(c->s.gpr[X86_RBX], 202);
    assert_int_equal(c->s.rip, WINDOW + 0x106);
    soft_burst(c, 0);
    assert_int_equal(c->insns, 402);
    loop_close(w);
}

/* Code that has changed is seen at the next instruction, whoever changed it. */
static void test_changed_code(void **state)
{
    struct world *w = loop_open(0x100);
    struct soft_cpu *c = w->rig.c;

    (void)state;
    w->rig.code[0x105] = 3; /* add ebx, 3 */
    soft_burst(c, 100);
    assert_int_equal(c->insns, 1);
    assert_true(soft_step(c));
    soft_burst(c, 6);
    assert_int_equal(c->insns, 8);
    assert_int_equal(c->s.gpr[X86_RBX], 6);
    loop_close(w);
}

/* What must be looked at between instructions keeps bursts from running. */
static void test_not_ready(void **state)
{
    struct world *w = loop_open(0x100);
    struct soft_cpu *c = w->rig.c;

    (void)state;
    c->s.rflags |= X86_RFLAGS_TF;
    soft_burst(c, 100);
    c->s.rflags = (c->s.rflags & ~(uint64_t)X86_RFLAGS_TF) | X86_RFLAGS_RF;
    soft_burst(c, 100);
    c->s.rflags = (c->s.rflags & ~(uint64_t)X86_RFLAGS_RF) | X86_RFLAGS_AC;
    c->s.cr0 |= X86_CR0_AM;
    soft_burst(c, 100);
    c->s.rflags &= ~(uint64_t)X86_RFLAGS_AC;
    c->s.events.shadow = SHADOW_STI;
    soft_burst(c, 100);
    c->s.events.shadow = 0;
    c->s.dr7 |= 2;
    soft_burst(c, 100);
    c->s.dr7 = 0;
    c->naccesses = 1;
    soft_burst(c, 100);
    c->naccesses = 0;
    c->debug.step = true;
    soft_burst(c, 100);
    c->debug.step = false;
    assert_int_equal(c->insns, 0);
    soft_burst(c, 100);
    assert_int_equal(c->insns, 100);
    loop_close(w);
}

/* Rights are looked at again after the bank or the translations changed. */
static void test_other_rights(void **state)
{
    struct world *w = loop_open(0x100);
    struct soft_cpu *c = w->rig.c;

    (void)state;
    soft_flush(c, true);
    soft_burst(c, 100);
    assert_int_equal(c->insns, 0);
    assert_true(soft_step(c));
    soft_burst(c, 7);
    assert_int_equal(c->insns, 8);
    c->s.cr4 |= X86_CR4_SMEP;
    soft_flush(c, true);
    assert_true(soft_step(c));
    c->bank = BANK_SUPER; /* user pages are not for it, with SMEP */
    soft_burst(c, 100);
    assert_int_equal(c->insns, 9);
    loop_close(w);
}

/* The last bytes of a page are left to the generic way, which looks at the next page. */
static void test_page_end(void **state)
{
    struct world *w = loop_open(PAGE - sizeof(loop));
    struct soft_cpu *c = w->rig.c;

    (void)state;
    soft_burst(c, 100);
    assert_int_equal(c->insns, 0);
    assert_true(soft_step(c));
    assert_int_equal(c->s.gpr[X86_RAX], 1);
    loop_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),         cmocka_unit_test(test_budget),
        cmocka_unit_test(test_changed_code), cmocka_unit_test(test_not_ready),
        cmocka_unit_test(test_other_rights), cmocka_unit_test(test_page_end),
    };

    return cmocka_run_group_tests_name("soft/fast", tests, NULL, NULL);
}
