/* SPDX-License-Identifier: MIT */
/*
 * test_kvm_real_rip.c - every exit on this host's KVM tells the address of its own instruction
 *
 * KVMs differ in what they can run. What this one cannot do is found by looking, said by name, and skipped.
 */
#include "kvm_real.h"

/* n exits in a row, at one instruction `at` bytes into the code. */
struct want {
    enum exit_kind kind;
    bool write;
    uint8_t width;
    uint8_t at, n;
};

#define OUT_(w, off, count)           \
    {                                 \
        EXIT_PIO, true, w, off, count \
    }
#define IN_(w, off, count)             \
    {                                  \
        EXIT_PIO, false, w, off, count \
    }
#define STORE(w, off, count)           \
    {                                  \
        EXIT_MMIO, true, w, off, count \
    }
#define LOAD(w, off, count)             \
    {                                   \
        EXIT_MMIO, false, w, off, count \
    }
#define HALT(off)                  \
    {                              \
        EXIT_HLT, false, 0, off, 1 \
    }

/* In every mode: segment FS has base RIG_HOLE in real mode, and rbx points into the hole there. */
static const struct rip_row {
    const char *name;
    enum x86_start start;
    unsigned ring;
    uint64_t rdi, rsi, rbx; /* 0: as rig_start has them */
    uint8_t code[16];
    struct want want[5];
} rip_rows[] = {
    { .name = "out imm8",
      .start = X86_START_LONG,
      .code = { 0x90, 0xe6, 0xe9, 0xf4 },
      .want = { OUT_(1, 1, 1), HALT(3) } },
    { .name = "out dx, al",
      .start = X86_START_LONG,
      .code = { 0x90, 0xee, 0xf4 },
      .want = { OUT_(1, 1, 1), HALT(2) } },
    { .name = "out dx, ax and eax",
      .start = X86_START_LONG,
      .code = { 0x66, 0xef, 0xef, 0xf4 },
      .want = { OUT_(2, 0, 1), OUT_(4, 2, 1), HALT(3) } },
    { .name = "three out dx, al in a row",
      .start = X86_START_LONG,
      .code = { 0xee, 0xee, 0xee, 0xf4 },
      .want = { OUT_(1, 0, 1), OUT_(1, 1, 1), OUT_(1, 2, 1), HALT(3) } },
    { .name = "in imm8 and dx",
      .start = X86_START_LONG,
      .code = { 0xe4, 0xe9, 0xec, 0xed, 0xf4 },
      .want = { IN_(1, 0, 1), IN_(1, 2, 1), IN_(4, 3, 1), HALT(4) } },
    { .name = "outsb, insb",
      .start = X86_START_LONG,
      .code = { 0x6e, 0x6c, 0xf4 },
      .want = { OUT_(1, 0, 1), IN_(1, 1, 1), HALT(2) } },
    { .name = "rep outsb",
      .start = X86_START_LONG,
      .code = { 0x90, 0xf3, 0x6e, 0xf4 },
      .want = { OUT_(1, 1, 10), HALT(3) } },
    { .name = "rep outsd",
      .start = X86_START_LONG,
      .code = { 0xf3, 0x6f, 0xf4 },
      .want = { OUT_(4, 0, 10), HALT(2) } },
    { .name = "rep insb",
      .start = X86_START_LONG,
      .code = { 0x90, 0xf3, 0x6c, 0xf4 },
      .want = { IN_(1, 1, 10), HALT(3) } },
    { .name = "out dx, al before rep outsb",
      .start = X86_START_LONG,
      .code = { 0xee, 0xf3, 0x6e, 0xf4 },
      .want = { OUT_(1, 0, 1), OUT_(1, 1, 10), HALT(3) } },
    { .name = "mov [rbx], rax",
      .start = X86_START_LONG,
      .code = { 0x90, 0x48, 0x89, 0x03, 0xf4 },
      .want = { STORE(8, 1, 1), HALT(4) } },
    { .name = "mov rax, [rbx]",
      .start = X86_START_LONG,
      .code = { 0x90, 0x48, 0x8b, 0x03, 0xf4 },
      .want = { LOAD(8, 1, 1), HALT(4) } },
    { .name = "mov [rip + x], eax",
      .start = X86_START_LONG,
      .code = { 0x89, 0x05, 0x1a, 0xa0, 0x08, 0x00, 0xf4 },
      .want = { STORE(4, 0, 1), HALT(6) } },
    { .name = "mov al, 0x3e before mov [rbx], al",
      .start = X86_START_LONG,
      .code = { 0xb0, 0x3e, 0x88, 0x03, 0xf4 },
      .want = { STORE(1, 2, 1), HALT(4) } },
    { .name = "mov [rbx], 0x03880388",
      .start = X86_START_LONG,
      .code = { 0xc7, 0x03, 0x88, 0x03, 0x88, 0x03, 0xf4 },
      .want = { STORE(4, 0, 1), HALT(6) } },
    { .name = "stosq",
      .start = X86_START_LONG,
      .rdi = RIG_HOLE,
      .code = { 0x48, 0xab, 0xf4 },
      .want = { STORE(8, 0, 1), HALT(2) } },
    { .name = "rep stosd",
      .start = X86_START_LONG,
      .rdi = RIG_HOLE,
      .code = { 0xf3, 0xab, 0xf4 },
      .want = { STORE(4, 0, 10), HALT(2) } },
    { .name = "mov [rdi], al before rep stosb",
      .start = X86_START_LONG,
      .rdi = RIG_HOLE,
      .code = { 0x88, 0x07, 0xf3, 0xaa, 0xf4 },
      .want = { STORE(1, 0, 1), STORE(1, 2, 10), HALT(4) } },
    { .name = "movsb to mmio",
      .start = X86_START_LONG,
      .rdi = RIG_HOLE,
      .code = { 0xa4, 0xf4 },
      .want = { STORE(1, 0, 1), HALT(1) } },
    { .name = "movsb from mmio",
      .start = X86_START_LONG,
      .rsi = RIG_HOLE,
      .code = { 0xa4, 0xf4 },
      .want = { LOAD(1, 0, 1), HALT(1) } },
    { .name = "add [rbx], eax",
      .start = X86_START_LONG,
      .code = { 0x90, 0x01, 0x03, 0xf4 },
      .want = { LOAD(4, 1, 1), STORE(4, 1, 1), HALT(3) } },
    { .name = "lock add [rbx], eax",
      .start = X86_START_LONG,
      .code = { 0x90, 0xf0, 0x01, 0x03, 0xf4 },
      .want = { LOAD(4, 1, 1), STORE(4, 1, 1), HALT(4) } },
    { .name = "mov [rbx], eax across a page",
      .start = X86_START_LONG,
      .rbx = RIG_HOLE + 0xffe,
      .code = { 0x89, 0x03, 0xf4 },
      .want = { STORE(2, 0, 2), HALT(2) } },
    { .name = "mov eax, [rbx] across a page",
      .start = X86_START_LONG,
      .rbx = RIG_HOLE + 0xfff,
      .code = { 0x8b, 0x03, 0xf4 },
      .want = { LOAD(1, 0, 1), LOAD(2, 0, 1), LOAD(1, 0, 1), HALT(2) } },
    { .name = "movups [rbx], xmm0",
      .start = X86_START_LONG,
      .code = { 0x0f, 0x11, 0x03, 0xf4 },
      .want = { STORE(8, 0, 2), HALT(3) } },
    { .name = "movups xmm0, [rbx]",
      .start = X86_START_LONG,
      .code = { 0x0f, 0x10, 0x03, 0xf4 },
      .want = { LOAD(8, 0, 2), HALT(3) } },
    { .name = "push rax to mmio",
      .start = X86_START_LONG,
      .code = { 0x48, 0x89, 0xdc, 0x50, 0xf4 },
      .want = { STORE(8, 3, 1), HALT(4) } },
    { .name = "rep hlt",
      .start = X86_START_LONG,
      .code = { 0x90, 0xf3, 0xf4 },
      .want = { HALT(1) } },
    { .name = "ring 3 out, in",
      .start = X86_START_LONG,
      .ring = 3,
      .code = { 0xe6, 0xe9, 0xec, 0xee },
      .want = { OUT_(1, 0, 1), IN_(1, 2, 1), OUT_(1, 3, 1) } },
    { .name = "ring 3 rep outsb",
      .start = X86_START_LONG,
      .ring = 3,
      .code = { 0xf3, 0x6e, 0xee },
      .want = { OUT_(1, 0, 10), OUT_(1, 2, 1) } },
    { .name = "ring 3 mov to and from mmio",
      .start = X86_START_LONG,
      .ring = 3,
      .code = { 0x88, 0x03, 0x8b, 0x03, 0xee },
      .want = { STORE(1, 0, 1), LOAD(4, 2, 1), OUT_(1, 4, 1) } },
    { .name = "protected out, in",
      .start = X86_START_PROTECTED,
      .code = { 0xe6, 0xe9, 0xef, 0xec, 0xf4 },
      .want = { OUT_(1, 0, 1), OUT_(4, 2, 1), IN_(1, 3, 1), HALT(4) } },
    { .name = "protected mov to mmio",
      .start = X86_START_PROTECTED,
      .code = { 0x40, 0x89, 0x03, 0xf4 },
      .want = { STORE(4, 1, 1), HALT(3) } },
    { .name = "real out imm8 and dx",
      .start = X86_START_REAL,
      .code = { 0xe6, 0xe9, 0xef, 0x66, 0xef, 0xf4 },
      .want = { OUT_(1, 0, 1), OUT_(2, 2, 1), OUT_(4, 3, 1), HALT(5) } },
    { .name = "real in",
      .start = X86_START_REAL,
      .code = { 0xec, 0x66, 0xed, 0xf4 },
      .want = { IN_(1, 0, 1), IN_(4, 1, 1), HALT(3) } },
    { .name = "real rep outsb, insb",
      .start = X86_START_REAL,
      .code = { 0xf3, 0x6e, 0xb1, 0x03, 0xf3, 0x6c, 0xf4 },
      .want = { OUT_(1, 0, 10), IN_(1, 4, 3), HALT(6) } },
    { .name = "real mov fs:[bx]",
      .start = X86_START_REAL,
      .code = { 0x64, 0x89, 0x07, 0x64, 0x8a, 0x07, 0xf4 },
      .want = { STORE(2, 0, 1), LOAD(1, 3, 1), HALT(6) } },
};

static bool is_end(const struct want *w)
{
    return w->n == 0;
}

/* The first exit that is no access and not wanted: this KVM does not run the instruction. */
static bool cannot(const struct rip_row *row, const struct cpu_exit *x)
{
    if (x->kind != EXIT_REFUSED && x->kind != EXIT_FAILED && x->kind != EXIT_SHUTDOWN)
        return false;
    print_message("%s cannot: %s%s%s\n", row->name, exit_kind_name(x->kind),
                  x->detail != NULL ? ": " : "", x->detail != NULL ? x->detail : "");
    return true;
}

static bool rip_one(const struct rip_row *row, bool views)
{
    struct rig_config cfg = {
        .start = row->start, .ring = row->ring, .code = row->code, .len = sizeof(row->code)
    };
    struct x86_state s;
    bool done = true;
    struct rig r;

    rig_open(&r, &cfg);
    rig_get(&r, STATE_REGS, &s);
    s.gpr[X86_RDI] = row->rdi != 0 ? row->rdi : s.gpr[X86_RDI];
    s.gpr[X86_RSI] = row->rsi != 0 ? row->rsi : s.gpr[X86_RSI];
    s.gpr[X86_RBX] = row->rbx != 0 ? row->rbx : s.gpr[X86_RBX];
    rig_set(&r, STATE_REGS, &s);
    for (const struct want *w = row->want; w < row->want + 5 && !is_end(w) && done; w++) {
        for (unsigned i = 0; i < w->n && done; i++) {
            struct cpu_exit x = rig_next(&r);

            if (x.kind != w->kind && cannot(row, &x)) {
                done = false;
                break;
            }
            if (x.kind != w->kind || x.write != w->write || x.width != w->width ||
                x.rip != rig_rip(&cfg) + w->at)
                fail_msg("%s, exit %u of row %td: %s write %d width %u rip +%d, not +%u", row->name,
                         i, w - row->want, exit_kind_name(x.kind), x.write, x.width,
                         (int)(x.rip - rig_rip(&cfg)), w->at);
            if (views) /* must change nothing */
                rig_get(&r, STATE_REGS | STATE_SREGS, &s);
        }
    }
    rig_close(&r);
    return done;
}

static void test_rip(void **state)
{
    unsigned ran = 0;

    (void)state;
    need_kvm();
    for (size_t i = 0; i < ARRAY_LEN(rip_rows); i++)
        ran += rip_one(&rip_rows[i], false);
    print_message("rip is the instruction's own in %u of %zu rows\n", ran, ARRAY_LEN(rip_rows));
    assert_true(ran > 0);
}

static void test_rip_with_views(void **state)
{
    (void)state;
    need_kvm();
    for (size_t i = 0; i < ARRAY_LEN(rip_rows); i++)
        rip_one(&rip_rows[i], true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rip),
        cmocka_unit_test(test_rip_with_views),
    };

    return cmocka_run_group_tests_name("engine/kvm real rip", tests, NULL, NULL);
}
