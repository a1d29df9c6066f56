/* SPDX-License-Identifier: MIT */
/*
 * place.h - where control sockets are: the folder, the names, who has one
 *
 * The folder is $XDG_RUNTIME_DIR/vitro, else /run/user/UID/vitro, else /tmp/vitro-UID. It is used only if it is a
 * folder of this user's that nobody else can enter. Paths go through the folder's descriptor, so that they
 * are never too long for a socket's address and no link on the way is followed twice.
 */
#ifndef CTL_PLACE_H
#define CTL_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <vitro/err.h>

enum { PLACE_NAME_MAX = 63, PLACE_PATH_MAX = 4096 };

/* A socket that listens. */
struct place {
    int folder, fd; /* -1: closed */
    ino_t inode;    /* of the socket's name, so that only ours is removed */
    char name[PLACE_NAME_MAX + 1];
    char path[PLACE_PATH_MAX]; /* for people */
};

/* 1 to 63 letters, digits, '.', '_' and '-', the first a letter or a digit. */
bool place_name_valid(const char *name);

/* The nearest valid name: other characters become '_'. */
void place_name_from(const char *text, char out[PLACE_NAME_MAX + 1]);

/*
 * place_claim - make the socket of a machine and listen at it
 *
 * name   valid; exact: this name or -EEXIST, else with "-2", "-3" ... behind it when it is taken
 *
 * What a process that has ended left behind is removed. VITRO_ERR_USAGE when the name is taken, else VITRO_ERR_HOST.
 */
int place_claim(const char *name, bool exact, struct place *out, struct vitro_err *err);

/* Closes and removes it. */
void place_release(struct place *p);

/*
 * place_connect - a connection to a running machine
 *
 * Returns a descriptor that the caller closes; -ENOENT: no such machine runs; -EAGAIN: it has no room for another
 * connection; others as the host says.
 */
int place_connect(const char *name, struct vitro_err *err);

/* Names of all sockets, sorted; the caller frees each and the list. *n is 0 without a folder. */
int place_list(char ***names, size_t *n, struct vitro_err *err);

/* Removes a socket that nobody listens at. */
void place_sweep(const char *name);

#endif
