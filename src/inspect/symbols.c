/* SPDX-License-Identifier: MIT */
/* symbols.c - see symbols.h. Source of the file's form: System V ABI, "Object Files"; ELF-64 Object File Format. */
#include "inspect/symbols.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/text.h"
#include "inspect/json.h"

/* ---- the view -------------------------------------------------------------------------------- */

static int show_json(const struct symtab *t, char **out, struct vitro_err *err)
{
    json_t *list = json_array();

    for (size_t i = 0; i < t->n; i++) {
        struct text name = { 0 };

        text_add_escaped(&name, symtab_name(t, &t->sym[i]), strlen(symtab_name(t, &t->sym[i])));
        json_array_append_new(list, json_pack("{s:o, s:s}", "addr", json_hex(t->sym[i].addr),
                                              "name", name.buf != NULL ? name.buf : ""));
        text_fini(&name);
    }
    return json_finish(list, out, err);
}

int symbols_show(const struct symtab *t, const struct vitro_style *style, char **out,
                 struct vitro_err *err)
{
    struct text text = { 0 };

    if (style != NULL && style->format == VITRO_JSON)
        return show_json(t, out, err);
    for (size_t i = 0; i < t->n; i++) {
        const char *name = symtab_name(t, &t->sym[i]);

        text_add(&text, "0x%016" PRIx64 "  ", t->sym[i].addr);
        text_add_escaped(&text, name, strlen(name));
        text_add(&text, "\n");
    }
    text_add(&text, "%s",
             t->n == 0 ? "no symbols: the image has none, and no kernel that carries its "
                         "own is running yet (see --at)\n"
                       : "");
    *out = text_take(&text);
    return *out != NULL ? 0 : err_set(err, -ENOMEM, "listing symbols: out of memory");
}

/* ---- the file -------------------------------------------------------------------------------- */

enum { SECTION_NULL, SECTION_TEXT, SECTION_SYMTAB, SECTION_STRTAB, SECTION_SHSTRTAB, SECTIONS };

static const char section_names[] = "\0.text\0.symtab\0.strtab\0.shstrtab";
enum { NAME_TEXT = 1, NAME_SYMTAB = 7, NAME_STRTAB = 15, NAME_SHSTRTAB = 23 };

/* The parts of the file, one after the other. */
struct layout {
    size_t symtab, strtab, shstrtab, sections, total;
};

static struct layout lay_out(const struct symtab *t)
{
    struct layout l = { .symtab = sizeof(Elf64_Ehdr) };

    l.strtab = l.symtab + (t->n + 1) * sizeof(Elf64_Sym);
    l.shstrtab = l.strtab + 1 + t->pool_len;
    l.sections = (l.shstrtab + sizeof(section_names) + 7) & ~(size_t)7;
    l.total = l.sections + SECTIONS * sizeof(Elf64_Shdr);
    return l;
}

static void put_header(uint8_t *file, const struct layout *l)
{
    Elf64_Ehdr h = {
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_shoff = l->sections,
        .e_ehsize = sizeof(h),
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = SECTIONS,
        .e_shstrndx = SECTION_SHSTRTAB,
    };

    memcpy(file, &h, sizeof(h));
}

static void put_sections(uint8_t *file, const struct layout *l, const struct symtab *t)
{
    uint64_t first = t->sym[0].addr, last = t->sym[t->n - 1].last;
    const Elf64_Shdr s[SECTIONS] = {
        [SECTION_TEXT] = { .sh_name = NAME_TEXT,
                           .sh_type = SHT_NOBITS,
                           .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
                           .sh_addr = first,
                           .sh_offset = l->symtab,
                           .sh_size = last - first + 1,
                           .sh_addralign = 1 },
        [SECTION_SYMTAB] = { .sh_name = NAME_SYMTAB,
                             .sh_type = SHT_SYMTAB,
                             .sh_offset = l->symtab,
                             .sh_size = l->strtab - l->symtab,
                             .sh_link = SECTION_STRTAB,
                             .sh_info = 1, /* the first that is not local */
                             .sh_addralign = 8,
                             .sh_entsize = sizeof(Elf64_Sym) },
        [SECTION_STRTAB] = { .sh_name = NAME_STRTAB,
                             .sh_type = SHT_STRTAB,
                             .sh_offset = l->strtab,
                             .sh_size = l->shstrtab - l->strtab,
                             .sh_addralign = 1 },
        [SECTION_SHSTRTAB] = { .sh_name = NAME_SHSTRTAB,
                               .sh_type = SHT_STRTAB,
                               .sh_offset = l->shstrtab,
                               .sh_size = sizeof(section_names),
                               .sh_addralign = 1 },
    };

    memcpy(file + l->sections, s, sizeof(s));
}

static void put_symbols(uint8_t *file, const struct layout *l, const struct symtab *t)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct symbol *from = &t->sym[i];
        Elf64_Sym s = {
            .st_name = from->name + 1, /* a string table begins with an empty one */
            .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
            .st_shndx = SECTION_TEXT,
            .st_value = from->addr,
            .st_size = from->last - from->addr + 1,
        };

        memcpy(file + l->symtab + (i + 1) * sizeof(s), &s, sizeof(s));
    }
}

int symbols_elf(const struct symtab *t, void **out, size_t *len, struct vitro_err *err)
{
    struct layout l = lay_out(t);
    uint8_t *file;

    if (t->n == 0)
        return err_class(
            err, VITRO_ERR_USAGE, -ENOENT,
            "symbols: the image has none, and no kernel that carries its own is running "
            "yet; run the guest to a point with --at");
    file = calloc(1, l.total);
    if (file == NULL)
        return err_set(err, -ENOMEM, "writing symbols: out of memory");
    put_header(file, &l);
    put_symbols(file, &l, t);
    memcpy(file + l.strtab + 1, t->pool, t->pool_len);
    memcpy(file + l.shstrtab, section_names, sizeof(section_names));
    put_sections(file, &l, t);
    *out = file;
    *len = l.total;
    return 0;
}
