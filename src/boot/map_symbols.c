/* SPDX-License-Identifier: MIT */
/* map_symbols.c - see map_symbols.h. Each line is looked at once, without a copy. */
#include "boot/map_symbols.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum { DIGITS_MAX = 16, LAST_REACH = 0xfff };

struct line {
    const char *at, *end;
};

static void skip_blanks(struct line *l)
{
    while (l->at < l->end && (*l->at == ' ' || *l->at == '\t' || *l->at == '\r'))
        l->at++;
}

static bool take_address(struct line *l, uint64_t *addr)
{
    unsigned digits = 0;

    *addr = 0;
    for (; l->at < l->end && isxdigit((unsigned char)*l->at); l->at++) {
        int c = tolower((unsigned char)*l->at);

        *addr = *addr << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
        if (++digits > DIGITS_MAX)
            return false;
    }
    return digits > 0 && l->at < l->end && *l->at == ' ';
}

static bool take_type(struct line *l, char *type)
{
    skip_blanks(l);
    if (l->end - l->at < 2 || !isalpha((unsigned char)*l->at) || l->at[1] != ' ')
        return false;
    *type = *l->at++;
    skip_blanks(l);
    return true;
}

/* The name's length; 0: there is none, or something follows that is no module. */
static size_t take_name(struct line *l)
{
    const char *name = l->at;
    size_t len;

    while (l->at < l->end && (unsigned char)*l->at > ' ')
        l->at++;
    len = (size_t)(l->at - name);
    skip_blanks(l);
    return l->at == l->end || *l->at == '[' ? len : 0;
}

/* 0, or a negative errno; -EINVAL: it is no line of a map. */
static int take_line(struct line l, struct symtab *out)
{
    const char *name;
    struct symbol s = { 0 };
    char type;
    size_t len;

    if (l.at == l.end || *l.at == ' ' || *l.at == '\r')
        return 0;
    if (!take_address(&l, &s.addr) || !take_type(&l, &type))
        return -EINVAL;
    name = l.at;
    len = take_name(&l);
    if (len == 0)
        return -EINVAL;
    s.last = s.addr;
    s.rank = isupper((unsigned char)type) != 0;
    return symtab_add(out, &s, name, len);
}

static void set_ends(struct symtab *t)
{
    uint64_t next = 0;

    for (size_t i = t->n; i-- > 0;) {
        struct symbol *s = &t->sym[i];
        bool same = i + 1 < t->n && t->sym[i + 1].addr == s->addr;

        if (same)
            s->last = t->sym[i + 1].last;
        else if (i + 1 < t->n)
            s->last = next - 1;
        else
            s->last = s->addr <= UINT64_MAX - LAST_REACH ? s->addr + LAST_REACH : UINT64_MAX;
        next = s->addr;
    }
}

int map_symbols(const void *bytes, size_t len, struct symtab *out, struct vitro_err *err)
{
    const char *at = bytes, *end = at + len;
    unsigned number = 0;
    int rc = 0;

    *out = (struct symtab){ 0 };
    while (at < end && rc == 0) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));
        struct line l = { at, nl != NULL ? nl : end };

        rc = take_line(l, out);
        at = nl != NULL ? nl + 1 : end;
        number++;
    }
    if (rc == -ENOSPC) /* out->cut says it */
        rc = 0;
    if (rc == 0 && out->n > 0) {
        symtab_sort(out);
        set_ends(out);
        return 0;
    }
    symtab_fini(out);
    if (rc == -ENOMEM)
        return err_set(err, rc, "reading a map of symbols: out of memory");
    if (rc == 0)
        return err_class(err, VITRO_ERR_IMAGE, -ENOEXEC, "map of symbols: there is none in it");
    return err_class(err, VITRO_ERR_IMAGE, -ENOEXEC,
                     "map of symbols: line %u: an address, a letter and a name are wanted", number);
}
