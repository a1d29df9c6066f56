/* SPDX-License-Identifier: MIT */
/*
 * fuzz_pvh.c - any bytes as an ELF kernel, by its PVH note and by Linux's own entry
 *
 * Built with clang -fsanitize=fuzzer,address,undefined; corpus in tests/fuzz/corpus/pvh.
 */
#include "fuzz_boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_boot(IMAGE_PVH, data, size, true);
    return fuzz_boot(IMAGE_VMLINUX, data, size, false);
}
