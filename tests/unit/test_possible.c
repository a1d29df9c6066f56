/* SPDX-License-Identifier: MIT */
/* test_possible.c - states that a CPU can be in, and those that it cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "x86/possible.h"
#include "x86/start.h"

static const struct x86_possible can = { .cr4 = 0x370fff, .phys_bits = 40 };

static void starts_are_possible(void **state)
{
    (void)state;
    for (unsigned i = 0; i < X86_START_ROWS; i++) {
        struct x86_state s;
        const char *wrong;

        x86_start_state((enum x86_start)i, 0x1000, 0x8000, 0x2000, &s);
        wrong = x86_impossible(&s, NULL, &can);
        if (wrong != NULL)
            fail_msg("%s: %s", x86_start_names[i], wrong);
    }
}

static void pg_alone(struct x86_state *s)
{
    s->cr0 = X86_CR0_PG;
}

static void pcid_32(struct x86_state *s)
{
    s->cr4 |= X86_CR4_PCIDE;
}

static void la57(struct x86_state *s)
{
    s->cr4 |= X86_CR4_LA57;
}

static void far_cr3(struct x86_state *s)
{
    s->cr3 = BIT(40);
}

static void l_and_d(struct x86_state *s)
{
    s->seg[X86_CS].db = true;
}

static void hole(struct x86_state *s)
{
    s->seg[X86_GS].base = BIT(47);
}

static void top(struct x86_state *s)
{
    s->seg[X86_GS].base = UINT64_C(0xffff800000000000);
}

static void vm(struct x86_state *s)
{
    s->rflags |= X86_RFLAGS_VM;
}

static void null_ss(struct x86_state *s)
{
    s->seg[X86_SS] = (struct x86_seg){ .unusable = true };
}

static void null_ss_3(struct x86_state *s)
{
    s->seg[X86_SS] = (struct x86_seg){ .unusable = true, .dpl = 3, .selector = 3 };
    s->seg[X86_CS].dpl = 3;
}

static void conforming(struct x86_state *s)
{
    s->seg[X86_CS].type |= 4;
    s->seg[X86_SS].dpl = 3;
}

static void execute_only(struct x86_state *s)
{
    s->seg[X86_DS].type = 9;
}

static void anything(struct x86_state *s)
{
    s->seg[X86_CS] = (struct x86_seg){ .selector = 0xf000, .base = 0xffff0000 };
}

static void byte_limit(struct x86_state *s)
{
    s->seg[X86_DS].g = false;
    s->seg[X86_DS].limit = 0x100000;
}

static void page_limit(struct x86_state *s)
{
    s->seg[X86_DS].g = true;
    s->seg[X86_DS].limit = 0x12345678;
}

static void tr_limit(struct x86_state *s)
{
    s->tr.limit = 0xfffff000;
}

static void small_limit(struct x86_state *s)
{
    s->seg[X86_DS].g = false;
    s->seg[X86_DS].limit = 0xfffff;
}

static void no_tr(struct x86_state *s)
{
    s->tr.unusable = true;
}

static void tr_16(struct x86_state *s)
{
    s->tr.type = 3;
}

static void tr_available(struct x86_state *s)
{
    s->tr.type = 9;
}

static void tr_local(struct x86_state *s)
{
    s->tr.selector = 0xc;
}

static void tr_high(struct x86_state *s)
{
    s->tr.base = UINT64_C(0xffff800000000000);
}

static void no_ldtr(struct x86_state *s)
{
    s->ldtr = (struct x86_seg){ .unusable = true };
}

static void ldtr_code(struct x86_state *s)
{
    s->ldtr.s = true;
}

static void gdt_hole(struct x86_state *s)
{
    s->gdtr.base = BIT(47);
}

static void cr8_16(struct x86_state *s)
{
    s->cr8 = 16;
}

static void dr6_high(struct x86_state *s)
{
    s->dr6 |= BIT(32);
}

static void dr7_14(struct x86_state *s)
{
    s->dr7 |= BIT(14);
}

static void dr7_all(struct x86_state *s)
{
    s->dr7 = 0xffff27ff;
}

static void interrupt(struct x86_state *s)
{
    s->rflags |= X86_RFLAGS_IF;
    s->events.interrupt_injected = true;
}

static void masked_interrupt(struct x86_state *s)
{
    s->events.interrupt_injected = true;
}

static void shadowed_interrupt(struct x86_state *s)
{
    interrupt(s);
    s->events.shadow = 2;
}

static void both_shadows(struct x86_state *s)
{
    s->rflags |= X86_RFLAGS_IF;
    s->events.shadow = 3;
}

static void sti_alone(struct x86_state *s)
{
    s->events.shadow = 1;
}

static void exception(struct x86_state *s, uint8_t vector, uint32_t error)
{
    s->events.exception_injected = true;
    s->events.exception_vector = vector;
    s->events.exception_has_error = x86_has_error_code(vector);
    s->events.exception_error = error;
}

static void gp(struct x86_state *s)
{
    exception(s, 13, 0x10);
}

static void ud_with_error(struct x86_state *s)
{
    exception(s, 6, 1);
}

static void exception_2(struct x86_state *s)
{
    exception(s, 2, 0);
}

static void exception_3(struct x86_state *s)
{
    exception(s, 3, 0);
}

static void exception_32(struct x86_state *s)
{
    exception(s, 32, 0);
}

static void gp_and_interrupt(struct x86_state *s)
{
    interrupt(s);
    gp(s);
}

/* One change to a state that is possible. words: of what is wrong then; NULL: nothing */
static const struct {
    const char *words;
    enum x86_start start;
    void (*spoil)(struct x86_state *s);
} spoils[] = {
    { "CR0.PG without", X86_START_REAL, pg_alone },
    { "PCIDE outside", X86_START_PROTECTED, pcid_32 },
    { NULL, X86_START_LONG, pcid_32 },
    { "CR4: a bit", X86_START_LONG, la57 },
    { "CR3", X86_START_LONG, far_cr3 },
    { "L and D", X86_START_LONG, l_and_d },
    { "63 to 47", X86_START_LONG, hole },
    { "beyond 4 GiB", X86_START_PROTECTED, hole },
    { NULL, X86_START_LONG, top },
    { "virtual-8086", X86_START_LONG, vm },
    { NULL, X86_START_PROTECTED, vm },
    { NULL, X86_START_LONG, null_ss },
    { "SS: null", X86_START_LONG, null_ss_3 },
    { "SS: null", X86_START_PROTECTED, null_ss },
    { NULL, X86_START_PROTECTED, conforming },
    { "a data segment", X86_START_PROTECTED, execute_only },
    { NULL, X86_START_REAL, anything },
    { "a segment's limit", X86_START_PROTECTED, byte_limit },
    { "a segment's limit", X86_START_LONG, page_limit },
    { "limit of TR", X86_START_LONG, tr_limit },
    { NULL, X86_START_REAL, small_limit },
    { "TR: no", X86_START_REAL, no_tr },
    { NULL, X86_START_PROTECTED, tr_16 },
    { "TR: no", X86_START_LONG, tr_16 },
    { "TR: no", X86_START_PROTECTED, tr_available },
    { "local table", X86_START_PROTECTED, tr_local },
    { "TR or LDTR: beyond", X86_START_PROTECTED, tr_high },
    { NULL, X86_START_LONG, tr_high },
    { NULL, X86_START_LONG, no_ldtr },
    { "LDTR: no", X86_START_LONG, ldtr_code },
    { "GDT or IDT", X86_START_PROTECTED, gdt_hole },
    { "CR8", X86_START_LONG, cr8_16 },
    { "DR6", X86_START_LONG, dr6_high },
    { "DR7", X86_START_LONG, dr7_14 },
    { NULL, X86_START_LONG, dr7_all },
    { NULL, X86_START_LONG, interrupt },
    { "IF is clear", X86_START_LONG, masked_interrupt },
    { "held off", X86_START_LONG, shadowed_interrupt },
    { "held off", X86_START_LONG, both_shadows },
    { "held off", X86_START_LONG, sti_alone },
    { NULL, X86_START_LONG, gp },
    { "pushes none", X86_START_LONG, ud_with_error },
    { "NMI", X86_START_LONG, exception_2 },
    { "INT3", X86_START_LONG, exception_3 },
    { "0 to 31", X86_START_LONG, exception_32 },
    { "one comes after", X86_START_LONG, gp_and_interrupt },
};

static void one_thing_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(spoils); i++) {
        struct x86_state s;
        const char *got;

        x86_start_state(spoils[i].start, 0x1000, 0x8000, 0x2000, &s);
        spoils[i].spoil(&s);
        got = x86_impossible(&s, NULL, &can);
        if ((got == NULL) != (spoils[i].words == NULL) ||
            (got != NULL && strstr(got, spoils[i].words) == NULL))
            fail_msg("row %zu: %s", i, got != NULL ? got : "possible");
    }
}

/* As in long mode before LTR: TR is still of another mode, and may stay so; but nothing else may become wrong by that. */
static void wrong_before(void **state)
{
    struct x86_state before, s;

    (void)state;
    x86_start_state(X86_START_LONG, 0x1000, 0x8000, 0x2000, &before);
    before.tr.type = 3;
    s = before;
    assert_null(x86_impossible(&s, &before, &can));
    s.cr8 = 16;
    assert_non_null(strstr(x86_impossible(&s, &before, &can), "CR8"));
    before.seg[X86_CS].type = 3;
    s = before;
    s.tr.type = 11; /* one of two mended, and the other stays */
    assert_null(x86_impossible(&s, &before, &can));
    s.seg[X86_CS].l = s.seg[X86_CS].db = true;
    s.seg[X86_CS].type = 11;
    assert_non_null(strstr(x86_impossible(&s, &before, &can), "L and D"));
}

/* What was wrong may stay; what is wrong in another way, or elsewhere, is new, also behind what stays. */
static void wrong_in_another_way(void **state)
{
    struct x86_state before, s;

    (void)state;
    x86_start_state(X86_START_LONG, 0x1000, 0x8000, 0x2000, &before);
    before.tr.type = 3;
    before.cr3 = UINT64_C(1) << 60;
    before.seg[X86_FS].base = UINT64_C(1) << 63;
    s = before;
    s.gdtr.base = 0x5000; /* of no concern to it */
    s.cr0 |= X86_CR0_WP;
    assert_null(x86_impossible(&s, &before, &can));
    s.cr3 = UINT64_C(1) << 61;
    assert_non_null(strstr(x86_impossible(&s, &before, &can), "CR3"));
    s.cr3 = 0x2000;
    s.seg[X86_GS].base = UINT64_C(1) << 63;
    assert_non_null(strstr(x86_impossible(&s, &before, &can), "a segment's base"));
    s.seg[X86_GS].base = 0;
    s.ldtr = s.seg[X86_DS];
    assert_non_null(strstr(x86_impossible(&s, &before, &can), "LDTR"));
    s.ldtr = before.ldtr;
    s.tr.present = false;
    assert_non_null(strstr(x86_impossible(&s, &before, &can), "TR"));
    s.tr = before.tr;
    assert_null(x86_impossible(&s, &before, &can));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_are_possible),
        cmocka_unit_test(one_thing_wrong),
        cmocka_unit_test(wrong_before),
        cmocka_unit_test(wrong_in_another_way),
    };

    return cmocka_run_group_tests_name("x86/possible", tests, NULL, NULL);
}
