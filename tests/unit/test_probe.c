/* SPDX-License-Identifier: MIT */
/* test_probe.c - the probe against scripted KVMs, the cache, doctor's verdict; then the real host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "core/kick.h"
#include "engine/kvm/kvm_probe.h"
#include "host/cache.h"
#include "host/hostinfo.h"
#include "inspect/doctor.h"

/* ---- scripted KVM ---------------------------------------------------------------------------- */

struct fake {
    int open;   /* result of opening */
    int api;    /* of KVM_GET_API_VERSION */
    bool hangs; /* KVM_RUN ends on a signal only; else it is a triple fault at once */
    unsigned runs;
    uint32_t leaf1_ecx; /* offered; 0: no CPUID at all */
    uint32_t told_ecx;  /* of the last KVM_SET_CPUID2 before a run */
};

enum { FAKE_RUN_LEN = 3 * 4096 };

static int fake_open(void *ctx, const char *path)
{
    assert_string_equal(path, "/dev/kvm");
    return ((struct fake *)ctx)->open;
}

static struct kvm_run *fake_run; /* of the one vCPU there is */

static int fake_ioctl(void *ctx, int fd, unsigned long request, void *arg)
{
    struct fake *f = ctx;

    (void)fd;
    switch (request) {
    case KVM_GET_API_VERSION:
        return f->api;
    case KVM_CHECK_EXTENSION:
        return (unsigned long)arg == KVM_CAP_SYNC_REGS || (unsigned long)arg == KVM_CAP_XSAVE2 ? 0
                                                                                               : 1;
    case KVM_CREATE_VM:
    case KVM_CREATE_VCPU:
        return 100;
    case KVM_GET_VCPU_MMAP_SIZE:
        return FAKE_RUN_LEN;
    case KVM_GET_SUPPORTED_CPUID:
        ((struct kvm_cpuid2 *)arg)->nent = f->leaf1_ecx != 0;
        ((struct kvm_cpuid2 *)arg)->entries[0] =
            (struct kvm_cpuid_entry2){ .function = 1, .ecx = f->leaf1_ecx, .edx = 1 };
        return 0;
    case KVM_SET_CPUID2:
        f->told_ecx = ((struct kvm_cpuid2 *)arg)->entries[0].ecx;
        return 0;
    case KVM_RUN:
        f->runs++;
        if (f->hangs) {
            pause();
            return -EINTR;
        }
        fake_run->exit_reason = KVM_EXIT_SHUTDOWN;
        return 0;
    default:
        return 0;
    }
}

static void *fake_mmap(void *ctx, int fd, uint64_t len)
{
    (void)ctx;
    (void)fd;
    fake_run = calloc(1, len);
    return fake_run;
}

static void fake_munmap(void *ctx, void *at, uint64_t len)
{
    (void)ctx;
    (void)len;
    free(at);
}

static void fake_close(void *ctx, int fd)
{
    (void)ctx;
    (void)fd;
}

static struct kvm_sys fake_sys(struct fake *f)
{
    return (struct kvm_sys){ .open = fake_open,
                             .ioctl = fake_ioctl,
                             .mmap = fake_mmap,
                             .munmap = fake_munmap,
                             .close = fake_close,
                             .ctx = f };
}

static void devices_that_cannot_be_used(void **state)
{
    static const struct {
        int open, api;
        enum probe_verdict device, version;
        const char *headline, *advice; /* parts of them */
    } rows[] = {
        { -ENOENT, 0, PROBE_NO, PROBE_UNKNOWN, "no KVM here", "modprobe" },
        { -EACCES, 0, PROBE_NO, PROBE_UNKNOWN, "may not open", "usermod" },
        { -EBUSY, 0, PROBE_NO, PROBE_UNKNOWN, "Device or resource busy", "ls -l /dev/kvm" },
        { 5, -ENOTTY, PROBE_YES, PROBE_NO, "not a KVM", "10, 232" },
        { 5, 11, PROBE_YES, PROBE_NO, "not a KVM", "10, 232" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fake f = { .open = rows[i].open, .api = rows[i].api };
        struct kvm_sys sys = fake_sys(&f);
        struct probe_report r = { 0 };
        struct vitro_err err = { 0 };
        struct doctor_words w;
        struct probe_row row;

        kvm_probe_interface(&sys, &r);
        assert_int_equal(r.row[PROBE_DEVICE].verdict, rows[i].device);
        assert_int_equal(r.row[PROBE_API].verdict, rows[i].version);
        kvm_probe(&sys, ~0u, &r);
        assert_int_equal(r.row[PROBE_LONG].verdict, PROBE_UNKNOWN);
        assert_string_not_equal(r.row[PROBE_LONG].reason, "");
        if (rows[i].open == -EACCES) /* the longest of them, to its end */
            assert_non_null(strstr(r.row[PROBE_LONG].reason, "log in again)"));
        assert_true(kvm_probe_mode(&sys, PROBE_LONG, &row, &err) < 0);
        assert_int_equal(err.kind, VITRO_ERR_ENGINE);
        assert_int_equal(f.runs, 0);
        doctor_words(&r, &w);
        assert_int_equal(w.verdict, VITRO_DOCTOR_NONE);
        assert_non_null(strstr(w.headline, rows[i].headline));
        assert_non_null(strstr(w.todo[0], rows[i].advice));
    }
}

static double seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static bool kick_is_default(void)
{
    struct sigaction sa;

    return sigaction(kick_signal(), NULL, &sa) == 0 && sa.sa_handler == SIG_DFL;
}

/* The signal must get through even to a thread that blocks it, and be blocked again afterwards. */
static void kvm_that_never_comes_back(void **state)
{
    struct fake f = { .open = 5, .api = 12, .hangs = true };
    struct kvm_sys sys = fake_sys(&f);
    struct probe_report r = { 0 };
    double start = seconds();
    sigset_t kick, now;

    (void)state;
    sigemptyset(&kick);
    sigaddset(&kick, kick_signal());
    sigprocmask(SIG_BLOCK, &kick, NULL);
    kvm_probe_interface(&sys, &r);
    kvm_probe(&sys, ~0u, &r);
    assert_true(seconds() - start < 5);
    assert_int_equal(r.row[PROBE_REAL].verdict, PROBE_NO);
    assert_true(r.row[PROBE_REAL].timed_out);
    assert_int_equal(r.row[PROBE_POPCNT].verdict, PROBE_UNKNOWN);
    assert_non_null(strstr(r.row[PROBE_POPCNT].reason, "no answer"));
    assert_int_equal(doctor_verdict(&r), VITRO_DOCTOR_NONE);
    sigprocmask(SIG_UNBLOCK, &kick, &now);
    assert_int_equal(sigismember(&now, kick_signal()), 1);
    assert_true(kick_is_default());
}

static void kvm_that_only_faults(void **state)
{
    struct fake f = { .open = 5, .api = 12 };
    struct kvm_sys sys = fake_sys(&f);
    struct probe_report r = { 0 };
    struct doctor_words w;
    struct probe_row row;

    (void)state;
    assert_int_equal(kvm_probe_mode(&sys, PROBE_PAE, &row, NULL), 0);
    assert_int_equal(row.verdict, PROBE_NO);
    assert_non_null(strstr(row.reason, "triple fault"));
    kvm_probe_interface(&sys, &r);
    kvm_probe(&sys, ~0u, &r);
    for (unsigned i = PROBE_REAL; i <= PROBE_LONG_RING3; i++)
        assert_int_equal(r.row[i].verdict, PROBE_NO);
    assert_int_equal(r.row[PROBE_POPCNT].verdict, PROBE_UNKNOWN); /* its CPUID offers nothing */
    assert_int_equal(r.row[PROBE_TRIPLE_FAULT].verdict, PROBE_YES);
    assert_int_equal(r.row[PROBE_SHUTDOWN_RIP].verdict, PROBE_NO); /* its registers read 0 */
    doctor_words(&r, &w);
    assert_non_null(strstr(w.headline, "no guest in any CPU mode"));
}

/* What the row about CPUID looks for: two features that are offered, and that its machines have not. */
static void two_features_are_withheld(void **state)
{
    enum { AES = 1 << 25, PCLMULQDQ = 1 << 1, POPCNT = 1 << 23 };
    struct fake f = { .open = 5, .api = 12, .leaf1_ecx = AES | PCLMULQDQ | POPCNT };
    struct kvm_sys sys = fake_sys(&f);
    struct probe_report r = { 0 };

    (void)state;
    kvm_probe_interface(&sys, &r);
    kvm_probe(&sys, ~0u, &r);
    assert_int_equal(f.told_ecx, POPCNT);
    assert_int_equal(r.row[PROBE_CPUID_MODEL].verdict, PROBE_NO); /* a triple fault is no answer */
}

/* ---- cache ----------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int make_home(void **state)
{
    char *home = strdup("/tmp/vitro-test-XXXXXX");

    if (home == NULL || mkdtemp(home) == NULL)
        return -1;
    setenv("HOME", home, 1);
    unsetenv("XDG_CACHE_HOME");
    *state = home;
    return 0;
}

static int drop_home(void **state)
{
    nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return 0;
}

static char *in_home(const char *home, const char *path, char buf[128])
{
    snprintf(buf, 128, "%s/%s", home, path);
    return buf;
}

static void put_file(const char *path, const char *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

static const struct probe_host a_host = { .version = VITRO_VERSION,
                                          .boot_id = "boot",
                                          .kernel = "6.1",
                                          .cpu_signature = "x-1",
                                          .device = "d" };

static struct probe_report some_rows(void)
{
    struct probe_report r = { 0 };

    probe_set(&r.row[PROBE_DEVICE], PROBE_YES, 0, "%s", "");
    probe_set(&r.row[PROBE_LONG], PROBE_YES, 0, "%s", "");
    probe_set(&r.row[PROBE_PAE], PROBE_NO, 0, "a \"reason\"\\");
    probe_set(&r.row[PROBE_REAL], PROBE_NO, 0, "late");
    r.row[PROBE_REAL].timed_out = true;
    probe_set(&r.row[PROBE_SPEED_RING3], PROBE_YES, INT64_C(5000000000), "%s", "");
    return r;
}

static void cache_round_trip(void **state)
{
    struct probe_report in = some_rows(), out = { 0 };
    struct stat st;
    char path[128];

    assert_false(cache_load(CACHE_PROBE, &a_host, &out));
    cache_store(CACHE_PROBE, &a_host, &in);
    cache_store(CACHE_MODES, &a_host, &in);
    assert_int_equal(stat(in_home(*state, ".cache/vitro/probe.json", path), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(cache_load(CACHE_PROBE, &a_host, &out));
    assert_memory_equal(&out.row[PROBE_LONG], &in.row[PROBE_LONG], sizeof(out.row[0]));
    assert_string_equal(out.row[PROBE_PAE].reason, in.row[PROBE_PAE].reason);
    assert_int_equal(out.row[PROBE_SPEED_RING3].value, 5000000000);
    assert_int_equal(out.row[PROBE_REAL].verdict, PROBE_UNKNOWN);   /* timed out */
    assert_int_equal(out.row[PROBE_DEVICE].verdict, PROBE_UNKNOWN); /* asked anew each time */
    out = (struct probe_report){ 0 };
    assert_true(cache_load(CACHE_MODES, &a_host, &out));
    assert_int_equal(out.row[PROBE_PAE].verdict, PROBE_NO);
    assert_int_equal(out.row[PROBE_SPEED_RING3].verdict, PROBE_UNKNOWN);
}

static void cache_of_another_host(void **state)
{
    struct probe_report in = some_rows(), out = { 0 };
    struct probe_host other[6] = { a_host, a_host, a_host, a_host, a_host, a_host };

    (void)state;
    cache_store(CACHE_MODES, &a_host, &in);
    strcpy(other[0].boot_id, "later");
    strcpy(other[1].kernel, "6.2");
    strcpy(other[2].cpu_signature, "y-1");
    strcpy(other[3].device, "e");
    strcpy(other[5].version, "0");
    other[4].boot_id[0] = '\0'; /* not known: nothing to be sure of */
    for (size_t i = 0; i < ARRAY_LEN(other); i++)
        assert_false(cache_load(CACHE_MODES, &other[i], &out));
}

#define KEY                                                                                                     \
    "\"key\":{\"boot\":\"boot\",\"kernel\":\"6.1\",\"cpu\":\"x-1\",\"device\":\"d\",\"vitro\":\"" VITRO_VERSION \
    "\"}"
#define ROWS(text) "{\"format\":2," KEY ",\"rows\":" text "}"

static void cache_of_rubbish(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "null",
        "[]",
        "\xff\xfe",
        "{\"format\":2}",
        "{\"format\":1," KEY ",\"rows\":{}}",
        "{\"format\":2,\"key\":7,\"rows\":{\"mode_long\":[\"yes\",0,\"\"]}}",
        ROWS("[]"),
        ROWS("7"),
        ROWS("{\"mode_long\":\"yes\"}"),
        ROWS("{\"mode_long\":[\"yes\"]}"),
        ROWS("{\"mode_long\":[\"maybe\",0,\"\"]}"),
        ROWS("{\"mode_long\":[1,0,\"\"]}"),
        ROWS("{\"mode_long\":[\"yes\",-1,\"\"]}"),
        ROWS("{\"mode_long\":[\"yes\",1.5,\"\"]}"),
        ROWS("{\"mode_long\":[\"yes\",9223372036854775807,\"\"]}"),
        ROWS("{\"mode_long\":[\"yes\",99999999999999999999,\"\"]}"),
        ROWS("{\"mode_long\":[\"yes\",0,null]}"),
        ROWS("{\"mode_long\":[\"yes\",0,\"\",1]}"),
        ROWS("{\"device\":[\"yes\",0,\"\"]}"),
        ROWS("{\"mode_none\":[\"yes\",0,\"\"]}"),
        ROWS("{\"mode_long\":[\"yes\",0,\"\"],\"mode_long\":[\"yes\",0,\"\"]}"),
    };
    struct probe_report rows = some_rows();
    char path[128];

    cache_store(CACHE_MODES, &a_host, &rows); /* makes the folder */
    in_home(*state, ".cache/vitro/modes.json", path);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct probe_report out = { 0 };

        put_file(path, bad[i], strlen(bad[i]));
        if (cache_load(CACHE_MODES, &a_host, &out))
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(out.row[PROBE_LONG].verdict, PROBE_UNKNOWN);
    }
    put_file(path, ROWS("{\"mode_long\":[\"no\",0,\"\\u001b[2J\"]}"),
             strlen(ROWS("{\"mode_long\":[\"no\",0,\"\\u001b[2J\"]}")));
    rows = (struct probe_report){ 0 };
    assert_true(cache_load(CACHE_MODES, &a_host, &rows));
    assert_string_equal(rows.row[PROBE_LONG].reason, "?[2J"); /* no escape for the terminal */
}

static void cache_of_strange_files(void **state)
{
    struct probe_report rows = some_rows(), out = { 0 };
    char path[128], other[128];

    cache_store(CACHE_MODES, &a_host, &rows);
    in_home(*state, ".cache/vitro/modes.json", path);
    in_home(*state, "elsewhere", other);
    assert_int_equal(truncate(path, INT64_C(1) << 40), 0); /* huge */
    assert_false(cache_load(CACHE_MODES, &a_host, &out));
    cache_store(CACHE_MODES, &a_host, &rows); /* a link instead of the file */
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    assert_false(cache_load(CACHE_MODES, &a_host, &out));
    cache_store(CACHE_MODES, &a_host, &rows); /* replaces the link, not its target */
    assert_true(cache_load(CACHE_MODES, &a_host, &out));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(cache_load(CACHE_MODES, &a_host, &out));
    unlink(path);
    assert_int_equal(rmdir(in_home(*state, ".cache/vitro", path)), 0);
    assert_int_equal(symlink("..", path), 0); /* a link instead of the folder */
    cache_store(CACHE_MODES, &a_host, &rows);
    assert_false(cache_load(CACHE_MODES, &a_host, &out));
}

static void cache_without_a_place(void **state)
{
    static const char *const homes[] = { NULL,         "",         "relative", "/nonexistent/x",
                                         "/proc/self", "/dev/null" };
    struct probe_report rows = some_rows(), out = { 0 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(homes); i++) {
        if (homes[i] != NULL)
            setenv("HOME", homes[i], 1);
        else
            unsetenv("HOME");
        cache_store(CACHE_MODES, &a_host, &rows);
        assert_false(cache_load(CACHE_MODES, &a_host, &out));
    }
}

/* ---- doctor ---------------------------------------------------------------------------------- */

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

/* ---- this host ------------------------------------------------------------------------------- */

static void on_this_host(void **state)
{
    enum vitro_doctor_verdict verdict, again;
    double start = seconds();
    char *text = NULL;

    (void)state;
    assert_int_equal(vitro_doctor(true, NULL, &text, &verdict, NULL), 0);
    printf("%s\n%.3f s\n", text, seconds() - start); /* longer than cmocka's buffer */
    assert_true(seconds() - start < 60);
    free(text);
    start = seconds();
    assert_int_equal(
        vitro_doctor(false, &(struct vitro_style){ .format = VITRO_JSON }, &text, &again, NULL), 0);
    print_message("%.6f s from the cache\n", seconds() - start);
    assert_int_equal(verdict, again);
    free(text);
    assert_true(kick_is_default());
}

static void cached_answer_is_quick(void **state)
{
    struct probe_report rows = some_rows(), out = { 0 };
    struct probe_host host;
    double start;

    (void)state;
    hostinfo_key(VITRO_VERSION, &host);
    cache_store(CACHE_MODES, &host, &rows);
    start = seconds();
    for (unsigned i = 0; i < 100; i++) {
        hostinfo_key(VITRO_VERSION, &host);
        assert_true(cache_load(CACHE_MODES, &host, &out));
    }
    print_message("a cached answer takes %.1f us\n", (seconds() - start) * 1e6 / 100);
}

#define WITH_HOME(test) cmocka_unit_test_setup_teardown(test, make_home, drop_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_that_cannot_be_used),
        cmocka_unit_test(kvm_that_never_comes_back),
        cmocka_unit_test(kvm_that_only_faults),
        cmocka_unit_test(two_features_are_withheld),
        WITH_HOME(cache_round_trip),
        WITH_HOME(cache_of_another_host),
        WITH_HOME(cache_of_rubbish),
        WITH_HOME(cache_of_strange_files),
        WITH_HOME(cache_without_a_place),
        cmocka_unit_test(verdict_by_table),
        cmocka_unit_test(kernels_and_why_not),
        cmocka_unit_test(json_is_stable),
        cmocka_unit_test(keys_are_unique),
        WITH_HOME(on_this_host),
        WITH_HOME(cached_answer_is_quick),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
