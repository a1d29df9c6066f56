/* SPDX-License-Identifier: MIT */
/*
 * page.c - vitro view: the web page of a machine
 *
 * The page's server is a program of its own, vitro-web, which is handed a connection to the control socket. What it
 * links and parses is not in this process, which may be the one that runs the guest.
 */
#include "page.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/place.h"
#include "helper.h"

pid_t page_spawn(const char *const *args, int in, int out)
{
    pid_t pid;

    if (!helper_there("web"))
        return -ENOENT;
    fflush(NULL);
    pid = fork();
    if (pid != 0)
        return pid < 0 ? -errno : pid;
    if ((in < 0 || dup2(in, STDIN_FILENO) >= 0) && (out < 0 || dup2(out, STDOUT_FILENO) >= 0))
        helper_become("web", args);
    _exit(EXIT_HOST);
}

int page_wait(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_HOST;
}

/* Starts the server on a connection that is its own. pid NULL: this process becomes it, and only watches. */
static int serve(const struct options *o, const char *name, pid_t *pid)
{
    struct vitro_err err = { 0 };
    int fd = place_connect(name, &err);
    char number[16], port[16];
    const char *args[8] = { "serve", "--control-fd", number, "--port", port };
    unsigned n = 5;

    if (fd < 0)
        return fail_err(&err);
    snprintf(number, sizeof(number), "%d", fd);
    snprintf(port, sizeof(port), "%u", o->port);
    if (pid != NULL)
        args[n++] = "--steer";
    if (!o->no_browser && (getenv("DISPLAY") != NULL || getenv("WAYLAND_DISPLAY") != NULL))
        args[n++] = "--browser";
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    fcntl(fd, F_SETFD, 0);
    if (pid == NULL)
        return helper_fail("view", "web", helper_become("web", args));
    *pid = page_spawn(args, -1, STDERR_FILENO); /* standard output is the guest's */
    close(fd);
    return *pid < 0 ? helper_fail("view", "web", *pid) : EXIT_OK;
}

int page_open(const struct target *t, const struct options *o, pid_t *pid)
{
    struct vitro_err err = { 0 };

    *pid = 0;
    if (!o->page)
        return EXIT_OK;
    if (ctl_open(t->ctl, &err) < 0)
        return fail_err(&err);
    return serve(o, ctl_name(t->ctl), pid);
}

void page_close(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGTERM);
    page_wait(pid);
}

/* A running machine's name. */
static bool is_running(const char *name)
{
    int fd = place_name_valid(name) ? place_connect(name, NULL) : -1;

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int cmd_page(const struct command *cmd, struct options *o, int argc, char **argv)
{
    if (o->save != NULL)
        return page_save(o, argv[0]);
    if (is_running(argv[0]))
        return serve(o, argv[0], NULL);
    o->page = true;
    return cmd_run(cmd, o, argc, argv);
}
