/* SPDX-License-Identifier: MIT */
/* vitro_priv.h - the structs behind the public handles; shared by the files of the library's face. */
#ifndef VITRO_PRIV_H
#define VITRO_PRIV_H

#include <vitro/inspect.h>
#include <vitro/vitro.h>

#include "board/bare.h"
#include "board/pc.h"
#include "boot/builtin.h"
#include "boot/image.h"
#include "host/files.h"
#include "x86/cpu_flags.h"

struct vitro_guest {
    char name[64];
    char shown[64];                /* the name with all but printable ASCII escaped */
    const struct builtin *builtin; /* NULL for images */
    struct image_file *file;       /* owned; NULL when the caller keeps the bytes */
    struct image image;            /* without the bytes of a kernel that is in a file */
};

/* The kernel's own, as read from its memory. */
struct kernel_symbols {
    struct symtab table; /* empty until they have been read */
    uint64_t resets;     /* of the machine, when they were: another boot lies at another place */
};

struct vitro {
    const struct vitro_guest *guest; /* borrowed */
    struct board *board;
    struct host_files *files;        /* NULL: no directory */
    struct vitro_config config;      /* as it was made, without pointers: to make it again */
    bool has_user_devs;              /* devices of the embedder's */
    char *cmdline;                   /* owned; NULL: none */
    struct image_file *initrd;       /* owned; NULL: none */
    struct image_file **module_file; /* owned, each too; NULL: none */
    /* The same for the loader, without their bytes but from boot_hold to boot_release; command lines are owned. */
    struct boot_module initrd_module, *module;
    unsigned nmodules;
    struct x86_cpu_spec cpu_spec;
    char *cpu_text; /* as it was asked for; owned; NULL: nothing was */
    struct x86_cpuid_model cpu_model;
    const char *cpu_stuck; /* what of the model keeps the machine on its engine; NULL: nothing */
    bool has_cpu_model;    /* cpu_model is made */
    struct symtab *given_symbols;          /* owned; NULL: no file was named */
    struct kernel_symbols *kernel_symbols; /* owned */
    bool has_run;
    struct cpu_debug debug;   /* what vitro_stop_at asked for; a step puts it back */
    struct watchpoint *watch; /* of debug; owned */
    char engine_why[384];
    void (*event)(void *ctx, const struct vitro_event *ev);
    void *event_ctx;
    void (*listener)(void *ctx,
                     const struct vitro_event *ev); /* changed only while it stands still */
    void *listener_ctx;
};

/*
 * chain_repeat - run the guest once more on the software CPU, to see how it shuts down
 *
 * In a machine of its own, without output, events and files; bounded.
 */
WARN_UNUSED int chain_repeat(const struct vitro *m, struct vitro_chain *out, struct vitro_err *err);

/* What a run or step of the machine has come to. A negative errno: the host has failed. */
WARN_UNUSED int end_run(const struct vitro *m, struct stop *stop, struct vitro_outcome *out,
                        struct vitro_err *err);

/*
 * choose_engine - say which engine runs m->guest, in m->engine_why
 *
 * page_bytes  of the identity map the machine will get; 0: the largest
 * out         receives the engine
 *
 * VITRO_ERR_USAGE when there is no such engine, or it cannot repeat a run as cfg asks.
 */
WARN_UNUSED int choose_engine(struct vitro *m, const struct vitro_config *cfg, uint64_t page_bytes,
                              const struct engine_ops **out, struct vitro_err *err);

/* The machine's CPU `idx`; NULL with VITRO_ERR_USAGE when it has none of that number. Borrowed. */
struct vcpu *vcpu_of(const struct vitro *m, unsigned idx, struct vitro_err *err);

/* The engine that executes what `engine` refuses; NULL when it refuses nothing. */
const struct engine_ops *helper_of(const struct engine_ops *engine);

/* Whether the probe says that this host's KVM runs kernels; measured once in a boot. */
bool kvm_takes_kernels(void);

/*
 * fall_back - the engine chosen could not be opened after all: take the one that always can be
 *
 * False when that was the one. engine_why then begins with what went wrong.
 */
bool fall_back(struct vitro *m, const struct engine_ops **engine, const struct vitro_err *why);

/* Reads the file of cfg->symbols, if there is one (vitro_symbols.c). */
WARN_UNUSED int symbols_open(struct vitro *m, const struct vitro_config *cfg,
                             struct vitro_err *err);
void symbols_close(struct vitro *m);
/* symbols_of - of a file that was named, of the image, or of the kernel that runs (vitro_symbols.c). Not while it runs. */
const struct symtab *symbols_of(const struct vitro *m);

/* The model of a machine on an engine; NULL: the engine's own. */
const struct x86_cpuid_model *cpu_model_for(const struct vitro *m, const struct engine_ops *engine);

/* cpu_choose - the model that cfg asks for, fixed before there is a machine (vitro_cpu.c) */
WARN_UNUSED int cpu_choose(struct vitro *m, const struct vitro_config *cfg, struct vitro_err *err);

/* boot_open, boot_close - what a kernel is given: reads the initrd, copies the command line (vitro_boot.c) */
WARN_UNUSED int boot_open(struct vitro *m, const struct vitro_config *cfg, struct vitro_err *err);
void boot_close(struct vitro *m);

/* The files that a board is made from. */
struct boot_held {
    struct image image; /* the guest's, with its bytes */
    struct board_origin origin[BOOT_MODULES_MAX + 1];
    unsigned n;
};

/* boot_hold, boot_release - while a board is made: the bytes of all files that it is made from (vitro_boot.c) */
WARN_UNUSED int boot_hold(struct vitro *m, struct boot_held *out, struct vitro_err *err);
void boot_release(struct vitro *m, struct boot_held *held);
/* A kernel that unpacks itself was halted for good at rip before it was unpacked; NULL, or what to say of it. */
const char *boot_gave_up(const struct vitro *m, uint64_t rip);

/* event_fn of a machine whose owner wants events; ctx is its struct vitro. */
void pass_event(void *ctx, const struct event *ev);

#endif
