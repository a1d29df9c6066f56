/* SPDX-License-Identifier: MIT */
/* fuzz_web.c - what a page may send: request lines, headers, bodies of calls. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "web/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void body(const char *bytes, size_t len)
{
    const char *method = NULL, *why = NULL;
    json_t *params = NULL;
    json_t *doc = call_parse(bytes, len, len % 2 == 0, &method, &params, &why);

    assert(doc != NULL ? method != NULL && (params == NULL || json_is_object(params))
                       : why != NULL);
    json_decref(doc);
}

/* Lines: method, URL, host, origin, site, dest. What is let through has the token and the host. */
static void head(char *text)
{
    static const struct request_rules rules = { .port = 80,
                                                .token =
                                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq" };
    char *part[6] = { 0 };
    enum request_kind kind;
    struct request r;

    for (unsigned i = 0; i < 6 && text != NULL; i++)
        part[i] = strsep(&text, "\n");
    if (part[1] == NULL)
        return;
    r = (struct request){ .method = part[0],
                          .url = part[1],
                          .host = part[2],
                          .origin = part[3],
                          .site = part[4],
                          .dest = part[5],
                          .nhosts = part[2] != NULL };
    if (request_check(&rules, &r, &kind) == 0) {
        assert(kind < REQUEST_KINDS && strncmp(r.url + 1, rules.token, TOKEN_CHARS) == 0);
        assert(strcmp(r.host, "127.0.0.1:80") == 0 || strcmp(r.host, "localhost:80") == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    body(text, size);
    head(text);
    free(text);
    return 0;
}
