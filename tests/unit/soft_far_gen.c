/* SPDX-License-Identifier: MIT */
/* soft_far_gen.c - see soft_far_gen.h */
#include "soft_far_gen.h"

#include <string.h>

#include "base/bits.h"
#include "soft_far_rig.h"

enum { LDT_RPL3 = 7, GDT_END = 0x80 };

#define LDT(n) (uint16_t)((n) << 3 | LDT_RPL3)

/* Code that ring 3 may enter: soft_native.c's LDT, and Linux's segments. */
static const struct code {
    uint16_t selector;
    uint32_t base, limit;
} codes[] = {
    { NATIVE_CS64, 0, UINT32_MAX }, { NATIVE_CS64, 0, UINT32_MAX },  { NATIVE_CS32, 0, UINT32_MAX },
    { NATIVE_CS32, 0, UINT32_MAX }, { NATIVE_CS16, WINDOW, 0xffff }, { LDT(2), 0, 0x12345 },
    { LDT(7), WINDOW, 0xfff },      { LDT(8), 0, UINT32_MAX },       { LDT(11), 0, UINT32_MAX },
};

/* What it may not: none, data, not present, empty, the kernel's, its tasks and tables, past the end. */
static const uint16_t others[] = {
    0,
    1,
    3,
    NATIVE_DS32,
    NATIVE_DS16,
    LDT(3),
    LDT(4),
    LDT(5),
    LDT(6),
    LDT(9),
    LDT(10),
    LDT(12),
    LDT(NATIVE_LDT - 1),
    LDT(NATIVE_LDT),
    0xffff,
    0x08,
    0x0b,
    0x10,
    0x13,
    0x18,
    0x3b,
    0x40,
    0x43,
    0x50,
    0x63,
    0x7b,
    GDT_END,
    GDT_END + 3,
    0xfff3,
};

static const uint16_t stacks[] = { NATIVE_DS32, NATIVE_DS16, LDT(4), LDT(12) };

/* ---- where to ---------------------------------------------------------------------------------- */

struct far_pointer {
    uint16_t selector;
    uint64_t offset, base; /* base: of the segment, if it is code that may be entered */
};

/* In the code page; at the limit; anywhere; not canonical. */
static uint64_t pick_offset(struct gen *g, const struct code *to)
{
    uint64_t inside = WINDOW - to->base + gen_below(g, WINDOW_PAGE);

    switch (gen_below(g, 10)) {
    case 0:
        return gen_linear(g);
    case 1:
    case 2:
        return (uint64_t)to->limit + gen_below(g, 4) - 1;
    case 3:
        return inside ^ UINT64_C(1) << 63;
    default:
        return inside;
    }
}

static struct far_pointer pick_pointer(struct gen *g)
{
    const struct code *to = &codes[gen_below(g, ARRAY_LEN(codes))];
    struct far_pointer p = { to->selector, pick_offset(g, to), to->base };

    switch (gen_below(g, 8)) {
    case 0:
        p.selector = (uint16_t)((p.selector & ~3u) | gen_below(g, 4));
        break;
    case 1:
        p.selector = others[gen_below(g, ARRAY_LEN(others))];
        break;
    default:
        break;
    }
    return p;
}

static uint16_t pick_stack(struct gen *g)
{
    switch (gen_below(g, 8)) {
    case 0:
        return others[gen_below(g, ARRAY_LEN(others))];
    case 1:
        return (uint16_t)((stacks[gen_below(g, ARRAY_LEN(stacks))] & ~3u) | gen_below(g, 4));
    case 2:
        return codes[gen_below(g, ARRAY_LEN(codes))].selector;
    default:
        return stacks[gen_below(g, ARRAY_LEN(stacks))];
    }
}

/* ---- into the case ----------------------------------------------------------------------------- */

static void put(struct far_memory *m, unsigned width, uint64_t val)
{
    le_put(m->bytes + m->n, width, val);
    m->n += width;
}

static struct far_pointer put_frame(struct gen *g, const struct gen_case *k, struct far_memory *m)
{
    struct far_pointer p = pick_pointer(g);
    unsigned width = k->in.opsize;

    m->at = k->target[0];
    put(m, width, p.offset);
    put(m, width, p.selector | (gen_random(g) & ~UINT64_C(0xffff)));
    return p;
}

/* In the code page and not in the case: an INT3 is there. */
static bool leads_to_int3(const struct gen_case *k, const struct far_pointer *p)
{
    uint64_t at = p->base + (p->offset & ones(k->in.opsize)) - WINDOW;

    return at < WINDOW_PAGE && at - GEN_CODE_AT > X86_INSN_MAX;
}

/* Any flags. Without TF in them the trap must come all the same; if it does not, something else must end it. */
static void put_iret_frame(struct gen *g, const struct gen_case *k, struct far_memory *m)
{
    struct far_pointer p = put_frame(g, k, m);
    uint64_t step = leads_to_int3(k, &p) ? 0 : X86_RFLAGS_TF;
    unsigned width = k->in.opsize;

    put(m, width, gen_random(g) | step);
    put(m, width, gen_value(g));
    put(m, width, pick_stack(g) | (gen_random(g) & ~UINT64_C(0xffff)));
}

/*
 * A call to another mode: the manuals do not say how wide the stack pointer is that pushes. It matters where RSP has more
 * than 32 bits, and from a 16-bit stack, where its upper bits are what Linux has left there (arch/x86/kernel/espfix_64.c).
 */
static bool pushes_anywhere(const struct gen *g, const struct gen_case *k,
                            const struct far_pointer *p)
{
    bool to_64 = (p->selector | 3) == NATIVE_CS64;

    if (x86_insn_row(&k->in)->mnemonic != X86_MN_CALLF)
        return false;
    return g->code == X86_CODE_64 ? !to_64 && k->regs.gpr[X86_RSP] > UINT32_MAX
                                  : to_64 && g->code == X86_CODE_16;
}

static void put_pointer(struct gen *g, struct gen_case *k, struct far_memory *m)
{
    struct far_pointer p = pick_pointer(g);
    unsigned width = k->in.opsize;

    if (pushes_anywhere(g, k, &p))
        p.selector = g->code == X86_CODE_64 ? NATIVE_CS64 : NATIVE_CS32;
    if (k->in.flags & X86_INSN_MEM) {
        m->at = k->target[k->ntargets - 1];
        put(m, width, p.offset);
        put(m, 2, p.selector);
        return;
    }
    le_put(k->bytes + k->in.len - 2 - width, width, p.offset);
    le_put(k->bytes + k->in.len - 2, 2, p.selector);
}

/* The gates that are open, one of another system's calls, any. */
static void put_vector(struct gen *g, struct gen_case *k)
{
    static const uint8_t some[] = { 3, 4, 3, 4, 0, 1, 2, 8, 0x20, 0x81, 0xff };
    unsigned vector =
        gen_below(g, 2) ? some[gen_below(g, sizeof(some))] : (unsigned)gen_random(g) & 0xff;

    k->bytes[k->in.len - 1] = (uint8_t)(vector == FAR_SYSCALL_VECTOR ? VEC_BP : vector);
}

static void fill(struct gen *g, unsigned mnemonic, struct gen_case *k, struct far_memory *m)
{
    switch (mnemonic) {
    case X86_MN_JMPF:
    case X86_MN_CALLF:
        put_pointer(g, k, m);
        break;
    case X86_MN_RETF:
        put_frame(g, k, m);
        break;
    case X86_MN_IRET:
    case X86_MN_IRETD:
    case X86_MN_IRETQ:
        put_iret_frame(g, k, m);
        if (gen_below(g, 16) == 0)
            k->regs.rflags |= X86_RFLAGS_NT;
        break;
    case X86_MN_INT:
        put_vector(g, k);
        break;
    default:
        break;
    }
    if (gen_below(g, 16) == 0)
        k->regs.rflags |= X86_RFLAGS_AC;
}

bool far_case(struct gen *g, unsigned op, struct gen_case *k, struct far_memory *m)
{
    memset(m, 0, sizeof(*m));
    if (!gen_case(g, op, k))
        return false;
    fill(g, x86_rows[op].mnemonic, k, m);
    return x86_decode(k->bytes, X86_INSN_MAX, g->code, &k->in) == X86_DECODE_OK && k->in.op == op;
}
