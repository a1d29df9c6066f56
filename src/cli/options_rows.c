/* SPDX-License-Identifier: MIT */
/*
 * options_rows.c - the one table of options, and the setters that only keep what they are given
 */
#include <assert.h>
#include <stddef.h>

#include "cli/options.h"

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
FLAG(set_check, check)
FLAG(set_once, once)
FLAG(set_gdb, gdb)
FLAG(set_flow, flow)
FLAG(set_insns, insns)
FLAG(set_boot_times, boot_times)
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
FLAG(set_rewind_on_fault, rewind_on_fault)

#define TEXT(fn, field)                                 \
    static const char *fn(struct options *o, char *arg) \
    {                                                   \
        o->field = arg;                                 \
        return NULL;                                    \
    }
TEXT(set_initrd, machine.initrd)
TEXT(set_cmdline, machine.cmdline)
TEXT(set_symbols, machine.symbols)
TEXT(set_files, machine.files_dir)
TEXT(set_then, then)
TEXT(set_trace, trace_file)
TEXT(set_output, output)
TEXT(set_gdb_socket, gdb_socket)
TEXT(set_gdb_arch, gdb_arch)

const struct option_row option_rows[] = {
    { "engine", 'e', "auto|kvm|soft",
      "what executes the guest (default auto: it is said which, and why)", FOR_GUEST, set_engine },
    { "tier", 0, "auto|interp|trans",
      "the software CPU interprets, translates, or translates what is executed often (auto)",
      FOR_GUEST, set_tier },
    { "check-blocks", 0, NULL,
      "the software CPU: interpret all translated code too, and stop where it differs", FOR_RUN,
      set_check_blocks },
    { "count-blocks", 0, NULL, "the software CPU: count executions of translated blocks", FOR_RUN,
      set_count_blocks },
    { "perf-map", 0, NULL, "the software CPU: name translated code for the host's perf", FOR_RUN,
      set_perf_map },
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
    { "rewind-on-fault", 0, NULL,
      "a triple fault or panic leads to a gdb prompt that can step backwards; deterministic",
      FOR_RUN, set_rewind_on_fault },
    { "checkpoints", 0, "SIZE",
      "deterministic: host memory for going back in time (default 256M; 0: none)", FOR_RUN,
      set_checkpoints },
    { "initrd", 'i', "FILE", "kernels: the initial RAM disk", FOR_GUEST, set_initrd },
    { "module", 0, "FILE[=TEXT]",
      "multiboot and PVH kernels: a further file, with a command line of its own; may be repeated",
      FOR_GUEST, set_module },
    { "symbols", 0, "FILE", "names of the guest's addresses: an ELF file, or a map as nm prints it",
      FOR_GUEST, set_symbols },
    { "append", 'a', "TEXT", "kernels: the command line (default for Linux: console=ttyS0)",
      FOR_GUEST, set_cmdline },
    { "screen", 0, "text", "kernels: a text screen, shown on the terminal or at the end", FOR_RUN,
      set_screen },
    { "no-reboot", 0, NULL, "a reset by the guest ends the run instead of starting over", FOR_RUN,
      set_no_reboot },
    { "boot-times", 0, NULL, "at the end: when each line of the console came, the longest waits",
      FOR_RUN, set_boot_times },
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
    { "engine", 'e', "kvm|soft", "of machines whose line names none (default soft)", FOR_LAB,
      set_engine },
    { "check", 0, NULL, "compare the output with what the file expects", FOR_LAB, set_check },
    { "verbose", 'v', NULL, "a line a turn: whose it was, and how long", FOR_LAB, set_verbose },
    { "quiet", 'q', NULL, "no lines about how the machines fared", FOR_LAB, set_quiet },
    { "once", 0, NULL, "print one interval as text, and end", FOR_TOP, set_once },
    { "interval", 0, "SECONDS", "between two pictures, 0.1 to 3600 (default 1)", FOR_TOP,
      set_interval },
    { "now", 0, NULL, "do not ask the guest: end the run at once", FOR_STOP, set_now },
    { "grace", 0, "SECONDS", "how long the guest may take to switch off (default 10)", FOR_STOP,
      set_grace },
    { "at", 0, "WHERE", "run first: to ADDR (number or symbol), exit:N, insn:N, or end", FOR_VIEW,
      set_stop_at },
    { "since", 0, "WHERE", "count from there on: ADDR, exit:N or insn:N", FOR_EXITS, set_since },
    { "physical", 'p', NULL, "ADDR is guest-physical", FOR_WALK | FOR_MEM, set_physical },
    { "all", 'A', NULL, "a line a bit; regs: also debug registers and every MSR", FOR_REGS,
      set_all },
    { "listing", 'l', NULL, "the instructions of each block too, and the host's beside them",
      FOR_BLOCKS, set_all },
    { "cpuid", 0, NULL, "instead: the CPU model, its flags and what CPUID answers", FOR_CPUID,
      set_cpuid },
    { "writable", 'w', NULL, "only writable pages", FOR_TABLES, set_writable },
    { "executable", 'x', NULL, "only executable pages", FOR_TABLES, set_executable },
    { "user", 'u', NULL, "only pages that ring 3 may use", FOR_TABLES, set_user },
    { "range", 0, "FROM-TO", "only guest-virtual addresses in the range", FOR_TABLES | FOR_BLOCKS,
      set_range },
    { "fresh", 0, NULL, "measure again; do not use what was measured since boot", FOR_DOCTOR,
      set_fresh },
    { "json", 'j', NULL, "JSON instead of text", FOR_JSON, set_json },
    { "no-color", 0, NULL, "no colours (also: NO_COLOR set, or output that is no terminal)",
      FOR_JSON, set_no_color },
    { "help", 'h', NULL, "this text", 0, set_help },
};

const int noption_rows = sizeof(option_rows) / sizeof(option_rows[0]);
static_assert(sizeof(option_rows) / sizeof(option_rows[0]) <= OPTION_ROWS_MAX,
              "options_parse() has room");
