/* SPDX-License-Identifier: MIT */
/*
 * vitro_engine.c - the library's face: which engine runs this guest, and why
 *
 * Opening /dev/kvm proves nothing, so the guest's CPU mode is tried once in a boot, by running a few
 * instructions in it; afterwards a small file says what came of it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/bits.h"
#include "boot/boot.h"
#include "engine/kvm/kvm_probe.h"
#include "engine/soft/soft.h"
#include "host/cache.h"
#include "host/hostinfo.h"
#include "vitro_priv.h"

enum { SMALL_PAGE = 4096 };

/* The row that answers for a start state, with large pages and with 4 KiB pages. */
static const struct mode_row {
    enum probe_id large, small;
} rows[X86_STARTS] = {
    [X86_START_REAL] = { PROBE_REAL, PROBE_REAL },
    [X86_START_PROTECTED] = { PROBE_PROTECTED, PROBE_PROTECTED },
    [X86_START_PAGED32] = { PROBE_PAGED32, PROBE_PAGED32_4K },
    [X86_START_LONG] = { PROBE_LONG, PROBE_LONG_4K },
};

/* From the cache, or by running it; then the cache knows it too. */
static int ask_mode(enum probe_id id, struct probe_row *out, struct vitro_err *err)
{
    struct probe_report known = { 0 };
    struct probe_host host;
    int rc;

    hostinfo_key(VITRO_VERSION, &host);
    cache_load(CACHE_MODES, &host, &known);
    *out = known.row[id];
    if (out->verdict != PROBE_UNKNOWN)
        return 0;
    rc = kvm_probe_mode(NULL, id, out, err);
    if (rc == 0 && !out->timed_out) {
        known.row[id] = *out;
        cache_store(CACHE_MODES, &host, &known);
    }
    return rc;
}

const struct engine_ops *helper_of(const struct engine_ops *engine)
{
    return engine == &kvm_engine ? &soft_engine : NULL;
}

int vitro_switch_engine(struct vitro *m, enum vitro_engine engine, struct vitro_err *err)
{
    const struct engine_ops *to = engine == VITRO_ENGINE_KVM    ? &kvm_engine
                                  : engine == VITRO_ENGINE_SOFT ? &soft_engine
                                                                : NULL;
    struct machine *machine = m->board->m;
    const char *from = machine->engine->name;
    int rc;

    if (to == NULL)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "moving to engine %d: only kvm and soft",
                         (int)engine);
    if (to == machine->engine)
        return 0;
    if (machine->clock.counted)
        return err_class(err, VITRO_ERR_ENGINE, -ENOTSUP,
                         "moving to %s: its runs cannot be repeated; leave --deterministic out",
                         to->name);
    if (m->cpu_stuck != NULL)
        return err_class(
            err, VITRO_ERR_ENGINE, -ENOTSUP,
            "moving to %s: not with '%s' in the CPU model; make the machine with --cpu "
            "base",
            to->name, m->cpu_stuck);
    if (machine->stop_at_insns != 0 && !to->counts_insns)
        return err_class(err, VITRO_ERR_ENGINE, -ENOTSUP,
                         "moving to %s: it does not count the instructions to stop after",
                         to->name);
    rc = machine_switch(machine, to, helper_of(to), err);
    if (rc == 0)
        snprintf(m->engine_why, sizeof(m->engine_why),
                 "%s: it went on where %s stopped, after %" PRIu64 " exit%s", to->name, from,
                 machine_exits(machine), machine_exits(machine) == 1 ? "" : "s");
    return rc;
}

bool fall_back(struct vitro *m, const struct engine_ops **engine, const struct vitro_err *why)
{
    if (*engine == &soft_engine)
        return false;
    *engine = &soft_engine;
    snprintf(m->engine_why, sizeof(m->engine_why), "soft: %s", why->text);
    return true;
}

static const struct engine_ops *pick_counting(struct vitro *m)
{
    snprintf(m->engine_why, sizeof(m->engine_why), "soft: only it counts instructions");
    return &soft_engine;
}

/* KVM if it runs the mode, else the software CPU; what KVM lacks is part of the reason. */
static const struct engine_ops *pick(struct vitro *m, enum probe_id id, const char *mode)
{
    struct vitro_err err = { 0 };
    struct probe_row row;

    if (ask_mode(id, &row, &err) < 0) {
        const struct engine_ops *engine = &kvm_engine;

        fall_back(m, &engine, &err);
        return engine;
    }
    if (row.verdict == PROBE_NO) {
        snprintf(m->engine_why, sizeof(m->engine_why),
                 "soft: this host's KVM does not run %s mode (%s)", mode, row.reason);
        return &soft_engine;
    }
    snprintf(m->engine_why, sizeof(m->engine_why), "kvm: it runs %s mode here", mode);
    return &kvm_engine;
}

/* KVM's time, and when interrupts arrive, are the host's. */
static int choose_repeatable(struct vitro *m, const struct vitro_config *cfg,
                             const struct engine_ops **out, struct vitro_err *err)
{
    if (cfg->engine == VITRO_ENGINE_KVM)
        return err_class(err, VITRO_ERR_ENGINE, -ENOTSUP,
                         "a run on KVM cannot be repeated: leave --deterministic out, or take "
                         "--engine soft");
    *out = &soft_engine;
    snprintf(m->engine_why, sizeof(m->engine_why), "soft: %s",
             cfg->engine == VITRO_ENGINE_SOFT ? "it was asked for"
                                              : "only its runs can be repeated (--deterministic)");
    return 0;
}

static int choose_translator(struct vitro *m, const struct vitro_config *cfg,
                             const struct engine_ops **out, struct vitro_err *err)
{
    if (cfg->engine == VITRO_ENGINE_KVM)
        return err_class(err, VITRO_ERR_ENGINE, -ENOTSUP,
                         "translated code is asked for: the engine kvm translates nothing; take "
                         "--engine soft");
    *out = &soft_engine;
    snprintf(m->engine_why, sizeof(m->engine_why), "soft: %s",
             cfg->engine == VITRO_ENGINE_SOFT ? "it was asked for" : "only it translates code");
    return 0;
}

/* ---- kernels --------------------------------------------------------------------------------- */

enum { KERNEL_MIN_MIPS = 50 };

/* What a kernel cannot do without, in the order in which it is told. */
static const struct need {
    enum probe_id id;
    const char *words;
} kernel_needs[] = {
    { PROBE_LONG, "long mode does not run" },
    { PROBE_LONG_RING3, "ring 3 does not run" },
    { PROBE_SYSCALL_RING0, "SYSCALL does not reach ring 0" },
    { PROBE_SYSRET, "SYSRET does not go back to ring 3" },
    { PROBE_RING3_EXCEPTION, "an exception in ring 3 does not reach ring 0" },
};

static void ask_kernel(struct probe_report *r)
{
    struct probe_host host;

    hostinfo_key(VITRO_VERSION, &host);
    cache_load(CACHE_PROBE, &host, r);
    if (r->row[PROBE_SPEED_RING0].verdict != PROBE_UNKNOWN &&
        r->row[PROBE_SYSCALL_RING0].verdict != PROBE_UNKNOWN)
        return;
    kvm_probe(NULL, BIT(PROBE_GROUP_MODES) | BIT(PROBE_GROUP_SPEED) | BIT(PROBE_GROUP_RINGS), r);
    if (r->row[PROBE_LONG].verdict != PROBE_UNKNOWN)
        cache_store(CACHE_PROBE, &host, r);
}

/* Why KVM is not for kernels here, in words; false: it is. */
static bool kernel_refusal(const struct probe_report *r, char *why, size_t len)
{
    int64_t mips = r->row[PROBE_SPEED_RING0].value / 1000000;

    if (r->row[PROBE_LONG].verdict == PROBE_UNKNOWN) {
        snprintf(why, len, "there is no KVM to use here (%s)", r->row[PROBE_LONG].reason);
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(kernel_needs); i++) {
        if (r->row[kernel_needs[i].id].verdict != PROBE_YES) {
            snprintf(why, len, "this host's KVM cannot run a kernel (%s)", kernel_needs[i].words);
            return true;
        }
    }
    if (mips < KERNEL_MIN_MIPS)
        snprintf(why, len, "this host's KVM emulates ring 0 at %lld million instructions a second",
                 (long long)mips);
    return mips < KERNEL_MIN_MIPS;
}

bool kvm_takes_kernels(void)
{
    struct probe_report r = { 0 };
    char why[PROBE_REASON_MAX * 2];

    ask_kernel(&r);
    return !kernel_refusal(&r, why, sizeof(why));
}

/* Kernels live in ring 0: a KVM that emulates it is slower than the software CPU, or does not get far. */
static const struct engine_ops *pick_for_kernel(struct vitro *m)
{
    struct probe_report r = { 0 };
    char why[PROBE_REASON_MAX * 2];

    ask_kernel(&r);
    if (kernel_refusal(&r, why, sizeof(why))) {
        snprintf(m->engine_why, sizeof(m->engine_why), "soft: %s", why);
        return &soft_engine;
    }
    snprintf(m->engine_why, sizeof(m->engine_why),
             "kvm: it runs ring 0 at %lld million instructions a second here",
             (long long)(r.row[PROBE_SPEED_RING0].value / 1000000));
    return &kvm_engine;
}

int choose_engine(struct vitro *m, const struct vitro_config *cfg, uint64_t page_bytes,
                  const struct engine_ops **out, struct vitro_err *err)
{
    enum x86_start start = m->guest->image.start;
    const struct mode_row *row =
        (int)start < (int)X86_STARTS ? &rows[start] : &rows[X86_START_LONG];
    enum probe_id id = page_bytes == SMALL_PAGE ? row->small : row->large;

    if (cfg->deterministic)
        return choose_repeatable(m, cfg, out, err);
    if (cfg->translate != 0)
        return choose_translator(m, cfg, out, err);
    switch (cfg->engine) {
    case VITRO_ENGINE_AUTO:
        *out = cfg->counts_insns                   ? pick_counting(m)
               : image_boots(m->guest->image.kind) ? pick_for_kernel(m)
                                                   : pick(m, id, x86_start_names[start]);
        return 0;
    case VITRO_ENGINE_KVM:
        *out = &kvm_engine;
        break;
    case VITRO_ENGINE_SOFT:
        *out = &soft_engine;
        break;
    default:
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "engine %d: there is no such engine",
                         (int)cfg->engine);
    }
    snprintf(m->engine_why, sizeof(m->engine_why), "%s: it was asked for", (*out)->name);
    return 0;
}
