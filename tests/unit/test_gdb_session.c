/* SPDX-License-Identifier: MIT */
/* test_gdb_session.c - a debugger comes, lets the machine go on and stop, is told of ends, and leaves. */
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
#include "gdb_walk.h"

static void attaching_stops_the_machine(void **state)
{
    struct gdb_rig r;

    (void)state;
    gdb_rig_init(&r);
    assert_int_equal(gdb_rig_start(&r, "auto"), 0);
    assert_string_equal(gdb_rig_ask(&r, "?"), "T05thread:1;\n");
    gdb_rig_fini(&r);
    gdb_rig_init(&r);
    r.refuse = "debug.attach";
    assert_int_equal(gdb_rig_start(&r, "auto"), -EBUSY);
    r.refuse = "pause";
    assert_int_equal(gdb_rig_start(&r, "auto"), -EPROTO);
    r.refuse = "cpus";
    assert_int_equal(gdb_rig_start(&r, "amd64"), -EPROTO);
    r.refuse = NULL;
    assert_int_equal(gdb_rig_start(&r, "vax"), -EINVAL);
    r.ncpus = 0;
    assert_int_equal(gdb_rig_start(&r, "auto"), -EPROTO);
    r.ncpus = 10000;
    assert_int_equal(gdb_rig_start(&r, "auto"), -EPROTO);
    r.session = NULL;
    gdb_rig_fini(&r);
}

static void refuses_nonsense(void **state)
{
    static const struct gdb_row rows[] = {
        { "", "\n", "" },
        { "j", "\n", "" },
        { "qNonsense", "\n", "" },
        { "vMustReplyEmpty", "\n", "" },
        { "vRun;x", "\n", "" },
        { "gg", "\n", "" },
        { "m", "E16\n", "" },
        { "m0", "E16\n", "" },
        { "m0,", "E16\n", "" },
        { "m0,4x", "E16\n", "" },
        { "m10000,ffffffff", "E0e\n", NULL },
        { "m2,ffffffffffffffff", "E16\n", "" },  /* past 2^64 */
        { "m0,10000000000000000", "E16\n", "" }, /* 2^64 bytes */
        { "m10000000000000000,1", "E16\n", "" },
        { "M0,4:112233", "E16\n", "" }, /* too short */
        { "M0,2:112233", "E16\n", "" },
        { "M0,2:11zz", "E16\n", "" },
        { "M0,ffffffffffffffff:11", "E16\n", "" },
        { "X0,5:abc", "E16\n", "" },
        { "X0,1:abc", "E16\n", "" },
        { "p", "E16\n", "" },
        { "pffff", "E16\n", "" },
        { "P0", "E16\n", "" },
        { "P0=11", "E16\n", "" },
        { "Pffffffff=0", "E16\n", "" },
        { "G11", "E16\n", NULL },
        { "H", "E16\n", "" },
        { "Hx0", "E16\n", "" },
        { "Hg3", "E03\n", "" },
        { "Hg-2", "E03\n", "" },
        { "Hg1x", "E16\n", "" },
        { "T0", "E03\n", "" },
        { "T3", "E03\n", "" },
        { "Z", "E16\n", "" },
        { "Z0", "E16\n", "" },
        { "Z0,400", "E16\n", "" },
        { "Z0,400,2", "E16\n", "" }, /* kinds of other CPUs */
        { "Z1,400,4", "E16\n", "" },
        { "Z0,400,1;X1,00", "E16\n", "" }, /* conditions were not offered */
        { "Z2,400,0", "E16\n", "" },
        { "Z3,400,1001", "E16\n", "" },
        { "Z4,ffffffffffffffff,2", "E16\n", "" },
        { "Z5,400,1", "E16\n", "" },
        { "z9,400,1", "E16\n", "" },
        { "vCont;", "E16\n", "" },
        { "vCont;x", "E16\n", "" },
        { "vCont;c:9", "E16\n", "" },
        { "vCont;C", "E16\n", "" },
        { "vCont;Cfff", "E16\n", "" },
        { "vCont;cc", "E16\n", "" },
        { "vCont;r0,8:1", "E16\n", "" },
        { "vCont;c:1", "E5f\n", "" }, /* one of two */
        { "cx", "E16\n", "" },
        { "S", "E16\n", "" },
        { "C05;x", "E16\n", "" },
        { "qXfer:features:read:other.xml:0,10", "E00\n", "" },
        { "qXfer:features:read:target.xml:ffffff,10", "E16\n", "" },
        { "qXfer:features:read:target.xml:0", "E16\n", "" },
        { "qXfer:features:write:target.xml:0:00", "\n", "" },
        { "qThreadExtraInfo,7", "E03\n", "" },
        { "Qqemu.PhyMemMode:2", "E16\n", "" },
        { "qRcmd,6", "E16\n", "" },
        { "qRcmd,6800", "E16\n", "" }, /* a NUL in the line */
        { "qRcmd,zz", "E16\n", "" },
    };

    WALK(*state, rows);
}

static void resumes_and_stops(void **state)
{
    static const struct {
        const char *packet, *calls, *note, *reply;
    } rows[] = {
        { "c", "resume \n", "{\"reason\": \"break\", \"cpu\": 1}", "T05thread:2;\n" },
        { "vCont;c", "resume \n", "{\"reason\": \"break\", \"cpu\": 0}", "T05thread:1;\n" },
        { "vCont;c:1;c:2", "resume \n", "{\"reason\": \"pause\"}", "T11thread:1;\n" },
        { "vCont;C05:-1", "resume \n", "{\"reason\": \"break\", \"cpu\": 7}", "T05thread:1;\n" },
        { "s", "step {\"cpu\":0}\n", "{\"reason\": \"step\", \"cpu\": 0}", "T05thread:1;\n" },
        { "vCont;s:2;c", "step {\"cpu\":1}\n", "{\"reason\": \"step\", \"cpu\": 1}",
          "T05thread:2;\n" },
        { "vCont;s", "step {\"cpu\":1}\n", "{\"reason\": \"step\", \"cpu\": 1}", "T05thread:2;\n" },
        { "vCont;S05:0001", "step {\"cpu\":0}\n", "{\"reason\": \"step\", \"cpu\": 0}",
          "T05thread:1;\n" },
        { "s1000", "regs.set {\"cpu\":0,\"regs\":{\"rip\":\"0x1000\"}}\nstep {\"cpu\":0}\n",
          "{\"reason\": \"step\", \"cpu\": 0}", "T05thread:1;\n" },
    };
    struct gdb_rig *r = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(gdb_rig_ask(r, rows[i].packet), "");
        assert_string_equal(gdb_rig_calls(r), rows[i].calls);
        assert_string_equal(gdb_rig_notify(r, "{\"state\": \"running\", \"reason\": \"\"}", false),
                            "");
        assert_string_equal(gdb_rig_notify(r, "{\"reason\": \"pause\"}", true),
                            "");                              /* an old one */
        assert_string_equal(gdb_rig_ask(r, "m0,1"), "E10\n"); /* it runs */
        assert_string_equal(gdb_rig_notify(r, rows[i].note, false), rows[i].reply);
        assert_string_equal(gdb_rig_ask(r, "?"), rows[i].reply);
        assert_string_equal(gdb_rig_notify(r, rows[i].note, false), ""); /* said once */
    }
    assert_string_equal(gdb_rig_ask(r, "vCont;t"), "T05thread:1;\n");
    r->refuse = "resume";
    assert_string_equal(gdb_rig_ask(r, "c"), "E10\n");
}

static void says_what_it_stopped_at(void **state)
{
    static const struct {
        const char *set, *note, *reply;
    } rows[] = {
        { "Z0,21234,1", "{\"reason\": \"break\", \"cpu\": 0}", "T05swbreak:;thread:1;\n" },
        { "Z1,21234,1", "{\"reason\": \"break\", \"cpu\": 0}", "T05hwbreak:;thread:1;\n" },
        { "Z0,1234,1", "{\"reason\": \"break\", \"cpu\": 0}",
          "T05thread:1;\n" }, /* not where CS begins: somebody else's */
        { "Z2,400,4", "{\"reason\": \"watch\", \"cpu\": 1, \"addr\": \"0x402\", \"len\": 1}",
          "T05watch:400;thread:2;\n" },
        { "Z3,400,4", "{\"reason\": \"watch\", \"cpu\": 0, \"addr\": \"0x3fe\", \"len\": 8}",
          "T05rwatch:400;thread:1;\n" },
        { "Z4,400,4", "{\"reason\": \"watch\", \"cpu\": 0, \"addr\": \"0x400\", \"len\": 4}",
          "T05awatch:400;thread:1;\n" },
        { "Z4,400,4", "{\"reason\": \"watch\", \"cpu\": 0, \"addr\": \"0x404\", \"len\": 4}",
          "T05thread:1;\n" },
    };
    struct gdb_rig *r = *state;
    char clear[32];

    gdb_rig_ask(r, "Z0,21234,1"); /* a debugger that has not said that it knows the word */
    gdb_rig_ask(r, "c");
    assert_string_equal(gdb_rig_notify(r, rows[0].note, false), "T05thread:1;\n");
    gdb_rig_ask(r, "z0,21234,1");
    gdb_rig_ask(r, "qSupported:multiprocess+;swbreak+;hwbreak+");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(gdb_rig_ask(r, rows[i].set), "OK\n");
        gdb_rig_ask(r, "c");
        assert_string_equal(gdb_rig_notify(r, rows[i].note, false), rows[i].reply);
        snprintf(clear, sizeof(clear), "z%s", rows[i].set + 1);
        assert_string_equal(gdb_rig_ask(r, clear), "OK\n");
    }
}

static void interrupts(void **state)
{
    struct gdb_rig *r = *state;

    session_interrupt(r->session); /* it stands still already */
    assert_string_equal(gdb_rig_calls(r), "");
    gdb_rig_ask(r, "c");
    session_interrupt(r->session);
    assert_string_equal(gdb_rig_calls(r), "resume \npause \n");
    assert_string_equal(gdb_rig_notify(r, "{\"reason\": \"pause\"}", true), "T02thread:1;\n");
    /* At a breakpoint in the same moment: that is what it stopped for. */
    gdb_rig_ask(r, "c");
    session_interrupt(r->session);
    assert_string_equal(gdb_rig_notify(r, "{\"reason\": \"break\", \"cpu\": 1}", true),
                        "T05thread:2;\n");
    assert_string_equal(gdb_rig_notify(r, "{\"reason\": \"pause\"}", false), "");
}

static void tells_the_end(void **state)
{
    static const struct {
        const char *note, *first, *then; /* then: after it was looked at; NULL: at once */
    } rows[] = {
        { "{\"reason\": \"end\", \"end\": \"halt\", \"cpu\": 0}", "W00\n", NULL },
        { "{\"reason\": \"end\", \"end\": \"guest-exit\", \"exit_code\": 3}", "W03\n", NULL },
        { "{\"reason\": \"end\", \"end\": \"poweroff\"}", "W00\n", NULL },
        { "{\"reason\": \"end\", \"end\": \"stopped\"}", "X0f\n", NULL },
        { "{\"reason\": \"end\", \"end\": \"shutdown\", \"cpu\": 1}", "T0bthread:2;\n", "X0b\n" },
        { "{\"reason\": \"end\", \"end\": \"refused\", \"cpu\": 0}", "T04thread:1;\n", "X04\n" },
        { "{\"reason\": \"end\", \"end\": \"failed\", \"cpu\": 0}", "T06thread:1;\n", "X06\n" },
        { "{\"reason\": \"end\", \"end\": \"panic\", \"cpu\": 1}", "T06thread:2;\n", "X06\n" },
        { "{\"reason\": \"end\", \"end\": \"timeout\"}", "X0f\n", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gdb_rig r;

        gdb_rig_init(&r);
        assert_int_equal(gdb_rig_start(&r, "auto"), 0);
        gdb_rig_ask(&r, "c");
        assert_string_equal(gdb_rig_notify(&r, rows[i].note, false), rows[i].first);
        if (rows[i].then != NULL) {
            assert_false(session_over(r.session));
            assert_int_equal(strlen(gdb_rig_ask(&r, "p0")), 17);
            assert_string_equal(gdb_rig_ask(&r, "vCont;c"), rows[i].then);
        }
        assert_non_null(strstr(gdb_rig_calls(&r), "debug.detach"));
        assert_true(session_over(r.session));
        assert_string_equal(gdb_rig_ask(&r, "?"), "");
        gdb_rig_fini(&r);
    }
}

static void tells_that_the_machine_has_gone(void **state)
{
    struct gdb_rig *r = *state;

    gdb_rig_ask(r, "c");
    session_lost(r->session);
    session_settle(r->session);
    assert_string_equal(r->sent.buf, "X09\n");
    assert_true(session_over(r->session));
}

/* The request to go on comes too late: what happened is told, not that it was refused. */
static void tells_an_end_that_came_first(void **state)
{
    struct gdb_rig *r = *state;

    r->refuse = "resume";
    session_packet(r->session, "c", 1);
    assert_null(r->sent.buf);
    assert_string_equal(gdb_rig_notify(r, "{\"reason\": \"end\", \"end\": \"stopped\"}", true),
                        "X0f\n");
}

static void leaves(void **state)
{
    static const struct gdb_row rows[] = {
        { "D", "OK\n", "debug.detach \n" },
        { "k", "", "stop {\"now\":true}\n" },
        { "vKill;a410", "OK\n", "stop {\"now\":true}\n" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gdb_rig r;

        gdb_rig_init(&r);
        assert_int_equal(gdb_rig_start(&r, "auto"), 0);
        gdb_rig_walk(&r, &rows[i], 1);
        assert_true(session_over(r.session));
        gdb_rig_fini(&r);
    }
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, gdb_rig_set_up, gdb_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attaching_stops_the_machine),
        CASE(refuses_nonsense),
        CASE(resumes_and_stops),
        CASE(says_what_it_stopped_at),
        CASE(interrupts),
        cmocka_unit_test(tells_the_end),
        CASE(tells_that_the_machine_has_gone),
        CASE(tells_an_end_that_came_first),
        cmocka_unit_test(leaves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
