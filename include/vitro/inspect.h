/* SPDX-License-Identifier: MIT */
/*
 * inspect.h - views of a machine, and what a debugger sets
 *
 * Most views exist twice: as data for programs that embed Vitro, and as text or JSON made from that
 * same data (vitro_show_*). Views never change the guest: no accessed bit, no device register.
 *
 * Threads: the machine's owner while vitro_run is not running, or whoever holds it or looks at it
 * (vitro_hold, vitro_look). Addresses called host are real host-virtual addresses of this process.
 *
 * Functions fail with VITRO_ERR_USAGE (a CPU that is not there, a length out of range) or VITRO_ERR_HOST
 * (out of memory, registers that the engine cannot read).
 *
 * Strings made by vitro_show_* are allocated with malloc and belong to the caller (free). Guest bytes in
 * them are escaped, so they are safe for terminals and always valid JSON.
 */
#ifndef VITRO_INSPECT_H
#define VITRO_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vitro/vitro.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

enum vitro_format { VITRO_TEXT, VITRO_JSON };

/* How to write. Zero is text without colour. */
struct vitro_style {
    enum vitro_format format;
    bool color; /* text only: ANSI colours */
};

/* ---- address spaces -------------------------------------------------------------------------- */

enum vitro_use {
    VITRO_USE_RAM, /* a whole memory slot; the ranges below lie inside one */
    VITRO_USE_ROM,
    VITRO_USE_CODE,
    VITRO_USE_DATA,
    VITRO_USE_TABLES, /* page tables that the monitor laid */
    VITRO_USE_STACK,
    VITRO_USE_BOOT,
    VITRO_USE_RESULT,
    VITRO_USE_RUN_AREA, /* host memory shared with the engine; not guest memory: gpa is 0 */
};

struct vitro_range {
    enum vitro_use use;
    char name[32];
    uint64_t gpa, len; /* bytes */
    uint64_t host;     /* host-virtual address of the first byte */
    bool is_slot;      /* RAM and ROM: a slot known to the engine */
    int cpu;           /* run area: whose; else -1 */
    /* what the host's own tables say of the pages; known is false where they cannot be read */
    bool residency_known;
    uint64_t resident, huge, shared; /* bytes */
};

/*
 * vitro_map - every range worth knowing: by address, a slot before the ranges in it; then the run areas
 *
 * rows, max  receives at most max rows; *n is the number there are
 */
int vitro_map(const struct vitro *m, struct vitro_range *rows, size_t max, size_t *n,
              struct vitro_err *err);
int vitro_show_map(const struct vitro *m, const struct vitro_style *style, char **out,
                   struct vitro_err *err);
const char *vitro_use_name(enum vitro_use use); /* "ram", "code", ... */

/* ---- address translation --------------------------------------------------------------------- */

struct vitro_walk_step {
    const char *table; /* "PML4", "PDPT", "PD", "PT"; static */
    unsigned index;
    unsigned entry_len; /* 4 or 8 bytes */
    bool in_cpu;        /* PAE pointer held by the CPU: no address */
    uint64_t gpa, host; /* of the entry itself; host 0 when it has none */
    uint64_t raw;
};

struct vitro_walk {
    uint64_t gva;
    const char *paging; /* "none", "32-bit", "PAE", "4-level", "5-level"; static */
    bool mapped;
    const char *why; /* not mapped: "not present" and kin; static */
    unsigned nsteps;
    struct vitro_walk_step step[5];
    uint64_t gpa;        /* when mapped */
    uint64_t page_bytes; /* when mapped; 0 without paging */
    bool writable, user, executable, global, accessed, dirty;
    bool in_memory;                       /* gpa lies in a slot */
    char slot[32];                        /* its name */
    uint64_t host;                        /* host-virtual address; 0 when not in memory */
    bool residency_known, resident, huge; /* of the host page */
};

/* cpu: index, for its control registers. Addresses beyond the form's width are a result, no error. */
int vitro_walk(struct vitro *m, unsigned cpu, uint64_t gva, struct vitro_walk *out,
               struct vitro_err *err);
int vitro_show_walk(struct vitro *m, unsigned cpu, uint64_t gva, const struct vitro_style *style,
                    char **out, struct vitro_err *err);

/* The reverse: every guest-virtual range that maps the page of gpa. The search is bounded and says so. */
int vitro_show_who_maps(struct vitro *m, unsigned cpu, uint64_t gpa,
                        const struct vitro_style *style, char **out, struct vitro_err *err);

/* The page table as a tree with runs of equal entries merged. */
struct vitro_tables_filter {
    bool writable, executable, user; /* show only leaves that are */
    uint64_t from, to;               /* guest-virtual, both included; to 0 means the end */
};
int vitro_show_tables(struct vitro *m, unsigned cpu, const struct vitro_tables_filter *filter,
                      const struct vitro_style *style, char **out, struct vitro_err *err);

/* ---- CPU ------------------------------------------------------------------------------------- */

struct vitro_seg {
    uint16_t selector;
    uint64_t base;
    uint32_t limit;
    uint8_t type, dpl;
    bool s, present, avl, l, db, g, unusable;
};

/* What a CPU is about to take, before its next instruction. */
struct vitro_events {
    int exception;            /* its vector; -1: none */
    uint32_t exception_error; /* of those that have an error code */
    int interrupt;            /* its vector, acknowledged already; -1: none */
    bool nmi;
    uint8_t shadow; /* interrupts wait for one instruction: 1 after STI, 2 after a load of SS */
};

struct vitro_regs {
    uint64_t gpr[16]; /* rax rcx rdx rbx rsp rbp rsi rdi r8..r15 */
    uint64_t rip, rflags;
    struct vitro_seg seg[6]; /* es cs ss ds fs gs */
    struct vitro_seg tr, ldtr;
    uint64_t gdt_base, idt_base;
    uint16_t gdt_limit, idt_limit;
    uint64_t cr0, cr2, cr3, cr4, cr8, efer, xcr0;
    uint64_t dr[4], dr6, dr7;
    const char *mode; /* "long (64-bit)" and kin; static */
    unsigned cpl;
    struct vitro_events events;
};

/* After a port or memory access the instruction is completed first, so rip is the next one's. */
int vitro_regs(struct vitro *m, unsigned cpu, struct vitro_regs *out, struct vitro_err *err);
/* x87, SSE and AVX registers, as FXSAVE and XSAVE would store them. */
struct vitro_fpu {
    uint16_t fcw, fsw, fop;
    uint8_t ftw; /* a bit a register: 1 is in use */
    uint64_t fip, fdp;
    uint32_t mxcsr;
    uint8_t st[8][10]; /* from the top of the stack */
    uint8_t xmm[16][16];
    bool avx;             /* the guest has switched them on, by XCR0 */
    uint8_t ymmh[16][16]; /* bytes 16 to 31 of YMM0 to YMM15; zero without avx */
};
int vitro_fpu(struct vitro *m, unsigned cpu, struct vitro_fpu *out, struct vitro_err *err);

/* Parts of struct vitro_regs that can be set. */
enum vitro_regs_part {
    VITRO_REGS_GENERAL = 1 << 0, /* gpr, rip, rflags (its VM and fixed bits stay as they are) */
    VITRO_REGS_CR2 = 1 << 1,
    VITRO_REGS_BASES = 1 << 2,    /* seg[4].base and seg[5].base: of FS and GS */
    VITRO_REGS_CONTROL = 1 << 3,  /* cr0, cr3, cr4, efer */
    VITRO_REGS_SEGMENTS = 1 << 4, /* seg: all six, with all their fields */
    VITRO_REGS_TABLES = 1 << 5,   /* tr, ldtr with all their fields; bases and limits of gdt, idt */
    VITRO_REGS_CR8 = 1 << 6,      /* cr8, which is the local APIC's */
    VITRO_REGS_DEBUG = 1 << 7,    /* dr, dr6, dr7; bits that are always set need not be */
    VITRO_REGS_EVENTS = 1 << 8,   /* events: all of them */
};
/*
 * vitro_regs_set - set registers of one CPU; parts: enum vitro_regs_part, OR of any
 *
 * An instruction under way is finished first, so rip is the next one's when it is not set. VITRO_ERR_USAGE: an
 * address that no CPU takes, or registers that no CPU has together and that this one had not before; err says which,
 * and nothing is set.
 */
int vitro_regs_set(struct vitro *m, unsigned cpu, const struct vitro_regs *regs, unsigned parts,
                   struct vitro_err *err);
/*
 * vitro_seg_load - what a segment register would hold with another selector
 *
 * seg  in: what it holds now; out: in real and virtual-8086 mode its selector and base; else the descriptor of the
 *      guest's table, whatever it is: vitro_regs_set says whether the CPU can have it
 *
 * Nothing is set. VITRO_ERR_USAGE: outside of the table, or the table is not in memory.
 */
int vitro_seg_load(struct vitro *m, unsigned cpu, uint16_t selector, struct vitro_seg *seg,
                   struct vitro_err *err);
/* The same for TR and LDTR; VITRO_ERR_USAGE also in real and virtual-8086 mode, which cannot load them. */
int vitro_system_seg_load(struct vitro *m, unsigned cpu, uint16_t selector, struct vitro_seg *seg,
                          struct vitro_err *err);
/* all: also segments, tables, debug registers and every MSR, bit by bit */
int vitro_show_regs(struct vitro *m, unsigned cpu, bool all, const struct vitro_style *style,
                    char **out, struct vitro_err *err);

/* The CPU model: its flags, and what CPUID answers after a reset. */
int vitro_show_cpuid(struct vitro *m, unsigned cpu, const struct vitro_style *style, char **out,
                     struct vitro_err *err);

/* ---- devices --------------------------------------------------------------------------------- */

/* A place where a device answers. A chip with several has a row for each, its registers in the first. */
struct vitro_device_row {
    const char *name;   /* as in exits and events; static */
    bool port;          /* base is a port; else guest-physical */
    uint64_t base, len; /* len 0: it answers nowhere */
    uint64_t reads, writes;
    uint64_t refused; /* things that the guest asked for and the device does not do */
    unsigned nregs;
};

struct vitro_device_reg {
    const char *name; /* as the data sheet calls it; static */
    unsigned width;   /* bytes */
    uint64_t value;
    char bits[128]; /* names of the bits set, fields as NAME=value; empty when it has none */
};

/* Ports first, then memory, each by address. *n is the number of rows there are; rows may be NULL when max is 0. */
int vitro_devices(const struct vitro *m, struct vitro_device_row *rows, size_t max, size_t *n,
                  struct vitro_err *err);
/* device: index of a row of vitro_devices. */
int vitro_device_regs(const struct vitro *m, size_t device, struct vitro_device_reg *rows,
                      size_t max, size_t *n, struct vitro_err *err);
/* Accesses to ports, or to guest-physical addresses outside memory, that no device answered. */
uint64_t vitro_unclaimed(const struct vitro *m, bool port);
/* all: a line for each bit that is set (text; JSON has every bit always) */
int vitro_show_devices(const struct vitro *m, bool all, const struct vitro_style *style, char **out,
                       struct vitro_err *err);

/* ---- memory and code ------------------------------------------------------------------------- */

/* Hex dump of guest-virtual memory (physical: of guest-physical); unmapped bytes show as "--". len 1..1 MiB. */
int vitro_show_mem(struct vitro *m, unsigned cpu, uint64_t addr, uint64_t len, bool physical,
                   const struct vitro_style *style, char **out, struct vitro_err *err);

/* n instructions (1..10000) from a guest-virtual address, in the CPU's present mode, with symbols. */
int vitro_show_disasm(struct vitro *m, unsigned cpu, uint64_t addr, unsigned n,
                      const struct vitro_style *style, char **out, struct vitro_err *err);

/* Which blocks of translated code. */
struct vitro_blocks_filter {
    uint64_t from, to; /* guest-virtual addresses, both included, of which it has at least one */
    size_t count;      /* most that are shown; 0: all */
    bool listing;      /* their instructions too, and the host's beside them */
};

/*
 * vitro_show_blocks - translated code, the blocks that were executed most often first
 *
 * filter  NULL: all blocks, without instructions
 *
 * Executions are those since the machine was made; only with VITRO_TRANSLATE_COUNT are they counted. With symbols.
 * A machine that runs is stopped several times, each for a fraction of a millisecond: pieces are of different moments.
 * VITRO_ERR_ENGINE, -ENOTSUP: the engine translates nothing.
 */
int vitro_show_blocks(struct vitro *m, const struct vitro_blocks_filter *filter,
                      const struct vitro_style *style, char **out, struct vitro_err *err);

/*
 * Where translated code begins that has done something else than the interpreter (VITRO_TRANSLATE_CHECK); false: no
 * code has. Not while the machine runs.
 */
bool vitro_check_failed(const struct vitro *m, uint64_t *rip);

/*
 * vitro_perf_map - names for translated code, where the host's perf looks for them
 *
 * Writes /tmp/perf-PID.map: a line a block, with its guest address and symbol. What was dropped before is not in it.
 * For a machine with VITRO_TRANSLATE_PERF. VITRO_ERR_HOST: the file cannot be written.
 */
int vitro_perf_map(struct vitro *m, struct vitro_err *err);

/*
 * Symbols: those of the guest's image, or, of a Linux kernel that runs, those that it carries in its own memory, at
 * the addresses where it has moved itself. Not while the machine runs.
 */
/* Address of a symbol. False when there is none of that name. */
bool vitro_symbol_addr(const struct vitro *m, const char *name, uint64_t *addr);
/* All of them, by address. */
int vitro_show_symbols(struct vitro *m, const struct vitro_style *style, char **out,
                       struct vitro_err *err);
/* An ELF file with nothing but the symbols, for debuggers; *out is the caller's to free. VITRO_ERR_USAGE: none. */
int vitro_symbols_elf(struct vitro *m, void **out, size_t *len, struct vitro_err *err);

/* The same of a list by address that came from elsewhere; names are copied, and good up to the next address. */
struct vitro_symbol {
    uint64_t addr;
    const char *name;
};
int vitro_symbols_file(const struct vitro_symbol *list, size_t n, void **out, size_t *len,
                       struct vitro_err *err);

/* ---- exits ----------------------------------------------------------------------------------- */

struct vitro_exit_row {
    const char *reason; /* "pio", "mmio", "hlt" ...; static */
    bool is_access, write;
    bool other; /* sum of all sites that found no room in the table */
    unsigned cpu;
    uint64_t addr;      /* port or guest-physical address */
    const char *device; /* NULL: nobody claims it */
    uint64_t rip;
    char symbol[64]; /* "name+0x12", escaped; empty when unknown */
    uint64_t exits, accesses;
    uint64_t guest_ns, monitor_ns, monitor_worst_ns; /* sums; the worst single one */
    uint64_t helped; /* refused: instructions that the software CPU executed because of them */
};

/*
 * Rows by count, most first; those of kicks, which are not the guest's doing, come last and are in no
 * total. *n is the number of rows there are; rows may be NULL when max is 0.
 */
int vitro_exits(const struct vitro *m, struct vitro_exit_row *rows, size_t max, size_t *n,
                struct vitro_err *err);
int vitro_show_exits(const struct vitro *m, const struct vitro_style *style, char **out,
                     struct vitro_err *err);
/* How many exits of all CPUs since the machine was made. Takes no time from the guest. Thread: any. */
uint64_t vitro_exit_count(const struct vitro *m);
/*
 * vitro_mark_exits - exits shown after this count from now on
 *
 * May be called again: the last mark counts. The worst times stay those of the whole run. Totals of an
 * outcome and vitro_stop_at count from the beginning all the same. Fails when memory ran out.
 */
int vitro_mark_exits(struct vitro *m, struct vitro_err *err);

/*
 * vitro_exits_mark - remember the exits of this moment, for a view of what came after it
 *
 * Any number, beside vitro_mark_exits, which they do not touch. Owns *out: vitro_exits_mark_free.
 */
struct vitro_exits_mark;
int vitro_exits_mark(const struct vitro *m, struct vitro_exits_mark **out, struct vitro_err *err);
void vitro_exits_mark_free(struct vitro_exits_mark *mark); /* NULL is fine */
/* As vitro_show_exits, of this machine's exits after the mark; NULL: as vitro_show_exits. */
int vitro_show_exits_since(const struct vitro *m, const struct vitro_exits_mark *mark,
                           const struct vitro_style *style, char **out, struct vitro_err *err);

/*
 * vitro_heat_new - for looks at which parts of guest memory change
 *
 * Owns *out: vitro_heat_free, before the machine's end. One thread at a time uses it.
 */
struct vitro_heat;
int vitro_heat_new(const struct vitro *m, struct vitro_heat **out, struct vitro_err *err);
void vitro_heat_free(struct vitro_heat *heat); /* NULL is fine */
/*
 * vitro_show_heat - look, and show the parts that have changed since the last look
 *
 * By sums of pages, of all pages in 2 MiB, of a sample of about 2,000 in more: the view says how many. The first
 * look has nothing to compare with and shows none. The machine is not stopped for it.
 */
int vitro_show_heat(struct vitro_heat *heat, const struct vitro_style *style, char **out,
                    struct vitro_err *err);

/* The last exits before now, newest last: what to look at after a failure. */
int vitro_show_recent(const struct vitro *m, unsigned cpu, const struct vitro_style *style,
                      char **out, struct vitro_err *err);

/* ---- failures -------------------------------------------------------------------------------- */

/* One exception on the way to a shutdown. */
struct vitro_fault {
    unsigned vector;
    char name[16];  /* "#PF", "interrupt 32" */
    bool interrupt; /* from outside */
    bool doubled;   /* together with the one before it became #DF */
    bool has_error;
    uint32_t error;
    uint64_t cr2;       /* #PF: the linear address */
    char why[128];      /* which table entry, and what is wrong with it; may be empty */
    uint64_t entry_gpa; /* of that entry; 0 when it is not known */
};

/* The faults of a shutdown, in their order: each came up while the one before was to be delivered. */
struct vitro_chain {
    uint64_t rip;    /* of the instruction that was to be executed */
    char insn[96];   /* that instruction; empty when it cannot be read */
    char symbol[64]; /* "name+0x12", escaped; empty when unknown */
    unsigned n;      /* 0: no faults are known, and `source` says why */
    struct vitro_fault fault[10];
    const char *source; /* how this was found out; static */
};

/*
 * vitro_chain - why a CPU shut down: which instruction, which faults, which table entries
 *
 * cpu  one whose last exit was shutdown, refused or failed; else VITRO_ERR_USAGE
 *
 * The software CPU knows it. On KVM, the software CPU executes the last instruction again, on this machine's
 * memory; where KVM keeps no state it runs the whole guest again, in a machine of its own without output,
 * if the guest had no files and no devices of the embedder's: that may take seconds.
 */
int vitro_chain(struct vitro *m, unsigned cpu, struct vitro_chain *out, struct vitro_err *err);
int vitro_show_chain(struct vitro *m, unsigned cpu, const struct vitro_style *style, char **out,
                     struct vitro_err *err);

/* ---- events ---------------------------------------------------------------------------------- */

enum vitro_event_kind {
    VITRO_EVENT_EXIT,     /* the engine came back */
    VITRO_EVENT_HOSTCALL, /* the engine made a system call: KVM's side of the conversation */
    VITRO_EVENT_START,    /* a CPU enters the guest for the first time */
    VITRO_EVENT_STOP,     /* the run ended */
    VITRO_EVENT_HASH,     /* what vitro_config.hash_every asks for */
    VITRO_EVENT_INSN,     /* what vitro_trace_insns asks for */
};

/* A register that an instruction has changed. */
struct vitro_reg_change {
    const char *name;  /* "rax", "rflags", "ymm3"; static */
    unsigned bytes;    /* 2, 8, 16, 32 */
    uint8_t value[32]; /* after the instruction, little-endian */
};

/* One execution of an instruction; of a repeated string instruction, one repetition. */
struct vitro_insn {
    uint64_t count;       /* which one of its CPU, from 1 */
    uint64_t rip, linear; /* rip counts from the base of CS */
    unsigned len;         /* 0: it could not be fetched */
    const uint8_t *bytes;
    const char *text;   /* disassembled; empty without bytes */
    const char *symbol; /* "name+0x12", escaped; empty when unknown */
    const char *raised; /* "#PF": it ended in this exception, which has been delivered; else NULL */
    unsigned nregs;
    const struct vitro_reg_change *reg; /* general, flags, segment, control and vector registers */
};

/* Strings are static or borrowed for the call. */
struct vitro_event {
    enum vitro_event_kind kind;
    uint64_t seq;
    uint64_t t_ns; /* machine time since it was made, at the end of what it describes */
    unsigned cpu;  /* index; 0 for what concerns no CPU */
    /* EXIT */
    const char *reason;
    bool is_access, write;
    unsigned width; /* bytes */
    uint64_t addr, data, rip;
    const char *device; /* or NULL */
    uint64_t guest_ns, monitor_ns;
    const uint64_t *gpr; /* rax rcx rdx rbx rsp rbp rsi rdi r8..r15 then; NULL: not at hand */
    /* HOSTCALL: guest_ns is the call's duration */
    const char *call, *object, *meaning;
    int64_t result;
    /* STOP */
    const char *text;
    /* INSN; else NULL */
    const struct vitro_insn *insn;
    /* HASH: instructions of all CPUs so far, and vitro_state_hash then */
    uint64_t insns, hash;
};

/* Which instructions become events. Zero is all. */
struct vitro_insn_filter {
    uint64_t first; /* how many a CPU executes before its first event; quickly */
    uint64_t
        count; /* events of all CPUs, after which the run stops with VITRO_END_COUNT; 0: no limit */
    uint64_t from, to; /* guest-linear addresses, both included; to 0 means the end */
};

/*
 * vitro_trace_insns - have every instruction that is executed told as an event
 *
 * filter  copied; NULL: no more
 *
 * The machine's owner must have asked for events (vitro_config.event). VITRO_ERR_ENGINE, -ENOTSUP: only the
 * software CPU executes one instruction after the other. VITRO_ERR_USAGE: an empty range, or no events
 * are asked for. Not while the machine runs.
 */
int vitro_trace_insns(struct vitro *m, const struct vitro_insn_filter *filter,
                      struct vitro_err *err);

enum vitro_trace_format {
    VITRO_TRACE_TEXT,   /* a line an event */
    VITRO_TRACE_JSONL,  /* an object a line */
    VITRO_TRACE_CHROME, /* trace-event JSON, for Perfetto or Chromium */
    VITRO_TRACE_FLOW,   /* the conversation with KVM, call by call, for people */
};

/*
 * vitro_listen - a second taker of events, beside the one of vitro_config
 *
 * event  called as that one; NULL: none any more
 *
 * -EBUSY: there is one. While the machine stands still.
 */
int vitro_listen(struct vitro *m, void (*event)(void *ctx, const struct vitro_event *ev), void *ctx,
                 struct vitro_err *err);

/* Turns events into a stream of bytes. */
struct vitro_trace;
/*
 * write: stores all len bytes and returns true, or none and returns false; then the events in them are
 * dropped and counted, and a note in their place says how many. It is called with whole lines, at most
 * once an event. A writer that stored a part after all spoils that line only, but for CHROME the file.
 */
int vitro_trace_new(enum vitro_trace_format format,
                    bool (*write)(void *ctx, const char *bytes, size_t len), void *ctx,
                    struct vitro_trace **out, struct vitro_err *err);
/* May be called from several vCPU threads at a time. */
void vitro_trace_event(struct vitro_trace *t, const struct vitro_event *ev);
/* Writes what ends the format and frees; returns the number of events dropped. */
uint64_t vitro_trace_end(struct vitro_trace *t);

/* ---- the host -------------------------------------------------------------------------------- */

enum vitro_doctor_verdict {
    VITRO_DOCTOR_FULL = 0, /* KVM runs everything, kernels included */
    VITRO_DOCTOR_PARTIAL,  /* KVM runs some guests; see the rows */
    VITRO_DOCTOR_NONE,     /* no usable KVM */
};

/*
 * vitro_doctor - what this host can do, by trying it
 *
 * fresh    measure again instead of using what was measured earlier in this boot of this host
 * style    NULL is text without colour
 * verdict  may be NULL
 *
 * Runs pieces of guest code, a quarter of a second where KVM is a good one, each with a time limit. What
 * was measured is kept in the user's cache folder ($XDG_CACHE_HOME or $HOME/.cache, vitro/). While it runs,
 * the calling thread takes the kick signal. Returns 0 whatever the host can do; -ENOMEM. Thread: any.
 */
int vitro_doctor(bool fresh, const struct vitro_style *style, char **out,
                 enum vitro_doctor_verdict *verdict, struct vitro_err *err);

/* ---- explain --------------------------------------------------------------------------------- */

/*
 * vitro_explain - the tour: builds a machine, runs it, answers the standard questions with its numbers
 *
 * The guest's output becomes part of the tour; cfg->console_fd is not used. The run is ended after ten
 * seconds or 100,000 exits. Blocks that long at most.
 */
int vitro_explain(const struct vitro_guest *guest, const struct vitro_config *cfg,
                  const struct vitro_style *style, char **out, struct vitro_err *err);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
