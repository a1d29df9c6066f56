/* SPDX-License-Identifier: MIT */
/* test_kvm_cpuid.c - the machine's CPU model on its way to a made-up KVM, and what KVM's own list says. */
#include "kvm_script.h"

#include <errno.h>

#include "engine/kvm/kvm_cpuid.h"

/* The made-up KVM, and what was set. */
struct told {
    struct fake f;
    struct kvm_sys sys;
    struct kvm_cpuid2 *list; /* the last one */
    uint64_t clock_ns;
    unsigned clocks;
    int supported_rc; /* of KVM_GET_SUPPORTED_CPUID */
};

static int told_ioctl(void *ctx, int fd, unsigned long request, void *arg)
{
    struct told *t = ctx;
    const struct kvm_cpuid2 *list = arg;
    size_t len;

    if (request == KVM_SET_CPUID2) {
        len = sizeof(*list) + list->nent * sizeof(list->entries[0]);
        free(t->list);
        t->list = malloc(len);
        memcpy(t->list, list, len);
    }
    if (request == KVM_SET_CLOCK) {
        t->clock_ns = ((struct kvm_clock_data *)arg)->clock;
        t->clocks++;
    }
    if (request == KVM_GET_SUPPORTED_CPUID && t->supported_rc != 0)
        return t->supported_rc;
    return t->f.sys.ioctl(t->f.sys.ctx, fd, request, arg);
}

static int told_open(void *ctx, const char *path)
{
    struct told *t = ctx;

    return t->f.sys.open(t->f.sys.ctx, path);
}

static void *told_mmap(void *ctx, int fd, uint64_t len)
{
    struct told *t = ctx;

    return t->f.sys.mmap(t->f.sys.ctx, fd, len);
}

static void told_munmap(void *ctx, void *at, uint64_t len)
{
    struct told *t = ctx;

    t->f.sys.munmap(t->f.sys.ctx, at, len);
}

static void told_close(void *ctx, int fd)
{
    struct told *t = ctx;

    t->f.sys.close(t->f.sys.ctx, fd);
}

static void told_init(struct told *t)
{
    *t = (struct told){ 0 };
    fake_init(&t->f);
    t->sys = (struct kvm_sys){ told_open, told_ioctl, told_mmap, told_munmap, told_close, t, NULL };
}

static void everything(void *ctx, uint32_t leaf, uint32_t subleaf, struct x86_cpuid_regs *out)
{
    (void)ctx, (void)subleaf;
    *out = (struct x86_cpuid_regs){ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };
    if (leaf == 0 || leaf == 0x80000000)
        *out = (struct x86_cpuid_regs){ leaf | 0x20, 0x756e6547, 0x6c65746e, 0x49656e69 };
}

static const struct kvm_cpuid_entry2 *entry(const struct kvm_cpuid2 *list, uint32_t leaf,
                                            uint32_t subleaf)
{
    for (uint32_t i = 0; i < list->nent; i++) {
        if (list->entries[i].function == leaf && list->entries[i].index == subleaf)
            return &list->entries[i];
    }
    return NULL;
}

/* What the software CPU would answer, for each CPU. */
static void assert_as_model(const struct kvm_cpuid2 *list, const struct x86_cpuid_model *model,
                            unsigned cpu)
{
    const struct x86_state reset = { .apic_base = 0x900 };

    assert_int_equal(list->nent, model->nleaves);
    for (unsigned i = 0; i < model->nleaves; i++) {
        const struct kvm_cpuid_entry2 *e = entry(list, model->leaf[i].leaf, model->leaf[i].subleaf);
        struct x86_cpuid_regs r;

        assert_non_null(e);
        x86_cpuid(model, &reset, cpu, e->function, e->index, &r);
        assert_memory_equal(&e->eax, &r, sizeof(r));
        assert_int_equal(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
                         x86_cpuid_has_subleaves(e->function) ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX
                                                              : 0);
    }
}

static void model_is_told(void **state)
{
    static const struct x86_cpuid_config config = { .ncpus = 2, .phys_bits = 46, .apic = true };
    const struct x86_cpuid_source source = { .read = everything, .xcr0 = UINT64_MAX };
    static struct x86_cpuid_model model;
    struct vitro_err err = { 0 };
    struct x86_state start;
    struct machine *m;
    struct told t;

    (void)state;
    told_init(&t);
    x86_cpuid_model_init(&model, &config, &source);
    assert_int_equal(machine_new("test", &kvm_engine, &m, &err), 0);
    m->engine_arg = &t.sys;
    m->cpuid = true;
    m->cpu_model = &model;
    m->ncpus_planned = 2;
    assert_int_equal(machine_open(m, &err), 0);
    x86_start_state(X86_START_LONG, 0, 0, 0, &start);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(machine_add_cpu(m, &start, &err), 0);
        assert_as_model(t.list, &model, i);
        assert_int_equal(entry(t.list, 1, 0)->ebx >> 24, i);
        assert_int_equal(entry(t.list, 0xb, 0)->edx, i);
    }
    assert_memory_equal(&entry(t.list, 0x40000000, 0)->ebx, "KVMKVMKVM\0\0\0", 12);
    assert_int_equal(t.clocks, 1);
    assert_true(t.clock_ns <= clock_ns(&m->clock));
    machine_free(m);
    free(t.list);
    assert_no_leak(&t.f);
}

static void supported(void **state)
{
    static const struct x86_feature_place sub7 = { 7, 0, 1, 0 }, absent = { 0x12345, 0, 0, 0 };
    struct kvm_cpuid2 *list = NULL;
    struct told t;

    (void)state;
    told_init(&t);
    assert_int_equal(kvm_cpuid_read(&t.sys, &list), 0);
    assert_non_null(list);
    assert_false(kvm_cpuid_has(list, &absent));
    list->nent = 2;
    list->entries[0] = (struct kvm_cpuid_entry2){
        .function = 7, .index = 1, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX, .ebx = 1
    };
    list->entries[1] = (struct kvm_cpuid_entry2){ .function = 1, .ecx = 1u << 31 };
    assert_false(kvm_cpuid_has(list, &sub7));
    assert_true(kvm_cpuid_has(list, &(struct x86_feature_place){ 1, 0, 2, 31 }));
    assert_false(kvm_cpuid_has(list, &(struct x86_feature_place){ 1, 0, 3, 31 }));
    list->entries[0].index = 0;
    assert_true(kvm_cpuid_has(list, &sub7));
    free(list);
    assert_no_leak(&t.f);
}

static void no_kvm(void **state)
{
    struct kvm_cpuid2 *list = NULL;
    struct told t;

    (void)state;
    told_init(&t);
    t.f.open_rc = -ENOENT;
    assert_int_equal(kvm_cpuid_read(&t.sys, &list), -ENOENT);
    t.f.open_rc = 0;
    t.supported_rc = -E2BIG;
    assert_int_equal(kvm_cpuid_read(&t.sys, &list), -E2BIG);
    assert_null(list);
    assert_no_leak(&t.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(model_is_told),
        cmocka_unit_test(supported),
        cmocka_unit_test(no_kvm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
