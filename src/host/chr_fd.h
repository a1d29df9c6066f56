/* SPDX-License-Identifier: MIT */
/* chr_fd.h - a console whose bytes go to a file descriptor; used by board/. */
#ifndef HOST_CHR_FD_H
#define HOST_CHR_FD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/backend.h"

/* Embedded; fields are the vCPU thread's under the machine lock, read by others while stopped. */
struct chr_fd {
    int fd;                    /* borrowed; -1: everything is discarded */
    uint64_t written, dropped; /* bytes */
    int error;                 /* errno of the first failure, 0 if none */
    bool open_line;            /* the last byte delivered was no newline */
    bool stalled; /* the reader gave no room for CHR_FD_PATIENCE_MS: no longer waited for */
};

enum { CHR_FD_PATIENCE_MS = 1000 };

/* Writing to a closed pipe raises SIGPIPE unless the process ignores it; the library's users must. */
void chr_fd_init(struct chr_fd *c, int fd);

/* The interface for a device; borrows c. */
struct chr chr_fd_chr(struct chr_fd *c);

#endif
