/* SPDX-License-Identifier: MIT */
/*
 * monitor.c - qRcmd: the words of gdb's "monitor" command
 *
 * The words that users of other machines know, and the views. Output is text for people; it goes as O packets before
 * the final OK, so that its length has no bound of a packet's.
 */
#include "gdb/session_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 256 };

typedef void word_fn(struct session *s, char *args, struct text *out);
static word_fn help, info_mem, info_tlb, info_registers, gva2gpa, gpa2hva, examine, exits, walk,
    reset, quit;

static const struct word_row {
    const char *name, *args, *what;
    bool takes; /* arguments are needed */
    word_fn *run;
} words[] = {
    { "help", "", "this list", false, help },
    { "info mem", "", "what is mapped, as ranges with their access", false, info_mem },
    { "info tlb", "", "the page tables as a tree, equal entries merged", false, info_tlb },
    { "info registers", "", "all registers, bit by bit", false, info_registers },
    { "gva2gpa", " ADDR", "the guest-physical address of a guest-virtual one", true, gva2gpa },
    { "gpa2hva", " ADDR", "where a guest-physical address lies in the host", true, gpa2hva },
    { "xp", " [/COUNT FORMAT SIZE] ADDR", "guest-physical memory; formats x d u o c, sizes b h w g",
      true, examine },
    { "walk", " ADDR", "the translation of an address, table by table", true, walk },
    { "exits", "", "why the CPUs left the guest so far", false, exits },
    { "reset", "", "press the reset button", false, reset },
    { "quit", "", "end the run", false, quit },
};

static void help(struct session *s, char *args, struct text *out)
{
    (void)s;
    (void)args;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        char left[64];

        snprintf(left, sizeof(left), "%s%s", words[i].name, words[i].args);
        text_add(out, "%-32s %s\n", left, words[i].what);
    }
}

/* A view's text, or why there is none. Takes params over. */
static void view(struct session *s, const char *method, json_t *params, struct text *out)
{
    char why[WHY_MAX] = "";
    json_t *got;
    const char *text;

    json_object_set_new(params, "format", json_string("text"));
    got = session_call(s, method, params, why);
    text = json_string_value(json_object_get(got, "text"));
    if (text != NULL)
        text_add(out, "%s", text);
    else
        text_add(out, "%s\n", why);
    json_decref(got);
}

static json_t *of_cpu(const struct session *s)
{
    return json_pack("{s:i}", "cpu", (int)s->cpu);
}

static void info_tlb(struct session *s, char *args, struct text *out)
{
    (void)args;
    view(s, "tables", of_cpu(s), out);
}

static void info_registers(struct session *s, char *args, struct text *out)
{
    json_t *params = of_cpu(s);

    (void)args;
    json_object_set_new(params, "all", json_true());
    view(s, "regs", params, out);
}

static void exits(struct session *s, char *args, struct text *out)
{
    (void)args;
    view(s, "exits", json_object(), out);
}

/* A register may have the $ that it has in gdb. */
static json_t *address(const char *word)
{
    return json_string(*word == '$' ? word + 1 : word);
}

static void walk(struct session *s, char *args, struct text *out)
{
    json_t *params = of_cpu(s);

    json_object_set_new(params, "addr", address(args));
    view(s, "walk", params, out);
}

/* One run of pages: first and last address, length, access in three letters. */
static void add_run(const json_t *row, struct text *out)
{
    json_int_t len = json_integer_value(json_object_get(row, "bytes"));
    uint64_t gva;

    if (!gdb_json_hex_value(json_object_get(row, "gva"), &gva))
        return;
    text_add(out, "%016" PRIx64 "-%016" PRIx64 " %016" PRIx64 " %cr%c%c\n", gva,
             gva + (uint64_t)len, (uint64_t)len,
             json_is_true(json_object_get(row, "user")) ? 'u' : '-',
             json_is_true(json_object_get(row, "writable")) ? 'w' : '-',
             json_is_true(json_object_get(row, "executable")) ? 'x' : '-');
}

static void info_mem(struct session *s, char *args, struct text *out)
{
    char why[WHY_MAX] = "";
    json_t *got = session_call(s, "tables", of_cpu(s), why);
    const json_t *list = json_object_get(got, "rows"), *row;
    const char *paging = json_string_value(json_object_get(got, "paging"));
    size_t i;

    (void)args;
    if (got == NULL)
        text_add(out, "%s\n", why);
    else if (paging != NULL && strcmp(paging, "none") == 0)
        text_add(out, "paging is off\n");
    json_array_foreach(list, i, row)
    {
        const char *kind = json_string_value(json_object_get(row, "kind"));

        if (kind != NULL && strcmp(kind, "pages") == 0)
            add_run(row, out);
    }
    if (json_is_true(json_object_get(got, "cut")))
        text_add(out, "and more: the list is cut\n");
    json_decref(got);
}

static void gva2gpa(struct session *s, char *args, struct text *out)
{
    json_t *params = of_cpu(s), *got;
    char why[WHY_MAX] = "";
    uint64_t gpa;

    json_object_set_new(params, "addr", address(args));
    got = session_call(s, "walk", params, why);
    if (got == NULL)
        text_add(out, "%s\n", why);
    else if (gdb_json_hex_value(json_object_get(json_object_get(got, "target"), "gpa"), &gpa))
        text_add(out, "gpa: 0x%" PRIx64 "\n", gpa);
    else
        text_add(out, "Unmapped\n");
    json_decref(got);
}

/* The slot that has the address; NULL: none. */
static const json_t *slot_of(const json_t *map, uint64_t gpa, uint64_t *host)
{
    const json_t *list = json_object_get(map, "ranges"), *row;
    uint64_t base, start;
    size_t i;

    json_array_foreach(list, i, row)
    {
        json_int_t len = json_integer_value(json_object_get(row, "bytes"));

        if (!json_is_true(json_object_get(row, "slot")) ||
            !gdb_json_hex_value(json_object_get(row, "gpa"), &base) ||
            !gdb_json_hex_value(json_object_get(row, "host"), &start) || gpa < base ||
            gpa - base >= (uint64_t)len)
            continue;
        *host = start + (gpa - base);
        return row;
    }
    return NULL;
}

static bool number(const char *word, uint64_t *out)
{
    char *end;

    *out = strtoull(word, &end, 0);
    return end != word && *end == '\0' && *word != '-';
}

static void gpa2hva(struct session *s, char *args, struct text *out)
{
    char why[WHY_MAX] = "";
    const json_t *slot;
    uint64_t gpa, host = 0;
    json_t *map;

    if (!number(args, &gpa)) {
        text_add(out, "%s: not a number\n", args);
        return;
    }
    map = session_call(s, "map", NULL, why);
    slot = slot_of(map, gpa, &host);
    if (map == NULL)
        text_add(out, "%s\n", why);
    else if (slot == NULL)
        text_add(out, "No memory is mapped at address 0x%" PRIx64 "\n", gpa);
    else
        text_add(out, "Host virtual address for 0x%" PRIx64 " (%s) is 0x%" PRIx64 "\n", gpa,
                 json_string_value(json_object_get(slot, "name")), host);
    json_decref(map);
}

/* /4xw: how many, how, how wide. */
struct format {
    unsigned count, size;
    char how;
};

enum { EXAMINE_MAX = 1024 };

static bool parse_format(char *word, struct format *f)
{
    unsigned long count = f->count;
    char *p = word + 1;

    if (*p >= '0' && *p <= '9')
        count = strtoul(p, &p, 10);
    for (; *p != '\0'; p++) {
        if (strchr("xduoc", *p) != NULL)
            f->how = *p;
        else if (strchr("bhwg", *p) != NULL)
            f->size = *p == 'b' ? 1 : *p == 'h' ? 2 : *p == 'w' ? 4 : 8;
        else
            return false;
    }
    if (f->how == 'c')
        f->size = 1;
    f->count = (unsigned)count;
    return count != 0 && count <= EXAMINE_MAX;
}

static void add_item(const struct format *f, const uint8_t *bytes, struct text *out)
{
    unsigned shift = 64 - 8 * f->size;
    uint64_t v = 0;

    for (unsigned i = f->size; i-- > 0;)
        v = v << 8 | bytes[i];
    switch (f->how) {
    case 'x':
        text_add(out, " 0x%0*" PRIx64, (int)(2 * f->size), v);
        break;
    case 'd':
        text_add(out, " %" PRId64, (int64_t)(v << shift) >> shift);
        break;
    case 'u':
        text_add(out, " %" PRIu64, v);
        break;
    case 'o':
        text_add(out, " 0%" PRIo64, v);
        break;
    default:
        text_add(out, " '");
        text_add_escaped(out, bytes, 1);
        text_add(out, "'");
    }
}

static void examine(struct session *s, char *args, struct text *out)
{
    struct format f = { 1, 4, 'x' };
    uint8_t bytes[8 * EXAMINE_MAX];
    char why[WHY_MAX] = "";
    char *word = args;
    uint64_t addr;

    if (*args == '/') {
        word = strchr(args, ' ');
        if (word != NULL)
            *word++ = '\0';
        if (word == NULL || !parse_format(args, &f)) {
            text_add(out, "/COUNT FORMAT SIZE ADDR is wanted, such as /4xw 0x1000\n");
            return;
        }
        word += strspn(word, " ");
    }
    if (!number(word, &addr)) {
        text_add(out, "%s: not a number\n", word);
    } else if (!gdb_mem_fetch(s, addr, (size_t)f.count * f.size, true, bytes, why)) {
        text_add(out, "Cannot access memory: %s\n", why);
    } else {
        unsigned row = f.size == 8 ? 2 : f.size == 1 ? 8 : 4;

        for (unsigned i = 0; i < f.count; i++) {
            if (i % row == 0)
                text_add(out, "%s%016" PRIx64 ":", i > 0 ? "\n" : "", addr + (uint64_t)i * f.size);
            add_item(&f, bytes + (size_t)i * f.size, out);
        }
        text_add(out, "\n");
    }
}

/* False: it was refused, which has been told. */
static bool order(struct session *s, const char *method, json_t *params, struct text *out)
{
    char why[WHY_MAX] = "";
    json_t *done = session_call(s, method, params, why);

    if (done == NULL)
        text_add(out, "%s\n", why);
    gdb_regs_forget(s);
    json_decref(done);
    return done != NULL;
}

static void reset(struct session *s, char *args, struct text *out)
{
    (void)args;
    if (order(s, "reset", NULL, out) && !s->running)
        text_add(
            out,
            "The machine stands at its beginning. For gdb to see it: maintenance flush register-cache\n");
}

static void quit(struct session *s, char *args, struct text *out)
{
    (void)args;
    (void)order(s, "stop", json_pack("{s:b}", "now", 1), out);
}

static void run_line(struct session *s, char *line, struct text *out)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t len = strlen(words[i].name);
        char *args = line + len;

        if (strncmp(line, words[i].name, len) != 0 ||
            (*args != '\0' && *args != ' ' && *args != '/'))
            continue;
        args += strspn(args, " ");
        if ((*args != '\0') != words[i].takes)
            text_add(out, "usage: monitor %s%s\n", words[i].name, words[i].args);
        else
            words[i].run(s, args, out);
        return;
    }
    text_add(out, "%s: no such word; 'monitor help' lists them\n", line);
}

/* O and digits, a packet a piece. */
static void send_output(struct session *s, const struct text *out)
{
    enum { PIECE = (PACKET_MAX - 1) / 2 };
    char packet[1 + 2 * PIECE];

    for (size_t at = 0; at < out->len; at += PIECE) {
        size_t n = out->len - at < PIECE ? out->len - at : PIECE;

        packet[0] = 'O';
        hex_put(packet + 1, out->buf + at, n);
        gdb_reply_bytes(s, packet, 1 + 2 * n);
    }
}

void gdb_monitor(struct session *s, struct scan *in)
{
    size_t len = (size_t)(in->end - in->at) / 2;
    char line[LINE_MAX_BYTES];
    struct text out = { 0 };

    if (len >= sizeof(line) || !scan_bytes(in, line, len) || !scan_done(in) ||
        memchr(line, '\0', len) != NULL) {
        gdb_reply_error(s, EINVAL);
        return;
    }
    line[len] = '\0';
    while (len > 0 && line[len - 1] == ' ')
        line[--len] = '\0';
    run_line(s, line, &out);
    send_output(s, &out);
    gdb_reply(s, "OK");
    text_fini(&out);
}
