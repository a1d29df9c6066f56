/* SPDX-License-Identifier: MIT */
/*
 * fuzz_control.c - any lines from a client of the control socket, on a machine that stands still
 *
 * Whatever comes: each line gets one answer or none, each answer is one line of JSON with a result or an error,
 * and what the client had is given back. Built with clang -fsanitize=fuzzer,address,undefined; corpus in
 * tests/fuzz/corpus/control.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl_priv.h"
#include "fuzz.h"

static void check_answer(const char *text, size_t len)
{
    json_t *doc;

    CHECK(len > 0 && text[len - 1] == '\n' && memchr(text, '\n', len) == text + len - 1);
    doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    CHECK(doc != NULL && json_object_get(doc, "id") != NULL);
    CHECK((json_object_get(doc, "result") != NULL) != (json_object_get(doc, "error") != NULL));
    json_decref(doc);
}

static void send_lines(struct ctl *c, struct conn *conn, const char *data, size_t size)
{
    while (size > 0) {
        const char *end = memchr(data, '\n', size);
        size_t len = end != NULL ? (size_t)(end - data) : size, out_len = 0;
        char *out = rpc_answer(c, conn, data, len, &out_len);

        if (out != NULL)
            check_answer(out, out_len);
        free(out);
        notify_states(c);
        notify_streams(c);
        len += end != NULL;
        data += len;
        size -= len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct vitro_guest_config guest_cfg = { .name = "hello" };
    const struct ctl_config ctl_cfg = { 0 };
    struct vitro_config cfg = { .engine = VITRO_ENGINE_SOFT, .console_fd = -1, .cpus = 2 };
    struct vitro_guest *guest;
    struct conn *conn;
    struct vitro *m;
    struct ctl *c;

    CHECK(ctl_new(&ctl_cfg, &c, NULL) == 0);
    cfg.output = ctl_output;
    cfg.output_ctx = c;
    CHECK(vitro_guest_open(&guest_cfg, &guest, NULL) == 0);
    CHECK(vitro_new(&cfg, guest, &m, NULL) == 0);
    ctl_machine(c, m, guest);
    conn = conn_new(c, -1);
    CHECK(conn != NULL);
    c->conn[c->nconns++] = conn;
    send_lines(c, conn, (const char *)data, size);
    trace_drop(c, conn->number, 0);
    ctl_points_drop(c, conn->number);
    CHECK(c->npoints == 0);
    conn_free(conn);
    vitro_free(m);
    vitro_guest_free(guest);
    ctl_free(c);
    return 0;
}
