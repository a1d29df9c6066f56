/* SPDX-License-Identifier: MIT */
/* json.c - JSON documents of the views. */
#include "inspect/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"

json_t *json_hex(uint64_t v)
{
    char buf[24];

    snprintf(buf, sizeof(buf), "0x%" PRIx64, v);
    return json_string(buf);
}

static int add_bytes(const char *bytes, size_t len, void *ctx)
{
    struct text *t = ctx;

    text_add_bytes(t, bytes, len);
    return t->failed ? -1 : 0;
}

int json_finish(json_t *doc, char **out, struct vitro_err *err)
{
    struct text t = { 0 };
    int rc = -1;

    if (doc != NULL)
        rc = json_dump_callback(doc, add_bytes, &t, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    json_decref(doc);
    text_add(&t, "\n");
    *out = rc == 0 ? text_take(&t) : NULL;
    text_fini(&t);
    return *out != NULL ? 0 : err_set(err, -ENOMEM, "writing JSON: out of memory");
}
