/* SPDX-License-Identifier: MIT */
/*
 * kvm_rip.c - which instruction caused an exit, whatever this KVM says
 *
 * KVMs report three things as rip:
 *   at     the instruction itself: every read (it is not over), writes that the CPU handed to KVM whole
 *          (OUT on most Intel hosts), repeated strings until their count is 0
 *   after  the next instruction: writes done by KVM's emulator, which has written rip back (OUT on other
 *          hosts, OUTS, nearly all of MMIO), and HLT
 * The first exit of a site decides it: KVM is told to end the instruction (kvm_finish), and if rip moves
 * then it was `at`. Otherwise the instruction must end where rip is, or be a repeated string there, and
 * decoding finds it. The answer is kept by raw rip and kind of access, so that later exits of the site
 * cost a look-up and no ioctl.
 *
 * Where a repeated string follows a plain access of the same kind and width, both report the same rip:
 * such a site is decided anew at each exit, by the data or the address of the access.
 *
 * GAP: when no instruction fits (code that cannot be read or that changed since, a stack push into MMIO
 * while an interrupt is delivered), rip is what KVM says.
 * GAP: an answer is kept while code, page tables and the base of CS may change under the same rip. Two
 * accesses of the same kind and width that end at the same offset in different code may then be given
 * the length of the first one seen.
 */
#include <string.h>

#include "engine/kvm/kvm_insn.h"

static uint64_t key_of(const struct vcpu *cpu)
{
    const struct kvm_access *a = &kcpu_of(cpu)->access;
    const struct cpu_exit *x = &cpu->exit;

    if (x->kind == EXIT_HLT)
        return 1;
    return 2 | (uint64_t)(x->kind == EXIT_PIO) << 2 | (uint64_t)a->write << 3 |
           (uint64_t)(a->nitems > 1) << 4 | (uint64_t)a->item_len << 8 |
           (x->kind == EXIT_PIO ? a->base << 16 : 0);
}

static void describe(const struct vcpu *cpu, struct kvm_site *s)
{
    const struct kvm_access *a = &kcpu_of(cpu)->access;

    s->kind = cpu->exit.kind == EXIT_PIO    ? SITE_PIO
              : cpu->exit.kind == EXIT_MMIO ? SITE_MMIO
                                            : SITE_HLT;
    s->write = s->kind == SITE_HLT || a->write;
    s->len = s->kind == SITE_HLT ? 0 : a->item_len;
    s->addr = s->kind == SITE_HLT ? 0 : a->base;
    s->data = s->kind != SITE_HLT && a->write ? le_get(a->data, a->item_len) : 0;
}

/*
 * Ends a single write, whose data is here already, and tells whether rip moved. The data is saved first,
 * since a further exit of the same instruction may use the run area.
 */
static int settle(struct vcpu *cpu, uint64_t raw, bool *moved, struct vitro_err *err)
{
    struct kvm_access *a = &kcpu_of(cpu)->access;
    uint64_t now = raw;
    int rc;

    memcpy(a->copy, a->data, a->item_len);
    a->data = a->copy;
    a->finished = true;
    rc = kvm_finish(cpu, err);
    if (rc == 0)
        rc = kvm_raw_rip(cpu, &now, err);
    *moved = now != raw;
    return rc;
}

/*
 * How often decoding from further back falls into step with each start. Code that has been decoded from
 * a wrong byte meets the true boundaries again after a few instructions, so the true start wins against
 * the same instruction without its prefix, or with a byte of the one before taken for one.
 */
static void count_votes(const struct kvm_site *s, unsigned votes[INSN_MAX + 1])
{
    for (unsigned from = s->first; from + INSN_MAX < SITE_BACK; from++) {
        unsigned at = from;

        while (at < SITE_BACK) {
            struct kvm_match m = kvm_site_match(s, at);

            if (SITE_BACK - at <= INSN_MAX)
                votes[SITE_BACK - at]++;
            at += m.len != 0 ? m.len : 1;
        }
    }
}

/* Length of the instruction that ends at the raw rip and made the access; 0: none can be found. */
static unsigned insn_before(const struct kvm_site *s, struct kvm_match *best)
{
    unsigned votes[INSN_MAX + 1] = { 0 }, len = 0, n = 0;
    struct kvm_match m[INSN_MAX + 1] = { 0 };

    *best = (struct kvm_match){ 0 };
    for (unsigned i = 1; i <= INSN_MAX; i++) {
        m[i] = kvm_site_match(s, SITE_BACK - i);
        m[i].looks &= m[i].len == i;
        n += m[i].looks;
    }
    if (n > 1)
        count_votes(s, votes);
    for (unsigned i = 1; i <= INSN_MAX; i++) {
        if (!m[i].looks || m[i].fits < best->fits)
            continue;
        if (len == 0 || m[i].fits > best->fits || votes[i] >= votes[len]) {
            *best = m[i];
            len = i;
        }
    }
    return len;
}

/* Bytes to go back from the raw rip. *unsure: only this one exit, not the site. */
static unsigned bytes_back(const struct kvm_site *s, bool *unsure)
{
    struct kvm_match here = kvm_site_match(s, SITE_BACK), before;
    unsigned len;

    *unsure = false;
    if (here.looks && !s->write)
        return 0;
    len = insn_before(s, &before);
    if (!here.looks || !here.rep || !s->write)
        return len;
    *unsure = len != 0;
    return len != 0 && before.fits && !here.fits ? len : 0;
}

static int find(struct vcpu *cpu, uint64_t raw, uint64_t *back, bool *unsure, struct vitro_err *err)
{
    const struct kvm_access *a = &kcpu_of(cpu)->access;
    struct kvm_site s;
    bool moved = false;
    int rc;

    *back = 0;
    *unsure = false;
    describe(cpu, &s);
    rc = kvm_site_load(cpu, &s, err);
    if (rc < 0)
        return rc;
    if (s.kind != SITE_HLT && a->nitems > 1)
        return 0; /* a batch is a repeated string under way, so rip is at it */
    if (s.kind != SITE_HLT && s.write)
        rc = settle(cpu, raw, &moved, err);
    if (rc == 0 && !moved)
        *back = bytes_back(&s, unsure);
    return rc;
}

int kvm_insn_rip(struct vcpu *cpu, uint64_t raw, uint64_t *rip, struct vitro_err *err)
{
    uint64_t key = key_of(cpu), back;
    uint64_t hash = (raw + key * UINT64_C(0x100000001b3)) * UINT64_C(0x9e3779b97f4a7c15) >> 32;
    struct rip_memo *memo = &kcpu_of(cpu)->memo[hash % RIP_MEMO];
    bool unsure;
    int rc;

    if (memo->key == key && memo->raw == raw) {
        *rip = memo->rip;
        return 0;
    }
    rc = find(cpu, raw, &back, &unsure, err);
    *rip = raw - back;
    if (rc == 0 && !unsure)
        *memo = (struct rip_memo){ .raw = raw, .key = key, .rip = *rip };
    return rc;
}
