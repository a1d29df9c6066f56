/* SPDX-License-Identifier: MIT */
/* test_keys.c - what a terminal sends, as keys. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "board/keys.h"
#include "dev/ps2kbd.h"

static const struct {
    const char *sent;
    size_t taken;
    unsigned code; /* 0: the character itself */
} rows[] = {
    { "a", 1, 0 },
    { "\x1b", 1, 0 },
    { "\x1b\x1b", 1, 0 },
    { "\x1bOPx", 3, 0x05 },
    { "\x1b[[E", 4, 0x03 },
    { "\x1b[24~", 5, 0x07 },
    { "\x1b[A", 3, PS2KBD_EXTENDED | 0x75 },
    { "\x1bOD\x1b", 3, PS2KBD_EXTENDED | 0x6b },
    { "\x1b[1~", 4, PS2KBD_EXTENDED | 0x6c },
    { "\x1b[", 1, 0 },
    { "\x1b[2", 1, 0 },
    { "\x1b[99~", 1, 0 },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t key = 0xff;

        assert_int_equal(keys_next((const uint8_t *)rows[i].sent, strlen(rows[i].sent), &key),
                         rows[i].taken);
        assert_int_equal(keys_code(key), rows[i].code);
        if (rows[i].code == 0)
            assert_int_equal(key, rows[i].sent[0]);
    }
}

static void test_no_ascii(void **state)
{
    (void)state;
    for (unsigned byte = 0x80; byte < 0x100; byte++) {
        uint8_t in = (uint8_t)byte, key = 0xff;

        assert_int_equal(keys_next(&in, 1, &key), 1);
        assert_int_equal(key, 0);
    }
    assert_int_equal(keys_code(0xff), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows),
                                        cmocka_unit_test(test_no_ascii) };

    return cmocka_run_group_tests_name("board/keys", tests, NULL, NULL);
}
