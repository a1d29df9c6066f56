/* SPDX-License-Identifier: MIT */
/* regs.c - the name tables, expanded from the lists in regs.h. */
#include "x86/regs.h"

#include <assert.h>

#define ROW(name, bit, what) { UINT64_C(1) << (bit), #name, what },
#define TABLE(id, rows)                              \
    static const struct bit_name id##_rows[] = rows; \
    const struct bit_table id = { id##_rows, ARRAY_LEN(id##_rows) }
#define ROWS(...)   \
    {               \
        __VA_ARGS__ \
    }

TABLE(x86_cr0_names, ROWS(X86_CR0_BITS(ROW)));
TABLE(x86_cr4_names, ROWS(X86_CR4_BITS(ROW)));
TABLE(x86_efer_names, ROWS(X86_EFER_BITS(ROW)));
TABLE(x86_rflags_names, ROWS(X86_RFLAGS_BITS(ROW){ X86_RFLAGS_IOPL, "IOPL", "I/O privilege" }));
TABLE(x86_pte_names, ROWS(X86_PTE_BITS(ROW)));
TABLE(x86_dr6_names, ROWS(X86_DR6_BITS(ROW)));

const char *const x86_gpr_names[X86_NGPR] = {
    [X86_RAX] = "rax", [X86_RCX] = "rcx", [X86_RDX] = "rdx", [X86_RBX] = "rbx",
    [X86_RSP] = "rsp", [X86_RBP] = "rbp", [X86_RSI] = "rsi", [X86_RDI] = "rdi",
    [X86_R8] = "r8",   [X86_R9] = "r9",   [X86_R10] = "r10", [X86_R11] = "r11",
    [X86_R12] = "r12", [X86_R13] = "r13", [X86_R14] = "r14", [X86_R15] = "r15",
};

const char *const x86_sreg_names[X86_NSREG] = {
    [X86_ES] = "es", [X86_CS] = "cs", [X86_SS] = "ss",
    [X86_DS] = "ds", [X86_FS] = "fs", [X86_GS] = "gs",
};

const char *x86_msr_name(uint32_t index)
{
    static const struct {
        uint32_t index;
        const char *name;
    } rows[] = {
#define X(name, num, what) { (num), #name },
        X86_MSRS(X)
#undef X
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].index == index)
            return rows[i].name;
    }
    return NULL;
}

/* SDM 3A, "Protected-Mode Exceptions and Interrupts". */
const char *x86_exception_name(unsigned vector)
{
    static const char *const names[32] = {
        [0] = "#DE",  [1] = "#DB",  [2] = "NMI",  [3] = "#BP",  [4] = "#OF",
        [5] = "#BR",  [6] = "#UD",  [7] = "#NM",  [8] = "#DF",  [10] = "#TS",
        [11] = "#NP", [12] = "#SS", [13] = "#GP", [14] = "#PF", [16] = "#MF",
        [17] = "#AC", [18] = "#MC", [19] = "#XM", [20] = "#VE", [21] = "#CP",
    };

    return vector < ARRAY_LEN(names) ? names[vector] : NULL;
}
