/* SPDX-License-Identifier: MIT */
/* ferr.h - a PC's coprocessor error logic: FERR# to an interrupt, port 0xF0 to IGNNE#; used by board/. See ferr.c. */
#ifndef DEV_FERR_H
#define DEV_FERR_H

#include "core/bus.h"
#include "core/ferr.h"
#include "core/irq.h"

enum { FERR_PORT = 0xf0 };

/* irq is copied: ISA interrupt 13. NULL: out of memory. The caller gives it to machine_add_dev. */
struct dev *ferr_new(const struct irq_line *irq);

/* The wires of the one CPU that is connected; owned by dev. */
struct ferr *ferr_wires(struct dev *dev);

#endif
