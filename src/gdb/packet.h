/* SPDX-License-Identifier: MIT */
/*
 * packet.h - packets of the gdb remote serial protocol: bytes in, packets out, and back
 *
 * Used by the debugger's server and its fuzz target. Pure: no file descriptor, no machine, no allocation.
 */
#ifndef GDB_PACKET_H
#define GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a packet's content, either way; told to the debugger as PacketSize. */
enum { PACKET_MAX = 16384 };

/* A sent packet at its longest: every byte escaped, with the frame. */
enum { PACKET_WIRE_MAX = 2 * PACKET_MAX + 4 };

enum packet_event {
    PACKET_NONE,      /* nothing complete yet */
    PACKET_READY,     /* data, len hold a packet */
    PACKET_ACK,       /* '+' */
    PACKET_NAK,       /* '-': send the last one again */
    PACKET_INTERRUPT, /* 0x03, outside a packet */
    PACKET_BAD,       /* wrong checksum or a checksum that is no number */
    PACKET_TOO_LONG,  /* well-formed, longer than PACKET_MAX; its content is lost */
};

struct packet_reader {
    enum { READ_IDLE, READ_DATA, READ_ESCAPED, READ_SUM_HIGH, READ_SUM_LOW } at;
    uint8_t sum; /* of the bytes on the wire so far */
    int wanted;  /* high digit of the checksum, or -1: no digit */
    bool cut;    /* did not fit */
    bool torn;   /* the packet ended in the middle of an escape */
    size_t len;
    char data[PACKET_MAX + 1]; /* unescaped; NUL behind it once it is ready */
};

/* All zero is a reader at rest. Any byte is taken in any state; a '$' in a packet begins a new one. */
enum packet_event packet_feed(struct packet_reader *r, uint8_t byte);

/*
 * packet_encode - frame, checksum and escapes around a reply
 *
 * out  receives at most PACKET_WIRE_MAX bytes
 * len  0..PACKET_MAX
 *
 * Returns the number of bytes.
 */
size_t packet_encode(char *out, const char *data, size_t len);

/* A part of a packet that is being read from its front. */
struct scan {
    const char *at, *end;
};

/* Takes `word` if it comes next. */
bool scan_word(struct scan *s, const char *word);
/* Takes a number of 1..16 hexadecimal digits; more digits, or none, are false. */
bool scan_hex(struct scan *s, uint64_t *out);
/* Takes 2 * len hexadecimal digits as bytes. */
bool scan_bytes(struct scan *s, void *out, size_t len);
bool scan_done(const struct scan *s);

/* Lower-case hexadecimal digits of bytes; out receives 2 * len characters and no NUL. */
void hex_put(char *out, const void *bytes, size_t len);

#endif
