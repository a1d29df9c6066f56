/* SPDX-License-Identifier: MIT */
/*
 * server.c - listens, takes one debugger at a time, and moves bytes between it and its session
 *
 * A debugger that connects stops the machine; when it goes away, however it does, its breakpoints are removed and the
 * machine goes on: that is what closing its connection to the control socket does. A second debugger is turned
 * away. Reachable are a Unix socket of the user's own (mode 0600) or the loopback interface, and there only for
 * processes of the same user or root (listen.c); what does not begin like the protocol, as a web page's request, is
 * turned away with its first byte.
 */
#include "gdb/server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gdb/listen.h"
#include "gdb/packet.h"
#include "gdb/session.h"
#include "gdb/target.h"
#include "gdb/wire.h"

enum { SEND_WAIT_S = 10, READ_SIZE = 4096 };

struct client {
    int fd; /* -1: none */
    struct wire *wire;
    struct session *session; /* NULL until its first byte */
    struct packet_reader reader;
    char *sent; /* the last packet as it is on the wire, for one that asks again */
    size_t sent_len;
    bool broken;
};

struct server {
    const struct gdb_server_config *cfg;
    int listener;
    struct wire *machine; /* says when the machine ends */
    struct client client;
};

bool gdb_arch_known(const char *arch)
{
    return strcmp(arch, "auto") == 0 || target_find(arch) != NULL;
}

static void note(const struct server *sv, const char *text)
{
    sv->cfg->note(sv->cfg->ctx, text);
}

static void write_all(struct client *c, const char *data, size_t len)
{
    while (len > 0 && !c->broken) {
        ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);

        if (n >= 0) {
            data += n;
            len -= (size_t)n;
        } else if (errno != EINTR) {
            c->broken = true; /* gone, or it takes nothing */
        }
    }
}

static void send_packet(void *ctx, const char *data, size_t len)
{
    struct client *c = ctx;

    c->sent_len = packet_encode(c->sent, data, len);
    write_all(c, c->sent, c->sent_len);
}

static json_t *call(void *ctx, const char *method, json_t *params, char *why, size_t len)
{
    struct client *c = ctx;

    return wire_call(c->wire, method, params, why, len);
}

static void client_end(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    session_free(c->session);
    wire_close(c->wire);
    free(c->sent);
    *c = (struct client){ .fd = -1 };
}

static int open_wire(const struct server *sv, struct wire **out, struct vitro_err *err)
{
    int fd = sv->cfg->connect(sv->cfg->ctx, err);

    return fd < 0 ? fd : wire_open(fd, out, err);
}

/* Attaches, now that it has begun to speak the protocol. */
static void client_begin(struct server *sv)
{
    struct client *c = &sv->client;
    struct session_ops ops = { .call = call, .send = send_packet, .ctx = c };
    struct vitro_err err = { 0 };

    c->sent = malloc(PACKET_WIRE_MAX);
    if (c->sent == NULL || open_wire(sv, &c->wire, &err) < 0 ||
        session_new(sv->cfg->arch, &ops, &c->session, &err) < 0) {
        note(sv, err.code != 0 ? err.text : "out of memory");
        c->broken = true;
    }
}

static void take_event(struct client *c, enum packet_event event)
{
    bool acks = !session_no_acks(c->session);

    switch (event) {
    case PACKET_READY:
    case PACKET_TOO_LONG:
        if (acks)
            write_all(c, "+", 1);
        if (event == PACKET_TOO_LONG)
            session_too_long(c->session);
        else
            session_packet(c->session, c->reader.data, c->reader.len);
        break;
    case PACKET_BAD:
        if (acks)
            write_all(c, "-", 1);
        break;
    case PACKET_NAK:
        if (acks)
            write_all(c, c->sent, c->sent_len);
        break;
    case PACKET_INTERRUPT:
        session_interrupt(c->session);
        break;
    case PACKET_NONE:
    case PACKET_ACK:
        break;
    }
}

/* Whatever notifications there are; more may come with each. */
static void take_states(struct client *c)
{
    json_t *params;
    bool early;

    while ((params = wire_next(c->wire, &early)) != NULL) {
        session_notify(c->session, params, early);
        json_decref(params);
    }
    if (wire_lost(c->wire))
        session_lost(c->session);
    session_settle(c->session);
}

static void take_bytes(struct server *sv)
{
    struct client *c = &sv->client;
    char buf[READ_SIZE];
    ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        c->broken = true;
    if (n > 0 && c->session == NULL) {
        if (memchr("+-$\x03", buf[0], 4) == NULL)
            c->broken = true;
        else
            client_begin(sv);
    }
    for (ssize_t i = 0; i < n && !c->broken && !session_over(c->session); i++) {
        take_event(c, packet_feed(&c->reader, (uint8_t)buf[i]));
        take_states(c);
    }
}

static void accept_client(struct server *sv)
{
    const struct timeval wait = { .tv_sec = SEND_WAIT_S };
    const char *refused;
    int fd = accept4(sv->listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    refused = sv->client.fd >= 0 ? "a second debugger was turned away" : listen_refuses(fd);
    if (refused != NULL) {
        note(sv, refused);
        close(fd);
        return;
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    listen_hurry(fd);
    sv->client.fd = fd;
}

/* One round: whatever has come from the machine, the debugger, or a new one. */
static int turn(struct server *sv, struct vitro_err *err)
{
    struct client *c = &sv->client;
    struct pollfd p[] = {
        { .fd = sv->listener, .events = POLLIN },
        { .fd = wire_fd(sv->machine), .events = POLLIN },
        { .fd = c->fd, .events = POLLIN },
        { .fd = c->wire != NULL ? wire_fd(c->wire) : -1, .events = POLLIN },
    };

    if (poll(p, 4, -1) < 0)
        return errno == EINTR ? 0 : err_set(err, -errno, "waiting: %s", strerror(errno));
    if (p[3].revents != 0) {
        wire_receive(c->wire);
        take_states(c);
    }
    if (p[2].revents != 0)
        take_bytes(sv);
    if (c->broken || (c->session != NULL && session_over(c->session)))
        client_end(c);
    if (p[0].revents != 0)
        accept_client(sv);
    if (p[1].revents != 0)
        wire_receive(sv->machine);
    return 0;
}

int gdb_serve(const struct gdb_server_config *cfg, struct vitro_err *err)
{
    struct server sv = { .cfg = cfg, .listener = -1, .client.fd = -1 };
    char where[LISTEN_WHERE_MAX];
    int rc;

    if (!gdb_arch_known(cfg->arch))
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "%s: no such kind of CPU", cfg->arch);
    rc = open_wire(&sv, &sv.machine, err);
    if (rc == 0)
        rc = listen_open(cfg->socket_path, cfg->port, &sv.listener, where, err);
    if (rc == 0)
        cfg->ready(cfg->ctx, where);
    while (rc == 0 && (!wire_lost(sv.machine) || sv.client.fd >= 0))
        rc = turn(&sv, err);
    client_end(&sv.client);
    listen_close(sv.listener, cfg->socket_path);
    wire_close(sv.machine);
    return rc;
}
