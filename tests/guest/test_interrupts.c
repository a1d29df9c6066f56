/* SPDX-License-Identifier: MIT */
/*
 * test_interrupts.c - where interrupts and NMIs are taken: guest programs with a port that asks for them
 *
 * Arguments are the images of programs/interrupt, which say what is required (programs/lab_intr.inc). The
 * machine is the library's; an interrupt controller of the test's own and the port are put in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/board.h"
#include "core/machine.h"
#include "one_vector.h"
#include "vitro_priv.h"

enum {
    ORIGIN = 0x8000,
    EXIT_PORT = 0xf4,
    ENDS_PASSED = 0xff,
    ASK_PORT = 0x500,
    ASK_INTR = 1,
    ASK_NMI = 2,
    INSNS = 100000,
    EXITS = 10000,
};

static char **images;
static int nimages;

static void ask(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct one_vector *a = (struct one_vector *)dev;

    (void)off;
    (void)width;
    a->asked |= (val & ASK_INTR) != 0;
    one_vector_update(a);
    if (val & ASK_NMI)
        vcpu_request(a->cpu, VCPU_NMI);
}

static const struct dev_ops port = { .name = "asker", .widths = 1, .write = ask };

/* ---- runs ------------------------------------------------------------------------------------ */

static void run(const char *path, enum vitro_engine engine)
{
    struct vitro_guest_config gcfg = {
        .name = path, .kind = VITRO_KIND_FLAT, .mode = VITRO_MODE_LONG, .origin = ORIGIN
    };
    struct vitro_config cfg = { .engine = engine, .console_fd = -1, .debug_exit_port = EXIT_PORT };
    struct one_vector asker = { .dev = { .ops = &port } };
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct machine *machine;
    struct vitro *m = NULL;

    if (vitro_guest_open(&gcfg, &guest, &err) < 0 || vitro_new(&cfg, guest, &m, &err) < 0)
        fail_msg("%s", err.text);
    machine = m->board->m;
    asker.cpu = machine->cpu[0];
    asker.cpu->intc = (struct intc){ &one_vector_ops, &asker };
    assert_int_equal(bus_add(&machine->pio, ASK_PORT, 1, &asker.dev, &err), 0);
    if (engine == VITRO_ENGINE_SOFT)
        assert_int_equal(vitro_stop_at(m, &(struct vitro_stop_at){ .insns = INSNS }, &err), 0);
    else
        assert_int_equal(vitro_stop_at(m, &(struct vitro_stop_at){ .exits = EXITS }, &err), 0);
    assert_int_equal(vitro_run(m, &end, &err), 0);
    if (end.end != VITRO_END_GUEST_EXIT || (end.code & 0xff) != ENDS_PASSED)
        fail_msg("%s: check %u (by number in the image), %s", path, end.code & 0xff, end.text);
    vitro_free(m);
    vitro_guest_free(guest);
}

/*
 * KVMs may take interrupts late, and one that emulates MOV CR8 tells of a lower CR8 at the next exit: on KVM only
 * programs are run that wait, and do not lower it.
 */
static bool waits(const char *name)
{
    return strstr(name, ".halt.") != NULL || strstr(name, ".spin.") != NULL;
}

static void run_all(enum vitro_engine engine)
{
    unsigned ran = 0;

    for (int i = 0; i < nimages; i++) {
        const char *slash = strrchr(images[i], '/'), *name = slash != NULL ? slash + 1 : images[i];

        if (engine == VITRO_ENGINE_KVM && !waits(name))
            continue;
        print_message("%s\n", name);
        run(images[i], engine);
        ran++;
    }
    assert_true(ran > 0);
}

static void on_soft(void **state)
{
    (void)state;
    run_all(VITRO_ENGINE_SOFT);
}

static void on_kvm(void **state)
{
    (void)state;
    if (access("/dev/kvm", R_OK | W_OK) != 0) {
        print_message("this host cannot: it has no /dev/kvm to open\n");
        skip();
    }
    run_all(VITRO_ENGINE_KVM);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(on_soft), cmocka_unit_test(on_kvm) };

    images = argv + 1;
    nimages = argc - 1;
    return cmocka_run_group_tests_name("interrupts", tests, NULL, NULL);
}
