/* SPDX-License-Identifier: MIT */
/* figures_json.c - the figures of an interval as one object, for scripts. */
#include "top/figures.h"

static json_t *kinds_json(const struct figures *f)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < f->nkinds; i++)
        json_array_append_new(list, json_pack("{s:s, s:f}", "reason", f->kind[i].reason,
                                              "per_second", f->kind[i].rate));
    return list;
}

static json_t *places_json(const struct figures *f)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < f->nplaces; i++) {
        const struct place_row *p = &f->place[i];

        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:f}", "reason",
                                              p->reason, "direction", p->direction, "address",
                                              p->address, "device", p->device, "rip", p->rip,
                                              "symbol", p->symbol, "per_second", p->rate));
    }
    return list;
}

static json_t *cpus_json(const struct figures *f)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < f->ncpus; i++) {
        const struct cpu_row *c = &f->cpu[i];

        json_array_append_new(list, json_pack("{s:i, s:s, s:i, s:s, s:s, s:f, s:o, s:f}", "cpu",
                                              (int)i, "mode", c->mode, "cpl", c->cpl, "rip", c->rip,
                                              "symbol", c->symbol, "per_second", c->rate, "guest",
                                              c->guest < 0 ? json_null() : json_real(c->guest),
                                              "monitor", c->monitor));
    }
    return list;
}

static json_t *seen_json(const struct figures *f)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < f->nseen; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:f}", "name", f->seen[i].name, "share", f->seen[i].weight));
    return list;
}

static json_t *devices_json(const struct figures *f)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < f->ndevices; i++) {
        const struct device_row *d = &f->device[i];

        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:f, s:f}", "name", d->name, "space",
                                              d->space, "base", d->base, "reads", d->reads,
                                              "writes", d->writes));
    }
    return list;
}

json_t *figures_json(const struct figures *f)
{
    const struct sample *s = f->of;

    return json_pack("{s:O*, s:O*, s:f, s:f, s:o, s:o, s:o, s:o, s:O*, s:O*, s:o}", "name",
                     json_object_get(s->info, "name"), "state", json_object_get(s->info, "state"),
                     "seconds", s->seconds, "exits_per_second", f->rate, "kinds", kinds_json(f),
                     "places", places_json(f), "cpus", cpus_json(f), "seen", seen_json(f), "ranges",
                     json_object_get(s->map, "ranges"), "heat", s->heat, "devices",
                     devices_json(f));
}
