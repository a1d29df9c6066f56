/* SPDX-License-Identifier: MIT */
/* test_kvm_open.c - the KVM engine over a made-up KVM: opening it, and each call failing once. */
#include "kvm_script.h"
#include "engine/kvm/kvm_remedy.h"

#include <errno.h>
#include <stdio.h>

/* ---- opening --------------------------------------------------------------------------------- */

/* Opening must fail with that code and class, and words that name the cause. */
static void expect_refused(struct fake *f, int code, const char *words)
{
    struct rig_config cfg = config(f, nops, sizeof(nops));
    struct rig r;

    assert_int_equal(rig_try(&r, &cfg), code);
    assert_int_equal(r.err.code, code);
    if (strstr(r.err.text, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, r.err.text);
    assert_no_leak(f);
}

static void test_open(void **state)
{
    static const struct {
        int rc;
        const char *words;
    } rows[] = {
        { -ENOENT, "offers no KVM" },  { -ENODEV, "offers no KVM" },
        { -ENXIO, "offers no KVM" },   { -EACCES, "denied: see who may" },
        { -EPERM, "see who may" },     { -EMFILE, "Too many open files" },
        { -EISDIR, "Is a directory" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fake f;

        fake_init(&f);
        f.open_rc = rows[i].rc;
        expect_refused(&f, rows[i].rc, rows[i].words);
        assert_int_equal(f.calls, 0);
    }
}

static int look(void *ctx, const char *path, struct kvm_file *out)
{
    assert_string_equal(path, "/dev/kvm");
    *out = *(const struct kvm_file *)ctx;
    return 0;
}

/* Advice that would change something: a group only where it is one that the mode lets in and a user can be of. */
static void test_remedies(void **state)
{
    enum { ROOT = 0, USER = 1000, KVM = 104, NOBODY = 65534 };
    static const struct {
        struct kvm_file file;
        int error;
        const char *words;
    } rows[] = {
        { { 0660, ROOT, KVM, USER, false, "root", "kvm" }, -EACCES, "usermod -aG kvm $USER" },
        { { 0660, ROOT, 36, USER, false, "root", "qemu" }, -EACCES, "usermod -aG qemu $USER" },
        { { 0660, ROOT, KVM, USER, true, "root", "kvm" }, -EACCES, "lets this user in" },
        { { 0600, ROOT, KVM, USER, true, "root", "kvm" }, -EACCES, "root:kvm and mode 0600" },
        { { 0600, ROOT, ROOT, USER, false, "root", "root" }, -EACCES, "chmod 666" },
        { { 0640, ROOT, KVM, USER, false, "root", "kvm" }, -EACCES, "mode 0640" },
        { { 0660, ROOT, ROOT, USER, false, "root", "root" }, -EACCES, "root:root and mode 0660" },
        { { 0660, NOBODY, NOBODY, ROOT, false, "nobody", "nogroup" }, -EACCES, "mode 0660" },
        { { 0600, USER, KVM, USER, false, "user", "kvm" }, -EACCES, "lets this user in" },
        { { 0060, USER, KVM, USER, false, "user", "kvm" }, -EACCES, "user:kvm and mode 0060" },
        { { 0666, ROOT, KVM, USER, false, "root", "kvm" }, -EACCES, "lets this user in" },
        { { 0666, ROOT, KVM, USER, true, "root", "kvm" }, -EPERM, "device rules" },
        { { 0600, ROOT, ROOT, ROOT, true, "root", "root" }, -EACCES, "device rules" },
        { { 0600, ROOT, ROOT, USER, false, "root", "root" }, -EBUSY, "" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kvm_file file = rows[i].file;
        const struct kvm_sys sys = { .look = look, .ctx = &file };
        char buf[128];

        kvm_remedy(&sys, rows[i].error, buf, sizeof(buf));
        if (strstr(buf, rows[i].words) == NULL || (*rows[i].words == '\0') != (*buf == '\0'))
            fail_msg("row %zu: \"%s\" is not in \"%s\"", i, rows[i].words, buf);
        assert_true(strlen(buf) <= 110);
    }
}

static void test_wrong_file(void **state)
{
    static const struct {
        int version;
        const char *words;
    } rows[] = {
        { -ENOTTY, "not KVM" }, { -EBADF, "not KVM" }, { 0, "version 0" },
        { 11, "version 11" },   { 13, "version 13" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fake f;

        fake_init(&f);
        f.version = rows[i].version;
        expect_refused(&f, -ENODEV, rows[i].words);
        expect_refused(&f, -ENODEV, "KVM_GET_API_VERSION");
    }
}

static void test_lacks(void **state)
{
    struct fake f;

    (void)state;
    fake_init(&f);
    f.lacks = KVM_CAP_IMMEDIATE_EXIT;
    expect_refused(&f, -ENODEV, "KVM_CAP_IMMEDIATE_EXIT");
    f.lacks = KVM_CAP_USER_MEMORY;
    expect_refused(&f, -ENODEV, "KVM_CAP_USER_MEMORY");
}

static void test_create_vm(void **state)
{
    struct rig_config cfg;
    struct fake f;
    struct rig r;

    (void)state;
    fake_init(&f);
    f.fail_request = KVM_CREATE_VM;
    f.fail_times = UINT32_MAX;
    f.fail_rc = -ENOMEM;
    expect_refused(&f, -ENOMEM, "KVM_CREATE_VM");
    f.fail_rc = -EBUSY;
    expect_refused(&f, -EBUSY, "another hypervisor");
    f.fail_rc = -EINTR;
    expect_refused(&f, -EINTR, "KVM_CREATE_VM"); /* for ever: it must give up */
    f.fail_times = 5;
    cfg = config(&f, nops, sizeof(nops));
    rig_open(&r, &cfg);
    assert_int_equal(f.fail_times, 0);
    finish(&r, &f);
}

/* What this KVM refuses comes to us with its bytes, and is not #UD to the guest; where it can do that. */
static void test_shows_what_it_refuses(void **state)
{
    (void)state;
    for (int lacks = 0; lacks < 2; lacks++) {
        struct fake f;
        struct rig r;

        fake_init(&f);
        f.lacks = lacks ? KVM_CAP_EXIT_ON_EMULATION_FAILURE : 0;
        open_with(&r, &f, NULL, 0);
        assert_int_equal(f.enabled, lacks ? 0 : KVM_CAP_EXIT_ON_EMULATION_FAILURE);
        finish(&r, &f);
    }
}

static void test_run_area(void **state)
{
    struct fake f;

    (void)state;
    fake_init(&f);
    f.run_len = 100;
    expect_refused(&f, -ENODEV, "KVM_GET_VCPU_MMAP_SIZE");
    fake_init(&f);
    f.mmap_fails = true;
    expect_refused(&f, -ENOMEM, "run area");
}

static void test_late_failures(void **state)
{
    static const struct {
        unsigned long request;
        const char *words;
    } rows[] = {
        { KVM_CREATE_VCPU, "KVM_CREATE_VCPU" },
        { KVM_SET_USER_MEMORY_REGION, "KVM_SET_USER_MEMORY_REGION" },
        { KVM_SET_REGS, "KVM_SET_REGS" },
        { KVM_SET_SREGS2, "KVM_SET_SREGS2" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fake f;

        fake_init(&f);
        f.fail_request = rows[i].request;
        f.fail_times = UINT32_MAX;
        f.fail_rc = -EINVAL;
        expect_refused(&f, -EINVAL, rows[i].words);
    }
}

/* ---- each call fails once -------------------------------------------------------------------- */

/* Whose failure is no failure of the engine: optional parts, and trials whose answer is then "no". */
static const unsigned long optional[] = {
    KVM_CHECK_EXTENSION, KVM_ENABLE_CAP, KVM_SET_TSS_ADDR,    KVM_GET_XCRS,
    KVM_GET_LAPIC,       KVM_RUN,        KVM_SET_GUEST_DEBUG,
};

static bool is_optional(unsigned long request)
{
    for (size_t i = 0; i < ARRAY_LEN(optional); i++) {
        if (optional[i] == request)
            return true;
    }
    return false;
}

static const struct play everything[] = {
    { .reason = KVM_EXIT_IO,
      .rip = RIG_CODE + 1,
      .io = { .out = 1, .size = 1, .port = 0xe9, .count = 1 } },
    { .reason = KVM_EXIT_DEBUG, .rip = RIG_CODE + 1, .debug = { .exception = 1 } },
    { .reason = KVM_EXIT_MMIO, .rip = RIG_CODE + 1, .mmio = { .addr = RIG_HOLE, .len = 8 } },
    { .reason = KVM_EXIT_HLT, .rip = RIG_CODE + 5 },
};

/* Uses every ioctl that the engine has; 0, or the first failure. */
static int use_everything(struct rig *r, const struct rig_config *cfg)
{
    const struct cpu_debug dbg = { .nbreaks = 1, .brk = { { .addr = RIG_CODE + 7 } } };
    const struct cpu_debug none = { 0 };
    const struct engine_ops *e = &kvm_engine;
    struct x86_state *s = calloc(1, sizeof(*s));
    int rc = rig_try(r, cfg);

    if (rc < 0)
        goto out;
    if ((rc = e->get(r->cpu, STATE_ALL, s, &r->err)) < 0)
        goto out;
    s->lapic_valid = true;
    s->xcr0 = 1;
    if ((rc = e->set(r->cpu, STATE_ALL, s, &r->err)) < 0 || (rc = e->run(r->cpu, &r->err)) < 0 ||
        (rc = e->get(r->cpu, STATE_REGS, s, &r->err)) < 0 ||
        (rc = e->debug(r->cpu, &dbg, &r->err)) < 0)
        goto out;
    for (unsigned i = 0; i < 3 && rc == 0; i++) {
        rc = e->run(r->cpu, &r->err);
        r->cpu->answered = true;
    }
    if (rc == 0)
        rc = e->debug(r->cpu, &none, &r->err);
out:
    free(s);
    return rc;
}

static void fail_each(struct fake *like, int code)
{
    unsigned n = 0;
    struct fake f;
    struct rig r;
    int rc;

    do {
        struct rig_config cfg;

        f = *like;
        f.sys.ctx = &f;
        f.play = everything;
        f.nplays = ARRAY_LEN(everything);
        f.fail_at = ++n;
        f.fail_rc = code;
        cfg = config(&f, nops, sizeof(nops));
        cfg.cpuid = true;
        rc = use_everything(&r, &cfg);
        rig_close(&r);
        assert_no_leak(&f);
        if (rc == 0 && f.failed != 0 && code != -EINTR && !is_optional(f.failed))
            fail_msg("call %u, %s, failed and nobody noticed", n, kvm_ioctl_name(f.failed)->name);
        if (rc == 0)
            continue;
        assert_int_equal(r.err.code, rc);
        if (strstr(r.err.text, kvm_ioctl_name(f.failed)->name) == NULL && rc != -ENOTSUP)
            fail_msg("call %u, %s, is not named: %s", n, kvm_ioctl_name(f.failed)->name,
                     r.err.text);
        if (code == -EINTR && f.failed != KVM_RUN)
            fail_msg("%s was not repeated on EINTR: %s", kvm_ioctl_name(f.failed)->name,
                     r.err.text);
    } while (f.failed != 0);
    print_message("%u calls, each failed once with %s\n", n - 1, strerror(-code));
    assert_true(n > 40);
}

static void test_fail_each(void **state)
{
    static const int codes[] = { -ENOMEM, -EIO, -EINVAL, -EFAULT, -EPERM, -EINTR };
    struct fake f;

    (void)state;
    fake_init(&f);
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        fail_each(&f, codes[i]);
    f.no_sync_regs = f.no_sregs2 = true;
    fail_each(&f, -EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_remedies),
        cmocka_unit_test(test_wrong_file),
        cmocka_unit_test(test_lacks),
        cmocka_unit_test(test_create_vm),
        cmocka_unit_test(test_run_area),
        cmocka_unit_test(test_late_failures),
        cmocka_unit_test(test_fail_each),
        cmocka_unit_test(test_shows_what_it_refuses),
    };

    return cmocka_run_group_tests_name("engine/kvm scripted open", tests, NULL, NULL);
}
