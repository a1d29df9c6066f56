/* SPDX-License-Identifier: MIT */
/*
 * main.c - vitro-web: the page of one machine
 *
 *   vitro-web serve --control-fd N [--port N] [--steer] [--browser]
 *   vitro-web save  < JSON > FILE.html
 *
 * `vitro view` starts it. It is handed a connection to the machine's control socket and knows nothing else of the
 * machine. It ends when the machine does, ten seconds later if a page is to be told why,
 * or by a signal.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "web/feed.h"
#include "web/http.h"
#include "web/link.h"
#include "web/save.h"

enum { EXIT_USAGE_CODE = 6, EXIT_HOST_CODE = 12 };
enum { TICK_MS = 50, BURST = 500, LAST_WORDS_S = 10, DOOR_MAX = 256 };

/* Touched by the link's thread and by the main one; what is not atomic is the main thread's. */
struct viewer {
    struct link *link;
    struct feed *feed;
    bool steer;
    json_t *info;             /* the last that was sent */
    json_int_t trace;         /* subscription, 0: none */
    bool tried;               /* to have it again, since the machine stands still */
    unsigned window;          /* ticks of the present second */
    atomic_uint burst;        /* exits told in it */
    atomic_bool moved, ended; /* a notification of the state came; the machine has gone */
};

static void on_notify(void *ctx, const char *method, json_t *params)
{
    struct viewer *v = ctx;
    json_t *text = json_object_get(params, "text");

    if (strcmp(method, "trace") == 0) {
        feed_exit(v->feed, json_object_get(params, "event"));
        atomic_fetch_add_explicit(&v->burst, 1, memory_order_relaxed);
    } else if (strcmp(method, "console") == 0 && json_is_string(text)) {
        feed_console(v->feed, json_string_value(text), json_string_length(text));
    } else if (strcmp(method, "state") == 0) {
        atomic_store_explicit(&v->moved, true, memory_order_relaxed);
    }
}

static void on_ended(void *ctx)
{
    struct viewer *v = ctx;

    feed_gone(v->feed, "the machine has ended");
    atomic_store_explicit(&v->ended, true, memory_order_relaxed);
}

/* The result of a call, the caller's; NULL when there is none. */
static json_t *ask(struct viewer *v, const char *method, json_t *params)
{
    json_t *answer = link_call(v->link, method, params);
    json_t *result = json_incref(json_object_get(answer, "result"));

    json_decref(params);
    json_decref(answer);
    return result;
}

static const char *state_of(const struct viewer *v)
{
    const char *state = json_string_value(json_object_get(v->info, "state"));

    return state != NULL ? state : "";
}

static bool same(const json_t *a, const json_t *b, const char *key)
{
    return json_equal(json_object_get(a, key), json_object_get(b, key)) == 1;
}

/* Tells pages of the machine when it has changed. */
static void look(struct viewer *v)
{
    bool moved = atomic_exchange_explicit(&v->moved, false, memory_order_relaxed);
    json_t *info = ask(v, "info", NULL);

    if (info == NULL)
        return;
    json_object_set_new(info, "control", json_boolean(v->steer));
    if (moved || v->info == NULL || !same(info, v->info, "exits") ||
        !same(info, v->info, "state") || !same(info, v->info, "reason")) {
        json_decref(v->info);
        v->info = json_incref(info);
        feed_machine(v->feed, info);
    }
    json_decref(info);
}

static void trace_on(struct viewer *v)
{
    json_t *got = ask(v, "trace.subscribe", NULL);

    v->trace = json_integer_value(json_object_get(got, "subscription"));
    v->window = 0;
    atomic_store_explicit(&v->burst, 0, memory_order_relaxed);
    json_decref(got);
}

/*
 * Every exit is told one by one while there are few. A guest that causes many would be slowed down by it: then
 * the trace ends until the machine stands still again, and pages look at the last exits instead.
 */
static void trace_rule(struct viewer *v)
{
    bool still = strcmp(state_of(v), "paused") == 0;

    if (!still)
        v->tried = false;
    if (v->trace == 0 && still && !v->tried) {
        v->tried = true; /* once a stop: another client may have the trace */
        trace_on(v);
    } else if (v->trace != 0 && atomic_load_explicit(&v->burst, memory_order_relaxed) > BURST) {
        json_decref(ask(v, "unsubscribe", json_pack("{s:I}", "subscription", v->trace)));
        v->trace = 0;
    }
    if (++v->window >= 1000 / TICK_MS) {
        v->window = 0;
        atomic_store_explicit(&v->burst, 0, memory_order_relaxed);
    }
}

static void subscribe(struct viewer *v)
{
    json_t *got;

    if (v->steer) /* keeps the machine after its end, so that the page can look at it */
        json_decref(ask(v, "debug.attach", json_pack("{s:b}", "hold_end", 1)));
    json_decref(ask(v, "state.subscribe", NULL));
    got = ask(v, "console.subscribe", json_pack("{s:i}", "bytes", 65536));
    if (got != NULL) {
        json_t *text = json_object_get(got, "text");

        if (json_is_string(text))
            feed_console(v->feed, json_string_value(text), json_string_length(text));
    }
    json_decref(got);
    json_decref(ask(v, "heat", NULL)); /* what the next look is compared with */
    look(v);
    trace_on(v);
}

static bool asked_to_end(const sigset_t *signals, unsigned ms)
{
    struct timespec wait = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

    return sigtimedwait(signals, NULL, &wait) > 0;
}

/* One tick's work. Without a page open only now and then: then nobody sees it. */
static void tick(struct viewer *v, bool second)
{
    bool followed = feed_followed(v->feed);

    if (followed || second || atomic_load_explicit(&v->moved, memory_order_relaxed)) {
        look(v);
        trace_rule(v);
    }
    if (followed && second) {
        json_t *heat = ask(v, "heat", NULL);

        feed_heat(v->feed, heat);
        json_decref(heat);
    }
}

static void follow(struct viewer *v, struct http *h, const sigset_t *signals)
{
    unsigned ticks = 0, after = 0;

    subscribe(v);
    while (!asked_to_end(signals, TICK_MS) && after < LAST_WORDS_S * 1000 / TICK_MS) {
        bool second = ++ticks % (1000 / TICK_MS) == 0;

        if (atomic_load_explicit(&v->ended, memory_order_relaxed))
            after++;
        else
            tick(v, second);
        feed_flush(v->feed, v->trace != 0);
        if (second)
            http_reap(h);
    }
}

/*
 * A file that leads to the page, for the user only: the words of a command can be read by all users of the host, and the
 * address is a secret. Empty when there can be none.
 */
static void write_door(const char *url, char path[DOOR_MAX])
{
    const char *folder = getenv("XDG_RUNTIME_DIR");
    FILE *f;
    int fd;

    snprintf(path, DOOR_MAX, "%s/vitro-view-XXXXXX.html",
             folder != NULL && *folder == '/' && strlen(folder) < DOOR_MAX / 2 ? folder : "/tmp");
    fd = mkstemps(path, (int)strlen(".html")); /* mode 0600 */
    f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (f == NULL) {
        path[0] = '\0';
        return;
    }
    fprintf(f,
            "<!doctype html><meta charset=\"utf-8\"><title>vitro</title>"
            "<meta http-equiv=\"refresh\" content=\"0; url=%s\"><a href=\"%s\">the page</a>\n",
            url, url);
    fclose(f);
}

/* Nobody waits for the browser. Where none can be opened the address has been printed all the same. */
static void open_browser(const char *path)
{
    sigset_t none;
    pid_t pid = fork();

    if (pid == 0) {
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (fork() == 0) {
            execlp("xdg-open", "xdg-open", path, (char *)NULL);
            _exit(127);
        }
        _exit(0);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

static int serve(int fd, unsigned port, bool steer, bool browser)
{
    struct viewer v = { .steer = steer, .feed = feed_new() };
    struct link_watch watch = { .notify = on_notify, .ended = on_ended, .ctx = &v };
    struct http *h = NULL;
    char door[DOOR_MAX] = "";
    sigset_t signals;

    /* Before any thread is made: they inherit it. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (v.feed != NULL)
        v.link = link_open(fd, &watch);
    if (v.link != NULL)
        h = http_open(&(struct http_config){
            .port = port, .control = steer, .link = v.link, .feed = v.feed });
    if (h == NULL) {
        fprintf(stderr, "vitro: view: serving the page at port %u: %s\n", port, strerror(errno));
    } else {
        printf("%s\n", http_url(h));
        fflush(stdout);
        if (browser)
            write_door(http_url(h), door);
        if (door[0] != '\0')
            open_browser(door);
        follow(&v, h, &signals);
        if (door[0] != '\0')
            unlink(door);
        feed_gone(v.feed, "the view has been closed");
        feed_stop(v.feed);
        /* For the last words to be sent. */
        nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    }
    http_close(h);
    link_close(v.link);
    json_decref(v.info);
    feed_free(v.feed);
    return h != NULL ? 0 : EXIT_HOST_CODE;
}

static int save(void)
{
    int rc = save_page(stdin, stdout);

    if (rc == 0)
        return 0;
    fprintf(stderr, "vitro: view: writing the page: %s\n", strerror(-rc));
    return EXIT_HOST_CODE;
}

/* A whole number up to max, or -1. */
static long whole(const char *word, long max)
{
    char *end;
    long n = strtol(word, &end, 10);

    return *word >= '0' && *word <= '9' && *end == '\0' && n <= max ? n : -1;
}

int main(int argc, char **argv)
{
    long fd = -1, port = 0;
    bool steer = false, browser = false;

    if (argc == 2 && strcmp(argv[1], "save") == 0)
        return save();
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--steer") == 0)
            steer = true;
        else if (strcmp(argv[i], "--browser") == 0)
            browser = true;
        else if (strcmp(argv[i], "--control-fd") == 0 && i + 1 < argc)
            fd = whole(argv[++i], 1 << 20);
        else if (strcmp(argv[i], "--port") == 0 && i + 1 < argc)
            port = whole(argv[++i], 65535);
    }
    if (argc < 2 || strcmp(argv[1], "serve") != 0 || fd < 0 || port < 0) {
        fprintf(stderr, "vitro-web: 'vitro view' starts this program\n");
        return EXIT_USAGE_CODE;
    }
    return serve((int)fd, (unsigned)port, steer, browser);
}
