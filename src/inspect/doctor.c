/* SPDX-License-Identifier: MIT */
/* doctor.c - the verdict over a probe's rows, and the sentences that follow from them. */
#include "inspect/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "inspect/show.h"

static bool yes(const struct probe_report *r, enum probe_id id)
{
    return r->row[id].verdict == PROBE_YES;
}

static unsigned modes_with(const struct probe_report *r, enum probe_verdict v)
{
    unsigned n = 0;

    for (unsigned i = 0; i < PROBE_NROWS; i++)
        n += probe_about[i].group == PROBE_GROUP_MODES && r->row[i].verdict == v;
    return n;
}

static bool fast(const struct probe_report *r)
{
    return yes(r, PROBE_SPEED_RING0) && r->row[PROBE_SPEED_RING0].value >= DOCTOR_KERNEL_SPEED;
}

static bool kernels_run(const struct probe_report *r)
{
    return fast(r) && yes(r, PROBE_SYSCALL_RING0) && yes(r, PROBE_LONG) && yes(r, PROBE_LONG_4K);
}

enum vitro_doctor_verdict doctor_verdict(const struct probe_report *r)
{
    if (!yes(r, PROBE_DEVICE) || !yes(r, PROBE_API) || modes_with(r, PROBE_YES) == 0)
        return VITRO_DOCTOR_NONE;
    if (!kernels_run(r) || modes_with(r, PROBE_NO) + modes_with(r, PROBE_UNKNOWN) > 0)
        return VITRO_DOCTOR_PARTIAL;
    return VITRO_DOCTOR_FULL;
}

const char *doctor_verdict_name(enum vitro_doctor_verdict verdict)
{
    static const char *const names[] = {
        [VITRO_DOCTOR_FULL] = "full",
        [VITRO_DOCTOR_PARTIAL] = "partial",
        [VITRO_DOCTOR_NONE] = "none",
    };

    return names[verdict];
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* Three digits or so, made of integers: the host's locale has no say. */
static void say_rate(int64_t n, char *buf, size_t len)
{
    static const struct {
        int64_t unit;
        const char *word;
    } rows[] = { { 1000000000, "billion " }, { 1000000, "million " }, { 1000, "thousand " } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (n >= rows[i].unit) {
            int64_t tenths = n / (rows[i].unit / 10);

            if (tenths >= 1000)
                snprintf(buf, len, "%" PRId64 " %sinstructions a second", tenths / 10,
                         rows[i].word);
            else
                snprintf(buf, len, "%" PRId64 ".%" PRId64 " %sinstructions a second", tenths / 10,
                         tenths % 10, rows[i].word);
            return;
        }
    }
    snprintf(buf, len, "%" PRId64 " instructions a second", n);
}

char *doctor_value(const struct probe_row *row, enum probe_unit unit, char *buf, size_t len)
{
    char num[SHOW_NUM];

    buf[0] = '\0';
    if (row->verdict != PROBE_YES)
        return buf;
    switch (unit) {
    case PROBE_PER_SECOND:
        say_rate(row->value, buf, len);
        break;
    case PROBE_NS:
        snprintf(buf, len, "%s", show_ns((uint64_t)row->value, num));
        break;
    case PROBE_COUNT:
        snprintf(buf, len, "%s", show_count((uint64_t)row->value, num));
        break;
    case PROBE_BYTES:
        snprintf(buf, len, "%s", show_size((uint64_t)row->value, num));
        break;
    case PROBE_PLAIN:
    case PROBE_ERRNO:
        break;
    }
    return buf;
}

/* ---- the first line -------------------------------------------------------------------------- */

static bool no_device(int64_t error)
{
    return error == ENOENT || error == ENODEV || error == ENXIO;
}

static bool no_permission(int64_t error)
{
    return error == EACCES || error == EPERM;
}

static void headline_none(const struct probe_report *r, char *buf)
{
    const struct probe_row *device = &r->row[PROBE_DEVICE];

    if (yes(r, PROBE_API))
        snprintf(buf, DOCTOR_LINE, "KVM opens here, but runs no guest in any CPU mode.");
    else if (yes(r, PROBE_DEVICE))
        snprintf(buf, DOCTOR_LINE, "/dev/kvm opens here, but it is not a KVM that Vitro can use.");
    else if (no_device(device->value))
        snprintf(buf, DOCTOR_LINE, "There is no KVM here: no guest can run.");
    else if (no_permission(device->value))
        snprintf(buf, DOCTOR_LINE, "There is a KVM here, but this user may not open it.");
    else
        snprintf(buf, DOCTOR_LINE, "KVM cannot be opened here: %s.", device->reason);
}

static void headline_partial(const struct probe_report *r, char *buf)
{
    const struct probe_row *ring0 = &r->row[PROBE_SPEED_RING0];
    const struct probe_row *ring3 = &r->row[PROBE_SPEED_RING3];
    bool emulated = yes(r, PROBE_SPEED_RING3) && ring3->value / 10 > ring0->value;
    char rate[64];

    say_rate(ring0->value, rate, sizeof(rate));
    if (!yes(r, PROBE_SPEED_RING0))
        snprintf(buf, DOCTOR_LINE, "KVM opens here and runs some guests; how fast is not known.");
    else if (!fast(r))
        snprintf(buf, DOCTOR_LINE,
                 "KVM opens here but %s ring 0 at %s: bare guests run, kernels would crawl.",
                 emulated ? "emulates" : "runs", rate);
    else if (!kernels_run(r))
        snprintf(buf, DOCTOR_LINE,
                 "KVM runs ring 0 at %s, but %s: bare guests run, kernels do not.", rate,
                 yes(r, PROBE_SYSCALL_RING0) ? "not long mode" : "SYSCALL does not get there");
    else
        snprintf(buf, DOCTOR_LINE, "KVM runs kernels here, ring 0 at %s, but not every CPU mode.",
                 rate);
}

static void headline(const struct probe_report *r, struct doctor_words *w)
{
    char rate[64];

    say_rate(r->row[PROBE_SPEED_RING0].value, rate, sizeof(rate));
    if (w->verdict == VITRO_DOCTOR_NONE)
        headline_none(r, w->headline);
    else if (w->verdict == VITRO_DOCTOR_PARTIAL)
        headline_partial(r, w->headline);
    else
        snprintf(w->headline, sizeof(w->headline),
                 "KVM runs everything here, kernels included: ring 0 at %s.", rate);
}

/* ---- what this means ------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void add_line(char (*line)[DOCTOR_LINE], unsigned *n,
                                                           const char *fmt, ...)
{
    va_list ap;

    if (*n == DOCTOR_LINES)
        return;
    va_start(ap, fmt);
    vsnprintf(line[(*n)++], DOCTOR_LINE, fmt, ap);
    va_end(ap);
}

#define MEANS(w, ...)  add_line((w)->means, &(w)->nmeans, __VA_ARGS__)
#define ADVISE(w, ...) add_line((w)->todo, &(w)->ntodo, __VA_ARGS__)

/* What people call the modes, in the words of --mode where there is one. */
static const struct {
    enum probe_id id;
    const char *word;
} mode_words[] = {
    { PROBE_REAL, "real" },
    { PROBE_PROTECTED, "protected" },
    { PROBE_PAGED32, "paged32" },
    { PROBE_PAGED32_4K, "paged32 with 4 KiB pages" },
    { PROBE_PAE, "PAE" },
    { PROBE_LONG, "long" },
    { PROBE_LONG_4K, "long with 4 KiB pages" },
};

static char *list_modes(const struct probe_report *r, bool run, char *buf, size_t len)
{
    size_t at = 0;

    buf[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(mode_words); i++) {
        if (yes(r, mode_words[i].id) == run && at < len)
            at += (size_t)snprintf(buf + at, len - at, "%s%s", at > 0 ? ", " : "",
                                   mode_words[i].word);
    }
    return buf;
}

static void means_kernels(const struct probe_report *r, struct doctor_words *w)
{
    if (kernels_run(r))
        MEANS(w, "kernels: KVM runs them");
    else
        MEANS(w, "kernels would be for the software CPU, not for this KVM (%s%s%s)",
              fast(r) ? "" : "ring 0 is too slow",
              fast(r) || yes(r, PROBE_SYSCALL_RING0) ? "" : "; ",
              yes(r, PROBE_SYSCALL_RING0) ? "" : "SYSCALL does not get from ring 3 to ring 0");
}

static void means_debug(const struct probe_report *r, struct doctor_words *w)
{
    bool ring0 = yes(r, PROBE_STEP_RING0);

    if (ring0 != yes(r, PROBE_STEP_RING3))
        MEANS(
            w,
            "single steps: KVM stops after them in ring %d, not in ring %d, where the software CPU "
            "steps",
            ring0 ? 0 : 3, ring0 ? 3 : 0);
    if (yes(r, PROBE_TRIPLE_FAULT))
        MEANS(w, "after a triple fault the registers %s",
              yes(r, PROBE_SHUTDOWN_RIP) && yes(r, PROBE_SHUTDOWN_CR3)
                  ? "still show where it happened"
                  : "are lost: KVM resets the CPU, and the run is repeated on the software CPU");
}

static void means_refused(const struct probe_report *r, struct doctor_words *w)
{
    unsigned refused = 0;

    for (unsigned i = 0; i < PROBE_NROWS; i++)
        refused +=
            probe_about[i].group == PROBE_GROUP_INSTRUCTIONS && r->row[i].verdict == PROBE_NO;
    if (refused > 0)
        MEANS(w, "instructions that KVM refuses in ring 0 are executed by the software CPU, and "
                 "counted");
}

static void means(const struct probe_report *r, struct doctor_words *w)
{
    char list[DOCTOR_LINE / 2];

    if (w->verdict == VITRO_DOCTOR_NONE) {
        MEANS(w, "every guest runs on the software CPU (--engine soft), without KVM's speed");
        return;
    }
    MEANS(w, "flat, bare ELF and built-in guests run on KVM in these modes: %s",
          list_modes(r, true, list, sizeof(list)));
    if (list_modes(r, false, list, sizeof(list))[0] != '\0')
        MEANS(w, "in these modes they run on the software CPU: %s", list);
    means_kernels(r, w);
    means_refused(r, w);
    means_debug(r, w);
}

/* ---- what to do ------------------------------------------------------------------------------ */

static void todo_none(const struct probe_report *r, struct doctor_words *w)
{
    int64_t error = r->row[PROBE_DEVICE].value;

    if (yes(r, PROBE_DEVICE) && !yes(r, PROBE_API)) {
        ADVISE(w, "see what is at /dev/kvm (ls -l /dev/kvm): it should be device 10, 232");
    } else if (yes(r, PROBE_API) && (!yes(r, PROBE_USER_MEMORY) || !yes(r, PROBE_IMMEDIATE_EXIT))) {
        ADVISE(w, "this KVM is too old for Vitro: it needs Linux 4.13 or later");
    } else if (yes(r, PROBE_DEVICE)) {
        ADVISE(w, "look into the kernel's log (dmesg) for messages of kvm");
    } else if (no_device(error)) {
        ADVISE(w, "load the module: sudo modprobe kvm_intel, or kvm_amd");
        ADVISE(w, "if that fails: switch virtualization on in the machine's firmware");
        ADVISE(w, "in a virtual machine: ask for nested virtualization; in a container: pass "
                  "/dev/kvm into it");
    } else if (no_permission(error) && r->remedy[0] != '\0') {
        ADVISE(w, "%s", r->remedy);
    } else {
        ADVISE(w, "see who uses /dev/kvm and what its permissions are (ls -l /dev/kvm)");
    }
}

static void todo(const struct probe_report *r, struct doctor_words *w)
{
    if (w->verdict == VITRO_DOCTOR_NONE) {
        todo_none(r, w);
        return;
    }
    if (!kernels_run(r)) {
        ADVISE(w, "for bare guests in the modes above: nothing");
        ADVISE(w, "for kernels: a host whose KVM has the hardware's help; in a virtual machine "
                  "that is nested virtualization, which its owner switches on");
    } else {
        ADVISE(w, "nothing");
    }
}

void doctor_words(const struct probe_report *r, struct doctor_words *out)
{
    *out = (struct doctor_words){ .verdict = doctor_verdict(r) };
    headline(r, out);
    means(r, out);
    todo(r, out);
}
