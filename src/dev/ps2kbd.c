/* SPDX-License-Identifier: MIT */
/*
 * ps2kbd.c - keyboard with 101 keys, as of the IBM PS/2
 *
 * Source: IBM Personal System/2 Hardware Interface Technical Reference, "Keyboard (101- and 102-Key)": commands,
 * answers, scan code sets 1 and 2. Without: set 3 and what only it has (refused), keys that repeat while they are
 * held (the sender of keys repeats them), Pause and Print Screen with their codes of several keys.
 */
#include "dev/ps2kbd.h"

#include <string.h>

#include "base/bits.h"

enum {
    ACK = 0xfa,
    RESEND = 0xfe,
    SELF_TEST_PASSED = 0xaa,
    ECHO = 0xee,
    BREAK = 0xf0, /* in set 2, before the code of a key that goes up */
    PREFIX = 0xe0,
};

/* Commands. */
enum {
    SET_LEDS = 0xed,
    SCAN_SET = 0xf0,
    READ_ID = 0xf2,
    SET_TYPEMATIC = 0xf3,
    ENABLE = 0xf4,
    DISABLE = 0xf5,
    SET_DEFAULT = 0xf6,
    ALL_FIRST = 0xf7, /* to ALL_LAST: kinds of all keys, which only set 3 heeds */
    ALL_LAST = 0xfa,
    RESET = 0xff,
};

static void answer(struct ps2kbd *k, uint8_t byte)
{
    if (k->nanswers < PS2KBD_ANSWERS)
        k->answer[k->nanswers++] = byte;
}

static void set_default(struct ps2kbd *k)
{
    k->set = 2;
    k->typematic = 0x2b; /* 10.9 characters a second, after 500 ms */
    k->head = k->nkeys = 0;
}

void ps2kbd_reset(struct ps2kbd *k)
{
    *k = (struct ps2kbd){ .scanning = true };
    set_default(k);
}

/* ---- commands ---------------------------------------------------------------------------------- */

static bool second_byte(struct ps2kbd *k, uint8_t command, uint8_t byte)
{
    if (command == SCAN_SET && byte > 2) {
        answer(k, RESEND);
        return false;
    }
    answer(k, ACK);
    if (command == SET_LEDS)
        k->leds = byte & 7;
    else if (command == SET_TYPEMATIC)
        k->typematic = byte & 0x7f;
    else if (byte == 0)
        answer(k, k->set);
    else
        k->set = byte;
    return true;
}

/* What a command does besides being acknowledged. False: there is no such command. */
static bool act(struct ps2kbd *k, uint8_t command)
{
    switch (command) {
    case SET_LEDS:
    case SCAN_SET:
    case SET_TYPEMATIC:
        k->command = command;
        return true;
    case READ_ID:
        answer(k, 0xab);
        answer(k, 0x83);
        return true;
    case ENABLE:
        k->scanning = true;
        return true;
    case DISABLE:
        k->scanning = false;
        set_default(k);
        return true;
    case SET_DEFAULT:
        set_default(k);
        return true;
    case RESET:
        k->scanning = true;
        k->leds = 0;
        set_default(k);
        answer(k, SELF_TEST_PASSED);
        return true;
    default:
        return command >= ALL_FIRST && command <= ALL_LAST;
    }
}

bool ps2kbd_write(struct ps2kbd *k, uint8_t byte)
{
    uint8_t command = k->command;

    k->nanswers = 0;
    k->command = 0;
    if (command != 0 && byte < SET_LEDS) /* else a new command takes its place */
        return second_byte(k, command, byte);
    if (byte == ECHO || byte == RESEND) {
        answer(k, byte == ECHO ? ECHO : k->last);
        return true;
    }
    answer(k, ACK);
    if (act(k, byte))
        return true;
    k->nanswers = 0;
    answer(k, RESEND);
    return false;
}

/* ---- bytes that are sent ----------------------------------------------------------------------- */

bool ps2kbd_take(struct ps2kbd *k, uint8_t *byte)
{
    if (k->nanswers > 0) {
        *byte = k->answer[0];
        k->nanswers--;
        memmove(k->answer, k->answer + 1, k->nanswers);
    } else if (k->nkeys > 0 && k->command == 0) { /* keys wait for the end of a command */
        *byte = k->key[k->head];
        k->head = (k->head + 1) % PS2KBD_KEYS;
        k->nkeys--;
    } else {
        return false;
    }
    k->last = *byte;
    return true;
}

/* The codes of a key in the set in use; how many. */
static unsigned codes(const struct ps2kbd *k, unsigned code, bool down, uint8_t out[3])
{
    unsigned n = 0;

    if (code & PS2KBD_EXTENDED)
        out[n++] = PREFIX;
    if (k->set == 2 && !down)
        out[n++] = BREAK;
    out[n++] = k->set == 2 ? (uint8_t)code : ps2kbd_translate((uint8_t)code) | (down ? 0 : 0x80);
    return n;
}

bool ps2kbd_room(const struct ps2kbd *k, unsigned bytes)
{
    return k->scanning && bytes <= PS2KBD_KEYS - k->nkeys;
}

bool ps2kbd_key(struct ps2kbd *k, unsigned code, bool down)
{
    uint8_t bytes[3];
    unsigned n = codes(k, code, down, bytes);

    if (!ps2kbd_room(k, n))
        return false;
    for (unsigned i = 0; i < n; i++)
        k->key[(k->head + k->nkeys++) % PS2KBD_KEYS] = bytes[i];
    return true;
}

/* ---- tables ------------------------------------------------------------------------------------ */

uint8_t ps2kbd_translate(uint8_t byte)
{
    static const uint8_t set1[0x80] = {
        0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29,
        0x59, 0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11,
        0x03, 0x5b, 0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14,
        0x13, 0x06, 0x5d, 0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24,
        0x16, 0x08, 0x09, 0x5f, 0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35,
        0x26, 0x27, 0x19, 0x0c, 0x61, 0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36,
        0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76, 0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c,
        0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f, 0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45,
        0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
    };

    if (byte < ARRAY_LEN(set1))
        return set1[byte];
    return byte == 0x83 ? 0x41 : byte == 0x84 ? 0x54 : byte;
}

unsigned ps2kbd_key_of(char c, bool *shift)
{
    static const struct {
        char plain, shifted;
        uint8_t code;
    } keys[] = {
        { 'a', 'A', 0x1c },  { 'b', 'B', 0x32 },  { 'c', 'C', 0x21 }, { 'd', 'D', 0x23 },
        { 'e', 'E', 0x24 },  { 'f', 'F', 0x2b },  { 'g', 'G', 0x34 }, { 'h', 'H', 0x33 },
        { 'i', 'I', 0x43 },  { 'j', 'J', 0x3b },  { 'k', 'K', 0x42 }, { 'l', 'L', 0x4b },
        { 'm', 'M', 0x3a },  { 'n', 'N', 0x31 },  { 'o', 'O', 0x44 }, { 'p', 'P', 0x4d },
        { 'q', 'Q', 0x15 },  { 'r', 'R', 0x2d },  { 's', 'S', 0x1b }, { 't', 'T', 0x2c },
        { 'u', 'U', 0x3c },  { 'v', 'V', 0x2a },  { 'w', 'W', 0x1d }, { 'x', 'X', 0x22 },
        { 'y', 'Y', 0x35 },  { 'z', 'Z', 0x1a },  { '1', '!', 0x16 }, { '2', '@', 0x1e },
        { '3', '#', 0x26 },  { '4', '$', 0x25 },  { '5', '%', 0x2e }, { '6', '^', 0x36 },
        { '7', '&', 0x3d },  { '8', '*', 0x3e },  { '9', '(', 0x46 }, { '0', ')', 0x45 },
        { '`', '~', 0x0e },  { '-', '_', 0x4e },  { '=', '+', 0x55 }, { '\\', '|', 0x5d },
        { '[', '{', 0x54 },  { ']', '}', 0x5b },  { ';', ':', 0x4c }, { '\'', '"', 0x52 },
        { ',', '<', 0x41 },  { '.', '>', 0x49 },  { '/', '?', 0x4a }, { ' ', 0, 0x29 },
        { '\n', 0, 0x5a },   { '\r', 0, 0x5a },   { '\t', 0, 0x0d },  { '\b', 0, 0x66 },
        { '\x7f', 0, 0x66 }, { '\x1b', 0, 0x76 },
    };

    for (size_t i = 0; c != 0 && i < ARRAY_LEN(keys); i++) {
        *shift = c == keys[i].shifted;
        if (*shift || c == keys[i].plain)
            return keys[i].code;
    }
    return 0;
}
