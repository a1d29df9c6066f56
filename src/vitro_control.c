/* SPDX-License-Identifier: MIT */
/* vitro_control.c - the library's face: a machine that stands still, and what may be changed then. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/bits.h"
#include "inspect/inspect_spaces.h"
#include "vitro_priv.h"

unsigned vitro_cpus(const struct vitro *m)
{
    return m->board->m->ncpus;
}

uint64_t vitro_mem_bytes(const struct vitro *m)
{
    return mem_bytes(&m->board->m->mem);
}

bool vitro_deterministic(const struct vitro *m)
{
    return m->board->m->clock.counted;
}

/* ---- standing still -------------------------------------------------------------------------- */

void vitro_hold(struct vitro *m)
{
    pause_hold(m->board->m);
}

void vitro_hold_ends(struct vitro *m)
{
    pause_hold_ends(m->board->m);
}

void vitro_release(struct vitro *m)
{
    pause_release(m->board->m);
}

void vitro_look(struct vitro *m)
{
    pause_keep(m->board->m);
}

void vitro_look_away(struct vitro *m)
{
    pause_unkeep(m->board->m);
}

void vitro_pause(struct vitro *m)
{
    pause_set(m->board->m, true);
}

void vitro_resume(struct vitro *m)
{
    pause_set(m->board->m, false);
}

int vitro_reset(struct vitro *m, struct vitro_err *err)
{
    if (m->board->m->reset == NULL)
        return err_class(err, VITRO_ERR_ENGINE, -ENOTSUP, "resetting %s: %s", m->guest->shown,
                         image_boots(m->guest->image.kind) ? "a reset ends its run (--no-reboot)"
                                                           : "a bare machine has no reset");
    machine_stop(m->board->m, STOP_RESET, 0, -1);
    return 0;
}

int vitro_listen(struct vitro *m, void (*event)(void *ctx, const struct vitro_event *ev), void *ctx,
                 struct vitro_err *err)
{
    struct event_sink *sink = &m->board->m->sink;

    if (event != NULL && m->listener != NULL)
        return err_set(err, -EBUSY, "listening to events: somebody else does");
    m->listener = event;
    m->listener_ctx = ctx;
    sink->fn = m->event != NULL || event != NULL ? pass_event : NULL;
    sink->ctx = m;
    return 0;
}

/* ---- memory as a CPU addresses it ------------------------------------------------------------ */

/* One piece a page: where it lies in guest-physical memory, and whether it is memory. */
static bool piece_at(const struct cpu_space *c, uint64_t gva, size_t len, bool write, uint64_t *gpa)
{
    struct x86_walk w;

    x86_walk(&c->regs, &c->phys, gva, &w);
    *gpa = w.gpa;
    return w.end == X86_WALK_MAPPED && mem_host(c->mem, w.gpa, len, write) != NULL;
}

static size_t piece_len(uint64_t gva, size_t left)
{
    size_t room = 4096 - gva % 4096;

    return left < room ? left : room;
}

/* All pieces are looked at before the first is touched. */
static int check_linear(const struct cpu_space *c, uint64_t gva, size_t len, bool write,
                        struct vitro_err *err)
{
    uint64_t gpa;

    if (len > VITRO_LINEAR_MAX || (len > 0 && len - 1 > UINT64_MAX - gva))
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "%zu bytes at 0x%" PRIx64 ": at most %d, and not past the last address",
                         len, gva, VITRO_LINEAR_MAX);
    for (size_t done = 0; done < len; done += piece_len(gva + done, len - done)) {
        if (!piece_at(c, gva + done, piece_len(gva + done, len - done), write, &gpa))
            return err_class(err, VITRO_ERR_USAGE, -EFAULT,
                             "memory at 0x%" PRIx64 ": not mapped, or no %s", gva + done,
                             write ? "memory that can be written" : "memory");
    }
    return 0;
}

int vitro_linear_read(struct vitro *m, unsigned cpu, uint64_t gva, void *buf, size_t len,
                      struct vitro_err *err)
{
    struct cpu_space c;
    uint64_t gpa;
    int rc = cpu_space_init(&c, m->board->m, cpu, 0, err);

    if (rc == 0)
        rc = check_linear(&c, gva, len, false, err);
    for (size_t done = 0, n; rc == 0 && done < len; done += n) {
        n = piece_len(gva + done, len - done);
        if (!piece_at(&c, gva + done, n, false, &gpa) ||
            !mem_get(c.mem, gpa, (char *)buf + done, n))
            rc = err_set(err, -EFAULT, "memory at 0x%" PRIx64 ": gone", gva + done);
    }
    return rc;
}

int vitro_linear_write(struct vitro *m, unsigned cpu, uint64_t gva, const void *buf, size_t len,
                       struct vitro_err *err)
{
    struct cpu_space c;
    uint64_t gpa;
    int rc = cpu_space_init(&c, m->board->m, cpu, 0, err);

    if (rc == 0)
        rc = check_linear(&c, gva, len, true, err);
    for (size_t done = 0, n; rc == 0 && done < len; done += n) {
        n = piece_len(gva + done, len - done);
        if (!piece_at(&c, gva + done, n, true, &gpa))
            rc = err_class(err, VITRO_ERR_USAGE, -EFAULT,
                           "memory at 0x%" PRIx64 ": what was written before it unmapped it",
                           gva + done);
        else if (vitro_mem_write(m, gpa, (const char *)buf + done, n) < 0)
            rc = err_set(err, -EFAULT, "memory at 0x%" PRIx64 ": gone", gva + done);
    }
    return rc;
}
