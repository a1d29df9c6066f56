/* SPDX-License-Identifier: MIT */
/*
 * far.h - what far transfers, interrupts and task switches have in common
 *
 * A transfer reads and checks everything first, pushes or pops through a struct soft_stack, and writes
 * the registers last. Functions that can fail follow soft_insn_fn.
 */
#ifndef ENGINE_SOFT_FAR_H
#define ENGINE_SOFT_FAR_H

#include "engine/soft/segment.h"

/* ---- stacks (transfer.c) --------------------------------------------------------------------- */

/* A stack in use or about to be; sp moves here, and only soft_stack_commit moves it in the CPU. */
struct soft_stack {
    struct x86_seg ss;
    uint64_t sp;
    uint8_t bits;   /* 16, 32, 64: of the pointer */
    uint8_t cpl;    /* whose rights its accesses have */
    uint16_t error; /* what #SS reports: 0, or the new SS */
};

void soft_stack_current(const struct soft_cpu *c, struct soft_stack *st);
/* The stack that the TSS holds for a ring, or in long mode for an IST number that is not 0. */
bool soft_stack_inner(struct soft_cpu *c, unsigned cpl, unsigned ist, struct soft_stack *st);

bool soft_stack_push(struct soft_cpu *c, struct soft_stack *st, unsigned width, uint64_t val);
bool soft_stack_push_all(struct soft_cpu *c, struct soft_stack *st, unsigned width,
                         const uint64_t *vals, unsigned n);
bool soft_stack_pop(struct soft_cpu *c, struct soft_stack *st, unsigned width, uint64_t *val);
bool soft_stack_pop_all(struct soft_cpu *c, struct soft_stack *st, unsigned width, uint64_t *vals,
                        unsigned n);
void soft_stack_drop(struct soft_stack *st, uint64_t bytes);
void soft_stack_commit(struct soft_cpu *c, const struct soft_stack *st);

/* ---- code (transfer.c) ----------------------------------------------------------------------- */

/* Whether execution can go on there; #GP(0) if not. */
bool soft_check_rip(struct soft_cpu *c, const struct x86_seg *cs, uint64_t rip);

/* CS and next_rip; cpl becomes the selector's RPL. SS is set before: CPL is its DPL. */
void soft_enter(struct soft_cpu *c, const struct x86_seg *cs, unsigned cpl, uint64_t rip);

/* Real and virtual-8086 mode. */
bool soft_enter_plain(struct soft_cpu *c, uint16_t selector, uint64_t rip);

/* In long mode code with L and D both set is #GP(selector). */
bool soft_check_long_code(struct soft_cpu *c, const struct x86_seg *cs);

/* ---- returns (ret.c) ------------------------------------------------------------------------- */

struct soft_return {
    struct soft_desc cs, ss;
    bool has_ss; /* another ring, or IRET in 64-bit mode */
    unsigned cpl;
    uint64_t rip, sp;
};

/* Checks of a return to `selector`; fills cs and cpl. */
bool soft_check_return(struct soft_cpu *c, uint16_t selector, struct soft_return *r);
/* Checks SS of a return and fills ss. */
bool soft_check_return_stack(struct soft_cpu *c, uint16_t selector, struct soft_return *r);
/* Goes there. The caller has set the flags, and committed the stack if has_ss is false. */
void soft_take_return(struct soft_cpu *c, const struct soft_return *r);

/* ---- gates and tasks (gate.c, task.c) -------------------------------------------------------- */

struct soft_far {
    uint16_t selector;
    uint64_t offset;
    unsigned width; /* operand size, bytes */
    bool call;
};

bool soft_through_call_gate(struct soft_cpu *c, const struct soft_far *f,
                            const struct soft_desc *d);

enum soft_task_why { TASK_JMP, TASK_CALL, TASK_IRET, TASK_EVENT };

/* The task state saved is the CPU's, but for these. */
struct soft_task_from {
    enum soft_task_why why;
    uint64_t rip, rflags;
};

/*
 * soft_switch_task - to the TSS of a checked descriptor
 *
 * False before the switch: nothing has changed. False after it: the new task has the CPU, and what is
 * raised is its own; rip is its first instruction.
 */
bool soft_switch_task(struct soft_cpu *c, const struct soft_desc *tss,
                      const struct soft_task_from *from);

/*
 * Reads the TSS descriptor that a task gate or a back link names. `bad` is raised when it is not one or
 * its busy bit is not as wanted.
 */
bool soft_task_desc(struct soft_cpu *c, uint16_t selector, enum soft_vector bad, bool busy,
                    struct soft_desc *out);

/* ---- the end (exception.c) ------------------------------------------------------------------- */

/*
 * From here on device accesses answer all ones and lose what is written, so that what is under way need
 * not start over. Only SOFT_ACCESSES of them; SOFT_EXIT after that is the caller's to turn into an end.
 */
void soft_float_devices(struct soft_cpu *c);

/* Leaves with EXIT_SHUTDOWN; detail is static. Returns false. */
bool soft_shut_down(struct soft_cpu *c, const char *detail);

/* ---- interrupts (interrupt.c) ---------------------------------------------------------------- */

struct soft_event {
    uint8_t vector;
    bool software; /* INT n, INT3, INTO: the gate's DPL counts */
    bool has_error;
    uint32_t error;
    uint64_t rip, rflags; /* to be pushed */
};

/* Goes to the handler: next_rip is its address. */
bool soft_enter_handler(struct soft_cpu *c, const struct soft_event *ev);
/* The same if it is the usual case in 64-bit mode; false, and nothing is changed or raised, if not (enter_long.c). */
bool soft_enter_long(struct soft_cpu *c, const struct soft_event *ev);

#endif
