/* SPDX-License-Identifier: MIT */
/*
 * files_node.c - what a guest's descriptors point to: files of the directory, and private copies of them
 *
 * Source: openat2(2), RESOLVE_BENEATH: the kernel refuses every step out of the directory, so that
 * there is no check of ours to race with. A path is looked at with O_PATH first: opening a device or a
 * FIFO may do things, looking at it does not.
 *
 * Without copy-on-write each descriptor has a node of its own; with it a node is an inode (or a name that the machine
 * created), so that all descriptors of a file see its private copy. A node keeps its file or its parent directory open:
 * the inode number that it is found by cannot be used again.
 */
#include "host/files_priv.h"

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
    PATH_BYTES = 4096,
    COPY_STEP = 65536,
    TRIES = 16, /* of openat2 while somebody keeps renaming things */
};

/* ---- opening on the host --------------------------------------------------------------------- */

int files_beneath(int dir_fd, const char *path, int flags)
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
    int fd = files_beneath(dir_fd, path, O_PATH);
    int rc = fd < 0 ? fd : check_regular(fd, st);

    if (fd >= 0)
        close(fd);
    if (rc < 0 && !(rc == -ENOENT && flags & O_CREAT))
        return rc;
    fd = files_beneath(dir_fd, path, flags | O_NONBLOCK | O_NOCTTY);
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

void files_node_release(struct node *n)
{
    if (!node_used(n)) {
        close(n->host_fd);
        n->host_fd = -1;
    }
}

/* ---- private copies -------------------------------------------------------------------------- */

int64_t files_pread(int fd, void *buf, size_t len, int64_t pos)
{
    ssize_t n;

    do
        n = pread(fd, buf, len, pos);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int64_t files_pwrite(int fd, const void *buf, size_t len, int64_t pos)
{
    ssize_t n;

    do
        n = pwrite(fd, buf, len, pos);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

uint64_t files_end_max(bool copy)
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

    for (*size = 0; (n = files_pread(from, buf, COPY_STEP, (int64_t)*size)) > 0;
         *size += (uint64_t)n) {
        if ((uint64_t)n > max - *size)
            return -EFBIG;
        if ((uint64_t)n > room - *size)
            return -ENOSPC;
        n = files_pwrite(to, buf, (size_t)n, (int64_t)*size);
        if (n <= 0)
            return n < 0 ? (int)n : -ENOSPC;
    }
    return (int)n;
}

static int copy_file(const struct host_files *f, int from, int to, uint64_t *size)
{
    uint64_t max = files_end_max(true);
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

int files_node_copy(struct host_files *f, struct node *n, bool empty)
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

void files_copy_resized(struct host_files *f, struct node *n, uint64_t size)
{
    f->copies_size += size - n->copy_size;
    n->copy_size = size;
}

/* ---- from a path to a node --------------------------------------------------------------------- */

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
    fd = files_beneath(f->dir_fd, slash != NULL ? dir : ".", O_PATH | O_DIRECTORY);
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
    rc = files_node_copy(f, *out, true);
    files_node_release(*out); /* of use only after a failure */
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

int files_node_truncate(struct host_files *f, struct node *n)
{
    if (f->cow && n->copy_fd < 0)
        return files_node_copy(f, n, true);
    if (ftruncate(files_node_fd(n), 0) < 0)
        return -errno;
    if (n->copy_fd >= 0)
        files_copy_resized(f, n, 0);
    return 0;
}

int files_node_open(struct host_files *f, const char *path, unsigned flags, struct node **out)
{
    return f->cow ? node_cow(f, path, flags, out) : node_plain(f, path, flags, out);
}
