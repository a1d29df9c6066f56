/* SPDX-License-Identifier: MIT */
/*
 * save.c - the page with its data inside
 *
 * The data is JSON in an element that no browser executes. JSON has '<' in strings only, where \u003c means the
 * same: so no guest byte can end the element.
 */
#include "web/save.h"

#include <errno.h>

#include "web/assets.h"

static int put(const void *bytes, size_t len, FILE *out)
{
    return fwrite(bytes, 1, len, out) == len ? 0 : -EIO;
}

int save_page(FILE *in, FILE *out)
{
    int c, rc = put(saved_head, saved_head_len, out);

    while (rc == 0 && (c = getc_unlocked(in)) != EOF) {
        if (c == '<')
            rc = put("\\u003c", 6, out);
        else if (putc_unlocked(c, out) == EOF)
            rc = -EIO;
    }
    if (rc == 0 && ferror(in))
        rc = -EIO;
    if (rc == 0)
        rc = put(saved_tail, saved_tail_len, out);
    return rc == 0 && fflush(out) != 0 ? -EIO : rc;
}
