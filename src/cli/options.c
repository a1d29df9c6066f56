/* SPDX-License-Identifier: MIT */
/*
 * options.c - the one table of options: parsing, --help and completion are made of it
 *
 * A setter returns NULL, or what is wrong with the value.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

typedef const char *set_fn(struct options *o, char *arg);

static const char *set_engine(struct options *o, char *arg)
{
    if (strcmp(arg, "auto") == 0)
        o->machine.engine = VITRO_ENGINE_AUTO;
    else if (strcmp(arg, "kvm") == 0)
        o->machine.engine = VITRO_ENGINE_KVM;
    else if (strcmp(arg, "soft") == 0)
        o->machine.engine = VITRO_ENGINE_SOFT;
    else
        return "engines are auto, kvm and soft";
    return NULL;
}

static const char *set_tier(struct options *o, char *arg)
{
    if (strcmp(arg, "auto") == 0)
        o->machine.tier = VITRO_TIER_AUTO;
    else if (strcmp(arg, "interp") == 0)
        o->machine.tier = VITRO_TIER_INTERP;
    else if (strcmp(arg, "trans") == 0)
        o->machine.tier = VITRO_TIER_TRANS;
    else
        return "tiers are auto, interp and trans";
    return NULL;
}

static const char *set_mem(struct options *o, char *arg)
{
    if (!parse_number(arg, &o->machine.mem_bytes) || o->machine.mem_bytes == 0)
        return "a size such as 512K, 64M or 2G is wanted";
    return NULL;
}

static const char *set_cpus(struct options *o, char *arg)
{
    uint64_t n;

    if (!parse_number(arg, &n) || n < 1 || n > 8)
        return "1 to 8 CPUs";
    o->machine.cpus = (unsigned)n;
    return NULL;
}

static const char *set_mode(struct options *o, char *arg)
{
    return vitro_mode_parse(arg, &o->guest.mode) ? NULL
                                                 : "modes are real, protected, paged32 and long";
}

static const char *set_origin(struct options *o, char *arg)
{
    return parse_number(arg, &o->guest.origin) ? NULL : "an address such as 0x7c00 is wanted";
}

static const char *set_kind(struct options *o, char *arg)
{
    static const char *const words[VITRO_KINDS] = {
        [VITRO_KIND_FLAT] = "flat",
        [VITRO_KIND_ELF] = "elf",
        [VITRO_KIND_LINUX] = "linux",
        [VITRO_KIND_VMLINUX] = "vmlinux",
        [VITRO_KIND_PVH] = "pvh",
        [VITRO_KIND_MULTIBOOT] = "multiboot",
        [VITRO_KIND_MULTIBOOT2] = "multiboot2",
    };

    for (unsigned i = 0; i < VITRO_KINDS; i++) {
        if (words[i] != NULL && strcmp(arg, words[i]) == 0) {
            o->guest.kind = (enum vitro_kind)i;
            return NULL;
        }
    }
    return "kinds are flat, elf, linux, vmlinux, pvh, multiboot and multiboot2";
}

static const char *set_page_size(struct options *o, char *arg)
{
    static const struct {
        const char *word;
        uint64_t bytes;
    } sizes[] = { { "4k", 4096 }, { "2m", 2u << 20 }, { "4m", 4u << 20 } };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (strcasecmp(arg, sizes[i].word) == 0) {
            o->machine.page_bytes = sizes[i].bytes;
            return NULL;
        }
    }
    return "page sizes are 4k, 2m (long mode) and 4m (paged32)";
}

static const char *set_port(struct options *o, char *arg)
{
    uint64_t port;

    if (!parse_number(arg, &port) || port > 65535)
        return "a port is wanted, 0 to 65535";
    o->gdb_port = (unsigned)port;
    o->gdb_port_given = o->gdb = true;
    return NULL;
}

static const char *set_gdb_socket(struct options *o, char *arg)
{
    o->gdb_socket = arg;
    return NULL;
}

static const char *set_gdb_arch(struct options *o, char *arg)
{
    o->gdb_arch = arg;
    return NULL;
}

static const char *set_gdb_wait(struct options *o, char *arg)
{
    (void)arg;
    o->gdb = o->gdb_wait = true;
    return NULL;
}

static const char *set_grace(struct options *o, char *arg)
{
    return parse_seconds(arg, &o->grace_ns) && o->grace_ns <= UINT64_C(3600000000000)
               ? NULL
               : "a time is wanted: 5, 0.5, 200ms, an hour at most";
}

static const char *set_name(struct options *o, char *arg)
{
    if (*arg == '\0' || strlen(arg) > 63 || strchr(arg, '/') != NULL)
        return "a name has 1 to 63 characters and no '/'";
    o->machine.name = arg;
    return NULL;
}

/* ADDR, exit:N, insn:N, end. */
static const char *parse_place(struct stop_spec *out, const char *arg)
{
    uint64_t n;

    if (strcmp(arg, "end") == 0) {
        *out = (struct stop_spec){ .kind = STOP_AT_END };
        return NULL;
    }
    if (strncmp(arg, "exit:", 5) == 0 || strncmp(arg, "insn:", 5) == 0) {
        bool exits = arg[0] == 'e';

        if (!parse_number(arg + 5, &n) || n == 0)
            return "exit:N and insn:N take a number from 1";
        *out = (struct stop_spec){ .kind = STOP_AT_COUNT,
                                   .exits = exits ? n : 0,
                                   .insns = exits ? 0 : n };
        return NULL;
    }
    *out = (struct stop_spec){ .kind = STOP_AT_ADDR, .addr = arg };
    return NULL;
}

static const char *set_stop_at(struct options *o, char *arg)
{
    return parse_place(&o->stop_at, arg);
}

static const char *set_since(struct options *o, char *arg)
{
    return parse_place(&o->since, arg);
}

static const char *set_switch(struct options *o, char *arg)
{
    const char *wrong = parse_place(&o->switch_at, arg);

    return wrong == NULL && o->switch_at.kind != STOP_AT_COUNT ? "exit:N or insn:N is wanted"
                                                               : wrong;
}

static const char *set_page_port(struct options *o, char *arg)
{
    uint64_t n;

    if (!parse_number(arg, &n) || n > 65535)
        return "a port from 1 to 65535 is wanted; 0: any that is free";
    o->port = (unsigned)n;
    return NULL;
}

static const char *set_save(struct options *o, char *arg)
{
    o->save = arg;
    return *arg != '\0' ? NULL : "a file's name is wanted";
}

static const char *set_seed(struct options *o, char *arg)
{
    return parse_number(arg, &o->machine.seed) ? NULL : "a number is wanted";
}

static const char *set_hash_every(struct options *o, char *arg)
{
    if (!parse_number(arg, &o->machine.hash_every) || o->machine.hash_every == 0)
        return "a number of instructions such as 1M is wanted";
    return NULL;
}

static const char *set_watch(struct options *o, char *arg)
{
    return watchpoints_add(o, arg);
}

static const char *set_then(struct options *o, char *arg)
{
    o->then = arg;
    return NULL;
}

static const char *set_trace(struct options *o, char *arg)
{
    o->trace_file = arg;
    return NULL;
}

static const char *set_output(struct options *o, char *arg)
{
    o->output = arg;
    return NULL;
}

static const char *set_trace_format(struct options *o, char *arg)
{
    static const struct {
        const char *word;
        enum vitro_trace_format format;
    } formats[] = { { "text", VITRO_TRACE_TEXT },
                    { "jsonl", VITRO_TRACE_JSONL },
                    { "chrome", VITRO_TRACE_CHROME } };

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(arg, formats[i].word) == 0) {
            o->trace_format = formats[i].format;
            o->trace_format_given = true;
            return NULL;
        }
    }
    return "formats are text, jsonl and chrome";
}

static const char *set_timeout(struct options *o, char *arg)
{
    return parse_seconds(arg, &o->timeout_ns) ? NULL : "seconds such as 2 or 0.5, or 200ms";
}

static const char *set_screen(struct options *o, char *arg)
{
    o->machine.screen = strcmp(arg, "text") == 0;
    return o->machine.screen ? NULL : "text is the only kind of screen";
}

static const char *set_debug_exit(struct options *o, char *arg)
{
    uint64_t port = 0xf4;

    if (arg != NULL && (!parse_number(arg, &port) || port < 1 || port > 65532))
        return "a port from 1 to 65532 is wanted";
    o->machine.debug_exit_port = (int)port;
    return NULL;
}

static const char *set_hypercalls(struct options *o, char *arg)
{
    o->machine.hypercalls = VITRO_HYPERCALLS_ON;
    if (arg == NULL)
        return NULL;
    if (strcmp(arg, "host-addr") != 0)
        return "the only thing to add is host-addr";
    o->machine.hypercalls |= VITRO_HYPERCALLS_HOST_ADDR;
    return NULL;
}

static const char *set_files(struct options *o, char *arg)
{
    o->machine.files_dir = arg;
    return NULL;
}

static bool is_cpu_flag(const char *name, size_t len)
{
    const char *flag;

    for (unsigned i = 0; (flag = vitro_cpu_flag(i)) != NULL; i++) {
        if (strncmp(flag, name, len) == 0 && flag[len] == '\0')
            return true;
    }
    return false;
}

static const char *list_cpu_flags(struct options *o, const char *name, size_t len)
{
    const char *flag;
    size_t at = (size_t)snprintf(o->wrong, sizeof(o->wrong), "there is no flag '%.*s'; there are",
                                 (int)(len < 32 ? len : 32), name);

    for (unsigned i = 0; (flag = vitro_cpu_flag(i)) != NULL && at < sizeof(o->wrong); i++)
        at += (size_t)snprintf(o->wrong + at, sizeof(o->wrong) - at, " %s", flag);
    return o->wrong;
}

/* base, host, +flag,-flag; a number is a view's. */
static const char *set_cpu(struct options *o, char *arg)
{
    uint64_t n;

    if (parse_number(arg, &n)) {
        if (n > 7)
            return "a CPU's number, 0 to 7, is wanted";
        o->cpu = (unsigned)n;
        o->cpu_given = true;
        return NULL;
    }
    for (const char *word = arg; word != NULL;) {
        size_t len = strcspn(word, ",");

        if ((word[0] == '+' || word[0] == '-') && !is_cpu_flag(word + 1, len - 1))
            return list_cpu_flags(o, word + 1, len - 1);
        word = word[len] == ',' ? word + len + 1 : NULL;
    }
    o->machine.cpu = arg;
    return NULL;
}

static const char *set_range(struct options *o, char *arg)
{
    char *dash = strchr(arg, '-');

    if (dash == NULL)
        return "FROM-TO is wanted, such as 0x0-0x1fffff";
    *dash = '\0';
    if (!parse_number(arg, &o->tables.from) || !parse_number(dash + 1, &o->tables.to) ||
        o->tables.from > o->tables.to)
        return "FROM-TO is wanted, such as 0x0-0x1fffff";
    return NULL;
}

static const char *set_initrd(struct options *o, char *arg)
{
    o->machine.initrd = arg;
    return NULL;
}

static const char *set_cmdline(struct options *o, char *arg)
{
    o->machine.cmdline = arg;
    return NULL;
}

static const char *set_insn_range(struct options *o, char *arg)
{
    char *dots = strstr(arg, "..");

    if (dots == NULL || dots == arg || dots[2] == '\0')
        return "A..B is wanted, two addresses or symbols";
    *dots = '\0';
    o->insn_from = arg;
    o->insn_to = dots + 2;
    return NULL;
}

static const char *set_insn_from(struct options *o, char *arg)
{
    if (strncmp(arg, "insn:", 5) != 0 || !parse_number(arg + 5, &o->insn_filter.first) ||
        o->insn_filter.first == 0)
        return "insn:N is wanted, with a number from 1";
    o->insn_filter.first--;
    return NULL;
}

static const char *set_insn_count(struct options *o, char *arg)
{
    if (!parse_number(arg, &o->insn_filter.count) || o->insn_filter.count == 0)
        return "a number from 1 is wanted";
    return NULL;
}

#define FLAG(fn, field)                                 \
    static const char *fn(struct options *o, char *arg) \
    {                                                   \
        (void)arg;                                      \
        o->field = true;                                \
        return NULL;                                    \
    }
FLAG(set_quiet, quiet)
FLAG(set_verbose, verbose)
FLAG(set_json, json)
FLAG(set_no_browser, no_browser)
FLAG(set_no_color, no_color)
FLAG(set_help, help)
FLAG(set_now, now)
FLAG(set_gdb, gdb)
FLAG(set_flow, flow)
FLAG(set_insns, insns)
FLAG(set_fresh, fresh)
FLAG(set_physical, physical)
FLAG(set_all, all)
FLAG(set_cpuid, cpuid)
FLAG(set_writable, tables.writable)
FLAG(set_executable, tables.executable)
FLAG(set_user, tables.user)
FLAG(set_files_cow, machine.files_cow)
FLAG(set_deterministic, machine.deterministic)
FLAG(set_no_reboot, machine.no_reboot)

/* arg: NULL none; "[=X]" optional, only as --name=X. */
static const struct row {
    const char *name;
    char letter;
    const char *arg, *help;
    unsigned groups; /* 0: every command */
    set_fn *set;
} rows[] = {
    { "engine", 'e', "auto|kvm|soft",
      "what executes the guest (default auto: it is said which, and why)", FOR_GUEST, set_engine },
    { "tier", 0, "auto|interp|trans",
      "the software CPU interprets, translates, or translates what is executed often (auto)",
      FOR_GUEST, set_tier },
    { "memory", 'm', "SIZE", "guest memory: 64K to 512G (default 2M; ELF 64M, kernels 512M)",
      FOR_GUEST, set_mem },
    { "cpus", 'c', "N", "virtual CPUs, 1 to 8 (default 1); rdi holds each one's number", FOR_GUEST,
      set_cpus },
    { "cpu", 0, "MODEL",
      "base (what KVM and soft both have, the default), host, or +FLAG,-FLAG; in views also N: "
      "which CPU's registers and tables (default 0)",
      FOR_GUEST, set_cpu },
    { "mode", 0, "MODE", "CPU mode at the start: real, protected, paged32 or long (default)",
      FOR_GUEST, set_mode },
    { "origin", 0, "ADDR", "flat images: where the first byte goes and starts (default 0)",
      FOR_GUEST, set_origin },
    { "kind", 0, "KIND",
      "do not go by the file's bytes: flat, elf, linux, vmlinux, pvh, multiboot, multiboot2",
      FOR_GUEST, set_kind },
    { "page-size", 0, "4k|2m|4m", "pages of the identity map (default: the mode's large ones)",
      FOR_GUEST, set_page_size },
    { "name", 'n', "NAME", "the machine's name (default: the guest's)", FOR_GUEST, set_name },
    { "debug-exit", 0, "[=PORT]", "let the guest end the run through PORT (default 0xf4)",
      FOR_GUEST, set_debug_exit },
    { "hypercalls", 0, "[=host-addr]",
      "offer the hypercall device; host-addr: tell host addresses too", FOR_GUEST, set_hypercalls },
    { "files", 0, "DIR", "let file hypercalls work in DIR and nowhere else", FOR_GUEST, set_files },
    { "files-cow", 0, NULL, "writes go to copies private to this machine", FOR_GUEST,
      set_files_cow },
    { "deterministic", 0, NULL,
      "a run that can be repeated: time counts instructions, on the software CPU", FOR_GUEST,
      set_deterministic },
    { "seed", 0, "N", "deterministic: where random numbers begin (default 0)", FOR_GUEST,
      set_seed },
    { "hash-every", 0, "N", "deterministic: print a hash of the state every N instructions",
      FOR_RUN, set_hash_every },
    { "initrd", 'i', "FILE", "kernels: the initial RAM disk", FOR_GUEST, set_initrd },
    { "append", 'a', "TEXT", "kernels: the command line (default for Linux: console=ttyS0)",
      FOR_GUEST, set_cmdline },
    { "screen", 0, "text", "kernels: a text screen, shown on the terminal or at the end", FOR_RUN,
      set_screen },
    { "no-reboot", 0, NULL, "a reset by the guest ends the run instead of starting over", FOR_RUN,
      set_no_reboot },
    { "stop-at", 0, "WHERE", "stop at ADDR (number or symbol), after exit:N or insn:N", FOR_RUN,
      set_stop_at },
    { "watch", 0, "ADDR[:LEN][:r|w|rw]",
      "stop after an access to LEN bytes (1) at ADDR, default a write; may be repeated", FOR_RUN,
      set_watch },
    { "switch", 0, "exit:N|insn:N",
      "go on with the other engine after N exits, or instructions of the software CPU", FOR_RUN,
      set_switch },
    { "then", 0, "VIEWS",
      "print views at the end: map,walk:0x400,regs,devices,exits,mem:ADDR:LEN ...", FOR_RUN,
      set_then },
    { "trace", 0, "FILE", "write events to FILE while it runs (see 'vitro trace' for formats)",
      FOR_RUN, set_trace },
    { "to", 0, "FORMAT", "trace format: text, jsonl, or chrome for Perfetto and Chromium",
      FOR_TRACE | FOR_RUN, set_trace_format },
    { "flow", 0, NULL, "the conversation with KVM, call by call", FOR_TRACE, set_flow },
    { "insns", 0, NULL, "also every instruction, with the registers it changes (software CPU)",
      FOR_TRACE, set_insns },
    { "range", 0, "A..B", "of --insns only those at addresses from A to B (numbers or symbols)",
      FOR_TRACE, set_insn_range },
    { "from", 0, "insn:N", "of --insns only the Nth of a CPU and later ones", FOR_TRACE,
      set_insn_from },
    { "count", 0, "N", "end the run after N instructions of --insns", FOR_TRACE, set_insn_count },
    { "output", 'o', "FILE", "write the events to FILE", FOR_TRACE, set_output },
    { "output", 'o', "FILE", "write an ELF file with the symbols, for debuggers", FOR_SYMBOLS,
      set_output },
    { "timeout", 0, "SECONDS", "end the run after that time", FOR_LIMIT, set_timeout },
    { "quiet", 'q', NULL, "no report; views: drop the guest's output", FOR_LIMIT, set_quiet },
    { "verbose", 'v', NULL,
      "say first what was found in the image and what machine is made, and at the end what socket it had",
      FOR_RUN, set_verbose },
    { "quiet", 'q', NULL, "only the names, one a line", FOR_LIST, set_quiet },
    { "gdb", 's', NULL, "let a debugger connect, at 127.0.0.1:1234 (see 'vitro gdb')", FOR_RUN,
      set_gdb },
    { "gdb-wait", 'S', NULL, "as -s, and wait for it before the first instruction", FOR_RUN,
      set_gdb_wait },
    { "gdb-port", 0, "N", "as -s, at another port; 0: any that is free", FOR_RUN, set_port },
    { "port", 0, "N", "listen on that port of 127.0.0.1 (default 1234; 0: any that is free)",
      FOR_GDB, set_port },
    { "socket", 0, "PATH", "listen on a Unix socket instead", FOR_GDB, set_gdb_socket },
    { "arch", 0, "ARCH", "what the debugger is told: amd64, i386, i8086 or auto, by the CPU's mode",
      FOR_GDB, set_gdb_arch },
    { "quiet", 'q', NULL, "do not say where it listens", FOR_GDB, set_quiet },
    { "port", 0, "N", "the page's port (default: any that is free)", FOR_PAGE, set_page_port },
    { "no-browser", 0, NULL, "only print the page's address", FOR_PAGE, set_no_browser },
    { "save", 0, "FILE", "run the guest, write the page with the data inside it to FILE", FOR_PAGE,
      set_save },
    { "now", 0, NULL, "do not ask the guest: end the run at once", FOR_STOP, set_now },
    { "grace", 0, "SECONDS", "how long the guest may take to switch off (default 10)", FOR_STOP,
      set_grace },
    { "at", 0, "WHERE", "run first: to ADDR (number or symbol), exit:N, insn:N, or end", FOR_VIEW,
      set_stop_at },
    { "since", 0, "WHERE", "count from there on: ADDR, exit:N or insn:N", FOR_EXITS, set_since },
    { "physical", 'p', NULL, "ADDR is guest-physical", FOR_WALK | FOR_MEM, set_physical },
    { "all", 'A', NULL, "a line a bit; regs: also debug registers and every MSR", FOR_REGS,
      set_all },
    { "cpuid", 0, NULL, "instead: the CPU model, its flags and what CPUID answers", FOR_CPUID,
      set_cpuid },
    { "writable", 'w', NULL, "only writable pages", FOR_TABLES, set_writable },
    { "executable", 'x', NULL, "only executable pages", FOR_TABLES, set_executable },
    { "user", 'u', NULL, "only pages that ring 3 may use", FOR_TABLES, set_user },
    { "range", 0, "FROM-TO", "only guest-virtual addresses in the range", FOR_TABLES, set_range },
    { "fresh", 0, NULL, "measure again; do not use what was measured since boot", FOR_DOCTOR,
      set_fresh },
    { "json", 'j', NULL, "JSON instead of text", FOR_JSON, set_json },
    { "no-color", 0, NULL, "no colours (also: NO_COLOR set, or output that is no terminal)",
      FOR_JSON, set_no_color },
    { "help", 'h', NULL, "this text", 0, set_help },
};

enum { NROWS = sizeof(rows) / sizeof(rows[0]), LONG_BASE = 256, WIDTH = 79 };

static bool applies(const struct row *r, const struct command *cmd)
{
    return r->groups == 0 || (r->groups & cmd->options) != 0;
}

/* getopt's own tables; val is LONG_BASE + the row. */
static void getopt_tables(const struct command *cmd, struct option *longs, char *shorts)
{
    *shorts++ = ':';
    for (int i = 0; i < NROWS; i++) {
        int takes = rows[i].arg == NULL     ? no_argument
                    : rows[i].arg[0] == '[' ? optional_argument
                                            : required_argument;

        if (!applies(&rows[i], cmd))
            continue;
        *longs++ = (struct option){ rows[i].name, takes, NULL, LONG_BASE + i };
        if (rows[i].letter != 0) {
            *shorts++ = rows[i].letter;
            if (takes == required_argument)
                *shorts++ = ':';
        }
    }
    *longs = (struct option){ 0 };
    *shorts = '\0';
}

static const struct row *row_of(const struct command *cmd, int val)
{
    if (val >= LONG_BASE)
        return &rows[val - LONG_BASE];
    for (int i = 0; i < NROWS; i++) {
        if (rows[i].letter == val && applies(&rows[i], cmd))
            return &rows[i];
    }
    return NULL;
}

/* What getopt did not like, in one line. */
static int bad_option(const struct command *cmd, int val, char **argv)
{
    const struct row *r = optopt != 0 ? row_of(cmd, optopt) : NULL;

    if (val == ':' && r != NULL)
        return fail_usage("%s: --%s wants a value: %s; see 'vitro %s --help'", cmd->name, r->name,
                          r->arg, cmd->name);
    if (r != NULL)
        return fail_usage("%s: --%s takes no value; see 'vitro %s --help'", cmd->name, r->name,
                          cmd->name);
    if (optopt != 0)
        return fail_usage("%s: -%c: no such option here; see 'vitro %s --help'", cmd->name, optopt,
                          cmd->name);
    return fail_usage("%s: %s: no such option here; see 'vitro %s --help'", cmd->name,
                      argv[optind - 1], cmd->name);
}

/* --cpu with a number is a view's. */
static bool names_view_cpu(const struct options *o, const struct row *r)
{
    return o->cpu_given && strcmp(r->name, "cpu") == 0;
}

int options_parse(const struct command *cmd, struct options *o, int *argc, char ***argv)
{
    struct option longs[NROWS + 1];
    char shorts[2 * NROWS + 2];
    char **args = *argv - 1; /* getopt skips the first: the command's name */
    int n = *argc + 1, val;

    getopt_tables(cmd, longs, shorts);
    opterr = 0;
    while ((val = getopt_long(n, args, shorts, longs, NULL)) != -1) {
        const struct row *r = val == '?' || val == ':' ? NULL : row_of(cmd, val);
        const char *wrong;

        if (r == NULL)
            return bad_option(cmd, val, args);
        wrong = r->set(o, optarg);
        o->guest_given |= (r->groups & FOR_GUEST) != 0 && !names_view_cpu(o, r);
        if (wrong != NULL)
            return fail_usage("%s: --%s %s: %s", cmd->name, r->name, optarg != NULL ? optarg : "",
                              wrong);
    }
    *argc = n - optind;
    *argv = args + optind;
    return EXIT_OK;
}

void put_wrapped(const char *text, int indent)
{
    int at = indent;

    while (*text != '\0') {
        int len = (int)strcspn(text, " ");

        if (at > indent && at + 1 + len > WIDTH) {
            printf("\n%*s", indent, "");
            at = indent;
        }
        at += printf("%s%.*s", at > indent ? " " : "", len, text);
        text += len;
        text += strspn(text, " ");
    }
    printf("\n");
}

void options_help(const struct command *cmd)
{
    printf("usage: vitro %s%s%s%s\n\n", cmd->name, cmd->options != 0 ? " [OPTION ...]" : "",
           *cmd->args != '\0' ? " " : "", cmd->args);
    put_wrapped(cmd->summary, 0);
    printf("\n");
    put_wrapped(cmd->details, 0);
    printf("\noptions:\n");
    for (int i = 0; i < NROWS; i++) {
        char left[64];

        if (!applies(&rows[i], cmd))
            continue;
        snprintf(left, sizeof(left), "%s%c%s --%s%s%s", rows[i].letter ? "-" : " ",
                 rows[i].letter ? rows[i].letter : ' ', rows[i].letter ? "," : " ", rows[i].name,
                 rows[i].arg != NULL && rows[i].arg[0] != '[' ? " " : "",
                 rows[i].arg != NULL ? rows[i].arg : "");
        printf("  %-25s ", left);
        put_wrapped(rows[i].help, 28);
    }
}

void options_list(const struct command *cmd)
{
    for (int i = 0; i < NROWS; i++) {
        if (applies(&rows[i], cmd))
            printf("--%s\n", rows[i].name);
    }
}
