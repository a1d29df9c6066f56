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
        wrong = x86_impossible(&s, &can);
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
};

static void one_thing_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(spoils); i++) {
        struct x86_state s;
        const char *got;

        x86_start_state(spoils[i].start, 0x1000, 0x8000, 0x2000, &s);
        spoils[i].spoil(&s);
        got = x86_impossible(&s, &can);
        if ((got == NULL) != (spoils[i].words == NULL) ||
            (got != NULL && strstr(got, spoils[i].words) == NULL))
            fail_msg("row %zu: %s", i, got != NULL ? got : "possible");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_are_possible),
        cmocka_unit_test(one_thing_wrong),
    };

    return cmocka_run_group_tests_name("x86/possible", tests, NULL, NULL);
}
