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
    struct vitro_err why = { 0 };
    int rc;

    if (tier == TIER_INTERP)
        return 0;
    rc = trans_new(c, &config, &c->trans, &why);
    if (rc == 0)
        return 0;
    if (config.check) /* of nothing it would say that all is well */
        return err_set(err, rc, "%s", why.text);
    if (tier == TIER_TRANS)
        return err_set(err, rc, "%.120s; --tier interp goes without", why.text);
    c->vcpu->m->untranslated = why;
    return 0;
}
