/* SPDX-License-Identifier: MIT */
/*
 * exception.c - raising and delivering exceptions and interrupts; the INT instructions
 *
 * Sources: SDM 3A, "Interrupt and Exception Handling" (tables "Protected-Mode Exceptions and Interrupts",
 * "Interrupt and Exception Classes", "Conditions for Generating a Double Fault"; "Error Code"), "Debug
 * Exception (#DB)", "Instruction-Breakpoint Exception Condition" for RF; SDM 2, INT n.
 *
 * GAP: tables and stacks in device memory answer all ones and lose what is written while an exception is
 * delivered; no device is asked.
 */
#include "engine/soft/far.h"

#include "engine/soft/ops_far.h"
#include "engine/soft/vme.h"

enum { VECTORS = 32, DR7_GD = 1 << 13, DR6_BREAKS = 0xf, ERROR_EXT = 1, ROUNDS_MAX = 8 };

#define EXCEPTIONS_FAULT                                                                 \
    (BIT(VEC_DE) | BIT(VEC_BR) | BIT(VEC_UD) | BIT(VEC_NM) | BIT(VEC_TS) | BIT(VEC_NP) | \
     BIT(VEC_SS) | BIT(VEC_GP) | BIT(VEC_PF) | BIT(VEC_MF) | BIT(VEC_AC) | BIT(VEC_XM))
#define EXCEPTIONS_CONTRIBUTORY \
    (BIT(VEC_DE) | BIT(VEC_TS) | BIT(VEC_NP) | BIT(VEC_SS) | BIT(VEC_GP))
#define EXCEPTIONS_SELECTOR (BIT(VEC_TS) | BIT(VEC_NP) | BIT(VEC_SS) | BIT(VEC_GP))

static const char *const triple_fault[VECTORS] = {
    [VEC_DE] = "#DE while the double-fault handler was called",
    [VEC_TS] = "#TS while the double-fault handler was called",
    [VEC_NP] = "#NP while the double-fault handler was called",
    [VEC_SS] = "#SS while the double-fault handler was called",
    [VEC_GP] = "#GP while the double-fault handler was called",
    [VEC_PF] = "#PF while the double-fault handler was called",
};

static bool is_in(uint64_t set, unsigned vector)
{
    return vector < VECTORS && (set >> vector & 1);
}

/* ---- raising --------------------------------------------------------------------------------- */

bool soft_raise(struct soft_cpu *c, enum soft_vector vector)
{
    c->stop.kind = SOFT_FAULT;
    c->stop.vector = (uint8_t)vector;
    c->stop.has_error = false;
    c->stop.error = 0;
    c->stop.before = false;
    return false;
}

bool soft_raise_error(struct soft_cpu *c, enum soft_vector vector, uint32_t error)
{
    soft_raise(c, vector);
    c->stop.has_error = true;
    c->stop.error = error;
    return false;
}

bool soft_raise_page_fault(struct soft_cpu *c, uint64_t linear, uint32_t error)
{
    c->stop.cr2 = linear;
    return soft_raise_error(c, VEC_PF, error);
}

bool soft_shut_down(struct soft_cpu *c, const char *detail)
{
    c->vcpu->exit = (struct cpu_exit){ .kind = EXIT_SHUTDOWN, .rip = c->s.rip, .detail = detail };
    c->vcpu->answered = false;
    c->stop.kind = SOFT_EXIT;
    c->naccesses = 0;
    return false;
}

void soft_float_devices(struct soft_cpu *c)
{
    for (unsigned i = 0; i < SOFT_ACCESSES; i++)
        c->access[i] = (struct soft_access){ .data = UINT64_MAX };
    c->naccesses = SOFT_ACCESSES;
    c->access_at = 0;
}

/* ---- what is told of a triple fault ----------------------------------------------------------- */

static void chain_begin(struct soft_cpu *c)
{
    c->vcpu->chain.n = 0;
    c->vcpu->chain.rip = c->s.rip;
}

static void chain_add(struct soft_cpu *c, const struct fault_link *link)
{
    struct fault_chain *chain = &c->vcpu->chain;

    if (chain->n < CHAIN_LINKS)
        chain->link[chain->n++] = *link;
}

/* The exception in c->stop. */
static void chain_add_stop(struct soft_cpu *c, bool doubled)
{
    const struct soft_stop *stop = &c->stop;

    chain_add(c, &(struct fault_link){ .vector = stop->vector,
                                       .doubled = doubled,
                                       .has_error = stop->has_error,
                                       .error = stop->error,
                                       .cr2 = stop->vector == VEC_PF ? stop->cr2 : 0 });
}

/* ---- what happens at delivery ---------------------------------------------------------------- */

/*
 * SDM 3B, "Instruction-Breakpoint Exception Condition": faults push RF set, and so does what comes between
 * the iterations of a string instruction; all others what it was.
 */
static uint64_t pushed_flags(const struct soft_cpu *c, unsigned vector)
{
    bool fault = is_in(EXCEPTIONS_FAULT, vector) || (vector == VEC_DB && c->stop.before);

    return c->s.rflags | (fault || c->repeats ? X86_RFLAGS_RF : 0);
}

/* CR2 and DR6 are written before the handler is looked for. */
static void take_stop(struct soft_cpu *c, struct soft_event *ev)
{
    *ev = (struct soft_event){
        .vector = c->stop.vector,
        .has_error = c->stop.has_error,
        .error = c->stop.error,
        .rip = c->s.rip,
    };
    if (ev->vector == VEC_PF)
        c->s.cr2 = c->stop.cr2;
    ev->rflags = pushed_flags(c, ev->vector);
    if (ev->vector == VEC_DB && c->stop.dr6 != 0) {
        c->s.dr6 = (c->s.dr6 & ~(uint64_t)DR6_BREAKS) | c->stop.dr6;
        c->s.dr7 &= ~(uint64_t)DR7_GD;
        c->msrs.debugctl &= ~(uint64_t)DEBUGCTL_BTF;
        c->stop.dr6 = 0;
    }
}

/* SDM 3A, table "Conditions for Generating a Double Fault". */
static bool is_double(unsigned first, unsigned second)
{
    if (is_in(EXCEPTIONS_CONTRIBUTORY, first))
        return is_in(EXCEPTIONS_CONTRIBUTORY, second);
    return (first == VEC_PF || first == VEC_DF) &&
           (second == VEC_PF || is_in(EXCEPTIONS_CONTRIBUTORY, second));
}

/* The event that follows from a fault, now in c->stop, on the way to ev's handler. */
static bool next_event(struct soft_cpu *c, struct soft_event *ev)
{
    unsigned first = ev->vector;

    if (is_in(EXCEPTIONS_SELECTOR, c->stop.vector) && !ev->software)
        c->stop.error |= ERROR_EXT;
    chain_add_stop(c, first != VEC_DF && is_double(first, c->stop.vector));
    if (!is_double(first, c->stop.vector)) {
        take_stop(c, ev);
        return true;
    }
    if (first == VEC_DF)
        return soft_shut_down(c, triple_fault[c->stop.vector]);
    take_stop(c, ev);
    *ev = (struct soft_event){
        .vector = VEC_DF, .has_error = true, .rip = c->s.rip, .rflags = c->s.rflags
    };
    return true;
}

static bool deliver(struct soft_cpu *c, struct soft_event *ev)
{
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        bool entered;

        c->trap_dr6 = 0; /* what has met a breakpoint and did not come to its end does not count */
        entered = soft_enter_long(c, ev);
        c->stop.kind = SOFT_GOES_ON;
        if (!entered)
            soft_float_devices(c);
        if (entered || soft_enter_handler(c, ev)) {
            c->s.rip = c->next_rip;
            c->repeats = false;
            c->s.events.shadow = 0;
            c->delivered = c->insns + 1;
            break;
        }
        if (c->stop.kind == SOFT_EXIT && c->vcpu->exit.kind != EXIT_SHUTDOWN)
            return soft_shut_down(c, "an exception's tables or stack lie in device memory");
        if (c->stop.kind == SOFT_EXIT || !next_event(c, ev))
            return false;
    }
    /*
     * A CPU that only ever raises benign exceptions on the way (#AC on the stack of #AC's handler) never
     * ends. Here the instruction starts over after some rounds, so that somebody can stop the machine.
     */
    c->naccesses = 0;
    c->stop.kind = SOFT_GOES_ON;
    c->vcpu->chain.n = 0;
    return true;
}

static bool deliver_stop(struct soft_cpu *c)
{
    struct soft_event ev;

    chain_begin(c);
    chain_add_stop(c, false);
    take_stop(c, &ev);
    return deliver(c, &ev);
}

/*
 * What the way to a handler has met (data breakpoints, the T bit of a task) comes before the handler's first instruction.
 * What the way of that #DB meets waits for the next instruction: a breakpoint on its own stack would be met for ever, and
 * nobody could stop the machine.
 */
static bool deliver_met(struct soft_cpu *c)
{
    bool entered;

    if (c->trap_dr6 == 0)
        return true;
    soft_raise(c, VEC_DB);
    c->stop.dr6 = c->trap_dr6;
    c->trap_dr6 = 0;
    entered = deliver_stop(c);
    c->held_dr6 |= c->trap_dr6;
    return entered;
}

bool soft_deliver(struct soft_cpu *c)
{
    return deliver_stop(c) && deliver_met(c);
}

bool soft_interrupt(struct soft_cpu *c, unsigned vector)
{
    struct soft_event ev = { .vector = (uint8_t)vector, .rip = c->s.rip };

    chain_begin(c);
    chain_add(c, &(struct fault_link){ .vector = (uint8_t)vector, .interrupt = true });
    if (vector == VEC_NMI)
        c->s.events.nmi_masked = true; /* until IRET */
    c->keep_rf = false;
    c->no_step = false;
    c->trap_dr6 = 0;
    c->stop.dr6 = 0;
    ev.rflags = c->s.rflags | (c->repeats ? X86_RFLAGS_RF : 0);
    return deliver(c, &ev) && deliver_met(c);
}

/* ---- INT n, INT3, INTO, INT1 ----------------------------------------------------------------- */

static bool interrupt_now(struct soft_cpu *c, unsigned vector, bool software)
{
    struct soft_event ev = {
        .vector = (uint8_t)vector,
        .software = software,
        .rip = c->next_rip,
        .rflags = c->s.rflags,
    };

    c->no_step = true;
    if (soft_enter_handler(c, &ev))
        return true;
    if (!software && c->stop.kind == SOFT_FAULT && is_in(EXCEPTIONS_SELECTOR, c->stop.vector))
        c->stop.error |= ERROR_EXT;
    return false;
}

/* INT n alone is redirected: INT3, INTO and INT1 are not. */
bool op_int(struct soft_cpu *c, const struct x86_insn *in)
{
    unsigned vector = in->imm & 0xff;
    bool redirected = false;

    if (c->mode == X86_MODE_VM86 && c->s.cr4 & X86_CR4_VME &&
        !soft_vme_redirects(c, vector, &redirected))
        return false;
    if (redirected)
        return soft_vme_interrupt(c, vector);
    if (c->mode == X86_MODE_VM86 && ~c->s.rflags & X86_RFLAGS_IOPL)
        return soft_raise_error(c, VEC_GP, 0);
    return interrupt_now(c, vector, true);
}

bool op_int3(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    return interrupt_now(c, VEC_BP, true);
}

bool op_into(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    return !(c->s.rflags & X86_RFLAGS_OF) || interrupt_now(c, VEC_OF, true);
}

/* As an exception: the gate's DPL does not count. */
bool op_int1(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    return interrupt_now(c, VEC_DB, false);
}
