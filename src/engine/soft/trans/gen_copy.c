/* SPDX-License-Identifier: MIT */
/*
 * gen_copy.c - guest instructions with their registers renumbered and their memory operand at S1
 *
 * The bytes are put together again from the decoded fields: prefixes that count, REX or VEX, opcode, ModRM,
 * immediate. Segment and address-size prefixes are left out: they are in the address. So is LOCK while there is one
 * vCPU: nobody else writes the word. A register that lives in the frame is loaded into a scratch
 * register before and stored after.
 */
#include "engine/soft/trans/gen.h"

#include "x86/operand.h"

enum { CC_Z = 4, CC_NB = 3, CC_BE = 6, CC_NZ = 5 };

/* Register numbers to be encoded. */
struct fields {
    uint8_t reg, rm, vvvv;
    bool s2_taken; /* by gen.place */
    bool mem;      /* rm is gen.place, behind a check */
    bool spill;    /* rm is a register that lives in the frame, and is used there */
    bool opreg;    /* rm is in the opcode */
    struct {
        uint8_t guest, host;
        bool written, read;
    } scratch[2];
    unsigned nscratch;
};

/* ---- registers -------------------------------------------------------------------------------- */

static bool is_high_byte(const struct x86_insn *in, unsigned reg, unsigned width)
{
    return width == 1 && reg >= 4 && reg < 8 && !(in->flags & X86_INSN_REX);
}

/*
 * Ordinary instructions do to memory what they do to a register; but 32 bits that are written clear the upper half
 * of a register. Not XCHG, which locks memory.
 */
static bool works_in_frame(const struct x86_row *row, unsigned guest, unsigned width, bool written)
{
    if (gen_home(guest) != GEN_SPILLED || row->klass != X86_CLASS_INT || row->align > 1 ||
        (written && width == 4))
        return false;
    switch (row->mnemonic) {
    case X86_MN_MOV:
    case X86_MN_ADD:
    case X86_MN_ADC:
    case X86_MN_SUB:
    case X86_MN_SBB:
    case X86_MN_AND:
    case X86_MN_OR:
    case X86_MN_XOR:
    case X86_MN_CMP:
    case X86_MN_TEST:
    case X86_MN_INC:
    case X86_MN_DEC:
    case X86_MN_NEG:
    case X86_MN_NOT:
    case X86_MN_SHL:
    case X86_MN_SHR:
    case X86_MN_SAR:
    case X86_MN_IMUL:
    case X86_MN_MOVSX:
    case X86_MN_MOVSXD:
    case X86_MN_MOVZX:
        return true;
    default:
        return false;
    }
}

/* Nothing of what the register held is left. */
static bool is_overwritten(const struct x86_row *row, unsigned width)
{
    bool moves = row->mnemonic == X86_MN_MOV || row->mnemonic == X86_MN_MOVZX ||
                 row->mnemonic == X86_MN_MOVSX || row->mnemonic == X86_MN_MOVSXD;

    return moves && width >= 4;
}

/* The host's number for an operand's register; a scratch register when it has no home. */
static uint8_t assign(struct fields *f, const struct x86_insn *in, unsigned guest, unsigned width,
                      bool written)
{
    const uint8_t free[2] = { f->s2_taken ? HOST_S1 : HOST_S2, f->s2_taken ? HOST_S2 : HOST_S1 };
    unsigned home = gen_home(guest);

    if (is_high_byte(in, guest, width))
        return (uint8_t)guest; /* AH CH DH BH: their registers are at home */
    if (home != GEN_SPILLED)
        return (uint8_t)home;
    for (unsigned i = 0; i < f->nscratch; i++) {
        if (f->scratch[i].guest == guest) {
            f->scratch[i].written |= written;
            return f->scratch[i].host;
        }
    }
    f->scratch[f->nscratch].guest = (uint8_t)guest;
    f->scratch[f->nscratch].host = free[f->nscratch];
    f->scratch[f->nscratch].written = written;
    f->scratch[f->nscratch].read = true;
    return free[f->nscratch++];
}

static void assign_all(struct fields *f, const struct x86_insn *in, bool s2_taken)
{
    const struct x86_row *row = x86_insn_row(in);

    *f = (struct fields){ .s2_taken = s2_taken,
                          .reg = in->modrm >> 3 & 7,
                          .rm = in->modrm & 7,
                          .vvvv = in->vvvv,
                          .mem = in->flags & X86_INSN_MEM };
    for (unsigned i = 0; i < ARRAY_LEN(row->operand); i++) {
        const struct x86_opnd_type *type = &x86_opnd_types[row->operand[i]];
        unsigned width = x86_size_bytes((enum x86_size)type->reg_size, in);
        bool written = scan_access(row, i) & X86_ACCESS_W;

        switch (type->kind) {
        case X86_OPK_RM:
        case X86_OPK_RMBITS:
        case X86_OPK_OPREG:
            f->opreg = type->kind == X86_OPK_OPREG;
            f->spill =
                !f->mem && type->kind == X86_OPK_RM && works_in_frame(row, in->rm, width, written);
            if (!f->mem && !f->spill)
                f->rm = assign(f, in, in->rm, width, written);
            break;
        case X86_OPK_REG:
            f->reg = assign(f, in, in->reg, width, written);
            break;
        case X86_OPK_VVVV:
            f->vvvv = assign(f, in, in->vvvv, 8, written);
            break;
        case X86_OPK_XREG:
            f->reg = in->reg;
            break;
        case X86_OPK_XRM:
            if (!f->mem)
                f->rm = in->rm;
            break;
        default:
            break;
        }
    }
}

/* Not loaded before: registers that are only written. */
static void skip_loads(struct fields *f, const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);
    const struct x86_opnd_type *type = &x86_opnd_types[row->operand[0]];
    unsigned width = x86_size_bytes((enum x86_size)type->reg_size, in);
    unsigned guest = type->kind == X86_OPK_REG ? in->reg : in->rm;

    if (!is_overwritten(row, width))
        return;
    for (unsigned i = 0; i < f->nscratch; i++) {
        bool is_source = type->kind == X86_OPK_REG ? !f->mem && in->rm == guest : in->reg == guest;

        if (f->scratch[i].guest == guest && !is_source)
            f->scratch[i].read = false;
    }
}

/* ---- bytes ------------------------------------------------------------------------------------ */

static unsigned imm_bytes(const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);

    if (row->props & X86_ROW_IS4)
        return 1;
    switch ((enum x86_imm)row->imm) {
    case X86_IMM_B:
    case X86_IMM_SB:
        return 1;
    case X86_IMM_W:
        return 2;
    case X86_IMM_Z:
        return in->opsize == 2 ? 2 : 4;
    case X86_IMM_V:
        return in->opsize;
    default:
        return 0;
    }
}

static void modrm_and_imm(struct gen *g, const struct fields *f)
{
    const struct x86_insn *in = &g->x->in;
    unsigned n = imm_bytes(in);

    if (x86_insn_row(in)->props & X86_ROW_MODRM) {
        if (f->spill) {
            emit_8(&g->e, 0x44u | (f->reg & 7u)
                                      << 3); /* a byte of distance, and another with the base */
            emit_8(&g->e, 0x24);
            emit_8(&g->e, (uint8_t)gen_spill(in->rm).disp);
        } else if (f->mem) {
            emit_modrm(&g->e, f->reg, g->place);
        } else {
            emit_8(&g->e, 0xc0u | (f->reg & 7u) << 3 | (f->rm & 7u));
        }
    }
    emit_bytes(&g->e, g->x->bytes + in->len - n, n);
}

/* X and B of REX. */
static unsigned rm_rex(const struct gen *g, const struct fields *f)
{
    if (f->mem)
        return emit_mem_rex(g->place);
    return f->spill ? 0 : f->rm >> 3;
}

static void legacy(struct gen *g, const struct fields *f)
{
    const struct x86_insn *in = &g->x->in;
    const struct x86_row *row = x86_insn_row(in);
    unsigned rex = (in->rex & X86_REX_W) | (f->reg >> 3) << 2 | rm_rex(g, f);
    bool modrm = row->props & X86_ROW_MODRM;

    if (in->flags & X86_INSN_LOCK && g->t->shared)
        emit_8(&g->e, 0xf0);
    if (in->flags & X86_INSN_66)
        emit_8(&g->e, 0x66);
    if (in->flags & (X86_INSN_F2 | X86_INSN_F3) && !(row->prefixes & BIT(X86_PP_NP)))
        emit_8(&g->e, in->flags & X86_INSN_F3 ? 0xf3 : 0xf2);
    if (!modrm)
        rex &= ~4u;
    if (rex != 0 || in->flags & X86_INSN_REX)
        emit_8(&g->e, 0x40 | rex);
    if (row->map != X86_MAP_1B)
        emit_8(&g->e, 0x0f);
    if (row->map == X86_MAP_0F38)
        emit_8(&g->e, 0x38);
    if (row->map == X86_MAP_0F3A)
        emit_8(&g->e, 0x3a);
    if (scan_short_inc(in)) { /* the host gets FF /0 and /1 */
        emit_8(&g->e, 0xff);
        emit_8(&g->e, 0xc0u | (in->opcode & 8u) | (f->rm & 7u));
        return;
    }
    emit_8(&g->e, f->opreg ? (in->opcode & ~7u) | (f->rm & 7u) : in->opcode);
    modrm_and_imm(g, f);
}

/* Always the form with three bytes; W, L and pp as the guest has them. */
static void vex(struct gen *g, const struct fields *f)
{
    const uint8_t *b = g->x->bytes;
    unsigned map = 1, last;

    while (*b != 0xc4 && *b != 0xc5)
        b++; /* prefixes: the decoder has found that a VEX prefix follows */
    last = b[1];
    if (*b == 0xc4) {
        map = b[1] & 0x1f;
        last = b[2];
    } else {
        last &= 0x7f;
    }
    emit_8(&g->e, 0xc4);
    emit_8(&g->e, ((f->reg >> 3 << 2 | rm_rex(g, f)) ^ 7u) << 5 | map);
    if (x86_insn_row(&g->x->in)->props & X86_ROW_VVVV)
        last = (last & ~0x78u) | (~(unsigned)f->vvvv & 15u) << 3;
    emit_8(&g->e, last);
    emit_8(&g->e, g->x->in.opcode);
    modrm_and_imm(g, f);
}

/* ---- an instruction ---------------------------------------------------------------------------- */

bool gen_copy_access(const struct scan_insn *x, struct gen_access *a)
{
    const struct x86_row *row = x86_insn_row(&x->in);
    int mem = scan_mem_operand(&x->in);
    const struct x86_opnd_type *type;

    if (mem < 0)
        return false;
    type = &x86_opnd_types[row->operand[mem]];
    a->size = x86_size_bytes((enum x86_size)type->mem_size, &x->in);
    a->how = scan_access(row, (unsigned)mem) & X86_ACCESS_W ? TRANS_WRITE : TRANS_READ;
    a->align = row->align == X86_ALIGN_VL ? x->in.veclen : row->align;
    return true;
}

static void check_operand(struct gen *g, bool direct)
{
    struct gen_access a = { .live = g->x->live, .direct = direct && gen_direct(g->x) };

    if (!gen_copy_access(g->x, &a))
        return;
    if (a.size == 0) {
        g->failed = true; /* nothing that is copied has an operand of unknown size */
        return;
    }
    gen_operand(g, a);
}

static void load_scratch(struct gen *g, const struct fields *f)
{
    for (unsigned i = 0; i < f->nscratch; i++) {
        if (f->scratch[i].read)
            emit_load(&g->e, f->scratch[i].host, gen_spill(f->scratch[i].guest));
    }
}

static void store_scratch(struct gen *g, const struct fields *f)
{
    for (unsigned i = 0; i < f->nscratch; i++) {
        if (f->scratch[i].written)
            emit_store(&g->e, gen_spill(f->scratch[i].guest), f->scratch[i].host);
    }
}

static void copy(struct gen *g, const struct fields *f)
{
    if (g->x->in.flags & X86_INSN_VEX)
        vex(g, f);
    else
        legacy(g, f);
    store_scratch(g, f);
}

/* A LEA whose registers are all at home: then it is an instruction again. */
static bool is_at_home(const struct x86_insn *in)
{
    bool base = in->base < 16 ? gen_home(in->base) != GEN_SPILLED
                              : in->base == X86_REG_NONE && in->index != X86_REG_NONE;

    return base && gen_home(in->reg) != GEN_SPILLED && in->opsize != 2 &&
           (in->index == X86_REG_NONE || gen_home(in->index) != GEN_SPILLED);
}

static void lea_at_home(struct gen *g)
{
    const struct x86_insn *in = &g->x->in;
    unsigned index = in->index != X86_REG_NONE ? gen_home(in->index) : EMIT_NO_INDEX;
    unsigned base = in->base != X86_REG_NONE ? gen_home(in->base) : EMIT_NO_BASE;

    emit_op_mem(&g->e, in->opsize == 8 && in->addrsize == 8, 0x8d, gen_home(in->reg),
                (struct emit_mem){ (uint8_t)base, (uint8_t)index, in->scale, (int32_t)in->disp });
}

/* LEA: the address is the value. The destination's low 2, 4 or 8 bytes are written. */
static void lea(struct gen *g)
{
    const struct x86_insn *in = &g->x->in;
    unsigned home = gen_home(in->reg);

    if (is_at_home(in)) {
        lea_at_home(g);
        return;
    }
    gen_address(g);
    if (in->opsize == 2) {
        emit_8(&g->e, 0x66);
        if (home == GEN_SPILLED)
            emit_op_mem(&g->e, false, 0x89, HOST_S1, gen_spill(in->reg));
        else
            emit_op_reg(&g->e, false, 0x89, HOST_S1, home);
        return;
    }
    if (in->opsize == 4 && in->addrsize == 8)
        emit_op_reg(&g->e, false, 0x89, HOST_S1, HOST_S1);
    gen_put(g, in->reg, HOST_S1);
}

bool gen_keeps_s1(const struct x86_insn *in)
{
    if (in->flags & X86_INSN_MEM && x86_insn_row(in)->mnemonic != X86_MN_LEA)
        return false;
    if (x86_insn_row(in)->mnemonic == X86_MN_LEA)
        return is_at_home(in) && in->reg != X86_RSP;
    return gen_shares_s1(in) && !x86_insn_writes_gpr(in, X86_RSP);
}

bool gen_shares_s1(const struct x86_insn *in)
{
    struct fields f;

    assign_all(&f, in, false);
    return f.nscratch <= 1;
}

bool gen_has_high_byte(const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);

    for (unsigned i = 0; i < ARRAY_LEN(row->operand); i++) {
        const struct x86_opnd_type *type = &x86_opnd_types[row->operand[i]];

        if (type->kind == X86_OPK_REG &&
            is_high_byte(in, in->reg, x86_size_bytes((enum x86_size)type->reg_size, in)))
            return true;
    }
    return false;
}

void gen_copy_checked(struct gen *g)
{
    struct fields f;

    gen_restore_flags(g);
    assign_all(&f, &g->x->in, gen_uses_s2(g));
    skip_loads(&f, &g->x->in);
    load_scratch(g, &f);
    copy(g, &f);
}

void gen_copy(struct gen *g)
{
    unsigned before;

    if (g->x->kind == SCAN_LEA) {
        lea(g);
        return;
    }
    before = g->ncolds;
    check_operand(g, true);
    gen_copy_checked(g);
    if (g->x->in.flags & X86_INSN_MEM)
        g->place = gen_at_s1(0);
    if (g->ncolds > before)
        g->cold[before].back = g->e.at;
}

/* ---- DIV, IDIV -------------------------------------------------------------------------------- */

/* Whether it raises nothing is found out before: unsigned if RDX is below the divisor. */
static void div_guard(struct gen *g, const struct fields *f, bool wide)
{
    if (f->mem)
        emit_op_mem(&g->e, wide, 0x3b, X86_RDX, (struct emit_mem){ HOST_S1, EMIT_NO_INDEX, 0, 0 });
    else
        emit_op_reg(&g->e, wide, 0x3b, X86_RDX, f->rm);
    gen_step_if(g, CC_NB, g->x->live);
}

/* Signed if RDX:RAX is RAX extended, and the divisor is neither 0 nor -1. */
static void idiv_guard(struct gen *g, const struct fields *f, bool wide)
{
    struct emit *e = &g->e;
    unsigned temp = f->mem ? HOST_S2 : HOST_S1;

    if (g->x->live != 0)
        emit_op_mem(e, wide, 0x8b, temp, FRAME(parked_rax));
    else
        emit_op_reg(e, wide, 0x89, X86_RAX, temp);
    emit_op_reg(e, wide, 0xc1, 7, temp); /* sar */
    emit_8(e, wide ? 63 : 31);
    emit_op_reg(e, wide, 0x3b, X86_RDX, temp);
    gen_step_if(g, CC_NZ, g->x->live);
    if (f->mem)
        emit_op_mem(e, wide, 0x8b, temp, (struct emit_mem){ HOST_S1, EMIT_NO_INDEX, 0, 0 });
    else
        emit_op_reg(e, wide, 0x89, f->rm, temp);
    emit_alu_imm(e, wide, 0, temp, 1);
    emit_alu_imm(e, wide, 7, temp, 1);
    gen_step_if(g, CC_BE, g->x->live);
}

void gen_div(struct gen *g)
{
    bool wide = g->x->in.opsize == 8;
    struct fields f;

    assign_all(&f, &g->x->in, false);
    check_operand(g, false);
    load_scratch(g, &f);
    gen_park(g, g->x->live);
    if (x86_insn_row(&g->x->in)->mnemonic == X86_MN_DIV)
        div_guard(g, &f, wide);
    else
        idiv_guard(g, &f, wide);
    gen_unpark(g, g->x->live);
    copy(g, &f);
}
