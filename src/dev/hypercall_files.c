/* SPDX-License-Identifier: MIT */
/*
 * hypercall_files.c - the file part of the hypercall device: parameter block in, result back
 *
 * The protocol is our own and is described in docs/hypercalls.md. What a descriptor is, and that no
 * path leads out of the directory, is the backend's business.
 */
#include <assert.h>
#include <errno.h>

#include "base/bits.h"
#include "dev/hypercall_priv.h"

/* Where the fields of a parameter block lie; all little-endian. */
enum {
    BLOCK_OP = 0,
    BLOCK_FD = 4,
    BLOCK_ADDR = 8,
    BLOCK_LEN = 16,
    BLOCK_FLAGS = 20,
    BLOCK_OFFSET = 24,
    BLOCK_RESULT = 32,
    BLOCK_BYTES = 40,
};

enum { FILE_OPEN = 1, FILE_READ_BYTES, FILE_WRITE_BYTES, FILE_CLOSE, FILE_SEEK };

struct file_call {
    uint32_t op;
    int32_t fd;
    gva_t addr;
    uint32_t len, flags;
    int64_t offset;
};

static uint32_t bounded(uint32_t len)
{
    return len < HYPERCALL_CALL_MAX ? len : HYPERCALL_CALL_MAX;
}

static int64_t file_open(struct hypercall *h, const struct file_call *c)
{
    uint32_t len;

    switch (guest_string(h, c->addr, &len)) {
    case STRING_FAULT:
        return -EFAULT;
    case STRING_CUT:
        return -ENAMETOOLONG;
    case STRING_WHOLE:
        break;
    }
    return h->files.ops->open(h->files.ctx, (const char *)h->bounce, c->flags);
}

static int64_t file_read(struct hypercall *h, const struct file_call *c)
{
    uint32_t len = bounded(c->len);
    struct guest_range r;
    int64_t n;

    if (!guest_range(h, c->addr, len, true, &r))
        return -EFAULT;
    n = h->files.ops->read(h->files.ctx, c->fd, h->bounce, len);
    assert(n <= (int64_t)len);
    if (n > 0)
        guest_range_put(&r, 0, h->bounce, (uint32_t)n);
    return n;
}

static int64_t file_write(struct hypercall *h, const struct file_call *c)
{
    uint32_t len = bounded(c->len);
    struct guest_range r;

    if (!guest_range(h, c->addr, len, false, &r))
        return -EFAULT;
    guest_range_get(&r, h->bounce);
    return h->files.ops->write(h->files.ctx, c->fd, h->bounce, len);
}

static int64_t file_close(struct hypercall *h, const struct file_call *c)
{
    return h->files.ops->close(h->files.ctx, c->fd);
}

static int64_t file_seek(struct hypercall *h, const struct file_call *c)
{
    if (c->flags > INT32_MAX)
        return -EINVAL;
    return h->files.ops->seek(h->files.ctx, c->fd, c->offset, (int)c->flags);
}

static int64_t (*const file_fn[])(struct hypercall *h, const struct file_call *c) = {
    [FILE_OPEN] = file_open,   [FILE_READ_BYTES] = file_read, [FILE_WRITE_BYTES] = file_write,
    [FILE_CLOSE] = file_close, [FILE_SEEK] = file_seek,
};

static int64_t file_dispatch(struct hypercall *h, const struct file_call *c)
{
    if (c->op >= ARRAY_LEN(file_fn) || file_fn[c->op] == NULL)
        return -ENOSYS;
    if (h->files.ops == NULL)
        return -ENODEV;
    return file_fn[c->op](h, c);
}

/* A block that could not take the result is refused before anything is done. */
void hypercall_file_call(struct hypercall *h, gva_t gva)
{
    uint8_t raw[BLOCK_BYTES];
    struct file_call c;
    struct guest_range block;
    int64_t result;

    if (!guest_range(h, gva, sizeof(raw), true, &block)) {
        h->dev.refused++;
        return;
    }
    guest_range_get(&block, raw);
    c = (struct file_call){
        .op = (uint32_t)le_get(raw + BLOCK_OP, 4),
        .fd = (int32_t)le_get(raw + BLOCK_FD, 4),
        .addr = le_get(raw + BLOCK_ADDR, 8),
        .len = (uint32_t)le_get(raw + BLOCK_LEN, 4),
        .flags = (uint32_t)le_get(raw + BLOCK_FLAGS, 4),
        .offset = (int64_t)le_get(raw + BLOCK_OFFSET, 8),
    };
    result = file_dispatch(h, &c);
    h->dev.refused += result < 0;
    le_put(raw + BLOCK_RESULT, 8, (uint64_t)result);
    guest_range_put(&block, BLOCK_RESULT, raw + BLOCK_RESULT, 8);
}
