/* SPDX-License-Identifier: MIT */
/* builtin.h - the guests that come with Vitro (guests/), as one table; used by the library's face. */
#ifndef BOOT_BUILTIN_H
#define BOOT_BUILTIN_H

#include "boot/image.h"

struct builtin_code {
    const unsigned char *bytes;
    const unsigned int *len;
};

struct builtin {
    const char *name;
    const char *summary; /* one line */
    const char *output;  /* console bytes; NULL when they vary or do not end */
    const char *ends;
    uint64_t page_bytes;                  /* 0: the mode's large page */
    bool hypercalls;                      /* needs the hypercall device */
    struct builtin_code code[X86_STARTS]; /* bytes NULL: not in this mode */
};

/* Row i, or NULL past the end. */
const struct builtin *builtin_row(unsigned i);

/* NULL when there is no such guest. */
const struct builtin *builtin_find(const char *name);

/* VITRO_ERR_USAGE: the guest does not come in this mode. */
WARN_UNUSED int image_builtin(const struct builtin *row, enum x86_start start, struct image *out,
                              struct vitro_err *err);

#endif
