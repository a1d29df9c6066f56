/* SPDX-License-Identifier: MIT */
/*
 * test_trans_system.c - system instructions and changes of the ring, translated against interpreted
 *
 * A kernel in ring 0 and a program in ring 3, made of random pieces, go to and fro by SYSCALL, SYSRET and IRETQ. Both
 * sides stop at the same random numbers of instructions and must agree in everything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "trans_system_rig.h"

enum { PAGE = 4096, ROUNDS = 400, PIECES = 14 };

/* ---- pieces of code ---------------------------------------------------------------------------- */

struct piece {
    const char *bytes;
    uint8_t len;
};

#define PIECE(s)         \
    {                    \
        s, sizeof(s) - 1 \
    }

static const struct piece anywhere[] = {
    PIECE("\x9c\x58"),                         /* pushfq; pop rax */
    PIECE("\x9c\x41\x5c"),                     /* pushfq; pop r12 */
    PIECE("\xfc"),                             /* cld */
    PIECE("\xfd"),                             /* std */
    PIECE("\x01\xd8"),                         /* add eax, ebx */
    PIECE("\x48\x11\xc3"),                     /* adc rbx, rax */
    PIECE("\x83\xc3\x07"),                     /* add ebx, 7 */
    PIECE("\x8c\xd0"),                         /* mov eax, ss */
    PIECE("\x49\x8c\xcd"),                     /* mov r13, cs */
    PIECE("\x4c\x8c\xd0"),                     /* mov rax, ss; REX.R does not count */
    PIECE("\x66\x8c\xdd"),                     /* mov bp, ds */
    PIECE("\x66\x41\x8c\xe7"),                 /* mov r15w, fs */
    PIECE("\x0f\x31"),                         /* rdtsc */
    PIECE("\x0f\x01\xf9"),                     /* rdtscp */
    PIECE("\xf3\x49\x0f\xae\xc4"),             /* rdfsbase r12 */
    PIECE("\xf3\x0f\xae\xcb"),                 /* rdgsbase ebx */
    PIECE("\xf3\x48\x0f\xae\xd7"),             /* wrfsbase rdi */
    PIECE("\xf3\x0f\xae\xdb"),                 /* wrgsbase ebx */
    PIECE("\x48\x0f\xc7\x0e"),                 /* cmpxchg16b [rsi] */
    PIECE("\x0f\xa3\x06"),                     /* bt [rsi], eax */
    PIECE("\x19\xc0"),                         /* sbb eax, eax */
    PIECE("\x64\x8b\x04\x25\x08\x00\x00\x00"), /* mov eax, fs:[8] */
};

static const struct piece ring_0[] = {
    PIECE("\xfa"),                     /* cli */
    PIECE("\xfb\x90"),                 /* sti; nop */
    PIECE("\xfb\x01\xd8"),             /* sti; add eax, ebx */
    PIECE("\xfb\xeb\x00"),             /* sti; jmp over nothing */
    PIECE("\xfb\x9c\x58"),             /* sti; pushfq; pop rax */
    PIECE("\xfb\xfa"),                 /* sti; cli */
    PIECE("\x9c\x83\xc3\x07\x9d"),     /* pushfq; add ebx, 7; popfq */
    PIECE("\x9c\x01\xd8\x9d"),         /* pushfq; add eax, ebx; popfq */
    PIECE("\x0f\x01\xf8"),             /* swapgs */
    PIECE("\x0f\x01\xcb"),             /* stac */
    PIECE("\x0f\x01\xca"),             /* clac */
    PIECE("\x0f\x20\xd0"),             /* mov rax, cr2 */
    PIECE("\x41\x0f\x20\xdc"),         /* mov r12, cr3 */
    PIECE("\x0f\x20\xc5"),             /* mov rbp, cr0 */
    PIECE("\x41\x0f\x20\xe0\x19\xc0"), /* mov r8, cr4; sbb eax, eax */
    /* mov eax, ss; push rax; push rsp; add qword [rsp], 8; pushfq; mov eax, cs; push rax; lea rax, [rip+3]; push rax;
     * iretq: to the next instruction */
    PIECE(
        "\x8c\xd0\x50\x54\x48\x83\x04\x24\x08\x9c\x8c\xc8\x50\x48\x8d\x05\x03\x00\x00\x00\x50\x48\xcf"),
    /* the same with RF in the image: or dword [rsp], RF behind pushfq */
    PIECE(
        "\x8c\xd0\x50\x54\x48\x83\x04\x24\x08\x9c\x81\x0c\x24\x00\x00\x01\x00\x8c\xc8\x50\x48\x8d\x05\x03"
        "\x00\x00\x00\x50\x48\xcf"),
};

/* r11 = pushed flags and bits of ebx; lea rcx, [rip - ...] is put by the caller; sysretq */
static const struct piece by_sysret = PIECE("\x9c\x41\x5b\x83\xe3\x11\x49\x09\xdb\x48\x0f\x07");
/* push SS3; push r8; pushfq; push CS3; push rcx; iretq */
static const struct piece by_iret = PIECE("\x6a\x23\x41\x50\x9c\x6a\x2b\x51\x48\xcf");
/* the same with RF in the image, and at last push 3; pop rcx */
static const struct piece by_iret_rf =
    PIECE("\x6a\x23\x41\x50\x9c\x81\x0c\x24\x00\x00\x01\x00\x6a\x2b\x51\x6a\x03\x59\x48\xcf");
static const struct piece repeated = PIECE("\xf3\xaa"); /* rep stosb */
static const struct piece by_syscall = PIECE("\x0f\x05");

static unsigned put(uint8_t *code, unsigned at, const struct piece *piece)
{
    memcpy(code + at, piece->bytes, piece->len);
    return at + piece->len;
}

static unsigned put_some(struct pair *p, uint8_t *code, unsigned at, bool system)
{
    for (unsigned i = 0; i < PIECES; i++) {
        if (system && gen_below(&p->gen, 2))
            at = put(code, at, &ring_0[gen_below(&p->gen, ARRAY_LEN(ring_0))]);
        else
            at = put(code, at, &anywhere[gen_below(&p->gen, ARRAY_LEN(anywhere))]);
    }
    return at;
}

/* mov ecx, the address; the window lies below 4 GiB. */
static unsigned put_target(uint8_t *code, unsigned at, uint64_t target)
{
    code[at] = 0xb9;
    le_put(code + at + 1, 4, target);
    return at + 5;
}

/* The program at 0 and the kernel at LSTAR_AT, which goes back in one of three ways. */
static void make_code(struct pair *p, uint8_t code[PAGE])
{
    static const struct piece *const back[] = { &by_iret_rf, &by_iret, &by_sysret };
    unsigned at = 0, begins = gen_below(&p->gen, 8);

    memset(code, 0x90, PAGE);
    if (begins == 0) /* R11 tells of RF, */
        put(code, 0, &by_syscall);
    else if (begins == 1) /* and so does a repeated instruction, which ends it */
        at = put(code, 0, &repeated);
    if (begins > 0)
        put(code, put_some(p, code, at, false), &by_syscall);
    at = put_some(p, code, LSTAR_AT, true);
    at = put_target(code, at, WINDOW);
    put(code, at, back[begins < 2 ? 0 : gen_below(&p->gen, ARRAY_LEN(back))]);
}

/* ---- two machines ------------------------------------------------------------------------------ */

static void check_same(const struct pair *p, unsigned round)
{
    const struct rig *x = &p->interp.rig, *y = &p->trans.rig;
    const struct x86_state *a = &x->c->s, *b = &y->c->s;

    if (a->rip != b->rip || a->rflags != b->rflags || x->c->insns != y->c->insns)
        printf("round %u: rip %lx %lx, flags %lx %lx, insns %lu %lu\n", round,
               (unsigned long)a->rip, (unsigned long)b->rip, (unsigned long)a->rflags,
               (unsigned long)b->rflags, (unsigned long)x->c->insns, (unsigned long)y->c->insns);
    assert_int_equal(x->c->insns, y->c->insns);
    assert_int_equal(a->rip, b->rip);
    assert_int_equal(a->rflags, b->rflags);
    assert_memory_equal(a->gpr, b->gpr, sizeof(a->gpr));
    assert_true(same_segments(a, b));
    assert_int_equal(a->events.shadow, b->events.shadow);
    assert_int_equal(a->events.nmi_masked, b->events.nmi_masked);
    assert_int_equal(x->c->msrs.kernel_gs_base, y->c->msrs.kernel_gs_base);
    assert_int_equal(x->c->cpl, y->c->cpl);
    assert_int_equal(x->c->bank, y->c->bank);
    assert_memory_equal(x->ram, y->ram, RIG_RAM);
}

static void check_round(struct pair *p, unsigned round)
{
    uint64_t at = 0, fmask;
    uint8_t code[PAGE];

    p->gen.rng = round;
    fmask = gen_random(&p->gen) & (X86_RFLAGS_IF | X86_RFLAGS_DF | X86_RFLAGS_AC | X86_RFLAGS_CF);
    make_code(p, code);
    system_begin(&p->interp, code, fmask);
    system_begin(&p->trans, code, fmask);
    p->interp.rig.c->s.events.nmi_masked = p->trans.rig.c->s.events.nmi_masked = round % 8 == 0;
    for (unsigned i = 0; i < 8; i++) {
        bool a, b;

        at += 1 + gen_below(&p->gen, 300);
        a = side_advance(&p->interp, at);
        b = side_advance(&p->trans, at);
        assert_int_equal(a, b);
        check_same(p, round);
        if (!a)
            break;
    }
}

static void test_rings(void **state)
{
    struct pair *p = pair_open(
        &(struct trans_config){ .cache_len = 1 << 20, .prove = true, .exact_flags = true },
        system_set_up);
    struct trans_stats stats;

    (void)state;
    for (unsigned i = 1; i <= ROUNDS; i++)
        check_round(p, i);
    trans_stats_get(p->trans.t, &stats);
    printf("%u rounds, %lu instructions translated, %lu stepped\n", ROUNDS,
           (unsigned long)stats.insns, (unsigned long)stats.steps);
    /* Nearly nothing is left to the interpreter: that is what all of this is for. */
    assert_true(stats.insns > 40 * stats.steps);
    pair_close(p);
}

/* ---- what is left to the interpreter ------------------------------------------------------------ */

/* An interrupt that waits is not passed over by the instruction that enables it. */
static void test_waiting_interrupt(void **state)
{
    /* 1: sti; nop; inc eax; jmp 1b */
    static const uint8_t loop[] = { 0xfb, 0x90, 0xff, 0xc0, 0xeb, 0xfa };
    struct pair *p =
        pair_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true }, system_set_up);
    struct soft_cpu *c = p->trans.rig.c;

    (void)state;
    system_begin_ring_0(&p->trans, loop, sizeof(loop));
    assert_true(side_advance(&p->trans, 400));
    c->s.rflags &= ~(uint64_t)X86_RFLAGS_IF;
    c->s.rip = WINDOW;
    c->limit = UINT64_MAX;
    atomic_store(&c->vcpu->requests, VCPU_INTR);
    assert_true(trans_burst(p->trans.t, 10000, false));
    assert_int_equal(c->s.rip, WINDOW + 1); /* behind STI, with the shadow */
    assert_true(c->s.rflags & X86_RFLAGS_IF);
    assert_int_equal(c->s.events.shadow, SHADOW_STI);
    pair_close(p);
}

/* From where the CPU is, with an interrupt that waits, to where it may be taken. */
static void run_to_interrupt(struct side *s, uint64_t rip, unsigned cpl)
{
    struct soft_cpu *c = s->rig.c;

    c->limit = UINT64_MAX;
    atomic_store(&c->vcpu->requests, VCPU_INTR);
    assert_true(trans_burst(s->t, 10000, false));
    assert_int_equal(c->s.rip, rip);
    assert_int_equal(c->cpl, cpl);
    assert_true(c->s.rflags & X86_RFLAGS_IF);
    atomic_store(&c->vcpu->requests, 0);
}

/* 1: push SS0; push r8; push 0x202; push CS0; lea rax, [rip+3]; push rax; iretq; nop; inc eax; jmp 1b */
static const uint8_t by_iretq[] = { 0x6a, SS0,  0x41, 0x50, 0x68, 0x02, 0x02, 0,   0,
                                    0x6a, CS0,  0x48, 0x8d, 0x05, 0x03, 0,    0,   0,
                                    0x50, 0x48, 0xcf, 0x90, 0xff, 0xc0, 0xeb, 0xe6 };
enum { IRETQ_AT = 19, BEHIND_IRETQ = 21 };

/* The same for what loads RFLAGS. */
static void test_waiting_interrupt_and_flags(void **state)
{
    /* 1: push 0x202; popfq; nop; inc eax; jmp 1b */
    static const uint8_t by_popf[] = { 0x68, 0x02, 0x02, 0, 0, 0x9d, 0x90, 0xff, 0xc0, 0xeb, 0xf5 };
    static const struct {
        const uint8_t *code;
        unsigned len, at; /* behind the instruction */
    } ways[] = {
        { by_popf, sizeof(by_popf), 6 },
        { by_iretq, sizeof(by_iretq), BEHIND_IRETQ },
    };
    struct pair *p =
        pair_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true }, system_set_up);
    struct soft_cpu *c = p->trans.rig.c;

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(ways); i++) {
        system_begin_ring_0(&p->trans, ways[i].code, ways[i].len);
        assert_true(side_advance(&p->trans, 400));
        c->s.rflags &= ~(uint64_t)X86_RFLAGS_IF;
        c->s.rip = WINDOW;
        run_to_interrupt(&p->trans, WINDOW + ways[i].at, 0);
    }
    pair_close(p);
}

static void test_waiting_interrupt_and_sysret(void **state)
{
    enum { PERIOD = 7 };
    /* 1: syscall; inc eax; jmp 1b; the kernel: nop; nop; nop; sysretq */
    static const uint8_t user[] = { 0x0f, 0x05, 0xff, 0xc0, 0xeb, 0xfa };
    static const uint8_t kernel[] = { 0x90, 0x90, 0x90, 0x48, 0x0f, 0x07 };
    struct pair *p =
        pair_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true }, system_set_up);
    struct soft_cpu *c = p->trans.rig.c;
    uint8_t code[PAGE];

    (void)state;
    memset(code, 0x90, sizeof(code));
    memcpy(code, user, sizeof(user));
    memcpy(code + LSTAR_AT, kernel, sizeof(kernel));
    system_begin(&p->trans, code, X86_RFLAGS_IF);
    assert_true(side_advance(&p->trans, 100 * PERIOD + 2));
    assert_int_equal(c->s.rip, WINDOW + LSTAR_AT + 1);
    assert_false(c->s.rflags & X86_RFLAGS_IF);
    run_to_interrupt(&p->trans, WINDOW + 2, 3);
    pair_close(p);
}

/* There are no nested tasks in 64-bit mode: #GP, and here nobody to take it. */
static void test_iretq_with_nt(void **state)
{
    struct pair *p =
        pair_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true }, system_set_up);
    struct side *sides[] = { &p->interp, &p->trans };

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(sides); i++) {
        struct soft_cpu *c = sides[i]->rig.c;

        system_begin_ring_0(sides[i], by_iretq, sizeof(by_iretq));
        assert_true(side_advance(sides[i], 400));
        c->s.rflags |= X86_RFLAGS_NT;
        c->s.rip = WINDOW;
        assert_false(side_advance(sides[i], c->insns + 200));
        assert_int_equal(c->vcpu->exit.kind, EXIT_SHUTDOWN);
        assert_int_equal(c->s.rip, WINDOW + IRETQ_AT);
    }
    pair_close(p);
}

/* ---- frames of IRETQ ----------------------------------------------------------------------------- */

enum { FRAME_AT = WINDOW_DATA + 0x1000, LANDS_AT = 0x40, IRET_GDT_BYTES = 0x50 };

/* Behind those of make_gdt(); the last two lie past the limit. */
static const uint64_t odd_segments[] = {
    0x00af7b000000ffff, /* 0x30: code of ring 3 that is not present */
    0x00cf73000000ffff, /* 0x38: data of ring 3 that is not present */
    0x00cff1000000ffff, /* 0x40: read-only */
    0x00afff000000ffff, /* 0x48: conforming code */
    0x00affb000000ffff, /* 0x50 */
    0x00cff3000000ffff, /* 0x58 */
};

static const struct iret_frame {
    uint16_t cs, ss;
} iret_frames[] = {
    { CS3, SS3 },     { CS0, SS0 },      { CS0, 0 },       { 0x33, SS3 },     { CS3, 0x3b },
    { CS3, 0x43 },    { 0x4b, SS3 },     { 0x53, SS3 },    { CS3, 0x5b },     { CS3, SS0 },
    { CS3, SS0 | 3 }, { CS3, SS3 & ~3 }, { CS3, 0 },       { CS3, 3 },        { CS3, CS3 },
    { SS3, SS3 },     { CS0, SS3 },      { 0, SS0 },       { CS3 & ~3, SS0 }, { STAR3 | 3, SS3 },
    { CS0 | 3, SS3 }, { CS3 | 4, SS3 },  { CS3, SS3 | 4 },
};

static void put_frame(struct side *s, uint64_t rip, uint16_t cs, uint16_t ss)
{
    const uint64_t frame[] = { rip, cs, X86_RFLAGS_FIXED, WINDOW + STACK_AT, ss };

    for (unsigned i = 0; i < ARRAY_LEN(frame); i++)
        le_put(s->rig.data + FRAME_AT - WINDOW_DATA + (size_t)8 * i, 8, frame[i]);
}

/* Where it is translated, and all that it needs is known, the frame is another one. */
static bool return_by(struct side *s, const struct iret_frame *frame)
{
    static const uint8_t loop[] = { 0x4c, 0x89, 0xcc, 0x48, 0xcf }; /* mov rsp, r9; iretq */
    struct soft_cpu *c = s->rig.c;

    system_begin_ring_0(s, loop, sizeof(loop));
    for (unsigned i = 0; i < ARRAY_LEN(odd_segments); i++)
        le_put(s->rig.data + GDT_AT - WINDOW_DATA + GDT_BYTES + (size_t)8 * i, 8, odd_segments[i]);
    c->s.gdtr.limit = IRET_GDT_BYTES - 1;
    c->s.gpr[X86_R9] = WINDOW + FRAME_AT;
    put_frame(s, WINDOW, CS0, SS0);
    assert_true(side_advance(s, 400));
    put_frame(s, WINDOW + LANDS_AT, frame->cs, frame->ss);
    return side_advance(s, c->insns + 100);
}

static void test_frames(void **state)
{
    struct pair *p = pair_open(
        &(struct trans_config){ .cache_len = 1 << 20, .prove = true, .exact_flags = true },
        system_set_up);
    unsigned returned = 0;

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(iret_frames); i++) {
        bool a = return_by(&p->interp, &iret_frames[i]), b = return_by(&p->trans, &iret_frames[i]);

        if (a != b)
            fail_msg("CS %x, SS %x", iret_frames[i].cs, iret_frames[i].ss);
        check_same(p, i);
        returned += a;
    }
    assert_int_equal(returned, 5);
    p->interp.rig.c->s.gdtr.limit = p->trans.rig.c->s.gdtr.limit = GDT_BYTES - 1;
    pair_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rings),
        cmocka_unit_test(test_waiting_interrupt),
        cmocka_unit_test(test_waiting_interrupt_and_flags),
        cmocka_unit_test(test_waiting_interrupt_and_sysret),
        cmocka_unit_test(test_iretq_with_nt),
        cmocka_unit_test(test_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
