/* SPDX-License-Identifier: MIT */
/* cpuid.c - the base CPU model of this host, and a software CPU that has a model. SDM 2, "CPUID". */
#include <cpuid.h>

#include "engine/soft/cpu.h"

static void host_cpuid(void *ctx, uint32_t leaf, uint32_t subleaf, struct x86_cpuid_regs *out)
{
    (void)ctx;
    __cpuid_count(leaf, subleaf, out->eax, out->ebx, out->ecx, out->edx);
}

/* XCR0 as the host's kernel has set it; 0 when it does not use XSAVE. */
static uint64_t host_xcr0(void)
{
    uint32_t eax, ebx, ecx, edx;

    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE))
        return 0;
    __asm__("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return (uint64_t)edx << 32 | eax;
}

void soft_host_source(struct x86_cpuid_source *out)
{
    *out = (struct x86_cpuid_source){ .read = host_cpuid, .xcr0 = host_xcr0() };
}

void soft_host_model(struct x86_cpuid_model *m, const struct x86_cpuid_config *config)
{
    struct x86_cpuid_source host;

    soft_host_source(&host);
    x86_cpuid_model_init(m, config, &host);
}

int soft_sys_init(struct soft_cpu *c, const struct x86_cpuid_model *model, const uint8_t *seed,
                  struct vitro_err *err)
{
    c->sys.model = model;
    c->sys.counted_time = seed != NULL;
    soft_msr_reset(c);
    return soft_random_init(&c->sys.random, seed, err);
}
