/* SPDX-License-Identifier: MIT */
/*
 * walk.h - page walks over a callback: one walker for the software MMU, the debugger and the views
 *
 * Pure: it reads page-table entries through the callback and changes nothing (no accessed or dirty
 * bits). Forms: none, 32-bit with and without PSE, PAE, 4-level, 5-level.
 * Source: Intel SDM 3A, chapter "Paging".
 */
#ifndef X86_WALK_H
#define X86_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "x86/state.h"

enum x86_paging { X86_PG_NONE, X86_PG_32, X86_PG_PAE, X86_PG_4LEVEL, X86_PG_5LEVEL };

enum { X86_WALK_LEVELS = 5 };

/* Reads len (4 or 8) bytes of guest-physical memory; false when there is no memory. No side effects. */
struct x86_phys {
    bool (*read)(void *ctx, uint64_t gpa, void *buf, unsigned len);
    void *ctx;
};

/* What of the register state decides a walk. */
struct x86_paging_regs {
    uint64_t cr0, cr3, cr4, efer;
    bool pdptr_valid; /* PAE: use pdptr[] as the CPU does, not memory at CR3 */
    uint64_t pdptr[4];
    unsigned maxphyaddr; /* bits, 32..52: address bits of entries from it on are reserved */
};

enum x86_walk_end {
    X86_WALK_MAPPED,
    X86_WALK_NOT_PRESENT,   /* the last entry of the path has P = 0 */
    X86_WALK_RESERVED,      /* the last entry of the path has a reserved bit set */
    X86_WALK_NO_MEMORY,     /* a table lies where there is no memory */
    X86_WALK_NON_CANONICAL, /* long mode: the address itself is not canonical */
    X86_WALK_BEYOND,        /* no long mode: the address needs more than 32 bits */
};

struct x86_walk_step {
    uint8_t level;     /* 5 PML5, 4 PML4, 3 PDPT, 2 PD, 1 PT */
    uint8_t entry_len; /* 4 or 8 bytes */
    uint16_t index;    /* in its table */
    uint64_t gpa;      /* of the entry itself; UINT64_MAX: it is held in the CPU (PAE PDPTE) */
    uint64_t raw;
};

struct x86_walk {
    enum x86_paging form;
    enum x86_walk_end end;
    /* Entries read; the last one decided the end. NO_MEMORY: it, or CR3 if there is none, points outside memory. */
    uint8_t nsteps;
    struct x86_walk_step step[X86_WALK_LEVELS];
    uint64_t gva;

    /* 0 and false unless end == X86_WALK_MAPPED */
    uint64_t gpa;
    uint64_t page_bytes;             /* 4 KiB .. 1 GiB; 0 without paging */
    bool writable, user, executable; /* of all entries together */
    bool global;                     /* the last entry's G bit, with CR4.PGE */
    bool dirty;                      /* the last entry's D bit */
    bool accessed;                   /* the last entry's A bit */
};

void x86_paging_regs_from(const struct x86_state *s, unsigned maxphyaddr,
                          struct x86_paging_regs *out);

enum x86_paging x86_paging_form(const struct x86_paging_regs *r);

/* "4-level", "none"; "PML4" for level 4, 1..5 (PAE's level 3 is "PDPT"); "not present". Static. */
const char *x86_paging_name(enum x86_paging form);
const char *x86_level_name(unsigned level);
const char *x86_walk_end_text(enum x86_walk_end end);

/* Number of table levels of a form: 0, 2, 3, 4, 5. */
unsigned x86_paging_levels(enum x86_paging form);

/* Translates one address; always fills *out. Without paging: no steps, gpa is gva. */
void x86_walk(const struct x86_paging_regs *r, const struct x86_phys *phys, uint64_t gva,
              struct x86_walk *out);

/*
 * One present entry met by x86_walk_tree, in address order, tables before what they hold.
 * A leaf maps [gva, gva + bytes) to gpa; a table entry covers that range and points to gpa.
 */
struct x86_tree_node {
    struct x86_walk_step step;
    uint64_t gva, bytes, gpa;
    bool leaf;
    bool reserved;                   /* present with reserved bits: maps nothing, leaf is false */
    bool no_memory;                  /* a table entry that points outside memory */
    bool writable, user, executable; /* together with all entries above */
};

/* Return false to end the enumeration. */
typedef bool x86_tree_fn(void *ctx, const struct x86_tree_node *node);

enum x86_tree_end { X86_TREE_DONE, X86_TREE_STOPPED, X86_TREE_CUT };

/*
 * x86_walk_tree - every present entry of the address space that overlaps [from, to]
 *
 * max_entries  bound on entries read; a self-map or a loop of tables ends there (X86_TREE_CUT)
 *
 * Tables are read an entry at a time through phys; a table met twice is walked twice, as the CPU
 * would. Only entries that overlap the range are read. Memory is taken to come in whole pages.
 * Without paging nothing is reported.
 */
enum x86_tree_end x86_walk_tree(const struct x86_paging_regs *r, const struct x86_phys *phys,
                                uint64_t from, uint64_t to, uint64_t max_entries, x86_tree_fn *fn,
                                void *ctx);

#endif
