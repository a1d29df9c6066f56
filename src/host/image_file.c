/* SPDX-License-Identifier: MIT */
/* image_file.c - reads a file, forgets it, and reads the same once more or says that it has changed. */
#include "host/image_file.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"

struct image_file {
    /* set at creation */
    int fd;
    char *path; /* owned */
    size_t len;
    uint64_t *hash; /* owned; of each piece */

    pthread_mutex_t lock;
    uint8_t *bytes; /* owned; NULL: nobody has them. Guarded by lock */
    unsigned users; /* the same */
};

static size_t npieces(const struct image_file *f)
{
    return f->len / IMAGE_FILE_PIECE + (f->len % IMAGE_FILE_PIECE != 0);
}

static size_t piece_len(const struct image_file *f, size_t piece)
{
    size_t left = f->len - piece * IMAGE_FILE_PIECE;

    return left < IMAGE_FILE_PIECE ? left : IMAGE_FILE_PIECE;
}

static int changed(const struct image_file *f, struct vitro_err *err)
{
    return err_class(err, VITRO_ERR_IMAGE, -ESTALE,
                     "reading %s again: it has been written since it was loaded", f->path);
}

/* A whole piece, which must be what it was. */
static int read_piece(const struct image_file *f, size_t piece, uint8_t *buf, struct vitro_err *err)
{
    size_t len = piece_len(f, piece), done = 0;

    while (done < len) {
        ssize_t n = pread(f->fd, buf + done, len - done,
                          (off_t)((uint64_t)piece * IMAGE_FILE_PIECE + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_class(err, VITRO_ERR_IMAGE, -errno, "reading %s again: %s", f->path,
                             strerror(errno));
        if (n == 0)
            return err_class(err, VITRO_ERR_IMAGE, -ESTALE,
                             "reading %s again: it has become shorter since it was loaded",
                             f->path);
        done += (size_t)n;
    }
    return hash_bytes(0, buf, len) == f->hash[piece] ? 0 : changed(f, err);
}

/* ---- life -------------------------------------------------------------------------------------- */

static int fill(struct image_file *f, const char *path, uint64_t max, struct vitro_err *err)
{
    int rc = file_open(path, max, &f->fd, &f->bytes, &f->len, err);

    if (rc < 0)
        return rc;
    f->path = strdup(path);
    f->hash = calloc(npieces(f) + 1, sizeof(*f->hash));
    if (f->path == NULL || f->hash == NULL)
        return err_set(err, -ENOMEM, "reading %s: out of memory", path);
    for (size_t i = 0; i < npieces(f); i++)
        f->hash[i] = hash_bytes(0, f->bytes + i * IMAGE_FILE_PIECE, piece_len(f, i));
    return 0;
}

int image_file_open(const char *path, uint64_t max, struct image_file **out, const uint8_t **bytes,
                    struct vitro_err *err)
{
    struct image_file *f = calloc(1, sizeof(*f));
    int rc;

    if (f == NULL)
        return err_set(err, -ENOMEM, "reading %s: out of memory", path);
    f->fd = -1;
    pthread_mutex_init(&f->lock, NULL);
    rc = fill(f, path, max, err);
    if (rc < 0) {
        image_file_close(f);
        return rc;
    }
    if (bytes != NULL)
        *bytes = f->bytes;
    *out = f;
    return 0;
}

void image_file_close(struct image_file *f)
{
    if (f == NULL)
        return;
    if (f->fd >= 0)
        close(f->fd);
    pthread_mutex_destroy(&f->lock);
    free(f->bytes);
    free(f->hash);
    free(f->path);
    free(f);
}

size_t image_file_len(const struct image_file *f)
{
    return f->len;
}

/* ---- reading again ----------------------------------------------------------------------------- */

/* Under lock. */
static int read_all(struct image_file *f, struct vitro_err *err)
{
    uint8_t *bytes = malloc(f->len + 1);
    int rc = 0;

    if (bytes == NULL)
        return err_set(err, -ENOMEM, "reading %s again: out of memory", f->path);
    for (size_t i = 0; i < npieces(f) && rc == 0; i++)
        rc = read_piece(f, i, bytes + i * IMAGE_FILE_PIECE, err);
    if (rc < 0)
        free(bytes);
    else
        f->bytes = bytes;
    return rc;
}

int image_file_get(struct image_file *f, const uint8_t **bytes, struct vitro_err *err)
{
    int rc = 0;

    pthread_mutex_lock(&f->lock);
    if (f->bytes == NULL)
        rc = read_all(f, err);
    if (rc == 0) {
        f->users++;
        *bytes = f->bytes;
    }
    pthread_mutex_unlock(&f->lock);
    return rc;
}

void image_file_put(struct image_file *f)
{
    pthread_mutex_lock(&f->lock);
    assert(f->users > 0);
    if (--f->users == 0) {
        free(f->bytes);
        f->bytes = NULL;
    }
    pthread_mutex_unlock(&f->lock);
}

int image_file_read(const struct image_file *f, uint64_t off, void *buf, size_t len,
                    struct vitro_err *err)
{
    uint8_t piece[IMAGE_FILE_PIECE];
    size_t from = (size_t)(off % IMAGE_FILE_PIECE);
    int rc;

    assert(off <= f->len && len <= f->len - off && len <= IMAGE_FILE_PIECE - from);
    rc = read_piece(f, (size_t)(off / IMAGE_FILE_PIECE), piece, err);
    if (rc == 0)
        memcpy(buf, piece + from, len);
    return rc;
}
