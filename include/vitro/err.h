/* SPDX-License-Identifier: MIT */
/*
 * err.h - the error record of the Vitro library
 *
 * Every public function that can fail returns 0 or a negative errno and, when given a record, fills it
 * with one line that says what was being done to what, and what to try where that is known.
 * The first cause wins: a record that holds an error is not overwritten.
 */
#ifndef VITRO_ERR_H
#define VITRO_ERR_H

/* What the failure was about; decides the exit code of the command line (docs/exit-codes.md). */
enum vitro_err_class {
    VITRO_ERR_HOST = 0, /* the host refused: memory, file, ioctl */
    VITRO_ERR_USAGE,    /* a configuration value that cannot be used */
    VITRO_ERR_IMAGE,    /* the guest image is unreadable or malformed */
    VITRO_ERR_ENGINE,   /* no engine here can run this guest */
};

/* Zero-initialise before use. Owned by the caller; not thread-safe. */
struct vitro_err {
    int code; /* negative errno, 0 when unset */
    enum vitro_err_class kind;
    char text[320]; /* one line, no newline, NUL-terminated */
};

#endif
