/* SPDX-License-Identifier: MIT */
/* guests.c - vitro guests. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static int guests_json(void)
{
    json_t *list = json_array();
    struct vitro_builtin b;
    char *text;
    int code;

    for (unsigned i = 0; vitro_builtin(i, &b); i++) {
        json_t *modes = json_array();

        for (unsigned m = VITRO_MODE_REAL; m <= VITRO_MODE_LONG; m++) {
            if (b.modes[m])
                json_array_append_new(modes, json_string(vitro_mode_name((enum vitro_mode)m)));
        }
        json_array_append_new(list, json_pack("{s:s, s:s, s:s?, s:s, s:o}", "name", b.name,
                                              "summary", b.summary, "output", b.output, "ends",
                                              b.ends, "modes", modes));
    }
    text = json_dumps(list, JSON_INDENT(2));
    json_decref(list);
    code = text != NULL ? put_output(text) : EXIT_HOST;
    free(text);
    return code == EXIT_OK ? put_output("\n") : code;
}

int cmd_guests(const struct command *cmd, struct options *o, int argc, char **argv)
{
    struct vitro_builtin b;

    (void)cmd;
    (void)argc;
    (void)argv;
    if (o->json)
        return guests_json();
    for (unsigned i = 0; vitro_builtin(i, &b); i++) {
        char modes[64] = "";

        for (unsigned m = VITRO_MODE_REAL; m <= VITRO_MODE_LONG; m++) {
            if (b.modes[m] && !b.modes[VITRO_MODE_REAL])
                continue;
            if (b.modes[m])
                snprintf(modes + strlen(modes), sizeof(modes) - strlen(modes), "%s%s",
                         *modes ? ", " : "  modes: ", vitro_mode_name((enum vitro_mode)m));
        }
        printf("%-13s %s\n", b.name, b.summary);
        if (*modes)
            printf("%-13s%s\n", "", modes);
    }
    return put_output("");
}
