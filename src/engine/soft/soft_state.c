/* SPDX-License-Identifier: MIT */
/* soft_state.c - the software CPU's registers as the one struct x86_state, in parts (core/engine.h). */
#include <string.h>

#include "base/bits.h"
#include "engine/soft/attend.h"
#include "engine/soft/fpu.h"
#include "engine/soft/mmu.h"
#include "engine/soft/msr.h"
#include "engine/soft/ops.h"
#include "engine/soft/soft_priv.h"
#include "engine/soft/trans/trans.h"
#include "x86/move.h"

static void copy_rest(struct x86_state *to, const struct x86_state *from)
{
    x86_copy_debug(to, from);
    to->xcr0 = from->xcr0;
    to->xsave_len = from->xsave_len;
    memcpy(to->xsave, from->xsave, from->xsave_len);
}

int soft_get(struct vcpu *cpu, unsigned parts, struct x86_state *out, struct vitro_err *err)
{
    struct soft_cpu *c = soft_of(cpu);

    (void)err;
    soft_complete(c);
    if (parts & STATE_REGS)
        x86_copy_regs(out, &c->s);
    if (parts & STATE_SREGS)
        x86_copy_sregs(out, &c->s);
    if (parts & STATE_REST) {
        copy_rest(out, &c->s);
        soft_msrs_get(c, out);
        soft_intc_get(c, out);
    }
    return 0;
}

/* Start states say nothing of x87 and SSE: as after FNINIT, which is what KVM begins with too. */
static void init_vectors(struct soft_cpu *c)
{
    enum { FCW = 0, FTW = 4, XSAVE_LEN = 832 };

    soft_fx_reset(c);
    le_put(c->s.xsave + FCW, 2, 0x37f);
    le_put(c->s.xsave + FTW, 1, 0);
    c->s.xsave_len = XSAVE_LEN;
}

int soft_set(struct vcpu *cpu, unsigned parts, const struct x86_state *in, struct vitro_err *err)
{
    struct soft_cpu *c = soft_of(cpu);
    int rc = 0;

    soft_complete(c);
    if (parts == STATE_ALL) { /* another CPU altogether: what was under way is not any more */
        c->waiting = c->exit_ready = false;
        c->naccesses = 0;
    }
    if (parts & STATE_REGS)
        x86_copy_regs(&c->s, in); /* MARK: soft-regs */
    if (parts & STATE_SREGS)
        x86_copy_sregs(&c->s, in); /* MARK: soft-sregs */
    if (parts & STATE_REST) {
        copy_rest(&c->s, in);
        c->held_dr6 = 0;
        c->repeats = false;
        c->ferr_on = true; /* perhaps: the next x87 instruction sees */
        rc = soft_msrs_set(c, in, err);
        soft_intc_set(c, in);
        c->inherits = soft_has_inherited(&c->s);
    }
    if (c->s.xsave_len == 0)
        init_vectors(c);
    if (c->s.xcr0 == 0)
        c->s.xcr0 = 1;
    if (c->s.dr7 == 0) {
        c->s.dr6 = 0xffff0ff0;
        c->s.dr7 = 0x400;
    }
    if (c->trans != NULL && parts == STATE_ALL)
        trans_reset(c->trans); /* memory may have been another engine's meanwhile */
    soft_mode_changed(c);
    soft_flush(c, true);
    return rc;
}
