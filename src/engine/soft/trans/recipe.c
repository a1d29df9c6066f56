/* SPDX-License-Identifier: MIT */
/* recipe.c - see recipe.h */
#include "engine/soft/trans/recipe.h"

#include "base/bits.h"
#include "x86/operand.h"
#include "x86/state.h"

/* What the first register is: the result, but for CMP and TEST, which leave it alone. */
enum op {
    OP_ADD,
    OP_SUB,
    OP_CMP,
    OP_TEST,
    OP_LOGIC, /* flags follow from the result */
    OP_ZERO,  /* which is 0, whatever the register was */
};

/* Bits: op, log2 of bytes, whether the second operand is a number, the mark, first register, the second or that number. */
enum { AT_OP = 0, AT_SIZE = 3, AT_NUMBER = 5, AT_FIRST = 8, AT_SECOND = 16 };

static bool op_of(const struct x86_insn *in, bool same, enum op *op)
{
    switch (x86_insn_row(in)->mnemonic) {
    case X86_MN_ADD:
        *op = OP_ADD;
        return !same; /* the carry is nowhere */
    case X86_MN_SUB:
        *op = same ? OP_ZERO : OP_SUB;
        return true;
    case X86_MN_XOR:
        *op = same ? OP_ZERO : OP_LOGIC;
        return true;
    case X86_MN_AND:
    case X86_MN_OR:
        *op = OP_LOGIC;
        return true;
    case X86_MN_CMP:
        *op = OP_CMP;
        return true;
    case X86_MN_TEST:
        *op = OP_TEST;
        return true;
    default:
        return false;
    }
}

static bool is_register(const struct x86_operand *o)
{
    return o->what == X86_OPERAND_REG && o->reg_class == X86_REG_GPR;
}

/* The second operand, in the lowest bits. */
static bool second_of(const struct x86_operand *o, unsigned bytes, uint32_t *second)
{
    int64_t value = (int64_t)(o->value << (64 - 8 * bytes)) >> (64 - 8 * bytes);

    if (is_register(o)) {
        *second = (uint32_t)o->reg << AT_SECOND;
        return true;
    }
    *second = 1u << AT_NUMBER | (uint32_t)(uint16_t)value << AT_SECOND;
    return o->what == X86_OPERAND_IMM && value == (int16_t)value;
}

uint32_t recipe_of(const struct x86_insn *in)
{
    struct x86_operand first, second;
    uint32_t tail;
    enum op op;

    x86_insn_operand(in, 0, &first);
    x86_insn_operand(in, 1, &second);
    if (!is_register(&first) || !second_of(&second, first.bytes, &tail) ||
        !op_of(in, is_register(&second) && second.reg == first.reg, &op))
        return RECIPE_NONE;
    if (op == OP_LOGIC || op == OP_ZERO)
        tail = 1u << AT_NUMBER; /* the second plays no part */
    return RECIPE_MARK | (uint32_t)op << AT_OP | (uint32_t)__builtin_ctz(first.bytes) << AT_SIZE |
           (uint32_t)first.reg << AT_FIRST | tail;
}

static enum op the_op(uint32_t recipe)
{
    return (enum op)(recipe >> AT_OP & 7);
}

static unsigned the_first(uint32_t recipe)
{
    return recipe >> AT_FIRST & 15;
}

static bool has_number(uint32_t recipe)
{
    return recipe >> AT_NUMBER & 1;
}

static unsigned the_second(uint32_t recipe)
{
    return recipe >> AT_SECOND & 15;
}

static uint64_t the_number(uint32_t recipe)
{
    return (uint64_t)(int16_t)(recipe >> AT_SECOND);
}

unsigned recipe_registers(uint32_t recipe, uint8_t reg[RECIPE_REGISTERS])
{
    if (the_op(recipe) == OP_ZERO)
        return 0;
    reg[0] = (uint8_t)the_first(recipe);
    reg[1] = (uint8_t)the_second(recipe);
    return has_number(recipe) ? 1 : 2;
}

bool recipe_spoilt(uint32_t recipe, const struct x86_insn *in)
{
    uint8_t reg[RECIPE_REGISTERS];

    for (unsigned n = recipe_registers(recipe, reg); n > 0; n--) {
        if (x86_insn_writes_gpr(in, reg[n - 1]))
            return true;
    }
    return false;
}

/* a + b or a - b was r; carry: out of the highest bit, or borrowed. */
static uint64_t flags_of(uint64_t a, uint64_t b, uint64_t r, bool carry, bool overflow,
                         unsigned bits)
{
    uint64_t flags = (a ^ b ^ r) & X86_RFLAGS_AF;

    flags |= carry ? (uint64_t)X86_RFLAGS_CF : 0;
    flags |= overflow ? (uint64_t)X86_RFLAGS_OF : 0;
    flags |= r == 0 ? (uint64_t)X86_RFLAGS_ZF : 0;
    flags |= r >> (bits - 1) ? (uint64_t)X86_RFLAGS_SF : 0;
    return flags | (__builtin_parity((unsigned)r & 0xff) ? 0 : (uint64_t)X86_RFLAGS_PF);
}

/* What the registers of a recipe are; the second operand may be its number. */
static void operands(uint32_t recipe, const uint64_t *gpr, const uint64_t *kept, uint64_t operand[])
{
    uint8_t reg[RECIPE_REGISTERS];
    unsigned n = recipe_registers(recipe, reg);

    operand[1] = the_number(recipe);
    for (unsigned i = 0; i < n; i++)
        operand[i] = recipe & RECIPE_KEPT ? kept[i] : gpr[reg[i]];
}

uint64_t recipe_flags(uint32_t recipe, const uint64_t *gpr, const uint64_t *kept)
{
    unsigned bytes = 1u << (recipe >> AT_SIZE & 3), bits = 8 * bytes;
    uint64_t mask = ones(bytes), operand[RECIPE_REGISTERS] = { 0 }, now, a, b, r;

    operands(recipe, gpr, kept, operand);
    now = operand[0] & mask;
    b = operand[1] & mask;
    switch (the_op(recipe)) {
    case OP_ADD:
        a = (now - b) & mask;
        return flags_of(a, b, now, now < b, ((a ^ now) & (b ^ now)) >> (bits - 1), bits);
    case OP_SUB:
    case OP_CMP:
        a = the_op(recipe) == OP_CMP ? now : (now + b) & mask;
        r = (a - b) & mask;
        return flags_of(a, b, r, a < b, ((a ^ b) & (a ^ r)) >> (bits - 1), bits);
    case OP_TEST:
        r = now & b;
        return flags_of(r, 0, r, false, false, bits);
    case OP_LOGIC:
        return flags_of(now, 0, now, false, false, bits);
    default:
        return flags_of(0, 0, 0, false, false, bits);
    }
}
