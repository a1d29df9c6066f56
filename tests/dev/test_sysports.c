/* SPDX-License-Identifier: MIT */
/* test_sysports.c - scripts of the ports that belong to no chip. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "chip_rig.h"
#include "dev/sysports.h"

struct rig {
    struct dev *dev;
    struct bus bus;
    unsigned resets;
};

static const uint16_t ports[SYSPORTS_PARTS] = { SYSPORTS_POST_PORT, SYSPORTS_92_PORT,
                                                SYSPORTS_RESET_PORT };

static void see_reset(void *ctx)
{
    ((struct rig *)ctx)->resets++;
}

static void make(struct rig *r)
{
    struct sysports_config cfg = { see_reset, r };

    *r = (struct rig){ .dev = sysports_new(&cfg) };
    assert_non_null(r->dev);
    for (int i = 0; i < SYSPORTS_PARTS; i++)
        assert_int_equal(bus_add(&r->bus, ports[i], 1, sysports_part(r->dev, i), NULL), 0);
}

/* port, value */
static void wr(void *rig, const struct step *s)
{
    bus_write(&((struct rig *)rig)->bus, s->arg[0], 1, s->arg[1]);
}

/* port, value wanted */
static void rd(void *rig, const struct step *s)
{
    step_expect(s, "the port", bus_read(&((struct rig *)rig)->bus, s->arg[0], 1), s->arg[1]);
}

static void resets(void *rig, const struct step *s)
{
    step_expect(s, "resets", ((struct rig *)rig)->resets, s->arg[0]);
}

static void reset(void *rig, const struct step *s)
{
    (void)s;
    ((struct rig *)rig)->dev->ops->reset(((struct rig *)rig)->dev);
}

#define SCRIPT(...)                                         \
    do {                                                    \
        static const struct step steps[] = { __VA_ARGS__ }; \
        struct rig r;                                       \
                                                            \
        make(&r);                                           \
        RUN(&r, steps);                                     \
        r.dev->ops->free(r.dev);                            \
    } while (0)

static void post_code(void **state)
{
    (void)state;
    SCRIPT(STEP(rd, 0x80, 0), STEP(wr, 0x80, 0xa5), STEP(rd, 0x80, 0xa5), STEP(reset, 0),
           STEP(rd, 0x80, 0xa5), STEP(resets, 0));
}

static void port_92(void **state)
{
    (void)state;
    SCRIPT(STEP(rd, 0x92, 0x02), STEP(wr, 0x92, 0xfe), STEP(rd, 0x92, 0x02), STEP(resets, 0),
           STEP(wr, 0x92, 0x03), STEP(resets, 1), STEP(wr, 0x92, 0x03), STEP(resets, 1),
           STEP(wr, 0x92, 0x02), STEP(wr, 0x92, 0x01), STEP(resets, 2), STEP(rd, 0x92, 0x03),
           STEP(reset, 0), STEP(rd, 0x92, 0x02));
}

static void reset_register(void **state)
{
    (void)state;
    SCRIPT(STEP(rd, 0xcf9, 0), STEP(wr, 0xcf9, 0x02), STEP(resets, 0), STEP(wr, 0xcf9, 0x06),
           STEP(resets, 1), STEP(rd, 0xcf9, 0x06), STEP(wr, 0xcf9, 0x0e), STEP(resets, 1),
           STEP(reset, 0), STEP(rd, 0xcf9, 0), STEP(wr, 0xcf9, 0x0e), STEP(resets, 2),
           STEP(wr, 0xcf9, 0xf1), STEP(rd, 0xcf9, 0), STEP(wr, 0xcf9, 0x04), STEP(resets, 3));
}

static void view(void **state)
{
    static const struct step steps[] = { STEP(wr, 0x80, 0x42), STEP(wr, 0x92, 0x00),
                                         STEP(wr, 0xcf9, 0x02) };
    static const struct {
        const char *name;
        uint8_t value;
        uint8_t refused;
    } want[SYSPORTS_PARTS] = { { "POST", 0x42, 0 },
                               { "port 92", 0x02, 1 },
                               { "RST_CNT", 0x02, 0 } };
    struct dev_reg row;
    struct rig r;

    (void)state;
    make(&r);
    RUN(&r, steps);
    for (int i = 0; i < SYSPORTS_PARTS; i++) {
        struct dev *part = sysports_part(r.dev, i);

        assert_int_equal(part->ops->regs(part, &row), 1);
        assert_string_equal(row.name, want[i].name);
        assert_int_equal(row.value, want[i].value);
        assert_int_equal(part->refused, want[i].refused);
    }
    r.dev->ops->free(r.dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(post_code),
        cmocka_unit_test(port_92),
        cmocka_unit_test(reset_register),
        cmocka_unit_test(view),
    };

    return cmocka_run_group_tests_name("dev/sysports", tests, NULL, NULL);
}
