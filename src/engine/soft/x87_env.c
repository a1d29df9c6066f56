/* SPDX-License-Identifier: MIT */
/*
 * x87_env.c - control of the x87: control and status word, environment, FNSAVE and FRSTOR
 *
 * Source: SDM 1, "Saving the x87 FPU's State with FSTENV/FNSTENV and FSAVE/FNSAVE" (the four layouts),
 * "x87 FPU Tag Word"; SDM 2, the instruction pages.
 */
#include <string.h>

#include "engine/soft/fpu.h"
#include "x86/operand.h"

/* Byte offsets and widths in the four layouts. Instruction pointer and operand pointer have two parts. */
struct env_layout {
    uint8_t bytes, step; /* step: from one of the first seven fields to the next */
    bool real;
};

static const struct env_layout env_layouts[2][2] = {
    /* 16-bit, 32-bit operand size */
    { { 14, 2, false }, { 28, 4, false } },
    { { 14, 2, true }, { 28, 4, true } },
};

enum env_field { ENV_FCW, ENV_FSW, ENV_FTW, ENV_IP, ENV_IP_MORE, ENV_DP, ENV_DP_MORE };

static const struct env_layout *layout_of(const struct soft_cpu *c, const struct x86_insn *in)
{
    bool real = c->mode == X86_MODE_REAL || c->mode == X86_MODE_VM86;

    return &env_layouts[real][in->opsize != 2];
}

/* ---- tag word -------------------------------------------------------------------------------- */

enum { TAG_VALID, TAG_ZERO, TAG_SPECIAL, TAG_EMPTY };

static unsigned tag_of(const uint8_t st[16])
{
    uint64_t significand = le_get(st, 8);
    unsigned exponent = (unsigned)le_get(st + 8, 2) & 0x7fff;

    if (exponent == 0 && significand == 0)
        return TAG_ZERO;
    return exponent == 0 || exponent == 0x7fff || !(significand >> 63) ? TAG_SPECIAL : TAG_VALID;
}

static unsigned full_tags(const struct soft_fx *fx)
{
    unsigned top = fx->fsw >> FSW_TOP_SHIFT & 7, tags = 0;

    for (unsigned i = 0; i < 8; i++) {
        unsigned tag = fx->ftw >> i & 1 ? tag_of(fx->st[(i - top) & 7]) : TAG_EMPTY;

        tags |= tag << (2 * i);
    }
    return tags;
}

static uint8_t short_tags(unsigned full)
{
    unsigned tags = 0;

    for (unsigned i = 0; i < 8; i++)
        if ((full >> (2 * i) & 3) != TAG_EMPTY)
            tags |= 1u << i;
    return (uint8_t)tags;
}

/* The first field is looked at first, then the last byte. */
static bool store_area(struct soft_cpu *c, const struct x86_insn *in, const uint8_t *area,
                       unsigned len)
{
    uint64_t ea = soft_ea(c, in);

    return soft_can_write(c, in->seg, ea, layout_of(c, in)->step) &&
           soft_fx_probe(c, in->seg, ea, len, true) && soft_store_block(c, in->seg, ea, area, len);
}

static bool load_area(struct soft_cpu *c, const struct x86_insn *in, uint8_t *area, unsigned len)
{
    uint64_t ea = soft_ea(c, in);

    return soft_fx_load(c, in->seg, ea, area, layout_of(c, in)->step) &&
           soft_fx_probe(c, in->seg, ea, len, false) && soft_load_block(c, in->seg, ea, area, len);
}

/* ---- environment ----------------------------------------------------------------------------- */

static void put_env(const struct soft_fx *fx, const struct env_layout *l, uint8_t *out)
{
    uint32_t field[7] = { [ENV_FCW] = fx->fcw,
                          [ENV_FSW] = fx->fsw,
                          [ENV_FTW] = full_tags(fx),
                          [ENV_IP] = (uint32_t)fx->fip,
                          [ENV_DP] = (uint32_t)fx->fdp };
    static const uint32_t unused[7] = { [ENV_FCW] = 0xffff0000,
                                        [ENV_FSW] = 0xffff0000,
                                        [ENV_FTW] = 0xffff0000,
                                        [ENV_DP_MORE] = 0xffff0000 };

    if (l->real) {
        field[ENV_IP] &= 0xffff;
        field[ENV_DP] &= 0xffff;
        field[ENV_IP_MORE] = (uint32_t)(fx->fip >> 16 & 0xffff) << 12 | (fx->fop & 0x7ff);
        field[ENV_DP_MORE] = (uint32_t)(fx->fdp >> 16 & 0xffff) << 12;
    } else {
        field[ENV_IP_MORE] = (uint32_t)(fx->fop & 0x7ff) << 16;
    }
    for (unsigned i = 0; i < 7; i++)
        le_put(out + i * l->step, l->step, field[i] | (l->real && i > ENV_FTW ? 0 : unused[i]));
}

static void get_env(struct soft_fx *fx, const struct env_layout *l, const uint8_t *src)
{
    uint32_t field[7];

    for (unsigned i = 0; i < 7; i++)
        field[i] = (uint32_t)le_get(src + i * l->step, l->step);
    soft_x87_set_top(fx, field[ENV_FSW] >> FSW_TOP_SHIFT & 7);
    fx->fcw = (uint16_t)field[ENV_FCW];
    fx->fsw = (uint16_t)field[ENV_FSW];
    fx->ftw = short_tags(field[ENV_FTW]);
    fx->fip = field[ENV_IP];
    fx->fdp = field[ENV_DP];
    if (l->real) {
        fx->fip = (fx->fip & 0xffff) | (field[ENV_IP_MORE] >> 12 & 0xffff) << 16;
        fx->fdp = (fx->fdp & 0xffff) | (field[ENV_DP_MORE] >> 12 & 0xffff) << 16;
        fx->fop = field[ENV_IP_MORE] & 0x7ff;
    } else if (l->step == 4) {
        fx->fop = field[ENV_IP_MORE] >> 16 & 0x7ff;
    } else {
        fx->fop = 0;
    }
}

bool soft_op_fnstenv(struct soft_cpu *c, const struct x86_insn *in)
{
    const struct env_layout *l = layout_of(c, in);
    struct soft_fx *fx = soft_fx(c, FX_X87);
    uint8_t env[28];

    put_env(fx, l, env);
    if (!store_area(c, in, env, l->bytes))
        return false;
    fx->fcw |= 0x3f;
    soft_x87_settle(fx);
    return soft_x87_wait(c); /* nothing is pending: FERR# goes */
}

bool soft_op_fldenv(struct soft_cpu *c, const struct x86_insn *in)
{
    const struct env_layout *l = layout_of(c, in);
    struct soft_fx *fx = soft_fx(c, FX_X87);
    uint8_t env[28];

    if (!soft_x87_wait(c) || !load_area(c, in, env, l->bytes))
        return false;
    get_env(fx, l, env);
    soft_x87_settle(fx);
    return true;
}

/* ---- the whole state --------------------------------------------------------------------------- */

void soft_x87_init(struct soft_fx *fx)
{
    soft_x87_set_top(fx, 0);
    fx->fcw = FCW_INIT;
    fx->fsw = 0;
    fx->ftw = 0;
    fx->fop = 0;
    fx->fip = fx->fdp = 0;
}

bool soft_op_fninit(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    soft_x87_init(soft_fx(c, FX_X87));
    return soft_x87_wait(c); /* as in FNSTENV */
}

bool soft_op_fnsave(struct soft_cpu *c, const struct x86_insn *in)
{
    const struct env_layout *l = layout_of(c, in);
    struct soft_fx *fx = soft_fx(c, FX_X87);
    uint8_t area[28 + 80];

    put_env(fx, l, area);
    for (unsigned i = 0; i < 8; i++)
        memcpy(area + l->bytes + 10 * i, fx->st[i], 10);
    if (!store_area(c, in, area, l->bytes + 80u))
        return false;
    soft_x87_init(fx);
    return soft_x87_wait(c); /* as in FNSTENV */
}

bool soft_op_frstor(struct soft_cpu *c, const struct x86_insn *in)
{
    const struct env_layout *l = layout_of(c, in);
    struct soft_fx *fx = soft_fx(c, FX_X87);
    uint8_t area[28 + 80];

    if (!soft_x87_wait(c) || !load_area(c, in, area, l->bytes + 80u))
        return false;
    get_env(fx, l, area);
    for (unsigned i = 0; i < 8; i++)
        memcpy(fx->st[i], area + l->bytes + 10 * i, 10);
    soft_x87_settle(fx);
    return true;
}

/* ---- control and status word ------------------------------------------------------------------- */

bool soft_op_fldcw(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_fx *fx = soft_fx(c, FX_X87);
    uint64_t fcw;

    if (!soft_x87_wait(c) || !soft_load(c, in->seg, soft_ea(c, in), 2, &fcw))
        return false;
    fx->fcw = (uint16_t)fcw;
    soft_x87_settle(fx);
    return true;
}

bool soft_op_fnstcw(struct soft_cpu *c, const struct x86_insn *in)
{
    return soft_store(c, in->seg, soft_ea(c, in), 2, soft_fx(c, FX_X87)->fcw);
}

bool soft_op_fnstsw(struct soft_cpu *c, const struct x86_insn *in)
{
    uint16_t fsw = soft_fx(c, FX_X87)->fsw;

    if (in->flags & X86_INSN_MEM)
        return soft_store(c, in->seg, soft_ea(c, in), 2, fsw);
    soft_set_gpr(c, X86_RAX, 2, fsw);
    return true;
}

bool soft_op_fnclex(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    soft_fx(c, FX_X87)->fsw &= (uint16_t)~FSW_CLEARED;
    return soft_x87_wait(c); /* as in FNSTENV */
}
