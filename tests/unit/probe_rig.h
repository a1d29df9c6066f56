/* SPDX-License-Identifier: MIT */
/* probe_rig.h - what tests of the probe share: a home with a cache of its own, a host that is none, a watch. */
#ifndef TESTS_PROBE_RIG_H
#define TESTS_PROBE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/probe.h"

/* HOME is an empty folder during the test; *state is its path. */
#define WITH_HOME(test) cmocka_unit_test_setup_teardown(test, make_home, drop_home)
int make_home(void **state);
int drop_home(void **state);

/* What an answer of the cache belongs to. */
extern const struct probe_host a_host;

/* By a clock that only goes forward. */
double seconds(void);

#endif
