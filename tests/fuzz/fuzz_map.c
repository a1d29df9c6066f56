/* SPDX-License-Identifier: MIT */
/* fuzz_map.c - text maps of symbols out of bytes a fuzzer made up; from a heap block of exactly their length. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot/map_symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size);
    struct vitro_err err = { 0 };
    struct symtab t;

    if (size != 0)
        memcpy(bytes, data, size);
    if (map_symbols(bytes, size, &t, &err) == 0) {
        for (size_t i = 0; i < t.n; i++) {
            const struct symbol *s = &t.sym[i];

            if (s->last < s->addr || symtab_name(&t, s)[0] == '\0' ||
                (i > 0 && s->addr < t.sym[i - 1].addr))
                abort();
        }
    } else if (t.n != 0 || err.text[0] == '\0') {
        abort();
    }
    symtab_fini(&t);
    free(bytes);
    return 0;
}
