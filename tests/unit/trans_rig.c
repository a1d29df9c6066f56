/* SPDX-License-Identifier: MIT */
/* trans_rig.c - CPUs for the translator's tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "engine/soft/run.h"
#include "trans_rig.h"

struct soft_cpu *trans_rig_open(struct rig *r)
{
    struct soft_cpu *c;

    rig_open(r);
    c = r->c;
    c->code = soft_code_new();
    assert_non_null(c->code);
    c->limit = UINT64_MAX;
    c->s.xcr0 = 7;
    c->s.xsave_len = XSAVE_LEN;
    trans_rig_mode(r, X86_CODE_64);
    return c;
}

void trans_rig_mode(struct rig *r, enum x86_code code)
{
    rig_mode(r, code);
    r->c->s.cr4 |= X86_CR4_OSFXSR | X86_CR4_OSXSAVE | X86_CR4_OSXMMEXCPT;
}

void trans_rig_close(struct rig *r)
{
    free(r->c->code);
    rig_close(r);
}

struct pair *pair_open(const struct trans_config *config, void (*set_up)(struct soft_cpu *c))
{
    struct pair *p = calloc(1, sizeof(*p));

    assert_non_null(p);
    set_up(trans_rig_open(&p->interp.rig));
    set_up(trans_rig_open(&p->trans.rig));
    assert_int_equal(trans_new(p->trans.rig.c, config, &p->trans.t, NULL), 0);
    p->trans.rig.c->trans = p->trans.t;
    p->gen = (struct gen){ .rng = 1, .code = X86_CODE_64 };
    return p;
}

void pair_mode(struct pair *p, enum x86_code code)
{
    trans_rig_mode(&p->interp.rig, code);
    trans_rig_mode(&p->trans.rig, code);
    p->gen.code = code;
}

void pair_close(struct pair *p)
{
    trans_free(p->trans.t);
    trans_rig_close(&p->interp.rig);
    trans_rig_close(&p->trans.rig);
    free(p);
}

bool same_segments(const struct x86_state *a, const struct x86_state *b)
{
    const size_t len = offsetof(struct x86_seg, unusable) + sizeof(a->seg[0].unusable);

    for (unsigned i = 0; i < X86_NSREG; i++) {
        if (memcmp(&a->seg[i], &b->seg[i], len) != 0)
            return false;
    }
    return true;
}

bool side_advance(struct side *s, uint64_t insns)
{
    struct soft_cpu *c = s->rig.c;

    c->limit = insns;
    while (c->insns < insns) {
        if (!soft_advance(c))
            return false;
        if (s->t != NULL && c->insns < insns && !trans_burst(s->t, insns - c->insns, true))
            return false;
    }
    return true;
}
