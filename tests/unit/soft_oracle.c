/* SPDX-License-Identifier: MIT */
/* soft_oracle.c - see soft_oracle.h */
#include "soft_oracle.h"

#include <stddef.h>

#include "base/bits.h"

bool oracle_loads_segment(const struct x86_row *row)
{
    switch (row->mnemonic) {
    case X86_MN_MOV:
        return x86_opnd_types[row->operand[0]].kind == X86_OPK_SREG;
    case X86_MN_POP:
        return x86_opnd_types[row->operand[0]].kind == X86_OPK_SEG;
    case X86_MN_LES:
    case X86_MN_LDS:
    case X86_MN_LSS:
    case X86_MN_LFS:
    case X86_MN_LGS:
        return true;
    default:
        return false;
    }
}

bool oracle_asks_table(const struct x86_row *row)
{
    return row->mnemonic == X86_MN_LAR || row->mnemonic == X86_MN_LSL ||
           row->mnemonic == X86_MN_VERR || row->mnemonic == X86_MN_VERW;
}

bool oracle_varies(const struct x86_row *row)
{
    return row->mnemonic == X86_MN_RDTSC || row->mnemonic == X86_MN_RDTSCP ||
           row->mnemonic == X86_MN_RDRAND || row->mnemonic == X86_MN_RDSEED;
}

/* Of the system rows those that ring 3 may execute. */
static bool is_open_system(const struct x86_row *row)
{
    switch (row->mnemonic) {
    case X86_MN_ARPL:
    case X86_MN_POPF:
    case X86_MN_POPFD:
    case X86_MN_POPFQ:
    case X86_MN_CPUID:
    case X86_MN_RDTSC:
    case X86_MN_RDTSCP:
    case X86_MN_RDPID:
    case X86_MN_XGETBV:
    case X86_MN_RDFSBASE:
    case X86_MN_RDGSBASE:
    case X86_MN_WRFSBASE:
    case X86_MN_WRGSBASE:
        return true;
    case X86_MN_MOV:
        return oracle_loads_segment(row) || x86_opnd_types[row->operand[1]].kind == X86_OPK_SREG;
    default:
        return oracle_asks_table(row) || oracle_loads_segment(row);
    }
}

bool oracle_is_int(const struct x86_row *row)
{
    switch (row->klass) {
    case X86_CLASS_INT:
    case X86_CLASS_STACK:
    case X86_CLASS_STRING:
    case X86_CLASS_BRANCH:
    case X86_CLASS_IO:
    case X86_CLASS_HINT:
    case X86_CLASS_UD:
        return true;
    case X86_CLASS_SYSTEM:
        return is_open_system(row);
    default:
        return false;
    }
}

bool oracle_is_far(const struct x86_row *row)
{
    switch (row->mnemonic) {
    case X86_MN_JMPF:
    case X86_MN_CALLF:
    case X86_MN_RETF:
    case X86_MN_IRET:
    case X86_MN_IRETD:
    case X86_MN_IRETQ:
    case X86_MN_INT:
    case X86_MN_INT1:
    case X86_MN_INT3:
    case X86_MN_INTO:
        return true;
    default:
        return false;
    }
}

bool oracle_exists(const struct x86_row *row, enum x86_code code)
{
    if (code == X86_CODE_64)
        return row->when & X86_WHEN_64 && row->when & (X86_WHEN_A32 | X86_WHEN_A64);
    return row->when & X86_WHEN_NOT64 && row->when & (X86_WHEN_O16 | X86_WHEN_O32) &&
           row->when & (X86_WHEN_A16 | X86_WHEN_A32) && row->when & X86_WHEN_B0;
}

bool oracle_is_vector(const struct x86_row *row)
{
    switch (row->klass) {
    case X86_CLASS_STATE:
    case X86_CLASS_X87:
    case X86_CLASS_MMX:
    case X86_CLASS_SSE:
    case X86_CLASS_AVX:
        return row->privilege == X86_PRIV_NONE;
    default:
        return false;
    }
}

bool oracle_native(const struct x86_row *row)
{
    if (oracle_is_vector(row))
        return true;
    return (oracle_is_int(row) || oracle_is_far(row)) &&
           (oracle_exists(row, X86_CODE_64) || oracle_exists(row, X86_CODE_32));
}

/* ---- what the host cannot check ------------------------------------------------------------------ */

bool oracle_refused(const struct x86_row *row)
{
    return row->privilege == X86_PRIV_CPL0 ||
           (row->privilege == X86_PRIV_IOPL && row->klass == X86_CLASS_SYSTEM);
}

static bool is_umip(const struct x86_row *row)
{
    return row->privilege == X86_PRIV_UMIP;
}

static bool is_counter(const struct x86_row *row)
{
    return row->privilege == X86_PRIV_PCE;
}

static bool enters_kernel(const struct x86_row *row)
{
    return row->mnemonic == X86_MN_SYSCALL || row->mnemonic == X86_MN_SYSENTER;
}

static const struct exclusion {
    bool (*covers)(const struct x86_row *row);
    const char *why;
} exclusions[] = {
    { oracle_refused,
      "ring 0 alone may execute it; soft/far native compares how ring 3 is refused" },
    { is_umip,
      "Linux sets CR4.UMIP and answers for the CPU; what is told are the host's own tables" },
    { is_counter, "CR4.PCE is the host kernel's to set, and no machine of ours has a counter" },
    { enters_kernel, "it goes on in the host's kernel, where a test sees nothing" },
};

const char *oracle_why_not_native(const struct x86_row *row)
{
    for (unsigned i = 0; i < ARRAY_LEN(exclusions); i++) {
        if (exclusions[i].covers(row))
            return exclusions[i].why;
    }
    return NULL;
}
