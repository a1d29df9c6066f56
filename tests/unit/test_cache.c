/* SPDX-License-Identifier: MIT */
/* test_cache.c - what the probe remembers: for whom, where, and what it makes of files that others wrote. */
#include "probe_rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "host/cache.h"
#include "host/hostinfo.h"
#include "vitro/vitro.h"

static char *in_home(const char *home, const char *path, char buf[128])
{
    snprintf(buf, 128, "%s/%s", home, path);
    return buf;
}

static void put_file(const char *path, const char *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}
static struct probe_report some_rows(void)
{
    struct probe_report r = { 0 };

    probe_set(&r.row[PROBE_DEVICE], PROBE_YES, 0, "%s", "");
    probe_set(&r.row[PROBE_LONG], PROBE_YES, 0, "%s", "");
    probe_set(&r.row[PROBE_PAE], PROBE_NO, 0, "a \"reason\"\\");
    probe_set(&r.row[PROBE_REAL], PROBE_NO, 0, "late");
    r.row[PROBE_REAL].timed_out = true;
    probe_set(&r.row[PROBE_SPEED_RING3], PROBE_YES, INT64_C(5000000000), "%s", "");
    return r;
}

static void cache_round_trip(void **state)
{
    struct probe_report in = some_rows(), out = { 0 };
    struct stat st;
    char path[128];

    assert_false(cache_load(CACHE_PROBE, &a_host, &out));
    cache_store(CACHE_PROBE, &a_host, &in);
    cache_store(CACHE_MODES, &a_host, &in);
    assert_int_equal(stat(in_home(*state, ".cache/vitro/probe.json", path), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(cache_load(CACHE_PROBE, &a_host, &out));
    assert_memory_equal(&out.row[PROBE_LONG], &in.row[PROBE_LONG], sizeof(out.row[0]));
    assert_string_equal(out.row[PROBE_PAE].reason, in.row[PROBE_PAE].reason);
    assert_int_equal(out.row[PROBE_SPEED_RING3].value, 5000000000);
    assert_int_equal(out.row[PROBE_REAL].verdict, PROBE_UNKNOWN);   /* timed out */
    assert_int_equal(out.row[PROBE_DEVICE].verdict, PROBE_UNKNOWN); /* asked anew each time */
    out = (struct probe_report){ 0 };
    assert_true(cache_load(CACHE_MODES, &a_host, &out));
    assert_int_equal(out.row[PROBE_PAE].verdict, PROBE_NO);
    assert_int_equal(out.row[PROBE_SPEED_RING3].verdict, PROBE_UNKNOWN);
}

static void cache_of_another_host(void **state)
{
    struct probe_report in = some_rows(), out = { 0 };
    struct probe_host other[6] = { a_host, a_host, a_host, a_host, a_host, a_host };

    (void)state;
    cache_store(CACHE_MODES, &a_host, &in);
    strcpy(other[0].boot_id, "later");
    strcpy(other[1].kernel, "6.2");
    strcpy(other[2].cpu_signature, "y-1");
    strcpy(other[3].device, "e");
    strcpy(other[5].version, "0");
    other[4].boot_id[0] = '\0'; /* not known: nothing to be sure of */
    for (size_t i = 0; i < ARRAY_LEN(other); i++)
        assert_false(cache_load(CACHE_MODES, &other[i], &out));
}

#define KEY                                                                                                     \
    "\"key\":{\"boot\":\"boot\",\"kernel\":\"6.1\",\"cpu\":\"x-1\",\"device\":\"d\",\"vitro\":\"" VITRO_VERSION \
    "\"}"
#define ROWS(text) "{\"format\":2," KEY ",\"rows\":" text "}"

static void cache_of_rubbish(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "null",
        "[]",
        "\xff\xfe",
        "{\"format\":2}",
        "{\"format\":1," KEY ",\"rows\":{}}",
        "{\"format\":2,\"key\":7,\"rows\":{\"mode_long\":[\"yes\",0,\"\"]}}",
        ROWS("[]"),
        ROWS("7"),
        ROWS("{\"mode_long\":\"yes\"}"),
        ROWS("{\"mode_long\":[\"yes\"]}"),
        ROWS("{\"mode_long\":[\"maybe\",0,\"\"]}"),
        ROWS("{\"mode_long\":[1,0,\"\"]}"),
        ROWS("{\"mode_long\":[\"yes\",-1,\"\"]}"),
        ROWS("{\"mode_long\":[\"yes\",1.5,\"\"]}"),
        ROWS("{\"mode_long\":[\"yes\",9223372036854775807,\"\"]}"),
        ROWS("{\"mode_long\":[\"yes\",99999999999999999999,\"\"]}"),
        ROWS("{\"mode_long\":[\"yes\",0,null]}"),
        ROWS("{\"mode_long\":[\"yes\",0,\"\",1]}"),
        ROWS("{\"device\":[\"yes\",0,\"\"]}"),
        ROWS("{\"mode_none\":[\"yes\",0,\"\"]}"),
        ROWS("{\"mode_long\":[\"yes\",0,\"\"],\"mode_long\":[\"yes\",0,\"\"]}"),
    };
    struct probe_report rows = some_rows();
    char path[128];

    cache_store(CACHE_MODES, &a_host, &rows); /* makes the folder */
    in_home(*state, ".cache/vitro/modes.json", path);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct probe_report out = { 0 };

        put_file(path, bad[i], strlen(bad[i]));
        if (cache_load(CACHE_MODES, &a_host, &out))
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(out.row[PROBE_LONG].verdict, PROBE_UNKNOWN);
    }
    put_file(path, ROWS("{\"mode_long\":[\"no\",0,\"\\u001b[2J\"]}"),
             strlen(ROWS("{\"mode_long\":[\"no\",0,\"\\u001b[2J\"]}")));
    rows = (struct probe_report){ 0 };
    assert_true(cache_load(CACHE_MODES, &a_host, &rows));
    assert_string_equal(rows.row[PROBE_LONG].reason, "?[2J"); /* no escape for the terminal */
}

static void cache_of_strange_files(void **state)
{
    struct probe_report rows = some_rows(), out = { 0 };
    char path[128], other[128];

    cache_store(CACHE_MODES, &a_host, &rows);
    in_home(*state, ".cache/vitro/modes.json", path);
    in_home(*state, "elsewhere", other);
    assert_int_equal(truncate(path, INT64_C(1) << 40), 0); /* huge */
    assert_false(cache_load(CACHE_MODES, &a_host, &out));
    cache_store(CACHE_MODES, &a_host, &rows); /* a link instead of the file */
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    assert_false(cache_load(CACHE_MODES, &a_host, &out));
    cache_store(CACHE_MODES, &a_host, &rows); /* replaces the link, not its target */
    assert_true(cache_load(CACHE_MODES, &a_host, &out));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(cache_load(CACHE_MODES, &a_host, &out));
    unlink(path);
    assert_int_equal(rmdir(in_home(*state, ".cache/vitro", path)), 0);
    assert_int_equal(symlink("..", path), 0); /* a link instead of the folder */
    cache_store(CACHE_MODES, &a_host, &rows);
    assert_false(cache_load(CACHE_MODES, &a_host, &out));
}

static void cache_without_a_place(void **state)
{
    static const char *const homes[] = { NULL,         "",         "relative", "/nonexistent/x",
                                         "/proc/self", "/dev/null" };
    struct probe_report rows = some_rows(), out = { 0 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(homes); i++) {
        if (homes[i] != NULL)
            setenv("HOME", homes[i], 1);
        else
            unsetenv("HOME");
        cache_store(CACHE_MODES, &a_host, &rows);
        assert_false(cache_load(CACHE_MODES, &a_host, &out));
    }
}
static void cached_answer_is_quick(void **state)
{
    struct probe_report rows = some_rows(), out = { 0 };
    struct probe_host host;
    double start;

    (void)state;
    hostinfo_key(VITRO_VERSION, &host);
    cache_store(CACHE_MODES, &host, &rows);
    start = seconds();
    for (unsigned i = 0; i < 100; i++) {
        hostinfo_key(VITRO_VERSION, &host);
        assert_true(cache_load(CACHE_MODES, &host, &out));
    }
    print_message("a cached answer takes %.1f us\n", (seconds() - start) * 1e6 / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HOME(cache_round_trip),      WITH_HOME(cache_of_another_host),
        WITH_HOME(cache_of_rubbish),      WITH_HOME(cache_of_strange_files),
        WITH_HOME(cache_without_a_place), WITH_HOME(cached_answer_is_quick),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
