/* SPDX-License-Identifier: MIT */
/*
 * soft_vec_gen.c - random instructions, registers and memory for soft_vec_rig.h
 *
 * Operand values mix random bits with the numbers at which floating point changes its mind: zeros,
 * denormals, infinities, quiet and signalling NaNs, the largest and the smallest normal numbers.
 */
#include <string.h>

#include "engine/soft/fpu.h"
#include "soft_vec_rig.h"

enum { TRIES = 60000 };

/* ---- random ---------------------------------------------------------------------------------- */

uint64_t rig_random(struct rig *r)
{
    uint64_t z = r->seed += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

unsigned rig_below(struct rig *r, unsigned n)
{
    return (unsigned)(rig_random(r) % n);
}

static const uint32_t floats[] = {
    0,          0x80000000, 0x3f800000, 0xbf800000, 0x00000001, 0x80000001, 0x007fffff, 0x00400000,
    0x00800000, 0x80800000, 0x00800001, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000,
    0xffc00000, 0x7f800001, 0xffbfffff, 0x7fffffff, 0x4f000000, 0xcf000000, 0x4effffff, 0x5f000000,
    0x3f000000, 0x3fc00000, 0x40200000, 0x20000000, 0x1f800000, 0x5e800000, 0x33800000, 0x38800000,
    0x387fffff, 0x477fe000, 0x477ff000, 0x33000000, 0x40490fdb, 0x2f800000,
};

static const uint64_t doubles[] = {
    0x0000000000000000, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000,
    0x0000000000000001, 0x8000000000000001, 0x000fffffffffffff, 0x0008000000000000,
    0x0010000000000000, 0x8010000000000000, 0x0010000000000001, 0x7fefffffffffffff,
    0xffefffffffffffff, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
    0xfff8000000000000, 0x7ff0000000000001, 0xfff7ffffffffffff, 0x41e0000000000000,
    0xc1e0000000000000, 0x43e0000000000000, 0xc3e0000000000000, 0x41dfffffffc00000,
    0x3fe0000000000000, 0x3ff8000000000000, 0x2000000000000000, 0x5fe0000000000000,
    0x47efffffe0000000, 0x47efffffefffffff, 0x36a0000000000000, 0x380fffffffffffff,
    0x3810000000000000, 0x369fffffffffffff, 0x400921fb54442d18, 0x4024000000000000,
};

struct extended {
    uint64_t significand;
    uint16_t exponent;
};

static const struct extended extendeds[] = {
    { 0, 0 },
    { 0, 0x8000 },
    { UINT64_C(1) << 63, 0x3fff },
    { UINT64_C(1) << 63, 0xbfff },
    { 1, 0 },
    { 1, 0x8000 },
    { UINT64_C(1) << 63, 0 }, /* pseudo-denormal */
    { UINT64_MAX >> 1, 0 },
    { UINT64_C(1) << 63, 1 },
    { UINT64_MAX, 0x7ffe },
    { UINT64_MAX, 0xfffe },
    { UINT64_C(1) << 63, 0x7fff },
    { UINT64_C(1) << 63, 0xffff },
    { UINT64_C(3) << 62, 0x7fff },
    { UINT64_C(3) << 62, 0xffff },
    { (UINT64_C(1) << 63) + 1, 0x7fff },
    { UINT64_C(5) << 61, 0xffff },
    { 0, 0x7fff },
    { 1, 0x7fff },
    { 1, 0x3fff },
    { UINT64_C(1) << 62, 0x4000 }, /* unnormal and kin */
    { UINT64_C(1) << 63, 0x401e },
    { UINT64_C(1) << 63, 0x403e },
    { UINT64_C(1) << 63, 0xc03e },
    { UINT64_C(0xde0b6b3a763fffff), 0x403a },
    { UINT64_C(0xde0b6b3a76400000), 0x403a },
    { UINT64_C(0xc90fdaa22168c235), 0x4000 },
    { UINT64_C(0xc90fdaa22168c235), 0x3ffe },
    { UINT64_C(1) << 63, 0x3ffe },
    { UINT64_C(0xc000000000000000), 0x3fff },
    { UINT64_C(1) << 63, 0x3f80 },
    { UINT64_C(0xffffff0000000000), 0x407e },
    { UINT64_C(0xffffff8000000000), 0x407e },
    { UINT64_C(1) << 63, 0x3f81 },
    { UINT64_C(1) << 63, 0x3f6a },
    { UINT64_C(1) << 63, 0x3c01 },
    { UINT64_C(1) << 63, 0x3bcd },
    { UINT64_C(0xfffffffffffffc00), 0x43fe },
    { UINT64_C(1) << 63, 0x43ff },
    { UINT64_C(1) << 63, 0x4040 },
    { UINT64_C(1) << 63, 0x4005 },
    { UINT64_C(1) << 63, 0xc00c },
};

static void fill_floats(struct rig *r, uint8_t *dst, unsigned len)
{
    bool near = rig_below(r, 4) == 0; /* random significands around one */

    for (unsigned i = 0; i + 4 <= len; i += 4) {
        uint32_t v = floats[rig_below(r, ARRAY_LEN(floats))];

        if (near || rig_below(r, 4) == 0)
            v = (uint32_t)rig_random(r) & 0x83ffffff & (near ? 0x807fffff : UINT32_MAX);
        if (near)
            v |= 0x3f800000 + (rig_below(r, 64) << 23) - (32u << 23);
        memcpy(dst + i, &v, 4);
    }
}

static void fill_doubles(struct rig *r, uint8_t *dst, unsigned len)
{
    bool near = rig_below(r, 4) == 0;

    for (unsigned i = 0; i + 8 <= len; i += 8) {
        uint64_t v = doubles[rig_below(r, ARRAY_LEN(doubles))];

        if (near)
            v = (rig_random(r) & UINT64_C(0x800fffffffffffff)) +
                ((uint64_t)(0x3ff - 32 + rig_below(r, 64)) << 52);
        else if (rig_below(r, 4) == 0)
            v = rig_random(r);
        memcpy(dst + i, &v, 8);
    }
}

static void fill_extended(struct rig *r, uint8_t *dst)
{
    struct extended e = extendeds[rig_below(r, ARRAY_LEN(extendeds))];

    switch (rig_below(r, 8)) {
    case 0:
    case 1:
    case 2:
        e.significand = rig_random(r) | UINT64_C(1) << 63;
        e.exponent = (uint16_t)((rig_random(r) & 0x8000) | (0x3fff - 40 + rig_below(r, 110)));
        break;
    case 3:
        e.significand = rig_random(r);
        e.exponent = (uint16_t)rig_random(r);
        break;
    default:
        break;
    }
    memcpy(dst, &e.significand, 8);
    memcpy(dst + 8, &e.exponent, 2);
}

static void fill_bytes(struct rig *r, uint8_t *dst, unsigned len)
{
    unsigned kind = rig_below(r, 10);
    uint64_t v = rig_random(r);

    if (kind < 4) {
        fill_floats(r, dst, len);
    } else if (kind < 7) {
        fill_doubles(r, dst, len);
    } else {
        for (unsigned i = 0; i < len; i++) {
            if (i % 8 == 0)
                v = kind == 7 ? rig_random(r) & rig_random(r) & rig_random(r) & 0x0303030303030303
                              : rig_random(r);
            dst[i] = (uint8_t)(v >> 8 * (i % 8));
        }
    }
}

/* ---- instructions ---------------------------------------------------------------------------- */

static unsigned put_map(uint8_t *out, enum x86_map map)
{
    unsigned n = 0;

    if (map != X86_MAP_1B)
        out[n++] = 0x0f;
    if (map == X86_MAP_0F38)
        out[n++] = 0x38;
    if (map == X86_MAP_0F3A)
        out[n++] = 0x3a;
    return n;
}

static unsigned put_vex(struct rig *r, const struct x86_row *row, uint8_t *out, unsigned pp)
{
    unsigned vvvv = row->props & X86_ROW_VVVV ? rig_below(r, 16) : 15;

    out[0] = 0xc4;
    out[1] = (uint8_t)((rig_random(r) & 0xe0) | (unsigned)(row->map - X86_MAP_VEX0F + 1));
    out[2] = (uint8_t)((rig_random(r) & 0x84) | vvvv << 3 | pp);
    return 3;
}

static unsigned put_legacy(struct rig *r, const struct x86_row *row, uint8_t *out, unsigned pp)
{
    static const uint8_t prefix[] = { 0, 0x66, 0xf3, 0xf2 };
    unsigned n = 0;

    if (row->klass == X86_CLASS_X87)
        pp = rig_below(r, 4) == 0 ? X86_PP_66 : X86_PP_NP;
    if (pp != X86_PP_NP)
        out[n++] = prefix[pp];
    if (rig_below(r, 2))
        out[n++] = (uint8_t)(0x40 | rig_below(r, 16));
    return n + put_map(out + n, row->map);
}

/* Memory is [reg + disp8], for a vector index [reg + index * scale + disp8]. */
static unsigned put_modrm(struct rig *r, const struct x86_row *row, uint8_t *out)
{
    uint8_t modrm = (uint8_t)rig_random(r);
    unsigned n = 0;

    if (modrm >= 0xc0 || row->props & X86_ROW_ANYMOD) {
        out[n++] = modrm | 0xc0;
        return n;
    }
    modrm = (uint8_t)((modrm & 0x38) | 0x40 | (row->props & X86_ROW_VSIB ? 4 : 7));
    out[n++] = modrm;
    if (row->props & X86_ROW_VSIB)
        out[n++] = (uint8_t)((rig_random(r) & 0xf8) | 7);
    out[n++] = (uint8_t)rig_random(r);
    return n;
}

bool rig_encode(struct rig *r, enum x86_op op, struct rig_case *k)
{
    const struct x86_row *row = &x86_rows[op];

    for (unsigned try = 0; try < TRIES; try++) {
        unsigned n = 0, pp = rig_below(r, 4);

        if (!(row->prefixes >> pp & 1))
            continue;
        n = row->map >= X86_MAP_VEX0F ? put_vex(r, row, k->bytes, pp)
                                      : put_legacy(r, row, k->bytes, pp);
        k->bytes[n++] = row->opcode;
        if (row->props & X86_ROW_MODRM)
            n += put_modrm(r, row, k->bytes + n);
        k->bytes[n] = (uint8_t)rig_random(r);
        if (x86_decode(k->bytes, X86_INSN_MAX, X86_CODE_64, &k->in) == X86_DECODE_OK &&
            k->in.op == op && (k->in.base == X86_REG_NONE || k->in.base != X86_RSP))
            return true;
    }
    return false;
}

/* ---- state ----------------------------------------------------------------------------------- */

static struct soft_fx *fx_of(struct native_state *s)
{
    return (struct soft_fx *)s->xsave;
}

static void fill_x87(struct rig *r, struct soft_fx *fx)
{
    fx->fcw = (uint16_t)(0x40 | (rig_random(r) & 0xf00) |
                         (rig_below(r, 2)   ? 0x3f
                          : rig_below(r, 2) ? 0
                                            : rig_random(r) & 0x3f));
    fx->fsw = (uint16_t)(rig_random(r) & 0x7f00);
    if (rig_below(r, 2))
        fx->fsw |= rig_random(r) & 0x7f & (rig_below(r, 8) ? fx->fcw | 0x40 : 0x7f);
    fx->ftw = rig_below(r, 2) ? 0xff : (uint8_t)rig_random(r);
    fx->fop = rig_random(r) & 0x7ff;
    fx->fip = rig_random(r) >> 18;
    fx->fdp = rig_random(r) >> 18;
    for (unsigned i = 0; i < 8; i++)
        fill_extended(r, fx->st[i]);
    soft_x87_settle(fx);
}

static void fill_registers(struct rig *r, struct native_state *s)
{
    struct soft_fx *fx = fx_of(s);
    uint32_t mxcsr = (uint32_t)rig_random(r) & 0xffff;

    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < 16; i++)
        s->gpr[i] = rig_below(r, 4) ? rig_random(r) : rig_random(r) >> rig_below(r, 64);
    s->rflags = (rig_random(r) & RIG_FLAGS) | 0x202 | (rig_below(r, 4) ? 0 : X86_RFLAGS_AC);
    fill_x87(r, fx);
    fx->mxcsr = rig_below(r, 3) ? mxcsr | 0x1f80 : mxcsr;
    fx->mxcsr_mask = 0xffff;
    fill_bytes(r, fx->xmm[0], sizeof(fx->xmm));
    for (unsigned i = 0; i < 16; i++) {
        fill_bytes(r, fx->xmm[i], 16);
        fill_bytes(r, fx->ymm_high[i], 16);
    }
    fx->xstate_bv = 7;
}

static void fill_memory(struct rig *r, uint8_t *dst)
{
    for (unsigned i = 0; i < RIG_PAGE; i += 32)
        fill_bytes(r, dst + i, 32);
}

static unsigned length_of(const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);

    for (unsigned i = 0; i < 4; i++) {
        struct x86_operand o;

        x86_insn_operand(in, i, &o);
        if (o.what == X86_OPERAND_MEM && o.bytes > 0)
            return o.bytes;
    }
    return row->klass == X86_CLASS_STATE ? FX_BYTES : 16;
}

static uint64_t choose_place(struct rig *r, const struct rig_case *k)
{
    unsigned len = length_of(&k->in), kind = rig_below(r, 16);

    if (kind < 9)
        return RIG_PLACE + 64 * rig_below(r, (RIG_PAGE - 1024) / 64);
    if (kind < 14)
        return RIG_PLACE + rig_below(r, RIG_PAGE - 1024);
    return RIG_PLACE + RIG_PAGE - len + rig_below(r, 2 * len) - rig_below(r, len);
}

static void fill_gather(struct rig *r, const struct x86_insn *in, struct native_state *s)
{
    unsigned size = x86_insn_row(in)->opcode & 1 ? 8 : 4;
    struct soft_fx *fx = fx_of(s);

    for (unsigned i = 0; i < 32 / size; i++) {
        uint8_t *p = i < 16 / size ? fx->xmm[in->index] + i * size
                                   : fx->ymm_high[in->index] + (i * size - 16);
        int64_t val = (int64_t)rig_below(r, 160) - (rig_below(r, 4) ? 0 : 80);

        if (rig_below(r, 24) == 0)
            val += 1000;
        memcpy(p, &val, size);
    }
    s->gpr[in->base] += 64;
}

/* An area for XRSTOR that is mostly right. */
static void fill_area(struct rig *r, struct native_state *s, uint64_t at)
{
    uint64_t bv = rig_random(r) & 7, comp = 0;
    struct soft_fx area;

    s->gpr[X86_RAX] = (rig_random(r) & 0xfff80007);
    if (at < RIG_PLACE || at + FX_BYTES > RIG_PLACE + RIG_PAGE)
        return;
    fill_bytes(r, (uint8_t *)&area, sizeof(area));
    fill_x87(r, &area);
    area.fop = (uint16_t)rig_random(r);
    area.mxcsr = (uint32_t)rig_random(r) & (rig_below(r, 6) ? 0xffff : 0x1ffff);
    if (rig_below(r, 10) == 0)
        bv |= UINT64_C(1) << (rig_below(r, 2) ? 10 : 62);
    if (rig_below(r, 3) == 0)
        comp = UINT64_C(1) << 63 | (rig_below(r, 4) ? 7 : rig_random(r) & 7);
    if (rig_below(r, 10) == 0)
        comp |= UINT64_C(1) << (rig_below(r, 2) ? 10 : 1);
    area.xstate_bv = bv;
    area.xcomp_bv = comp;
    memset(area.reserved2, 0, sizeof(area.reserved2));
    if (rig_below(r, 10) == 0)
        area.reserved2[rig_below(r, 6)] = 1;
    memcpy((uint8_t *)at, &area, sizeof(area));
}

/* The misaligned mode (MM, bit 17), which AMD's CPUs have and the model does not offer, is never loaded. */
static void clear_mm(uint64_t mxcsr_at)
{
    if (mxcsr_at >= RIG_PLACE && mxcsr_at <= RIG_PLACE + RIG_PAGE - 4)
        ((uint8_t *)mxcsr_at)[2] &= (uint8_t)~2;
}

void rig_fill(struct rig *r, struct rig_case *k)
{
    const struct x86_row *row = x86_insn_row(&k->in);
    uint64_t at = choose_place(r, k);

    fill_registers(r, &k->before);
    fill_memory(r, r->page);
    if (k->in.base != X86_REG_NONE)
        k->before.gpr[k->in.base] = at - k->in.disp;
    else if (row->uses & BIT(X86_RDI))
        k->before.gpr[X86_RDI] = at;
    if (row->props & X86_ROW_VSIB)
        fill_gather(r, &k->in, &k->before);
    if (row->klass == X86_CLASS_STATE) {
        fill_area(r, &k->before, at);
        clear_mm(at + offsetof(struct soft_fx, mxcsr));
    }
    if (row->mnemonic == X86_MN_LDMXCSR || row->mnemonic == X86_MN_VLDMXCSR)
        for (unsigned i = 0; i < RIG_PAGE; i += 4)
            if (rig_below(r, 8) != 0)
                r->page[i + 2] = r->page[i + 3] = 0;
    if (row->mnemonic == X86_MN_LDMXCSR || row->mnemonic == X86_MN_VLDMXCSR)
        clear_mm(at);
    memcpy(r->before, r->page, RIG_PAGE);
}
