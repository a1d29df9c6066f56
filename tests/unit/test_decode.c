/* SPDX-License-Identifier: MIT */
/* test_decode.c - the rules of the decoder, each by hand; tables and their rows in opcodes.tbl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "x86/operand.h"

enum { UD = X86_DECODE_UD, MORE = X86_DECODE_NEED_MORE, LONG = X86_DECODE_TOO_LONG };
enum { M16 = 1, M32 = 2, M64 = 4, LEGACY = M16 | M32, ALL = LEGACY | M64 };

static const enum x86_code codes[] = { X86_CODE_16, X86_CODE_32, X86_CODE_64 };

/* "66 0f 10" to bytes. */
static unsigned parse(const char *text, uint8_t *out)
{
    unsigned n = 0, byte;
    int used;

    while (sscanf(text, "%2x%n", &byte, &used) == 1) {
        out[n++] = (uint8_t)byte;
        text += used;
    }
    return n;
}

static enum x86_decode_result decode(const char *text, enum x86_code code, struct x86_insn *in)
{
    uint8_t bytes[64];
    unsigned n = parse(text, bytes);

    return x86_decode(bytes, n, code, in);
}

/* Decodes what must be an instruction of all the bytes. */
static struct x86_insn insn(const char *text, enum x86_code code)
{
    uint8_t bytes[64];
    unsigned n = parse(text, bytes);
    struct x86_insn in;

    if (x86_decode(bytes, n, code, &in) != X86_DECODE_OK || in.len != n)
        fail_msg("%s is no instruction of %u bytes in %d-bit code", text, n, code);
    return in;
}

static void name_and_result(void **state)
{
    static const struct {
        const char *text;
        unsigned modes;
        const char *name; /* NULL: the result */
        int result;
    } rows[] = {
        /* REX: right before the opcode, 64-bit only */
        { "48 89 c8", M64, "mov", 0 },
        { "48 66 89 c8", M64, "mov", 0 },
        { "40", LEGACY, "inc", 0 },
        { "48", LEGACY, "dec", 0 },
        { "40", M64, NULL, MORE },
        /* 64-bit mode takes some opcodes away */
        { "06", LEGACY, "push", 0 },
        { "06", M64, NULL, UD },
        { "27", M64, NULL, UD },
        { "60", M16, "pusha", 0 },
        { "60", M32, "pushad", 0 },
        { "60", M64, NULL, UD },
        { "9a 11 22 33 44", M16, "callf", 0 },
        { "9a 11 22 33 44", M64, NULL, UD },
        { "82 c0 01", LEGACY, "add", 0 },
        { "82 c0 01", M64, NULL, UD },
        { "ce", M64, NULL, UD },
        { "d4 0a", M64, NULL, UD },
        { "d6", LEGACY, "salc", 0 },
        { "63 c8", LEGACY, "arpl", 0 },
        { "63 c8", M64, "movsxd", 0 },
        { "62 00", LEGACY, "bound", 0 },
        { "62 c0", LEGACY, NULL, UD },
        { "0f 01 f8", M64, "swapgs", 0 },
        { "0f 01 f8", LEGACY, NULL, UD },
        /* NOP, PAUSE, XCHG share 90 */
        { "90", ALL, "nop", 0 },
        { "66 90", ALL, "nop", 0 },
        { "f3 90", ALL, "pause", 0 },
        { "41 90", M64, "xchg", 0 },
        { "f3 41 90", M64, "pause", 0 },
        { "f2 90", ALL, "nop", 0 },
        /* names by operand size */
        { "98", M16, "cbw", 0 },
        { "98", M32 | M64, "cwde", 0 },
        { "48 98", M64, "cdqe", 0 },
        { "66 48 98", M64, "cdqe", 0 },
        { "9c", M64, "pushfq", 0 },
        { "66 9c", M64, "pushf", 0 },
        { "66 9c", M16, "pushfd", 0 },
        { "cf", M64, "iretd", 0 },
        { "e3 00", M16, "jcxz", 0 },
        { "67 e3 00", M16, "jecxz", 0 },
        { "e3 00", M64, "jrcxz", 0 },
        { "67 e3 00", M64, "jecxz", 0 },
        /* the mandatory prefix: F2 and F3 before 66, the last of the two */
        { "0f 10 c1", ALL, "movups", 0 },
        { "66 0f 10 c1", ALL, "movupd", 0 },
        { "f3 0f 10 c1", ALL, "movss", 0 },
        { "66 f3 0f 10 c1", ALL, "movss", 0 },
        { "f3 66 0f 10 c1", ALL, "movss", 0 },
        { "f2 f3 0f 10 c1", ALL, "movss", 0 },
        { "f3 f2 0f 10 c1", ALL, "movsd", 0 },
        { "66 f2 0f 38 f1 c1", ALL, "crc32", 0 },
        { "f3 0f b8 c1", ALL, "popcnt", 0 },
        { "0f b8 c1", ALL, NULL, UD },
        { "f2 0f b8 c1", ALL, NULL, UD },
        { "f3 0f bc c1", ALL, "tzcnt", 0 },
        { "f2 0f bc c1", ALL, "bsf", 0 },
        { "66 0f 77", ALL, NULL, UD },
        { "0f 77", ALL, "emms", 0 },
        { "f3 0f 01 d0", ALL, NULL, UD },
        { "0f 01 d0", ALL, "xgetbv", 0 },
        { "f3 0f ae e8", ALL, NULL, UD },
        { "0f ae e8", ALL, "lfence", 0 },
        /* VEX against LES and LDS */
        { "c4 00", LEGACY, "les", 0 },
        { "c5 00", LEGACY, "lds", 0 },
        { "c4", LEGACY, NULL, MORE },
        { "c5 f8 10 c1", ALL, "vmovups", 0 },
        { "c5 78 10 c1", M64, "vmovups", 0 },
        { "c4 e1 78 10 c1", ALL, "vmovups", 0 },
        { "c5 f8 77", ALL, "vzeroupper", 0 },
        { "c5 fc 77", ALL, "vzeroall", 0 },
        /* no 66, F2, F3, LOCK or REX before VEX; segments and 67 are allowed */
        { "66 c5 f8 10 c1", ALL, NULL, UD },
        { "f3 c5 f8 10 c1", ALL, NULL, UD },
        { "f2 c5 f8 10 c1", ALL, NULL, UD },
        { "f0 c5 f8 10 c1", ALL, NULL, UD },
        { "40 c5 f8 10 c1", M64, NULL, UD },
        { "48 2e c5 f8 10 c1", M64, "vmovups", 0 },
        { "2e 67 c5 f8 10 c1", ALL, "vmovups", 0 },
        /* VEX maps, L, W and vvvv */
        { "c4 e0 78 10 c1", ALL, NULL, UD },
        { "c4 e4 78 10 c1", ALL, NULL, UD },
        { "c5 f0 10 c1", ALL, NULL, UD },
        { "c4 e1 38 10 c1", ALL, NULL, UD },
        { "c5 f0 58 c1", ALL, "vaddps", 0 },
        { "c5 f4 58 c1", ALL, "vaddps", 0 },
        { "c5 f6 58 c1", ALL, "vaddss", 0 },
        { "c4 e2 70 f2 c1", ALL, "andn", 0 },
        { "c4 e2 74 f2 c1", ALL, NULL, UD },
        { "c4 e2 79 18 c1", ALL, "vbroadcastss", 0 },
        { "c4 e2 f9 18 c1", ALL, NULL, UD },
        { "c4 e2 79 19 c1", ALL, NULL, UD },
        { "c4 e1 f9 6e c1", LEGACY, "vmovd", 0 },
        { "c4 e1 f9 6e c1", M64, "vmovq", 0 },
        { "c4 e3 79 19 c1 00", ALL, NULL, UD },
        { "c4 e3 7d 19 c1 00", ALL, "vextractf128", 0 },
        /* LOCK: rows that allow it, and only with memory as the destination */
        { "f0 01 08", M64, "add", 0 },
        { "f0 01 c8", ALL, NULL, UD },
        { "f0 03 08", M64, NULL, UD },
        { "f0 39 08", M64, NULL, UD },
        { "f0 90", ALL, NULL, UD },
        { "f0 87 08", M64, "xchg", 0 },
        { "f0 0f b1 08", M64, "cmpxchg", 0 },
        { "f0 0f c7 08", M64, "cmpxchg8b", 0 },
        { "f0 48 0f c7 08", M64, "cmpxchg16b", 0 },
        { "f0 0f a3 08", M64, NULL, UD },
        { "f0 0f ab 08", M64, "bts", 0 },
        { "f0 0f 20 c0", ALL, NULL, UD },
        /* registers that are not there */
        { "8e c8", ALL, NULL, UD },
        { "8e d8", ALL, "mov", 0 },
        { "8c c8", ALL, "mov", 0 },
        { "8e f0", ALL, NULL, UD },
        { "8c f8", ALL, NULL, UD },
        { "44 8e d8", M64, "mov", 0 },
        { "0f 20 c0", ALL, "mov", 0 },
        { "0f 20 c8", ALL, NULL, UD },
        { "0f 20 e8", ALL, NULL, UD },
        { "44 0f 20 c0", M64, "mov", 0 },
        { "44 0f 20 c8", M64, NULL, UD },
        { "0f 23 f8", ALL, "mov", 0 },
        { "44 0f 23 c0", M64, NULL, UD },
        /* ModRM.mod is ignored by control and debug registers */
        { "0f 20 00", ALL, "mov", 0 },
        /* gathers: SIB, three different registers, no 16-bit addresses */
        { "c4 e2 69 90 0c 23", M64, "vpgatherdd", 0 },
        { "c4 e2 69 90 cb", M64, NULL, UD },
        { "c4 e2 69 90 0b", M64, NULL, UD },
        { "c4 e2 69 90 0c 13", M64, NULL, UD },
        { "c4 e2 69 90 0c 0b", M64, NULL, UD },
        { "c4 e2 69 90 14 23", M64, NULL, UD },
        { "c4 e2 69 90 0c 23", M16, NULL, UD },
        /* forms that exist for memory or registers only */
        { "8d c0", ALL, NULL, UD },
        { "0f c7 f0", ALL, "rdrand", 0 },
        { "f3 0f c7 f8", ALL, "rdpid", 0 },
        { "0f 01 c8", ALL, NULL, UD },
        { "ff d8", ALL, NULL, UD },
        { "ff 38", M64, NULL, UD },
        { "8f c8", ALL, NULL, UD },
        { "c6 c8 00", ALL, NULL, UD },
        { "d9 d1", ALL, NULL, UD },
        { "d9 d0", ALL, "fnop", 0 },
        { "d9 ff", ALL, "fcos", 0 },
        { "df e0", ALL, "fnstsw", 0 },
        { "df e1", ALL, NULL, UD },
        /* #UD by name, and sets that are not described */
        { "0f 0b", ALL, "ud2", 0 },
        { "0f b9 c0", ALL, "ud1", 0 },
        { "0f ff c0", ALL, "ud0", 0 },
        { "0f 01 c1", ALL, NULL, UD },
        { "0f 0f c0 b4", ALL, NULL, UD },
        { "62 f1 7c 48 10 c0", M64, NULL, UD },
        { "f3 0f 1e fa", ALL, "nop", 0 },
        { "0f 1f 00", ALL, "nop", 0 },
        { "0f aa", ALL, NULL, UD },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t m = 0; m < ARRAY_LEN(codes); m++) {
            struct x86_insn in;
            int result = decode(rows[i].text, codes[m], &in);

            if (!(rows[i].modes >> m & 1))
                continue;
            if (result != rows[i].result)
                fail_msg("%s in %d-bit code: %d", rows[i].text, codes[m], result);
            if (rows[i].name != NULL)
                assert_string_equal(x86_mnemonic_names[x86_insn_row(&in)->mnemonic], rows[i].name);
        }
}

static void sizes(void **state)
{
    static const struct {
        const char *text;
        enum x86_code code;
        uint8_t opsize, addrsize, veclen;
    } rows[] = {
        { "89 c8", X86_CODE_16, 2, 2, 16 },
        { "66 89 c8", X86_CODE_16, 4, 2, 16 },
        { "67 89 c8", X86_CODE_16, 2, 4, 16 },
        { "89 c8", X86_CODE_32, 4, 4, 16 },
        { "66 66 89 c8", X86_CODE_32, 2, 4, 16 },
        { "67 89 c8", X86_CODE_32, 4, 2, 16 },
        { "89 c8", X86_CODE_64, 4, 8, 16 },
        { "66 48 89 c8", X86_CODE_64, 8, 8, 16 },
        { "67 89 c8", X86_CODE_64, 4, 4, 16 },
        { "50", X86_CODE_64, 8, 8, 16 },
        { "66 50", X86_CODE_64, 2, 8, 16 },
        { "66 48 50", X86_CODE_64, 8, 8, 16 },
        /* near branches in 64-bit mode ignore 66, as Intel */
        { "e8 01 02 03 04", X86_CODE_64, 8, 8, 16 },
        { "66 e8 01 02 03 04", X86_CODE_64, 8, 8, 16 },
        { "66 e8 01 02", X86_CODE_32, 2, 4, 16 },
        { "66 0f 85 01 02 03 04", X86_CODE_64, 8, 8, 16 },
        { "66 c3", X86_CODE_64, 8, 8, 16 },
        { "66 ff e0", X86_CODE_64, 8, 8, 16 },
        { "66 cb", X86_CODE_64, 2, 8, 16 },
        { "66 0f 20 c0", X86_CODE_64, 8, 8, 16 },
        /* 66 that belongs to the opcode is no operand size */
        { "66 0f 58 c1", X86_CODE_64, 4, 8, 16 },
        { "66 0f 38 f1 08", X86_CODE_64, 2, 8, 16 },
        { "66 f2 0f 38 f1 c1", X86_CODE_64, 2, 8, 16 },
        { "c5 f4 58 c1", X86_CODE_64, 4, 8, 32 },
        { "c5 f6 58 c1", X86_CODE_64, 4, 8, 16 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct x86_insn in = insn(rows[i].text, rows[i].code);

        assert_int_equal(in.opsize, rows[i].opsize);
        assert_int_equal(in.addrsize, rows[i].addrsize);
        assert_int_equal(in.veclen, rows[i].veclen);
    }
}

static void addresses(void **state)
{
    enum { NONE = X86_REG_NONE };
    static const struct {
        const char *text;
        enum x86_code code;
        uint8_t base, index, scale, seg;
        int64_t disp;
    } rows[] = {
        { "8b 00", X86_CODE_16, X86_RBX, X86_RSI, 0, X86_DS, 0 },
        { "8b 42 80", X86_CODE_16, X86_RBP, X86_RSI, 0, X86_SS, -128 },
        { "8b 06 34 82", X86_CODE_16, NONE, NONE, 0, X86_DS, (int16_t)0x8234 },
        { "8b 46 00", X86_CODE_16, X86_RBP, NONE, 0, X86_SS, 0 },
        { "67 8b 04 24", X86_CODE_16, X86_RSP, NONE, 0, X86_SS, 0 },
        { "8b 05 78 56 34 92", X86_CODE_32, NONE, NONE, 0, X86_DS, (int32_t)0x92345678 },
        { "8b 05 78 56 34 92", X86_CODE_64, X86_BASE_RIP, NONE, 0, X86_DS, (int32_t)0x92345678 },
        { "67 8b 05 01 00 00 00", X86_CODE_64, X86_BASE_RIP, NONE, 0, X86_DS, 1 },
        { "41 8b 05 01 00 00 00", X86_CODE_64, X86_BASE_RIP, NONE, 0, X86_DS, 1 },
        { "8b 04 25 01 00 00 00", X86_CODE_64, NONE, NONE, 0, X86_DS, 1 },
        { "41 8b 04 25 01 00 00 00", X86_CODE_64, NONE, NONE, 0, X86_DS, 1 },
        { "67 41 8b 04 25 01 00 00 00", X86_CODE_64, NONE, NONE, 0, X86_DS, 1 },
        { "8b 04 8d 01 00 00 00", X86_CODE_64, NONE, X86_RCX, 2, X86_DS, 1 },
        { "42 8b 04 e1", X86_CODE_64, X86_RCX, X86_R12, 3, X86_DS, 0 },
        { "8b 04 e1", X86_CODE_64, X86_RCX, NONE, 3, X86_DS, 0 },
        { "41 8b 04 24", X86_CODE_64, X86_R12, NONE, 0, X86_DS, 0 },
        { "41 8b 45 7f", X86_CODE_64, X86_R13, NONE, 0, X86_DS, 127 },
        { "8b 45 7f", X86_CODE_64, X86_RBP, NONE, 0, X86_SS, 127 },
        /* the last segment override counts; in 64-bit mode only FS and GS do */
        { "26 2e 8b 45 00", X86_CODE_32, X86_RBP, NONE, 0, X86_CS, 0 },
        { "64 8b 00", X86_CODE_64, X86_RAX, NONE, 0, X86_FS, 0 },
        { "64 2e 8b 00", X86_CODE_64, X86_RAX, NONE, 0, X86_FS, 0 },
        { "65 64 8b 00", X86_CODE_64, X86_RAX, NONE, 0, X86_FS, 0 },
        { "36 8b 00", X86_CODE_64, X86_RAX, NONE, 0, X86_DS, 0 },
        { "36 8b 00", X86_CODE_32, X86_RAX, NONE, 0, X86_SS, 0 },
        { "3e 8b 45 00", X86_CODE_64, X86_RBP, NONE, 0, X86_SS, 0 },
        /* addresses without ModRM */
        { "a1 34 82", X86_CODE_16, NONE, NONE, 0, X86_DS, 0x8234 },
        { "65 a1 34 12 00 80", X86_CODE_32, NONE, NONE, 0, X86_GS, 0x80001234 },
        { "a1 01 02 03 04 05 06 07 08", X86_CODE_64, NONE, NONE, 0, X86_DS, 0x0807060504030201 },
        { "67 a1 01 02 03 84", X86_CODE_64, NONE, NONE, 0, X86_DS, 0x84030201 },
        { "2e a4", X86_CODE_32, NONE, NONE, 0, X86_CS, 0 },
        { "c4 e2 69 90 4c 63 10", X86_CODE_64, X86_RBX, 4, 1, X86_DS, 0x10 },
        { "c4 a2 69 90 4c 63 10", X86_CODE_64, X86_RBX, 12, 1, X86_DS, 0x10 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct x86_insn in = insn(rows[i].text, rows[i].code);

        if (in.base != rows[i].base || in.index != rows[i].index || in.scale != rows[i].scale ||
            in.seg != rows[i].seg || (int64_t)in.disp != rows[i].disp)
            fail_msg("%s: base %u index %u scale %u seg %u disp %lx", rows[i].text, in.base,
                     in.index, in.scale, in.seg, (unsigned long)in.disp);
    }
}

static void immediates(void **state)
{
    static const struct {
        const char *text;
        enum x86_code code;
        uint64_t imm;
        uint16_t imm2;
    } rows[] = {
        { "83 c0 80", X86_CODE_64, (uint64_t)-128, 0 },
        { "80 c0 80", X86_CODE_64, 0x80, 0 },
        { "48 81 c0 00 00 00 80", X86_CODE_64, 0xffffffff80000000, 0 },
        { "66 81 c0 00 80", X86_CODE_64, 0xffffffffffff8000, 0 },
        { "48 b8 01 02 03 04 05 06 07 88", X86_CODE_64, 0x8807060504030201, 0 },
        { "b8 01 02 03 84", X86_CODE_64, 0x84030201, 0 },
        { "66 b8 01 82", X86_CODE_64, 0x8201, 0 },
        { "c8 34 12 56", X86_CODE_64, 0x1234, 0x56 },
        { "9a 34 12 78 56", X86_CODE_16, 0x1234, 0x5678 },
        { "ea 34 12 78 96 cd ab", X86_CODE_32, 0x96781234, 0xabcd },
        { "eb fe", X86_CODE_16, (uint64_t)-2, 0 },
        { "c2 fe ff", X86_CODE_64, 0xfffe, 0 },
        { "6a ff", X86_CODE_64, UINT64_MAX, 0 },
        { "f7 c0 01 00 00 00", X86_CODE_32, 1, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct x86_insn in = insn(rows[i].text, rows[i].code);

        assert_int_equal(in.imm, rows[i].imm);
        assert_int_equal(in.imm2, rows[i].imm2);
    }
}

static void registers(void **state)
{
    static const struct {
        const char *text;
        enum x86_code code;
        enum x86_reg_class reg_class[3];
        uint8_t reg[3], bytes[3];
    } rows[] = {
        { "88 e1", X86_CODE_64, { X86_REG_GPR, X86_REG_HIGH }, { 1, 0 }, { 1, 1 } },
        { "40 88 e1", X86_CODE_64, { X86_REG_GPR, X86_REG_GPR }, { 1, 4 }, { 1, 1 } },
        { "45 89 c1", X86_CODE_64, { X86_REG_GPR, X86_REG_GPR }, { 9, 8 }, { 4, 4 } },
        { "0f 6f ca", X86_CODE_64, { X86_REG_MM, X86_REG_MM }, { 1, 2 }, { 8, 8 } },
        { "45 0f 6f ca", X86_CODE_64, { X86_REG_MM, X86_REG_MM }, { 1, 2 }, { 8, 8 } },
        { "45 0f 28 ca", X86_CODE_64, { X86_REG_XMM, X86_REG_XMM }, { 9, 10 }, { 16, 16 } },
        { "44 8e da", X86_CODE_64, { X86_REG_SEG, X86_REG_GPR }, { X86_DS, 2 }, { 2, 2 } },
        { "44 0f 20 c1", X86_CODE_64, { X86_REG_GPR, X86_REG_CR }, { 1, 8 }, { 8, 8 } },
        { "d8 c3", X86_CODE_64, { X86_REG_ST, X86_REG_ST }, { 0, 3 }, { 10, 10 } },
        { "c4 41 34 58 c2",
          X86_CODE_64,
          { X86_REG_YMM, X86_REG_YMM, X86_REG_YMM },
          { 8, 9, 10 },
          { 32, 32, 32 } },
        /* VEX outside 64-bit mode: the fourth bits are ignored */
        { "c4 c1 34 58 c2",
          X86_CODE_32,
          { X86_REG_YMM, X86_REG_YMM, X86_REG_YMM },
          { 0, 1, 2 },
          { 32, 32, 32 } },
        { "c4 e2 f0 f2 c2",
          X86_CODE_32,
          { X86_REG_GPR, X86_REG_GPR, X86_REG_GPR },
          { 0, 1, 2 },
          { 4, 4, 4 } },
        { "c4 e2 f0 f2 c2",
          X86_CODE_64,
          { X86_REG_GPR, X86_REG_GPR, X86_REG_GPR },
          { 0, 1, 2 },
          { 8, 8, 8 } },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct x86_insn in = insn(rows[i].text, rows[i].code);

        for (unsigned k = 0; k < 3; k++) {
            struct x86_operand o;

            x86_insn_operand(&in, k, &o);
            if (o.what == X86_OPERAND_NONE)
                continue;
            assert_int_equal(o.what, X86_OPERAND_REG);
            assert_int_equal(o.reg_class, rows[i].reg_class[k]);
            assert_int_equal(o.reg, rows[i].reg[k]);
            assert_int_equal(o.bytes, rows[i].bytes[k]);
        }
    }
}

static void fourth_operand_is_in_the_immediate(void **state)
{
    struct x86_insn in = insn("c4 e3 69 4a cb f7", X86_CODE_64);

    (void)state;
    assert_int_equal(in.is4, 15);
    in = insn("c4 e3 69 4a cb f7", X86_CODE_32);
    assert_int_equal(in.is4, 7);
}

static void at_most_fifteen_bytes(void **state)
{
    static const struct {
        const char *text;
        int result;
    } rows[] = {
        { "", MORE },
        { "66", MORE },
        { "66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", X86_DECODE_OK },
        { "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", LONG },
        { "66 66 66 66 66 66 66 66 66 66 66 66 66 66 0f 0b", LONG },
        { "66 66 66 66 66 66 66 66 66 66 66 66 66 66 06", UD },
        { "2e 2e 2e 2e 2e 2e 2e 2e 2e 2e b8 01 02 03 04", X86_DECODE_OK },
        { "2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e b8 01 02 03 04", LONG },
        { "2e 2e 2e 2e 81 84 88 01 02 03 04 05 06 07 08", X86_DECODE_OK },
        { "2e 2e 2e 2e 2e 81 84 88 01 02 03 04 05 06 07 08", LONG },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct x86_insn in;

        assert_int_equal(decode(rows[i].text, X86_CODE_64, &in), rows[i].result);
    }
}

/* Every beginning of a long instruction asks for more. */
static void short_bytes_ask_for_more(void **state)
{
    static const char *const texts[] = {
        "66 2e 81 84 88 01 02 03 04 05 06",
        "c8 01 02 03",
        "48 b8 01 02 03 04 05 06 07 08",
        "66 0f 3a 0f 44 88 01 02",
        "c4 e3 69 4a 4c 88 01 f7",
        "a1 01 02 03 04 05 06 07 08",
        "d8 84 88 01 02 03 04",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        uint8_t bytes[16];
        unsigned n = parse(texts[i], bytes);
        struct x86_insn in;

        for (unsigned avail = 0; avail < n; avail++)
            assert_int_equal(x86_decode(bytes, avail, X86_CODE_64, &in), MORE);
        assert_int_equal(x86_decode(bytes, n, X86_CODE_64, &in), X86_DECODE_OK);
        assert_int_equal(in.len, n);
    }
}

static void rows_say_the_rest(void **state)
{
    struct x86_insn in = insn("f3 48 ab", X86_CODE_64);
    const struct x86_row *row = x86_insn_row(&in);

    (void)state;
    assert_int_equal(in.flags, X86_INSN_F3 | X86_INSN_REX);
    assert_true(row->props & X86_ROW_REP);
    assert_int_equal(row->flags_read, X86_RFLAGS_DF);
    assert_int_equal(row->uses, BIT(X86_RDI) | BIT(X86_RCX));
    in = insn("f3 0f bc c1", X86_CODE_64);
    row = x86_insn_row(&in);
    assert_int_equal(row->feature, X86_FEATURE_BMI1);
    assert_int_equal(x86_feature_places[row->feature].leaf, 7);
    assert_int_equal(x86_rows[row->otherwise].mnemonic, X86_MN_BSF);
    in = insn("0f 29 08", X86_CODE_64);
    row = x86_insn_row(&in);
    assert_int_equal(row->align, 16);
    assert_int_equal(row->access & 3, X86_ACCESS_W);
    assert_int_equal(row->exception, X86_EXC_1);
    in = insn("0f 00 d8", X86_CODE_32);
    row = x86_insn_row(&in);
    assert_true(row->props & X86_ROW_NOREAL);
    assert_int_equal(row->privilege, X86_PRIV_CPL0);
    static_assert(sizeof(struct x86_insn) <= 48, "copied for every instruction");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_and_result),
        cmocka_unit_test(sizes),
        cmocka_unit_test(addresses),
        cmocka_unit_test(immediates),
        cmocka_unit_test(registers),
        cmocka_unit_test(fourth_operand_is_in_the_immediate),
        cmocka_unit_test(at_most_fifteen_bytes),
        cmocka_unit_test(short_bytes_ask_for_more),
        cmocka_unit_test(rows_say_the_rest),
    };

    return cmocka_run_group_tests_name("x86/decode", tests, NULL, NULL);
}
