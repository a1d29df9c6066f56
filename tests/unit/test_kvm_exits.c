/* SPDX-License-Identifier: MIT */
/* test_kvm_exits.c - the KVM engine over a made-up KVM: exits of all kinds, and wide accesses. */
#include "kvm_script.h"

#include <errno.h>

/* ---- KVM_RUN --------------------------------------------------------------------------------- */

static void test_run_fails(void **state)
{
    static const int codes[] = { -EFAULT, -EIO, -ENOMEM, -EINVAL, -EPERM };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        struct play play[] = { { .rc = codes[i] } };
        struct fake f;
        struct stop stop;
        struct rig r;

        fake_init(&f);
        open_with(&r, &f, play, 1);
        machine_run(r.m, &stop);
        assert_int_equal(stop.why, STOP_HOST);
        assert_int_equal(r.m->host_err.code, codes[i]);
        assert_non_null(strstr(r.m->host_err.text, "KVM_RUN on CPU 0"));
        finish(&r, &f);
    }
}

static void test_run_storm(void **state)
{
    static const int codes[] = { -EINTR, -EAGAIN };
    enum { STORM = 1000 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        struct play *play = calloc(STORM, sizeof(*play));
        struct fake f;
        struct stop stop;
        struct rig r;

        for (unsigned n = 0; n < STORM; n++)
            play[n].rc = codes[i];
        fake_init(&f);
        open_with(&r, &f, play, STORM);
        machine_run(r.m, &stop);
        assert_int_equal(stop.why, STOP_HALT);
        assert_int_equal(f.runs, STORM + 1);
        assert_int_equal(machine_exits(r.m), 1); /* kicks are nobody's exits */
        finish(&r, &f);
        free(play);
    }
}

static const struct exit_row_want {
    struct play play;
    enum exit_kind kind;
    uint64_t addr;
    uint8_t ninsn;
    const char *words; /* part of detail, or NULL */
} exit_rows[] = {
    { { .reason = KVM_EXIT_HLT }, EXIT_HLT, 0, 0, NULL },
    { { .reason = KVM_EXIT_SHUTDOWN }, EXIT_SHUTDOWN, 0, 0, NULL },
    { { .reason = KVM_EXIT_INTR }, EXIT_KICKED, 0, 0, NULL },
    { { .reason = KVM_EXIT_SYSTEM_EVENT, .value = KVM_SYSTEM_EVENT_RESET },
      EXIT_SYSTEM_EVENT,
      KVM_SYSTEM_EVENT_RESET,
      0,
      NULL },
    { { .reason = KVM_EXIT_FAIL_ENTRY, .value = 0x80000021 },
      EXIT_FAILED,
      0x80000021,
      0,
      "KVM_EXIT_FAIL_ENTRY" },
    { { .reason = KVM_EXIT_UNKNOWN }, EXIT_FAILED, 0, 0, "KVM_EXIT_UNKNOWN" },
    { { .reason = KVM_EXIT_HYPERV }, EXIT_FAILED, KVM_EXIT_HYPERV, 0, "KVM_EXIT_HYPERV" },
    { { .reason = 9999 }, EXIT_FAILED, 9999, 0, "unknown" },
    { { .reason = UINT32_MAX }, EXIT_FAILED, UINT32_MAX, 0, "unknown" },
    { { .reason = KVM_EXIT_DEBUG, .debug = { .exception = 1, .dr6 = 0x4ff0 } },
      EXIT_DEBUG,
      0x4ff0,
      0,
      NULL },
    { { .reason = KVM_EXIT_DEBUG, .debug = { .exception = 3, .dr6 = 0x4ff0 } },
      EXIT_DEBUG,
      0,
      0,
      NULL },
    { { .reason = KVM_EXIT_INTERNAL_ERROR, .internal = { .suberror = 1 } },
      EXIT_REFUSED,
      0,
      15, /* KVM gives none, so they are guest memory's */
      "cannot emulate" },
    { { .reason = KVM_EXIT_INTERNAL_ERROR,
        .internal = { .suberror = 1, .ndata = 2, .flags = 1, .insn_size = 3 } },
      EXIT_REFUSED,
      0,
      15, /* KVM gives none, so they are guest memory's */
      "cannot emulate" },
    { { .reason = KVM_EXIT_INTERNAL_ERROR,
        .internal = { .suberror = 1, .ndata = 3, .insn_size = 3 } },
      EXIT_REFUSED,
      0,
      15, /* KVM gives none, so they are guest memory's */
      "cannot emulate" },
    { { .reason = KVM_EXIT_INTERNAL_ERROR,
        .internal = { .suberror = 1,
                      .ndata = 3,
                      .flags = 1,
                      .insn_size = 3,
                      .insn = { 0xf, 0xc7, 0xe } } },
      EXIT_REFUSED,
      0,
      3,
      "cannot emulate" },
    { { .reason = KVM_EXIT_INTERNAL_ERROR,
        .internal = { .suberror = 1, .ndata = 3, .flags = 1, .insn_size = 255 } },
      EXIT_REFUSED,
      0,
      15,
      "cannot emulate" },
    { { .reason = KVM_EXIT_INTERNAL_ERROR, .internal = { .suberror = 2 } },
      EXIT_FAILED,
      2,
      0,
      "KVM_INTERNAL_ERROR_SIMUL_EX" },
    { { .reason = KVM_EXIT_INTERNAL_ERROR, .internal = { .suberror = 3 } },
      EXIT_FAILED,
      3,
      0,
      "KVM_INTERNAL_ERROR_DELIVERY_EV" },
    { { .reason = KVM_EXIT_INTERNAL_ERROR, .internal = { .suberror = 4 } },
      EXIT_FAILED,
      4,
      0,
      "KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON" },
    { { .reason = KVM_EXIT_INTERNAL_ERROR, .internal = { .suberror = 0 } },
      EXIT_FAILED,
      0,
      0,
      "unknown sub-reason" },
    { { .reason = KVM_EXIT_INTERNAL_ERROR, .internal = { .suberror = 77777 } },
      EXIT_FAILED,
      77777,
      0,
      "unknown sub-reason" },
    /* accesses that cannot be */
    { { .reason = KVM_EXIT_IO, .io = { .size = 3, .count = 1 } },
      EXIT_FAILED,
      KVM_EXIT_IO,
      0,
      "cannot be" },
    { { .reason = KVM_EXIT_IO, .io = { .size = 0, .count = 1 } },
      EXIT_FAILED,
      KVM_EXIT_IO,
      0,
      "cannot be" },
    { { .reason = KVM_EXIT_IO, .io = { .size = 1, .count = 0 } },
      EXIT_FAILED,
      KVM_EXIT_IO,
      0,
      "cannot be" },
    { { .reason = KVM_EXIT_IO, .io = { .size = 4, .count = UINT32_MAX } },
      EXIT_FAILED,
      KVM_EXIT_IO,
      0,
      "cannot be" },
    { { .reason = KVM_EXIT_IO, .io = { .size = 4, .count = 1, .offset = RUN_LEN - 3 } },
      EXIT_FAILED,
      KVM_EXIT_IO,
      0,
      "cannot be" },
    { { .reason = KVM_EXIT_IO, .io = { .size = 4, .count = 1, .offset = UINT64_MAX - 1 } },
      EXIT_FAILED,
      KVM_EXIT_IO,
      0,
      "cannot be" },
    { { .reason = KVM_EXIT_MMIO, .mmio = { .len = 0 } },
      EXIT_FAILED,
      KVM_EXIT_MMIO,
      0,
      "cannot be" },
    { { .reason = KVM_EXIT_MMIO, .mmio = { .len = 9 } },
      EXIT_FAILED,
      KVM_EXIT_MMIO,
      0,
      "cannot be" },
    { { .reason = KVM_EXIT_MMIO, .mmio = { .len = UINT32_MAX } },
      EXIT_FAILED,
      KVM_EXIT_MMIO,
      0,
      "cannot be" },
};

static void test_exits(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(exit_rows); i++) {
        const struct exit_row_want *w = &exit_rows[i];
        struct cpu_exit x;
        struct fake f;
        struct rig r;

        fake_init(&f);
        open_with(&r, &f, &w->play, 1);
        x = rig_run(&r);
        if (x.kind != w->kind || x.addr != w->addr || x.ninsn != w->ninsn)
            fail_msg("row %zu: %s, addr 0x%llx, %u bytes", i, exit_kind_name(x.kind),
                     (unsigned long long)x.addr, x.ninsn);
        if (w->words != NULL)
            assert_non_null(strstr(x.detail, w->words));
        if (x.kind != EXIT_KICKED)
            assert_int_equal(x.rip, RIG_CODE);
        finish(&r, &f);
    }
}

/* ---- unrolling ------------------------------------------------------------------------------- */

static void unroll_io(unsigned size, unsigned count, bool out)
{
    struct play play[] = {
        { .reason = KVM_EXIT_IO,
          .io = { .out = out, .size = (uint8_t)size, .port = 0x3f8, .count = count } }
    };
    const uint8_t *area;
    struct fake f;
    struct rig r;

    fake_init(&f);
    open_with(&r, &f, play, 1);
    area = (const uint8_t *)kcpu_of(r.cpu)->run + IO_OFFSET;
    for (unsigned i = 0; i < count; i++) {
        struct cpu_exit x;

        r.answer = UINT64_C(0x0101010101010101) * (i + 1);
        x = rig_run(&r);
        assert_int_equal(x.kind, EXIT_PIO);
        assert_int_equal(x.write, out);
        assert_int_equal(x.width, size);
        assert_int_equal(x.addr, 0x3f8);
        assert_int_equal(x.more, i > 0);
        if (out)
            assert_int_equal(x.data, le_get(f.io_data + (size_t)i * size, size));
    }
    assert_int_equal(rig_run(&r).kind, EXIT_HLT);
    for (unsigned i = 0; i < count * size && !out; i++)
        assert_int_equal(area[i], i / size + 1);
    finish(&r, &f);
}

static void test_unroll_io(void **state)
{
    (void)state;
    for (unsigned size = 1; size <= 4; size *= 2) {
        for (unsigned count = 1; count <= 10; count++) {
            unroll_io(size, count, true);
            unroll_io(size, count, false);
        }
    }
}

static void unroll_mmio(unsigned len, bool write)
{
    static const uint8_t pieces[9][4] = {
        [1] = { 1 },    [2] = { 2 },    [3] = { 2, 1 },    [4] = { 4 },
        [5] = { 4, 1 }, [6] = { 4, 2 }, [7] = { 4, 2, 1 }, [8] = { 8 }
    };
    struct play play[] = { { .reason = KVM_EXIT_MMIO,
                             .mmio = { .addr = RIG_HOLE + 1, .len = len, .write = write } } };
    unsigned done = 0;
    struct fake f;
    struct rig r;

    fake_init(&f);
    open_with(&r, &f, play, 1);
    for (unsigned i = 0; pieces[len][i] != 0; i++) {
        unsigned width = pieces[len][i];
        struct cpu_exit x;

        r.answer = UINT64_C(0x0807060504030201) >> (8 * done);
        x = rig_run(&r);
        assert_int_equal(x.kind, EXIT_MMIO);
        assert_int_equal(x.write, write);
        assert_int_equal(x.width, width);
        assert_int_equal(x.addr, RIG_HOLE + 1 + done);
        assert_int_equal(x.more, i > 0);
        if (write)
            assert_int_equal(x.data, le_get(f.io_data + done, width));
        done += width;
    }
    assert_int_equal(done, len);
    assert_int_equal(rig_run(&r).kind, EXIT_HLT);
    if (!write)
        assert_memory_equal(kcpu_of(r.cpu)->run->mmio.data, "\1\2\3\4\5\6\7\10", len);
    finish(&r, &f);
}

static void test_unroll_mmio(void **state)
{
    (void)state;
    for (unsigned len = 1; len <= 8; len++) {
        unroll_mmio(len, true);
        unroll_mmio(len, false);
    }
}

/* A state asked for between the pieces completes nothing too early and loses nothing. */
static void test_get_between_pieces(void **state)
{
    struct play play[] = {
        { .reason = KVM_EXIT_MMIO, .mmio = { .addr = RIG_HOLE, .len = 7 } },
        { .reason = KVM_EXIT_IO, .io = { .out = 0, .size = 2, .port = 1, .count = 3 } },
    };
    struct x86_state s;
    struct fake f;
    struct rig r;

    (void)state;
    fake_init(&f);
    open_with(&r, &f, play, 2);
    for (unsigned i = 0; i < 6; i++) {
        struct cpu_exit x = rig_run(&r);

        assert_int_equal(x.kind, i < 3 ? EXIT_MMIO : EXIT_PIO);
        assert_int_equal(x.more, i % 3 != 0);
        rig_get(&r, STATE_REGS, &s);
        rig_get(&r, STATE_REGS, &s);
    }
    assert_int_equal(rig_run(&r).kind, EXIT_HLT);
    finish(&r, &f);
}

/* Completing an access brings the next one at once: a read-modify-write, a wide store. */
static void test_further_exit(void **state)
{
    struct play play[] = {
        { .reason = KVM_EXIT_MMIO, .mmio = { .addr = RIG_HOLE, .len = 4 }, .further = true },
        { .reason = KVM_EXIT_MMIO,
          .mmio = { .addr = RIG_HOLE, .len = 8, .write = 1 },
          .further = true },
        { .reason = KVM_EXIT_MMIO, .mmio = { .addr = RIG_HOLE + 8, .len = 8, .write = 1 } },
    };
    struct x86_state s;
    struct fake f;
    struct rig r;

    (void)state;
    for (unsigned views = 0; views < 2; views++) {
        fake_init(&f);
        open_with(&r, &f, play, 3);
        for (unsigned i = 0; i < 3; i++) {
            struct cpu_exit x = rig_run(&r);

            assert_int_equal(x.kind, EXIT_MMIO);
            assert_int_equal(x.write, i > 0);
            assert_int_equal(x.addr, i == 2 ? RIG_HOLE + 8 : RIG_HOLE);
            assert_int_equal(x.more, false);
            if (views != 0)
                rig_get(&r, STATE_REGS, &s);
        }
        assert_int_equal(rig_run(&r).kind, EXIT_HLT);
        finish(&r, &f);
    }
}

static void test_kick(void **state)
{
    struct play play[] = {
        { .reason = KVM_EXIT_IO, .io = { .size = 1, .port = 1, .count = 1 } },
        { .reason = KVM_EXIT_HLT },
    };
    struct x86_state s;
    struct fake f;
    struct rig r;

    (void)state;
    fake_init(&f);
    open_with(&r, &f, play, 2);
    kvm_engine.kick(r.cpu);
    assert_int_equal(rig_run(&r).kind, EXIT_KICKED);
    assert_int_equal(rig_run(&r).kind, EXIT_PIO);
    kvm_engine.kick(r.cpu);
    rig_get(&r, STATE_REGS, &s);
    assert_int_equal(rig_run(&r).kind, EXIT_KICKED);
    assert_int_equal(rig_run(&r).kind, EXIT_HLT);
    finish(&r, &f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_fails),    cmocka_unit_test(test_run_storm),
        cmocka_unit_test(test_exits),        cmocka_unit_test(test_unroll_io),
        cmocka_unit_test(test_unroll_mmio),  cmocka_unit_test(test_get_between_pieces),
        cmocka_unit_test(test_further_exit), cmocka_unit_test(test_kick),
    };

    return cmocka_run_group_tests_name("engine/kvm scripted exits", tests, NULL, NULL);
}
