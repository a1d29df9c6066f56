/* SPDX-License-Identifier: MIT */
/* test_lapic_ipi.c - register scripts of the local APIC: messages and whom they reach. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lapic_rig.h"

#define ON(cpu)       STEP(wr, cpu, SVR, 0x1ff)
#define TO(cpu, dest) STEP(wr, cpu, ICR_HI, (uint64_t)(dest) << 24)

static const struct step four_on[] = { ON(0), ON(1), ON(2), ON(3) };

static void run(const struct step *steps, size_t n)
{
    struct lapic_rig r;

    lapic_rig_make(&r, 4);
    RUN(&r, four_on);
    steps_run(&r, steps, n);
    lapic_rig_free(&r);
}

#define SCRIPT(...)                                         \
    do {                                                    \
        static const struct step steps[] = { __VA_ARGS__ }; \
        run(steps, sizeof(steps) / sizeof(steps[0]));       \
    } while (0)

#define GOT(c0, c1, c2, c3) \
    STEP(intr, 0, c0), STEP(intr, 1, c1), STEP(intr, 2, c2), STEP(intr, 3, c3)

static void physical(void **state)
{
    (void)state;
    SCRIPT(TO(0, 2), STEP(wr, 0, ICR_LO, 0x4051), GOT(0, 0, 1, 0), STEP(ack, 2, 0x51),
           STEP(rd, 0, ICR_LO, 0x4051), TO(3, 0), STEP(wr, 3, ICR_LO, 0x4052), STEP(ack, 0, 0x52),
           TO(1, 1), STEP(wr, 1, ICR_LO, 0x4053), STEP(ack, 1, 0x53),
           TO(1, 7), /* nobody is there */
           STEP(wr, 1, ICR_LO, 0x4060), GOT(0, 0, 0, 0), TO(1, 0xff), STEP(wr, 1, ICR_LO, 0x4061),
           GOT(1, 1, 1, 1));
}

static void shorthands(void **state)
{
    (void)state;
    SCRIPT(TO(1, 3), STEP(wr, 1, ICR_LO, 0x44051), GOT(0, 1, 0, 0), STEP(ack, 1, 0x51),
           STEP(wr, 1, EOI, 0), STEP(wr, 1, ICR_LO, 0xc4052), GOT(1, 0, 1, 1), STEP(ack, 0, 0x52),
           STEP(ack, 2, 0x52), STEP(ack, 3, 0x52), STEP(wr, 1, ICR_LO, 0x84063), GOT(1, 1, 1, 1));
}

static void logical_flat(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0, LDR, 0x01000000), STEP(wr, 1, LDR, 0x02000000), STEP(wr, 2, LDR, 0x04000000),
           STEP(wr, 3, LDR, 0x08000000), TO(0, 0x0a), STEP(wr, 0, ICR_LO, 0x4851), GOT(0, 1, 0, 1),
           STEP(ack, 1, 0x51), STEP(ack, 3, 0x51), TO(0, 0xf0), STEP(wr, 0, ICR_LO, 0x4852),
           GOT(0, 0, 0, 0), TO(0, 0), STEP(wr, 0, ICR_LO, 0x4852), GOT(0, 0, 0, 0), TO(0, 0xff),
           STEP(wr, 0, ICR_LO, 0x4862), GOT(1, 1, 1, 1));
}

static void logical_cluster(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0, DFR, 0), STEP(wr, 1, DFR, 0), STEP(wr, 2, DFR, 0), STEP(wr, 3, DFR, 0),
           STEP(wr, 0, LDR, 0x11000000), STEP(wr, 1, LDR, 0x12000000), STEP(wr, 2, LDR, 0x21000000),
           STEP(wr, 3, LDR, 0x22000000), TO(0, 0x22), STEP(wr, 0, ICR_LO, 0x4851), GOT(0, 0, 0, 1),
           STEP(ack, 3, 0x51), TO(0, 0x13), STEP(wr, 0, ICR_LO, 0x4852), GOT(1, 1, 0, 0),
           STEP(ack, 0, 0x52), STEP(ack, 1, 0x52), TO(0, 0x3f), STEP(wr, 0, ICR_LO, 0x4863),
           GOT(0, 0, 0, 0), STEP(wr, 3, DFR, 0x50000000), /* a model that does not exist */
           TO(0, 0x22), STEP(wr, 0, ICR_LO, 0x4864), GOT(0, 0, 0, 0));
}

static void x2_cluster(void **state)
{
    (void)state;
    SCRIPT(STEP(base, 0, 0xfee00d00), STEP(base, 1, 0xfee00c00), STEP(base, 2, 0xfee00c00),
           STEP(base, 3, 0xfee00c00), STEP(wrmsr, 0, 0x830, 0x600004851), GOT(0, 1, 1, 0),
           STEP(ack, 1, 0x51), STEP(ack, 2, 0x51), STEP(wrmsr, 0, 0x830, 0x100020000004852),
           GOT(0, 0, 0, 0), STEP(wrmsr, 0, 0x830, 0x1000004852), GOT(0, 0, 0, 0),
           STEP(wrmsr, 0, 0x830, 0x300004053), STEP(ack, 3, 0x53),
           STEP(wrmsr, 0, 0x830, 0xff00004063), /* not everybody: 32 bits */
           GOT(0, 0, 0, 0), STEP(wrmsr, 0, 0x830, 0xffffffff00004063), GOT(1, 1, 1, 1),
           STEP(msi, 0xfee0c004, 0x94), /* logical 0x0c */
           STEP(ack, 2, 0x94), STEP(ack, 3, 0x94), STEP(ack, 0, 0x63));
}

/* The least busy; of equals each in turn. */
static void lowest_priority(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0, TPR, 0x30), STEP(wr, 1, TPR, 0x20), STEP(wr, 2, TPR, 0x10),
           STEP(wr, 3, TPR, 0x20), TO(0, 0xff), STEP(wr, 0, ICR_LO, 0x4151), GOT(0, 0, 1, 0),
           STEP(ack, 2, 0x51), /* in service: class 5 now */
           STEP(wr, 0, ICR_LO, 0x4161), GOT(0, 0, 0, 1), STEP(ack, 3, 0x61), STEP(wr, 3, EOI, 0),
           STEP(wr, 0, ICR_LO, 0x4161), GOT(0, 1, 0, 0), STEP(ack, 1, 0x61), STEP(wr, 1, EOI, 0),
           STEP(wr, 0, ICR_LO, 0x4161), GOT(0, 0, 0, 1), STEP(ack, 3, 0x61), STEP(wr, 3, EOI, 0),
           STEP(wr, 3, SVR, 0xff), STEP(wr, 1, SVR, 0xff), STEP(wr, 0, ICR_LO, 0x4171),
           GOT(1, 0, 0, 0));
}

static void nmi_init_sipi(void **state)
{
    (void)state;
    SCRIPT(TO(0, 1), STEP(wr, 0, ICR_LO, 0x4400), STEP(requests, 1, VCPU_NMI),
           STEP(wr, 0, ICR_LO, 0x0008500), /* level de-assert of INIT */
           STEP(requests, 1, 0), STEP(wr, 0, ICR_LO, 0x4500), STEP(requests, 1, VCPU_INIT),
           STEP(wr, 0, ICR_LO, 0xc500), STEP(requests, 1, VCPU_INIT), STEP(wr, 0, ICR_LO, 0x4699),
           STEP(sipi, 1, 0x99), STEP(wr, 0, ICR_LO, 0x4677), /* the first one counts */
           STEP(sipi, 1, 0x99), STEP(requests, 1, VCPU_SIPI), STEP(wr, 0, ICR_LO, 0x4611),
           STEP(wr, 0, ICR_LO, 0x4500), /* INIT forgets the start-up before it */
           STEP(requests, 1, VCPU_INIT), STEP(wr, 0, ICR_LO, 0xc4500), STEP(requests, 0, 0),
           STEP(requests, 1, VCPU_INIT), STEP(requests, 2, VCPU_INIT), STEP(requests, 3, VCPU_INIT),
           STEP(wr, 0, ICR_LO, 0xc4608), STEP(requests, 0, 0), STEP(sipi, 3, 0x08),
           STEP(requests, 3, VCPU_SIPI), STEP(wr, 0, ICR_LO, 0x84500), STEP(requests, 0, 0),
           STEP(requests, 2, VCPU_SIPI), /* no INIT to all with oneself */
           STEP(wr, 1, SVR, 0xff), STEP(requests, 1, VCPU_SIPI), STEP(wr, 0, ICR_LO, 0x4400),
           STEP(requests, 1, VCPU_NMI)); /* software-disabled, it still takes these */
}

/* Modes and vectors that are not there. */
static void not_sent(void **state)
{
    (void)state;
    SCRIPT(TO(0, 1), STEP(wr, 0, ICR_LO, 0x4250), STEP(wr, 0, ICR_LO, 0x4350),
           STEP(wr, 0, ICR_LO, 0x4750), STEP(requests, 1, 0), STEP(wr, 0, ICR_LO, 0x4008),
           STEP(wr, 0, ICR_LO, 0x410f), STEP(requests, 1, 0), STEP(wr, 0, ESR, 0),
           STEP(rd, 0, ESR, 0x20), STEP(wr, 1, ESR, 0), STEP(rd, 1, ESR, 0));
}

static void messages(void **state)
{
    (void)state;
    SCRIPT(STEP(msi, 0xfee02000, 0x4041), STEP(ack, 2, 0x41), STEP(msi, 0xfee03000, 0x400),
           STEP(requests, 3, VCPU_NMI), STEP(msi, 0xfee03000, 0x500), STEP(requests, 3, VCPU_INIT),
           STEP(msi, 0xfee03000, 0x600), STEP(msi, 0xfee03000, 0x200), STEP(msi, 0xfed03000, 0x41),
           STEP(msi, 0x1fee03000, 0x41), STEP(requests, 3, 0), STEP(msi, 0xfee09000, 0x41),
           GOT(0, 0, 0, 0), STEP(wr, 0, LDR, 0x01000000), STEP(wr, 1, LDR, 0x02000000),
           STEP(wr, 0, TPR, 0x30), STEP(msi, 0xfee0300c, 0x51), /* redirection hint: to one */
           GOT(0, 1, 0, 0), STEP(ack, 1, 0x51), STEP(msi, 0xfee03004, 0x62), GOT(1, 1, 0, 0),
           STEP(msi, 0xfeeff000, 0x73), STEP(ack, 3, 0x73), STEP(ack, 0, 0x73));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(physical),      cmocka_unit_test(shorthands),
        cmocka_unit_test(logical_flat),  cmocka_unit_test(logical_cluster),
        cmocka_unit_test(x2_cluster),    cmocka_unit_test(lowest_priority),
        cmocka_unit_test(nmi_init_sipi), cmocka_unit_test(not_sent),
        cmocka_unit_test(messages),
    };

    return cmocka_run_group_tests_name("dev/lapic messages", tests, NULL, NULL);
}
