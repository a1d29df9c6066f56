/* SPDX-License-Identifier: MIT */
/*
 * host_alu.h - integer operations done by the host CPU, for their flags
 *
 * Sources: SDM 2, instruction pages ("Flags Affected"); SDM 1 "EFLAGS Register". Flags that the manual
 * leaves undefined are those of the host, because the host computes them: every helper loads the guest's
 * six arithmetic flags, executes the one instruction at its size, and hands the flags back. So
 * instructions that read flags, keep some, or leave all alone (shifts by 0) need no code of their own.
 *
 * Flags travel as LAHF and SETO give them: AH = SF ZF - AF - PF - CF, AL = OF. ADD of 7f to that AL
 * overflows exactly when it is 1, then SAHF loads the others. The stack is not touched: no PUSHF below
 * a red zone.
 *
 * What is offered to the guest by CPUID must be there in the host too: BMI, ADX, POPCNT, LZCNT, SSE4.2.
 */
#ifndef ENGINE_SOFT_HOST_ALU_H
#define ENGINE_SOFT_HOST_ALU_H

#include <stdbool.h>
#include <stdint.h>

enum { HOST_FLAGS = 0x8d5 }; /* OF SF ZF AF PF CF in RFLAGS */

static inline uint32_t host_flags_of(uint64_t rflags)
{
    return (uint32_t)((rflags & 0xd5) << 8 | (rflags >> 11 & 1));
}

static inline uint64_t host_flags_into(uint64_t rflags, uint32_t ax)
{
    return (rflags & ~(uint64_t)HOST_FLAGS) | (ax >> 8 & 0xd5) | (uint64_t)(ax & 1) << 11;
}

#define HOST_IN  "addb $0x7f, %%al\n\tsahf\n\t"
#define HOST_OUT "\n\tlahf\n\tseto %%al"

/* a = op(a, b) */
#define HOST_OP2_SIZED(op, size, type)                                  \
    static inline type host_##op##_##size(type a, type b, uint32_t *ax) \
    {                                                                   \
        __asm__(HOST_IN #op " %[b], %[a]" HOST_OUT                      \
                : [a] "+&r"(a), "+&a"(*ax)                              \
                : [b] "r"(b)                                            \
                : "cc");                                                \
        return a;                                                       \
    }

/* The same for what reads no flag and defines all six. */
#define HOST_FRESH2_SIZED(op, size, type)                                                   \
    static inline type host_##op##_##size(type a, type b, uint32_t *ax)                     \
    {                                                                                       \
        __asm__(#op " %[b], %[a]" HOST_OUT : [a] "+&r"(a), "=&a"(*ax) : [b] "r"(b) : "cc"); \
        return a;                                                                           \
    }

/* a = op(a) */
#define HOST_OP1_SIZED(op, size, type)                                             \
    static inline type host_##op##_##size(type a, uint32_t *ax)                    \
    {                                                                              \
        __asm__(HOST_IN #op " %[a]" HOST_OUT : [a] "+&r"(a), "+&a"(*ax) : : "cc"); \
        return a;                                                                  \
    }

/* a = op(a, count) */
#define HOST_SHIFT_SIZED(op, size, type)                                       \
    static inline type host_##op##_##size(type a, uint8_t count, uint32_t *ax) \
    {                                                                          \
        __asm__(HOST_IN #op " %%cl, %[a]" HOST_OUT                             \
                : [a] "+&r"(a), "+&a"(*ax)                                     \
                : "c"(count)                                                   \
                : "cc");                                                       \
        return a;                                                              \
    }

/*
 * The same with the count as an immediate: of rotates it leaves OF in another state. `counts` places of
 * 16 bytes, one for each.
 */
#define HOST_ROTATE_SIZED(op, size, type, counts)                                                 \
    static inline type host_##op##_imm_##size(type a, uint8_t count, uint32_t *ax)                \
    {                                                                                             \
        uint64_t place = (count & ((counts)-1)) * UINT64_C(16), at;                               \
                                                                                                  \
        __asm__("lea 1f(%%rip), %[at]\n\tadd %[place], %[at]\n\t" HOST_IN "jmp *%[at]\n\t"        \
                ".balign 16\n1:\n\t.set host_count, 0\n\t.rept " #counts "\n\t.balign 16\n\t" #op \
                " $host_count, %[a]\n\tjmp 2f\n\t"                                                \
                ".set host_count, host_count + 1\n\t.endr\n2:" HOST_OUT                           \
                : [a] "+&r"(a), "+&a"(*ax), [at] "=&r"(at)                                        \
                : [place] "r"(place)                                                              \
                : "cc");                                                                          \
        return a;                                                                                 \
    }

/* a = op(a, b, count) */
#define HOST_DSHIFT_SIZED(op, size, type)                                              \
    static inline type host_##op##_##size(type a, type b, uint8_t count, uint32_t *ax) \
    {                                                                                  \
        __asm__(HOST_IN #op " %%cl, %[b], %[a]" HOST_OUT                               \
                : [a] "+&r"(a), "+&a"(*ax)                                             \
                : [b] "r"(b), "c"(count)                                               \
                : "cc");                                                               \
        return a;                                                                      \
    }

/* out = op(a, b), in AT&T order of the operands */
#define HOST_OP3_SIZED(op, size, type)                                  \
    static inline type host_##op##_##size(type a, type b, uint32_t *ax) \
    {                                                                   \
        type out;                                                       \
                                                                        \
        __asm__(HOST_IN #op " %[b], %[a], %[out]" HOST_OUT              \
                : [out] "=&r"(out), "+&a"(*ax)                          \
                : [a] "r"(a), [b] "r"(b)                                \
                : "cc");                                                \
        return out;                                                     \
    }

/* hi:lo = lo * src. Accumulator and size as the host names them. */
#define HOST_MUL_SIZED(name, op, size, type, acc)                                                 \
    static inline void host_##name##_##size(type *lo, type *hi, type src, uint32_t *ax)           \
    {                                                                                             \
        __asm__(HOST_IN "mov %[lo], %%" acc "\n\t" #op " %[src]\n\tmov %%" acc ", %[lo]" HOST_OUT \
                : [lo] "+&r"(*lo), "=&d"(*hi), "+&a"(*ax)                                         \
                : [src] "r"(src)                                                                  \
                : "cc");                                                                          \
    }

/* lo = hi:lo / src, hi = the rest. The quotient must fit: it is the caller's to check. */
#define HOST_DIV_SIZED(op, size, type, acc)                                                       \
    static inline void host_##op##_##size(type *lo, type *hi, type src, uint32_t *ax)             \
    {                                                                                             \
        __asm__(HOST_IN "mov %[lo], %%" acc "\n\t" #op " %[src]\n\tmov %%" acc ", %[lo]" HOST_OUT \
                : [lo] "+&r"(*lo), "+&d"(*hi), "+&a"(*ax)                                         \
                : [src] "r"(src)                                                                  \
                : "cc");                                                                          \
    }

/* Byte forms: AX alone holds both halves. */
#define HOST_ACC8(op)                                                                     \
    static inline uint16_t host_##op##_8(uint16_t acc, uint8_t src, uint32_t *ax)         \
    {                                                                                     \
        __asm__(HOST_IN "mov %[acc], %%ax\n\t" #op " %[src]\n\tmov %%ax, %[acc]" HOST_OUT \
                : [acc] "+&r"(acc), "+&a"(*ax)                                            \
                : [src] "r"(src)                                                          \
                : "cc");                                                                  \
        return acc;                                                                       \
    }

#define HOST_WIDE(X, op)  X(op, 32, uint32_t) X(op, 64, uint64_t)
#define HOST_WORDS(X, op) X(op, 16, uint16_t) HOST_WIDE(X, op)
#define HOST_ALL(X, op)   X(op, 8, uint8_t) HOST_WORDS(X, op)

HOST_ALL(HOST_FRESH2_SIZED, add)
HOST_ALL(HOST_OP2_SIZED, adc)
HOST_ALL(HOST_FRESH2_SIZED, sub)
HOST_ALL(HOST_OP2_SIZED, sbb)
HOST_ALL(HOST_OP2_SIZED, and)
HOST_ALL(HOST_OP2_SIZED, or)
HOST_ALL(HOST_OP2_SIZED, xor)
HOST_ALL(HOST_OP1_SIZED, neg)
HOST_ALL(HOST_OP1_SIZED, inc)
HOST_ALL(HOST_OP1_SIZED, dec)
HOST_ALL(HOST_SHIFT_SIZED, shl)
HOST_ALL(HOST_SHIFT_SIZED, shr)
HOST_ALL(HOST_SHIFT_SIZED, sar)
HOST_ALL(HOST_SHIFT_SIZED, rol)
HOST_ALL(HOST_SHIFT_SIZED, ror)
HOST_ALL(HOST_SHIFT_SIZED, rcl)
HOST_ALL(HOST_SHIFT_SIZED, rcr)
HOST_ROTATE_SIZED(rol, 8, uint8_t, 32)
HOST_ROTATE_SIZED(rol, 16, uint16_t, 32)
HOST_ROTATE_SIZED(rol, 32, uint32_t, 32)
HOST_ROTATE_SIZED(rol, 64, uint64_t, 64)
HOST_ROTATE_SIZED(ror, 8, uint8_t, 32)
HOST_ROTATE_SIZED(ror, 16, uint16_t, 32)
HOST_ROTATE_SIZED(ror, 32, uint32_t, 32)
HOST_ROTATE_SIZED(ror, 64, uint64_t, 64)
HOST_WORDS(HOST_DSHIFT_SIZED, shld)
HOST_WORDS(HOST_DSHIFT_SIZED, shrd)
HOST_WORDS(HOST_OP2_SIZED, imul)
HOST_WORDS(HOST_OP2_SIZED, bt)
HOST_WORDS(HOST_OP2_SIZED, bts)
HOST_WORDS(HOST_OP2_SIZED, btr)
HOST_WORDS(HOST_OP2_SIZED, btc)
HOST_WORDS(HOST_OP2_SIZED, bsf)
HOST_WORDS(HOST_OP2_SIZED, bsr)
HOST_WORDS(HOST_OP2_SIZED, tzcnt)
HOST_WORDS(HOST_OP2_SIZED, lzcnt)
HOST_WORDS(HOST_OP2_SIZED, popcnt)
HOST_WIDE(HOST_OP2_SIZED, adcx)
HOST_WIDE(HOST_OP2_SIZED, adox)
HOST_WIDE(HOST_OP2_SIZED, blsr)
HOST_WIDE(HOST_OP2_SIZED, blsmsk)
HOST_WIDE(HOST_OP2_SIZED, blsi)
HOST_WIDE(HOST_OP3_SIZED, andn)
HOST_WIDE(HOST_OP3_SIZED, bextr)
HOST_WIDE(HOST_OP3_SIZED, bzhi)
HOST_WIDE(HOST_OP3_SIZED, pext)
HOST_WIDE(HOST_OP3_SIZED, pdep)

HOST_MUL_SIZED(mul, mul, 16, uint16_t, "ax")
HOST_MUL_SIZED(mul, mul, 32, uint32_t, "eax")
HOST_MUL_SIZED(mul, mul, 64, uint64_t, "rax")
HOST_MUL_SIZED(imul1, imul, 16, uint16_t, "ax")
HOST_MUL_SIZED(imul1, imul, 32, uint32_t, "eax")
HOST_MUL_SIZED(imul1, imul, 64, uint64_t, "rax")
HOST_DIV_SIZED(div, 16, uint16_t, "ax")
HOST_DIV_SIZED(div, 32, uint32_t, "eax")
HOST_DIV_SIZED(div, 64, uint64_t, "rax")
HOST_DIV_SIZED(idiv, 16, uint16_t, "ax")
HOST_DIV_SIZED(idiv, 32, uint32_t, "eax")
HOST_DIV_SIZED(idiv, 64, uint64_t, "rax")
HOST_ACC8(mul)
HOST_ACC8(imul)
HOST_ACC8(div)
HOST_ACC8(idiv)

/* CRC-32C of `width` bytes of val on top of crc; no flags. */
static inline uint32_t host_crc32(uint32_t crc, uint64_t val, unsigned width)
{
    uint64_t wide = crc;

    switch (width) {
    case 1:
        __asm__("crc32b %1, %k0" : "+r"(wide) : "r"((uint8_t)val));
        break;
    case 2:
        __asm__("crc32w %1, %k0" : "+r"(wide) : "r"((uint16_t)val));
        break;
    case 4:
        __asm__("crc32l %1, %k0" : "+r"(wide) : "r"((uint32_t)val));
        break;
    default:
        __asm__("crc32q %1, %q0" : "+r"(wide) : "r"(val));
    }
    return (uint32_t)wide;
}

/*
 * host_cas - *place = val if it holds *expected; else *expected = what it holds
 *
 * width  1, 2, 4, 8 bytes at any alignment; 16 at a multiple of 16
 *
 * Atomic against all that other CPUs do, and a full barrier: it stands for the guest's LOCK.
 */
static inline bool host_cas(void *place, unsigned width, uint64_t expected[2],
                            const uint64_t val[2])
{
    bool same;

    switch (width) {
    case 1:
        __asm__ volatile("lock cmpxchgb %b[val], %[mem]"
                         : [mem] "+m"(*(uint8_t *)place), "+a"(expected[0]), "=@ccz"(same)
                         : [val] "r"(val[0])
                         : "memory");
        break;
    case 2:
        __asm__ volatile("lock cmpxchgw %w[val], %[mem]"
                         : [mem] "+m"(*(uint8_t(*)[2])place), "+a"(expected[0]), "=@ccz"(same)
                         : [val] "r"(val[0])
                         : "memory");
        break;
    case 4:
        __asm__ volatile("lock cmpxchgl %k[val], %[mem]"
                         : [mem] "+m"(*(uint8_t(*)[4])place), "+a"(expected[0]), "=@ccz"(same)
                         : [val] "r"(val[0])
                         : "memory");
        break;
    case 8:
        __asm__ volatile("lock cmpxchgq %q[val], %[mem]"
                         : [mem] "+m"(*(uint8_t(*)[8])place), "+a"(expected[0]), "=@ccz"(same)
                         : [val] "r"(val[0])
                         : "memory");
        break;
    default:
        __asm__ volatile("lock cmpxchg16b %[mem]"
                         : [mem] "+m"(*(uint8_t(*)[16])place), "+a"(expected[0]), "+d"(expected[1]),
                           "=@ccz"(same)
                         : "b"(val[0]), "c"(val[1])
                         : "memory");
    }
    return same;
}

#endif
