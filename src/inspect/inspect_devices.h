/* SPDX-License-Identifier: MIT */
/*
 * inspect_devices.h - the view of devices: where each answers, what was asked of it, its registers
 *
 * Used by the library's face (vitro_devices.c), whose public header says what it means. A chip that answers in several
 * places has a row for each; it shows its registers in the first.
 */
#ifndef INSPECT_INSPECT_DEVICES_H
#define INSPECT_INSPECT_DEVICES_H

#include <vitro/inspect.h>

#include "core/machine.h"

/* A row of the view. */
struct devices_row {
    const struct dev *dev;
    const struct bus_range *at; /* NULL: it answers nowhere */
    bool port;                  /* at is on the bus of ports */
};

enum { DEVICES_ROWS_MAX = 2 * BUS_RANGES_MAX + DEVS_MAX };

/* Ports, then memory, by address; then devices without a place. How many. */
size_t devices_rows(const struct machine *m, struct devices_row rows[DEVICES_ROWS_MAX]);

/* The registers of a device, at most DEV_REGS_MAX. How many. */
size_t devices_regs(const struct dev *dev, struct dev_reg rows[DEV_REGS_MAX]);

/* As vitro_devices and vitro_device_regs. */
void devices_read(const struct machine *m, struct vitro_device_row *rows, size_t max, size_t *n);
WARN_UNUSED int devices_read_regs(const struct machine *m, size_t device,
                                  struct vitro_device_reg *rows, size_t max, size_t *n,
                                  struct vitro_err *err);

WARN_UNUSED int devices_text(const struct machine *m, bool all, bool color, char **out,
                             struct vitro_err *err);
WARN_UNUSED int devices_json(const struct machine *m, char **out, struct vitro_err *err);

#endif
