/* SPDX-License-Identifier: MIT */
/*
 * hash.c - one number for all that a guest has: registers of every vCPU, and memory
 *
 * Structs are taken apart: what lies between their members is nobody's.
 */
#include "base/bits.h"
#include "base/hash.h"
#include "core/machine.h"

static void add(uint64_t *h, uint64_t word)
{
    *h = hash_word(*h, word);
}

static void add_bytes(uint64_t *h, const uint8_t *p, uint64_t len)
{
    *h = hash_bytes(*h, p, len);
}

static void add_seg(uint64_t *h, const struct x86_seg *s)
{
    unsigned bits = s->type | (unsigned)s->dpl << 4 | (unsigned)s->s << 6 |
                    (unsigned)s->present << 7 | (unsigned)s->avl << 8 | (unsigned)s->l << 9 |
                    (unsigned)s->db << 10 | (unsigned)s->g << 11 | (unsigned)s->unusable << 12;

    add(h, s->base);
    add(h, s->limit);
    add(h, s->selector | (uint64_t)bits << 16);
}

static void add_events(uint64_t *h, const struct x86_events *e)
{
    unsigned bits = e->exception_injected | (unsigned)e->exception_pending << 1 |
                    (unsigned)e->exception_has_error << 2 |
                    (unsigned)e->exception_has_payload << 3 | (unsigned)e->interrupt_injected << 4 |
                    (unsigned)e->interrupt_soft << 5 | (unsigned)e->nmi_injected << 6 |
                    (unsigned)e->nmi_pending << 7 | (unsigned)e->nmi_masked << 8 |
                    (unsigned)e->triple_fault_pending << 9;

    add(h, bits | (uint64_t)e->shadow << 16 | (uint64_t)e->exception_vector << 24 |
               (uint64_t)e->interrupt_vector << 32);
    add(h, e->exception_error);
    add(h, e->exception_payload);
}

static void add_regs(uint64_t *h, const struct x86_state *s)
{
    const uint64_t control[] = { s->rip, s->rflags, s->cr0,  s->cr2,       s->cr3, s->cr4,
                                 s->cr8, s->efer,   s->xcr0, s->apic_base, s->dr6, s->dr7 };

    for (unsigned i = 0; i < ARRAY_LEN(s->gpr); i++)
        add(h, s->gpr[i]);
    for (size_t i = 0; i < ARRAY_LEN(control); i++)
        add(h, control[i]);
    for (unsigned i = 0; i < ARRAY_LEN(s->dr); i++)
        add(h, s->dr[i]);
    for (unsigned i = 0; s->pdptr_valid && i < ARRAY_LEN(s->pdptr); i++)
        add(h, s->pdptr[i]);
    for (unsigned i = 0; i < X86_NSREG; i++)
        add_seg(h, &s->seg[i]);
    add_seg(h, &s->tr);
    add_seg(h, &s->ldtr);
    add(h, s->gdtr.base);
    add(h, s->idtr.base);
    add(h, s->gdtr.limit | (uint64_t)s->idtr.limit << 16);
}

static void add_state(uint64_t *h, const struct x86_state *s)
{
    add_regs(h, s);
    for (uint32_t i = 0; i < s->nmsrs; i++) {
        add(h, s->msr[i].index);
        add(h, s->msr[i].value);
    }
    add_bytes(h, s->xsave, s->xsave_len);
    if (s->lapic_valid)
        add_bytes(h, s->lapic, sizeof(s->lapic));
    add_events(h, &s->events);
    add(h, s->activity);
}

int machine_hash(struct machine *m, uint64_t *out, struct vitro_err *err)
{
    uint64_t h = 0;

    for (unsigned i = 0; i < m->ncpus; i++) {
        struct x86_state s = { 0 };
        int rc = m->cpu[i]->engine->get(m->cpu[i], STATE_ALL, &s, err);

        if (rc < 0)
            return rc;
        add_state(&h, &s);
    }
    for (size_t i = 0; i < m->mem.nslots; i++) {
        add(&h, m->mem.slot[i].base);
        add_bytes(&h, m->mem.slot[i].host, m->mem.slot[i].len);
    }
    *out = h;
    return 0;
}
