/* SPDX-License-Identifier: MIT */
/*
 * cpu_flags.h - names of CPUID bits, and which of them somebody wants: "base", "host", "+avx2,-rdrand"
 *
 * Names are those of /proc/cpuinfo; bits that are not shown there have the name in the kernel's cpufeatures.h.
 */
#ifndef X86_CPU_FLAGS_H
#define X86_CPU_FLAGS_H

#include "base/err.h"
#include "x86/cpuid_model.h"

enum { X86_CPU_FLAGS_MAX = 96 };

struct x86_cpu_flag {
    const char *name;
    struct x86_feature_place at;
};

/* All bits that a model may have; x86_ncpu_flags of them. */
extern const struct x86_cpu_flag x86_cpu_flags[];
extern const unsigned x86_ncpu_flags;

struct x86_cpu_spec {
    bool host; /* all that the engine has; else what every engine here has */
    bool plus[X86_CPU_FLAGS_MAX], minus[X86_CPU_FLAGS_MAX]; /* [row of x86_cpu_flags] */
};

/* "base" or "host", or +flag and -flag, separated by commas. VITRO_ERR_USAGE with what is wrong; NULL is base. */
WARN_UNUSED int x86_cpu_spec_parse(const char *text, struct x86_cpu_spec *out,
                                   struct vitro_err *err);

/* The row of a bit; -1: it has none. */
int x86_cpu_flag_at(const struct x86_feature_place *at);

/*
 * The model has every flag that the spec adds. VITRO_ERR_USAGE: not one, since the spec takes away what it builds on;
 * VITRO_ERR_ENGINE, -ENOTSUP: not one, which cannot be offered.
 */
WARN_UNUSED int x86_cpu_spec_check(const struct x86_cpu_spec *spec, const struct x86_cpuid_model *m,
                                   struct vitro_err *err);

#endif
