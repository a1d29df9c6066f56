/* SPDX-License-Identifier: MIT */
/*
 * test_kvm_irq.c - the KVM engine over a made-up KVM: interrupts, NMIs, CR8, the local APIC's MSRs
 *
 * The controller is the test's: it delivers a vector as often as it is told to.
 */
#include "kvm_script.h"

#include <errno.h>

enum { VECTOR = 0x41, DEADLINE = 0x6e0, X2APIC_TPR = 0x808, UNKNOWN_MSR = 0x12345 };

struct irq_rig {
    struct fake f; /* first: the calls' context */
    int (*plain)(void *ctx, int fd, unsigned long request, void *arg);
    struct rig r;
    /* what the KVM says with its next exits */
    bool ready, if_flag;
    uint64_t cr8, apic_base; /* 0: as it was told */
    uint32_t msr;
    uint64_t data;
    /* what it was told */
    unsigned irqs, nmis, window, enabled, filtered;
    uint32_t vector;
    uint64_t cr8_told;
    bool refuses_filter;
    /* the controller's */
    unsigned pending;
    uint64_t got_cr8, got_base, got_tsc, msr_val;
    uint32_t got_msr;
};

/* ---- KVM ------------------------------------------------------------------------------------- */

static int run_once(struct irq_rig *t, int fd)
{
    struct kvm_run *run = (struct kvm_run *)t->f.fd[fd - FD_BASE].run;
    int rc;

    t->window = run->request_interrupt_window;
    t->cr8_told = run->cr8;
    rc = t->plain(t, fd, KVM_RUN, NULL);
    run->ready_for_interrupt_injection = t->ready;
    run->if_flag = t->if_flag;
    run->apic_base = t->apic_base != 0 ? t->apic_base : t->f.fd[fd - FD_BASE].sregs.apic_base;
    if (t->cr8 != 0)
        run->cr8 = t->cr8;
    if (run->exit_reason == KVM_EXIT_X86_RDMSR || run->exit_reason == KVM_EXIT_X86_WRMSR) {
        run->msr.index = t->msr;
        run->msr.data = t->data;
        run->msr.error = 0;
    }
    return rc;
}

static int call(void *ctx, int fd, unsigned long request, void *arg)
{
    struct irq_rig *t = ctx;

    switch (request) {
    case KVM_RUN:
        return run_once(t, fd);
    case KVM_INTERRUPT:
        t->irqs++;
        t->vector = ((const struct kvm_interrupt *)arg)->irq;
        return 0;
    case KVM_NMI:
        t->nmis++;
        return 0;
    case KVM_ENABLE_CAP:
        t->enabled += ((const struct kvm_enable_cap *)arg)->cap == KVM_CAP_X86_USER_SPACE_MSR;
        return 0;
    case KVM_X86_SET_MSR_FILTER:
        t->filtered = ((const struct kvm_msr_filter *)arg)->ranges[0].base;
        return t->refuses_filter ? -EINVAL : 0;
    case KVM_GET_MSRS:
        ((struct kvm_msrs *)arg)->entries[0].data = 12345;
        return 1;
    default:
        return t->plain(ctx, fd, request, arg);
    }
}

static const struct kvm_run *run_of(const struct irq_rig *t)
{
    return kcpu_of(t->r.cpu)->run;
}

/* ---- the controller -------------------------------------------------------------------------- */

static int ack(void *ctx)
{
    struct irq_rig *t = ctx;

    if (--t->pending == 0)
        vcpu_withdraw(t->r.cpu, VCPU_INTR);
    return VECTOR;
}

static uint8_t cr8(void *ctx)
{
    return (uint8_t)((struct irq_rig *)ctx)->got_cr8;
}

static void set_cr8(void *ctx, uint8_t val)
{
    ((struct irq_rig *)ctx)->got_cr8 = val;
}

static bool rdmsr(void *ctx, uint32_t index, uint64_t *val)
{
    struct irq_rig *t = ctx;

    t->got_msr = index;
    *val = t->msr_val;
    return true;
}

static bool wrmsr(void *ctx, uint32_t index, uint64_t val, uint64_t tsc)
{
    struct irq_rig *t = ctx;

    t->got_msr = index;
    t->msr_val = val;
    t->got_tsc = tsc;
    return true;
}

static void set_base(void *ctx, uint64_t base)
{
    ((struct irq_rig *)ctx)->got_base = base;
}

static const struct intc_ops ops = {
    .ack = ack, .cr8 = cr8, .set_cr8 = set_cr8, .rdmsr = rdmsr, .wrmsr = wrmsr, .set_base = set_base
};

static void open_irq(struct irq_rig *t, const struct play *play, size_t n)
{
    *t = (struct irq_rig){ .ready = true, .if_flag = true };
    fake_init(&t->f);
    t->plain = t->f.sys.ioctl;
    t->f.sys.ioctl = call;
    open_with(&t->r, &t->f, play, n);
    t->r.cpu->intc = (struct intc){ &ops, t };
}

/* As from a device that the vCPU's thread has just served: nobody kicks. */
static void ask(struct irq_rig *t, unsigned n)
{
    t->pending = n;
    atomic_fetch_or(&t->r.cpu->requests, VCPU_INTR);
}

/* ---- interrupts ------------------------------------------------------------------------------ */

/* Nothing is known of the guest's flags before the first exit, so the window is asked for first. */
static void test_window_first(void **state)
{
    static const struct play play[] = { { .reason = KVM_EXIT_IRQ_WINDOW_OPEN, .rip = 0x6001 },
                                        { .reason = KVM_EXIT_HLT } };
    struct irq_rig t;

    (void)state;
    open_irq(&t, play, ARRAY_LEN(play));
    ask(&t, 1);
    assert_int_equal(rig_next(&t.r).kind, EXIT_IRQ_WINDOW);
    assert_int_equal(t.window, 1);
    assert_int_equal(t.irqs, 0);
    assert_int_equal(rig_next(&t.r).kind, EXIT_HLT);
    assert_int_equal(t.irqs, 1);
    assert_int_equal(t.vector, VECTOR);
    assert_int_equal(t.window, 0);
    finish(&t.r, &t.f);
}

static void test_not_ready(void **state)
{
    static const struct play play[] = { { .reason = KVM_EXIT_HLT }, { .reason = KVM_EXIT_HLT } };
    struct irq_rig t;

    (void)state;
    open_irq(&t, play, ARRAY_LEN(play));
    t.ready = false;
    rig_next(&t.r);
    ask(&t, 1);
    rig_next(&t.r);
    assert_int_equal(t.irqs, 0);
    assert_int_equal(t.window, 1);
    finish(&t.r, &t.f);
}

/* One vector an entry, and the window for the next. */
static void test_two_pending(void **state)
{
    static const struct play play[] = { { .reason = KVM_EXIT_HLT }, { .reason = KVM_EXIT_HLT } };
    struct irq_rig t;

    (void)state;
    open_irq(&t, play, ARRAY_LEN(play));
    rig_next(&t.r);
    ask(&t, 2);
    rig_next(&t.r);
    assert_int_equal(t.irqs, 1);
    assert_int_equal(t.window, 1);
    rig_next(&t.r);
    assert_int_equal(t.irqs, 2);
    assert_int_equal(t.window, 0);
    finish(&t.r, &t.f);
}

/* The flags of a guest whose registers have been set since, or that is inside an instruction, are not known. */
static void test_not_where_unknown(void **state)
{
    static const struct play play[] = {
        { .reason = KVM_EXIT_HLT },
        { .reason = KVM_EXIT_IO, .io = { .size = 1, .port = 1, .count = 1 } },
        { .reason = KVM_EXIT_HLT },
    };
    struct x86_state s;
    struct irq_rig t;

    (void)state;
    open_irq(&t, play, ARRAY_LEN(play));
    rig_next(&t.r);
    rig_get(&t.r, STATE_REGS, &s);
    rig_set(&t.r, STATE_REGS, &s);
    ask(&t, 1);
    assert_int_equal(rig_next(&t.r).kind, EXIT_PIO);
    assert_int_equal(t.irqs, 0);
    assert_int_equal(rig_next(&t.r).kind, EXIT_HLT);
    assert_int_equal(t.irqs, 0);
    rig_next(&t.r);
    assert_int_equal(t.irqs, 1);
    finish(&t.r, &t.f);
}

/* All of a state tells: a halted CPU that is handed over goes on with its interrupt or not at all. */
static void test_at_once_after_state(void **state)
{
    static const struct play play[] = { { .reason = KVM_EXIT_HLT }, { .reason = KVM_EXIT_HLT } };
    struct x86_state s;
    struct irq_rig t;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        open_irq(&t, play, ARRAY_LEN(play));
        t.r.cpu->intc.ops = NULL; /* this one has no register block */
        rig_get(&t.r, STATE_ALL, &s);
        s.nmsrs = 0;
        s.rflags = i == 1 ? 2 : 2 | X86_RFLAGS_IF;
        s.events = (struct x86_events){ .shadow = i == 2 };
        rig_set(&t.r, STATE_ALL, &s);
        t.r.cpu->intc.ops = &ops;
        ask(&t, 1);
        rig_next(&t.r);
        assert_int_equal(t.irqs, i == 0);
        assert_int_equal(t.window, i != 0);
        finish(&t.r, &t.f);
    }
}

static void test_nmi(void **state)
{
    static const struct play play[] = { { .reason = KVM_EXIT_HLT } };
    struct irq_rig t;

    (void)state;
    open_irq(&t, play, ARRAY_LEN(play));
    t.if_flag = false;
    vcpu_request(t.r.cpu, VCPU_NMI);
    assert_int_equal(rig_next(&t.r).data, 0); /* HLT with interrupts off */
    rig_next(&t.r);
    assert_int_equal(t.nmis, 1);
    finish(&t.r, &t.f);
}

static void test_cr8_and_base(void **state)
{
    static const struct play play[] = { { .reason = KVM_EXIT_SET_TPR } };
    struct irq_rig t;

    (void)state;
    open_irq(&t, play, ARRAY_LEN(play));
    t.got_cr8 = 7;
    t.cr8 = 3;
    t.apic_base = 0xfee00d00;
    assert_int_equal(rig_next(&t.r).kind, EXIT_IRQ_WINDOW);
    assert_int_equal(t.cr8_told, 7);
    assert_int_equal(t.got_cr8, 3);
    assert_int_equal(t.got_base, 0xfee00d00);
    finish(&t.r, &t.f);
}

/* ---- MSRs ------------------------------------------------------------------------------------ */

static void test_msrs(void **state)
{
    static const struct play play[] = { { .reason = KVM_EXIT_X86_WRMSR, .rip = 0x6001 },
                                        { .reason = KVM_EXIT_X86_RDMSR },
                                        { .reason = KVM_EXIT_X86_WRMSR },
                                        { .reason = KVM_EXIT_X86_RDMSR } };
    struct cpu_exit x;
    struct irq_rig t;

    (void)state;
    open_irq(&t, play, ARRAY_LEN(play));
    t.msr = DEADLINE;
    t.data = 999;
    x = rig_next(&t.r);
    assert_int_equal(x.kind, EXIT_MSR);
    assert_true(x.write);
    assert_int_equal(x.addr, DEADLINE);
    assert_int_equal(t.msr_val, 999);
    assert_int_equal(t.got_tsc, 12345);
    t.msr = X2APIC_TPR;
    t.msr_val = 0x20;
    assert_false(rig_next(&t.r).write);
    assert_int_equal(run_of(&t)->msr.data, 0x20);
    assert_int_equal(run_of(&t)->msr.error, 0);
    t.msr = UNKNOWN_MSR;
    for (unsigned i = 0; i < 2; i++) {
        rig_next(&t.r);
        assert_int_equal(run_of(&t)->msr.error, 1); /* #GP */
    }
    assert_int_equal(t.got_msr, X2APIC_TPR);
    finish(&t.r, &t.f);
}

/* Whoever reads the registers finds the instruction over. */
static void test_state_ends_msr(void **state)
{
    static const struct play play[] = { { .reason = KVM_EXIT_X86_RDMSR } };
    struct x86_state s;
    struct irq_rig t;
    unsigned runs;

    (void)state;
    open_irq(&t, play, ARRAY_LEN(play));
    t.msr = X2APIC_TPR;
    rig_next(&t.r);
    runs = t.f.runs;
    rig_get(&t.r, STATE_REGS, &s);
    assert_int_equal(t.f.runs, runs + 1);
    rig_get(&t.r, STATE_REGS, &s);
    assert_int_equal(t.f.runs, runs + 1);
    finish(&t.r, &t.f);
}

/* Only a machine with local APICs asks for its MSRs; a KVM that does not give them is no failure. */
static void test_asks_for_msrs(void **state)
{
    struct irq_rig t;

    (void)state;
    for (unsigned refuses = 0; refuses < 2; refuses++) {
        struct vitro_err err = { 0 };
        struct machine *m;

        t = (struct irq_rig){ .refuses_filter = refuses != 0 };
        fake_init(&t.f);
        t.plain = t.f.sys.ioctl;
        t.f.sys.ioctl = call;
        assert_int_equal(machine_new("m", &kvm_engine, &m, &err), 0);
        m->engine_arg = &t.f.sys;
        m->lapic = true;
        assert_int_equal(machine_open(m, &err), 0);
        assert_int_equal(t.enabled, 1);
        assert_int_equal(t.filtered, DEADLINE);
        assert_int_equal(vm_of(m)->gives_msrs, refuses == 0);
        machine_free(m);
        assert_no_leak(&t.f);
    }
    open_irq(&t, NULL, 0);
    assert_int_equal(t.enabled, 0);
    finish(&t.r, &t.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_first),        cmocka_unit_test(test_not_ready),
        cmocka_unit_test(test_two_pending),         cmocka_unit_test(test_nmi),
        cmocka_unit_test(test_not_where_unknown),   cmocka_unit_test(test_cr8_and_base),
        cmocka_unit_test(test_at_once_after_state), cmocka_unit_test(test_msrs),
        cmocka_unit_test(test_state_ends_msr),      cmocka_unit_test(test_asks_for_msrs),
    };

    return cmocka_run_group_tests_name("engine/kvm scripted interrupts", tests, NULL, NULL);
}
