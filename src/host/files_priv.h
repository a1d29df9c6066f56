/* SPDX-License-Identifier: MIT */
/* files_priv.h - what files.c (descriptors) and files_node.c (what they point to) share. */
#ifndef HOST_FILES_PRIV_H
#define HOST_FILES_PRIV_H

#include <sys/types.h>

#include "host/files.h"

enum {
    NODES = FILES_FDS + FILES_COPIES, /* so that a free descriptor always finds a free node */
    NAME_BYTES = 256,
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

/* A host descriptor of a path that does not leave the directory, or a negative errno. */
int files_beneath(int dir_fd, const char *path, int flags);

/* The node that a path names, made if need be; the caller counts itself in refs. 0 or a negative errno. */
int files_node_open(struct host_files *f, const char *path, unsigned flags, struct node **out);
int files_node_truncate(struct host_files *f, struct node *n);
/* Closes the file of a node that neither a descriptor nor a copy needs any more. */
void files_node_release(struct node *n);
/* Gives the node a private copy of its file, or an empty one. */
int files_node_copy(struct host_files *f, struct node *n, bool empty);
void files_copy_resized(struct host_files *f, struct node *n, uint64_t size);

static inline int files_node_fd(const struct node *n)
{
    return n->copy_fd >= 0 ? n->copy_fd : n->host_fd;
}

/* Bytes, or a negative errno but EINTR. */
int64_t files_pread(int fd, void *buf, size_t len, int64_t pos);
int64_t files_pwrite(int fd, const void *buf, size_t len, int64_t pos);

/* Where a file must end. Writing past the host's RLIMIT_FSIZE would raise a deadly signal. */
uint64_t files_end_max(bool copy);

#endif
