/* SPDX-License-Identifier: MIT */
/*
 * listen.c - the debugger's socket
 *
 * A loopback port is open to every user of the host, and a debugger may do anything to a guest. So the owner of the
 * other end is looked up: for a Unix socket the kernel says it (SO_PEERCRED), for a connection over the loopback
 * interface the list of the host's TCP sockets does (proc(5), /proc/net/tcp).
 */
#include "gdb/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4 };

static int failed(int fd, struct vitro_err *err, const char *where)
{
    int code = -errno;

    if (fd >= 0)
        close(fd);
    return err_set(err, code, "listening on %s: %s", where, strerror(-code));
}

static int open_unix(const char *path, int *out, struct vitro_err *err)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    mode_t mask;
    int fd, rc;

    if (strlen(path) >= sizeof(addr.sun_path))
        return err_set(err, -ENAMETOOLONG, "%s: too long for a socket's name", path);
    strcpy(addr.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return failed(fd, err, path);
    mask = umask(0177);
    rc = bind(fd, (const struct sockaddr *)&addr, sizeof(addr));
    umask(mask);
    if (rc < 0 || listen(fd, BACKLOG) < 0)
        return failed(fd, err, path);
    *out = fd;
    return 0;
}

static int open_port(unsigned port, int *out, char where[LISTEN_WHERE_MAX], struct vitro_err *err)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t len = sizeof(addr);
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(where, LISTEN_WHERE_MAX, "127.0.0.1:%u", port);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
        bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
        return failed(fd, err, where);
    snprintf(where, LISTEN_WHERE_MAX, "127.0.0.1:%u", ntohs(addr.sin_port));
    *out = fd;
    return 0;
}

int listen_open(const char *path, unsigned port, int *fd, char where[LISTEN_WHERE_MAX],
                struct vitro_err *err)
{
    if (path == NULL)
        return open_port(port, fd, where, err);
    snprintf(where, LISTEN_WHERE_MAX, "%s", path);
    return open_unix(path, fd, err);
}

void listen_close(int fd, const char *path)
{
    if (fd < 0)
        return;
    close(fd);
    if (path != NULL)
        unlink(path);
}

/* A line of the list: local and remote address as the peer sees them, then its user. */
static bool line_is(const char *line, const struct sockaddr_in *peer, const struct sockaddr_in *own,
                    uid_t *uid)
{
    unsigned addr, port, remote, remote_port, user;

    if (sscanf(line, " %*u: %x:%x %x:%x %*x %*x:%*x %*x:%*x %*x %u", &addr, &port, &remote,
               &remote_port, &user) != 5)
        return false;
    if (addr != peer->sin_addr.s_addr || port != ntohs(peer->sin_port) ||
        remote != own->sin_addr.s_addr || remote_port != ntohs(own->sin_port))
        return false;
    *uid = user;
    return true;
}

static bool tcp_user(int fd, uid_t *uid)
{
    struct sockaddr_in peer, own;
    socklen_t peer_len = sizeof(peer), own_len = sizeof(own);
    char line[256];
    bool found = false;
    FILE *list;

    if (getpeername(fd, (struct sockaddr *)&peer, &peer_len) < 0 ||
        getsockname(fd, (struct sockaddr *)&own, &own_len) < 0)
        return false;
    list = fopen("/proc/net/tcp", "re");
    if (list == NULL)
        return false;
    while (!found && fgets(line, sizeof(line), list) != NULL)
        found = line_is(line, &peer, &own, uid);
    fclose(list);
    return found;
}

const char *listen_refuses(int fd)
{
    struct sockaddr_storage any;
    socklen_t len = sizeof(any);
    uid_t uid;

    if (getsockname(fd, (struct sockaddr *)&any, &len) < 0)
        return "a debugger was turned away: it has gone";
    if (any.ss_family == AF_UNIX) {
        struct ucred cred;

        len = sizeof(cred);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
            return "a debugger was turned away: the host does not say whose it is";
        uid = cred.uid;
    } else if (!tcp_user(fd, &uid)) {
        return "a debugger was turned away: the host does not say whose it is";
    }
    if (uid != 0 && uid != geteuid())
        return "a debugger was turned away: it is another user's";
    return NULL;
}

void listen_hurry(int fd)
{
    const int yes = 1;

    /* Not there on Unix sockets, which need it not. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}
