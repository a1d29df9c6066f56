/* SPDX-License-Identifier: MIT */
/* soft_int_gen.c - see soft_int_gen.h */
#include "soft_int_gen.h"

#include <string.h>

#include "base/bits.h"

enum { ATTEMPTS = 4000, PAGE = WINDOW_PAGE };

/* ---- numbers ---------------------------------------------------------------------------------- */

uint64_t gen_random(struct gen *g)
{
    g->rng ^= g->rng << 13;
    g->rng ^= g->rng >> 7;
    g->rng ^= g->rng << 17;
    return g->rng * UINT64_C(0x9e3779b97f4a7c15);
}

unsigned gen_below(struct gen *g, unsigned n)
{
    return (unsigned)(gen_random(g) >> 33) % n;
}

uint64_t gen_value(struct gen *g)
{
    static const uint64_t edge[] = { 0,          1,
                                     2,          0x7f,
                                     0x80,       0xff,
                                     0x7fff,     0x8000,
                                     0xffff,     0x7fffffff,
                                     0x80000000, 0xffffffff,
                                     INT64_MAX,  UINT64_C(1) << 63,
                                     UINT64_MAX, UINT64_MAX - 1 };

    switch (gen_below(g, 8)) {
    case 0:
    case 1:
        return edge[gen_below(g, ARRAY_LEN(edge))];
    case 2:
        return BIT(gen_below(g, 64));
    case 3:
        return gen_below(g, 256);
    case 4:
        return gen_random(g) >> gen_below(g, 64);
    default:
        return gen_random(g);
    }
}

uint64_t gen_linear(struct gen *g)
{
    uint64_t at = (uint64_t)((int64_t)(gen_value(g) << 16) >> 16);

    return gen_below(g, 4) != 0 ? at : at ^ UINT64_C(1) << 63;
}

/* Offset in the window for an access: mostly plain memory, often an edge. */
static uint64_t pick_target(struct gen *g, bool aligned)
{
    uint64_t in_page = gen_below(g, PAGE - 64) + 16, near = PAGE - 1 - gen_below(g, 16);
    uint64_t page = WINDOW_DATA + PAGE * (uint64_t)gen_below(g, 3), at;

    switch (gen_below(g, 22)) {
    case 0:
    case 1:
        at = page + near; /* over a page border, into memory */
        break;
    case 2:
        at = WINDOW_RO - PAGE + near; /* into what is read-only */
        break;
    case 3:
        at = WINDOW_RO + in_page;
        break;
    case 4:
        at = WINDOW_RO + near; /* off the end */
        break;
    case 5:
        at = WINDOW_DATA - PAGE + near; /* from nothing into memory */
        break;
    case 6:
        at = WINDOW_END + in_page;
        break;
    case 7:
    case 8:
        at = (page + in_page) & ~UINT64_C(15);
        break;
    case 9:
        at = WINDOW_DATA + gen_below(g, 64); /* a stack that reaches below memory */
        break;
    case 10:
        at = WINDOW_END - gen_below(g, 64); /* one that is popped over the end */
        break;
    default:
        at = page + in_page;
    }
    return aligned ? at & ~UINT64_C(15) : at;
}

/* ---- bytes ------------------------------------------------------------------------------------ */

struct bytes {
    uint8_t b[40];
    unsigned n, disp_at, disp_len;
};

static void put(struct bytes *out, unsigned byte)
{
    out->b[out->n++] = (uint8_t)byte;
}

static bool is_vex(const struct x86_row *row)
{
    return row->map >= X86_MAP_VEX0F;
}

static unsigned pick_pp(struct gen *g, const struct x86_row *row)
{
    bool any = row->klass == X86_CLASS_STRING || row->klass == X86_CLASS_HINT;
    unsigned pp = gen_below(g, X86_NPP);

    if (row->prefixes & 1 << X86_PP_NP && !any && pp > X86_PP_66)
        pp = X86_PP_NP; /* F2 and F3 elsewhere: lock elision and branch hints */
    return row->prefixes >> pp & 1 ? pp : X86_NPP;
}

static void put_prefixes(struct gen *g, const struct x86_row *row, unsigned pp, struct bytes *out)
{
    static const uint8_t segs[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };
    static const uint8_t slots[X86_NPP] = {
        [X86_PP_66] = 0x66, [X86_PP_F3] = 0xf3, [X86_PP_F2] = 0xf2
    };

    if (gen_below(g, 8) == 0)
        put(out, segs[gen_below(g, g->code == X86_CODE_64 || g->fs_base != 0 ? 6 : 4)]);
    if (gen_below(g, 6) == 0)
        put(out, 0x67);
    if (is_vex(row))
        return;
    if (row->props & X86_ROW_LOCK && gen_below(g, 3) == 0)
        put(out, 0xf0);
    if (pp > X86_PP_66 && gen_below(g, 4) == 0)
        put(out, 0x66);
    if (pp != X86_PP_NP)
        put(out, slots[pp]);
    if (g->code == X86_CODE_64 && gen_below(g, 2) == 0)
        put(out, 0x40 | gen_below(g, 16));
}

/* VEX.L: one of those that the row allows. */
static unsigned pick_length(struct gen *g, const struct x86_row *row)
{
    if (!(row->when & X86_WHEN_L1))
        return 0;
    return row->when & X86_WHEN_L0 ? gen_below(g, 2) : 1;
}

/* Two bytes where they suffice, now and then. */
static void put_vex(struct gen *g, const struct x86_row *row, unsigned pp, struct bytes *out)
{
    bool is64 = g->code == X86_CODE_64;
    unsigned w = gen_below(g, 2) << 7, vvvv = gen_below(g, is64 ? 16 : 8);
    unsigned last =
        (~(row->props & X86_ROW_VVVV ? vvvv : 0) & 15) << 3 | pick_length(g, row) << 2 | pp;
    unsigned rxb = is64 ? gen_below(g, 8) << 5 : 0xe0;

    if (row->map == X86_MAP_VEX0F && gen_below(g, 3) == 0) {
        put(out, 0xc5);
        put(out, (rxb & 0x80) | last);
        return;
    }
    put(out, 0xc4);
    put(out, rxb | (row->map - X86_MAP_VEX0F + 1));
    put(out, w | last);
}

static void put_opcode(struct gen *g, const struct x86_row *row, unsigned pp, struct bytes *out)
{
    if (is_vex(row)) {
        put_vex(g, row, pp, out);
    } else if (row->map != X86_MAP_1B) {
        put(out, 0x0f);
        if (row->map == X86_MAP_0F38)
            put(out, 0x38);
        else if (row->map == X86_MAP_0F3A)
            put(out, 0x3a);
    }
    put(out, row->opcode + (row->props & X86_ROW_MODRM ? 0 : gen_below(g, 8) & gen_below(g, 8)));
}

static void put_disp(struct gen *g, struct bytes *out, unsigned len)
{
    int64_t disp = (int64_t)gen_below(g, 0x800) - 0x400;

    out->disp_at = out->n;
    out->disp_len = len;
    le_put(out->b + out->n, len, (uint64_t)disp);
    out->n += len;
}

static void put_modrm(struct gen *g, const struct x86_row *row, unsigned addrsize,
                      struct bytes *out)
{
    unsigned mod = gen_below(g, 4), rm = gen_below(g, 8), base = rm;
    unsigned reg = gen_below(g, 2) ? row->modrm & 7 : gen_below(g, 8);

    if (row->modrm >= 0xc0) { /* the whole byte is the row's */
        put(out, row->modrm);
        return;
    }
    put(out, mod << 6 | reg << 3 | rm);
    if (mod == 3)
        return;
    if (addrsize == 2) {
        if (mod != 0 || rm == 6)
            put_disp(g, out, mod == 1 ? 1 : 2);
        return;
    }
    if (rm == 4) {
        base = gen_below(g, 8);
        put(out, gen_below(g, 4) << 6 | gen_below(g, 8) << 3 | base);
    }
    if (mod != 0 || base == 5)
        put_disp(g, out, mod == 1 ? 1 : 4);
}

static unsigned addrsize_of(const struct gen *g, const struct bytes *out)
{
    bool toggled = memchr(out->b, 0x67, out->n) != NULL;

    if (g->code == X86_CODE_64)
        return toggled ? 4 : 8;
    return (g->code == X86_CODE_32) != toggled ? 4 : 2;
}

static void put_imm(struct gen *g, const struct x86_row *row, unsigned addrsize, struct bytes *out)
{
    if (row->imm == X86_IMM_MOFFS) {
        put_disp(g, out, addrsize);
    } else if (row->imm == X86_IMM_W_B) { /* ENTER: a frame that the window can hold, mostly */
        le_put(out->b + out->n, 2, gen_below(g, 16) == 0 ? gen_random(g) : gen_below(g, 0x300));
        put(out, out->b[out->n]);
        put(out, out->b[out->n]);
        put(out, gen_below(g, 4) ? gen_below(g, 8) : gen_below(g, 256));
    } else {
        le_put(out->b + out->n, 8, gen_value(g));
        out->n += 8;
    }
}

static bool try_bytes(struct gen *g, unsigned op, struct bytes *out, struct x86_insn *in)
{
    const struct x86_row *row = &x86_rows[op];
    unsigned pp = pick_pp(g, row), addrsize;

    memset(out, 0, sizeof(*out));
    if (pp == X86_NPP)
        return false;
    put_prefixes(g, row, pp, out);
    addrsize = addrsize_of(g, out);
    put_opcode(g, row, pp, out);
    if (row->props & X86_ROW_MODRM)
        put_modrm(g, row, addrsize, out);
    put_imm(g, row, addrsize, out);
    return x86_decode(out->b, X86_INSN_MAX, g->code, in) == X86_DECODE_OK && in->op == op;
}

/* ---- registers -------------------------------------------------------------------------------- */

static uint64_t seg_base(const struct gen *g, unsigned seg)
{
    if (g->code == X86_CODE_16)
        return WINDOW;
    return seg == X86_FS ? g->fs_base : 0;
}

/* A register that addresses a target; what the address size ignores is noise. */
static void aim(struct gen *g, struct gen_case *k, unsigned reg, unsigned width, unsigned seg)
{
    uint64_t at = pick_target(g, false), val = WINDOW + at - seg_base(g, seg);
    uint64_t noise = g->code == X86_CODE_64 ? gen_value(g) & ~ones(width) : 0;

    k->target[k->ntargets++] = at;
    k->regs.gpr[reg] = (val & ones(width)) | noise;
}

static uint64_t ea_of(const struct gen_case *k)
{
    const struct x86_insn *in = &k->in;
    uint64_t ea = in->disp;

    if (in->base == X86_BASE_RIP)
        ea += k->regs.rip + in->len;
    else if (in->base != X86_REG_NONE)
        ea += k->regs.gpr[in->base];
    if (in->index != X86_REG_NONE)
        ea += k->regs.gpr[in->index] << in->scale;
    return ea & ones(in->addrsize);
}

/* Makes the ModRM or moffs operand name a target, by its base register or its displacement. */
static bool place_operand(struct gen *g, struct gen_case *k, struct bytes *b)
{
    bool aligned = k->in.flags & X86_INSN_LOCK || x86_insn_row(&k->in)->mnemonic == X86_MN_XCHG;
    uint64_t at = pick_target(g, aligned || gen_below(g, 3) == 0);
    uint64_t want = WINDOW + at - seg_base(g, k->in.seg), delta = want - ea_of(k);
    unsigned base = k->in.base;

    if (base != X86_REG_NONE && base != X86_BASE_RIP) {
        uint64_t mask = ones(k->in.addrsize);

        if (base == k->in.index)
            return false;
        k->regs.gpr[base] = (k->regs.gpr[base] & ~mask) | ((k->regs.gpr[base] + delta) & mask);
    } else {
        if (b->disp_len == 0)
            return false;
        le_put(b->b + b->disp_at, b->disp_len, k->in.disp + delta);
        if (x86_decode(b->b, X86_INSN_MAX, g->code, &k->in) != X86_DECODE_OK)
            return false;
    }
    k->target[k->ntargets++] = at;
    return ea_of(k) == want;
}

static void aim_strings(struct gen *g, struct gen_case *k)
{
    unsigned width = k->in.addrsize;

    k->ntargets = 0;
    aim(g, k, X86_RSP, 8, X86_SS);
    aim(g, k, X86_RSI, width, k->in.seg);
    aim(g, k, X86_RDI, width, X86_ES);
    if (gen_below(g, 4) == 0)
        k->regs.gpr[X86_RCX] &= ~ones(width);
    else if (gen_below(g, 2) == 0)
        k->regs.gpr[X86_RCX] = (k->regs.gpr[X86_RCX] & ~ones(width)) | gen_below(g, 4);
}

/* What some instructions need of their registers to do anything worth seeing. */
static bool prepare(struct gen *g, struct gen_case *k)
{
    const struct x86_row *row = x86_insn_row(&k->in);
    uint64_t *gpr = k->regs.gpr;

    switch (row->mnemonic) {
    case X86_MN_DIV:
    case X86_MN_IDIV:
        if (gen_below(g, 2) == 0)
            gpr[X86_RDX] = gen_below(g, 3) ? gen_below(g, 16) : -(uint64_t)gen_below(g, 16);
        break;
    case X86_MN_ENTER:
    case X86_MN_LEAVE:
        aim(g, k, X86_RBP, g->code == X86_CODE_16 ? 2 : 8, X86_SS);
        break;
    case X86_MN_XLAT:
        aim(g, k, X86_RBX, 8, k->in.seg);
        gpr[X86_RBX] -= gpr[X86_RAX] & 0xff;
        gpr[X86_RBX] &= g->code == X86_CODE_64 ? UINT64_MAX : UINT32_MAX;
        break;
    case X86_MN_JMP:
    case X86_MN_CALL:
        if (gen_below(g, 2) == 0)
            gpr[k->in.rm] = WINDOW + gen_below(g, WINDOW_PAGE);
        break;
    default:
        break;
    }
    if (x86_opnd_types[row->operand[0]].kind == X86_OPK_RMBITS && k->in.flags & X86_INSN_MEM) {
        uint64_t mask = ones(k->in.opsize), noise = gen_random(g);

        if (k->in.reg == k->in.base || k->in.reg == k->in.index)
            return false;
        gpr[k->in.reg] = ((uint64_t)gen_below(g, 1024) - 512) & mask;
        gpr[k->in.reg] |= g->code == X86_CODE_64 ? noise & ~mask : 0;
    }
    return true;
}

static void random_registers(struct gen *g, struct gen_case *k)
{
    uint64_t flags = 0xcd5; /* CF PF AF ZF SF DF OF */

    for (unsigned i = 0; i < X86_NGPR; i++)
        k->regs.gpr[i] = gen_value(g) & (g->code == X86_CODE_64 ? UINT64_MAX : UINT32_MAX);
    k->regs.rflags = X86_RFLAGS_FIXED | X86_RFLAGS_IF | (gen_random(g) & flags);
    k->regs.rip = GEN_CODE_AT + (g->code == X86_CODE_16 ? 0 : WINDOW);
}

bool gen_case(struct gen *g, unsigned op, struct gen_case *k)
{
    const struct x86_row *row = &x86_rows[op];
    struct bytes b;

    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        memset(k, 0, sizeof(*k));
        if (!try_bytes(g, op, &b, &k->in))
            continue;
        random_registers(g, k);
        aim(g, k, X86_RSP, g->code == X86_CODE_16 ? 2 : 8, X86_SS);
        if (row->klass == X86_CLASS_STRING)
            aim_strings(g, k);
        if (!prepare(g, k))
            continue;
        if ((k->in.flags & X86_INSN_MEM || row->imm == X86_IMM_MOFFS) && !place_operand(g, k, &b))
            continue;
        memcpy(k->bytes, b.b, X86_INSN_MAX);
        return true;
    }
    return false;
}
