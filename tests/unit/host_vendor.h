/* SPDX-License-Identifier: MIT */
/* host_vendor.h - whose CPU the native oracle of a test is */
#ifndef TESTS_HOST_VENDOR_H
#define TESTS_HOST_VENDOR_H

#include <cpuid.h>
#include <stdbool.h>

static inline bool host_is_amd(void)
{
    unsigned eax, ebx = 0, ecx = 0, edx = 0;

    return __get_cpuid(0, &eax, &ebx, &ecx, &edx) && ebx == signature_AMD_ebx &&
           ecx == signature_AMD_ecx && edx == signature_AMD_edx;
}

#endif
