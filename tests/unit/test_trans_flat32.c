/* SPDX-License-Identifier: MIT */
/*
 * test_trans_flat32.c - what is special about 32-bit code: its size, its segments, and where addresses end
 *
 * Both sides run the same, one on the interpreter; they must agree at each stop. Instructions one by one, and
 * random sequences of them, are the business of test_trans_insns.c, test_trans_faults.c and test_trans_run.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "engine/soft/mmu.h"
#include "trans_rig.h"

enum { PAGE = 4096, ROUNDS = 300 };
enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, ALL = P | W | U | A | D };

static const struct trans_config exact = { .cache_len = 1 << 20,
                                           .prove = true,
                                           .exact_flags = true };

static void nothing(struct soft_cpu *c)
{
    (void)c;
}

static struct pair *open_32(void)
{
    struct pair *p = pair_open(&exact, nothing);

    pair_mode(p, X86_CODE_32);
    return p;
}

static void put_code(struct pair *p, const void *code, size_t len)
{
    struct side *sides[] = { &p->interp, &p->trans };

    for (unsigned i = 0; i < 2; i++) {
        memset(sides[i]->rig.code, 0x90, PAGE);
        memcpy(sides[i]->rig.code, code, len);
        sides[i]->rig.c->s.rip = WINDOW;
    }
}

static void check_same(const struct pair *p)
{
    const struct soft_cpu *a = p->interp.rig.c, *b = p->trans.rig.c;

    for (unsigned i = 0; i < X86_NGPR; i++)
        assert_int_equal(a->s.gpr[i], b->s.gpr[i]);
    assert_int_equal(a->s.rip, b->s.rip);
    assert_int_equal(a->s.rflags, b->s.rflags);
    assert_int_equal(a->s.cr2, b->s.cr2);
    assert_int_equal(a->insns, b->insns);
    assert_int_equal(a->raised, b->raised);
    assert_memory_equal(p->interp.rig.ram, p->trans.rig.ram, RIG_RAM);
}

static void advance(struct pair *p, uint64_t insns)
{
    p->insns += insns;
    assert_true(side_advance(&p->interp, p->insns));
    assert_true(side_advance(&p->trans, p->insns));
    check_same(p);
}

static uint64_t translated(const struct pair *p)
{
    struct trans_stats stats;

    trans_stats_get(p->trans.t, &stats);
    return stats.insns;
}

/* ---- the size of code -------------------------------------------------------------------------- */

static void set_size(struct soft_cpu *c, enum x86_code code)
{
    c->s.seg[X86_CS].l = code == X86_CODE_64;
    c->s.seg[X86_CS].db = code == X86_CODE_32;
    soft_mode_changed(c);
}

/* The same bytes at the same place, by direct and indirect branches: neither meets the other's translation. */
static void test_one_address_two_sizes(void **state)
{
    /* 64: 1: add rax, rbx; jmp 2f; 2: jmp rcx; 32: dec eax; add eax, ebx; and the same */
    static const uint8_t code[] = { 0x48, 0x01, 0xd8, 0xeb, 0x00, 0xff, 0xe1 };
    struct pair *p = pair_open(&exact, nothing);
    uint64_t before;

    (void)state;
    put_code(p, code, sizeof(code));
    for (unsigned i = 0; i < ROUNDS; i++) {
        enum x86_code size = i % 2 ? X86_CODE_32 : X86_CODE_64;

        p->interp.rig.c->s.gpr[X86_RCX] = p->trans.rig.c->s.gpr[X86_RCX] = WINDOW;
        p->interp.rig.c->s.gpr[X86_RBX] = p->trans.rig.c->s.gpr[X86_RBX] = (uint64_t)i << 28;
        set_size(p->interp.rig.c, size);
        set_size(p->trans.rig.c, size);
        before = translated(p);
        advance(p, 300 + i % 7);
        assert_true(translated(p) > before);
        while (p->interp.rig.c->s.rip != WINDOW)
            advance(p, 1);
    }
    pair_close(p);
}

/* ---- segments ---------------------------------------------------------------------------------- */

enum { USABLE = 1, PRESENT = 2, BIG = 4, ALL_OF_IT = 7 };

static const struct seg_case {
    const char *name;
    unsigned seg;
    uint64_t base;
    uint32_t limit;
    uint8_t type, is;
} not_flat[] = {
    { "DS has a base", X86_DS, 16, UINT32_MAX, 3, ALL_OF_IT },
    { "ES has a base", X86_ES, UINT32_MAX, UINT32_MAX, 3, ALL_OF_IT },
    { "SS has a base", X86_SS, 1, UINT32_MAX, 3, ALL_OF_IT },
    { "DS ends before 4 GiB", X86_DS, 0, UINT32_MAX - PAGE, 3, ALL_OF_IT },
    { "ES expands down", X86_ES, 0, UINT32_MAX, 7, ALL_OF_IT },
    { "DS is read-only", X86_DS, 0, UINT32_MAX, 1, ALL_OF_IT },
    { "DS is code", X86_DS, 0, UINT32_MAX, 11, ALL_OF_IT },
    { "ES is null", X86_ES, 0, UINT32_MAX, 3, PRESENT | BIG },
    { "DS is not present", X86_DS, 0, UINT32_MAX, 3, USABLE | BIG },
    { "the stack is one of 16 bits", X86_SS, 0, UINT32_MAX, 3, USABLE | PRESENT },
    { "CS may not be read", X86_CS, 0, UINT32_MAX, 9, ALL_OF_IT },
    { "CS ends before 4 GiB", X86_CS, 0, 0x7fffffff, 11, ALL_OF_IT },
};

static void set_segment(struct pair *p, unsigned seg, const struct x86_seg *to)
{
    struct soft_cpu *sides[] = { p->interp.rig.c, p->trans.rig.c };

    for (unsigned i = 0; i < 2; i++) {
        sides[i]->s.seg[seg] = *to;
        soft_mode_changed(sides[i]);
    }
}

static void make_not_flat(struct pair *p, const struct seg_case *k)
{
    struct x86_seg seg = p->trans.rig.c->s.seg[k->seg];

    seg.base = k->base;
    seg.limit = k->limit;
    seg.type = k->type;
    seg.unusable = !(k->is & USABLE);
    seg.present = k->is & PRESENT;
    seg.db = k->is & BIG;
    set_segment(p, k->seg, &seg);
}

/* Whatever is not flat is the interpreter's. */
static void test_not_flat(void **state)
{
    static const uint8_t code[] = { 0x40, 0x01, 0xc3, 0xeb,
                                    0xfb }; /* 1: inc eax; add ebx, eax; jmp 1b */
    struct pair *p = open_32();
    uint64_t before;

    (void)state;
    put_code(p, code, sizeof(code));
    for (unsigned i = 0; i < ARRAY_LEN(not_flat); i++) {
        struct x86_seg flat = p->trans.rig.c->s.seg[not_flat[i].seg];

        before = translated(p);
        advance(p, 100);
        assert_true(translated(p) > before);
        before = translated(p);
        make_not_flat(p, &not_flat[i]);
        advance(p, 100);
        if (translated(p) != before)
            fail_msg("translated, though %s", not_flat[i].name);
        set_segment(p, not_flat[i].seg, &flat);
    }
    pair_close(p);
}

/* Behind a base below 4 GiB addresses go on at 0: what programs have there is negative offsets. */
static void test_base_wraps(void **state)
{
    static const uint8_t code[] = {
        0x64, 0xa1, 0xfc, 0xff, 0xff, 0xff,       /* 1: mov eax, fs:[-4] */
        0x65, 0x01, 0x05, 0xf8, 0xff, 0xff, 0xff, /* add gs:[-8], eax */
        0x65, 0x0f, 0xab, 0x0e,                   /* bts gs:[esi], ecx */
        0x41,                                     /* inc ecx */
        0xeb, 0xec,                               /* jmp 1b */
    };
    struct pair *p = open_32();
    struct side *sides[] = { &p->interp, &p->trans };

    (void)state;
    put_code(p, code, sizeof(code));
    for (unsigned i = 0; i < 2; i++) {
        struct soft_cpu *c = sides[i]->rig.c;

        c->s.seg[X86_FS].base = WINDOW + WINDOW_DATA + 0x100;
        c->s.seg[X86_GS].base = WINDOW + WINDOW_DATA + 0x300;
        c->s.gpr[X86_RSI] = UINT32_MAX - 0xff;
        le_put(sides[i]->rig.data + 0xfc, 4, 0x12345678);
    }
    advance(p, 1000);
    assert_int_equal(le_get(p->trans.rig.data + 0x2f8, 4), 0x12345678u * 200);
    assert_true(translated(p) > 500);
    pair_close(p);
}

/* FS that is not flat faults where its limit says so, and not before. */
static void test_limit_of_fs(void **state)
{
    static const uint8_t code[] = {
        0x64, 0x8b, 0x03, 0x43, 0xeb, 0xfa
    }; /* 1: mov eax, fs:[ebx]; inc ebx; jmp 1b */
    struct pair *p = open_32();
    struct soft_cpu *sides[] = { p->interp.rig.c, p->trans.rig.c };

    (void)state;
    put_code(p, code, sizeof(code));
    for (unsigned i = 0; i < 2; i++) {
        sides[i]->s.seg[X86_FS].base = WINDOW + WINDOW_DATA;
        sides[i]->s.seg[X86_FS].limit = 0x20 + 3;
        sides[i]->s.idtr.limit = 0; /* what is raised ends it */
    }
    p->insns = UINT32_MAX;
    assert_false(side_advance(&p->interp, p->insns));
    assert_false(side_advance(&p->trans, p->insns));
    check_same(p);
    assert_int_equal(p->trans.rig.c->s.gpr[X86_RBX], 0x21);
    assert_int_equal(p->trans.rig.c->insns, 3 * 0x21);
    pair_close(p);
}

/* ---- the end of the address space --------------------------------------------------------------- */

enum {
    TABLE = 0x12000,
    LAST = 0x16000,
    FIRST = 0x17000
}; /* guest-physical: of the address space's pages */

/* The last page and the first, each with a directory and a table. */
static void map_ends(struct rig *r)
{
    static const struct {
        unsigned gib, in_directory, in_table, gpa;
    } ends[] = { { 3, 511, 511, LAST }, { 0, 0, 0, FIRST } };

    for (unsigned i = 0; i < 2; i++) {
        unsigned dir = TABLE + 2 * i * PAGE;

        if (ends[i].gib == WINDOW >> 30)
            dir = 2 * PAGE;
        le_put(r->ram + PAGE + 8 * ends[i].gib, 8, dir | P | W | U | A);
        le_put(r->ram + dir + 8 * ends[i].in_directory, 8,
               (TABLE + (2 * i + 1) * PAGE) | P | W | U | A);
        le_put(r->ram + TABLE + (2 * i + 1) * PAGE + 8 * ends[i].in_table, 8, ends[i].gpa | ALL);
    }
    soft_flush(r->c, true);
}

/* Code and stack that go over the end come out at 0, and the other way. */
static void test_addresses_end(void **state)
{
    static const uint8_t last[] = { 0x40, 0x50, 0x40 }; /* inc eax; push eax; inc eax */
    static const uint8_t first[] = { 0x5b, 0x01, 0xd9, 0xeb,
                                     0xf8 }; /* pop ebx; add ecx, ebx; jmp to the first inc */
    /* 1: mov esp, 0; push eax; call 2f; 2: pop ebx; pop edx; inc eax; jmp 1b */
    static const uint8_t stack[] = { 0xbc, 0, 0, 0,    0,    0x50, 0xe8, 0,
                                     0,    0, 0, 0x5b, 0x5a, 0x40, 0xeb, 0xf0 };
    struct pair *p = open_32();
    struct side *sides[] = { &p->interp, &p->trans };
    uint64_t before;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct rig *r = &sides[i]->rig;

        map_ends(r);
        memcpy(r->ram + LAST + PAGE - sizeof(last), last, sizeof(last));
        memcpy(r->ram + FIRST, first, sizeof(first));
        r->c->s.rip = UINT32_MAX - sizeof(last) + 1;
        r->c->s.gpr[X86_RSP] = UINT64_C(0x100000000) + WINDOW + WINDOW_DATA + 0x100;
    }
    advance(p, 1000);
    assert_true(translated(p) > 500);
    before = translated(p);
    put_code(p, stack, sizeof(stack));
    advance(p, 1000);
    assert_true(translated(p) > before + 500);
    pair_close(p);
}

/* ---- system instructions ----------------------------------------------------------------------- */

struct piece {
    const char *bytes;
    uint8_t len;
};

#define PIECE(s)         \
    {                    \
        s, sizeof(s) - 1 \
    }

static const struct piece pieces[] = {
    PIECE("\x9c\x58"),                 /* pushfd; pop eax */
    PIECE("\x9c\x9d"),                 /* pushfd; popfd */
    PIECE("\xfa"),                     /* cli */
    PIECE("\xfb\x90"),                 /* sti; nop */
    PIECE("\xfb\x9c\x5d"),             /* sti; pushfd; pop ebp */
    PIECE("\xfc"),                     /* cld */
    PIECE("\xfd"),                     /* std */
    PIECE("\x0f\x01\xcb"),             /* stac */
    PIECE("\x0f\x01\xca"),             /* clac */
    PIECE("\x8c\xd8"),                 /* mov eax, ds */
    PIECE("\x66\x8c\xd5"),             /* mov bp, ss */
    PIECE("\x06\x58"),                 /* push es; pop eax */
    PIECE("\x0e\x1e\x5b\x5b"),         /* push cs; push ds; pop ebx; pop ebx */
    PIECE("\x0f\xa0\x5a"),             /* push fs; pop edx */
    PIECE("\x60\x61"),                 /* pushad; popad */
    PIECE("\x01\xd8"),                 /* add eax, ebx */
    PIECE("\x83\xd3\x07"),             /* adc ebx, 7 */
    PIECE("\xe8\x00\x00\x00\x00\x59"), /* call over nothing; pop ecx */
};

/* Ring 0 of a kernel that is not a 64-bit one. */
static void test_system(void **state)
{
    struct pair *p = open_32();
    struct soft_cpu *sides[] = { p->interp.rig.c, p->trans.rig.c };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        sides[i]->s.seg[X86_SS].dpl = sides[i]->s.seg[X86_CS].dpl = 0;
        sides[i]->s.cr4 |= X86_CR4_SMAP;
        sides[i]->s.gpr[X86_RSP] = WINDOW + RIG_TSS_AT + 0x800;
        le_put((i == 0 ? p->interp : p->trans).rig.ram + 3 * PAGE, 8, RIG_CODE | P | A);
        soft_flush(sides[i], true);
        soft_mode_changed(sides[i]);
    }
    p->gen.rng = 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t code[0x200];
        unsigned at = 0;

        while (at < sizeof(code) - 16) {
            const struct piece *piece = &pieces[gen_below(&p->gen, ARRAY_LEN(pieces))];

            memcpy(code + at, piece->bytes, piece->len);
            at += piece->len;
        }
        code[at] = 0xe9; /* jmp to the beginning */
        le_put(code + at + 1, 4, -(uint64_t)(at + 5));
        trans_reset(p->trans.t);
        put_code(p, code, at + 5);
        for (unsigned i = 0; i < 4; i++)
            advance(p, 100 + gen_below(&p->gen, 300));
    }
    assert_true(translated(p) > p->insns / 4);
    pair_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_address_two_sizes),
        cmocka_unit_test(test_not_flat),
        cmocka_unit_test(test_base_wraps),
        cmocka_unit_test(test_limit_of_fs),
        cmocka_unit_test(test_addresses_end),
        cmocka_unit_test(test_system),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
