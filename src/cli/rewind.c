/* SPDX-License-Identifier: MIT */
/*
 * rewind.c - run --rewind-on-fault: a guest that has failed is left to a debugger, which can step backwards
 *
 * The server is a process of its own (gdb.c) on a Unix socket beside the control socket; what it says first is that it
 * listens. On a terminal gdb is started, and has the terminal until it ends; else the command is said and waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "ctl/ctl.h"

enum { PATH_ROOM = 512, SAID_MAX = 1024 };

static bool has_failed(const struct vitro_outcome *end)
{
    return end->end == VITRO_END_SHUTDOWN || end->end == VITRO_END_PANIC ||
           end->end == VITRO_END_REFUSED;
}

/* Starts a program with default signals, and standard error at err_fd unless that is negative. */
static int start(const char *program, char **argv, short flags, int err_fd, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int rc;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr,
                             (short)(flags | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
    if (err_fd >= 0)
        posix_spawn_file_actions_adddup2(&files, err_fd, STDERR_FILENO);
    rc = posix_spawnp(pid, program, &files, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

/* True when the server listens; else what it said is in `said`. */
static bool wait_for_server(int fd, char said[SAID_MAX])
{
    size_t len = 0;
    ssize_t n = 1;

    said[0] = '\0';
    while (len < SAID_MAX - 1 && strchr(said, '\n') == NULL &&
           ((n = read(fd, said + len, SAID_MAX - 1 - len)) > 0 || (n < 0 && errno == EINTR))) {
        len += n > 0 ? (size_t)n : 0;
        said[len] = '\0';
    }
    return strstr(said, "target remote") != NULL;
}

static int start_server(const char *name, const char *path)
{
    char vitro[] = "vitro", gdb[] = "gdb", option[] = "--socket", socket[PATH_ROOM], machine[80];
    char *argv[] = { vitro, gdb, option, socket, machine, NULL };
    struct vitro_err err = { 0 };
    char said[SAID_MAX];
    int fds[2], rc;
    bool listens;
    pid_t pid;

    snprintf(socket, sizeof(socket), "%s", path);
    snprintf(machine, sizeof(machine), "%s", name);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return fail_err(&(struct vitro_err){ .text = "rewind: the host gives no pipe" });
    rc = start("/proc/self/exe", argv, POSIX_SPAWN_SETSID, fds[1], &pid);
    close(fds[1]);
    listens = rc == 0 && wait_for_server(fds[0], said);
    close(fds[0]);
    if (listens)
        return EXIT_OK;
    snprintf(err.text, sizeof(err.text), "rewind: the debugger's server: %.*s", 200,
             rc != 0 ? strerror(rc) : said);
    return fail_err(&err);
}

/* ---- gdb on the terminal ----------------------------------------------------------------------- */

struct prompt {
    struct ctl *ctl;
    pid_t pid;
};

/* gdb that ends without having come is not waited for. */
static void *await_gdb(void *arg)
{
    const struct prompt *p = arg;
    int status;

    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        ;
    ctl_let_go(p->ctl);
    return NULL;
}

static bool start_gdb(const char *path, pid_t *pid)
{
    char gdb[] = "gdb", quiet[] = "-q", ex[] = "-ex", target[PATH_ROOM + 32];
    char *argv[] = { gdb, quiet, ex, target, NULL };

    snprintf(target, sizeof(target), "target remote %s", path);
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && start(gdb, argv, 0, -1, pid) == 0;
}

/* Ctrl-C is the debugger's. */
static int linger_with(struct target *t, struct prompt *p, struct vitro_outcome *end,
                       struct vitro_err *err)
{
    sigset_t keys, before;
    pthread_t thread;
    int rc;

    sigemptyset(&keys);
    sigaddset(&keys, SIGINT);
    sigaddset(&keys, SIGQUIT);
    pthread_sigmask(SIG_BLOCK, &keys, &before);
    rc = -pthread_create(&thread, NULL, await_gdb, p);
    if (rc == 0) {
        rc = ctl_linger(t->ctl, end, err);
        pthread_join(thread, NULL);
    } else {
        snprintf(err->text, sizeof(err->text), "rewind: waiting for gdb: %s", strerror(-rc));
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static int linger_alone(struct target *t, struct vitro_outcome *end, struct vitro_err *err)
{
    struct watch *watch;
    int rc = watch_start(t, NULL, 0, &watch);

    if (rc < 0) {
        snprintf(err->text, sizeof(err->text), "rewind: watching for signals: %s", strerror(-rc));
        return rc;
    }
    rc = ctl_linger(t->ctl, end, err);
    watch_stop(watch);
    watch_end(watch);
    return rc;
}

/* Beside the control socket: "control socket /run/user/0/vitro/box.sock". */
static void gdb_path(const struct ctl *ctl, char path[PATH_ROOM])
{
    const char *where = strchr(ctl_where(ctl), '/');
    size_t len = where != NULL ? strlen(where) : 0, suffix = strlen(".sock");

    snprintf(path, PATH_ROOM, "%.*s.gdb", (int)(len > suffix ? len - suffix : 0),
             where != NULL ? where : "");
}

int rewind_prompt(struct target *t, const struct options *o, struct vitro_outcome *end)
{
    struct prompt p = { .ctl = t->ctl };
    struct vitro_err err = { 0 };
    char path[PATH_ROOM];
    int rc;

    if (!has_failed(end) || !vitro_keeps_past(t->m))
        return EXIT_OK;
    if (ctl_open(t->ctl, &err) < 0)
        return fail_err(&err);
    gdb_path(t->ctl, path);
    rc = start_server(ctl_name(t->ctl), path);
    if (rc != EXIT_OK)
        return rc;
    begin_line(t->m, o);
    fprintf(
        stderr,
        "vitro: %s: %s\nvitro: step backwards from it with reverse-stepi, reverse-step, reverse-continue: "
        "gdb -ex 'target remote %s'\n",
        vitro_guest_name(t->guest), end->text, path);
    if (start_gdb(path, &p.pid))
        rc = linger_with(t, &p, end, &err);
    else
        rc = linger_alone(t, end, &err);
    return rc < 0 ? fail_err(&err) : EXIT_OK;
}
