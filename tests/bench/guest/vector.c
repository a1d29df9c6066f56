/* SPDX-License-Identifier: MIT */
/*
 * vector.c - benchmark programs of SSE2 and AVX2 code, numbers and bytes
 *
 * SSE2 is part of x86-64. The AVX2 ones are for CPUs that offer it: the table of tasks.c says so, and CPUID is asked.
 */
#include "tasks.h"

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))

enum { DOUBLES = 4096, FLOATS = 4096, BYTES = 1 << 16 };

static void fill_bytes(unsigned char *bytes)
{
    uint64_t x = RANDOM_SEED;

    for (unsigned i = 0; i < BYTES; i++)
        bytes[i] = (unsigned char)random_next(&x);
}

/* ---- SSE2 ---------------------------------------------------------------------------------------- */

/* n passes of a smoothing filter over an array of doubles; the bits of all, hashed. */
uint64_t task_sse2_floats(unsigned n)
{
    static double array[2][DOUBLES + 2];
    __m128d third = _mm_set1_pd(1.0 / 3.0);

    for (unsigned i = 0; i < DOUBLES + 2; i++)
        array[0][i] = array[1][i] = i % 97 * 0.25;
    for (unsigned pass = 0; pass < n; pass++) {
        const double *from = array[pass & 1];
        double *to = array[~pass & 1];

        for (unsigned i = 1; i <= DOUBLES; i += 2) {
            __m128d sum = _mm_add_pd(_mm_loadu_pd(from + i - 1), _mm_loadu_pd(from + i));

            _mm_storeu_pd(to + i, _mm_mul_pd(_mm_add_pd(sum, _mm_loadu_pd(from + i + 1)), third));
        }
    }
    return hash_bytes(HASH_BEGIN, array[n & 1], sizeof(array[0]));
}

/* n searches through 64 KiB: how many bytes are one value, and the sum of their distances from it. */
uint64_t task_sse2_bytes(unsigned n)
{
    static unsigned char bytes[BYTES];
    uint64_t value = 0;

    fill_bytes(bytes);
    for (unsigned round = 0; round < n; round++) {
        __m128i wanted = _mm_set1_epi8((char)round), far = _mm_setzero_si128();
        unsigned found = 0;

        for (unsigned i = 0; i < BYTES; i += 16) {
            __m128i part = _mm_loadu_si128((const __m128i *)(const void *)(bytes + i));

            found += (unsigned)__builtin_popcount(
                (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(part, wanted)));
            far = _mm_add_epi64(far, _mm_sad_epu8(part, wanted));
        }
        value += (uint64_t)found * (round + 1) + (uint64_t)_mm_cvtsi128_si64(far) +
                 (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(far, far));
    }
    return value;
}

/* ---- AVX2 ---------------------------------------------------------------------------------------- */

/* n passes over an array of floats, x = x * (a - b * x): the bits of all, hashed. */
AVX2 uint64_t task_avx2_floats(unsigned n)
{
    static float array[FLOATS];
    __m256 a = _mm256_set1_ps(3.5f), b = _mm256_set1_ps(3.5f);

    for (unsigned i = 0; i < FLOATS; i++)
        array[i] = (float)(i % 1021 + 1) / 1024.0f;
    for (unsigned pass = 0; pass < n; pass++) {
        for (unsigned i = 0; i < FLOATS; i += 8) {
            __m256 x = _mm256_loadu_ps(array + i);

            x = _mm256_mul_ps(x, _mm256_sub_ps(a, _mm256_mul_ps(b, x)));
            x = _mm256_max_ps(x, _mm256_set1_ps(1.0f / 1024.0f));
            _mm256_storeu_ps(array + i, x);
        }
    }
    return hash_bytes(HASH_BEGIN, array, sizeof(array));
}

/* n mixtures of two arrays of pixels by a weight that goes round, as an image is faded. */
AVX2 uint64_t task_avx2_bytes(unsigned n)
{
    static unsigned char one[BYTES], two[BYTES];

    fill_bytes(one);
    memset(two, 0x80, BYTES);
    for (unsigned round = 0; round < n; round++) {
        __m256i weight = _mm256_set1_epi16((short)(round % 256)), zero = _mm256_setzero_si256();

        for (unsigned i = 0; i < BYTES; i += 32) {
            __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(one + i));
            __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(two + i));
            __m256i low = _mm256_mullo_epi16(_mm256_unpacklo_epi8(a, zero), weight);
            __m256i high = _mm256_mullo_epi16(_mm256_unpackhi_epi8(a, zero), weight);
            __m256i mixed =
                _mm256_packus_epi16(_mm256_srli_epi16(low, 8), _mm256_srli_epi16(high, 8));

            mixed = _mm256_avg_epu8(_mm256_xor_si256(mixed, a), b);
            _mm256_storeu_si256((__m256i *)(void *)(two + i), mixed);
        }
    }
    return hash_bytes(HASH_BEGIN, two, BYTES);
}
