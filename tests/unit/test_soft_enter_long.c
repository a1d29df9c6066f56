/* SPDX-License-Identifier: MIT */
/* test_soft_enter_long.c - the short way to a handler in 64-bit mode against the general one. */
#include "far_rig.h"

#include <stdlib.h>
#include <string.h>

#include "engine/soft/mem.h"
#include "engine/soft/mmu.h"

enum { INT32 = ACC_P | SYS_INT32, PAGE = 4096 };

struct short_way {
    const char *name;
    void (*change)(struct rig *r);
    bool taken;
};

static void as_it_is(struct rig *r)
{
    (void)r;
}

static void trap_gate(struct rig *r)
{
    rig_vector(r, VEC_PF, CODE64, ACC_P | SYS_TRAP32);
}

static void alignment_flag(struct rig *r)
{
    r->c->s.rflags |= X86_RFLAGS_AC | X86_RFLAGS_NT | X86_RFLAGS_IF;
}

static void odd_stack(struct rig *r)
{
    r->c->s.gpr[X86_RSP] -= 3;
}

static void ist(struct rig *r)
{
    rig_gate(r, AT_IDT + VEC_PF * 16, CODE64, AT_HANDLERS, INT32, 1);
}

static void absent_gate(struct rig *r)
{
    rig_vector(r, VEC_PF, CODE64, SYS_INT32);
}

static void short_idt(struct rig *r)
{
    r->c->s.idtr.limit = VEC_PF * 16 + 14;
}

static void conforming(struct rig *r)
{
    rig_desc(r, CODE64, 0, 0xfffff, CODE_BYTE | TYPE_CONFORMING, FLAG_G | FLAG_L);
}

static void not_accessed(struct rig *r)
{
    rig_desc(r, CODE64, 0, 0xfffff, CODE_BYTE, FLAG_G | FLAG_L);
}

static void stack_at_border(struct rig *r)
{
    r->c->s.gpr[X86_RSP] = TOP_STACK + 32;
    rig_put(r, AT_TSS + 4, 8, TOP_RING0 + 32);
}

static void compatibility(struct rig *r)
{
    rig_seg(r, X86_CS, (r->c->cpl == 3 ? CODE3 : CODE0) | r->c->cpl);
    soft_mode_changed(r->c);
}

static void short_tss(struct rig *r)
{
    r->c->s.tr.limit = 10;
    if (r->c->cpl == 0)
        short_idt(r);
}

static const struct short_way short_ways[] = {
    { "plain", as_it_is, true },
    { "a trap gate", trap_gate, true },
    { "AC, NT and IF", alignment_flag, true },
    { "a stack that is not aligned", odd_stack, true },
    { "a stack of the table", ist, false },
    { "a gate that is absent", absent_gate, false },
    { "a table that is too short", short_idt, false },
    { "conforming code", conforming, false },
    { "code that has not been used", not_accessed, false },
    { "a frame over a page border", stack_at_border, false },
    { "compatibility mode", compatibility, false },
    { "a TSS that is too short", short_tss, false },
};

/* Of the rig's memory what is used, and the registers, as they are behind a delivery. */
struct outcome {
    struct x86_state s;
    uint8_t ram[RAM_BYTES / 8];
    bool done;
};

static void deliver(struct rig *r, const struct short_way *w, unsigned cpl, bool known,
                    const struct x86_state *fresh, struct outcome *out)
{
    r->c->s = *fresh;
    rig_long(r, cpl);
    rig_desc(r, CODE64, 0, 0xfffff, CODE_BYTE | TYPE_ACCESSED, FLAG_G | FLAG_L);
    rig_vector(r, VEC_PF, CODE64, INT32);
    rig_put(r, AT_TSS + 4, 8, TOP_RING0);
    memset(r->ram + TOP_STACK - 256, 0, 512);
    memset(r->ram + TOP_RING0 - 256, 0, 512);
    for (unsigned i = 0; i < 2; i++) /* nothing is left to be marked */
        rig_put(r, AT_TABLES + i * 0x1000, 8, (AT_TABLES + (i + 1) * 0x1000) | 0x27);
    rig_put(r, AT_TABLES + 0x2000, 8, 0xe7);
    w->change(r);
    soft_flush(r->c, true);
    for (uint64_t at = 0; known && at < RAM_BYTES / 8; at += PAGE) {
        struct soft_place place;

        (void)soft_translate(r->c, at, HOW_WRITE, BANK_SUPER_AC, &place);
    }
    r->c->stop.cr2 = 0x1234567;
    if (known) {
        struct soft_event ev = { .vector = VEC_PF,
                                 .has_error = true,
                                 .error = 6,
                                 .rip = r->c->s.rip,
                                 .rflags = r->c->s.rflags };
        struct x86_state before = r->c->s;

        if (soft_enter_long(r->c, &ev) != w->taken)
            fail_msg("%s, from ring %u", w->name, cpl);
        r->c->s = before;
        soft_mode_changed(r->c);
    }
    out->done = rig_deliver(r, VEC_PF, true, 6);
    out->s = r->c->s;
    memcpy(out->ram, r->ram, sizeof(out->ram));
}

/* Where pages are known, the outcome is that of the general way, which is taken where they are not. */
static void long_short_way(void **state)
{
    struct x86_state fresh = ((struct rig *)*state)->c->s;
    struct outcome *a = calloc(2, sizeof(*a));

    assert_non_null(a);
    for (unsigned i = 0; i < ARRAY_LEN(short_ways); i++) {
        for (unsigned cpl = 0; cpl <= 3; cpl += 3) {
            deliver(*state, &short_ways[i], cpl, false, &fresh, &a[0]);
            deliver(*state, &short_ways[i], cpl, true, &fresh, &a[1]);
            assert_int_equal(a[0].done, a[1].done);
            assert_memory_equal(&a[0].s, &a[1].s, sizeof(a[0].s));
            assert_memory_equal(a[0].ram, a[1].ram, sizeof(a[0].ram));
        }
    }
    free(a);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(long_short_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
