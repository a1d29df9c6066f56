/* SPDX-License-Identifier: MIT */
/*
 * image_file.h - a file that a guest is loaded from, in memory only while somebody needs it
 *
 * A kernel's file is wanted when its machine is made, and once more when the guest resets it. In between the file
 * stays open, and is read again: never mapped, since a file that becomes shorter would then kill the process. So a
 * file that is replaced or removed meanwhile is no other one here. One that is written, or cut, is: of each piece it
 * is known what it was, and whoever asks for another gets VITRO_ERR_IMAGE.
 */
#ifndef HOST_IMAGE_FILE_H
#define HOST_IMAGE_FILE_H

#include "host/file.h"

enum { IMAGE_FILE_PIECE = 65536 }; /* bytes that are read and compared at once */

struct image_file;

/*
 * image_file_open - read a regular file, by file_read()'s rules
 *
 * out    the caller's to close
 * bytes  borrowed until the first image_file_put(); NULL: not wanted yet
 */
WARN_UNUSED int image_file_open(const char *path, uint64_t max, struct image_file **out,
                                const uint8_t **bytes, struct vitro_err *err);
/* NULL is fine. */
void image_file_close(struct image_file *f);

size_t image_file_len(const struct image_file *f);

/*
 * image_file_get - its bytes, the same until image_file_put()
 *
 * bytes  borrowed until then
 *
 * Read again when nobody has them. VITRO_ERR_IMAGE: they are others now; -ENOMEM. Thread: any.
 */
WARN_UNUSED int image_file_get(struct image_file *f, const uint8_t **bytes, struct vitro_err *err);
void image_file_put(struct image_file *f);

/*
 * image_file_read - some of them, read again
 *
 * off, len  in the file, and all in one piece: what begins at a multiple of IMAGE_FILE_PIECE
 *
 * VITRO_ERR_IMAGE: the piece is not as it was. Thread: any.
 */
WARN_UNUSED int image_file_read(const struct image_file *f, uint64_t off, void *buf, size_t len,
                                struct vitro_err *err);

#endif
