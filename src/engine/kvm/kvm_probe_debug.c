/* SPDX-License-Identifier: MIT */
/*
 * kvm_probe_debug.c - do steps, breakpoints and watchpoints stop the guest; what is left after a stop
 *
 * KVM_SET_GUEST_DEBUG is used as it is, not through the engine's own breakpoints: those have ways around
 * what a KVM cannot do, and the row is about KVM.
 */
#include <inttypes.h>

#include "engine/kvm/kvm_probe_priv.h"

enum { DR7_FIXED = 0x400, DR7_L0 = 1, DR7_WRITE_4 = 0xd << 16 };

/* What is asked for, and where the guest must stop then. Watchpoints stop after the write. */
static const struct debug_row {
    enum probe_id ring0, ring3;
    uint32_t control;
    const uint8_t *code;
    const uint8_t *at; /* DR0; NULL: the cell */
    uint64_t dr7;
    const uint8_t *stop;
} debug_rows[] = {
    { PROBE_STEP_RING0, PROBE_STEP_RING3, KVM_GUESTDBG_SINGLESTEP, kvm_probe_step, NULL, DR7_FIXED,
      kvm_probe_step_next },
    { PROBE_HW_RING0, PROBE_HW_RING3, KVM_GUESTDBG_USE_HW_BP, kvm_probe_step, kvm_probe_step_write,
      DR7_FIXED | DR7_L0, kvm_probe_step_write },
    { PROBE_WATCH_RING0, PROBE_WATCH_RING3, KVM_GUESTDBG_USE_HW_BP, kvm_probe_step, NULL,
      DR7_FIXED | DR7_L0 | DR7_WRITE_4, kvm_probe_step_wrote },
    { PROBE_SW_RING0, PROBE_SW_RING3, KVM_GUESTDBG_USE_SW_BP, kvm_probe_break_sw, NULL, DR7_FIXED,
      kvm_probe_break_sw_at },
};

static bool in_handler(uint64_t rip)
{
    return rip - probe_at(kvm_probe_stubs) < PROBE_GATES * PROBE_STUB_LEN;
}

static void explain_debug(struct prober *p, const struct debug_row *d, struct probe_row *row)
{
    const struct cpu_exit *x = prober_exit(p);

    if (x->kind == EXIT_DEBUG && x->rip == probe_at(d->stop))
        probe_set(row, PROBE_YES, 0, "%s", "");
    else if (x->kind == EXIT_DEBUG && in_handler(x->rip))
        probe_set(row, PROBE_NO, 0, "went to the guest's own handler");
    else if (x->kind == EXIT_DEBUG)
        probe_set(row, PROBE_NO, 0, "stopped %" PRId64 " bytes from where it should have",
                  (int64_t)(x->rip - probe_at(d->stop)));
    else if (x->kind == EXIT_PIO && x->addr == PROBE_DONE_PORT)
        probe_set(row, PROBE_NO, 0, "did not stop");
    else if (x->kind == EXIT_PIO && x->addr == PROBE_TRAP_PORT)
        probe_set(row, PROBE_NO, 0, "went to the guest's own handler");
    else
        prober_explain(p, HOW_EXIT, row);
}

static void debug_one(struct prober *p, const struct debug_row *d, unsigned ring,
                      struct probe_row *row)
{
    struct probe_shot shot = { SHOT_LONG, .ring = ring, .code = d->code };
    struct kvm_guest_debug k = { .control = KVM_GUESTDBG_ENABLE | d->control };
    enum probe_how how = HOW_BROKEN;

    if (probe_gave_up(p, row))
        return;
    prober_drop(p); /* what an earlier row switched on must not be on */
    k.arch.debugreg[0] = d->at != NULL ? probe_at(d->at) : PROBE_CELL;
    k.arch.debugreg[7] = d->dr7;
    if (prober_aim(p, &shot) == 0 &&
        kvm_call(vm_of(p->m), kcpu_of(p->m->cpu[0])->fd, KVM_SET_GUEST_DEBUG, &k, &p->err) == 0)
        how = prober_fire(p, PROBE_LIMIT_NS);
    if (how == HOW_EXIT)
        explain_debug(p, d, row);
    else
        prober_explain(p, how, row);
    p->timeouts += how == HOW_TIMEOUT;
    prober_drop(p);
}

void probe_debug(struct prober *p, struct probe_report *out)
{
    for (size_t i = 0; i < ARRAY_LEN(debug_rows); i++) {
        debug_one(p, &debug_rows[i], 0, &out->row[debug_rows[i].ring0]);
        debug_one(p, &debug_rows[i], 3, &out->row[debug_rows[i].ring3]);
    }
}

/* ---- state ----------------------------------------------------------------------------------- */

#define KICK_AFTER_NS UINT64_C(2000000)

/* The one run that must not end by itself. The value is what the signal's way out took. */
static void probe_kick(struct prober *p, struct probe_row *row)
{
    static const struct probe_shot shot = { SHOT_LONG, .code = kvm_probe_spin };
    enum probe_how how = HOW_BROKEN;
    uint64_t start, ns = 0;

    if (prober_aim(p, &shot) == 0) {
        start = clock_ns(&p->clock);
        how = prober_fire(p, KICK_AFTER_NS);
        ns = clock_ns(&p->clock) - start;
    }
    if (how == HOW_TIMEOUT)
        probe_set(row, PROBE_YES, ns > KICK_AFTER_NS ? (int64_t)(ns - KICK_AFTER_NS) : 0, "%s", "");
    else
        prober_explain(p, how, row);
    prober_drop(p);
}

static void keep(struct probe_row *row, const char *name, uint64_t is, uint64_t was)
{
    if (is == was)
        probe_set(row, PROBE_YES, 0, "%s", "");
    else
        probe_set(row, PROBE_NO, 0, "%s is 0x%" PRIx64 ", was 0x%" PRIx64, name, is, was);
}

/* A write to nowhere with an empty table of handlers. */
static void probe_triple_fault(struct prober *p, struct probe_report *out)
{
    static const struct probe_shot shot = { SHOT_LONG, .code = kvm_probe_triple };
    struct probe_row *row = &out->row[PROBE_TRIPLE_FAULT];
    enum probe_how how = HOW_BROKEN;

    prober_drop(p);
    if (prober_aim(p, &shot) == 0) {
        p->state.idtr.limit = 0;
        if (kvm_engine.set(p->m->cpu[0], STATE_SREGS, &p->state, &p->err) == 0)
            how = prober_fire(p, PROBE_LIMIT_NS);
    }
    if (how != HOW_EXIT || prober_exit(p)->kind != EXIT_SHUTDOWN) {
        prober_explain(p, how, row);
        prober_drop(p);
        return;
    }
    probe_set(row, PROBE_YES, 0, "%s", "");
    if (prober_state(p, &p->state)) {
        keep(&out->row[PROBE_SHUTDOWN_RIP], "rip", p->state.rip, probe_at(kvm_probe_triple_at));
        keep(&out->row[PROBE_SHUTDOWN_GPR], "rax", p->state.gpr[X86_RAX], PROBE_FAULT);
        keep(&out->row[PROBE_SHUTDOWN_CR3], "cr3", p->state.cr3, PROBE_LONG_TOP);
    }
    prober_drop(p);
}

void probe_state(struct prober *p, struct probe_report *out)
{
    static const enum probe_id needs_fault[] = { PROBE_SHUTDOWN_RIP, PROBE_SHUTDOWN_GPR,
                                                 PROBE_SHUTDOWN_CR3 };

    if (probe_gave_up(p, &out->row[PROBE_KICK]) || probe_gave_up(p, &out->row[PROBE_TRIPLE_FAULT]))
        return;
    for (size_t i = 0; i < ARRAY_LEN(needs_fault); i++)
        probe_set(&out->row[needs_fault[i]], PROBE_UNKNOWN, 0,
                  "not found out: there was no SHUTDOWN");
    probe_kick(p, &out->row[PROBE_KICK]);
    probe_triple_fault(p, out);
}
