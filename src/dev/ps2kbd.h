/* SPDX-License-Identifier: MIT */
/*
 * ps2kbd.h - a keyboard at the end of a PS/2 cable; used by i8042.c
 *
 * It knows no bus: its bytes are asked for by whoever has the cable's other end. Keys are named by their make codes
 * in scan code set 2, with PS2KBD_EXTENDED for those that have a prefix.
 */
#ifndef DEV_PS2KBD_H
#define DEV_PS2KBD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PS2KBD_EXTENDED = 0xe000,
    PS2KBD_CTRL = 0x14,
    PS2KBD_ALT = 0x11,
    PS2KBD_SHIFT = 0x12,
    PS2KBD_DELETE = PS2KBD_EXTENDED | 0x71,
};

enum { PS2KBD_KEYS = 64, PS2KBD_ANSWERS = 4 };

struct ps2kbd {
    uint8_t set; /* of scan codes: 1 or 2 */
    uint8_t leds, typematic;
    bool scanning;
    uint8_t command; /* that waits for its second byte; 0: none */
    uint8_t last;    /* sent, for the command that asks for it again */

    uint8_t answer[PS2KBD_ANSWERS]; /* sent before keys */
    unsigned nanswers;
    uint8_t key[PS2KBD_KEYS]; /* a ring */
    unsigned head, nkeys;
};

/* As after power-up and its self-test, whose answer is not waiting any more. */
void ps2kbd_reset(struct ps2kbd *k);

/* A byte comes down the cable: a command, or the second byte of one. False: it is none that is known. */
bool ps2kbd_write(struct ps2kbd *k, uint8_t byte);

/* The next byte to go up the cable. False: there is none. */
bool ps2kbd_take(struct ps2kbd *k, uint8_t *byte);

/* Whether so many more bytes of keys would be taken now. A key has at most 3. */
bool ps2kbd_room(const struct ps2kbd *k, unsigned bytes);

/* A key goes down or up. False: it is lost, as nobody listens or too many wait. */
bool ps2kbd_key(struct ps2kbd *k, unsigned code, bool down);

/* What the controller makes of a byte of set 2 when it translates to set 1. */
uint8_t ps2kbd_translate(uint8_t byte);

/* The key of a character on an American keyboard; 0: there is none. *shift: whether Shift is held. */
unsigned ps2kbd_key_of(char c, bool *shift);

#endif
