/* SPDX-License-Identifier: MIT */
/*
 * frame.h - what translated code addresses through RSP: homes, saved flags, and the checked pages
 *
 * While translated code runs, RSP points to a struct trans_frame, below which lies a private stack for
 * signal handlers. So no segment register is needed, and no address of the host is in the code.
 *
 * Homes: RAX RCX RDX RBX RSI RDI R8..R11 are the guest's; R13 is its RBP, R14 its RSP; its R12..R15 are in
 * `spill`. RBP (S1) and R15 (S2) are scratch, R12 counts the instructions that are left. Arithmetic flags
 * are in EFLAGS.
 */
#ifndef ENGINE_SOFT_TRANS_FRAME_H
#define ENGINE_SOFT_TRANS_FRAME_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/soft/cpu.h"

enum {
    TRANS_TLB =
        1 << 20, /* entries for a bank and a kind of access: what 32 bits of an address name */
    TRANS_INDIRECT = 16384, /* entries for a mode */
    TRANS_CELLS = 65536,
    TRANS_COUNTS = 1 << 17, /* blocks */
    X87_AT_SHIFT = 6,       /* of the block's number in x87_at */
    ACROSS_BYTES = 32,      /* the longest operand */
    TRANS_STACK = 65536,    /* bytes: a signal frame with all vector state, and a handler */
};

enum trans_access { TRANS_READ, TRANS_WRITE, TRANS_ACCESSES };

/* A mode is who executes (enum soft_bank), and this for flat 32-bit code; else it is 64-bit code. */
enum { TRANS_FLAT32 = BANKS, TRANS_MODES = 2 * BANKS };

/* A bank's pages by index. A free tag is that of another index: nothing matches, whatever the other arrays have. */
struct trans_pages {
    uint64_t ntag[TRANS_ACCESSES]
                 [TRANS_TLB];     /* minus the linear address of the page that may be accessed so */
    uint8_t *host[TRANS_TLB];     /* the page, of both */
    uint64_t distance[TRANS_TLB]; /* from its linear address to that place */
};

/* Where an indirect branch goes on. Free: rip is 1 in entry 0 (never asked for there) or 0. */
struct trans_indirect {
    uint64_t rip;
    const uint8_t *host;
};

struct trans;

/* enter.S knows the offsets of the first part. */
struct trans_frame {
    uint64_t host_rsp;
    uint64_t *gpr;         /* all of the guest's, outside translated code */
    const void *leave;     /* trans_leave */
    const void *simd_load; /* trans_simd_load */
    uint8_t *xsave;
    uint64_t spill[4];   /* guest R12..R15 */
    uint64_t parked_rax; /* while AX holds the flags */
    uint64_t
        flags; /* where nobody needs them in EFLAGS: as LAHF and SETO leave them in AX, or a recipe */
    uint64_t data; /* at a leave: address of the access, or target of the branch */
    uint64_t temp;
    uint64_t seg_base[2];  /* FS, GS */
    uint64_t simd_missing; /* enum trans_simd: what has not been loaded for use */
    uint64_t leave_flags;  /* EFLAGS at a leave, in the form of `flags` */
    uint64_t budget;
    uint64_t site;
    const void *entry;
    uint32_t host_mxcsr;
    uint16_t host_fcw, fcw; /* the second is the guest's, whether x87 is loaded or not */
    uint32_t wanted;        /* enum trans_simd of what is loaded before */
    uint32_t x87_at;        /* the x87's last instruction, see vector.c; 0: none so far */
    uint64_t parked;        /* RAX, while vectors are loaded */
    uint64_t simd_refused;  /* enum trans_simd of what must not be loaded now */
    const void *call;       /* trans_call */
    const void *string;     /* trans_string_call */
    const void *fill;       /* trans_fill */
    uint64_t kept[2];       /* what registers were, for the recipe in `flags` (recipe.h) */
    const void *across;     /* trans_across, trans_across_end */
    const void *across_end;
    struct trans *trans;
    const _Atomic unsigned *requests; /* of the vCPU */
    uint64_t rflags;                  /* the guest's, without the arithmetic flags */
    uint64_t cr4;
    uint64_t
        tsc; /* what RDTSC adds to the host's; counted time: what it gives with no budget left */
    uint64_t shadow; /* x86_events.shadow */
    /* With RF in rflags: instructions completed when it was loaded; the next one takes it away. */
    uint64_t rf_from;
    uint64_t seg_poison[2]; /* FS, GS in 32-bit code: 0, or what no linear address has */

    uint8_t *across_page[2]; /* of the operand in two pages */
    _Alignas(64) uint8_t across_bytes[ACROSS_BYTES];
    _Alignas(64) struct trans_pages tlb[BANKS];
    struct trans_indirect indirect[TRANS_MODES][TRANS_INDIRECT];
    const void *cell[TRANS_CELLS];     /* where branches to other pages go */
    uint64_t executions[TRANS_COUNTS]; /* of blocks, where that is counted; else never touched */
};

enum trans_simd {
    TRANS_SIMD_SSE = 1,
    TRANS_SIMD_AVX = 2,
    TRANS_SIMD_X87 = 4,
    TRANS_SIMD_FCW = 8, /* it is read: nothing is loaded for that */
    TRANS_SIMD_ALL = 15
};

static_assert(offsetof(struct trans_frame, spill) == 40, "enter.S");
static_assert(offsetof(struct trans_frame, flags) == 80, "enter.S");
static_assert(offsetof(struct trans_frame, simd_missing) == 120, "enter.S");
static_assert(offsetof(struct trans_frame, host_fcw) == 164, "enter.S");
static_assert(offsetof(struct trans_frame, wanted) == 168, "enter.S");
static_assert(offsetof(struct trans_frame, parked) == 176, "enter.S");
static_assert(offsetof(struct trans_frame, simd_refused) == 184, "enter.S");
static_assert(sizeof(struct trans_indirect) == 16, "indices are shifted by 4");

/* enter.S: runs translated code from frame->entry until it leaves. */
void trans_enter(struct trans_frame *frame);
/* Only translated code goes there. */
void trans_leave(void);
void trans_simd_load(void);
void trans_call(void);
void trans_string_call(void);
void trans_fill(void);
void trans_across(void);
void trans_across_end(void);

#endif
