/* SPDX-License-Identifier: MIT */
/* vitro_blocks.c - the library's face: translated code, as a view and for the host's profiler. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/code.h"
#include "inspect/inspect_blocks.h"
#include "vitro_priv.h"

int vitro_show_blocks(struct vitro *m, const struct vitro_blocks_filter *filter,
                      const struct vitro_style *style, char **out, struct vitro_err *err)
{
    const struct vitro_blocks_filter all = { .to = UINT64_MAX };

    return blocks_show(m->board->m, symbols_of(m), filter != NULL ? filter : &all, style, out, err);
}

bool vitro_check_failed(const struct vitro *m, uint64_t *rip)
{
    const struct code_ops *ops = m->board->m->engine->code;

    return ops != NULL && ops->differs(m->board->m, rip);
}

static int write_all(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t n = write(fd, text, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        text += n;
        left -= (size_t)n;
    }
    return 0;
}

/* A link that somebody else has put there is not followed. */
static int write_map(const char *path, const char *text, struct vitro_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int rc = fd < 0 ? -errno : write_all(fd, text);

    if (fd >= 0)
        close(fd);
    return rc < 0 ? err_set(err, rc, "writing %s: %s", path, strerror(-rc)) : 0;
}

int vitro_perf_map(struct vitro *m, struct vitro_err *err)
{
    char path[64], *text;
    int rc = blocks_perf_map(m->board->m, symbols_of(m), &text, err);

    if (rc < 0)
        return rc;
    snprintf(path, sizeof(path), "/tmp/perf-%ld.map", (long)getpid());
    rc = write_map(path, text, err);
    free(text);
    return rc;
}
