/* SPDX-License-Identifier: MIT */
/* hashes.c - run --hash-every: a line a hash, or a list of them in JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"

/* What JSON holds of a run that is long: the first ones, the last, and how many there were. */
enum { KEPT_MAX = 65536 };

struct hashes {
    const struct options *o; /* borrowed, as the next */
    struct vitro *m;
    bool keep;
    json_t *list;
    uint64_t n;
    uint64_t insns, hash; /* the last one */
    /* who else wants events */
    void (*event)(void *ctx, const struct vitro_event *ev);
    void *event_ctx;
};

static json_t *row_json(uint64_t insns, uint64_t hash)
{
    char word[32];

    snprintf(word, sizeof(word), "0x%016" PRIx64, hash);
    return json_pack("{s:I, s:s}", "insns", (json_int_t)insns, "hash", word);
}

static void take(struct hashes *h, uint64_t insns, uint64_t hash)
{
    h->n++;
    h->insns = insns;
    h->hash = hash;
    if (!h->keep) {
        begin_line(h->m, h->o);
        fprintf(stderr, "hash %" PRIu64 " 0x%016" PRIx64 "\n", insns, hash);
    } else if (json_array_size(h->list) < KEPT_MAX) {
        json_array_append_new(h->list, row_json(insns, hash));
    }
}

static void on_event(void *ctx, const struct vitro_event *ev)
{
    struct hashes *h = ctx;

    if (ev->kind == VITRO_EVENT_HASH)
        take(h, ev->insns, ev->hash);
    if (h->event != NULL)
        h->event(h->event_ctx, ev);
}

int hashes_open(struct options *o, struct hashes **out)
{
    struct hashes *h = NULL;

    *out = NULL;
    if (o->machine.hash_every == 0)
        return EXIT_OK;
    h = calloc(1, sizeof(*h));
    if (h == NULL)
        return fail_err(&(struct vitro_err){ .text = "keeping hashes: out of memory" });
    h->o = o;
    h->keep = o->json;
    h->list = json_array();
    h->event = o->machine.event;
    h->event_ctx = o->machine.event_ctx;
    o->machine.event = on_event;
    o->machine.event_ctx = h;
    *out = h;
    return EXIT_OK;
}

void hashes_machine(struct hashes *h, struct vitro *m)
{
    if (h != NULL)
        h->m = m;
}

int hashes_end(struct hashes *h)
{
    struct vitro_err err = { 0 };
    uint64_t insns, hash;

    if (h == NULL)
        return EXIT_OK;
    if (vitro_state_hash(h->m, &insns, &hash, &err) < 0)
        return fail_err(&err);
    if (h->n == 0 || insns != h->insns) /* it did not end at one */
        take(h, insns, hash);
    return EXIT_OK;
}

json_t *hashes_json(const struct hashes *h)
{
    if (h == NULL)
        return NULL;
    return json_pack("{s:I, s:O, s:o}", "count", (json_int_t)h->n, "first", h->list, "last",
                     row_json(h->insns, h->hash));
}

void hashes_close(struct hashes *h)
{
    if (h == NULL)
        return;
    json_decref(h->list);
    free(h);
}
