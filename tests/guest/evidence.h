/* SPDX-License-Identifier: MIT */
/* evidence.h - what is left of a guest's run, taken and compared; through the public interface only. */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vitro/inspect.h>
#include <vitro/vitro.h>

enum { OUTPUT_MAX = 4096, ROWS_MAX = 64 };

struct evidence {
    struct vitro_outcome end;
    struct vitro_regs regs;              /* of CPU 0 */
    struct vitro_fpu fpu;                /* of CPU 0 */
    struct vitro_exit_row row[ROWS_MAX]; /* without kicks, which are not the guest's doing */
    size_t nrows;
    char output[OUTPUT_MAX]; /* NUL-terminated */
    uint32_t word;           /* at 0x400 */
};

/* A call of the library succeeded. Skips the calling test, by name, where the host's KVM cannot do what it needs. */
void check(int rc, const struct vitro_err *err);

/* A machine for a guest, or check() fails. */
void open_guest(const struct vitro_guest_config *gcfg, struct vitro_config *cfg,
                struct vitro_guest **guest, struct vitro **m);

/* All but `end` of a machine that has run; output: its console, a file of its own. */
void evidence_take(struct vitro *m, int output, struct evidence *e);

/* The same end, accesses and registers; the same output too, unless that varies from run to run. */
void evidence_compare(struct evidence *a, struct evidence *b, bool varies);

/*
 * The same of two programs that have passed: output, accesses (reason, place, count), and the whole final state. False,
 * with a line in text that says what differs. Leaves out what engines may do in their own ways: refused instructions,
 * CR2, and after a shutdown all registers.
 */
bool evidence_same(struct evidence *a, struct evidence *b, char *text, size_t size);

#endif
