/* SPDX-License-Identifier: MIT */
/*
 * walk_rig.h - hand-made guest memory and page tables, for the tests of x86/walk
 *
 * A path is one address with a table a level in one form of paging; the tests change an entry of it, or
 * a register, and look at what a walk or the whole tree then says.
 */
#ifndef TESTS_WALK_RIG_H
#define TESTS_WALK_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "x86/walk.h"

enum { RAM_PAGES = 64, NODES_MAX = 1 << 14, PAGED = 4 };

#define PAGE     (4 * KIB)
#define P        BIT(0)
#define W        BIT(1)
#define U        BIT(2)
#define A        BIT(5)
#define D        BIT(6)
#define PS       BIT(7)
#define G        BIT(8)
#define NX       BIT(63)
#define PWU      (P | W | U)
#define NO_LIMIT UINT64_MAX

/* Guest memory: pages at any place, created by the first write. */
struct ram {
    uint64_t gpa[RAM_PAGES];
    uint8_t bytes[RAM_PAGES][4096];
    unsigned npages;
    uint64_t reads;
};

/* One byte of it; the page is made when it is not there. */
uint8_t *ram_at(struct ram *ram, uint64_t gpa);
void put8(struct ram *ram, uint64_t gpa, uint64_t v);

/* One address with a table a level: the table of level n lies at n * PAGE, the page at PAGE_GPA. */
struct path {
    struct ram ram;
    struct x86_phys phys;
    struct x86_paging_regs r;
    enum x86_paging form;
    unsigned levels, entry_len;
    uint64_t gva;
    uint64_t entry_gpa[6]; /* by level */
};

/* Aligned to 4 MiB but not to 1 GiB, so that it does as a page of any size but that one. */
#define PAGE_GPA UINT64_C(0x40c00000)

struct shape {
    unsigned levels, entry_len;
    uint64_t cr4, efer, gva;
    unsigned index[6]; /* of gva, by level */
};

extern const struct shape shapes[X86_PG_5LEVEL + 1];
extern const enum x86_paging paged[PAGED]; /* the forms that have tables */

/* A good path of that form, all rights given. */
void path_init(struct path *p, enum x86_paging form);
/* Its entries as path_init left them. */
void path_reset(struct path *p);
/* The entry of one level. */
void set(struct path *p, unsigned level, uint64_t raw);
/* What an entry to a table must have set. */
uint64_t table_rights(enum x86_paging form, unsigned level);

struct x86_walk walk(struct path *p, uint64_t gva);
void expect_mapped(const struct x86_walk *w, uint64_t gpa, uint64_t bytes);
/* A walk that ends so and gives nothing else away. */
void expect_end(struct path *p, uint64_t gva, enum x86_walk_end end, unsigned nsteps);

struct nodes {
    struct x86_tree_node *node;
    size_t n, stop_after; /* 0: never */
};

void nodes_init(struct nodes *out);
/* Collects the nodes of a range; at most `budget` entries may be read. */
enum x86_tree_end tree(struct path *p, uint64_t from, uint64_t to, uint64_t budget,
                       struct nodes *out);

/* cmocka gives each test a fresh path; they are too big for small stacks. */
int setup(void **state);
int teardown(void **state);

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
