/* SPDX-License-Identifier: MIT */
/*
 * insn_trace.c - an event for each instruction: its bytes, and the registers that it changes
 *
 * GAP: changes of x87 registers, MXCSR, debug registers and MSRs without a place of their own are not told.
 */
#include "engine/soft/insn_trace.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "core/mem_phys.h"
#include "engine/soft/mmu.h"
#include "engine/soft/time.h"
#include "x86/decode.h"

/* XSAVE, standard form. SDM 1, "Legacy Region of an XSAVE Area", "AVX State". */
enum { XMM_AT = 160, YMM_HIGH_AT = 576, PAGE = 4096 };

static const struct word_row {
    const char *name;
    uint16_t at; /* in struct x86_state */
    uint8_t width;
} rows[] = {
#define GPR(name, n)                                \
    {                                               \
        name, offsetof(struct x86_state, gpr[n]), 8 \
    }
#define REG(member)                                    \
    {                                                  \
#member, offsetof(struct x86_state, member), 8 \
    }
#define SEL(name, n)                                         \
    {                                                        \
        name, offsetof(struct x86_state, seg[n].selector), 2 \
    }
    GPR("rax", 0),
    GPR("rcx", 1),
    GPR("rdx", 2),
    GPR("rbx", 3),
    GPR("rsp", 4),
    GPR("rbp", 5),
    GPR("rsi", 6),
    GPR("rdi", 7),
    GPR("r8", 8),
    GPR("r9", 9),
    GPR("r10", 10),
    GPR("r11", 11),
    GPR("r12", 12),
    GPR("r13", 13),
    GPR("r14", 14),
    GPR("r15", 15),
    REG(rflags),
    SEL("es", 0),
    SEL("cs", 1),
    SEL("ss", 2),
    SEL("ds", 3),
    SEL("fs", 4),
    SEL("gs", 5),
    REG(cr0),
    REG(cr2),
    REG(cr3),
    REG(cr4),
    REG(efer),
    { "fs_base", offsetof(struct x86_state, seg[X86_FS].base), 8 },
    { "gs_base", offsetof(struct x86_state, seg[X86_GS].base), 8 },
#undef GPR
#undef REG
#undef SEL
};
static_assert(ARRAY_LEN(rows) <= SOFT_TRACE_WORDS, "a word each");
static_assert(ARRAY_LEN(rows) + SOFT_TRACE_VECTORS <= INSN_REGS_MAX, "all may change");

static uint64_t value_of(const struct soft_cpu *c, const struct word_row *row)
{
    return le_get((const uint8_t *)&c->s + row->at, row->width);
}

/* ---- before ---------------------------------------------------------------------------------- */

/* As far as it is mapped; without the marks and faults of a fetch. */
static unsigned read_code(struct soft_cpu *c, uint64_t linear, uint8_t bytes[INSN_EVENT_BYTES])
{
    struct mem *mem = &c->vcpu->m->mem;
    struct x86_phys phys = mem_phys(mem);
    struct x86_paging_regs regs;
    struct x86_walk w;

    x86_paging_regs_from(&c->s, SOFT_MAXPHYADDR, &regs);
    for (unsigned n = 0; n < INSN_EVENT_BYTES; n++) {
        uint64_t at = linear + n;

        if (c->mode != X86_MODE_LONG)
            at = (uint32_t)at;
        if (n == 0 || at % PAGE == 0)
            x86_walk(&regs, &phys, at, &w);
        else
            w.gpa++;
        if (w.end != X86_WALK_MAPPED || !mem_get(mem, w.gpa, bytes + n, 1))
            return n;
    }
    return INSN_EVENT_BYTES;
}

static void read_insn(struct soft_cpu *c, struct insn_event *ev)
{
    unsigned n = read_code(c, ev->linear, ev->bytes);
    struct x86_insn in;

    if (n > 0 && x86_decode(ev->bytes, n, (enum x86_code)c->code_bits, &in) == X86_DECODE_OK)
        n = in.len;
    ev->len = (uint8_t)n;
}

bool soft_trace_begin(struct soft_cpu *c, struct soft_insn_trace *t)
{
    const struct insn_trace *want = &c->vcpu->m->insn_trace;
    uint64_t linear = x86_linear_rip(&c->s);

    if (!soft_traces(c) || linear < want->from || linear > want->to || !sink_on(&c->vcpu->m->sink))
        return false;
    t->ev.count = c->insns + 1;
    t->ev.rip = c->s.rip;
    t->ev.linear = linear;
    t->ev.code_bits = c->code_bits;
    t->ev.nregs = 0;
    read_insn(c, &t->ev);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        t->word[i] = value_of(c, &rows[i]);
    memcpy(t->low, c->s.xsave + XMM_AT, sizeof(t->low));
    memcpy(t->high, c->s.xsave + YMM_HIGH_AT, sizeof(t->high));
    return true;
}

/* ---- after ----------------------------------------------------------------------------------- */

static void compare_words(const struct soft_cpu *c, struct soft_insn_trace *t)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t now = value_of(c, &rows[i]);
        struct reg_change *reg = &t->ev.reg[t->ev.nregs];

        if (now == t->word[i])
            continue;
        reg->name = rows[i].name;
        reg->width = rows[i].width;
        le_put(reg->value, reg->width, now);
        t->ev.nregs++;
    }
}

/* The upper half is shown where it has changed. */
static void compare_vectors(const struct soft_cpu *c, struct soft_insn_trace *t)
{
    static const char *const names[2][SOFT_TRACE_VECTORS] = {
        { "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
          "xmm11", "xmm12", "xmm13", "xmm14", "xmm15" },
        { "ymm0", "ymm1", "ymm2", "ymm3", "ymm4", "ymm5", "ymm6", "ymm7", "ymm8", "ymm9", "ymm10",
          "ymm11", "ymm12", "ymm13", "ymm14", "ymm15" },
    };

    for (unsigned i = 0; i < SOFT_TRACE_VECTORS; i++) {
        const uint8_t *low = c->s.xsave + XMM_AT + (size_t)16 * i;
        const uint8_t *high = c->s.xsave + YMM_HIGH_AT + (size_t)16 * i;
        bool upper = memcmp(high, t->high[i], 16) != 0;
        struct reg_change *reg = &t->ev.reg[t->ev.nregs];

        if (!upper && memcmp(low, t->low[i], 16) == 0)
            continue;
        reg->name = names[upper][i];
        reg->width = upper ? 32 : 16;
        memcpy(reg->value, low, 16);
        memcpy(reg->value + 16, high, 16);
        t->ev.nregs++;
    }
}

/* The machine stops after the last one; this vCPU leaves its loop too. */
static void emit(struct soft_cpu *c, const struct soft_insn_trace *t)
{
    struct machine *m = c->vcpu->m;
    struct event ev = { .kind = EVENT_INSN, .cpu = c->vcpu->idx, .insn = &t->ev };

    pthread_mutex_lock(&m->lock);
    if (m->insn_trace.left > 0) {
        machine_emit(m, &ev);
        if (--m->insn_trace.left == 0) {
            machine_stop(m, STOP_COUNT, 0, (int)c->vcpu->idx);
            atomic_store(&c->kicked, true);
        }
    }
    pthread_mutex_unlock(&m->lock);
}

void soft_trace_end(struct soft_cpu *c, struct soft_insn_trace *t)
{
    t->ev.raised = c->raised;
    if (c->insns + 1 == t->ev.count && t->ev.raised < 0)
        return;
    compare_words(c, t);
    compare_vectors(c, t);
    soft_time_end(c);
    emit(c, t);
}
