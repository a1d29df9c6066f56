/* SPDX-License-Identifier: MIT */
/*
 * files_rig.h - two machines' files on one directory of the host, for the tests of host/files
 *
 * files_rig.c stands in front of pread, pwrite and syscall of the C library: they fail, or change the
 * world, when told to.
 */
#ifndef TESTS_FILES_RIG_H
#define TESTS_FILES_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "host/files.h"

extern unsigned interrupts; /* so many of those calls fail with EINTR first */
extern int write_error;     /* errno that pwrite fails with; 0: none */
extern int open_error;      /* errno that openat2 fails with; 0: none */
extern struct swap {
    unsigned after;        /* this many openat2 from now ... */
    const char *from, *to; /* ... this is renamed to that */
} swap;

enum { RW = FILE_READ | FILE_WRITE };

struct fixture {
    char top[32]; /* of everything; the guest's directory is `in` below it */
    char in[48];
    struct host_files *h[2];
    struct files f[2]; /* two machines on one directory */
    int fds;           /* open in this process before files_open */
};

int setup(void **state);
int teardown(void **state);
/* Opens the directory anew for both machines. */
void start(struct fixture *t, bool cow);

/* Descriptors of this process. */
int open_fds(void);

/* A file of the host, and what it has in the guest's directory; "" when there is no such file. */
void put_file(const char *dir, const char *name, const char *text);
void host_file_is(struct fixture *t, const char *name, const char *text);

/* The operations of machine `who`, 0 or 1. */
int f_open(struct fixture *t, int who, const char *path, unsigned flags);
int64_t f_read(struct fixture *t, int who, int fd, void *buf, uint32_t len);
int64_t f_write(struct fixture *t, int who, int fd, const char *text);
int64_t f_seek(struct fixture *t, int who, int fd, int64_t off, int whence);
int f_close(struct fixture *t, int who, int fd);

/* The whole file, as a machine sees it through a new descriptor. */
void sees(struct fixture *t, int who, const char *path, const char *text);
void writes(struct fixture *t, int who, const char *path, unsigned flags, const char *text);

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
