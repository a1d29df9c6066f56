/* SPDX-License-Identifier: MIT */
/* bzimage_rig.c - see bzimage_rig.h. */
#include "bzimage_rig.h"

#include <string.h>

#include "base/bits.h"

uint8_t bzimage_code(unsigned i)
{
    return (uint8_t)(i * 7 + i / 256);
}

void bzimage_build(uint8_t *img)
{
    const struct patch fields[] = {
        { SETUP_SECTS, 1, SECTS },
        { SYSSIZE, 4, CODE / 16 },
        { BOOT_FLAG, 2, 0xaa55 },
        { JUMP, 2, 0x6aeb },
        { VERSION, 2, 0x20f },
        { KERNEL_VERSION, 2, 0x100 },
        { LOADFLAGS, 1, 1 },
        { CODE32, 4, 0x100000 },
        { INITRD_MAX, 4, 0x7fffffff },
        { ALIGNMENT, 4, 0x200000 },
        { RELOCATABLE, 1, 1 },
        { MIN_ALIGNMENT, 1, 21 },
        { XLOADFLAGS, 2, 0x7f },
        { CMDLINE_SIZE, 4, 2047 },
        { PAYLOAD_OFFSET, 4, PAYLOAD },
        { PAYLOAD_LENGTH, 4, 0x2000 },
        { PREF_ADDRESS, 8, 0x1000000 },
        { INIT_SIZE, 4, 0x300000 },
        { HANDOVER, 4, 0x400 },
        { KERNEL_INFO, 4, 0x500 },
        { SETUP + PAYLOAD, 4, 0x184c2102 },
    };

    memset(img, 0, SETUP);
    for (unsigned i = 0; i < CODE; i++)
        img[SETUP + i] = bzimage_code(i);
    memcpy(img + HEADER, "HdrS", 4);
    strcpy((char *)img + NAME, "6.1.0-9-cloud-amd64 (builder@host) #1 SMP");
    apply(img, fields, ARRAY_LEN(fields));
}
