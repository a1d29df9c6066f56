/* SPDX-License-Identifier: MIT */
/* right.c - as left.c, with a letter of its own */
#include "guest.h"

void _start(void)
{
    /* Yours: fourteen pieces of work, and an R after each. */
    halt();
}
