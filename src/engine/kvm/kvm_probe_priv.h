/* SPDX-License-Identifier: MIT */
/* kvm_probe_priv.h - what the files of the KVM probe share. */
#ifndef ENGINE_KVM_PROBE_PRIV_H
#define ENGINE_KVM_PROBE_PRIV_H

#include <signal.h>
#include <time.h>

#include "engine/kvm/kvm_priv.h"
#include "engine/kvm/kvm_probe.h"
#include "engine/kvm/kvm_probe_code.h"
#include "x86/start.h"

#define PROBE_LIMIT_NS   UINT64_C(250000000) /* a piece of a few instructions */
#define PROBE_MEASURE_NS UINT64_C(8000000)   /* how long a measurement should take */

enum { PROBE_TIMEOUTS_MAX = 3 }; /* then no more is run */

enum probe_cpuid_reg { IN_EBX, IN_ECX, IN_EDX };

/* A bit of CPUID that KVM must offer before the instruction is tried. leaf 0: none needed. */
struct probe_feature {
    uint32_t leaf; /* subleaf 0 */
    enum probe_cpuid_reg reg;
    uint8_t bit;
};

/* One piece of guest code and the state it starts in. */
struct probe_shot {
    enum x86_start start;
    uint64_t tables; /* top page table; ignored without paging */
    bool pae;        /* PAE instead of PSE */
    unsigned ring;   /* 0, or 3 with IOPL 3 */
    uint64_t cr4;    /* bits to add */
    uint64_t xcr0;   /* 0: leave it */
    const uint8_t *code;
    const uint8_t *lstar; /* NULL: no MSR is set */
    uint64_t rcx;
};

/* A shot in long mode with 2 MiB pages. */
#define SHOT_LONG .start = X86_START_LONG, .tables = PROBE_LONG_TOP

enum probe_how {
    HOW_EXIT,    /* cpu->exit says why */
    HOW_TIMEOUT, /* the limit was reached */
    HOW_BROKEN,  /* the host refused; err says what */
};

/* The machine of the probe and its timer. One machine serves many shots, until one ends badly. */
struct prober {
    const struct kvm_sys *sys;
    bool offer_cpuid;
    struct machine *m; /* NULL: made at the next shot */
    uint8_t *ram;
    struct clock clock;
    bool have_kick, have_timer;
    timer_t timer;
    sigset_t old_mask;
    unsigned timeouts;
    struct vitro_err err; /* of the last HOW_BROKEN */
    bool no_machine;      /* it was about making the machine, not about what it runs */
    struct x86_state state;
};

/* kvm_probe_vm.c */

/* Cleans up after itself on failure, but prober_fini is fine then too. */
WARN_UNUSED int prober_init(struct prober *p, const struct kvm_sys *sys, struct vitro_err *err);
void prober_fini(struct prober *p);

/* Frees the machine, so that the next shot gets a new one. */
void prober_drop(struct prober *p);

/* Makes the machine when there is none and sets the CPU to the shot's start. Negative: p->err. */
WARN_UNUSED int prober_aim(struct prober *p, const struct probe_shot *shot);

/* Runs until the guest stops or limit_ns have gone by. */
enum probe_how prober_fire(struct prober *p, uint64_t limit_ns);

/* Aim and fire. The machine is dropped at the next aim when it ended in anything but a port access. */
enum probe_how prober_shoot(struct prober *p, const struct probe_shot *shot);

/* The whole state after a shot. False: p->err. */
bool prober_state(struct prober *p, struct x86_state *out);

/* The stop of the last shot. */
const struct cpu_exit *prober_exit(const struct prober *p);

/* The piece ended at the done port with the result in al and in the cell. */
bool prober_done(const struct prober *p);
/* An interrupt handler reported this vector. */
bool prober_trapped(const struct prober *p, unsigned vector);

/* Verdict no, with what happened instead as the reason. */
void prober_explain(struct prober *p, enum probe_how how, struct probe_row *row);

/* Guest address of a label of kvm_probe_code.S. */
static inline uint64_t probe_at(const uint8_t *label)
{
    return PROBE_CODE + (uint64_t)(label - kvm_probe_code);
}

/* A row that one shot answers: yes when the piece is done, or when `trap` arrives where that is not 0. */
struct probe_try {
    enum probe_id id;
    struct probe_shot shot;
    struct probe_feature needs;
    unsigned trap;
};

/* kvm_probe_try.c: runs the rows; those that cannot be run stay unknown with the reason. */
void probe_tries(struct prober *p, const struct probe_try *row, size_t n, struct probe_report *out);
/* No more shots make sense; marks the row so. */
bool probe_gave_up(const struct prober *p, struct probe_row *row);

/* By subject: each fills the rows of a group. */
void probe_modes(struct prober *p, struct probe_report *out);
void probe_speed(struct prober *p, struct probe_report *out);
void probe_rings(struct prober *p, struct probe_report *out);
void probe_debug(struct prober *p, struct probe_report *out);
void probe_instructions(struct prober *p, struct probe_report *out);
void probe_state(struct prober *p, struct probe_report *out);

void probe_one_mode(struct prober *p, enum probe_id id, struct probe_row *row);

#endif
