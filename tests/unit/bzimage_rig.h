/* SPDX-License-Identifier: MIT */
/* bzimage_rig.h - a small bzImage made in memory: boot sector, setup, code whose bytes tell their place. */
#ifndef BZIMAGE_RIG_H
#define BZIMAGE_RIG_H

#include "boot_rig.h"

enum {
    SECTS = 3,
    SETUP = (SECTS + 1) * 512,
    CODE = 0x8000,
    IMAGE = SETUP + CODE,
    PAYLOAD = 0x1000
};
enum { NAME = 0x300 }; /* where kernel_version points */

/* Offsets by the boot protocol, written out here once more: a wrong one in the loader shows. */
enum field {
    SETUP_SECTS = 0x1f1,
    SYSSIZE = 0x1f4,
    BOOT_FLAG = 0x1fe,
    JUMP = 0x200,
    HEADER = 0x202,
    VERSION = 0x206,
    KERNEL_VERSION = 0x20e,
    LOADER = 0x210,
    LOADFLAGS = 0x211,
    CODE32 = 0x214,
    RAMDISK = 0x218,
    RAMDISK_SIZE = 0x21c,
    CMD_LINE = 0x228,
    INITRD_MAX = 0x22c,
    ALIGNMENT = 0x230,
    RELOCATABLE = 0x234,
    MIN_ALIGNMENT = 0x235,
    XLOADFLAGS = 0x236,
    CMDLINE_SIZE = 0x238,
    SUBARCH = 0x23c,
    PAYLOAD_OFFSET = 0x248,
    PAYLOAD_LENGTH = 0x24c,
    SETUP_DATA = 0x250,
    PREF_ADDRESS = 0x258,
    INIT_SIZE = 0x260,
    HANDOVER = 0x264,
    KERNEL_INFO = 0x268,
};

/* Protocol 2.15, relocatable, both entries, preferred address 16 MiB, init_size 3 MiB. */
void bzimage_build(uint8_t *img);

/* Byte i of the code, outside of the payload's magic number. */
uint8_t bzimage_code(unsigned i);

#endif
