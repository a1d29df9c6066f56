/* SPDX-License-Identifier: MIT */
/* zero_page.h - the page that Linux gets (struct boot_params); used by linux.c. */
#ifndef BOOT_ZERO_PAGE_H
#define BOOT_ZERO_PAGE_H

#include "boot/boot.h"
#include "boot/bzimage.h"

enum { ZERO_PAGE_LEN = 4096 };

struct zero_page {
    const uint8_t *setup; /* the image's setup header; NULL for an ELF kernel, which has none */
    unsigned setup_len;
    gpa_t load;    /* of the protected-mode code */
    gpa_t cmdline; /* 0: none */
    gpa_t initrd;
    uint64_t initrd_len; /* 0: none */
};

/* Fills `page`, ZERO_PAGE_LEN zeros. The memory map, the ACPI pointer and the screen are req's. */
void zero_page_write(uint8_t *page, const struct zero_page *z, const struct boot_request *req);

#endif
