/* SPDX-License-Identifier: MIT */
/*
 * cache.c - the cache folder and its files
 *
 * { "format": 1, "key": { "boot": ..., "kernel": ..., "cpu": ..., "device": ..., "vitro": ... },
 *   "rows": { "mode_long": ["yes", 0, ""], ... } }
 */
#include "host/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"

enum { FORMAT = 2, FILE_MAX = 65536 };
#define VALUE_MAX (INT64_C(1) << 53)

static const char *const file_names[] = {
    [CACHE_MODES] = "modes.json",
    [CACHE_PROBE] = "probe.json",
};

/* ---- the folder ------------------------------------------------------------------------------ */

static bool ours(int fd, mode_t kind)
{
    struct stat st;

    return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == kind && st.st_uid == geteuid() &&
           (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* A folder below another, made when wanted. */
static int open_below(int at, const char *name, int flags, bool make)
{
    int fd;

    if (make)
        mkdirat(at, name, 0700);
    fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
    if (at >= 0)
        close(at);
    return fd;
}

/* Set-user-id programs do not trust their environment; relative paths are ignored as XDG asks. */
static int open_folder(bool make)
{
    const char *xdg = secure_getenv("XDG_CACHE_HOME");
    const char *home = secure_getenv("HOME");
    int fd;

    if (xdg != NULL && xdg[0] == '/')
        fd = open_below(AT_FDCWD, xdg, 0, make);
    else if (home != NULL && home[0] == '/')
        fd = open_below(open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ".cache", 0, make);
    else
        return -1;
    if (fd < 0)
        return -1;
    fd = open_below(fd, "vitro", O_NOFOLLOW, make);
    if (fd >= 0 && !ours(fd, S_IFDIR)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* ---- reading --------------------------------------------------------------------------------- */

static json_t *read_json(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    char *buf = NULL;
    json_t *doc = NULL;
    struct stat st;

    if (fd < 0)
        return NULL;
    if (ours(fd, S_IFREG) && fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size <= FILE_MAX)
        buf = malloc((size_t)st.st_size);
    if (buf != NULL && read(fd, buf, (size_t)st.st_size) == st.st_size)
        doc = json_loadb(buf, (size_t)st.st_size, JSON_REJECT_DUPLICATES, NULL);
    free(buf);
    close(fd);
    return doc;
}

/* The host's part of the key, in both directions. */
static json_t *make_key(const struct probe_host *host)
{
    return json_pack("{ss ss ss ss ss}", "boot", host->boot_id, "kernel", host->kernel, "cpu",
                     host->cpu_signature, "device", host->device, "vitro", host->version);
}

static bool key_matches(const json_t *doc, const struct probe_host *host)
{
    const json_t *key = json_object_get(doc, "key");
    json_t *want = make_key(host);
    bool same = want != NULL && json_equal(key, want) &&
                json_integer_value(json_object_get(doc, "format")) == FORMAT;

    json_decref(want);
    return same;
}

/* One row: [verdict, value, reason]. */
static bool take_row(const json_t *in, struct probe_row *out)
{
    const char *verdict = json_string_value(json_array_get(in, 0));
    const json_t *value = json_array_get(in, 1);
    const char *reason = json_string_value(json_array_get(in, 2));
    enum probe_verdict v;

    if (json_array_size(in) != 3 || verdict == NULL || !json_is_integer(value) || reason == NULL ||
        !probe_verdict_parse(verdict, &v) || json_integer_value(value) < 0 ||
        json_integer_value(value) > VALUE_MAX || strlen(reason) >= PROBE_REASON_MAX)
        return false;
    probe_set(out, v, json_integer_value(value), "%s", reason); /* removes control characters */
    return true;
}

static bool belongs(enum cache_file file, enum probe_id id)
{
    enum probe_group group = probe_about[id].group;

    return group != PROBE_GROUP_INTERFACE && (file != CACHE_MODES || group == PROBE_GROUP_MODES);
}

static bool take_rows(enum cache_file file, json_t *rows, struct probe_report *out)
{
    bool any = false;
    const char *key;
    json_t *row;

    json_object_foreach(rows, key, row)
    {
        enum probe_id id = probe_find(key);

        if (id != PROBE_NROWS && belongs(file, id))
            any |= take_row(row, &out->row[id]);
    }
    return any;
}

bool cache_load(enum cache_file file, const struct probe_host *host, struct probe_report *rows)
{
    int dir = host->boot_id[0] != '\0' ? open_folder(false) : -1;
    json_t *doc;
    bool any;

    if (dir < 0)
        return false;
    doc = read_json(dir, file_names[file]);
    close(dir);
    any = key_matches(doc, host) && take_rows(file, json_object_get(doc, "rows"), rows);
    json_decref(doc);
    return any;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool write_all(int fd, const char *buf, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, buf, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        buf += n;
        len -= (size_t)n;
    }
    return true;
}

/* The name holds process and time, for several runs at once; O_EXCL for whoever guesses it. */
static void replace_file(int dir, const char *name, const char *text, size_t len)
{
    struct timespec now;
    char temp[96];
    bool good;
    int fd;

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(temp, sizeof(temp), ".%s.%ld.%ld", name, (long)gettid(), now.tv_nsec);
    fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    good = write_all(fd, text, len);
    good &= close(fd) == 0; /* a quota may show itself only here */
    if (!good || renameat(dir, temp, dir, name) < 0)
        unlinkat(dir, temp, 0);
}

static json_t *make_rows(enum cache_file file, const struct probe_report *rows)
{
    json_t *out = json_object();

    for (unsigned i = 0; i < PROBE_NROWS; i++) {
        const struct probe_row *r = &rows->row[i];
        bool run = r->verdict != PROBE_UNKNOWN || file == CACHE_PROBE;

        if (belongs(file, (enum probe_id)i) && run && !r->timed_out)
            json_object_set_new(out, probe_about[i].key,
                                json_pack("[sIs]", probe_verdict_name(r->verdict),
                                          (json_int_t)r->value, r->reason));
    }
    return out;
}

void cache_store(enum cache_file file, const struct probe_host *host,
                 const struct probe_report *rows)
{
    int dir = host->boot_id[0] != '\0' ? open_folder(true) : -1;
    json_t *doc;
    char *text;

    if (dir < 0)
        return;
    doc = json_pack("{si so so}", "format", FORMAT, "key", make_key(host), "rows",
                    make_rows(file, rows));
    text = doc != NULL ? json_dumps(doc, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    if (text != NULL && strlen(text) <= FILE_MAX)
        replace_file(dir, file_names[file], text, strlen(text));
    free(text);
    json_decref(doc);
    close(dir);
}
