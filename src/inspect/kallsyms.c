/* SPDX-License-Identifier: MIT */
/*
 * kallsyms.c - see kallsyms.h
 *
 * The tables lie one after the other, each aligned to 8 bytes:
 *
 *     offsets        num_syms x s32           (from 6.4 on: after token_index)
 *     relative_base  u64                      (the same)
 *     num_syms       u32
 *     names          num_syms x { length, length bytes: indexes of tokens }
 *     markers        u32 for every 256th symbol: where it begins in names
 *     seqs_of_names  num_syms x 3 bytes       (some versions only; not needed)
 *     token_table    256 strings, each NUL-terminated
 *     token_index    256 x u16: where each begins in token_table
 *
 * token_table is found by the tokens '0' to '9', which always stand for themselves; everything else
 * follows from it and is checked against itself. Source: Linux, scripts/kallsyms.c (the comments on what it
 * writes) and Documentation/kbuild.
 */
#include "inspect/kallsyms.h"

#include <errno.h>
#include <string.h>

#include "base/bits.h"

enum {
    TOKENS = 256,
    TOKEN_MAX = 128, /* bytes of one */
    PER_MARKER = 256,
    NAME_MAX_BYTES = 1024, /* of a name as stored, and unpacked */
    LONG_NAME = 0x80,      /* the length goes on in a second byte, from Linux 6.1 on */
    SYMS_MAX = 1 << 20,
    STEPS_MAX =
        16 *
        SYMS_MAX, /* tokens and names looked at in vain: an image may look like tables at every eighth byte */
};

struct tables {
    const uint8_t *bytes;
    size_t len;
    size_t token_table, token_index; /* offsets in bytes */
    size_t names;
    uint32_t nsyms;
    size_t offsets, relative_base;
    bool upwards;   /* offsets count from relative_base up */
    unsigned steps; /* of STEPS_MAX, taken */
};

static uint32_t u32_at(const struct tables *t, size_t at)
{
    return (uint32_t)le_get(t->bytes + at, 4);
}

static size_t align8(size_t at)
{
    return (at + 7) & ~(size_t)7;
}

static bool may_step(struct tables *t)
{
    return t->steps < STEPS_MAX && ++t->steps;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

/* The start of token 1, going back from that of token '0': token 0 begins where the index says. */
static bool second_token(struct tables *t, size_t digit0, size_t *out)
{
    size_t at = digit0;

    for (unsigned i = '0'; i > 1; i--) {
        size_t least = at > TOKEN_MAX ? at - TOKEN_MAX : 0;

        if (at == 0 || t->bytes[at - 1] != 0 || !may_step(t))
            return false;
        at--;
        while (at > least && t->bytes[at - 1] != 0)
            at--;
        if (at == least)
            return false;
    }
    *out = at;
    return true;
}

/* The index behind the table names each token's place: that is the proof. */
static bool check_index(struct tables *t, size_t second)
{
    size_t start[TOKENS], at = second, first;

    for (unsigned i = 1; i < TOKENS; i++) {
        size_t left = t->len - at;
        const uint8_t *nul = memchr(t->bytes + at, 0, left < TOKEN_MAX ? left : TOKEN_MAX);

        if (nul == NULL || !may_step(t))
            return false;
        start[i] = at;
        at = (size_t)(nul - t->bytes) + 1;
    }
    t->token_index = align8(at);
    if (t->len < TOKENS * 2 || t->token_index > t->len - TOKENS * 2)
        return false;
    first = le_get(t->bytes + t->token_index + 2, 2); /* the length of token 0 */
    if (first == 0 || first > second || (second - first) % 4 != 0)
        return false;
    t->token_table = start[0] = second - first;
    for (unsigned i = 0; i < TOKENS; i++) {
        if (le_get(t->bytes + t->token_index + 2 * i, 2) != start[i] - start[0])
            return false;
    }
    return true;
}

static bool find_tokens(struct tables *t)
{
    static const uint8_t digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
    size_t at = 0, second;

    while (at < t->len) {
        const uint8_t *hit = memmem(t->bytes + at, t->len - at, digits, sizeof(digits));

        if (hit == NULL)
            return false;
        at = (size_t)(hit - t->bytes);
        if (second_token(t, at, &second) && check_index(t, second))
            return true;
        at++;
    }
    return false;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* The stored bytes of the name at `at`; moves it to the next one. False: runs off the end. */
static bool next_name(const struct tables *t, size_t *at, const uint8_t **name, unsigned *n)
{
    if (t->len - *at < 2)
        return false;
    *n = t->bytes[(*at)++];
    if (*n & LONG_NAME)
        *n = (*n & (LONG_NAME - 1)) | (unsigned)t->bytes[(*at)++] << 7;
    if (*n == 0 || *n > NAME_MAX_BYTES || *n > t->len - *at)
        return false;
    *name = t->bytes + *at;
    *at += *n;
    return true;
}

/*
 * Whether num_syms lies at `at`: as many names follow, and behind them markers that fit them, up to the tokens. Some kernels
 * have three bytes a symbol between markers and tokens (seqs_of_names).
 */
static bool names_at(struct tables *t, size_t at)
{
    uint32_t nsyms = u32_at(t, at), second = 0;
    size_t names = at + 8, end = names, markers, tail;
    const uint8_t *name;
    unsigned n;

    if (nsyms <= PER_MARKER || nsyms > SYMS_MAX || u32_at(t, at + 4) != 0)
        return false;
    for (uint32_t i = 0; i < nsyms; i++) {
        if (i == PER_MARKER)
            second = (uint32_t)(end - names);
        if (!may_step(t) || !next_name(t, &end, &name, &n) || end > t->token_table)
            return false;
    }
    markers = align8(end);
    tail = align8(markers + 4 * (size_t)((nsyms + PER_MARKER - 1) / PER_MARKER));
    if (tail > t->token_table || u32_at(t, markers) != 0 || u32_at(t, markers + 4) != second)
        return false;
    t->names = names;
    t->nsyms = nsyms;
    return tail == t->token_table || align8(tail + 3 * (size_t)nsyms) == t->token_table;
}

static bool find_names(struct tables *t)
{
    for (size_t at = t->token_table & ~(size_t)7; at >= 16; at -= 8) {
        if (names_at(t, at - 16))
            return true;
    }
    return false;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static bool kernel_address(uint64_t addr)
{
    return addr >= UINT64_C(0xffffffff80000000);
}

static bool addresses_at(struct tables *t, size_t offsets)
{
    size_t base = align8(offsets + 4 * (size_t)t->nsyms);

    if (offsets % 8 != 0 || base + 8 > t->len || base + 8 < offsets ||
        !kernel_address(le_get(t->bytes + base, 8)))
        return false;
    t->offsets = offsets;
    t->relative_base = base;
    t->upwards = (int32_t)u32_at(t, offsets + 4 * (size_t)(t->nsyms - 1)) >= 0;
    return true;
}

static bool find_addresses(struct tables *t)
{
    size_t room = align8(4 * (size_t)t->nsyms) + 8, num_syms = t->names - 8;

    if (num_syms >= room && addresses_at(t, num_syms - room))
        return true;
    return addresses_at(t, align8(t->token_index + TOKENS * 2));
}

/*
 * Kernels for several CPUs give negative offsets, counted from the base down, and absolute numbers for what
 * lies in each CPU's own area, which is no address. Others, and newer ones, count from the base up.
 */
static bool address_of(const struct tables *t, uint32_t i, uint64_t *addr)
{
    int32_t offset = (int32_t)u32_at(t, t->offsets + 4 * (size_t)i);
    uint64_t base = le_get(t->bytes + t->relative_base, 8);

    *addr = t->upwards ? base + (uint32_t)offset : base - 1 - (uint64_t)(int64_t)offset;
    return t->upwards || offset < 0;
}

/* ---- symbols --------------------------------------------------------------------------------- */

static unsigned unpack(const struct tables *t, const uint8_t *name, unsigned n,
                       char out[NAME_MAX_BYTES])
{
    unsigned len = 0;

    for (unsigned i = 0; i < n; i++) {
        size_t token = t->token_table + le_get(t->bytes + t->token_index + 2 * name[i], 2);

        while (t->bytes[token] != 0 && len < NAME_MAX_BYTES)
            out[len++] = (char)t->bytes[token++];
    }
    return len;
}

/* Last address before the next symbol's; of the last one the page it begins in. */
static uint64_t last_of(const struct tables *t, uint32_t i, uint64_t addr)
{
    uint64_t next;

    for (uint32_t j = i + 1; j < t->nsyms && j < i + PER_MARKER; j++) {
        if (address_of(t, j, &next) && next > addr)
            return next - 1;
    }
    return addr | 0xfff;
}

/* The first character of a name is its type, as nm has it; functions come before data of the same address. */
static int add(const struct tables *t, uint32_t i, const char *name, unsigned len,
               struct symtab *out)
{
    struct symbol s = { .rank = name[0] == 'T' ? 3 : name[0] == 't' || name[0] == 'W' ? 2 : 1 };
    int rc;

    if (len < 2 || !address_of(t, i, &s.addr))
        return 0;
    s.last = last_of(t, i, s.addr);
    rc = symtab_add(out, &s, name + 1, len - 1);
    return rc == -ENOSPC ? 0 : rc;
}

static int add_all(const struct tables *t, struct symtab *out)
{
    char text[NAME_MAX_BYTES];
    size_t at = t->names;
    int rc = 0;

    for (uint32_t i = 0; i < t->nsyms && rc == 0; i++) {
        const uint8_t *name;
        unsigned n;

        if (!next_name(t, &at, &name, &n))
            break;
        rc = add(t, i, text, unpack(t, name, n, text), out);
    }
    symtab_sort(out);
    return rc;
}

int kallsyms_parse(const uint8_t *bytes, size_t len, struct symtab *out)
{
    struct tables t = { .bytes = bytes, .len = len };

    if (!find_tokens(&t) || !find_names(&t) || !find_addresses(&t))
        return -ENOENT;
    return add_all(&t, out);
}
