/* SPDX-License-Identifier: MIT */
/*
 * cache.h - memory for translated code: the same memory mapped twice, never writable and executable at once
 *
 * Only the translator writes, through the alias; code refers to itself relatively and to nothing else.
 */
#ifndef ENGINE_SOFT_TRANS_CACHE_H
#define ENGINE_SOFT_TRANS_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct trans_cache {
    uint8_t *rw;       /* the alias that is written */
    const uint8_t *rx; /* the same bytes, as they are executed */
    size_t len, used;
};

/* perf: TRANSLATE_PERF. -ENOTSUP, -EPERM and kin when the host does not give executable memory. */
WARN_UNUSED int trans_cache_open(struct trans_cache *cache, size_t len, bool perf,
                                 struct vitro_err *err);
void trans_cache_close(struct trans_cache *cache);

#endif
