/* SPDX-License-Identifier: MIT */
/*
 * breakpoint.c - which of the guest's breakpoints an address meets
 *
 * Sources: SDM 3B, "Debug Registers", "Instruction-Breakpoint Exception Condition", "Data Memory and I/O
 * Breakpoint Exception Conditions", "Masking Exceptions and Interrupts When Switching Stacks".
 *
 * Data breakpoints ride on the watchpoints' way (watch.h): a page with one is looked at in each access.
 *
 * GAP: a data breakpoint met by MOV SS or POP SS is reported after the next instruction, but not when the CPU's state
 * is moved in between.
 */
#include "engine/soft/breakpoint.h"

enum { PAGE = 4096, BREAKPOINTS = POINTS_DR, DR7_RW_SHIFT = 16 };

/* R/Wn. */
enum break_on { ON_EXECUTION, ON_WRITE, ON_PORT, ON_ACCESS };

struct armed {
    uint64_t addr, len;
    enum break_on on;
};

/*
 *  31 30 29 28 ... 19 18 17 16 | 7  6 ... 1  0
 *  LEN3  R/W3      LEN0  R/W0  | G3 L3    G0 L0
 *
 * An address is used as if it were a multiple of its length.
 */
static bool get_armed(const struct soft_cpu *c, unsigned n, struct armed *out)
{
    static const uint8_t lens[] = { 1, 2, 8, 4 };
    unsigned field = (unsigned)(c->s.dr7 >> (DR7_RW_SHIFT + 4 * n)) & 0xf;

    out->on = field & 3;
    out->len = lens[field >> 2];
    out->addr = c->s.dr[n] & ~(out->len - 1);
    return c->s.dr7 >> (2 * n) & 3;
}

static bool meets(const struct armed *b, uint64_t addr, uint64_t len)
{
    return addr <= b->addr + (b->len - 1) && b->addr <= addr + (len - 1);
}

/* With another length than 1 it is undefined: nothing happens here. */
static bool is_for_code(const struct soft_cpu *c, unsigned n, uint64_t *addr)
{
    struct armed b;
    bool armed = get_armed(c, n, &b);

    *addr = b.addr;
    return armed && b.on == ON_EXECUTION && b.len == 1;
}

unsigned soft_code_breakpoints(const struct soft_cpu *c, uint64_t addr[POINTS_DR])
{
    unsigned count = 0;

    for (unsigned n = 0; soft_breakpoints(c) && n < BREAKPOINTS; n++)
        count += is_for_code(c, n, &addr[count]);
    return count;
}

bool soft_code_breakpoint(struct soft_cpu *c)
{
    uint64_t linear = x86_linear_rip(&c->s), dr6 = 0, addr;

    if (c->s.rflags & X86_RFLAGS_RF || c->s.events.shadow & SHADOW_MOV_SS)
        return false;
    if (c->repeats || c->naccesses != 0)
        return false; /* it has begun */
    for (unsigned n = 0; n < BREAKPOINTS; n++) {
        if (is_for_code(c, n, &addr) && addr == linear)
            dr6 |= BIT(n);
    }
    if (dr6 == 0)
        return false;
    soft_raise(c, VEC_DB);
    c->stop.dr6 = dr6;
    c->stop.before = true;
    return true;
}

static unsigned kinds(const struct armed *b)
{
    return b->on == ON_WRITE ? HOW_WRITE : b->on == ON_ACCESS ? HOW_READ | HOW_WRITE : 0;
}

unsigned soft_data_breakpoints(const struct soft_cpu *c, uint64_t linear)
{
    struct armed b;
    unsigned how = 0;

    for (unsigned n = 0; soft_breakpoints(c) && n < BREAKPOINTS; n++) {
        if (get_armed(c, n, &b) && meets(&b, linear - linear % PAGE, PAGE))
            how |= kinds(&b);
    }
    return how;
}

void soft_meet_data(struct soft_cpu *c, uint64_t linear, unsigned len, unsigned how)
{
    struct armed b;

    for (unsigned n = 0; soft_breakpoints(c) && n < BREAKPOINTS; n++) {
        if (get_armed(c, n, &b) && kinds(&b) & how && meets(&b, linear, len))
            c->trap_dr6 |= BIT(n);
    }
}

/* Without CR4.DE, R/W 2 is undefined: nothing happens here. */
void soft_meet_port(struct soft_cpu *c, uint16_t port, unsigned width)
{
    struct armed b;

    if (!soft_breakpoints(c) || !(c->s.cr4 & X86_CR4_DE))
        return;
    for (unsigned n = 0; n < BREAKPOINTS; n++) {
        if (get_armed(c, n, &b) && b.on == ON_PORT && meets(&b, port, width))
            c->trap_dr6 |= BIT(n);
    }
}
