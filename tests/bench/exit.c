/* SPDX-License-Identifier: MIT */
/*
 * exit.c - an output exit that Vitro handles against a bare loop of KVM_RUN
 *
 * Both take turns on the very same vCPU, whose guest does nothing but OUT. Vitro's turn is its own
 * machine_run: engine, accounting, bus, debug console without a backend, and back. The bare turn is
 * ioctl(KVM_RUN) and nothing else; KVM is also relieved of copying the registers out, which Vitro
 * asks it to do, so that this cost stays on Vitro's side.
 *
 *   bench-exit [PAIRS [EXITS A BATCH]]
 */
#include <errno.h>
#include <limits.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"
#include "board/bare.h"
#include "dev/debugcon.h"
#include "engine/kvm/kvm.h"

enum { NULL_PORT = 0xea, CHECKED_EXITS = 2000 };

/* mov $0xea, %edx; 1: out %al, %dx; jmp 1b */
static const uint8_t guest_code[] = { 0xba, NULL_PORT, 0, 0, 0, 0xee, 0xeb, 0xfd };

struct rig {
    struct kvm_sys sys;
    struct board *board;
    int cpu_fd;
    struct kvm_run *run; /* shared with the engine */
    unsigned long exits, runs;
};

/* ---- the engine's system calls, looked at while the machine is made, or counted ------------ */

static int noting_ioctl(void *ctx, int fd, unsigned long request, void *arg)
{
    struct rig *r = ctx;
    int rc = kvm_sys_real.ioctl(NULL, fd, request, arg);

    if (request == KVM_CREATE_VCPU)
        r->cpu_fd = rc;
    r->runs += request == KVM_RUN;
    return rc;
}

static void *noting_mmap(void *ctx, int fd, uint64_t len)
{
    struct rig *r = ctx;

    r->run = kvm_sys_real.mmap(NULL, fd, len);
    return r->run;
}

static int rig_open(struct rig *r, const struct chr *out, struct vitro_err *err)
{
    struct image img;
    struct board_config cfg = { .name = "bench",
                                .engine = &kvm_engine,
                                .engine_arg = &r->sys,
                                .image = &img,
                                .mem_bytes = 2 << 20,
                                .ncpus = 1,
                                .console_fd = -1,
                                .debug_exit_port = -1 };
    struct dev *con = debugcon_new(out);
    int rc = con != NULL ? 0 : -ENOMEM;

    r->sys = kvm_sys_real;
    r->sys.ioctl = noting_ioctl;
    r->sys.mmap = noting_mmap;
    r->sys.ctx = r;
    if (rc == 0)
        rc = image_flat(guest_code, sizeof(guest_code), 0, X86_START_LONG, &img, err);
    if (rc == 0)
        rc = bare_new(&cfg, &r->board, err);
    if (rc == 0)
        rc = machine_add_dev(r->board->m, con, err);
    if (rc == 0)
        rc = bus_add(&r->board->m->pio, NULL_PORT, 1, con, err);
    r->sys.ioctl = kvm_sys_real.ioctl;
    return rc;
}

/* ---- the two turns --------------------------------------------------------------------------- */

static void vitro_turn(void *ctx)
{
    struct rig *r = ctx;
    struct machine *m = r->board->m;
    struct stop stop;

    m->stop_at_exits = machine_exits(m) + r->exits;
    machine_run(m, &stop);
    if (stop.why != STOP_COUNT)
        bench_die("the guest stopped: %s", stop_reason_text(stop.why));
}

static void bare_turn(const struct rig *r)
{
    for (unsigned long i = 0; i < r->exits; i++) {
        if (ioctl(r->cpu_fd, KVM_RUN, NULL) < 0)
            bench_die("KVM_RUN: %s", strerror(errno));
    }
    if (r->run->exit_reason != KVM_EXIT_IO)
        bench_die("KVM_RUN gave exit reason %u", r->run->exit_reason);
}

static double time_vitro(struct rig *r)
{
    uint64_t start = bench_ns();

    vitro_turn(r);
    return (double)(bench_ns() - start) / (double)r->exits;
}

static double time_bare(struct rig *r)
{
    uint64_t valid = r->run->kvm_valid_regs, start;
    double ns;

    r->run->kvm_valid_regs = 0;
    r->run->immediate_exit = 0; /* what ended Vitro's turn */
    start = bench_ns();
    bare_turn(r);
    ns = (double)(bench_ns() - start) / (double)r->exits;
    r->run->kvm_valid_regs = valid;
    return ns;
}

/* ---- which system calls Vitro's turn makes --------------------------------------------------- */

/*
 * What a turn does once, at its beginning and its end, is not what is asked about here: the checked child begins at the
 * device's first byte of the second turn, and ends from inside the device too, when it has seen enough.
 */
static void count_down(void *ctx, const void *bytes, size_t len)
{
    unsigned long *left = ctx;

    (void)bytes;
    if (*left == CHECKED_EXITS)
        calls_begin(KVM_RUN);
    *left -= len;
    if (*left == 0)
        calls_done();
}

struct check {
    struct rig rig;
    unsigned long left;
};

/* A VM belongs to the process that made it. The first turn meets whatever is done only once. */
static void check_ready(void *ctx)
{
    static const struct chr_ops counting = { .write = count_down };
    struct check *c = ctx;

    c->left = 2 * CHECKED_EXITS;
    c->rig.exits = CHECKED_EXITS;
    if (rig_open(&c->rig, &(struct chr){ &counting, &c->left }, NULL) < 0)
        _exit(1);
    vitro_turn(&c->rig);
}

static void check_work(void *ctx)
{
    struct check *c = ctx;

    c->rig.exits = ULONG_MAX / 2;
    vitro_turn(&c->rig);
}

/* KVM_RUNs an exit, from one counted turn. */
static double runs_per_exit(struct rig *r)
{
    r->sys.ioctl = noting_ioctl;
    r->runs = 0;
    vitro_turn(r);
    r->sys.ioctl = kvm_sys_real.ioctl;
    return (double)r->runs / (double)r->exits;
}

int main(int argc, char **argv)
{
    unsigned long pairs = bench_arg(argc, argv, 1, 300);
    static const char *const words[] = {
        [CALLS_NONE] = "none", [CALLS_SOME] = "some", [CALLS_CANNOT_RUN] = "unknown"
    };
    struct rig r = { .exits = bench_arg(argc, argv, 2, 2000) };
    struct check check = { .left = 0 };
    struct vitro_err err = { 0 };
    struct series vitro, bare;

    if (rig_open(&r, &(struct chr){ 0 }, &err) < 0)
        bench_cannot_run("%s", err.text);
    series_init(&vitro, "vitro_ns", pairs);
    series_init(&bare, "bare_ns", pairs);
    time_vitro(&r);
    time_bare(&r);
    for (unsigned long i = 0; i < pairs; i++) {
        series_add(&vitro, time_vitro(&r));
        series_add(&bare, time_bare(&r));
    }
    printf("{\n");
    json_series(&vitro, false);
    json_series(&bare, false);
    json_ratio("exit_ratio", &vitro, &bare, false);
    printf("\"runs_per_exit\": %.4f,\n", runs_per_exit(&r));
    fflush(stdout);
    printf("\"other_system_calls\": \"%s\"\n}\n",
           words[calls_check(check_ready, check_work, &check, CALLS_BY_WORK)]);
    series_fini(&vitro);
    series_fini(&bare);
    board_free(r.board);
    return 0;
}
