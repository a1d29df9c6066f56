/* SPDX-License-Identifier: MIT */
/* file.h - reading a whole regular file; used by the library's face, and by image_file.h for images. */
#ifndef HOST_FILE_H
#define HOST_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * file_read - the bytes of a regular file
 *
 * max  more bytes than this are refused
 *
 * Never blocks: FIFOs, sockets, devices and directories are refused by name. Fails with VITRO_ERR_IMAGE.
 * The caller frees *out. An empty file gives *len 0 and a buffer to free all the same.
 */
WARN_UNUSED int file_read(const char *path, uint64_t max, uint8_t **out, size_t *len,
                          struct vitro_err *err);

/* The same, and the file stays open: the caller closes *fd. It is -1 after a failure. */
WARN_UNUSED int file_open(const char *path, uint64_t max, int *fd, uint8_t **out, size_t *len,
                          struct vitro_err *err);

#endif
