/* SPDX-License-Identifier: MIT */
/* The bytes of a refused instruction, when KVM does not give them. Needs no /dev/kvm. */
#include "kvm_script.h"

#include <errno.h>

static const struct play refused = { .reason = KVM_EXIT_INTERNAL_ERROR,
                                     .internal = { .suberror = KVM_INTERNAL_ERROR_EMULATION } };

/* As many as can be read: 15 of the code, and those before the end of memory. */
static void test_bytes_from_memory(void **state)
{
    static const struct {
        uint64_t rip;
        unsigned ninsn;
    } rows[] = { { RIG_CODE, 15 }, { RIG_RAM - 4, 4 }, { RIG_RAM, 0 }, { 0x200000, 0 } };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct play play = refused;
        struct cpu_exit x;
        struct fake f;
        struct rig r;

        fake_init(&f);
        play.rip = rows[i].rip;
        open_with(&r, &f, &play, 1);
        memcpy(r.ram + RIG_RAM - 4, "\x0f\xc7\x0e\xf4", 4);
        x = rig_run(&r);
        assert_int_equal(x.kind, EXIT_REFUSED);
        assert_int_equal(x.rip, rows[i].rip);
        assert_int_equal(x.ninsn, rows[i].ninsn);
        if (x.ninsn > 0)
            assert_memory_equal(x.insn, r.ram + rows[i].rip, x.ninsn);
        finish(&r, &f);
    }
}

/* The report is poorer then, and that is all. */
static void test_registers_that_cannot_be_read(void **state)
{
    struct cpu_exit x;
    struct fake f;
    struct rig r;

    (void)state;
    fake_init(&f);
    open_with(&r, &f, &refused, 1);
    f.fail_request = KVM_GET_SREGS2;
    f.fail_times = 1;
    f.fail_rc = -EIO;
    x = rig_run(&r);
    assert_int_equal(x.kind, EXIT_REFUSED);
    assert_int_equal(x.ninsn, 0);
    assert_int_equal(r.err.code, 0);
    finish(&r, &f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_from_memory),
        cmocka_unit_test(test_registers_that_cannot_be_read),
    };

    return cmocka_run_group_tests_name("engine/kvm scripted refused", tests, NULL, NULL);
}
