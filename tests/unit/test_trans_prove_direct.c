/* SPDX-License-Identifier: MIT */
/* test_trans_prove_direct.c - the prover on operands by a guest's registers and S2, right and wrong in one place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/bits.h"
#include "engine/soft/trans/emit.h"
#include "engine/soft/trans/prove.h"
#include "prove_said.h"

enum { ALU_CMP = 7, CC_A = 7, CC_Z = 4, ADD_LOAD = 0x03, SUB_LOAD = 0x2b, SHR = 5, PAGE = 4096 };
enum { STORE = 0x89, LOAD = 0x8b, LEA = 0x8d };
enum { NO = EMIT_NO_INDEX, S1 = HOST_S1, S2 = HOST_S2 };

/* Where the bytes `extra` of a plan go. */
enum where {
    NOWHERE,
    BEFORE_CHECK, /* behind S1 = the address */
    BEFORE_JUMP,
    BEHIND_JUMP,
    BEHIND_CHECK,
    BEFORE_RETRY /* at the end, where the jump back is */
};

struct plan {
    const char *what, *wrong; /* NULL: it is proved */
    struct emit_mem of;       /* the address that is checked */
    struct emit_mem access;   /* and 8 bytes that are accessed, of as many */
    enum where where;
    uint8_t extra[8], n;
    bool store, write_table, other_bank, other_entry, other_scale, fixed, retry;
};

#define NEITHER  "neither the frame nor S1"
#define MORE     "more bytes than were checked"
#define REGISTER .of = { X86_RDX, NO, 0, 16 }, .access = { X86_RDX, S2, 0, 16 }
#define INDEX    .of = { NO, X86_RCX, 3, 16 }, .access = { S2, X86_RCX, 3, 16 }

static const struct plan plans[] = {
    { "a load", NULL, REGISTER },
    { "a store", NULL, REGISTER, .store = true, .write_table = true },
    { "the other table", "written, but checked for reading", REGISTER, .store = true },
    { "without LEA", NULL, .of = { X86_RDX, NO, 0, 0 }, .access = { X86_RDX, S2, 0, 0 } },
    { "beyond", MORE, .of = { X86_RDX, NO, 0, 16 }, .access = { X86_RDX, S2, 0, 17 } },
    { "before", MORE, .of = { X86_RDX, NO, 0, 16 }, .access = { X86_RDX, S2, 0, 15 } },
    { "another register", NEITHER, .of = { X86_RDX, NO, 0, 0 }, .access = { X86_RBX, S2, 0, 0 } },
    { "a scale", NEITHER, .of = { X86_RDX, NO, 0, 0 }, .access = { X86_RDX, S2, 1, 0 } },
    { "the budget", NULL, .of = { X86_R12, NO, 0, 0 }, .access = { X86_R12, S2, 0, 0 } },
    { "another bank's distance", NEITHER, REGISTER, .other_bank = true },
    { "another entry's distance", NEITHER, REGISTER, .other_entry = true },
    { "a distance at another scale", NEITHER, REGISTER, .other_scale = true },
    { "an entry that is named", NEITHER, REGISTER, .fixed = true },
    { "a base of FS", NEITHER, REGISTER, BEFORE_CHECK, { 0x48, 0x03, 0x6c, 0x24, 0x60 }, 5 },
    { "S1 of 32 bits", NEITHER, REGISTER, BEFORE_CHECK, { 0x89, 0xed }, 2 },
    { "the register changes before", NEITHER, REGISTER, BEFORE_CHECK, { 0xff, 0xc2 }, 2 },
    { "the register changes in between", NEITHER, REGISTER, BEHIND_JUMP, { 0xff, 0xc2 }, 2 },
    { "the register changes behind", NEITHER, REGISTER, BEHIND_CHECK, { 0xff, 0xc2 }, 2 },
    { "its second byte", NEITHER, REGISTER, BEHIND_CHECK, { 0xb6, 0x01 }, 2 },
    { "S2 changes", NEITHER, REGISTER, BEHIND_CHECK, { 0x41, 0xff, 0xc7 }, 3 },
    { "S1 changes", NULL, REGISTER, BEHIND_CHECK, { 0x89, 0xc5 }, 2 },
    { "another register changes", NULL, REGISTER, BEHIND_CHECK, { 0xff, 0xc0 }, 2 },
    { "no jump at once", NEITHER, REGISTER, BEFORE_JUMP, { 0x85, 0xc0 }, 2 },
    { "another address on one way",
      NEITHER,
      REGISTER,
      BEFORE_CHECK,
      { 0x74, 0x03, 0x48, 0x89, 0xdd },
      5 }, /* jz +3; mov rbp, rbx */
    { "another distance on one way",
      NEITHER,
      REGISTER,
      BEHIND_CHECK,
      { 0x74, 0x03, 0x45, 0x31, 0xff },
      5 }, /* jz +3; xor r15d, r15d */
    { "an index", NULL, INDEX },
    { "an index at another scale", NEITHER, .of = { NO, X86_RCX, 3, 0 },
      .access = { S2, X86_RCX, 2, 0 } },
    { "an index that changes", NEITHER, INDEX, BEHIND_CHECK, { 0xff, 0xc1 }, 2 },
    { "an index that was with a base", NEITHER, .of = { X86_RDX, X86_RCX, 3, 0 },
      .access = { S2, X86_RCX, 3, 0 } },
    { "a base that was with an index", NEITHER, .of = { X86_RDX, X86_RCX, 3, 0 },
      .access = { X86_RDX, S2, 0, 0 } },
    { "once more", NULL, REGISTER, .retry = true },
    { "once more with another register",
      "a jump back with another address",
      REGISTER,
      BEFORE_RETRY,
      { 0xff, 0xc2 },
      2,
      .retry = true },
    { "once more with another S1",
      "a jump back with another address",
      REGISTER,
      BEFORE_RETRY,
      { 0x89, 0xc5 },
      2,
      .retry = true },
};

static void extra(struct emit *e, const struct plan *p, enum where where)
{
    if (p->where == where)
        emit_bytes(e, p->extra, p->n);
}

static void load_distance(struct emit *e, const struct plan *p, struct emit_mem entry)
{
    const struct trans_pages *pages = NULL;

    entry.disp -= p->write_table ? (int32_t)sizeof(pages->ntag[0]) : 0;
    entry.disp += (int32_t)offsetof(struct trans_pages, distance);
    entry.disp += p->other_bank ? (int32_t)sizeof(struct trans_pages) : 0;
    entry.disp += p->other_entry ? 8 : 0;
    entry.scale = p->other_scale ? 2 : entry.scale;
    emit_load(e, S2, entry);
}

static const char *prove(const struct plan *p)
{
    const struct trans_pages *pages = NULL;
    uint8_t code[256], *jump;
    const uint8_t *retry;
    struct emit e = { .at = code, .end = code + sizeof(code) };
    struct emit_mem entry = { HOST_FRAME, S2, 3, (int32_t)offsetof(struct trans_frame, tlb) };
    const uint32_t begin = 0;
    uint32_t at;

    entry.disp += p->write_table ? (int32_t)sizeof(pages->ntag[0]) : 0;
    entry.index = p->fixed ? NO : S2;
    if (p->of.index == NO && p->of.disp == 0)
        emit_mov(&e, S1, p->of.base);
    else
        emit_lea(&e, S1, p->of);
    extra(&e, p, BEFORE_CHECK);
    retry = e.at;
    emit_op_reg(&e, false, STORE, S1, S2);
    emit_op_reg(&e, false, 0xc1, SHR, S2);
    emit_8(&e, 12);
    emit_op_mem(&e, true, ADD_LOAD, S1, entry);
    emit_alu_imm(&e, true, ALU_CMP, S1, PAGE - 8);
    extra(&e, p, BEFORE_JUMP);
    jump = emit_jcc(&e, CC_A);
    extra(&e, p, BEHIND_JUMP);
    load_distance(&e, p, entry);
    extra(&e, p, BEHIND_CHECK);
    emit_op_mem(&e, true, p->store ? STORE : LOAD, X86_RAX, p->access);
    emit_jmp_mem(&e, FRAME(leave));
    emit_patch(jump, e.at);
    emit_op_mem(&e, true, SUB_LOAD, S1, entry);
    emit_op_mem(&e, false, 0xff, 2, FRAME(fill)); /* call */
    extra(&e, p, BEFORE_RETRY);
    if (p->retry)
        emit_patch(emit_jmp(&e), retry);
    emit_jmp_mem(&e, FRAME(leave));
    assert_false(e.full);
    return prove_code(
        &(struct prove_code){
            .bytes = code, .len = (size_t)(e.at - code), .entry = &begin, .nentries = 1 },
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plans),
    };

    return cmocka_run_group_tests_name("soft/trans direct operands", tests, NULL, NULL);
}
