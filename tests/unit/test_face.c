/* SPDX-License-Identifier: MIT */
/* Values that an embedder gets wrong: each is refused by name, and nothing is left behind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <vitro/device.h>

static const unsigned char halt[] = { 0xf4 };

static void refused(int rc, const struct vitro_err *err, const char *word)
{
    assert_int_equal(rc, err->code);
    assert_true(rc < 0);
    assert_int_equal(err->kind, VITRO_ERR_USAGE);
    assert_non_null(strstr(err->text, word));
}

static void test_guests(void **state)
{
    static const struct {
        struct vitro_guest_config cfg;
        const char *word;
    } rows[] = {
        { { .name = NULL }, "neither name nor bytes" },
        { { .bytes = halt, .len = 1, .mode = VITRO_MODE_LONG + 1 }, "no such mode" },
        { { .bytes = halt, .len = 1, .kind = VITRO_KINDS }, "no such mode or kind" },
        { { .name = "nosuch" }, "neither a built-in guest nor a file" },
        { { .name = "hello", .origin = 1 }, "--origin" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vitro_guest *guest = NULL;
        struct vitro_err err = { 0 };

        refused(vitro_guest_open(&rows[i].cfg, &guest, &err), &err, rows[i].word);
        assert_null(guest);
    }
}

/* What is wrong with the values themselves; no machine is opened for that. */
static void test_machines(void **state)
{
    static const struct {
        struct vitro_config cfg;
        const char *word;
    } rows[] = {
        { { .debug_exit_port = -2 }, "debug exit at port -2" },
        { { .debug_exit_port = 65533 }, "debug exit at port 65533" },
        { { .files_cow = true }, "no directory" },
        { { .files_dir = "/" }, "no hypercall device" },
        { { .engine = VITRO_ENGINE_KVM, .mem_bytes = 1 }, "multiple of 4 KiB" },
        { { .engine = VITRO_ENGINE_KVM, .cpus = 9 }, "1 to 8" },
    };
    struct vitro_guest *guest;
    struct vitro_err err = { 0 };

    (void)state;
    assert_int_equal(
        vitro_guest_open(&(struct vitro_guest_config){ .bytes = halt, .len = 1 }, &guest, &err), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vitro *m = NULL;

        err = (struct vitro_err){ 0 };
        refused(vitro_new(&rows[i].cfg, guest, &m, &err), &err, rows[i].word);
        assert_null(m);
    }
    vitro_guest_free(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guests),
        cmocka_unit_test(test_machines),
    };

    return cmocka_run_group_tests_name("face", tests, NULL, NULL);
}
