/* SPDX-License-Identifier: MIT */
/*
 * mem.h - guest-physical memory: slots, the one checked door to them, and notes on what lies where
 *
 * Nothing else in Vitro turns a guest address into a host pointer. Slots are added by the board before
 * the first vCPU runs; afterwards the table does not change, so that it is read without a lock.
 */
#ifndef CORE_MEM_H
#define CORE_MEM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef uint64_t gpa_t; /* guest-physical; only mem_host() turns it into a pointer */
typedef uint64_t gva_t; /* guest-linear */

enum mem_kind { MEM_RAM, MEM_ROM };

enum { MEM_SLOTS_MAX = 16, MEM_NOTES_MAX = 96, MEM_NAME_MAX = 32 };

struct mem_slot {
    gpa_t base;
    uint64_t len;  /* bytes, a multiple of 4 KiB, never 0 */
    uint8_t *host; /* borrowed from the board */
    enum mem_kind kind;
    const char *name; /* static string, shown by the map */
};

/* What the monitor put into memory before the start: code, page tables, a stack ... */
enum mem_use {
    MEM_USE_CODE,
    MEM_USE_DATA,
    MEM_USE_TABLES,
    MEM_USE_STACK,
    MEM_USE_BOOT,
    MEM_USE_RESULT
};

struct mem_note {
    gpa_t base;
    uint64_t len;
    enum mem_use use;
    char name[MEM_NAME_MAX];
};

enum mem_code_state { MEM_CODE_NONE, MEM_CODE_MADE, MEM_CODE_WRITTEN };

/*
 * Pages of which somebody has made something (translations), who is told when others write there. Relaxed
 * throughout: whoever writes tells the guest afterwards, by an interrupt or an answered access, which orders.
 */
struct mem_code {
    uint64_t npages;
    _Atomic bool written;   /* a page has become MEM_CODE_WRITTEN */
    _Atomic uint8_t page[]; /* enum mem_code_state, from guest-physical page 0 on */
};

struct mem_cow;

struct mem {
    struct mem_slot slot[MEM_SLOTS_MAX]; /* sorted by base, never overlapping */
    size_t nslots;
    struct mem_note
        note[MEM_NOTES_MAX]; /* in the order they were made; may overlap (a stack, say) */
    size_t nnotes;
    struct mem_code
        *code;           /* borrowed from the engine that made it; NULL: nobody wants to be told */
    struct mem_cow *cow; /* borrowed from whoever keeps what pages held (mem_cow.h); NULL: nobody */
};

/* Adds a slot. -EINVAL: not page-aligned or wrapping; -EEXIST: overlaps; -ENOSPC: no row left. */
WARN_UNUSED int mem_add(struct mem *m, const struct mem_slot *slot, struct vitro_err *err);

/*
 * mem_host - host view of [gpa, gpa + len)
 *
 * NULL unless the range lies in one slot and may be accessed so. len 0 asks for the position only.
 * Borrowed: use it before the machine lock is released, and read each shared field once.
 */
void *mem_host(const struct mem *m, gpa_t gpa, uint64_t len, bool write);

/* Copies across slot borders. False, and nothing copied, if any byte is outside (or ROM, for put). */
bool mem_get(const struct mem *m, gpa_t gpa, void *dst, uint64_t len);
bool mem_put(const struct mem *m, gpa_t gpa, const void *src, uint64_t len);

/* Bytes from gpa to the end of its slot; 0 outside memory. */
uint64_t mem_left(const struct mem *m, gpa_t gpa);

const struct mem_slot *mem_slot_at(const struct mem *m, gpa_t gpa);

/* Sum of all slots. */
uint64_t mem_bytes(const struct mem *m);

/* Notes a range for the map. Silently keeps the first MEM_NOTES_MAX: notes are for people only. */
void mem_note(struct mem *m, enum mem_use use, gpa_t base, uint64_t len, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

#endif
