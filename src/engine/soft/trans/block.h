/* SPDX-License-Identifier: MIT */
/*
 * block.h - what the translator keeps: blocks, the places where they are left, pages with code
 *
 * A block is straight-line code of one page, entered at its beginning and left at branches, or in the middle
 * to the interpreter. A site is a place where translated code is left; its number is in S2 then.
 */
#ifndef ENGINE_SOFT_TRANS_BLOCK_H
#define ENGINE_SOFT_TRANS_BLOCK_H

#include "engine/soft/trans/cache.h"
#include "engine/soft/trans/frame.h"
#include "engine/soft/trans/trans.h"
#include "x86/decode.h"

enum {
    BLOCK_INSNS = 64, /* most in a block: nothing executes more between two looks at the budget */
    BLOCK_NONE = 0,   /* the number of no block, and of no site */
    BLOCK_BYTES = 65536, /* of the cache that must be free before one is made */
    BLOCKS_MAX = 1 << 17,
    SITES_MAX = 1 << 20,
    BOUNDS_MAX = 1 << 21,
    BLOCK_BUCKETS = 1 << 15,
    PAGE_BUCKETS = 1 << 12,
    PAGES_MAX = 1 << 14,
    COUNTERS = 1 << 14,
};

enum site_kind {
    SITE_BUDGET,   /* at an entry: nothing has been executed */
    SITE_EDGE,     /* to `target`, which is not linked yet; `executed` are counted */
    SITE_INDIRECT, /* to frame.data, after `executed` */
    SITE_RET,      /* the same, and RSP is to move by `pop` */
    SITE_MISS,     /* the access to frame.data is not known; the instruction has not begun */
    SITE_STEP,     /* the instruction is the interpreter's */
    SITE_REP,      /* the same, unless trans_rep can do it */
    SITE_SIMD,     /* at an entry: vector instructions are not to be executed here now */
};

/* Where the guest's arithmetic flags are. */
enum site_flags { FLAGS_HOST, FLAGS_FRAME, FLAGS_DEAD };

struct site {
    uint64_t target;
    uint32_t block;
    uint32_t patch;   /* SITE_EDGE: where in the cache its jump has the distance, 0 for cells */
    uint32_t stub;    /* SITE_EDGE: where in the cache the unlinked jump goes */
    uint32_t next;    /* SITE_EDGE: another edge that is linked to the same block */
    uint32_t pop;     /* bytes */
    uint16_t cell;    /* SITE_EDGE without patch */
    uint8_t insn;     /* its number in the block */
    uint8_t executed; /* instructions */
    uint8_t kind, flags;
    uint8_t size, how, align; /* SITE_MISS: bytes, enum trans_access, bytes */
};

struct block {
    uint64_t rip, gpa;
    uint32_t entry, indirect; /* in the cache; the second takes flags from frame.flags */
    uint32_t bounds;          /* of its first instruction in trans.bounds */
    uint32_t bytes;           /* of host code */
    uint32_t edges;           /* first SITE_EDGE that is linked to it */
    uint32_t next, next_in_page;
    uint16_t guest_bytes;
    uint8_t ninsns, bank; /* enum soft_bank: who executes it */
    uint8_t simd;         /* enum trans_simd of what it touches */
    bool dead;            /* the code has been written */
};

/* Where an instruction begins. */
struct bound {
    uint32_t host;  /* in the cache */
    uint16_t guest; /* from the block's rip */
};

struct code_page {
    uint64_t gpa;
    uint32_t blocks, next; /* first block; next page of the bucket */
    uint32_t writes;       /* times that its code was dropped */
};

struct trans {
    struct soft_cpu *c;
    struct trans_config config;
    struct trans_stats stats;
    struct trans_cache cache;
    struct trans_frame *frame;
    uint8_t *stack; /* frame lies at its end */

    struct block *block;
    struct site *site;
    struct bound *bound;
    uint32_t nblocks, nsites, nbounds, ncells;

    uint32_t bucket[BLOCK_BUCKETS];
    struct code_page page[PAGES_MAX];
    uint32_t page_bucket[PAGE_BUCKETS];
    uint32_t npages;
    struct mem_code *code; /* which physical pages have translations; mem.code too */

    uint8_t counter[COUNTERS]; /* executions by the interpreter */

    /* entries that are in use, to be freed by a flush; a full list means all */
    uint32_t filled[8192], linked[8192];
    uint32_t nfilled, nlinked;
    uint64_t flushes_seen; /* soft_cpu.flushes when the tables were right */

    uint64_t end;        /* soft_cpu.insns at which the burst ends */
    bool exact;          /* and not later */
    uint64_t budget;     /* frame.budget of the last entry */
    uint32_t mxcsr_mask; /* of the guest's image then */
    uint64_t xstate_bv;
    uint8_t host_simd;   /* enum trans_simd of what can be saved and restored here */
    struct check *check; /* check.h; NULL: nothing is compared */
};

/* build.c: translates the code at rip, which lies at gpa; NULL when nothing of it can be. */
struct block *trans_build(struct trans *t, uint64_t rip, uint64_t gpa, const uint8_t *host,
                          enum soft_bank bank);

/* store.c */
struct block *trans_find(struct trans *t, uint64_t rip, uint64_t gpa, enum soft_bank bank);
/* host: the page that the block's code lies in. */
void trans_insert(struct trans *t, struct block *b, const uint8_t *host);
void trans_link(struct trans *t, uint32_t site, const struct block *to);
/* Drops what devices have written over. */
void trans_look_for_writes(struct trans *t);
/* Executions that code of the page needs more before it is translated; UINT_MAX: it never is. */
unsigned trans_reluctance(struct trans *t, uint64_t gpa);

/* string.c: of the instruction at rip, at most so many elements. False: none, the interpreter has to. */
bool trans_is_rep(const struct x86_insn *in);
bool trans_rep(struct trans *t, uint64_t most);

/* pages.c: the tables of frame. */
void trans_pages_free(struct trans *t);
bool trans_page_fill(struct trans *t, uint64_t linear, unsigned size, enum trans_access how,
                     const struct soft_tlb_entry *e);
/* No write goes to this page of the host any more without asking. */
void trans_pages_strip(struct trans *t, const uint8_t *host);
void trans_indirect_fill(struct trans *t, uint64_t rip, const struct block *b);
void trans_cells_free(struct trans *t);
/* The entry of this number, as trans_page_fill has told check_page. */
void trans_page_free(struct trans *t, uint32_t number);

#endif
