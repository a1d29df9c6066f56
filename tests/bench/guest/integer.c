/* SPDX-License-Identifier: MIT */
/*
 * integer.c - benchmark programs of integer arithmetic: shifts, division, checksums, ciphers, long numbers
 *
 * Sources: FIPS 180-4 (SHA-256), RFC 8439 (ChaCha20), Montgomery 1985 by words (CIOS). Written to be clear, as such
 * code is in programs without hand-written assembly.
 */
#include "tasks.h"

#include <stdlib.h>
#include <string.h>

uint64_t task_integers(unsigned n)
{
    uint64_t x = RANDOM_SEED, sum = 0;

    for (unsigned i = 0; i < n; i++) {
        random_next(&x);
        sum += (x & 1) ? x >> 60 : i;
    }
    return sum;
}

/* The number of primes up to n. */
uint64_t task_sieve(unsigned n)
{
    unsigned char *composite = calloc((size_t)n + 1, 1);
    unsigned primes = 0;

    for (unsigned i = 2; i <= n; i++) {
        if (composite[i])
            continue;
        primes++;
        for (uint64_t j = (uint64_t)i * i; j <= n; j += i)
            composite[j] = 1;
    }
    free(composite);
    return primes;
}

/* Greatest common divisors: one division after the other. */
uint64_t task_divide(unsigned n)
{
    uint64_t x = RANDOM_SEED, sum = 0;

    for (unsigned i = 0; i < n; i++) {
        uint64_t a = random_next(&x), b = random_next(&x) >> 20;

        while (b != 0) {
            uint64_t r = a % b;

            a = b;
            b = r;
        }
        sum += a;
    }
    return sum;
}

/* ---- CRC-32 of IEEE 802.3, reflected, a table of 256 -------------------------------------------- */

uint64_t task_crc32(unsigned n)
{
    enum { LEN = 1 << 16 };
    static uint32_t table[256];
    static unsigned char bytes[LEN];
    uint64_t x = RANDOM_SEED;
    uint32_t crc = UINT32_MAX;

    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (unsigned bit = 0; bit < 8; bit++)
            table[i] = table[i] & 1 ? table[i] >> 1 ^ 0xedb88320u : table[i] >> 1;
    }
    for (unsigned i = 0; i < LEN; i++)
        bytes[i] = (unsigned char)random_next(&x);
    for (unsigned round = 0; round < n; round++) {
        for (unsigned i = 0; i < LEN; i++)
            crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xff];
    }
    return ~crc & UINT32_MAX;
}

/* ---- ChaCha20 ----------------------------------------------------------------------------------- */

static uint32_t rotate_left(uint32_t v, unsigned by)
{
    return v << by | v >> (32 - by);
}

static void quarter(uint32_t s[16], unsigned a, unsigned b, unsigned c, unsigned d)
{
    s[a] += s[b];
    s[d] = rotate_left(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = rotate_left(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = rotate_left(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = rotate_left(s[b] ^ s[c], 7);
}

static void chacha_block(const uint32_t in[16], uint32_t out[16])
{
    memcpy(out, in, 64);
    for (unsigned round = 0; round < 10; round++) {
        quarter(out, 0, 4, 8, 12);
        quarter(out, 1, 5, 9, 13);
        quarter(out, 2, 6, 10, 14);
        quarter(out, 3, 7, 11, 15);
        quarter(out, 0, 5, 10, 15);
        quarter(out, 1, 6, 11, 12);
        quarter(out, 2, 7, 8, 13);
        quarter(out, 3, 4, 9, 14);
    }
    for (unsigned i = 0; i < 16; i++)
        out[i] += in[i];
}

/* Of n blocks from counter 1, with key and nonce of RFC 8439, 2.3.2, the words added by position. */
uint64_t task_chacha(unsigned n)
{
    uint32_t in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 }, out[16], sum[16] = { 0 };
    uint64_t value = HASH_BEGIN;

    for (unsigned i = 0; i < 8; i++)
        in[4 + i] = 0x03020100u + 0x04040404u * i;
    in[13] = 0x09000000;
    in[14] = 0x4a000000;
    for (unsigned i = 1; i <= n; i++) {
        in[12] = i;
        chacha_block(in, out);
        for (unsigned k = 0; k < 16; k++)
            sum[k] += out[k];
    }
    value = hash_bytes(value, sum, sizeof(sum));
    return value;
}

/* ---- SHA-256 ------------------------------------------------------------------------------------ */

static const uint32_t sha_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate_right(uint32_t v, unsigned by)
{
    return v >> by | v << (32 - by);
}

static void sha_schedule(const unsigned char block[64], uint32_t w[64])
{
    for (unsigned i = 0; i < 16; i++) {
        memcpy(&w[i], block + 4 * i, 4);
        w[i] = __builtin_bswap32(w[i]);
    }
    for (unsigned i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];

        w[i] = w[i - 16] + (rotate_right(a, 7) ^ rotate_right(a, 18) ^ a >> 3) + w[i - 7] +
               (rotate_right(b, 17) ^ rotate_right(b, 19) ^ b >> 10);
    }
}

static void sha_block(uint32_t h[8], const unsigned char block[64])
{
    uint32_t w[64];
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], z = h[7];

    sha_schedule(block, w);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t e1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
        uint32_t t1 = z + e1 + ((e & f) ^ (~e & g)) + sha_k[i] + w[i];
        uint32_t e0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
        uint32_t t2 = e0 + ((a & b) ^ (a & c) ^ (b & c));

        z = g, g = f, f = e, e = d + t1;
        d = c, c = b, b = a, a = t1 + t2;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d;
    h[4] += e, h[5] += f, h[6] += g, h[7] += z;
}

/* The first eight bytes of the digest of n KiB: whole blocks, so the padding is one of its own. */
uint64_t task_sha256(unsigned n)
{
    uint32_t h[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
    static unsigned char kib[1024];
    unsigned char end[64] = { 0x80 };
    uint64_t x = RANDOM_SEED, bits = __builtin_bswap64((uint64_t)n * 1024 * 8);

    for (unsigned i = 0; i < sizeof(kib); i++)
        kib[i] = (unsigned char)random_next(&x);
    for (unsigned i = 0; i < n; i++) {
        for (unsigned at = 0; at < sizeof(kib); at += 64)
            sha_block(h, kib + at);
    }
    memcpy(end + 56, &bits, 8);
    sha_block(h, end);
    return (uint64_t)h[0] << 32 | h[1];
}

/* ---- numbers of 512 bits ------------------------------------------------------------------------ */

enum { LIMBS = 8 };

/* a = a * b / 2^512 mod m, for odd m; inverse: -1/m mod 2^64. Both below m. */
static void montgomery(uint64_t a[LIMBS], const uint64_t b[LIMBS], const uint64_t m[LIMBS],
                       uint64_t inverse)
{
    uint64_t t[LIMBS + 2] = { 0 };

    for (unsigned i = 0; i < LIMBS; i++) {
        unsigned __int128 sum = 0;
        uint64_t q;

        for (unsigned j = 0; j < LIMBS; j++) {
            sum = (unsigned __int128)a[i] * b[j] + t[j] + (uint64_t)(sum >> 64);
            t[j] = (uint64_t)sum;
        }
        sum = (unsigned __int128)t[LIMBS] + (uint64_t)(sum >> 64);
        t[LIMBS] = (uint64_t)sum;
        t[LIMBS + 1] = (uint64_t)(sum >> 64);
        q = t[0] * inverse;
        sum = ((unsigned __int128)q * m[0] + t[0]) >> 64;
        for (unsigned j = 1; j < LIMBS; j++) {
            sum = (unsigned __int128)q * m[j] + t[j] + (uint64_t)sum;
            t[j - 1] = (uint64_t)sum;
            sum >>= 64;
        }
        sum = (unsigned __int128)t[LIMBS] + (uint64_t)sum;
        t[LIMBS - 1] = (uint64_t)sum;
        t[LIMBS] = t[LIMBS + 1] + (uint64_t)(sum >> 64);
    }
    memcpy(a, t, LIMBS * sizeof(t[0]));
}

/* 2^512 * v mod m by doubling; v below m, whose highest bit is clear. */
static void to_montgomery(uint64_t v[LIMBS], const uint64_t m[LIMBS])
{
    for (unsigned bit = 0; bit < 64 * LIMBS; bit++) {
        uint64_t less[LIMBS], carry = 0, borrow = 0;

        for (unsigned i = 0; i < LIMBS; i++) {
            uint64_t top = v[i] >> 63;

            v[i] = v[i] << 1 | carry;
            carry = top;
        }
        for (unsigned i = 0; i < LIMBS; i++) {
            unsigned __int128 d = (unsigned __int128)v[i] - m[i] - borrow;

            less[i] = (uint64_t)d;
            borrow = (uint64_t)(d >> 64) & 1;
        }
        if (!borrow)
            memcpy(v, less, sizeof(less));
    }
}

/* g^(2^n) mod m, as it is in Montgomery's form, limbs in order. m of 510 bits: results stay below 2m. */
uint64_t task_bignum(unsigned n)
{
    uint64_t x = RANDOM_SEED, m[LIMBS], g[LIMBS] = { 3 }, one[LIMBS] = { 1 }, inverse = 1;

    for (unsigned i = 0; i < LIMBS; i++)
        m[i] = random_next(&x);
    m[0] |= 1;
    m[LIMBS - 1] = m[LIMBS - 1] >> 2 | UINT64_C(1) << 61;
    for (unsigned i = 0; i < 6; i++)
        inverse *= 2 - m[0] * inverse;
    to_montgomery(g, m);
    for (unsigned i = 0; i < n; i++)
        montgomery(g, g, m, -inverse);
    montgomery(g, one, m, -inverse);
    return hash_bytes(HASH_BEGIN, g, sizeof(g));
}
