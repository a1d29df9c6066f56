/* SPDX-License-Identifier: MIT */
/*
 * test_trans_written.c - code in pages that are written: by itself, beside it, by a device
 *
 * Each way that SDM 3A, "Handling Self- and Cross-Modifying Code", allows one CPU; several are tests/guest's business.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "core/mem_access.h"
#include "engine/soft/mmu.h"
#include "engine/soft/trans/block.h"
#include "trans_same.h"

enum { PAGE = 4096 };

static void test_written_code(void **state)
{
    /* 1: mov eax, 0; add ebx, eax; inc byte [rip - 8], the number of the MOV; jmp 1b */
    static const uint8_t before_itself[] = { 0xb8, 0,    0,    0,    0,    0x01, 0xc3, 0xfe,
                                             0x05, 0xf4, 0xff, 0xff, 0xff, 0xeb, 0xf1 };
    /* 1: inc byte [rip + 1], the number of the MOV; mov eax, 0; add ebx, eax; jmp 1b */
    static const uint8_t next_insn[] = { 0xfe, 0x05, 1, 0,    0,    0,    0xb8, 0,
                                         0,    0,    0, 0x01, 0xc3, 0xeb, 0xf1 };
    /* mov cl, 8; lea rsi, [rip]; lea rdi, [rsi + 64]; rep movsb; add byte [rsi + 80], 1; jmp back */
    static const uint8_t by_rep[] = { 0xb1, 8,    0x48, 0x8d, 0x35, 0,    0,
                                      0,    0,    0x48, 0x8d, 0x7e, 0x40, 0xf3,
                                      0xa4, 0x80, 0x46, 0x50, 0x01, 0xeb, 0xeb };
    struct pair *p = same_open(
        &(struct trans_config){ .cache_len = 1 << 20, .prove = true, .exact_flags = true });
    struct trans_stats stats;

    (void)state;
    same_run(p, before_itself, sizeof(before_itself), 4001);
    trans_stats_get(p->trans.t, &stats);
    assert_true(stats.invalidated > 10);
    same_run(p, next_insn, sizeof(next_insn), 4001);
    same_run(p, by_rep, sizeof(by_rep), 4001);
    pair_close(p);
}

/*
 * 1: sub eax, 0x70000001; mov byte [2f], 0x11; 2: xor ecx, ecx, which is ADC now; add ebx, ecx; mov byte [2b], 0x31
 * add edx, 1; dec esi; jns 1b; jmp 1b: the flags of the first instruction, which the code as it was did not need
 */
static void test_written_code_reads_flags(void **state)
{
    static const uint8_t loop[] = {
        0x2d, 0x01, 0x00, 0x00, 0x70,             /* sub */
        0xc6, 0x05, 0x00, 0x00, 0x00, 0x00, 0x11, /* mov byte [rip + 0] */
        0x31, 0xc9,                               /* xor */
        0x01, 0xcb,                               /* add */
        0xc6, 0x05, 0xf5, 0xff, 0xff, 0xff, 0x31, /* mov byte [rip - 11] */
        0x83, 0xc2, 0x01, 0xff, 0xce, 0x79, 0xe2, 0xeb, 0xe0
    };
    /*
     * lea rdi, [2f]; mov dl, 0x31; 1: add eax, 0xf0000001; mov [rdi], dl; 2: xor ecx, ecx or adc ecx, ecx; add ebx, ecx;
     * xor dl, 0x20; jmp 1b: from the first time on it is known that such things happen here
     */
    static const uint8_t by_register[] = { 0x48, 0x8d, 0x3d, 0x09, 0x00, 0x00, 0x00, 0xb2, 0x31,
                                           0x05, 0x01, 0x00, 0x00, 0xf0, 0x88, 0x17, 0x31, 0xc9,
                                           0x01, 0xcb, 0x80, 0xf2, 0x20, 0xeb, 0xf0 };
    struct pair *p = same_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true });

    (void)state;
    for (unsigned insns = 300; insns < 330; insns++) {
        same_run(p, loop, sizeof(loop), insns);
        same_run(p, by_register, sizeof(by_register), insns);
    }
    pair_close(p);
}

static void test_written_code_32(void **state)
{
    /* 1: mov eax, 0; add ebx, eax; inc byte [the number of the MOV]; jmp 1b */
    static const uint8_t before_itself[] = { 0xb8, 0,    0,    0,    0,    0x01, 0xc3, 0xfe,
                                             0x05, 0x01, 0x21, 0x00, 0x10, 0xeb, 0xf1 };
    /* 1: inc byte [the number of the MOV]; mov eax, 0; add ebx, eax; jmp 1b */
    static const uint8_t next_insn[] = { 0xfe, 0x05, 0x07, 0x21, 0x00, 0x10, 0xb8, 0,
                                         0,    0,    0,    0x01, 0xc3, 0xeb, 0xf1 };
    /* mov cl, 8; mov esi, this; mov edi, 64 further on; rep movsb; add byte [esi + 80], 1; jmp back */
    static const uint8_t by_rep[] = { 0xb1, 8,    0xbe, 0x00, 0x21, 0x00, 0x10, 0xbf, 0x40, 0x21,
                                      0x00, 0x10, 0xf3, 0xa4, 0x80, 0x46, 0x50, 0x01, 0xeb, 0xec };
    struct pair *p = same_open(
        &(struct trans_config){ .cache_len = 1 << 20, .prove = true, .exact_flags = true });
    struct trans_stats stats;

    (void)state;
    assert_int_equal(WINDOW + WINDOW_DATA + SAME_CODE_AT, 0x10002100);
    pair_mode(p, X86_CODE_32);
    same_run(p, before_itself, sizeof(before_itself), 4001);
    trans_stats_get(p->trans.t, &stats);
    assert_true(stats.invalidated > 10);
    same_run(p, next_insn, sizeof(next_insn), 4001);
    same_run(p, by_rep, sizeof(by_rep), 4001);
    pair_close(p);
}

static unsigned slot(uint64_t gpa)
{
    return (unsigned)((gpa ^ gpa >> 14) % COUNTERS);
}

/* Code that shares its counter of executions with code that is hot has to be executed as often as any other. */
static void test_counters(void **state)
{
    enum { HOT = SAME_CODE_AT, ONCE = 0x4000 + (HOT ^ 3), LAST = ONCE + 16, AT = LAST + 2 - HOT };
    /* 1: inc eax; dec cl; jnz 1b; jmp ONCE; ONCE: inc ebx; jmp LAST; LAST: jmp LAST */
    static const uint8_t hot[] = { 0xff, 0xc0, 0xfe, 0xc9, 0x75, 0xfa, 0xe9 };
    static const uint8_t once[] = { 0xff, 0xc3, 0xeb, LAST - ONCE - 4 };
    uint8_t code[AT];
    struct pair *p = same_open(&(struct trans_config){
        .threshold = 3, .cache_len = 1 << 20, .prove = true, .exact_flags = true });
    struct trans_stats stats;

    (void)state;
    assert_int_equal(slot(RIG_DATA + HOT), slot(RIG_DATA + ONCE));
    memset(code, 0x90, sizeof(code));
    memcpy(code, hot, sizeof(hot));
    le_put(code + sizeof(hot), 4, ONCE - HOT - sizeof(hot) - 4);
    memcpy(code + (ONCE - HOT), once, sizeof(once));
    memcpy(code + (LAST - HOT), (const uint8_t[]){ 0xeb, 0xfe }, 2);
    same_run(p, code, sizeof(code), 2000);
    assert_int_equal(p->trans.rig.c->s.gpr[X86_RBX], 1);
    trans_stats_get(p->trans.t, &stats);
    assert_int_equal(stats.translated, 2); /* the first loop and the last */
    pair_close(p);
}

/* Stores to lines that nothing was translated from drop nothing, until there are many: then the page is given up. */
static void test_written_beside(void **state)
{
    /* 1: inc dword [rip + 0x200]; add ebx, eax; jmp 1b */
    static const uint8_t loop[] = { 0xff, 0x05, 0, 2, 0, 0, 0x01, 0xc3, 0xeb, 0xf6 };
    struct pair *p = same_open(
        &(struct trans_config){ .cache_len = 1 << 20, .prove = true, .exact_flags = true });
    struct trans_stats before, after;

    (void)state;
    trans_stats_get(p->trans.t, &before);
    same_run(p, loop, sizeof(loop), 3 * 50);
    trans_stats_get(p->trans.t, &after);
    assert_true(after.translated > before.translated);
    assert_int_equal(after.invalidated, before.invalidated);
    same_run(p, loop, sizeof(loop), 3 * 2000);
    trans_stats_get(p->trans.t, &after);
    assert_true(after.invalidated > before.invalidated);
    assert_true(after.invalidated < before.invalidated + 2000 / 64);
    pair_close(p);
}

/* Where that goes on and on the interpreter has the page nearly to itself, and stores there as quickly as elsewhere. */
static void test_written_beside_for_long(void **state)
{
    /* 1: inc dword [rip + 0x200]; add ebx, eax; jmp 1b */
    static const uint8_t loop[] = { 0xff, 0x05, 0, 2, 0, 0, 0x01, 0xc3, 0xeb, 0xf6 };
    struct pair *p = same_open(&(struct trans_config){ .cache_len = 1 << 20 });
    const struct soft_cpu *c = p->trans.rig.c;
    struct trans_stats before, after;

    (void)state;
    same_run(p, loop, sizeof(loop), 3 * 10000);
    trans_stats_get(p->trans.t, &before);
    assert_true(side_advance(&p->interp, 3 * 100000) && side_advance(&p->trans, 3 * 100000));
    assert_true(same_state(p));
    trans_stats_get(p->trans.t, &after);
    assert_true(after.translated - before.translated < 10);
    assert_false(trans_has_code(p->trans.t, RIG_DATA));
    assert_non_null(soft_known(c, c->bank, WINDOW + WINDOW_DATA + 0x200, 4, HOW_WRITE));
    pair_close(p);
}

/* What a device writes is seen when translated code is entered the next time. */
static void test_device_writes(void **state)
{
    static const uint8_t loop[] = { 0xff, 0xc0, 0xeb, 0xfc }; /* 1: inc eax; jmp 1b */
    struct pair *p = same_open(
        &(struct trans_config){ .cache_len = 1 << 20, .prove = true, .exact_flags = true });
    struct rig *r = &p->trans.rig;
    const uint8_t dec[] = { 0xff, 0xc8 };

    (void)state;
    same_run(p, loop, sizeof(loop), 1000);
    assert_int_equal(r->c->s.gpr[X86_RAX], 500);
    assert_true(mem_put(&r->m->mem, RIG_DATA + SAME_CODE_AT, dec, sizeof(dec)));
    assert_true(side_advance(&p->trans, 1200));
    assert_int_equal(r->c->s.gpr[X86_RAX], 400);
    pair_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_code),    cmocka_unit_test(test_written_code_reads_flags),
        cmocka_unit_test(test_written_code_32), cmocka_unit_test(test_counters),
        cmocka_unit_test(test_written_beside),  cmocka_unit_test(test_written_beside_for_long),
        cmocka_unit_test(test_device_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
