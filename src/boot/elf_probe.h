/* SPDX-License-Identifier: MIT */
/* elf_probe.h - what an ELF kernel says it is; used by the loaders and image_probe(). */
#ifndef BOOT_ELF_PROBE_H
#define BOOT_ELF_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot/elf_notes.h"

/* The note that names a PVH entry; as elf_note_find(). */
WARN_UNUSED int elf_pvh_note(const uint8_t *bytes, size_t len, struct elf_note *out,
                             struct vitro_err *err);

/* Has one of the notes that Linux 4.20 and later kernels carry. */
bool elf_is_linux(const uint8_t *bytes, size_t len);

/* The release that Linux's note tells, printable and cut to LINUX_NAME_MAX; "" without. */
void elf_linux_name(const uint8_t *bytes, size_t len, char *name);

#endif
