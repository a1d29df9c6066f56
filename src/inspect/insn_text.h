/* SPDX-License-Identifier: MIT */
/* insn_text.h - one instruction as text, from its bytes; for the trace of instructions. */
#ifndef INSPECT_INSN_TEXT_H
#define INSPECT_INSN_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { INSN_TEXT_MAX = 128 };

/* Writes the instruction at offset rip of a code segment of that width. Returns buf. */
char *insn_text(unsigned code_bits, const uint8_t *bytes, unsigned len, uint64_t rip,
                char buf[INSN_TEXT_MAX]);

#endif
