/* SPDX-License-Identifier: MIT */
/*
 * json.h - JSON documents of the views, on top of jansson
 *
 * One way of writing for all views: addresses and raw values are strings like "0x400", counts and sizes
 * are numbers, guest bytes are escaped ASCII.
 */
#ifndef INSPECT_JSON_H
#define INSPECT_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"

/* "0x400". */
json_t *json_hex(uint64_t v);

/*
 * json_finish - the document as a string of malloc(), indented by 2
 *
 * doc  taken; NULL means that memory ran out while it was made
 */
WARN_UNUSED int json_finish(json_t *doc, char **out, struct vitro_err *err);

#endif
