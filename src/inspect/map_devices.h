/* SPDX-License-Identifier: MIT */
/* map_devices.h - the devices' part of the map; used by map.c */
#ifndef INSPECT_MAP_DEVICES_H
#define INSPECT_MAP_DEVICES_H

#include <jansson.h>

#include "core/machine.h"
#include "inspect/grid.h"

/* Rows of the map's columns: memory-mapped ranges, then ports, by address. Nothing where there are no devices. */
void map_draw_devices(struct grid *g, const struct machine *m, unsigned digits);

/* A list, or NULL when memory has run out. */
json_t *map_devices_json(const struct machine *m);

#endif
