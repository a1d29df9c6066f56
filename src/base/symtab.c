/* SPDX-License-Identifier: MIT */
/* symtab.c - a sorted array of addresses over one pool of names. */
#include "base/symtab.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* buf enlarged to at least `need` items of `unit` bytes, or NULL, and then buf is still good. The
 * limits in the header keep the products far below SIZE_MAX. */
static void *with_room(void *buf, size_t *cap, size_t need, size_t unit)
{
    size_t more = *cap ? *cap : 64;
    void *bigger;

    if (need <= *cap)
        return buf;
    while (more < need)
        more *= 2;
    bigger = realloc(buf, more * unit);
    if (bigger != NULL)
        *cap = more;
    return bigger;
}

int symtab_add(struct symtab *t, const struct symbol *s, const char *name, size_t len)
{
    struct symbol *sym;
    char *pool;

    assert(s->last >= s->addr);
    if (t->n == SYMTAB_SYMBOLS_MAX || len >= SYMTAB_POOL_MAX - t->pool_len) {
        t->cut = true;
        return -ENOSPC;
    }
    sym = with_room(t->sym, &t->cap, t->n + 1, sizeof(*sym));
    if (sym == NULL)
        return -ENOMEM;
    t->sym = sym;
    pool = with_room(t->pool, &t->pool_cap, t->pool_len + len + 1, 1);
    if (pool == NULL)
        return -ENOMEM;
    t->pool = pool;

    t->sym[t->n] = *s;
    t->sym[t->n].name = (uint32_t)t->pool_len;
    t->n++;
    memcpy(t->pool + t->pool_len, name, len);
    t->pool[t->pool_len + len] = '\0';
    t->pool_len += len + 1;
    t->sorted = false;
    return 0;
}

/* No two are equal, so that an unstable qsort() still gives one order: names are in the pool in
 * the order of symtab_add(), and the first added is to win, that is, to come last. */
static int symbol_order(const void *x, const void *y)
{
    const struct symbol *a = x, *b = y;

    if (a->addr != b->addr)
        return a->addr < b->addr ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return (a->name < b->name) - (a->name > b->name);
}

void symtab_sort(struct symtab *t)
{
    if (t->n > 0)
        qsort(t->sym, t->n, sizeof(*t->sym), symbol_order);
    t->sorted = true;
}

/* How many symbols start at or below addr. */
static size_t symbols_below(const struct symtab *t, uint64_t addr)
{
    size_t lo = 0, hi = t->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (t->sym[mid].addr <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const char *symtab_find(const struct symtab *t, uint64_t addr, uint64_t *offset)
{
    size_t below = symbols_below(t, addr);
    const struct symbol *s;

    assert(t->n == 0 || t->sorted);
    if (below == 0)
        return NULL;
    s = &t->sym[below - 1];
    if (addr > s->last)
        return NULL;
    if (offset != NULL)
        *offset = addr - s->addr;
    return symtab_name(t, s);
}

bool symtab_lookup(const struct symtab *t, const char *name, uint64_t *addr)
{
    const struct symbol *best = NULL;

    assert(t->n == 0 || t->sorted);
    for (size_t i = 0; i < t->n; i++) {
        const struct symbol *s = &t->sym[i];

        if ((best == NULL || s->rank > best->rank) && strcmp(symtab_name(t, s), name) == 0)
            best = s;
    }
    if (best != NULL)
        *addr = best->addr;
    return best != NULL;
}

void symtab_fini(struct symtab *t)
{
    free(t->sym);
    free(t->pool);
    *t = (struct symtab){ 0 };
}
