/* SPDX-License-Identifier: MIT */
/* kvm_probe.c - the probe's entry points, and the rows that ask without running anything. */
#include "engine/kvm/kvm_probe.h"

#include <errno.h>
#include <string.h>

#include "engine/kvm/kvm_probe_priv.h"
#include "engine/kvm/kvm_remedy.h"

/* ---- interface ------------------------------------------------------------------------------- */

static const struct cap_row {
    enum probe_id id;
    uint32_t cap;
} caps[] = {
    { PROBE_USER_MEMORY, KVM_CAP_USER_MEMORY },
    { PROBE_IMMEDIATE_EXIT, KVM_CAP_IMMEDIATE_EXIT },
    { PROBE_SYNC_REGS, KVM_CAP_SYNC_REGS },
    { PROBE_SREGS2, KVM_CAP_SREGS2 },
    { PROBE_XSAVE, KVM_CAP_XSAVE },
    { PROBE_XSAVE2, KVM_CAP_XSAVE2 },
    { PROBE_XCRS, KVM_CAP_XCRS },
    { PROBE_DEBUGREGS, KVM_CAP_DEBUGREGS },
    { PROBE_VCPU_EVENTS, KVM_CAP_VCPU_EVENTS },
    { PROBE_MP_STATE, KVM_CAP_MP_STATE },
    { PROBE_GUEST_DEBUG, KVM_CAP_SET_GUEST_DEBUG },
    { PROBE_EMULATION_BYTES, KVM_CAP_EXIT_ON_EMULATION_FAILURE },
    { PROBE_READONLY_MEM, KVM_CAP_READONLY_MEM },
    { PROBE_IRQCHIP, KVM_CAP_IRQCHIP },
    { PROBE_SPLIT_IRQCHIP, KVM_CAP_SPLIT_IRQCHIP },
    { PROBE_IRQFD, KVM_CAP_IRQFD },
    { PROBE_IOEVENTFD, KVM_CAP_IOEVENTFD },
    { PROBE_TSC_DEADLINE, KVM_CAP_TSC_DEADLINE_TIMER },
    { PROBE_MAX_VCPUS, KVM_CAP_MAX_VCPUS },
    { PROBE_NR_MEMSLOTS, KVM_CAP_NR_MEMSLOTS },
};

static int ask(const struct kvm_sys *sys, int fd, unsigned long request, unsigned long arg)
{
    int rc;

    do {
        rc = sys->ioctl(sys->ctx, fd, request, (void *)arg);
    } while (rc == -EINTR);
    return rc;
}

static void probe_caps(const struct kvm_sys *sys, int fd, struct probe_report *out)
{
    for (size_t i = 0; i < ARRAY_LEN(caps); i++) {
        int rc = ask(sys, fd, KVM_CHECK_EXTENSION, caps[i].cap);
        bool number = probe_about[caps[i].id].unit != PROBE_PLAIN;

        probe_set(&out->row[caps[i].id], rc > 0 ? PROBE_YES : PROBE_NO, number && rc > 0 ? rc : 0,
                  "%s", rc > 0 ? "" : "not offered");
    }
}

void kvm_probe_interface(const struct kvm_sys *sys, struct probe_report *out)
{
    struct probe_row *api = &out->row[PROBE_API];
    int fd, version;

    sys = sys != NULL ? sys : &kvm_sys_real;
    fd = sys->open(sys->ctx, "/dev/kvm");
    if (fd < 0) {
        probe_set(&out->row[PROBE_DEVICE], PROBE_NO, -fd, "%s", strerror(-fd));
        kvm_remedy(sys, fd, out->remedy, sizeof(out->remedy));
        return;
    }
    probe_set(&out->row[PROBE_DEVICE], PROBE_YES, 0, "%s", "");
    version = ask(sys, fd, KVM_GET_API_VERSION, 0);
    if (version == KVM_API_VERSION) {
        probe_set(api, PROBE_YES, version, "%s", "");
        probe_caps(sys, fd, out);
    } else if (version < 0) {
        probe_set(api, PROBE_NO, 0, "it is something else: %s", strerror(-version));
    } else {
        probe_set(api, PROBE_NO, version, "it says version %d", version);
    }
    sys->close(sys->ctx, fd);
}

/* ---- by running ------------------------------------------------------------------------------ */

/* In the order in which they are run: what matters most comes before a KVM may have given up. */
static const struct group_row {
    enum probe_group group;
    void (*run)(struct prober *p, struct probe_report *out);
} groups_run[] = {
    { PROBE_GROUP_MODES, probe_modes }, { PROBE_GROUP_SPEED, probe_speed },
    { PROBE_GROUP_RINGS, probe_rings }, { PROBE_GROUP_STATE, probe_state },
    { PROBE_GROUP_DEBUG, probe_debug }, { PROBE_GROUP_INSTRUCTIONS, probe_instructions },
};

static void all_unknown(unsigned groups, const char *why, struct probe_report *out)
{
    for (unsigned i = 0; i < PROBE_NROWS; i++) {
        if (groups & 1u << probe_about[i].group && probe_about[i].group != PROBE_GROUP_INTERFACE)
            probe_set(&out->row[i], PROBE_UNKNOWN, 0, "not run: %s", why);
    }
}

/* Is there a KVM at all: otherwise every row would say the same failure in its own place. */
static bool usable(struct prober *p)
{
    static const struct probe_shot shot = { SHOT_LONG, .code = kvm_probe_long64 };

    return prober_aim(p, &shot) == 0 || !p->no_machine;
}

void kvm_probe(const struct kvm_sys *sys, unsigned groups, struct probe_report *out)
{
    struct vitro_err err = { 0 };
    struct prober p;

    if (prober_init(&p, sys, &err) < 0) {
        all_unknown(groups, err.text, out);
        return;
    }
    p.offer_cpuid = true;
    if (usable(&p)) {
        for (size_t i = 0; i < ARRAY_LEN(groups_run); i++) {
            if (groups & 1u << groups_run[i].group)
                groups_run[i].run(&p, out);
        }
    } else {
        all_unknown(groups, p.err.text, out);
    }
    prober_fini(&p);
}

int kvm_probe_mode(const struct kvm_sys *sys, enum probe_id mode, struct probe_row *out,
                   struct vitro_err *err)
{
    struct prober p;
    int rc = prober_init(&p, sys, err);

    if (rc < 0)
        return rc;
    *out = (struct probe_row){ 0 };
    probe_one_mode(&p, mode, out);
    rc = p.no_machine ? p.err.code : 0;
    if (rc < 0 && err != NULL && err->code == 0)
        *err = p.err;
    prober_fini(&p);
    return rc;
}
