/* SPDX-License-Identifier: MIT */
/* watchpoints.c - --watch: from words to what the library takes. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static bool parse_how(const char *word, unsigned *how)
{
    static const struct {
        const char *word;
        unsigned how;
    } rows[] = { { "r", VITRO_WATCH_READ },
                 { "w", VITRO_WATCH_WRITE },
                 { "rw", VITRO_WATCH_READ | VITRO_WATCH_WRITE } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(word, rows[i].word) == 0) {
            *how = rows[i].how;
            return true;
        }
    }
    return false;
}

static const char *add_spec(struct options *o, char *word)
{
    struct watch_spec spec = { .addr = strsep(&word, ":"), .len = 1, .how = VITRO_WATCH_WRITE };
    const char *len = strsep(&word, ":");
    struct watch_spec *list;

    if (*spec.addr == '\0')
        return "ADDR[:LEN][:r|w|rw] is wanted, such as counter:8:rw";
    if (len != NULL && word == NULL && parse_how(len, &spec.how))
        len = NULL; /* ADDR:rw */
    if (len != NULL && (!parse_number(len, &spec.len) || spec.len == 0))
        return "the length is a number of bytes from 1";
    if (word != NULL && !parse_how(word, &spec.how))
        return "accesses are r, w and rw";
    list = realloc(o->watches, (o->nwatches + 1) * sizeof(*list));
    if (list == NULL)
        return "out of memory";
    list[o->nwatches++] = spec;
    o->watches = list;
    return NULL;
}

/* The word is left as it was when it is wrong, for the message. */
const char *watchpoints_add(struct options *o, char *word)
{
    size_t len = strlen(word);
    const char *wrong = add_spec(o, word);

    for (size_t i = 0; wrong != NULL && i < len; i++) {
        if (word[i] == '\0')
            word[i] = ':';
    }
    return wrong;
}

struct vitro_watch *watchpoints_resolve(const struct target *t, const struct options *o, int *code)
{
    struct vitro_watch *list = calloc(o->nwatches + 1, sizeof(*list));

    *code = EXIT_OK;
    if (list == NULL)
        *code = fail_err(&(struct vitro_err){ .text = "setting watchpoints: out of memory" });
    for (unsigned i = 0; i < o->nwatches && *code == EXIT_OK; i++) {
        const struct watch_spec *spec = &o->watches[i];

        list[i] = (struct vitro_watch){ .len = spec->len, .how = spec->how };
        *code = target_addr(t, o, spec->addr, &list[i].addr);
    }
    if (*code == EXIT_OK)
        return list;
    free(list);
    return NULL;
}
