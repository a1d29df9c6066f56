/* SPDX-License-Identifier: MIT */
/*
 * files.h - one directory of the host for a guest's files; used by vitro.c
 *
 * Implements struct files of core/backend.h. Only regular files are opened, and nothing leads out of
 * the directory: no `..`, absolute path or symbolic link, whatever is renamed meanwhile.
 *
 * Without copy-on-write a write changes the file. With it nothing in the directory ever changes: the
 * first write of a machine to a file gives that machine a private copy in memory, which all its
 * descriptors of the file see, old and new ones; a file it creates is private from the start. Private
 * copies go away with files_close.
 */
#ifndef HOST_FILES_H
#define HOST_FILES_H

#include <stdbool.h>

#include "base/bits.h"
#include "base/err.h"
#include "core/backend.h"

enum {
    FILES_FDS = 32,    /* open at once by one machine; one more is -EMFILE */
    FILES_COPIES = 32, /* private copies; one more is -ENOSPC */
};

#define FILES_COPY_MAX   (64 * MIB)  /* of one private copy; more is -EFBIG */
#define FILES_COPIES_MAX (256 * MIB) /* of all of them; more is -ENOSPC */

struct host_files;

/*
 * files_open - take a directory
 *
 * dir  borrowed for the call; the directory itself stays open until files_close
 *
 * VITRO_ERR_USAGE: it cannot be opened; VITRO_ERR_HOST: the kernel has no openat2 (Linux 5.6).
 */
WARN_UNUSED int files_open(const char *dir, bool cow, struct host_files **out,
                           struct vitro_err *err);

/* Closes what the guest left open. NULL is fine. */
void files_close(struct host_files *f);

/* The interface for a device; borrows f. Calls must not overlap: the machine lock sees to it. */
struct files files_iface(struct host_files *f);

#endif
