/* SPDX-License-Identifier: MIT */
/* test_web_request.c - which requests the page's server answers; the file that --save writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "web/assets.h"
#include "web/request.h"
#include "web/save.h"

#define TOKEN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"

static const struct request_rules rules = { .port = 8123, .token = TOKEN };

static struct request good(const char *method, const char *url)
{
    return (struct request){ .method = method, .url = url, .host = "127.0.0.1:8123", .nhosts = 1 };
}

static unsigned asked(struct request r)
{
    enum request_kind kind;

    return request_check(&rules, &r, &kind);
}

static void paths(void **state)
{
    static const struct {
        const char *method, *url;
        unsigned status;
    } rows[] = {
        { "GET", "/" TOKEN "/", 0 },
        { "GET", "/" TOKEN "/page.js", 0 },
        { "GET", "/" TOKEN "/events", 0 },
        { "POST", "/" TOKEN "/call", 0 },
        { "GET", "/" TOKEN "/call", 405 },
        { "POST", "/" TOKEN "/", 405 },
        { "OPTIONS", "/" TOKEN "/call", 405 },
        { "GET", "/" TOKEN "/../page.js", 404 },
        { "GET", "/" TOKEN, 403 },
        { "GET", "/", 403 },
        { "GET", "", 403 },
        { "GET", "/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopQ/", 403 },
        { "GET", "/bBCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq/", 403 },
        { "GET", "http://127.0.0.1:8123/" TOKEN "/", 403 },
        { "GET", "//" TOKEN "/", 403 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(asked(good(rows[i].method, rows[i].url)), rows[i].status);
}

static void hosts(void **state)
{
    static const char *const foreign[] = { "evil.example",
                                           "127.0.0.1",
                                           "127.0.0.1:81230",
                                           "127.0.0.1:8124",
                                           "localhost.evil.example:8123",
                                           "LOCALHOST:8123",
                                           "",
                                           "[::1]:8123" };
    struct request r = good("GET", "/" TOKEN "/");

    (void)state;
    r.host = "localhost:8123";
    assert_int_equal(asked(r), 0);
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        r.host = foreign[i];
        assert_int_equal(asked(r), 403);
    }
    r = good("GET", "/" TOKEN "/");
    r.nhosts = 2;
    assert_int_equal(asked(r), 400);
    r = good("GET", "/" TOKEN "/");
    r.host = NULL, r.nhosts = 0;
    assert_int_equal(asked(r), 400);
}

static void links(void **state)
{
    struct request r = good("GET", "/" TOKEN "/");

    (void)state;
    r.site = "cross-site", r.dest = "document";
    assert_int_equal(asked(r), 0);
    r.dest = "iframe";
    assert_int_equal(asked(r), 403);
    r.dest = NULL;
    assert_int_equal(asked(r), 403);
    r = good("GET", "/" TOKEN "/page.js");
    r.site = "cross-site", r.dest = "document";
    assert_int_equal(asked(r), 403);
}

static void origins(void **state)
{
    struct request r = good("POST", "/" TOKEN "/call");

    (void)state;
    r.origin = "http://127.0.0.1:8123";
    assert_int_equal(asked(r), 0);
    r.origin = "http://localhost:8123";
    assert_int_equal(asked(r), 0);
    r.origin = "https://127.0.0.1:8123";
    assert_int_equal(asked(r), 403);
    r.origin = "http://evil.example";
    assert_int_equal(asked(r), 403);
    r.origin = "null";
    assert_int_equal(asked(r), 403);
    r.origin = NULL, r.site = "cross-site";
    assert_int_equal(asked(r), 403);
    r.site = "same-site"; /* another port of this host */
    assert_int_equal(asked(r), 403);
    r.dest = "document"; /* a call is no page */
    assert_int_equal(asked(r), 403);
    r.dest = NULL;
    r.site = "same-origin";
    assert_int_equal(asked(r), 0);
    r.transfer = "chunked";
    assert_int_equal(asked(r), 400);
    r.transfer = NULL, r.nlengths = 2;
    assert_int_equal(asked(r), 400);
}

/* The method that is let through, or "" */
static const char *called(const char *body, bool control, json_t **doc)
{
    const char *method = "", *why;
    json_t *params;

    *doc = call_parse(body, strlen(body), control, &method, &params, &why);
    return *doc != NULL ? method : "";
}

static void calls(void **state)
{
    static const char *const refused[] = {
        "",
        "null",
        "[]",
        "7",
        "\"info\"",
        "{}",
        "{\"method\":7}",
        "{\"method\":\"mem.write\"}",
        "{\"method\":\"stop\"}",
        "{\"method\":\"debug.attach\"}",
        "{\"method\":\"info\",\"params\":[]}",
        "{\"method\":\"info\",\"method\":\"map\"}",
        "{\"method\":\"info\",\"id\":1}",
        "{\"method\":\"info\"} x",
        "{\"method\":\"info\\u0000\"}",
        "{\"method\":\"\xff\"}",
        "{\"method\":\"info\",\"params\":{\"n\":1e999}}",
    };
    json_t *doc;

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_string_equal(called(refused[i], true, &doc), "");
        assert_null(doc);
    }
    assert_string_equal(called("{\"method\":\"walk\",\"params\":{\"addr\":\"rip\"}}", false, &doc),
                        "walk");
    json_decref(doc);
    assert_string_equal(called("{\"method\":\"step\"}", false, &doc), "");
    assert_string_equal(called("{\"method\":\"step\"}", true, &doc), "step");
    json_decref(doc);
}

static void deep_call(void **state)
{
    static char body[40000];
    json_t *doc;

    (void)state;
    memset(body, '[', sizeof(body) - 1);
    assert_string_equal(called(body, true, &doc), "");
}

/* Nothing in the data ends the element that it stands in. */
static void saved_page(void **state)
{
    char data[] = "{\"console\":\"</script><script>alert(1)</script><!--\"}";
    FILE *in = fmemopen(data, sizeof(data) - 1, "r");
    char *page = NULL, *at;
    size_t len = 0;
    FILE *out = open_memstream(&page, &len);

    (void)state;
    assert_int_equal(save_page(in, out), 0);
    fclose(in);
    fclose(out);
    assert_int_equal(len, saved_head_len + saved_tail_len + sizeof(data) - 1 + 5 * 4);
    at = page + saved_head_len;
    assert_memory_equal(at, "{\"console\":\"\\u003c/script>\\u003cscript>alert(1)", 46);
    assert_null(memchr(at, '<', len - saved_head_len - saved_tail_len));
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),      cmocka_unit_test(hosts), cmocka_unit_test(links),
        cmocka_unit_test(origins),    cmocka_unit_test(calls), cmocka_unit_test(deep_call),
        cmocka_unit_test(saved_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
