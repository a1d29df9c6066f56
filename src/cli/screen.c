/* SPDX-License-Identifier: MIT */
/*
 * screen.c - the guest's text screen, on the terminal while it runs and in the output at its end
 *
 * 80 x 25 cells of a PC's text memory: a character of code page 437 and its colours. On a terminal one thread
 * looks ten times a second and paints the rows that have changed. Elsewhere the screen is printed once, at the
 * end, as text.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cli.h"

enum { ROWS = VITRO_SCREEN_ROWS, COLS = VITRO_SCREEN_COLS, LOOK_MS = 100, UTF8_MAX = 3 };

struct screen {
    struct vitro *m;
    pthread_t thread;
    int end_fd; /* -1: no thread, it is no terminal */
    uint16_t shown[ROWS * COLS];
};

/* ---- characters ------------------------------------------------------------------------------ */

/* Code page 437: what differs from ASCII. Codes below 32 are pictures too. */
static const uint16_t low_pictures[32] = {
    ' ',    0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8, 0x25cb, 0x25d9,
    0x2642, 0x2640, 0x266a, 0x266b, 0x263c, 0x25ba, 0x25c4, 0x2195, 0x203c, 0xb6,   0xa7,
    0x25ac, 0x21a8, 0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc,
};
static const uint16_t high_letters[129] = {
    /* from 127 on */
    0x2302, 0xc7,   0xfc,   0xe9,   0xe2,   0xe4,   0xe0,   0xe5,   0xe7,   0xea,   0xeb,   0xe8,
    0xef,   0xee,   0xec,   0xc4,   0xc5,   0xc9,   0xe6,   0xc6,   0xf4,   0xf6,   0xf2,   0xfb,
    0xf9,   0xff,   0xd6,   0xdc,   0xa2,   0xa3,   0xa5,   0x20a7, 0x192,  0xe1,   0xed,   0xf3,
    0xfa,   0xf1,   0xd1,   0xaa,   0xba,   0xbf,   0x2310, 0xac,   0xbd,   0xbc,   0xa1,   0xab,
    0xbb,   0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551,
    0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e,
    0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565,
    0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590,
    0x2580, 0x3b1,  0xdf,   0x393,  0x3c0,  0x3a3,  0x3c3,  0xb5,   0x3c4,  0x3a6,  0x398,  0x3a9,
    0x3b4,  0x221e, 0x3c6,  0x3b5,  0x2229, 0x2261, 0xb1,   0x2265, 0x2264, 0x2320, 0x2321, 0xf7,
    0x2248, 0xb0,   0x2219, 0xb7,   0x221a, 0x207f, 0xb2,   0x25a0, ' ',
};

static unsigned unicode_of(uint8_t code)
{
    return code < 32 ? low_pictures[code] : code < 127 ? code : high_letters[code - 127];
}

/* Appends a character; returns the new end. */
static char *put_utf8(char *out, unsigned c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* A row without the blanks at its end. */
static void row_text(const uint16_t *row, char out[COLS * UTF8_MAX + 1])
{
    unsigned n = COLS;

    while (n > 0 && unicode_of((uint8_t)row[n - 1]) == ' ')
        n--;
    for (unsigned i = 0; i < n; i++)
        out = put_utf8(out, unicode_of((uint8_t)row[i]));
    *out = '\0';
}

/* ---- the terminal ---------------------------------------------------------------------------- */

/* A PC's attribute as the terminal's colours: the first three bits are in the other order. */
static void put_colours(unsigned attribute)
{
    static const unsigned order[8] = { 0, 4, 2, 6, 1, 5, 3, 7 };
    unsigned ink = attribute & 0xf, paper = attribute >> 4;

    printf("\033[%u;%um", order[ink & 7] + (ink & 8 ? 90 : 30),
           order[paper & 7] + (paper & 8 ? 100 : 40));
}

static void paint_row(unsigned y, const uint16_t *row)
{
    unsigned colours = ~0u;

    printf("\033[%u;1H", y + 1);
    for (unsigned x = 0; x < COLS; x++) {
        char text[UTF8_MAX + 1];

        if (colours != row[x] >> 8)
            put_colours(colours = row[x] >> 8);
        *put_utf8(text, unicode_of((uint8_t)row[x])) = '\0';
        fputs(text, stdout);
    }
    fputs("\033[0m", stdout);
}

static void paint_changes(struct screen *s, bool all)
{
    uint16_t now[ROWS * COLS];

    if (vitro_screen(s->m, now) < 0)
        return;
    for (unsigned y = 0; y < ROWS; y++) {
        if (all || memcmp(now + y * COLS, s->shown + y * COLS, COLS * sizeof(now[0])) != 0)
            paint_row(y, now + y * COLS);
    }
    memcpy(s->shown, now, sizeof(now));
    fflush(stdout);
}

static void *screen_thread(void *arg)
{
    struct screen *s = arg;
    struct pollfd end = { .fd = s->end_fd, .events = POLLIN };

    while (poll(&end, 1, LOOK_MS) <= 0)
        paint_changes(s, false);
    return NULL;
}

/* ---- for the run ----------------------------------------------------------------------------- */

int screen_start(struct vitro *m, const struct options *o, struct screen **out)
{
    struct screen *s;
    int rc;

    *out = NULL;
    if (!o->machine.screen || !screen_has_terminal(o))
        return 0;
    s = calloc(1, sizeof(*s));
    if (s == NULL)
        return -ENOMEM;
    s->m = m;
    s->end_fd = eventfd(0, EFD_CLOEXEC);
    fputs("\033[2J", stdout);
    paint_changes(s, true);
    rc = s->end_fd < 0 ? -errno : start_quiet_thread(&s->thread, screen_thread, s);
    if (rc < 0) {
        if (s->end_fd >= 0)
            close(s->end_fd);
        free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void screen_end(struct screen *s)
{
    const uint64_t one = 1;

    if (s == NULL)
        return;
    if (write(s->end_fd, &one, sizeof(one)) == sizeof(one))
        pthread_join(s->thread, NULL);
    paint_changes(s, false);
    printf("\033[%d;1H", ROWS + 1);
    fflush(stdout);
    close(s->end_fd);
    free(s);
}

bool screen_has_terminal(const struct options *o)
{
    return o->console && !o->json && isatty(STDOUT_FILENO);
}

int screen_print(const struct vitro *m, const struct options *o)
{
    uint16_t cells[ROWS * COLS];
    char text[COLS * UTF8_MAX + 1];
    int rc = 0;

    if (!o->machine.screen || screen_has_terminal(o) || vitro_screen(m, cells) < 0)
        return EXIT_OK;
    for (unsigned y = 0; y < ROWS && rc >= 0; y++) {
        row_text(cells + y * COLS, text);
        rc = printf("%s\n", text);
    }
    return rc < 0 || fflush(stdout) != 0 ? EXIT_HOST : EXIT_OK;
}

json_t *screen_json(const struct vitro *m)
{
    uint16_t cells[ROWS * COLS];
    char text[COLS * UTF8_MAX + 1];
    json_t *rows;

    if (vitro_screen(m, cells) < 0)
        return NULL;
    rows = json_array();
    for (unsigned y = 0; y < ROWS; y++) {
        row_text(cells + y * COLS, text);
        json_array_append_new(rows, json_string(text));
    }
    return rows;
}
