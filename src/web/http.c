/* SPDX-License-Identifier: MIT */
/* http.c - the page's server. */
#include "web/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "web/assets.h"
#include "web/request.h"

enum { CONNECTIONS = 32, ARRIVE_SECONDS = 15, IDLE_SECONDS = 30 };

/* A connection, from its beginning to its end. */
struct place {
    int fd;        /* -1: free */
    time_t arrive; /* until when its request must be here; 0: it is */
};

struct http {
    struct http_config cfg;
    struct request_rules rules;
    struct MHD_Daemon *daemon;
    char url[96];
    pthread_mutex_t lock;
    struct place place[CONNECTIONS]; /* guarded by lock */
};

/* A request under way. */
struct asked {
    enum request_kind kind;
    unsigned refuse; /* HTTP status, 0: none */
    size_t len;
    char body[CALL_MAX_BYTES];
};

static time_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static int fd_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info != NULL ? info->connect_fd : -1;
}

static void set_place(struct http *h, int fd, bool here, time_t arrive)
{
    pthread_mutex_lock(&h->lock);
    for (unsigned i = 0, done = 0; i < CONNECTIONS && !done; i++) {
        struct place *p = &h->place[i];

        if (p->fd == fd || (here && p->fd < 0)) {
            *p = (struct place){ .fd = here ? fd : -1, .arrive = arrive };
            done = 1;
        }
    }
    pthread_mutex_unlock(&h->lock);
}

static void on_connection(void *cls, struct MHD_Connection *c, void **ctx,
                          enum MHD_ConnectionNotificationCode code)
{
    bool begins = code == MHD_CONNECTION_NOTIFY_STARTED;

    (void)ctx;
    set_place(cls, fd_of(c), begins, begins ? now() + ARRIVE_SECONDS : 0);
}

void http_reap(struct http *h)
{
    time_t t = now();

    pthread_mutex_lock(&h->lock);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        struct place *p = &h->place[i];

        /* The descriptor is its connection's until the notification of its end, which takes the lock. */
        if (p->fd >= 0 && p->arrive != 0 && t >= p->arrive) {
            shutdown(p->fd, SHUT_RDWR);
            p->arrive = 0;
        }
    }
    pthread_mutex_unlock(&h->lock);
}

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *type,
                              struct MHD_Response *response)
{
    static const char *const headers[][2] = {
        { "Content-Security-Policy",
          "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
        { "X-Content-Type-Options", "nosniff" },
        { "X-Frame-Options", "DENY" },
        { "Referrer-Policy", "no-referrer" },
        { "Cross-Origin-Resource-Policy", "same-origin" },
        { "Cross-Origin-Opener-Policy", "same-origin" },
        { "Cache-Control", "no-store" },
    };
    enum MHD_Result rc;

    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", type);
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        MHD_add_response_header(response, headers[i][0], headers[i][1]);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, POST");
    if (status >= 400)
        MHD_add_response_header(response, "Connection", "close");
    rc = MHD_queue_response(c, status, response);
    MHD_destroy_response(response);
    return rc;
}

/* Of bytes that stay where they are. The library takes them as its own and does not write to them. */
static struct MHD_Response *constant(const void *bytes, size_t len)
{
    return MHD_create_response_from_buffer(len, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned status)
{
    static const char text[] = "vitro: refused\n";

    return answer(c, status, "text/plain; charset=utf-8", constant(text, sizeof(text) - 1));
}

static enum MHD_Result send_file(struct MHD_Connection *c, enum request_kind kind)
{
    const struct {
        const unsigned char *bytes;
        size_t len;
        const char *type;
    } files[] = {
        [REQUEST_PAGE] = { page_html, page_html_len, "text/html; charset=utf-8" },
        [REQUEST_CSS] = { page_css, page_css_len, "text/css; charset=utf-8" },
        [REQUEST_JS] = { page_js, page_js_len, "text/javascript; charset=utf-8" },
    };

    return answer(c, MHD_HTTP_OK, files[kind].type, constant(files[kind].bytes, files[kind].len));
}

static ssize_t read_feed(void *cls, uint64_t pos, char *buf, size_t max)
{
    int64_t n = feed_read(cls, buf, max);

    (void)pos;
    return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)n;
}

static void leave_feed(void *cls)
{
    feed_leave(cls);
}

static enum MHD_Result send_events(const struct http *h, struct MHD_Connection *c)
{
    struct feed_reader *r = feed_join(h->cfg.feed);

    if (r == NULL)
        return MHD_NO;
    return answer(
        c, MHD_HTTP_OK, "text/event-stream",
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 32768, read_feed, r, leave_feed));
}

static enum MHD_Result send_json(struct MHD_Connection *c, unsigned status, json_t *doc)
{
    char *text = json_dumps(doc, JSON_COMPACT | JSON_ENSURE_ASCII);

    json_decref(doc);
    if (text == NULL)
        return MHD_NO;
    return answer(c, status, "application/json",
                  MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE));
}

static enum MHD_Result send_call(const struct http *h, struct MHD_Connection *c,
                                 const struct asked *a)
{
    const char *method = NULL, *why;
    json_t *params = NULL, *reply, *out;
    json_t *doc = call_parse(a->body, a->len, h->cfg.control, &method, &params, &why);

    if (doc == NULL)
        return send_json(c, MHD_HTTP_BAD_REQUEST, json_pack("{s:{s:s}}", "error", "message", why));
    reply = link_call(h->cfg.link, method, params);
    json_decref(doc);
    out = json_pack("{s:O*, s:O*}", "result", json_object_get(reply, "result"), "error",
                    json_object_get(reply, "error"));
    json_decref(reply);
    return send_json(c, MHD_HTTP_OK, out);
}

struct tally {
    unsigned hosts, lengths;
};

static enum MHD_Result count_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct tally *t = cls;

    (void)kind;
    (void)value;
    t->hosts += strcasecmp(name, "Host") == 0;
    t->lengths += strcasecmp(name, "Content-Length") == 0;
    return MHD_YES;
}

static unsigned check(const struct http *h, struct MHD_Connection *c, const char *url,
                      const char *method, enum request_kind *kind)
{
    struct tally tally = { 0 };
    struct request r = {
        .method = method,
        .url = url,
        .host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host"),
        .origin = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Origin"),
        .site = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Sec-Fetch-Site"),
        .dest = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Sec-Fetch-Dest"),
        .transfer = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Transfer-Encoding"),
    };

    MHD_get_connection_values(c, MHD_HEADER_KIND, count_header, &tally);
    r.nhosts = tally.hosts;
    r.nlengths = tally.lengths;
    return request_check(&h->rules, &r, kind);
}

/* Called with the headers, with each piece of the body, and at its end. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **ctx)
{
    struct http *h = cls;
    struct asked *a = *ctx;

    (void)version;
    if (a == NULL) {
        a = *ctx = malloc(sizeof(*a));
        if (a == NULL)
            return MHD_NO;
        a->len = 0;
        a->refuse = check(h, c, url, method, &a->kind);
        return a->refuse != 0 ? refuse(c, a->refuse) : MHD_YES;
    }
    if (*len > 0) {
        if (a->kind != REQUEST_CALL || *len > sizeof(a->body) - a->len) {
            a->refuse = MHD_HTTP_CONTENT_TOO_LARGE;
        } else {
            memcpy(a->body + a->len, data, *len);
            a->len += *len;
        }
        *len = 0;
        return MHD_YES;
    }
    set_place(h, fd_of(c), true, 0);
    if (a->refuse != 0)
        return refuse(c, a->refuse);
    if (a->kind == REQUEST_EVENTS)
        return send_events(h, c);
    return a->kind == REQUEST_CALL ? send_call(h, c, a) : send_file(c, a->kind);
}

static void on_done(void *cls, struct MHD_Connection *c, void **ctx,
                    enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)c;
    (void)code;
    free(*ctx);
    *ctx = NULL;
}

/* What libmicrohttpd has to say of its clients concerns nobody. */
static void no_log(void *cls, const char *format, va_list args)
{
    (void)cls;
    (void)format;
    (void)args;
}

static bool make_token(char token[TOKEN_CHARS + 1])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char random[TOKEN_CHARS];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return false;
    for (unsigned i = 0; i < TOKEN_CHARS; i++)
        token[i] = digits[random[i] % 64];
    token[TOKEN_CHARS] = '\0';
    return true;
}

static struct MHD_Daemon *listen_at(struct http *h)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)h->cfg.port),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };

    return MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
            MHD_USE_ERROR_LOG,
        0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, no_log, NULL,
        MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&at, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, h, MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_STRICT_FOR_CLIENT,
        1, MHD_OPTION_END);
}

struct http *http_open(const struct http_config *cfg)
{
    struct http *h = calloc(1, sizeof(*h));
    const union MHD_DaemonInfo *info;

    if (h == NULL)
        return NULL;
    h->cfg = *cfg;
    pthread_mutex_init(&h->lock, NULL);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        h->place[i].fd = -1;
    if (make_token(h->rules.token))
        h->daemon = listen_at(h);
    info = h->daemon != NULL ? MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (info == NULL) {
        http_close(h);
        return NULL;
    }
    h->rules.port = info->port;
    snprintf(h->url, sizeof(h->url), "http://127.0.0.1:%u/%s/", h->rules.port, h->rules.token);
    return h;
}

void http_close(struct http *h)
{
    if (h == NULL)
        return;
    if (h->daemon != NULL)
        MHD_stop_daemon(h->daemon);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

const char *http_url(const struct http *h)
{
    return h->url;
}
