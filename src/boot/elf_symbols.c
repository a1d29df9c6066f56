/* SPDX-License-Identifier: MIT */
/*
 * elf_symbols.c - reads .symtab
 *
 * Source: System V gABI, "Sections", "String Table", "Symbol Table". Sections are found by type,
 * so that their names and e_shstrndx are not needed. A malformed table yields no symbols at all:
 * half a table would name addresses wrongly and look right.
 */
#include "boot/elf_symbols.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/bits.h"
#include "boot/elf.h"

#define HEX "0x%" PRIx64

struct sections {
    const struct elf_file *f;
    uint64_t off; /* of the table */
    uint64_t n;   /* records, all of them inside the file */
};

struct span { /* of file bytes, inside the file */
    uint64_t off, len;
};

static uint64_t section_at(const struct sections *t, uint64_t idx)
{
    return t->off + idx * elf_record_size(t->f, ELF_Shdr);
}

static int find_sections(const struct elf_file *f, struct sections *t, struct vitro_err *err)
{
    unsigned want = elf_record_size(f, ELF_Shdr);
    unsigned size = (unsigned)elf_get(f, 0, ELF_e_shentsize);

    *t = (struct sections){ .f = f, .off = elf_get(f, 0, ELF_e_shoff) };
    if (t->off == 0)
        return 0; /* stripped of all sections */
    if (size != want)
        return elf_refuse(err, "section headers are %u bytes each, must be %u", size, want);
    if (!elf_has(f, t->off, want))
        return elf_refuse(
            err, "section headers at " HEX " are outside the file of " HEX " bytes; truncated?",
            t->off, (uint64_t)f->len);
    t->n = elf_get(f, 0, ELF_e_shnum);
    if (t->n == 0) /* gABI, "ELF Header", e_shnum: too many for 16 bits */
        t->n = elf_get(f, t->off, ELF_sh_size);
    if (t->n > (f->len - t->off) / want)
        return elf_refuse(err,
                          "%" PRIu64 " section headers at " HEX " are outside the file of " HEX
                          " bytes; truncated?",
                          t->n, t->off, (uint64_t)f->len);
    return 0;
}

static int section_span(const struct sections *t, uint64_t idx, struct span *out,
                        struct vitro_err *err)
{
    uint64_t sh = section_at(t, idx);

    *out = (struct span){ elf_get(t->f, sh, ELF_sh_offset), elf_get(t->f, sh, ELF_sh_size) };
    if (!elf_has(t->f, out->off, out->len))
        return elf_refuse(err,
                          "section %" PRIu64 " is file bytes " HEX "+" HEX ", the file has " HEX
                          "; truncated?",
                          idx, out->off, out->len, (uint64_t)t->f->len);
    return 0;
}

/* The gABI allows one symbol table; its index, or t->n. */
static uint64_t find_symtab(const struct sections *t)
{
    for (uint64_t i = 0; i < t->n; i++) {
        if (elf_get(t->f, section_at(t, i), ELF_sh_type) == SHT_SYMTAB)
            return i;
    }
    return t->n;
}

/* The names that belong to the symbol table: sh_link. */
static int find_names(const struct sections *t, uint64_t symtab, struct span *out,
                      struct vitro_err *err)
{
    uint64_t link = elf_get(t->f, section_at(t, symtab), ELF_sh_link);
    int rc;

    if (link >= t->n || elf_get(t->f, section_at(t, link), ELF_sh_type) != SHT_STRTAB)
        return elf_refuse(
            err, "the symbols' names are in section %" PRIu64 ", which is no string table", link);
    rc = section_span(t, link, out, err);
    if (rc == 0 && out->len > 0 && t->f->bytes[out->off + out->len - 1] != '\0')
        return elf_refuse(err, "string table (section %" PRIu64 ") does not end in NUL", link);
    return rc;
}

/* Last address of a symbol without size: its section's, or its own if it stands at the end. */
static uint64_t section_last(const struct sections *t, uint64_t shndx, uint64_t addr)
{
    uint64_t start, size;

    if (shndx == SHN_XINDEX)
        return UINT64_MAX; /* the index is in a table not read here: up to the next symbol */
    if (shndx >= SHN_LORESERVE || shndx >= t->n)
        return addr;
    start = elf_get(t->f, section_at(t, shndx), ELF_sh_addr);
    size = elf_get(t->f, section_at(t, shndx), ELF_sh_size);
    if (addr < start || addr - start >= size)
        return addr;
    return size - 1 <= UINT64_MAX - start ? start + size - 1 : UINT64_MAX;
}

/* False if the record names no address. Of several names for one address the views show one that
 * has a size before one that has not, a function or object before a label, global before local. */
static bool read_symbol(const struct sections *t, uint64_t at, struct symbol *out)
{
    unsigned info = (unsigned)elf_get(t->f, at, ELF_st_info);
    unsigned type = ELF64_ST_TYPE(info); /* the same in ELF32 */
    uint64_t shndx = elf_get(t->f, at, ELF_st_shndx);
    uint64_t addr = elf_get(t->f, at, ELF_st_value);
    uint64_t size = elf_get(t->f, at, ELF_st_size);

    if (type != STT_FUNC && type != STT_OBJECT && type != STT_NOTYPE)
        return false;
    if (shndx == SHN_UNDEF || shndx == SHN_COMMON || (shndx == SHN_ABS && type == STT_NOTYPE))
        return false;
    *out = (struct symbol){ .addr = addr };
    if (size == 0)
        out->last = section_last(t, shndx, addr);
    else
        out->last = size - 1 <= UINT64_MAX - addr ? addr + size - 1 : UINT64_MAX;
    out->rank = (uint8_t)((size != 0) << 2 | (type != STT_NOTYPE) << 1 |
                          (ELF64_ST_BIND(info) != STB_LOCAL));
    return true;
}

static int add_symbol(const struct sections *t, uint64_t at, const struct span *names,
                      struct symtab *out, struct vitro_err *err)
{
    uint64_t name = elf_get(t->f, at, ELF_st_name);
    const char *text;
    struct symbol s;
    int rc;

    if (name == 0 || !read_symbol(t, at, &s))
        return 0;
    if (name >= names->len)
        return elf_refuse(err,
                          "symbol name at " HEX " is outside the string table of " HEX " bytes",
                          name, names->len);
    text = (const char *)t->f->bytes + names->off + name;
    if (*text == '\0')
        return 0;
    rc = symtab_add(out, &s, text, strlen(text)); /* find_names() saw the last NUL */
    if (rc == -ENOMEM)
        err_set(err, rc, "ELF: no memory for the symbols (%zu so far)", out->n);
    return rc;
}

static int read_symbols(const struct sections *t, struct symtab *out, struct vitro_err *err)
{
    unsigned size = elf_record_size(t->f, ELF_Sym);
    uint64_t idx = find_symtab(t);
    struct span syms, names;
    int rc;

    if (idx == t->n)
        return 0;
    if (elf_get(t->f, section_at(t, idx), ELF_sh_entsize) != size)
        return elf_refuse(err, "symbols are " HEX " bytes each, must be " HEX,
                          elf_get(t->f, section_at(t, idx), ELF_sh_entsize), (uint64_t)size);
    rc = section_span(t, idx, &syms, err);
    if (rc == 0)
        rc = find_names(t, idx, &names, err);
    for (uint64_t i = 0; rc == 0 && i < syms.len / size; i++)
        rc = add_symbol(t, syms.off + i * size, &names, out, err);
    /* Names may overlap in the file, so this also bounds the time: no more is read than copied. */
    return rc == -ENOSPC ? 0 : rc;
}

int elf_symbols(const void *bytes, size_t len, struct symtab *out, struct vitro_err *err)
{
    struct elf_file f;
    struct sections t;
    int rc;

    *out = (struct symtab){ 0 };
    rc = elf_file_init(&f, bytes, len, err);
    if (rc == 0 && elf_get(&f, 0, ELF_e_type) == ET_REL)
        rc = elf_refuse(err, "object file: its symbols have no addresses before it is linked");
    if (rc == 0)
        rc = find_sections(&f, &t, err);
    if (rc == 0)
        rc = read_symbols(&t, out, err);
    if (rc == 0)
        symtab_sort(out);
    else
        symtab_fini(out);
    return rc;
}
