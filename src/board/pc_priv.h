/* SPDX-License-Identifier: MIT */
/* pc_priv.h - what the files of the PC board share: pc.c, pc_chips.c, pc_input.c, pc_kernel.c. */
#ifndef BOARD_PC_PRIV_H
#define BOARD_PC_PRIV_H

#include "board/pc.h"
#include "boot/plan.h"

enum { SERIALS = 2 };
enum { TYPED_MAX = 4096 }; /* bytes that wait for the first serial port to take them */

/* Where a part of the plan comes from at a reset. */
struct pc_origin {
    struct image_file *file; /* borrowed; NULL: from memory, as the plan says */
    uint64_t off;
};

struct pc {
    struct board board; /* first */
    struct loop *loop;
    struct boot_plan plan; /* parts with an origin have no bytes */
    struct pc_origin origin[BOOT_PARTS_MAX];
    unsigned ncpus;
    bool screen; /* what is typed goes to the keyboard, not to the first serial port */
    struct panic panic;
    struct { /* a ring, guarded by the machine lock */
        uint8_t bytes[TYPED_MAX];
        unsigned head, len;
    } typed;
    struct x86_state *start; /* one a vCPU: as it was made, for resets */
    /* owned by the machine */
    struct dev *lapic, *ioapic, *pic, *pit, *rtc, *kbd, *pm, *ferr, *uart[SERIALS];
};

static inline struct pc *pc_of(struct board *b)
{
    return (struct pc *)b;
}

/* Plans where everything goes, and places it in memory that is zero. pc_kernel.c. */
WARN_UNUSED int pc_load_kernel(struct pc *pc, const struct board_config *cfg,
                               struct vitro_err *err);

/* The same by the plan that there is, at a reset. VITRO_ERR_IMAGE: a file is not what it was. pc_kernel.c. */
WARN_UNUSED int pc_place_again(struct pc *pc, struct vitro_err *err);

/* Makes the chips and connects them; CPUs come after them. pc_chips.c. */
WARN_UNUSED int pc_add_chips(struct pc *pc, const struct board_config *cfg, struct vitro_err *err);

/* Lets what comes from the host into a run that counts its instructions. pc_input.c. */
void pc_take_input(struct pc *pc);

/* Gives the first serial port what has been typed, as far as it takes it; ctx: struct pc. */
void pc_feed_console(void *ctx);

#endif
