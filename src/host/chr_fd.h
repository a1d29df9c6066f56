/* SPDX-License-Identifier: MIT */
/*
 * chr_fd.h - a console whose bytes go to a file descriptor; used by board/
 *
 * Two ways. Without a ring, for boards without an event loop, a write waits for a slow reader itself. With one
 * nothing ever waits: what finds no room lies in the ring until the event loop sees that there is some.
 */
#ifndef HOST_CHR_FD_H
#define HOST_CHR_FD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/backend.h"
#include "host/loop.h"

enum {
    CHR_FD_PATIENCE_MS = 1000,
    CHR_FD_RING = 64 * 1024, /* bytes */
    CHR_FD_FULL =
        CHR_FD_RING / 2 /* from there on the sender shall wait; the rest is for one that does not */
};

/* The ring, and who serves it. */
struct chr_ring {
    uint8_t *bytes; /* owned, CHR_FD_RING of them; NULL: there is none */
    uint32_t head, len;
    struct loop *loop; /* borrowed */
    int watch;
    struct timer patience;
    const struct clock *clock;
    void (*ready)(void *ctx); /* chr_fd_ready has become true */
    void *ctx;
};

/* Embedded; fields are guarded by the machine lock, read by others while stopped. */
struct chr_fd {
    int fd;                    /* borrowed; -1: everything is discarded */
    uint64_t written, dropped; /* bytes */
    int error;                 /* errno of the first failure, 0 if none */
    bool
        open_line; /* the last byte delivered was no newline, and nobody has ended its line since */
    void (*tap)(void *ctx, const void *bytes, size_t len); /* sees all bytes first; NULL: nobody */
    void *tap_ctx;
    bool (*mute)(void *ctx); /* what comes now has been delivered before; NULL: never */
    void *mute_ctx;
    const _Atomic uint64_t *stop; /* not 0: nobody is waited for any more; NULL: never */
    bool stalled; /* the reader gave no room for CHR_FD_PATIENCE_MS: no longer waited for */
    struct chr_ring ring;
};

/* Writing to a closed pipe raises SIGPIPE unless the process ignores it; the library's users must. */
void chr_fd_init(struct chr_fd *c, int fd);

/*
 * chr_fd_open_ring - never wait in a write any more
 *
 * m      whose timers and clock measure patience; borrowed
 * ready  called under the machine lock when a sender that was to wait may go on
 *
 * Returns 0, -ENOMEM or -ENOSPC (no watch left). Thread: any, before the machine runs.
 */
WARN_UNUSED int chr_fd_open_ring(struct chr_fd *c, struct loop *loop, struct machine *m,
                                 void (*ready)(void *ctx), void *ctx, struct vitro_err *err);

/* The sender need not wait: there is room, or nobody to wait for. Always true without a ring. */
bool chr_fd_ready(const struct chr_fd *c);

/* The machine stands still: writes out the ring, waiting for a reader that goes on reading. */
void chr_fd_settle(struct chr_fd *c);

/* Frees the ring. */
void chr_fd_fini(struct chr_fd *c);

/* The interface for a device; borrows c. */
struct chr chr_fd_chr(struct chr_fd *c);

#endif
