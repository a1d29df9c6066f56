/* SPDX-License-Identifier: MIT */
/* vcpu_state.c - the registers of a vCPU for somebody outside of its loop: see vcpu.h. */
#include "core/machine.h"
#include "x86/move.h"

int vcpu_state(struct vcpu *cpu, unsigned parts, struct x86_state *out, struct vitro_err *err)
{
    int rc = cpu->engine->get(cpu, parts, out, err);

    if (rc == 0 && parts & STATE_SREGS && cpu->intc.ops != NULL) {
        pthread_mutex_lock(&cpu->m->lock);
        out->cr8 = cpu->intc.ops->cr8(cpu->intc.ctx);
        pthread_mutex_unlock(&cpu->m->lock);
    }
    return rc;
}

int vcpu_set_state(struct vcpu *cpu, unsigned parts, const struct x86_state *in,
                   struct vitro_err *err)
{
    struct x86_state all;
    int rc = 0;

    if (parts & STATE_REST) {
        rc = cpu->engine->get(cpu, STATE_ALL, &all, err);
        x86_copy_regs(&all, in);
        x86_copy_sregs(&all, in);
        x86_copy_debug(&all, in);
        all.nmsrs = 0; /* setting some has effects even so */
        all.lapic_valid = false;
        in = &all;
    }
    if (rc == 0)
        rc = cpu->engine->set(cpu, parts, in, err);
    if (rc == 0 && parts & STATE_SREGS && cpu->intc.ops != NULL) {
        pthread_mutex_lock(&cpu->m->lock);
        cpu->intc.ops->set_cr8(cpu->intc.ctx, (uint8_t)in->cr8);
        pthread_mutex_unlock(&cpu->m->lock);
    }
    return rc;
}
