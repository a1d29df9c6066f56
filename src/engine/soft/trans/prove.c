/* SPDX-License-Identifier: MIT */
/*
 * prove.c - see prove.h
 *
 * One pass over the instructions in their order. Jumps go forward, and carry what is known to their targets,
 * where it is joined with what is known there; a jump backward, or from outside, brings nothing, but that S1 is
 * still the same address of the guest. A memory operand must be
 *   RSP + a distance inside the frame,
 *   RSP + S2 + a distance, where S2 was masked or shifted so that the sum lies inside the frame,
 *   S1 + a small distance, where S1 was found to be that far from the end of a page,
 *   or a guest's register + S2 + a distance, where S1 was found to be so when it was that register + a distance.
 * S1 comes to that in four steps: the tag of an entry is added, the sum is compared with 4096 - n, one that is
 * above jumps away, and the host's address of the same entry is added. Instead of the last step S2 may become the
 * distance that the entry has between the guest's page and the host's. The entry must be one for writing if the operand
 * is written. Or S1 is a pointer of the frame: to the vCPU, of which anything may be read and little written, or to its
 * requests. RSP itself is never written, and nothing is executed that reads or writes memory without naming it, but
 * PUSHF and a POP of it into the frame.
 */
#include "engine/soft/trans/prove.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "engine/soft/trans/prove_state.h"

/* ---- states ------------------------------------------------------------------------------------ */

static const struct state unknown = { .reached = true, .s2 = UINT64_MAX };

static void join(struct state *to, const struct state *from)
{
    if (!to->reached) {
        *to = *from;
        return;
    }
    if (to->s2 < from->s2)
        to->s2 = from->s2;
    to->landed &= from->landed;
    to->pushed |= from->pushed;
    to->n = to->n < from->n ? to->n : from->n;
    to->may_write &= from->may_write;
    if (to->direct != from->direct || to->of.known != from->of.known ||
        !same_address(&to->of, &from->of))
        to->direct = to->of.known = false;
    if (to->s1 != from->s1 ||
        (to->s1 < S1_CHECKED && (to->entry != from->entry || to->counted != from->counted)))
        to->s1 = S1_ANY;
}

/* ---- instructions ------------------------------------------------------------------------------ */

/* It has FIP, which is an address of the host while translated code runs, or takes it from the guest. */
static bool is_environment(const struct x86_row *row)
{
    switch (row->mnemonic) {
    case X86_MN_FLDENV:
    case X86_MN_FNSTENV:
    case X86_MN_FNSAVE:
    case X86_MN_FRSTOR:
        return true;
    default:
        return false;
    }
}

/* Loads what may unmask exceptions. */
static bool loads_control(const struct x86_row *row)
{
    return row->mnemonic == X86_MN_FLDCW || row->mnemonic == X86_MN_LDMXCSR ||
           row->mnemonic == X86_MN_VLDMXCSR;
}

/* Whether all the memory that it touches has a base register in its encoding. */
static bool names_memory(const struct x86_row *row)
{
    if (row->uses & 1u << X86_RDI)
        return false;
    for (unsigned i = 0; i < 4; i++) {
        switch (x86_opnd_types[row->operand[i]].kind) {
        case X86_OPK_VSIB:
        case X86_OPK_MOFFS:
        case X86_OPK_STRSRC:
        case X86_OPK_STRDST:
            return false;
        default:
            break;
        }
    }
    return true;
}

/* Classes that name all the memory that they touch, or none. */
static const char *wrong_kind(const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);

    if (row->mnemonic == X86_MN_RDTSC)
        return NULL; /* Linux gives it to every process */
    if (is_environment(row))
        return "x87 state with addresses of the host";
    if (loads_control(row) && !is_mem(in, HOST_FRAME, X86_REG_NONE))
        return "a control word that nobody has looked at";
    if (row->privilege != X86_PRIV_NONE)
        return "a privileged instruction";
    switch ((enum x86_class)row->klass) {
    case X86_CLASS_INT:
    case X86_CLASS_HINT:
    case X86_CLASS_SSE:
    case X86_CLASS_AVX:
    case X86_CLASS_X87:
    case X86_CLASS_MMX:
        break;
    case X86_CLASS_BRANCH:
        if (row->mnemonic == X86_MN_RET)
            return "a return";
        break;
    default:
        return "an instruction of another kind";
    }
    if (!names_memory(row))
        return "memory that is not named by a base";
    /* CALL does it too, into the stack below the frame, and comes back. */
    return row->mnemonic != X86_MN_CALL && x86_insn_writes_gpr(in, X86_RSP) ? "RSP is written"
                                                                            : NULL;
}

/* ---- memory operands --------------------------------------------------------------------------- */

static const char *in_frame(uint64_t most, int64_t disp, unsigned bytes)
{
    uint64_t len = sizeof(struct trans_frame);

    return disp >= 0 && most <= len && (uint64_t)disp <= len && bytes <= len &&
                   most + (uint64_t)disp + bytes <= len
               ? NULL
               : "outside the frame";
}

static const char *at_s1(const struct prove *p, const struct x86_operand *o)
{
    int64_t disp = (int64_t)p->in.disp;

    if (p->now.s1 != S1_CHECKED)
        return "S1 is not a checked address";
    if (disp < 0 || disp > p->now.n || o->bytes > p->now.n - disp)
        return "more bytes than were checked";
    if (o->access & X86_ACCESS_W && !p->now.may_write)
        return "written, but checked for reading";
    return NULL;
}

/* The registers of `of`, and S2 in the place that it has left. */
static bool by_distance(const struct prove *p)
{
    const struct x86_insn *in = &p->in;
    const struct address *of = &p->now.of;

    if (!p->now.direct || !of->known)
        return false;
    if (of->index == X86_REG_NONE)
        return in->base == of->base && in->index == HOST_S2 && in->scale == 0;
    return of->base == X86_REG_NONE && in->base == HOST_S2 && in->index == of->index &&
           in->scale == of->scale;
}

static const char *at_distance(const struct prove *p, const struct x86_operand *o)
{
    int64_t disp = (int64_t)p->in.disp - p->now.of.disp;

    if (disp < 0 || disp > p->now.n || o->bytes > p->now.n - disp)
        return "more bytes than were checked";
    if (o->access & X86_ACCESS_W && !p->now.may_write)
        return "written, but checked for reading";
    return NULL;
}

/* Anything of the vCPU may be read; what is written is listed here. */
static const char *at_cpu(const struct prove *p, const struct x86_operand *o)
{
    static const struct {
        size_t at, len;
    } written[] = {
        { offsetof(struct soft_cpu, msrs.kernel_gs_base), 8 },
        { offsetof(struct soft_cpu, bank), sizeof(enum soft_bank) },
    };
    int64_t at = (int64_t)p->in.disp + (int64_t)offsetof(struct soft_cpu, s.gpr);

    if (at < 0 || (uint64_t)at + o->bytes > sizeof(struct soft_cpu))
        return "outside the vCPU";
    for (size_t i = 0; i < ARRAY_LEN(written); i++) {
        if ((uint64_t)at == written[i].at && o->bytes == written[i].len)
            return NULL;
    }
    return o->access & X86_ACCESS_W ? "this of the vCPU is not written" : NULL;
}

static const char *operand(const struct prove *p, const struct x86_operand *o)
{
    const struct x86_insn *in = &p->in;

    if (o->kind == X86_OPK_RMBITS && x86_insn_row(in)->imm == X86_IMM_NONE &&
        (in->reg != HOST_S2 || p->now.s2 >= 8u * o->bytes))
        return "an address that a bit's number moves";
    if (o->bytes == 0)
        return x86_insn_row(in)->mnemonic == X86_MN_LEA ? NULL : "bytes of unknown number";
    if (in->addrsize != 8 || o->seg == X86_FS || o->seg == X86_GS)
        return "a segment or an address size";
    if (is_mem(in, HOST_S1, X86_REG_NONE) && p->now.s1 == S1_CPU)
        return at_cpu(p, o);
    if (is_mem(in, HOST_S1, X86_REG_NONE) && p->now.s1 == S1_REQUESTS)
        return in->disp == 0 && o->bytes <= sizeof(unsigned) && !(o->access & X86_ACCESS_W)
                   ? NULL
                   : "more than a look at the requests";
    if (is_mem(in, HOST_S1, X86_REG_NONE))
        return at_s1(p, o);
    if (by_distance(p))
        return at_distance(p, o);
    if (is_mem(in, HOST_FRAME, X86_REG_NONE))
        return in_frame(0, (int64_t)in->disp, o->bytes);
    if (is_mem(in, HOST_FRAME, HOST_S2))
        return in_frame(p->now.s2 <= UINT32_MAX ? p->now.s2 << in->scale : UINT64_MAX,
                        (int64_t)in->disp, o->bytes);
    return "neither the frame nor S1";
}

static const char *operands(const struct prove *p)
{
    if (x86_insn_row(&p->in)->mnemonic == X86_MN_LEA ||
        x86_insn_row(&p->in)->klass == X86_CLASS_HINT)
        return NULL;
    for (unsigned i = 0; i < 4; i++) {
        struct x86_operand o;
        const char *wrong;

        x86_insn_operand(&p->in, i, &o);
        wrong = o.what == X86_OPERAND_MEM ? operand(p, &o) : NULL;
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

/* ---- the way through --------------------------------------------------------------------------- */

static bool ends(const struct x86_insn *in)
{
    return x86_insn_row(in)->mnemonic == X86_MN_JMP;
}

static const char *jump(struct prove *p)
{
    uint64_t to = p->pos + p->in.len + p->in.imm;

    if (x86_insn_row(&p->in)->mnemonic == X86_MN_CALL)
        return "a direct call";
    if (to >= p->code->len)
        return "a jump out of the block";
    if (p->backward[to] == BACK_JUMP && to <= p->pos && p->at[to].of.known &&
        !(is_address(&p->now) && same_address(&p->now.of, &p->at[to].of)))
        return "a jump back with another address";
    if (to > p->pos) {
        struct state at_target = p->now;

        if (at_target.s1 == S1_IN_PAGE && x86_insn_row(&p->in)->mnemonic == X86_MN_JNBE)
            at_target.s1 = S1_DISTANCE; /* that is where the comparison failed */
        join(&p->at[to], &at_target);
    }
    return NULL;
}

static bool is_direct(const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);

    return row->klass == X86_CLASS_BRANCH && (row->imm == X86_IMM_REL || row->imm == X86_IMM_REL8);
}

/* PUSHFQ, and what has to follow it: its address counts from where RSP was. */
static const char *flags_moved(struct prove *p, bool *moved)
{
    unsigned mnemonic = x86_insn_row(&p->in)->mnemonic;

    *moved = true;
    if (p->now.pushed) {
        p->now.pushed = false;
        if (mnemonic == X86_MN_POP && p->in.opsize == 8 && is_mem(&p->in, HOST_FRAME, X86_REG_NONE))
            return in_frame(0, (int64_t)p->in.disp, 8);
        return "PUSHF without POP";
    }
    *moved = p->now.pushed = mnemonic == X86_MN_PUSHFQ && p->in.opsize == 8;
    return NULL;
}

/* What is jumped to is in the frame, or has come back from a call. */
static const char *indirect(const struct prove *p)
{
    const struct x86_row *row = x86_insn_row(&p->in);

    if (row->klass != X86_CLASS_BRANCH || is_direct(&p->in))
        return NULL;
    if (p->in.flags & X86_INSN_MEM)
        return p->in.base == HOST_FRAME ? NULL : "a jump to what is not in the frame";
    return p->now.landed && p->in.rm == HOST_S2 ? NULL : "a jump to a register";
}

static const char *insn(struct prove *p)
{
    bool moved;
    const char *wrong = flags_moved(p, &moved);

    if (moved)
        return wrong;
    wrong = wrong_kind(&p->in);
    if (wrong == NULL)
        wrong = indirect(p);
    if (wrong == NULL)
        wrong = operands(p);
    if (wrong != NULL)
        return wrong;
    prove_follow(p);
    if (is_direct(&p->in))
        return jump(p);
    if (x86_insn_row(&p->in)->mnemonic == X86_MN_CALL) {
        struct address of = p->now.of;

        of.known = is_address(&p->now) && p->in.disp == offsetof(struct trans_frame, fill);
        p->now = unknown;
        p->now.of = of; /* which leaves S1 and the guest's registers as they are */
        p->now.landed = p->in.disp == offsetof(struct trans_frame, call);
    }
    return NULL;
}

static bool decode(struct prove *p)
{
    size_t left = p->code->len - p->pos;

    return x86_decode(p->code->bytes + p->pos, left < X86_INSN_MAX ? (unsigned)left : X86_INSN_MAX,
                      X86_CODE_64, &p->in) == X86_DECODE_OK;
}

/* Marks where nothing may be relied on. */
static const char *find_entries(struct prove *p)
{
    for (size_t i = 0; i < p->code->nentries; i++)
        p->backward[p->code->entry[i]] = BACK_ENTRY;
    for (p->pos = 0; p->pos < p->code->len; p->pos += p->in.len) {
        if (!decode(p))
            return "no instruction";
        if (is_direct(&p->in)) {
            uint64_t to = p->pos + p->in.len + p->in.imm;

            if (to <= p->pos && p->backward[to] == BACK_NOT)
                p->backward[to] = BACK_JUMP;
        }
    }
    return NULL;
}

/* Joins what nobody knows at a place where S1 is what it is now, which jump() sees to. */
static void from_behind(struct prove *p)
{
    struct state *at = &p->at[p->pos], other = unknown;

    if (at->reached && p->backward[p->pos] == BACK_JUMP && is_address(at))
        other.of = at->of;
    join(at, &other);
}

static const char *walk(struct prove *p)
{
    const char *wrong = find_entries(p);

    p->now = unknown;
    for (p->pos = 0; wrong == NULL && p->pos < p->code->len; p->pos += p->in.len) {
        if (p->now.reached)
            join(&p->at[p->pos], &p->now);
        if (p->backward[p->pos] != BACK_NOT)
            from_behind(p);
        p->now = p->at[p->pos].reached ? p->at[p->pos] : unknown;
        p->at[p->pos].reached = false; /* what is left at the end went between two instructions */
        (void)decode(p);
        wrong = insn(p);
        if (wrong != NULL)
            return wrong;
        if (ends(&p->in))
            p->now.reached = false;
    }
    for (p->pos = 0; wrong == NULL && p->pos < p->code->len; p->pos++) {
        if (p->at[p->pos].reached)
            return "a jump into the middle of an instruction";
    }
    return wrong;
}

const char *prove_code(const struct prove_code *code, uint32_t *at)
{
    struct prove p = { .code = code };
    const char *wrong = "no memory to prove it";

    p.at = calloc(code->len + 1, sizeof(*p.at));
    p.backward = calloc(code->len + 1, 1);
    if (p.at != NULL && p.backward != NULL)
        wrong = walk(&p);
    *at = p.pos;
    free(p.at);
    free(p.backward);
    return wrong;
}
