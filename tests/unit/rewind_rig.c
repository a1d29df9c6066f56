/* SPDX-License-Identifier: MIT */
/* rewind_rig.c - see rewind_rig.h */
#include "rewind_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "engine/soft/soft.h"
#include "x86/start.h"

enum { HANDLER = 0x2000 };

/*
 * sti
 * 1: inc word [0x604]; mov bx, [0x604]; shl bx, 4; and bx, 0x7ff0; or bh, 0x80; add [bx], bx
 * in al, 0x80; add [0x60c], al; jmp 1b
 */
static const uint8_t code[] = { 0xfb, 0xff, 0x06, 0x04, 0x06, 0x8b, 0x1e, 0x04, 0x06, 0xc1,
                                0xe3, 0x04, 0x81, 0xe3, 0xf0, 0x7f, 0x80, 0xcf, 0x80, 0x01,
                                0x1f, 0xe4, 0x80, 0x00, 0x06, 0x0c, 0x06, 0xeb, 0xe4 };

/* push ax; inc word [0x608]; mov al, 200; out 0x80, al; pop ax; iret: the next interrupt in 200 ns */
static const uint8_t handler[] = {
    0x50, 0xff, 0x06, 0x08, 0x06, 0xb0, 0xc8, 0xe6, 0x80, 0x58, 0xcf
};

static void fire(void *ctx)
{
    vcpu_request(((struct rig *)ctx)->m->cpu[0], VCPU_INTR);
}

static struct rig *rig_of(struct dev *dev)
{
    return (struct rig *)((char *)dev - offsetof(struct rig, dev));
}

static void arm(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct rig *r = rig_of(dev);

    (void)off, (void)width;
    timer_arm(&r->part.timer, clock_ns(&r->m->clock) + val);
}

static uint64_t read_key(struct dev *dev, uint64_t off, unsigned width)
{
    (void)off, (void)width;
    return rig_of(dev)->part.key;
}

static const struct dev_ops dev_ops = {
    .name = "keys", .widths = W8, .write = arm, .read = read_key, .bytes = sizeof(struct dev)
};

static bool ready(void *ctx)
{
    (void)ctx;
    return true;
}

static void deliver(void *ctx, const struct host_event *ev)
{
    struct rig *r = ctx;

    r->part.key = ev->byte;
    r->delivered++;
}

static void add_cpus(struct rig *r, unsigned ncpus)
{
    struct x86_state start;

    for (unsigned i = 0; i < ncpus; i++) {
        x86_start_state(X86_START_REAL, RIG_CODE, 0x5000 + 0x1000 * i, 0, &start);
        assert_int_equal(machine_add_cpu(r->m, &start, NULL), 0);
        r->irq[i].cpu = r->m->cpu[i];
        r->m->cpu[i]->intc = (struct intc){ &one_vector_ops, &r->irq[i] };
    }
}

void rig_open(struct rig *r, unsigned ncpus, uint64_t spacing, uint64_t bytes)
{
    const struct rewind_config cfg = { .bytes = bytes, .spacing = spacing };
    struct mem_slot slot = { .len = RIG_RAM, .kind = MEM_RAM, .name = "RAM" };

    *r = (struct rig){ .ram = aligned_alloc(4096, RIG_RAM), .dev = { .ops = &dev_ops } };
    assert_non_null(r->ram);
    memset(r->ram, 0, RIG_RAM);
    memcpy(r->ram + RIG_CODE, code, sizeof(code));
    memcpy(r->ram + HANDLER, handler, sizeof(handler));
    le_put(r->ram + (size_t)4 * ONE_VECTOR, 2, HANDLER);
    slot.host = r->ram;
    assert_int_equal(machine_new("test", &soft_engine, &r->m, NULL), 0);
    r->m->clock.counted = true;
    r->m->ncpus_planned = ncpus;
    assert_int_equal(machine_open(r->m, NULL), 0);
    assert_int_equal(machine_add_mem(r->m, &slot, NULL), 0);
    assert_int_equal(machine_add_dev(r->m, &r->dev, NULL), 0);
    assert_int_equal(bus_add(&r->m->pio, RIG_PORT, 1, &r->dev, NULL), 0);
    add_cpus(r, ncpus);
    timer_init(&r->part.timer, &r->m->timers, fire, r);
    timer_arm(&r->part.timer, 333);
    machine_add_part(r->m, &r->part, sizeof(r->part));
    r->m->host_log.ready = ready;
    r->m->host_log.deliver = deliver;
    r->m->host_log.ctx = r;
    if (spacing != 0)
        assert_int_equal(rewind_open(r->m, &cfg, NULL), 0);
}

void rig_close(struct rig *r)
{
    machine_free(r->m);
    free(r->ram);
}

uint64_t rig_hash(struct rig *r)
{
    uint64_t hash = 0;

    assert_int_equal(machine_hash(r->m, &hash, NULL), 0);
    return hash;
}

uint64_t rig_run_to(struct rig *r, uint64_t insns)
{
    struct stop stop;

    r->m->turns.until = insns;
    machine_run(r->m, &stop);
    r->m->turns.until = 0;
    assert_int_equal(stop.why, STOP_COUNT);
    assert_int_equal(turns_insns(r->m), insns);
    return rig_hash(r);
}
