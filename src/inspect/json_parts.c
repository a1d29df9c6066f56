/* SPDX-License-Identifier: MIT */
/* json_parts.c - pieces of JSON documents. */
#include "inspect/json_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

json_t *part_num(uint64_t v)
{
    return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

json_t *part_escaped(const void *bytes, size_t len)
{
    struct text t = { 0 };
    json_t *out = NULL;
    char *buf;

    text_add_escaped(&t, bytes, len);
    buf = text_take(&t);
    if (buf != NULL)
        out = json_string(buf);
    free(buf);
    return out;
}

json_t *part_bytes(const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    json_t *out = NULL;
    struct text t = { 0 };

    for (size_t i = 0; i < len; i++) {
        const char utf8[2] = { (char)(p[i] < 0x80 ? p[i] : 0xc0 | p[i] >> 6),
                               (char)(0x80 | (p[i] & 0x3f)) };

        text_add_bytes(&t, utf8, p[i] < 0x80 ? 1 : 2);
    }
    if (!t.failed)
        out = json_stringn(t.buf != NULL ? t.buf : "", t.len);
    text_fini(&t);
    return out;
}

json_t *part_name(const char *name)
{
    return name != NULL && *name != '\0' ? part_escaped(name, strlen(name)) : json_null();
}

json_t *part_hex_if(bool there, uint64_t v)
{
    return there ? json_hex(v) : json_null();
}

json_t *part_bits(const struct bit_table *t, uint64_t value)
{
    json_t *out = json_array();

    for (size_t i = 0; i < t->n; i++) {
        if (value & t->row[i].mask)
            part_append(&out, json_string(t->row[i].name));
    }
    return out;
}

void part_append(json_t **array, json_t *item)
{
    if (*array == NULL) {
        json_decref(item);
    } else if (json_array_append_new(*array, item) < 0) { /* has freed item */
        json_decref(*array);
        *array = NULL;
    }
}
