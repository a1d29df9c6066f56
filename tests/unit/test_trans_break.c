/* SPDX-License-Identifier: MIT */
/*
 * test_trans_break.c - breakpoints in translated code, through the library
 *
 * A machine that translates everything at once and one that interprets run the same guest and are stopped at the same
 * addresses: each stop has to be the same, with the same registers, and the same hash of all state where the run is
 * deterministic.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <vitro/inspect.h>
#include <vitro/vitro.h>

enum { STOPS = 24, ADDRS_MAX = 12, CPUS = 2, PAGES_LEN = 0x1109 };

#define CODE(...) \
    .code = (const uint8_t[]){ __VA_ARGS__ }, .code_len = sizeof((const uint8_t[]){ __VA_ARGS__ })

struct row {
    const char *name;
    enum vitro_mode mode;
    const uint8_t *code;
    size_t code_len;
    uint64_t addr
        [ADDRS_MAX]; /* of instructions that are executed again and again; the last is followed by 0 */
};

static const struct row rows[] = {
    /* mov ecx, 1000; 05: lea eax, [eax+ecx*2]; 09: mov [0x6000], rax; 11: add rdx, [0x6000]; 19: adc rbx, rdx;
     * 1c: push rbx; 1d: pop rsi; 1e: imul rsi, rax; 22: xor rdi, rsi; 25: dec ecx; 27: jnz 05; hlt */
    { "a loop",
      VITRO_MODE_LONG,
      CODE(0xb9, 0xe8, 0x03, 0x00, 0x00, 0x67, 0x8d, 0x04, 0x48, 0x48, 0x89, 0x04, 0x25, 0x00, 0x60,
           0x00, 0x00, 0x48, 0x03, 0x14, 0x25, 0x00, 0x60, 0x00, 0x00, 0x48, 0x11, 0xd3, 0x53, 0x5e,
           0x48, 0x0f, 0xaf, 0xf0, 0x48, 0x31, 0xf7, 0xff, 0xc9, 0x75, 0xdc, 0xf4),
      { 0x05, 0x09, 0x11, 0x19, 0x1c, 0x1d, 0x1e, 0x22, 0x25, 0x27 } },
    /* mov ecx, 300; 05: add eax, ecx; 07: jmp 0a; nop; 0a: test edx, edx; 0c: je 11; 0e: add ebx, 7; 11: cmp ebx, eax;
     * 13: mov [0x6000], eax; 1a: mov esi, [0x6000]; 21: xor edx, esi; 23: call 2d; 28: dec ecx; 2a: jnz 05; hlt;
     * 2d: and edx, -1; 30: ret */
    { "flags that nobody reads",
      VITRO_MODE_LONG,
      CODE(0xb9, 0x2c, 0x01, 0x00, 0x00, 0x01, 0xc8, 0xeb, 0x01, 0x90, 0x85, 0xd2, 0x74, 0x03, 0x83,
           0xc3, 0x07, 0x39, 0xc3, 0x89, 0x04, 0x25, 0x00, 0x60, 0x00, 0x00, 0x8b, 0x34, 0x25, 0x00,
           0x60, 0x00, 0x00, 0x31, 0xf2, 0xe8, 0x05, 0x00, 0x00, 0x00, 0xff, 0xc9, 0x75, 0xd9, 0xf4,
           0x83, 0xe2, 0xff, 0xc3),
      { 0x05, 0x07, 0x0a, 0x11, 0x13, 0x1a, 0x21, 0x23, 0x28, 0x2a, 0x2d, 0x30 } },
    /* mov ecx, 300; 05: lea eax, [eax+ecx*2]; 08: mov [0x6000], eax; 0d: add edx, [0x6000]; 13: adc ebx, edx;
     * 15: inc esi; 16: dec ecx; 17: jnz 05; hlt */
    { "32-bit code",
      VITRO_MODE_PROTECTED,
      CODE(0xb9, 0x2c, 0x01, 0x00, 0x00, 0x8d, 0x04, 0x48, 0xa3, 0x00, 0x60, 0x00, 0x00, 0x03, 0x15,
           0x00, 0x60, 0x00, 0x00, 0x11, 0xd3, 0x46, 0x49, 0x75, 0xec, 0xf4),
      { 0x05, 0x08, 0x0d, 0x13, 0x15, 0x16, 0x17 } },
    /* mov ebx, 100; 05: mov edi, 0x6000; 0a: mov ecx, 20; 0f: rep stosb; 11: dec ebx; jnz 05; hlt */
    { "a repeated instruction",
      VITRO_MODE_LONG,
      CODE(0xbb, 0x64, 0x00, 0x00, 0x00, 0xbf, 0x00, 0x60, 0x00, 0x00, 0xb9, 0x14, 0x00, 0x00, 0x00,
           0xf3, 0xaa, 0xff, 0xcb, 0x75, 0xf0, 0xf4),
      { 0x0a, 0x0f, 0x11 } },
};

/* ---- machines ---------------------------------------------------------------------------------- */

struct side {
    struct vitro_guest *guest;
    struct vitro *m;
    struct vitro_err err;
};

/* The first translates, the other interprets. */
struct pair {
    struct side side[2];
    bool deterministic;
    unsigned cpus;
};

static void side_open(struct side *s, const struct pair *p, const struct row *row,
                      enum vitro_tier tier)
{
    const struct vitro_guest_config gcfg = {
        .bytes = row->code, .len = row->code_len, .kind = VITRO_KIND_FLAT, .mode = row->mode
    };
    const struct vitro_config cfg = { .engine = VITRO_ENGINE_SOFT,
                                      .tier = tier,
                                      .cpus = p->cpus,
                                      .mem_bytes = 8 << 20,
                                      .deterministic = p->deterministic,
                                      .console_fd = -1 };

    *s = (struct side){ 0 };
    if (vitro_guest_open(&gcfg, &s->guest, &s->err) < 0 ||
        vitro_new(&cfg, s->guest, &s->m, &s->err) < 0)
        fail_msg("%s: %s", row->name, s->err.text);
}

static void pair_open(struct pair *p, const struct row *row)
{
    side_open(&p->side[0], p, row, VITRO_TIER_TRANS);
    side_open(&p->side[1], p, row, VITRO_TIER_INTERP);
}

static void pair_close(struct pair *p)
{
    for (unsigned i = 0; i < 2; i++) {
        vitro_free(p->side[i].m);
        vitro_guest_free(p->side[i].guest);
    }
}

static void pair_write(struct pair *p, uint64_t gpa, const void *bytes, size_t len)
{
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(vitro_mem_write(p->side[i].m, gpa, bytes, len), 0);
}

static void side_stop_at(struct side *s, const struct vitro_stop_at *where)
{
    if (vitro_stop_at(s->m, where, &s->err) < 0)
        fail_msg("%s", s->err.text);
}

static void pair_stop_at(struct pair *p, struct vitro_stop_at where)
{
    for (unsigned i = 0; i < 2; i++)
        side_stop_at(&p->side[i], &where);
}

static void break_at(struct pair *p, uint64_t addr)
{
    pair_stop_at(p, (struct vitro_stop_at){ .addrs = &addr, .naddrs = 1 });
}

static struct vitro_outcome side_run(struct side *s)
{
    struct vitro_outcome end;

    if (vitro_run(s->m, &end, &s->err) < 0)
        fail_msg("%s", s->err.text);
    return end;
}

static void same_state(struct pair *p, const char *name)
{
    struct vitro_regs regs[2];
    uint64_t insns[2], hash[2];

    for (unsigned cpu = 0; cpu < p->cpus; cpu++) {
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(vitro_regs(p->side[i].m, cpu, &regs[i], NULL), 0);
        if (memcmp(regs[0].gpr, regs[1].gpr, sizeof(regs[0].gpr)) != 0 ||
            regs[0].rip != regs[1].rip || regs[0].rflags != regs[1].rflags)
            fail_msg("%s: other registers at 0x%llx, rflags 0x%llx and 0x%llx", name,
                     (unsigned long long)regs[1].rip, (unsigned long long)regs[0].rflags,
                     (unsigned long long)regs[1].rflags);
    }
    if (!p->deterministic)
        return;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(vitro_state_hash(p->side[i].m, &insns[i], &hash[i], NULL), 0);
    assert_int_equal(insns[0], insns[1]);
    assert_int_equal(hash[0], hash[1]);
}

/* Both to their next stop, or end. */
static struct vitro_outcome pair_run(struct pair *p, const char *name)
{
    struct vitro_outcome end = side_run(&p->side[0]), other = side_run(&p->side[1]);

    if (end.end != other.end || end.rip != other.rip || end.cpu != other.cpu)
        fail_msg("%s: %s; the interpreter: %s", name, end.text, other.text);
    same_state(p, name);
    return end;
}

static void expect_break(struct pair *p, const char *name, uint64_t addr)
{
    struct vitro_outcome end = pair_run(p, name);

    if (end.end != VITRO_END_BREAK || end.rip != addr)
        fail_msg("%s: %s instead of a stop at 0x%llx", name, end.text, (unsigned long long)addr);
}

/* A number of what is said of translated code. */
static uint64_t figure(struct vitro *m, const char *name)
{
    const struct vitro_style json = { .format = VITRO_JSON };
    char *text, *at;
    uint64_t val;

    assert_int_equal(vitro_show_blocks(m, NULL, &json, &text, NULL), 0);
    at = strstr(text, name);
    assert_non_null(at);
    val = strtoull(at + strlen(name) + 3, NULL, 10);
    free(text);
    return val;
}

/* ---- one after the other ----------------------------------------------------------------------- */

/* At each of the addresses for a while, the code between them hot, and to the end without. */
static void check_row(const struct row *row, bool deterministic)
{
    struct pair p = { .deterministic = deterministic, .cpus = 1 };
    unsigned n = 0;

    pair_open(&p, row);
    while (n < ADDRS_MAX && row->addr[n] != 0)
        n++;
    for (unsigned i = 0; i < STOPS * n; i++) {
        if (i % STOPS == 0)
            break_at(&p, row->addr[i / STOPS]);
        expect_break(&p, row->name, row->addr[i / STOPS]);
    }
    for (unsigned i = 0; i < STOPS; i++) {
        pair_stop_at(&p, (struct vitro_stop_at){ .addrs = row->addr, .naddrs = n });
        assert_int_equal(pair_run(&p, row->name).end, VITRO_END_BREAK);
    }
    pair_stop_at(&p, (struct vitro_stop_at){ 0 });
    assert_int_equal(pair_run(&p, row->name).end, VITRO_END_HALT);
    pair_close(&p);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_row(&rows[i], true);
        check_row(&rows[i], false);
    }
}

/* Set when the loop has been translated and linked for long: hit in its next turn. Taken away, it is not. */
static void test_in_a_hot_loop(void **state)
{
    const struct row *row = &rows[0];

    (void)state;
    for (unsigned i = 0; row->addr[i] != 0; i++) {
        struct pair p = { .deterministic = true, .cpus = 1 };

        pair_open(&p, row);
        for (unsigned n = 1; n <= 4; n++) {
            pair_stop_at(&p, (struct vitro_stop_at){ .insns = 1000 * n });
            assert_int_equal(pair_run(&p, row->name).end, VITRO_END_COUNT);
            break_at(&p, row->addr[i]);
            expect_break(&p, row->name, row->addr[i]);
        }
        pair_stop_at(&p, (struct vitro_stop_at){ 0 });
        assert_int_equal(pair_run(&p, row->name).end, VITRO_END_HALT);
        assert_true(figure(p.side[0].m, "executed") > 8000); /* of 10001 */
        pair_close(&p);
    }
}

/*
 * mov ecx, 300; 5: call 1100; a: add rbx, rax; jmp ffd; 12: dec ecx; jnz 5; hlt; ffd: mov rdx, 0x123456789abcdef, in two
 * pages; 1007: xor rbx, rdx; jmp 12; 1100: lea rax, [rax+rcx+3]; 1105: inc r8; ret
 */
static void test_over_pages(void **state)
{
    static const uint8_t first[] = { 0xb9, 0x2c, 0x01, 0x00, 0x00, 0xe8, 0xf6, 0x10,
                                     0x00, 0x00, 0x48, 0x01, 0xc3, 0xe9, 0xeb, 0x0f,
                                     0x00, 0x00, 0xff, 0xc9, 0x75, 0xef, 0xf4 };
    static const uint8_t border[] = { 0x48, 0xba, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23,
                                      0x01, 0x48, 0x31, 0xd3, 0xe9, 0x03, 0xf0, 0xff, 0xff };
    static const uint8_t last[] = { 0x48, 0x8d, 0x44, 0x08, 0x03, 0x49, 0xff, 0xc0, 0xc3 };
    static uint8_t code[PAGES_LEN];
    const struct row row = { "code in two pages",
                             VITRO_MODE_LONG,
                             code,
                             sizeof(code),
                             { 0x5, 0xa, 0xd, 0x12, 0x14, 0xffd, 0x1007, 0x100a, 0x1100, 0x1105,
                               0x1108 } };

    (void)state;
    memcpy(code, first, sizeof(first));
    memcpy(code + 0xffd, border, sizeof(border));
    memcpy(code + 0x1100, last, sizeof(last));
    check_row(&row, true);
    check_row(&row, false);
}

/* As a debugger does it: all are taken away at a stop, a step is made, and they are set again. */
static void test_set_again(void **state)
{
    const uint64_t addr = 0x19;
    struct pair p = { .deterministic = true, .cpus = 1 };
    struct vitro_outcome end;
    uint64_t dropped = 0;

    (void)state;
    pair_open(&p, &rows[0]);
    pair_stop_at(&p, (struct vitro_stop_at){ .insns = 1000 });
    assert_int_equal(pair_run(&p, "set again").end, VITRO_END_COUNT);
    for (unsigned i = 0; i < STOPS; i++) {
        break_at(&p, addr);
        expect_break(&p, "set again", addr);
        if (i == 0)
            dropped = figure(p.side[0].m, "dropped");
        pair_stop_at(&p, (struct vitro_stop_at){ 0 });
        for (unsigned s = 0; s < 2; s++)
            assert_int_equal(vitro_step(p.side[s].m, 0, &end, NULL), 0);
    }
    assert_true(dropped > 0);
    assert_int_equal(figure(p.side[0].m, "dropped"), dropped);
    pair_close(&p);
}

/* ---- address spaces ---------------------------------------------------------------------------- */

/*
 * mov ecx, 300; 5: mov cr3, 0x10000; call 0x400000; mov cr3, 0x20000; call 0x400000; dec ecx; jnz 5; hlt.
 * There: inc rbx; 3: add rdi, rbx; ret in the one, add rbx, 3; add rsi, rbx; ret in the other; 3 is in an instruction.
 */
static void test_two_spaces(void **state)
{
    static const uint8_t code[] = { 0xb9, 0x2c, 0x01, 0x00, 0x00, 0xb8, 0x00, 0x00, 0x01, 0x00,
                                    0x0f, 0x22, 0xd8, 0xba, 0x00, 0x00, 0x40, 0x00, 0xff, 0xd2,
                                    0xb8, 0x00, 0x00, 0x02, 0x00, 0x0f, 0x22, 0xd8, 0xba, 0x00,
                                    0x00, 0x40, 0x00, 0xff, 0xd2, 0xff, 0xc9, 0x75, 0xde, 0xf4 };
    static const uint8_t there[2][8] = { { 0x48, 0xff, 0xc3, 0x48, 0x01, 0xdf, 0xc3 },
                                         { 0x48, 0x83, 0xc3, 0x03, 0x48, 0x01, 0xde, 0xc3 } };
    const struct row row = {
        .name = "two spaces", .code = code, .code_len = sizeof(code), .mode = VITRO_MODE_LONG
    };
    struct pair p = { .deterministic = true, .cpus = 1 };

    (void)state;
    pair_open(&p, &row);
    for (uint64_t i = 0; i < 2; i++) {
        const uint64_t top = 0x10000 * (i + 1), at = 0x400000 + 0x200000 * i;
        const uint64_t entry[5] = { top + 0x1003, top + 0x2003, 0x83, at | 0x83, 0x600083 };

        pair_write(&p, top, &entry[0], 8);
        pair_write(&p, top + 0x1000, &entry[1], 8);
        pair_write(&p, top + 0x2000, &entry[2], 8);
        pair_write(&p, top + 0x2010, &entry[3], 16); /* and the stack */
        pair_write(&p, at, there[i], sizeof(there[i]));
    }
    pair_stop_at(&p, (struct vitro_stop_at){ .insns = 1000 });
    assert_int_equal(pair_run(&p, row.name).end, VITRO_END_COUNT);
    break_at(&p, 0x400000);
    for (unsigned i = 0; i < STOPS; i++)
        expect_break(&p, row.name, 0x400000);
    for (unsigned i = 0; i < STOPS; i++) {
        const uint64_t addr[] = { 0x400003, 0x400004 };

        break_at(&p, addr[i % 2]);
        expect_break(&p, row.name, addr[i % 2]);
    }
    pair_stop_at(&p, (struct vitro_stop_at){ 0 });
    assert_int_equal(pair_run(&p, row.name).end, VITRO_END_HALT);
    pair_close(&p);
}

/* ---- the guest's own --------------------------------------------------------------------------- */

/*
 * mov eax, 1; lock xadd [0x7800], eax; esp = 0x21000 + eax * 0x1000; if it was the first to come here: dr0 = 0x3c,
 * dr1 = 0x7008, dr7 = an instruction, four bytes that are written.
 * mov ecx, 5000; 3a: add edx, ecx; 3c: lea edx, [rdx+1]; push rdx; pop rsi; each 64th time: mov [0x7008], edx;
 * dec ecx; jnz 3a; mov dr7, 0; 5000 times: add esi, edx; lea edx, [rsi+rcx]; hlt
 */
static const struct row own = {
    "the guest's own",
    VITRO_MODE_LONG,
    CODE(0xb8, 0x01, 0x00, 0x00, 0x00, 0xf0, 0x0f, 0xc1, 0x04, 0x25, 0x00, 0x78, 0x00, 0x00, 0x89,
         0xc4, 0xc1, 0xe4, 0x0c, 0x81, 0xc4, 0x00, 0x10, 0x02, 0x00, 0x85, 0xc0, 0x75, 0x18, 0xb8,
         0x3c, 0x00, 0x00, 0x00, 0x0f, 0x23, 0xc0, 0xb8, 0x08, 0x70, 0x00, 0x00, 0x0f, 0x23, 0xc8,
         0xb8, 0x05, 0x04, 0xd0, 0x00, 0x0f, 0x23, 0xf8, 0xb9, 0x88, 0x13, 0x00, 0x00, 0x01, 0xca,
         0x8d, 0x52, 0x01, 0x52, 0x5e, 0xf6, 0xc1, 0x3f, 0x75, 0x07, 0x89, 0x14, 0x25, 0x08, 0x70,
         0x00, 0x00, 0xff, 0xc9, 0x75, 0xe9, 0x0f, 0x23, 0xf9, 0xb9, 0x88, 0x13, 0x00, 0x00, 0x01,
         0xd6, 0x8d, 0x14, 0x0e, 0xff, 0xc9, 0x75, 0xf7, 0xf4),
    { 0x3c }
};

/* #DB: r8 counts those of dr0, which it returns from with RF set, r9 the others. */
static const uint8_t own_handler[] = { 0x50, 0x0f, 0x21, 0xf0, 0xa8, 0x01, 0x74, 0x0d, 0x49,
                                       0xff, 0xc0, 0x81, 0x4c, 0x24, 0x18, 0x00, 0x00, 0x01,
                                       0x00, 0xeb, 0x03, 0x49, 0xff, 0xc1, 0xb8, 0xf0, 0x0f,
                                       0xff, 0xff, 0x0f, 0x23, 0xf0, 0x58, 0x48, 0xcf };

static void own_open(struct pair *p)
{
    /* Nothing, what CS and SS have, the gate of vector 1. */
    static const uint64_t gdt[] = { 0, 0x00af9b000000ffff, 0x00cf93000000ffff };
    static const uint64_t gate[] = { 0x00008e0000080100, 0 };
    struct vitro_regs regs;

    pair_open(p, &own);
    pair_write(p, 0x100, own_handler, sizeof(own_handler));
    pair_write(p, 0x9010, gate, sizeof(gate));
    pair_write(p, 0xa000, gdt, sizeof(gdt));
    for (unsigned i = 0; i < 2 * p->cpus; i++) {
        assert_int_equal(vitro_regs(p->side[i % 2].m, i / 2, &regs, NULL), 0);
        regs.idt_base = 0x9000;
        regs.gdt_base = 0xa000;
        regs.idt_limit = regs.gdt_limit = 0xfff;
        assert_int_equal(vitro_regs_set(p->side[i % 2].m, i / 2, &regs, VITRO_REGS_TABLES, NULL),
                         0);
    }
}

static void expect_met(struct side *s, unsigned cpu, uint64_t code, uint64_t data)
{
    struct vitro_regs regs;

    assert_int_equal(vitro_regs(s->m, cpu, &regs, NULL), 0);
    assert_int_equal(regs.gpr[8], code);
    assert_int_equal(regs.gpr[9], data);
}

static void test_own(void **state)
{
    struct pair p = { .deterministic = true, .cpus = 1 };

    (void)state;
    own_open(&p);
    break_at(&p, 0x3c);
    for (unsigned i = 0; i < STOPS; i++) /* the monitor's comes first, at each way there */
        expect_break(&p, own.name, 0x3c);
    pair_stop_at(&p, (struct vitro_stop_at){ 0 });
    assert_int_equal(pair_run(&p, own.name).end, VITRO_END_HALT);
    expect_met(&p.side[0], 0, 5000, 5000 / 64);
    assert_true(figure(p.side[0].m, "executed") > 60000); /* of 119000 */
    pair_close(&p);
}

/*
 * One vCPU's are not the other's, though they execute the same code. It is the first that adds to a word if `before`,
 * what that has been, is 0, and the second if it is -1.
 */
static void check_own_of_one(bool deterministic, uint32_t before)
{
    struct pair p = { .deterministic = deterministic, .cpus = CPUS };
    struct vitro_regs regs;
    unsigned armed;

    own_open(&p);
    pair_write(&p, 0x7800, &before, sizeof(before));
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(side_run(&p.side[i]).end, VITRO_END_HALT);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(vitro_regs(p.side[i].m, 0, &regs, NULL), 0);
        armed = regs.gpr[8] == 0;
        expect_met(&p.side[i], armed, 5000, 5000 / 64);
        expect_met(&p.side[i], !armed, 0, 0);
    }
    if (deterministic)
        same_state(&p, own.name);
    assert_true(figure(p.side[0].m, "executed") > 120000); /* of 174000 */
    pair_close(&p);
}

static void test_own_of_one(void **state)
{
    (void)state;
    for (unsigned deterministic = 0; deterministic < 2; deterministic++) {
        check_own_of_one(deterministic, 0);
        check_own_of_one(deterministic, UINT32_MAX);
    }
}

/* ---- two vCPUs --------------------------------------------------------------------------------- */

static void test_two_in_turns(void **state)
{
    struct pair p = { .deterministic = true, .cpus = CPUS };

    (void)state;
    pair_open(&p, &rows[0]);
    pair_stop_at(&p, (struct vitro_stop_at){ .insns = 1000 });
    assert_int_equal(pair_run(&p, "two in turns").end, VITRO_END_COUNT);
    for (unsigned i = 0; i < STOPS * 10; i++) {
        if (i % STOPS == 0)
            break_at(&p, rows[0].addr[i / STOPS]);
        expect_break(&p, "two in turns", rows[0].addr[i / STOPS]);
    }
    pair_stop_at(&p, (struct vitro_stop_at){ 0 });
    assert_int_equal(pair_run(&p, "two in turns").end, VITRO_END_HALT);
    pair_close(&p);
}

/* Threads of their own, in a loop without an end: each is stopped at each address, and nowhere else. */
static void test_two_at_once(void **state)
{
    /* 0: add eax, 1; 3: lea ebx, [rax+rcx]; 6: mov [rsp-8], ebx; a: xor edx, ebx; c: jmp 0 */
    static const uint8_t code[] = { 0x83, 0xc0, 0x01, 0x8d, 0x1c, 0x08, 0x89,
                                    0x5c, 0x24, 0xf8, 0x31, 0xda, 0xeb, 0xf2 };
    static const uint64_t addrs[] = { 0xa, 0x0, 0x6, 0xc, 0x3 };
    const struct row row = {
        .name = "two at once", .code = code, .code_len = sizeof(code), .mode = VITRO_MODE_LONG
    };
    struct pair p = { .cpus = CPUS };
    struct side *s = &p.side[0];

    (void)state;
    pair_open(&p, &row);
    for (unsigned round = 0; round < 20; round++) {
        const struct vitro_stop_at where = { .addrs = &addrs[round % 5], .naddrs = 1 };
        unsigned seen = 0;

        while (seen != 3) {
            struct vitro_outcome end;
            struct vitro_regs regs;

            side_stop_at(s, &where);
            end = side_run(s);
            assert_int_equal(end.end, VITRO_END_BREAK);
            assert_int_equal(vitro_regs(s->m, (unsigned)end.cpu, &regs, NULL), 0);
            assert_int_equal(regs.rip, addrs[round % 5]);
            seen |= 1u << end.cpu;
        }
        side_stop_at(s, &(struct vitro_stop_at){ .insns = 100000 * (round + 1) });
        assert_int_equal(side_run(s).end, VITRO_END_COUNT);
    }
    /* Code is interpreted until the other vCPU has looked, which the host may let it do late. */
    for (unsigned round = 21; figure(s->m, "executed") <= 1000000; round++) {
        assert_true(round < 200);
        side_stop_at(s, &(struct vitro_stop_at){ .insns = 100000 * round });
        assert_int_equal(side_run(s).end, VITRO_END_COUNT);
    }
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),        cmocka_unit_test(test_in_a_hot_loop),
        cmocka_unit_test(test_over_pages),  cmocka_unit_test(test_set_again),
        cmocka_unit_test(test_two_spaces),  cmocka_unit_test(test_own),
        cmocka_unit_test(test_own_of_one),  cmocka_unit_test(test_two_in_turns),
        cmocka_unit_test(test_two_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
