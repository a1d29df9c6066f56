/* SPDX-License-Identifier: MIT */
/*
 * console.c - standard input as a guest's serial line, while the guest runs here or elsewhere
 *
 * A terminal is put into raw mode, so that Ctrl-C and all other keys are the guest's; Ctrl-] is ours and
 * opens a menu of one key. It is put back whatever ends the run: return, exit, a signal. From a pipe or file
 * the bytes are passed on as the guest takes them, and no faster; the end of input is not the end of the run.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include "cli.h"

enum { KEY_MENU = 0x1d /* Ctrl-] */, CHUNK = 256, RETRY_MS = 5 };

struct console {
    struct console_line line;
    pthread_t thread;
    int end_fd;
    bool raw;
    bool in_menu; /* the key before was KEY_MENU */
    struct termios before;
};

/* ---- the terminal ---------------------------------------------------------------------------- */

static void restore(struct console *c)
{
    if (c->raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &c->before);
    c->raw = false;
}

/* A run that was killed could not put the terminal back. */
static void hint_at_raw(void)
{
    struct termios t;

    if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &t) == 0 &&
        !(t.c_lflag & (tcflag_t)(ECHO | ICANON | ISIG)))
        fputs(
            "vitro: this terminal was left in raw mode; afterwards 'stty sane' or 'reset' puts it "
            "right\r\n",
            stderr);
}

static void make_raw(struct console *c)
{
    struct termios t;

    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &c->before) < 0)
        return;
    t = c->before;
    t.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    t.c_cflag = (t.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    /* Output keeps its newline translation: our own lines are printed too. */
    c->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &t) == 0;
}

void console_suspend(struct console *c)
{
    if (c != NULL)
        restore(c);
}

void console_resume(struct console *c)
{
    if (c != NULL)
        make_raw(c);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void show_menu(const struct console *c)
{
    fprintf(stderr,
            "\r\nvitro: one key now:\r\n"
            "  q       end the run\r\n"
            "  p       press the power button: the guest may heed it\r\n"
            "%s"
            "  Ctrl-]  type Ctrl-]\r\n"
            "  c       or any other: back to the guest\r\n",
            c->line.leave != NULL ? "  d       leave, the machine runs on\r\n" : "");
}

/* Waits a little for the guest to take more; false when the run ends meanwhile. */
static bool wait_for_room(const struct console *c)
{
    struct pollfd end = { .fd = c->end_fd, .events = POLLIN };

    return poll(&end, 1, RETRY_MS) == 0;
}

static bool send_all(struct console *c, const char *bytes, size_t len)
{
    while (len > 0) {
        size_t taken = c->line.send(c->line.ctx, bytes, len);

        bytes += taken;
        len -= taken;
        if (len > 0 && !wait_for_room(c))
            return false;
    }
    return true;
}

static void menu_key(struct console *c, char key)
{
    switch (key) {
    case KEY_MENU:
        send_all(c, &key, 1);
        break;
    case 'q':
        c->line.stop(c->line.ctx);
        break;
    case 'p':
        c->line.power(c->line.ctx);
        break;
    case 'd':
        if (c->line.leave != NULL)
            c->line.leave(c->line.ctx);
        break;
    default:
        break;
    }
}

/* Keys of a terminal, where KEY_MENU is ours; what lies between goes on in one piece. */
static bool take_keys(struct console *c, const char *bytes, size_t len)
{
    size_t from = 0;

    for (size_t i = 0; i < len; i++) {
        if (c->in_menu) {
            c->in_menu = false;
            menu_key(c, bytes[i]);
            from = i + 1;
        } else if (bytes[i] == KEY_MENU) {
            if (!send_all(c, bytes + from, i - from))
                return false;
            c->in_menu = true;
            show_menu(c);
            from = i + 1;
        }
    }
    return send_all(c, bytes + from, len - from);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void *console_thread(void *arg)
{
    struct console *c = arg;
    bool terminal = isatty(STDIN_FILENO);

    for (;;) {
        struct pollfd p[] = { { .fd = STDIN_FILENO, .events = POLLIN },
                              { .fd = c->end_fd, .events = POLLIN } };
        char bytes[CHUNK];
        ssize_t n;

        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (p[1].revents != 0)
            return NULL;
        if (p[0].revents == 0)
            continue;
        n = read(STDIN_FILENO, bytes, sizeof(bytes));
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
            return NULL; /* the end of input; EIO: a terminal that belongs to another job */
        if (n > 0 && !(terminal ? take_keys : send_all)(c, bytes, (size_t)n))
            return NULL;
    }
}

int console_start(const struct console_line *line, struct console **out)
{
    struct console *c;
    int rc;

    *out = NULL;
    c = calloc(1, sizeof(*c));
    if (c == NULL)
        return -ENOMEM;
    c->line = *line;
    c->end_fd = eventfd(0, EFD_CLOEXEC);
    rc = c->end_fd < 0 ? -errno : start_quiet_thread(&c->thread, console_thread, c);
    if (rc < 0) {
        if (c->end_fd >= 0)
            close(c->end_fd);
        free(c);
        return rc;
    }
    hint_at_raw();
    *out = c;
    return 0;
}

void console_end(struct console *c)
{
    const uint64_t one = 1;

    if (c == NULL)
        return;
    if (write(c->end_fd, &one, sizeof(one)) == sizeof(one))
        pthread_join(c->thread, NULL);
    restore(c);
    close(c->end_fd);
    free(c);
}
