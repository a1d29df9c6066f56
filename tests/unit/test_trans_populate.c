/* SPDX-License-Identifier: MIT */
/* test_trans_populate.c - which pages of a table that grows are there before they are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/mman.h>

#include "engine/soft/trans/populate.h"

enum { PAGE = 4096, PAGES = 1024 };

static uint8_t *fresh(void)
{
    uint8_t *at =
        mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(at, MAP_FAILED);
    (void)madvise(at, PAGES * PAGE, MADV_NOHUGEPAGE);
    return at;
}

/* MADV_POPULATE_WRITE, of Linux 5.14. */
static void need_host(void)
{
    uint8_t *at = fresh();
    bool can = madvise(at, PAGE, 23) == 0 || errno != EINVAL;

    munmap(at, PAGES * PAGE);
    if (!can) {
        print_message("this host cannot: its kernel has no MADV_POPULATE_WRITE\n");
        skip();
    }
}

/* How many pages are there; those at the beginning, and no others. */
static unsigned present(uint8_t *at)
{
    unsigned char in[PAGES];
    unsigned n = 0;

    assert_int_equal(mincore(at, PAGES * PAGE, in), 0);
    while (n < PAGES && in[n] & 1)
        n++;
    for (unsigned i = n; i < PAGES; i++)
        assert_false(in[i] & 1);
    return n;
}

/* Some pages ahead of what is used, more the more that is, up to the end and not beyond. */
static void test_ahead(void **state)
{
    uint8_t *at = fresh();
    struct trans_populated p = { .base = at, .len = (PAGES - 1) * PAGE };
    unsigned before, calls = 0;

    (void)state;
    need_host();
    trans_populate(&p, 0);
    before = present(at);
    assert_true(before >= 4 && before <= 32);
    trans_populate(&p, PAGE);
    assert_int_equal(present(at), before);
    for (unsigned used = 0; used < PAGES - 1; used++) {
        trans_populate(&p, used * (size_t)PAGE);
        calls += present(at) != before;
        before = present(at);
        assert_true(before > used);
    }
    assert_int_equal(before, PAGES - 1);
    assert_true(calls < 40);
    munmap(at, PAGES * PAGE);
}

/* Neither the page that the base is in the middle of nor the one that the end is in belongs to the table alone. */
static void test_unaligned(void **state)
{
    uint8_t *at = fresh();
    struct trans_populated p = { .base = at + 100, .len = 8 * PAGE };

    (void)state;
    need_host();
    at[0] = 1;
    trans_populate(&p, 0);
    trans_populate(&p, 8 * PAGE);
    assert_int_equal(present(at), 8);
    assert_int_equal(at[0], 1);
    munmap(at, PAGES * PAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ahead),
        cmocka_unit_test(test_unaligned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
