/* SPDX-License-Identifier: MIT */
/* test_image_file.c - a file that is read, forgotten and read again, while others do to it what they like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/image_file.h"

enum { LEN = 3 * IMAGE_FILE_PIECE + 100, MAX = 1 << 20 };

struct fixture {
    char path[64];
    uint8_t bytes[LEN];
    struct image_file *f;
};

static void put_file(const char *path, const void *bytes, size_t len)
{
    FILE *out = fopen(path, "wb");

    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

/* The file has been opened, and its bytes are not in memory. */
static int setup(void **state)
{
    struct fixture *t = calloc(1, sizeof(*t));
    struct vitro_err err = { 0 };
    const uint8_t *bytes;
    int fd;

    snprintf(t->path, sizeof(t->path), "/tmp/vitro-image-XXXXXX");
    fd = mkstemp(t->path);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < LEN; i++)
        t->bytes[i] = (uint8_t)(i * 7 + i / 256);
    put_file(t->path, t->bytes, LEN);
    assert_int_equal(image_file_open(t->path, MAX, &t->f, &bytes, &err), 0);
    assert_int_equal(image_file_len(t->f), LEN);
    assert_memory_equal(bytes, t->bytes, LEN);
    assert_int_equal(image_file_get(t->f, &bytes, &err), 0);
    image_file_put(t->f);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *t = *state;

    image_file_close(t->f);
    unlink(t->path);
    free(t);
    return 0;
}

static void check_same(struct fixture *t)
{
    struct vitro_err err = { 0 };
    const uint8_t *bytes, *again;
    uint8_t some[50];

    assert_int_equal(image_file_get(t->f, &bytes, &err), 0);
    assert_memory_equal(bytes, t->bytes, LEN);
    assert_int_equal(image_file_get(t->f, &again, &err), 0);
    assert_ptr_equal(again, bytes);
    image_file_put(t->f);
    assert_memory_equal(bytes, t->bytes, LEN); /* one has them still */
    image_file_put(t->f);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t off = i == 0 ? 0 : i == 1 ? 2 * IMAGE_FILE_PIECE - 50 : LEN - 50;

        assert_int_equal(image_file_read(t->f, off, some, sizeof(some), &err), 0);
        assert_memory_equal(some, t->bytes + off, sizeof(some));
    }
}

/* What was in piece 1 has gone; that of piece 0 is there. */
static void check_changed(struct fixture *t, const char *word)
{
    const uint8_t *bytes = NULL;
    struct vitro_err err = { 0 };
    uint8_t some[50];

    assert_int_equal(image_file_get(t->f, &bytes, &err), -ESTALE);
    assert_null(bytes);
    assert_int_equal(err.kind, VITRO_ERR_IMAGE);
    assert_non_null(strstr(err.text, word));
    assert_non_null(strstr(err.text, t->path));
    err = (struct vitro_err){ 0 };
    assert_int_equal(image_file_read(t->f, IMAGE_FILE_PIECE + 10, some, sizeof(some), &err),
                     -ESTALE);
    assert_int_equal(err.kind, VITRO_ERR_IMAGE);
    assert_int_equal(image_file_read(t->f, 10, some, sizeof(some), NULL), 0);
}

static void reads_again(void **state)
{
    check_same(*state);
}

static void is_the_same_when_replaced_or_removed(void **state)
{
    struct fixture *t = *state;
    char other[80];

    snprintf(other, sizeof(other), "%s.new", t->path);
    put_file(other, "other", 5);
    assert_int_equal(rename(other, t->path), 0);
    check_same(t);
    unlink(t->path);
    check_same(t);
}

static void is_another_when_written(void **state)
{
    struct fixture *t = *state;
    int fd = open(t->path, O_WRONLY | O_CLOEXEC);
    uint8_t byte = t->bytes[IMAGE_FILE_PIECE + 3] ^ 1;

    assert_int_equal(pwrite(fd, &byte, 1, IMAGE_FILE_PIECE + 3), 1);
    check_changed(t, "it has been written since it was loaded");
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, IMAGE_FILE_PIECE + 3), 1);
    check_same(t);
    close(fd);
}

static void is_another_when_cut(void **state)
{
    struct fixture *t = *state;

    assert_int_equal(truncate(t->path, IMAGE_FILE_PIECE + 5), 0);
    check_changed(t, "it has become shorter since it was loaded");
}

static void has_all_when_longer(void **state)
{
    struct fixture *t = *state;
    FILE *f = fopen(t->path, "ab");

    fputs("more", f);
    fclose(f);
    check_same(t);
}

static void empty_file(void **state)
{
    struct fixture *t = *state;
    struct image_file *f = NULL;
    struct vitro_err err = { 0 };
    const uint8_t *bytes = NULL;

    put_file(t->path, "", 0);
    assert_int_equal(image_file_open(t->path, MAX, &f, NULL, &err), 0);
    assert_int_equal(image_file_len(f), 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(image_file_get(f, &bytes, &err), 0);
        assert_non_null(bytes);
        image_file_put(f);
    }
    image_file_close(f);
    image_file_close(NULL);
}

static void what_is_no_file_is_refused(void **state)
{
    struct image_file *f = NULL;
    struct vitro_err err = { 0 };

    (void)state;
    assert_true(image_file_open("/tmp", MAX, &f, NULL, &err) < 0);
    assert_non_null(strstr(err.text, "a directory"));
    assert_null(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(reads_again),
        TEST(is_the_same_when_replaced_or_removed),
        TEST(is_another_when_written),
        TEST(is_another_when_cut),
        TEST(has_all_when_longer),
        TEST(empty_file),
        TEST(what_is_no_file_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
