/* SPDX-License-Identifier: MIT */
/*
 * backend.h - what devices and views need of the host, as interfaces
 *
 * Implemented in host/, plugged together by board/; a device holds one and never learns what is behind it.
 */
#ifndef CORE_BACKEND_H
#define CORE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a console's bytes go. */
struct chr_ops {
    /* Takes all bytes; what cannot be delivered is dropped and counted by the backend. */
    void (*write)(void *ctx, const void *bytes, size_t len);
};

struct chr {
    const struct chr_ops *ops; /* NULL: bytes are discarded */
    void *ctx;
};

static inline void chr_write(const struct chr *c, const void *bytes, size_t len)
{
    if (c->ops != NULL)
        c->ops->write(c->ctx, bytes, len);
}

/*
 * Files of one directory on the host, for the hypercall device. Results are 0 or more, or a negative
 * errno that the guest is given. Paths are relative, NUL-terminated; nothing leads out of the directory.
 */
enum file_flags {
    FILE_READ = 1,
    FILE_WRITE = 2,
    FILE_CREATE = 4,
    FILE_TRUNCATE = 8,
    FILE_APPEND = 16
};

struct file_ops {
    int (*open)(void *ctx, const char *path, unsigned flags); /* a descriptor of the machine */
    int64_t (*read)(void *ctx, int fd, void *buf, uint32_t len);
    int64_t (*write)(void *ctx, int fd, const void *buf, uint32_t len);
    int64_t (*seek)(void *ctx, int fd, int64_t off, int whence); /* 0 set, 1 current, 2 end */
    int (*close)(void *ctx, int fd);
};

struct files {
    const struct file_ops *ops; /* NULL: the machine has no directory */
    void *ctx;
};

/* Host pages behind a range of guest memory, for the map. */
struct residency {
    uint64_t resident; /* bytes present in host memory */
    uint64_t huge;     /* bytes on huge pages */
    uint64_t shared;   /* bytes in pages shared with other processes */
    bool known;
};

/* How a view asks for it. ask NULL: nothing is known. */
struct host_pages {
    void (*ask)(void *ctx, const void *host, uint64_t len, struct residency *out);
    void *ctx;
};

static inline struct residency host_pages_ask(const struct host_pages *p, const void *host,
                                              uint64_t len)
{
    struct residency r = { .known = false };

    if (p->ask != NULL)
        p->ask(p->ctx, host, len, &r);
    return r;
}

#endif
