/* SPDX-License-Identifier: MIT */
/*
 * kallsyms.h - a Linux kernel's symbols, from the tables that it carries in its own memory
 *
 * Kernels with CONFIG_KALLSYMS (all of distributions) hold the names and addresses of their functions, packed.
 * No file is needed, and the slide of KASLR is in the addresses already. Used by the library's face.
 */
#ifndef INSPECT_KALLSYMS_H
#define INSPECT_KALLSYMS_H

#include "base/symtab.h"

/*
 * kallsyms_parse - find and unpack the tables
 *
 * bytes, len  a copy of the kernel's image as it lies in memory; hostile
 * out         empty; receives the symbols, sorted
 *
 * Knows the layouts of Linux 4.20 to 6.1 and from 6.4 on, for 64-bit kernels. Returns 0, -ENOENT when there are no such
 * tables or an image has too much that looks like them, -ENOMEM.
 */
WARN_UNUSED int kallsyms_parse(const uint8_t *bytes, size_t len, struct symtab *out);

#endif
