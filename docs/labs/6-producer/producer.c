/* SPDX-License-Identifier: MIT */
/* producer.c - five square numbers into the box */
#include "guest.h"

#include "box.h"

void _start(void)
{
    for (unsigned i = 1; i <= 5; i++) {
        while (BOX->full)
            work(1);
        BOX->value = i * i;
        BOX->full = 1;
        put("put ");
        put_number(i * i);
        put("\n");
    }
    halt();
}
