/* SPDX-License-Identifier: MIT */
/*
 * test_trans_rings32.c - changes of the ring, segments and flags of 32-bit code, translated against interpreted
 *
 * A program of 32 bits in ring 3, under a kernel of 64 bits and under one of 32 (with PAE), made of random pieces. They
 * go to and fro by SYSCALL, SYSENTER, SYSRET, SYSEXIT and IRET; both load segment registers, some of which are not flat
 * then. Both sides stop at the same random numbers of instructions and must agree in everything.
 */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "engine/soft/mmu.h"
#include "trans_rig.h"
#include "x86/descriptor.h"

enum { PAGE = 4096, ROUNDS = 500, PIECES = 12 };
enum {
    GDT_AT = WINDOW_DATA + 0x800,
    STACK_AT = WINDOW_DATA + 0x2800,
    STACK0_AT = WINDOW_DATA + 0x1f00
};
enum { KERNEL_AT = 0x800 };
/* Selectors: of ring 0, of ring 3; a segment with a base, one with a limit. */
enum {
    CS0 = 0x08,
    SS0 = 0x10,
    CS3 = 0x1b,
    SS3 = 0x23,
    BASED = 0x33,
    SHORT = 0x3b,
    GDT_BYTES = 0x40
};

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
    PIECE("\x9c\x58"), /* pushfd; pop eax */
    PIECE("\x9c\x9d"), /* pushfd; popfd */
    PIECE(
        "\x9c\x81\x34\x24\xd5\x0c\x00\x00\x9d"), /* pushfd; xor [esp], arithmetic flags and DF; popfd */
    PIECE("\x9c\x81\x34\x24\x00\x02\x20\x00\x9d"), /* the same of IF and ID */
    PIECE("\xfc"),                                 /* cld */
    PIECE("\xfd"),                                 /* std */
    PIECE("\x01\xd8"),                             /* add eax, ebx */
    PIECE("\x11\xc3"),                             /* adc ebx, eax */
    PIECE("\x19\xed"),                             /* sbb ebp, ebp */
    PIECE("\x8c\xd0"),                             /* mov eax, ss */
    PIECE("\x66\x8c\xdd"),                         /* mov bp, ds */
    PIECE("\x1e\x1f"),                             /* push ds; pop ds */
    PIECE("\x06\x07"),                             /* push es; pop es */
    PIECE("\x0f\xa0\x0f\xa1"),                     /* push fs; pop fs */
    PIECE("\x0f\xa8\x0f\xa9"),                     /* push gs; pop gs */
    PIECE("\x0e\x58"),                             /* push cs; pop eax */
    PIECE("\x8c\xd8\x8e\xc0"),                     /* mov eax, ds; mov es, eax */
    PIECE("\x31\xc0\x8e\xe8"),                     /* xor eax, eax; mov gs, eax */
    PIECE("\xb8\x33\x00\x00\x00\x8e\xe0"),         /* mov eax, BASED; mov fs, eax */
    PIECE("\xb8\x3b\x00\x00\x00\x8e\xe0"),         /* mov eax, SHORT; mov fs, eax */
    PIECE("\xb8\x23\x00\x00\x00\x8e\xd8"),         /* mov eax, SS3; mov ds, eax */
    PIECE("\x8e\x6e\x10"),                         /* mov gs, [esi + 16]: SS3 */
    PIECE("\x64\x8b\x06"),                         /* mov eax, fs:[esi] */
    PIECE("\x65\x01\x1e"),                         /* add gs:[esi], ebx */
    PIECE("\x60\x61"),                             /* pushad; popad */
};

static const struct piece ring_0[] = {
    PIECE("\xfa"),                                 /* cli */
    PIECE("\xfb\x90"),                             /* sti; nop */
    PIECE("\xfb\xfa"),                             /* sti; cli */
    PIECE("\x9c\x81\x34\x24\x00\x02\x00\x00\x9d"), /* pushfd; xor [esp], IF; popfd */
    PIECE("\x9c\x81\x34\x24\x00\x30\x04\x00\x9d"), /* the same of IOPL and AC */
    PIECE("\xb8\x10\x00\x00\x00\x8e\xe0"),         /* mov eax, SS0; mov fs, eax */
    PIECE(
        "\x9c\x0e\xe8\0\0\0\0\x83\x04\x24\x05\xcf"), /* pushfd; push cs; call; add dword [esp], 5; iretd: here */
};

/* push SS3; push the stack; pushfd; push CS3; push WINDOW; iretd */
static const struct piece by_iretd =
    PIECE("\x6a\x23\x68\x00\x48\x00\x10\x9c\x6a\x1b\x68\x00\x00\x00\x10\xcf");
/* mov edx, WINDOW; mov ecx, the stack; sti; sysexit; and without STI */
static const struct piece by_sti_sysexit =
    PIECE("\xba\x00\x00\x00\x10\xb9\x00\x48\x00\x10\xfb\x0f\x35");
static const struct piece by_sysexit = PIECE("\xba\x00\x00\x00\x10\xb9\x00\x48\x00\x10\x0f\x35");
static const struct piece by_syscall = PIECE("\x0f\x05"), by_sysenter = PIECE("\x0f\x34");

/* Of a 64-bit kernel: mov ecx, WINDOW; pushfq; pop r11; and ebx, 17; or r11, rbx; sysretd */
static const struct piece by_sysretd =
    PIECE("\xb9\x00\x00\x00\x10\x9c\x41\x5b\x83\xe3\x11\x49\x09\xdb\x0f\x07");
/* push SS3; push the stack; pushfq; push CS3; push WINDOW; iretq */
static const struct piece by_iretq =
    PIECE("\x6a\x23\x68\x00\x48\x00\x10\x9c\x6a\x1b\x68\x00\x00\x00\x10\x48\xcf");
/* pushfq; pop rax; add rbx, rax; cli; sti; nop; inc dword [rsi]; gs: mov eax, [rsi] */
static const struct piece kernel_64 = PIECE("\x9c\x58\x48\x01\xc3\xfa\xfb\x90\xff\x06\x65\x8b\x06");

static_assert(WINDOW == 0x10000000 && STACK_AT == 0x4800, "the pieces");

static unsigned put(uint8_t *code, unsigned at, const struct piece *piece)
{
    memcpy(code + at, piece->bytes, piece->len);
    return at + piece->len;
}

static unsigned put_some(struct gen *g, uint8_t *code, unsigned at, bool system)
{
    for (unsigned i = 0; i < PIECES; i++) {
        if (system && gen_below(g, 2))
            at = put(code, at, &ring_0[gen_below(g, ARRAY_LEN(ring_0))]);
        else
            at = put(code, at, &anywhere[gen_below(g, ARRAY_LEN(anywhere))]);
    }
    return at;
}

static void put_kernel_32(struct gen *g, uint8_t *code)
{
    static const struct piece *const ways[] = { &by_iretd, &by_sysexit, &by_sti_sysexit };
    unsigned at = put_some(g, code, KERNEL_AT, true);

    put(code, at, ways[gen_below(g, ARRAY_LEN(ways))]);
}

static void put_kernel_64(struct gen *g, uint8_t *code)
{
    unsigned at = put(code, KERNEL_AT, &kernel_64);

    put(code, at, gen_below(g, 2) ? &by_sysretd : &by_iretq);
}

/* The program at 0 and the kernel. */
static void make_code(struct gen *g, bool longs, uint8_t code[PAGE])
{
    unsigned at;

    memset(code, 0x90, PAGE);
    at = put_some(g, code, 0, false);
    put(code, at, longs && gen_below(g, 2) ? &by_syscall : &by_sysenter);
    if (longs)
        put_kernel_64(g, code);
    else
        put_kernel_32(g, code);
}

/* ---- two machines ------------------------------------------------------------------------------ */

static void make_gdt(uint8_t *gdt, bool longs)
{
    const uint64_t entries[] = {
        0,
        longs ? 0x00af9b000000ffff : 0x00cf9b000000ffff,
        0x00cf93000000ffff,
        0x00cffb000000ffff,
        0x00cff3000000ffff,
        0x00cff3001000ffff, /* base 0x1000 */
        0x0040f3000000ffff,
        0x0040f3000000ffff,
    };

    for (unsigned i = 0; i < ARRAY_LEN(entries); i++)
        le_put(gdt + (size_t)8 * i, 8, entries[i]);
}

static void set_up(struct soft_cpu *c)
{
    c->sys.counted_time = true;
}

/* The same pages by three levels: entries of the first have no rights. */
static void leave_long_mode(struct rig *r)
{
    le_put(r->ram + PAGE, 8, 2 * PAGE | 1);
    r->c->s.efer = 0;
    r->c->s.cr3 = PAGE;
}

static void set_msrs(struct soft_cpu *c, struct gen *g)
{
    c->msrs.star = (uint64_t)(CS3 & ~3) << 48 | (uint64_t)CS0 << 32;
    c->msrs.cstar = c->msrs.lstar = c->msrs.sysenter_eip = WINDOW + KERNEL_AT;
    c->msrs.sysenter_cs = CS0;
    c->msrs.sysenter_esp = WINDOW + STACK0_AT;
    c->msrs.fmask = gen_random(g) & (X86_RFLAGS_IF | X86_RFLAGS_DF | X86_RFLAGS_CF);
}

static void begin(struct side *s, struct gen *g, bool longs, const uint8_t code[PAGE])
{
    struct soft_cpu *c = s->rig.c;

    trans_rig_mode(&s->rig, X86_CODE_32);
    s->rig.model->intel = false;
    if (longs)
        c->s.efer |= X86_EFER_SCE;
    else
        leave_long_mode(&s->rig);
    memset(s->rig.data, 0, WINDOW_DATA_LEN);
    memcpy(s->rig.code, code, PAGE);
    make_gdt(s->rig.ram + RIG_DATA + GDT_AT - WINDOW_DATA, longs);
    c->s.gdtr = (struct x86_dtable){ .base = WINDOW + GDT_AT, .limit = GDT_BYTES - 1 };
    c->s.idtr.limit = 0; /* what is raised ends the round */
    for (unsigned i = 0; i < X86_NSREG; i++)
        c->s.seg[i].selector = i == X86_CS ? CS3 : SS3;
    for (unsigned i = 0; i < X86_NGPR; i++)
        c->s.gpr[i] = i * 0x1234567;
    c->s.gpr[X86_RSI] = WINDOW + WINDOW_DATA + 0x100;
    c->s.gpr[X86_RSP] = WINDOW + STACK_AT;
    le_put(s->rig.data + 0x110, 4, SS3);
    c->s.rip = WINDOW;
    c->s.rflags = X86_RFLAGS_FIXED | X86_RFLAGS_IF;
    set_msrs(c, g);
    c->insns = 0;
    soft_mode_changed(c);
    soft_flush(c, true);
    if (s->t != NULL)
        trans_reset(s->t);
}

static void check_same(const struct pair *p)
{
    const struct rig *x = &p->interp.rig, *y = &p->trans.rig;
    const struct x86_state *a = &x->c->s, *b = &y->c->s;

    assert_int_equal(x->c->insns, y->c->insns);
    assert_int_equal(a->rip, b->rip);
    assert_int_equal(a->rflags, b->rflags);
    assert_memory_equal(a->gpr, b->gpr, sizeof(a->gpr));
    assert_true(same_segments(a, b));
    assert_int_equal(a->events.shadow, b->events.shadow);
    assert_int_equal(x->c->cpl, y->c->cpl);
    assert_int_equal(x->c->bank, y->c->bank);
    assert_int_equal(x->c->mode, y->c->mode);
    assert_int_equal(x->c->code_bits, y->c->code_bits);
    assert_int_equal(x->c->stack_bits, y->c->stack_bits);
    assert_memory_equal(x->ram, y->ram, RIG_RAM);
}

static void check_round(struct pair *p, bool longs, unsigned round)
{
    uint64_t at = 0, rng;
    uint8_t code[PAGE];

    p->gen.rng = round;
    make_code(&p->gen, longs, code);
    rng = p->gen.rng;
    begin(&p->interp, &p->gen, longs, code);
    p->gen.rng = rng;
    begin(&p->trans, &p->gen, longs, code);
    for (unsigned i = 0; i < 8; i++) {
        bool a, b;

        at += 1 + gen_below(&p->gen, 400);
        a = side_advance(&p->interp, at);
        b = side_advance(&p->trans, at);
        assert_int_equal(a, b);
        check_same(p);
        if (!a)
            break;
    }
}

static void check_rings(bool longs)
{
    static const struct trans_config config = { .cache_len = 1 << 20,
                                                .prove = true,
                                                .exact_flags = true };
    struct pair *p = pair_open(&config, set_up);
    struct trans_stats stats;

    for (unsigned i = 1; i <= ROUNDS; i++)
        check_round(p, longs, i);
    trans_stats_get(p->trans.t, &stats);
    printf("%u rounds, %lu instructions translated, %lu stepped\n", ROUNDS,
           (unsigned long)stats.insns, (unsigned long)stats.steps);
    assert_true(stats.insns > 4 * stats.steps); /* segments that are not flat, POPF in ring 3 */
    pair_close(p);
}

static void test_under_64_bit_kernel(void **state)
{
    (void)state;
    check_rings(true);
}

static void test_under_32_bit_kernel(void **state)
{
    (void)state;
    check_rings(false);
}

/* ---- frames -------------------------------------------------------------------------------------- */

enum { PT_AT = 3 * PAGE, ALL = 0x67, LANDS_AT = 0x40, FRAME_WORDS = 5 };
enum { FRAME_AT = WINDOW_DATA + 0x400, PAGE_END = WINDOW_DATA + PAGE };

/* What is odd about it: flags of the frame, flags of the CPU, the base of DS, bits of RIP, where it lies. */
static const struct frame {
    uint32_t image, flags, ds_base;
    uint64_t rip;
    uint32_t at;
    bool longs, by_sysret;
} frames[] = {
    { .at = FRAME_AT },
    { .at = FRAME_AT, .image = X86_RFLAGS_VM },
    { .at = FRAME_AT, .flags = X86_RFLAGS_NT },
    { .at = PAGE_END - 3 * 4 },
    { .at = PAGE_END - 5 * 4 },
    { .at = FRAME_AT, .longs = true },
    { .at = FRAME_AT, .longs = true, .rip = UINT64_C(1) << 32 },
    { .at = FRAME_AT, .longs = true, .ds_base = 0x1000 },
    { .at = FRAME_AT, .longs = true, .by_sysret = true },
    { .at = FRAME_AT, .longs = true, .by_sysret = true, .ds_base = 0x1000 },
};

static void to_kernel(struct side *s, const struct frame *f)
{
    struct soft_cpu *c = s->rig.c;

    c->s.seg[X86_CS] = x86_seg_of_desc(f->longs ? 0x00af9b000000ffff : 0x00cf9b000000ffff, CS0);
    c->s.seg[X86_SS] = x86_seg_of_desc(0x00cf93000000ffff, SS0);
    c->s.gpr[X86_RBP] = WINDOW + f->at;
    c->s.gpr[X86_RCX] = WINDOW + LANDS_AT;
    c->s.gpr[X86_R11] = X86_RFLAGS_FIXED;
    c->s.rip = WINDOW;
    c->s.rflags = X86_RFLAGS_FIXED;
    soft_mode_changed(c);
}

/* The page behind the frame is not the next one in memory, which would do as well; and words that DS finds. */
static void put_frame(struct side *s, const struct frame *f, uint64_t rip, unsigned cs)
{
    const uint64_t frame[FRAME_WORDS] = { rip, cs, X86_RFLAGS_FIXED | f->image, WINDOW + STACK_AT,
                                          SS3 };
    unsigned width = f->longs ? 8 : 4;

    le_put(s->rig.ram + PT_AT + 8 * (PAGE_END / PAGE), 8, (RIG_DATA + 3 * PAGE) | ALL);
    le_put(s->rig.data + PAGE, 4, WINDOW + STACK_AT + 0x10);
    le_put(s->rig.data + PAGE + 4, 4, SS3);
    le_put(s->rig.data + 2 * PAGE, 4, 0x2222);
    le_put(s->rig.data + 3 * PAGE, 4, 0x1111);
    for (unsigned i = 0; i < FRAME_WORDS; i++) {
        unsigned at = f->at - WINDOW_DATA + i * width;

        le_put(s->rig.data + (at < PAGE ? at : at + 2 * PAGE), width, frame[i]);
    }
}

/* In ring 0: mov esp, ebp; iretd or iretq, or nop; sysretd; in ring 3: mov eax, [WINDOW + PAGE_END]; jmp to itself */
static void put_return(uint8_t code[PAGE], const struct frame *f)
{
    memset(code, 0x90, PAGE);
    if (f->by_sysret)
        memcpy(code, "\x90\x0f\x07", 3);
    else if (f->longs)
        memcpy(code, "\x48\x89\xec\x48\xcf", 5);
    else
        memcpy(code, "\x89\xec\xcf", 3);
    code[LANDS_AT] = 0xa1;
    le_put(code + LANDS_AT + 1, 4, WINDOW + PAGE_END);
    memcpy(code + LANDS_AT + 5, "\xeb\xfe", 2);
}

/* An ordinary one goes first, so that both sides of the way are translated. False: the CPU has shut down. */
static bool return_by(struct side *s, struct gen *g, const struct frame *f)
{
    struct frame plain = { .at = f->at, .longs = f->longs };
    struct soft_cpu *c = s->rig.c;
    uint8_t code[PAGE];
    bool ok;

    put_return(code, f);
    begin(s, g, f->longs, code);
    for (unsigned i = 0; i < 3; i++) {
        to_kernel(s, f);
        put_frame(s, &plain, WINDOW + LANDS_AT, CS3);
        assert_true(side_advance(s, c->insns + 300));
        assert_int_equal(c->cpl, 3);
    }
    to_kernel(s, f);
    c->s.rflags |= f->flags;
    c->s.seg[X86_DS].base = f->ds_base;
    put_frame(s, f, (WINDOW + LANDS_AT) | f->rip, CS3);
    ok = side_advance(s, c->insns + 300);
    le_put(s->rig.ram + PT_AT + 8 * (PAGE_END / PAGE), 8, (RIG_DATA + PAGE) | ALL);
    return ok;
}

static void test_frames(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(frames); i++) {
        static const struct trans_config config = { .cache_len = 1 << 20,
                                                    .prove = true,
                                                    .exact_flags = true };
        struct pair *p = pair_open(&config, set_up);
        bool a = return_by(&p->interp, &p->gen, &frames[i]);
        bool b = return_by(&p->trans, &p->gen, &frames[i]);

        if (a != b || p->interp.rig.c->s.rip != p->trans.rig.c->s.rip)
            fail_msg("frame %u", i);
        check_same(p);
        pair_close(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_under_64_bit_kernel),
        cmocka_unit_test(test_under_32_bit_kernel),
        cmocka_unit_test(test_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
