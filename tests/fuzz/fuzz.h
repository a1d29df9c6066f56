/* SPDX-License-Identifier: MIT */
/* fuzz.h - what fuzz targets share: a check that is there in every build, and input taken piece by piece. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond)                                                                   \
    do {                                                                              \
        if (!(cond)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

struct fuzz_input {
    const uint8_t *data;
    size_t left;
};

/* The next 1..8 bytes as a number, the first one highest; zeros where the input has ended. */
static inline uint64_t fuzz_take(struct fuzz_input *in, unsigned bytes)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < bytes; i++) {
        v = v << 8 | (in->left > 0 ? *in->data : 0);
        in->data += in->left > 0;
        in->left -= in->left > 0;
    }
    return v;
}

#endif
