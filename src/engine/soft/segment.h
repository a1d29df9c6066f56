/* SPDX-License-Identifier: MIT */
/*
 * segment.h - descriptors as the software CPU reads and loads them
 *
 * For far transfers, interrupts, task switches and the instructions that look at descriptors. A
 * descriptor is read and checked first, into a struct of its own; the register is written when nothing
 * can fail any more. Functions that can fail follow soft_insn_fn: false with c->stop set.
 */
#ifndef ENGINE_SOFT_SEGMENT_H
#define ENGINE_SOFT_SEGMENT_H

#include "engine/soft/cpu.h"
#include "x86/descriptor.h"
#include "x86/canonical.h"

/* System-segment and gate types, SDM 3A "System Descriptor Types". In long mode the 32-bit ones are 64-bit. */
enum soft_sys_type {
    SYS_TSS16 = 1,
    SYS_LDT = 2,
    SYS_TSS16_BUSY = 3,
    SYS_CALL16 = 4,
    SYS_TASK = 5,
    SYS_INT16 = 6,
    SYS_TRAP16 = 7,
    SYS_TSS32 = 9,
    SYS_TSS32_BUSY = 11,
    SYS_CALL32 = 12,
    SYS_INT32 = 14,
    SYS_TRAP32 = 15,
    SYS_BUSY = 2, /* bit of a TSS's type */
    SYS_32 = 8,   /* bit of those with 32-bit fields */
};

/* Type bits of code and data segments, SDM 3A "Code- and Data-Segment Descriptor Types". */
enum soft_seg_type {
    TYPE_ACCESSED = 1,
    TYPE_WRITE = 2, /* data */
    TYPE_READ = 2,  /* code */
    TYPE_DOWN = 4,  /* data: expand-down */
    TYPE_CONFORMING = 4,
    TYPE_CODE = 8,
};

enum { SEL_TI = 4 }; /* selector bit: in the LDT */

struct soft_desc {
    struct x86_seg seg; /* as it would be loaded; the selector as asked for */
    uint64_t raw, high; /* high: second half of a long-mode system descriptor, else 0 */
    uint64_t linear;    /* where it lies */
};

struct soft_gate {
    uint8_t type, dpl, count, ist; /* count: parameters of a call gate */
    bool present;
    uint16_t selector;
    uint64_t offset;
};

static inline bool soft_long(const struct soft_cpu *c)
{
    return c->s.efer & X86_EFER_LMA;
}

/* Real or virtual-8086 mode: a selector is an address. */
static inline bool soft_plain(const struct soft_cpu *c)
{
    return c->mode == X86_MODE_REAL || c->mode == X86_MODE_VM86;
}

static inline bool soft_null(uint16_t selector)
{
    return (selector & 0xfffc) == 0;
}

static inline unsigned soft_rpl(uint16_t selector)
{
    return selector & 3;
}

static inline bool soft_is_code(const struct x86_seg *s)
{
    return s->s && s->type & TYPE_CODE;
}

static inline bool soft_is_conforming(const struct x86_seg *s)
{
    return soft_is_code(s) && s->type & TYPE_CONFORMING;
}

/* Raises with a selector as error code. */
bool soft_raise_selector(struct soft_cpu *c, enum soft_vector vector, uint16_t selector);

/* The tables and the TSS: wraps at 4 GiB outside long mode, #GP(0) when not canonical in it. */
bool soft_table_load(struct soft_cpu *c, uint64_t linear, void *dst, unsigned len);
bool soft_table_store(struct soft_cpu *c, uint64_t linear, const void *src, unsigned len);

void soft_parse_desc(uint64_t raw, uint16_t selector, struct x86_seg *out);
void soft_parse_gate(uint64_t raw, uint64_t high, struct soft_gate *out);

/* Reads a descriptor; `outside` is raised with the selector when the table ends before it. */
bool soft_read_desc(struct soft_cpu *c, uint16_t selector, enum soft_vector outside,
                    struct soft_desc *out);
/* The eight bytes alone. *there is false when the selector is null or outside its table. */
bool soft_peek_desc(struct soft_cpu *c, uint16_t selector, bool *there, struct soft_desc *out);

/* Sets the accessed bit in the table and in *d, unless it is set. */
bool soft_mark_accessed(struct soft_cpu *c, struct soft_desc *d);
/* Sets or clears a TSS descriptor's busy bit in the table. */
bool soft_mark_busy(struct soft_cpu *c, uint64_t linear, bool busy);

/*
 * Reads and checks a segment for DS ES FS GS, or for SS, as a CPU at ring `cpl` loads it; `bad` (#GP or
 * #TS) is raised with the selector when it will not do. Marked accessed. The null selector is the
 * caller's for data; for a stack it is bad.
 */
bool soft_data_desc(struct soft_cpu *c, uint16_t selector, unsigned cpl, enum soft_vector bad,
                    struct soft_desc *out);
bool soft_stack_desc(struct soft_cpu *c, uint16_t selector, unsigned cpl, enum soft_vector bad,
                     struct soft_desc *out);

/* What a segment register holds after a load in real or virtual-8086 mode, and after a null selector. */
struct x86_seg soft_plain_seg(const struct x86_seg *old, uint16_t selector, bool vm86);
struct x86_seg soft_null_seg(uint16_t selector, unsigned dpl);

#endif
