/* SPDX-License-Identifier: MIT */
/* vitro_spaces.c - the library's face: address spaces, memory, instructions. */
#include <errno.h>

#include "host/residency.h"
#include "inspect/heat.h"
#include "inspect/inspect_spaces.h"
#include "vitro_priv.h"

/* look is the view's, for one call. */
static struct spaces spaces_of(const struct vitro *m, const struct vitro_style *style,
                               struct residency_look *look)
{
    struct spaces s = {
        .m = m->board->m,
        .symbols = symbols_of(m),
        .pages = residency_pages(look),
    };

    if (style != NULL)
        s.style = *style;
    return s;
}

const char *vitro_use_name(enum vitro_use use)
{
    return map_use_name(use);
}

int vitro_map(const struct vitro *m, struct vitro_range *rows, size_t max, size_t *n,
              struct vitro_err *err)
{
    struct residency_look look = { 0 };
    struct spaces s = spaces_of(m, NULL, &look);

    (void)err; /* nothing here can fail */
    map_rows(&s, rows, max, n);
    residency_fini(&look);
    return 0;
}

int vitro_show_map(const struct vitro *m, const struct vitro_style *style, char **out,
                   struct vitro_err *err)
{
    struct residency_look look = { 0 };
    struct spaces s = spaces_of(m, style, &look);
    int rc = map_show(&s, out, err);

    residency_fini(&look);
    return rc;
}

int vitro_walk(struct vitro *m, unsigned cpu, uint64_t gva, struct vitro_walk *out,
               struct vitro_err *err)
{
    struct residency_look look = { 0 };
    struct spaces s = spaces_of(m, NULL, &look);
    int rc = walk_read(&s, cpu, gva, out, err);

    residency_fini(&look);
    return rc;
}

int vitro_show_walk(struct vitro *m, unsigned cpu, uint64_t gva, const struct vitro_style *style,
                    char **out, struct vitro_err *err)
{
    struct residency_look look = { 0 };
    struct spaces s = spaces_of(m, style, &look);
    int rc = walk_show(&s, cpu, gva, out, err);

    residency_fini(&look);
    return rc;
}

int vitro_show_who_maps(struct vitro *m, unsigned cpu, uint64_t gpa,
                        const struct vitro_style *style, char **out, struct vitro_err *err)
{
    struct residency_look look = { 0 };
    struct spaces s = spaces_of(m, style, &look);

    return who_maps_show(&s, cpu, gpa, out, err);
}

int vitro_show_tables(struct vitro *m, unsigned cpu, const struct vitro_tables_filter *filter,
                      const struct vitro_style *style, char **out, struct vitro_err *err)
{
    struct residency_look look = { 0 };
    struct spaces s = spaces_of(m, style, &look);

    return tables_show(&s, cpu, filter, out, err);
}

int vitro_show_mem(struct vitro *m, unsigned cpu, uint64_t addr, uint64_t len, bool physical,
                   const struct vitro_style *style, char **out, struct vitro_err *err)
{
    struct residency_look look = { 0 };
    struct spaces s = spaces_of(m, style, &look);

    return dump_show(&s, cpu, &(struct dump_range){ addr, len, physical }, out, err);
}

int vitro_show_disasm(struct vitro *m, unsigned cpu, uint64_t addr, unsigned n,
                      const struct vitro_style *style, char **out, struct vitro_err *err)
{
    struct residency_look look = { 0 };
    struct spaces s = spaces_of(m, style, &look);

    return disasm_show(&s, cpu, addr, n, out, err);
}

/* The public name of it; there is nothing to add. */
int vitro_heat_new(const struct vitro *m, struct vitro_heat **out, struct vitro_err *err)
{
    *out = (struct vitro_heat *)(void *)heat_new(&m->board->m->mem);
    return *out != NULL ? 0 : err_set(err, -ENOMEM, "looking at memory: out of memory");
}

void vitro_heat_free(struct vitro_heat *heat)
{
    heat_free((struct heat *)(void *)heat);
}

int vitro_show_heat(struct vitro_heat *heat, const struct vitro_style *style, char **out,
                    struct vitro_err *err)
{
    struct heat *h = (struct heat *)(void *)heat;

    heat_look(h, residency_here);
    return heat_show(h, style, out, err);
}
