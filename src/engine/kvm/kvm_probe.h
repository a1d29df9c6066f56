/* SPDX-License-Identifier: MIT */
/*
 * kvm_probe.h - what this host's KVM really does, found by running guest code
 *
 * Opening /dev/kvm proves nothing: there are hosts whose KVM emulates ring 0, leaves SYSCALL in ring 3, or
 * ends 32-bit paging in a triple fault. Used by the library's face (choice of an engine, doctor).
 *
 * Every run has a time limit: a timer of the calling thread sends it the kick signal, which is taken out
 * of its signal mask for the call. No other thread is made. GAP: a KVM_RUN that does not return on a
 * signal either cannot be helped.
 */
#ifndef ENGINE_KVM_PROBE_H
#define ENGINE_KVM_PROBE_H

#include "base/err.h"
#include "core/probe.h"
#include "engine/kvm/kvm.h"

/*
 * kvm_probe_interface - may /dev/kvm be opened, is it KVM, what does it offer
 *
 * sys  NULL for the real system calls
 *
 * Fills the INTERFACE rows; those behind the first failure stay unknown. Runs nothing: a few dozen us.
 */
void kvm_probe_interface(const struct kvm_sys *sys, struct probe_report *out);

/*
 * kvm_probe - run what the groups ask for
 *
 * groups  1 << enum probe_group, OR of any; INTERFACE is ignored
 *
 * Fills the rows of those groups and leaves others alone. When KVM cannot be used at all, or gave no answer
 * in time too often, what was not run stays unknown and its reason says why. Seconds at most; about half
 * a second where KVM is a good one. Thread: any, one at a time with the kick signal's timer.
 */
void kvm_probe(const struct kvm_sys *sys, unsigned groups, struct probe_report *out);

/*
 * kvm_probe_mode - does KVM run this one row of PROBE_GROUP_MODES
 *
 * Makes one machine, runs a few instructions, drops it: 1 to 2 ms.
 *
 * Returns 0 with *out filled, or a negative errno with err as the engine fills it when there is no KVM to
 * use (VITRO_ERR_ENGINE) or the host refused something (VITRO_ERR_HOST).
 */
WARN_UNUSED int kvm_probe_mode(const struct kvm_sys *sys, enum probe_id mode, struct probe_row *out,
                               struct vitro_err *err);

#endif
