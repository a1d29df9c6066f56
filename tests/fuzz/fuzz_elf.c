/* SPDX-License-Identifier: MIT */
/*
 * fuzz_elf.c - any bytes as an executable: what elf_parse and elf_symbols promise must hold
 *
 * Built with clang -fsanitize=fuzzer,address,undefined; corpus in tests/fuzz/corpus/elf.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "boot/elf.h"
#include "boot/elf_symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): must hold in every build. */
static void must(bool promise)
{
    if (!promise)
        abort();
}

static void check_error(int rc, const struct vitro_err *err)
{
    must(rc == 0 || rc == -ENOEXEC);
    must(err->code == rc);
    must(rc == 0 || err->kind == VITRO_ERR_IMAGE);
    must((rc == 0) == (err->text[0] == '\0'));
    must(strchr(err->text, '\n') == NULL && strlen(err->text) < sizeof(err->text) - 1);
}

static void check_segment(const struct elf_image *img, const struct elf_segment *s,
                          const uint8_t *data, size_t size)
{
    uint64_t top = img->is64 ? BIT(52) - 1 : UINT32_MAX;

    must(s->memsz > 0 && s->filesz <= s->memsz);
    must(s->gpa <= top && s->memsz - 1 <= top - s->gpa);
    must(s->memsz - 1 <= UINT64_MAX - s->gva);
    must(s->bytes >= data && s->bytes <= data + size);
    must(s->filesz <= (size_t)(data + size - s->bytes));
}

static void check_image(const struct elf_image *img, const uint8_t *data, size_t size)
{
    unsigned holders = 0;

    must(img->nsegments > 0 && img->nsegments <= ELF_SEGMENTS_MAX);
    for (unsigned i = 0; i < img->nsegments; i++) {
        const struct elf_segment *s = &img->segment[i];

        check_segment(img, s, data, size);
        holders += ranges_overlap(s->gpa, s->memsz, img->entry, 1);
        for (unsigned k = i + 1; k < img->nsegments; k++) {
            const struct elf_segment *other = &img->segment[k];

            must(s->gpa < other->gpa);
            must(!ranges_overlap(s->gpa, s->memsz, other->gpa, other->memsz));
        }
    }
    must(holders == 1);
}

static void check_symbols(const struct symtab *t, size_t size)
{
    must(t->n <= size && t->n <= SYMTAB_SYMBOLS_MAX && t->pool_len <= SYMTAB_POOL_MAX);
    for (size_t i = 0; i < t->n; i++) {
        const struct symbol *s = &t->sym[i];
        uint64_t off = UINT64_MAX, addr = 0;
        const char *name = symtab_find(t, s->addr, &off);

        must(s->name < t->pool_len && s->last >= s->addr);
        must(symtab_name(t, s)[0] != '\0');
        must(i == 0 || t->sym[i - 1].addr <= s->addr);
        must(name != NULL && off == 0);
        must(i > 64 || symtab_lookup(t, name, &addr)); /* linear: not for all */
        name = symtab_find(t, s->last, &off);
        must(name == NULL || off <= s->last - s->addr);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vitro_err err = { 0 };
    struct elf_image img;
    struct symtab syms;
    int rc = elf_parse(data, size, &img, &err);

    check_error(rc, &err);
    must(rc < 0 || elf_is(data, size));
    if (rc == 0)
        check_image(&img, data, size);
    else
        must(img.nsegments == 0);

    err = (struct vitro_err){ 0 };
    rc = elf_symbols(data, size, &syms, &err);
    check_error(rc, &err);
    must(rc == 0 || syms.n == 0);
    check_symbols(&syms, size);
    symtab_fini(&syms);
    return 0;
}
