/* SPDX-License-Identifier: MIT */
/* test_probe.c - the probe against scripted KVMs, and then this host. */
#include "probe_rig.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "core/kick.h"
#include "engine/kvm/kvm_probe.h"
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

static int fake_look(void *ctx, const char *path, struct kvm_file *out)
{
    (void)ctx, (void)path;
    *out = (struct kvm_file){
        .mode = 0660, .gid = 104, .euid = 1000, .owner = "root", .group = "kvm"
    };
    return 0;
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
                             .look = fake_look,
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
        { -EACCES, 0, PROBE_NO, PROBE_UNKNOWN, "may not open", "usermod -aG kvm" },
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_that_cannot_be_used),
        cmocka_unit_test(kvm_that_never_comes_back),
        cmocka_unit_test(kvm_that_only_faults),
        cmocka_unit_test(two_features_are_withheld),
        WITH_HOME(on_this_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
