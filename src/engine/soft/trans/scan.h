/* SPDX-License-Identifier: MIT */
/*
 * scan.h - which instructions make a block, how each is translated, and which flags somebody reads
 */
#ifndef ENGINE_SOFT_TRANS_SCAN_H
#define ENGINE_SOFT_TRANS_SCAN_H

#include "engine/soft/trans/block.h"
#include "x86/decode.h"

enum { FLAGS_ALL = 0x8d5 /* OF SF ZF AF PF CF */ };

enum scan_kind {
    SCAN_STEP, /* the interpreter's */
    SCAN_STOP, /* the interpreter's, and nothing follows that is sure to be executed next */
    SCAN_NOTHING,
    SCAN_COPY, /* as it is, with other registers and memory operand */
    SCAN_LEA,
    SCAN_DIV,  /* copied behind a look whether it faults */
    SCAN_BITS, /* a bit string in memory */
    SCAN_MOFFS,
    SCAN_X87, /* x87, MMX, and MXCSR: gen_x87.c */
    SCAN_PUSH,
    SCAN_POP,
    SCAN_LEAVE,
    SCAN_JCC,
    SCAN_JMP,
    SCAN_CALL,
    SCAN_RET,
    SCAN_STRING,  /* gen_string.c */
    SCAN_LOOK,    /* gen_look.c */
    SCAN_SEGMENT, /* gen_flat32.c */
    SCAN_SYSTEM,  /* gen_system.c */
    SCAN_ACCESS,  /* STAC, CLAC: as SCAN_RING */
    SCAN_RING,    /* the end of the block: what follows has other rights */
};

struct scan_insn {
    struct x86_insn in;
    const uint8_t *bytes;
    uint16_t at;   /* from the block's beginning */
    uint8_t kind;  /* enum scan_kind */
    uint8_t simd;  /* enum trans_simd of what it touches */
    uint16_t live; /* arithmetic flags that have to be kept at its beginning */
    bool
        to_end; /* before anything reads them they are all written, or the block ends and takes them from the frame */
    bool to_kill;  /* to_end, for the first of these reasons */
    bool read;     /* exact flags: an instruction of the block reads them before they are written */
    bool replaces; /* nothing behind it looks at what they were before it */
    bool
        partial; /* exact flags: it changes or reads them, and needs those before it; and does not end the block */
    uint32_t recipe; /* exact flags: of those before it, or RECIPE_NONE */
};

struct scan {
    const uint8_t
        *page; /* the page, which somebody may write meanwhile; where in it the block begins */
    uint64_t rip;
    unsigned begin, n, bytes;
    enum soft_bank bank;
    bool flat32;
    const struct soft_cpu *c;
    uint8_t simd_host; /* enum trans_simd */
    bool shifts_kill;  /* host_flags.h */
    bool shared;       /* other vCPUs execute it too */
    bool exact;
    bool own;  /* the page has changed code while it executed it */
    bool once; /* nothing is executed a second time to compare: the clock may be read */
    const struct trans_store *points; /* NULL, or whose breakpoints end it; under lock */
    uint64_t copied;                  /* lines of 64 bytes that are in copy */
    uint8_t *copy;                    /* a page: what is looked at, each byte read once */
    const uint8_t *next_page;         /* NULL, or where the first instruction goes on */
    uint8_t across[X86_INSN_MAX];     /* that instruction */
    uint8_t simd;                     /* of all instructions */
    struct scan_insn insn[BLOCK_INSNS];
};

/* Fills s->insn from s->page, begin, rip and mode. */
void trans_scan(struct scan *s);

/* An address of code: 32-bit code goes on at 0 behind 4 GiB. */
static inline uint64_t scan_wrap(const struct scan *s, uint64_t rip)
{
    return s->flat32 ? (uint32_t)rip : rip;
}

/* A breakpoint is set there: the state is seen before the instruction. */
static inline bool scan_is_point(const struct scan *s, uint64_t rip)
{
    return s->points != NULL && trans_is_point(s->points, scan_wrap(s, rip));
}

/* The instruction at `at` in the page, with its place; its kind is not decided. */
bool scan_decode(struct scan *s, unsigned at, struct scan_insn *x);

/* Its address has no registers, and is *address before the segment's base. */
bool scan_is_fixed(const struct scan *s, const struct scan_insn *x, uint64_t *address);

/* scan_kind.c: enum scan_kind; sets x->simd. */
unsigned scan_kind(const struct scan *s, struct scan_insn *x);

/* gen_system.c: the same for system instructions. */
unsigned scan_system(const struct scan *s, const struct x86_insn *in);

/* scan_flat32.c: whether an instruction of 32-bit code is one that means the same to the host. */
bool scan_flat32(const struct x86_insn *in);
/* INC and DEC of 32-bit code, whose opcodes are REX prefixes in 64-bit code. */
bool scan_short_inc(const struct x86_insn *in);

/* gen_x87.c: the same for x87 and MMX, LDMXCSR and STMXCSR; sets x->simd. */
unsigned scan_x87(const struct scan *s, struct scan_insn *x);

/* gen_bits.c: whether a bit string in memory is one that can be done. */
bool scan_bits(const struct x86_insn *in);

/* gen_flat32.c: PUSH, POP or MOV to a segment register that can be done. */
bool scan_segment(const struct x86_insn *in);

/* gen_look.c: LODS, SCAS or CMPS that can be done; a string instruction is repeated. */
bool scan_look(const struct x86_insn *in);
bool scan_repeats(const struct x86_insn *in);

bool scan_is_sti(const struct scan_insn *x);

/*
 * scan_flags.c: arithmetic flags that are certainly written. Undefined ones only where CPUs write them whatever the
 * operands are.
 */
unsigned scan_overwrites(const struct scan *s, const struct scan_insn *x);

/* It writes all arithmetic flags, and reads none. */
bool scan_kills_flags(const struct scan *s, const struct scan_insn *x);

/* What all instructions are to flags. */
void scan_live(struct scan *s);

/* Soon behind a branch to there all flags are written, and none has been read; the recipe's registers stay until then. */
bool scan_killed_at(struct scan *s, uint64_t target, uint32_t recipe, bool *lasts);

/* General registers that have no home are no more than there are scratch registers. */
bool scan_scratch_suffices(const struct x86_insn *in);

/* It writes an operand in memory that it names. */
bool scan_writes_memory(const struct x86_insn *in);

/* The memory operand: which one, -1 when there is none. */
int scan_mem_operand(const struct x86_insn *in);
unsigned scan_access(const struct x86_row *row, unsigned operand);

/* Nothing of the block follows. */
static inline bool scan_ends(unsigned kind)
{
    return kind == SCAN_STOP || kind == SCAN_JMP || kind == SCAN_CALL || kind == SCAN_RET ||
           kind == SCAN_ACCESS || kind == SCAN_RING;
}

/* mode: as frame.h has it. */
static inline void scan_set_mode(struct scan *s, unsigned mode)
{
    s->bank = (enum soft_bank)(mode % BANKS);
    s->flat32 = mode >= TRANS_FLAT32;
}

static inline unsigned scan_mode(const struct scan *s)
{
    return s->bank + (s->flat32 ? TRANS_FLAT32 : 0u);
}

/* Behind an instruction. */
static inline uint64_t scan_next(const struct scan *s, const struct scan_insn *x)
{
    return scan_wrap(s, s->rip + x->at + x->in.len);
}

/* Where a direct branch goes. */
static inline uint64_t scan_target(const struct scan *s, const struct scan_insn *x)
{
    return scan_wrap(s, s->rip + x->at + x->in.len + x->in.imm);
}

#endif
