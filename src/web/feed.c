/* SPDX-License-Identifier: MIT */
/* feed.c - what pages follow: a ring of server-sent events. */
#include "web/feed.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RING = 256, CONSOLE_KEPT = 65536, CALM_NS = 20000000 };

struct feed {
    pthread_mutex_t lock;
    pthread_cond_t more;
    /* guarded by lock */
    char *message[RING]; /* message n is at n % RING */
    uint64_t next;       /* number of the next */
    json_t *info, *gone; /* for who begins */
    json_t *events;      /* array: the last exits */
    json_t *fresh;       /* array: those not sent yet */
    bool all_told, stopped;
    uint64_t flushed_ns;
    unsigned readers;
    /* what the guest printed, as bytes; UTF-8 of code points U+0000 to U+00FF, cut at a character */
    char *console;
    size_t console_len;
    size_t console_fresh; /* of these, the last that are in no message yet */
};

struct feed_reader {
    struct feed *feed;
    uint64_t at;   /* the next message; guarded by feed->lock */
    bool begun;    /* has been told everything so far */
    char *pending; /* the reader's own: text not sent yet */
    size_t off, len;
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static char *message(const char *name, json_t *data)
{
    char *text = json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    char *out = NULL;

    /* JSON without line breaks: one data line. */
    if (text != NULL && asprintf(&out, "event: %s\ndata: %s\n\n", name, text) < 0)
        out = NULL;
    free(text);
    return out;
}

/* Under f->lock. A message for which there is no memory is lost; so is what it replaces. */
static void push(struct feed *f, const char *name, json_t *data)
{
    char **slot = &f->message[f->next % RING];

    free(*slot);
    *slot = message(name, data);
    f->next++;
    pthread_cond_broadcast(&f->more);
}

struct feed *feed_new(void)
{
    struct feed *f = calloc(1, sizeof(*f));
    pthread_condattr_t attr;

    if (f == NULL)
        return NULL;
    pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&f->more, &attr);
    pthread_condattr_destroy(&attr);
    f->events = json_array();
    f->fresh = json_array();
    f->console = malloc(CONSOLE_KEPT);
    if (f->console == NULL || f->events == NULL || f->fresh == NULL) {
        feed_free(f);
        return NULL;
    }
    return f;
}

void feed_free(struct feed *f)
{
    if (f == NULL)
        return;
    for (unsigned i = 0; i < RING; i++)
        free(f->message[i]);
    json_decref(f->info);
    json_decref(f->gone);
    json_decref(f->events);
    json_decref(f->fresh);
    free(f->console);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->more);
    free(f);
}

void feed_machine(struct feed *f, json_t *info)
{
    if (info == NULL)
        return;
    pthread_mutex_lock(&f->lock);
    json_decref(f->info);
    f->info = json_deep_copy(info);
    push(f, "machine", info);
    pthread_mutex_unlock(&f->lock);
}

/* Keeps the last bytes, from the beginning of a character. */
static void keep_console(struct feed *f, const char *text, size_t len)
{
    size_t drop = 0;

    if (len > CONSOLE_KEPT) {
        text += len - CONSOLE_KEPT;
        len = CONSOLE_KEPT;
    }
    if (f->console_len + len > CONSOLE_KEPT)
        drop = f->console_len + len - CONSOLE_KEPT;
    memmove(f->console, f->console + drop, f->console_len - drop);
    f->console_len -= drop;
    memcpy(f->console + f->console_len, text, len);
    f->console_len += len;
    for (drop = 0; drop < f->console_len && (f->console[drop] & 0xc0) == 0x80; drop++)
        continue;
    f->console_len -= drop;
    memmove(f->console, f->console + drop, f->console_len);
}

/* Under f->lock. A guest prints byte by byte: a message each would be all that pages are busy with. */
static void flush_console(struct feed *f)
{
    json_t *data;

    if (f->console_fresh == 0)
        return;
    data = json_pack("{s:s%}", "text", f->console + f->console_len - f->console_fresh,
                     f->console_fresh);
    push(f, "console", data);
    json_decref(data);
    f->console_fresh = 0;
}

/* Under f->lock. */
static json_t *trace_of(const struct feed *f, json_t *events, bool all)
{
    return json_pack("{s:O, s:b, s:b}", "events", events, "paused", (int)!f->all_told, "all",
                     (int)all);
}

/* Under f->lock. What has come since the last time, and what it means that nothing has. */
static void flush(struct feed *f, bool all_told)
{
    json_t *data;
    size_t over;

    flush_console(f);
    f->flushed_ns = now_ns();
    if (json_array_size(f->fresh) == 0 && all_told == f->all_told)
        return;
    f->all_told = all_told;
    data = trace_of(f, f->fresh, false);
    push(f, "trace", data);
    json_decref(data);
    json_array_extend(f->events, f->fresh);
    json_array_clear(f->fresh);
    over = json_array_size(f->events);
    for (over = over > FEED_EVENTS ? over - FEED_EVENTS : 0; over > 0; over--)
        json_array_remove(f->events, 0);
}

/* Under f->lock. The first of a burst goes out at once, the rest with the next tick. */
static void flush_soon(struct feed *f)
{
    if (now_ns() - f->flushed_ns >= CALM_NS)
        flush(f, f->all_told);
}

void feed_flush(struct feed *f, bool all_told)
{
    pthread_mutex_lock(&f->lock);
    flush(f, all_told);
    pthread_mutex_unlock(&f->lock);
}

void feed_console(struct feed *f, const char *text, size_t len)
{
    pthread_mutex_lock(&f->lock);
    keep_console(f, text, len);
    f->console_fresh += len;
    if (f->console_fresh > f->console_len)
        f->console_fresh = f->console_len;
    flush_soon(f);
    pthread_mutex_unlock(&f->lock);
}

void feed_exit(struct feed *f, json_t *event)
{
    pthread_mutex_lock(&f->lock);
    json_array_append(f->fresh, event);
    if (json_array_size(f->fresh) > FEED_EVENTS)
        json_array_remove(f->fresh, 0);
    flush_soon(f);
    pthread_mutex_unlock(&f->lock);
}

void feed_heat(struct feed *f, json_t *heat)
{
    if (heat == NULL)
        return;
    pthread_mutex_lock(&f->lock);
    push(f, "heat", heat);
    pthread_mutex_unlock(&f->lock);
}

void feed_gone(struct feed *f, const char *why)
{
    pthread_mutex_lock(&f->lock);
    flush_console(f);
    json_decref(f->gone);
    f->gone = json_pack("{s:s}", "why", why);
    push(f, "gone", f->gone);
    pthread_mutex_unlock(&f->lock);
}

void feed_stop(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    f->stopped = true;
    pthread_cond_broadcast(&f->more);
    pthread_mutex_unlock(&f->lock);
}

static void count_reader(struct feed *f, int by)
{
    pthread_mutex_lock(&f->lock);
    f->readers += (unsigned)by;
    pthread_mutex_unlock(&f->lock);
}

bool feed_followed(struct feed *f)
{
    bool yes;

    pthread_mutex_lock(&f->lock);
    yes = f->readers > 0;
    pthread_mutex_unlock(&f->lock);
    return yes;
}

struct feed_reader *feed_join(struct feed *f)
{
    struct feed_reader *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->feed = f;
    count_reader(f, 1);
    return r;
}

void feed_leave(struct feed_reader *r)
{
    if (r == NULL)
        return;
    count_reader(r->feed, -1);
    free(r->pending);
    free(r);
}

/* Under feed->lock. Everything there is to know now. */
static char *everything(const struct feed *f)
{
    json_t *said = json_pack("{s:s%, s:b}", "text", f->console, f->console_len, "all", 1);
    json_t *trace = trace_of(f, f->events, true);
    char *part[4] = { f->info != NULL ? message("machine", f->info) : NULL,
                      message("console", said), message("trace", trace),
                      f->gone != NULL ? message("gone", f->gone) : NULL };
    char *out = NULL;

    if (asprintf(&out, "%s%s%s%s", part[0] != NULL ? part[0] : "", part[1] != NULL ? part[1] : "",
                 part[2] != NULL ? part[2] : "", part[3] != NULL ? part[3] : "") < 0)
        out = NULL;
    for (unsigned i = 0; i < 4; i++)
        free(part[i]);
    json_decref(said);
    json_decref(trace);
    return out;
}

/* Fills r->pending, which is empty, or sets the feed's end. */
static void next(struct feed_reader *r)
{
    struct feed *f = r->feed;
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    pthread_mutex_lock(&f->lock);
    if (!r->begun || f->next - r->at > RING) {
        flush_console(f); /* or it would be told twice */
        r->pending = everything(f);
        r->begun = true;
        r->at = f->next;
    } else {
        while (r->at == f->next && !f->stopped && rc == 0)
            rc = pthread_cond_timedwait(&f->more, &f->lock, &until);
        if (r->at != f->next) {
            const char *text = f->message[r->at++ % RING];

            r->pending = strdup(text != NULL ? text : ":\n\n");
        } else if (!f->stopped) {
            /* A sign of life, by which a page that has gone is noticed. */
            r->pending = strdup(":\n\n");
        }
    }
    pthread_mutex_unlock(&f->lock);
    r->off = 0;
    r->len = r->pending != NULL ? strlen(r->pending) : 0;
}

int64_t feed_read(struct feed_reader *r, char *buf, size_t max)
{
    size_t n;

    if (r->off == r->len) {
        free(r->pending);
        r->pending = NULL;
        next(r);
    }
    if (r->pending == NULL)
        return -1;
    n = r->len - r->off < max ? r->len - r->off : max;
    memcpy(buf, r->pending + r->off, n);
    r->off += n;
    return (int64_t)n;
}
