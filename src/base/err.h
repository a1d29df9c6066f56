/* SPDX-License-Identifier: MIT */
/*
 * err.h - filling the public error record; used by everything that can fail on the host's side
 *
 * Guest misbehaviour never comes through here: devices have error states, the bus has counters.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <vitro/err.h>

#define WARN_UNUSED __attribute__((warn_unused_result))

/*
 * err_set - record a host failure and hand its code back
 *
 * err   record to fill, or NULL; one that already holds an error is left alone
 * code  negative errno
 *
 * Returns code, so that callers can write: return err_set(err, -EINVAL, "...").
 */
int err_set(struct vitro_err *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set, with a class other than VITRO_ERR_HOST. */
int err_class(struct vitro_err *err, enum vitro_err_class kind, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
