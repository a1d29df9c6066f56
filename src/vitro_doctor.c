/* SPDX-License-Identifier: MIT */
/* vitro_doctor.c - the library's face: what this host can do. */
#include <vitro/inspect.h>

#include "engine/kvm/kvm_probe.h"
#include "host/cache.h"
#include "host/hostinfo.h"
#include "inspect/doctor.h"

static bool complete(const struct probe_report *r)
{
    for (unsigned i = 0; i < PROBE_NROWS; i++) {
        if (r->row[i].timed_out)
            return false;
    }
    return true;
}

/* Measured now or earlier in this boot; true: earlier. */
static bool measure(bool fresh, const struct probe_host *host, struct probe_report *r)
{
    if (!fresh && cache_load(CACHE_PROBE, host, r))
        return true;
    kvm_probe(NULL, ~0u, r);
    if (r->row[PROBE_LONG].verdict != PROBE_UNKNOWN && complete(r)) {
        cache_store(CACHE_PROBE, host, r);
        cache_store(CACHE_MODES, host, r);
    }
    return false;
}

int vitro_doctor(bool fresh, const struct vitro_style *style, char **out,
                 enum vitro_doctor_verdict *verdict, struct vitro_err *err)
{
    struct probe_report report = { 0 };
    struct probe_host host;
    struct doctor_case c = { .report = &report, .host = &host };

    hostinfo_all(VITRO_VERSION, &host);
    kvm_probe_interface(NULL, &report);
    if (report.row[PROBE_API].verdict == PROBE_YES)
        c.remembered = measure(fresh, &host, &report);
    if (verdict != NULL)
        *verdict = doctor_verdict(&report);
    if (style != NULL && style->format == VITRO_JSON)
        return doctor_show_json(&c, out, err);
    return doctor_show_text(&c, style != NULL && style->color, out, err);
}
