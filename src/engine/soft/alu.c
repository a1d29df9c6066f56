/* SPDX-License-Identifier: MIT */
/*
 * alu.c - addition, subtraction and logic
 *
 * Source: SDM 2, instruction pages ADD ADC SUB SBB CMP NEG INC DEC AND OR XOR TEST NOT ADCX ADOX. The
 * results and flags are those of the host's own instruction (host_alu.h).
 */
#include "engine/soft/host_alu.h"
#include "engine/soft/ops_int.h"

/* v[0] = op(v[0], v[1]); `keep` for what sets only flags. */
#define BINARY(name, op, keep)                                                          \
    bool val_##name(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o) \
    {                                                                                   \
        uint32_t ax = host_flags_of(c->s.rflags);                                       \
        uint64_t a = o->v[0], b = o->v[1];                                              \
                                                                                        \
        (void)in;                                                                       \
        switch (o->width[0]) {                                                          \
        case 1:                                                                         \
            a = host_##op##_8((uint8_t)a, (uint8_t)b, &ax);                             \
            break;                                                                      \
        case 2:                                                                         \
            a = host_##op##_16((uint16_t)a, (uint16_t)b, &ax);                          \
            break;                                                                      \
        case 4:                                                                         \
            a = host_##op##_32((uint32_t)a, (uint32_t)b, &ax);                          \
            break;                                                                      \
        default:                                                                        \
            a = host_##op##_64(a, b, &ax);                                              \
        }                                                                               \
        if (!(keep))                                                                    \
            o->v[0] = a;                                                                \
        c->s.rflags = host_flags_into(c->s.rflags, ax);                                 \
        return true;                                                                    \
    }

BINARY(add, add, false)
BINARY(adc, adc, false)
BINARY(sub, sub, false)
BINARY(sbb, sbb, false)
BINARY(and, and, false)
BINARY(or, or, false)
BINARY(xor, xor, false)
BINARY(cmp, sub, true)
BINARY(test, and, true)

/* v[0] = op(v[0]) */
#define UNARY(name)                                                                     \
    bool val_##name(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o) \
    {                                                                                   \
        uint32_t ax = host_flags_of(c->s.rflags);                                       \
                                                                                        \
        (void)in;                                                                       \
        switch (o->width[0]) {                                                          \
        case 1:                                                                         \
            o->v[0] = host_##name##_8((uint8_t)o->v[0], &ax);                           \
            break;                                                                      \
        case 2:                                                                         \
            o->v[0] = host_##name##_16((uint16_t)o->v[0], &ax);                         \
            break;                                                                      \
        case 4:                                                                         \
            o->v[0] = host_##name##_32((uint32_t)o->v[0], &ax);                         \
            break;                                                                      \
        default:                                                                        \
            o->v[0] = host_##name##_64(o->v[0], &ax);                                   \
        }                                                                               \
        c->s.rflags = host_flags_into(c->s.rflags, ax);                                 \
        return true;                                                                    \
    }

UNARY(neg)
UNARY(inc)
UNARY(dec)

bool val_not(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    (void)c;
    (void)in;
    o->v[0] = ~o->v[0];
    return true;
}

/* v[0] = op(v[0], v[1]), at 4 and 8 bytes only */
#define WIDE(name)                                                                      \
    bool val_##name(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o) \
    {                                                                                   \
        uint32_t ax = host_flags_of(c->s.rflags);                                       \
                                                                                        \
        (void)in;                                                                       \
        if (o->width[0] == 4)                                                           \
            o->v[0] = host_##name##_32((uint32_t)o->v[0], (uint32_t)o->v[1], &ax);      \
        else                                                                            \
            o->v[0] = host_##name##_64(o->v[0], o->v[1], &ax);                          \
        c->s.rflags = host_flags_into(c->s.rflags, ax);                                 \
        return true;                                                                    \
    }

WIDE(adcx)
WIDE(adox)
