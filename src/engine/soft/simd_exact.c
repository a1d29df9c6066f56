/* SPDX-License-Identifier: MIT */
/*
 * simd_exact.c - whether vector results are exact, where an unmasked overflow or underflow leaves them unwritten
 *
 * A result that is masked tells by MXCSR.PE on the host. Where the exception is not masked, what counts is the result
 * at unlimited exponent range: it is computed here in 113 bits, rounded to odd, of which every narrower rounding can
 * be told. Source: SDM 1, "Overflow", "Underflow", "Inexact-Result (Precision) Exception"; only here, never in
 * results.
 */
#include "engine/soft/simd.h"

#include <assert.h>
#include <math.h>
#include <string.h>

__extension__ typedef __float128 wide;
__extension__ typedef unsigned __int128 wide_bits;

enum { FRACTION = 112, BIAS = 16383 };

/* ---- numbers of 113 bits ------------------------------------------------------------------------ */

static wide power(int n)
{
    wide_bits bits = (wide_bits)(unsigned)(n + BIAS) << FRACTION;
    wide out;

    memcpy(&out, &bits, sizeof(out));
    return out;
}

/* v is x + error, rounded to nearest: x rounded to odd. */
static wide to_odd(wide v, wide error)
{
    wide_bits bits;

    if (error == 0 || v == 0)
        return v;
    memcpy(&bits, &v, sizeof(bits));
    bits = (bits - ((error < 0) != (v < 0))) | 1;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

/* The error of a rounded sum is a number itself (Knuth's TwoSum). */
static wide sum(wide a, wide b)
{
    wide s = a + b, of_b = s - a;

    return to_odd(s, (a - (s - of_b)) + (b - of_b));
}

/* The exponents of the highest and the lowest bit that is set; v is not 0. */
static void extent(wide v, int *high, int *low)
{
    wide_bits bits, one = 1;
    int n = 0;

    memcpy(&bits, &v, sizeof(bits));
    *high = (int)(bits >> FRACTION & 0x7fff) - BIAS;
    bits = (bits & ((one << FRACTION) - 1)) | one << FRACTION;
    for (; !(bits & 1); bits >>= 1)
        n++;
    *low = *high - FRACTION + n;
}

/* An exact quotient of two numbers of 53 bits has no more; another is far from every number of 54. */
static wide quotient(wide a, wide b)
{
    wide q = a / b;
    int high, low;

    if (q == 0)
        return q;
    extent(q, &high, &low);
    return high - low < 53 && q * b == a ? q : to_odd(q, 1);
}

/* ---- formats ------------------------------------------------------------------------------------- */

struct format {
    int bits, highest; /* of the fraction with its first one; exponent */
};

static struct format format_of(unsigned bytes)
{
    static const struct format of[] = { [2] = { 11, 15 }, [4] = { 24, 127 }, [8] = { 53, 1023 } };

    return of[bytes];
}

/* Rounded away from zero when it is not exact. */
static bool goes_away(wide v, unsigned rounding)
{
    return rounding == (v < 0 ? 1 : 2);
}

static bool overflows(wide v, struct format f, unsigned rounding)
{
    wide beyond = power(f.highest + 1), size = v < 0 ? -v : v;

    if (rounding == 0)
        return size >= beyond - power(f.highest - f.bits);
    return goes_away(v, rounding) ? size > beyond - power(f.highest - f.bits + 1) : size >= beyond;
}

/* Below the normal numbers, after rounding. */
static bool is_tiny(wide v, struct format f, unsigned rounding)
{
    wide least = power(1 - f.highest), size = v < 0 ? -v : v;

    if (rounding == 0)
        return size < least - power(-f.highest - f.bits);
    return goes_away(v, rounding) ? size <= least - power(1 - f.highest - f.bits) : size < least;
}

static bool is_inexact(wide v, struct format f, const struct soft_exact *x)
{
    int high, low;

    if (v == 0)
        return false;
    extent(v, &high, &low);
    if (overflows(v, f, x->rounding) && x->masks & MXCSR_OE)
        return true;
    if (is_tiny(v, f, x->rounding) && x->masks & MXCSR_UE)
        return x->flush || low < 2 - f.highest - f.bits;
    return high - low >= f.bits;
}

/* ---- elements ------------------------------------------------------------------------------------ */

/* False when it is no finite number: the result then is none, or exact. */
static bool element(const struct soft_exact *x, const uint8_t *at, wide *out)
{
    double number;

    if (x->size == 4) {
        float narrow;

        memcpy(&narrow, at, sizeof(narrow));
        if (x->daz && fpclassify(narrow) == FP_SUBNORMAL)
            narrow = 0;
        number = (double)narrow;
    } else {
        memcpy(&number, at, sizeof(number));
        if (x->daz && fpclassify(number) == FP_SUBNORMAL)
            number = 0;
    }
    *out = (wide)number;
    return isfinite(number);
}

/* What element i is made of. */
static void places(const struct soft_exact *x, unsigned i, const uint8_t *at[3])
{
    unsigned in_lane = 16 / x->size, first = i / in_lane * in_lane, n = i % in_lane;

    if (x->op != SOFT_EXACT_PAIRS) {
        for (unsigned k = 0; k < 3; k++)
            at[k] = x->from[k] + (size_t)i * x->size;
        return;
    }
    at[0] = x->from[n >= in_lane / 2] + (size_t)(first + 2 * n % in_lane) * x->size;
    at[1] = at[0] + x->size;
    at[2] = at[0];
}

static bool result_of(const struct soft_exact *x, unsigned i, wide *out)
{
    bool less = i % 2 ? x->odd_less : x->even_less;
    const uint8_t *at[3];
    wide v[3];

    places(x, i, at);
    for (unsigned k = 0; k < 3; k++)
        if (!element(x, at[k], &v[k]))
            return false;
    switch (x->op) {
    case SOFT_EXACT_ADD:
    case SOFT_EXACT_PAIRS:
        *out = sum(v[0], less ? -v[1] : v[1]);
        return true;
    case SOFT_EXACT_MUL:
        *out = v[0] * v[1];
        return true;
    case SOFT_EXACT_DIV:
        if (v[1] == 0)
            return false;
        *out = quotient(v[0], v[1]);
        return true;
    case SOFT_EXACT_FMA:
        *out = sum(x->negated ? -(v[0] * v[1]) : v[0] * v[1], less ? -v[2] : v[2]);
        return true;
    default:
        *out = v[0];
        return true;
    }
}

bool soft_inexact(const struct soft_exact *x)
{
    struct format f = format_of(x->to);

    assert(x->size == 4 || x->size == 8);
    for (unsigned i = 0; i < x->n; i++) {
        wide v;

        if (result_of(x, i, &v) && is_inexact(v, f, x))
            return true;
    }
    return false;
}

/* ---- instructions -------------------------------------------------------------------------------- */

static const struct exact_row {
    const char *name; /* begins like this, behind the V */
    enum soft_exact_op op;
    bool even_less, odd_less, negated;
} exact_rows[] = {
    { "addsub", SOFT_EXACT_ADD, true, false, false },
    { "add", SOFT_EXACT_ADD, false, false, false },
    { "sub", SOFT_EXACT_ADD, true, true, false },
    { "mul", SOFT_EXACT_MUL, false, false, false },
    { "div", SOFT_EXACT_DIV, false, false, false },
    { "hadd", SOFT_EXACT_PAIRS, false, false, false },
    { "hsub", SOFT_EXACT_PAIRS, true, true, false },
    { "cvt", SOFT_EXACT_NARROW, false, false, false },
    { "fmaddsub", SOFT_EXACT_FMA, true, false, false },
    { "fmsubadd", SOFT_EXACT_FMA, false, true, false },
    { "fmadd", SOFT_EXACT_FMA, false, false, false },
    { "fmsub", SOFT_EXACT_FMA, true, true, false },
    { "fnmadd", SOFT_EXACT_FMA, false, false, true },
    { "fnmsub", SOFT_EXACT_FMA, true, true, true },
};

/* FMA: the digits of its name are the two that are multiplied, and the one that is added. */
static void take_operands(const struct vec *v, const char *name, struct soft_exact *x)
{
    unsigned last = 0, first = v->row->klass == X86_CLASS_AVX ? 2 : 1;

    while (last < 3 && v->row->operand[last + 1] != 0 &&
           x86_opnd_types[v->row->operand[last + 1]].kind != X86_OPK_IMM)
        last++;
    for (unsigned k = 0; k < 3; k++)
        x->from[k] = v->r.v[x->op == SOFT_EXACT_NARROW ? last + 1 : k == 0 ? first : first + 1];
    if (x->op != SOFT_EXACT_FMA)
        return;
    for (unsigned k = 0; k < 3; k++)
        x->from[k] = v->r.v[name[strcspn(name, "123") + k] - '0'];
}

/* PS, PD, SS, SD: the last two letters. VCVTPS2PH and the two that narrow to a float say both. */
static void take_sizes(const struct vec *v, const char *name, struct soft_exact *x)
{
    size_t len = strlen(name);
    bool narrow = x->op == SOFT_EXACT_NARROW;
    const char *kind = narrow ? name + 3 : name + len - 2;
    unsigned bytes = v->row->klass == X86_CLASS_AVX ? v->in->veclen : 16;

    x->size = kind[1] == 's' ? 4 : 8;
    x->to = !narrow ? x->size : v->row->mnemonic == X86_MN_VCVTPS2PH ? 2 : 4;
    x->n = kind[0] == 's' ? 1 : bytes / x->size;
}

bool soft_vec_exact(const struct vec *v, unsigned masks, struct soft_exact *x)
{
    const char *name = x86_mnemonic_names[v->row->mnemonic];
    const struct exact_row *row = NULL;

    name += name[0] == 'v';
    for (unsigned i = 0; i < ARRAY_LEN(exact_rows) && row == NULL; i++)
        if (strncmp(name, exact_rows[i].name, strlen(exact_rows[i].name)) == 0)
            row = &exact_rows[i];
    if (row == NULL)
        return false;
    *x = (struct soft_exact){ .op = row->op,
                              .even_less = row->even_less,
                              .odd_less = row->odd_less,
                              .negated = row->negated,
                              .masks = masks,
                              .rounding = v->r.mxcsr >> 13 & 3,
                              .daz = v->r.mxcsr & MXCSR_DAZ,
                              .flush = v->r.mxcsr & MXCSR_FTZ };
    take_sizes(v, name, x);
    take_operands(v, name, x);
    if (x->to == 2) {
        x->rounding = v->in->imm & 4 ? x->rounding : v->in->imm & 3;
        x->flush = false;
    }
    return true;
}
