/* SPDX-License-Identifier: MIT */
/*
 * test_trans_prove.c - the prover of emitted code, on code that is right and on code that is wrong in one place
 *
 * What the translator really emits is proved by the other tests of it, which ask for that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/soft/trans/emit.h"
#include "engine/soft/trans/prove.h"
#include "prove_said.h"

enum {
    ALU_AND = 4,
    ALU_CMP = 7,
    CC_A = 7,
    ADD_LOAD = 0x03,
    SUB_LOAD = 0x2b,
    PAGE = 4096,
    MASK = TRANS_TLB - 1,
    SHR = 5
};

/* A check with its parts, and an access behind it; what a test leaves out or changes. */
struct plan {
    const char *what, *wrong; /* NULL: it is proved */
    unsigned access;          /* bytes of the access */
    bool store;
    bool no_mask, wide_mask, no_compare, no_jump, late_jump, other_host, no_host, write_table;
    unsigned shift; /* bits of the address, instead of the mask */
    bool scratch_lost, s1_moved, other_scale, fixed, fixed_odd;
    int32_t disp;          /* of the access */
    uint8_t before[12], n; /* bytes in front of the access */
};

/* A displacement so far from it. */
#define FRAME_END(before)                                                    \
    (uint8_t)(FRAME_LEN - (before)), (uint8_t)((FRAME_LEN - (before)) >> 8), \
        (uint8_t)((FRAME_LEN - (before)) >> 16), (uint8_t)((FRAME_LEN - (before)) >> 24)
#define FRAME_LEN sizeof(struct trans_frame)

#define ADDRESS   0x48, 0x89, 0xdd /* mov rbp, rbx */

static const struct plan plans[] = {
    { .what = "a load", .access = 8 },
    { .what = "another scale",
      .wrong = "S1 is not a checked address",
      .access = 8,
      .other_scale = true },
    { .what = "an entry that is named", .access = 8, .fixed = true },
    { .what = "between two entries",
      .wrong = "S1 is not a checked address",
      .access = 8,
      .fixed = true,
      .fixed_odd = true },
    { .what = "a store", .access = 8, .store = true, .write_table = true },
    { .what = "a part of what was checked", .access = 4, .disp = 4 },
    { .what = "beyond", .wrong = "more bytes than were checked", .access = 8, .disp = 1 },
    { .what = "before", .wrong = "more bytes than were checked", .access = 1, .disp = -1 },
    { .what = "the other table",
      .wrong = "written, but checked for reading",
      .access = 8,
      .store = true },
    { .what = "no mask", .wrong = "outside the frame", .access = 8, .no_mask = true },
    { .what = "a wide mask",
      .wrong = "S1 is not a checked address",
      .access = 8,
      .wide_mask = true },
    { .what = "shifted", .access = 8, .shift = 12 },
    { .what = "shifted by less", .wrong = "S1 is not a checked address", .access = 8, .shift = 11 },
    { .what = "no comparison",
      .wrong = "S1 is not a checked address",
      .access = 8,
      .no_compare = true },
    { .what = "no jump", .wrong = "S1 is not a checked address", .access = 8, .no_jump = true },
    { .what = "flags lost",
      .wrong = "S1 is not a checked address",
      .access = 8,
      .late_jump = true },
    { .what = "another entry's host",
      .wrong = "S1 is not a checked address",
      .access = 8,
      .other_host = true },
    { .what = "no host", .wrong = "S1 is not a checked address", .access = 8, .no_host = true },
    { .what = "S2 lost", .wrong = "outside the frame", .access = 8, .scratch_lost = true },
    { .what = "S1 moved", .wrong = "S1 is not a checked address", .access = 8, .s1_moved = true },
    { .what = "a guest's register as base",
      .wrong = "neither the frame nor S1",
      .access = 8,
      .before = { 0x48, 0x8b, 0x03 },
      .n = 3 },
    { .what = "S1 with an index",
      .wrong = "neither the frame nor S1",
      .access = 8,
      .before = { 0x48, 0x8b, 0x44, 0x05, 0x00 },
      .n = 5 },
    { .what = "by RIP",
      .wrong = "neither the frame nor S1",
      .access = 8,
      .before = { 0x8b, 0x05, 0, 0, 0, 0 },
      .n = 6 },
    { .what = "FS",
      .wrong = "a segment or an address size",
      .access = 8,
      .before = { 0x64, 0x8b, 0x45, 0x00 },
      .n = 4 },
    { .what = "32-bit addresses",
      .wrong = "a segment or an address size",
      .access = 8,
      .before = { 0x67, 0x8b, 0x45, 0x00 },
      .n = 4 },
    { .what = "below the frame",
      .wrong = "outside the frame",
      .access = 8,
      .before = { 0x8b, 0x44, 0x24, 0xfc },
      .n = 4 },
    { .what = "above the frame",
      .wrong = "outside the frame",
      .access = 8,
      .before = { 0x8b, 0x84, 0x24, 0, 0, 0, 0x7f },
      .n = 7 },
    { .what = "the frame's last word",
      .access = 8,
      .before = { 0x48, 0x8b, 0x84, 0x24, FRAME_END(8) },
      .n = 8 },
    { .what = "over the frame's end",
      .wrong = "outside the frame",
      .access = 8,
      .before = { 0x48, 0x8b, 0x84, 0x24, FRAME_END(4) },
      .n = 8 },
    { .what = "PUSH",
      .wrong = "an instruction of another kind",
      .access = 8,
      .before = { 0x50 },
      .n = 1 },
    { .what = "MOVSB",
      .wrong = "an instruction of another kind",
      .access = 8,
      .before = { 0xa4 },
      .n = 1 },
    { .what = "RET", .wrong = "a return", .access = 8, .before = { 0xc3 }, .n = 1 },
    { .what = "SYSCALL",
      .wrong = "an instruction of another kind",
      .access = 8,
      .before = { 0x0f, 0x05 },
      .n = 2 },
    { .what = "HLT", .wrong = "a privileged instruction", .access = 8, .before = { 0xf4 }, .n = 1 },
    { .what = "RSP changed",
      .wrong = "RSP is written",
      .access = 8,
      .before = { 0x48, 0x83, 0xc4, 0x08 },
      .n = 4 },
    { .what = "BT by register",
      .wrong = "an address that a bit's number moves",
      .access = 8,
      .before = { 0x0f, 0xa3, 0x45, 0x00 },
      .n = 4 },
    { .what = "BT by S2",
      .wrong = "an address that a bit's number moves",
      .access = 8,
      .before = { 0x4c, 0x0f, 0xa3, 0x7d, 0x00 },
      .n = 5 },
    { .what = "BT by S2, masked",
      .access = 8,
      .before = { 0x41, 0x83, 0xe7, 0x3f, 0x4c, 0x0f, 0xa3, 0x7d, 0x00 },
      .n = 9 },
    { .what = "FLD of ten bytes",
      .wrong = "more bytes than were checked",
      .access = 8,
      .before = { 0xdb, 0x6d, 0x00 },
      .n = 3 },
    { .what = "FADD", .access = 8, .before = { 0xdc, 0x45, 0x00 }, .n = 3 },
    { .what = "MOVQ to memory",
      .wrong = "written, but checked for reading",
      .access = 8,
      .before = { 0x0f, 0x7f, 0x45, 0x00 },
      .n = 4 },
    { .what = "FLDCW of the guest's memory",
      .wrong = "a control word that nobody has looked at",
      .access = 8,
      .before = { 0xd9, 0x6d, 0x00 },
      .n = 3 },
    { .what = "LDMXCSR of the guest's memory",
      .wrong = "a control word that nobody has looked at",
      .access = 8,
      .before = { 0x0f, 0xae, 0x55, 0x00 },
      .n = 4 },
    { .what = "FLDCW of the frame",
      .access = 8,
      .before = { 0xd9, 0x6c, 0x24, (uint8_t)offsetof(struct trans_frame, temp) },
      .n = 4 },
    { .what = "FNSTENV",
      .wrong = "x87 state with addresses of the host",
      .access = 8,
      .before = { 0xd9, 0x75, 0x00 },
      .n = 3 },
    { .what = "MASKMOVQ",
      .wrong = "memory that is not named by a base",
      .access = 8,
      .before = { 0x0f, 0xf7, 0xc1 },
      .n = 3 },
    { .what = "PUSHF alone",
      .wrong = "PUSHF without POP",
      .access = 8,
      .before = { 0x9c },
      .n = 1 },
    { .what = "PUSHF and POP",
      .access = 8,
      .before = { 0x9c, 0x8f, 0x44, 0x24, (uint8_t)offsetof(struct trans_frame, temp) },
      .n = 5 },
    { .what = "PUSHF and POP elsewhere",
      .wrong = "PUSHF without POP",
      .access = 8,
      .before = { 0x9c, 0x8f, 0x03 },
      .n = 3 },
    { .what = "a jump to S2",
      .wrong = "a jump to a register",
      .access = 8,
      .before = { 0x41, 0xff, 0xe7 },
      .n = 3 },
    { .what = "the vCPU read for a guest's address",
      .wrong = "this of the vCPU is not written",
      .access = 8,
      .store = true,
      .before = { 0x48, 0x8b, 0x6c, 0x24, (uint8_t)offsetof(struct trans_frame, gpr) },
      .n = 5 },
    { .what = "a jump out",
      .wrong = "a jump out of the block",
      .access = 8,
      .before = { 0xeb, 0x7f },
      .n = 2 },
    { .what = "a jump back into the check",
      .wrong = "S1 is not a checked address",
      .access = 8,
      .before = { 0x90, 0xeb, 0xfd },
      .n = 3 },
    { .what = "a jump into an instruction",
      .wrong = "a jump into the middle of an instruction",
      .access = 8,
      .before = { 0x74, 0x01 },
      .n = 2 },
    { .what = "XMM", .access = 8, .before = { 0x0f, 0x28, 0xc1 }, .n = 3 },
};

static void check(struct emit *e, const struct plan *p, uint8_t **jump)
{
    int32_t table = (int32_t)(offsetof(struct trans_frame, tlb) +
                              (p->write_table ? sizeof(((struct trans_pages *)0)->ntag[0]) : 0));
    struct emit_mem entry = { HOST_FRAME, HOST_S2, p->other_scale ? 2 : 3, table };

    if (p->fixed)
        entry = (struct emit_mem){ HOST_FRAME, EMIT_NO_INDEX, 0, table + (p->fixed_odd ? 84 : 80) };

    emit_bytes(e, (const uint8_t[]){ ADDRESS }, 3);
    emit_mov(e, HOST_S2, HOST_S1);
    if (p->shift != 0) {
        emit_op_reg(e, false, 0xc1, SHR, HOST_S2);
        emit_8(e, p->shift);
    } else if (!p->no_mask) {
        emit_alu_imm(e, false, ALU_AND, HOST_S2, p->wide_mask ? 2 * MASK : MASK);
    }
    emit_op_mem(e, true, ADD_LOAD, HOST_S1, entry);
    if (!p->no_compare)
        emit_alu_imm(e, true, ALU_CMP, HOST_S1, PAGE - 8);
    if (p->late_jump)
        emit_alu_imm(e, true, ALU_CMP, X86_RAX, 1);
    if (!p->no_jump)
        *jump = emit_jcc(e, CC_A);
    if (p->scratch_lost)
        emit_mov(e, HOST_S2, X86_RAX);
    if (p->s1_moved)
        emit_lea(e, HOST_S1, (struct emit_mem){ HOST_S1, EMIT_NO_INDEX, 0, 1 });
    entry.disp -= p->write_table ? (int32_t)sizeof(((struct trans_pages *)0)->ntag[0]) : 0;
    entry.disp += (int32_t)offsetof(struct trans_pages, host) + (p->other_host ? 8 : 0);
    if (!p->no_host)
        emit_op_mem(e, true, ADD_LOAD, HOST_S1, entry);
}

static const char *prove(const struct plan *p)
{
    uint8_t code[256], *jump = NULL;
    struct emit e = { .at = code, .end = code + sizeof(code) };
    const uint32_t entry = 0;
    uint32_t at;

    check(&e, p, &jump);
    emit_bytes(&e, p->before, p->n);
    emit_op_mem(&e, p->access == 8,
                p->access == 1 ? (p->store ? 0x88 : 0x8a)
                : p->store     ? 0x89
                               : 0x8b,
                X86_RAX, (struct emit_mem){ HOST_S1, EMIT_NO_INDEX, 0, p->disp });
    emit_jmp_mem(&e, FRAME(leave));
    if (jump != NULL)
        emit_patch(jump, e.at);
    emit_op_mem(&e, true, SUB_LOAD, HOST_S1, (struct emit_mem){ HOST_FRAME, EMIT_NO_INDEX, 0, 0 });
    emit_jmp_mem(&e, FRAME(leave));
    assert_false(e.full);
    return prove_code(
        &(struct prove_code){
            .bytes = code, .len = (size_t)(e.at - code), .entry = &entry, .nentries = 1 },
        &at);
}

static void test_plans(void **state)
{
    unsigned failed = 0;

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(plans); i++)
        failed += !prove_said(plans[i].what, prove(&plans[i]), plans[i].wrong);
    assert_int_equal(failed, 0);
}

/* What is entered from outside may not rely on a check before it. */
static void test_entry_behind_check(void **state)
{
    uint8_t code[256], *jump;
    struct emit e = { .at = code, .end = code + sizeof(code) };
    uint32_t entry[2] = { 0 }, at;

    (void)state;
    check(&e, &(struct plan){ .access = 8 }, &jump);
    entry[1] = (uint32_t)(e.at - code);
    emit_load(&e, X86_RAX, (struct emit_mem){ HOST_S1, EMIT_NO_INDEX, 0, 0 });
    emit_patch(jump, e.at);
    emit_jmp_mem(&e, FRAME(leave));
    for (unsigned n = 1; n <= 2; n++) {
        const char *wrong = prove_code(
            &(struct prove_code){
                .bytes = code, .len = (size_t)(e.at - code), .entry = entry, .nentries = n },
            &at);

        assert_true((wrong == NULL) == (n == 1));
    }
    assert_int_equal(at, entry[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_entry_behind_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
