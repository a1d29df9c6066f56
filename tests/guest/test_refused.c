/* SPDX-License-Identifier: MIT */
/*
 * test_refused.c - instructions that this host's KVM may refuse, on both engines
 *
 * On a KVM that refuses nothing the guests pass without help, and what is said of help is not checked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "evidence.h"

#define GUESTS(X)   \
    X(int3)         \
    X(int_n)        \
    X(stac_clac)    \
    X(xgetbv)       \
    X(xsave_xrstor) \
    X(clwb)         \
    X(invpcid)      \
    X(cmpxchg16b)   \
    X(rdtscp)       \
    X(popcnt)       \
    X(sse)          \
    X(port)         \
    X(cluster)      \
    X(remap)        \
    X(smp)          \
    X(ring3)

#define X(name) extern const unsigned char refused_##name[], refused_##name##_end[];
GUESTS(X)
#undef X

enum guest_id {
#define X(name) GUEST_##name,
    GUESTS(X)
#undef X
        NGUESTS
};

static const struct {
    const char *name;
    const unsigned char *begin, *end;
} guests[NGUESTS] = {
#define X(name) [GUEST_##name] = { #name, refused_##name, refused_##name##_end },
    GUESTS(X)
#undef X
};

struct result {
    struct vitro_outcome end;
    struct vitro_regs regs;
    char output[64];
    uint64_t refusals, helped, exits;
};

static void count(struct vitro *m, struct result *r)
{
    struct vitro_exit_row rows[32];
    struct vitro_err err = { 0 };
    size_t n;

    check(vitro_exits(m, rows, 32, &n, &err), &err);
    for (size_t i = 0; i < n && i < 32; i++) {
        if (strcmp(rows[i].reason, "kicked") == 0)
            continue;
        r->exits += rows[i].exits;
        r->refusals += strcmp(rows[i].reason, "refused") == 0 ? rows[i].exits : 0;
        r->helped += rows[i].helped;
    }
}

static void run(enum guest_id id, enum vitro_engine engine, struct result *r)
{
    struct vitro_guest_config gcfg = { .name = guests[id].name,
                                       .bytes = guests[id].begin,
                                       .len = (size_t)(guests[id].end - guests[id].begin),
                                       .kind = VITRO_KIND_FLAT };
    struct vitro_config cfg = { .engine = engine,
                                .cpu = "host", /* instructions of all kinds */
                                .page_bytes = id == GUEST_remap ? 4096 : 0,
                                .console_fd = memfd_create("output", MFD_CLOEXEC) };
    struct vitro_err err = { 0 };
    struct vitro_guest *guest;
    struct vitro *m;
    ssize_t n;

    *r = (struct result){ 0 };
    check(vitro_guest_open(&gcfg, &guest, &err), &err);
    check(vitro_new(&cfg, guest, &m, &err), &err);
    check(vitro_run(m, &r->end, &err), &err);
    check(vitro_regs(m, 0, &r->regs, &err), &err);
    count(m, r);
    n = pread(cfg.console_fd, r->output, sizeof(r->output) - 1, 0);
    assert_true(n >= 0);
    vitro_free(m);
    vitro_guest_free(guest);
    close(cfg.console_fd);
}

static void expect_42(enum guest_id id, const struct result *r)
{
    if (r->end.end != VITRO_END_HALT || r->regs.gpr[0] != 42)
        fail_msg("%s: %s, rax = %llu", guests[id].name, r->end.text,
                 (unsigned long long)r->regs.gpr[0]);
}

/* What a guest switches on first, where this KVM may not offer it: then it faults there on KVM. */
static bool offered(enum guest_id id, const struct result *r)
{
    if ((id != GUEST_xgetbv && id != GUEST_xsave_xrstor) || r->end.end != VITRO_END_SHUTDOWN)
        return true;
    print_message("%s: cannot run here: this KVM does not let CR4.OSXSAVE be set\n",
                  guests[id].name);
    return false;
}

static void all_on_soft(void **state)
{
    (void)state;
    for (unsigned id = 0; id < NGUESTS; id++) {
        struct result r;

        run((enum guest_id)id, VITRO_ENGINE_SOFT, &r);
        expect_42((enum guest_id)id, &r);
        assert_int_equal(r.refusals, 0);
        assert_int_equal(r.helped, 0);
    }
}

static void all_on_kvm(void **state)
{
    unsigned refused = 0;

    (void)state;
    for (unsigned id = 0; id < NGUESTS; id++) {
        struct result r;

        run((enum guest_id)id, VITRO_ENGINE_KVM, &r);
        if (!offered((enum guest_id)id, &r))
            continue;
        expect_42((enum guest_id)id, &r);
        assert_true(r.helped >= r.refusals);
        refused += r.refusals > 0;
    }
    print_message("%u of %d guests had help\n", refused, NGUESTS);
}

/* The devices see the same, whoever executes what comes before the access. */
static void devices_are_reached(void **state)
{
    struct result r;

    (void)state;
    run(GUEST_port, VITRO_ENGINE_KVM, &r);
    assert_string_equal(r.output, "ab");
    assert_int_equal(r.exits - r.refusals, 3);
}

/* 20000 refusals cost a few dozen exits: the helper goes on by itself. */
static void clusters_are_cut_short(void **state)
{
    struct result r;

    (void)state;
    run(GUEST_cluster, VITRO_ENGINE_KVM, &r);
    if (r.refusals == 0) {
        print_message("cannot run here: this KVM refuses nothing of it\n");
        skip();
    }
    print_message("%llu refusals, %llu instructions helped\n", (unsigned long long)r.refusals,
                  (unsigned long long)r.helped);
    assert_true(r.refusals < 2000);
    assert_true(r.helped > 20000);
    assert_true(r.helped <= r.refusals * 10000);
    assert_int_equal(r.end.refused, r.refusals);
    assert_int_equal(r.end.helped, r.helped);
}

/* Slots are dropped and added again while other CPUs run; each finds its memory as it left it. */
static void several_cpus(void **state)
{
    struct vitro_guest_config gcfg = { .name = "smp",
                                       .bytes = guests[GUEST_smp].begin,
                                       .len = (size_t)(guests[GUEST_smp].end -
                                                       guests[GUEST_smp].begin),
                                       .kind = VITRO_KIND_FLAT };
    struct vitro_config cfg = { .engine = VITRO_ENGINE_KVM, .cpus = 4, .console_fd = -1 };
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct result r = { 0 };
    struct vitro *m;

    (void)state;
    check(vitro_guest_open(&gcfg, &guest, &err), &err);
    check(vitro_new(&cfg, guest, &m, &err), &err);
    check(vitro_run(m, &end, &err), &err);
    assert_int_equal(end.end, VITRO_END_HALT);
    for (unsigned i = 0; i < 4; i++) {
        check(vitro_regs(m, i, &r.regs, &err), &err);
        assert_int_equal(r.regs.gpr[0], 42);
    }
    count(m, &r);
    assert_int_equal(r.exits - r.refusals, 4); /* a HLT each: nothing was taken for a device */
    vitro_free(m);
    vitro_guest_free(guest);
}

/* A step over a refused instruction is one; a breakpoint behind it stops there. */
static void steps_and_breakpoints(void **state)
{
    const uint64_t popcnt_at = 5, behind = 10, compare_at = 13;
    struct vitro_guest_config gcfg = { .name = "popcnt",
                                       .bytes = guests[GUEST_popcnt].begin,
                                       .len = (size_t)(guests[GUEST_popcnt].end -
                                                       guests[GUEST_popcnt].begin),
                                       .kind = VITRO_KIND_FLAT };
    struct vitro_config cfg = { .engine = VITRO_ENGINE_KVM, .console_fd = -1 };
    struct vitro_stop_at at = { .addrs = &popcnt_at, .naddrs = 1 };
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct vitro_regs regs;
    struct vitro *m;

    (void)state;
    check(vitro_guest_open(&gcfg, &guest, &err), &err);
    check(vitro_new(&cfg, guest, &m, &err), &err);
    check(vitro_stop_at(m, &at, &err), &err);
    check(vitro_run(m, &end, &err), &err);
    assert_int_equal(end.end, VITRO_END_BREAK);
    assert_int_equal(end.rip, popcnt_at);
    check(vitro_step(m, 0, &end, &err), &err);
    assert_int_equal(end.end, VITRO_END_BREAK);
    assert_int_equal(end.rip, behind);
    check(vitro_regs(m, 0, &regs, &err), &err);
    assert_int_equal(regs.rip, behind);
    assert_int_equal(regs.gpr[2], 8);
    at.addrs = &compare_at;
    check(vitro_stop_at(m, &at, &err), &err);
    check(vitro_run(m, &end, &err), &err);
    assert_int_equal(end.end, VITRO_END_BREAK);
    assert_int_equal(end.rip, compare_at);
    at.naddrs = 0;
    check(vitro_stop_at(m, &at, &err), &err);
    check(vitro_run(m, &end, &err), &err);
    assert_int_equal(end.end, VITRO_END_HALT);
    vitro_free(m);
    vitro_guest_free(guest);
}

extern const unsigned char refused_ring3_at[];

/* A breakpoint that is set in ring 0 and met in ring 3, and steps there, on KVMs that can do neither. */
static void ring3(void **state)
{
    const uint64_t at = (uint64_t)(refused_ring3_at - refused_ring3);
    const struct vitro_watch watch = { .addr = 0x100000, .len = 64 };
    struct vitro_guest_config gcfg = { .name = "ring3",
                                       .bytes = guests[GUEST_ring3].begin,
                                       .len = (size_t)(guests[GUEST_ring3].end -
                                                       guests[GUEST_ring3].begin),
                                       .kind = VITRO_KIND_FLAT };
    struct vitro_config cfg = { .engine = VITRO_ENGINE_KVM, .console_fd = -1 };
    struct vitro_stop_at where = { .addrs = &at, .naddrs = 1, .watches = &watch, .nwatches = 1 };
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct vitro_regs regs;
    struct vitro *m;

    (void)state;
    check(vitro_guest_open(&gcfg, &guest, &err), &err);
    check(vitro_new(&cfg, guest, &m, &err), &err);
    check(vitro_stop_at(m, &where, &err), &err);
    check(vitro_run(m, &end, &err), &err);
    assert_int_equal(end.end, VITRO_END_BREAK);
    assert_int_equal(end.rip, at);
    assert_non_null(end.debugged); /* 64 bytes are too many for debug registers anywhere */
    where.nwatches = 0;
    where.naddrs = 0;
    check(vitro_stop_at(m, &where, &err), &err);
    for (unsigned i = 1; i <= 2; i++) {
        check(vitro_step(m, 0, &end, &err), &err);
        assert_int_equal(end.end, VITRO_END_BREAK);
        check(vitro_regs(m, 0, &regs, &err), &err);
        assert_int_equal(regs.rip, at + 2 * i);
        assert_int_equal(regs.gpr[3], 40 + i);
        assert_int_equal(regs.cpl, 3);
    }
    check(vitro_run(m, &end, &err), &err);
    assert_int_equal(end.end, VITRO_END_HALT);
    assert_null(end.debugged);
    check(vitro_regs(m, 0, &regs, &err), &err);
    assert_int_equal(regs.gpr[0], 42);
    vitro_free(m);
    vitro_guest_free(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_on_soft),
        cmocka_unit_test(all_on_kvm),
        cmocka_unit_test(devices_are_reached),
        cmocka_unit_test(clusters_are_cut_short),
        cmocka_unit_test(several_cpus),
        cmocka_unit_test(steps_and_breakpoints),
        cmocka_unit_test(ring3),
    };

    return cmocka_run_group_tests_name("refused", tests, NULL, NULL);
}
