/* SPDX-License-Identifier: MIT */
/*
 * cli.h - what the commands share: options, errors, exit codes
 *
 * The command line sees the public headers only. It is the one part of Vitro that prints and exits.
 */
#ifndef CLI_H
#define CLI_H

#include <jansson.h>
#include <pthread.h>
#include <vitro/inspect.h>
#include <vitro/vitro.h>

/* Process exit codes: Vitro's own are even, a guest's are (v << 1) | 1. docs/exit-codes.md. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_GUEST = 2,    /* triple fault, refused instruction, engine could not enter the guest */
    EXIT_PANIC = 4,    /* the guest's kernel panicked */
    EXIT_USAGE = 6,    /* bad command, option or value */
    EXIT_IMAGE = 8,    /* the guest image cannot be read or is malformed */
    EXIT_ENGINE = 10,  /* no engine here runs this guest */
    EXIT_HOST = 12,    /* the host refused something: memory, file, system call, output */
    EXIT_TIMEOUT = 14, /* --timeout ended the run */
    EXIT_STOPPED = 16, /* Ctrl-C or a signal ended the run */
    EXIT_PARTIAL = 18, /* doctor: KVM is there and runs some guests only */
    EXIT_DIFFERS = 20, /* lab --check: the output is not as expected */
};

/* Which commands an option belongs to. */
enum option_group {
    FOR_GUEST = 1 << 0, /* whatever takes a GUEST: how to read it and what machine to build */
    FOR_RUN = 1 << 1,   /* run */
    FOR_LIMIT = 1 << 2, /* whatever may run a guest */
    FOR_VIEW = 1 << 3,  /* views of a machine that is set up */
    FOR_JSON = 1 << 4,
    FOR_TRACE = 1 << 5,
    FOR_DOCTOR = 1 << 6,
    FOR_TABLES = 1 << 7,
    FOR_WALK = 1 << 8,
    FOR_MEM = 1 << 9,
    FOR_REGS = 1 << 10,
    FOR_EXITS = 1 << 11,
    FOR_SYMBOLS = 1 << 12,
    FOR_CPUID = 1 << 13,
    FOR_LIST = 1 << 14, /* ps */
    FOR_STOP = 1 << 15,
    FOR_GDB = 1 << 16,
    FOR_PAGE = 1 << 17, /* view */
    FOR_TOP = 1 << 18,
    FOR_LAB = 1 << 19,
    FOR_BLOCKS = 1 << 20,
};

/* A place to stop a run at: nothing, the end, a number of exits, or an address (number or symbol). */
struct stop_spec {
    enum { STOP_AT_NOTHING, STOP_AT_END, STOP_AT_COUNT, STOP_AT_ADDR } kind;
    uint64_t exits, insns;
    const char *addr; /* as written: symbols are looked up once the guest is open */
};

/* A range to watch: as written until the guest is open. */
struct watch_spec {
    char *addr; /* number or symbol */
    uint64_t len;
    unsigned how; /* enum vitro_watch_how */
};

/* All options of all commands; zero is every default. */
struct options {
    struct vitro_guest_config guest;
    struct vitro_config machine;
    struct vitro_module modules[VITRO_MODULES_MAX]; /* --module; not owned */
    uint64_t timeout_ns;                            /* 0: none */
    bool quiet, verbose, json, no_color, help;
    bool console;               /* run: standard input goes to the guest */
    struct stop_spec stop_at;   /* run: --stop-at; views: --at */
    struct stop_spec since;     /* exits: where to begin counting */
    struct stop_spec switch_at; /* run: where the other engine goes on; a number */
    struct watch_spec *watches; /* run: --watch; owned */
    unsigned nwatches;
    char *then; /* run: views to print after it, comma-separated; not owned */
    const char *trace_file, *output;
    enum vitro_trace_format trace_format;
    bool trace_format_given, flow;
    bool insns; /* trace: instructions, and these ones */
    struct vitro_insn_filter insn_filter;
    char *insn_from, *insn_to; /* --range, as written; not owned */
    bool fresh, boot_times;
    bool guest_given;     /* an option that sets a guest or its machine up */
    bool rewind_on_fault; /* run: a debugger's prompt where a guest has failed */
    bool gdb, gdb_wait;   /* run: a debugger's server beside it; before the first instruction */
    bool gdb_port_given;
    bool checkpoints_given; /* run: machine.checkpoint_bytes is set */
    unsigned gdb_port;
    const char *gdb_socket, *gdb_arch; /* gdb; not owned */
    bool perf_map;                     /* run: names of translated code for perf, at the end */
    bool now;                          /* stop: without the guest */
    bool check;                        /* lab */
    bool page, no_browser;             /* view: run is to be steered by a page */
    unsigned port;
    const char *save;
    uint64_t grace_ns;
    uint64_t interval_ns; /* top; 0: its default */
    bool once;
    bool physical, all;
    unsigned cpu;
    bool cpu_given;   /* --cpu was a number: of a view */
    bool cpuid;       /* regs: the CPU model instead */
    char wrong[1024]; /* what is wrong with a value, where that is long */
    struct vitro_tables_filter tables;
};

struct command {
    const char *name;
    const char *args;    /* "TARGET ADDR" */
    const char *summary; /* one line */
    const char *details; /* a paragraph for --help */
    unsigned options;    /* enum option_group */
    int min_args, max_args;
    int (*run)(const struct command *cmd, struct options *o, int argc, char **argv);
};

extern const struct command commands[];
extern const unsigned ncommands;

/* options.c: parses argv after the command's name; *argc and *argv become the operands. */
int options_parse(const struct command *cmd, struct options *o, int *argc, char ***argv);
void options_help(const struct command *cmd);
/* Prints words in lines of 79 columns, the second and later ones indented, and ends the last. */
void put_wrapped(const char *text, int indent);
/* Every long option of a command, "--name" a line: for completion and for the tests of the manual. */
void options_list(const struct command *cmd);

/* units.c: false when the word is not of the form. */
bool parse_number(const char *word,
                  uint64_t *out); /* decimal, 0x, or with K M G (powers of 1024) */
bool parse_seconds(const char *word, uint64_t *ns); /* "1", "0.5", "200ms" */
/* "1.23 ms", three digits. Returns buf. */
char *format_ns(uint64_t ns, char *buf, size_t len);

/* report.c */
/* Prints "vitro: <text>" to standard error and returns the code that the error's class has. */
int fail_err(const struct vitro_err *err);
int fail_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int fail_image(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Writes a whole string to standard output; EXIT_OK or EXIT_HOST. */
int put_output(const char *text);

struct vitro_style style_of(const struct options *o);

/* target.c: a guest and a machine made of it. */
struct target {
    struct vitro_guest *guest;
    struct vitro *m;
    bool switched;   /* --switch has come to pass */
    struct ctl *ctl; /* run: its control socket; NULL: none */
};
/* Ends a run that is on its way, also when clients hold it. Any thread. */
void target_stop(const struct target *t, enum vitro_stop_kind kind);
int target_open(struct target *t, struct options *o, const char *name); /* an exit code */
void target_close(struct target *t);
/* The exit code that an end of a run stands for, without regard to lost output. */
int target_end_code(const struct vitro_outcome *end);
/*
 * Runs it to a place under the options' limits, with a change of engines on the way if that is asked for;
 * *ran is false when the place is the start.
 */
int target_run_to(struct target *t, const struct options *o, struct vitro_outcome *end, bool *ran);
/* A number, a register of CPU 0 (rip, rsp ...), or a symbol with an optional +offset. */
int target_addr(const struct target *t, const struct options *o, const char *word, uint64_t *addr);

/* watchpoints.c: NULL, or what is wrong with ADDR[:LEN][:r|w|rw]; the word is cut up in place. */
const char *watchpoints_add(struct options *o, char *word);
/* What the library takes, or NULL with *code when a symbol is unknown or memory has run out. */
struct vitro_watch *watchpoints_resolve(const struct target *t, const struct options *o, int *code);

/* watch.c: signals and the time limit, on a thread of its own while a guest runs. */
struct watch;
/* A thread that signals are not delivered to: they are watch.c's. 0 or a negative errno. */
int start_quiet_thread(pthread_t *thread, void *(*fn)(void *arg), void *arg);

struct console;
struct screen;
int watch_start(const struct target *t, struct console *console, uint64_t timeout_ns,
                struct watch **out);
/* Nobody watches any more; but signals are still held off. Then watch_end, which frees it. */
void watch_stop(struct watch *w);
void watch_end(struct watch *w);

/* report.c: on a terminal that shows the guest's output too, what we say begins a line of its own. As vitro_begin_line. */
void begin_line(struct vitro *m, const struct options *o);

/* hashes.c: prints what run --hash-every asks for, or keeps it for JSON. NULL: nothing was asked for. */
struct hashes;
int hashes_open(struct options *o, struct hashes **out); /* an exit code */
/* Whose hashes they are, before it runs; borrowed. */
void hashes_machine(struct hashes *h, struct vitro *m);
/* Adds the state at the end. An exit code. */
int hashes_end(struct hashes *h);
/* The list for JSON, or NULL. */
json_t *hashes_json(const struct hashes *h);
void hashes_close(struct hashes *h);

/* boot_times.c: when each line of the console came, for run --boot-times. NULL: nothing was asked for. */
struct boot_times;
/* Takes the machine's output, and passes it on to who had it before. An exit code. */
int boot_times_open(struct options *o, struct boot_times **out);
void boot_times_begin(struct boot_times *b); /* the run begins now */
void boot_times_end(struct boot_times *b);
int boot_times_print(const struct boot_times *b);    /* an exit code */
json_t *boot_times_json(const struct boot_times *b); /* NULL: nothing was asked for */
void boot_times_close(struct boot_times *b);

/* console.c: standard input as a guest's serial line. */
/* Called from the console's thread. */
struct console_line {
    size_t (*send)(void *ctx, const void *bytes, size_t len); /* how many were taken */
    void (*stop)(void *ctx);
    void (*power)(void *ctx);
    void (*leave)(void *ctx); /* NULL: one cannot leave and let it run */
    void *ctx;
};
/* 0 or a negative errno. console_resume makes the terminal raw, once signals are watched. */
int console_start(const struct console_line *line, struct console **out);
void console_end(struct console *c); /* NULL is fine, as for the next two */
/* The terminal as it was before, and raw again. Any thread. */
void console_suspend(struct console *c);
void console_resume(struct console *c);

/* The guest's text screen (screen.c): on the terminal while it runs, if there is one. */
int screen_start(struct vitro *m, const struct options *o,
                 struct screen **out); /* as console_start */
void screen_end(struct screen *s);     /* NULL is fine */
/* The terminal is the screen's: what the guest sends elsewhere is not shown. */
bool screen_has_terminal(const struct options *o);
/* After the run: prints it where no terminal has shown it. An exit code. */
int screen_print(const struct vitro *m, const struct options *o);
json_t *screen_json(const struct vitro *m); /* a list of rows; NULL: there is no screen */

/* symbols.c: writes the symbols of the target as an ELF file. An exit code. */
int symbols_write(const struct target *t, const char *path);
/* The same of what a running machine answers: a list of addr and name. */
int symbols_write_list(const json_t *symbols, const char *path);

/* gdb.c: starts 'vitro gdb NAME' beside a run that others can see by that name. An exit code. */
int gdb_beside(const struct options *o, const char *name);

/*
 * rewind.c: run --rewind-on-fault. Where the guest has failed, a debugger gets the machine before its end is told.
 * An exit code; *end is how it ended in the end.
 */
int rewind_prompt(struct target *t, const struct options *o, struct vitro_outcome *end);

/* view.c: one row a view; used by the commands of that name and by run --then. */
int cmd_view(const struct command *cmd, struct options *o, int argc, char **argv);
enum { VIEW_ARGS = 4 }; /* more than any view takes */
/* Cuts "walk:0x400" up in place; returns how many operands there are, VIEW_ARGS for more too. */
int view_words(char *word, const char **name, char *args[VIEW_ARGS]);
/* What is wrong with a view's name, or with operands as far as no machine is needed for that, reported; else EXIT_OK. */
int view_check(const char *name, int argc, char **argv);
/* Makes a view's text or JSON; args are its operands, which view_check has passed. An exit code. */
int view_make(const struct target *t, const struct options *o, const char *name, int argc,
              char **argv, char **out);

/* remote.c */
/* Whether a TARGET may be a running machine: nothing was asked for that only a guest can have. */
bool remote_wanted(const struct options *o, const char *name);
/* What is wrong with a TARGET that remote_view is not for, reported: neither is it a guest. EXIT_OK: it may be one. */
int remote_no_target(const struct command *cmd, const struct options *o, const char *name);
/* True when TARGET is a running machine; then the view was shown, or *code says why not. */
bool remote_view(const struct command *cmd, const struct options *o, int argc, char **argv,
                 int *code);

int cmd_run(const struct command *cmd, struct options *o, int argc, char **argv);
int cmd_guests(const struct command *cmd, struct options *o, int argc, char **argv);
int cmd_explain(const struct command *cmd, struct options *o, int argc, char **argv);
int cmd_trace(const struct command *cmd, struct options *o, int argc, char **argv);
int cmd_doctor(const struct command *cmd, struct options *o, int argc, char **argv);
int cmd_lab(const struct command *cmd, struct options *o, int argc, char **argv);
int cmd_gdb(const struct command *cmd, struct options *o, int argc, char **argv);
int cmd_ps(const struct command *cmd, struct options *o, int argc, char **argv);
int cmd_top(const struct command *cmd, struct options *o, int argc, char **argv);
int cmd_page(const struct command *cmd, struct options *o, int argc, char **argv);
int cmd_pause(const struct command *cmd, struct options *o, int argc, char **argv);
int cmd_console(const struct command *cmd, struct options *o, int argc, char **argv);
int cmd_stop(const struct command *cmd, struct options *o, int argc, char **argv);
int cmd_help(const struct command *cmd, struct options *o, int argc, char **argv);

#endif
