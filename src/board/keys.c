/* SPDX-License-Identifier: MIT */
/*
 * keys.c - see keys.h
 *
 * Sources: "PC-Style Function Keys" in xterm's control sequences; console_codes(4) for the Linux console's F1 to F5.
 * Without: keys with Shift, Alt or Control that have sequences of their own.
 */
#include "board/keys.h"

#include <string.h>

#include "base/bits.h"
#include "dev/ps2kbd.h"

/* X(make code in set 2, sequences after ESC) */
#define EXT PS2KBD_EXTENDED
#define KEYS(X)                                 \
    X(0x05, "OP", "[11~", "[[A") /* F1 */       \
    X(0x06, "OQ", "[12~", "[[B")                \
    X(0x04, "OR", "[13~", "[[C")                \
    X(0x0c, "OS", "[14~", "[[D")                \
    X(0x03, "[15~", "[[E")                      \
    X(0x0b, "[17~")                             \
    X(0x83, "[18~")                             \
    X(0x0a, "[19~")                             \
    X(0x01, "[20~")                             \
    X(0x09, "[21~")                             \
    X(0x78, "[23~")                             \
    X(0x07, "[24~")           /* F12 */         \
    X(EXT | 0x75, "[A", "OA") /* up */          \
    X(EXT | 0x72, "[B", "OB")                   \
    X(EXT | 0x74, "[C", "OC")                   \
    X(EXT | 0x6b, "[D", "OD")                   \
    X(EXT | 0x6c, "[H", "OH", "[1~") /* Home */ \
    X(EXT | 0x69, "[F", "OF", "[4~")            \
    X(EXT | 0x70, "[2~") /* Insert */           \
    X(EXT | 0x71, "[3~")                        \
    X(EXT | 0x7d, "[5~") /* page up */          \
    X(EXT | 0x7a, "[6~")

enum { ESC = 0x1b, SPELLINGS = 3 };

static const struct key_row {
    uint16_t code;
    const char *sent[SPELLINGS];
} keys[] = {
#define X(code, ...) { code, { __VA_ARGS__ } },
    KEYS(X)
#undef X
};

size_t keys_next(const uint8_t *bytes, size_t len, uint8_t *key)
{
    *key = bytes[0] < KEYS_FIRST ? bytes[0] : 0; /* what is no ASCII is on no key */
    if (bytes[0] != ESC)
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        for (size_t k = 0; k < SPELLINGS && keys[i].sent[k] != NULL; k++) {
            size_t n = strlen(keys[i].sent[k]);

            if (n < len && memcmp(bytes + 1, keys[i].sent[k], n) == 0) {
                *key = (uint8_t)(KEYS_FIRST + i);
                return 1 + n;
            }
        }
    }
    return 1;
}

unsigned keys_code(uint8_t key)
{
    size_t row = (size_t)key - KEYS_FIRST;

    return key >= KEYS_FIRST && row < ARRAY_LEN(keys) ? keys[row].code : 0;
}
