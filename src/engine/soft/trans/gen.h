/* SPDX-License-Identifier: MIT */
/*
 * gen.h - host code of one block, under way
 *
 * The hot part comes first; what is jumped to when something is unusual (`cold`) follows behind it.
 * Each gen_ function emits one thing at the end of the hot part.
 */
#ifndef ENGINE_SOFT_TRANS_GEN_H
#define ENGINE_SOFT_TRANS_GEN_H

#include "engine/soft/trans/emit.h"
#include "engine/soft/trans/scan.h"

enum { GEN_COLDS = 4 * BLOCK_INSNS + 8 };

enum cold_kind {
    COLD_LEAVE, /* to the C code, at a site */
    COLD_SIMD,  /* loads vector registers and goes back */
    COLD_EDGE,  /* a branch that is taken */
};

struct cold {
    uint8_t *from; /* the jump's distance */
    uint8_t *back; /* COLD_SIMD, and with `across`: where it goes on */
    uint32_t site;
    uint8_t kind;
    bool parked;     /* the flags are in AX, RAX in the frame */
    bool recover;    /* S1 is the address minus a tag */
    uint8_t *again;  /* NULL, or where it is looked for once more if what S1 is can be filled in */
    int32_t tag_at;  /* in the frame: of the tags, S2 is which; or of the tag */
    bool fixed;      /* of the tag */
    uint64_t target; /* COLD_EDGE */
    uint8_t insn;    /* its number in the block */
    bool across;     /* it may be done where it lies in two pages */
};

/* Instructions whose memory is checked together (gen_group.c). */
struct group {
    unsigned first, n;
    uint8_t *from[2], *back; /* the distances of jumps to its members alone; where they go on */
    unsigned nfrom;
    bool parked; /* with the flags in AX */
    bool saved;  /* gen.saved behind the check */
};

struct gen {
    struct trans_store *t;
    struct scan *s;
    struct emit e;
    struct block *b;
    uint32_t number;           /* of the block */
    const struct scan_insn *x; /* the instruction under way */
    unsigned i;                /* its number */
    struct cold cold[GEN_COLDS];
    unsigned ncolds;
    struct group group[BLOCK_INSNS / 2];
    unsigned ngroups;
    uint8_t *
        framed; /* where the block is entered with the flags in the frame, or parked, if they stay where they are */
    struct emit_mem place; /* of the checked memory operand: by S1, or by S2 (gen_direct) */
    bool saved;            /* the flags are in the frame, and EFLAGS is free */
    bool alone;            /* a member of a group: it saves nothing that the group does not */
    bool failed;           /* no site or cold place is left: the block is thrown away */
};

/* ---- registers -------------------------------------------------------------------------------- */

/* Home of a guest register; GEN_SPILLED: it is in the frame. */
enum { GEN_SPILLED = 0xff };
unsigned gen_home(unsigned guest);
struct emit_mem gen_spill(unsigned guest);
/* Into a host register, and from one. */
void gen_get(struct gen *g, unsigned host, unsigned guest);
void gen_put(struct gen *g, unsigned guest, unsigned host);

/* Operands of stack and branches, and addresses of code, are words: as wide as the code is. */
static inline bool gen_wide(const struct gen *g)
{
    return !g->s->flat32;
}

static inline unsigned gen_word(const struct gen *g)
{
    return g->s->flat32 ? 4 : 8; /* bytes */
}

/* Between registers, or from and to memory. Of 32 bits, what is read fills the register. */
void gen_move_word(struct gen *g, unsigned to, unsigned from);
void gen_load_word(struct gen *g, unsigned to, struct emit_mem m);
void gen_store_word(struct gen *g, struct emit_mem m, unsigned from);
/* An address as wide as the code's. */
void gen_lea_word(struct gen *g, unsigned to, struct emit_mem m);

/* ---- leaving ---------------------------------------------------------------------------------- */

/* A site of the instruction under way; 0 when there is no room (g->failed). */
uint32_t gen_site(struct gen *g, enum site_kind kind, enum site_flags flags);
void gen_cold(struct gen *g, struct cold cold);
/* All of them, behind the hot part. */
void gen_colds(struct gen *g);

/* Flags that have to be kept in EFLAGS from the beginning of the instruction under way on. */
unsigned gen_live(const struct gen *g);
enum site_flags gen_flags(const struct gen *g);

/* Around code that changes flags: AX has them, RAX is parked. Nothing where `live` is 0. */
void gen_park(struct gen *g, unsigned live);
void gen_unpark(struct gen *g, unsigned live);

/* Jumps when the condition holds to a place that leaves to the interpreter at this instruction. */
void gen_step_if(struct gen *g, unsigned cc, unsigned live);
/* The same when an address is not canonical. Changes the register; flags are parked. */
void gen_need_canonical(struct gen *g, unsigned reg);

/* ---- memory ----------------------------------------------------------------------------------- */

/* S1 = effective address of the instruction under way, without the segment's base. Flags stay. */
void gen_address(struct gen *g);
/* The same with another displacement; of an address without registers, with another address. */
void gen_address_at(struct gen *g, int64_t disp);
/* An address without registers: it is what gen_address_at takes. */
bool gen_is_fixed(const struct gen *g, const struct scan_insn *x, uint64_t *address);

/*
 * gen_check - S1 = the place in the host's memory of a linear address in S1, or leave
 *
 * align: what it must be a multiple of; seg: whose base is added; live: flags to be kept. Changes S2.
 */
struct gen_access {
    unsigned size, align, seg;
    enum trans_access how;
    unsigned live;
    bool stays_parked; /* gen_unpark is the caller's */
    bool fixed;        /* S1 is `linear`, whatever registers hold */
    bool direct; /* the operand's own register and S2 instead of S1, which is lost (gen_direct) */
    uint64_t linear;
    struct group *group; /* NULL, or whose members are executed instead of leaving */
};
void gen_check(struct gen *g, struct gen_access a);
/* The same for the operand of the instruction under way, with its address and segment. */
void gen_operand(struct gen *g, struct gen_access a);

/*
 * gen_direct - an operand of one register and a displacement can be accessed by these and S2
 *
 * S2 is then the distance between the guest's page and the host's. The instruction needs no more than S1 for registers
 * without a home.
 */
bool gen_direct(const struct scan_insn *x);
struct emit_mem gen_direct_place(const struct x86_insn *in);

/* RAX makes the address: flags on their way are there in its place. */
static inline bool gen_has_rax(const struct x86_insn *in)
{
    return in->base == X86_RAX || in->index == X86_RAX;
}

static inline struct emit_mem gen_at_s1(int32_t disp)
{
    return (struct emit_mem){ HOST_S1, EMIT_NO_INDEX, 0, disp };
}

static inline bool gen_uses_s2(const struct gen *g)
{
    return g->place.base == HOST_S2 || g->place.index == HOST_S2;
}

/* gen_across.c: a copied instruction that can be done in two pages; and that, behind the hot part. */
bool gen_may_cross(const struct gen *g, const struct gen_access *a);
void gen_across(struct gen *g, const struct cold *c);

/* ---- the block: build.c ------------------------------------------------------------------------- */

/* Instruction i is under way from here on. */
void gen_begin_insn(struct gen *g, unsigned i);
/* The one under way. */
void gen_insn(struct gen *g);
/* It has been done: flags that it wrote are in EFLAGS. */
void gen_end_insn(struct gen *g);

/* ---- instructions ------------------------------------------------------------------------------ */

void gen_copy(struct gen *g);         /* gen_copy.c */
void gen_copy_checked(struct gen *g); /* g->place is its memory operand */
void gen_div(struct gen *g);
void gen_bits(struct gen *g);  /* gen_bits.c */
void gen_moffs(struct gen *g); /* gen_flat32.c */
void gen_segment(struct gen *g);
void gen_x87(struct gen *g); /* gen_x87.c */

/* How a copied instruction accesses its memory operand; false: it has none. */
bool gen_copy_access(const struct scan_insn *x, struct gen_access *a);
/* It uses no second scratch register, and RSP is not written. */
bool gen_keeps_s1(const struct x86_insn *in);
/* The same of an instruction whose memory operand is at S1. */
bool gen_shares_s1(const struct x86_insn *in);
/* AH, CH, DH or BH is its register: there can be no REX. */
bool gen_has_high_byte(const struct x86_insn *in);

void gen_push(struct gen *g); /* gen_stack.c */
void gen_pop(struct gen *g);
void gen_leave_insn(struct gen *g);
/* S1 = where a push goes, checked; and a CALL's push there. */
void gen_push_place(struct gen *g);
void gen_push_return(struct gen *g, uint64_t next);
/* S1 = the address that RET returns to; flags are in the frame. */
void gen_pop_return(struct gen *g);
/* S2 = the instruction's memory operand, a word, which is then in frame.temp too. */
void gen_load_operand(struct gen *g);

/* The group that begins with the instruction under way: how many have been done; 0: there is none. */
unsigned gen_group(struct gen *g);
unsigned gen_stack_group(struct gen *g);    /* gen_stack.c */
unsigned gen_operands_group(struct gen *g); /* gen_operands.c */
/* A new one of n instructions, of which the one under way is the first. */
struct group *gen_group_new(struct gen *g, unsigned n);
/* Behind the hot part: the members of all groups alone. */
void gen_group_members(struct gen *g);

void gen_branch(struct gen *g); /* gen_flow.c */
/* What CALL does behind its push, and RET to the address in S1. */
void gen_call_direct(struct gen *g);
void gen_return(struct gen *g);
/* To target after `executed` instructions of the block; the end of the hot part, or what a branch jumps to. */
void gen_edge(struct gen *g, uint64_t target, unsigned executed);

void gen_count(struct gen *g, unsigned executed);

/* Flags into the frame, unless they are there, or nobody reads them: as they are in AX. Changes S2. */
void gen_save_flags(struct gen *g);
/* A branch leaves a recipe in the frame, for a place where all flags are written. Changes S2. */
bool gen_leave_recipe(struct gen *g, uint64_t target);
/* Parks what is in the frame. */
void gen_park_saved(struct gen *g);
/* Once before a check, for this and what follows. */
void gen_save_to_end(struct gen *g);
/* And back, if the instruction under way needs some of them. */
void gen_restore_flags(struct gen *g);
/* The same, but for what has its memory checked before that: gen_copy_checked does it. */
void gen_restore_at_begin(struct gen *g);
/* To the address in S1 in a mode (frame.h); flags are in the frame. pop: bytes that RSP moves by. */
void gen_probe(struct gen *g, enum site_kind kind, uint32_t pop, unsigned mode);

void gen_string(struct gen *g); /* gen_string.c */
void gen_look(struct gen *g);   /* gen_look.c */
void gen_system(struct gen *g); /* gen_system.c */
void gen_access_flag(struct gen *g);
void gen_ring(struct gen *g);
/* Behind an instruction: it may have followed STI. */
void gen_shadow_end(struct gen *g);

#endif
