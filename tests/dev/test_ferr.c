/* SPDX-License-Identifier: MIT */
/* test_ferr.c - scripts of the coprocessor error logic; PIIX3 data sheet, "Coprocessor Error Register". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "chip_rig.h"
#include "dev/ferr.h"

struct rig {
    struct dev *dev;
    struct bus bus;
    bool line;
};

static void see_line(void *ctx, unsigned pin, bool level)
{
    struct rig *r = ctx;

    assert_int_equal(pin, 13);
    assert_int_not_equal(level, r->line); /* told when it changes, and only then */
    r->line = level;
}

/* level of FERR# */
static void cpu(void *rig, const struct step *s)
{
    struct ferr *wires = ferr_wires(((struct rig *)rig)->dev);

    wires->set(wires, s->arg[0] != 0);
}

/* value written to port 0xf0 */
static void wr(void *rig, const struct step *s)
{
    bus_write(&((struct rig *)rig)->bus, FERR_PORT, 1, s->arg[0]);
}

/* levels wanted of interrupt and IGNNE# */
static void are(void *rig, const struct step *s)
{
    struct rig *r = rig;

    step_expect(s, "the interrupt", r->line, s->arg[0]);
    step_expect(s, "IGNNE#", ferr_wires(r->dev)->ignored, s->arg[1]);
}

static void reset(void *rig, const struct step *s)
{
    (void)s;
    ((struct rig *)rig)->dev->ops->reset(((struct rig *)rig)->dev);
}

#define SCRIPT(...)                                                      \
    do {                                                                 \
        static const struct step steps[] = { __VA_ARGS__ };              \
        struct rig r = { 0 };                                            \
                                                                         \
        r.dev = ferr_new(&(struct irq_line){ see_line, &r, 13 });        \
        assert_non_null(r.dev);                                          \
        assert_int_equal(bus_add(&r.bus, FERR_PORT, 1, r.dev, NULL), 0); \
        RUN(&r, steps);                                                  \
        assert_int_equal(bus_read(&r.bus, FERR_PORT, 1), 0xff);          \
        r.dev->ops->free(r.dev);                                         \
    } while (0)

static void handled(void **state)
{
    (void)state;
    SCRIPT(STEP(are, 0, 0), STEP(cpu, 1), STEP(are, 1, 0), STEP(wr, 0), STEP(are, 0, 1),
           STEP(cpu, 1), STEP(are, 0, 1), STEP(cpu, 0), STEP(are, 0, 0), STEP(cpu, 1),
           STEP(are, 1, 0));
}

/* The interrupt is latched: it stays when the exception goes by itself. */
static void latched(void **state)
{
    (void)state;
    SCRIPT(STEP(cpu, 1), STEP(cpu, 0), STEP(are, 1, 0), STEP(wr, 0xff), STEP(are, 0, 0));
}

static void written_without_exception(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0), STEP(are, 0, 0), STEP(cpu, 1), STEP(are, 1, 0));
}

static void ends_with_reset(void **state)
{
    (void)state;
    SCRIPT(STEP(cpu, 1), STEP(reset, 0), STEP(are, 0, 0), STEP(cpu, 1), STEP(are, 1, 0),
           STEP(wr, 0), STEP(reset, 0), STEP(are, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handled),
        cmocka_unit_test(latched),
        cmocka_unit_test(written_without_exception),
        cmocka_unit_test(ends_with_reset),
    };

    return cmocka_run_group_tests_name("ferr", tests, NULL, NULL);
}
