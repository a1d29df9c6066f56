/* SPDX-License-Identifier: MIT */
/* doctor.c - vitro doctor: what this host can run. */
#include <stdlib.h>

#include "cli.h"

int cmd_doctor(const struct command *cmd, struct options *o, int argc, char **argv)
{
    static const int codes[] = {
        [VITRO_DOCTOR_FULL] = EXIT_OK,
        [VITRO_DOCTOR_PARTIAL] = EXIT_PARTIAL,
        [VITRO_DOCTOR_NONE] = EXIT_ENGINE,
    };
    struct vitro_style style = style_of(o);
    enum vitro_doctor_verdict verdict;
    struct vitro_err err = { 0 };
    char *out;
    int code;

    (void)cmd;
    (void)argc;
    (void)argv;
    if (vitro_doctor(o->fresh, &style, &out, &verdict, &err) < 0)
        return fail_err(&err);
    code = put_output(out);
    free(out);
    return code != EXIT_OK ? code : codes[verdict];
}
