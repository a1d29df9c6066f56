/* SPDX-License-Identifier: MIT */
/*
 * prove.c - see prove.h
 *
 * One pass over the instructions in their order. Jumps go forward, and carry what is known to their targets,
 * where it is joined with what is known there; a jump backward, or from outside, brings nothing. A memory
 * operand must be
 *   RSP + a distance inside the frame,
 *   RSP + S2 + a distance, where S2 was masked or shifted so that the sum lies inside the frame,
 *   or S1 + a small distance, where S1 was found to be that far from the end of a page.
 * S1 comes to that in four steps: the tag of an entry is added, the sum is compared with 4096 - n, one that is
 * above jumps away, and the host's address of the same entry is added. The entry must be one for writing
 * if the operand is written. Or S1 is a pointer of the frame: to the vCPU, of which anything may be read and
 * little written, or to its requests. RSP itself is never written, and nothing is executed that reads or writes
 * memory without naming it, but PUSHF and a POP of it into the frame.
 */
#include "engine/soft/trans/prove.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "engine/soft/trans/emit.h"
#include "x86/operand.h"

enum { PAGE = 4096, CC_A = 7, TABLE = sizeof(struct trans_pages), ENTRY = 8 };

/* What S1 is. */
enum s1 {
    S1_ANY,
    S1_DISTANCE, /* an address minus the page of the entry at S2 */
    S1_COMPARED, /* and the flags say whether it is above 4096 - n */
    S1_IN_PAGE,  /* it is not */
    S1_CHECKED,  /* n bytes there may be accessed */
    S1_CPU,      /* soft_cpu.s.gpr */
    S1_REQUESTS, /* vcpu.requests */
};

struct state {
    bool reached;
    uint8_t s1;    /* enum s1 */
    uint16_t n;    /* from S1_COMPARED on: bytes */
    int32_t entry; /* S1_DISTANCE to S1_IN_PAGE: RSP + this is the entry, or with S2 added */
    bool counted;  /* the second */
    bool may_write;
    bool landed; /* S2 is where the call that was just made said to go on */
    bool pushed; /* RSP is 8 less */
    uint64_t s2; /* most that S2 can be */
};

struct prove {
    const struct prove_code *code;
    struct state *at;  /* by byte: what is known before it */
    uint8_t *backward; /* by byte: a jump from behind goes there, or one from outside */
    struct state now;
    struct x86_insn in;
    uint32_t pos;
};

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
    if (to->s1 != from->s1 ||
        (to->s1 < S1_CHECKED && (to->entry != from->entry || to->counted != from->counted))) {
        to->s1 = S1_ANY;
        return;
    }
    if (to->n > from->n)
        to->n = from->n;
    to->may_write &= from->may_write;
}

/* ---- instructions ------------------------------------------------------------------------------ */

static bool is_mem(const struct x86_insn *in, unsigned base, unsigned index)
{
    return in->flags & X86_INSN_MEM && in->base == base && in->index == index;
}

static bool is_alu_imm(const struct x86_insn *in, enum x86_mnemonic mnemonic, unsigned reg)
{
    const struct x86_row *row = x86_insn_row(in);

    return row->mnemonic == mnemonic && row->imm != X86_IMM_NONE && !(in->flags & X86_INSN_MEM) &&
           in->rm == reg;
}

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

/* ---- what an instruction changes ---------------------------------------------------------------- */

static void follow_s2(struct prove *p)
{
    const struct x86_insn *in = &p->in;

    if (!x86_insn_writes_gpr(in, HOST_S2))
        return;
    p->now.landed = false;
    if (p->now.s1 < S1_CHECKED)
        p->now.s1 = S1_ANY; /* the entry is lost */
    if (is_alu_imm(in, X86_MN_AND, HOST_S2) && in->opsize == 4)
        p->now.s2 = (uint32_t)in->imm;
    else if (is_alu_imm(in, X86_MN_SHR, HOST_S2) && in->opsize == 4)
        p->now.s2 = UINT32_MAX >> (in->imm & 31);
    else if (is_alu_imm(in, X86_MN_SHL, HOST_S2) && in->opsize == 4 && p->now.s2 <= UINT32_MAX)
        p->now.s2 = (p->now.s2 << (in->imm & 31)) & UINT32_MAX;
    else
        p->now.s2 = UINT64_MAX;
}

/* The entry is one of the tables of pages: it is named, or S2 counts entries of a table. */
static bool is_tag(const struct prove *p, bool *may_write)
{
    int64_t at = (int64_t)p->in.disp - (int64_t)offsetof(struct trans_frame, tlb);
    bool counted = p->in.index == HOST_S2;

    *may_write = at / TABLE % TRANS_ACCESSES == TRANS_WRITE;
    return at >= 0 && at / TABLE < BANKS * TRANS_ACCESSES && at % ENTRY == 0 &&
           (counted ? at % TABLE == 0 && p->now.s2 < TRANS_TLB : at % TABLE < TRANS_TLB * ENTRY);
}

static bool adds_entry(const struct x86_insn *in)
{
    return x86_insn_row(in)->mnemonic == X86_MN_ADD && in->opsize == 8 && in->reg == HOST_S1 &&
           (is_mem(in, HOST_FRAME, X86_REG_NONE) ||
            (is_mem(in, HOST_FRAME, HOST_S2) && 1u << in->scale == ENTRY));
}

/* A pointer that the frame has for translated code. */
static bool loads(const struct x86_insn *in, size_t field)
{
    return x86_insn_row(in)->mnemonic == X86_MN_MOV && in->opsize == 8 && in->reg == HOST_S1 &&
           in->opcode == 0x8b && is_mem(in, HOST_FRAME, X86_REG_NONE) && in->disp == field;
}

/* S1 = frame.across_bytes. */
static bool is_across(const struct x86_insn *in)
{
    return x86_insn_row(in)->mnemonic == X86_MN_LEA && in->opsize == 8 && in->reg == HOST_S1 &&
           is_mem(in, HOST_FRAME, X86_REG_NONE) &&
           in->disp == offsetof(struct trans_frame, across_bytes);
}

static void follow_s1(struct prove *p)
{
    const struct x86_insn *in = &p->in;
    struct state *s = &p->now;
    bool compared = s->s1 == S1_COMPARED, may_write;

    if (compared)
        s->s1 = S1_DISTANCE; /* unless the jump follows at once */
    if (adds_entry(in) && s->s1 == S1_IN_PAGE && s->counted == (in->index == HOST_S2) &&
        (int32_t)in->disp == s->entry + (int32_t)offsetof(struct trans_pages, host)) {
        s->s1 = S1_CHECKED;
    } else if (adds_entry(in) && is_tag(p, &may_write)) {
        s->s1 = S1_DISTANCE;
        s->entry = (int32_t)in->disp;
        s->counted = in->index == HOST_S2;
        s->may_write = may_write;
    } else if (is_alu_imm(in, X86_MN_CMP, HOST_S1) && in->opsize == 8 && s->s1 == S1_DISTANCE &&
               in->imm < PAGE) {
        s->s1 = S1_COMPARED;
        s->n = (uint16_t)(PAGE - in->imm);
    } else if (compared && x86_insn_row(in)->mnemonic == X86_MN_JNBE) {
        s->s1 = S1_IN_PAGE;
    } else if (is_across(in)) {
        s->s1 = S1_CHECKED;
        s->n = ACROSS_BYTES;
        s->may_write = true;
    } else if (loads(in, offsetof(struct trans_frame, gpr))) {
        s->s1 = S1_CPU;
    } else if (loads(in, offsetof(struct trans_frame, requests))) {
        s->s1 = S1_REQUESTS;
    } else if (x86_insn_writes_gpr(in, HOST_S1)) {
        s->s1 = S1_ANY;
    }
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
    follow_s1(p);
    follow_s2(p);
    if (is_direct(&p->in))
        return jump(p);
    if (x86_insn_row(&p->in)->mnemonic == X86_MN_CALL) {
        p->now = unknown;
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
        p->backward[p->code->entry[i]] = 1;
    for (p->pos = 0; p->pos < p->code->len; p->pos += p->in.len) {
        if (!decode(p))
            return "no instruction";
        if (is_direct(&p->in)) {
            uint64_t to = p->pos + p->in.len + p->in.imm;

            if (to <= p->pos)
                p->backward[to] = 1;
        }
    }
    return NULL;
}

static const char *walk(struct prove *p)
{
    const char *wrong = find_entries(p);

    p->now = unknown;
    for (p->pos = 0; wrong == NULL && p->pos < p->code->len; p->pos += p->in.len) {
        if (p->backward[p->pos])
            join(&p->at[p->pos], &unknown);
        if (p->now.reached)
            join(&p->at[p->pos], &p->now);
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
