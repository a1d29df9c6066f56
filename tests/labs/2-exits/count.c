/* SPDX-License-Identifier: MIT */
/* count.c - what it costs to print a line */
#include "guest.h"

static const char line[] = "the quick brown fox jumps over the lazy dog\n";

void _start(void)
{
    unsigned before = in32(EXITS), after;

    put(line);
    after = in32(EXITS);
    put("exits, byte by byte: ");
    out32(PRINT32, after - before - 1);

    before = in32(EXITS);
    out32(PRINT_STR, (unsigned)(unsigned long)line);
    after = in32(EXITS);
    put("exits, as a string: ");
    out32(PRINT32, after - before - 1);
    halt();
}
