/* SPDX-License-Identifier: MIT */
/*
 * simd_masked.c - vector moves that touch only some elements of memory
 *
 * Elements whose mask bit is clear are not accessed and do not fault. A store checks all of its elements
 * before it writes one. A gather that faults keeps the elements it has, and clears their mask bits, so
 * that it goes on where it was. Source: SDM 2, MASKMOVDQU, VMASKMOV, VPMASKMOV, VGATHER pages.
 */
#include <string.h>

#include "engine/soft/fpu.h"
#include "x86/operand.h"

static bool chosen(const uint8_t *mask, unsigned i, unsigned size)
{
    return mask[i * size + size - 1] & 0x80;
}

/* Both ends of an element, byte by byte: there is no alignment check. */
static bool can_write_element(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned size)
{
    return soft_can_write(c, seg, ea, 1) && soft_can_write(c, seg, ea + size - 1, 1);
}

/* Elements of the mask in `len` bytes, written at ea. */
static bool masked_store(struct soft_cpu *c, const struct x86_insn *in, uint64_t ea,
                         const uint8_t *mask, const uint8_t *src, unsigned len, unsigned size)
{
    uint64_t cut = ones(in->addrsize);

    for (unsigned i = 0; i < len; i += size)
        if (chosen(mask, i / size, size) && !can_write_element(c, in->seg, (ea + i) & cut, size))
            return false;
    for (unsigned i = 0; i < len; i += size)
        if (chosen(mask, i / size, size) &&
            !soft_store_block(c, in->seg, (ea + i) & cut, src + i, size))
            return false;
    return true;
}

/* ---- MASKMOVQ, MASKMOVDQU: bytes, to DS:rDI ----------------------------------------------------- */

/* CPUs ask for all bytes, quadword by quadword, whatever the mask is. */
static bool byte_store(struct soft_cpu *c, const struct x86_insn *in, const uint8_t *mask,
                       const uint8_t *src, unsigned len)
{
    uint64_t ea = c->s.gpr[X86_RDI] & ones(in->addrsize);

    for (unsigned i = 0; i < len; i += 8)
        if (!soft_can_write(c, in->seg, (ea + i) & ones(in->addrsize), 8))
            return false;
    return masked_store(c, in, ea, mask, src, len, 1);
}

static bool maskmovq(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_fx *fx = soft_fx(c, FX_X87);
    unsigned top = fx->fsw >> FSW_TOP_SHIFT & 7;
    bool done;

    if (!soft_x87_wait(c))
        return false;
    done = byte_store(c, in, fx->st[(in->rm - top) & 7], fx->st[(in->reg - top) & 7], 8);
    if (done || c->stop.kind == SOFT_FAULT)
        soft_x87_to_mmx(fx);
    return done;
}

bool soft_op_maskmov(struct soft_cpu *c, const struct x86_insn *in)
{
    const struct soft_fx *fx;

    if (x86_insn_row(in)->klass == X86_CLASS_MMX)
        return maskmovq(c, in);
    fx = soft_fx(c, FX_SSE);
    return byte_store(c, in, fx->xmm[in->rm], fx->xmm[in->reg], 16);
}

/* ---- VMASKMOV, VPMASKMOV -------------------------------------------------------------------------- */

static unsigned element_of(const struct x86_row *row)
{
    return row->mnemonic == X86_MN_VMASKMOVPD || row->mnemonic == X86_MN_VPMASKMOVQ ? 8 : 4;
}

bool soft_op_vmaskmov(struct soft_cpu *c, const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);
    unsigned size = element_of(row);
    uint64_t ea = soft_ea(c, in);
    uint8_t mask[32], data[32];

    soft_vec_get(c, in->vvvv, mask);
    if (x86_opnd_types[row->operand[0]].kind == X86_OPK_RM) {
        soft_vec_get(c, in->reg, data);
        return masked_store(c, in, ea, mask, data, in->veclen, size);
    }
    memset(data, 0, sizeof(data));
    for (unsigned i = 0; i < in->veclen / size; i++)
        if (chosen(mask, i, size) &&
            !soft_load_block(c, in->seg, (ea + i * size) & ones(in->addrsize), data + i * size,
                             size))
            return false;
    soft_vec_set(c, in->reg, data);
    return true;
}

/* ---- gathers ------------------------------------------------------------------------------------- */

struct gather {
    uint8_t dst[32], mask[32], index[32];
    unsigned size, index_size, n;
    uint64_t base;
};

static void gather_begin(struct soft_cpu *c, const struct x86_insn *in, struct gather *g)
{
    const struct x86_opnd_type *type = &x86_opnd_types[x86_insn_row(in)->operand[1]];
    unsigned index_bytes = x86_size_bytes(type->reg_size, in);

    g->size = x86_size_bytes(type->mem_size, in);
    g->index_size =
        x86_insn_row(in)->opcode & 1 ? 8 : 4; /* 90, 92: doublewords; 91, 93: quadwords */
    g->n = index_bytes / g->index_size;
    if (g->n > in->veclen / g->size)
        g->n = in->veclen / g->size;
    g->base = in->disp + (in->base == X86_REG_NONE ? 0 : c->s.gpr[in->base]);
    soft_vec_get(c, in->reg, g->dst);
    soft_vec_get(c, in->vvvv, g->mask);
    soft_vec_get(c, in->index, g->index);
    memset(g->mask + in->veclen, 0, sizeof(g->mask) - in->veclen);
    for (unsigned i = 0; i < in->veclen / g->size; i++) /* only sign bits count */
        memset(g->mask + i * g->size, chosen(g->mask, i, g->size) ? 0xff : 0, g->size);
}

static uint64_t gather_ea(const struct x86_insn *in, const struct gather *g, unsigned i)
{
    uint64_t index = le_get(g->index + i * g->index_size, g->index_size);

    if (g->index_size == 4)
        index = (uint64_t)(int32_t)index;
    return (g->base + (index << in->scale)) & ones(in->addrsize);
}

static void gather_keep(struct soft_cpu *c, const struct x86_insn *in, const struct gather *g)
{
    soft_vec_set(c, in->reg, g->dst);
    soft_vec_set(c, in->vvvv, g->mask);
}

bool soft_op_gather(struct soft_cpu *c, const struct x86_insn *in)
{
    struct gather g;

    gather_begin(c, in, &g);
    for (unsigned i = 0; i < g.n; i++) {
        if (!chosen(g.mask, i, g.size))
            continue;
        if (!soft_load_block(c, in->seg, gather_ea(in, &g, i), g.dst + i * g.size, g.size)) {
            if (c->stop.kind == SOFT_FAULT)
                gather_keep(c, in, &g);
            return false;
        }
        memset(g.mask + i * g.size, 0, g.size);
        memset(g.dst + in->veclen, 0, sizeof(g.dst) - in->veclen);
    }
    memset(g.mask, 0, sizeof(g.mask));
    memset(g.dst + g.n * g.size, 0, sizeof(g.dst) - g.n * g.size);
    gather_keep(c, in, &g);
    return true;
}
