/* SPDX-License-Identifier: MIT */
/*
 * decode.c - the one-pass instruction decoder
 *
 * Source: Intel SDM volume 2, "Instruction Format" (prefixes, ModRM, SIB, REX, VEX) and appendix A;
 * where Intel and AMD differ (66 before near branches in 64-bit mode), as Intel. What an opcode
 * means is in opcodes.tbl only; here is how bytes are taken apart.
 *
 * Order: prefixes, VEX or escape bytes, opcode; ModRM picks the row; then SIB, displacement and
 * immediates; then combinations that the row does not allow.
 */
#include "x86/decode.h"

#include "base/bits.h"

enum prefix_kind { PFX_NONE, PFX_SEG, PFX_REX, PFX_66, PFX_67, PFX_LOCK, PFX_F2, PFX_F3 };

/* clang-format off */
static const uint8_t prefix_kinds[256] = {
    [0x26] = PFX_SEG, [0x2e] = PFX_SEG, [0x36] = PFX_SEG, [0x3e] = PFX_SEG,
    [0x64] = PFX_SEG, [0x65] = PFX_SEG, [0x66] = PFX_66, [0x67] = PFX_67,
    [0xf0] = PFX_LOCK, [0xf2] = PFX_F2, [0xf3] = PFX_F3,
    [0x40] = PFX_REX, [0x41] = PFX_REX, [0x42] = PFX_REX, [0x43] = PFX_REX,
    [0x44] = PFX_REX, [0x45] = PFX_REX, [0x46] = PFX_REX, [0x47] = PFX_REX,
    [0x48] = PFX_REX, [0x49] = PFX_REX, [0x4a] = PFX_REX, [0x4b] = PFX_REX,
    [0x4c] = PFX_REX, [0x4d] = PFX_REX, [0x4e] = PFX_REX, [0x4f] = PFX_REX,
};
/* clang-format on */

/* Operand and address sizes as log2(bytes) - 1: 0, 1, 2 for 16, 32, 64 bits. */
enum { SIZE16, SIZE32, SIZE64 };

struct scan {
    const uint8_t *bytes;
    unsigned avail, pos;
    bool is64;
    uint8_t map;     /* enum x86_map */
    uint8_t pp;      /* enum x86_pp */
    uint8_t veclen1; /* VEX.L */
    uint8_t vvvv;    /* all four bits; in->vvvv is the register */
    struct x86_insn *in;
};

static enum x86_decode_result short_of(const struct scan *s)
{
    return s->avail < X86_INSN_MAX ? X86_DECODE_NEED_MORE : X86_DECODE_TOO_LONG;
}

static bool has(const struct scan *s, unsigned n)
{
    return s->avail - s->pos >= n;
}

static void take_segment(struct scan *s, uint8_t byte)
{
    unsigned seg = byte >= 0x64 ? X86_FS + (byte & 1u) : byte >> 3 & 3u;

    /* 64-bit mode ignores the other four, and they do not undo FS or GS. */
    if (!s->is64 || seg >= X86_FS)
        s->in->seg_override = (uint8_t)seg;
}

/* Takes all prefixes but VEX; false when the bytes end before an opcode. */
static bool take_prefixes(struct scan *s)
{
    struct x86_insn *in = s->in;

    for (; s->pos < s->avail; s->pos++) {
        uint8_t byte = s->bytes[s->pos];
        enum prefix_kind kind = prefix_kinds[byte];

        if (kind == PFX_NONE || (kind == PFX_REX && !s->is64))
            return true;
        if (kind == PFX_REX) {
            in->flags |= X86_INSN_REX;
            in->rex = byte & 0xf;
            continue;
        }
        /* A REX prefix counts only right before the opcode. */
        in->flags &= (uint8_t)~X86_INSN_REX;
        in->rex = 0;
        if (kind == PFX_SEG)
            take_segment(s, byte);
        else if (kind == PFX_66)
            in->flags |= X86_INSN_66;
        else if (kind == PFX_67)
            in->flags |= X86_INSN_67;
        else if (kind == PFX_LOCK)
            in->flags |= X86_INSN_LOCK;
        else
            in->flags = (uint8_t)((in->flags & ~(X86_INSN_F2 | X86_INSN_F3)) |
                                  (kind == PFX_F2 ? X86_INSN_F2 : X86_INSN_F3));
    }
    return false;
}

/* SDM 2, "The VEX Prefix": two or three bytes, then the opcode. */
static enum x86_decode_result take_vex(struct scan *s, unsigned len)
{
    struct x86_insn *in = s->in;
    const uint8_t *p = s->bytes + s->pos;
    unsigned last;

    if (in->flags & (X86_INSN_REX | X86_INSN_LOCK | X86_INSN_66 | X86_INSN_F2 | X86_INSN_F3))
        return X86_DECODE_UD;
    if (!has(s, len + 1))
        return short_of(s);
    last = p[len - 1];
    in->rex = (uint8_t)((p[1] ^ 0xff) >> 5 & X86_REX_R);
    s->map = X86_MAP_VEX0F;
    if (len == 3) {
        if ((p[1] & 0x1f) == 0 || (p[1] & 0x1f) > 3)
            return X86_DECODE_UD;
        s->map = (uint8_t)(X86_MAP_VEX0F + (p[1] & 0x1f) - 1);
        in->rex = (uint8_t)((p[1] ^ 0xff) >> 5 | (last >> 4 & X86_REX_W));
    }
    s->vvvv = (last ^ 0xff) >> 3 & 0xf;
    in->vvvv = s->vvvv;
    if (!s->is64) {
        in->rex &= X86_REX_W;
        in->vvvv &= 7;
    }
    in->flags |= X86_INSN_VEX;
    s->veclen1 = last >> 2 & 1;
    s->pp = last & 3;
    in->opcode = p[len];
    s->pos += len + 1;
    return X86_DECODE_OK;
}

/* Escape bytes and opcode. The byte at pos is there. */
static enum x86_decode_result take_opcode(struct scan *s)
{
    struct x86_insn *in = s->in;
    uint8_t byte = s->bytes[s->pos];

    if ((byte & 0xfe) == 0xc4) {
        if (!s->is64 && !has(s, 2))
            return short_of(s);
        if (s->is64 || s->bytes[s->pos + 1] >= 0xc0)
            return take_vex(s, byte == 0xc4 ? 3 : 2);
    }
    /* F2 and F3 go before 66 as a mandatory prefix. */
    s->pp = in->flags & X86_INSN_F3   ? X86_PP_F3
            : in->flags & X86_INSN_F2 ? X86_PP_F2
            : in->flags & X86_INSN_66 ? X86_PP_66
                                      : X86_PP_NP;
    s->pos++;
    if (byte == 0x0f) {
        if (!has(s, 1))
            return short_of(s);
        byte = s->bytes[s->pos++];
        s->map = X86_MAP_0F;
        if (byte == 0x38 || byte == 0x3a) {
            if (!has(s, 1))
                return short_of(s);
            s->map = byte == 0x38 ? X86_MAP_0F38 : X86_MAP_0F3A;
            byte = s->bytes[s->pos++];
        }
    }
    in->opcode = byte;
    return X86_DECODE_OK;
}

static unsigned operand_size(const struct scan *s, bool with66)
{
    if (s->is64 && s->in->rex & X86_REX_W)
        return SIZE64;
    return (s->in->code == X86_CODE_16) == with66 ? SIZE32 : SIZE16;
}

static unsigned address_size(const struct scan *s)
{
    bool with67 = s->in->flags & X86_INSN_67;

    if (s->is64)
        return with67 ? SIZE32 : SIZE64;
    return (s->in->code == X86_CODE_16) == with67 ? SIZE32 : SIZE16;
}

/* All facts but those that ModRM brings. */
static uint32_t facts_of(const struct scan *s)
{
    const struct x86_insn *in = s->in;
    unsigned w = in->rex >> 3, b = in->rex & X86_REX_B;
    uint32_t facts = s->is64 ? X86_WHEN_64 : X86_WHEN_NOT64;

    facts |= (uint32_t)X86_WHEN_L0 << s->veclen1;
    facts |= (uint32_t)X86_WHEN_W0 << w;
    facts |= (uint32_t)X86_WHEN_Q0 << (w & s->is64);
    facts |= (uint32_t)X86_WHEN_B0 << b;
    facts |= (uint32_t)X86_WHEN_O16 << operand_size(s, in->flags & X86_INSN_66);
    facts |= (uint32_t)X86_WHEN_A16 << address_size(s);
    return facts;
}

static bool applies(unsigned op, uint32_t facts)
{
    return (facts & ~x86_rows[op].when) == 0;
}

/* The row of a cell that is a row or a list; 0 for none. */
static unsigned pick(unsigned cell, uint32_t facts)
{
    if (cell >> X86_CELL_SHIFT == X86_CELL_ROW)
        return applies(cell, facts) ? cell : 0;
    for (const uint16_t *op = x86_op_lists + (cell & (BIT(X86_CELL_SHIFT) - 1)); *op != 0; op++)
        if (applies(*op, facts))
            return *op;
    return 0;
}

static bool cell_has_modrm(unsigned cell)
{
    unsigned at = cell & (BIT(X86_CELL_SHIFT) - 1);

    switch (cell >> X86_CELL_SHIFT) {
    case X86_CELL_ROW:
        return x86_rows[cell].props & X86_ROW_MODRM;
    case X86_CELL_LIST:
        return x86_rows[x86_op_lists[at]].props & X86_ROW_MODRM;
    default:
        return true;
    }
}

/* Finds the row; takes the ModRM byte if there is one. */
static enum x86_decode_result find_row(struct scan *s)
{
    struct x86_insn *in = s->in;
    unsigned cell = x86_op_index[(s->map * 256u + in->opcode) * X86_NPP + s->pp];
    uint32_t facts = facts_of(s);

    if (cell == 0)
        return X86_DECODE_UD;
    if (!cell_has_modrm(cell)) {
        in->op = (uint16_t)pick(cell, facts);
        in->rm = (uint8_t)((in->opcode & 7) | (in->rex & X86_REX_B) << 3);
        return in->op == 0 ? X86_DECODE_UD : X86_DECODE_OK;
    }
    /* A row of its own that the mode rules out needs no ModRM to be #UD. */
    if (cell >> X86_CELL_SHIFT == X86_CELL_ROW && !applies(cell, facts))
        return X86_DECODE_UD;
    if (!has(s, 1))
        return short_of(s);
    in->modrm = s->bytes[s->pos++];
    in->reg = (uint8_t)((in->modrm >> 3 & 7) | (in->rex & X86_REX_R) << 1);
    in->rm = (uint8_t)((in->modrm & 7) | (in->rex & X86_REX_B) << 3);
    bool is_reg = in->modrm >= 0xc0;
    unsigned sub = cell & (BIT(X86_CELL_SHIFT) - 1);
    if (cell >> X86_CELL_SHIFT == X86_CELL_BY_REG)
        cell = x86_op_sub[sub + (is_reg ? 8u : 0u) + (in->modrm >> 3 & 7)];
    else if (cell >> X86_CELL_SHIFT == X86_CELL_BY_MODRM)
        cell = x86_op_sub[sub + (is_reg ? 8u + (in->modrm & 0x3f) : in->modrm >> 3 & 7u)];
    in->op = (uint16_t)pick(cell, facts | (is_reg ? X86_WHEN_REG : X86_WHEN_MEM));
    return in->op == 0 ? X86_DECODE_UD : X86_DECODE_OK;
}

static enum x86_decode_result take_disp(struct scan *s, unsigned bytes)
{
    uint64_t v;

    if (!has(s, bytes))
        return short_of(s);
    v = le_get(s->bytes + s->pos, bytes);
    s->in->disp = bytes == 1   ? (uint64_t)(int8_t)v
                  : bytes == 2 ? (uint64_t)(int16_t)v
                               : (uint64_t)(int32_t)v;
    s->pos += bytes;
    return X86_DECODE_OK;
}

/* SDM 2, "16-Bit Addressing Forms with the ModR/M Byte" */
static enum x86_decode_result take_mem16(struct scan *s)
{
    static const struct {
        uint8_t base, index;
    } forms[] = {
        { X86_RBX, X86_RSI },      { X86_RBX, X86_RDI },      { X86_RBP, X86_RSI },
        { X86_RBP, X86_RDI },      { X86_RSI, X86_REG_NONE }, { X86_RDI, X86_REG_NONE },
        { X86_RBP, X86_REG_NONE }, { X86_RBX, X86_REG_NONE },
    };
    struct x86_insn *in = s->in;
    unsigned mod = in->modrm >> 6, rm = in->modrm & 7;

    if (x86_rows[in->op].props & X86_ROW_VSIB)
        return X86_DECODE_UD;
    if (mod == 0 && rm == 6)
        return take_disp(s, 2);
    in->base = forms[rm].base;
    in->index = forms[rm].index;
    return mod == 0 ? X86_DECODE_OK : take_disp(s, mod);
}

/* SIB byte; true when a 32-bit displacement takes the place of the base. */
static bool take_sib(struct scan *s)
{
    struct x86_insn *in = s->in;
    uint8_t sib = s->bytes[s->pos++];
    unsigned index = (sib >> 3 & 7u) | (in->rex & X86_REX_X) << 2;
    bool no_base = (sib & 7) == 5 && in->modrm < 0x40;

    in->scale = sib >> 6;
    if (index != X86_RSP || x86_rows[in->op].props & X86_ROW_VSIB)
        in->index = (uint8_t)index;
    if (!no_base)
        in->base = (uint8_t)((sib & 7) | (in->rex & X86_REX_B) << 3);
    return no_base;
}

/* SDM 2, "32-Bit Addressing Forms with the ModR/M Byte" and "RIP-Relative Addressing" */
static enum x86_decode_result take_mem32(struct scan *s)
{
    struct x86_insn *in = s->in;
    unsigned mod = in->modrm >> 6, rm = in->modrm & 7;
    bool disp32 = mod == 2;

    if (rm == 4) {
        if (!has(s, 1))
            return short_of(s);
        disp32 |= take_sib(s);
    } else if (x86_rows[in->op].props & X86_ROW_VSIB) {
        return X86_DECODE_UD;
    } else if (mod == 0 && rm == 5) {
        in->base = s->is64 ? X86_BASE_RIP : X86_REG_NONE;
        disp32 = true;
    } else {
        in->base = in->rm;
    }
    if (disp32)
        return take_disp(s, 4);
    return mod == 1 ? take_disp(s, 1) : X86_DECODE_OK;
}

static enum x86_decode_result take_mem(struct scan *s)
{
    struct x86_insn *in = s->in;
    enum x86_decode_result result;

    in->flags |= X86_INSN_MEM;
    result = in->addrsize == 2 ? take_mem16(s) : take_mem32(s);
    if (in->seg_override == X86_REG_NONE && (in->base == X86_RSP || in->base == X86_RBP))
        in->seg = X86_SS;
    return result;
}

static uint64_t sign_extended(uint64_t v, unsigned bytes)
{
    unsigned shift = 64 - 8 * bytes;

    return (uint64_t)((int64_t)(v << shift) >> shift);
}

/* Length of the first immediate. */
static unsigned imm_bytes(const struct x86_insn *in, enum x86_imm kind)
{
    switch (kind) {
    case X86_IMM_NONE:
        return 0;
    case X86_IMM_B:
    case X86_IMM_SB:
    case X86_IMM_REL8:
        return 1;
    case X86_IMM_W:
    case X86_IMM_W_B:
        return 2;
    case X86_IMM_V:
        return in->opsize;
    case X86_IMM_MOFFS:
        return in->addrsize;
    case X86_IMM_Z:
    case X86_IMM_REL:
    case X86_IMM_FAR:
        break;
    }
    return in->opsize < 4 ? in->opsize : 4;
}

static enum x86_decode_result take_imm(struct scan *s, const struct x86_row *row)
{
    struct x86_insn *in = s->in;
    unsigned first = imm_bytes(in, row->imm);
    unsigned second = row->imm == X86_IMM_W_B ? 1 : row->imm == X86_IMM_FAR ? 2 : 0;
    uint64_t v;

    if (!has(s, first + second))
        return short_of(s);
    v = le_get(s->bytes + s->pos, first);
    in->imm2 = (uint16_t)le_get(s->bytes + s->pos + first, second);
    s->pos += first + second;
    switch ((enum x86_imm)row->imm) {
    case X86_IMM_SB:
    case X86_IMM_Z:
    case X86_IMM_REL8:
    case X86_IMM_REL:
        in->imm = sign_extended(v, first);
        break;
    case X86_IMM_MOFFS:
        in->disp = v;
        break;
    default:
        in->imm = v;
    }
    if (row->props & X86_ROW_IS4)
        in->is4 = (uint8_t)(v >> 4 & (s->is64 ? 0xf : 7));
    return X86_DECODE_OK;
}

/* Register numbers that name nothing. */
static bool registers_exist(const struct x86_insn *in, enum x86_check check)
{
    unsigned sreg = in->reg & 7;

    switch (check) {
    case X86_CHECK_NONE:
        break;
    case X86_CHECK_SREG:
        return sreg < X86_NSREG;
    case X86_CHECK_SREG_DST:
        return sreg < X86_NSREG && sreg != X86_CS;
    case X86_CHECK_CREG:
        return in->reg < 9 && (0x11d >> in->reg & 1) != 0;
    case X86_CHECK_DREG:
        return in->reg < 8;
    case X86_CHECK_GATHER:
        return in->reg != in->index && in->reg != in->vvvv && in->index != in->vvvv;
    }
    return true;
}

static bool allowed(const struct scan *s, const struct x86_row *row)
{
    const struct x86_insn *in = s->in;

    if (in->flags & X86_INSN_LOCK && !(row->props & X86_ROW_LOCK && in->flags & X86_INSN_MEM))
        return false;
    if (s->vvvv != 0 && !(row->props & X86_ROW_VVVV))
        return false;
    return registers_exist(in, row->check);
}

static unsigned row_operand_size(const struct scan *s, const struct x86_row *row)
{
    bool with66 = s->in->flags & X86_INSN_66 && !(row->props & X86_ROW_ONLY66);

    if (!s->is64 || row->size == X86_SIZE_N)
        return operand_size(s, with66);
    if (row->size == X86_SIZE_F64 || !with66 || s->in->rex & X86_REX_W)
        return SIZE64;
    return SIZE16;
}

enum x86_decode_result x86_decode(const uint8_t *bytes, unsigned avail, enum x86_code code,
                                  struct x86_insn *out)
{
    struct scan s = {
        .bytes = bytes,
        .avail = avail < X86_INSN_MAX ? avail : X86_INSN_MAX,
        .is64 = code == X86_CODE_64,
        .in = out,
    };
    const struct x86_row *row;
    enum x86_decode_result result;

    *out = (struct x86_insn){
        .code = (uint8_t)code,
        .seg_override = X86_REG_NONE,
        .base = X86_REG_NONE,
        .index = X86_REG_NONE,
    };
    if (!take_prefixes(&s))
        return short_of(&s);
    result = take_opcode(&s);
    if (result == X86_DECODE_OK)
        result = find_row(&s);
    if (result != X86_DECODE_OK)
        return result;
    row = x86_insn_row(out);
    out->opsize = (uint8_t)(2u << row_operand_size(&s, row));
    out->addrsize = (uint8_t)(2u << address_size(&s));
    out->veclen = s.veclen1 && !(row->props & X86_ROW_LIG) ? 32 : 16;
    out->seg = out->seg_override == X86_REG_NONE ? X86_DS : out->seg_override;
    if (row->props & X86_ROW_MODRM && out->modrm < 0xc0 && !(row->props & X86_ROW_ANYMOD))
        result = take_mem(&s);
    if (result == X86_DECODE_OK && row->imm != X86_IMM_NONE)
        result = take_imm(&s, row);
    if (result != X86_DECODE_OK)
        return result;
    out->len = (uint8_t)s.pos;
    return allowed(&s, row) ? X86_DECODE_OK : X86_DECODE_UD;
}
