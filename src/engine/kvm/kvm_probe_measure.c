/* SPDX-License-Identifier: MIT */
/*
 * kvm_probe_measure.c - how fast: instructions a second, nanoseconds an exit
 *
 * Instructions are counted by a loop of two (DEC, JNZ), which a real CPU runs in about one cycle a turn;
 * what is to be told apart is a CPU from an emulator, and these differ a hundredfold.
 */
#include "engine/kvm/kvm_probe_priv.h"

enum { REPEATS = 3, FIRST_TURNS = 2000, GROWTH_MAX = 64, INSNS_A_TURN = 2 };

/* Runs the loop for longer and longer, until one run takes a good part of the time wanted. */
static void measure_speed(struct prober *p, unsigned ring, struct probe_row *row)
{
    struct probe_shot shot = { SHOT_LONG, .ring = ring, .code = kvm_probe_count,
                               .rcx = FIRST_TURNS };

    if (probe_gave_up(p, row))
        return;
    for (;;) {
        uint64_t start, ns, growth;
        enum probe_how how;

        if (prober_aim(p, &shot) < 0) {
            prober_explain(p, HOW_BROKEN, row);
            return;
        }
        start = clock_ns(&p->clock);
        how = prober_fire(p, PROBE_LIMIT_NS);
        ns = clock_ns(&p->clock) - start + 1;
        if (how != HOW_EXIT || prober_exit(p)->kind != EXIT_PIO) {
            prober_explain(p, how, row);
            p->timeouts += how == HOW_TIMEOUT;
            prober_drop(p);
            return;
        }
        if (ns >= PROBE_MEASURE_NS / 2) {
            probe_set(row, PROBE_YES, (int64_t)(shot.rcx * INSNS_A_TURN * 1e9 / (double)ns), "%s",
                      "");
            return;
        }
        growth = PROBE_MEASURE_NS / ns;
        shot.rcx *= growth < GROWTH_MAX ? growth : GROWTH_MAX;
    }
}

/* A loop of OUT, one exit each: through the engine and back, as every device access goes. */
static void measure_exits(struct prober *p, unsigned ring, struct probe_row *row)
{
    struct probe_shot shot = { SHOT_LONG, .ring = ring, .code = kvm_probe_outs };
    uint64_t start, ns, n = 0;
    enum probe_how how;

    if (probe_gave_up(p, row))
        return;
    how = prober_shoot(p, &shot);
    start = clock_ns(&p->clock);
    do {
        if (how != HOW_EXIT || prober_exit(p)->kind != EXIT_PIO) {
            prober_explain(p, how, row);
            return;
        }
        how = prober_fire(p, PROBE_LIMIT_NS);
        n++;
        ns = clock_ns(&p->clock) - start;
    } while (ns < PROBE_MEASURE_NS);
    probe_set(row, PROBE_YES, (int64_t)(ns / n), "%s", "");
}

static void measure_machine(struct prober *p, unsigned ring, struct probe_row *row)
{
    static const struct probe_shot shot = { SHOT_LONG, .code = kvm_probe_long64 };
    bool offer_cpuid = p->offer_cpuid;
    uint64_t start;
    enum probe_how how;

    (void)ring;
    if (probe_gave_up(p, row))
        return;
    prober_drop(p);
    p->offer_cpuid = false; /* as for a built-in guest */
    start = clock_ns(&p->clock);
    how = prober_shoot(p, &shot);
    if (how != HOW_EXIT || !prober_done(p)) {
        prober_explain(p, how, row);
    } else {
        prober_drop(p);
        probe_set(row, PROBE_YES, (int64_t)(clock_ns(&p->clock) - start), "%s", "");
    }
    prober_drop(p);
    p->offer_cpuid = offer_cpuid;
}

static const struct measure_row {
    enum probe_id id;
    unsigned ring;
    void (*measure)(struct prober *p, unsigned ring, struct probe_row *row);
    bool more_is_better;
} measures[] = {
    { PROBE_SPEED_RING0, 0, measure_speed, true }, { PROBE_SPEED_RING3, 3, measure_speed, true },
    { PROBE_EXIT_RING0, 0, measure_exits, false }, { PROBE_EXIT_RING3, 3, measure_exits, false },
    { PROBE_VM_COST, 0, measure_machine, false },
};

/* The best of several: others who use the host now only make it worse. */
static void best_of(struct prober *p, const struct measure_row *m, struct probe_row *row)
{
    for (unsigned i = 0; i < REPEATS; i++) {
        struct probe_row once = { 0 };

        m->measure(p, m->ring, &once);
        if (i == 0 || once.verdict != PROBE_YES || (once.value > row->value) == m->more_is_better)
            *row = once;
        if (row->verdict != PROBE_YES)
            return;
    }
}

void probe_speed(struct prober *p, struct probe_report *out)
{
    for (size_t i = 0; i < ARRAY_LEN(measures); i++)
        best_of(p, &measures[i], &out->row[measures[i].id]);
}
