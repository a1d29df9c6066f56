/* SPDX-License-Identifier: MIT */
/*
 * options.h - the table of options, for the parser and --help, and its setters
 *
 * A new option is a row of options_rows.c, and a setter beside those of its subject.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "cli/cli.h"

/* Keeps a value: NULL, or what is wrong with it. The text may be cut up, and is kept, not copied. */
typedef const char *option_set(struct options *o, char *arg);

struct option_row {
    const char *name;
    char letter;     /* 0: only --name */
    const char *arg; /* NULL: none; "[=X]": optional, only as --name=X */
    const char *help;
    unsigned groups; /* enum option_group; 0: every command */
    option_set *set;
};

enum { OPTION_ROWS_MAX = 96 };

extern const struct option_row option_rows[];
extern const int noption_rows;

/* options.c: which of n words it is, -1 for none. Words that are NULL are not there. */
int word_index(const char *const *words, size_t n, const char *arg);

/* options_machine.c */
option_set set_engine, set_tier, set_kind, set_mem, set_cpus, set_mode, set_origin, set_page_size,
    set_name, set_debug_exit, set_hypercalls, set_screen, set_seed, set_module, set_hash_every,
    set_checkpoints, set_cpu, set_check_blocks, set_count_blocks, set_perf_map;

/* options_run.c */
option_set set_stop_at, set_since, set_switch, set_watch, set_range, set_insn_range, set_insn_from,
    set_insn_count, set_timeout, set_grace, set_interval, set_port, set_page_port, set_save,
    set_gdb_wait, set_trace_format;

#endif
