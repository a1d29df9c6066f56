/* SPDX-License-Identifier: MIT */
/* loop_twin.c - see loop_copy.h. */
#define vcpu_new       twin_vcpu_new
#define vcpu_free      twin_vcpu_free
#define vcpu_answer    twin_vcpu_answer
#define vcpu_kick      twin_vcpu_kick
#define vcpu_loop      twin_vcpu_loop
#define vcpu_mmio_dev  twin_vcpu_mmio_dev
#define vcpu_translate twin_vcpu_translate

#include "core/event.h"

#define sink_on(sink) false

#include "core/vcpu.c"
