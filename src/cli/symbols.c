/* SPDX-License-Identifier: MIT */
/* symbols.c - vitro symbols -o FILE: the symbols as an ELF file for debuggers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* Frees bytes. */
static int write_file(const char *path, void *bytes, size_t len)
{
    struct vitro_err err = { 0 };
    FILE *f = fopen(path, "wb");
    bool ok = f != NULL && fwrite(bytes, 1, len, f) == len;

    ok = (f == NULL || fclose(f) == 0) && ok;
    free(bytes);
    if (!ok) {
        snprintf(err.text, sizeof(err.text), "writing %.100s: %s", path, strerror(errno));
        return fail_err(&err);
    }
    return EXIT_OK;
}

int symbols_write(const struct target *t, const char *path)
{
    struct vitro_err err = { 0 };
    void *bytes = NULL;
    size_t len = 0;

    if (vitro_symbols_elf(t->m, &bytes, &len, &err) < 0)
        return fail_err(&err);
    return write_file(path, bytes, len);
}

int symbols_write_list(const json_t *symbols, const char *path)
{
    size_t n = json_array_size(symbols), len = 0;
    struct vitro_symbol *list = calloc(n + 1, sizeof(*list));
    struct vitro_err err = { .text = "symbols: out of memory" };
    void *bytes = NULL;
    int rc = -ENOMEM;

    for (size_t i = 0; list != NULL && i < n; i++) {
        const json_t *entry = json_array_get(symbols, i);
        const char *addr = json_string_value(json_object_get(entry, "addr"));
        const char *name = json_string_value(json_object_get(entry, "name"));

        list[i].addr = addr != NULL ? strtoull(addr, NULL, 0) : 0;
        list[i].name = name != NULL ? name : "";
    }
    if (list != NULL) {
        err = (struct vitro_err){ 0 };
        rc = vitro_symbols_file(list, n, &bytes, &len, &err);
    }
    free(list);
    return rc < 0 ? fail_err(&err) : write_file(path, bytes, len);
}
