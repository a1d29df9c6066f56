/* SPDX-License-Identifier: MIT */
/*
 * keys.h - keys of a terminal, for the keyboard of a PC with a text screen; used by the PC board
 *
 * A terminal sends characters as bytes, and other keys as sequences that begin with ESC. Both become one byte a key:
 * characters stay what they are, other keys are from KEYS_FIRST on.
 */
#ifndef BOARD_KEYS_H
#define BOARD_KEYS_H

#include <stddef.h>
#include <stdint.h>

enum { KEYS_FIRST = 0x80 };

/*
 * keys_next - the first key of what a terminal has sent
 *
 * bytes,len  not empty; a sequence is known by standing here as a whole
 * key        receives the key
 *
 * Returns how many bytes it took, 1..len.
 */
size_t keys_next(const uint8_t *bytes, size_t len, uint8_t *key);

/* The make code of a key from KEYS_FIRST on (ps2kbd.h), 0 for none. */
unsigned keys_code(uint8_t key);

#endif
