/* SPDX-License-Identifier: MIT */
/*
 * decode_oracle.h - one byte string through our decoder and through Zydis
 *
 * Compared are length, whether there is an instruction at all, its name, and each operand: registers,
 * memory with its parts, immediates, widths. What may differ is in two tables of decode_oracle.c:
 * undescribed[] (instruction sets that the opcode table leaves out on purpose) and exceptions[]
 * (where Zydis is not the manual).
 */
#ifndef DECODE_ORACLE_H
#define DECODE_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include <Zydis/Zydis.h>

#include "x86/decode.h"

struct oracle {
    ZydisDecoder decoders[3]; /* 16, 32, 64 */
    uint64_t trials, instructions, undescribed, excepted, differences;
    bool seen[X86_NOPS]; /* rows that some string was */
};

void oracle_init(struct oracle *o);

/* Decodes both ways and counts; prints the first differences. Returns the length to go on by. */
unsigned oracle_try(struct oracle *o, const uint8_t *bytes, unsigned avail, enum x86_code code);

/* Prints the counts; fails the test when there was a difference. */
void oracle_close(const struct oracle *o, const char *what);

#endif
