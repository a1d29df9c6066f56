/* SPDX-License-Identifier: MIT */
/*
 * shift.c - shifts and rotates
 *
 * Source: SDM 2, instruction pages SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD, RORX, SARX/SHLX/SHRX. The
 * host masks the count, leaves the flags alone where it is 0, and gives the undefined ones (host_alu.h).
 */
#include "engine/soft/host_alu.h"
#include "engine/soft/ops_int.h"

/* v[0] = op(v[0], count v[1]) */
#define SHIFT(name)                                                                     \
    bool val_##name(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o) \
    {                                                                                   \
        uint32_t ax = host_flags_of(c->s.rflags);                                       \
        uint8_t count = (uint8_t)o->v[1];                                               \
                                                                                        \
        (void)in;                                                                       \
        switch (o->width[0]) {                                                          \
        case 1:                                                                         \
            o->v[0] = host_##name##_8((uint8_t)o->v[0], count, &ax);                    \
            break;                                                                      \
        case 2:                                                                         \
            o->v[0] = host_##name##_16((uint16_t)o->v[0], count, &ax);                  \
            break;                                                                      \
        case 4:                                                                         \
            o->v[0] = host_##name##_32((uint32_t)o->v[0], count, &ax);                  \
            break;                                                                      \
        default:                                                                        \
            o->v[0] = host_##name##_64(o->v[0], count, &ax);                            \
        }                                                                               \
        c->s.rflags = host_flags_into(c->s.rflags, ax);                                 \
        return true;                                                                    \
    }

SHIFT(shl)
SHIFT(shr)
SHIFT(sar)
SHIFT(rcl)
SHIFT(rcr)

/*
 * With a count in the instruction and a register, OF is another one where it is undefined; memory is as CL.
 */
#define ROTATE(name)                                                                    \
    bool val_##name(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o) \
    {                                                                                   \
        uint32_t ax = host_flags_of(c->s.rflags);                                       \
        bool imm = x86_insn_row(in)->imm == X86_IMM_B && !(in->flags & X86_INSN_MEM);   \
        uint8_t n = (uint8_t)o->v[1];                                                   \
        uint64_t a = o->v[0];                                                           \
                                                                                        \
        switch (o->width[0]) {                                                          \
        case 1:                                                                         \
            a = imm ? host_##name##_imm_8((uint8_t)a, n, &ax)                           \
                    : host_##name##_8((uint8_t)a, n, &ax);                              \
            break;                                                                      \
        case 2:                                                                         \
            a = imm ? host_##name##_imm_16((uint16_t)a, n, &ax)                         \
                    : host_##name##_16((uint16_t)a, n, &ax);                            \
            break;                                                                      \
        case 4:                                                                         \
            a = imm ? host_##name##_imm_32((uint32_t)a, n, &ax)                         \
                    : host_##name##_32((uint32_t)a, n, &ax);                            \
            break;                                                                      \
        default:                                                                        \
            a = imm ? host_##name##_imm_64(a, n, &ax) : host_##name##_64(a, n, &ax);    \
        }                                                                               \
        o->v[0] = a;                                                                    \
        c->s.rflags = host_flags_into(c->s.rflags, ax);                                 \
        return true;                                                                    \
    }

ROTATE(rol)
ROTATE(ror)

/* v[0] = op(v[0], bits from v[1], count v[2]) */
#define DOUBLE(name)                                                                      \
    bool val_##name(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)   \
    {                                                                                     \
        uint32_t ax = host_flags_of(c->s.rflags);                                         \
        uint8_t count = (uint8_t)o->v[2];                                                 \
                                                                                          \
        (void)in;                                                                         \
        switch (o->width[0]) {                                                            \
        case 2:                                                                           \
            o->v[0] = host_##name##_16((uint16_t)o->v[0], (uint16_t)o->v[1], count, &ax); \
            break;                                                                        \
        case 4:                                                                           \
            o->v[0] = host_##name##_32((uint32_t)o->v[0], (uint32_t)o->v[1], count, &ax); \
            break;                                                                        \
        default:                                                                          \
            o->v[0] = host_##name##_64(o->v[0], o->v[1], count, &ax);                     \
        }                                                                                 \
        c->s.rflags = host_flags_into(c->s.rflags, ax);                                   \
        return true;                                                                      \
    }

DOUBLE(shld)
DOUBLE(shrd)

/* ---- BMI2: no flags, operands of 4 or 8 bytes ------------------------------------------------- */

static unsigned count_of(const struct soft_vals *o)
{
    return (unsigned)o->v[2] & (o->width[0] == 8 ? 63 : 31);
}

bool val_shlx(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    (void)c;
    (void)in;
    o->v[0] = o->v[1] << count_of(o);
    return true;
}

bool val_shrx(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    (void)c;
    (void)in;
    o->v[0] = o->v[1] >> count_of(o);
    return true;
}

bool val_sarx(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    int64_t val = o->width[0] == 8 ? (int64_t)o->v[1] : (int32_t)o->v[1];

    (void)c;
    (void)in;
    o->v[0] = (uint64_t)(val >> count_of(o));
    return true;
}

bool val_rorx(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    unsigned bits = 8u * o->width[0], count = count_of(o);

    (void)c;
    (void)in;
    o->v[0] = o->v[1] >> count | (count == 0 ? 0 : o->v[1] << (bits - count));
    return true;
}
