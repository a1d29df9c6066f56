/* SPDX-License-Identifier: MIT */
/* err.c - first cause wins, and every line fits its record. */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

__attribute__((format(printf, 4, 0))) static int err_vset(struct vitro_err *err,
                                                          enum vitro_err_class kind, int code,
                                                          const char *fmt, va_list ap)
{
    assert(code < 0);
    if (err != NULL && err->code == 0) {
        err->code = code;
        err->kind = kind;
        vsnprintf(err->text, sizeof(err->text), fmt, ap);
    }
    return code;
}

int err_set(struct vitro_err *err, int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    code = err_vset(err, VITRO_ERR_HOST, code, fmt, ap);
    va_end(ap);
    return code;
}

int err_class(struct vitro_err *err, enum vitro_err_class kind, int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    code = err_vset(err, kind, code, fmt, ap);
    va_end(ap);
    return code;
}
