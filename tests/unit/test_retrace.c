/* SPDX-License-Identifier: MIT */
/* The last instruction once more, for engines that do not say why they shut down. Needs no /dev/kvm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/soft/soft.h"
#include "stub_engine.h"
#include "vitro_priv.h"
#include "x86/start.h"

enum { RAM = 0x10000, CODE = 0x6000, TABLES = 0x2000 };

static uint8_t ram[RAM] __attribute__((aligned(4096)));

struct rig {
    struct stub stub;
    struct machine *m;
    struct vcpu *cpu;
};

/* A stub that has shut down in long mode before these bytes. */
static void rig_open(struct rig *r, const void *code, size_t len)
{
    const struct mem_slot slot = { .len = RAM, .host = ram, .kind = MEM_RAM, .name = "RAM" };

    memset(r, 0, sizeof(*r));
    memset(ram, 0, sizeof(ram));
    le_put(ram + TABLES, 8, (TABLES + 0x1000) | 7);
    le_put(ram + TABLES + 0x1000, 8, (TABLES + 0x2000) | 7);
    le_put(ram + TABLES + 0x2000, 8, 0x87);
    memcpy(ram + CODE, code, len);
    x86_start_state(X86_START_LONG, CODE, 0x8000, TABLES, &r->stub.state);
    r->m = stub_machine(&r->stub, 1);
    assert_int_equal(machine_add_mem(r->m, &slot, NULL), 0);
    r->m->helper = &soft_engine;
    r->cpu = r->m->cpu[0];
    r->cpu->exit = (struct cpu_exit){ .kind = EXIT_SHUTDOWN, .rip = CODE };
}

static enum retrace retrace(struct rig *r)
{
    struct vitro_err err = { 0 };
    enum retrace how;

    if (vcpu_retrace(r->cpu, &how, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(r->cpu->exit.kind, EXIT_SHUTDOWN); /* still what the engine said */
    assert_ptr_equal(r->cpu->engine, &stub_engine);
    return how;
}

static void found_in_the_state_that_is_left(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "\x0f\x0b", 2);                   /* ud2 */
    r.stub.state.events.exception_injected = true; /* and not delivered twice */
    r.stub.state.events.exception_vector = 8;
    assert_int_equal(retrace(&r), RETRACE_FOUND);
    assert_int_equal(r.cpu->chain.rip, CODE);
    assert_int_equal(r.cpu->chain.n, 4);
    assert_int_equal(r.cpu->chain.link[0].vector, 6);
    assert_int_equal(r.cpu->chain.link[1].vector, 13);
    assert_int_equal(r.cpu->chain.link[1].error, 6 * 8 + 3);
    assert_true(r.cpu->chain.link[2].doubled);
    assert_int_equal(r.cpu->chain.link[3].error, 8 * 8 + 3);
    memset(ram + CODE, 0x90, 2);
    assert_int_equal(retrace(&r), RETRACE_FOUND); /* known: not executed again */
    machine_free(r.m);
}

static void an_instruction_that_is_fine(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "\x90", 1);
    assert_int_equal(retrace(&r), RETRACE_NO_FAULT);
    assert_int_equal(r.cpu->chain.n, 0);
    machine_free(r.m);
}

/* in al, 0x80: the device is not asked again, and what was under way does not stay so. */
static void an_access(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "\xe4\x80", 2);
    assert_int_equal(retrace(&r), RETRACE_NO_FAULT);
    memcpy(ram + CODE, "\x0f\x0b", 2);
    assert_int_equal(retrace(&r), RETRACE_FOUND);
    machine_free(r.m);
}

static void a_kick_from_before(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "\x0f\x0b", 2);
    assert_int_equal(help_ready(r.cpu, NULL), 0);
    vcpu_kick(r.cpu);
    assert_int_equal(retrace(&r), RETRACE_FOUND);
    machine_free(r.m);
}

static void nothing_is_left(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "\x0f\x0b", 2);
    x86_start_state(X86_START_REAL, 0xfff0, 0, 0, &r.stub.state);
    r.stub.state.seg[X86_CS].base = 0xffff0000;
    assert_int_equal(retrace(&r), RETRACE_RESET);
    r.m->helper = NULL;
    assert_int_equal(retrace(&r), RETRACE_NOBODY);
    machine_free(r.m);
}

/* The whole run again: the same faults, no output, and nothing of the first machine changes. */
static void the_whole_run(void **state)
{
    const struct vitro_guest_config gcfg = { .name = "fault" };
    const struct vitro_config cfg = { .engine = VITRO_ENGINE_SOFT, .console_fd = -1 };
    struct vitro_err err = { 0 };
    struct vitro_chain first, again;
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct vitro *m;

    (void)state;
    assert_int_equal(vitro_guest_open(&gcfg, &guest, &err), 0);
    assert_int_equal(vitro_new(&cfg, guest, &m, &err), 0);
    assert_int_equal(vitro_run(m, &end, &err), 0);
    assert_int_equal(vitro_chain(m, 0, &first, &err), 0);
    assert_int_equal(chain_repeat(m, &again, &err), 0);
    assert_int_equal(again.n, 3);
    assert_memory_equal(first.fault, again.fault, sizeof(first.fault));
    assert_string_equal(first.insn, again.insn);
    assert_non_null(strstr(again.source, "whole run once more"));
    vitro_free(m);
    vitro_guest_free(guest);
}

/* A guest that is well on the software CPU: the repetition ends, and says so. */
static void a_run_that_is_fine(void **state)
{
    const struct vitro_guest_config gcfg = { .name = "hello" };
    const struct vitro_config cfg = { .engine = VITRO_ENGINE_SOFT, .console_fd = -1 };
    struct vitro_err err = { 0 };
    struct vitro_guest *guest;
    struct vitro_chain chain;
    struct vitro_outcome end;
    struct vitro *m;

    (void)state;
    assert_int_equal(vitro_guest_open(&gcfg, &guest, &err), 0);
    assert_int_equal(vitro_new(&cfg, guest, &m, &err), 0);
    assert_int_equal(vitro_run(m, &end, &err), 0);
    assert_int_equal(chain_repeat(m, &chain, &err), 0);
    assert_int_equal(chain.n, 0);
    assert_non_null(strstr(chain.source, "does not come to one"));
    vitro_free(m);
    vitro_guest_free(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_in_the_state_that_is_left),
        cmocka_unit_test(an_instruction_that_is_fine),
        cmocka_unit_test(an_access),
        cmocka_unit_test(a_kick_from_before),
        cmocka_unit_test(nothing_is_left),
        cmocka_unit_test(the_whole_run),
        cmocka_unit_test(a_run_that_is_fine),
    };

    return cmocka_run_group_tests_name("core/retrace", tests, NULL, NULL);
}
