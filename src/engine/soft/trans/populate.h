/* SPDX-License-Identifier: MIT */
/* populate.h - pages of tables that only grow, before they are used. */
#ifndef ENGINE_SOFT_TRANS_POPULATE_H
#define ENGINE_SOFT_TRANS_POPULATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trans_populated {
    const void *base;
    size_t len, done; /* bytes; done: how many have been asked for */
    bool read;        /* it is not writable */
};

/* `used` bytes from the base are in use, and more are about to be. */
void trans_populate(struct trans_populated *p, size_t used);

#endif
