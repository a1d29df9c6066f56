/* SPDX-License-Identifier: MIT */
/* test_gdb_packet.c - packets of the debugger's protocol: frames, checksums, escapes, limits; numbers and bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "gdb/packet.h"

/* Feeds all bytes; returns the last event that was not PACKET_NONE, and how many there were. */
static enum packet_event feed(struct packet_reader *r, const char *bytes, size_t len, unsigned *n)
{
    enum packet_event last = PACKET_NONE;

    *n = 0;
    for (size_t i = 0; i < len; i++) {
        enum packet_event ev = packet_feed(r, (uint8_t)bytes[i]);

        if (ev != PACKET_NONE) {
            last = ev;
            ++*n;
        }
    }
    return last;
}

static void reads_packets(void **state)
{
    static const struct {
        const char *bytes;
        enum packet_event event;
        const char *data; /* when READY */
    } rows[] = {
        { "$g#67", PACKET_READY, "g" },
        { "$#00", PACKET_READY, "" },
        { "$qC#B4", PACKET_READY, "qC" }, /* upper-case digits */
        { "noise$g#67", PACKET_READY, "g" },
        { "+", PACKET_ACK, NULL },
        { "-", PACKET_NAK, NULL },
        { "\x03", PACKET_INTERRUPT, NULL },
        { "$g#68", PACKET_BAD, NULL },
        { "$g#6", PACKET_NONE, NULL },
        { "$g#zz", PACKET_BAD, NULL },
        { "$g#6z", PACKET_BAD, NULL },
        { "$g", PACKET_NONE, NULL },
        { "$m0,4$g#67", PACKET_READY, "g" }, /* a packet begins in a packet: the first is lost */
        { "$a}\x03"
          "b#43",
          PACKET_READY, "a#b" },
        { "$}]#da", PACKET_READY, "}" },
        { "$}#7d", PACKET_BAD, NULL }, /* an escape of nothing */
        { "$a\x03"
          "b#c6",
          PACKET_READY,
          "a\x03"
          "b" },                            /* in a packet it is data */
        { "$a*b#ed", PACKET_READY, "a*b" }, /* run lengths are for replies only */
    };
    struct packet_reader *r = calloc(1, sizeof(*r));
    unsigned n;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(r, 0, sizeof(*r));
        assert_int_equal(feed(r, rows[i].bytes, strlen(rows[i].bytes), &n), rows[i].event);
        assert_int_equal(n, rows[i].event != PACKET_NONE);
        if (rows[i].data != NULL)
            assert_string_equal(r->data, rows[i].data);
    }
    free(r);
}

static void recovers_after_a_bad_one(void **state)
{
    struct packet_reader *r = calloc(1, sizeof(*r));
    unsigned n;

    (void)state;
    assert_int_equal(feed(r, "$g#00$g#67", 10, &n), PACKET_READY);
    assert_int_equal(n, 2);
    assert_string_equal(r->data, "g");
    free(r);
}

static enum packet_event feed_long(struct packet_reader *r, size_t len)
{
    uint8_t sum = (uint8_t)('a' * len);
    static const char digits[] = "0123456789abcdef";
    unsigned n;

    packet_feed(r, '$');
    for (size_t i = 0; i < len; i++)
        assert_int_equal(packet_feed(r, 'a'), PACKET_NONE);
    return feed(r, (char[]){ '#', digits[sum >> 4], digits[sum & 15] }, 3, &n);
}

static void bounds_its_buffer(void **state)
{
    struct packet_reader *r = calloc(1, sizeof(*r));

    (void)state;
    assert_int_equal(feed_long(r, PACKET_MAX), PACKET_READY);
    assert_int_equal(r->len, PACKET_MAX);
    assert_int_equal(feed_long(r, PACKET_MAX + 1), PACKET_TOO_LONG);
    assert_int_equal(feed_long(r, 1 << 20), PACKET_TOO_LONG);
    assert_int_equal(feed_long(r, 3), PACKET_READY); /* and goes on */
    assert_string_equal(r->data, "aaa");
    free(r);
}

static void encodes(void **state)
{
    static const struct {
        const char *data;
        size_t len;
        const char *wire;
        size_t wire_len;
    } rows[] = {
        { "", 0, "$#00", 4 },
        { "OK", 2, "$OK#9a", 6 },
        { "$#}*", 4, "$}\x04}\x03}]}\x0a#62", 12 },
        { "a\0b", 3, "$a\0b#c3", 7 },
    };
    char out[64];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(packet_encode(out, rows[i].data, rows[i].len), rows[i].wire_len);
        assert_memory_equal(out, rows[i].wire, rows[i].wire_len);
    }
}

/* Every byte value, at the longest: what is encoded is read back, and the buffer is long enough. */
static void reads_what_it_encodes(void **state)
{
    struct packet_reader *r = calloc(1, sizeof(*r));
    char *data = malloc(PACKET_MAX), *wire = malloc(PACKET_WIRE_MAX);
    unsigned n;
    size_t len;

    (void)state;
    for (size_t i = 0; i < PACKET_MAX; i++)
        data[i] = (char)i;
    len = packet_encode(wire, data, PACKET_MAX);
    assert_int_equal(feed(r, wire, len, &n), PACKET_READY);
    assert_int_equal(r->len, PACKET_MAX);
    assert_memory_equal(r->data, data, PACKET_MAX);
    memset(data, '#', PACKET_MAX);
    assert_int_equal(packet_encode(wire, data, PACKET_MAX), PACKET_WIRE_MAX);
    free(wire);
    free(data);
    free(r);
}

static void scans_numbers(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t value;
        const char *rest;
    } rows[] = {
        { "0", true, 0, "" },
        { "1f,4", true, 0x1f, ",4" },
        { "ABCDEF", true, 0xabcdef, "" },
        { "ffffffffffffffff", true, UINT64_MAX, "" },
        { "10000000000000000", false, 0, NULL }, /* 2^64 */
        { "", false, 0, NULL },
        { ",", false, 0, NULL },
        { "-1", false, 0, NULL },
        { "x", false, 0, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scan in = { rows[i].text, rows[i].text + strlen(rows[i].text) };
        uint64_t value;

        assert_int_equal(scan_hex(&in, &value), rows[i].ok);
        if (rows[i].ok) {
            assert_int_equal(value, rows[i].value);
            assert_string_equal(in.at, rows[i].rest);
        }
    }
}

static void scans_bytes(void **state)
{
    const char *text = "00ff7fAg";
    struct scan in = { text, text + strlen(text) };
    uint8_t bytes[4];

    (void)state;
    assert_false(scan_bytes(&in, bytes, SIZE_MAX));
    assert_false(scan_bytes(&in, bytes, 5));
    assert_true(scan_bytes(&in, bytes, 3));
    assert_memory_equal(bytes, "\x00\xff\x7f", 3);
    assert_false(scan_bytes(&in, bytes, 1)); /* a digit that is none */
    in.at = in.end - 1;
    assert_false(scan_bytes(&in, bytes, 1)); /* half a byte */
    assert_true(scan_bytes(&in, bytes, 0));
    assert_false(scan_word(&in, "gg"));
    assert_true(scan_word(&in, "g"));
    assert_true(scan_done(&in));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_packets),         cmocka_unit_test(recovers_after_a_bad_one),
        cmocka_unit_test(bounds_its_buffer),     cmocka_unit_test(encodes),
        cmocka_unit_test(reads_what_it_encodes), cmocka_unit_test(scans_numbers),
        cmocka_unit_test(scans_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
