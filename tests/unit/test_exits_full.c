/* SPDX-License-Identifier: MIT */
/* Every row that an exit table can have has a place in the view. */
#include "views_rig.h"

static void test_every_row(void **state)
{
    struct stub stub = { .fails = 0 };
    struct machine *m = stub_machine(&stub, 1);
    struct exits_view v;
    struct vitro_err err = { 0 };

    (void)state;
    for (uint64_t rip = 1; rip <= EXIT_ROWS; rip++)
        exit_account(&m->cpu[0]->exits, &(struct cpu_exit){ .kind = EXIT_HLT, .rip = rip }, 1, 1);
    for (unsigned i = 0; i < EXIT_OTHERS; i++) {
        struct cpu_exit x = { .kind = (enum exit_kind)(i / 2),
                              .write = i % 2 != 0,
                              .rip = 1u << 20 };

        exit_account(&m->cpu[0]->exits, &x, 1, 1);
    }
    assert_int_equal(exits_collect(m, NULL, &v, &err), 0);
    assert_int_equal(v.n, EXIT_ROWS / 4 * 3 + EXIT_OTHERS);
    exits_fini(&v);
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_row) };

    return cmocka_run_group_tests_name("inspect/exits full", tests, NULL, NULL);
}
