/* SPDX-License-Identifier: MIT */
/*
 * device.h - for embedders who add a device of their own to a machine
 *
 * A device claims a range of ports or of guest-physical addresses and is called for every access to it,
 * on the vCPU's thread and under the machine's lock: it must not block for long, and it must not call
 * vitro_run, vitro_step or vitro_free. vitro_stop, vitro_mem_read and vitro_mem_write are allowed.
 */
#ifndef VITRO_DEVICE_H
#define VITRO_DEVICE_H

#include <stdint.h>

#include <vitro/vitro.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

enum vitro_bus { VITRO_BUS_PIO, VITRO_BUS_MMIO };

/* Access widths in bytes, to be ORed. The bus cuts wider accesses; narrower ones find no device. */
enum vitro_width { VITRO_W8 = 1, VITRO_W16 = 2, VITRO_W32 = 4, VITRO_W64 = 8 };

/* Copied by vitro_add_device; ctx is borrowed until vitro_free. */
struct vitro_device {
    const char *name; /* borrowed until vitro_free; shown in tables and traces */
    enum vitro_bus bus;
    uint64_t base, len; /* ports or guest-physical bytes; not over another device or memory */
    unsigned widths;    /* enum vitro_width; 0 means 1 byte only */
    /* off: from base. width: one of `widths`. NULL: reads give all ones. */
    uint64_t (*read)(void *ctx, uint64_t off, unsigned width);
    /* NULL: writes are lost. */
    void (*write)(void *ctx, uint64_t off, unsigned width, uint64_t val);
    void *ctx;
};

/*
 * vitro_add_device - attach a device to a machine that has not run yet
 *
 * -EEXIST: something else is there; -EINVAL: empty or wrapping range; -EBUSY: it has run already; -ENOSPC:
 * no room for another device; -ENOMEM. Thread: the machine's owner.
 */
int vitro_add_device(struct vitro *m, const struct vitro_device *dev, struct vitro_err *err);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
