/* SPDX-License-Identifier: MIT */
/* What an engine refuses, executed by the software CPU: the bookkeeping. Needs no /dev/kvm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/soft/soft.h"
#include "stub_engine.h"
#include "x86/start.h"

enum { RAM = 0x10000, CODE = 0x6000, TABLES = 0x2000, DATA = 0x9000 };

static uint8_t ram[RAM] __attribute__((aligned(4096)));

/* An engine that refuses everything but HLT. */
struct mule {
    struct x86_state state;
    unsigned runs, sets, refreshes;
    int set_fails, debug_fails; /* negative errno */
    uint64_t run_ns;            /* the machine's time that goes by in a run; 0: the host's own */
    uint64_t hlt_rip;
    bool stops_too; /* somebody stops the machine just before set fails */
};

static struct mule *mule_of(const struct machine *m)
{
    union {
        const void *given;
        struct mule *own;
    } arg = { .given = m->engine_arg };

    return arg.own;
}

static int mule_run(struct vcpu *cpu, struct vitro_err *err)
{
    struct mule *mule = mule_of(cpu->m);
    uint64_t rip = mule->state.rip;

    (void)err;
    mule->runs++;
    if (mule->run_ns != 0)
        cpu->m->clock.counted = true;
    cpu->m->clock.counted_ns += mule->run_ns;
    cpu->exit = (struct cpu_exit){ .kind = ram[rip] == 0xf4 ? EXIT_HLT : EXIT_REFUSED, .rip = rip };
    return 0;
}

static int mule_get(struct vcpu *cpu, unsigned parts, struct x86_state *out, struct vitro_err *err)
{
    (void)parts, (void)err;
    *out = mule_of(cpu->m)->state;
    return 0;
}

static int mule_set(struct vcpu *cpu, unsigned parts, const struct x86_state *in,
                    struct vitro_err *err)
{
    struct mule *mule = mule_of(cpu->m);

    (void)parts;
    if (mule->sets > 0 && mule->stops_too)
        machine_stop(cpu->m, STOP_POWEROFF, 0, (int)cpu->idx);
    if (mule->sets++ > 0 && mule->set_fails != 0) /* the first sets the start state */
        return err_set(err, mule->set_fails, "the mule does not take it");
    mule->state = *in;
    return 0;
}

static int mule_refresh(struct machine *m, struct vitro_err *err)
{
    (void)err;
    mule_of(m)->refreshes++;
    return 0;
}

static int mule_debug(struct vcpu *cpu, const struct cpu_debug *dbg, struct vitro_err *err)
{
    struct mule *mule = mule_of(cpu->m);

    if (mule->debug_fails != 0 && cpu_debug_on(dbg))
        return err_set(err, mule->debug_fails, "the mule does not stop");
    return 0;
}

static int mule_drain(struct vcpu *cpu, struct vitro_err *err)
{
    (void)cpu, (void)err;
    return 0;
}

static const struct engine_ops mule_engine = {
    .name = "mule",
    .open = stub_open,
    .close = stub_close,
    .mem_added = stub_mem_added,
    .mem_refresh = mule_refresh,
    .cpu_new = stub_cpu_new,
    .cpu_free = stub_cpu_free,
    .run = mule_run,
    .drain = mule_drain,
    .kick = stub_kick,
    .get = mule_get,
    .set = mule_set,
    .debug = mule_debug,
};

struct rig {
    struct mule mule;
    struct machine *m;
    struct vcpu *cpu;
};

static void rig_open(struct rig *r, const void *code, size_t len)
{
    const struct mem_slot slot = { .len = RAM, .host = ram, .kind = MEM_RAM, .name = "RAM" };
    struct x86_state start;

    memset(r, 0, sizeof(*r));
    memset(ram, 0, sizeof(ram));
    le_put(ram + TABLES, 8, (TABLES + 0x1000) | 7);
    le_put(ram + TABLES + 0x1000, 8, (TABLES + 0x2000) | 7);
    le_put(ram + TABLES + 0x2000, 8, 0x87);
    memcpy(ram + CODE, code, len);
    x86_start_state(X86_START_LONG, CODE, 0x8000, TABLES, &start);
    start.gpr[X86_RDI] = DATA;
    assert_int_equal(machine_new("help", &mule_engine, &r->m, NULL), 0);
    r->m->engine_arg = &r->mule;
    r->m->helper = &soft_engine;
    assert_int_equal(machine_open(r->m, NULL), 0);
    assert_int_equal(machine_add_mem(r->m, &slot, NULL), 0);
    assert_int_equal(machine_add_cpu(r->m, &start, NULL), 0);
    r->cpu = r->m->cpu[0];
}

static struct stop run(struct rig *r)
{
    struct stop stop;

    machine_run(r->m, &stop);
    if (stop.why == STOP_HOST)
        fail_msg("%s", r->m->host_err.text);
    return stop;
}

static uint64_t helped(const struct rig *r)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < EXIT_ROWS; i++) {
        if (r->cpu->exits.row[i].kind == EXIT_REFUSED)
            sum += r->cpu->exits.row[i].helped;
    }
    return sum;
}

/* inc eax; hlt: one instruction each way. The HLT is the engine's. */
static void one_instruction(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "\xff\xc0\xf4", 3);
    assert_int_equal(run(&r).why, STOP_HALT);
    assert_int_equal(r.mule.state.gpr[X86_RAX], 1);
    assert_int_equal(r.mule.state.rip, CODE + 2);
    assert_int_equal(r.mule.runs, 2);
    assert_int_equal(r.cpu->exit.kind, EXIT_HLT);
    assert_int_equal(helped(&r), 1);
    assert_int_equal(r.mule.refreshes, 0);
    assert_ptr_equal(r.cpu->engine, &mule_engine);
    machine_free(r.m);
}

/* Refusals without end are cut short, and the helper stops before the HLT, whatever its budget. */
static void many_in_a_row(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "\xb9\x10\x27\x00\x00\xff\xc0\xe2\xfc\xf4",
             10); /* mov ecx, 10000; inc eax; loop */
    assert_int_equal(run(&r).why, STOP_HALT);
    assert_int_equal(r.mule.state.gpr[X86_RAX], 10000);
    assert_int_equal(r.mule.state.rip, CODE + 9);
    assert_int_equal(helped(&r), 20001);
    assert_int_equal(r.cpu->help.helped, 20001);
    assert_true(r.mule.runs < 2000);
    machine_free(r.m);
}

/* Ten times INC EAX with the given time between refusals; returns how often the mule ran. */
static unsigned runs_of_ten(uint64_t run_ns, uint64_t budget)
{
    struct rig r;
    unsigned runs;

    rig_open(&r,
             "\xff\xc0\xff\xc0\xff\xc0\xff\xc0\xff\xc0\xff\xc0\xff\xc0\xff\xc0\xff\xc0\xff\xc0\xf4",
             21);
    r.mule.run_ns = run_ns;
    r.m->turns.end_ns = UINT64_MAX;
    r.cpu->help.budget = budget;
    assert_int_equal(run(&r).why, STOP_HALT);
    assert_int_equal(r.mule.state.gpr[X86_RAX], 10);
    assert_int_equal(helped(&r), 10);
    runs = r.mule.runs;
    machine_free(r.m);
    return runs;
}

/* How much a help is: four times the last one when refusals are frequent, else a quarter, and at least one. */
static void more_and_less(void **state)
{
    const uint64_t often_ns = 19000000, seldom_ns = 21000000;

    (void)state;
    assert_int_equal(runs_of_ten(often_ns, 0), 4);   /* 1, 4, 5 of 16; HLT */
    assert_int_equal(runs_of_ten(seldom_ns, 0), 11); /* one each; HLT */
    assert_int_equal(runs_of_ten(seldom_ns, 16), 8); /* 4, then one each; HLT */
}

/* However many refusals come at once: 1, 4, 16 ... 4096, and then 10,000 each. */
static void at_most_10000(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "\xb9\xa0\x86\x01\x00\xff\xc0\xe2\xfc\xf4",
             10); /* mov ecx, 100000; inc eax; loop */
    r.mule.run_ns = 1;
    r.m->turns.end_ns = UINT64_MAX;
    assert_int_equal(run(&r).why, STOP_HALT);
    assert_int_equal(helped(&r), 200001);
    assert_int_equal(r.mule.runs, 7 + 20 + 1); /* 5461; 194540; HLT */
    machine_free(r.m);
}

static int other_get(struct vcpu *cpu, unsigned parts, struct x86_state *out, struct vitro_err *err)
{
    (void)cpu, (void)parts, (void)err;
    *out = (struct x86_state){ .nmsrs = 1, .msr[0] = { X86_MSR_TSC, 5 } };
    return 0;
}

/* The guest's TSC does not stand still while a machine moves from one engine to the other. */
static void the_tsc_goes_on_in_a_switch(void **state)
{
    struct engine_ops other = mule_engine;
    struct vitro_err err = { 0 };
    struct rig r;

    (void)state;
    rig_open(&r, "\xf4", 1);
    other.name = "other";
    other.get = other_get;
    r.mule.state.msr[0] = (struct x86_msr){ X86_MSR_TSC, 1000 };
    r.mule.state.nmsrs = 1;
    assert_int_equal(machine_switch(r.m, &other, NULL, &err), 0);
    assert_int_equal(r.mule.state.nmsrs, 1);
    assert_in_range(r.mule.state.msr[0].value, 1001, UINT64_MAX);
    machine_free(r.m);
}

/* Words that may be page-table entries, now or before; others are nobody's concern. */
static void stores_that_look_like_entries(void **state)
{
    static const struct {
        uint64_t before;
        const char *code;
        size_t len;
        unsigned refreshes;
    } rows[] = {
        { 0, "\x48\xc7\x07\x02\x00\x00\x00\xf4", 8, 0 }, /* mov qword [rdi], 2 */
        { 0, "\x48\xc7\x07\x07\x50\x00\x00\xf4", 8, 1 }, /* mov qword [rdi], 0x5007 */
        { 7, "\x48\xc7\x07\x00\x00\x00\x00\xf4", 8, 1 }, /* ..., 0: it was one */
        { 7, "\x48\xc7\x07\x07\x00\x00\x00\xf4", 8, 0 }, /* ..., 7: it stays what it is */
        { 7, "\xc6\x07\x00\xf4", 4, 1 },                 /* mov byte [rdi], 0 */
        { 7, "\xc6\x47\x01\x60\xf4", 5, 1 },             /* mov byte [rdi + 1], 0x60: the address */
        { 0, "\x48\xc7\x07\x07\x00\x00\x80\xf4", 8, 0 }, /* a kernel's address: reserved bits */
        { 7, "\xf0\x48\x0f\xba\x37\x00\xf4", 7, 1 },     /* lock btr qword [rdi], 0 */
        { 0, "\x0f\x01\x3f\xf4", 4, 1 },                 /* invlpg [rdi] */
        { 0, "\x0f\x20\xd8\x0f\x22\xd8\xf4", 7, 1 },     /* mov rax, cr3; mov cr3, rax */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig r;

        rig_open(&r, rows[i].code, rows[i].len);
        le_put(ram + DATA, 8, rows[i].before);
        assert_int_equal(run(&r).why, STOP_HALT);
        if (r.mule.refreshes != rows[i].refreshes)
            fail_msg("row %zu: %u refreshes", i, r.mule.refreshes);
        machine_free(r.m);
    }
}

/* An engine that does not take the registers back: the helper goes on to the end. */
static void for_good(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "\xff\xc0\xff\xc0\xf4", 5);
    r.mule.set_fails = -EINVAL;
    assert_int_equal(run(&r).why, STOP_HALT);
    assert_int_equal(r.mule.runs, 1);
    assert_true(r.cpu->help.for_good);
    assert_ptr_equal(r.cpu->engine, &soft_engine);
    assert_int_equal(helped(&r), 3);
    machine_free(r.m);
}

/* Any other failure is the host's, which nothing that happens at the same time hides. */
static void a_host_that_fails(void **state)
{
    (void)state;
    for (unsigned stops_too = 0; stops_too < 2; stops_too++) {
        struct stop stop;
        struct rig r;

        rig_open(&r, "\xff\xc0\xf4", 3);
        r.mule.set_fails = -EIO;
        r.mule.stops_too = stops_too != 0;
        machine_run(r.m, &stop);
        assert_int_equal(stop.why, STOP_HOST);
        assert_int_equal(r.m->host_err.code, -EIO);
        assert_non_null(strstr(r.m->host_err.text, "mule"));
        machine_free(r.m);
    }
}

static void nobody_helps(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "\xff\xc0\xf4", 3);
    r.m->helper = NULL;
    assert_int_equal(run(&r).why, STOP_REFUSED);
    machine_free(r.m);
}

/* The instruction ends the guest: the state is the helper's, and so are the faults. */
static void a_shutdown(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "\x0f\x0b", 2);
    assert_int_equal(run(&r).why, STOP_SHUTDOWN);
    assert_ptr_equal(r.cpu->engine, &soft_engine);
    assert_true(r.cpu->chain.n > 0);
    assert_int_equal(run(&r).why, STOP_SHUTDOWN); /* once ended, it ends again */
    machine_free(r.m);
}

/* A step is one instruction and ends in a debug exit behind it. */
static void a_step(void **state)
{
    const struct cpu_debug step = { .step = true };
    struct rig r;

    (void)state;
    rig_open(&r, "\xff\xc0\xff\xc0\xf4", 5);
    for (unsigned i = 1; i <= 2; i++) {
        assert_int_equal(vcpu_debug(r.cpu, &step, NULL), 0);
        assert_int_equal(run(&r).why, STOP_BREAK);
        assert_int_equal(r.cpu->exit.kind, EXIT_DEBUG);
        assert_int_equal(r.cpu->exit.rip, CODE + 2 * i);
        assert_int_equal(r.mule.state.gpr[X86_RAX], i);
    }
    machine_free(r.m);
}

/* What the engine cannot be stopped by: the helper has the CPU until something else is asked for. */
static void taken_over(void **state)
{
    const struct cpu_debug step = { .step = true }, none = { 0 };
    const struct cpu_debug stop = { .nbreaks = 1, .brk = { { CODE + 4 } } };
    struct rig r;

    (void)state;
    rig_open(&r, "\xff\xc0\xff\xc0\xff\xc0\xf4", 7);
    r.mule.debug_fails = -ENOTSUP;
    assert_int_equal(vcpu_debug(r.cpu, &step, NULL), 0);
    assert_int_equal(run(&r).why, STOP_BREAK);
    assert_int_equal(r.cpu->exit.rip, CODE + 2);
    assert_ptr_equal(r.cpu->engine, &soft_engine);
    assert_string_equal(r.cpu->help.why.text, "the mule does not stop");
    r.mule.debug_fails = -ENOSPC;
    assert_int_equal(vcpu_debug(r.cpu, &stop, NULL), 0); /* through the engine, and away again */
    assert_int_equal(r.mule.state.rip, CODE + 2);
    assert_int_equal(r.mule.refreshes, 1);
    assert_int_equal(run(&r).why, STOP_BREAK);
    assert_int_equal(r.cpu->exit.rip, CODE + 4);
    assert_int_equal(r.mule.runs, 0);
    assert_int_equal(vcpu_debug(r.cpu, &none, NULL), 0);
    assert_ptr_equal(r.cpu->engine, &mule_engine);
    assert_int_equal(r.mule.state.gpr[X86_RAX], 2);
    assert_int_equal(run(&r).why, STOP_HALT);
    assert_int_equal(r.mule.state.gpr[X86_RAX], 3);
    machine_free(r.m);
}

/* Any other answer of the engine is one. */
static void not_taken_over(void **state)
{
    const struct cpu_debug step = { .step = true };
    struct vitro_err err = { 0 };
    struct rig r;

    (void)state;
    rig_open(&r, "\xf4", 1);
    r.mule.debug_fails = -EINVAL;
    assert_int_equal(vcpu_debug(r.cpu, &step, &err), -EINVAL);
    assert_string_equal(err.text, "the mule does not stop");
    r.mule.debug_fails = -ENOTSUP;
    r.m->helper = NULL;
    err = (struct vitro_err){ 0 };
    assert_int_equal(vcpu_debug(r.cpu, &step, &err), -ENOTSUP);
    assert_ptr_equal(r.cpu->engine, &mule_engine);
    machine_free(r.m);
}

/* Stopped by the number of exits at the refusal: nothing has happened yet, and it goes on from there. */
static void stopped_in_between(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "\xff\xc0\xf4", 3);
    r.m->stop_at_exits = 1;
    assert_int_equal(run(&r).why, STOP_COUNT);
    assert_int_equal(r.mule.state.rip, CODE);
    r.m->stop_at_exits = 0;
    assert_int_equal(run(&r).why, STOP_HALT);
    assert_int_equal(r.mule.state.gpr[X86_RAX], 1);
    machine_free(r.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_instruction), cmocka_unit_test(many_in_a_row),
        cmocka_unit_test(at_most_10000),   cmocka_unit_test(the_tsc_goes_on_in_a_switch),
        cmocka_unit_test(more_and_less),   cmocka_unit_test(stores_that_look_like_entries),
        cmocka_unit_test(for_good),        cmocka_unit_test(a_host_that_fails),
        cmocka_unit_test(nobody_helps),    cmocka_unit_test(a_shutdown),
        cmocka_unit_test(a_step),          cmocka_unit_test(taken_over),
        cmocka_unit_test(not_taken_over),  cmocka_unit_test(stopped_in_between),
    };

    return cmocka_run_group_tests_name("core/help", tests, NULL, NULL);
}
