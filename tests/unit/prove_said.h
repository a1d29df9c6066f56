/* SPDX-License-Identifier: MIT */
/* prove_said.h - what the prover says of code, against what a row of a test wants it to say */
#ifndef TESTS_PROVE_SAID_H
#define TESTS_PROVE_SAID_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* NULL: proved. Prints a difference. */
static inline bool prove_said(const char *what, const char *is, const char *should)
{
    if ((is == NULL) == (should == NULL) && (is == NULL || strcmp(is, should) == 0))
        return true;
    printf("%s: %s, not %s\n", what, is != NULL ? is : "proved",
           should != NULL ? should : "proved");
    return false;
}

#endif
