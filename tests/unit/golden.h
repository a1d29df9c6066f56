/* SPDX-License-Identifier: MIT */
/*
 * golden.h - compares text with a file of tests/golden; used by the tests of the views
 *
 * VITRO_GOLDEN_UPDATE=1 in the environment writes the files anew: look at the difference before
 * keeping it. The test's build gives GOLDEN_DIR.
 */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void golden_write(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static inline void golden_check(const char *name, const char *text)
{
    static char want[65536];
    char path[512];
    size_t len;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", GOLDEN_DIR, name);
    if (getenv("VITRO_GOLDEN_UPDATE") != NULL)
        golden_write(path, text);
    f = fopen(path, "r");
    if (f == NULL)
        fail_msg("%s is missing", path);
    len = fread(want, 1, sizeof(want) - 1, f);
    want[len] = '\0';
    fclose(f);
    assert_string_equal(text, want);
}

#endif
