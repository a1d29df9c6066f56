/* SPDX-License-Identifier: MIT */
/*
 * doctor.h - what a host can do, from the rows of a probe to words and JSON
 *
 * Pure: everything comes from the report and the host's facts; nothing is asked of the host. Used by
 * vitro_doctor.c.
 */
#ifndef INSPECT_DOCTOR_H
#define INSPECT_DOCTOR_H

#include <vitro/inspect.h>

#include "base/err.h"
#include "core/probe.h"

/* A kernel below this would take minutes to boot. */
#define DOCTOR_KERNEL_SPEED INT64_C(50000000) /* instructions a second in ring 0 */

enum { DOCTOR_LINE = 240, DOCTOR_LINES = 8 };

/* What doctor has to say, made from the rows; text and JSON write the same. */
struct doctor_words {
    enum vitro_doctor_verdict verdict;
    char headline[DOCTOR_LINE];
    char means[DOCTOR_LINES][DOCTOR_LINE]; /* which guests run, and which wait */
    unsigned nmeans;
    char todo[DOCTOR_LINES][DOCTOR_LINE];
    unsigned ntodo;
};

struct doctor_case {
    const struct probe_report *report;
    const struct probe_host *host;
    bool remembered; /* measured earlier in this boot */
};

/*
 * doctor_verdict - FULL needs every CPU mode, ring 0 at DOCTOR_KERNEL_SPEED and SYSCALL into ring 0
 *
 * NONE when no CPU mode runs.
 */
enum vitro_doctor_verdict doctor_verdict(const struct probe_report *report);

/* "full", "partial", "none". */
const char *doctor_verdict_name(enum vitro_doctor_verdict verdict);

void doctor_words(const struct probe_report *report, struct doctor_words *out);

/* The number of a row with its unit: "3.43 million instructions a second"; empty when it has none. */
char *doctor_value(const struct probe_row *row, enum probe_unit unit, char *buf, size_t len);

/* *out is the caller's (free). -ENOMEM. */
WARN_UNUSED int doctor_show_text(const struct doctor_case *c, bool color, char **out,
                                 struct vitro_err *err);
WARN_UNUSED int doctor_show_json(const struct doctor_case *c, char **out, struct vitro_err *err);

#endif
