/* SPDX-License-Identifier: MIT */
/*
 * screen.c - the figures on a terminal, by ncurses
 *
 * ncurses keeps its state in the process, which is why this program is one of its own. Signals that end
 * it come through a descriptor; SIGWINCH and SIGTSTP are ncurses' own.
 */
#include "top/screen.h"

#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "ctl/signals.h"
#include "top/view.h"

enum { KEY_ESCAPE = 27, KEY_CTRL_C = 3 };

struct screen {
    struct sample *sample;
    struct figures figures;
    struct sheet sheet;
    int attr[SHEET_INKS];
    int signal_fd;
};

enum event { EVENT_TIME, EVENT_REDRAW, EVENT_NOW, EVENT_END };

static void choose_inks(struct screen *sc, bool color)
{
    sc->attr[SHEET_DIM] = (int)A_DIM;
    sc->attr[SHEET_STRONG] = sc->attr[SHEET_HOT] = (int)A_BOLD;
    if (!color || !has_colors())
        return;
    start_color();
    use_default_colors();
    init_pair(1, COLOR_CYAN, -1);
    init_pair(2, COLOR_YELLOW, -1);
    sc->attr[SHEET_TITLE] = (int)COLOR_PAIR(1);
    sc->attr[SHEET_HOT] = (int)COLOR_PAIR(2);
}

static void draw(struct screen *sc)
{
    unsigned width = COLS > 0 ? (unsigned)COLS : 0, height = LINES > 0 ? (unsigned)LINES : 0;

    sheet_begin(&sc->sheet, width, height);
    view_draw(&sc->sheet, &sc->figures);
    erase();
    for (unsigned y = 0; y < sc->sheet.nrows && y < sc->sheet.height; y++) {
        const struct sheet_row *r = &sc->sheet.row[y];

        for (unsigned x = 0; x < r->len; x++)
            mvaddch((int)y, (int)x,
                    (chtype)(unsigned char)r->text[x] | (chtype)sc->attr[r->ink[x]]);
    }
    move(height > 0 ? (int)height - 1 : 0, 0);
    refresh();
}

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static enum event key(int c)
{
    switch (c) {
    case 'q':
    case 'Q':
    case KEY_ESCAPE:
    case KEY_CTRL_C:
        return EVENT_END;
    case ' ':
        return EVENT_NOW;
    case KEY_RESIZE:
        return EVENT_REDRAW;
    default:
        return EVENT_TIME;
    }
}

/* Waits for a key, a signal or the time. A poll that a signal interrupts is one of a new size. */
static enum event wait_until(const struct screen *sc, uint64_t until)
{
    struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
                             { .fd = sc->signal_fd, .events = POLLIN } };

    for (;;) {
        uint64_t now = now_ms();
        enum event ev;
        int n = now < until ? poll(fds, 2, (int)(until - now)) : 0;

        if (n == 0)
            return EVENT_TIME;
        if (n < 0 && errno != EINTR)
            return EVENT_END;
        if (n > 0 && (fds[1].revents != 0 || fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)))
            return EVENT_END;
        ev = key(getch());
        if (ev != EVENT_TIME)
            return ev;
    }
}

/* One interval with its looks at the CPUs. 1: ended by the user. */
static int interval(struct screen *sc, unsigned interval_ms, struct vitro_err *err)
{
    uint64_t begin = now_ms();

    for (unsigned i = 1; i <= PEEKS + 1; i++) {
        enum event ev;

        while ((ev = wait_until(sc, begin + (uint64_t)interval_ms * i / (PEEKS + 1))) ==
               EVENT_REDRAW)
            draw(sc);
        if (ev == EVENT_END)
            return 1;
        if (ev == EVENT_NOW)
            break;
        if (i <= PEEKS) {
            int rc = sample_peek(sc->sample, err);

            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

static int follow(struct screen *sc, unsigned interval_ms, struct vitro_err *err)
{
    int rc;

    /* The first picture soon, whatever the interval. */
    rc = interval(sc, interval_ms < 300 ? interval_ms : 300, err);
    while (rc == 0) {
        rc = sample_take(sc->sample, err);
        if (rc < 0)
            break;
        figures_make(&sc->figures, sc->sample);
        draw(sc);
        rc = interval(sc, interval_ms, err);
    }
    return rc > 0 ? 0 : rc;
}

int screen_run(struct sample *s, unsigned interval_ms, bool color, struct vitro_err *err)
{
    struct screen *sc = calloc(1, sizeof(*sc));
    SCREEN *term;
    int rc = -ENOMEM;

    if (sc == NULL)
        return rc;
    sc->sample = s;
    figures_make(&sc->figures, s);
    sc->signal_fd = signals_end_fd(NULL);
    term = newterm(NULL, stdout, stdin);
    if (term == NULL) {
        rc = -ENOTTY;
        goto out;
    }
    cbreak();
    noecho();
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    set_escdelay(25);
    curs_set(0);
    choose_inks(sc, color);
    rc = follow(sc, interval_ms, err);
    endwin();
    delscreen(term);
out:
    if (sc->signal_fd >= 0)
        close(sc->signal_fd);
    free(sc);
    return rc;
}
