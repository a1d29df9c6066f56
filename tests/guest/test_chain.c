/* SPDX-License-Identifier: MIT */
/* test_chain.c - the faults of a shutdown, on both engines: the same chain, whoever executed the guest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "evidence.h"

#define GUEST(name) extern const unsigned char chain_##name[], chain_##name##_end[]
GUEST(no_gates);
GUEST(empty_gates);
GUEST(bad_selector);
GUEST(bad_stack);
GUEST(unmapped_idt);
GUEST(read_only);
GUEST(second);

struct fault {
    const char *name;
    int64_t error; /* -1: none */
    uint64_t cr2;
    const char *why;
    bool doubled;
};

static const struct row {
    const char *name;
    const unsigned char *begin, *end;
    const char *insn;
    struct fault fault[5];
} rows[] = {
    { "no_gates",
      chain_no_gates,
      chain_no_gates_end,
      "rdmsr",
      { { "#GP", 0, 0, "", false },
        { "#NP", 0x6b, 0, "IDT entry 13 not present", true },
        { "#NP", 0x43, 0, "IDT entry 8 not present", false } } },
    { "empty_gates",
      chain_empty_gates,
      chain_empty_gates_end,
      "mov dword ptr [0x400000], 0x1",
      { { "#PF", 2, 0x400000, "PD[2] not present", false },
        { "#GP", 0x73, 0, "IDT entry 14 is no gate (type 0x0)", true },
        { "#GP", 0x43, 0, "IDT entry 8 is no gate (type 0x0)", false } } },
    { "bad_selector",
      chain_bad_selector,
      chain_bad_selector_end,
      "ud2",
      { { "#UD", -1, 0, "", false },
        { "#GP", 0x81, 0, "GDT entry 0x80 lies beyond the table's limit 0x37", false },
        { "#GP", 0x81, 0, "GDT entry 0x80 lies beyond the table's limit 0x37", true },
        { "#GP", 0x11, 0, "GDT entry 0x10 does not fit its use (type 0x13, DPL 0)", false } } },
    { "bad_stack",
      chain_bad_stack,
      chain_bad_stack_end,
      "ud2",
      { { "#UD", -1, 0, "", false },
        { "#SS", 1, 0, "the handler's stack cannot be used (rsp 0x8000000000000000)", false },
        { "#SS", 1, 0, "the handler's stack cannot be used (rsp 0x8000000000000000)", true },
        { "#SS", 1, 0, "the handler's stack cannot be used (rsp 0x8000000000000000)", false } } },
    { "unmapped_idt",
      chain_unmapped_idt,
      chain_unmapped_idt_end,
      "ud2",
      { { "#UD", -1, 0, "", false },
        { "#PF", 0, 0x400060, "IDT entry 6: PD[2] not present", false },
        { "#PF", 0, 0x4000e0, "IDT entry 14: PD[2] not present", true },
        { "#PF", 0, 0x400080, "IDT entry 8: PD[2] not present", false } } },
    { "read_only",
      chain_read_only,
      chain_read_only_end,
      "mov byte ptr [0x100123], 0x1",
      { { "#PF", 3, 0x100123, "PT[256] is not writable", false },
        { "#GP", 0x73, 0, "IDT entry 14 is no gate (type 0x0)", true },
        { "#GP", 0x43, 0, "IDT entry 8 is no gate (type 0x0)", false } } },
    { "second",
      chain_second,
      chain_second_end,
      "mov eax, [0x400000]",
      { { "#PF", 0, 0x400000, "PD[2] not present", false },
        { "#GP", 0x73, 0, "IDT entry 14 is no gate (type 0x0)", true },
        { "#GP", 0x43, 0, "IDT entry 8 is no gate (type 0x0)", false } } },
};

static void check_fault(const struct vitro_fault *f, const struct fault *want)
{
    assert_string_equal(f->name, want->name);
    assert_int_equal(f->has_error, want->error >= 0);
    if (want->error >= 0)
        assert_int_equal(f->error, want->error);
    assert_int_equal(f->cr2, want->cr2);
    assert_string_equal(f->why, want->why);
    assert_int_equal(f->doubled, want->doubled);
}

static void check_row(const struct row *row, enum vitro_engine engine)
{
    struct vitro_guest_config gcfg = { .name = row->name,
                                       .bytes = row->begin,
                                       .len = (size_t)(row->end - row->begin),
                                       .kind = VITRO_KIND_FLAT };
    struct vitro_config cfg = { .engine = engine, .page_bytes = 4096, .console_fd = -1 };
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct vitro_chain chain;
    unsigned n = 0;
    struct vitro *m;

    check(vitro_guest_open(&gcfg, &guest, &err), &err);
    check(vitro_new(&cfg, guest, &m, &err), &err);
    check(vitro_run(m, &end, &err), &err);
    print_message("%s: %s\n", row->name, end.text);
    assert_int_equal(end.end, VITRO_END_SHUTDOWN);
    check(vitro_chain(m, 0, &chain, &err), &err);
    if (engine == VITRO_ENGINE_KVM && row->begin == chain_bad_selector && chain.n == 0) {
        print_message("%s: cannot run here: this KVM calls the handler all the same\n", row->name);
        goto out;
    }
    assert_string_equal(chain.insn, row->insn);
    while (n < 5 && row->fault[n].name != NULL)
        n++;
    assert_int_equal(chain.n, n);
    for (unsigned i = 0; i < n; i++)
        check_fault(&chain.fault[i], &row->fault[i]);
out:
    vitro_free(m);
    vitro_guest_free(guest);
}

static void on_soft(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_row(&rows[i], VITRO_ENGINE_SOFT);
}

static void on_kvm(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_row(&rows[i], VITRO_ENGINE_KVM);
}

/* There is none while the guest is well. */
static void no_shutdown(void **state)
{
    struct vitro_guest_config gcfg = { .name = "hello" };
    struct vitro_config cfg = { .engine = VITRO_ENGINE_SOFT, .console_fd = -1 };
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct vitro_chain chain;
    struct vitro *m;

    (void)state;
    check(vitro_guest_open(&gcfg, &guest, &err), &err);
    check(vitro_new(&cfg, guest, &m, &err), &err);
    check(vitro_run(m, &end, &err), &err);
    assert_int_not_equal(vitro_chain(m, 0, &chain, &err), 0);
    assert_int_equal(err.kind, VITRO_ERR_USAGE);
    err = (struct vitro_err){ 0 };
    assert_int_not_equal(vitro_chain(m, 7, &chain, &err), 0);
    assert_int_equal(err.kind, VITRO_ERR_USAGE);
    vitro_free(m);
    vitro_guest_free(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_soft),
        cmocka_unit_test(on_kvm),
        cmocka_unit_test(no_shutdown),
    };

    return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
