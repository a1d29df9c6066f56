/* SPDX-License-Identifier: MIT */
/*
 * scan_flags.c - which arithmetic flags somebody reads
 *
 * A flag is live where some way on reads it before it is written; where that is not known, it is live. Branches
 * inside the page are followed a little: what lies in the page is dropped together with this block when it changes.
 */
#include "engine/soft/trans/scan.h"

#include "engine/soft/trans/recipe.h"
#include "x86/operand.h"

enum { PAGE = 4096, PEEK = 10 /* instructions */ };

/* A count of zero leaves the flags as they were. */
static bool may_shift_by_nothing(const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);
    struct x86_operand o;

    switch (row->mnemonic) {
    case X86_MN_ROL:
    case X86_MN_ROR:
    case X86_MN_RCL:
    case X86_MN_RCR:
    case X86_MN_SHL:
    case X86_MN_SHR:
    case X86_MN_SAR:
        if (x86_opnd_types[row->operand[1]].kind == X86_OPK_ONE)
            return false;
        break;
    case X86_MN_SHLD:
    case X86_MN_SHRD:
        break;
    default:
        return false;
    }
    x86_insn_operand(in, 0, &o); /* a byte is no wider for REX.W */
    return row->imm != X86_IMM_B || (in->imm & (o.bytes == 8 ? 63 : 31)) == 0;
}

static unsigned defined_by(const struct x86_row *row)
{
    return row->flags_written & ~row->flags_undefined & FLAGS_ALL;
}

unsigned scan_overwrites(const struct scan *s, const struct scan_insn *x)
{
    const struct x86_row *row = x86_insn_row(&x->in);

    if (x->kind == SCAN_SYSTEM && (row->mnemonic == X86_MN_POPFQ || row->mnemonic == X86_MN_POPFD))
        return FLAGS_ALL;
    if (x->kind == SCAN_LOOK)
        return scan_repeats(&x->in) ? 0 : row->flags_written & FLAGS_ALL;
    if (x->kind != SCAN_COPY && x->kind != SCAN_BITS && x->kind != SCAN_X87)
        return 0;
    if (may_shift_by_nothing(&x->in))
        return 0;
    switch (row->mnemonic) {
    case X86_MN_AND:
    case X86_MN_OR:
    case X86_MN_XOR:
    case X86_MN_TEST:
        return FLAGS_ALL;
    case X86_MN_SHL:
    case X86_MN_SHR:
    case X86_MN_SAR:
        return s->shifts_kill ? FLAGS_ALL : defined_by(row);
    default:
        return defined_by(row);
    }
}

static bool reads_none(const struct scan_insn *x)
{
    return (x86_insn_row(&x->in)->flags_read & FLAGS_ALL) == 0;
}

bool scan_kills_flags(const struct scan *s, const struct scan_insn *x)
{
    return scan_overwrites(s, x) == FLAGS_ALL && reads_none(x);
}

/*
 * What it stores may be the code behind it, which reads other flags then than what was there.
 *
 * GAP: the first time that code of a page changes code behind it in that page through an address from registers, and
 * the new code reads flags that the old code did not, those are zero.
 */
static bool may_change_code(const struct scan *s, const struct scan_insn *x)
{
    uint64_t address;

    switch ((enum scan_kind)x->kind) {
    case SCAN_PUSH:
    case SCAN_CALL:
    case SCAN_STRING:
    case SCAN_SEGMENT:
        return s->own;
    default:
        if (x->kind != SCAN_MOFFS && !(x->in.flags & X86_INSN_MEM))
            return false;
        return (s->own || (scan_is_fixed(s, x, &address) && address / PAGE == s->rip / PAGE)) &&
               scan_writes_memory(&x->in);
    }
}

static unsigned read_by(const struct scan_insn *x)
{
    switch ((enum scan_kind)x->kind) {
    case SCAN_STEP:
    case SCAN_STOP:
    case SCAN_ACCESS:
    case SCAN_RING:
        return FLAGS_ALL;
    default:
        return x86_insn_row(&x->in)->flags_read & FLAGS_ALL;
    }
}

static unsigned wanted_by(const struct scan *s, const struct scan_insn *x)
{
    return may_change_code(s, x) ? FLAGS_ALL : read_by(x);
}

/* The instruction at rip, if that is in the page; none where the state is seen before it. */
static bool look_at(struct scan *s, uint64_t rip, struct scan_insn *x)
{
    uint64_t page = s->rip - s->begin;

    if (rip - page >= PAGE || scan_is_point(s, rip) || !scan_decode(s, (unsigned)(rip - page), x))
        return false;
    x->at =
        (uint16_t)(rip - s->rip); /* only for the target of a branch, modulo 2^16 is of no use */
    x->kind = (uint8_t)scan_kind(s, x);
    return true;
}

/* Flags that may be read from this address on before they are written. */
static unsigned peek(struct scan *s, uint64_t rip)
{
    unsigned live = 0, open = FLAGS_ALL;

    for (unsigned i = 0; i < PEEK && open != 0; i++) {
        struct scan_insn x;

        if (!look_at(s, rip, &x))
            break;
        live |= wanted_by(s, &x) & open;
        if (x.kind == SCAN_JMP && x86_insn_row(&x.in)->imm != X86_IMM_NONE) {
            rip += x.in.len + x.in.imm;
            continue;
        }
        if (scan_ends(x.kind) || x.kind == SCAN_JCC)
            break;
        open &= ~scan_overwrites(s, &x);
        rip += x.in.len;
    }
    return live | open;
}

/* A branch whose target takes the flags from the frame, since nothing is known of who reads them. */
static bool end_takes_frame(const struct scan *s, const struct scan_insn *x)
{
    bool direct = x86_insn_row(&x->in)->imm != X86_IMM_NONE;

    switch ((enum scan_kind)x->kind) {
    case SCAN_RET:
        return true;
    case SCAN_JMP:
    case SCAN_CALL:
        return !direct || scan_target(s, x) / PAGE != s->rip / PAGE;
    default:
        return false;
    }
}

static bool leaves_flags_alone(const struct scan_insn *x)
{
    const struct x86_row *row = x86_insn_row(&x->in);

    switch ((enum scan_kind)x->kind) {
    case SCAN_NOTHING:
    case SCAN_COPY:
    case SCAN_LEA:
    case SCAN_MOFFS:
    case SCAN_X87:
    case SCAN_PUSH:
    case SCAN_POP:
    case SCAN_LEAVE:
    case SCAN_STRING:
        return ((row->flags_read | row->flags_written) & FLAGS_ALL) == 0;
    default:
        return false;
    }
}

/* With exact flags a block begins with them in the frame, unless it reads them: branches in the page leave them there. */
static bool end_may_take_frame(const struct scan *s, const struct scan_insn *x)
{
    return end_takes_frame(s, x) || (s->exact && (x->kind == SCAN_JMP || x->kind == SCAN_CALL));
}

static void find_ends(struct scan *s)
{
    const struct scan_insn *last = &s->insn[s->n - 1];
    bool to_end = end_may_take_frame(s, last), to_kill = false;

    for (unsigned i = s->n; i-- > 0;) {
        struct scan_insn *x = &s->insn[i];
        bool passes = i + 1u < s->n && leaves_flags_alone(x);

        to_kill = x->replaces || (to_kill && passes);
        to_end = (to_end && (passes || i + 1u == s->n)) || to_kill;
        x->to_kill = to_kill;
        x->to_end = to_end;
    }
}

/* ---- exact flags ------------------------------------------------------------------------------- */

/* It may lie between the instruction of a recipe and where that is used. */
static bool keeps_recipe(const struct scan_insn *x, uint32_t recipe)
{
    bool only_reads =
        x->kind == SCAN_JCC || leaves_flags_alone(x) ||
        (x->kind == SCAN_COPY && (x86_insn_row(&x->in)->flags_written & FLAGS_ALL) == 0);

    return only_reads && !recipe_spoilt(recipe, &x->in);
}

static void find_recipes(struct scan *s)
{
    uint32_t recipe = RECIPE_NONE;

    for (unsigned i = 0; i < s->n; i++) {
        struct scan_insn *x = &s->insn[i];

        x->recipe = recipe;
        if (x->kind == SCAN_COPY && scan_kills_flags(s, x))
            recipe = recipe_of(&x->in);
        else if (recipe != RECIPE_NONE && !keeps_recipe(x, recipe))
            recipe = RECIPE_NONE;
    }
}

/* It can be left before it has been done, and all flags are looked at then. */
static bool may_leave(const struct scan_insn *x)
{
    switch ((enum scan_kind)x->kind) {
    case SCAN_NOTHING:
    case SCAN_LEA:
        return false;
    case SCAN_COPY:
        return x->in.flags & X86_INSN_MEM;
    default:
        return true;
    }
}

/* And it can be left in its middle, when REP has changed registers, and flags from before it may be what they were. */
static bool may_leave_midway(const struct scan_insn *x)
{
    return (x->kind == SCAN_STRING || x->kind == SCAN_LOOK) && scan_repeats(&x->in);
}

/* Which instructions let nothing through of the flags before them, up to where those behind them are looked at. */
static void find_replaced(struct scan *s)
{
    unsigned looked = FLAGS_ALL, read = 0;

    for (unsigned i = s->n; i-- > 0;) {
        struct scan_insn *x = &s->insn[i];
        unsigned through = read_by(x) | (looked & ~scan_overwrites(s, x));

        through = may_leave_midway(x) ? FLAGS_ALL : through;
        read = read_by(x) | (read & ~scan_overwrites(s, x));
        x->read = read != 0;
        x->replaces = through == 0;
        x->partial =
            through != 0 && x->kind != SCAN_JCC && !scan_ends(x->kind) && !leaves_flags_alone(x);
        looked = may_leave(x) ? FLAGS_ALL : through;
    }
}

/* All are to be kept, unless a recipe will do until they are all written: whoever clobbers them cannot bring them back. */
static void keep_all(struct scan *s)
{
    bool lasts = false;

    find_recipes(s);
    find_replaced(s);
    for (unsigned i = s->n; i-- > 0;) {
        struct scan_insn *x = &s->insn[i];

        lasts = x->recipe != RECIPE_NONE && (x->replaces || lasts);
        x->live = !x->read && lasts ? 0 : FLAGS_ALL;
    }
}

bool scan_killed_at(struct scan *s, uint64_t target, uint32_t recipe, bool *lasts)
{
    *lasts = true;
    for (unsigned i = 0; i < PEEK; i++) {
        struct scan_insn at;

        if (!look_at(s, target, &at))
            return false;
        if (scan_kills_flags(s, &at))
            return true;
        if (!leaves_flags_alone(&at))
            return false;
        *lasts &= !recipe_spoilt(recipe, &at.in);
        target += at.in.len;
    }
    return false;
}

/* ---- all --------------------------------------------------------------------------------------- */

void scan_live(struct scan *s)
{
    const struct scan_insn *last = &s->insn[s->n - 1];
    unsigned live = peek(s, s->rip + last->at + last->in.len);

    for (unsigned i = s->n; i-- > 0;) {
        struct scan_insn *x = &s->insn[i];
        unsigned overwrites;

        if (x->kind == SCAN_JCC)
            live |= peek(s, scan_target(s, x));
        else if (x->kind == SCAN_JMP && x86_insn_row(&x->in)->imm != X86_IMM_NONE)
            live = peek(s, scan_target(s, x));
        else if (x->kind == SCAN_CALL && x86_insn_row(&x->in)->imm != X86_IMM_NONE)
            live = peek(s, scan_target(s, x));
        else if (x->kind == SCAN_JMP || x->kind == SCAN_CALL || x->kind == SCAN_RET)
            live = FLAGS_ALL;
        overwrites = scan_overwrites(s, x);
        live = (live & ~overwrites) | wanted_by(s, x);
        x->live = (uint16_t)live;
        x->read = false;
        x->replaces = overwrites == FLAGS_ALL && reads_none(x);
        x->partial = false;
        x->recipe = RECIPE_NONE;
    }
    if (s->exact)
        keep_all(s);
    find_ends(s);
}
