/* SPDX-License-Identifier: MIT */
/*
 * chr_fd.c - a console on a file descriptor that can never stop the monitor
 *
 * A reader that is merely slow is waited for: by the write itself, or with a ring by the sender, which asks
 * chr_fd_ready. One that takes nothing for a second is taken for stopped: from then on bytes are dropped and
 * counted until it has room again. A machine that is to stop waits no longer.
 * The descriptor's flags are left alone, since other processes may share it.
 */
#include "host/chr_fd.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A pipe with room for a byte may have none for more: never ask to write more than what POSIX makes atomic with the
 * readiness that poll reported.
 */
enum { PIECE = 512 };

void chr_fd_init(struct chr_fd *c, int fd)
{
    *c = (struct chr_fd){ .fd = fd };
}

/* ---- the descriptor -------------------------------------------------------------------------- */

/* There is room for at least one byte. */
static bool has_room(const struct chr_fd *c, int wait_ms)
{
    struct pollfd p = { .fd = c->fd, .events = POLLOUT };

    return poll(&p, 1, wait_ms) > 0;
}

/* Writes a piece after has_room; how many bytes went out, or -1: none will. */
static ssize_t put_piece(struct chr_fd *c, const uint8_t *p, size_t len)
{
    ssize_t n;

    do
        n = write(c->fd, p, len < PIECE ? len : PIECE);
    while (n < 0 && errno == EINTR);
    if (n <= 0) {
        if (c->error == 0)
            c->error = n < 0 ? errno : EIO;
        return -1;
    }
    c->written += (uint64_t)n;
    c->open_line = p[n - 1] != '\n';
    c->stalled = false;
    return n;
}

/* Writes while there is room at once; the rest's length. An error drops it all. */
static size_t put_now(struct chr_fd *c, const uint8_t *p, size_t len)
{
    while (len > 0 && has_room(c, 0)) {
        ssize_t n = put_piece(c, p, len);

        if (n < 0) {
            c->dropped += len;
            return 0;
        }
        p += n;
        len -= (size_t)n;
    }
    return len;
}

/* ---- without a ring -------------------------------------------------------------------------- */

static void put_waiting(struct chr_fd *c, const uint8_t *p, size_t len)
{
    while (len > 0) {
        struct pollfd row = { .fd = c->fd, .events = POLLOUT };
        ssize_t n;
        int room;

        do
            room = poll(&row, 1, c->stalled ? 0 : CHR_FD_PATIENCE_MS);
        while (room < 0 && errno == EINTR && (c->stop == NULL || atomic_load(c->stop) == 0));
        c->stalled |= room == 0;
        n = room > 0 ? put_piece(c, p, len) : -1;
        if (n < 0)
            break;
        p += n;
        len -= (size_t)n;
    }
    c->dropped += len;
}

/* ---- with a ring ----------------------------------------------------------------------------- */

static void be_patient(struct chr_fd *c)
{
    timer_arm(&c->ring.patience, clock_ns(c->ring.clock) + CHR_FD_PATIENCE_MS * UINT64_C(1000000));
}

/* What lies in the ring in one piece, oldest first. */
static size_t oldest(const struct chr_ring *r)
{
    return r->len < CHR_FD_RING - r->head ? r->len : CHR_FD_RING - r->head;
}

static void take_out(struct chr_ring *r, size_t n)
{
    r->head = (uint32_t)((r->head + n) % CHR_FD_RING);
    r->len -= (uint32_t)n;
}

static void keep(struct chr_fd *c, const uint8_t *p, size_t len)
{
    struct chr_ring *r = &c->ring;
    size_t room = CHR_FD_RING - r->len, n = len < room ? len : room;

    if (n > 0 && !r->patience.armed)
        be_patient(c);
    for (size_t i = 0; i < n; i++)
        r->bytes[(r->head + r->len++) % CHR_FD_RING] = p[i];
    c->dropped += len - n;
    loop_pause(r->loop, r->watch, false);
}

/* Writes what finds room. The sender is told when it may go on. */
static void drain(void *ctx)
{
    struct chr_fd *c = ctx;
    struct chr_ring *r = &c->ring;
    bool was_ready = chr_fd_ready(c);
    uint32_t before = r->len;

    while (r->len > 0) {
        size_t n = oldest(r), left = put_now(c, r->bytes + r->head, n);

        take_out(r, n - left);
        if (left > 0)
            break;
    }
    if (r->len == 0) {
        timer_cancel(&r->patience);
        loop_pause(r->loop, r->watch, true);
    } else if (r->len < before) {
        be_patient(c);
    }
    if (!was_ready && chr_fd_ready(c))
        r->ready(r->ctx);
}

/* The reader has stopped: what lies here stays for when it comes back, what comes is dropped once it is full. */
static void on_patience(void *ctx)
{
    struct chr_fd *c = ctx;
    bool was_ready = chr_fd_ready(c);

    c->stalled = true;
    if (!was_ready)
        c->ring.ready(c->ring.ctx);
}

int chr_fd_open_ring(struct chr_fd *c, struct loop *loop, struct machine *m,
                     void (*ready)(void *ctx), void *ctx, struct vitro_err *err)
{
    struct chr_ring *r = &c->ring;

    if (c->fd < 0)
        return 0;
    r->watch = loop_watch_room(loop, c->fd, drain, c, err);
    if (r->watch < 0)
        return r->watch;
    r->loop = loop;
    r->clock = &m->clock;
    r->ready = ready;
    r->ctx = ctx;
    timer_init(&r->patience, &m->timers, on_patience, c);
    r->bytes = malloc(CHR_FD_RING);
    return r->bytes == NULL ? err_set(err, -ENOMEM, "making the console: out of memory") : 0;
}

bool chr_fd_ready(const struct chr_fd *c)
{
    return c->stalled || c->ring.len < CHR_FD_FULL;
}

void chr_fd_settle(struct chr_fd *c)
{
    struct chr_ring *r = &c->ring;

    while (r->len > 0 && has_room(c, c->stalled ? 0 : CHR_FD_PATIENCE_MS)) {
        size_t n = oldest(r);

        take_out(r, n - put_now(c, r->bytes + r->head, n));
    }
    if (r->len > 0)
        c->stalled = true;
    c->dropped += r->len;
    r->len = 0;
}

void chr_fd_fini(struct chr_fd *c)
{
    free(c->ring.bytes);
    c->ring.bytes = NULL;
}

/* ---- the interface --------------------------------------------------------------------------- */

static void chr_fd_write(void *ctx, const void *bytes, size_t len)
{
    struct chr_fd *c = ctx;
    const uint8_t *p = bytes;

    if (c->mute != NULL && c->mute(c->mute_ctx))
        return;
    if (c->tap != NULL)
        c->tap(c->tap_ctx, bytes, len);
    if (c->fd < 0)
        return; /* discarded on request, not lost */
    if (c->ring.bytes == NULL) {
        put_waiting(c, p, len);
    } else {
        size_t left = c->ring.len == 0 ? put_now(c, p, len) : len;

        if (left > 0)
            keep(c, p + (len - left), left);
    }
}

struct chr chr_fd_chr(struct chr_fd *c)
{
    static const struct chr_ops ops = { .write = chr_fd_write };

    return (struct chr){ &ops, c };
}
