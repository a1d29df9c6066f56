/* SPDX-License-Identifier: MIT */
/* insn_text.c - one instruction as text, by Zydis. */
#include "inspect/insn_text.h"

#include <stdio.h>

#include "inspect/formatter.h"

static bool decoder_init(unsigned code_bits, ZydisDecoder *d)
{
    ZyanStatus status =
        code_bits == 64   ? ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)
        : code_bits == 32 ? ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32)
                          : ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);

    return ZYAN_SUCCESS(status);
}

char *insn_text(unsigned code_bits, const uint8_t *bytes, unsigned len, uint64_t rip,
                char buf[INSN_TEXT_MAX])
{
    ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
    ZydisDecodedInstruction z;
    ZydisFormatter formatter;
    ZydisDecoder decoder;

    buf[0] = '\0';
    if (len == 0)
        return buf;
    if (!decoder_init(code_bits, &decoder) || !formatter_init(&formatter) ||
        ZYAN_FAILED(ZydisDecoderDecodeFull(&decoder, bytes, len, &z, op)) ||
        ZYAN_FAILED(ZydisFormatterFormatInstruction(&formatter, &z, op, z.operand_count_visible,
                                                    buf, INSN_TEXT_MAX, rip, NULL)))
        snprintf(buf, INSN_TEXT_MAX, "(no instruction)");
    return buf;
}
