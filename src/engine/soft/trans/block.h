/* SPDX-License-Identifier: MIT */
/*
 * block.h - what the translator keeps: blocks, the places where they are left, pages with code
 *
 * A block is straight-line code of one page, entered at its beginning and left at branches, or in the middle
 * to the interpreter. A site is a place where translated code is left; its number is in S2 then.
 *
 * Code is shared by all vCPUs (struct trans_store); the tables that it looks into are each vCPU's own (struct
 * trans). What one of them does that concerns others, it counts in `changes`; they look between two instructions.
 */
#ifndef ENGINE_SOFT_TRANS_BLOCK_H
#define ENGINE_SOFT_TRANS_BLOCK_H

#include <pthread.h>

#include "engine/soft/trans/cache.h"
#include "engine/soft/trans/frame.h"
#include "engine/soft/trans/populate.h"
#include "engine/soft/trans/trans.h"
#include "x86/decode.h"

enum {
    BLOCK_INSNS = 64, /* most in a block: nothing executes more between two looks at the budget */
    BLOCK_NONE = 0,   /* the number of no block, and of no site */
    BLOCK_BYTES = 65536, /* of the cache that must be free before one is made */
    CACHE_BITS = 26,     /* of a place in the cache */
    BLOCKS_MAX = TRANS_COUNTS,
    SITES_MAX = 1 << 20,
    BOUNDS_MAX = 1 << 21,
    BLOCK_BUCKETS = 1 << 15,
    PAGE_BUCKETS = 1 << 12,
    PAGES_MAX = 1 << 14,
    COUNTERS = 1 << 14,
    GUARDED_MAX = 64,
    TRANS_LOOKED = 1 << 15,
    TRANS_PAGES = BANKS * TRANS_ACCESSES * TRANS_TLB, /* entries of all tables of pages */
    TRANS_INDIRECTS = TRANS_MODES * TRANS_INDIRECT,
};

enum site_kind {
    SITE_BUDGET,   /* at an entry: nothing has been executed */
    SITE_EDGE,     /* to `target`, which is not linked yet; `executed` are counted */
    SITE_INDIRECT, /* to frame.data, after `executed` */
    SITE_RET,      /* the same, and RSP is to move by `pop` */
    SITE_MISS,     /* the access to frame.data is not known; the instruction has not begun */
    SITE_STEP,     /* the instruction is the interpreter's */
    SITE_REP,      /* the same, unless trans_rep can do it */
    SITE_SEGMENT,  /* the same, unless trans_segment can do it; how: enum x86_sreg */
    SITE_PAUSE,    /* the same, by who waits for another vCPU */
    SITE_SIMD,     /* at an entry: vector instructions are not to be executed here now */
};

/* Where the guest's arithmetic flags are. In the frame they may be a recipe (recipe.h), too. */
enum site_flags { FLAGS_HOST, FLAGS_FRAME, FLAGS_DEAD, FLAGS_RECIPE };

/* There are hundreds of thousands of them: what has another meaning by kind lies in one place. */
struct site {
    union {
        int64_t target; /* SITE_EDGE; SITE_STEP that changes the ring: what follows */
        struct {
            uint8_t size, align; /* SITE_MISS: bytes */
            uint32_t recipe; /* with FLAGS_RECIPE, which no branch has, nor what changes the ring */
        };
        uint32_t pop; /* SITE_INDIRECT, SITE_RET: bytes */
    };
    /* SITE_EDGE: where in the cache its jump has the distance, behind which it goes if it is not linked; 0: its cell */
    uint64_t patch : CACHE_BITS, cell : 16;
    /* SITE_MISS: enum trans_access; SITE_STEP: enum trans_ring; also SITE_REP: trans_string_how */
    uint64_t how : 8;
    uint64_t kind : 4, flags : 2;
    uint32_t block : 17;
    uint32_t executed : 7; /* instructions */
    uint32_t insn : 6;     /* its number in the block */
    uint32_t certain : 1;  /* SITE_MISS: it makes this access, and changes nothing before */
    uint32_t : 0;          /* what follows is under lock, the rest is read without it */
    uint32_t next : 31;    /* SITE_EDGE: another edge that is linked to the same block */
    uint32_t linked : 1;   /* SITE_EDGE with patch: it is among the edges of a block */
};

static_assert(sizeof(struct site) == 24, "a site's parts fill their words");
static_assert((int)BLOCKS_MAX <= 1 << 17 && (int)TRANS_CELLS <= 1 << 16 &&
                  (int)BLOCK_INSNS <= 1 << 6,
              "what the numbers in a site count");

struct block {
    uint64_t rip, gpa;
    uint32_t entry, indirect; /* in the cache; the second takes flags from frame.flags */
    uint32_t bounds;          /* of its first instruction in trans_store.bound */
    uint32_t bytes;           /* of host code */
    uint32_t straight; /* of it what lies in the instructions' order: the rest is jumped to */
    uint32_t edges;    /* first SITE_EDGE that is linked to it */
    uint32_t next, next_in_page;
    uint16_t guest_bytes;
    uint8_t ninsns, mode; /* frame.h */
    uint8_t simd;         /* enum trans_simd of what it touches */
    uint64_t lines;       /* of 64 bytes of the page that were looked at to make it */
    uint64_t next_gpa; /* of the page that its only instruction goes on in; SOURCE_NO_PAGE: none */
    uint32_t stands_for; /* not BLOCK_NONE: it is no code, but that block's part of the next page */
    _Atomic bool
        dead; /* the code has been written, or has a breakpoint now; whoever sees it goes on elsewhere */
};

/* Where an instruction begins. */
struct bound {
    uint32_t host;     /* in the cache: where it is entered */
    uint16_t guest;    /* from the block's rip */
    uint16_t straight; /* from the block's entry: where it lies among the others */
};

struct code_page {
    uint64_t gpa;
    uint8_t *host;
    uint32_t blocks, next; /* first block; next page of the bucket */
    uint32_t writes;       /* times that its code was dropped */
    uint32_t beside;       /* stores to it since that hit nothing that was translated */
    uint32_t
        short_lives; /* times in a row that its last block went soon after its first one came */
    uint64_t made;   /* soft_cpu.insns when that came */
    uint64_t guard;  /* trans_store.guards when stores began to ask */
    bool own;        /* an instruction of its code has dropped the block that it is in */
    bool ready;      /* every vCPU asks before it stores there: bytes can be translated */
};

/* A page whose stores have to ask from now on: what other vCPUs take out of their tables. */
struct guarded {
    uint64_t gpa;
    const uint8_t *host;
};

/* What of a store grows as blocks are made. */
enum store_table {
    STORE_CODE_RW,
    STORE_CODE_RX,
    STORE_BLOCKS,
    STORE_SITES,
    STORE_BOUNDS,
    STORE_TABLES
};

/* Who has ever been able to write a physical page: WRITER_NONE, a vCPU's number + 1, or WRITER_SEVERAL. */
struct writers {
    uint64_t npages;
    _Atomic uint8_t page[];
};

enum { WRITER_NONE = 0, WRITER_SEVERAL = 0xff };
enum { WROTE_SEVERAL = INT32_MAX };

static_assert((int)TRANS_TLB < (int)WROTE_SEVERAL && (int)TRANS_TLB % (int)SOFT_TLB == 0,
              "trans.wrote");

/*
 * struct trans_store - what all vCPUs of a machine share: translated code, and what is known of it
 *
 * Everything is changed under `lock`; what is read without it says so. Blocks, sites, bounds and code stay as they
 * are once `published` counts them (but for what is under lock), until a reset, which is one vCPU's alone
 * (world.h). So code is executed without a lock.
 */
struct trans_store {
    pthread_mutex_t lock;
    bool shared; /* fixed: there is more than one vCPU */
    unsigned threshold;
    bool prove, counts;           /* trans_config */
    struct trans *user[CPUS_MAX]; /* fixed once a vCPU runs */
    unsigned nusers;
    _Atomic bool exact_flags;

    /*
     * Something is other than it was: a page guarded, blocks dropped, a reset wanted. Sequentially consistent with
     * soft_cpu.inside, see share.c; vCPUs compare it with trans.changes_seen.
     */
    _Atomic uint64_t changes;
    _Atomic uint64_t published; /* blocks made; release after what they consist of is written */
    _Atomic bool looking;       /* pages that devices have written are being dropped */
    _Atomic bool reset_wanted;
    uint64_t resets; /* changed by who is alone */
    uint64_t guards, drops;
    unsigned npoints;                    /* of all vCPUs */
    struct guarded guarded[GUARDED_MAX]; /* the last ones, by number */

    struct trans_stats stats;
    struct trans_cache cache;
    struct trans_populated populated[STORE_TABLES];
    struct block *block;
    struct site *site;
    struct bound *bound;
    uint32_t nblocks, nsites, nbounds;
    _Atomic uint32_t ncells;
    uint32_t
        cell_stub[TRANS_CELLS]; /* where in the cache a cell's jump goes while it is not linked */

    uint32_t bucket[BLOCK_BUCKETS];
    struct code_page page[PAGES_MAX];
    uint32_t page_bucket[PAGE_BUCKETS];
    uint32_t npages;
    struct mem_code *code; /* which physical pages have translations; mem.code too */
    struct writers *writers;
    uint8_t host_simd; /* enum trans_simd of what can be saved and restored here */
    bool shifts_kill;  /* host_flags.h */
};

/* Executions of code by the interpreter. */
struct trans_counter {
    uint8_t n, tag; /* the second: of the address that was counted last */
};

/* Entries of a table that are to be freed, each once. */
struct trans_used {
    uint32_t n, *entry;
    bool *has; /* by entry */
};

/* The tables of the frame. */
enum trans_table { TABLE_PAGES, TABLE_INDIRECT, TABLE_CELLS, TABLES };

/* One vCPU's part, for its thread alone but for `seen`, and the cells of frame that are new. */
struct trans {
    struct soft_cpu *c;
    struct trans_store *store;
    unsigned number; /* in trans_store.user */
    struct trans_stats stats;
    struct trans_frame *frame;
    uint8_t *stack; /* frame lies at its end */

    _Atomic uint64_t seen; /* trans_store.guards up to which nothing is stored without asking */
    uint64_t changes_seen, drops_seen;
    struct soft_points points; /* soft_cpu.points as other vCPUs know them, under lock */

    /*
     * By physical page, where this vCPU may store to it without asking: 0: nowhere; an index into a struct trans_pages
     * + 1; WROTE_SEVERAL: at more than one.
     */
    uint32_t *wrote;

    struct trans_counter counter[COUNTERS];
    bool
        restless; /* what trans_block_at found last is in a page of short lives: looking often is in vain */
    unsigned pauses; /* PAUSE instructions of this burst */

    /* what is in use, to be freed by a flush: of global pages apart */
    struct trans_used used[TABLES][2];
    /*
     * Pages in which code has been looked up since the last flush, by linear address, a bit for each page that has the
     * number modulo TRANS_LOOKED: those of programs, and of the upper half of the addresses.
     */
    uint64_t looked[2][TRANS_LOOKED / 64];
    uint64_t flushes_seen,
        global_seen; /* soft_cpu.flushes and global_flushes when the tables were right */

    uint64_t end;        /* soft_cpu.insns at which the burst ends */
    bool exact;          /* and not later */
    uint64_t budget;     /* frame.budget of the last entry */
    uint32_t mxcsr_mask; /* of the guest's image then */
    uint16_t fop;
    uint64_t fip, fdp;
    struct check *check; /* check.h; NULL: nothing is compared */
};

/* ---- share.c ---------------------------------------------------------------------------------- */

/* Nothing where there is one vCPU. */
void trans_lock(struct trans_store *s);
void trans_unlock(struct trans_store *s);

/*
 * trans_catch_up - between two instructions: what other vCPUs, devices and flushes have made of the tables
 *
 * Afterwards stores go to no page that others have guarded before, and what is found leads to no dropped block.
 * Whoever keeps numbers of blocks or sites compares trans_store.resets with before.
 */
void trans_catch_up(struct trans *t);

/* A device has written code that has not been dropped yet. */
static inline bool trans_is_written(const struct trans_store *s)
{
    return atomic_load_explicit(&s->code->written, memory_order_acquire) ||
           atomic_load_explicit(&s->looking, memory_order_acquire);
}

/* trans_catch_up has something to do because of another vCPU or a device. */
static inline bool trans_has_news(const struct trans *t)
{
    return trans_is_written(t->store) ||
           t->changes_seen != atomic_load_explicit(&t->store->changes, memory_order_acquire);
}

/*
 * trans_guard - under lock: true when every vCPU asks before it stores to the page
 *
 * host: of the page. False: others have not looked yet; the code is to be interpreted meanwhile.
 */
bool trans_guard(struct trans *t, uint64_t gpa, uint8_t *host);

/* ---- points.c --------------------------------------------------------------------------------- */

/* From now on blocks end before the vCPU's breakpoints, and none begins there. */
void trans_points_take(struct trans *t);

/* Under lock: a vCPU has a breakpoint there. */
bool trans_points_have(const struct trans_store *s, uint64_t linear);

static inline bool trans_is_point(const struct trans_store *s, uint64_t linear)
{
    return s->npoints > 0 && trans_points_have(s, linear);
}

/* ---- scan_flat32.c ----------------------------------------------------------------------------- */

/* Translated code may be executed now, as far as the CPU's state goes. */
bool trans_ready(const struct soft_cpu *c);

static inline unsigned trans_mode(const struct soft_cpu *c)
{
    return c->bank + (c->code_bits == 32 ? TRANS_FLAT32 : 0u);
}

/* ---- lookup.c --------------------------------------------------------------------------------- */

/*
 * trans_block_at - what is executed at rip by the vCPU as it is now; NULL: it is the interpreter's
 *
 * from  the site that leads there, which is linked to it; BLOCK_NONE: none
 */
struct block *trans_block_at(struct trans *t, uint64_t rip, uint32_t from);

/* ---- build.c, store.c ------------------------------------------------------------------------- */

#define SOURCE_NO_PAGE UINT64_MAX

/* Where code lies. */
struct source {
    uint64_t rip, gpa;
    uint8_t *host; /* of the first byte */
    unsigned mode;
    uint64_t
        next_gpa; /* of the next page, if the first instruction goes on there; else SOURCE_NO_PAGE */
    uint8_t *next_host; /* of that page */
};

/* Under lock: translates the code there; NULL when nothing of it can be, or a reset is wanted. */
struct block *trans_build(struct trans *t, const struct source *at);

/* All under lock. */
static inline uint32_t *trans_bucket(struct trans_store *s, uint64_t gpa)
{
    return &s->bucket[(gpa ^ gpa >> 15) % BLOCK_BUCKETS];
}

/* NULL: there is none. */
static inline struct block *trans_find(struct trans_store *s, uint64_t rip, uint64_t gpa,
                                       unsigned mode, uint64_t next_gpa)
{
    for (uint32_t i = *trans_bucket(s, gpa); i != BLOCK_NONE; i = s->block[i].next) {
        struct block *b = &s->block[i];

        if (b->gpa == gpa && b->rip == rip && b->mode == mode && b->next_gpa == next_gpa)
            return b;
    }
    return NULL;
}

void trans_insert(struct trans *t, struct block *b);
void trans_link(struct trans *t, uint32_t site, const struct block *to);
/* Drops the blocks of a page; only numbers in `changes` tell other vCPUs. */
void trans_drop_page(struct trans_store *s, uint64_t gpa);
/* The same of blocks in pages, by linear address, with one of the points. */
void trans_drop_points(struct trans_store *s, const struct soft_points *points);
/* The table of pages with code has room for those of `at`, one or two. */
bool trans_has_room_for_pages(struct trans_store *s, const struct source *at);
/* An instruction of the block has dropped it: what is translated of its page from now on takes care. */
void trans_note_own(struct trans_store *s, const struct block *b);
/* Of a physical page, NULL when nothing has been translated there; made when it has to be, where there is room. */
struct code_page *trans_page_find(struct trans_store *s, uint64_t gpa);
struct code_page *trans_page_make(struct trans_store *s, uint64_t gpa);
void trans_set_code(struct trans_store *s, uint64_t gpa, enum mem_code_state to);
/* What is made of the page's code does not live long enough to pay. */
bool trans_is_restless(struct trans_store *s, uint64_t gpa);
/* Executions that code of the page needs more before it is translated; UINT_MAX: it never is. */
unsigned trans_reluctance(struct trans_store *s, uint64_t gpa);
/* Everything is as in the beginning; by who is alone. */
void trans_store_clear(struct trans_store *s);

/* string.c: MOVS or STOS through no other segment than DS and ES; and whether it is repeated. */
bool trans_is_string(const struct x86_insn *in);
bool trans_is_rep(const struct x86_insn *in);
bool trans_string_moves(const struct x86_insn *in);
unsigned trans_string_width(const struct x86_insn *in); /* of an element, bytes */
/* Of the instruction at rip, at most so many elements. False: none, the interpreter has to. */
bool trans_rep(struct trans *t, uint64_t most);

/* ---- vector.c --------------------------------------------------------------------------------- */

/* enum trans_simd: a component in its initial state stays the interpreter's until that has used it, so that its bytes in
 * the image are what they would be without translation. */
unsigned trans_simd_allowed(const struct trans *t);
/* Around a run of translated code; wanted: what is loaded before it. */
void trans_simd_begin(struct trans *t, unsigned wanted);
void trans_simd_end(struct trans *t);

/* ---- pages.c: the tables of frame ------------------------------------------------------------- */

static inline uint32_t trans_indirect_at(uint64_t rip)
{
    return (uint32_t)(rip >> 8 ^ rip) & (TRANS_INDIRECT - 1);
}

/* The number of an entry among those of all tables of pages. */
static inline uint32_t trans_page_number(enum soft_bank bank, enum trans_access how,
                                         uint64_t linear)
{
    return ((uint32_t)bank * TRANS_ACCESSES + how) * TRANS_TLB +
           (uint32_t)(linear / 4096 % TRANS_TLB);
}

/* In a frame of zeros: all entries are free. */
void trans_pages_begin(struct trans *t);
void trans_pages_free(struct trans *t);
/* The same, but for what leads to global pages. */
void trans_pages_flush(struct trans *t);
/* What leads to code. */
void trans_links_free(struct trans *t);
/* The page may be accessed so by the vCPU's bank, without a further look. False: that was known. */
bool trans_page_fill(struct trans *t, uint64_t linear, enum trans_access how,
                     const struct soft_tlb_entry *e);
/* No write goes to this page of the host any more without asking; where one index leads to it. */
void trans_pages_strip(struct trans *t, const uint8_t *host);
void trans_pages_strip_at(struct trans *t, const uint8_t *host, uint32_t index);
void trans_indirect_fill(struct trans *t, uint64_t rip, const struct block *b);
/* The entry of this number, as check_page has been told. */
void trans_page_free(struct trans *t, uint32_t number);
/* A cell for a branch whose unlinked jump goes to `stub`; in every vCPU's frame. */
uint32_t trans_cell_new(struct trans_store *s, uint32_t stub);
/* Code is executed there, and links lead to it, until it is forgotten. */
void trans_note_looked(struct trans *t, uint64_t rip);
/* in_frame: the flags are. */
void trans_cell_fill(struct trans *t, uint32_t cell, const struct block *to, bool in_frame);

/* enter.S: what other vCPUs have written into the cache is executed from now on. */
void trans_serialize(void);

#endif
