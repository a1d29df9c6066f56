/* SPDX-License-Identifier: MIT */
/* rpc.c - lines to calls and back. */
#include "rpc.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_priv.h"

/* ---- errors ---------------------------------------------------------------------------------- */

void call_fail(struct call *call, enum rpc_code code, const char *fmt, ...)
{
    va_list ap;

    if (call->code != 0)
        return;
    call->code = code;
    va_start(ap, fmt);
    vsnprintf(call->message, sizeof(call->message), fmt, ap);
    va_end(ap);
}

void call_fail_err(struct call *call, const struct vitro_err *err)
{
    enum rpc_code code = err->code == -EFAULT            ? RPC_MEMORY
                         : err->kind == VITRO_ERR_USAGE  ? RPC_PARAMS
                         : err->kind == VITRO_ERR_ENGINE ? RPC_CANNOT
                         : err->code == -EBUSY           ? RPC_LIMIT
                                                         : RPC_HOST;

    call_fail(call, code, "%s", err->text);
}

/* ---- parameters ------------------------------------------------------------------------------ */

static int param_index(const struct method *m, const char *name)
{
    for (int i = 0; i < RPC_PARAMS_MAX && m->param[i].type != PARAM_NONE; i++) {
        if (strcmp(m->param[i].name, name) == 0)
            return i;
    }
    return -1;
}

const struct value *call_value(const struct call *call, const char *name)
{
    int i = param_index(call->method, name);

    assert(i >= 0);
    return &call->value[i];
}

uint64_t call_number(const struct call *call, const char *name)
{
    return call_value(call, name)->number;
}

bool call_flag(const struct call *call, const char *name)
{
    return call_value(call, name)->flag;
}

bool rpc_parse_number(const char *word, uint64_t *out)
{
    bool hex = word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
    const char *digits = hex ? "0123456789abcdefABCDEF" : "0123456789";
    const char *from = hex ? word + 2 : word;
    char *end;

    if (*from == '\0' || from[strspn(from, digits)] != '\0')
        return false;
    errno = 0;
    *out = strtoull(from, &end, hex ? 16 : 10);
    return errno == 0;
}

/* True when the JSON is a number as the row wants it. */
static bool take_number(json_t *json, uint64_t *out)
{
    if (json_is_integer(json) && json_integer_value(json) >= 0) {
        *out = (uint64_t)json_integer_value(json);
        return true;
    }
    return json_is_string(json) && rpc_parse_number(json_string_value(json), out);
}

static bool in_words(const char *words, const char *word)
{
    size_t len = strlen(word);

    for (const char *p = words; p != NULL; p = strchr(p, '|') != NULL ? strchr(p, '|') + 1 : NULL) {
        if (strcspn(p, "|") == len && strncmp(p, word, len) == 0)
            return true;
    }
    return false;
}

static const char *take_text(const struct param *p, json_t *json, struct value *v)
{
    if (!json_is_string(json))
        return "a string is wanted";
    v->text = json_string_value(json);
    v->len = json_string_length(json);
    if (p->words != NULL && !in_words(p->words, v->text))
        return p->words;
    if (p->max != 0 && v->len > p->max)
        return "too long";
    return NULL;
}

/* NULL, or what is wrong with the value. */
static const char *take_value(const struct param *p, json_t *json, struct value *v)
{
    v->given = true;
    switch (p->type) {
    case PARAM_ADDRESS:
        if (json_is_string(json) && json_string_length(json) > 0 && json_string_length(json) < 256)
            v->text = json_string_value(json);
        else if (!take_number(json, &v->number))
            return "an address is wanted: a number, a register or a symbol, as a string";
        return NULL;
    case PARAM_NUMBER:
        if (!take_number(json, &v->number))
            return "a whole number is wanted";
        return v->number < p->min || v->number > p->max ? "out of range" : NULL;
    case PARAM_BOOL:
        v->flag = json_is_true(json);
        return json_is_boolean(json) ? NULL : "true or false is wanted";
    case PARAM_TEXT:
        return take_text(p, json, v);
    case PARAM_OBJECT:
        v->object = json;
        return json_is_object(json) ? NULL : "an object is wanted";
    case PARAM_NONE:
        break;
    }
    return "unknown";
}

static void set_defaults(struct call *call)
{
    for (int i = 0; i < RPC_PARAMS_MAX && call->method->param[i].type != PARAM_NONE; i++) {
        const struct param *p = &call->method->param[i];

        call->value[i] = (struct value){ .number = p->def, .flag = p->def != 0, .text = p->text };
        call->value[i].len = p->text != NULL ? strlen(p->text) : 0;
    }
}

static void take_params(struct call *call, json_t *params)
{
    const struct method *m = call->method;
    const char *key;
    json_t *json;

    set_defaults(call);
    if (params != NULL && !json_is_object(params))
        call_fail(call, RPC_PARAMS, "%s: params must be an object", m->name);
    json_object_foreach(params, key, json)
    {
        int i = param_index(m, key);
        const char *wrong =
            i < 0 ? "no such parameter" : take_value(&m->param[i], json, &call->value[i]);

        if (wrong != NULL)
            call_fail(call, RPC_PARAMS, "%s: %.40s: %s", m->name, key, wrong);
    }
    for (int i = 0; i < RPC_PARAMS_MAX && m->param[i].type != PARAM_NONE; i++) {
        if (m->param[i].required && !call->value[i].given)
            call_fail(call, RPC_PARAMS, "%s: %s is missing", m->name, m->param[i].name);
    }
}

/* ---- addresses by name ----------------------------------------------------------------------- */

static const char *const gpr_names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                           "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };

const char *rpc_gpr_name(unsigned i)
{
    return gpr_names[i];
}

static bool register_value(struct call *call, unsigned cpu, const char *word, uint64_t *out)
{
    struct vitro_err err = { 0 };
    struct vitro_regs regs;
    bool rip = strcmp(word, "rip") == 0;
    unsigned i = 0;

    while (!rip && i < 16 && strcmp(word, gpr_names[i]) != 0)
        i++;
    if (i == 16)
        return false;
    if (vitro_regs(call->ctl->m, cpu, &regs, &err) < 0) {
        call_fail_err(call, &err);
        return true;
    }
    *out = rip ? regs.rip : regs.gpr[i];
    return true;
}

static bool symbol_value(const struct call *call, const char *word, uint64_t *out)
{
    const char *plus = strchr(word, '+');
    uint64_t offset = 0;
    char name[256];

    snprintf(name, sizeof(name), "%.*s", plus != NULL ? (int)(plus - word) : 255, word);
    if (plus != NULL && !rpc_parse_number(plus + 1, &offset))
        return false;
    if (!vitro_symbol_addr(call->ctl->m, name, out))
        return false;
    *out += offset;
    return true;
}

bool call_address(struct call *call, const char *name, unsigned cpu, uint64_t *out)
{
    const struct value *v = call_value(call, name);

    if (v->text == NULL)
        *out = v->number;
    else if (!rpc_parse_number(v->text, out) && !register_value(call, cpu, v->text, out) &&
             !symbol_value(call, v->text, out))
        call_fail(call, RPC_PARAMS,
                  "%s: %s %.80s: neither a number, a register nor a symbol of this guest",
                  call->method->name, name, v->text);
    return call->code == 0;
}

/* ---- requests and answers -------------------------------------------------------------------- */

static const struct method *find_method(const char *name)
{
    for (const struct method *m = rpc_methods; m->name != NULL; m++) {
        if (strcmp(m->name, name) == 0)
            return m;
    }
    return NULL;
}

/* What a request must have to be one; NULL when it has it. *id is borrowed, NULL for a notification. */
static const char *check_request(json_t *doc, json_t **id)
{
    static const char *const keys[] = { "jsonrpc", "id", "method", "params" };
    const char *key, *version;
    json_t *json;

    if (!json_is_object(doc))
        return "a request is an object; batches are not taken";
    *id = json_object_get(doc, "id");
    if (*id != NULL && !json_is_string(*id) && !json_is_integer(*id) && !json_is_null(*id)) {
        *id = json_null();
        return "id must be a string, a whole number or null";
    }
    version = json_string_value(json_object_get(doc, "jsonrpc"));
    if (version == NULL || strcmp(version, "2.0") != 0)
        return "\"jsonrpc\": \"2.0\" is missing";
    if (!json_is_string(json_object_get(doc, "method")))
        return "method must be a string";
    json_object_foreach(doc, key, json)
    {
        size_t i = 0;

        while (i < sizeof(keys) / sizeof(keys[0]) && strcmp(keys[i], key) != 0)
            i++;
        if (i == sizeof(keys) / sizeof(keys[0]))
            return "a request has jsonrpc, id, method and params, and nothing else";
    }
    return NULL;
}

static void carry_out(struct call *call)
{
    struct vitro *m = call->ctl->m;

    if (call->method->access == ACCESS_HOLDS)
        vitro_hold(m);
    else if (call->method->access == ACCESS_LOOKS)
        vitro_look(m);
    call->method->fn(call);
    if (call->method->access == ACCESS_HOLDS)
        vitro_release(m);
    else if (call->method->access == ACCESS_LOOKS)
        vitro_look_away(m);
}

static void call_request(struct call *call, json_t *doc)
{
    const char *name = json_string_value(json_object_get(doc, "method"));

    call->method = find_method(name);
    if (call->method == NULL) {
        call_fail(call, RPC_NO_METHOD, "%.80s: no such method; see docs/control.md", name);
        return;
    }
    take_params(call, json_object_get(doc, "params"));
    if (call->code == 0)
        carry_out(call);
}

/* A line of the parts, in order; NULL: out of memory. */
static char *join(const char *const *part, size_t n, size_t *len)
{
    size_t sum = 0, at = 0;
    char *out;

    for (size_t i = 0; i < n; i++)
        sum += strlen(part[i]);
    out = malloc(sum + 1);
    for (size_t i = 0; out != NULL && i < n; i++) {
        size_t part_len = strlen(part[i]);

        memcpy(out + at, part[i], part_len);
        at += part_len;
    }
    if (out != NULL)
        out[at] = '\0';
    *len = at;
    return out;
}

enum { DUMP = JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY };

/* Guest bytes may be in a message: they become what JSON allows. */
static char *error_text(const struct call *call)
{
    json_t *message = rpc_latin1(call->message, strlen(call->message));
    json_t *error = json_pack("{s:i, s:o}", "code", call->code, "message", message);
    char *text = error != NULL ? json_dumps(error, DUMP) : NULL;

    json_decref(error);
    return text;
}

static char *result_text(struct call *call)
{
    char *raw = call->raw;

    call->raw = NULL;
    if (raw != NULL)
        return raw;
    return call->result != NULL ? json_dumps(call->result, DUMP) : strdup("{}");
}

static char *answer(struct call *call, json_t *id, size_t *len)
{
    char *id_text = json_dumps(id != NULL ? id : json_null(), DUMP);
    char *text = call->code != 0 ? error_text(call) : result_text(call);
    const char *const part[] = {
        "{\"jsonrpc\": \"2.0\", \"id\": ", id_text != NULL ? id_text : "null",
        call->code != 0 ? ", \"error\": " : ", \"result\": ", text != NULL ? text : "null", "}\n"
    };
    char *out = text != NULL ? join(part, sizeof(part) / sizeof(part[0]), len) : NULL;

    free(id_text);
    free(text);
    return out;
}

char *rpc_answer(struct ctl *ctl, struct conn *conn, const char *line, size_t len, size_t *out_len)
{
    struct call call = { .ctl = ctl, .conn = conn };
    json_t *id = NULL, *doc = NULL;
    json_error_t why;
    const char *wrong;
    bool silent = false;
    char *out = NULL;

    if (len <= RPC_LINE_MAX)
        doc = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (len > RPC_LINE_MAX)
        call_fail(&call, RPC_NO_REQUEST, "a request has at most %d bytes", RPC_LINE_MAX);
    else if (doc == NULL)
        call_fail(&call, RPC_NOT_JSON, "not JSON: %s", why.text);
    else if ((wrong = check_request(doc, &id)) != NULL)
        call_fail(&call, RPC_NO_REQUEST, "%s", wrong);
    else {
        silent = id == NULL;
        call_request(&call, doc);
    }
    if (!silent)
        out = answer(&call, id, out_len);
    json_decref(call.result);
    free(call.raw);
    json_decref(doc);
    return out;
}

char *rpc_notification(const char *method, json_t *params, size_t *len)
{
    char *text = params != NULL ? json_dumps(params, DUMP) : NULL;
    const char *const part[] = { "{\"jsonrpc\": \"2.0\", \"method\": \"", method,
                                 "\", \"params\": ", text != NULL ? text : "", "}\n" };
    char *out = text != NULL ? join(part, sizeof(part) / sizeof(part[0]), len) : NULL;

    free(text);
    json_decref(params);
    return out;
}

/* ---- parts of answers ------------------------------------------------------------------------ */

json_t *rpc_hex(uint64_t v)
{
    return json_sprintf("0x%" PRIx64, v);
}

json_t *rpc_latin1(const void *bytes, size_t len)
{
    const unsigned char *from = bytes;
    char *utf8 = malloc(2 * len + 1);
    json_t *out;
    size_t n = 0;

    if (utf8 == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        if (from[i] >= 0x80)
            utf8[n++] = (char)(0xc0 | from[i] >> 6);
        utf8[n++] = (char)(from[i] >= 0x80 ? 0x80 | (from[i] & 0x3f) : from[i]);
    }
    out = json_stringn(utf8, n);
    free(utf8);
    return out;
}

/* Newlines of a JSON text are between its parts only. */
void rpc_one_line(char *json)
{
    char *start = json, *to = json;

    while (*json != '\0') {
        if (*json == '\n') {
            json += strspn(json, "\n ");
            *to++ = ' ';
        } else {
            *to++ = *json++;
        }
    }
    while (to > start && to[-1] == ' ')
        to--;
    *to = '\0';
}
