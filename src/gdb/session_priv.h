/* SPDX-License-Identifier: MIT */
/* session_priv.h - what the files of a session share. */
#ifndef GDB_SESSION_PRIV_H
#define GDB_SESSION_PRIV_H

#include "base/text.h"
#include "gdb/packet.h"
#include "gdb/session.h"
#include "gdb/target.h"

enum { SESSION_CPUS_MAX = 64, POINTS_MAX = 96, WHY_MAX = 256 };

/* Signals by the numbers that the protocol gives them. */
enum gdb_signal {
    GDB_INT = 2,
    GDB_ILL = 4,
    GDB_TRAP = 5,
    GDB_ABRT = 6,
    GDB_KILL = 9,
    GDB_SEGV = 11,
    GDB_TERM = 15,
    GDB_STOP = 17,
};

/* Types of Z packets. */
enum point_type { POINT_SOFT, POINT_HARD, POINT_WRITE, POINT_READ, POINT_ACCESS, NPOINT_TYPES };

struct point {
    enum point_type type;
    uint64_t addr, len; /* len: of memory that is watched */
};

struct session {
    struct session_ops ops;
    const struct target *target;
    unsigned ncpus;
    unsigned cpu; /* what g, m and the like are about (Hg) */
    bool no_acks, over;
    bool past;     /* the machine can go back in time */
    bool physical; /* addresses of m, M and X (Qqemu.PhyMemMode) */

    bool running;
    bool refused;     /* no: the machine did not take the request to go on; not reported yet */
    bool interrupted; /* asked for by the debugger; not reported yet */
    bool still;       /* and the machine has said that it stands still */
    bool tells_break; /* the debugger understands swbreak and hwbreak */
    char stop[96];    /* the stop reply for '?' while it stands still */
    char final[16];   /* the run is over: what to say when it is to go on; empty while it is not */

    struct point point[POINTS_MAX];
    unsigned npoints;

    json_t *regs, *fpu; /* of regs_cpu, as of this stop; NULL: not read */
    unsigned regs_cpu;
    struct reg_source source;

    struct text xml; /* the last description or list of threads that was asked for */
};

/* Asks and returns the result, or NULL; `why` may be NULL. Takes params over. */
json_t *session_call(struct session *s, const char *method, json_t *params, char why[WHY_MAX]);

void gdb_reply(struct session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void gdb_reply_bytes(struct session *s, const char *data, size_t len);
void gdb_reply_error(struct session *s, int code); /* a positive errno */

/* "0x..." as the control socket wants addresses. */
json_t *gdb_json_hex(uint64_t value);
bool gdb_json_hex_value(const json_t *value, uint64_t *out);

/* A thread's number as a CPU, or 0 or -1, which leave *cpu as it is: any of them. */
bool gdb_scan_who(const struct session *s, struct scan *in, unsigned *cpu, bool *any);
/* A thread's number, 1 and up, as a CPU. */
bool gdb_scan_thread(const struct session *s, struct scan *in, unsigned *cpu);

/* One handler a kind of packet; what follows its name is in `in`. */
typedef void packet_fn(struct session *s, struct scan *in);

/* query.c */
packet_fn gdb_query_supported, gdb_query_features, gdb_query_threads, gdb_query_first_threads,
    gdb_query_no_more, gdb_query_thread_info, gdb_query_current, gdb_query_attached,
    gdb_query_symbol, gdb_query_phys, gdb_set_phys;
/* registers.c */
packet_fn gdb_regs_read, gdb_regs_write, gdb_reg_read_one, gdb_reg_write_one;
void gdb_regs_forget(struct session *s);
/* The registers' document of a CPU, borrowed, or NULL. */
const json_t *gdb_regs_doc(struct session *s, unsigned cpu);
/* memory.c */
packet_fn gdb_mem_read, gdb_mem_write, gdb_mem_write_binary;
bool gdb_mem_fetch(struct session *s, uint64_t addr, size_t len, bool physical, uint8_t *out,
                   char why[WHY_MAX]);
/* points.c */
packet_fn gdb_point_set, gdb_point_clear;
/* The point that an access to [addr, addr + len) is about, or NULL. */
const struct point *gdb_point_watching(const struct session *s, uint64_t addr, uint64_t len);
const struct point *gdb_point_at(const struct session *s, uint64_t addr);
/* resume.c */
packet_fn gdb_resume_continue, gdb_resume_step, gdb_resume_continue_signal, gdb_resume_step_signal,
    gdb_back_step, gdb_back_continue, gdb_resume_vcont, gdb_resume_vcont_offer, gdb_stop_reason,
    gdb_detach, gdb_kill_machine, gdb_kill_process;
/* Becomes the present stop, and is sent if the debugger waits for one. */
void gdb_stop_set(struct session *s, unsigned cpu, unsigned signal, const char *reason);
/* monitor.c */
packet_fn gdb_monitor;

#endif
