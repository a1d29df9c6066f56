/* SPDX-License-Identifier: MIT */
/*
 * fuzz_lab.c - any bytes as a lab file, and as a schedule for it
 *
 * Built with clang -fsanitize=fuzzer,address,undefined; corpus in tests/fuzz/corpus/lab.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): must hold in every build. */
static void must(bool promise)
{
    if (!promise)
        abort();
}

static void check_error(int rc, const struct vitro_err *err)
{
    must(rc == 0 || (rc == -22 && err->code == rc && err->kind == VITRO_ERR_USAGE));
    must((rc == 0) == (err->text[0] == '\0') && strchr(err->text, '\n') == NULL);
}

static void check_plan(const struct lab_plan *p)
{
    must(p->nmachines > 0 && p->nmachines <= LAB_MACHINES_MAX && p->turns > 0);
    must(p->turn_exits > 0 || p->turn_insns > 0 || p->turn_ms > 0);
    must(p->turn_ms <= LAB_TURN_MS_MAX);
    must(p->shared_len <= LAB_COPY_MAX && p->ncopies <= LAB_COPIES_MAX);
    for (unsigned i = 0; i < p->nmachines; i++)
        must(p->machine[i].name[0] != '\0' && p->machine[i].cpus >= 1 && p->machine[i].cpus <= 8);
    for (unsigned i = 0; i < p->ncopies; i++) {
        const struct lab_copy *c = &p->copy[i];

        must(c->from < p->nmachines && c->to < p->nmachines && c->of < p->nmachines);
        must(c->len > 0 && c->len <= LAB_COPY_MAX);
    }
    for (size_t i = 0; i < p->nschedule; i++)
        must(p->schedule[i] < p->nmachines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct vitro_err err = { 0 };
    struct lab_plan plan;
    int rc = lab_parse(text, size, "folder", size % 2 ? VITRO_ENGINE_KVM : VITRO_ENGINE_AUTO, &plan,
                       &err);

    check_error(rc, &err);
    if (rc == 0) {
        check_plan(&plan);
        rc = lab_parse_schedule(text, size < 8 ? size : 8, &plan, &err);
        check_error(rc, &err);
        if (rc == 0)
            check_plan(&plan);
    }
    lab_plan_fini(&plan);
    return 0;
}
