/* SPDX-License-Identifier: MIT */
/* left.c - prints its letter, over and over: once for each piece of work */
#include "guest.h"

void _start(void)
{
    for (int i = 0; i < 14; i++) {
        work(100000);
        out8(DEBUGCON, 'L');
    }
    halt();
}
