/* SPDX-License-Identifier: MIT */
/* test_ram.c - guest memory of the host: what lies around it, also where address space is short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>

#include "host/ram.h"

enum { LEN = 1 << 20, PAGE = 4096 };

/* Whether all of [from, to) is mapped so that nobody may access it, by this process' own list. */
static bool is_closed(const uint8_t *from, const uint8_t *to)
{
    FILE *f = fopen("/proc/self/maps", "r");
    uintptr_t at = (uintptr_t)from;
    char line[512];

    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        unsigned long begin, end;
        char rights[5];

        assert_int_equal(sscanf(line, "%lx-%lx %4s", &begin, &end, rights), 3);
        if (begin <= at && at < end && rights[0] == '-' && rights[1] == '-' && rights[2] == '-')
            at = end;
    }
    fclose(f);
    return at >= (uintptr_t)to;
}

static void test_guards(void **state)
{
    uint64_t guard;
    uint8_t *at;

    (void)state;
    assert_int_equal(ram_map(LEN, &at, &guard, NULL), 0);
    /* Whatever a 32-bit distance, or an index of 32 bits, is added to: it stays in there. */
    assert_true(guard > UINT32_MAX);
    assert_true(is_closed(at - guard, at));
    assert_true(is_closed(at + LEN, at + LEN + guard));
    assert_false(is_closed(at, at + 1));
    at[0] = at[LEN - 1] = 1;
    ram_clear(at, LEN);
    assert_int_equal(at[0] | at[LEN - 1], 0);
    ram_unmap(at, LEN, guard);
    ram_unmap(NULL, LEN, guard);
}

/* Of the address space, in bytes: sanitizers use much of it. */
static rlim_t in_use(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long pages;

    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu", &pages), 1);
    fclose(f);
    return (rlim_t)pages * PAGE;
}

static void test_little_address_space(void **state)
{
    struct rlimit before, little;
    uint64_t guard;
    uint8_t *at;
    int rc;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    little = before;
    little.rlim_cur = in_use() + ((rlim_t)1 << 30);
    if (setrlimit(RLIMIT_AS, &little) < 0)
        fail_msg("cannot limit the address space");
    rc = ram_map(LEN, &at, &guard, NULL);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(rc, 0);
    assert_int_equal(guard, PAGE);
    assert_true(is_closed(at - guard, at) && is_closed(at + LEN, at + LEN + guard));
    ram_unmap(at, LEN, guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guards),
        cmocka_unit_test(test_little_address_space),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
