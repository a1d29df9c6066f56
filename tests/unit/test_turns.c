/* SPDX-License-Identifier: MIT */
/* test_turns.c - a counted clock: when timers fire, what HLT does to time, whose turn it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "core/machine.h"
#include "engine/soft/soft.h"
#include "x86/start.h"
#include "../guest/one_vector.h"

enum { RAM = 65536, CODE_AT = 0x1000, HANDLER = 0x2000, COUNT = 0x604, PORT = 0x80 };

struct rig {
    struct machine *m;
    uint8_t *ram;
    struct timer timer;
    struct dev dev;
    struct one_vector irq[CPUS_MAX];
    uint64_t fired_ns;
};

/* ---- a device that arms a timer ---------------------------------------------------------------- */

static void fire(void *ctx)
{
    struct rig *r = ctx;

    r->fired_ns = clock_ns(&r->m->clock);
    vcpu_request(r->m->cpu[0], VCPU_INTR);
}

/* OUT of n: in n nanoseconds. */
static void arm(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct rig *r = (struct rig *)((char *)dev - offsetof(struct rig, dev));

    (void)off, (void)width;
    timer_arm(&r->timer, clock_ns(&r->m->clock) + val);
}

static const struct dev_ops dev_ops = { .name = "armer", .widths = W8, .write = arm };

/* ---- a machine in real mode ------------------------------------------------------------------ */

static void rig_open(struct rig *r, const char *code, size_t len, unsigned ncpus)
{
    struct mem_slot slot = { .len = RAM, .kind = MEM_RAM, .name = "RAM" };
    struct x86_state start;

    *r = (struct rig){ .ram = aligned_alloc(4096, RAM), .dev = { .ops = &dev_ops } };
    assert_non_null(r->ram);
    memset(r->ram, 0, RAM);
    memcpy(r->ram + CODE_AT, code, len);
    r->ram[HANDLER] = 0xf4; /* hlt, with interrupts off */
    le_put(r->ram + (size_t)4 * ONE_VECTOR, 2, HANDLER);
    slot.host = r->ram;
    assert_int_equal(machine_new("test", &soft_engine, &r->m, NULL), 0);
    r->m->clock.counted = true;
    r->m->ncpus_planned = ncpus;
    assert_int_equal(machine_open(r->m, NULL), 0);
    assert_int_equal(machine_add_mem(r->m, &slot, NULL), 0);
    assert_int_equal(bus_add(&r->m->pio, PORT, 1, &r->dev, NULL), 0);
    x86_start_state(X86_START_REAL, CODE_AT, 0x8000, 0, &start);
    for (unsigned i = 0; i < ncpus; i++) {
        start.gpr[X86_RDI] = i;
        assert_int_equal(machine_add_cpu(r->m, &start, NULL), 0);
        r->irq[i].cpu = r->m->cpu[i];
        r->m->cpu[i]->intc = (struct intc){ &one_vector_ops, &r->irq[i] };
    }
    timer_init(&r->timer, &r->m->timers, fire, r);
}

static void rig_close(struct rig *r)
{
    machine_free(r->m);
    free(r->ram);
}

static struct stop rig_run(struct rig *r)
{
    struct stop stop;

    machine_run(r->m, &stop);
    return stop;
}

#define CODE(s) (s), sizeof(s) - 1

/* sti; 1: inc dword [0x604]; jmp 1b */
#define LOOP CODE("\xfb\x66\xff\x06\x04\x06\xeb\xf9")

/* ---- tests ----------------------------------------------------------------------------------- */

/* Between instruction `at` and the next: counted by the loop, by the clock and by the instructions. */
static void test_timer(void **state)
{
    static const uint64_t due[] = { 3, 4, 1000, 1001, 16384, 50001 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(due); i++) {
        struct rig r;

        rig_open(&r, LOOP, 1);
        timer_arm(&r.timer, due[i]);
        assert_int_equal(rig_run(&r).why, STOP_HALT);
        assert_int_equal(r.fired_ns, due[i]);
        assert_int_equal(turns_insns(r.m), due[i] + 1);
        assert_int_equal(clock_ns(&r.m->clock), due[i] + 1);
        assert_int_equal(le_get(r.ram + COUNT, 4), due[i] / 2);
        rig_close(&r);
    }
}

/* mov al, 200; out 0x80, al; then the loop: the time of the turn is shortened while it runs. */
static void test_armed_by_a_device(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, CODE("\xb0\xc8\xe6\x80\xfb\x66\xff\x06\x04\x06\xeb\xf9"), 1);
    assert_int_equal(rig_run(&r).why, STOP_HALT);
    assert_int_equal(r.fired_ns, 201); /* OUT begins at 1 */
    assert_int_equal(turns_insns(r.m), 202);
    rig_close(&r);
}

/* sti; hlt: time jumps to the timer, and the instructions are those that were executed. */
static void test_halt_skips_time(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, CODE("\xfb\xf4"), 1);
    timer_arm(&r.timer, 5000000000);
    assert_int_equal(rig_run(&r).why, STOP_HALT);
    assert_int_equal(r.fired_ns, 5000000000);
    assert_int_equal(turns_insns(r.m), 3);
    assert_int_equal(clock_ns(&r.m->clock), 5000000001);
    rig_close(&r);
}

/* The same without a timer: nothing will ever come. */
static void test_halt_for_good(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, CODE("\xfb\xf4"), 1);
    assert_int_equal(rig_run(&r).why, STOP_HALT);
    assert_int_equal(clock_ns(&r.m->clock), 2);
    rig_close(&r);
}

/* rdtsc; mov [0x600], eax; out 0x80, al (al: 100); sti; hlt; in the handler rdtsc; mov [0x604], eax; hlt */
static void test_tsc(void **state)
{
    static const char handler[] = "\x0f\x31\x66\xa3\x04\x06\xf4";
    struct rig r;

    (void)state;
    rig_open(&r, CODE("\x0f\x31\x66\xa3\x00\x06\xb0\x64\xe6\x80\xfb\xf4"), 1);
    memcpy(r.ram + HANDLER, handler, sizeof(handler) - 1);
    assert_int_equal(rig_run(&r).why, STOP_HALT);
    assert_int_equal(le_get(r.ram + 0x600, 4), 0);
    assert_int_equal(le_get(r.ram + COUNT, 4), 103); /* OUT began at 3 */
    rig_close(&r);
}

/* mov bx, di; shl bx, 2; 1: inc dword [bx + 0x604]; jmp 1b. Both get as far, within a turn. */
static void test_two(void **state)
{
    struct rig r;
    uint64_t a, b;

    (void)state;
    rig_open(&r, CODE("\x89\xfb\xc1\xe3\x02\x66\xff\x87\x04\x06\xeb\xf9"), 2);
    r.m->stop_at_insns = 200000;
    assert_int_equal(rig_run(&r).why, STOP_COUNT);
    a = le_get(r.ram + COUNT, 4);
    b = le_get(r.ram + COUNT + 4, 4);
    assert_int_equal(a, 99999);
    assert_true(b < a && a - b < 10000);
    assert_int_equal(turns_insns(r.m), 2 + 2 * a + 2 + 2 * b);
    assert_int_equal(rig_run(&r).why, STOP_COUNT); /* the other one */
    assert_int_equal(le_get(r.ram + COUNT + 4, 4), 99999);
    rig_close(&r);
}

/* One at a time: the other one does not move. */
static void test_only(void **state)
{
    struct stop stop;
    struct rig r;

    (void)state;
    rig_open(&r, CODE("\x89\xfb\xc1\xe3\x02\x66\xff\x87\x04\x06\xeb\xf9"), 2);
    r.m->stop_at_insns = 100000;
    machine_run_cpu(r.m, 1, &stop);
    assert_int_equal(stop.why, STOP_COUNT);
    assert_int_equal(le_get(r.ram + COUNT, 4), 0);
    assert_int_equal(le_get(r.ram + COUNT + 4, 4), 49999);
    rig_close(&r);
}

/* ---- hashes ---------------------------------------------------------------------------------- */

struct seen {
    uint64_t insns, hash;
    unsigned n;
    uint64_t want; /* of the instruction count */
};

static void on_event(void *ctx, const struct event *ev)
{
    struct seen *s = ctx;

    if (ev->kind != EVENT_HASH)
        return;
    s->n++;
    if (ev->insns == s->want)
        s->hash = ev->hash;
    s->insns = ev->insns;
}

static struct seen hash_at(uint64_t every, uint64_t want, unsigned ncpus, uint64_t timer_ns)
{
    struct seen seen = { .want = want };
    struct rig r;

    rig_open(&r, LOOP, ncpus);
    r.m->sink = (struct event_sink){ .fn = on_event, .ctx = &seen };
    r.m->turns.hash_every = every;
    if (timer_ns != 0)
        timer_arm(&r.timer, timer_ns);
    r.m->stop_at_insns = 70000;
    rig_run(&r);
    rig_close(&r);
    return seen;
}

/* Looking at the state does not change the run, whatever the number of instructions between two looks. */
static void test_hash(void **state)
{
    struct seen a = hash_at(7, 35000, 1, 0), b = hash_at(35000, 35000, 1, 0);
    struct seen two = hash_at(1000, 60000, 2, 40123), again = hash_at(30000, 60000, 2, 40123);

    (void)state;
    assert_int_equal(a.n, 10000);
    assert_int_equal(a.insns, 70000);
    assert_int_equal(b.n, 2);
    assert_int_not_equal(a.hash, 0);
    assert_int_equal(a.hash, b.hash);
    assert_int_not_equal(two.hash, 0);
    assert_int_equal(two.hash, again.hash);
    assert_int_not_equal(a.hash, hash_at(35000, 70000, 1, 0).hash);
}

/* Every part of the state counts. */
static void test_hash_sees(void **state)
{
    struct x86_state s = { 0 };
    uint64_t before, after;
    struct rig r;

    (void)state;
    rig_open(&r, LOOP, 2);
    assert_int_equal(machine_hash(r.m, &before, NULL), 0);
    assert_int_equal(machine_hash(r.m, &after, NULL), 0);
    assert_int_equal(before, after);
    r.ram[RAM - 1] ^= 1;
    assert_int_equal(machine_hash(r.m, &after, NULL), 0);
    assert_int_not_equal(before, after);
    r.ram[RAM - 1] ^= 1;
    assert_int_equal(soft_engine.get(r.m->cpu[1], STATE_ALL, &s, NULL), 0);
    s.xsave[200] ^= 1;
    assert_int_equal(soft_engine.set(r.m->cpu[1], STATE_ALL, &s, NULL), 0);
    assert_int_equal(machine_hash(r.m, &after, NULL), 0);
    assert_int_not_equal(before, after);
    s.xsave[200] ^= 1;
    s.dr[3] = 1;
    assert_int_equal(soft_engine.set(r.m->cpu[1], STATE_ALL, &s, NULL), 0);
    assert_int_equal(machine_hash(r.m, &after, NULL), 0);
    assert_int_not_equal(before, after);
    s.dr[3] = 0;
    assert_int_equal(soft_engine.set(r.m->cpu[1], STATE_ALL, &s, NULL), 0);
    assert_int_equal(machine_hash(r.m, &after, NULL), 0);
    assert_int_equal(before, after);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timer),
        cmocka_unit_test(test_armed_by_a_device),
        cmocka_unit_test(test_halt_skips_time),
        cmocka_unit_test(test_halt_for_good),
        cmocka_unit_test(test_tsc),
        cmocka_unit_test(test_two),
        cmocka_unit_test(test_only),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_hash_sees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
