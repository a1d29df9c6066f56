/* SPDX-License-Identifier: MIT */
/* explain.c - vitro explain: the tour. */
#include <stdlib.h>

#include "cli.h"

int cmd_explain(const struct command *cmd, struct options *o, int argc, char **argv)
{
    struct vitro_style style = style_of(o);
    struct vitro_guest *guest;
    struct vitro_err err = { 0 };
    char *out = NULL;
    int code;

    (void)cmd;
    (void)argc;
    o->guest.name = argv[0];
    if (vitro_guest_open(&o->guest, &guest, &err) < 0)
        return fail_err(&err);
    if (vitro_explain(guest, &o->machine, &style, &out, &err) < 0)
        code = fail_err(&err);
    else
        code = put_output(out);
    free(out);
    vitro_guest_free(guest);
    return code;
}
