/* SPDX-License-Identifier: MIT */
/*
 * monitor.c - the monitor's own part of an output exit: ns, system calls, and the price of tracing
 * while it is off
 *
 * The engine is a stub that reports `out 0xE9` at once, so what is left is Vitro's: lock, dispatch,
 * bus, debug console with no backend, accounting, stop conditions. The stub's own cost is measured
 * beside it and not subtracted.
 *
 *   bench-monitor [PAIRS [EXITS A BATCH [COUNTS]]]
 *
 * With COUNTS 0 the slow exact counts, which are the same in every process, are left out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "core/machine.h"
#include "dev/debugcon.h"
#include "loop_copy.h"
#include "stub_engine.h"

enum { STEPPED_EXITS = 16, CHECKED_EXITS = 100000 };

/* ---- the stub -------------------------------------------------------------------------------- */

struct ticker {
    unsigned long left; /* exits until it reports HLT */
    bool watched;       /* from the first exit to the last no system call is allowed */
    bool begun;
};

static int tick(struct vcpu *cpu, struct vitro_err *err)
{
    struct ticker *s = cpu->engine_cpu[0];

    (void)err;
    if (s->watched && !s->begun) {
        s->begun = true;
        calls_begin(0); /* what a run does once, before and after, is not an exit's part */
    }
    if (s->watched && s->left == 0)
        calls_done();
    if (s->left-- == 0) {
        cpu->exit = (struct cpu_exit){ .kind = EXIT_HLT };
        return 0;
    }
    cpu->exit = (struct cpu_exit){
        .kind = EXIT_PIO, .write = true, .width = 1, .addr = DEBUGCON_PORT, .data = 'x', .rip = 16
    };
    cpu->answered = false;
    return 0;
}

static int ticker_new(struct vcpu *cpu, struct vitro_err *err)
{
    (void)err;
    cpu->engine_cpu[0] = calloc(1, sizeof(struct ticker));
    return cpu->engine_cpu[0] != NULL ? 0 : -ENOMEM;
}

static void ticker_free(struct vcpu *cpu)
{
    free(cpu->engine_cpu[0]);
}

static const struct engine_ops ticker = {
    .name = "stub",
    .open = stub_open,
    .close = stub_close,
    .cpu_new = ticker_new,
    .cpu_free = ticker_free,
    .run = tick,
    .kick = stub_kick,
    .set = stub_set_nothing,
};

/* ---- what is measured ------------------------------------------------------------------------ */

struct work {
    void (*loop)(struct vcpu *cpu);
    struct machine *m;
    unsigned long exits;
    bool watched;
};

static void run_work(void *ctx)
{
    const struct work *w = ctx;
    struct vcpu *cpu = w->m->cpu[0];
    struct ticker *s = cpu->engine_cpu[0];

    s->left = w->exits;
    s->watched = w->watched;
    cpu->ended = false;
    w->loop(cpu);
}

/* The calls of the stub without the monitor around them. */
static void stub_loop(struct vcpu *cpu)
{
    do {
        if (cpu->m->engine->run(cpu, NULL) < 0)
            break;
    } while (cpu->exit.kind != EXIT_HLT);
}

static double ns_per_exit(struct work *w)
{
    uint64_t start = bench_ns();

    run_work(w);
    return (double)(bench_ns() - start) / (double)w->exits;
}

/* The difference of two lengths, so that what happens once a run does not count. */
static double insns_per_exit(struct work w)
{
    long once, twice;

    w.exits = STEPPED_EXITS;
    once = insn_count(run_work, &w);
    w.exits = 2 * STEPPED_EXITS;
    twice = insn_count(run_work, &w);
    return once < 0 || twice < 0 ? -1 : (double)(twice - once) / STEPPED_EXITS;
}

/* ---- system calls ---------------------------------------------------------------------------- */

static void make_a_call(void *ctx, const void *bytes, size_t len)
{
    (void)ctx;
    (void)bytes;
    (void)len;
    getppid();
}

/* "none", or "some", or "unknown"; the filter is tried out on a console that does make a call. */
static const char *check_calls(struct work w, struct work *control)
{
    static const char *const words[] = {
        [CALLS_NONE] = "none", [CALLS_SOME] = "some", [CALLS_CANNOT_RUN] = "unknown"
    };

    w.exits = CHECKED_EXITS;
    w.watched = control->watched = true;
    if (calls_check(NULL, run_work, control, CALLS_BY_WORK) != CALLS_SOME)
        return words[CALLS_CANNOT_RUN];
    return words[calls_check(NULL, run_work, &w, CALLS_BY_WORK)];
}

/* ---- all of it ------------------------------------------------------------------------------- */

static struct machine *new_machine(const struct chr *out)
{
    struct x86_state start = { 0 };
    struct vitro_err err = { 0 };
    struct machine *m;
    struct dev *con = debugcon_new(out);

    if (con == NULL || machine_new("bench", &ticker, &m, &err) < 0 || machine_open(m, &err) < 0 ||
        machine_add_dev(m, con, &err) < 0 ||
        bus_add(&m->pio, DEBUGCON_PORT, DEBUGCON_LEN, con, &err) < 0 ||
        machine_add_cpu(m, &start, &err) < 0)
        bench_die("making a machine: %s", err.text);
    return m;
}

enum { PRODUCT, HOOKED, PLAIN, TWIN, STUB, NSERIES };

static void print_counts(const struct work *work, struct work *control)
{
    printf("\"insns_hooked\": %.2f,\n\"insns_plain\": %.2f,\n", insns_per_exit(work[HOOKED]),
           insns_per_exit(work[PLAIN]));
    printf("\"system_calls\": \"%s\",\n", check_calls(work[PRODUCT], control));
}

int main(int argc, char **argv)
{
    static const struct chr_ops calling = { .write = make_a_call };
    unsigned long pairs = bench_arg(argc, argv, 1, 1000), exits = bench_arg(argc, argv, 2, 5000);
    bool counts = bench_arg(argc, argv, 3, 1) != 0;
    struct machine *m = new_machine(&(struct chr){ 0 });
    struct work work[NSERIES] = {
        [PRODUCT] = { vcpu_loop, m, exits, false },
        [HOOKED] = { hooked_vcpu_loop, m, exits, false },
        [PLAIN] = { plain_vcpu_loop, m, exits, false },
        [TWIN] = { twin_vcpu_loop, m, exits, false },
        [STUB] = { stub_loop, m, exits, false },
    };
    struct work control = { vcpu_loop, new_machine(&(struct chr){ &calling, NULL }), 1, true };
    static const char *const names[] = { "monitor_ns", "hooked_ns", "plain_ns", "twin_ns",
                                         "stub_ns" };
    struct series s[NSERIES];

    for (int i = 0; i < NSERIES; i++) {
        series_init(&s[i], names[i], pairs);
        run_work(&work[i]);
    }
    for (unsigned long n = 0; n < pairs; n++) {
        for (int i = 0; i < NSERIES; i++)
            series_add(&s[i], ns_per_exit(&work[i]));
    }
    printf("{\n");
    for (int i = 0; i < NSERIES; i++)
        json_series(&s[i], false);
    if (counts)
        print_counts(work, &control);
    json_ratio("twin_ratio", &s[TWIN], &s[PLAIN], false);
    json_ratio("trace_off_ratio", &s[HOOKED], &s[PLAIN], true);
    printf("}\n");
    for (int i = 0; i < NSERIES; i++)
        series_fini(&s[i]);
    machine_free(control.m);
    machine_free(m);
    return 0;
}
