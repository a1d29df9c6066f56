/* SPDX-License-Identifier: MIT */
/*
 * packet.c - packets of the gdb remote serial protocol
 *
 * $content#checksum, the checksum being the sum of the content's bytes as they are on the wire, modulo 256, in two
 * hexadecimal digits. In the content, } begins an escape: the next byte is XORed with 0x20. Source: "Debugging with
 * GDB", appendix Remote Protocol, Overview. Run-length encoding, which only replies may have, is not used.
 */
#include "gdb/packet.h"

#include <assert.h>
#include <string.h>

enum { INTERRUPT = 0x03, ESCAPE_XOR = 0x20 };

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static void begin(struct packet_reader *r)
{
    r->at = READ_DATA;
    r->sum = 0;
    r->len = 0;
    r->cut = r->torn = false;
}

static enum packet_event feed_idle(struct packet_reader *r, uint8_t byte)
{
    switch (byte) {
    case '$':
        begin(r);
        return PACKET_NONE;
    case '+':
        return PACKET_ACK;
    case '-':
        return PACKET_NAK;
    case INTERRUPT:
        return PACKET_INTERRUPT;
    default:
        return PACKET_NONE; /* noise between packets */
    }
}

static void keep(struct packet_reader *r, uint8_t byte)
{
    if (r->len == PACKET_MAX)
        r->cut = true;
    else
        r->data[r->len++] = (char)byte;
}

static void feed_data(struct packet_reader *r, uint8_t byte)
{
    if (byte == '$') {
        begin(r);
    } else if (byte == '#') {
        r->torn = r->at == READ_ESCAPED;
        r->at = READ_SUM_HIGH;
    } else {
        r->sum = (uint8_t)(r->sum + byte);
        if (r->at == READ_DATA && byte == '}') {
            r->at = READ_ESCAPED;
            return;
        }
        keep(r, r->at == READ_ESCAPED ? byte ^ ESCAPE_XOR : byte);
        r->at = READ_DATA;
    }
}

static enum packet_event finish(struct packet_reader *r, uint8_t byte)
{
    int low = digit((char)byte);

    r->at = READ_IDLE;
    if (r->wanted < 0 || low < 0 || (r->wanted << 4 | low) != r->sum || r->torn)
        return PACKET_BAD;
    r->data[r->len] = '\0';
    return r->cut ? PACKET_TOO_LONG : PACKET_READY;
}

enum packet_event packet_feed(struct packet_reader *r, uint8_t byte)
{
    switch (r->at) {
    case READ_IDLE:
        return feed_idle(r, byte);
    case READ_DATA:
    case READ_ESCAPED:
        feed_data(r, byte);
        return PACKET_NONE;
    case READ_SUM_HIGH:
        r->wanted = digit((char)byte);
        r->at = READ_SUM_LOW;
        return PACKET_NONE;
    case READ_SUM_LOW:
        return finish(r, byte);
    }
    return PACKET_NONE;
}

size_t packet_encode(char *out, const char *data, size_t len)
{
    uint8_t sum = 0;
    size_t n = 0;

    assert(len <= PACKET_MAX);
    out[n++] = '$';
    for (size_t i = 0; i < len; i++) {
        if (data[i] != '\0' && strchr("$#}*", data[i]) != NULL) {
            out[n++] = '}';
            out[n++] = (char)(data[i] ^ ESCAPE_XOR);
        } else {
            out[n++] = data[i];
        }
    }
    for (size_t i = 1; i < n; i++)
        sum = (uint8_t)(sum + (uint8_t)out[i]);
    out[n++] = '#';
    hex_put(out + n, &sum, 1);
    return n + 2;
}

bool scan_word(struct scan *s, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
        return false;
    s->at += len;
    return true;
}

bool scan_hex(struct scan *s, uint64_t *out)
{
    const char *start = s->at;

    *out = 0;
    while (s->at < s->end && digit(*s->at) >= 0) {
        if (s->at - start == 16)
            return false;
        *out = *out << 4 | (uint64_t)digit(*s->at++);
    }
    return s->at != start;
}

bool scan_bytes(struct scan *s, void *out, size_t len)
{
    uint8_t *p = out;

    if ((size_t)(s->end - s->at) / 2 < len)
        return false;
    for (size_t i = 0; i < len; i++, s->at += 2) {
        int high = digit(s->at[0]), low = digit(s->at[1]);

        if (high < 0 || low < 0)
            return false;
        p[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool scan_done(const struct scan *s)
{
    return s->at == s->end;
}

void hex_put(char *out, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = bytes;

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
}
