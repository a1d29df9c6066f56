/* SPDX-License-Identifier: MIT */
/* test_doctor.c - doctor's verdict of what the probe found, its words and its JSON. */
#include "probe_rig.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "inspect/doctor.h"

static struct probe_report all_yes(void)
{
    struct probe_report r = { 0 };

    for (unsigned i = 0; i < PROBE_NROWS; i++)
        probe_set(&r.row[i], PROBE_YES, 0, "%s", "");
    r.row[PROBE_SPEED_RING0].value = r.row[PROBE_SPEED_RING3].value = INT64_C(3000000000);
    return r;
}

static void verdict_by_table(void **state)
{
    static const struct {
        enum probe_id id;
        enum probe_verdict is;
        int64_t value;
        enum vitro_doctor_verdict verdict;
        const char *headline;
    } rows[] = {
        { PROBE_CLWB, PROBE_NO, 0, VITRO_DOCTOR_FULL, "runs everything" },
        { PROBE_STEP_RING3, PROBE_NO, 0, VITRO_DOCTOR_FULL, "3.0 billion" },
        { PROBE_SPEED_RING0, PROBE_YES, 50000000, VITRO_DOCTOR_FULL, "50.0 million" },
        { PROBE_SPEED_RING0, PROBE_YES, 49999999, VITRO_DOCTOR_PARTIAL, "emulates ring 0" },
        { PROBE_SPEED_RING0, PROBE_UNKNOWN, 0, VITRO_DOCTOR_PARTIAL, "not known" },
        { PROBE_SYSCALL_RING0, PROBE_NO, 0, VITRO_DOCTOR_PARTIAL, "SYSCALL" },
        { PROBE_PAE, PROBE_NO, 0, VITRO_DOCTOR_PARTIAL, "not every CPU mode" },
        { PROBE_LONG_RING3, PROBE_UNKNOWN, 0, VITRO_DOCTOR_PARTIAL, "not every CPU mode" },
        { PROBE_LONG, PROBE_NO, 0, VITRO_DOCTOR_PARTIAL, "not long mode" },
        { PROBE_DEVICE, PROBE_NO, EACCES, VITRO_DOCTOR_NONE, "may not open" },
        { PROBE_API, PROBE_NO, 0, VITRO_DOCTOR_NONE, "not a KVM" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct probe_report r = all_yes();
        struct doctor_words w;

        probe_set(&r.row[rows[i].id], rows[i].is, rows[i].value, "because");
        if (rows[i].id == PROBE_DEVICE)
            probe_set(&r.row[PROBE_API], PROBE_UNKNOWN, 0, "%s", "");
        doctor_words(&r, &w);
        if (w.verdict != rows[i].verdict || strstr(w.headline, rows[i].headline) == NULL)
            fail_msg("row %zu: verdict %d, %s", i, w.verdict, w.headline);
        assert_true(w.nmeans > 0 && w.ntodo > 0);
    }
}

/* What stands against kernels is said in full, each reason alone and both. */
static void kernels_and_why_not(void **state)
{
    static const char *const why[2][2] = {
        { "KVM runs them", "(SYSCALL does not get from ring 3 to ring 0)" },
        { "(ring 0 is too slow)",
          "(ring 0 is too slow; SYSCALL does not get from ring 3 to ring 0)" },
    };

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        const bool slow = i & 2, stays = i & 1;
        struct probe_report r = all_yes();
        struct doctor_words w;
        unsigned n = 0;

        if (slow)
            probe_set(&r.row[PROBE_SPEED_RING0], PROBE_YES, 900000, "%s", "");
        if (stays)
            probe_set(&r.row[PROBE_SYSCALL_RING0], PROBE_NO, 0, "still in ring 3");
        doctor_words(&r, &w);
        for (unsigned line = 0; line < w.nmeans; line++)
            n += strstr(w.means[line], why[slow][stays]) != NULL;
        assert_int_equal(n, 1);
    }
}

static void check_keys(json_t *obj, const char *const *keys, size_t n)
{
    assert_int_equal(json_object_size(obj), n);
    for (size_t i = 0; i < n; i++) {
        if (json_object_get(obj, keys[i]) == NULL)
            fail_msg("no key %s", keys[i]);
    }
}

/* Programs rely on these: a change here is a change of the interface. */
static void json_is_stable(void **state)
{
    static const char *const top[] = { "vitro", "verdict", "summary", "remembered",
                                       "host",  "rows",    "means",   "advice" };
    static const char *const of_row[] = { "key",   "group", "text",  "verdict",
                                          "value", "unit",  "reason" };
    static const char *const of_host[] = { "cpu", "cpu_signature", "kernel", "cpus",
                                           "memory_bytes" };
    struct probe_report reports[2] = { [1] = all_yes() };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
        struct doctor_case c = { .report = &reports[i], .host = &a_host };
        json_t *doc, *row;
        char *text = NULL;
        size_t n;

        assert_int_equal(doctor_show_json(&c, &text, NULL), 0);
        doc = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(doc);
        check_keys(doc, top, ARRAY_LEN(top));
        check_keys(json_object_get(doc, "host"), of_host, ARRAY_LEN(of_host));
        assert_int_equal(json_array_size(json_object_get(doc, "rows")), PROBE_NROWS);
        json_array_foreach(json_object_get(doc, "rows"), n, row)
        {
            check_keys(row, of_row, ARRAY_LEN(of_row));
            assert_int_equal(probe_find(json_string_value(json_object_get(row, "key"))), n);
        }
        json_decref(doc);
        free(text);
        assert_int_equal(doctor_show_text(&c, i == 1, &text, NULL), 0);
        free(text);
    }
}

static void keys_are_unique(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PROBE_NROWS; i++)
        assert_int_equal(probe_find(probe_about[i].key), i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdict_by_table),
        cmocka_unit_test(kernels_and_why_not),
        cmocka_unit_test(json_is_stable),
        cmocka_unit_test(keys_are_unique),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
