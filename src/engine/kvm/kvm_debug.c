/* SPDX-License-Identifier: MIT */
/*
 * kvm_debug.c - single step, breakpoints and watchpoints through KVM_SET_GUEST_DEBUG
 *
 * What works depends on how this KVM runs the CPU mode of the moment, so kvm_debug_caps.c tries it out.
 * Watchpoints need the four debug registers; execution breakpoints take those that are left, first for
 * addresses whose byte cannot be written (ROM, not mapped), the others 0xCC bytes (kvm_patch.c). While
 * any is in use the guest's own debug registers have no effect.
 *
 * A run that begins where the last one was stopped steps over that breakpoint first.
 *
 * GAP: after a watchpoint the exit says which bytes were watched, not which were accessed, and rip is the
 * next instruction's: a debug register tells no more.
 * GAP: where a mode steps not, the breakpoint a run begins at is left out until the next exit.
 * GAP: breakpoints are placed for the mode the CPU is in when it enters the guest. One that is reached in
 * another mode, where this KVM cannot stop, is passed; where it is an 0xCC byte the guest sees a #BP.
 * GAP: an execution breakpoint in ROM or on a page that is not mapped takes a debug register; with none
 * left it is tried again as an 0xCC byte at each entry.
 */
#include <errno.h>
#include <string.h>

#include "engine/kvm/kvm_priv.h"

enum { DR7_FIXED = 0x400 };

/* DR7, R/W field of a slot. SDM 3B, "Debug Control Register (DR7)". */
enum dr7_type { DR7_EXEC = 0, DR7_WRITE = 1, DR7_ACCESS = 3 };

/* len  1 for DR7_EXEC */
static void add_slot(struct kvm_guest_debug *k, unsigned *slots, enum dr7_type type, uint64_t addr,
                     uint64_t len)
{
    uint64_t code = len == 8 ? 2 : len - 1;

    k->arch.debugreg[*slots] = addr;
    k->arch.debugreg[7] |= UINT64_C(1) << (2 * *slots) | (type | code << 2) << (16 + 4 * *slots);
    k->control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
    ++*slots;
}

static int tell_kvm(struct vcpu *cpu, const struct kvm_guest_debug *want, struct vitro_err *err)
{
    struct kvm_cpu *kc = kcpu_of(cpu);
    int rc;

    kc->armed = *want;
    rc = kvm_call(vm_of(cpu->m), kc->fd, KVM_SET_GUEST_DEBUG, &kc->armed, err);
    return rc < 0 ? rc : 0;
}

/* ---- what is asked for ----------------------------------------------------------------------- */

/* The longest piece at the start of a range that a debug register can cover. */
static uint64_t watch_piece(uint64_t addr, uint64_t len)
{
    uint64_t piece = 8;

    while (addr % piece != 0 || piece > len)
        piece /= 2;
    return piece;
}

/* Cuts what is watched into what debug registers cover: 1, 2, 4 or 8 bytes, aligned. */
static int split_watches(const struct cpu_debug *dbg, struct watchpoint out[KVM_HW_SLOTS],
                         unsigned *n, struct vitro_err *err)
{
    *n = 0;
    for (unsigned i = 0; i < dbg->nwatches; i++) {
        struct watchpoint w = dbg->watch[i];

        if (!(w.how & WATCH_WRITE))
            return err_class(err, VITRO_ERR_ENGINE, -ENOTSUP,
                             "watching reads alone: debug registers, which KVM has, cannot; watch "
                             "both, or try --engine soft");
        for (uint64_t piece; w.len > 0; w.addr += piece, w.len -= piece) {
            if (*n == KVM_HW_SLOTS)
                return err_class(err, VITRO_ERR_ENGINE, -ENOSPC,
                                 "watchpoints: KVM has %d debug registers of 1, 2, 4 or 8 aligned "
                                 "bytes each; --engine soft has no limit",
                                 KVM_HW_SLOTS);
            piece = watch_piece(w.addr, w.len);
            out[(*n)++] = (struct watchpoint){ .addr = w.addr, .len = piece, .how = w.how };
        }
    }
    return 0;
}

static int lacks(const struct x86_state *s, const char *what, struct vitro_err *err)
{
    return err_class(err, VITRO_ERR_ENGINE, -ENOTSUP, "this KVM does not %s %s", what,
                     kvm_debug_mode_name(s));
}

/* Against the mode the CPU is in now; it may be in another one when it gets there (GAP above). */
static int check_caps(const struct x86_state *s, const struct cpu_debug *dbg, unsigned caps,
                      unsigned watches, struct vitro_err *err)
{
    unsigned execs = dbg->nbreaks;
    unsigned slots = caps & DEBUG_EXEC ? KVM_HW_SLOTS - watches : 0;

    if (dbg->step && !(caps & DEBUG_STEP))
        return lacks(s, "single-step", err);
    if (watches > 0 && !(caps & DEBUG_WATCH))
        return lacks(s, "watch memory in", err);
    if (execs > slots && !(caps & DEBUG_INT3)) {
        if (!(caps & DEBUG_EXEC))
            return lacks(s, "stop at breakpoints in", err);
        return err_class(err, VITRO_ERR_ENGINE, -ENOSPC,
                         "%u breakpoints and %u watchpoints: in %s this KVM has %d together", execs,
                         watches, kvm_debug_mode_name(s), KVM_HW_SLOTS);
    }
    return 0;
}

/*
 * Where somebody else can do it, no place is passed over because it is reached in ring 3. Real mode is what
 * guests leave, and ring 0 what they are in.
 */
static int check_ring3(struct vcpu *cpu, const struct x86_state *now, const struct cpu_debug *dbg,
                       unsigned watches, struct vitro_err *err)
{
    struct cpu_debug places = *dbg;
    struct x86_state s = *now;
    unsigned caps;
    int rc;

    if (cpu->m->helper == NULL || (dbg->nbreaks == 0 && watches == 0))
        return 0;
    places.step = false;
    s.cr0 |= X86_CR0_PE;
    s.efer |= X86_EFER_LMA;
    s.seg[X86_SS].dpl = 3;
    rc = kvm_debug_caps(cpu, &s, &caps, err);
    return rc < 0 ? rc : check_caps(&s, &places, caps, watches, err);
}

static int check(struct vcpu *cpu, const struct cpu_debug *dbg, unsigned watches,
                 struct vitro_err *err)
{
    struct x86_state s;
    unsigned caps;
    int rc = kvm_load_state(cpu, STATE_REGS | STATE_SREGS, &s, err);

    if (rc == 0)
        rc = kvm_debug_caps(cpu, &s, &caps, err);
    if (rc == 0)
        rc = check_caps(&s, dbg, caps, watches, err);
    return rc < 0 ? rc : check_ring3(cpu, &s, dbg, watches, err);
}

int kvm_set_debug(struct vcpu *cpu, const struct cpu_debug *dbg, struct vitro_err *err)
{
    struct kvm_guest_debug off = { .control = 0 };
    struct kvm_cpu *kc = kcpu_of(cpu);
    bool on = dbg->step || dbg->nbreaks > 0 || dbg->nwatches > 0;
    struct watchpoint watch[KVM_HW_SLOTS];
    unsigned nwatches = 0;
    int rc = kvm_complete(cpu, err);

    if (rc == 0)
        rc = split_watches(dbg, watch, &nwatches, err);
    if (rc == 0 && on)
        rc = check(cpu, dbg, nwatches, err);
    else if (rc == 0 && kc->armed.control != 0)
        rc = tell_kvm(cpu, &off, err);
    if (rc < 0)
        return rc;
    kc->debug = *dbg;
    kc->debug.watch = NULL;
    kc->debug.nwatches = 0;
    memcpy(kc->watch, watch, nwatches * sizeof(watch[0]));
    kc->nwatches = nwatches;
    kc->debug_on = on;
    kc->step_open = false;
    kc->npatches = 0;
    return 0;
}

/* ---- entering -------------------------------------------------------------------------------- */

/* How one entry goes: one instruction because asked to, one to get off a breakpoint, or on. */
enum pass { PASS_STEP, PASS_OVER, PASS_ON };

static bool has_exec_break(const struct kvm_cpu *kc, uint64_t linear)
{
    for (unsigned i = 0; i < kc->debug.nbreaks; i++) {
        if (kc->debug.brk[i].addr == linear)
            return true;
    }
    return false;
}

/*
 * Into debug registers: watchpoints, then breakpoints that cannot be bytes, then others. Marks in `done`
 * what needs no byte.
 */
static void fill_slots(struct vcpu *cpu, const struct x86_state *s, unsigned caps,
                       struct kvm_guest_debug *want, bool done[BREAKS_MAX])
{
    const struct kvm_cpu *kc = kcpu_of(cpu);
    const struct cpu_debug *dbg = &kc->debug;
    unsigned slots = 0;

    for (unsigned i = 0; i < kc->nwatches; i++)
        add_slot(want, &slots, kc->watch[i].how & WATCH_READ ? DR7_ACCESS : DR7_WRITE,
                 kc->watch[i].addr, kc->watch[i].len);
    for (unsigned pass = 0; pass < 2 && caps & DEBUG_EXEC; pass++) {
        for (unsigned i = 0; i < dbg->nbreaks && slots < KVM_HW_SLOTS; i++) {
            if (done[i] ||
                (pass == 0 && caps & DEBUG_INT3 && kvm_can_patch(cpu, s, dbg->brk[i].addr)))
                continue;
            add_slot(want, &slots, DR7_EXEC, dbg->brk[i].addr, 1);
            done[i] = true;
        }
    }
}

/* Places all breakpoints but one at `skip`. */
static int arm_breaks(struct vcpu *cpu, const struct x86_state *s, unsigned caps,
                      const uint64_t *skip, struct vitro_err *err)
{
    struct kvm_guest_debug want = { .arch.debugreg[7] = DR7_FIXED };
    struct kvm_cpu *kc = kcpu_of(cpu);
    bool done[BREAKS_MAX] = { false };

    for (unsigned i = 0; i < kc->debug.nbreaks; i++)
        done[i] = skip != NULL && kc->debug.brk[i].addr == *skip;
    fill_slots(cpu, s, caps, &want, done);
    for (unsigned i = 0; i < kc->debug.nbreaks && caps & DEBUG_INT3; i++) {
        if (!done[i])
            kvm_patch_in(cpu, s, kc->debug.brk[i].addr);
    }
    if (kc->patched)
        want.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
    return memcmp(&want, &kc->armed, sizeof(want)) == 0 ? 0 : tell_kvm(cpu, &want, err);
}

/* Each step is asked for anew: the instruction before may have changed the trap flag. */
static int arm_step(struct vcpu *cpu, struct vitro_err *err)
{
    struct kvm_guest_debug want = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP,
                                    .arch.debugreg[7] = DR7_FIXED };

    return tell_kvm(cpu, &want, err);
}

static int arm(struct vcpu *cpu, enum pass *pass, struct vitro_err *err)
{
    struct kvm_cpu *kc = kcpu_of(cpu);
    struct x86_state s;
    uint64_t linear;
    unsigned caps;
    bool over;
    int rc = kvm_load_state(cpu, STATE_REGS | STATE_SREGS, &s, err);

    if (rc == 0)
        rc = kvm_debug_caps(cpu, &s, &caps, err);
    if (rc < 0)
        return rc;
    kc->npatches = 0;
    *pass = PASS_STEP;
    if (kc->debug.step)
        return caps & DEBUG_STEP ? arm_step(cpu, err) : lacks(&s, "single-step", err);
    linear = x86_linear_rip(&s);
    over = kc->at_break && s.rip == kc->stop_rip && has_exec_break(kc, linear);
    *pass = over && caps & DEBUG_STEP ? PASS_OVER : PASS_ON;
    if (*pass == PASS_OVER)
        return arm_step(cpu, err);
    rc = arm_breaks(cpu, &s, caps, over ? &linear : NULL, err);
    if (rc < 0)
        kvm_patch_out(cpu);
    return rc;
}

/*
 * With 0xCC bytes in use KVM hands out every INT3; the guest's own goes back to it as #BP ("KVM_SET_GUEST_
 * DEBUG" in the API document). Everything else that was asked for stays so.
 */
static int give_back_int3(struct vcpu *cpu, struct vitro_err *err)
{
    struct kvm_guest_debug want = kcpu_of(cpu)->armed;
    int rc;

    want.control |= KVM_GUESTDBG_INJECT_BP;
    rc = tell_kvm(cpu, &want, err);
    kcpu_of(cpu)->armed.control &= ~(uint32_t)KVM_GUESTDBG_INJECT_BP;
    return rc;
}

/* ---- leaving --------------------------------------------------------------------------------- */

/* Watchpoints fill the first slots, so that the low bits of DR6 are their indices. */
static void say_watched(const struct kvm_cpu *kc, struct cpu_exit *x)
{
    for (unsigned i = 0; i < kc->nwatches && x->kind == EXIT_DEBUG && x->watch_how == 0; i++) {
        if (!(x->addr >> i & 1))
            continue;
        x->data = kc->watch[i].addr;
        x->watch_len = (uint16_t)kc->watch[i].len;
        x->watch_how = (uint8_t)kc->watch[i].how;
    }
}

static int hand_out(struct vcpu *cpu, struct vitro_err *err)
{
    struct kvm_cpu *kc = kcpu_of(cpu);
    int rc = kvm_decode_exit(cpu, err);

    if (rc == 0)
        say_watched(kc, &cpu->exit);
    kc->at_break = rc == 0 && cpu->exit.kind == EXIT_DEBUG;
    kc->stop_rip = cpu->exit.rip;
    return rc;
}

/*
 * The access of a stepped instruction has been answered, so the step ends here. KVMs lose the trap of an
 * instruction that they end without entering the guest: then it is ours to report.
 */
static int end_step(struct vcpu *cpu, struct vitro_err *err)
{
    struct kvm_cpu *kc = kcpu_of(cpu);
    uint64_t rip;
    int rc = kc->held ? 0 : kvm_finish(cpu, err);

    if (rc < 0)
        return rc;
    if (kc->held) {
        kc->held = false;
        kc->step_open =
            kc->run->exit_reason == KVM_EXIT_IO || kc->run->exit_reason == KVM_EXIT_MMIO;
        return hand_out(cpu, err);
    }
    rc = kvm_raw_rip(cpu, &rip, err);
    kc->step_open = false;
    kc->at_break = true;
    kc->stop_rip = rip;
    cpu->exit = (struct cpu_exit){ .kind = EXIT_DEBUG, .addr = X86_DR6_BS, .rip = rip };
    return rc;
}

/* What the run area says after an entry. 1: nothing for the monitor, go in again. */
static int leave(struct vcpu *cpu, enum pass pass, struct vitro_err *err)
{
    struct kvm_cpu *kc = kcpu_of(cpu);
    const struct kvm_run *run = kc->run;
    const struct kvm_debug_exit_arch *d = &run->debug.arch;
    int rc;

    kc->at_break = false;
    if (run->exit_reason == KVM_EXIT_DEBUG && d->exception == BP_VECTOR &&
        !kvm_is_our_break(cpu, d->pc)) {
        rc = give_back_int3(cpu, err);
        return rc < 0 ? rc : 1;
    }
    if (run->exit_reason == KVM_EXIT_DEBUG && d->exception == DB_VECTOR && pass == PASS_OVER)
        return 1;
    kc->step_open =
        pass == PASS_STEP && (run->exit_reason == KVM_EXIT_IO || run->exit_reason == KVM_EXIT_MMIO);
    return hand_out(cpu, err);
}

int kvm_debug_run(struct vcpu *cpu, struct vitro_err *err)
{
    struct kvm_cpu *kc = kcpu_of(cpu);
    enum pass pass;
    int rc;

    if (kc->step_open)
        return end_step(cpu, err);
    if (kc->held) {
        kc->held = false;
        return hand_out(cpu, err);
    }
    do {
        rc = arm(cpu, &pass, err);
        if (rc < 0)
            return rc;
        rc = kvm_enter(cpu, err);
        kvm_patch_out(cpu);
        if (rc > 0)
            rc = leave(cpu, pass, err);
    } while (rc > 0);
    return rc;
}
