/* SPDX-License-Identifier: MIT */
/* loop_plain.c - see loop_copy.h. */
#define vcpu_new       plain_vcpu_new
#define vcpu_free      plain_vcpu_free
#define vcpu_answer    plain_vcpu_answer
#define vcpu_kick      plain_vcpu_kick
#define vcpu_loop      plain_vcpu_loop
#define vcpu_mmio_dev  plain_vcpu_mmio_dev
#define vcpu_translate plain_vcpu_translate

#include "core/event.h"

#define sink_on(sink) false

#include "core/vcpu.c"
