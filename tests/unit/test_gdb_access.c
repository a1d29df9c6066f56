/* SPDX-License-Identifier: MIT */
/* test_gdb_access.c - what a debugger reads and sets: the target, registers, memory, points, monitor words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gdb/packet.h"
#include "gdb/target.h"
#include "gdb_walk.h"

static void describes_the_target_by_mode(void **state)
{
    static const struct {
        const char *arch, *kind;
        int bits;
        const char *architecture;
    } rows[] = {
        { "auto", "flat", 64, "<architecture>i386:x86-64<" },
        { "auto", "flat", 32, "<architecture>i386<" },
        { "auto", "flat", 16, "<architecture>i8086<" },
        { "auto", "linux", 32, "<architecture>i386:x86-64<" },
        { "i386", "linux", 64, "<architecture>i386<" },
        { "amd64", "flat", 16, "<architecture>i386:x86-64<" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gdb_rig r;
        const char *xml;

        gdb_rig_init(&r);
        r.kind = rows[i].kind;
        r.bits = rows[i].bits;
        assert_int_equal(gdb_rig_start(&r, rows[i].arch), 0);
        xml = gdb_rig_ask(&r, "qXfer:features:read:target.xml:0,3ffe");
        assert_int_equal(xml[0], 'l');
        assert_non_null(strstr(xml, rows[i].architecture));
        assert_non_null(strstr(xml, "org.vitro.msr"));
        gdb_rig_fini(&r);
    }
}

/* The parts of a description are the whole of it. */
static void sends_the_description_in_parts(void **state)
{
    struct gdb_rig *r = *state;
    struct text whole = { 0 };
    char *once = strdup(gdb_rig_ask(r, "qXfer:features:read:target.xml:0,3ffe"));
    char packet[64];

    for (size_t at = 0;;) {
        const char *part;
        size_t len;

        snprintf(packet, sizeof(packet), "qXfer:features:read:target.xml:%zx,64", at);
        part = gdb_rig_ask(r, packet);
        len = strlen(part) - 2; /* without m or l, and the end of the line */
        text_add_bytes(&whole, part + 1, len);
        at += len;
        if (part[0] == 'l')
            break;
        assert_int_equal(part[0], 'm');
        assert_int_equal(len, 0x64);
    }
    text_add(&whole, "\n");
    assert_string_equal(whole.buf, once + 1);
    text_fini(&whole);
    free(once);
}

static void answers_queries(void **state)
{
    static const struct gdb_row rows[] = {
        { "qSupported:swbreak+",
          "PacketSize=4000;QStartNoAckMode+;qXfer:features:read+;"
          "qXfer:threads:read+;swbreak+;hwbreak+;vContSupported+\n",
          "" },
        { "qAttached", "1\n", "" },
        { "qC", "QC1\n", "" },
        { "qfThreadInfo", "m1,2\n", "" },
        { "qsThreadInfo", "l\n", "" },
        { "Hg2", "OK\n", "" },
        { "qC", "QC2\n", "" },
        { "Hg0", "OK\n", "" },
        { "Hc-1", "OK\n", "" },
        { "Hg0001", "OK\n", "" },
        { "qC", "QC1\n", "" },
        { "Hg2", "OK\n", "" },
        { "T2", "OK\n", "" },
        { "vCont?", "vCont;c;C;s;S;t\n", "" },
        { "qSymbol::", "OK\n", "" },
        { "qThreadExtraInfo,2", "43505520312c206c6f6e67202836342d62697429\n", "cpus \n" },
        { "qXfer:threads:read::0,1000",
          "l<?xml version=\"1.0\"?>\n<threads>\n"
          "<thread id=\"1\" core=\"0\" name=\"CPU 0\">long (64-bit)</thread>\n"
          "<thread id=\"2\" core=\"1\" name=\"CPU 1\">long (64-bit)</thread>\n</threads>\n\n",
          NULL },
        { "qqemu.PhyMemMode", "0\n", "" },
    };
    struct gdb_rig *r = *state;

    WALK(r, rows);
    assert_false(session_no_acks(r->session));
    assert_string_equal(gdb_rig_ask(r, "QStartNoAckMode"), "OK\n");
    assert_true(session_no_acks(r->session));
    assert_false(session_over(r->session));
}

static void reads_and_writes_memory(void **state)
{
    static const struct gdb_row rows[] = {
        { "m400,4", "00010203\n",
          "mem.read {\"addr\":\"0x400\",\"cpu\":0,\"len\":4,\"physical\":false}\n" },
        { "m400,0", "\n", "" },
        { "mfffc,8", "fcfdfeff\n", NULL }, /* what lies before the end */
        { "m10000,1", "E0e\n", NULL },
        { "M400,2:abcd", "OK\n",
          "mem.write {\"addr\":\"0x400\",\"bytes\":\"abcd\",\"cpu\":0,\"physical\":false}\n" },
        { "X400,3:a}#", "OK\n",
          "mem.write {\"addr\":\"0x400\",\"bytes\":\"617d23\",\"cpu\":0,\"physical\":false}\n" },
        { "X0,0:", "OK\n", "" },
        { "Qqemu.PhyMemMode:1", "OK\n", "" },
        { "qqemu.PhyMemMode", "1\n", "" },
        { "m400,2", "fffe\n",
          "mem.read {\"addr\":\"0x400\",\"cpu\":0,\"len\":2,\"physical\":true}\n" },
        { "Hg2", "OK\n", "" },
        { "M1,1:00", "OK\n",
          "mem.write {\"addr\":\"0x1\",\"bytes\":\"00\",\"cpu\":1,\"physical\":true}\n" },
    };
    struct gdb_rig *r = *state;

    WALK(r, rows);
    assert_int_equal(strlen(gdb_rig_ask(r, "m1,ffffffffffffffff")),
                     PACKET_MAX + 1); /* cut to what fits */
    assert_int_equal(strlen(gdb_rig_ask(r, "mfff0,20")),
                     2 * 0x10 + 1); /* up to what is not mapped */
    r->refuse = "mem.write";
    assert_string_equal(gdb_rig_ask(r, "M400,1:00"), "E0e\n");
}

static void reads_registers(void **state)
{
    static const struct gdb_row rows[] = {
        { "p0", "8877665544332211\n", NULL },
        { "p7", "0000200000000000\n", "" }, /* read once a stop */
        { "p10", "3412000000000000\n", "" },
        { "p11", "02020000\n", "" },
        { "p12", "08000000\n", "" },
        { "p13", "xxxxxxxx\n", "" }, /* the machine did not say it */
        { "p18", "xxxxxxxxxxxxxxxxxxxx\n", "" },
        { "M0,1:00", "OK\n", NULL },
        { "p0", "8877665544332211\n",
          "regs {\"all\":true,\"cpu\":0}\nregs.get {\"cpu\":0,\"fpu\":true}\n" },
        { "Hg2", "OK\n", "" },
        { "p0", "8877665544332211\n",
          "regs {\"all\":true,\"cpu\":1}\nregs.get {\"cpu\":1,\"fpu\":true}\n" },
    };
    struct gdb_rig *r = *state;

    WALK(r, rows);
    assert_memory_equal(gdb_rig_ask(r, "g"), "88776655443322110200000000000000", 32);
    gdb_rig_ask(r, "c");
    gdb_rig_notify(r, "{\"reason\": \"step\", \"cpu\": 0}", false);
    r->refuse = "regs";
    assert_string_equal(gdb_rig_ask(r, "g"), "E05\n");
}

/* Number of a register in amd64's table, by its name in the description. */
static unsigned number_of(struct gdb_rig *r, const char *name)
{
    char want[64];
    const char *xml = gdb_rig_ask(r, "qXfer:features:read:target.xml:0,3ffe"), *at;

    snprintf(want, sizeof(want), "<reg name=\"%s\" ", name);
    at = strstr(xml, want);
    assert_non_null(at);
    return (unsigned)strtoul(strstr(at, "regnum=\"") + 8, NULL, 10);
}

static const char *ask_reg(struct gdb_rig *r, const char *name)
{
    char packet[32];

    snprintf(packet, sizeof(packet), "p%x", number_of(r, name));
    return gdb_rig_ask(r, packet);
}

static void reads_vector_registers(void **state)
{
    struct gdb_rig *r = *state;

    r->fpu =
        "{\"fcw\": \"0x37f\", \"fsw\": \"0x3000\", \"ftw\": \"0xc0\","
        " \"fip\": \"0x2811223344\", \"fdp\": \"0x0\", \"fop\": \"0x1\", \"mxcsr\": \"0x1f80\","
        " \"st0\": \"0000000000000080ff3f\", \"st1\": \"00000000000000000000\","
        " \"st2\": \"0000\", \"xmm1\": \"00112233445566778899aabbccddeeff\","
        " \"ymmh15\": \"ff000000000000000000000000000000\"}";
    assert_string_equal(ask_reg(r, "fctrl"), "7f030000\n");
    assert_string_equal(ask_reg(r, "fstat"), "00300000\n"); /* the top of the stack is 6 */
    assert_string_equal(ask_reg(r, "ftag"), "ff4f0000\n");  /* 6 is a number, 7 is zero */
    assert_string_equal(ask_reg(r, "fiseg"), "28000000\n");
    assert_string_equal(ask_reg(r, "fioff"), "44332211\n");
    assert_string_equal(ask_reg(r, "st0"), "0000000000000080ff3f\n");
    assert_string_equal(ask_reg(r, "st2"), "xxxxxxxxxxxxxxxxxxxx\n"); /* too few digits */
    assert_string_equal(ask_reg(r, "mxcsr"), "801f0000\n");
    assert_string_equal(ask_reg(r, "xmm1"), "00112233445566778899aabbccddeeff\n");
    assert_string_equal(ask_reg(r, "ymm15h"), "ff000000000000000000000000000000\n");
    assert_string_equal(ask_reg(r, "ymm0h"), "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n");
}

static void shows_system_registers(void **state)
{
    struct gdb_rig *r = *state;

    assert_string_equal(ask_reg(r, "cr0"), "3300058000000000\n");
    assert_string_equal(ask_reg(r, "cr3"), "0020000000000000\n");
    assert_string_equal(ask_reg(r, "efer"), "0005000000000000\n");
    assert_string_equal(ask_reg(r, "gs_base"), "000000008088ffff\n");
    assert_string_equal(ask_reg(r, "dr3"), "0400000000000000\n");
    assert_string_equal(ask_reg(r, "lstar"), "7700000000000000\n");
    assert_string_equal(ask_reg(r, "star"), "xxxxxxxxxxxxxxxx\n");
}

/* Where a register begins in what g answers. */
static size_t digits_before(struct gdb_rig *r, const char *name)
{
    unsigned n = number_of(r, name);
    size_t digits = 0;

    for (unsigned i = 0; i < n; i++)
        digits += 2 * reg_bytes(&target_find("amd64")->rows[i]);
    return digits;
}

static void writes_registers(void **state)
{
    static const struct gdb_row rows[] = {
        { "P0=0100000000000000", "OK\n",
          "regs {\"all\":true,\"cpu\":0}\nregs.get {\"cpu\":0,\"fpu\":true}\n"
          "regs.set {\"cpu\":0,\"regs\":{\"rax\":\"0x1\"}}\n" },
        { "P0=8877665544332211", "OK\n", NULL },
        { "P12=09000000", "OK\n", "regs.set {\"cpu\":0,\"regs\":{\"cs\":\"0x9\"}}\n" },
        { "P12=08000000", "OK\n", /* what keeps its value is not set */
          "regs {\"all\":true,\"cpu\":0}\nregs.get {\"cpu\":0,\"fpu\":true}\n" },
    };
    struct gdb_rig *r = *state;
    char packet[PACKET_MAX + 1];

    WALK(r, rows);
    /* All of them as they are, but rbx and rip. */
    snprintf(packet, sizeof(packet), "G%s", gdb_rig_ask(r, "g"));
    packet[strlen(packet) - 1] = '\0';
    memcpy(packet + 1 + 16, "ff", 2);
    memcpy(packet + 1 + 16 * 16, "00", 2);
    assert_string_equal(gdb_rig_ask(r, packet), "OK\n");
    assert_string_equal(gdb_rig_calls(r),
                        "regs.set {\"cpu\":0,\"regs\":{\"rbx\":\"0xff\",\"rip\":\"0x1200\"}}\n");
    memcpy(packet + 1 + digits_before(r, "lstar"), "99", 2); /* and an MSR: nothing is set */
    assert_string_equal(gdb_rig_ask(r, packet), "E01\n");
    assert_null(strstr(gdb_rig_calls(r), "regs.set"));
    r->refuse = "regs.set";
    assert_string_equal(gdb_rig_ask(r, "P0=0100000000000000"),
                        "E.the machine says no to regs.set\n");
}

static void sets_and_clears_points(void **state)
{
    static const struct gdb_row rows[] = {
        { "Z0,400,1", "OK\n", "break.set {\"addr\":\"0x400\"}\n" },
        { "Z0,400,1", "OK\n", "" }, /* twice is once */
        { "Z1,400,1", "OK\n", "" }, /* and hard is soft */
        { "z0,400,1", "OK\n", "" },
        { "z1,400,1", "OK\n", "break.clear {\"addr\":\"0x400\"}\n" },
        { "z1,400,1", "OK\n", "" },
        { "Z2,500,8", "OK\n", "watch.set {\"addr\":\"0x500\",\"how\":\"w\",\"len\":8}\n" },
        { "Z3,500,1", "OK\n", "watch.set {\"addr\":\"0x500\",\"how\":\"r\",\"len\":1}\n" },
        { "Z4,500,2", "OK\n", "watch.set {\"addr\":\"0x500\",\"how\":\"rw\",\"len\":2}\n" },
        { "z2,500,8", "OK\n", "watch.clear {\"addr\":\"0x500\",\"how\":\"w\",\"len\":8}\n" },
    };
    struct gdb_rig *r = *state;
    char packet[32];
    unsigned n = 0;

    WALK(r, rows);
    do
        snprintf(packet, sizeof(packet), "Z0,%x,1", 0x1000 + n);
    while (++n < 1000 && strcmp(gdb_rig_ask(r, packet), "OK\n") == 0);
    assert_string_equal(r->sent.buf, "E1c\n"); /* there is an end to it */
    r->refuse = "break.clear";
    assert_string_equal(gdb_rig_ask(r, "z0,1000,1"), "E05\n");
}

/* A monitor command's output, decoded; it must end with OK. */
static char *monitor(struct gdb_rig *r, const char *line)
{
    char packet[600] = "qRcmd,", *out = calloc(1, 1 << 16), *at = out;
    const char *reply;

    hex_put(packet + 6, line, strlen(line));
    reply = gdb_rig_ask(r, packet);
    for (; *reply == 'O' && reply[1] != 'K'; reply = strchr(reply, '\n') + 1) {
        size_t len = (strcspn(reply, "\n") - 1) / 2;
        struct scan in = { reply + 1, reply + 1 + 2 * len };

        assert_true(scan_bytes(&in, at, len));
        at += len;
    }
    assert_string_equal(reply, "OK\n");
    return out;
}

static void monitors(void **state)
{
    static const struct {
        const char *line, *output;
    } rows[] = {
        { "info mem", "0000000000000000-0000000000200000 0000000000200000 urw-\n"
                      "ffff800000000000-ffff800000001000 0000000000001000 -r-x\n" },
        { "info tlb", "the tree\n" },
        { "gva2gpa 0x400", "gpa: 0x5000\n" },
        { "gpa2hva 0x400", "Host virtual address for 0x400 (RAM) is 0x7f0000000400\n" },
        { "gpa2hva 0x10000", "No memory is mapped at address 0x10000\n" },
        { "gpa2hva rip", "rip: not a number\n" },
        { "xp 0x400", "0000000000000400: 0xfcfdfeff\n" },
        { "xp /5hx 0x10",
          "0000000000000010: 0xeeef 0xeced 0xeaeb 0xe8e9\n0000000000000018: 0xe6e7\n" },
        { "xp /2bd 0xfe", "00000000000000fe: 1 0\n" },
        { "xp/2bu 0x0", "0000000000000000: 255 254\n" },
        { "xp /1gx 0", "0000000000000000: 0xf8f9fafbfcfdfeff\n" },
        { "xp /2c 0x9e", "000000000000009e: 'a' '`'\n" },
        { "xp /2i 0", "/COUNT FORMAT SIZE ADDR is wanted, such as /4xw 0x1000\n" },
        { "xp /0x 0", "/COUNT FORMAT SIZE ADDR is wanted, such as /4xw 0x1000\n" },
        { "xp /4294967296x 0", "/COUNT FORMAT SIZE ADDR is wanted, such as /4xw 0x1000\n" },
        { "xp /4294967297xb 0", "/COUNT FORMAT SIZE ADDR is wanted, such as /4xw 0x1000\n" },
        { "xp /1025xg 0", "/COUNT FORMAT SIZE ADDR is wanted, such as /4xw 0x1000\n" },
        { "xp 0x10000", "Cannot access memory: the machine says no to mem.read\n" },
        { "walk rip", "the walk\n" },
        { "walk", "usage: monitor walk ADDR\n" },
        { "exits", "the exits\n" },
        { "exits now", "usage: monitor exits\n" },
        { "reset",
          "The machine stands at its beginning. For gdb to see it: maintenance flush register-cache\n" },
        { "quit", "" },
        { "dance", "dance: no such word; 'monitor help' lists them\n" },
        { "", ": no such word; 'monitor help' lists them\n" },
    };
    struct gdb_rig *r = *state;
    char *out;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        out = monitor(r, rows[i].line);
        assert_string_equal(out, rows[i].output);
        free(out);
    }
    out = monitor(r, "help");
    assert_non_null(strstr(out, "gva2gpa ADDR"));
    free(out);
    out = monitor(r, "quit  ");
    assert_string_equal(gdb_rig_calls(r), "stop {\"now\":true}\n");
    free(out);
    r->refuse = "reset";
    out = monitor(r, "reset");
    assert_string_equal(out, "the machine says no to reset\n");
    free(out);
    /* More output than a packet holds. */
    out = monitor(r, "xp /1024gx 0");
    assert_int_equal(strlen(out), 1024 / 2 * (17 + 2 * 19 + 1));
    free(out);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, gdb_rig_set_up, gdb_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes_the_target_by_mode),
        CASE(sends_the_description_in_parts),
        CASE(answers_queries),
        CASE(reads_and_writes_memory),
        CASE(reads_registers),
        CASE(reads_vector_registers),
        CASE(shows_system_registers),
        CASE(writes_registers),
        CASE(sets_and_clears_points),
        CASE(monitors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
