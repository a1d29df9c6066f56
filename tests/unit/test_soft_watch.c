/* SPDX-License-Identifier: MIT */
/*
 * test_soft_watch.c - watchpoints of the software CPU, through the library
 *
 * A guest is run again and again, until it halts: each stop is compared with the access that is expected
 * next, and between them nothing may stop.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <string.h>

#include <cmocka.h>
#include <vitro/inspect.h>
#include <vitro/vitro.h>

enum { R = VITRO_WATCH_READ, W = VITRO_WATCH_WRITE, RW = R | W, HITS_MAX = 8 };

struct hit {
    uint64_t rip, addr;
    unsigned len, how;
};

struct row {
    const char *name;
    enum vitro_mode mode;
    const uint8_t *code;
    size_t code_len;
    struct vitro_watch watch[2];
    struct hit hit[HITS_MAX]; /* len 0 ends the list */
};

#define CODE(...) \
    .code = (const uint8_t[]){ __VA_ARGS__ }, .code_len = sizeof((const uint8_t[]){ __VA_ARGS__ })

/*
 * mov eax, 0x11223344; mov rbx, 0x5000; 0c: mov [rbx-4], eax; 0f: mov [rbx], eax; 11: mov [rbx+4], eax;
 * 14: mov [rbx+3], al; 17: mov ecx, [rbx]; 19: add dword [rbx], 1; 1c: lock cmpxchg [rbx+1], cl; hlt
 */
#define MOVES                                                                                      \
    CODE(0xb8, 0x44, 0x33, 0x22, 0x11, 0x48, 0xc7, 0xc3, 0x00, 0x50, 0x00, 0x00, 0x89, 0x43, 0xfc, \
         0x89, 0x03, 0x89, 0x43, 0x04, 0x88, 0x43, 0x03, 0x8b, 0x0b, 0x83, 0x03, 0x01, 0xf0, 0x0f, \
         0xb0, 0x4b, 0x01, 0xf4)

/* 00: mov esp, 0x5000; mov edi, 0x4ffd; mov ecx, 6; 0f: rep stosb; mov rdi, 0x5fff; 18: mov [rdi], ax;
 * 1b: push rax; 1c: pop rcx; hlt */
#define STACK                                                                                      \
    CODE(0xbc, 0x00, 0x50, 0x00, 0x00, 0xbf, 0xfd, 0x4f, 0x00, 0x00, 0xb9, 0x06, 0x00, 0x00, 0x00, \
         0xf3, 0xaa, 0x48, 0xc7, 0xc7, 0xff, 0x5f, 0x00, 0x00, 0x66, 0x89, 0x07, 0x50, 0x59, 0xf4)

/* mov ebx, 0x5000; mov ecx, 0x400; 0a: mov [rbx], ecx; add rbx, 4; dec ecx; jnz 0a; hlt */
#define FILL                                                                                       \
    CODE(0xbb, 0x00, 0x50, 0x00, 0x00, 0xb9, 0x00, 0x04, 0x00, 0x00, 0x89, 0x0b, 0x48, 0x83, 0xc3, \
         0x04, 0xff, 0xc9, 0x75, 0xf6, 0xf4)

/* mov rax, cr4; or eax, 0x600; mov cr4, rax; mov ebx, 0x5000; 10: movups xmm0, [rbx-16];
 * 14: movups [rbx-8], xmm0; 18: fxsave [rbx+16]; hlt */
#define VECTORS                                                                                    \
    CODE(0x0f, 0x20, 0xe0, 0x0d, 0x00, 0x06, 0x00, 0x00, 0x0f, 0x22, 0xe0, 0xbb, 0x00, 0x50, 0x00, \
         0x00, 0x0f, 0x10, 0x43, 0xf0, 0x0f, 0x11, 0x43, 0xf8, 0x0f, 0xae, 0x43, 0x10, 0xf4)

/* mov ebx, 0x10000000, where nothing is; 05: mov [ebx], eax; 07: add [ebx], eax; hlt */
#define DEVICE CODE(0xbb, 0x00, 0x00, 0x00, 0x10, 0x89, 0x03, 0x01, 0x03, 0xf4)

static const struct row rows[] = {
    { "writes to four bytes", VITRO_MODE_LONG, MOVES, .watch = { { 0x5000, 4, W } },
      .hit = { { 0xf, 0x5000, 4, W },
               { 0x14, 0x5003, 1, W },
               { 0x19, 0x5000, 4, W },
               { 0x1c, 0x5001, 1, W } } },
    { "one byte inside", VITRO_MODE_LONG, MOVES, .watch = { { 0x5003, 1, 0 } },
      .hit = { { 0xf, 0x5000, 4, W }, { 0x14, 0x5003, 1, W }, { 0x19, 0x5000, 4, W } } },
    { "reads", VITRO_MODE_LONG, MOVES, .watch = { { 0x5000, 1, R } },
      .hit = { { 0x17, 0x5000, 4, R }, { 0x19, 0x5000, 4, R } } },
    { "reads and writes", VITRO_MODE_LONG, MOVES, .watch = { { 0x5000, 1, RW } },
      .hit = { { 0xf, 0x5000, 4, W }, { 0x17, 0x5000, 4, R }, { 0x19, 0x5000, 4, RW } } },
    { "two ranges", VITRO_MODE_LONG, MOVES, .watch = { { 0x5004, 1, W }, { 0x4fff, 1, W } },
      .hit = { { 0xc, 0x4ffc, 4, W }, { 0x11, 0x5004, 4, W } } },
    { "an unaligned range over a page border", VITRO_MODE_LONG, STACK,
      .watch = { { 0x4fff, 3, W } },
      .hit = { { 0xf, 0x4fff, 1, W },
               { 0xf, 0x5000, 1, W },
               { 0xf, 0x5001, 1, W },
               { 0x1b, 0x4ff8, 8, W } } },
    { "an access over a page border", VITRO_MODE_LONG, STACK, .watch = { { 0x6000, 1, W } },
      .hit = { { 0x18, 0x6000, 1, W } } },
    { "the stack", VITRO_MODE_LONG, STACK, .watch = { { 0x4ff8, 1, RW } },
      .hit = { { 0x1b, 0x4ff8, 8, W }, { 0x1c, 0x4ff8, 8, R } } },
    { "in the middle of a loop", VITRO_MODE_LONG, FILL, .watch = { { 0x5800, 1, W } },
      .hit = { { 0xa, 0x5800, 4, W } } },
    { "all of memory, from 0", VITRO_MODE_LONG, VECTORS, .watch = { { 0, UINT64_MAX, RW } },
      .hit = { { 0x10, 0x4ff0, 16, R }, { 0x14, 0x4ff8, 8, W }, { 0x18, 0x5010, 416, W } } },
    { "nothing that is used", VITRO_MODE_LONG, VECTORS, .watch = { { 0x5800, 0x800, RW } } },
    { "where there is no memory", VITRO_MODE_PROTECTED, DEVICE, .watch = { { 0x10000003, 1, RW } },
      .hit = { { 0x5, 0x10000000, 4, W }, { 0x7, 0x10000000, 4, RW } } },
};

/* ---- running --------------------------------------------------------------------------------- */

struct rig {
    struct vitro_guest *guest;
    struct vitro *m;
    struct vitro_err err;
};

static void rig_open(struct rig *r, const uint8_t *code, size_t len, enum vitro_mode mode,
                     uint64_t origin)
{
    const struct vitro_guest_config gcfg = {
        .bytes = code, .len = len, .kind = VITRO_KIND_FLAT, .mode = mode, .origin = origin
    };
    const struct vitro_config cfg = { .engine = VITRO_ENGINE_SOFT, .console_fd = -1 };

    *r = (struct rig){ 0 };
    if (vitro_guest_open(&gcfg, &r->guest, &r->err) < 0 ||
        vitro_new(&cfg, r->guest, &r->m, &r->err) < 0)
        fail_msg("%s", r->err.text);
}

static void rig_close(struct rig *r)
{
    vitro_free(r->m);
    vitro_guest_free(r->guest);
}

static void rig_watch(struct rig *r, const struct vitro_watch *watch, unsigned n)
{
    const struct vitro_stop_at where = { .watches = watch, .nwatches = n };

    if (vitro_stop_at(r->m, &where, &r->err) < 0)
        fail_msg("%s", r->err.text);
}

static struct vitro_outcome rig_run(struct rig *r)
{
    struct vitro_outcome end;

    if (vitro_run(r->m, &end, &r->err) < 0)
        fail_msg("%s", r->err.text);
    return end;
}

static void expect_hit(struct rig *r, const char *name, const struct hit *want)
{
    struct vitro_outcome end = rig_run(r);

    if (end.end != VITRO_END_BREAK || end.rip != want->rip || end.watch_addr != want->addr ||
        end.watch_len != want->len || end.watch_how != want->how)
        fail_msg("%s: %s, not at rip 0x%llx: %u bytes at 0x%llx", name, end.text,
                 (unsigned long long)want->rip, want->len, (unsigned long long)want->addr);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct vitro_outcome end;
        struct rig r;

        rig_open(&r, row->code, row->code_len, row->mode, 0);
        rig_watch(&r, row->watch, row->watch[1].len != 0 ? 2 : 1);
        for (unsigned h = 0; h < HITS_MAX && row->hit[h].len != 0; h++)
            expect_hit(&r, row->name, &row->hit[h]);
        end = rig_run(&r);
        if (end.end != VITRO_END_HALT || end.watch_how != 0)
            fail_msg("%s: %s instead of the end", row->name, end.text);
        rig_close(&r);
    }
}

/* One in every four bytes, and a stop at every one of them. */
static void test_many(void **state)
{
    enum { N = 1024 };
    static struct vitro_watch watch[N];
    const struct row fill = { FILL };
    struct rig r;

    (void)state;
    for (unsigned i = 0; i < N; i++)
        watch[i] = (struct vitro_watch){ 0x5000 + 4 * (uint64_t)i, 1, W };
    rig_open(&r, fill.code, fill.code_len, VITRO_MODE_LONG, 0);
    rig_watch(&r, watch, N);
    for (unsigned i = 0; i < N; i++) {
        const struct hit want = { 0xa, watch[i].addr, 4, W };

        expect_hit(&r, "each of many", &want);
    }
    assert_int_equal(rig_run(&r).end, VITRO_END_HALT);
    rig_close(&r);
}

/* Real mode: mov sp, 0x5000; 03: int 0x20, which pushes flags, CS and IP. */
static void test_delivery(void **state)
{
    static const uint8_t code[] = { 0xbc, 0x00, 0x50, 0xcd, 0x20, 0xf4 };
    const struct vitro_watch watch = { 0x4ffe, 1, W };
    const struct hit want = { 0x7c03, 0x4ffe, 2, W };
    struct rig r;

    (void)state;
    rig_open(&r, code, sizeof(code), VITRO_MODE_REAL, 0x7c00);
    rig_watch(&r, &watch, 1);
    expect_hit(&r, "delivery of an interrupt", &want);
    rig_close(&r);
}

/* The registers are those after the instruction, and what was set is replaced by the next call. */
static void test_stop(void **state)
{
    const struct vitro_watch watch = { 0x5000, 4, W };
    const struct row moves = { MOVES };
    struct vitro_regs regs;
    uint32_t word;
    struct rig r;

    (void)state;
    rig_open(&r, moves.code, moves.code_len, VITRO_MODE_LONG, 0);
    rig_watch(&r, &watch, 1);
    assert_string_equal(rig_run(&r).text,
                        "watchpoint: 4 bytes at 0x5000 written at rip 0xf after 1 exit");
    assert_int_equal(vitro_regs(r.m, 0, &regs, &r.err), 0);
    assert_int_equal(regs.rip, 0x11);
    assert_int_equal(vitro_mem_read(r.m, 0x5000, &word, sizeof(word)), 0);
    assert_int_equal(word, 0x11223344);
    rig_watch(&r, NULL, 0);
    assert_int_equal(rig_run(&r).end, VITRO_END_HALT);
    rig_close(&r);
}

static void test_refused(void **state)
{
    static const struct vitro_watch bad[] = {
        { 0x5000, 0, W },
        { UINT64_MAX, 2, W },
        { 0x5000, 1, 4 },
    };
    const struct row moves = { MOVES };
    const struct hit want = { 0xf, 0x5000, 4, W };
    const struct vitro_watch good = { 0x5000, 1, W };
    struct rig r;

    (void)state;
    rig_open(&r, moves.code, moves.code_len, VITRO_MODE_LONG, 0);
    rig_watch(&r, &good, 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct vitro_stop_at where = { .watches = &bad[i], .nwatches = 1 };
        struct vitro_err err = { 0 };

        assert_int_equal(vitro_stop_at(r.m, &where, &err), -EINVAL);
        assert_int_equal(err.kind, VITRO_ERR_USAGE);
    }
    expect_hit(&r, "what was set before stays", &want);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),     cmocka_unit_test(test_many),
        cmocka_unit_test(test_delivery), cmocka_unit_test(test_stop),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
