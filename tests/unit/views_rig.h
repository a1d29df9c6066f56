/* SPDX-License-Identifier: MIT */
/* views_rig.h - what the tests of registers and exits as text and JSON share */
#ifndef TESTS_VIEWS_RIG_H
#define TESTS_VIEWS_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/bits.h"
#include "golden.h"
#include "inspect/inspect_cpu.h"
#include "inspect/show.h"
#include "stub_engine.h"

static inline void assert_plain(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        assert_true(*p == '\n' || (*p >= 0x20 && *p < 0x7f));
    assert_null(strstr(text, " \n")); /* and no space at a line's end */
}

static inline uint64_t hex_of(const json_t *v)
{
    assert_true(json_is_string(v));
    assert_memory_equal(json_string_value(v), "0x", 2);
    return strtoull(json_string_value(v), NULL, 16);
}

/* Takes text. */
static inline json_t *parsed(char *text)
{
    json_error_t error;
    json_t *doc = json_loads(text, 0, &error);

    if (doc == NULL)
        fail_msg("%s at line %d: %s", error.text, error.line, text);
    free(text);
    return doc;
}

#endif
