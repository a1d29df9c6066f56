/* SPDX-License-Identifier: MIT */
/* kvm_cpuid.h - which CPUID bits this host's KVM supports; for the library's face. */
#ifndef ENGINE_KVM_CPUID_H
#define ENGINE_KVM_CPUID_H

#include "engine/kvm/kvm.h"
#include "x86/cpuid_model.h"

struct kvm_cpuid2;

/*
 * kvm_cpuid_read - ask this host's KVM
 *
 * sys  NULL for the real system calls
 * out  receives the list; the caller frees it
 *
 * Opens and closes /dev/kvm. A negative errno when there is no KVM that answers.
 */
WARN_UNUSED int kvm_cpuid_read(const struct kvm_sys *sys, struct kvm_cpuid2 **out);

/* A bit of the list. */
bool kvm_cpuid_has(const struct kvm_cpuid2 *list, const struct x86_feature_place *at);

#endif
