/* SPDX-License-Identifier: MIT */
/* consumer.c - takes what the producer puts into the box */
#include "guest.h"

#include "box.h"

void _start(void)
{
    for (int i = 0; i < 5; i++) {
        while (!BOX->full)
            work(1);
        put("got ");
        put_number(BOX->value);
        put("\n");
        BOX->full = 0;
    }
    halt();
}
