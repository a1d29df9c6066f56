/* SPDX-License-Identifier: MIT */
/*
 * lab.h - several machines on one thread: what a lab file says, and how it runs
 *
 * The form of the file is in docs/labs/README.md.
 */
#ifndef CLI_LAB_H
#define CLI_LAB_H

#include <stdio.h>
#include <vitro/vitro.h>

enum {
    LAB_FILE_MAX = 64 * 1024,
    LAB_LINE_MAX = 1000,
    LAB_WORDS_MAX = 16,
    LAB_NAME_MAX = 32,
    LAB_PATH_MAX = 512,
    LAB_MACHINES_MAX = 8,
    LAB_COPIES_MAX = 32,
    LAB_COPY_MAX = 64 * 1024, /* bytes of a copy or of the shared region */
    /* Of a turn that is counted in exits, so that nobody keeps the thread for ever. */
    LAB_TURN_INSNS = 1000000,
    LAB_TURN_MS_MAX = 10000,
    LAB_TURN_MS = 1000,       /* the same, of a machine whose instructions are not counted */
    LAB_TURNS = 1000000,      /* when no limit is given */
    LAB_OUTPUT_MAX = 1 << 20, /* bytes of all machines */
};

struct lab_machine {
    char name[LAB_NAME_MAX];
    char guest[LAB_PATH_MAX]; /* a built-in guest's name, or a path */
    char files[LAB_PATH_MAX]; /* "" : none */
    enum vitro_engine engine; /* not VITRO_ENGINE_AUTO */
    enum vitro_mode mode;
    uint64_t mem, origin;
    unsigned cpus;
    unsigned hypercalls;
    bool files_cow;
    unsigned share; /* percent of the quantum; 0: all machines have the same turn */
};

enum lab_when { LAB_AT_EXIT, LAB_AT_TURN, LAB_AT_END };

/* A copy between memories, once, when a machine comes to a mark. */
struct lab_copy {
    unsigned from, to, of; /* machines */
    uint64_t from_gpa, to_gpa, len;
    enum lab_when when;
    uint64_t count;
};

struct lab_plan {
    struct lab_machine machine[LAB_MACHINES_MAX];
    unsigned nmachines;
    uint64_t turn_exits, turn_insns; /* 0: not counted */
    uint64_t turn_ms;        /* with turn_insns: of machines that count none; 0: no limit in time */
    unsigned char *schedule; /* machines, a turn each; NULL: round and round */
    size_t nschedule;
    uint64_t shared_gpa, shared_len; /* len 0: none */
    struct lab_copy copy[LAB_COPIES_MAX];
    unsigned ncopies;
    uint64_t turns; /* at most */
    bool raw;       /* output as it comes, without names */
    char schedule_file[LAB_PATH_MAX], expect[LAB_PATH_MAX];
};

/*
 * lab_parse - a lab file's text
 *
 * folder  paths in it are relative to this; "" for the current one
 * engine  of machines that do not say; VITRO_ENGINE_AUTO: the software CPU
 * out     overwritten; the caller's to lab_plan_fini(), after a failure too
 *
 * Opens no file. 0, or -EINVAL with VITRO_ERR_USAGE and the line's number in err.
 */
int lab_parse(const char *text, size_t len, const char *folder, enum vitro_engine engine,
              struct lab_plan *out, struct vitro_err *err);
/* The schedule's file: numbers of machines from 1, separated by white space. As lab_parse. */
int lab_parse_schedule(const char *text, size_t len, struct lab_plan *plan, struct vitro_err *err);
void lab_plan_fini(struct lab_plan *plan);
/* Whether its turns can be counted in instructions. */
bool lab_counts(const struct lab_machine *m);

/* How one machine fared. */
struct lab_fate {
    bool ended;
    enum vitro_end end;
    uint32_t code;
    uint64_t exits, insns, turns; /* insns 0: its engine does not count them */
};

struct lab_result {
    struct lab_fate fate[LAB_MACHINES_MAX];
    uint64_t turns;
    bool cut;     /* the limit of turns, or of output, ended it */
    bool stopped; /* a signal did */
};

/*
 * lab_run - all machines of a plan, in turns, to the end
 *
 * out     what they put out, written as it comes
 * turns   a line a turn goes here; NULL: none
 *
 * 0 or a negative errno as vitro_new() and vitro_run() have it.
 */
int lab_run(const struct lab_plan *plan, FILE *out, FILE *turns, struct lab_result *result,
            struct vitro_err *err);
/* "halted", "triple fault" ... for a report; static. */
const char *lab_end_name(const struct lab_fate *fate);

#endif
