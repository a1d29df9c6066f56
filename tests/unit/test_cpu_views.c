/* SPDX-License-Identifier: MIT */
/*
 * test_cpu_views.c - numbers and registers as people and programs see them
 *
 * States are made by hand and handed out by a stub engine. Text is compared with tests/golden, JSON is
 * read back and compared with the values it was made of.
 */
#include "views_rig.h"

static const struct vitro_style as_text = { .format = VITRO_TEXT };
static const struct vitro_style as_color = { .format = VITRO_TEXT, .color = true };
static const struct vitro_style as_json = { .format = VITRO_JSON };

/* ---- numbers --------------------------------------------------------------------------------- */

static void times(void **state)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } rows[] = {
        { 0, "0 ns" },
        { 999, "999 ns" },
        { 1000, "1.00 us" },
        { 1234, "1.23 us" },
        { 9994, "9.99 us" },
        { 9995, "10.0 us" },
        { 12345, "12.3 us" },
        { 99949, "99.9 us" },
        { 99950, "100 us" },
        { 999499, "999 us" },
        { 999500, "1.00 ms" },
        { 12345678, "12.3 ms" },
        { 999500000, "1.00 s" },
        { 59900000000, "59.9 s" },
        { 3600000000000, "3,600 s" },
        { UINT64_MAX, "18,446,744,074 s" },
    };
    char buf[SHOW_NUM];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(show_ns(rows[i].ns, buf), rows[i].text);
    assert_string_equal(show_us(0, buf), "0.000");
    assert_string_equal(show_us(1234567, buf), "1234.567");
}

static void counts_sizes_shares(void **state)
{
    char buf[SHOW_NUM];

    (void)state;
    assert_string_equal(show_count(0, buf), "0");
    assert_string_equal(show_count(999, buf), "999");
    assert_string_equal(show_count(1000, buf), "1,000");
    assert_string_equal(show_count(UINT64_MAX, buf), "18,446,744,073,709,551,615");
    assert_string_equal(show_size(1, buf), "1 byte");
    assert_string_equal(show_size(65536, buf), "64 KiB");
    assert_string_equal(show_size(65537, buf), "65,537 bytes");
    assert_string_equal(show_size(UINT64_C(1) << 32, buf), "4 GiB");
    assert_string_equal(show_size(UINT64_MAX, buf), "18,446,744,073,709,551,615 bytes");
    assert_string_equal(show_share(14, 15, buf), "93.3 %");
    assert_string_equal(show_share(1, 0, buf), "0.0 %");
    assert_string_equal(show_share(UINT64_MAX, UINT64_MAX, buf), "100.0 %");
}

static void symbols_are_escaped_and_cut(void **state)
{
    static const char evil[] = "\x1b[31m\"\\x";
    struct symtab t = { 0 };
    char buf[SHOW_SYMBOL], name[200];

    (void)state;
    memset(name, 'n', sizeof(name));
    assert_int_equal(symtab_add(&t, &(struct symbol){ .addr = 0x10, .last = 0x1f }, "main", 4), 0);
    assert_int_equal(
        symtab_add(&t, &(struct symbol){ .addr = 0x20, .last = 0x2f }, evil, sizeof(evil) - 1), 0);
    assert_int_equal(
        symtab_add(&t, &(struct symbol){ .addr = 0x30, .last = 0x3f }, name, sizeof(name)), 0);
    symtab_sort(&t);
    assert_string_equal(show_symbol(&t, 0x10, buf), "main");
    assert_string_equal(show_symbol(&t, 0x12, buf), "main+0x2");
    assert_string_equal(show_symbol(&t, 0x40, buf), "");
    assert_string_equal(show_symbol(NULL, 0x10, buf), "");
    assert_string_equal(show_symbol(&t, 0x20, buf), "\\x1b[31m\"\\\\x");
    assert_int_equal(strlen(show_symbol(&t, 0x31, buf)), SHOW_SYMBOL - 1);
    assert_string_equal(buf + strlen(buf) - 4, "+0x1");
    symtab_fini(&t);
}

/* ---- registers ------------------------------------------------------------------------------- */

static const struct x86_seg flat_code = {
    .selector = 8, .limit = 0xffffffff, .type = 11, .s = true, .present = true, .l = true, .g = true
};
static const struct x86_seg flat_data = { .selector = 0x10,
                                          .limit = 0xffffffff,
                                          .type = 3,
                                          .s = true,
                                          .present = true,
                                          .db = true,
                                          .g = true };

static void long_state(struct x86_state *s)
{
    *s = (struct x86_state){
        .rip = 0x20,
        .rflags = 0x3246,
        .cr0 = 0x80050033,
        .cr2 = 0xdead000,
        .cr3 = 0x2000,
        .cr4 = 0x100000620,
        .cr8 = 3,
        .efer = 0x500,
        .apic_base = 0xfee00900,
        .xcr0 = 7,
        .gdtr = { 0x1000, 0x17 },
        .idtr = { 0x3000, 0xfff },
        .dr = { 0x1234, 0, 0, 0x400 },
        .dr6 = 0xffff0ff1,
        .dr7 = 0xd0000441,
        .activity = X86_HALTED,
        .nmsrs = 4,
        .msr = { { X86_MSR_TSC, 0x123456789 }, { 0x1234, 5 }, { 0x345, 0 }, { X86_MSR_PAT, 0 } },
        .events = { .exception_pending = true, .exception_vector = 14, .exception_error = 2 },
    };
    for (unsigned i = 0; i < X86_NGPR; i++)
        s->gpr[i] = i == X86_RAX ? 42 : i == X86_RSP ? 0x200000 : 0;
    for (unsigned i = 0; i < X86_NSREG; i++)
        s->seg[i] = flat_data;
    s->seg[X86_CS] = flat_code;
    s->seg[X86_FS] = (struct x86_seg){ .unusable = true };
    s->tr = (struct x86_seg){ .limit = 0x67, .type = 11, .present = true };
    s->ldtr = (struct x86_seg){ .limit = 0xffff, .type = 2 };
}

static void real_state(struct x86_state *s)
{
    *s = (struct x86_state){
        .rip = 0x18, .rflags = 2, .cr0 = X86_CR0_ET, .gpr = { 0x2a, 1, 0xe9, 0, 0x200000 }
    };
    for (unsigned i = 0; i < X86_NSREG; i++)
        s->seg[i] = (struct x86_seg){ .limit = 0xffff, .type = 3, .s = true, .present = true };
    s->seg[X86_CS].type = 11;
    s->seg[X86_CS].selector = 0x100;
    s->seg[X86_CS].base = 0x1000;
}

static char *show(struct machine *m, const struct symtab *t, bool all,
                  const struct vitro_style *style)
{
    char *out = NULL;

    assert_int_equal(regs_show(m->cpu[0], t, all, style, &out, NULL), 0);
    assert_non_null(out);
    return out;
}

static void regs_as_text(void **state)
{
    static struct stub stub;
    struct symtab t = { 0 };
    struct machine *m;
    char *out;

    (void)state;
    assert_int_equal(symtab_add(&t, &(struct symbol){ .addr = 0x10, .last = 0x7f }, "main", 4), 0);
    symtab_sort(&t);
    long_state(&stub.state);
    m = stub_machine(&stub, 1);
    out = show(m, &t, false, &as_text);
    assert_int_equal(stub.parts, STATE_REGS | STATE_SREGS);
    assert_plain(out);
    golden_check("regs-long.txt", out);
    free(out);
    out = show(m, &t, true, &as_text);
    assert_int_equal(stub.parts, STATE_ALL);
    assert_plain(out);
    golden_check("regs-long-all.txt", out);
    free(out);
    out = show(m, &t, true, &as_color);
    assert_non_null(strstr(out, "\x1b[1m"));
    free(out);
    real_state(&stub.state);
    out = show(m, NULL, true, NULL);
    golden_check("regs-real-all.txt", out);
    free(out);
    machine_free(m);
    symtab_fini(&t);
}

static void regs_as_struct(void **state)
{
    static struct stub stub;
    struct vitro_regs r;
    struct machine *m;

    (void)state;
    long_state(&stub.state);
    for (unsigned i = 0; i < X86_NGPR; i++)
        stub.state.gpr[i] = UINT64_C(0x1111111111111111) * i;
    m = stub_machine(&stub, 1);
    assert_int_equal(regs_read(m->cpu[0], &r, NULL), 0);
    assert_memory_equal(r.gpr, stub.state.gpr, sizeof(r.gpr));
    assert_memory_equal(r.dr, stub.state.dr, sizeof(r.dr));
    assert_int_equal(r.rip, 0x20);
    assert_int_equal(r.rflags, 0x3246);
    assert_int_equal(r.cr0, 0x80050033);
    assert_int_equal(r.cr3, 0x2000);
    assert_int_equal(r.efer, 0x500);
    assert_int_equal(r.xcr0, 7);
    assert_int_equal(r.gdt_limit, 0x17);
    assert_int_equal(r.idt_base, 0x3000);
    assert_string_equal(r.mode, "long (64-bit)");
    assert_int_equal(r.cpl, 0);
    assert_true(r.seg[X86_CS].l && r.seg[X86_CS].g && r.seg[X86_FS].unusable);
    assert_int_equal(r.seg[X86_CS].limit, 0xffffffff);
    assert_int_equal(r.tr.type, 11);
    machine_free(m);
}

static void regs_as_json(void **state)
{
    static struct stub stub;
    struct machine *m;
    json_t *doc, *cs;

    (void)state;
    long_state(&stub.state);
    m = stub_machine(&stub, 1);
    doc = parsed(show(m, NULL, true, &as_json));
    for (unsigned i = 0; i < X86_NGPR; i++)
        assert_int_equal(hex_of(json_object_get(json_object_get(doc, "gpr"), x86_gpr_names[i])),
                         stub.state.gpr[i]);
    assert_int_equal(hex_of(json_object_get(doc, "rip")), 0x20);
    assert_true(json_is_null(json_object_get(doc, "symbol")));
    assert_int_equal(hex_of(json_object_get(json_object_get(doc, "cr4"), "value")), 0x100000620);
    assert_int_equal(json_array_size(json_object_get(json_object_get(doc, "cr0"), "bits")), 7);
    cs = json_object_get(json_object_get(doc, "segments"), "cs");
    assert_int_equal(hex_of(json_object_get(cs, "limit")), 0xffffffff);
    assert_true(json_is_true(json_object_get(cs, "l")));
    assert_string_equal(json_string_value(json_object_get(doc, "activity")), "halted");
    assert_int_equal(json_array_size(json_object_get(doc, "msrs")), 4);
    assert_int_equal(hex_of(json_array_get(json_object_get(doc, "dr"), 3)), 0x400);
    json_decref(doc);
    doc = parsed(show(m, NULL, false, &as_json));
    assert_null(json_object_get(doc, "msrs"));
    json_decref(doc);
    machine_free(m);
}

static void regs_failure_is_passed_on(void **state)
{
    static struct stub stub;
    struct machine *m = stub_machine(&stub, 1);
    struct vitro_err err = { 0 };
    struct vitro_regs r;
    char *out = NULL;

    (void)state;
    stub.fails = -EIO;
    assert_int_equal(regs_read(m->cpu[0], &r, &err), -EIO);
    assert_int_equal(err.code, -EIO);
    assert_int_equal(regs_show(m->cpu[0], NULL, true, &as_text, &out, NULL), -EIO);
    assert_null(out);
    machine_free(m);
}

/* Of what a CPU is about to take, a change leaves the rest on its way as it was. */
static void events_change_one_by_one(void **state)
{
    const struct x86_events all = { .exception_pending = true,
                                    .exception_has_error = true,
                                    .exception_has_payload = true,
                                    .exception_vector = 14,
                                    .exception_error = 2,
                                    .exception_payload = 0x5000,
                                    .interrupt_injected = true,
                                    .interrupt_soft = true,
                                    .interrupt_vector = 0x80,
                                    .shadow = 1,
                                    .nmi_injected = true,
                                    .nmi_masked = true,
                                    .triple_fault_pending = true };
    const struct vitro_events shown = regs_events(&all);
    struct vitro_events want = shown;
    struct x86_events e = all, then = all;

    (void)state;
    regs_change_events(&shown, true, &e);
    assert_memory_equal(&e, &all, sizeof(e));

    want.shadow = then.shadow = 0;
    regs_change_events(&want, true, &e);
    assert_memory_equal(&e, &then, sizeof(e));

    want.interrupt = 0x21;
    then.interrupt_vector = 0x21;
    then.interrupt_soft = false;
    regs_change_events(&want, true, &e);
    assert_memory_equal(&e, &then, sizeof(e));

    want.nmi = then.nmi_injected = false;
    regs_change_events(&want, true, &e);
    assert_memory_equal(&e, &then, sizeof(e));

    want.exception_error = then.exception_error = 3;
    then.exception_pending = then.exception_has_payload = false;
    then.exception_payload = 0;
    then.exception_injected = true;
    regs_change_events(&want, true, &e);
    assert_memory_equal(&e, &then, sizeof(e));

    want.exception = then.exception_vector = 6; /* no error code: possible.h refuses one */
    then.exception_has_error = false;
    want.nmi = then.nmi_pending = true;
    regs_change_events(&want, true, &e);
    assert_memory_equal(&e, &then, sizeof(e));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(times),
        cmocka_unit_test(counts_sizes_shares),
        cmocka_unit_test(symbols_are_escaped_and_cut),
        cmocka_unit_test(regs_as_text),
        cmocka_unit_test(regs_as_struct),
        cmocka_unit_test(regs_as_json),
        cmocka_unit_test(regs_failure_is_passed_on),
        cmocka_unit_test(events_change_one_by_one),
    };

    return cmocka_run_group_tests_name("inspect/cpu views", tests, NULL, NULL);
}
