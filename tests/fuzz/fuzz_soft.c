/* SPDX-License-Identifier: MIT */
/*
 * fuzz_soft.c - code and page tables that a fuzzer made up, on the software CPU
 *
 * Input: a head of HEAD_BYTES (start mode, control registers, flags, registers: layout in head_state), CODE_BYTES
 * of code, then patches of PATCH_BYTES: where in memory, and eight bytes for that place. Memory starts with
 * descriptor tables, a TSS, page tables and handlers that go on behind what has faulted, so that code gets far
 * and patches spoil what it stands on.
 *
 * Each input runs twice: an instruction at a time, then by the fast handlers; both must end the same.
 *
 * Guest memory lies alone between wide forbidden regions: an access anywhere else ends the process. After the
 * run the state must be one that a CPU can have, and no address of the host may be in guest memory or registers.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "core/machine.h"
#include "engine/soft/soft.h"
#include "engine/soft/soft_priv.h"
#include "fuzz.h"
#include "x86/start.h"

enum {
    RAM = 256 * 1024,
    ROM = 16 * 1024,
    ROM_AT = 0xe0000,
    GUARD = 16 << 20,
    RESERVED = 3 * GUARD + RAM + ROM,
    HEAD_BYTES = 48,
    CODE_BYTES = 64,
    PATCH_BYTES = 10,
    STEPS = 256, /* instructions and exceptions */
    EXITS = 200,
};

enum {
    AT_CODE = 0x1000,
    AT_GDT = 0x2000,
    AT_IDT = 0x3000,
    AT_TSS = 0x4000,
    AT_HANDLERS = 0x5000,
    AT_TABLES = 0x8000,
    TOP_RING0 = 0x20000,
    TOP_STACK = 0x30000,
};

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* ---- memory ---------------------------------------------------------------------------------- */

/* guard, RAM, guard, ROM, guard */
static uint8_t *reserved, *ram, *rom;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    reserved = mmap(NULL, RESERVED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(reserved != MAP_FAILED);
    ram = reserved + GUARD;
    rom = ram + RAM + GUARD;
    CHECK(mprotect(ram, RAM, PROT_READ | PROT_WRITE) == 0);
    CHECK(mprotect(rom, ROM, PROT_READ) == 0);
    return 0;
}

static void put(unsigned at, unsigned width, uint64_t val)
{
    le_put(ram + at, width, val);
}

/* ---- what code stands on --------------------------------------------------------------------- */

enum head_mode {
    HEAD_REAL,
    HEAD_PROTECTED,
    HEAD_PAGED32,
    HEAD_PAE,
    HEAD_LONG,
    HEAD_COMPAT,
    HEAD_MODES
};

/* Selectors 8, 10 and so on; a TSS and an LDT of 16 bytes for long mode. */
static const uint64_t gdt[] = {
    0,
    0x00cf9b000000ffff, /* 08 code, 32-bit */
    0x00cf93000000ffff, /* 10 data */
    0x00cffb000000ffff, /* 18 code, ring 3 */
    0x00cff3000000ffff, /* 20 data, ring 3 */
    0x00af9b000000ffff, /* 28 code, 64-bit */
    0x00affb000000ffff, /* 30 code, 64-bit, ring 3 */
    0x00009b000000ffff, /* 38 code, 16-bit */
    0x00008b0040000067, /* 40 TSS, busy */
    0,
    0x0000890041000067, /* 50 TSS */
    0,
    0x00cf9f000000ffff, /* 60 conforming code */
    0x0000ec0000085000, /* 68 call gate to 08 */
    0x0000e50000500000, /* 70 task gate */
    0x00cf97000000ffff, /* 78 data, expand-down */
    0x000082004200ffff, /* 80 LDT */
    0,
};

/* Each handler lets the code go on one byte behind what has faulted; an error code is dropped first. */
static void fill_handlers(bool is_long, bool is_real)
{
    static const uint8_t real[] = { 0xcf }, legacy[] = { 0xff, 0x04, 0x24, 0xcf },
                         legacy_error[] = { 0x83, 0xc4, 0x04, 0xff, 0x04, 0x24, 0xcf },
                         wide[] = { 0x48, 0xff, 0x04, 0x24, 0x48, 0xcf },
                         wide_error[] = {
                             0x48, 0x83, 0xc4, 0x08, 0x48, 0xff, 0x04, 0x24, 0x48, 0xcf
                         };

    for (unsigned v = 0; v < 64; v++) {
        bool error = v == 8 || (v >= 10 && v <= 14) || v == 17;
        uint8_t *at = ram + AT_HANDLERS + 16 * v;

        if (is_real)
            memcpy(at, real, sizeof(real));
        else if (is_long && error)
            memcpy(at, wide_error, sizeof(wide_error));
        else if (is_long)
            memcpy(at, wide, sizeof(wide));
        else if (error)
            memcpy(at, legacy_error, sizeof(legacy_error));
        else
            memcpy(at, legacy, sizeof(legacy));
    }
}

static void fill_idt(bool is_long, bool is_real)
{
    for (unsigned v = 0; v < 64; v++) {
        uint64_t handler = AT_HANDLERS + 16 * v;

        if (is_real)
            put(4 * v, 4, handler);
        else if (is_long)
            put(AT_IDT + 16 * v, 8, handler | 0x28 << 16 | UINT64_C(0xee00) << 32);
        else
            put(AT_IDT + 8 * v, 8, handler | 0x08 << 16 | UINT64_C(0xee00) << 32);
    }
}

/* Identity: 2 MiB in small pages where the form has them below, else large ones. */
static void fill_tables(enum head_mode mode)
{
    switch (mode) {
    case HEAD_PAGED32:
        put(AT_TABLES, 4, (AT_TABLES + 0x1000) | 7);
        for (unsigned i = 0; i < 1024; i++)
            put(AT_TABLES + 0x1000 + 4 * i, 4, i << 12 | 7);
        put(AT_TABLES + 4, 4, 0x87);
        break;
    case HEAD_PAE:
        put(AT_TABLES, 8, (AT_TABLES + 0x2000) | 1);
        put(AT_TABLES + 8, 8, (AT_TABLES + 0x2000) | 1);
        break;
    default:
        put(AT_TABLES, 8, (AT_TABLES + 0x1000) | 7);
        put(AT_TABLES + 8 * 511, 8, (AT_TABLES + 0x1000) | 7);
        put(AT_TABLES + 0x1000, 8, (AT_TABLES + 0x2000) | 7);
        put(AT_TABLES + 0x1000 + 8 * 511, 8, 0x87);
    }
    if (mode == HEAD_PAGED32)
        return;
    put(AT_TABLES + 0x2000, 8, (AT_TABLES + 0x3000) | 7);
    put(AT_TABLES + 0x2008, 8, 0x87);
    for (unsigned i = 0; i < 512; i++)
        put(AT_TABLES + 0x3000 + 8 * i, 8, i << 12 | 7);
}

static void fill_memory(enum head_mode mode, const uint8_t *data, size_t size)
{
    bool is_long = mode >= HEAD_LONG;
    size_t code = size < CODE_BYTES ? size : CODE_BYTES;

    memset(ram, 0, RAM);
    for (unsigned i = 0; i < ARRAY_LEN(gdt); i++)
        put(AT_GDT + 8 * i, 8, gdt[i]);
    put(AT_TSS + 4, is_long ? 8 : 4, TOP_RING0);
    if (!is_long)
        put(AT_TSS + 8, 2, 0x10);
    put(AT_TSS + 0x66, 2, 0x68);
    fill_handlers(is_long, mode == HEAD_REAL);
    fill_idt(is_long, mode == HEAD_REAL);
    fill_tables(mode);
    memcpy(ram + AT_CODE, data, code);
    for (data += code, size -= code; size >= PATCH_BYTES; data += PATCH_BYTES, size -= PATCH_BYTES)
        memcpy(ram + le_get(data, 2) * 8 % RAM, data + 2, 8);
}

/* ---- registers ------------------------------------------------------------------------------- */

static struct x86_seg segment(unsigned selector)
{
    uint64_t raw = gdt[selector >> 3];
    uint32_t limit = (uint32_t)((raw & 0xffff) | (raw >> 32 & 0xf0000));

    return (struct x86_seg){
        .base = (raw >> 16 & 0xffffff) | (raw >> 32 & 0xff000000),
        .limit = raw >> 55 & 1 ? limit << 12 | 0xfff : limit,
        .selector = (uint16_t)selector,
        .type = raw >> 40 & 0xf,
        .s = raw >> 44 & 1,
        .dpl = raw >> 45 & 3,
        .present = raw >> 47 & 1,
        .l = raw >> 53 & 1,
        .db = raw >> 54 & 1,
        .g = raw >> 55 & 1,
    };
}

/* A register by one byte: small numbers, places in memory, edges. */
static uint64_t value(uint8_t seed)
{
    static const uint64_t edges[] = {
        0,
        UINT64_MAX,
        UINT64_C(0x7fffffffffff),
        UINT64_C(0xffff800000000000),
        0x7fffffff,
        0xfffffffe,
        0xffff,
        RAM - 1,
        ROM_AT,
        0x10000000,
        0x80000000,
        RAM - 4,
        0xfffff,
        UINT64_C(0x800000000000),
        AT_TABLES,
        AT_GDT,
    };

    return seed < 64    ? seed
           : seed < 240 ? (uint64_t)(seed - 64) * (RAM / 176) + (seed & 15)
                        : edges[seed - 240];
}

/* Byte 0: mode, ring 3; 1: what CR0, CR4 and EFER have more; 2: flags; 8..23: registers; 24: debug registers. */
static void head_state(const uint8_t *head, enum head_mode mode, struct x86_state *s)
{
    bool ring3 = head[0] & 0x80 && mode != HEAD_REAL;
    unsigned data = ring3 ? 0x23 : 0x10, code;

    x86_start_state(mode == HEAD_REAL ? X86_START_REAL : X86_START_PROTECTED, AT_CODE, TOP_STACK,
                    AT_TABLES, s);
    for (unsigned i = 0; i < X86_NGPR; i++) {
        if (i != X86_RSP)
            s->gpr[i] = value(head[8 + i]);
    }
    s->rflags = 2 | (le_get(head + 2, 4) & 0x247ed5) | (head[6] & 1 ? X86_RFLAGS_AC : 0);
    s->dr[0] = value(head[24]);
    s->dr[1] = value(head[25]);
    s->dr7 = 0x400 | (le_get(head + 26, 4) & 0xffff23ff);
    if (mode == HEAD_REAL) {
        s->gpr[X86_RSP] = 0xff00;
        return;
    }
    code = mode == HEAD_LONG ? (ring3 ? 0x33u : 0x28u) : (ring3 ? 0x1bu : 0x08u);
    s->gdtr = (struct x86_dtable){ AT_GDT, sizeof(gdt) - 1 };
    s->idtr = (struct x86_dtable){ AT_IDT, 64 * 16 - 1 };
    s->tr = segment(0x40);
    for (unsigned i = 0; i < X86_NSREG; i++)
        s->seg[i] = segment(i == X86_CS ? code : data);
    s->cr0 |= (head[1] & 1 ? X86_CR0_WP : 0) | (head[1] & 2 ? X86_CR0_AM : 0) | X86_CR0_NE;
    s->cr4 = X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | (head[1] & 4 ? X86_CR4_SMEP : 0) |
             (head[1] & 8 ? X86_CR4_SMAP : 0) | (head[1] & 16 ? X86_CR4_PSE : 0) |
             (head[1] & 32 ? X86_CR4_DE : 0);
    if (mode == HEAD_PROTECTED)
        return;
    s->cr0 |= X86_CR0_PG;
    s->cr3 = AT_TABLES;
    if (mode == HEAD_PAGED32)
        return;
    s->cr4 |= X86_CR4_PAE;
    s->efer = (head[1] & 64 ? X86_EFER_NXE : 0) | (head[1] & 128 ? X86_EFER_SCE : 0);
    if (mode >= HEAD_LONG)
        s->efer |= X86_EFER_LME | X86_EFER_LMA;
}

/* ---- afterwards ------------------------------------------------------------------------------ */

/* The fuzzer learns from comparisons. What it sees here it would put into its inputs. */
#define UNSEEN __attribute__((no_sanitize("address", "undefined", "coverage")))

UNSEEN static bool is_ours(uint64_t word)
{
    return word >= (uint64_t)reserved && word - (uint64_t)reserved < RESERVED;
}

UNSEEN static bool has_ours(const void *at, size_t len)
{
    const uint64_t *word = at;

    for (size_t i = 0; i < len / 8; i++) {
        if (is_ours(word[i]))
            return true;
    }
    return false;
}

/* Elsewhere addresses are compared too: an input may have one already. The upper two bytes are 0. */
UNSEEN static bool input_has_ours(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at + 6 <= size; at++) {
        uint64_t word = 0;

        memcpy(&word, data + at, 6);
        if (is_ours(word))
            return true;
    }
    return false;
}

static void check_leaks(const struct x86_state *s)
{
    CHECK(!has_ours(ram, RAM));
    CHECK(!has_ours(s->gpr, sizeof(s->gpr)));
    CHECK(!has_ours(s->xsave, s->xsave_len & ~7u));
}

static void check_state(const struct x86_state *s)
{
    const uint64_t fixed0 = BIT(3) | BIT(5) | BIT(15);
    bool pg = s->cr0 & X86_CR0_PG, lme = s->efer & X86_EFER_LME, lma = s->efer & X86_EFER_LMA;

    CHECK((s->rflags & X86_RFLAGS_FIXED) && !(s->rflags & fixed0) && s->rflags >> 22 == 0);
    CHECK(!pg || s->cr0 & X86_CR0_PE);
    CHECK(lma == (pg && lme));
    CHECK(!lma || s->cr4 & X86_CR4_PAE);
    CHECK(!(s->cr4 & X86_CR4_PCIDE) || lma);
    CHECK(x86_cpl(s) <= 3);
    CHECK(!(s->rflags & X86_RFLAGS_VM) || (x86_cpl(s) == 3 && s->cr0 & X86_CR0_PE && !lma));
    CHECK(s->dr6 >> 32 == 0 && s->dr7 >> 32 == 0 && s->dr7 & 0x400);
    if (x86_mode_of(s) != X86_MODE_LONG)
        CHECK(s->rip >> 32 == 0);
    CHECK(s->cr8 <= 15);
}

/* ---- one input ------------------------------------------------------------------------------- */

struct run {
    struct stop stop;
    struct x86_state state;
    uint64_t insns; /* completed */
    bool raised;    /* the last thing that happened was an exception */
    uint8_t memory[RAM];
};

static struct machine *new_machine(const struct x86_state *start)
{
    const struct mem_slot slots[] = {
        { .base = 0, .len = RAM, .host = ram, .kind = MEM_RAM, .name = "RAM" },
        { .base = ROM_AT, .len = ROM, .host = rom, .kind = MEM_ROM, .name = "ROM" },
    };
    struct machine *m;

    if (machine_new("fuzz", &soft_engine, &m, NULL) < 0)
        return NULL;
    m->ncpus_planned = 1;
    m->clock.counted = true; /* so that two runs are the same */
    CHECK(machine_open(m, NULL) == 0);
    for (unsigned i = 0; i < ARRAY_LEN(slots); i++)
        CHECK(machine_add_mem(m, &slots[i], NULL) == 0);
    CHECK(machine_add_cpu(m, start, NULL) == 0);
    return m;
}

static void note(void *ctx, const struct event *ev)
{
    if (ev->kind == EVENT_INSN)
        ((struct run *)ctx)->raised = ev->insn->raised >= 0;
}

/*
 * With a trace every instruction goes the long way, and exceptions count: a handler that faults for ever ends.
 * Without one it stops after so many instructions.
 */
static bool run(const struct x86_state *start, uint64_t insns, struct run *r)
{
    struct machine *m = new_machine(start);

    if (m == NULL)
        return false;
    r->raised = false;
    if (insns == 0) {
        m->sink = (struct event_sink){ .fn = note, .ctx = r };
        m->insn_trace = (struct insn_trace){ .on = true, .left = STEPS, .to = UINT64_MAX };
    }
    m->stop_at_insns = insns;
    m->stop_at_exits = EXITS;
    machine_run_cpu(m, 0, &r->stop);
    CHECK(r->stop.why == STOP_HALT || r->stop.why == STOP_SHUTDOWN || r->stop.why == STOP_COUNT);
    CHECK(m->engine->get(m->cpu[0], STATE_REGS | STATE_SREGS | STATE_REST, &r->state, NULL) == 0);
    r->insns = soft_of(m->cpu[0])->insns;
    memcpy(r->memory, ram, RAM);
    machine_free(m);
    return true;
}

static void check_same(const struct run *a, const struct run *b)
{
    const struct x86_state *s = &a->state, *t = &b->state;

    CHECK(memcmp(s->gpr, t->gpr, sizeof(s->gpr)) == 0);
    CHECK(s->rip == t->rip && s->rflags == t->rflags);
    CHECK(s->cr0 == t->cr0 && s->cr2 == t->cr2 && s->cr3 == t->cr3 && s->cr4 == t->cr4);
    CHECK(s->efer == t->efer && s->dr6 == t->dr6 && s->dr7 == t->dr7);
    CHECK(s->xsave_len == t->xsave_len && memcmp(s->xsave, t->xsave, s->xsave_len) == 0);
    CHECK(memcmp(a->memory, b->memory, RAM) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct x86_state start;
    static struct run slow, fast;
    enum head_mode mode;

    if (size < HEAD_BYTES)
        return 0;
    mode = (enum head_mode)((data[0] & 0x7f) % HEAD_MODES);
    fill_memory(mode, data + HEAD_BYTES, size - HEAD_BYTES);
    head_state(data, mode, &start);
    if (!run(&start, 0, &slow))
        return 0;
    check_state(&slow.state);
    if (!input_has_ours(data, size))
        check_leaks(&slow.state);
    if (slow.insns == 0 || slow.raised || slow.stop.why != STOP_COUNT)
        return 0; /* the same number of instructions is not the same place */
    fill_memory(mode, data + HEAD_BYTES, size - HEAD_BYTES);
    if (run(&start, slow.insns, &fast))
        check_same(&slow, &fast);
    return 0;
}
