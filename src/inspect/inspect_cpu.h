/* SPDX-License-Identifier: MIT */
/*
 * inspect_cpu.h - the views of CPUs: registers, exits, and events as a stream of bytes
 *
 * Used by the library's face (vitro_cpus.c, vitro_trace.c), whose public header says what each view
 * means. `symbols` is the guest's symbol table, borrowed; NULL or empty when there is none.
 */
#ifndef INSPECT_INSPECT_CPU_H
#define INSPECT_INSPECT_CPU_H

#include <vitro/inspect.h>

#include "base/symtab.h"
#include "core/machine.h"

/* ---- registers ------------------------------------------------------------------------------- */

/* A segment register as the views show it. */
struct vitro_seg regs_seg(const struct x86_seg *s);

/* Events on their way as the views show them. */
struct vitro_events regs_events(const struct x86_events *e);

/* The way back: what differs from what is shown becomes that, the rest stays. errors: exceptions push error codes. */
void regs_change_events(const struct vitro_events *want, bool errors, struct x86_events *e);

WARN_UNUSED int regs_read(struct vcpu *cpu, struct vitro_regs *out, struct vitro_err *err);
WARN_UNUSED int regs_show(struct vcpu *cpu, const struct symtab *symbols, bool all,
                          const struct vitro_style *style, char **out, struct vitro_err *err);

/* "64-bit code, readable, accessed" */
char *regs_segment_words(const struct x86_state *s, const struct x86_seg *seg, char *buf,
                         size_t len);

/* The two forms of regs_show, from a state already read; parts says which of it is valid. */
struct regs_view {
    const struct x86_state *state;
    const struct symtab *symbols;
    unsigned cpu;
    bool all;
    bool color;
};
WARN_UNUSED int regs_text(const struct regs_view *v, char **out, struct vitro_err *err);
WARN_UNUSED int regs_json(const struct regs_view *v, char **out, struct vitro_err *err);

/* The CPU model. */
struct cpuid_view {
    const char *name;                    /* "base", "+avx2,-rdrand": only names of flags */
    bool movable;                        /* between engines */
    const struct x86_cpuid_model *model; /* NULL: the engine's own, which is not known */
    unsigned cpu;                        /* for what differs */
};
WARN_UNUSED int cpuid_show(const struct cpuid_view *v, const struct vitro_style *style, char **out,
                           struct vitro_err *err);

/* ---- exits ----------------------------------------------------------------------------------- */

/* All rows of all CPUs, most exits first, those that are not the guest's (kicked) last. */
struct exits_view {
    struct vitro_exit_row *row; /* owned: exits_fini */
    size_t n;
    unsigned ncpus;
    /* sums over the guest's rows */
    uint64_t exits, accesses, guest_ns, monitor_ns, helped;
};

WARN_UNUSED int exits_collect(const struct machine *m, const struct symtab *symbols,
                              struct exits_view *out, struct vitro_err *err);
/* The same from copies of the CPUs' tables, and since other copies, each of which may be NULL. */
WARN_UNUSED int exits_collect_from(const struct machine *m, const struct symtab *symbols,
                                   const struct exit_table *const *now,
                                   const struct exit_table *const *mark, struct exits_view *out,
                                   struct vitro_err *err);
void exits_fini(struct exits_view *v);
bool exits_is_guests(const struct vitro_exit_row *row);
/* Sorts rows and makes the sums; for views made by hand. */
void exits_arrange(struct exits_view *v);
WARN_UNUSED int exits_text(const struct exits_view *v, bool color, char **out,
                           struct vitro_err *err);
WARN_UNUSED int exits_json(const struct exits_view *v, char **out, struct vitro_err *err);

/* The ring of a CPU's last exits, oldest first. */
struct recent_row {
    struct cpu_exit exit;
    const char *device; /* borrowed; NULL: none */
    char symbol[64];
};

struct recent_view {
    struct recent_row row[EXIT_RECENT];
    unsigned n;
    unsigned cpu;
};

void recent_collect(const struct vcpu *cpu, const struct symtab *symbols, struct recent_view *out);
WARN_UNUSED int recent_text(const struct recent_view *v, bool color, char **out,
                            struct vitro_err *err);
WARN_UNUSED int recent_json(const struct recent_view *v, char **out, struct vitro_err *err);

/* ---- events ---------------------------------------------------------------------------------- */

/* As vitro_trace_new, vitro_trace_event and vitro_trace_end. */
WARN_UNUSED int trace_new(enum vitro_trace_format format,
                          bool (*write)(void *ctx, const char *bytes, size_t len), void *ctx,
                          struct vitro_trace **out, struct vitro_err *err);
void trace_event(struct vitro_trace *t, const struct vitro_event *ev);
uint64_t trace_end(struct vitro_trace *t);

#endif
