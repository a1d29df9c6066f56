/* SPDX-License-Identifier: MIT */
/*
 * fuzz_gdb.c - a debugger that sends anything, at a machine that answers
 *
 * Input: a byte that chooses the target and the form of the rest. As a stream, the bytes go through the packet reader;
 * as lines, each is the content of a packet, so that no checksum has to be guessed, and one that begins with '!' is a
 * state of the machine. Held: a reply fits into a packet and is read back as it was sent, and the session says
 * something to every packet but those that start the machine or end it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "gdb/packet.h"
#include "gdb_rig.h"

static const char *const states[] = {
    "{\"reason\": \"break\", \"cpu\": 0}",
    "{\"reason\": \"watch\", \"cpu\": 1, \"addr\": \"0x400\", \"len\": 4}",
    "{\"reason\": \"step\", \"cpu\": 1}",
    "{\"reason\": \"pause\"}",
    "{\"reason\": \"end\", \"end\": \"shutdown\"}",
    "{\"reason\": \"end\", \"end\": \"halt\"}",
    "{\"reason\": 7, \"cpu\": \"x\"}",
    "[]",
};

/* What was sent last goes through encoder and reader. */
static void check_reply(const char *line, size_t len)
{
    static char wire[PACKET_WIRE_MAX];
    static struct packet_reader reader;
    enum packet_event ev = PACKET_NONE;
    size_t n;

    CHECK(len <= PACKET_MAX);
    memset(&reader, 0, sizeof(reader));
    n = packet_encode(wire, line, len);
    for (size_t i = 0; i < n; i++)
        ev = packet_feed(&reader, (uint8_t)wire[i]);
    CHECK(ev == PACKET_READY && reader.len == len && memcmp(reader.data, line, len) == 0);
}

static void packet(struct gdb_rig *r, const char *data, size_t len)
{
    bool over = session_over(r->session);

    text_fini(&r->sent);
    text_fini(&r->calls);
    r->sent = r->calls = (struct text){ 0 };
    session_packet(r->session, data, len);
    session_settle(r->session);
    if (r->sent.len > 0)
        check_reply(r->sent.buf, r->sent.len - 1 < PACKET_MAX ? r->sent.len - 1 : PACKET_MAX);
    CHECK(over || r->sent.len > 0 || (len > 0 && strchr("cCsSvk", data[0]) != NULL));
}

static void lines(struct gdb_rig *r, const char *data, size_t size)
{
    while (size > 0) {
        const char *end = memchr(data, '\n', size);
        size_t len = end != NULL ? (size_t)(end - data) : size;

        if (len > 1 && data[0] == '!')
            gdb_rig_notify(r, states[(uint8_t)data[1] % 8], data[1] & 0x40);
        else if (len == 1 && data[0] == '\x03')
            session_interrupt(r->session);
        else
            packet(r, data, len);
        data += len + (end != NULL);
        size -= len + (end != NULL);
    }
}

static void stream(struct gdb_rig *r, const uint8_t *data, size_t size)
{
    struct packet_reader *reader = calloc(1, sizeof(*reader));

    for (size_t i = 0; i < size; i++) {
        switch (packet_feed(reader, data[i])) {
        case PACKET_READY:
            CHECK(reader->len <= PACKET_MAX);
            packet(r, reader->data, reader->len);
            break;
        case PACKET_TOO_LONG:
            session_too_long(r->session);
            break;
        case PACKET_INTERRUPT:
            session_interrupt(r->session);
            break;
        default:
            break;
        }
    }
    free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int bits[] = { 64, 32, 16, 64 };
    struct gdb_rig r;

    if (size == 0)
        return 0;
    gdb_rig_init(&r);
    r.bits = bits[data[0] & 3];
    CHECK(gdb_rig_start(&r, "auto") == 0);
    if (data[0] & 4)
        stream(&r, data + 1, size - 1);
    else
        lines(&r, (const char *)data + 1, size - 1);
    gdb_rig_fini(&r);
    return 0;
}
