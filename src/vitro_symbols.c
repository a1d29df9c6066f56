/* SPDX-License-Identifier: MIT */
/*
 * vitro_symbols.c - the library's face: symbols, of the image or of the kernel that runs
 *
 * A Linux kernel's own tables are read from its memory when a view first asks for them, once it has mapped itself
 * where it will stay.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "boot/elf_symbols.h"
#include "boot/map_symbols.h"
#include "core/mem_phys.h"
#include "host/file.h"
#include "inspect/kallsyms.h"
#include "inspect/symbols.h"
#include "vitro_priv.h"
#include "x86/walk.h"

/* Where Linux maps its own image, "Virtual memory map with 4 level page tables" in its Documentation/arch/x86. */
#define KERNEL_FROM UINT64_C(0xffffffff80000000)
#define KERNEL_TO   UINT64_C(0xffffffffbfffffff)

enum { IMAGE_SPAN_MAX_MIB = 128, ENTRIES_MAX = 1 << 18, FILE_MAX_MIB = 1024 };

/* ---- a copy of the kernel's image -------------------------------------------------------------- */

struct copy {
    const struct mem *mem;
    uint64_t from, to; /* what is mapped lies here; from > to: nothing yet */
    uint8_t *bytes;    /* NULL on the first pass, which looks for from and to */
};

static bool on_node(void *ctx, const struct x86_tree_node *node)
{
    struct copy *c = ctx;

    if (!node->leaf)
        return true;
    if (c->bytes == NULL) {
        if (c->from > c->to)
            c->from = node->gva;
        c->to = node->gva + node->bytes - 1;
    } else if (node->gva >= c->from && node->gva + node->bytes - 1 <= c->to) {
        /* What is mapped and no memory stays zero. */
        (void)mem_get(c->mem, node->gpa, c->bytes + (node->gva - c->from), node->bytes);
    }
    return true;
}

/* The kernel's image as CPU 0 sees it, holes as zeros; bytes is the caller's. -ENOENT: no kernel is mapped yet. */
static int copy_image(struct machine *m, struct copy *c)
{
    struct x86_phys phys = mem_phys(&m->mem);
    struct x86_paging_regs regs;
    struct x86_state s;
    int rc;

    *c = (struct copy){ .mem = &m->mem, .from = 1, .to = 0 };
    pause_hold(m);
    rc = m->engine->get(m->cpu[0], STATE_SREGS, &s, NULL);
    pause_release(m);
    if (rc < 0)
        return -ENOENT;
    /* The rest is read while the kernel may run: what it changes is no symbol table, and what is no symbol table is
     * not taken for one. */
    x86_paging_regs_from(&s, 52, &regs);
    x86_walk_tree(&regs, &phys, KERNEL_FROM, KERNEL_TO, ENTRIES_MAX, on_node, c);
    if (c->from > c->to || c->to - c->from >= IMAGE_SPAN_MAX_MIB * MIB)
        return -ENOENT;
    c->bytes = calloc(1, c->to - c->from + 1);
    if (c->bytes == NULL)
        return -ENOMEM;
    x86_walk_tree(&regs, &phys, KERNEL_FROM, KERNEL_TO, ENTRIES_MAX, on_node, c);
    return 0;
}

static void look(const struct vitro *m)
{
    struct copy c;

    if (copy_image(m->board->m, &c) == 0 &&
        kallsyms_parse(c.bytes, c.to - c.from + 1, &m->kernel_symbols->table) < 0)
        symtab_fini(&m->kernel_symbols->table);
    free(c.bytes);
}

/* ---- symbols of a file ------------------------------------------------------------------------- */

int symbols_open(struct vitro *m, const struct vitro_config *cfg, struct vitro_err *err)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    int rc;

    if (cfg->symbols == NULL)
        return 0;
    m->given_symbols = calloc(1, sizeof(*m->given_symbols));
    if (m->given_symbols == NULL)
        return err_set(err, -ENOMEM, "making a table of symbols: out of memory");
    rc = file_read(cfg->symbols, FILE_MAX_MIB * MIB, &bytes, &len, err);
    if (rc < 0)
        return rc;
    rc = len >= 4 && memcmp(bytes,
                            "\x7f"
                            "ELF",
                            4) == 0
             ? elf_symbols(bytes, len, m->given_symbols, err)
             : map_symbols(bytes, len, m->given_symbols, err);
    free(bytes);
    return rc;
}

static void drop(struct symtab *t)
{
    if (t != NULL)
        symtab_fini(t);
    free(t);
}

void symbols_close(struct vitro *m)
{
    if (m->kernel_symbols != NULL)
        symtab_fini(&m->kernel_symbols->table);
    free(m->kernel_symbols);
    drop(m->given_symbols);
}

const struct symtab *symbols_of(const struct vitro *m)
{
    enum image_kind kind = m->guest->image.kind;
    struct kernel_symbols *kernel;

    if (m->given_symbols != NULL)
        return m->given_symbols;
    if (kind != IMAGE_BZIMAGE && kind != IMAGE_VMLINUX && kind != IMAGE_PVH)
        return &m->guest->image.symbols;
    kernel = m->kernel_symbols;
    if (m->has_run && (kernel->table.n == 0 || kernel->resets != m->board->m->resets)) {
        symtab_fini(&kernel->table);
        kernel->resets = m->board->m->resets;
        look(m);
    }
    return kernel->table.n > 0 ? &kernel->table : &m->guest->image.symbols;
}

bool vitro_symbol_addr(const struct vitro *m, const char *name, uint64_t *addr)
{
    return symtab_lookup(symbols_of(m), name, addr);
}

int vitro_show_symbols(struct vitro *m, const struct vitro_style *style, char **out,
                       struct vitro_err *err)
{
    return symbols_show(symbols_of(m), style, out, err);
}

int vitro_symbols_elf(struct vitro *m, void **out, size_t *len, struct vitro_err *err)
{
    return symbols_elf(symbols_of(m), out, len, err);
}

/* A name is good up to the next higher address; the list is by address. */
static uint64_t last_of(const struct vitro_symbol *list, size_t n, size_t i)
{
    uint64_t addr = list[i].addr;

    while (i < n && list[i].addr <= addr)
        i++;
    return i < n ? list[i].addr - 1 : addr;
}

int vitro_symbols_file(const struct vitro_symbol *list, size_t n, void **out, size_t *len,
                       struct vitro_err *err)
{
    struct symtab t = { 0 };
    int rc = n > 0 ? 0 : err_class(err, VITRO_ERR_USAGE, -ENOENT, "symbols: there are none");

    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct symbol s = { .addr = list[i].addr, .last = last_of(list, n, i) };

        rc = symtab_add(&t, &s, list[i].name, strlen(list[i].name));
        if (rc < 0)
            rc = err_set(err, rc, "symbols: too many");
    }
    symtab_sort(&t);
    if (rc == 0)
        rc = symbols_elf(&t, out, len, err);
    symtab_fini(&t);
    return rc;
}
