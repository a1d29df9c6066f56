/* SPDX-License-Identifier: MIT */
/* host_flags.c - see host_flags.h */
#include "engine/soft/trans/host_flags.h"

#include <stddef.h>

#include "base/bits.h"
#include "engine/soft/host_alu.h"

/* Both carry away what they are, and what was before. */
enum { NONE = 0, ALL = 0xd501 /* as LAHF and SETO have them */ };

/* True when flags before `op` make no difference behind it. */
#define FRESH(op, size, type)                                      \
    static bool fresh_##op##_##size(uint64_t value, uint8_t count) \
    {                                                              \
        uint32_t a = NONE, b = ALL;                                \
                                                                   \
        (void)host_##op##_##size((type)value, count, &a);          \
        (void)host_##op##_##size((type)value, count, &b);          \
        return ((a ^ b) & ALL) == 0;                               \
    }

HOST_ALL(FRESH, shl)
HOST_ALL(FRESH, shr)
HOST_ALL(FRESH, sar)

bool host_shifts_write_all(void)
{
    static bool (*const shifts[])(uint64_t value, uint8_t count) = {
        fresh_shl_8,  fresh_shl_16, fresh_shl_32, fresh_shl_64, fresh_shr_8,  fresh_shr_16,
        fresh_shr_32, fresh_shr_64, fresh_sar_8,  fresh_sar_16, fresh_sar_32, fresh_sar_64,
    };
    static const uint64_t values[] = { 0, 1, 0x8000000000000001, 0x5a5a5a5a5a5a5a5a, UINT64_MAX };

    for (size_t i = 0; i < ARRAY_LEN(shifts); i++) {
        for (size_t k = 0; k < ARRAY_LEN(values); k++) {
            for (uint8_t count = 1; count < 32; count++) {
                if (!shifts[i](values[k], count))
                    return false;
            }
        }
    }
    return true;
}
