/* SPDX-License-Identifier: MIT */
/*
 * fuzz_pvclock.c - KVM's clock on the software CPU: its MSRs, its pages in guest memory, a TSC that guests set
 *
 * Input: steps of an operation byte and its arguments (fuzz_take), zero when it ends in the middle. Two CPUs execute by
 * turns. Held after each step: memory has changed in the named place and nowhere else, and a page that nobody has
 * written over tells the machine's time. Memory lies between forbidden regions: an access elsewhere ends the process.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "core/machine.h"
#include "engine/soft/msr.h"
#include "engine/soft/ops.h"
#include "engine/soft/pvclock.h"
#include "engine/soft/soft.h"
#include "engine/soft/soft_priv.h"
#include "engine/soft/time.h"
#include "fuzz.h"
#include "x86/start.h"

enum { RAM = 16384, ROM = 4096, ROM_AT = 0xe0000, GUARD = 1 << 20, NCPUS = 2, STEPS_MAX = 4096 };
enum { PAGE_BYTES = 32, WALL_BYTES = 12, MSR_TSC = 0x10, MSR_TSC_ADJUST = 0x3b };

struct board {
    struct machine *m;
    uint64_t page
        [NCPUS]; /* where a CPU's page lies, untouched since it was written; UINT64_MAX: nowhere */
    uint64_t from, len; /* what this step may change */
    struct fuzz_input in;
};

static uint8_t *ram, shadow[RAM];

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    uint8_t *at = mmap(NULL, 3 * GUARD + RAM + ROM, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)argc, (void)argv;
    CHECK(at != MAP_FAILED);
    ram = at + GUARD;
    CHECK(mprotect(ram, RAM, PROT_READ | PROT_WRITE) == 0);
    CHECK(mprotect(ram + RAM + GUARD, ROM, PROT_READ) == 0);
    return 0;
}

static uint64_t take(struct board *b, unsigned bytes)
{
    return fuzz_take(&b->in, bytes);
}

/* ---- the machine ------------------------------------------------------------------------------- */

/* Made once: it takes longer than an input. */
static struct machine *build(void)
{
    const struct mem_slot slots[] = {
        { .base = 0, .len = RAM, .host = ram, .kind = MEM_RAM, .name = "RAM" },
        { .base = ROM_AT, .len = ROM, .host = ram + RAM + GUARD, .kind = MEM_ROM, .name = "ROM" },
    };
    static struct x86_state start;
    struct machine *m;

    x86_start_state(X86_START_PROTECTED, 0, 0, 0, &start);
    if (machine_new("fuzz", &soft_engine, &m, NULL) < 0)
        abort();
    m->ncpus_planned = NCPUS;
    m->clock.counted = true;
    CHECK(machine_open(m, NULL) == 0);
    for (unsigned i = 0; i < ARRAY_LEN(slots); i++)
        CHECK(machine_add_mem(m, &slots[i], NULL) == 0);
    for (unsigned i = 0; i < NCPUS; i++)
        CHECK(machine_add_cpu(m, &start, NULL) == 0);
    return m;
}

static struct soft_cpu *cpu_of(const struct board *b, unsigned i)
{
    return soft_of(b->m->cpu[i]);
}

/* As if it had just been made. */
static void begin(struct board *b)
{
    memset(ram, 0, RAM);
    memset(shadow, 0, RAM);
    b->m->clock.counted_ns = 0;
    for (unsigned i = 0; i < NCPUS; i++) {
        struct soft_cpu *c = cpu_of(b, i);

        c->insns = 0;
        soft_time_begin(c);
        soft_msr_reset(c);
        *c->sys.pvclock = (struct soft_pvclock){ 0 };
        b->page[i] = UINT64_MAX;
    }
}

static bool in_ram(uint64_t gpa, uint64_t len)
{
    return gpa < RAM && len <= RAM - gpa;
}

/* Memory at gpa is another's now. */
static void spoil(struct board *b, uint64_t gpa, uint64_t len)
{
    for (unsigned i = 0; i < NCPUS; i++) {
        if (b->page[i] != UINT64_MAX && b->page[i] < gpa + len && gpa < b->page[i] + PAGE_BYTES)
            b->page[i] = UINT64_MAX;
    }
}

/* ---- steps ------------------------------------------------------------------------------------- */

static uint64_t place(struct board *b)
{
    static const uint64_t edges[] = {
        RAM,        RAM - 4,     RAM - 12, RAM - 16,         RAM - 32,
        ROM_AT - 4, ROM_AT,      RAM - 28, UINT64_MAX - 3,   UINT64_MAX & ~UINT64_C(31),
        0xfee00000, 0x100000000, 0,        ROM_AT + ROM - 32
    };
    uint64_t how = take(b, 1);

    if (how < 0xc0)
        return take(b, 2) % RAM;
    return how < 0xf0 ? edges[how % ARRAY_LEN(edges)] : take(b, 8);
}

/* The CPU writes its page anew, if it has one. */
static void expect_page(struct board *b, unsigned cpu)
{
    uint64_t val = cpu_of(b, cpu)->msrs.system_time, gpa = val & ~UINT64_C(1);

    if (!(val & 1) || !in_ram(gpa, PAGE_BYTES))
        return;
    spoil(b, gpa, PAGE_BYTES);
    b->page[cpu] = b->from = gpa;
    b->len = PAGE_BYTES;
    CHECK(le_get(ram + gpa, 4) % 2 == 0);
}

static void do_system_time(struct board *b, unsigned cpu)
{
    uint64_t val = place(b) | (take(b, 1) & 1);
    bool taken = soft_write_msr(cpu_of(b, cpu), SOFT_MSR_SYSTEM_TIME, val);

    CHECK(taken == !(val & 2));
    if (!taken)
        return;
    b->page[cpu] = UINT64_MAX;
    CHECK(cpu_of(b, cpu)->msrs.system_time == val);
    expect_page(b, cpu);
}

static void do_wall_clock(struct board *b, unsigned cpu)
{
    uint64_t gpa = place(b);
    bool taken = soft_write_msr(cpu_of(b, cpu), SOFT_MSR_WALL_CLOCK, gpa);

    CHECK(taken == !(gpa & 3));
    if (!taken || !in_ram(gpa, WALL_BYTES))
        return;
    spoil(b, gpa, WALL_BYTES);
    b->from = gpa;
    b->len = WALL_BYTES;
    CHECK(le_get(ram + gpa, 4) % 2 == 0 && le_get(ram + gpa + 8, 4) < 1000000000);
}

static void do_tsc(struct board *b, unsigned cpu)
{
    uint32_t msr = take(b, 1) & 1 ? MSR_TSC : MSR_TSC_ADJUST;

    CHECK(soft_write_msr(cpu_of(b, cpu), msr, take(b, 8)));
    expect_page(b, cpu);
}

static void do_time(struct board *b, unsigned cpu)
{
    cpu_of(b, cpu)->insns += take(b, 2) << (take(b, 1) & 31);
    soft_time_end(cpu_of(b, cpu));
}

static void do_scribble(struct board *b, unsigned cpu)
{
    uint64_t at = take(b, 2) % (RAM - 8);

    (void)cpu;
    le_put(ram + at, 8, take(b, 8));
    le_put(shadow + at, 8, le_get(ram + at, 8));
    spoil(b, at, 8);
}

/* To a state and back, or to a checkpoint and back: neither writes to memory, and the page goes on. */
static void do_move(struct board *b, unsigned cpu)
{
    static struct x86_state state;
    struct vcpu *v = b->m->cpu[cpu];
    const unsigned parts = STATE_REGS | STATE_SREGS | STATE_REST;

    if (take(b, 1) & 1) {
        uint8_t *saved = malloc(SOFT_SAVED);

        CHECK(saved != NULL);
        soft_cpu_save(v, saved);
        soft_cpu_load(v, saved);
        free(saved);
    } else {
        CHECK(b->m->engine->get(v, parts, &state, NULL) == 0);
        CHECK(b->m->engine->set(v, parts, &state, NULL) == 0);
    }
}

static void do_reset(struct board *b, unsigned cpu)
{
    soft_msr_reset(cpu_of(b, cpu));
    b->page[cpu] = UINT64_MAX;
}

static void (*const steps[])(struct board *b, unsigned cpu) = {
    do_system_time, do_system_time, do_wall_clock, do_tsc, do_time, do_scribble, do_move, do_reset,
};

/* ---- what must hold ---------------------------------------------------------------------------- */

/* As a guest reads it: "pvclock" in the kernel's documents. */
static uint64_t told_ns(const struct soft_cpu *c, uint64_t gpa)
{
    const uint8_t *p = ram + gpa;
    uint64_t delta = soft_tsc(c) - le_get(p + 8, 8);
    int shift = (int8_t)p[28];

    delta = shift >= 0 ? delta << shift : delta >> -shift;
    return le_get(p + 16, 8) + (uint64_t)((unsigned __int128)delta * le_get(p + 24, 4) >> 32);
}

static void check(struct board *b)
{
    if (b->len > 0)
        memcpy(shadow + b->from, ram + b->from, b->len);
    CHECK(memcmp(ram, shadow, RAM) == 0);
    for (unsigned i = 0; i < NCPUS; i++) {
        soft_time_begin(cpu_of(b, i));
        if (b->page[i] != UINT64_MAX)
            CHECK(told_ns(cpu_of(b, i), b->page[i]) == clock_ns(&b->m->clock));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct machine *m;
    struct board b = { .in = { data, size } };

    b.m = m = m != NULL ? m : build();
    begin(&b);
    for (unsigned n = 0; n < STEPS_MAX && b.in.left > 0; n++) {
        uint64_t op = take(&b, 1);

        b.len = 0;
        steps[op % ARRAY_LEN(steps)](&b, op >> 7 & 1);
        check(&b);
    }
    return 0;
}
