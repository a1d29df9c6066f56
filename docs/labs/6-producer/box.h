/* SPDX-License-Identifier: MIT */
/* box.h - a mailbox for one number, in the memory that both machines share */
#ifndef BOX_H
#define BOX_H

struct box {
    unsigned full; /* 1: value is for the consumer */
    unsigned value;
};

#define BOX ((volatile struct box *)0x200000)

#endif
