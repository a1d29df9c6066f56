/* SPDX-License-Identifier: MIT */
/* symbols.c - vitro symbols -o FILE: the symbols as an ELF file for debuggers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

int symbols_write(const struct target *t, const char *path)
{
    struct vitro_err err = { 0 };
    void *bytes = NULL;
    size_t len = 0;
    FILE *f;
    bool ok;

    if (vitro_symbols_elf(t->m, &bytes, &len, &err) < 0)
        return fail_err(&err);
    f = fopen(path, "wb");
    ok = f != NULL && fwrite(bytes, 1, len, f) == len;
    ok = (f == NULL || fclose(f) == 0) && ok;
    free(bytes);
    if (!ok) {
        snprintf(err.text, sizeof(err.text), "writing %.100s: %s", path, strerror(errno));
        return fail_err(&err);
    }
    return EXIT_OK;
}
