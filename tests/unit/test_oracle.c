/* SPDX-License-Identifier: MIT */
/*
 * test_oracle.c - every row of the opcode table has an oracle: the host CPU, or a guest program by name
 *
 * Rows that the host CPU can check in ring 3 are checked there (soft_oracle.h) and nowhere else. Each other row is named
 * with the reason why the host cannot, and for it one of the guest programs, given as arguments, must execute it to its end: the trace says which does. The
 * programs compare what they see with the manual; that they pass is test_programs' business.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "board/board.h"
#include "core/machine.h"
#include "engine/soft/ops_simd.h"
#include "soft_oracle.h"
#include "vitro_priv.h"

enum { ORIGIN = 0x8000, MEMORY = 8 << 20, EXIT_PORT = 0xf4, INSNS = 3000000, IMAGE_MAX = 1 << 16 };

static char **images;
static int nimages;

struct row_use {
    const char *program; /* the first that executed it; borrowed */
    unsigned cases;      /* executions that raised nothing */
};

struct use {
    struct row_use row[X86_NOPS];
    const char *program; /* the one that runs */
};

/* ---- what programs execute ------------------------------------------------------------------- */

static void note(void *ctx, const struct event *ev)
{
    struct use *use = ctx;
    struct x86_insn in;
    struct row_use *row;

    if (ev->kind != EVENT_INSN ||
        x86_decode(ev->insn->bytes, ev->insn->len, (enum x86_code)ev->insn->code_bits, &in) !=
            X86_DECODE_OK)
        return;
    /* Without counters RDPMC can do nothing else than raise. */
    if (ev->insn->raised >= 0 && x86_insn_row(&in)->mnemonic != X86_MN_RDPMC)
        return;
    row = &use->row[in.op];
    if (row->program == NULL)
        row->program = use->program;
    row->cases++;
}

/* The mode is the first word behind the image's magic (programs/lab.inc). */
static enum vitro_mode mode_of(const char *path)
{
    static const char magic[] = "vitro-program";
    static unsigned char bytes[IMAGE_MAX];
    FILE *f = fopen(path, "rbe");
    enum vitro_mode mode = VITRO_MODE_DEFAULT;
    const char *found;
    size_t n;

    assert_non_null(f);
    n = fread(bytes, 1, IMAGE_MAX - 1, f);
    bytes[n] = 0;
    fclose(f);
    found = memmem(bytes, n, magic, sizeof(magic));
    assert_non_null(found);
    assert_true(vitro_mode_parse(found + sizeof(magic), &mode));
    return mode;
}

static void run(struct use *use, const char *path)
{
    struct vitro_guest_config gcfg = {
        .name = path, .kind = VITRO_KIND_FLAT, .mode = mode_of(path), .origin = ORIGIN
    };
    struct vitro_config cfg = { .engine = VITRO_ENGINE_SOFT,
                                .cpu = "host",
                                .mem_bytes = MEMORY,
                                .console_fd = -1,
                                .debug_exit_port = EXIT_PORT };
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct vitro *m = NULL;

    if (vitro_guest_open(&gcfg, &guest, &err) < 0 || vitro_new(&cfg, guest, &m, &err) < 0)
        fail_msg("%s", err.text);
    use->program = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    m->board->m->sink = (struct event_sink){ .fn = note, .ctx = use };
    m->board->m->insn_trace =
        (struct insn_trace){ .on = true, .left = UINT64_MAX, .to = UINT64_MAX };
    assert_int_equal(vitro_stop_at(m, &(struct vitro_stop_at){ .insns = INSNS }, &err), 0);
    assert_int_equal(vitro_run(m, &end, &err), 0);
    vitro_free(m);
    vitro_guest_free(guest);
}

/* ---- the account ----------------------------------------------------------------------------- */

static bool host_has(const struct x86_row *row)
{
    return soft_simd_host_has((enum x86_feature)row->feature);
}

static void every_row_has_an_oracle(void **state)
{
    static struct use use;
    unsigned native = 0, guest = 0, not_here = 0, none = 0;
    unsigned long cases = 0;

    (void)state;
    assert_true(nimages > 0);
    for (int i = 0; i < nimages; i++)
        run(&use, images[i]);
    for (unsigned op = 1; op < X86_NOPS; op++) {
        const struct x86_row *row = &x86_rows[op];
        const struct row_use *by = &use.row[op];

        if (oracle_native(row) && !host_has(row)) {
            print_message("%s: not on this host\n", x86_op_names[op]);
            not_here++;
        } else if (oracle_native(row)) {
            assert_null(oracle_why_not_native(row));
            native++;
        } else if (by->program != NULL && oracle_why_not_native(row) != NULL) {
            print_message("%s: %s, %u cases, not native: %s\n", x86_op_names[op], by->program,
                          by->cases, oracle_why_not_native(row));
            guest++;
            cases += by->cases;
        } else {
            print_message("%s: NO ORACLE%s\n", x86_op_names[op],
                          oracle_why_not_native(row) == NULL ? ", and no reason" : "");
            none++;
        }
    }
    /* The native cases are counted by soft/int, soft/simd and soft/x87; tests/run.py puts the sum here. */
    print_message("oracles: %d opcode rows: native %u with cases elsewhere, guest test %u with %lu "
                  "cases, not on this host %u, none %u\n",
                  X86_NOPS - 1, native, guest, cases, not_here, none);
    assert_int_equal(none, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_row_has_an_oracle) };

    images = argv + 1;
    nimages = argc - 1;
    return cmocka_run_group_tests_name("oracle", tests, NULL, NULL);
}
