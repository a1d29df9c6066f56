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
    if (!m->reboots || m->board->reset == NULL)
        return err_class(err, VITRO_ERR_ENGINE, -ENOTSUP, "resetting %s: %s", m->guest->shown,
                         m->board->reset == NULL ? "a bare machine has no reset"
                                                 : "a reset ends its run (--no-reboot)");
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

/* ---- registers ------------------------------------------------------------------------------- */

/* What a debugger may set of RFLAGS; the others are fixed, or decide on the CPU's mode (VM). */
static const uint64_t rflags_settable = 0x3d7fd5;

static bool canonical(uint64_t addr)
{
    return (uint64_t)((int64_t)(addr << 16) >> 16) == addr;
}

static int check_regs(const struct vitro_regs *in, unsigned parts, struct vitro_err *err)
{
    const uint64_t bases[] = { in->seg[X86_FS].base, in->seg[X86_GS].base };

    if (parts == 0 || parts & ~(unsigned)(VITRO_REGS_GENERAL | VITRO_REGS_CR2 | VITRO_REGS_BASES))
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "setting registers: no such part");
    if (parts & VITRO_REGS_GENERAL && !canonical(in->rip))
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "setting rip to 0x%" PRIx64 ": bits 63 to 47 must be the same", in->rip);
    for (size_t i = 0; parts & VITRO_REGS_BASES && i < ARRAY_LEN(bases); i++) {
        if (!canonical(bases[i]))
            return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                             "setting a segment's base to 0x%" PRIx64
                             ": bits 63 to 47 must be the same",
                             bases[i]);
    }
    return 0;
}

static void take_general(const struct vitro_regs *in, struct x86_state *s)
{
    for (unsigned i = 0; i < X86_NGPR; i++)
        s->gpr[i] = in->gpr[i];
    s->rip = in->rip;
    s->rflags = (s->rflags & ~rflags_settable) | (in->rflags & rflags_settable);
}

int vitro_regs_set(struct vitro *m, unsigned cpu, const struct vitro_regs *regs, unsigned parts,
                   struct vitro_err *err)
{
    struct vcpu *vcpu = vcpu_of(m, cpu, err);
    struct x86_state s;
    int rc;

    if (vcpu == NULL)
        return -EINVAL;
    rc = check_regs(regs, parts, err);
    if (rc == 0)
        rc = vcpu_drain(vcpu, err);
    if (rc == 0)
        rc = vcpu->engine->get(vcpu, STATE_REGS | STATE_SREGS, &s, err);
    if (rc < 0)
        return rc;
    if (parts & VITRO_REGS_GENERAL)
        take_general(regs, &s);
    if (parts & VITRO_REGS_CR2)
        s.cr2 = regs->cr2;
    if (parts & VITRO_REGS_BASES) {
        s.seg[X86_FS].base = regs->seg[X86_FS].base;
        s.seg[X86_GS].base = regs->seg[X86_GS].base;
    }
    rewind_cut(m->board->m);
    return vcpu->engine->set(vcpu, STATE_REGS | STATE_SREGS, &s, err);
}

/*
 * Layout: SDM 1, "Legacy Region of an XSAVE Area" and "XSAVE Header". A component whose header bit is clear is in its
 * initial state, whatever the area holds.
 */
enum {
    XSAVE_ST = 32,
    XSAVE_XMM = 160,
    XSAVE_HEADER = 512,
    XSTATE_X87 = 1,
    XSAVE_YMMH = 576, /* CPUID 0DH, 2: EBX; on every CPU that has them */
    XSTATE_SSE = 2,
    XSTATE_AVX = 4,
    FCW_INITIAL = 0x37f,
    MXCSR_INITIAL = 0x1f80,
};

static void take_x87(const uint8_t *area, struct vitro_fpu *out)
{
    out->fcw = (uint16_t)le_get(area, 2);
    out->fsw = (uint16_t)le_get(area + 2, 2);
    out->ftw = area[4];
    out->fop = (uint16_t)le_get(area + 6, 2);
    out->fip = le_get(area + 8, 8);
    out->fdp = le_get(area + 16, 8);
    for (size_t i = 0; i < ARRAY_LEN(out->st); i++)
        memcpy(out->st[i], area + XSAVE_ST + 16 * i, sizeof(out->st[i]));
}

int vitro_fpu(struct vitro *m, unsigned cpu, struct vitro_fpu *out, struct vitro_err *err)
{
    struct vcpu *vcpu = vcpu_of(m, cpu, err);
    struct x86_state s = { 0 };
    uint64_t there;
    int rc;

    if (vcpu == NULL)
        return -EINVAL;
    rc = vcpu->engine->get(vcpu, STATE_REST, &s, err);
    if (rc < 0)
        return rc;
    *out = (struct vitro_fpu){ .fcw = FCW_INITIAL, .mxcsr = MXCSR_INITIAL };
    out->avx = s.xcr0 & XSTATE_AVX;
    if (s.xsave_len < XSAVE_HEADER + 8)
        return 0;
    there = le_get(s.xsave + XSAVE_HEADER, 8);
    if (there & XSTATE_X87)
        take_x87(s.xsave, out);
    if (there & XSTATE_SSE) {
        out->mxcsr = (uint32_t)le_get(s.xsave + 24, 4);
        for (size_t i = 0; i < ARRAY_LEN(out->xmm); i++)
            memcpy(out->xmm[i], s.xsave + XSAVE_XMM + 16 * i, sizeof(out->xmm[i]));
    }
    if (out->avx && there & XSTATE_AVX && s.xsave_len >= XSAVE_YMMH + sizeof(out->ymmh))
        memcpy(out->ymmh, s.xsave + XSAVE_YMMH, sizeof(out->ymmh));
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
