/* SPDX-License-Identifier: MIT */
/* builtin.c - the table of built-in guests; their code is assembled from guests/ by the build. */
#include "boot/builtin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"

/* X(symbol of the code array) */
#define CODE_ARRAYS(X)         \
    X(guest_hello_real)        \
    X(guest_hello_protected)   \
    X(guest_hello_paged32)     \
    X(guest_hello_long)        \
    X(guest_pages_long)        \
    X(guest_exit_long)         \
    X(guest_fault_long)        \
    X(guest_spin_long)         \
    X(guest_hyper_print_long)  \
    X(guest_hyper_string_long) \
    X(guest_hyper_exits_long)  \
    X(guest_hyper_time_long)   \
    X(guest_hyper_addr_long)   \
    X(guest_hyper_files_long)

#define X(id)                        \
    extern const unsigned char id[]; \
    extern const unsigned int id##_len;
CODE_ARRAYS(X)
#undef X

#define LONG(id) [X86_START_LONG] = { id##_long, &id##_long_len }

static const struct builtin rows[] = {
    {
        .name = "hello",
        .summary = "prints 'Hello, world!' byte by byte, stores 42 at 0x400, halts: 15 exits",
        .output = "Hello, world!\n",
        .ends = "halt",
        .code = { [X86_START_REAL] = { guest_hello_real, &guest_hello_real_len },
                  [X86_START_PROTECTED] = { guest_hello_protected, &guest_hello_protected_len },
                  [X86_START_PAGED32] = { guest_hello_paged32, &guest_hello_paged32_len },
                  LONG(guest_hello) },
    },
    {
        .name = "pages",
        .summary = "runs under 4 KiB pages and gives one page a second address",
        .output = "One page, two addresses.\n",
        .ends = "halt",
        .page_bytes = 4 * KIB,
        .code = { LONG(guest_pages) },
    },
    {
        .name = "exit",
        .summary = "ends the run with a code of its own, through port 0xf4",
        .output = "",
        .ends = "exit code 7",
        .code = { LONG(guest_exit) },
    },
    {
        .name = "fault",
        .summary = "reads an address that is not mapped, without an IDT: a triple fault",
        .output = "",
        .ends = "triple fault",
        .code = { LONG(guest_fault) },
    },
    {
        .name = "spin",
        .summary = "never leaves the guest: try it with --timeout 1, or press Ctrl-C",
        .output = "",
        .ends = "never",
        .code = { LONG(guest_spin) },
    },
    {
        .name = "hyper-print",
        .summary = "hypercalls: prints a byte, and a number with one exit",
        .ends = "halt",
        .hypercalls = true,
        .code = { LONG(guest_hyper_print) },
    },
    {
        .name = "hyper-string",
        .summary = "hypercalls: prints a whole string with one exit",
        .ends = "halt",
        .hypercalls = true,
        .code = { LONG(guest_hyper_string) },
    },
    {
        .name = "hyper-exits",
        .summary = "hypercalls: asks how many exits it has caused, and of which type",
        .ends = "halt",
        .hypercalls = true,
        .code = { LONG(guest_hyper_exits) },
    },
    {
        .name = "hyper-time",
        .summary = "hypercalls: asks how long its exits took, by type",
        .ends = "halt",
        .hypercalls = true,
        .code = { LONG(guest_hyper_time) },
    },
    {
        .name = "hyper-addr",
        .summary = "hypercalls: asks where its own memory lies in the host",
        .ends = "halt",
        .hypercalls = true,
        .code = { LONG(guest_hyper_addr) },
    },
    {
        .name = "hyper-files",
        .summary = "hypercalls: reads and writes files of the directory given by --files",
        .ends = "halt",
        .hypercalls = true,
        .code = { LONG(guest_hyper_files) },
    },
};

const struct builtin *builtin_row(unsigned i)
{
    return i < ARRAY_LEN(rows) ? &rows[i] : NULL;
}

const struct builtin *builtin_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

static const char *modes_of(const struct builtin *row, char *buf, size_t len)
{
    size_t at = 0;

    for (unsigned i = 0; i < X86_STARTS && at < len; i++) {
        if (row->code[i].bytes != NULL)
            at += (size_t)snprintf(buf + at, len - at, "%s%s", at > 0 ? ", " : "",
                                   x86_start_names[i]);
    }
    return buf;
}

int image_builtin(const struct builtin *row, enum x86_start start, struct image *out,
                  struct vitro_err *err)
{
    const struct builtin_code *code = &row->code[start];
    char modes[64];
    int rc;

    if (code->bytes == NULL)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "guest %s does not come in %s mode; it does in %s", row->name,
                         x86_start_names[start], modes_of(row, modes, sizeof(modes)));
    rc = image_flat(code->bytes, *code->len, 0, start, out, err);
    out->kind = IMAGE_BUILTIN;
    return rc;
}
