/* SPDX-License-Identifier: MIT */
/* request.c - which requests the page's server answers. */
#include "web/request.h"

#include <stdio.h>
#include <string.h>

/* In a time that does not tell how much of it was right. */
static bool token_equal(const char *a, const char *b)
{
    unsigned differ = 0;

    for (unsigned i = 0; i < TOKEN_CHARS; i++)
        differ |= (unsigned char)a[i] ^ (unsigned char)b[i];
    return differ == 0;
}

static bool is_ours(const struct request_rules *rules, const char *scheme, const char *word)
{
    static const char *const names[] = { "127.0.0.1", "localhost" };
    char want[64];

    for (unsigned i = 0; i < 2; i++) {
        snprintf(want, sizeof(want), "%s%s:%u", scheme, names[i], rules->port);
        if (strcmp(word, want) == 0)
            return true;
    }
    return false;
}

static const struct {
    const char *path, *method;
} rows[REQUEST_KINDS] = {
    [REQUEST_PAGE] = { "", "GET" },      [REQUEST_CSS] = { "page.css", "GET" },
    [REQUEST_JS] = { "page.js", "GET" }, [REQUEST_EVENTS] = { "events", "GET" },
    [REQUEST_CALL] = { "call", "POST" },
};

static unsigned find(const char *path, const char *method, enum request_kind *kind)
{
    for (unsigned i = 0; i < REQUEST_KINDS; i++) {
        if (strcmp(path, rows[i].path) != 0)
            continue;
        *kind = (enum request_kind)i;
        return strcmp(method, rows[i].method) == 0 ? 0 : 405;
    }
    return 404;
}

/* By what the browser says of the page that made it ask. */
static bool is_foreign(const struct request *r)
{
    return r->site != NULL && strcmp(r->site, "same-origin") != 0 && strcmp(r->site, "none") != 0;
}

/* Somebody follows a link to the page, and sees it as a page of its own: who made the link knows the token. */
static bool is_link(const struct request *r, enum request_kind kind)
{
    return kind == REQUEST_PAGE && r->dest != NULL && strcmp(r->dest, "document") == 0;
}

unsigned request_check(const struct request_rules *rules, const struct request *r,
                       enum request_kind *kind)
{
    unsigned status;

    if (r->nhosts != 1 || r->host == NULL || r->nlengths > 1 || r->transfer != NULL)
        return 400;
    if (!is_ours(rules, "", r->host))
        return 403;
    if (r->origin != NULL && !is_ours(rules, "http://", r->origin))
        return 403;
    if (strlen(r->url) < TOKEN_CHARS + 2 || r->url[0] != '/' || r->url[TOKEN_CHARS + 1] != '/' ||
        !token_equal(r->url + 1, rules->token))
        return 403;
    status = find(r->url + TOKEN_CHARS + 2, r->method, kind);
    if (status == 0 && is_foreign(r) && !is_link(r, *kind))
        return 403;
    return status;
}

/* What a page may ask of a machine; the machine itself checks the parameters. */
static const struct {
    const char *method;
    bool control; /* changes the machine */
} calls[] = {
    { "info", false },   { "map", false },    { "walk", false },    { "who_maps", false },
    { "tables", false }, { "regs", false },   { "mem", false },     { "disasm", false },
    { "exits", false },  { "recent", false }, { "devices", false }, { "pause", true },
    { "resume", true },  { "step", true },    { "run_to", true },   { "console.send", true },
};

json_t *call_parse(const char *bytes, size_t len, bool control, const char **method,
                   json_t **params, const char **why)
{
    json_t *doc = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL);
    const char *name = json_string_value(json_object_get(doc, "method"));
    json_t *with = json_object_get(doc, "params");

    *why = "a call is an object with a method's name and an object of parameters";
    if (name == NULL || (with != NULL && !json_is_object(with)) ||
        json_object_size(doc) != (with != NULL ? 2 : 1))
        goto refused;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (strcmp(name, calls[i].method) != 0)
            continue;
        *why = "this machine is only watched: its page does not steer it";
        if (calls[i].control && !control)
            goto refused;
        *method = name;
        *params = with;
        return doc;
    }
    *why = "no such method for a page";
refused:
    json_decref(doc);
    return NULL;
}
