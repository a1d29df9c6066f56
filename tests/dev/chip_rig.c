/* SPDX-License-Identifier: MIT */
/* chip_rig.c - runs register scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "chip_rig.h"

void steps_run(void *rig, const struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct step s = steps[i];

        s.number = i;
        s.op(rig, &s);
    }
}

void step_expect(const struct step *s, const char *what, uint64_t got, uint64_t want)
{
    if (got != want)
        fail_msg("step %zu, %s: %s is 0x%llx, not 0x%llx", s->number, s->text, what,
                 (unsigned long long)got, (unsigned long long)want);
}
