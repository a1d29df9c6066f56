/* SPDX-License-Identifier: MIT */
/* map.c - a second way to the same byte */
#include "guest.h"

enum { PRESENT = 1 << 0, WRITABLE = 1 << 1, LARGE = 1 << 7 };

static unsigned long directory[512] __attribute__((aligned(4096)));
static volatile unsigned long cell = 7;

static inline unsigned long *level4(void)
{
    unsigned long cr3;

    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    return (unsigned long *)(cr3 & ~0xffful);
}

static void map(void)
{
    unsigned long *level3 = (unsigned long *)(level4()[0] & ~0xffful);

    directory[0] = ((unsigned long)&cell & ~0x1ffffful) | PRESENT | WRITABLE | LARGE;
    level3[1] = (unsigned long)directory | PRESENT | WRITABLE;
}

void _start(void)
{
    unsigned long offset = (unsigned long)&cell & 0x1fffff;

    map();
    *(volatile unsigned long *)(0x40000000 + offset) = 42;
    put("the cell holds ");
    put_number(cell);
    put("\n");
    halt();
}
