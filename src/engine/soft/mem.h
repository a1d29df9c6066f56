/* SPDX-License-Identifier: MIT */
/*
 * mem.h - memory as an instruction of the software CPU sees it
 *
 * Segment checks, canonical addresses, alignment check, paging with accessed and dirty bits, memory or
 * device. Every function returns false with c->stop set when the access cannot be made now: a fault, or a
 * device that must answer first. Reads and writes that may fault are made before an instruction changes
 * anything; where one instruction writes memory after it has read elsewhere, it asks soft_can_write first.
 *
 * Device accesses are answered in order from c->access: see cpu.h.
 */
#ifndef ENGINE_SOFT_MEM_H
#define ENGINE_SOFT_MEM_H

#include "engine/soft/cpu.h"

/* Accesses through a segment register (enum x86_sreg); ea is an offset, cut to the address size already. */
bool soft_load(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned width, uint64_t *out);
bool soft_store(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned width, uint64_t val);
/* A read that will be followed by a write of the same place: faults as the write would. */
bool soft_load_to_write(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned width,
                        uint64_t *out);
/* After true, a store to the same range in the same instruction does not fault. */
bool soft_can_write(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned len);

/*
 * soft_cas - write val if the place still holds what was expected
 *
 * width  1, 2, 4, 8; 16 with a linear address that is a multiple of 16. Little-endian: [1] is the upper
 *        half of 16 bytes
 *
 * Atomic against other CPUs where the range is memory. False as a store. *same tells
 * whether it was written; if not, expected is what the place holds.
 */
bool soft_cas(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned width, uint64_t expected[2],
              const uint64_t val[2], bool *same);

/* Blocks of 1..1024 bytes (vectors, FXSAVE): all bytes are checked before any is moved. */
bool soft_load_block(struct soft_cpu *c, unsigned seg, uint64_t ea, void *dst, unsigned len);
bool soft_store_block(struct soft_cpu *c, unsigned seg, uint64_t ea, const void *src, unsigned len);

/* The processor's own accesses to tables (GDT, IDT, TSS): linear, with ring 0's rights. */
bool soft_sys_load(struct soft_cpu *c, uint64_t linear, void *dst, unsigned len);
bool soft_sys_store(struct soft_cpu *c, uint64_t linear, const void *src, unsigned len);

/* With the rights of another ring than the current one: stacks that a far transfer leaves or enters. */
bool soft_load_linear(struct soft_cpu *c, uint64_t linear, enum soft_bank bank, void *dst,
                      unsigned len);
bool soft_store_linear(struct soft_cpu *c, uint64_t linear, enum soft_bank bank, const void *src,
                       unsigned len);

/* Segment checks alone: offset to linear. `write` for the type check; len for the limit. */
bool soft_linear(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned len, bool write,
                 uint64_t *linear);
/* The same for what reads no data (CLFLUSH): also of a segment that can only be executed. */
bool soft_linear_unread(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned len,
                        uint64_t *linear);

/*
 * soft_fetch - where the instruction bytes at a linear address lie
 *
 * Returns false on a fault. *host is the byte's place and *left how many follow in the page, or *host is
 * NULL when there is no memory (then the bytes must come by soft_fetch_bytes).
 */
bool soft_fetch(struct soft_cpu *c, uint64_t linear, const uint8_t **host, unsigned *left,
                uint64_t *gpa);

/*
 * A device access at its turn among those of this instruction. For a port the address is its number.
 * False with SOFT_EXIT until the monitor has answered; *data receives what was read.
 */
bool soft_device(struct soft_cpu *c, bool port, bool write, uint64_t addr, unsigned width,
                 uint64_t *data);

/* Translations are forgotten: all but global ones, or all. */
void soft_flush(struct soft_cpu *c, bool global_too);
void soft_flush_page(struct soft_cpu *c, uint64_t linear);

/* tables.c: sets vcpu.tables_changed when the bytes may change a page-table entry; before they do. */
void soft_note_store(struct soft_cpu *c, const uint8_t *host, const uint8_t *src, unsigned len);

#endif
