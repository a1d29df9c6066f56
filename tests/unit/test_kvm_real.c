/* SPDX-License-Identifier: MIT */
/*
 * test_kvm_real.c - the KVM engine on this host's KVM: the price of an exit, state, kicks, many machines
 *
 * What this KVM cannot do is found by looking, said by name, and skipped.
 */
#include "kvm_real.h"

#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* ---- the price of an exit -------------------------------------------------------------------- */

struct counter {
    struct kvm_sys sys;
    unsigned runs, others;
};

static int counted_open(void *ctx, const char *path)
{
    (void)ctx;
    return kvm_sys_real.open(NULL, path);
}

static int counted_ioctl(void *ctx, int fd, unsigned long request, void *arg)
{
    struct counter *c = ctx;

    if (request == KVM_RUN)
        c->runs++;
    else
        c->others++;
    return kvm_sys_real.ioctl(NULL, fd, request, arg);
}

static void *counted_mmap(void *ctx, int fd, uint64_t len)
{
    (void)ctx;
    return kvm_sys_real.mmap(NULL, fd, len);
}

static void counted_munmap(void *ctx, void *at, uint64_t len)
{
    (void)ctx;
    kvm_sys_real.munmap(NULL, at, len);
}

static void counted_close(void *ctx, int fd)
{
    (void)ctx;
    kvm_sys_real.close(NULL, fd);
}

static void test_price(void **state)
{
    struct counter c = { .sys = { counted_open, counted_ioctl, counted_mmap, counted_munmap,
                                  counted_close, &c, NULL } };
    struct rig_config cfg = { .sys = &c.sys, .start = X86_START_LONG, CODE(HELLO) };
    unsigned exits = 0;
    struct rig r;

    (void)state;
    need_kvm();
    rig_open(&r, &cfg);
    r.ram[RIG_DATA + 14] = 0;
    assert_int_equal(rig_next(&r).kind, EXIT_PIO); /* the site is looked at once */
    assert_true(c.runs <= 2);
    c.runs = c.others = 0;
    while (rig_next(&r).kind == EXIT_PIO)
        exits++;
    assert_int_equal(exits, 13);
    assert_int_equal(c.runs, exits + 1);
    print_message(
        "13 exits of a known site: %u KVM_RUN, %u other ioctls with the HLT's first look\n", c.runs,
        c.others);
    assert_true(c.others <= 2);
    rig_close(&r);
}

/* ---- whole state ----------------------------------------------------------------------------- */

static uint64_t random64(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static const uint32_t msrs_set[] = { 0xc0000081, 0xc0000082, 0xc0000083,
                                     0xc0000084, 0xc0000102, 0x176 };

static uint64_t *msr_of(struct x86_state *s, uint32_t index)
{
    for (uint32_t i = 0; i < s->nmsrs; i++) {
        if (s->msr[i].index == index)
            return &s->msr[i].value;
    }
    return NULL;
}

static void scramble(struct x86_state *s, uint64_t seed)
{
    for (unsigned i = 0; i < X86_NGPR; i++)
        s->gpr[i] = random64(&seed);
    s->rip = random64(&seed) >> 20;
    s->seg[X86_DS] = (struct x86_seg){ .base = 0,
                                       .limit = 0xffffffff,
                                       .selector = 0x2b,
                                       .type = 3,
                                       .dpl = 3,
                                       .s = true,
                                       .present = true,
                                       .db = true,
                                       .g = true };
    s->seg[X86_FS].base = random64(&seed) >> 17;
    s->gdtr = (struct x86_dtable){ random64(&seed) >> 17, 0x1ff };
    s->idtr = (struct x86_dtable){ random64(&seed) >> 17, 0xfff };
    s->cr2 = random64(&seed);
    for (unsigned i = 0; i < 4; i++)
        s->dr[i] = random64(&seed) >> 17;
    for (size_t i = 0; i < ARRAY_LEN(msrs_set); i++) {
        if (msr_of(s, msrs_set[i]) != NULL)
            *msr_of(s, msrs_set[i]) = random64(&seed) >> 32;
    }
    for (unsigned i = 0; i < 256; i += 8)
        le_put(s->xsave + 160 + i, 8, random64(&seed)); /* XMM0..15 */
    s->xsave[512] |= 3;                                 /* XSTATE_BV: x87 and SSE are there */
}

/* Member by member: what lies between them is nobody's. */
static void compare_seg(const struct x86_seg *a, const struct x86_seg *b)
{
    assert_int_equal(a->base, b->base);
    assert_int_equal(a->limit, b->limit);
    assert_int_equal(a->selector, b->selector);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->dpl, b->dpl);
    assert_true(a->s == b->s && a->present == b->present && a->avl == b->avl && a->l == b->l &&
                a->db == b->db && a->g == b->g && a->unusable == b->unusable);
}

static void compare(struct x86_state *a, struct x86_state *b)
{
    assert_memory_equal(a->gpr, b->gpr, sizeof(a->gpr));
    assert_int_equal(a->rip, b->rip);
    assert_int_equal(a->rflags, b->rflags);
    for (unsigned i = 0; i < X86_NSREG; i++)
        compare_seg(&a->seg[i], &b->seg[i]);
    compare_seg(&a->tr, &b->tr);
    compare_seg(&a->ldtr, &b->ldtr);
    assert_int_equal(a->gdtr.base, b->gdtr.base);
    assert_int_equal(a->gdtr.limit, b->gdtr.limit);
    assert_int_equal(a->idtr.base, b->idtr.base);
    assert_int_equal(a->cr0, b->cr0);
    assert_int_equal(a->cr2, b->cr2);
    assert_int_equal(a->cr3, b->cr3);
    assert_int_equal(a->cr4, b->cr4);
    assert_int_equal(a->efer, b->efer);
    assert_memory_equal(a->dr, b->dr, sizeof(a->dr));
    assert_int_equal(a->dr7, b->dr7);
    assert_int_equal(a->nmsrs, b->nmsrs);
    for (size_t i = 0; i < ARRAY_LEN(msrs_set); i++) {
        if (msr_of(a, msrs_set[i]) != NULL)
            assert_int_equal(*msr_of(a, msrs_set[i]), *msr_of(b, msrs_set[i]));
        else
            print_message("MSR 0x%x cannot: this KVM does not list it\n", msrs_set[i]);
    }
    assert_int_equal(a->xsave_len, b->xsave_len);
    assert_memory_equal(a->xsave + 160, b->xsave + 160, 256);
    assert_int_equal(a->activity, b->activity);
}

static void test_state(void **state)
{
    struct rig_config cfg = { .start = X86_START_LONG, .cpuid = true, CODE(0xf4) };
    struct x86_state *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
    struct rig r;

    (void)state;
    need_kvm();
    for (unsigned i = 0; i < 20; i++) {
        rig_open(&r, &cfg);
        rig_get(&r, STATE_ALL, a);
        scramble(a, 0x1234567 + i);
        rig_set(&r, STATE_ALL, a);
        rig_get(&r, STATE_ALL, b);
        compare(a, b);
        rig_close(&r);
    }
    print_message("%u MSRs, %u bytes of XSAVE area\n", b->nmsrs, b->xsave_len);
    free(a);
    free(b);
}

/* A state taken in the middle of a run and loaded into another machine goes on from there. */
static void test_state_moves(void **state)
{
    struct rig_config cfg = { .start = X86_START_LONG, .cpuid = true, CODE(HELLO) };
    struct x86_state *s = calloc(1, sizeof(*s));
    struct rig a, b;

    (void)state;
    need_kvm();
    rig_open(&a, &cfg);
    rig_open(&b, &cfg);
    a.ram[RIG_DATA + 14] = b.ram[RIG_DATA + 14] = 0;
    for (unsigned i = 1; i <= 5; i++)
        assert_int_equal(rig_next(&a).data, i);
    rig_get(&a, STATE_ALL, s);
    rig_set(&b, STATE_ALL, s);
    for (unsigned i = 6; i <= 14; i++)
        assert_int_equal(rig_next(&b).data, i);
    assert_int_equal(rig_next(&b).kind, EXIT_HLT);
    rig_close(&a);
    rig_close(&b);
    free(s);
}

/* After an access, state is that after the instruction, and running on does not do it twice. */
static void test_get_completes(void **state)
{
    struct rig_config cfg = { .start = X86_START_LONG, CODE(0xec, 0xee, 0x01, 0x03, 0xf4) };
    struct x86_state s;
    struct rig r;

    (void)state;
    need_kvm();
    rig_open(&r, &cfg);
    assert_int_equal(rig_next(&r).kind, EXIT_PIO);
    rig_get(&r, STATE_REGS, &s);
    assert_int_equal(s.rip, RIG_CODE + 1);
    assert_int_equal(s.gpr[X86_RAX] & 0xff, 0x11);
    rig_get(&r, STATE_REGS, &s);
    assert_int_equal(s.rip, RIG_CODE + 1);
    assert_true(rig_next(&r).write);
    rig_get(&r, STATE_REGS, &s);
    assert_int_equal(s.rip, RIG_CODE + 2);
    assert_int_equal(rig_next(&r).write, false);
    rig_get(&r, STATE_REGS, &s); /* half of a read-modify-write: its second exit must not be lost */
    assert_true(rig_next(&r).write);
    assert_int_equal(rig_next(&r).kind, EXIT_HLT);
    rig_close(&r);
}

/* ---- kicks ----------------------------------------------------------------------------------- */

static void test_kick_before_run(void **state)
{
    struct rig_config cfg = { .start = X86_START_LONG, CODE(0xf4) };
    struct rig r;

    (void)state;
    need_kvm();
    rig_open(&r, &cfg);
    r.m->engine->kick(r.cpu);
    assert_int_equal(rig_run(&r).kind, EXIT_KICKED);
    assert_int_equal(rig_run(&r).kind, EXIT_HLT);
    rig_close(&r);
}

/* A kick between an exit and the completion of its access is still there afterwards. */
static void test_kick_and_complete(void **state)
{
    struct rig_config cfg = { .start = X86_START_LONG, CODE(0xec, SPIN) };
    struct x86_state s;
    struct rig r;

    (void)state;
    need_kvm();
    rig_open(&r, &cfg);
    assert_int_equal(rig_next(&r).kind, EXIT_PIO);
    r.m->engine->kick(r.cpu);
    rig_get(&r, STATE_REGS, &s);
    assert_int_equal(rig_run(&r).kind, EXIT_KICKED);
    rig_close(&r);
}

static void sleep_us(long us)
{
    nanosleep(&(struct timespec){ .tv_nsec = us * 1000 }, NULL);
}

enum { KICKS = 300 };

struct kicker {
    struct machine *m;
    _Atomic unsigned rounds; /* runs that have ended */
};

static void *kick_thread(void *arg)
{
    struct kicker *k = arg;

    for (unsigned i = 0; i < KICKS; i++) {
        sleep_us((long)(i * 7 % 150));
        machine_stop(k->m, STOP_USER, 0, -1);
        while (atomic_load(&k->rounds) <= i)
            sleep_us(10);
    }
    return NULL;
}

static void spin_and_kick(const struct rig_config *cfg)
{
    struct kicker k = { 0 };
    struct stop stop;
    pthread_t thread;
    struct rig r;

    rig_open(&r, cfg);
    k.m = r.m;
    assert_int_equal(pthread_create(&thread, NULL, kick_thread, &k), 0);
    for (unsigned i = 0; i < KICKS; i++) {
        machine_run(r.m, &stop); /* hangs if a kick is lost: the test's time limit reports it */
        assert_int_equal(stop.why, STOP_USER);
        atomic_fetch_add(&k.rounds, 1);
    }
    pthread_join(thread, NULL);
    rig_close(&r);
}

static void test_kick_spinning(void **state)
{
    struct rig_config ring0 = { .start = X86_START_LONG, CODE(SPIN) };
    struct rig_config ring3 = { .start = X86_START_LONG, .ring = 3, CODE(SPIN) };
    struct rig_config io = { .start = X86_START_LONG, CODE(0xec, 0xeb, 0xfd) };

    (void)state;
    need_kvm();
    spin_and_kick(&ring0);
    spin_and_kick(&ring3);
    spin_and_kick(&io);
}

/* ---- many machines --------------------------------------------------------------------------- */

enum { THREADS = 8, ROUNDS = 10 };

/* cmocka's checks belong to the main thread: this one counts what went right. */
static void *hello_thread(void *arg)
{
    struct rig_config cfg = { .start = X86_START_LONG, CODE(HELLO) };
    unsigned *good = arg;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct stop stop;
        struct rig r;

        if (rig_try(&r, &cfg) < 0)
            return NULL;
        r.ram[RIG_DATA + 14] = 0;
        machine_run(r.m, &stop);
        *good += stop.why == STOP_HALT && machine_exits(r.m) == 15;
        rig_close(&r);
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t thread[THREADS];
    unsigned good[THREADS] = { 0 };

    (void)state;
    need_kvm();
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, hello_thread, &good[i]), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(good[i], ROUNDS);
    }
}

/* ---- the rest -------------------------------------------------------------------------------- */

/* On a host that resets the CPU, where the guest died is lost. Both are right; which one is told. */
static void test_shutdown(void **state)
{
    struct rig_config cfg = { .start = X86_START_LONG, CODE(0x90, 0x0f, 0x0b) };
    struct x86_state s;
    struct cpu_exit x;
    struct rig r;

    (void)state;
    need_kvm();
    rig_open(&r, &cfg);
    x = rig_next(&r);
    if (x.kind != EXIT_SHUTDOWN) {
        print_message("triple fault cannot: %s\n", exit_kind_name(x.kind));
        rig_close(&r);
        skip();
    }
    rig_get(&r, STATE_REGS | STATE_SREGS, &s);
    print_message(
        "after a triple fault this KVM %s: rip 0x%llx, of the faulting instruction 0x%x\n",
        s.rip == RIG_CODE + 1 && s.gpr[X86_RCX] == 10 ? "keeps the state" : "resets the CPU",
        (unsigned long long)s.rip, RIG_CODE + 1);
    assert_int_equal(x.rip, s.rip);
    rig_close(&r);
}

static void count_event(void *ctx, const struct event *ev)
{
    unsigned *n = ctx;

    *n += ev->kind == EVENT_HOSTCALL;
}

struct asking {
    struct dev dev;
    struct vcpu *cpu;
    bool answered;
};

static void ask_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct asking *a = (struct asking *)dev;
    gpa_t gpa;

    (void)off;
    (void)width;
    (void)val;
    a->answered = vcpu_translate(a->cpu, RIG_DATA, &gpa) && gpa == RIG_DATA;
}

/* A device may ask for registers while its access is dispatched, also with an event sink. */
static void test_ask_in_dispatch(void **state)
{
    static const struct dev_ops ops = { .name = "asking", .widths = W8, .write = ask_write };
    struct asking ask = { .dev = { .ops = &ops } };
    unsigned calls = 0;
    struct rig_config cfg = {
        .start = X86_START_LONG, .sink = count_event, .sink_ctx = &calls, CODE(0xe6, 0xe9, 0xf4)
    };
    struct stop stop;
    struct rig r;

    (void)state;
    need_kvm();
    rig_open(&r, &cfg);
    ask.cpu = r.cpu;
    assert_int_equal(machine_add_dev(r.m, &ask.dev, &r.err), 0);
    assert_int_equal(bus_add(&r.m->pio, 0xe9, 1, &ask.dev, &r.err), 0);
    machine_run(r.m, &stop);
    assert_int_equal(stop.why, STOP_HALT);
    assert_true(ask.answered);
    assert_true(calls > 0);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_price),           cmocka_unit_test(test_state),
        cmocka_unit_test(test_state_moves),     cmocka_unit_test(test_get_completes),
        cmocka_unit_test(test_kick_before_run), cmocka_unit_test(test_kick_and_complete),
        cmocka_unit_test(test_kick_spinning),   cmocka_unit_test(test_threads),
        cmocka_unit_test(test_shutdown),        cmocka_unit_test(test_ask_in_dispatch),
    };

    return cmocka_run_group_tests_name("engine/kvm real", tests, NULL, NULL);
}
