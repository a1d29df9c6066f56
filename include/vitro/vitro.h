/* SPDX-License-Identifier: MIT */
/*
 * vitro.h - the Vitro library: guests, machines, runs
 *
 *   struct vitro_err err = { 0 };
 *   struct vitro_guest *guest;
 *   struct vitro *m;
 *   struct vitro_outcome end;
 *
 *   vitro_guest_open(&(struct vitro_guest_config){ .name = "hello" }, &guest, &err);
 *   vitro_new(&(struct vitro_config){ 0 }, guest, &m, &err);
 *   vitro_run(m, &end, &err);
 *
 * Functions return 0 or a negative errno with `err` filled (err may be NULL). The library never prints,
 * never exits, and keeps no state between machines but one: while machines exist, a handler that does
 * nothing is installed for the signal vitro_kick_signal(); the last machine freed puts the old one back.
 *
 * Threads: a machine belongs to one thread at a time, except for the calls marked "any thread". Several
 * machines may live and run in one process, each on threads of its own. A process whose guests write to
 * pipes should ignore SIGPIPE.
 */
#ifndef VITRO_VITRO_H
#define VITRO_VITRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vitro/err.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

#define VITRO_VERSION "0.1.0"

struct vitro;       /* a machine */
struct vitro_guest; /* a program for it: built in, or read from a file or from memory */

/* CPU mode a guest starts in. */
enum vitro_mode {
    VITRO_MODE_DEFAULT = 0, /* what the image says; long for flat images and built-in guests */
    VITRO_MODE_REAL,        /* 16-bit */
    VITRO_MODE_PROTECTED,   /* 32-bit, flat segments, no paging */
    VITRO_MODE_PAGED32,     /* 32-bit with paging */
    VITRO_MODE_LONG,        /* 64-bit, 4-level paging */
};

/* How the software CPU executes. The results are the same. */
enum vitro_tier {
    VITRO_TIER_AUTO =
        0, /* code that is executed often is translated, where the host lets us: 64-bit, and flat 32-bit */
    VITRO_TIER_INTERP, /* one instruction after the other */
    VITRO_TIER_TRANS,  /* such code is translated before it is executed for the first time */
};

/* What else the software CPU does with code that it translates. OR them. With CHECK virtual CPUs take turns. */
enum vitro_translate {
    /* Each piece is executed by the interpreter too; a difference ends the run with VITRO_ERR_ENGINE. */
    VITRO_TRANSLATE_CHECK = 1 << 0,
    VITRO_TRANSLATE_COUNT =
        1 << 1,                    /* executions of each block are counted, for vitro_show_blocks */
    VITRO_TRANSLATE_PERF = 1 << 2, /* it lies where the host's perf asks for vitro_perf_map */
    VITRO_TRANSLATE_SHOW = 1 << 3, /* nothing: it will be looked at (vitro_show_blocks) */
};

enum vitro_engine {
    VITRO_ENGINE_AUTO = 0, /* the fastest that really runs this guest here */
    VITRO_ENGINE_KVM,      /* the host's KVM */
    VITRO_ENGINE_SOFT, /* our own CPU in software: runs everywhere, an instruction at a time if asked */
};

enum vitro_kind {
    VITRO_KIND_AUTO = 0, /* found by the bytes */
    VITRO_KIND_FLAT,
    VITRO_KIND_ELF,     /* a bare-metal program */
    VITRO_KIND_LINUX,   /* bzImage */
    VITRO_KIND_VMLINUX, /* Linux as an ELF file, by its 64-bit entry */
    VITRO_KIND_PVH,     /* an ELF kernel with a PVH note, by that entry */
    VITRO_KIND_MULTIBOOT,
    VITRO_KIND_MULTIBOOT2,
    VITRO_KINDS, /* how many there are */
};

/* ---- guests ---------------------------------------------------------------------------------- */

/* Zero means default for every field. Pointers are borrowed for the call, except bytes (see there). */
struct vitro_guest_config {
    const char
        *name; /* a built-in guest's name, or a file's path; a name with '/' is always a path */
    const void *bytes; /* instead of a file: an image in memory; borrowed until vitro_guest_free */
    size_t len;        /* bytes of it */
    enum vitro_kind kind;
    enum vitro_mode mode;
    uint64_t origin; /* flat images: guest-physical address of the first byte and of the entry */
};

/*
 * vitro_guest_open - find, read and check a guest
 *
 * Files are read whole (at most 1 GiB) and checked before anything else happens. A kernel's stays open, and is read
 * again for each machine after the first, and when a guest resets its machine; it must not be written meanwhile.
 * Fails with VITRO_ERR_IMAGE (unreadable, malformed), VITRO_ERR_USAGE (no such guest, or a field that
 * does not suit it) or VITRO_ERR_HOST (out of memory).
 * Owns the result: vitro_guest_free, after the machines made of it.
 */
int vitro_guest_open(const struct vitro_guest_config *cfg, struct vitro_guest **out,
                     struct vitro_err *err);
void vitro_guest_free(struct vitro_guest *guest); /* NULL is fine */

/* "hello", or the file's last path component, escaped and cut at 63 bytes. Borrowed from the guest. */
const char *vitro_guest_name(const struct vitro_guest *guest);
enum vitro_mode vitro_guest_mode(const struct vitro_guest *guest);
/* "built-in", "flat", "elf", "linux", "pvh", "multiboot", "multiboot2". Static. */
const char *vitro_guest_kind(const struct vitro_guest *guest);
/* What was found in a kernel's image: "Linux bzImage 6.1.0 (protocol 2.15, 64-bit entry, LZ4)"; "" for others. */
const char *vitro_guest_found(const struct vitro_guest *guest);

/* One row a built-in guest; rows 0..n-1, false past the end. */
struct vitro_builtin {
    const char *name;    /* static, as are the others */
    const char *summary; /* one line */
    const char *output;  /* what it prints, or NULL when that varies or it never ends */
    const char *ends;    /* how its run ends: "halt", "triple fault", "never", "exit code 42" */
    bool modes[VITRO_MODE_LONG + 1]; /* [enum vitro_mode]: can start in it */
};
bool vitro_builtin(unsigned row, struct vitro_builtin *out);

/* "real", "protected", "paged32", "long"; false for other words. */
bool vitro_mode_parse(const char *word, enum vitro_mode *out);
const char *vitro_mode_name(enum vitro_mode mode);

/* ---- machines -------------------------------------------------------------------------------- */

/* What a guest may ask of the hypercall device (docs/hypercalls.md). OR them. */
enum vitro_hypercalls {
    VITRO_HYPERCALLS_ON = 1, /* print, counters, files of files_dir */
    VITRO_HYPERCALLS_HOST_ADDR =
        2, /* also tell host-virtual addresses: a leak, for teaching only */
};

enum { VITRO_DEBUG_EXIT_OFF = -1, VITRO_DEBUG_EXIT_DEFAULT = 0 };

struct vitro_event;

enum { VITRO_MODULES_MAX = 31 };

struct vitro_module {
    const char *path;    /* of a regular file */
    const char *cmdline; /* what the kernel is told with it; NULL: nothing */
};

/* Zero means default for every field. Pointers are borrowed for the call, except output_ctx and event_ctx. */
struct vitro_config {
    const char *name; /* default: the guest's name; at most 63 bytes are kept */
    enum vitro_engine engine;
    enum vitro_tier tier; /* of the software CPU, whenever it has the machine */
    unsigned translate;   /* enum vitro_translate; needs a machine that is the software CPU's */
    /* Multiple of 4 KiB, 64 KiB..512 GiB, for kernels 2 MiB at least; default 2 MiB, more for images that need it, for ELF
     * 64 MiB, for kernels 512 MiB. */
    uint64_t mem_bytes;
    unsigned cpus;       /* 1..8, default 1 */
    uint64_t page_bytes; /* of the identity map: 4 KiB or the mode's large page (default) */
    /* Guest output (port 0xE9): a descriptor, borrowed until vitro_free; 0 means standard output (1),
     * -1 drops it. The library closes no descriptor it was given. */
    int console_fd;
    /* Port of the debug-exit device: VITRO_DEBUG_EXIT_OFF, or 1..65532; default: 0xf4 for built-in
     * guests and off for others. */
    int debug_exit_port;
    /* enum vitro_hypercalls; default: both for built-in guests that need them, of a deterministic machine the first. */
    unsigned hypercalls;
    const char *files_dir; /* directory that the file hypercalls may use; needs hypercalls */
    bool files_cow;        /* files are copied on the first write; needs files_dir */
    /* What the guest's CPU is: "base", the default, is what this host's KVM and the software CPU both have, so that
     * the machine can move between them; "host" is all that the engine has, and the machine cannot move;
     * "+flag" and "-flag", separated by commas, change base (vitro_cpu_flag names them). */
    const char *cpu;
    /* VITRO_ENGINE_AUTO takes an engine that counts instructions: for vitro_stop_at.insns and vitro_trace_insns. */
    bool counts_insns;
    /* A run that can be repeated: the software CPU executes one vCPU at a time, every instruction takes a
     * nanosecond of the machine's time, and random numbers follow from seed. */
    bool deterministic;
    uint64_t seed; /* any number; needs deterministic */
    uint64_t
        hash_every; /* instructions between two events with a hash of the state; needs deterministic */
    /* Host memory for checkpoints, so that the machine can go back (vitro_step_back); default none; needs
     * deterministic. */
    uint64_t checkpoint_bytes;
    /* A file with the guest's symbols, instead of the image's or the kernel's own: an ELF file, or lines of
     * "address letter name" as nm prints them. NULL: none. */
    const char *symbols;
    /* For kernels (guests of kind linux, pvh, multiboot ...); others take none of these. */
    const char *cmdline; /* default: "console=ttyS0" for Linux, else none */
    const char *initrd;  /* a file's path */
    /* Multiboot kernels and those with a PVH note: further files, after the initrd. Borrowed for the call. */
    const struct vitro_module *modules;
    unsigned nmodules; /* 0..VITRO_MODULES_MAX */
    bool screen;       /* text memory at 0xb8000, as a PC's screen has it */
    bool no_reboot;    /* a reset ends the run (VITRO_END_RESET) instead of starting over */
    /* Called for every byte that the guest puts out, before it is written to console_fd, from a vCPU's thread under the
     * machine's lock: must not block, nor call back into the machine. NULL: none. */
    void (*output)(void *ctx, const void *bytes, size_t len);
    void *output_ctx;
    /* Called for every event, from a vCPU's thread; must not call back into the machine. NULL: none. */
    void (*event)(void *ctx, const struct vitro_event *ev);
    void *event_ctx;
};

/*
 * vitro_new - build a machine and lay the guest into it; nothing runs yet
 *
 * guest  borrowed until vitro_free
 *
 * Fails with VITRO_ERR_USAGE (a value out of range), VITRO_ERR_IMAGE (does not fit the memory),
 * VITRO_ERR_ENGINE (no engine here runs this guest) or VITRO_ERR_HOST. Nothing is left behind then.
 * Owns the result: vitro_free.
 */
int vitro_new(const struct vitro_config *cfg, const struct vitro_guest *guest, struct vitro **out,
              struct vitro_err *err);
void vitro_free(struct vitro *m); /* NULL is fine; not while it runs */

/* Why a run ended. */
enum vitro_end {
    VITRO_END_HALT,       /* every CPU executed HLT and nothing can wake it */
    VITRO_END_GUEST_EXIT, /* the guest wrote outcome.code to the debug-exit port */
    VITRO_END_POWEROFF,   /* the guest switched the machine off */
    VITRO_END_RESET,      /* the guest reset the machine */
    VITRO_END_SHUTDOWN,   /* triple fault */
    VITRO_END_REFUSED,    /* the engine cannot execute an instruction of the guest */
    VITRO_END_FAILED,     /* the engine could not enter the guest */
    VITRO_END_BREAK,      /* breakpoint, watchpoint or step */
    VITRO_END_COUNT,      /* the number of exits asked for was reached */
    VITRO_END_STOPPED,    /* vitro_stop with VITRO_STOP_USER */
    VITRO_END_TIMEOUT,    /* vitro_stop with VITRO_STOP_TIMEOUT */
    VITRO_END_PANIC, /* the guest's Linux kernel panicked, and halted, spins or reset the machine */
    VITRO_END_HELD,  /* vitro_stop with VITRO_STOP_HOLD */
};

struct vitro_outcome {
    enum vitro_end end;
    uint32_t code; /* GUEST_EXIT: the value the guest wrote */
    int cpu;       /* index of the CPU that ended the run, -1 when none did */
    uint64_t rip;  /* of that CPU's (none: CPU 0's) last exit, or where it was stopped */
    uint64_t
        linear; /* BREAK: the linear address of where that CPU is, as a breakpoint names it; else 0 */
    uint64_t exits;   /* of all CPUs, since the machine was made */
    uint64_t run_ns;  /* time in vitro_run, all calls */
    uint64_t dropped; /* bytes of guest output that could not be delivered */
    int output_error; /* errno of the first of them; 0: the reader took nothing for a second */
    bool open_line;   /* the guest's output does not end in a newline */
    /* BREAK by a watchpoint; else watch_how is 0. With KVM: what was watched, and rip is the next one's. */
    uint64_t watch_addr; /* guest-linear address of the access */
    unsigned watch_len;  /* bytes */
    unsigned watch_how;  /* enum vitro_watch_how of the access, OR of both for a read and a write */
    /* Instructions that KVM refused, and how many the software CPU executed for it since (all CPUs). */
    uint64_t refused, helped;
    bool kept; /* a CPU stays with the software CPU: KVM did not take its registers back */
    /* Why the software CPU ran it: what KVM could not stop at. NULL: it did not. Borrowed until the next call. */
    const char *debugged;
    bool oldest;        /* vitro_step_back, vitro_run_back: nothing before this place is kept */
    const char *detail; /* words of the engine on REFUSED and FAILED, else NULL; static */
    /* PANIC: the kernel's message, and its last lines, each with a newline; else empty. Printable ASCII. */
    char panic[160];
    char panic_lines[2048];
    char text[256]; /* one line for people: how and where it ended */
};

/*
 * vitro_run - run the guest until it ends or is stopped
 *
 * CPU 0 runs on the calling thread, which takes the kick signal meanwhile even if its mask blocks it. May
 * be called again: after BREAK, COUNT and STOPPED it goes on, a guest that ended ends again at once.
 * Returns 0 with *out filled whatever the guest did; a negative errno only when the host failed, or with VITRO_ERR_IMAGE:
 * the guest has reset the machine, and one of the files that it was made from has been written since.
 */
int vitro_run(struct vitro *m, struct vitro_outcome *out, struct vitro_err *err);

enum vitro_stop_kind {
    VITRO_STOP_USER,
    VITRO_STOP_TIMEOUT,
    VITRO_STOP_HOLD, /* to go on later: what a debugger does before it steps */
};

/* Ends a running vitro_run soon, also a paused one, or the next one at once. Any thread. */
void vitro_stop(struct vitro *m, enum vitro_stop_kind kind);

/*
 * vitro_pause, vitro_resume - let a running machine stand still, and go on
 *
 * Returns when CPUs, timers and devices stand still, each CPU between two instructions; it takes microseconds and
 * ends no thread. A run that begins meanwhile waits, and one that is stopped ends. The machine's clock goes on.
 * Thread: any but a device's, an event's or an output's call.
 */
void vitro_pause(struct vitro *m);
void vitro_resume(struct vitro *m);

/*
 * vitro_hold, vitro_release - have a machine to oneself for a moment, running or not
 *
 * As vitro_pause, and nobody else holds it, and no run begins or ends before the release. In between the
 * calling thread may use every view of inspect.h, and the calls here that are "not while the machine runs"
 * but vitro_run, vitro_step and vitro_free. May be nested. Thread: any, as vitro_pause.
 */
void vitro_hold(struct vitro *m);
void vitro_release(struct vitro *m);

/*
 * vitro_hold_ends - in an outermost vitro_hold: let the machine go on when the next view has read it
 *
 * For what belongs to one moment, but takes long to be written out: a view of a place that a register names. Until
 * vitro_release it is as between vitro_look and vitro_look_away.
 */
void vitro_hold_ends(struct vitro *m);

/*
 * vitro_look, vitro_look_away - let a thread that is not the run's make views of a running machine
 *
 * Each view in between stops the machine for as long as it reads it, most of them for microseconds, and goes on while
 * it is written out. Nothing else may be done that is "not while the machine runs". Keeps others from holding it, and
 * the guest from a reset. May be nested with vitro_hold either way. Thread: any, as vitro_pause.
 */
void vitro_look(struct vitro *m);
void vitro_look_away(struct vitro *m);

/* Presses the reset button of a running machine. -ENOTSUP (VITRO_ERR_ENGINE): it has none, or it does not reboot. Any
 * thread. */
int vitro_reset(struct vitro *m, struct vitro_err *err);

enum vitro_watch_how { VITRO_WATCH_READ = 1, VITRO_WATCH_WRITE = 2 };

/* Stops after an instruction that has accessed any byte of the range. */
struct vitro_watch {
    uint64_t addr; /* guest-linear */
    uint64_t len;  /* bytes, 1 at least; the range does not wrap */
    unsigned how;  /* enum vitro_watch_how, OR of any; 0 means writes */
};

/*
 * vitro_begin_line - for who prints lines of his own where the guest's output goes
 *
 * True when that does not end in a newline, which the caller is to print first; the guest's line counts as ended then,
 * until there is more of it. Thread: an event's call, or not while the machine runs.
 */
bool vitro_begin_line(struct vitro *m);

/* Whether the machine has a serial line to type at: kernels have, bare programs have not. */
bool vitro_has_console(const struct vitro *m);

/*
 * vitro_console_send - type at the guest's serial line
 *
 * Returns how many bytes were taken, 0..len: the guest has room for a few, and takes more when it has read
 * them. Bytes sent while the machine is stopped wait for it. Any thread.
 */
size_t vitro_console_send(struct vitro *m, const void *bytes, size_t len);

/* Presses the power button; what comes of it is the guest's matter. Nothing on a bare machine. Any thread. */
void vitro_power_button(struct vitro *m);

/* Where a run shall stop. Zero means: nowhere. */
struct vitro_stop_at {
    uint64_t exits; /* when a CPU has caused so many exits since the machine was made */
    uint64_t insns; /* when a CPU has completed so many instructions; the software CPU only */
    const uint64_t *
        addrs; /* guest-linear addresses before whose instructions to stop; borrowed for the call */
    unsigned naddrs; /* 0..32 */
    /* Any number; with more than four debug registers cover the software CPU runs a KVM machine. Borrowed for the call. */
    const struct vitro_watch *watches;
    unsigned nwatches;
};

/*
 * vitro_stop_at - where the next vitro_run shall stop; replaces what was set before
 *
 * A watchpoint sees what the CPUs access, not what devices do to memory by themselves.
 *
 * What KVM cannot stop at in the modes of this host, the software CPU does: it runs the machine until something
 * else is asked for. Fails with VITRO_ERR_USAGE (too many addresses, an empty range), VITRO_ERR_ENGINE (-ENOTSUP:
 * the engine does not count instructions) or VITRO_ERR_HOST (out of memory). What was set before stays
 * then. Not while the machine runs.
 */
int vitro_stop_at(struct vitro *m, const struct vitro_stop_at *where, struct vitro_err *err);

/*
 * vitro_step - execute one instruction of one CPU; *out as vitro_run
 *
 * Where vitro_run shall stop stays as it was set. An access of the instruction reaches its device first.
 * A mode that KVM cannot step is stepped by the software CPU.
 */
int vitro_step(struct vitro *m, unsigned cpu, struct vitro_outcome *out, struct vitro_err *err);

/*
 * vitro_step_back, vitro_run_back - go back in time on a deterministic machine that keeps checkpoints
 *
 * step: to the state before the last instruction of that CPU; run: to the last place where vitro_stop_at would have
 * stopped it, before the instruction also where that is a watchpoint. VITRO_END_BREAK, with out->oldest where no
 * more of the past is kept; VITRO_END_HELD and others when vitro_stop came on the way, which leaves the machine at some
 * place in the past. Forward from there everything comes as it came first, what was typed included; the guest's output
 * is not written a second time. Memory and registers that were written from outside are written again at their place;
 * written in the past, they begin another future. A reset ends the past: what was before it is not kept.
 * VITRO_ERR_ENGINE (-ENOTSUP): no checkpoints are kept. Otherwise as vitro_run.
 */
int vitro_step_back(struct vitro *m, unsigned cpu, struct vitro_outcome *out,
                    struct vitro_err *err);
int vitro_run_back(struct vitro *m, unsigned cpu, struct vitro_outcome *out, struct vitro_err *err);

struct vitro_past {
    uint64_t insns;        /* executed by all CPUs so far */
    uint64_t oldest_insns; /* where the past that is kept begins */
    unsigned checkpoints;
    uint64_t bytes; /* of host memory that they take */
};

bool vitro_keeps_past(const struct vitro *m); /* Any thread */

/* Zeroes where none is kept. Not while the machine runs. */
void vitro_past(const struct vitro *m, struct vitro_past *out);

/*
 * vitro_switch_engine - let the other engine go on with a stopped machine
 *
 * engine  not VITRO_ENGINE_AUTO; the one that has the machine: nothing happens
 *
 * Registers, memory, devices and counters go along, and where the run shall stop; an access under way is finished
 * first. What only one of the engines has (MSRs, vector registers that the software CPU does not offer) stays
 * as it was there. Instructions are counted by the software CPU alone (vitro_stop_at.insns), from when it was
 * first used. Fails with VITRO_ERR_USAGE (no such engine), VITRO_ERR_ENGINE (it cannot be opened here, or cannot
 * stop where the run shall stop; a deterministic machine cannot move) or VITRO_ERR_HOST; then the machine stays where it was.
 */
int vitro_switch_engine(struct vitro *m, enum vitro_engine engine, struct vitro_err *err);

/*
 * vitro_mem_read, vitro_mem_write - copy guest-physical memory
 *
 * Sees memory as the guest would; no page table, no device. Returns 0, or -EFAULT if any byte is outside
 * memory (then nothing is copied). Not while the machine runs, but for a device's own calls (device.h).
 */
int vitro_mem_read(const struct vitro *m, uint64_t gpa, void *buf, size_t len);
int vitro_mem_write(struct vitro *m, uint64_t gpa, const void *buf, size_t len);

/*
 * vitro_linear_read, vitro_linear_write - copy memory by the addresses that a CPU's paging translates
 *
 * gva  guest-linear
 * len  bytes, 0..VITRO_LINEAR_MAX
 *
 * Page protection is not looked at, accessed and dirty bits are not set. -EFAULT (VITRO_ERR_USAGE) if any byte is not
 * mapped or no memory; then nothing is copied. Not while the machine runs.
 */
enum { VITRO_LINEAR_MAX = 1 << 20 };
int vitro_linear_read(struct vitro *m, unsigned cpu, uint64_t gva, void *buf, size_t len,
                      struct vitro_err *err);
int vitro_linear_write(struct vitro *m, unsigned cpu, uint64_t gva, const void *buf, size_t len,
                       struct vitro_err *err);

/*
 * vitro_state_hash - a number that is the same when the guest's state is: registers of all CPUs, all memory
 *
 * insns  receives how many instructions all CPUs have executed; 0 unless the machine is deterministic
 *
 * Devices are not in it. It is no secret and no protection against intent. Not while the machine runs.
 */
int vitro_state_hash(struct vitro *m, uint64_t *insns, uint64_t *hash, struct vitro_err *err);

/* Instructions that all CPUs have executed; 0 unless the machine is deterministic. Not while the machine runs. */
uint64_t vitro_insns(const struct vitro *m);

/* How the machine was made. */
unsigned vitro_cpus(const struct vitro *m);
uint64_t vitro_mem_bytes(const struct vitro *m); /* RAM and ROM */
bool vitro_deterministic(const struct vitro *m);

enum { VITRO_SCREEN_ROWS = 25, VITRO_SCREEN_COLS = 80 };

/*
 * vitro_screen - the cells of the text screen, row by row: character in the low byte, colours in the high one
 *
 * Returns 0, or -ENOENT for a machine without a screen (vitro_config.screen). Thread: any, also while it runs; then
 * a cell is whole, and the picture may be halfway to the next.
 */
int vitro_screen(const struct vitro *m, uint16_t cells[VITRO_SCREEN_ROWS * VITRO_SCREEN_COLS]);

/* Who has the machine now: "kvm" or "soft". Static. */
const char *vitro_engine_name(const struct vitro *m);
/* One line: which engine was taken, and why. Borrowed from the machine. */
const char *vitro_engine_why(const struct vitro *m);

/* Names of CPU flags as /proc/cpuinfo spells them, 0..n-1; NULL past the end. Static. */
const char *vitro_cpu_flag(unsigned row);

/* VITRO_VERSION of the library that is loaded. Static. Any thread. */
const char *vitro_version(void);
/* The number of the signal that CPUs are kicked by (see above); the same for as long as the process lives. Any thread. */
int vitro_kick_signal(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
