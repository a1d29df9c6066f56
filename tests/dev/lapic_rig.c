/* SPDX-License-Identifier: MIT */
/* lapic_rig.c - makes the machine and does the steps. */
#include "lapic_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int ack_pic(void *ctx)
{
    struct lapic_rig *r = ctx;

    r->pic_acks++;
    return r->pic_vector;
}

static void see_eoi(void *ctx, uint8_t vector)
{
    struct lapic_rig *r = ctx;

    r->neois++;
    r->eoi = vector;
}

void lapic_rig_make(struct lapic_rig *r, unsigned ncpus)
{
    struct lapic_wires wires = { ack_pic, r, see_eoi, r };

    *r = (struct lapic_rig){ .pic_vector = 0x31 };
    time_reset();
    r->m = stub_machine(&r->stub, ncpus);
    r->dev = lapic_new(r->m, &wires);
    assert_non_null(r->dev);
    assert_int_equal(machine_add_dev(r->m, r->dev, NULL), 0);
    assert_int_equal(bus_add(&r->m->mmio, LAPIC_MMIO, LAPIC_LEN, r->dev, NULL), 0);
    for (unsigned i = 0; i < ncpus; i++)
        lapic_plug(r->dev, r->m->cpu[i]);
}

void lapic_rig_free(struct lapic_rig *r)
{
    machine_free(r->m);
}

static const struct intc *intc_of(const struct lapic_rig *r, uint64_t cpu)
{
    return &r->m->cpu[cpu]->intc;
}

/* As the vCPU's dispatch does it: where the bus has what the CPU sees there. */
static uint64_t placed(const struct lapic_rig *r, uint64_t cpu, uint64_t gpa)
{
    const struct intc *i = intc_of(r, cpu);

    return i->ops->place(i->ctx, gpa);
}

void wr(void *rig, const struct step *s)
{
    struct lapic_rig *r = rig;

    r->m->accessing = r->m->cpu[s->arg[0]];
    bus_write(&r->m->mmio, placed(r, s->arg[0], LAPIC_MMIO + s->arg[1]), 4, s->arg[2]);
    r->m->accessing = NULL;
}

void rd(void *rig, const struct step *s)
{
    struct lapic_rig *r = rig;

    r->m->accessing = r->m->cpu[s->arg[0]];
    step_expect(s, "the register",
                bus_read(&r->m->mmio, placed(r, s->arg[0], LAPIC_MMIO + s->arg[1]), 4), s->arg[2]);
    r->m->accessing = NULL;
}

void wr_at(void *rig, const struct step *s)
{
    struct step near = *s;

    near.arg[1] -= LAPIC_MMIO;
    wr(rig, &near);
}

void rd_at(void *rig, const struct step *s)
{
    struct step near = *s;

    near.arg[1] -= LAPIC_MMIO;
    rd(rig, &near);
}

/* Two ticks are a nanosecond, and the guest's TSC began 1000 ticks later. */
static bool write_msr(void *rig, const struct step *s)
{
    const struct intc *i = intc_of(rig, s->arg[0]);

    return i->ops->wrmsr(i->ctx, (uint32_t)s->arg[1], s->arg[2], 2 * time_now() - 1000);
}

static bool read_msr(void *rig, const struct step *s, uint64_t *val)
{
    const struct intc *i = intc_of(rig, s->arg[0]);

    return i->ops->rdmsr(i->ctx, (uint32_t)s->arg[1], val);
}

void wrmsr(void *rig, const struct step *s)
{
    step_expect(s, "WRMSR done", write_msr(rig, s), true);
}

void rdmsr(void *rig, const struct step *s)
{
    uint64_t val = 0;

    step_expect(s, "RDMSR done", read_msr(rig, s, &val), true);
    step_expect(s, "the MSR", val, s->arg[2]);
}

void gp_write(void *rig, const struct step *s)
{
    step_expect(s, "WRMSR done", write_msr(rig, s), false);
}

void gp_read(void *rig, const struct step *s)
{
    uint64_t val;

    step_expect(s, "RDMSR done", read_msr(rig, s, &val), false);
}

void base(void *rig, const struct step *s)
{
    const struct intc *i = intc_of(rig, s->arg[0]);

    i->ops->set_base(i->ctx, s->arg[1]);
}

static unsigned pending(const struct lapic_rig *r, uint64_t cpu)
{
    return atomic_load(&r->m->cpu[cpu]->requests);
}

void ack(void *rig, const struct step *s)
{
    const struct intc *i = intc_of(rig, s->arg[0]);
    int vector;

    step_expect(s, "VCPU_INTR", pending(rig, s->arg[0]) & VCPU_INTR,
                s->arg[1] == NONE ? 0 : VCPU_INTR);
    vector = i->ops->ack(i->ctx);
    step_expect(s, "the vector", (uint64_t)(int64_t)vector, s->arg[1]);
}

void intr(void *rig, const struct step *s)
{
    step_expect(s, "VCPU_INTR", pending(rig, s->arg[0]) & VCPU_INTR, s->arg[1] ? VCPU_INTR : 0);
}

void requests(void *rig, const struct step *s)
{
    struct lapic_rig *r = rig;

    step_expect(s, "the requests", pending(r, s->arg[0]), s->arg[1]);
    vcpu_withdraw(r->m->cpu[s->arg[0]], ~(unsigned)VCPU_INTR);
}

void sipi(void *rig, const struct step *s)
{
    step_expect(s, "sipi_vector", ((struct lapic_rig *)rig)->m->cpu[s->arg[0]]->sipi_vector,
                s->arg[1]);
}

void cr8(void *rig, const struct step *s)
{
    const struct intc *i = intc_of(rig, s->arg[0]);

    step_expect(s, "CR8", i->ops->cr8(i->ctx), s->arg[1]);
}

void set_cr8(void *rig, const struct step *s)
{
    const struct intc *i = intc_of(rig, s->arg[0]);

    i->ops->set_cr8(i->ctx, (uint8_t)s->arg[1]);
}

void init(void *rig, const struct step *s)
{
    const struct intc *i = intc_of(rig, s->arg[0]);

    i->ops->init(i->ctx);
}

void lint(void *rig, const struct step *s)
{
    lapic_lint(((struct lapic_rig *)rig)->dev, (unsigned)s->arg[0], s->arg[1]);
}

void msi(void *rig, const struct step *s)
{
    lapic_msi(((struct lapic_rig *)rig)->dev, s->arg[0], (uint32_t)s->arg[1]);
}

void eois(void *rig, const struct step *s)
{
    const struct lapic_rig *r = rig;

    step_expect(s, "EOI broadcasts", r->neois, s->arg[0]);
    step_expect(s, "the vector of the last one", r->eoi, s->arg[1]);
}

void advance(void *rig, const struct step *s)
{
    time_advance(&((struct lapic_rig *)rig)->m->timers, s->arg[0]);
}
