/* SPDX-License-Identifier: MIT */
/*
 * soft_sys_rig.h - one software CPU with 2 MiB of memory, put into a mode and given single instructions
 *
 * The CPU model offers everything that the opcode table knows: its source says yes to every bit.
 * Guest memory is mapped one to one in every mode that has paging, for user code too.
 */
#ifndef TESTS_SOFT_SYS_RIG_H
#define TESTS_SOFT_SYS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/machine.h"
#include "engine/soft/msr.h"
#include "engine/soft/ops_sys.h"
#include "engine/soft/run.h"

enum rig_mode { REAL, PROT, PAGED32, PAE, VM86, COMPAT, LONG };

/* What an instruction came to: a vector, or one of these. */
enum { OK = 0x100, HALTED };

enum {
    RIG_RAM = 2 << 20,
    RIG_TABLES = 0x2000, /* PML4, page directory, or PAE pointers */
    RIG_DATA = 0x8000,
    RIG_TSS = 0x9000,
};

struct rig {
    struct machine m;
    struct vcpu cpu;
    struct x86_cpuid_model model;
    struct soft_cpu *c;
    uint8_t *ram;
};

/* Bytes of an instruction and how many. */
#define CODE(s) (const uint8_t *)(s), sizeof(s) - 1

int rig_setup(void **state);
int rig_teardown(void **state);

/* A source that has every feature. */
void rig_model(struct x86_cpuid_model *m, const struct x86_cpuid_config *config);

/* Registers as a kernel or its program would have them; mode follows. cpl: 0..3 (PROT and on). */
void rig_enter(struct rig *r, enum rig_mode mode, unsigned cpl);

/* Executes one instruction as the CPU would, but for delivering what it raises. */
int rig_run(struct rig *r, const uint8_t *code, size_t len);

/* Fails with the row's name. */
void rig_expect(const char *name, int got, int want);

#endif
