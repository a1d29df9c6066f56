/* SPDX-License-Identifier: MIT */
/*
 * regs.h - names and positions of the architecture's registers and their bits
 *
 * Source: Intel SDM volume 3A, "Control Registers", "System Flags and Fields in the EFLAGS Register", "Paging";
 * volume 3B, "Debug Registers"; volume 4 for MSR numbers; AMD APM volume 2 for EFER. Each list is written once and
 * gives both the constants used in code and the names shown by the views.
 */
#ifndef X86_REGS_H
#define X86_REGS_H

#include "base/bits.h"
#include "base/names.h"

/* X(name, bit position, meaning) */
#define X86_CR0_BITS(X)                  \
    X(PE, 0, "protection enable")        \
    X(MP, 1, "monitor coprocessor")      \
    X(EM, 2, "x87 emulation")            \
    X(TS, 3, "task switched")            \
    X(ET, 4, "extension type")           \
    X(NE, 5, "numeric error reporting")  \
    X(WP, 16, "write protect in ring 0") \
    X(AM, 18, "alignment mask")          \
    X(NW, 29, "not write-through")       \
    X(CD, 30, "cache disable")           \
    X(PG, 31, "paging")

#define X86_CR4_BITS(X)                              \
    X(VME, 0, "virtual-8086 extensions")             \
    X(PVI, 1, "protected virtual interrupts")        \
    X(TSD, 2, "RDTSC in ring 0 only")                \
    X(DE, 3, "debugging extensions")                 \
    X(PSE, 4, "4 MiB pages")                         \
    X(PAE, 5, "physical address extension")          \
    X(MCE, 6, "machine check")                       \
    X(PGE, 7, "global pages")                        \
    X(PCE, 8, "RDPMC in any ring")                   \
    X(OSFXSR, 9, "FXSAVE and SSE")                   \
    X(OSXMMEXCPT, 10, "SSE exceptions")              \
    X(UMIP, 11, "no SGDT and kin in rings 1-3")      \
    X(LA57, 12, "5-level paging")                    \
    X(VMXE, 13, "VMX")                               \
    X(SMXE, 14, "SMX")                               \
    X(FSGSBASE, 16, "RDFSBASE and kin")              \
    X(PCIDE, 17, "process-context identifiers")      \
    X(OSXSAVE, 18, "XSAVE")                          \
    X(SMEP, 20, "no ring-0 execution of user pages") \
    X(SMAP, 21, "no ring-0 access to user pages")    \
    X(PKE, 22, "protection keys, user")              \
    X(CET, 23, "control-flow enforcement")           \
    X(PKS, 24, "protection keys, supervisor")

#define X86_EFER_BITS(X)                     \
    X(SCE, 0, "SYSCALL")                     \
    X(LME, 8, "long mode enable")            \
    X(LMA, 10, "long mode active")           \
    X(NXE, 11, "no-execute pages")           \
    X(SVME, 12, "SVM")                       \
    X(LMSLE, 13, "long-mode segment limits") \
    X(FFXSR, 14, "fast FXSAVE")

#define X86_RFLAGS_BITS(X)                  \
    X(CF, 0, "carry")                       \
    X(FIXED, 1, "always one")               \
    X(PF, 2, "parity")                      \
    X(AF, 4, "auxiliary carry")             \
    X(ZF, 6, "zero")                        \
    X(SF, 7, "sign")                        \
    X(TF, 8, "trap after each instruction") \
    X(IF, 9, "interrupts enabled")          \
    X(DF, 10, "strings go down")            \
    X(OF, 11, "overflow")                   \
    X(NT, 14, "nested task")                \
    X(RF, 16, "resume")                     \
    X(VM, 17, "virtual-8086 mode")          \
    X(AC, 18, "alignment check")            \
    X(VIF, 19, "virtual interrupt flag")    \
    X(VIP, 20, "virtual interrupt pending") \
    X(ID, 21, "CPUID is there")

/* Page-table entry bits, SDM 3A "Paging". Position 7 is PS in a directory, PAT in a last level. */
#define X86_PTE_BITS(X)        \
    X(P, 0, "present")         \
    X(W, 1, "writable")        \
    X(U, 2, "user")            \
    X(PWT, 3, "write-through") \
    X(PCD, 4, "cache disable") \
    X(A, 5, "accessed")        \
    X(D, 6, "dirty")           \
    X(PS, 7, "large page")     \
    X(G, 8, "global")          \
    X(NX, 63, "no execute")

#define X86_DR6_BITS(X)                \
    X(B0, 0, "breakpoint 0")           \
    X(B1, 1, "breakpoint 1")           \
    X(B2, 2, "breakpoint 2")           \
    X(B3, 3, "breakpoint 3")           \
    X(BD, 13, "debug register access") \
    X(BS, 14, "single step")           \
    X(BT, 15, "task switch")

#define X(name, bit, what) X86_CR0_##name = UINT64_C(1) << (bit),
enum x86_cr0 { X86_CR0_BITS(X) };
#undef X
#define X(name, bit, what) X86_CR4_##name = UINT64_C(1) << (bit),
enum x86_cr4 { X86_CR4_BITS(X) };
#undef X
#define X(name, bit, what) X86_EFER_##name = UINT64_C(1) << (bit),
enum x86_efer { X86_EFER_BITS(X) };
#undef X
#define X(name, bit, what) X86_RFLAGS_##name = UINT64_C(1) << (bit),
enum x86_rflags { X86_RFLAGS_BITS(X) };
#undef X
#define X(name, bit, what) X86_DR6_##name = UINT64_C(1) << (bit),
enum x86_dr6 { X86_DR6_BITS(X) };
#undef X
/* Of 64 bits each, so that their complements are masks of entries too; still from the one list. */
#define X(name, bit, what) static const uint64_t X86_PTE_##name = UINT64_C(1) << (bit);
X86_PTE_BITS(X)
#undef X

#define X86_RFLAGS_IOPL UINT64_C(0x3000) /* field: I/O privilege level */

/* MSRs that the monitor itself names. X(name, number, meaning) */
#define X86_MSRS(X)                                           \
    X(TSC, 0x10, "time-stamp counter")                        \
    X(APIC_BASE, 0x1b, "local APIC base")                     \
    X(FEATURE_CONTROL, 0x3a, "feature control")               \
    X(TSC_ADJUST, 0x3b, "time-stamp counter adjustment")      \
    X(SPEC_CTRL, 0x48, "speculation control")                 \
    X(ARCH_CAPABILITIES, 0x10a, "architectural capabilities") \
    X(SYSENTER_CS, 0x174, "SYSENTER code segment")            \
    X(SYSENTER_ESP, 0x175, "SYSENTER stack pointer")          \
    X(SYSENTER_EIP, 0x176, "SYSENTER instruction pointer")    \
    X(MISC_ENABLE, 0x1a0, "miscellaneous features")           \
    X(DEBUGCTL, 0x1d9, "debug control")                       \
    X(PAT, 0x277, "page attribute table")                     \
    X(MTRR_DEF_TYPE, 0x2ff, "default memory type")            \
    X(TSC_DEADLINE, 0x6e0, "local APIC timer deadline")       \
    X(EFER, 0xc0000080, "extended features")                  \
    X(STAR, 0xc0000081, "SYSCALL selectors")                  \
    X(LSTAR, 0xc0000082, "SYSCALL target, 64-bit")            \
    X(CSTAR, 0xc0000083, "SYSCALL target, compatibility")     \
    X(FMASK, 0xc0000084, "SYSCALL flag mask")                 \
    X(FS_BASE, 0xc0000100, "FS base")                         \
    X(GS_BASE, 0xc0000101, "GS base")                         \
    X(KERNEL_GS_BASE, 0xc0000102, "GS base after SWAPGS")     \
    X(TSC_AUX, 0xc0000103, "RDTSCP's processor number")

/* Numbers from 0x80000000 on are negative here: compare them as uint32_t. */
#define X(name, num, what) X86_MSR_##name = (int)(num),
enum x86_msr_index { X86_MSRS(X) };
#undef X

extern const struct bit_table x86_cr0_names;
extern const struct bit_table x86_cr4_names;
extern const struct bit_table x86_efer_names;
extern const struct bit_table x86_rflags_names;
extern const struct bit_table x86_pte_names;
extern const struct bit_table x86_dr6_names;

/* "EFER" for 0xc0000080; NULL when the number has no row. */
const char *x86_msr_name(uint32_t index);

/* General register order is the encoding order: rax rcx rdx rbx rsp rbp rsi rdi r8..r15. */
enum x86_gpr {
    X86_RAX,
    X86_RCX,
    X86_RDX,
    X86_RBX,
    X86_RSP,
    X86_RBP,
    X86_RSI,
    X86_RDI,
    X86_R8,
    X86_R9,
    X86_R10,
    X86_R11,
    X86_R12,
    X86_R13,
    X86_R14,
    X86_R15,
    X86_NGPR
};

/* Segment order is the encoding order too. */
enum x86_sreg { X86_ES, X86_CS, X86_SS, X86_DS, X86_FS, X86_GS, X86_NSREG };

extern const char *const x86_gpr_names[X86_NGPR];
extern const char *const x86_sreg_names[X86_NSREG];

/* "#PF" for 14, "NMI" for 2; NULL for reserved vectors and those from 32 on. */
const char *x86_exception_name(unsigned vector);

#endif
