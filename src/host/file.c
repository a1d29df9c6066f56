/* SPDX-License-Identifier: MIT */
/* file.c - reads a whole file, or says what is wrong with it. */
#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"

static const char *file_kind(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return "a directory";
    case S_IFIFO:
        return "a FIFO";
    case S_IFSOCK:
        return "a socket";
    case S_IFCHR:
    case S_IFBLK:
        return "a device";
    default:
        return "no regular file";
    }
}

static int check_file(int fd, const char *path, uint64_t max, size_t *len, struct vitro_err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_class(err, VITRO_ERR_IMAGE, -errno, "reading %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_class(err, VITRO_ERR_IMAGE, -EINVAL, "reading %s: it is %s, not a file", path,
                         file_kind(st.st_mode));
    if ((uint64_t)st.st_size > max)
        return err_class(err, VITRO_ERR_IMAGE, -EFBIG,
                         "reading %s: %" PRIu64 " MiB are more than the %" PRIu64
                         " MiB an image may have",
                         path, (uint64_t)st.st_size / MIB, max / MIB);
    *len = (size_t)st.st_size;
    return 0;
}

static int read_all(int fd, const char *path, uint8_t *buf, size_t len, struct vitro_err *err)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = read(fd, buf + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_class(err, VITRO_ERR_IMAGE, -errno, "reading %s: %s", path, strerror(errno));
        if (n == 0)
            return err_class(err, VITRO_ERR_IMAGE, -EIO,
                             "reading %s: it became shorter while it was read", path);
        done += (size_t)n;
    }
    return 0;
}

int file_open(const char *path, uint64_t max, int *fd, uint8_t **out, size_t *len,
              struct vitro_err *err)
{
    uint8_t *buf = NULL;
    int rc;

    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0)
        return err_class(err, VITRO_ERR_IMAGE, -errno, "opening %s: %s", path, strerror(errno));
    rc = check_file(*fd, path, max, len, err);
    if (rc == 0) {
        buf = malloc(*len + 1);
        rc = buf != NULL ? read_all(*fd, path, buf, *len, err)
                         : err_set(err, -ENOMEM, "reading %s: out of memory", path);
    }
    if (rc < 0) {
        close(*fd);
        *fd = -1;
        free(buf);
        return rc;
    }
    *out = buf;
    return 0;
}

int file_read(const char *path, uint64_t max, uint8_t **out, size_t *len, struct vitro_err *err)
{
    int fd, rc = file_open(path, max, &fd, out, len, err);

    if (rc == 0)
        close(fd);
    return rc;
}
