/* SPDX-License-Identifier: MIT */
/* vitro_devices.c - the library's face: devices and their registers. */
#include "inspect/inspect_devices.h"
#include "vitro_priv.h"

int vitro_devices(const struct vitro *m, struct vitro_device_row *rows, size_t max, size_t *n,
                  struct vitro_err *err)
{
    (void)err; /* nothing here can fail */
    devices_read(m->board->m, rows, max, n);
    return 0;
}

int vitro_device_regs(const struct vitro *m, size_t device, struct vitro_device_reg *rows,
                      size_t max, size_t *n, struct vitro_err *err)
{
    return devices_read_regs(m->board->m, device, rows, max, n, err);
}

uint64_t vitro_unclaimed(const struct vitro *m, bool port)
{
    return port ? m->board->m->pio.unclaimed : m->board->m->mmio.unclaimed;
}

int vitro_show_devices(const struct vitro *m, bool all, const struct vitro_style *style, char **out,
                       struct vitro_err *err)
{
    bool json = style != NULL && style->format == VITRO_JSON;
    int rc;

    pause_hold(m->board->m);
    rc = json ? devices_json(m->board->m, out, err)
              : devices_text(m->board->m, all, style != NULL && style->color, out, err);
    pause_release(m->board->m);
    return rc;
}
