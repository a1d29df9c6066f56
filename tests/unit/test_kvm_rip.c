/* SPDX-License-Identifier: MIT */
/* test_kvm_rip.c - the KVM engine over made-up KVMs that report rip at or after an instruction. */
#include "kvm_script.h"

/*
 * The same access as different KVMs report it. `after` bytes: reported so far behind the instruction;
 * moves: completing it moves rip. Offsets are from the start of the code.
 */
static const struct rip_row {
    const char *name;
    uint8_t code[8];
    bool mmio, write;
    uint8_t size, raw, finished, want;
    uint8_t data; /* of a write */
} rip_rows[] = {
    { "OUT at", { 0xee }, false, true, 1, 0, 1, 0, 0x41 },
    { "OUT after", { 0xee }, false, true, 1, 1, 1, 0, 0x41 },
    { "OUT at, an OUT before it", { 0xee, 0xee }, false, true, 1, 1, 2, 1, 0x41 },
    { "OUT after, an OUT behind it", { 0xee, 0xee }, false, true, 1, 1, 1, 0, 0x41 },
    { "OUT imm8 after", { 0xe6, 0xe9 }, false, true, 1, 2, 2, 0, 0x41 },
    { "OUT DX after, 0xE6 before it", { 0xb0, 0xe6, 0xee }, false, true, 1, 3, 3, 2, 0x41 },
    { "OUT DX, AX after", { 0x66, 0xef }, false, true, 2, 2, 2, 0, 0x41 },
    { "OUT DX, EAX after", { 0x66, 0x90, 0xef }, false, true, 4, 3, 3, 2, 0x41 },
    { "OUTSB after", { 0x6e }, false, true, 1, 1, 1, 0, 1 },
    { "REP OUTSB stays", { 0xf3, 0x6e }, false, true, 1, 0, 0, 0, 1 },
    { "REP OUTSB behind OUT", { 0xee, 0xf3, 0x6e }, false, true, 1, 1, 1, 1, 1 },
    { "OUT before REP OUTSB", { 0xee, 0xf3, 0x6e }, false, true, 1, 1, 1, 0, 0x41 },
    { "IN at", { 0xec }, false, false, 1, 0, 1, 0, 0 },
    { "IN after", { 0x90, 0xec }, false, false, 1, 2, 2, 1, 0 },
    { "REP INSB at", { 0xf3, 0x6c }, false, false, 1, 0, 2, 0, 0 },
    { "MOV to MMIO at", { 0x88, 0x03 }, true, true, 1, 0, 2, 0, 0x41 },
    { "MOV to MMIO after", { 0x88, 0x03 }, true, true, 1, 2, 2, 0, 0x41 },
    { "MOV to MMIO after, prefix-like byte before it",
      { 0xb0, 0x3e, 0x88, 0x03 },
      true,
      true,
      1,
      4,
      4,
      2,
      0x41 },
    { "MOV from MMIO at", { 0x8a, 0x03 }, true, false, 1, 0, 2, 0, 0 },
    { "nothing that fits", { 0x90, 0x90, 0x90 }, false, true, 1, 2, 2, 2, 0x41 },
    { "another port", { 0xe6, 0x80 }, false, true, 1, 2, 2, 2, 0x41 },
};

/* Registers after an access: those of rig_start, with the string registers moved on by one byte. */
static void move_strings(struct rig *r)
{
    struct x86_state s;

    rig_get(r, STATE_REGS, &s);
    s.gpr[X86_RSI]++;
    s.gpr[X86_RCX]--;
    rig_set(r, STATE_REGS, &s);
}

static void rip_one(const struct rip_row *row, bool sync)
{
    struct play play[3] = {
        { .reason = KVM_EXIT_IO,
          .rip = RIG_CODE + row->raw,
          .rip_finished = RIG_CODE + row->finished,
          .io = { .out = row->write, .size = row->size, .port = 0xe9, .count = 1 } }
    };
    struct rig_config cfg;
    struct fake f;
    struct rig r;

    if (row->mmio) {
        play[0].reason = KVM_EXIT_MMIO;
        play[0].mmio.addr = RIG_HOLE + 0x10;
        play[0].mmio.len = row->size;
        play[0].mmio.write = row->write;
    }
    play[1] = play[2] = play[0];
    fake_init(&f);
    f.no_sync_regs = !sync;
    f.io_data[0] = row->data;
    f.io_data[1] = 0x77; /* the rest of rig_start's rAX */
    f.io_data[2] = 0x66;
    f.io_data[3] = 0x55;
    f.play = play;
    f.nplays = 3;
    cfg = config(&f, row->code, sizeof(row->code));
    rig_open(&r, &cfg);
    move_strings(&r);
    for (unsigned i = 0; i < 3; i++) {
        struct cpu_exit x = rig_run(&r);

        if (x.rip != (uint64_t)RIG_CODE + row->want)
            fail_msg("%s, exit %u: rip +%d, not +%u", row->name, i, (int)(x.rip - RIG_CODE),
                     row->want);
        if (i > 0 && strstr(row->name, "REP OUTSB") == NULL)
            assert_int_equal(f.runs, i + 1 + row->write); /* one each, and one to find out */
    }
    finish(&r, &f);
}

static void test_rip(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rip_rows); i++) {
        rip_one(&rip_rows[i], true);
        rip_one(&rip_rows[i], false);
    }
}

/* Code that is not there, or that ends where memory does, is no reason to fail. */
static void test_rip_nowhere(void **state)
{
    static const uint64_t rips[] = {
        0,        1,        0x7ffff,           0x80000,        0x80001,
        0x1fffff, 0x200000, UINT64_C(1) << 46, UINT64_MAX - 3, UINT64_MAX
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rips); i++) {
        struct play play[] = {
            { .reason = KVM_EXIT_IO, .io = { .out = 1, .size = 1, .port = 1, .count = 1 } },
            { .reason = KVM_EXIT_MMIO, .mmio = { .addr = RIG_HOLE, .len = 4 } },
            { .reason = KVM_EXIT_HLT },
        };
        struct x86_state s;
        struct fake f;
        struct rig r;

        fake_init(&f);
        open_with(&r, &f, play, 3);
        rig_get(&r, STATE_REGS, &s);
        s.rip = rips[i];
        rig_set(&r, STATE_REGS, &s);
        for (unsigned n = 0; n < 3; n++)
            rig_run(&r);
        finish(&r, &f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rip),
        cmocka_unit_test(test_rip_nowhere),
    };

    return cmocka_run_group_tests_name("engine/kvm scripted rip", tests, NULL, NULL);
}
