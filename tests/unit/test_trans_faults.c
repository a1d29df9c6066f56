/* SPDX-License-Identifier: MIT */
/*
 * test_trans_faults.c - the matrix of faults: every template with a memory operand at every kind of address
 *
 * Each instruction is translated and executed where its operand is known, has to be looked up, faults in each way,
 * is a device or read-only, or has translated code in its page; with flags that somebody reads behind it, and
 * with flags that nobody reads. State, memory, the exception and the exit must be the interpreter's. 64-bit code, and
 * flat 32-bit code, to which an address is its lower half. All of it once more as for several CPUs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/soft/fpu.h"
#include "engine/soft/mmu.h"
#include "engine/soft/run.h"
#include "engine/soft/soft_priv.h"
#include "engine/soft/trans/trans.h"
#include "trans_rig.h"

enum { PAGE = 4096, ROM_AT = 0x40000, DEVICE_AT = 0x900000, TABLE_AT = 3 * PAGE };
enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, ALL = P | W | U | A | D, ARITHMETIC = 0x8d5 };
enum { FIRST = WINDOW_DATA + PAGE, RUNS = 2 };

/* ---- templates -------------------------------------------------------------------------------- */

/* Addressed by RBX; those of the stack by RSP, LEAVE by RBP, which are all set to the place. */
static const struct template
{
    const char *name;
    uint8_t bytes[24], len;
}
templates[] = {
#define T(name, ...)                                                    \
    {                                                                   \
        name, { __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) \
    }
    T("mov al, [rbx]", 0x8a, 0x03),
    T("mov ah, [rbx]", 0x8a, 0x23),
    T("mov ax, [rbx]", 0x66, 0x8b, 0x03),
    T("mov rax, [rbx]", 0x48, 0x8b, 0x03),
    T("mov r13, [rbx]", 0x4c, 0x8b, 0x2b),
    T("mov [rbx], ch", 0x88, 0x2b),
    T("mov [rbx], rax", 0x48, 0x89, 0x03),
    T("mov [rbx], r12", 0x4c, 0x89, 0x23),
    T("mov dword [rbx], imm", 0xc7, 0x03, 1, 2, 3, 4),
    T("movzx ecx, byte [rbx]", 0x0f, 0xb6, 0x0b),
    T("movbe rax, [rbx]", 0x48, 0x0f, 0x38, 0xf0, 0x03),
    T("add [rbx], rcx", 0x48, 0x01, 0x0b),
    T("adc [rbx], ecx", 0x11, 0x0b),
    T("sbb r14, [rbx]", 0x4c, 0x1b, 0x33),
    T("cmp [rbx], rcx", 0x48, 0x39, 0x0b),
    T("test [rbx], cl", 0x84, 0x0b),
    T("inc qword [rbx]", 0x48, 0xff, 0x03),
    T("neg byte [rbx]", 0xf6, 0x1b),
    T("rcl qword [rbx], cl", 0x48, 0xd3, 0x13),
    T("shl dword [rbx], 5", 0xc1, 0x23, 5),
    T("shld [rbx], rdx, cl", 0x48, 0x0f, 0xa5, 0x13),
    T("bts qword [rbx], 7", 0x48, 0x0f, 0xba, 0x2b, 7),
    T("btc [rbx], rcx", 0x48, 0x0f, 0xbb, 0x0b),
    T("imul rcx, [rbx]", 0x48, 0x0f, 0xaf, 0x0b),
    T("mul qword [rbx]", 0x48, 0xf7, 0x23),
    T("div qword [rbx]", 0x48, 0xf7, 0x33),
    T("idiv dword [rbx]", 0xf7, 0x3b),
    T("xchg [rbx], rcx", 0x48, 0x87, 0x0b),
    T("lock add [rbx], rcx", 0xf0, 0x48, 0x01, 0x0b),
    T("lock or byte [rbx], imm", 0xf0, 0x80, 0x0b, 0x81),
    T("lock inc dword [rbx]", 0xf0, 0xff, 0x03),
    T("lock not qword [rbx]", 0xf0, 0x48, 0xf7, 0x13),
    T("lock bts qword [rbx], 7", 0xf0, 0x48, 0x0f, 0xba, 0x2b, 7),
    T("lock btr [rbx], rdx", 0xf0, 0x48, 0x0f, 0xb3, 0x13),
    T("lock xchg [rbx], rcx", 0xf0, 0x48, 0x87, 0x0b),
    T("lock cmpxchg8b [rbx]", 0xf0, 0x0f, 0xc7, 0x0b),
    T("lock xadd [rbx], rcx", 0xf0, 0x48, 0x0f, 0xc1, 0x0b),
    T("lock cmpxchg [rbx], rcx", 0xf0, 0x48, 0x0f, 0xb1, 0x0b),
    T("lock cmpxchg16b [rbx]", 0xf0, 0x48, 0x0f, 0xc7, 0x0b),
    T("setc [rbx]", 0x0f, 0x92, 0x03),
    T("cmovnz rcx, [rbx]", 0x48, 0x0f, 0x45, 0x0b),
    T("movnti [rbx], rax", 0x48, 0x0f, 0xc3, 0x03),
    T("movups xmm1, [rbx]", 0x0f, 0x10, 0x0b),
    T("movups [rbx], xmm1", 0x0f, 0x11, 0x0b),
    T("movaps xmm1, [rbx]", 0x0f, 0x28, 0x0b),
    T("movaps [rbx], xmm1", 0x0f, 0x29, 0x0b),
    T("paddd xmm1, [rbx]", 0x66, 0x0f, 0xfe, 0x0b),
    T("movsd xmm1, [rbx]", 0xf2, 0x0f, 0x10, 0x0b),
    T("vmovups ymm1, [rbx]", 0xc5, 0xfc, 0x10, 0x0b),
    T("vmovups [rbx], ymm1", 0xc5, 0xfc, 0x11, 0x0b),
    T("vmovaps ymm1, [rbx]", 0xc5, 0xfc, 0x28, 0x0b),
    T("vpaddd ymm1, ymm2, [rbx]", 0xc5, 0xed, 0xfe, 0x0b),
    T("fld dword [rbx]", 0xd9, 0x03),
    T("fstp qword [rbx]", 0xdd, 0x1b),
    T("fld tbyte [rbx]", 0xdb, 0x2b),
    T("fstp tbyte [rbx]", 0xdb, 0x3b),
    T("fadd qword [rbx]", 0xdc, 0x03),
    T("fistp word [rbx]", 0xdf, 0x1b),
    T("fldcw [rbx]", 0xd9, 0x2b),
    T("fnstcw [rbx]", 0xd9, 0x3b),
    T("fnstsw [rbx]", 0xdd, 0x3b),
    T("fnstenv [rbx]", 0xd9, 0x33),
    T("ldmxcsr [rbx]", 0x0f, 0xae, 0x13),
    T("stmxcsr [rbx]", 0x0f, 0xae, 0x1b),
    T("vstmxcsr [rbx]", 0xc5, 0xf8, 0xae, 0x1b),
    T("movq mm1, [rbx]", 0x0f, 0x6f, 0x0b),
    T("movq [rbx], mm1", 0x0f, 0x7f, 0x0b),
    T("paddd mm1, [rbx]", 0x0f, 0xfe, 0x0b),
    T("cvttpd2pi mm1, [rbx]", 0x66, 0x0f, 0x2c, 0x0b),
    T("push rax", 0x50),
    T("push r15", 0x41, 0x57),
    T("push imm", 0x68, 1, 2, 3, 4),
    T("push qword [rbx]", 0xff, 0x33),
    T("pushfq", 0x9c),
    T("pop rax", 0x58),
    T("pop rsp", 0x5c),
    T("pop r12", 0x41, 0x5c),
    T("leave", 0xc9),
    T("call +0", 0xe8, 0, 0, 0, 0),
    T("call rcx", 0xff, 0xd1),
    T("call [rbx]", 0xff, 0x13),
    T("jmp [rbx]", 0xff, 0x23),
    T("ret", 0xc3),
    T("ret 16", 0xc2, 16, 0),
    T("rep movsb", 0xf3, 0xa4),
    T("rep stosq", 0xf3, 0x48, 0xab),
    T("two loads", 0x48, 0x8b, 0x03, 0x8b, 0x4b, 0x08),
    T("a load and a store below", 0x48, 0x8b, 0x03, 0x4c, 0x89, 0x63, 0xf8),
    T("a store and an operation", 0x88, 0x43, 0x1f, 0x48, 0x03, 0x4b, 0x10, 0x11, 0x0b),
    T("stores to both pages", 0x48, 0x89, 0x43, 0xf0, 0x48, 0x89, 0x8b, 0x00, 0x01, 0, 0),
    T("the base is loaded last", 0x8b, 0x4b, 0x04, 0x48, 0x8b, 0x1b, 0x90),
    T("the base is written between", 0x8b, 0x43, 0x04, 0x48, 0xff, 0xc3, 0x88, 0x4b, 0x04),
    T("the base's second byte is written between", 0x8b, 0x43, 0x04, 0xb7, 0x91, 0x8a, 0x4b, 0x04),
    T("a branch between", 0x3b, 0x43, 0x04, 0x75, 0x00, 0x48, 0x89, 0x4b, 0x10),
    T("loads with an index", 0x48, 0x8b, 0x04, 0x13, 0x48, 0x8b, 0x4c, 0x13, 0x18),
    T("vectors, one aligned", 0x0f, 0x10, 0x4b, 0xf4, 0x66, 0x0f, 0x6f, 0x53, 0x10),
    T("vectors, two aligned", 0x0f, 0x29, 0x4b, 0x10, 0xc5, 0xfd, 0x6f, 0x53, 0x20),
    T("vectors, both aligned, not to each other", 0x0f, 0x28, 0x0b, 0x0f, 0x28, 0x53, 0x08),
    T("pop rsp, and from there", 0x5c, 0x58),
    T("loads by fs", 0x64, 0x8b, 0x03, 0x64, 0x48, 0x8b, 0x4b, 0x08),
    T("loads by fs and ds", 0x64, 0x8b, 0x03, 0x48, 0x8b, 0x4b, 0x08),
    T("mov rax, fs:[rbx]", 0x64, 0x48, 0x8b, 0x03),
    T("mov [ebx], eax", 0x67, 0x89, 0x03),
};

static const struct template templates_32[] = {
    T("mov al, [ebx]", 0x8a, 0x03),
    T("mov ah, [ebx]", 0x8a, 0x23),
    T("mov ax, [ebx]", 0x66, 0x8b, 0x03),
    T("mov eax, [ebx]", 0x8b, 0x03),
    T("mov ebp, [ebx]", 0x8b, 0x2b),
    T("mov [ebx], ch", 0x88, 0x2b),
    T("mov [ebx], esp", 0x89, 0x23),
    T("mov eax, [ebx + 8 * esi]", 0x8b, 0x04, 0xf3),
    T("mov dword [ebx], imm", 0xc7, 0x03, 1, 2, 3, 4),
    T("movzx ecx, byte [ebx]", 0x0f, 0xb6, 0x0b),
    T("add [ebx], ecx", 0x01, 0x0b),
    T("sbb ebp, [ebx]", 0x1b, 0x2b),
    T("cmp [ebx], ecx", 0x39, 0x0b),
    T("inc dword [ebx]", 0xff, 0x03),
    T("neg byte [ebx]", 0xf6, 0x1b),
    T("rcl dword [ebx], cl", 0xd3, 0x13),
    T("bts dword [ebx], 7", 0x0f, 0xba, 0x2b, 7),
    T("btc [ebx], edx", 0x0f, 0xbb, 0x13),
    T("btc [ebx], ecx", 0x0f, 0xbb, 0x0b),
    T("div dword [ebx]", 0xf7, 0x33),
    T("idiv dword [ebx]", 0xf7, 0x3b),
    T("xchg [ebx], ecx", 0x87, 0x0b),
    T("lock sbb [ebx], ecx", 0xf0, 0x19, 0x0b),
    T("lock btc [ebx], edx", 0xf0, 0x0f, 0xbb, 0x13),
    T("lock xadd [ebx], ecx", 0xf0, 0x0f, 0xc1, 0x0b),
    T("lock cmpxchg8b [ebx]", 0xf0, 0x0f, 0xc7, 0x0b),
    T("movups [ebx], xmm1", 0x0f, 0x11, 0x0b),
    T("movaps xmm1, [ebx]", 0x0f, 0x28, 0x0b),
    T("vmovups ymm1, [ebx]", 0xc5, 0xfc, 0x10, 0x0b),
    T("push eax", 0x50),
    T("push ebp", 0x55),
    T("push imm", 0x68, 1, 2, 3, 4),
    T("push dword [ebx]", 0xff, 0x33),
    T("push es", 0x06),
    T("push fs", 0x0f, 0xa0),
    T("pushfd", 0x9c),
    T("pusha", 0x60),
    T("popa", 0x61),
    T("pop eax", 0x58),
    T("pop esp", 0x5c),
    T("leave", 0xc9),
    T("call +0", 0xe8, 0, 0, 0, 0),
    T("call ecx", 0xff, 0xd1),
    T("call [ebx]", 0xff, 0x13),
    T("jmp [ebx]", 0xff, 0x23),
    T("ret", 0xc3),
    T("ret 16", 0xc2, 16, 0),
    T("rep movsb", 0xf3, 0xa4),
    T("rep stosd", 0xf3, 0xab),
    T("pop esp, and from there", 0x5c, 0x58),
    T("two loads", 0x8b, 0x03, 0x8b, 0x4b, 0x08),
    T("a load and a store below", 0x8b, 0x03, 0x89, 0x6b, 0xf8),
    T("an operation and a store", 0x03, 0x43, 0x1f, 0x89, 0x4b, 0x10),
    T("the base's second byte is written between", 0x8b, 0x43, 0x04, 0xb7, 0x91, 0x8a, 0x4b, 0x04),
    T("stores by gs", 0x65, 0x89, 0x03, 0x65, 0x88, 0x4b, 0x40),
    T("mov eax, fs:[ebx]", 0x64, 0x8b, 0x03),
    T("mov gs:[ebx], eax", 0x65, 0x89, 0x03),
    T("mov cs:[ebx], eax", 0x2e, 0x89, 0x03),
    T("mov eax, cs:[ebx]", 0x2e, 0x8b, 0x03),
    T("mov [bx], eax", 0x67, 0x89, 0x07),
#undef T
};

/* ---- places ----------------------------------------------------------------------------------- */

/* Rights and memory of the two pages, and where the operand lies; `linear` instead of in the first of them. */
static const struct operand_place {
    const char *name;
    uint64_t first, second, linear;
    unsigned at;
    bool code; /* something in the page has been translated */
} places[] = {
    { "plain", ALL, ALL, 0, 0x100, false },
    { "unaligned", ALL, ALL, 0, 0x101, false },
    { "the page's end", ALL, ALL, 0, PAGE - 32, false },
    { "clean", ALL & ~D, ALL, 0, 0x100, false },
    { "never accessed", ALL & ~(A | D), ALL, 0, 0x100, false },
    { "read-only", ALL & ~W, ALL, 0, 0x100, false },
    { "not present", 0, ALL, 0, 0x100, false },
    { "the supervisor's", ALL & ~U, ALL, 0, 0x100, false },
    { "a device", DEVICE_AT | ALL, ALL, 0, 0x100, false },
    { "ROM", ROM_AT | ALL, ALL, 0, 0x100, false },
    { "code in the page", ALL, ALL, 0, 0x100, true },
    { "two pages", ALL, ALL, 0, PAGE - 1, false },
    { "the second not present", ALL, 0, 0, PAGE - 1, false },
    { "the second read-only", ALL, ALL & ~W, 0, PAGE - 1, false },
    { "the second a device", ALL, DEVICE_AT | ALL, 0, PAGE - 1, false },
    { "the first not present, two pages", 0, ALL, 0, PAGE - 1, false },
    { "not canonical", ALL, ALL, UINT64_C(0x8000000000000100), 0, false },
    { "not canonical, of a known page's index", ALL, ALL,
      UINT64_C(0x4000000000000000) | (WINDOW + FIRST), 0, false },
    { "the canonical end", ALL, ALL, UINT64_C(0x7fffffffffff), 0, false },
    { "the address space's end", ALL, ALL, UINT64_C(0xffffffffffffffff), 0, false },
    /* Free entries have the tag of an index two further on: an address of that page, and those that overflow. */
    { "address 0", ALL, ALL, UINT64_C(0x10), 0, false },
    { "page 2", ALL, ALL, UINT64_C(0x2010), 0, false },
    { "page 4094", ALL, ALL, UINT64_C(0xffe010), 0, false },
    { "minus page 2", ALL, ALL, UINT64_C(0xffffffffffffe010), 0, false },
};

struct world {
    struct rig rig;
    enum x86_code code;
    struct trans *t;
    uint8_t *rom;
};

struct seen {
    struct x86_state s;
    struct cpu_exit exit;
    uint8_t ram[RIG_RAM];
    uint64_t insns;
    int raised;
    bool ok;
};

static void world_open(struct world *w, enum x86_code code, unsigned cpus)
{
    struct mem_slot slot = { .base = ROM_AT, .len = PAGE, .kind = MEM_ROM, .name = "rom" };
    struct soft_cpu *c;

    c = trans_rig_open(&w->rig);
    w->code = code;
    w->rig.m->ncpus_planned = cpus;
    w->rom = aligned_alloc(PAGE, PAGE);
    assert_non_null(w->rom);
    memset(w->rom, 0x5a, PAGE);
    slot.host = w->rom;
    assert_int_equal(machine_add_mem(w->rig.m, &slot, NULL), 0);
    assert_int_equal(
        trans_new(c, &(struct trans_config){ .cache_len = 1 << 20, .prove = true }, &w->t, NULL),
        0);
    c->trans = w->t;
}

static void world_close(struct world *w)
{
    trans_free(w->t);
    trans_rig_close(&w->rig);
    free(w->rom);
}

/* ---- one cell --------------------------------------------------------------------------------- */

static void map(struct world *w, const struct operand_place *p)
{
    uint64_t pte[2] = { p->first, p->second };

    for (unsigned i = 0; i < 2; i++) {
        unsigned at = FIRST + i * PAGE;

        if (pte[i] != 0 && pte[i] < PAGE)
            pte[i] |= RIG_DATA + at - WINDOW_DATA;
        le_put(w->rig.ram + TABLE_AT + 8 * (size_t)(at / PAGE), 8, pte[i]);
    }
}

/* The template; test al, al where flags shall be dead; a jump, which a branch lands at too. */
static unsigned put_code(struct world *w, const struct template *t, bool dead)
{
    uint8_t *code = w->rig.code + 0x800;
    unsigned at = t->len;

    memset(w->rig.code, 0x90, PAGE);
    memcpy(code, t->bytes, t->len);
    if (dead) {
        code[at++] = 0x84;
        code[at++] = 0xc0;
    }
    code[at++] = 0xeb;
    code[at++] = 0;
    return at;
}

static void set_regs(struct world *w, uint64_t place)
{
    struct soft_cpu *c = w->rig.c;
    struct soft_fx *fx = (struct soft_fx *)(void *)c->s.xsave;

    for (unsigned i = 0; i < X86_NGPR; i++)
        c->s.gpr[i] = 0x1111111111 * (i + 1);
    c->s.gpr[X86_RCX] = WINDOW + 0x900; /* a target, and a count for shifts and strings */
    c->s.gpr[X86_RDX] = 0;
    c->s.gpr[X86_RBX] = c->s.gpr[X86_RBP] = c->s.gpr[X86_RDI] = place;
    c->s.gpr[X86_RSP] = place;
    c->s.gpr[X86_RSI] = WINDOW + WINDOW_DATA + 0x10;
    c->s.rip = WINDOW + 0x800;
    c->s.rflags = X86_RFLAGS_FIXED | X86_RFLAGS_IF | X86_RFLAGS_CF | X86_RFLAGS_OF;
    c->s.cr2 = 0;
    memset(fx, 0x3c, XSAVE_LEN);
    memset((uint8_t *)fx + FX_LEGACY, 0, 64);
    fx->fcw = FCW_INIT;
    fx->fsw = 0;
    fx->reserved1 = 0;
    for (unsigned i = 0; i < 8; i++)
        memset(fx->st[i] + 10, 0, 6);
    fx->mxcsr = MXCSR_INIT;
    fx->xstate_bv = FX_ALL;
}

/* What the table of pages may know from before: a page with code is one that was executed. */
static void begin(struct world *w, const struct operand_place *p, const uint8_t *ram,
                  uint64_t place)
{
    struct soft_cpu *c = w->rig.c;

    memcpy(w->rig.ram, ram, RIG_RAM);
    trans_rig_mode(&w->rig, w->code);
    c->naccesses = 0;
    c->waiting = false;
    c->insns = 0;
    c->stop.kind = SOFT_GOES_ON;
    c->raised = -1;
    memset(&c->vcpu->exit, 0, sizeof(c->vcpu->exit));
    trans_reset(w->t);
    soft_mode_changed(c);
    soft_flush(c, true);
    if (p->code) { /* a jump to itself, at the page's end */
        c->s.rip = WINDOW + FIRST + PAGE - 2;
        (void)trans_burst(w->t, 20, false);
        c->insns = 0;
    }
    set_regs(w, place);
}

static void keep(struct world *w, struct seen *to, bool ok)
{
    const struct soft_cpu *c = w->rig.c;

    to->s = c->s;
    to->exit = c->vcpu->exit;
    to->insns = c->insns;
    to->raised = c->raised;
    to->ok = ok;
    memcpy(to->ram, w->rig.ram, RIG_RAM);
}

static bool interpret(struct world *w, const struct seen *as)
{
    struct soft_cpu *c = w->rig.c;

    while (c->insns < as->insns) {
        if (!soft_advance(c))
            return false;
    }
    return as->ok || soft_advance(c);
}

static const char *difference(struct seen *a, struct seen *b, bool dead)
{
    bool stopped = !b->ok;

    /* Where nobody reads flags before they are written, they need not be right. */
    if (dead || stopped) {
        a->s.rflags &= ~(uint64_t)ARITHMETIC;
        b->s.rflags &= ~(uint64_t)ARITHMETIC;
    }
    if (a->ok != b->ok || a->insns != b->insns || a->raised != b->raised)
        return "another end";
    if (memcmp(a->s.gpr, b->s.gpr, sizeof(a->s.gpr)) != 0 || a->s.rip != b->s.rip)
        return "registers";
    if (a->s.rflags != b->s.rflags)
        return "flags";
    if (a->s.cr2 != b->s.cr2)
        return "CR2";
    if (memcmp(a->s.xsave, b->s.xsave, XSAVE_LEN) != 0)
        return "vectors";
    if (memcmp(&a->exit, &b->exit, sizeof(a->exit)) != 0)
        return "the exit";
    return memcmp(a->ram, b->ram, RIG_RAM) != 0 ? "memory" : NULL;
}

static unsigned count(const struct template *t, enum x86_code code)
{
    struct x86_insn in;
    unsigned n = 0;

    for (unsigned at = 0; at < t->len; at += in.len, n++)
        assert_int_equal(x86_decode(t->bytes + at, t->len - at, code, &in), X86_DECODE_OK);
    return n;
}

/* Twice: the second time what was looked up is known, where it can be. */
static void check_cell(struct world *w, const struct template *t, const struct operand_place *p,
                       bool dead)
{
    static struct seen trans, interp;
    static uint8_t ram[RIG_RAM];
    uint64_t place = p->linear != 0 ? p->linear : WINDOW + FIRST + p->at;
    unsigned n = count(t, w->code);
    const char *wrong;

    (void)put_code(w, t, dead);
    for (unsigned i = 0; i < WINDOW_DATA_LEN; i += 8)
        le_put(w->rig.data + i, 8,
               WINDOW + 0x900 + (i / 8 % 3)); /* a target; no divisor is small */
    w->rig.data[2 * PAGE - 2] = 0xeb;
    w->rig.data[2 * PAGE - 1] = 0xfe;
    map(w, p);
    memcpy(ram, w->rig.ram, RIG_RAM);
    for (unsigned i = 0; i < RUNS; i++) {
        begin(w, p, ram, place);
        if (i > 0) {
            (void)trans_burst(w->t, n, false);
            /* The tables keep their accessed and dirty bits, as what is known of them does. */
            memcpy(w->rig.ram + RIG_CODE, ram + RIG_CODE, RIG_RAM - RIG_CODE);
            set_regs(w, place);
            w->rig.c->insns = 0;
            w->rig.c->naccesses = 0;
            w->rig.c->waiting = false;
            w->rig.c->raised = -1;
            memset(&w->rig.c->vcpu->exit, 0, sizeof(w->rig.c->vcpu->exit));
        }
        keep(w, &trans, trans_burst(w->t, n, false));
        begin(w, p, ram, place);
        keep(w, &interp, interpret(w, &trans));
        wrong = difference(&interp, &trans, dead);
        if (wrong != NULL)
            fail_msg("%s, %s, flags %s, time %u: %s; ok %d %d, insns %lu %lu, raised %d %d",
                     t->name, p->name, dead ? "dead" : "live", i + 1, wrong, interp.ok, trans.ok,
                     (unsigned long)interp.insns, (unsigned long)trans.insns, interp.raised,
                     trans.raised);
    }
}

static void check_matrix(enum x86_code code, unsigned cpus, const struct template *all, size_t n)
{
    struct trans_stats stats;
    unsigned cells = 0;
    struct world w;

    world_open(&w, code, cpus);
    for (size_t t = 0; t < n; t++) {
        for (unsigned p = 0; p < ARRAY_LEN(places); p++) {
            check_cell(&w, &all[t], &places[p], false);
            check_cell(&w, &all[t], &places[p], true);
            cells += 2;
        }
    }
    trans_stats_get(w.t, &stats);
    printf(
        "%u-bit code for %u CPUs: %u cells, %lu instructions by translated code, 0 differences\n",
        (unsigned)code, cpus, cells, (unsigned long)stats.insns);
    assert_true(stats.insns > cells);
    world_close(&w);
}

static void test_matrix(void **state)
{
    (void)state;
    check_matrix(X86_CODE_64, 1, templates, ARRAY_LEN(templates));
}

static void test_matrix_32(void **state)
{
    (void)state;
    check_matrix(X86_CODE_32, 1, templates_32, ARRAY_LEN(templates_32));
}

/* As it is translated for several CPUs: LOCK stays, and what others may write is looked up. */
static void test_matrix_several_cpus(void **state)
{
    (void)state;
    check_matrix(X86_CODE_64, 2, templates, ARRAY_LEN(templates));
    check_matrix(X86_CODE_32, 2, templates_32, ARRAY_LEN(templates_32));
}

/* Between RAM and ROM there is nothing: what is read there is no instruction, and nothing is translated of it. */
static void test_code_in_a_hole(void **state)
{
    struct world w;

    (void)state;
    for (unsigned at = 0; at < PAGE; at += PAGE - 4) {
        world_open(&w, X86_CODE_64, 1);
        le_put(w.rig.ram + TABLE_AT + 8 * (size_t)(FIRST / PAGE), 8, (ROM_AT - PAGE) | ALL);
        soft_flush(w.rig.c, true);
        w.rig.c->s.rip = WINDOW + FIRST + at;
        assert_true(trans_burst(w.t, 10, false));
        assert_int_equal(w.rig.c->insns, 0);
        assert_false(soft_advance(w.rig.c));
        assert_int_equal(w.rig.c->vcpu->exit.kind, EXIT_SHUTDOWN);
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_matrix_32),
        cmocka_unit_test(test_matrix_several_cpus),
        cmocka_unit_test(test_code_in_a_hole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
