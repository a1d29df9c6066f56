/* SPDX-License-Identifier: MIT */
/*
 * fuzz_decode.c - the decoder over bytes a fuzzer made up
 *
 * Input: one byte for the code size (modulo 3: 16, 32, 64), then up to 15 bytes of code. Each
 * beginning of them is decoded from a heap block of exactly its length, so that the address sanitizer
 * sees a read too many.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "x86/operand.h"

static enum x86_decode_result decode(const uint8_t *bytes, unsigned avail, enum x86_code code,
                                     struct x86_insn *out)
{
    uint8_t *block = malloc(avail > 0 ? avail : 1);
    enum x86_decode_result result;

    CHECK(block != NULL);
    memcpy(block, bytes, avail);
    memset(out, 0xa5, sizeof(*out));
    result = x86_decode(block, avail, code, out);
    free(block);
    return result;
}

static void check_operand(const struct x86_insn *in, unsigned i)
{
    struct x86_operand o;

    x86_insn_operand(in, i, &o);
    if (o.what == X86_OPERAND_REG)
        CHECK(o.reg <
              (o.reg_class == X86_REG_SEG    ? X86_NSREG
               : o.reg_class == X86_REG_HIGH ? 4
               : o.reg_class == X86_REG_ST || o.reg_class == X86_REG_MM || o.reg_class == X86_REG_DR
                   ? 8
                   : X86_NGPR));
    if (o.what == X86_OPERAND_MEM)
        CHECK(o.seg < X86_NSREG);
    if (in->code != X86_CODE_64 && o.what == X86_OPERAND_REG)
        CHECK(o.reg < 8);
}

static void check_insn(const struct x86_insn *in, unsigned avail, enum x86_code code)
{
    const struct x86_row *row;

    CHECK(in->len >= 1 && in->len <= avail && in->len <= X86_INSN_MAX);
    CHECK(in->op > X86_OP_NONE && in->op < X86_NOPS);
    row = x86_insn_row(in);
    CHECK(row->when & (code == X86_CODE_64 ? X86_WHEN_64 : X86_WHEN_NOT64));
    CHECK(row->mnemonic != X86_MN_NONE && row->mnemonic < X86_NMNEMONICS);
    CHECK((row->map >= X86_MAP_VEX0F) == ((in->flags & X86_INSN_VEX) != 0));
    CHECK(!(in->flags & X86_INSN_LOCK) || (row->props & X86_ROW_LOCK && in->flags & X86_INSN_MEM));
    CHECK(in->opsize == 2 || in->opsize == 4 || (in->opsize == 8 && code == X86_CODE_64));
    CHECK(in->addrsize == 2 || in->addrsize == 4 || in->addrsize == 8);
    CHECK(in->addrsize != (code == X86_CODE_64 ? 2 : 8));
    CHECK(in->seg < X86_NSREG);
    CHECK(in->base == X86_REG_NONE || in->base <= X86_BASE_RIP);
    CHECK(in->index == X86_REG_NONE || in->index < X86_NGPR);
    for (unsigned i = 0; i < 4; i++)
        check_operand(in, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum x86_code codes[] = { X86_CODE_16, X86_CODE_32, X86_CODE_64 };
    enum x86_decode_result last = X86_DECODE_NEED_MORE;
    struct x86_insn before, in;
    enum x86_code code;

    if (size < 1)
        return 0;
    code = codes[data[0] % 3];
    data++;
    size--;
    if (size > X86_INSN_MAX)
        size = X86_INSN_MAX;
    for (unsigned avail = 0; avail <= size; avail++) {
        enum x86_decode_result result = decode(data, avail, code, &in);

        CHECK(result != X86_DECODE_TOO_LONG || avail == X86_INSN_MAX);
        CHECK(result != X86_DECODE_NEED_MORE || avail < X86_INSN_MAX);
        if (last != X86_DECODE_NEED_MORE)
            CHECK(result == last);
        if (result == X86_DECODE_OK) {
            check_insn(&in, avail, code);
            if (last == X86_DECODE_OK)
                CHECK(memcmp(&in, &before, sizeof(in)) == 0);
            else
                CHECK(in.len == avail);
            before = in;
        }
        last = result;
    }
    return 0;
}
