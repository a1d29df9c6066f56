/* SPDX-License-Identifier: MIT */
/* gdb_walk.c - see gdb_walk.h */
#include "gdb_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

int gdb_rig_set_up(void **state)
{
    struct gdb_rig *r = malloc(sizeof(*r));

    gdb_rig_init(r);
    *state = r;
    return gdb_rig_start(r, "auto");
}

int gdb_rig_tear_down(void **state)
{
    gdb_rig_fini(*state);
    free(*state);
    return 0;
}

const char *gdb_rig_calls(const struct gdb_rig *r)
{
    return r->calls.buf != NULL ? r->calls.buf : "";
}

void gdb_rig_walk(struct gdb_rig *r, const struct gdb_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(gdb_rig_ask(r, rows[i].packet), rows[i].reply);
        if (rows[i].calls != NULL)
            assert_string_equal(gdb_rig_calls(r), rows[i].calls);
    }
}
