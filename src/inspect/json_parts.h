/* SPDX-License-Identifier: MIT */
/*
 * json_parts.h - pieces of JSON documents that the views of address spaces share
 *
 * Running out of memory needs no test in between: a constructor gives NULL, json_pack() with a NULL part
 * gives NULL, part_append() makes its array NULL, and json_finish() reports it.
 */
#ifndef INSPECT_JSON_PARTS_H
#define INSPECT_JSON_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/names.h"
#include "inspect/json.h"

/* A count or a size; what does not fit JSON's signed 64 bits becomes the largest that does. */
json_t *part_num(uint64_t v);

/* Bytes from the guest or its image, escaped as text_add_escaped() does. */
json_t *part_escaped(const void *bytes, size_t len);

/* The same as they are: the code points U+0000 to U+00FF are the bytes, as in docs/control.md. */
json_t *part_bytes(const void *bytes, size_t len);

/* Escaped as well; null for NULL and "". */
json_t *part_name(const char *name);

/* "0x400", or null. */
json_t *part_hex_if(bool there, uint64_t v);

/* The names of the bits set, as an array of strings; bits without a name are left out. */
json_t *part_bits(const struct bit_table *t, uint64_t value);

/* Takes item. On failure the array is freed and *array becomes NULL; a NULL array stays NULL. */
void part_append(json_t **array, json_t *item);

#endif
