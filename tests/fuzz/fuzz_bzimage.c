/* SPDX-License-Identifier: MIT */
/*
 * fuzz_bzimage.c - any bytes as a Linux bzImage
 *
 * Built with clang -fsanitize=fuzzer,address,undefined; corpus in tests/fuzz/corpus/bzimage.
 */
#include "fuzz_boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_boot(IMAGE_BZIMAGE, data, size, false);
}
