/* SPDX-License-Identifier: MIT */
/*
 * files.c - a guest's files in one directory, with private copies if asked
 *
 * Source: openat2(2), RESOLVE_BENEATH: the kernel refuses every step out of the directory, so that
 * there is no check of ours to race with. A path is looked at with O_PATH first: opening a device or a
 * FIFO may do things, looking at it does not.
 *
 * Descriptors point to nodes. Without copy-on-write each has its own; with it a node is an inode (or a
 * name that the machine created), so that all descriptors of a file see its private copy. A node keeps
 * its file or its parent directory open: the inode number that it is found by cannot be used again.
 */
#include "host/files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    NODES = FILES_FDS + FILES_COPIES, /* so that a free descriptor always finds a free node */
    NAME_BYTES = 256,
    PATH_BYTES = 4096,
    COPY_STEP = 65536,
    TRIES = 16, /* of openat2 while somebody keeps renaming things */
    OPEN_FLAGS = FILE_READ | FILE_WRITE | FILE_CREATE | FILE_TRUNCATE | FILE_APPEND,
    WRITE_FLAGS = FILE_CREATE | FILE_TRUNCATE | FILE_APPEND,
};

/* What a file is found by again. */
struct file_id {
    dev_t dev; /* of the file, or with a name: of its directory */
    ino_t ino;
    char name[NAME_BYTES]; /* of a file that only this machine has; else empty */
};

struct node {
    struct file_id id;
    unsigned refs;      /* descriptors; a node with neither these nor a copy is free */
    int host_fd;        /* the file, or with a name: its directory (O_PATH) */
    int copy_fd;        /* the private copy, -1 while there is none */
    uint64_t copy_size; /* bytes */
};

struct open_file {
    struct node *node; /* NULL: this descriptor is free */
    unsigned flags;    /* enum file_flags */
    int64_t pos;       /* 0 or more */
};

struct host_files {
    int dir_fd;
    bool cow;
    struct open_file file[FILES_FDS];
    struct node node[NODES];
    uint64_t copies_size; /* sum of all copy_size */
    unsigned ncopies;
};

/* ---- opening on the host --------------------------------------------------------------------- */

/* A host descriptor or a negative errno. */
static int beneath(int dir_fd, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .mode = flags & O_CREAT ? 0666 : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };

    for (int tries = 0; tries < TRIES;) {
        long fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));

        if (fd >= 0)
            return (int)fd;
        if (errno != EINTR && errno != EAGAIN)
            return -errno;
        tries += errno == EAGAIN; /* a rename raced with a `..` in the path */
    }
    return -EAGAIN;
}

/* 0 for a regular file, else the errno the guest gets. */
static int check_regular(int fd, struct stat *st)
{
    if (fstat(fd, st) < 0)
        return -errno;
    if (S_ISREG(st->st_mode))
        return 0;
    return S_ISDIR(st->st_mode) ? -EISDIR : -EACCES;
}

/* Looks before it opens. Returns a host descriptor of a regular file, or a negative errno. */
static int open_regular(int dir_fd, const char *path, int flags, struct stat *st)
{
    int fd = beneath(dir_fd, path, O_PATH);
    int rc = fd < 0 ? fd : check_regular(fd, st);

    if (fd >= 0)
        close(fd);
    if (rc < 0 && !(rc == -ENOENT && flags & O_CREAT))
        return rc;
    fd = beneath(dir_fd, path, flags | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fd;
    rc = check_regular(fd, st); /* it may be another file by now */
    if (rc < 0) {
        close(fd);
        return rc;
    }
    return fd;
}

static int host_flags(unsigned flags)
{
    int how = !(flags & FILE_WRITE) ? O_RDONLY : flags & FILE_READ ? O_RDWR : O_WRONLY;

    return how | (flags & FILE_CREATE ? O_CREAT : 0) | (flags & FILE_APPEND ? O_APPEND : 0);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static bool node_used(const struct node *n)
{
    return n->refs > 0 || n->copy_fd >= 0;
}

static int node_fd(const struct node *n)
{
    return n->copy_fd >= 0 ? n->copy_fd : n->host_fd;
}

static bool id_equal(const struct file_id *a, const struct file_id *b)
{
    return a->dev == b->dev && a->ino == b->ino && strcmp(a->name, b->name) == 0;
}

static struct node *node_find(struct host_files *f, const struct file_id *id)
{
    for (size_t i = 0; i < NODES; i++) {
        if (node_used(&f->node[i]) && id_equal(&f->node[i].id, id))
            return &f->node[i];
    }
    return NULL;
}

/* Takes host_fd over. The caller counts itself in refs. */
static struct node *node_make(struct host_files *f, const struct file_id *id, int host_fd)
{
    for (size_t i = 0; i < NODES; i++) {
        if (!node_used(&f->node[i])) {
            f->node[i] = (struct node){ .id = *id, .host_fd = host_fd, .copy_fd = -1 };
            return &f->node[i];
        }
    }
    assert(!"a free descriptor finds a free node");
    return NULL;
}

/* Closes the file of a node that neither a descriptor nor a copy needs any more. */
static void node_release(struct node *n)
{
    if (!node_used(n)) {
        close(n->host_fd);
        n->host_fd = -1;
    }
}

/* ---- private copies -------------------------------------------------------------------------- */

static int64_t pread_retry(int fd, void *buf, size_t len, int64_t pos)
{
    ssize_t n;

    do
        n = pread(fd, buf, len, pos);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static int64_t pwrite_retry(int fd, const void *buf, size_t len, int64_t pos)
{
    ssize_t n;

    do
        n = pwrite(fd, buf, len, pos);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* Where a file must end. Writing past the host's RLIMIT_FSIZE would raise a deadly signal. */
static uint64_t end_max(bool copy)
{
    uint64_t max = copy ? FILES_COPY_MAX : INT64_MAX;
    struct rlimit host;

    if (getrlimit(RLIMIT_FSIZE, &host) == 0 && host.rlim_cur < max)
        max = host.rlim_cur;
    return max;
}

/* Copies to the end; the bounds are looked at all the way, since the file may grow meanwhile. */
static int copy_bytes(int from, int to, uint64_t max, uint64_t room, uint64_t *size, void *buf)
{
    int64_t n;

    for (*size = 0; (n = pread_retry(from, buf, COPY_STEP, (int64_t)*size)) > 0;
         *size += (uint64_t)n) {
        if ((uint64_t)n > max - *size)
            return -EFBIG;
        if ((uint64_t)n > room - *size)
            return -ENOSPC;
        n = pwrite_retry(to, buf, (size_t)n, (int64_t)*size);
        if (n <= 0)
            return n < 0 ? (int)n : -ENOSPC;
    }
    return (int)n;
}

static int copy_file(const struct host_files *f, int from, int to, uint64_t *size)
{
    uint64_t max = end_max(true);
    struct stat st;
    void *buf;
    int rc;

    if (fstat(from, &st) < 0)
        return -errno;
    if ((uint64_t)st.st_size > max)
        return -EFBIG; /* without moving 64 MiB to find out */
    buf = malloc(COPY_STEP);
    if (buf == NULL)
        return -ENOMEM;
    rc = copy_bytes(from, to, max, FILES_COPIES_MAX - f->copies_size, size, buf);
    free(buf);
    return rc;
}

/* Gives the node a private copy of its file, or an empty one. */
static int node_copy(struct host_files *f, struct node *n, bool empty)
{
    uint64_t size = 0;
    int rc = 0, fd;

    if (f->ncopies == FILES_COPIES)
        return -ENOSPC;
    fd = memfd_create("vitro-private-file", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (!empty)
        rc = copy_file(f, n->host_fd, fd, &size);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    n->copy_fd = fd;
    n->copy_size = size;
    f->copies_size += size;
    f->ncopies++;
    return 0;
}

static void copy_resized(struct host_files *f, struct node *n, uint64_t size)
{
    f->copies_size += size - n->copy_size;
    n->copy_size = size;
}

/* ---- open ------------------------------------------------------------------------------------ */

/* The directory that a path's last component lies in, as an O_PATH descriptor; fills id. */
static int parent_of(const struct host_files *f, const char *path, struct file_id *id)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    char dir[PATH_BYTES];
    struct stat st;
    int fd;

    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EISDIR;
    if (strlen(name) >= sizeof(id->name) || (size_t)(name - path) >= sizeof(dir))
        return -ENAMETOOLONG;
    memcpy(dir, path, (size_t)(name - path));
    dir[name - path] = '\0';
    fd = beneath(f->dir_fd, slash != NULL ? dir : ".", O_PATH | O_DIRECTORY);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0) {
        int rc = -errno;

        close(fd);
        return rc;
    }
    *id = (struct file_id){ .dev = st.st_dev, .ino = st.st_ino };
    memcpy(id->name, name, strlen(name));
    return fd;
}

/* Copy-on-write: a file that exists for this machine only, made now if asked. */
static int node_named(struct host_files *f, const char *path, bool create, struct node **out)
{
    struct file_id id = { 0 };
    int rc, fd = parent_of(f, path, &id);

    if (fd < 0)
        return fd;
    *out = node_find(f, &id);
    if (*out != NULL || !create) {
        close(fd);
        return *out != NULL ? 0 : -ENOENT;
    }
    *out = node_make(f, &id, fd);
    rc = node_copy(f, *out, true);
    node_release(*out); /* of use only after a failure */
    return rc;
}

/* Copy-on-write: what this machine created wins over what the directory has got since. */
static int node_cow(struct host_files *f, const char *path, unsigned flags, struct node **out)
{
    struct file_id id = { 0 };
    struct stat st;
    int fd, rc = node_named(f, path, false, out);

    if (rc == 0)
        return 0;
    fd = open_regular(f->dir_fd, path, O_RDONLY, &st);
    if (fd == -ENOENT && flags & FILE_CREATE)
        return node_named(f, path, true, out);
    if (fd < 0)
        return fd;
    id.dev = st.st_dev;
    id.ino = st.st_ino;
    *out = node_find(f, &id);
    if (*out == NULL)
        *out = node_make(f, &id, fd);
    else
        close(fd);
    return 0;
}

static int node_plain(struct host_files *f, const char *path, unsigned flags, struct node **out)
{
    struct file_id id = { 0 };
    struct stat st;
    int fd = open_regular(f->dir_fd, path, host_flags(flags), &st);

    if (fd < 0)
        return fd;
    *out = node_make(f, &id, fd);
    return 0;
}

static int node_truncate(struct host_files *f, struct node *n)
{
    if (f->cow && n->copy_fd < 0)
        return node_copy(f, n, true);
    if (ftruncate(node_fd(n), 0) < 0)
        return -errno;
    if (n->copy_fd >= 0)
        copy_resized(f, n, 0);
    return 0;
}

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
    rc = f->cow ? node_cow(f, path, flags, &n) : node_plain(f, path, flags, &n);
    if (rc < 0)
        return rc;
    if (flags & FILE_TRUNCATE)
        rc = node_truncate(f, n);
    if (rc < 0) {
        node_release(n);
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

    return fstat(node_fd(n), &st) < 0 ? -errno : st.st_size;
}

static int64_t op_read(void *ctx, int fd, void *buf, uint32_t len)
{
    struct open_file *file = file_of(ctx, fd, FILE_READ);
    int64_t n;

    if (file == NULL)
        return -EBADF;
    if (len > INT64_MAX - file->pos) /* the kernel refuses that, but there is only nothing there */
        len = (uint32_t)(INT64_MAX - file->pos);
    n = pread_retry(node_fd(file->node), buf, len, file->pos);
    if (n > 0)
        file->pos += n;
    return n;
}

/* Shortens *len to what may be written at pos; a negative errno when nothing may. */
static int write_room(const struct host_files *f, const struct node *n, uint64_t pos, uint32_t *len)
{
    uint64_t max = end_max(n->copy_fd >= 0), left = FILES_COPIES_MAX - f->copies_size;

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
        n = node_copy(f, file->node, false);
    pos = n < 0 ? n : file->flags & FILE_APPEND ? size_of(file->node) : file->pos;
    if (pos < 0)
        return pos;
    n = write_room(f, file->node, (uint64_t)pos, &len);
    if (n == 0)
        n = pwrite_retry(node_fd(file->node), buf, len, pos);
    if (n <= 0)
        return n;
    file->pos = pos + n;
    if (file->node->copy_fd >= 0 && (uint64_t)file->pos > file->node->copy_size)
        copy_resized(f, file->node, (uint64_t)file->pos);
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
    node_release(n);
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
    probe = beneath(f->dir_fd, ".", O_PATH | O_DIRECTORY);
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
