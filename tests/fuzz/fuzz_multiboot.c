/* SPDX-License-Identifier: MIT */
/*
 * fuzz_multiboot.c - any bytes as a kernel of multiboot 1 and 2; what image_probe() says of them
 *
 * Built with clang -fsanitize=fuzzer,address,undefined; corpus in tests/fuzz/corpus/multiboot.
 */
#include "fuzz_boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vitro_err err = { 0 };
    enum image_kind kind = IMAGE_KINDS;

    check_error(image_probe(data, size, &kind, &err), &err, false);
    must(kind < IMAGE_KINDS && kind != IMAGE_BUILTIN);
    fuzz_boot(IMAGE_MULTIBOOT, data, size, true);
    return fuzz_boot(IMAGE_MULTIBOOT2, data, size, true);
}
