/* SPDX-License-Identifier: MIT */
/*
 * kvm_rig.h - one bare vCPU on the KVM engine, run exit by exit, for the engine's tests
 *
 * Memory: 512 KiB from 0; everything above is a hole, so that accesses there are MMIO. Long mode maps the
 * first 2 MiB as they are. Code begins at RIG_CODE, except in real mode, where CS has a base to be counted.
 */
#ifndef TESTS_KVM_RIG_H
#define TESTS_KVM_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "core/machine.h"
#include "engine/kvm/kvm.h"
#include "x86/start.h"

enum {
    RIG_RAM = 512 * 1024,
    RIG_CODE = 0x6000,
    RIG_CS_BASE = 0x5ff0, /* real mode: the code is at offset RIG_IP */
    RIG_IP = RIG_CODE - RIG_CS_BASE,
    RIG_DATA = 0x8000,
    RIG_STACK = 0x20000,
    RIG_HOLE = 0x90000,
};

struct rig {
    struct machine *m;
    struct vcpu *cpu;
    uint8_t *ram;
    struct vitro_err err;
    uint64_t answer; /* to every read, cut to its width */
};

struct rig_config {
    const struct kvm_sys *sys; /* NULL: the real one */
    enum x86_start start;
    unsigned ring; /* 0 or 3; ring 3 only in long mode */
    const void *code;
    size_t len;
    bool cpuid;
    event_fn *sink;
    void *sink_ctx;
};

/* rip of the first byte of code, as an exit reports it. */
static inline uint64_t rig_rip(const struct rig_config *cfg)
{
    return cfg->start == X86_START_REAL ? RIG_IP : RIG_CODE;
}

static inline void rig_tables(uint8_t *ram)
{
    le_put(ram + 0x2000, 8, 0x3007);
    le_put(ram + 0x3000, 8, 0x4007);
    le_put(ram + 0x4000, 8, 0x87);
}

/* Registers that the rows of the tests rely on. */
static inline void rig_start(const struct rig_config *cfg, struct x86_state *s)
{
    x86_start_state(cfg->start, rig_rip(cfg), RIG_STACK, 0x2000, s);
    s->gpr[X86_RAX] = 0x1122334455667741;
    s->gpr[X86_RBX] = cfg->start == X86_START_REAL ? 0x10 : RIG_HOLE + 0x10;
    s->gpr[X86_RCX] = 10;
    s->gpr[X86_RDX] = 0xe9;
    s->gpr[X86_RSI] = s->gpr[X86_RDI] = RIG_DATA;
    if (cfg->start == X86_START_REAL) {
        s->gpr[X86_RSP] = 0x7ff0;
        s->seg[X86_CS].base = RIG_CS_BASE;
        s->seg[X86_CS].selector = RIG_CS_BASE >> 4;
        s->seg[X86_FS].base = RIG_HOLE;
        s->seg[X86_FS].selector = RIG_HOLE >> 4;
    }
    for (unsigned i = 0; i < X86_NSREG && cfg->ring != 0; i++) {
        s->seg[i].dpl = (uint8_t)cfg->ring;
        s->seg[i].selector |= (uint16_t)cfg->ring;
        s->rflags |= X86_RFLAGS_IOPL;
    }
}

static inline void rig_close(struct rig *r)
{
    machine_free(r->m);
    if (r->ram != NULL)
        munmap(r->ram, RIG_RAM);
    r->m = NULL;
    r->ram = NULL;
}

/* 0, or what failed with r->err filled and everything given back. */
static inline int rig_try(struct rig *r, const struct rig_config *cfg)
{
    struct mem_slot slot = { .len = RIG_RAM, .kind = MEM_RAM, .name = "RAM" };
    struct x86_state start;
    int rc;

    *r = (struct rig){ .answer = 0x8877665544332211 };
    rc = machine_new("rig", &kvm_engine, &r->m, &r->err);
    if (rc < 0)
        return rc;
    r->m->engine_arg = cfg->sys;
    r->m->cpuid = cfg->cpuid;
    r->m->sink = (struct event_sink){ .fn = cfg->sink, .ctx = cfg->sink_ctx };
    slot.host = mmap(NULL, RIG_RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(slot.host, MAP_FAILED);
    r->ram = slot.host;
    rig_tables(r->ram);
    memcpy(r->ram + RIG_CODE, cfg->code, cfg->len);
    for (unsigned i = 0; i < 256; i++)
        r->ram[RIG_DATA + i] = (uint8_t)(i + 1);
    rc = machine_open(r->m, &r->err);
    if (rc == 0)
        rc = machine_add_mem(r->m, &slot, &r->err);
    rig_start(cfg, &start);
    if (rc == 0)
        rc = machine_add_cpu(r->m, &start, &r->err);
    if (rc < 0)
        rig_close(r);
    else
        r->cpu = r->m->cpu[0];
    return rc;
}

static inline void rig_open(struct rig *r, const struct rig_config *cfg)
{
    if (rig_try(r, cfg) < 0)
        fail_msg("%s", r->err.text);
}

/* Runs to the next exit and answers it if it reads. */
static inline struct cpu_exit rig_run(struct rig *r)
{
    struct cpu_exit x;
    int rc = r->m->engine->run(r->cpu, &r->err);

    if (rc < 0)
        fail_msg("run: %s", r->err.text);
    if ((r->cpu->exit.kind == EXIT_PIO || r->cpu->exit.kind == EXIT_MMIO) && !r->cpu->exit.write)
        r->cpu->exit.data = r->answer & ones(r->cpu->exit.width);
    x = r->cpu->exit;
    r->cpu->answered = true;
    return x;
}

/* The same, over exits that say only that somebody kicked. */
static inline struct cpu_exit rig_next(struct rig *r)
{
    struct cpu_exit x;

    do {
        x = rig_run(r);
    } while (x.kind == EXIT_KICKED);
    return x;
}

static inline void rig_get(struct rig *r, unsigned parts, struct x86_state *out)
{
    if (r->m->engine->get(r->cpu, parts, out, &r->err) < 0)
        fail_msg("get: %s", r->err.text);
}

static inline void rig_set(struct rig *r, unsigned parts, const struct x86_state *in)
{
    if (r->m->engine->set(r->cpu, parts, in, &r->err) < 0)
        fail_msg("set: %s", r->err.text);
}

#endif
