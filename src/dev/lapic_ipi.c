/* SPDX-License-Identifier: MIT */
/*
 * lapic_ipi.c - local APIC: messages between CPUs and from devices, and whom they reach
 *
 * Source: SDM 3A, "Issuing Interprocessor Interrupts", "Determining IPI Destination", "Message Signalled
 * Interrupts"; "Destination" of the x2APIC section. Each target compares in its own mode: 8-bit IDs, flat and cluster
 * model in xAPIC, 32-bit IDs and clusters of 16 in x2APIC mode.
 */
#include "dev/lapic_priv.h"

struct message {
    uint32_t dest;
    bool logical;
    bool wide;   /* dest has 32 bits: all ones is 0xffffffff */
    bool lowest; /* to one of those that match */
    enum lapic_delivery mode;
    uint8_t vector;
    bool level;
};

/* ---- one target -------------------------------------------------------------------------------- */

static void start(struct vcpu *cpu, uint8_t page)
{
    unsigned pending = atomic_load_explicit(&cpu->requests, memory_order_relaxed);

    if (pending & VCPU_SIPI)
        return; /* the first one starts it; then it waits for none */
    cpu->sipi_vector = page;
    vcpu_request(cpu, VCPU_SIPI);
}

void lapic_deliver(struct lapic_cpu *a, enum lapic_delivery mode, uint8_t vector, bool level)
{
    switch (mode) {
    case LAPIC_FIXED:
    case LAPIC_LOWEST:
        lapic_accept(a, vector, level);
        break;
    case LAPIC_NMI:
        vcpu_request(a->vcpu, VCPU_NMI);
        break;
    case LAPIC_INIT:
        vcpu_request(a->vcpu, VCPU_INIT); /* forgets a start-up that came before it */
        break;
    case LAPIC_STARTUP:
        start(a->vcpu, vector);
        break;
    case LAPIC_EXTINT:
        a->extint = true;
        lapic_update(a);
        break;
    case LAPIC_SMI:
    case LAPIC_RESERVED:
        a->set->dev.refused++;
        break;
    }
}

static bool matches_physical(const struct lapic_cpu *a, const struct message *msg)
{
    return msg->dest == a->id;
}

static bool matches_logical(const struct lapic_cpu *a, const struct message *msg)
{
    uint32_t ldr = a->reg[LAPIC_LDR], dest = msg->dest;

    if (lapic_x2(a))
        return dest >> 16 == ldr >> 16 && dest & ldr & 0xffff;
    if (dest > 0xff)
        return false;
    ldr >>= 24;
    switch (a->reg[LAPIC_DFR] >> 28) {
    case 0xf: /* flat */
        return (dest & ldr) != 0;
    case 0: /* cluster */
        return dest >> 4 == ldr >> 4 && dest & ldr & 0xf;
    default:
        return false;
    }
}

static bool matches(const struct lapic_cpu *a, const struct message *msg)
{
    if (!lapic_on(a))
        return false;
    if (msg->dest == (msg->wide ? UINT32_MAX : 0xff))
        return true;
    return msg->logical ? matches_logical(a, msg) : matches_physical(a, msg);
}

/* ---- all targets ------------------------------------------------------------------------------- */

/* Least processor priority of the enabled ones that match; of equals the next one after the last chosen. */
static void send_lowest(struct lapic *l, const struct message *msg)
{
    struct lapic_cpu *best = NULL;

    for (unsigned i = 1; i <= CPUS_MAX; i++) {
        struct lapic_cpu *a = &l->cpu[(l->last_lowest + i) % CPUS_MAX];

        if (matches(a, msg) && a->reg[LAPIC_SVR] & LAPIC_SVR_ENABLE &&
            (best == NULL || lapic_ppr(a) < lapic_ppr(best)))
            best = a;
    }
    if (best == NULL)
        return;
    l->last_lowest = best->id;
    lapic_deliver(best, msg->mode, msg->vector, msg->level);
}

/* except: one that does not get it, or NULL. */
static void send(struct lapic *l, const struct message *msg, const struct lapic_cpu *except)
{
    if (msg->lowest && except == NULL) {
        send_lowest(l, msg);
        return;
    }
    for (unsigned i = 0; i < CPUS_MAX; i++) {
        struct lapic_cpu *a = &l->cpu[i];

        if (a != except && matches(a, msg))
            lapic_deliver(a, msg->mode, msg->vector, msg->level);
    }
}

/* ---- sources ----------------------------------------------------------------------------------- */

enum shorthand { NO_SHORTHAND, SELF, ALL, ALL_BUT_SELF };

/* INIT and start-up to oneself by shorthand are no valid combinations, as are modes that the ICR lacks. */
static bool sendable(enum lapic_delivery mode, enum shorthand to)
{
    if (mode == LAPIC_INIT || mode == LAPIC_STARTUP)
        return to != SELF && to != ALL;
    return mode != LAPIC_SMI && mode != LAPIC_RESERVED && mode != LAPIC_EXTINT;
}

void lapic_icr(struct lapic_cpu *a)
{
    uint32_t lo = a->reg[LAPIC_ICR_LO], hi = a->reg[LAPIC_ICR_HI];
    enum shorthand to = lo >> 18 & 3;
    struct message msg = {
        .dest = lapic_x2(a) ? hi : hi >> 24,
        .logical = lo >> 11 & 1,
        .wide = lapic_x2(a),
        .mode = lo >> 8 & 7,
        .vector = (uint8_t)lo,
    };
    bool deassert = lo & BIT(15) && !(lo & BIT(14));

    msg.lowest = msg.mode == LAPIC_LOWEST;
    if (msg.mode == LAPIC_INIT && deassert)
        return; /* INIT Level De-assert: nothing since the Pentium 4 */
    if (!sendable(msg.mode, to)) {
        a->set->dev.refused++;
        return;
    }
    if ((msg.mode == LAPIC_FIXED || msg.mode == LAPIC_LOWEST) && msg.vector < 16) {
        lapic_error(a, LAPIC_SEND_ILLEGAL_VECTOR);
        return;
    }
    if (to == SELF) {
        lapic_deliver(a, msg.mode, msg.vector, false);
        return;
    }
    if (to != NO_SHORTHAND)
        msg.dest = msg.wide ? UINT32_MAX : 0xff;
    send(a->set, &msg, to == ALL_BUT_SELF ? a : NULL);
}

void lapic_self_ipi(struct lapic_cpu *a, uint8_t vector)
{
    if (vector < 16)
        lapic_error(a, LAPIC_SEND_ILLEGAL_VECTOR);
    else
        lapic_accept(a, vector, false);
}

/* Address: 0xfee in 31:20, destination in 19:12, redirection hint in 3, logical in 2. */
void lapic_msi(void *ctx, uint64_t addr, uint32_t data)
{
    struct lapic *l = ctx;
    bool level = data & BIT(15);
    struct message msg = {
        .dest = addr >> 12 & 0xff,
        .logical = addr >> 2 & 1,
        .mode = data >> 8 & 7,
        .vector = (uint8_t)data,
        .level = level,
    };

    if (addr >> 20 != LAPIC_MMIO >> 20 || msg.mode == LAPIC_STARTUP) {
        l->dev.refused++;
        return;
    }
    if (level && !(data & BIT(14)))
        return; /* the level went away: nothing to take back here */
    msg.lowest =
        msg.mode == LAPIC_LOWEST || (msg.mode == LAPIC_FIXED && msg.logical && addr & BIT(3));
    send(l, &msg, NULL);
}
