/* SPDX-License-Identifier: MIT */
/*
 * vitro_cpu.c - the library's face: which CPU a guest sees, and the view of it
 *
 * The model is fixed before there is an engine, and is the same on each: what the host's CPU has, the software CPU
 * has rows for, and KVM supports where there is a KVM. Guests that are built in execute no CPUID: for them
 * nothing is asked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/kvm/kvm_cpuid.h"
#include "engine/soft/mmu.h"
#include "engine/soft/soft.h"
#include "engine/soft/sys.h"
#include "inspect/inspect_cpu.h"
#include "vitro_priv.h"

/* What limits a model: the wish, and KVM's list, NULL where there is no KVM. */
struct limits {
    const struct x86_cpu_spec *spec;
    const struct kvm_cpuid2 *kvm;
};

/*
 * Bits that KVM_GET_SUPPORTED_CPUID need not report: that there is a hypervisor is ours to say; what belongs to
 * the local APIC follows from the board; HTT counts CPUs.
 */
static bool is_ours(const char *flag)
{
    static const char *const names[] = { "hypervisor",         "apic", "x2apic",
                                         "tsc_deadline_timer", "arat", "ht" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(flag, names[i]) == 0)
            return true;
    }
    return false;
}

static bool allows(void *ctx, const struct x86_feature_place *at)
{
    const struct limits *l = ctx;
    int row = x86_cpu_flag_at(at);

    if (row < 0)
        return false; /* what has no name cannot be chosen */
    if (l->spec->plus[row] || l->spec->minus[row])
        return l->spec->plus[row];
    return l->kvm == NULL || is_ours(x86_cpu_flags[row].name) || kvm_cpuid_has(l->kvm, at);
}

static bool adds(const struct x86_cpu_spec *spec, const char *flag)
{
    for (unsigned i = 0; i < x86_ncpu_flags; i++) {
        if (strcmp(x86_cpu_flags[i].name, flag) == 0)
            return spec->plus[i];
    }
    return false;
}

/* KVM's width of a physical address where it is smaller; leaf 0x80000008, EAX[7:0]. */
static unsigned phys_bits(const struct kvm_cpuid2 *kvm)
{
    unsigned bits = 0;

    for (uint8_t i = 0; kvm != NULL && i < 8; i++) {
        if (kvm_cpuid_has(kvm, &(struct x86_feature_place){ .leaf = 0x80000008, .bit = i }))
            bits |= 1u << i;
    }
    return bits >= 36 && bits < SOFT_MAXPHYADDR ? bits : SOFT_MAXPHYADDR;
}

/* A kernel that KVM cannot run here stays on the software CPU: what that KVM lacks is no reason to lack it. */
static bool may_move(const struct vitro *m, const struct vitro_config *cfg)
{
    return !image_boots(m->guest->image.kind) || cfg->engine == VITRO_ENGINE_KVM ||
           kvm_takes_kernels();
}

static int make_model(struct vitro *m, const struct vitro_config *cfg, struct vitro_err *err)
{
    bool moves = may_move(m, cfg);
    struct kvm_cpuid2 *kvm = NULL;
    struct limits limits = { .spec = &m->cpu_spec };
    struct x86_cpuid_source source;
    struct x86_cpuid_config config = {
        .ncpus = cfg->cpus != 0 ? cfg->cpus : 1,
        .apic = image_boots(m->guest->image.kind),
        .x2apic = adds(&m->cpu_spec, "x2apic"),
        /* With it a kernel does not wait to measure the timer. Not each KVM hands its MSR over. */
        .tsc_deadline = adds(&m->cpu_spec, "tsc_deadline_timer") || !moves,
    };

    if (!m->cpu_spec.host && moves && kvm_cpuid_read(NULL, &kvm) == 0)
        limits.kvm = kvm;
    config.phys_bits = phys_bits(kvm);
    soft_host_source(&source);
    source.allows = allows;
    source.ctx = &limits;
    x86_cpuid_model_init(&m->cpu_model, &config, &source);
    m->has_cpu_model = true;
    for (unsigned i = 0; kvm != NULL && i < x86_ncpu_flags; i++) {
        if (m->cpu_spec.plus[i] && !is_ours(x86_cpu_flags[i].name) &&
            !kvm_cpuid_has(kvm, &x86_cpu_flags[i].at))
            m->cpu_stuck = x86_cpu_flags[i].name;
    }
    free(kvm);
    return x86_cpu_spec_check(&m->cpu_spec, &m->cpu_model, err);
}

int cpu_choose(struct vitro *m, const struct vitro_config *cfg, struct vitro_err *err)
{
    int rc = x86_cpu_spec_parse(cfg->cpu, &m->cpu_spec, err);

    if (rc < 0)
        return rc;
    if (cfg->cpu != NULL) {
        m->cpu_text = strdup(cfg->cpu);
        if (m->cpu_text == NULL)
            return err_set(err, -ENOMEM, "choosing a CPU model: out of memory");
        m->config.cpu = m->cpu_text;
    }
    if (m->cpu_spec.host)
        m->cpu_stuck = "host";
    if (m->guest->builtin != NULL && cfg->cpu == NULL)
        return 0;
    return make_model(m, cfg, err);
}

const struct x86_cpuid_model *cpu_model_for(const struct vitro *m, const struct engine_ops *engine)
{
    if (m->cpu_spec.host && engine == &kvm_engine)
        return NULL; /* the whole list that this KVM supports */
    return m->has_cpu_model ? &m->cpu_model : NULL;
}

const char *vitro_cpu_flag(unsigned row)
{
    return row < x86_ncpu_flags ? x86_cpu_flags[row].name : NULL;
}

int vitro_show_cpuid(struct vitro *m, unsigned cpu, const struct vitro_style *style, char **out,
                     struct vitro_err *err)
{
    struct machine *machine = m->board->m;
    struct x86_cpuid_config config = { .ncpus = machine->ncpus, .phys_bits = SOFT_MAXPHYADDR };
    struct cpuid_view v = {
        .name = m->cpu_text != NULL ? m->cpu_text : "base",
        .movable = m->cpu_stuck == NULL,
        .cpu = cpu,
        .model = machine->cpu_model,
    };
    struct x86_cpuid_model own;

    if (vcpu_of(m, cpu, err) == NULL)
        return -EINVAL;
    if (v.model == NULL && machine->engine == &soft_engine) {
        soft_host_model(&own, &config);
        v.model = &own;
    }
    return cpuid_show(&v, style, out, err);
}
