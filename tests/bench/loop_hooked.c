/* SPDX-License-Identifier: MIT */
/* loop_hooked.c - see loop_copy.h. */
#define vcpu_new       hooked_vcpu_new
#define vcpu_free      hooked_vcpu_free
#define vcpu_answer    hooked_vcpu_answer
#define vcpu_kick      hooked_vcpu_kick
#define vcpu_loop      hooked_vcpu_loop
#define vcpu_mmio_dev  hooked_vcpu_mmio_dev
#define vcpu_translate hooked_vcpu_translate

#include "core/vcpu.c"
