/* SPDX-License-Identifier: MIT */
/*
 * fuzz_kallsyms.c - a kernel's symbol tables out of bytes a fuzzer made up
 *
 * The input is spread over an image that has tokens and their index already, so that what follows them is
 * reached; from a heap block of exactly its length.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "inspect/kallsyms.h"

enum { TOKENS = 256, TABLE = 2 * TOKENS + 4, INPUT_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each token is a byte that stands for itself; token 0 for two, so that the index has a gap. */
static size_t put_tokens(uint8_t *at)
{
    size_t n = 0;
    uint8_t index[2 * TOKENS];

    for (unsigned i = 0; i < TOKENS; i++) {
        le_put(index + 2 * i, 2, n);
        at[n++] = i == 0 ? 'a' : (uint8_t)i;
        if (i == 0) {
            memcpy(at + n, "bcd", 3);
            n += 3;
        }
        at[n++] = 0;
    }
    n = (n + 7) & ~(size_t)7;
    memcpy(at + n, index, sizeof(index));
    return n + sizeof(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t before = size < INPUT_MAX ? size & ~(size_t)7 : INPUT_MAX, len;
    uint8_t *image = calloc(1, before + 2 * TABLE + 64);
    struct symtab t = { 0 };

    if (image == NULL)
        return 0;
    memcpy(image, data, before);
    len = before + put_tokens(image + before);
    image = realloc(image, len);
    if (image != NULL && kallsyms_parse(image, len, &t) == 0 && t.n > before)
        abort();
    symtab_fini(&t);
    free(image);
    return 0;
}
