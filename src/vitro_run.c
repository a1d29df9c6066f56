/* SPDX-License-Identifier: MIT */
/* vitro_run.c - the library's face: runs, where they stop and how they end. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/code.h"
#include "vitro_priv.h"
#include "x86/regs.h"

/* ---- how a run ends -------------------------------------------------------------------------- */

static const enum vitro_end end_of[STOP_NREASONS] = {
    [STOP_HALT] = VITRO_END_HALT,         [STOP_GUEST_EXIT] = VITRO_END_GUEST_EXIT,
    [STOP_SHUTDOWN] = VITRO_END_SHUTDOWN, [STOP_REFUSED] = VITRO_END_REFUSED,
    [STOP_FAILED] = VITRO_END_FAILED,     [STOP_BREAK] = VITRO_END_BREAK,
    [STOP_COUNT] = VITRO_END_COUNT,       [STOP_USER] = VITRO_END_STOPPED,
    [STOP_TIMEOUT] = VITRO_END_TIMEOUT,   [STOP_POWEROFF] = VITRO_END_POWEROFF,
    [STOP_RESET] = VITRO_END_RESET,       [STOP_PANIC] = VITRO_END_PANIC,
    [STOP_HELD] = VITRO_END_HELD,
};

/* Of the last instruction that left the guest; a CPU that was kicked out is asked where it is. */
static uint64_t last_rip(struct vcpu *cpu)
{
    struct x86_state state;

    if (cpu->exit.kind != EXIT_KICKED || cpu->engine->get(cpu, STATE_REGS, &state, NULL) < 0)
        return cpu->exit.rip;
    return state.rip;
}

/* Of a CPU that has come to a breakpoint, which is the address of a place in memory. */
static uint64_t linear_of(struct vcpu *cpu, uint64_t rip)
{
    struct x86_state state;
    bool known = cpu->engine->get(cpu, STATE_REGS | STATE_SREGS, &state, NULL) == 0;

    return known ? x86_linear_rip(&state) : rip;
}

static const char *watch_words(const struct cpu_exit *x, char *buf, size_t len)
{
    static const char *const what[] = { "", "read", "written", "read and written" };

    snprintf(buf, len, "watchpoint: %u byte%s at 0x%" PRIx64 " %s", x->watch_len,
             x->watch_len == 1 ? "" : "s", x->data, what[x->watch_how & 3]);
    return buf;
}

/* What the engine's debug exit was: a step, or else a breakpoint. */
static const char *debug_words(const struct cpu_exit *x)
{
    return x->addr & X86_DR6_BS ? "step" : "breakpoint";
}

static void count_help(const struct machine *machine, struct vitro_outcome *out)
{
    for (unsigned i = 0; i < machine->ncpus; i++) {
        const struct help *h = &machine->cpu[i]->help;

        out->refused += h->refused;
        out->helped += h->helped;
        out->kept |= h->for_good;
        if (h->debugs)
            out->debugged = h->why.text;
    }
}

/* The engine's words are about the exit that ended the run, not about the last one before somebody else did. */
static const char *detail_of(const struct stop *stop, const struct cpu_exit *x)
{
    bool by_exit = stop->why == STOP_SHUTDOWN || stop->why == STOP_REFUSED ||
                   stop->why == STOP_FAILED || stop->why == STOP_PANIC;

    return by_exit ? x->detail : NULL;
}

static void fill_outcome(const struct vitro *m, const struct stop *stop, struct vitro_outcome *out)
{
    const struct machine *machine = m->board->m;
    struct vcpu *cpu = machine->cpu[stop->cpu >= 0 ? stop->cpu : 0];
    const struct cpu_exit *x = &cpu->exit;
    const char *why = stop_reason_text(stop->why);
    char words[96];

    *out = (struct vitro_outcome){
        .end = end_of[stop->why],
        .code = stop->code,
        .cpu = stop->cpu,
        .rip = last_rip(cpu),
        .exits = machine_exits(machine),
        .run_ns = machine->run_ns,
        .dropped = m->board->console.dropped,
        .output_error = m->board->console.error,
        .open_line = m->board->console.open_line,
        .detail = detail_of(stop, x),
    };
    count_help(machine, out);
    if (stop->why == STOP_BREAK)
        out->linear = linear_of(cpu, out->rip);
    if (stop->why == STOP_BREAK && x->watch_how != 0) {
        out->watch_addr = x->data;
        out->watch_len = x->watch_len;
        out->watch_how = x->watch_how;
        why = watch_words(x, words, sizeof(words));
    } else if (stop->why == STOP_BREAK && x->kind == EXIT_DEBUG) {
        why = debug_words(x);
    }
    if (stop->why == STOP_PANIC) {
        snprintf(out->panic, sizeof(out->panic), "%s",
                 panic_seen(m->board->panic) ? m->board->panic->text : boot_gave_up(m, out->rip));
        panic_last_lines(m->board->panic, out->panic_lines, sizeof(out->panic_lines));
    }
    if (stop->why == STOP_HALT && machine->ncpus == 1)
        why = "halted";
    snprintf(out->text, sizeof(out->text), "%s%s%s at rip 0x%" PRIx64 " after %" PRIu64 " exit%s",
             why, out->detail != NULL ? ": " : "", out->detail != NULL ? out->detail : "", out->rip,
             out->exits, out->exits == 1 ? "" : "s");
}

static const char *gave_up(const struct vitro *m, const struct stop *stop)
{
    return stop->why == STOP_HALT && m->board->panic != NULL
               ? boot_gave_up(m, last_rip(m->board->m->cpu[0]))
               : NULL;
}

/* A kernel that has panicked may halt for good, or end in a triple fault, which is how some reset a PC. */
static bool is_panic(const struct vitro *m, const struct stop *stop)
{
    return (stop->why == STOP_HALT || stop->why == STOP_SHUTDOWN) && m->board->panic != NULL &&
           panic_seen(m->board->panic);
}

int end_run(const struct vitro *m, struct stop *stop, struct vitro_outcome *out,
            struct vitro_err *err)
{
    const struct machine *machine = m->board->m;
    const struct code_ops *code = machine->engine->code;
    int rc;

    chr_fd_settle(&m->board->console);
    if (is_panic(m, stop) || gave_up(m, stop) != NULL)
        stop->why = STOP_PANIC;

    if (stop->why == STOP_HOST) {
        if (err != NULL && err->code == 0)
            *err = machine->host_err;
        return machine->host_err.code;
    }
    rc = code != NULL ? code->end_of_run(machine, err) : 0;
    if (rc < 0)
        return rc;
    pause_enter(m->board->m, true); /* reads registers, which nobody else does meanwhile */
    fill_outcome(m, stop, out);
    pause_leave(m->board->m);
    return 0;
}

/* ---- running --------------------------------------------------------------------------------- */

int vitro_run(struct vitro *m, struct vitro_outcome *out, struct vitro_err *err)
{
    struct machine *machine = m->board->m;
    struct stop stop;

    m->has_run = true;
    machine_run(machine, &stop);
    return end_run(m, &stop, out, err);
}

void vitro_stop(struct vitro *m, enum vitro_stop_kind kind)
{
    static const enum stop_reason why[] = {
        [VITRO_STOP_USER] = STOP_USER,
        [VITRO_STOP_TIMEOUT] = STOP_TIMEOUT,
        [VITRO_STOP_HOLD] = STOP_HELD,
    };

    machine_stop(m->board->m, why[kind], 0, -1);
}

/* ---- where it stops -------------------------------------------------------------------------- */

static int set_debug(struct machine *machine, const struct cpu_debug *dbg, struct vitro_err *err)
{
    int rc = 0;

    for (unsigned i = 0; i < machine->ncpus && rc == 0; i++)
        rc = vcpu_debug(machine->cpu[i], dbg, err);
    return rc;
}

static_assert((int)VITRO_WATCH_READ == (int)WATCH_READ &&
                  (int)VITRO_WATCH_WRITE == (int)WATCH_WRITE,
              "kinds of access are passed on as numbers");

/* The list as the engine wants it; the caller frees it. */
static int copy_watches(const struct vitro_stop_at *where, struct watchpoint **out,
                        struct vitro_err *err)
{
    struct watchpoint *list = NULL;

    if (where->nwatches > 0)
        list = calloc(where->nwatches, sizeof(*list));
    if (where->nwatches > 0 && list == NULL)
        return err_set(err, -ENOMEM, "setting %u watchpoints: out of memory", where->nwatches);
    for (unsigned i = 0; i < where->nwatches; i++) {
        const struct vitro_watch *w = &where->watches[i];

        if (w->len == 0 || w->len - 1 > UINT64_MAX - w->addr ||
            w->how & ~(unsigned)(VITRO_WATCH_READ | VITRO_WATCH_WRITE)) {
            free(list);
            return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                             "watching %" PRIu64 " bytes at 0x%" PRIx64 ": no such range or access",
                             w->len, w->addr);
        }
        list[i] = (struct watchpoint){ w->addr, w->len, w->how != 0 ? w->how : WATCH_WRITE };
    }
    *out = list;
    return 0;
}

int vitro_stop_at(struct vitro *m, const struct vitro_stop_at *where, struct vitro_err *err)
{
    struct cpu_debug dbg = { 0 };
    struct watchpoint *watch = NULL;
    int rc;

    if (where->naddrs > BREAKS_MAX)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "stopping at %u addresses: at most %d",
                         where->naddrs, BREAKS_MAX);
    if (where->insns != 0 && !m->board->m->engine->counts_insns)
        return err_class(err, VITRO_ERR_ENGINE, -ENOTSUP,
                         "stopping after %" PRIu64 " instructions: %s does not count them; try "
                         "--engine soft",
                         where->insns, m->board->m->engine->name);
    rc = copy_watches(where, &watch, err);
    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < where->naddrs; i++)
        dbg.brk[dbg.nbreaks++] = (struct breakpoint){ .addr = where->addrs[i] };
    dbg.watch = watch;
    dbg.nwatches = where->nwatches;
    rc = set_debug(m->board->m, &dbg, err);
    if (rc < 0) {
        set_debug(m->board->m, &m->debug, NULL); /* what was set before has worked */
        free(watch);
        return rc;
    }
    free(m->watch);
    m->watch = watch;
    m->board->m->stop_at_exits = where->exits;
    m->board->m->stop_at_insns = where->insns;
    m->debug = dbg;
    return 0;
}

int vitro_step(struct vitro *m, unsigned cpu, struct vitro_outcome *out, struct vitro_err *err)
{
    const struct cpu_debug step = { .step = true };
    struct machine *machine = m->board->m;
    uint64_t stop_at_exits = machine->stop_at_exits;
    struct stop stop;
    int rc, back;

    if (cpu >= machine->ncpus)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "stepping CPU %u: the machine has %u", cpu,
                         machine->ncpus);
    rc = vcpu_debug(machine->cpu[cpu], &step, err);
    if (rc < 0)
        return rc;
    m->has_run = true;
    machine->stop_at_exits = 0; /* the trap that ends a step is an exit too, but not one to count */
    if (machine->rewind != NULL) /* in turns, as they would have come anyway */
        machine_run(machine, &stop);
    else
        machine_run_cpu(machine, cpu, &stop);
    machine->stop_at_exits = stop_at_exits;
    rc = end_run(m, &stop, out, err);
    back = vcpu_debug(machine->cpu[cpu], &m->debug, rc == 0 ? err : NULL);
    return rc < 0 ? rc : back;
}
