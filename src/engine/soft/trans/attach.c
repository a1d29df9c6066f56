/* SPDX-License-Identifier: MIT */
/* attach.c - which tier a vCPU runs on. */
#include "core/machine.h"
#include "engine/soft/cpu.h"
#include "engine/soft/trans/trans.h"

enum { THRESHOLD = 6 /* executions before code is worth translating */ };

int trans_attach(struct soft_cpu *c, struct vitro_err *err)
{
    enum engine_tier tier = c->vcpu->m->tier;
    struct trans_config config = { .threshold = tier == TIER_AUTO ? THRESHOLD : 0,
                                   .prove = TRANS_PROVE || c->vcpu->m->translate & TRANSLATE_CHECK,
                                   .counts = c->vcpu->m->translate & TRANSLATE_COUNT,
                                   .perf = c->vcpu->m->translate & TRANSLATE_PERF,
                                   .check = c->vcpu->m->translate & TRANSLATE_CHECK };
    int rc;

    if (tier == TIER_INTERP)
        return 0;
    rc = trans_new(c, &config, &c->trans, tier == TIER_AUTO ? &c->vcpu->m->untranslated : err);
    return tier == TIER_TRANS ? rc : 0;
}
