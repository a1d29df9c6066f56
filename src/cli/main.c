/* SPDX-License-Identifier: MIT */
/* main.c - the table of commands, and the choice among them. */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define GUEST_OPTIONS (FOR_GUEST | FOR_LIMIT)
#define VIEW_OPTIONS  (GUEST_OPTIONS | FOR_VIEW | FOR_JSON)

#define TARGET_TEXT                                                                          \
    "TARGET is the name of a running machine (see 'vitro ps'), else a built-in guest or a "  \
    "file. A guest's machine is set up and not started; --at runs it to a point first. Any " \
    "option that sets a machine up makes TARGET a guest."

const struct command commands[] = {
    { "run", "GUEST", "set a guest up, run it, report",
      "GUEST is a built-in guest's name (see 'vitro guests') or a file: a flat image, a bare-metal ELF "
      "program, or a kernel (Linux, multiboot, PVH). The guest's output goes to standard output, the report to standard error.",
      GUEST_OPTIONS | FOR_RUN | FOR_JSON, 1, 1, cmd_run },
    { "guests", "", "list the built-in guests", "One line a guest, with the modes it comes in.",
      FOR_JSON, 0, 0, cmd_guests },
    { "explain", "GUEST", "the tour: what happens when this guest runs, with live numbers",
      "Builds the machine, runs the guest and answers the standard questions of anyone who learns "
      "virtualization: where memory lies, how addresses are translated, where control passes, how the "
      "output gets out. Every number is this run's own.",
      FOR_GUEST | FOR_JSON, 1, 1, cmd_explain },
    { "map", "TARGET",
      "the two address spaces: guest-physical ranges and where they lie in the host", TARGET_TEXT,
      VIEW_OPTIONS, 1, 1, cmd_view },
    { "walk", "TARGET ADDR", "one address all the way: tables, guest-physical, host-virtual",
      TARGET_TEXT " ADDR is a number, a symbol, or a register such as rip.",
      VIEW_OPTIONS | FOR_WALK, 2, 2, cmd_view },
    { "tables", "TARGET", "the page tables as a tree, equal entries merged", TARGET_TEXT,
      VIEW_OPTIONS | FOR_TABLES, 1, 1, cmd_view },
    { "regs", "TARGET", "registers, control registers bit by bit, segments", TARGET_TEXT,
      VIEW_OPTIONS | FOR_REGS | FOR_CPUID, 1, 1, cmd_view },
    { "devices", "TARGET", "every device: where it answers, how often it was asked, its registers",
      TARGET_TEXT, VIEW_OPTIONS | FOR_REGS, 1, 1, cmd_view },
    { "mem", "TARGET ADDR [LEN]", "guest memory in hex", TARGET_TEXT " LEN defaults to 128 bytes.",
      VIEW_OPTIONS | FOR_MEM, 2, 3, cmd_view },
    { "symbols", "TARGET", "the symbols of the guest, or of the Linux kernel that runs in it",
      TARGET_TEXT, VIEW_OPTIONS | FOR_SYMBOLS, 1, 1, cmd_view },
    { "disasm", "TARGET [ADDR [COUNT]]", "instructions, from rip if no address is given",
      TARGET_TEXT " COUNT defaults to 16.", VIEW_OPTIONS, 1, 3, cmd_view },
    { "blocks", "TARGET [COUNT]",
      "translated code: the blocks executed most often, and what became of their instructions",
      "The guest is run on the software CPU to its end, or to the point that --at names, and executions are "
      "counted. COUNT defaults to 20.",
      VIEW_OPTIONS | FOR_BLOCKS, 1, 2, cmd_view },
    { "exits", "TARGET", "why the CPU left the guest: reason, address, instruction, count, time",
      "The guest is run to its end, or to the point that --at names.", VIEW_OPTIONS | FOR_EXITS, 1,
      1, cmd_view },
    { "trace", "GUEST|FILE", "the stream of events while a guest runs",
      "Runs the guest and prints every exit; with --flow the conversation with KVM, call by call.",
      GUEST_OPTIONS | FOR_TRACE | FOR_JSON, 1, 1, cmd_trace },
    { "view", "NAME|GUEST", "the web page: everything about a machine, live",
      "NAME is a running machine: the page watches it. GUEST is a built-in guest or a file: it is started as by "
      "vitro run, stands before its first instruction, and the page runs, pauses and steps it. The "
      "page's address is printed; it is served on this host only and holds a secret.",
      GUEST_OPTIONS | FOR_PAGE, 1, 1, cmd_page },
    { "doctor", "", "what this host can run, measured by running it",
      "Runs small pieces of guest code under a time limit in every CPU mode and says what works, how "
      "fast, and what to do about the rest. Exit code 0: everything runs; 18: some guests do; 10: no "
      "usable KVM.",
      FOR_JSON | FOR_DOCTOR, 0, 0, cmd_doctor },
    { "ps", "", "list the running machines",
      "Each 'vitro run' of this user that runs longer than a moment, whatever terminal it is on.",
      FOR_LIST | FOR_JSON, 0, 0, cmd_ps },
    { "console", "NAME", "the serial line of a running machine",
      "Prints what the guest puts out from now on, and types at it what comes on standard input. "
      "Ctrl-] opens a menu of one key: d leaves, q ends the run. NAME is that of 'vitro ps'.",
      0, 1, 1, cmd_console },
    { "pause", "NAME", "let a running machine stand still",
      "CPUs, timers and devices stop where they are, until 'vitro resume'. NAME is that of 'vitro "
      "ps'.",
      0, 1, 1, cmd_pause },
    { "resume", "NAME", "let a machine that was paused go on",
      "Also one that a debugger has stopped. NAME is that of 'vitro ps'.", 0, 1, 1, cmd_pause },
    { "stop", "NAME", "press a machine's power button, and end its run if that does not help",
      "Returns when the run has ended. A bare machine has no power button: its run is ended at "
      "once. NAME is that of 'vitro ps'.",
      FOR_STOP, 1, 1, cmd_stop },
    { "gdb", "NAME", "a debugger on a running machine",
      "Serves gdb and lldb until the machine ends. A debugger that connects stops the machine; when it "
      "goes away, the machine goes on. NAME is that of 'vitro ps'.",
      FOR_GDB, 1, 1, cmd_gdb },
    { "top", "NAME", "a running machine on the terminal, live",
      "Exits a second by kind and by address, where CPUs are, memory and what of it changes, devices. "
      "q ends it. NAME is that of 'vitro ps'. With --once or -j it prints what a script can read.",
      FOR_TOP | FOR_JSON, 1, 1, cmd_top },
    { "lab", "FILE", "several machines that take turns, and exchange memory",
      "FILE says which machines there are, how long their turns are, and what they share; the form is in "
      "docs/labs. On the software CPU the output is the same every time, and --check compares it with "
      "what the file expects.",
      FOR_LAB | FOR_JSON, 1, 1, cmd_lab },
    { "help", "[COMMAND]", "this text, or a command's", "Same as COMMAND --help.", 0, 0, 1,
      cmd_help },
};
const unsigned ncommands = sizeof(commands) / sizeof(commands[0]);

static const struct command *find(const char *name)
{
    for (unsigned i = 0; i < ncommands; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int overview(void)
{
    put_wrapped(
        "vitro runs x86-64 guests in glass: on the host's KVM or on its own CPU in software, with "
        "everything that happens in sight.",
        0);
    printf("\nusage: vitro COMMAND [OPTION ...] [OPERAND ...]\n\n");
    for (unsigned i = 0; i < ncommands; i++) {
        printf("  %-8s ", commands[i].name);
        put_wrapped(commands[i].summary, 11);
    }
    printf("\n");
    put_wrapped("'vitro COMMAND --help' tells the rest. To begin: vitro run hello, vitro explain "
                "hello.",
                0);
    return put_output("");
}

int cmd_help(const struct command *cmd, struct options *o, int argc, char **argv)
{
    const struct command *about = argc > 0 ? find(argv[0]) : NULL;

    (void)cmd;
    (void)o;
    if (argc == 0)
        return overview();
    if (about == NULL)
        return fail_usage("help %s: no such command; 'vitro help' lists them", argv[0]);
    options_help(about);
    return put_output("");
}

/* For the completion script and the manual's tests: command names, or a command's options. */
static int list_words(const char *name)
{
    const struct command *cmd = name != NULL ? find(name) : NULL;

    if (name != NULL && cmd == NULL)
        return EXIT_USAGE;
    for (unsigned i = 0; cmd == NULL && i < ncommands; i++)
        printf("%s\n", commands[i].name);
    if (cmd != NULL)
        options_list(cmd);
    return put_output("");
}

static int run_parsed(const struct command *cmd, struct options *o, int argc, char **argv)
{
    if (o->help) {
        options_help(cmd);
        return put_output("");
    }
    if (o->cpu_given && !(cmd->options & FOR_VIEW))
        return fail_usage(
            "%s: --cpu %u: a CPU's number is for views; base, host, +FLAG or -FLAG is "
            "wanted",
            cmd->name, o->cpu);
    if (argc < cmd->min_args)
        return fail_usage("%s: %s missing; usage: vitro %s [OPTION ...] %s", cmd->name,
                          argc == 0 ? "an operand is" : "another operand is", cmd->name, cmd->args);
    if (argc > cmd->max_args)
        return fail_usage("%s: '%s' is one operand too many; usage: vitro %s%s%s%s", cmd->name,
                          argv[cmd->max_args], cmd->name, cmd->options != 0 ? " [OPTION ...]" : "",
                          *cmd->args != '\0' ? " " : "", cmd->args);
    return cmd->run(cmd, o, argc, argv);
}

static int run_command(const struct command *cmd, int argc, char **argv)
{
    struct options o = { 0 };
    int code = options_parse(cmd, &o, &argc, &argv);

    if (code == EXIT_OK)
        code = run_parsed(cmd, &o, argc, argv);
    free(o.watches);
    return code;
}

/* Closed standard descriptors are taken, so that no file of ours gets their numbers and their output. */
static void hold_standard_fds(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDONLY); /* a write to it fails, as to a closed one */
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* What is as large as a machine or a vCPU comes as pages of zeros: on the heap all of it would be written first. */
enum { PAGES_FROM = 64 << 10 };

int main(int argc, char **argv)
{
    const struct command *cmd;
    const char *word = argc > 1 ? argv[1] : "help";

    hold_standard_fds();
    /* A closed pipe and a file size limit are errors of write(2), which are reported. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    mallopt(M_MMAP_THRESHOLD, PAGES_FROM);
    mallopt(M_TOP_PAD, PAGES_FROM / 2); /* else the heap has that much to spare */
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return overview();
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("vitro %s\n", vitro_version());
        return put_output("");
    }
    if (strcmp(word, "--list") == 0)
        return list_words(argc > 2 ? argv[2] : NULL);
    cmd = find(word);
    if (cmd == NULL)
        return fail_usage("%s: no such command; 'vitro help' lists them", word);
    return run_command(cmd, argc > 1 ? argc - 2 : 0, argv + (argc > 1 ? 2 : 1));
}
