/* SPDX-License-Identifier: MIT */
/*
 * inspect_spaces.h - the views of address spaces: map, walk, who maps, tables, memory, instructions
 *
 * Used by the library's face (vitro_spaces.c), whose public header says what each view means. Nothing
 * here changes the guest. Everything the guest can make large is bounded, and the views say where they
 * were cut.
 */
#ifndef INSPECT_INSPECT_SPACES_H
#define INSPECT_INSPECT_SPACES_H

#include <vitro/inspect.h>

#include "base/symtab.h"
#include "core/machine.h"
#include "x86/walk.h"

enum {
    SPACES_ENTRIES_MAX = 1 << 22, /* page-table entries read for one view */
    SPACES_ROWS_MAX = 4096,       /* rows of the tree */
    SPACES_HITS_MAX = 64,         /* rows of each list of who_maps */
    SPACES_MEM_MAX = 1 << 20,     /* bytes of a dump */
    SPACES_INSNS_MAX = 10000,
};

/* What every view is given: a machine, and what only the face can join to it. */
struct spaces {
    struct machine *m;
    const struct symtab *symbols; /* NULL: none */
    struct host_pages pages;      /* ask NULL: nothing is known of host pages */
    struct vitro_style style;
};

const char *map_use_name(enum vitro_use use);
/* As vitro_map. Never fails. */
void map_rows(const struct spaces *s, struct vitro_range *rows, size_t max, size_t *n);
WARN_UNUSED int map_show(const struct spaces *s, char **out, struct vitro_err *err);

/* As vitro_walk. */
WARN_UNUSED int walk_read(const struct spaces *s, unsigned cpu, uint64_t gva,
                          struct vitro_walk *out, struct vitro_err *err);
WARN_UNUSED int walk_show(const struct spaces *s, unsigned cpu, uint64_t gva, char **out,
                          struct vitro_err *err);

WARN_UNUSED int who_maps_show(const struct spaces *s, unsigned cpu, uint64_t gpa, char **out,
                              struct vitro_err *err);

/* filter NULL: everything */
WARN_UNUSED int tables_show(const struct spaces *s, unsigned cpu,
                            const struct vitro_tables_filter *filter, char **out,
                            struct vitro_err *err);

struct dump_range {
    uint64_t addr, len;
    bool physical;
};
WARN_UNUSED int dump_show(const struct spaces *s, unsigned cpu, const struct dump_range *what,
                          char **out, struct vitro_err *err);

WARN_UNUSED int disasm_show(const struct spaces *s, unsigned cpu, uint64_t addr, unsigned n,
                            char **out, struct vitro_err *err);

/* ---- what the files of these views share ----------------------------------------------------- */

/* A CPU as the views see it: its registers, and the way through its page tables. Borrows m. */
struct cpu_space {
    const struct mem *mem;
    struct x86_paging_regs regs;
    struct x86_phys phys;
    enum x86_paging form;
    unsigned levels;
    uint64_t root;          /* guest-physical address of the top table; 0 without paging */
    struct x86_state state; /* parts as asked for, and STATE_SREGS */
};

/* Fails with VITRO_ERR_USAGE when there is no such CPU. */
WARN_UNUSED int cpu_space_init(struct cpu_space *c, struct machine *m, unsigned cpu, unsigned parts,
                               struct vitro_err *err);

/* Reads guest-virtual memory up to the first byte that cannot be read; returns how many bytes. */
size_t cpu_space_read(const struct cpu_space *c, uint64_t gva, void *buf, size_t len);

/* Lowest address bit that selects an entry of this level, and how many bits do. */
unsigned space_shift(enum x86_paging form, unsigned level);
unsigned space_index_bits(enum x86_paging form, unsigned level);

/* Address bits that are translated: 32, 48 or 57. */
unsigned space_bits(enum x86_paging form);

/* Bits of an entry that mean something at its level, for x86_pte_names. */
uint64_t space_flags(const struct x86_walk_step *step, bool leaf);

enum { SPACE_WORDS = 96 };

/* "P W U A D PS", "not present". Returns buf. */
char *space_flag_words(const struct x86_walk_step *step, bool leaf, char buf[SPACE_WORDS]);

/* Whether a present entry of a walk's last step is a page; others of a walk never are. */
bool space_is_leaf(const struct x86_paging_regs *regs, const struct x86_walk_step *step);

/* "rwx user" */
const char *space_rights_words(bool writable, bool executable, bool user);

/* "2 MiB", "7.9 KiB", "49 B": at most eight characters. Returns buf. */
char *space_size(uint64_t bytes, char buf[SPACE_WORDS]);

/* Host-virtual address as a number; 0 outside memory. */
uint64_t space_host(const struct mem *mem, uint64_t gpa, uint64_t len);

/* The smallest note that covers gpa, or NULL. */
const struct mem_note *space_note_at(const struct mem *mem, uint64_t gpa);

#endif
