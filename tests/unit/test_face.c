/* SPDX-License-Identifier: MIT */
/*
 * test_face.c - the library as an embedder meets it: values that are wrong, each refused by name, and nothing left
 * behind; a kernel of which several machines are made
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* A multiboot header that says where it goes, and HLT behind it: at 0x100000. */
static const uint32_t kernel[] = { 0x1badb002, 0x10000,  -(0x1badb002u + 0x10000u),
                                   0x100000,   0x100000, 0,
                                   0,          0x100020, 0xf4 };

static void write_kernel(const char *path, size_t len)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(kernel, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* Its bytes are not kept: they are read for the second machine, if they are still the same. */
static void test_several_machines_of_a_kernel(void **state)
{
    const struct vitro_config cfg = { .engine = VITRO_ENGINE_SOFT,
                                      .console_fd = -1,
                                      .mem_bytes = 4 << 20 };
    char path[] = "/tmp/vitro-face-XXXXXX";
    struct vitro_guest *guest = NULL;
    struct vitro_err err = { 0 };
    struct vitro *m;

    (void)state;
    close(mkstemp(path));
    write_kernel(path, sizeof(kernel));
    assert_int_equal(vitro_guest_open(&(struct vitro_guest_config){ .name = path }, &guest, &err),
                     0);
    assert_string_equal(vitro_guest_kind(guest), "multiboot");
    for (unsigned i = 0; i < 3; i++) {
        uint32_t there = 0;

        assert_int_equal(vitro_new(&cfg, guest, &m, &err), 0);
        assert_int_equal(vitro_mem_read(m, 0x100020, &there, 4), 0);
        assert_int_equal(there, 0xf4);
        vitro_free(m);
    }
    write_kernel(path, sizeof(kernel) - 4);
    m = NULL;
    assert_true(vitro_new(&cfg, guest, &m, &err) < 0);
    assert_null(m);
    assert_int_equal(err.kind, VITRO_ERR_IMAGE);
    assert_non_null(strstr(err.text, "it has become shorter since it was loaded"));
    vitro_guest_free(guest);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guests),
        cmocka_unit_test(test_machines),
        cmocka_unit_test(test_several_machines_of_a_kernel),
    };

    return cmocka_run_group_tests_name("face", tests, NULL, NULL);
}
