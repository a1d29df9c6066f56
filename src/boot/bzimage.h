/* SPDX-License-Identifier: MIT */
/*
 * bzimage.h - what the header of a Linux bzImage says; used by boot/ and its tests
 *
 * Source: Linux, Documentation/arch/x86/boot.rst ("The Linux/x86 Boot Protocol").
 */
#ifndef BOOT_BZIMAGE_H
#define BOOT_BZIMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { LINUX_NAME_MAX = 64 };
enum { LINUX_ELF_CMDLINE_MAX = 2047 }; /* arch/x86/include/asm/setup.h, COMMAND_LINE_SIZE */
enum { LINUX_SETUP = 0x1f1 }; /* file offset of the setup header, and its offset in the zero page */

struct linux_header {
    unsigned version;     /* 0x020f is 2.15 */
    const uint8_t *setup; /* the setup header, from LINUX_SETUP; borrowed */
    unsigned setup_len;   /* bytes of it */
    const uint8_t *code;  /* the protected-mode code; borrowed */
    uint64_t code_len;
    bool entry64;              /* has the 64-bit entry, 0x200 into the code */
    bool high_initrd;          /* takes an initrd above 4 GiB */
    bool relocatable;          /* runs where it is loaded, else at `run` */
    uint32_t entry32;          /* code32_start */
    uint64_t align;            /* of the load address when relocatable; a power of two */
    uint64_t run;              /* where it runs if it can; relocatable kernels run there or above */
    uint64_t run_len;          /* bytes it needs from there before it looks at the memory map */
    uint64_t initrd_max;       /* last address of an initrd below 4 GiB */
    uint64_t cmdline_max;      /* bytes without the NUL */
    char name[LINUX_NAME_MAX]; /* "6.1.0-56-cloud-amd64"; printable; "" when it does not say */
    const char *packed;        /* "LZ4", NULL when it does not say; static */
};

/* Has Linux's magic number; says nothing about whether it can be used. */
bool linux_is(const void *bytes, size_t len);

/*
 * linux_read - read and judge the header
 *
 * bytes,len  the file, any alignment; the result borrows from it
 * out        all zero after a failure
 *
 * Takes protocols 2.02 (Linux 2.4) and later, loaded high. Returns 0 or -ENOEXEC with a reason
 * (VITRO_ERR_IMAGE). Thread: any. Owns nothing.
 */
WARN_UNUSED int linux_read(const void *bytes, size_t len, struct linux_header *out,
                           struct vitro_err *err);

#endif
