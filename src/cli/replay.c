/* SPDX-License-Identifier: MIT */
/*
 * replay.c - vitro trace FILE: a trace recorded as JSON lines, told again in another format
 *
 * Each line is an object as `--to jsonl` writes it. Events are made of them and given to the writer that a live
 * run uses, so that both say the same. The file may come from anywhere: what is no event of ours is refused with
 * its line's number.
 */
#include "replay.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1 << 16, INSN_BYTES = 15, REGS_MAX = 64, REG_BYTES = 32, GPRS = 16 };

/* What an event points to, for one call. */
struct event_parts {
    struct vitro_insn insn;
    uint8_t bytes[INSN_BYTES];
    struct vitro_reg_change reg[REGS_MAX];
    uint64_t gpr[GPRS];
};

bool replay_is(const char *path)
{
    static const char start[] = "{\"seq\":";
    char head[sizeof(start)] = "";
    FILE *f = fopen(path, "rbe");
    bool is = f != NULL && fread(head, 1, sizeof(start) - 1, f) == sizeof(start) - 1 &&
              strcmp(head, start) == 0;

    if (f != NULL)
        fclose(f);
    return is;
}

/* ---- members: false where one has another type than it should --------------------------------- */

static bool number(const json_t *o, const char *key, uint64_t *out)
{
    const json_t *v = json_object_get(o, key);

    *out = json_is_integer(v) ? (uint64_t)json_integer_value(v) : 0;
    return v == NULL || json_is_integer(v);
}

/* "0x1f" */
static bool hex(const json_t *o, const char *key, uint64_t *out)
{
    const char *text = json_string_value(json_object_get(o, key));
    char *end = NULL;

    *out = 0;
    if (json_object_get(o, key) == NULL)
        return true;
    if (text == NULL || strncmp(text, "0x", 2) != 0)
        return false;
    errno = 0;
    *out = strtoull(text + 2, &end, 16);
    return errno == 0 && end != text + 2 && *end == '\0';
}

/* NULL for null and for what is not there. */
static const char *string(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

/* Pairs of hex digits in the order of the text, at most max bytes. */
static bool hex_bytes(const char *text, uint8_t *out, unsigned max, unsigned *n)
{
    size_t len = text != NULL ? strlen(text) : 0;

    if (len % 2 != 0 || len / 2 > max)
        return false;
    for (size_t i = 0; i < len; i += 2) {
        const char pair[3] = { text[i], text[i + 1], '\0' };

        if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]))
            return false;
        out[i / 2] = (uint8_t)strtoul(pair, NULL, 16);
    }
    *n = (unsigned)(len / 2);
    return true;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* All of them or none. */
static bool gpr_of(const json_t *regs, struct vitro_event *ev, struct event_parts *parts)
{
    static const char *const names[GPRS] = {
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
        "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"
    };

    if (regs == NULL)
        return true;
    for (int i = 0; i < GPRS; i++) {
        if (string(regs, names[i]) == NULL || !hex(regs, names[i], &parts->gpr[i]))
            return false;
    }
    ev->gpr = parts->gpr;
    return json_object_size(regs) == GPRS;
}

static bool exit_of(const json_t *o, struct vitro_event *ev, struct event_parts *parts)
{
    const char *direction = string(o, "direction");
    uint64_t width;

    ev->reason = string(o, "reason");
    ev->device = string(o, "device");
    ev->is_access = direction != NULL;
    ev->write = ev->is_access && (strcmp(direction, "out") == 0 || strcmp(direction, "write") == 0);
    if (ev->reason == NULL || !hex(o, "rip", &ev->rip) || !hex(o, "address", &ev->addr) ||
        !hex(o, "data", &ev->data) || !number(o, "width", &width) || width > 8)
        return false;
    ev->width = (unsigned)width;
    return number(o, "guest_ns", &ev->guest_ns) && number(o, "monitor_ns", &ev->monitor_ns) &&
           gpr_of(json_object_get(o, "regs"), ev, parts);
}

static bool call_of(const json_t *o, struct vitro_event *ev)
{
    ev->call = string(o, "call");
    ev->object = string(o, "object");
    ev->meaning = string(o, "meaning");
    ev->result = json_integer_value(json_object_get(o, "result"));
    return ev->call != NULL && number(o, "ns", &ev->guest_ns);
}

/* The value's text may have an odd number of digits. */
static bool reg_of(const char *name, const json_t *value, struct vitro_reg_change *out)
{
    const char *text = json_string_value(value);
    char even[2 * REG_BYTES + 2];
    uint8_t big[REG_BYTES];
    unsigned n;

    if (text == NULL || strncmp(text, "0x", 2) != 0 || strlen(text) > 2 + 2 * REG_BYTES)
        return false;
    snprintf(even, sizeof(even), "%s%s", strlen(text) % 2 != 0 ? "0" : "", text + 2);
    if (!hex_bytes(even, big, REG_BYTES, &n) || n == 0)
        return false;
    *out = (struct vitro_reg_change){ .name = name, .bytes = n };
    for (unsigned i = 0; i < n; i++)
        out->value[i] = big[n - 1 - i];
    return true;
}

static bool insn_of(const json_t *o, struct vitro_event *ev, struct event_parts *parts)
{
    struct vitro_insn *in = &parts->insn;
    json_t *regs = json_object_get(o, "registers");

    *in = (struct vitro_insn){ .bytes = parts->bytes, .reg = parts->reg };
    in->text = string(o, "text") != NULL ? string(o, "text") : "";
    in->symbol = string(o, "symbol") != NULL ? string(o, "symbol") : "";
    in->raised = string(o, "raised");
    ev->insn = in;
    if (!number(o, "count", &in->count) || !hex(o, "rip", &in->rip) ||
        !hex(o, "linear", &in->linear) ||
        !hex_bytes(string(o, "hex"), parts->bytes, INSN_BYTES, &in->len))
        return false;
    for (void *at = json_object_iter(regs); at != NULL; at = json_object_iter_next(regs, at)) {
        if (in->nregs == REGS_MAX ||
            !reg_of(json_object_iter_key(at), json_object_iter_value(at), &parts->reg[in->nregs++]))
            return false;
    }
    return true;
}

static bool kind_of(const json_t *o, enum vitro_event_kind *out)
{
    static const char *const words[] = {
        [VITRO_EVENT_EXIT] = "exit", [VITRO_EVENT_HOSTCALL] = "call", [VITRO_EVENT_START] = "start",
        [VITRO_EVENT_STOP] = "stop", [VITRO_EVENT_HASH] = "hash",     [VITRO_EVENT_INSN] = "insn",
    };
    const char *word = string(o, "event");

    for (unsigned i = 0; word != NULL && i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i] != NULL && strcmp(word, words[i]) == 0) {
            *out = (enum vitro_event_kind)i;
            return true;
        }
    }
    return false;
}

static bool event_of(const json_t *o, struct vitro_event *ev, struct event_parts *parts)
{
    uint64_t cpu;

    *ev = (struct vitro_event){ 0 };
    if (!kind_of(o, &ev->kind) || !number(o, "seq", &ev->seq) || !number(o, "t_ns", &ev->t_ns) ||
        !number(o, "cpu", &cpu) || cpu > UINT8_MAX)
        return false;
    ev->cpu = (unsigned)cpu;
    switch (ev->kind) {
    case VITRO_EVENT_EXIT:
        return exit_of(o, ev, parts);
    case VITRO_EVENT_HOSTCALL:
        return call_of(o, ev);
    case VITRO_EVENT_INSN:
        return insn_of(o, ev, parts);
    case VITRO_EVENT_HASH:
        return number(o, "insns", &ev->insns) && hex(o, "hash", &ev->hash);
    case VITRO_EVENT_STOP:
        ev->text = string(o, "text");
        return ev->text != NULL;
    default:
        return true;
    }
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* One line; false when it is no event and no note of dropped ones, which are counted. */
static bool tell(struct recorder *rec, const char *line, uint64_t *dropped)
{
    json_t *o = json_loads(line, 0, NULL);
    const char *word = string(o, "event");
    struct event_parts parts;
    struct vitro_event ev;
    uint64_t count = 0;
    bool ok;

    if (word != NULL && strcmp(word, "dropped") == 0) {
        ok = number(o, "count", &count);
        *dropped += count;
    } else {
        ok = o != NULL && event_of(o, &ev, &parts);
        if (ok)
            recorder_event(rec, &ev);
    }
    json_decref(o);
    return ok;
}

static bool is_blank(const char *line)
{
    return line[strspn(line, " \t\r\n")] == '\0';
}

int replay_file(const char *path, struct recorder *rec)
{
    char *line = malloc(LINE_MAX_BYTES);
    FILE *f = fopen(path, "rbe");
    uint64_t dropped = 0;
    unsigned long n = 0;
    int code = EXIT_OK;

    if (line == NULL || f == NULL)
        code = fail_image("reading trace %s: %s", path, strerror(errno));
    while (code == EXIT_OK && fgets(line, LINE_MAX_BYTES, f) != NULL) {
        n++;
        if (!is_blank(line) && !tell(rec, line, &dropped))
            code = fail_image("reading trace %s: line %lu is no event that 'vitro trace -j' writes",
                              path, n);
    }
    if (code == EXIT_OK && ferror(f))
        code = fail_image("reading trace %s: %s", path, strerror(errno));
    if (code == EXIT_OK && dropped > 0)
        fprintf(stderr, "vitro: trace %s: %" PRIu64 " events were lost when it was recorded\n",
                path, dropped);
    if (f != NULL)
        fclose(f);
    free(line);
    return code;
}
