/* SPDX-License-Identifier: MIT */
/* right.c - as left.c, with a letter of its own */
#include "guest.h"

void _start(void)
{
    for (int i = 0; i < 14; i++) {
        work(100000);
        out8(DEBUGCON, 'R');
    }
    halt();
}
