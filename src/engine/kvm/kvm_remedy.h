/* SPDX-License-Identifier: MIT */
/* kvm_remedy.h - what a user can do about a /dev/kvm that does not open */
#ifndef ENGINE_KVM_REMEDY_H
#define ENGINE_KVM_REMEDY_H

#include <stddef.h>

#include "engine/kvm/kvm.h"

/* Asks the host, as kvm_sys.look. */
int kvm_file_look(void *ctx, const char *path, struct kvm_file *out);

/*
 * kvm_remedy - a line for an EACCES or EPERM of opening /dev/kvm, made of the file's mode and owner
 *
 * error: negative. Fits in 110 bytes. Other errors give "". Returns buf.
 */
char *kvm_remedy(const struct kvm_sys *sys, int error, char *buf, size_t len);

#endif
