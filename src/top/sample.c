/* SPDX-License-Identifier: MIT */
/* sample.c - what a running machine did in the last interval. */
#include "top/sample.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const double kept = 0.8; /* of a spot's weight, an interval */

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Replaces *doc by the answer. */
static int ask(struct sample *s, const char *method, json_t *params, json_t **doc,
               struct vitro_err *err)
{
    json_t *result = NULL;
    int rc = client_call(s->client, method, params, &result, err);

    if (rc < 0)
        return rc;
    json_decref(*doc);
    *doc = result;
    return 0;
}

static void add_spot(struct sample *s, const char *name)
{
    struct spot *least = &s->spot[0];
    unsigned i;

    for (i = 0; i < s->nspots; i++) {
        if (strcmp(s->spot[i].name, name) == 0)
            break;
        if (s->spot[i].weight < least->weight)
            least = &s->spot[i];
    }
    if (i == s->nspots) {
        struct spot *fresh = s->nspots < SPOTS_MAX ? &s->spot[s->nspots++] : least;

        snprintf(fresh->name, sizeof(fresh->name), "%s", name);
        fresh->weight = 0;
        i = (unsigned)(fresh - s->spot);
    }
    s->spot[i].weight += 1;
}

/* The function, without the offset in it. */
static void see(struct sample *s, const json_t *regs)
{
    const char *symbol = json_string_value(json_object_get(regs, "symbol"));
    const char *rip = json_string_value(json_object_get(regs, "rip"));
    char name[SPOT_NAME];

    if (rip == NULL)
        return;
    if (symbol != NULL && *symbol != '\0')
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(symbol, "+"), symbol);
    else
        snprintf(name, sizeof(name), "%s", rip);
    add_spot(s, name);
}

int sample_peek(struct sample *s, struct vitro_err *err)
{
    int rc = 0;

    for (unsigned i = 0; i < s->ncpus && rc == 0; i++) {
        rc = ask(s, "regs", json_pack("{s:i}", "cpu", (int)i), &s->regs[i], err);
        if (rc == 0)
            see(s, s->regs[i]);
    }
    return rc;
}

static void fade(struct sample *s)
{
    unsigned n = 0;

    for (unsigned i = 0; i < s->nspots; i++) {
        s->spot[i].weight *= kept;
        if (s->spot[i].weight > 0.1)
            s->spot[n++] = s->spot[i];
    }
    s->nspots = n;
}

static int begin(struct sample *s, struct vitro_err *err)
{
    json_t *mark = NULL;
    int rc = ask(s, "exits.mark", NULL, &mark, err);

    s->mark = json_integer_value(json_object_get(mark, "mark"));
    s->began_ns = now_ns();
    json_decref(mark);
    return rc;
}

static int take_devices(struct sample *s, struct vitro_err *err)
{
    json_decref(s->before);
    s->before = s->devices;
    s->devices = NULL;
    return ask(s, "devices", NULL, &s->devices, err);
}

int sample_take(struct sample *s, struct vitro_err *err)
{
    int rc = ask(s, "exits", json_pack("{s:I}", "since", s->mark), &s->exits, err);

    s->seconds = (double)(now_ns() - s->began_ns) / 1e9;
    if (rc == 0)
        rc = begin(s, err);
    if (rc == 0)
        rc = ask(s, "info", NULL, &s->info, err);
    fade(s);
    if (rc == 0)
        rc = sample_peek(s, err);
    if (rc == 0)
        rc = take_devices(s, err);
    if (rc == 0)
        rc = ask(s, "heat", NULL, &s->heat, err);
    if (rc == 0 && s->ticks++ % MAP_EVERY == 0)
        rc = ask(s, "map", NULL, &s->map, err);
    return rc;
}

int sample_open(struct sample *s, struct client *client, struct vitro_err *err)
{
    int rc;

    *s = (struct sample){ .client = client };
    rc = ask(s, "info", NULL, &s->info, err);
    s->ncpus = (unsigned)json_integer_value(json_object_get(s->info, "cpus"));
    if (s->ncpus > CPUS_MAX)
        s->ncpus = CPUS_MAX;
    if (rc == 0)
        rc = take_devices(s, err);
    if (rc == 0)
        rc = ask(s, "heat", NULL, &s->heat, err);
    return rc < 0 ? rc : begin(s, err);
}

void sample_close(struct sample *s)
{
    json_t *docs[] = { s->info, s->exits, s->devices, s->before, s->map, s->heat };

    for (unsigned i = 0; i < sizeof(docs) / sizeof(docs[0]); i++)
        json_decref(docs[i]);
    for (unsigned i = 0; i < CPUS_MAX; i++)
        json_decref(s->regs[i]);
    client_close(s->client);
}
