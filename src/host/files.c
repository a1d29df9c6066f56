/* SPDX-License-Identifier: MIT */
/* files.c - a guest's files in one directory: its descriptors. What they point to is in files_node.c. */
#include "host/files_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    OPEN_FLAGS = FILE_READ | FILE_WRITE | FILE_CREATE | FILE_TRUNCATE | FILE_APPEND,
    WRITE_FLAGS = FILE_CREATE | FILE_TRUNCATE | FILE_APPEND,
};

static int op_open(void *ctx, const char *path, unsigned flags)
{
    struct host_files *f = ctx;
    struct node *n;
    int fd = 0, rc;

    if (flags & ~(unsigned)OPEN_FLAGS || !(flags & (FILE_READ | FILE_WRITE)) ||
        (flags & WRITE_FLAGS && !(flags & FILE_WRITE)))
        return -EINVAL;
    if (path[0] == '\0')
        return -ENOENT;
    while (fd < FILES_FDS && f->file[fd].node != NULL)
        fd++;
    if (fd == FILES_FDS)
        return -EMFILE;
    rc = files_node_open(f, path, flags, &n);
    if (rc < 0)
        return rc;
    if (flags & FILE_TRUNCATE)
        rc = files_node_truncate(f, n);
    if (rc < 0) {
        files_node_release(n);
        return rc;
    }
    n->refs++;
    f->file[fd] = (struct open_file){ .node = n, .flags = flags };
    return fd;
}

/* ---- open files ------------------------------------------------------------------------------ */

/* NULL unless fd is open and, where `need` says so, for that. */
static struct open_file *file_of(struct host_files *f, int fd, unsigned need)
{
    if (fd < 0 || fd >= FILES_FDS || f->file[fd].node == NULL)
        return NULL;
    return (f->file[fd].flags & need) == need ? &f->file[fd] : NULL;
}

static int64_t size_of(const struct node *n)
{
    struct stat st;

    return fstat(files_node_fd(n), &st) < 0 ? -errno : st.st_size;
}

static int64_t op_read(void *ctx, int fd, void *buf, uint32_t len)
{
    struct open_file *file = file_of(ctx, fd, FILE_READ);
    int64_t n;

    if (file == NULL)
        return -EBADF;
    if (len > INT64_MAX - file->pos) /* the kernel refuses that, but there is only nothing there */
        len = (uint32_t)(INT64_MAX - file->pos);
    n = files_pread(files_node_fd(file->node), buf, len, file->pos);
    if (n > 0)
        file->pos += n;
    return n;
}

/* Shortens *len to what may be written at pos; a negative errno when nothing may. */
static int write_room(const struct host_files *f, const struct node *n, uint64_t pos, uint32_t *len)
{
    uint64_t max = files_end_max(n->copy_fd >= 0), left = FILES_COPIES_MAX - f->copies_size;

    if (pos >= max)
        return -EFBIG;
    if (*len > max - pos)
        *len = (uint32_t)(max - pos);
    if (n->copy_fd >= 0 && pos + *len > n->copy_size && pos + *len - n->copy_size > left)
        return -ENOSPC;
    return 0;
}

static int64_t op_write(void *ctx, int fd, const void *buf, uint32_t len)
{
    struct host_files *f = ctx;
    struct open_file *file = file_of(f, fd, FILE_WRITE);
    int64_t n = 0, pos;

    if (file == NULL)
        return -EBADF;
    if (len == 0)
        return 0;
    if (f->cow && file->node->copy_fd < 0)
        n = files_node_copy(f, file->node, false);
    pos = n < 0 ? n : file->flags & FILE_APPEND ? size_of(file->node) : file->pos;
    if (pos < 0)
        return pos;
    n = write_room(f, file->node, (uint64_t)pos, &len);
    if (n == 0)
        n = files_pwrite(files_node_fd(file->node), buf, len, pos);
    if (n <= 0)
        return n;
    file->pos = pos + n;
    if (file->node->copy_fd >= 0 && (uint64_t)file->pos > file->node->copy_size)
        files_copy_resized(f, file->node, (uint64_t)file->pos);
    return n;
}

static int64_t op_seek(void *ctx, int fd, int64_t off, int whence)
{
    struct open_file *file = file_of(ctx, fd, 0);
    int64_t base;

    if (file == NULL)
        return -EBADF;
    switch (whence) {
    case SEEK_SET:
        base = 0;
        break;
    case SEEK_CUR:
        base = file->pos;
        break;
    case SEEK_END:
        base = size_of(file->node);
        break;
    default:
        base = -EINVAL;
    }
    if (base < 0)
        return base;
    if (__builtin_add_overflow(base, off, &base) || base < 0)
        return -EINVAL;
    file->pos = base;
    return base;
}

static int op_close(void *ctx, int fd)
{
    struct open_file *file = file_of(ctx, fd, 0);
    struct node *n;

    if (file == NULL)
        return -EBADF;
    n = file->node;
    file->node = NULL;
    n->refs--;
    files_node_release(n);
    return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

int files_open(const char *dir, bool cow, struct host_files **out, struct vitro_err *err)
{
    struct host_files *f = calloc(1, sizeof(*f));
    int probe;

    if (f == NULL)
        return err_set(err, -ENOMEM, "taking directory %s: out of memory", dir);
    f->cow = cow;
    for (size_t i = 0; i < NODES; i++)
        f->node[i].host_fd = f->node[i].copy_fd = -1;
    do
        f->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (f->dir_fd < 0 && errno == EINTR);
    if (f->dir_fd < 0) {
        int rc = err_class(err, VITRO_ERR_USAGE, -errno, "opening directory %s for the guest: %s",
                           dir, strerror(errno));

        free(f);
        return rc;
    }
    probe = files_beneath(f->dir_fd, ".", O_PATH | O_DIRECTORY);
    if (probe < 0) {
        files_close(f);
        return err_set(err, probe, "confining the guest to directory %s: openat2: %s", dir,
                       strerror(-probe));
    }
    close(probe);
    *out = f;
    return 0;
}

void files_close(struct host_files *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < NODES; i++) {
        if (f->node[i].host_fd >= 0)
            close(f->node[i].host_fd);
        if (f->node[i].copy_fd >= 0)
            close(f->node[i].copy_fd);
    }
    close(f->dir_fd);
    free(f);
}

struct files files_iface(struct host_files *f)
{
    static const struct file_ops ops = {
        .open = op_open,
        .read = op_read,
        .write = op_write,
        .seek = op_seek,
        .close = op_close,
    };

    return (struct files){ &ops, f };
}
