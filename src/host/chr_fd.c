/* SPDX-License-Identifier: MIT */
/*
 * chr_fd.c - a console on a file descriptor that can never stop the monitor
 *
 * A reader that is merely slow is waited for. One that takes nothing for a second is taken for stopped:
 * from then on bytes are dropped and counted until it has room again. A kick ends a wait early.
 * The descriptor's flags are left alone, since other processes may share it.
 */
#include "host/chr_fd.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

void chr_fd_init(struct chr_fd *c, int fd)
{
    *c = (struct chr_fd){ .fd = fd };
}

/* There is room for at least one byte. */
static bool wait_for_room(struct chr_fd *c)
{
    struct pollfd p = { .fd = c->fd, .events = POLLOUT };
    int n = poll(&p, 1, c->stalled ? 0 : CHR_FD_PATIENCE_MS);

    if (n == 0)
        c->stalled = true;
    else if (n > 0)
        c->stalled = false;
    return n > 0;
}

static void chr_fd_write(void *ctx, const void *bytes, size_t len)
{
    struct chr_fd *c = ctx;
    const char *p = bytes;

    if (c->fd < 0)
        return; /* discarded on request, not lost */
    while (len > 0 && wait_for_room(c)) {
        /* A pipe with room for a byte may have none for more: never ask to write more than one
         * page, which POSIX makes atomic with the readiness that poll reported. */
        ssize_t n = write(c->fd, p, len < 512 ? len : 512);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (c->error == 0)
                c->error = n < 0 ? errno : EIO;
            break;
        }
        c->written += (uint64_t)n;
        p += n;
        c->open_line = p[-1] != '\n';
        len -= (size_t)n;
    }
    c->dropped += len;
}

struct chr chr_fd_chr(struct chr_fd *c)
{
    static const struct chr_ops ops = { .write = chr_fd_write };

    return (struct chr){ &ops, c };
}
