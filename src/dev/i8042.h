/* SPDX-License-Identifier: MIT */
/*
 * i8042.h - keyboard controller of a PC with its keyboard; used by board/
 *
 * One device for the machine, two places on the port bus (i8042_part). All under the machine lock.
 */
#ifndef DEV_I8042_H
#define DEV_I8042_H

#include "core/bus.h"
#include "core/irq.h"
#include "dev/ps2kbd.h"

enum i8042_part { I8042_DATA, I8042_COMMAND, I8042_PARTS };
enum { I8042_DATA_PORT = 0x60, I8042_COMMAND_PORT = 0x64, I8042_PART_LEN = 1 };

struct i8042_config {
    struct irq_line irq; /* the keyboard's: high while a byte waits to be read */
    /* The CPUs' reset pin is pulsed: by command 0xf0..0xfe, or bit 0 of the output port. Called in an access. */
    void (*reset)(void *ctx);
    void *reset_ctx;
};

/* cfg is copied. Returns NULL when out of memory. The caller gives it to machine_add_dev. */
struct dev *i8042_new(const struct i8042_config *cfg);

/* What belongs on the port bus at a part's port; owned by dev. I8042_DATA gives dev itself. */
struct dev *i8042_part(struct dev *dev, enum i8042_part part);

/* A key goes down or up: its make code in set 2 (ps2kbd.h). False: lost, as nobody listens or too many wait. */
bool i8042_key(struct dev *dev, unsigned code, bool down);

/* Types a character on an American keyboard. False: no key has it, or it is lost. */
bool i8042_type(struct dev *dev, char c);

/* A character, or a key that goes down and up, would be taken now; or is lost in any case, as nobody listens. */
bool i8042_ready(const struct dev *dev);

/* Control, Alt and Delete go down and up. False: lost. */
bool i8042_ctrl_alt_del(struct dev *dev);

#endif
