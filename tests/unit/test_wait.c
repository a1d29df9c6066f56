/* SPDX-License-Identifier: MIT */
/* test_wait.c - vCPUs that halt, wake, are reset and started; timers and descriptors of the event loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/loop.h"
#include "stub_engine.h"

/* ---- an engine that gives one exit after the other -------------------------------------------- */

enum { CPUS = 2, EXITS = 4 };

struct script {
    struct cpu_exit exit[CPUS][EXITS];
    unsigned at[CPUS];
    struct x86_state set[CPUS]; /* the last state that was set */
    unsigned inits;
};

static struct script *script_of(const struct vcpu *cpu)
{
    union {
        const void *given;
        struct script *own;
    } arg = { .given = cpu->m->engine_arg };

    return arg.own;
}

static int run_script(struct vcpu *cpu, struct vitro_err *err)
{
    struct script *s = script_of(cpu);

    (void)err;
    assert_true(s->at[cpu->idx] < EXITS);
    cpu->exit = s->exit[cpu->idx][s->at[cpu->idx]++];
    return 0;
}

static int get_state(struct vcpu *cpu, unsigned parts, struct x86_state *out, struct vitro_err *err)
{
    (void)parts, (void)err;
    *out = script_of(cpu)->set[cpu->idx];
    return 0;
}

static int set_state(struct vcpu *cpu, unsigned parts, const struct x86_state *in,
                     struct vitro_err *err)
{
    (void)parts, (void)err;
    script_of(cpu)->set[cpu->idx] = *in;
    return 0;
}

static const struct engine_ops engine = {
    .name = "script",
    .open = stub_open,
    .close = stub_close,
    .mem_added = stub_mem_added,
    .cpu_new = stub_cpu_new,
    .cpu_free = stub_cpu_free,
    .run = run_script,
    .kick = stub_kick,
    .get = get_state,
    .set = set_state,
};

static void count_init(void *ctx)
{
    ((struct script *)ctx)->inits++;
}

static const struct intc_ops intc = { .init = count_init };

static struct machine *make(struct script *s, unsigned ncpus, bool with_intc)
{
    struct x86_state start = { .apic_base = 0xfee00900 };
    struct machine *m;

    assert_int_equal(machine_new("test", &engine, &m, NULL), 0);
    m->engine_arg = s;
    assert_int_equal(machine_open(m, NULL), 0);
    for (unsigned i = 0; i < ncpus; i++) {
        assert_int_equal(machine_add_cpu(m, &start, NULL), 0);
        if (with_intc)
            m->cpu[i]->intc = (struct intc){ &intc, s };
    }
    return m;
}

static const struct cpu_exit halt_on = { .kind = EXIT_HLT, .data = 1 },
                             halt_off = { .kind = EXIT_HLT, .data = 0 },
                             crash = { .kind = EXIT_SHUTDOWN };

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_no_controller(void **state)
{
    struct script s = { .exit = { { halt_on } } };
    struct machine *m = make(&s, 1, false);
    struct stop stop;

    (void)state;
    machine_run(m, &stop);
    assert_int_equal(stop.why, STOP_HALT);
    assert_true(m->cpu[0]->ended);
    machine_free(m);
}

/* With interrupts off nothing inside the machine can wake its only CPU; another that runs could. */
static void test_dead(void **state)
{
    struct script s = { .exit = { { halt_off, crash }, { halt_off } } };
    struct machine *m = make(&s, 1, true);
    struct stop stop;

    (void)state;
    machine_run(m, &stop);
    assert_int_equal(stop.why, STOP_HALT);
    assert_int_equal(m->cpu[0]->activity, X86_HALTED);
    vcpu_request(m->cpu[0], VCPU_INTR); /* not an interrupt, which it does not take */
    vcpu_request(m->cpu[0], VCPU_NMI);
    machine_run(m, &stop);
    assert_int_equal(stop.why, STOP_SHUTDOWN);
    machine_free(m);
}

static void wake_first(void *ctx)
{
    struct machine *m = ctx;

    vcpu_request(m->cpu[0], VCPU_INTR);
}

/* A timer of the loop ends HLT. */
static void test_timer_wakes(void **state)
{
    struct script s = { .exit = { { halt_on, crash } } };
    struct machine *m = make(&s, 1, true);
    struct loop *loop;
    struct timer t;
    struct stop stop;

    (void)state;
    assert_int_equal(loop_new(m, &loop, NULL), 0);
    timer_init(&t, &m->timers, wake_first, m);
    timer_arm(&t, clock_ns(&m->clock) + 2000000);
    machine_run(m, &stop);
    assert_int_equal(stop.why, STOP_SHUTDOWN);
    assert_int_equal(s.at[0], 2);
    assert_false(t.armed);
    machine_free(m);
    loop_free(loop);
}

struct reader {
    struct machine *m;
    int fd;
    char got;
};

static void take_byte(void *ctx)
{
    struct reader *r = ctx;

    assert_int_equal(read(r->fd, &r->got, 1), 1);
    vcpu_request(r->m->cpu[0], VCPU_INTR);
}

static void resume(void *ctx)
{
    struct loop *l = ctx;

    loop_pause(l, 0, false);
}

/* A descriptor is served under the lock, and not while it is paused. */
static void test_descriptor_wakes(void **state)
{
    struct script s = { .exit = { { halt_on, crash } } };
    struct machine *m = make(&s, 1, true);
    struct reader r = { .m = m };
    struct loop *loop;
    struct timer t;
    struct stop stop;
    int fd[2];

    (void)state;
    assert_int_equal(pipe(fd), 0);
    r.fd = fd[0];
    assert_int_equal(loop_new(m, &loop, NULL), 0);
    assert_int_equal(loop_watch(loop, fd[0], take_byte, &r, NULL), 0);
    assert_int_equal(write(fd[1], "x", 1), 1);
    loop_pause(loop, 0, true);
    timer_init(&t, &m->timers, resume, loop);
    timer_arm(&t, clock_ns(&m->clock) + 2000000);
    machine_run(m, &stop);
    assert_int_equal(r.got, 'x');
    assert_false(t.armed); /* it came first: until then nobody read */
    machine_free(m);
    loop_free(loop);
    close(fd[0]);
    close(fd[1]);
}

static void start_second(void *ctx)
{
    struct machine *m = ctx;

    vcpu_request(m->cpu[1], VCPU_SIPI); /* lost: INIT comes after it */
    vcpu_request(m->cpu[1], VCPU_INIT);
}

static void send_sipi(void *ctx)
{
    struct machine *m = ctx;

    m->cpu[1]->sipi_vector = 0x9a;
    vcpu_request(m->cpu[1], VCPU_SIPI);
}

/* SIPI may follow INIT before the CPU has looked. */
static void test_start_second(void **state)
{
    struct script s = { .exit = { { halt_on }, { crash } } };
    struct machine *m = make(&s, CPUS, true);
    struct timer first, second;
    struct loop *loop;
    struct stop stop;

    (void)state;
    m->cpu[1]->activity = X86_WAIT_SIPI;
    assert_int_equal(loop_new(m, &loop, NULL), 0);
    timer_init(&first, &m->timers, start_second, m);
    timer_init(&second, &m->timers, send_sipi, m);
    timer_arm(&first, 1);
    timer_arm(&second, 2);
    machine_run(m, &stop);
    assert_int_equal(stop.why, STOP_SHUTDOWN);
    assert_int_equal(stop.cpu, 1);
    assert_int_equal(s.inits, 1);
    assert_int_equal(s.set[1].seg[X86_CS].selector, 0x9a00);
    assert_int_equal(s.set[1].seg[X86_CS].base, 0x9a000);
    assert_int_equal(s.set[1].rip, 0);
    assert_int_equal(s.set[1].apic_base, 0xfee00900);
    assert_int_equal(s.set[1].cr0, X86_CR0_CD | X86_CR0_NW | X86_CR0_ET);
    machine_free(m);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_controller), cmocka_unit_test(test_dead),
        cmocka_unit_test(test_timer_wakes),   cmocka_unit_test(test_descriptor_wakes),
        cmocka_unit_test(test_start_second),
    };

    return cmocka_run_group_tests_name("core/wait", tests, NULL, NULL);
}
