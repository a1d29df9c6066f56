/* SPDX-License-Identifier: MIT */
/*
 * explain.h - the standard questions about a run, and the facts that answer them
 *
 * The library's face collects the facts from a machine that it builds and runs (vitro_explain.c); here
 * they become text or JSON. seeing.md of the design lists the questions.
 */
#ifndef INSPECT_EXPLAIN_H
#define INSPECT_EXPLAIN_H

#include <vitro/inspect.h>

#include "base/err.h"

enum { EXPLAIN_RANGES = 24, EXPLAIN_TABLES = 16, EXPLAIN_MAPPINGS = 8, EXPLAIN_OUTPUT = 512 };

struct explain_table {
    const char *name; /* "PML4"; static */
    uint64_t gpa;
    unsigned present; /* entries in use */
};

/* A run of leaves with equal rights and contiguous addresses. */
struct explain_mapping {
    uint64_t gva, gpa, bytes, page_bytes;
    bool writable, user, executable;
};

/* An instruction found in the guest's code. text is empty when there is none. */
struct explain_insn {
    uint64_t rip;
    char text[96];
};

struct explain {
    const char *guest, *mode, *engine, *engine_why;

    /* 1, 3 */
    struct vitro_range range[EXPLAIN_RANGES];
    unsigned nranges;
    uint64_t mem_bytes, mem_host;
    struct vitro_seg cs;

    /* 2 */
    uint64_t run_area_host, run_area_len;
    const char *run_area_what;

    /* 4 */
    const char *paging;
    unsigned levels_of_mode, levels_used, ntables, nmappings;
    struct explain_table table[EXPLAIN_TABLES];
    struct explain_mapping mapping[EXPLAIN_MAPPINGS];
    bool cut; /* more tables or mappings than fit, or the search's bound */
    uint64_t mapped_bytes;
    unsigned gva_bits; /* 48 and kin; 0 without paging */
    uint64_t beyond;   /* first address that is not mapped */
    const char *beyond_why;

    /* 5 */
    struct vitro_regs start;

    /* 6 */
    struct vitro_outcome end;
    bool has_chain; /* it shut down */
    struct vitro_chain chain;
    struct vitro_exit_row exit[8]; /* most frequent first */
    unsigned nexits;
    bool has_first;               /* the guest left at least once */
    uint64_t first_rip, next_rip; /* the first exit's instruction; rip after it */
    const char *first_reason;

    /* 7 */
    uint64_t out_port, out_exits, out_width;
    uint64_t out_buffer_offset; /* in the run area */
    uint8_t out_byte;           /* what it held at the first output exit */
    char output[EXPLAIN_OUTPUT];
    unsigned output_len;

    /* 8 */
    bool has_result;
    struct explain_insn store; /* the instruction that writes it */
    uint64_t result_gpa, result_host, result;
    uint64_t rax;
};

/* Finds the instruction in [gva, gva + len) that stores to `to`; code holds those len bytes. */
struct explain_insn explain_find_store(const uint8_t *code, uint64_t len, uint64_t gva, uint64_t to,
                                       unsigned bits);

int explain_show(const struct explain *x, const struct vitro_style *style, char **out,
                 struct vitro_err *err);

#endif
