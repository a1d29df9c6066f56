/* SPDX-License-Identifier: MIT */
/*
 * probe.h - what an engine really does on this host, as rows
 *
 * An engine's probe fills the rows by running guest code; the cache keeps them; doctor shows them; the
 * choice of an engine reads them. One table says which rows there are, what each means and in which unit
 * its number is. Keys are stable: programs and the cache know rows by them.
 */
#ifndef CORE_PROBE_H
#define CORE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* X(constant, key, heading) */
#define PROBE_GROUPS(X)                                                       \
    X(INTERFACE, "interface", "The interface")                                \
    X(MODES, "modes", "CPU modes, each by running code in it")                \
    X(SPEED, "speed", "Speed, measured")                                      \
    X(RINGS, "rings", "From ring 3 to ring 0 and back")                       \
    X(DEBUG, "debug", "Debugging the guest")                                  \
    X(INSTRUCTIONS, "instructions", "Instructions in ring 0, each by itself") \
    X(STATE, "state", "What is left after the guest stopped")

enum probe_unit {
    PROBE_PLAIN, /* the row has no number */
    PROBE_COUNT,
    PROBE_BYTES,
    PROBE_NS,
    PROBE_PER_SECOND, /* instructions a second */
    PROBE_ERRNO,      /* positive; 0 when there was no error */
};

/* X(group, constant, key, unit, sentence) */
#define PROBE_ROWS(X)                                                                             \
    X(INTERFACE, DEVICE, "device", ERRNO, "/dev/kvm opens")                                       \
    X(INTERFACE, API, "api_version", COUNT, "it is KVM, with the stable interface (version 12)")  \
    X(INTERFACE, USER_MEMORY, "cap_user_memory", PLAIN, "memory of ours can be the guest's")      \
    X(INTERFACE, IMMEDIATE_EXIT, "cap_immediate_exit", PLAIN, "a run can be cut short")           \
    X(INTERFACE, SYNC_REGS, "cap_sync_regs", PLAIN, "registers come with each exit")              \
    X(INTERFACE, SREGS2, "cap_sregs2", PLAIN, "PAE pointers can be read and set")                 \
    X(INTERFACE, XSAVE, "cap_xsave", PLAIN, "vector registers can be read and set")               \
    X(INTERFACE, XSAVE2, "cap_xsave2", BYTES, "large vector registers too (AMX)")                 \
    X(INTERFACE, XCRS, "cap_xcrs", PLAIN, "XCR0 can be read and set")                             \
    X(INTERFACE, DEBUGREGS, "cap_debugregs", PLAIN, "debug registers can be read and set")        \
    X(INTERFACE, VCPU_EVENTS, "cap_vcpu_events", PLAIN, "events in flight can be read and set")   \
    X(INTERFACE, MP_STATE, "cap_mp_state", PLAIN, "halted CPUs can be told and made")             \
    X(INTERFACE, GUEST_DEBUG, "cap_guest_debug", PLAIN, "steps and breakpoints are offered")      \
    X(INTERFACE, EMULATION_BYTES, "cap_exit_on_emulation_failure", PLAIN,                         \
      "bytes of a refused instruction are told")                                                  \
    X(INTERFACE, READONLY_MEM, "cap_readonly_mem", PLAIN, "memory can be read-only")              \
    X(INTERFACE, IRQCHIP, "cap_irqchip", PLAIN, "interrupt controllers in the kernel")            \
    X(INTERFACE, SPLIT_IRQCHIP, "cap_split_irqchip", PLAIN, "local APIC alone in the kernel")     \
    X(INTERFACE, IRQFD, "cap_irqfd", PLAIN, "interrupts by file descriptor")                      \
    X(INTERFACE, IOEVENTFD, "cap_ioeventfd", PLAIN, "doorbells by file descriptor")               \
    X(INTERFACE, TSC_DEADLINE, "cap_tsc_deadline_timer", PLAIN, "deadline timer in the kernel")   \
    X(INTERFACE, MAX_VCPUS, "cap_max_vcpus", COUNT, "most CPUs of a machine")                     \
    X(INTERFACE, NR_MEMSLOTS, "cap_nr_memslots", COUNT, "most memory slots of a machine")         \
    X(MODES, REAL, "mode_real", PLAIN, "real mode, 16-bit")                                       \
    X(MODES, PROTECTED, "mode_protected", PLAIN, "protected mode, 32-bit, no paging")             \
    X(MODES, PAGED32, "mode_paged32", PLAIN, "32-bit paging, 4 MiB pages (PSE)")                  \
    X(MODES, PAGED32_4K, "mode_paged32_4k", PLAIN, "32-bit paging, 4 KiB pages")                  \
    X(MODES, PAE, "mode_pae", PLAIN, "32-bit code, PAE paging")                                   \
    X(MODES, LONG, "mode_long", PLAIN, "long mode, 2 MiB pages")                                  \
    X(MODES, LONG_4K, "mode_long_4k", PLAIN, "long mode, 4 KiB pages")                            \
    X(MODES, LONG_RING3, "mode_long_ring3", PLAIN, "long mode, ring 3")                           \
    X(SPEED, SPEED_RING0, "speed_ring0", PER_SECOND, "ring 0")                                    \
    X(SPEED, SPEED_RING3, "speed_ring3", PER_SECOND, "ring 3")                                    \
    X(SPEED, EXIT_RING0, "exit_ring0", NS, "an exit from ring 0 and back (OUT)")                  \
    X(SPEED, EXIT_RING3, "exit_ring3", NS, "an exit from ring 3 and back (OUT)")                  \
    X(SPEED, VM_COST, "vm_cost", NS, "making a machine, one run, dropping it")                    \
    X(RINGS, SYSCALL_REACHES, "syscall", PLAIN, "SYSCALL reaches the kernel's entry (LSTAR)")     \
    X(RINGS, SYSCALL_RING0, "syscall_ring0", PLAIN, "and is in ring 0 there")                     \
    X(RINGS, SYSRET, "sysret", PLAIN, "SYSRET goes back to ring 3")                               \
    X(RINGS, IRETQ_RING3, "iretq_ring3", PLAIN, "IRETQ goes to ring 3")                           \
    X(RINGS, RING3_EXCEPTION, "ring3_exception", PLAIN,                                           \
      "an exception in ring 3 reaches its handler in ring 0")                                     \
    X(RINGS, RING3_INT, "ring3_int", PLAIN, "INT n in ring 3 reaches its handler in ring 0")      \
    X(DEBUG, STEP_RING0, "step_ring0", PLAIN, "single step, ring 0")                              \
    X(DEBUG, STEP_RING3, "step_ring3", PLAIN, "single step, ring 3")                              \
    X(DEBUG, HW_RING0, "hw_break_ring0", PLAIN, "hardware breakpoint, ring 0")                    \
    X(DEBUG, HW_RING3, "hw_break_ring3", PLAIN, "hardware breakpoint, ring 3")                    \
    X(DEBUG, WATCH_RING0, "watch_ring0", PLAIN, "watchpoint on a write, ring 0")                  \
    X(DEBUG, WATCH_RING3, "watch_ring3", PLAIN, "watchpoint on a write, ring 3")                  \
    X(DEBUG, SW_RING0, "sw_break_ring0", PLAIN, "software breakpoint (INT3), ring 0")             \
    X(DEBUG, SW_RING3, "sw_break_ring3", PLAIN, "software breakpoint (INT3), ring 3")             \
    X(INSTRUCTIONS, INT3, "insn_int3", PLAIN, "INT3 into the guest's own handler")                \
    X(INSTRUCTIONS, INT_N, "insn_int_n", PLAIN, "INT n into the guest's own handler")             \
    X(INSTRUCTIONS, UD2, "insn_ud2", PLAIN, "UD2 into the guest's own handler")                   \
    X(INSTRUCTIONS, IRETQ, "insn_iretq", PLAIN, "IRETQ within ring 0")                            \
    X(INSTRUCTIONS, LRETQ, "insn_lretq", PLAIN, "far return within ring 0")                       \
    X(INSTRUCTIONS, LGDT, "insn_lgdt", PLAIN, "LGDT")                                             \
    X(INSTRUCTIONS, LTR, "insn_ltr", PLAIN, "LTR")                                                \
    X(INSTRUCTIONS, MOV_CR3, "insn_mov_cr3", PLAIN, "MOV to CR3")                                 \
    X(INSTRUCTIONS, INVLPG, "insn_invlpg", PLAIN, "INVLPG")                                       \
    X(INSTRUCTIONS, INVPCID, "insn_invpcid", PLAIN, "INVPCID")                                    \
    X(INSTRUCTIONS, SWAPGS, "insn_swapgs", PLAIN, "SWAPGS")                                       \
    X(INSTRUCTIONS, WRGSBASE, "insn_wrgsbase", PLAIN, "WRGSBASE")                                 \
    X(INSTRUCTIONS, CPUID, "insn_cpuid", PLAIN, "CPUID")                                          \
    X(INSTRUCTIONS, CPUID_MODEL, "cpuid_model", PLAIN, "CPUID lacks what guests are not offered") \
    X(INSTRUCTIONS, RDTSC, "insn_rdtsc", PLAIN, "RDTSC")                                          \
    X(INSTRUCTIONS, RDTSCP, "insn_rdtscp", PLAIN, "RDTSCP")                                       \
    X(INSTRUCTIONS, RDMSR, "insn_rdmsr", PLAIN, "RDMSR")                                          \
    X(INSTRUCTIONS, WRMSR, "insn_wrmsr", PLAIN, "WRMSR")                                          \
    X(INSTRUCTIONS, STAC, "insn_stac", PLAIN, "STAC")                                             \
    X(INSTRUCTIONS, XGETBV, "insn_xgetbv", PLAIN, "XGETBV")                                       \
    X(INSTRUCTIONS, XSETBV, "insn_xsetbv", PLAIN, "XSETBV")                                       \
    X(INSTRUCTIONS, FXSAVE, "insn_fxsave", PLAIN, "FXSAVE")                                       \
    X(INSTRUCTIONS, XSAVE_INSN, "insn_xsave", PLAIN, "XSAVE")                                     \
    X(INSTRUCTIONS, XRSTOR, "insn_xrstor", PLAIN, "XRSTOR")                                       \
    X(INSTRUCTIONS, MOVAPS, "insn_movaps", PLAIN, "MOVAPS (SSE)")                                 \
    X(INSTRUCTIONS, VMOVUPS, "insn_vmovups", PLAIN, "VMOVUPS (AVX)")                              \
    X(INSTRUCTIONS, POPCNT, "insn_popcnt", PLAIN, "POPCNT")                                       \
    X(INSTRUCTIONS, XADD, "insn_xadd", PLAIN, "LOCK XADD")                                        \
    X(INSTRUCTIONS, CMPXCHG16B, "insn_cmpxchg16b", PLAIN, "LOCK CMPXCHG16B")                      \
    X(INSTRUCTIONS, REP_MOVSB, "insn_rep_movsb", PLAIN, "REP MOVSB")                              \
    X(INSTRUCTIONS, CLFLUSH, "insn_clflush", PLAIN, "CLFLUSH")                                    \
    X(INSTRUCTIONS, CLWB, "insn_clwb", PLAIN, "CLWB")                                             \
    X(INSTRUCTIONS, RDRAND, "insn_rdrand", PLAIN, "RDRAND")                                       \
    X(STATE, KICK, "kick", NS, "a signal takes the CPU from a guest that spins")                  \
    X(STATE, TRIPLE_FAULT, "triple_fault", PLAIN, "a triple fault ends in SHUTDOWN")              \
    X(STATE, SHUTDOWN_RIP, "shutdown_rip", PLAIN, "after it rip is the faulting instruction's")   \
    X(STATE, SHUTDOWN_GPR, "shutdown_gpr", PLAIN, "after it general registers are kept")          \
    X(STATE, SHUTDOWN_CR3, "shutdown_cr3", PLAIN, "after it control registers are kept")

#define X(name, key, heading) PROBE_GROUP_##name,
enum probe_group { PROBE_GROUPS(X) PROBE_NGROUPS };
#undef X

#define X(group, name, key, unit, sentence) PROBE_##name,
enum probe_id { PROBE_ROWS(X) PROBE_NROWS };
#undef X

enum probe_verdict { PROBE_UNKNOWN, PROBE_YES, PROBE_NO };

enum { PROBE_REASON_MAX = 160 };

struct probe_row {
    enum probe_verdict verdict;    /* UNKNOWN: not run, reason says why where there is one */
    bool timed_out;                /* the answer is that none came in time: not worth keeping */
    int64_t value;                 /* 0 or more, in the unit of the row's table entry */
    char reason[PROBE_REASON_MAX]; /* printable ASCII, may be empty */
};

struct probe_report {
    struct probe_row row[PROBE_NROWS]; /* [enum probe_id] */
    char remedy[PROBE_REASON_MAX];     /* for a device that may not be opened; may be empty */
};

/* What a row means. */
struct probe_about {
    const char *key;
    enum probe_group group;
    enum probe_unit unit;
    const char *sentence;
};
extern const struct probe_about probe_about[PROBE_NROWS];

struct probe_group_about {
    const char *key;
    const char *heading;
};
extern const struct probe_group_about probe_group_about[PROBE_NGROUPS];

const char *probe_verdict_name(enum probe_verdict v); /* "yes", "no", "unknown" */
bool probe_verdict_parse(const char *word, enum probe_verdict *out);

/* The row of a key; PROBE_NROWS when there is none. */
enum probe_id probe_find(const char *key);

/* Fills a row; the reason is cut to its size, and bytes that are not printable ASCII become '?'. */
void probe_set(struct probe_row *row, enum probe_verdict verdict, int64_t value, const char *fmt,
               ...) __attribute__((format(printf, 4, 5)));

/* The host that the rows belong to. Zero and empty where it could not be found out. */
struct probe_host {
    /* what the answers depend on; the cache's key */
    char version[16];       /* of this library */
    char boot_id[40];       /* of this boot */
    char kernel[80];        /* release */
    char cpu_signature[40]; /* vendor, family, model, stepping: "GenuineIntel-a0671" */
    char device[64];        /* which /dev/kvm: it changes when the module is loaded again */
    /* for people */
    char cpu[64]; /* "Intel(R) Xeon(R) ..." */
    unsigned ncpus;
    uint64_t mem_bytes;
};

#endif
