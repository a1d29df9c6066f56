/* SPDX-License-Identifier: MIT */
/*
 * rpc.h - one request: from a line to a method, and to the line that answers it
 *
 * Methods are rows with their parameters; a request's parameters are checked against the row before the
 * method is called, so that a method sees only what it has asked for. JSON-RPC 2.0, batches left out.
 */
#ifndef CTL_RPC_H
#define CTL_RPC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <vitro/inspect.h>
#include <vitro/vitro.h>

/* JSON-RPC's own, and ours. docs/control.md. */
enum rpc_code {
    RPC_NOT_JSON = -32700,
    RPC_NO_REQUEST = -32600,
    RPC_NO_METHOD = -32601,
    RPC_PARAMS = -32602,
    RPC_HOST = -32000,
    RPC_STATE = -32001,
    RPC_CANNOT = -32002,
    RPC_LIMIT = -32003,
    RPC_MEMORY = -32004,
};

enum { RPC_LINE_MAX = 51200, RPC_PARAMS_MAX = 8 };

enum param_type {
    PARAM_NONE,    /* ends a row */
    PARAM_ADDRESS, /* number, or a string that is a number, a register or a symbol */
    PARAM_NUMBER,  /* whole, 0 or more; or a string that is one */
    PARAM_BOOL,
    PARAM_TEXT,
    PARAM_OBJECT,
};

struct param {
    const char *name;
    enum param_type type;
    bool required;
    uint64_t def, min, max; /* NUMBER; TEXT: bytes */
    const char *text;  /* default of ADDRESS and TEXT; words of TEXT: "json|text" are in `words` */
    const char *words; /* TEXT: one of these, separated by '|'; NULL: any */
};

struct value {
    bool given;
    bool flag;
    uint64_t number;  /* also of an ADDRESS that is one */
    const char *text; /* NULL: not a string; borrowed from the request */
    size_t len;
    json_t *object; /* borrowed */
};

struct ctl;
struct conn;
struct call;

/* To the machine, around a method's call. */
enum access { ACCESS_NONE, ACCESS_LOOKS, ACCESS_HOLDS };

struct method {
    const char *name;
    void (*fn)(struct call *call);
    enum access access;
    struct param param[RPC_PARAMS_MAX];
};

/* A method's view of its request. It leaves a result, raw JSON, or an error; nothing means an empty object. */
struct call {
    struct ctl *ctl;
    struct conn *conn;
    const struct method *method;
    struct value value[RPC_PARAMS_MAX];
    bool one_moment; /* a view of a place that is itself looked up: m_views.c */
    json_t *result;  /* owned */
    char *raw;       /* owned: JSON on one line */
    int code;        /* enum rpc_code; 0: none */
    char message[320];
};

/* NULL-terminated by name; methods.c. */
extern const struct method rpc_methods[];

/* Fills in the error; the first one stays. */
void call_fail(struct call *call, enum rpc_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same from the library's record. */
void call_fail_err(struct call *call, const struct vitro_err *err);

/* The value of a parameter of the method's row; its name must be there. */
const struct value *call_value(const struct call *call, const char *name);
uint64_t call_number(const struct call *call, const char *name);
bool call_flag(const struct call *call, const char *name);
/* An address, looked up where it is a word; false when that failed. While the machine is held. */
bool call_address(struct call *call, const char *name, unsigned cpu, uint64_t *out);

/*
 * rpc_answer - carry out one line
 *
 * Returns the answer with its newline, allocated, or NULL when there is none (a notification, or memory ran out).
 */
char *rpc_answer(struct ctl *ctl, struct conn *conn, const char *line, size_t len, size_t *out_len);

/* "0x1f" */
json_t *rpc_hex(uint64_t v);
/* Bytes as code points. */
json_t *rpc_latin1(const void *bytes, size_t len);
/* A whole word as a number: decimal, 0x. */
bool rpc_parse_number(const char *word, uint64_t *out);
/* Brings JSON text to one line, in place. */
void rpc_one_line(char *json);

/* A notification's line, allocated; steals params. NULL: out of memory. */
char *rpc_notification(const char *method, json_t *params, size_t *len);

#endif
