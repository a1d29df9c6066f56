/* SPDX-License-Identifier: MIT */
/* gdb_rig.c - the scripted machine behind a debugger's session. */
#include "gdb_rig.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char regs[] =
    "{\"rip\": \"0x1234\", \"rip_linear\": \"0x21234\", \"rflags\": {\"value\": \"0x202\"},"
    " \"gpr\": {\"rax\": \"0x1122334455667788\", \"rbx\": \"0x2\", \"rcx\": \"0x3\", \"rdx\": \"0x4\","
    "  \"rsi\": \"0x5\", \"rdi\": \"0x6\", \"rbp\": \"0x7\", \"rsp\": \"0x200000\", \"r8\": \"0x8\","
    "  \"r9\": \"0x9\", \"r10\": \"0xa\", \"r11\": \"0xb\", \"r12\": \"0xc\", \"r13\": \"0xd\","
    "  \"r14\": \"0xe\", \"r15\": \"0xf\"},"
    " \"segments\": {\"cs\": {\"selector\": \"0x8\", \"base\": \"0x0\"},"
    "  \"fs\": {\"selector\": \"0x10\", \"base\": \"0x7000\"},"
    "  \"gs\": {\"selector\": \"0x10\", \"base\": \"0xffff888000000000\"}},"
    " \"cr0\": {\"value\": \"0x80050033\"}, \"cr2\": \"0xdead\", \"cr3\": \"0x2000\","
    " \"efer\": {\"value\": \"0x500\"}, \"dr\": [\"0x1\", \"0x2\", \"0x3\", \"0x4\"],"
    " \"msrs\": [{\"name\": null, \"value\": \"0x9\"}, {\"name\": \"LSTAR\", \"value\": \"0x77\"}]}";

static const char tables[] =
    "{\"paging\": \"4-level\", \"cut\": false, \"rows\": ["
    " {\"kind\": \"table\", \"gva\": \"0x0\", \"bytes\": 549755813888},"
    " {\"kind\": \"pages\", \"gva\": \"0x0\", \"bytes\": 2097152, \"writable\": true, \"user\": true,"
    "  \"executable\": false},"
    " {\"kind\": \"pages\", \"gva\": \"0xffff800000000000\", \"bytes\": 4096, \"writable\": false,"
    "  \"user\": false, \"executable\": true}], \"text\": \"the tree\\n\"}";

static const char map[] =
    "{\"ranges\": [{\"slot\": true, \"name\": \"RAM\", \"gpa\": \"0x0\", \"bytes\": 65536,"
    " \"host\": \"0x7f0000000000\"}, {\"slot\": false, \"name\": \"run area\", \"gpa\": null,"
    " \"bytes\": 4096, \"host\": \"0x1000\"}]}";

static const struct answer {
    const char *method, *json;
} answers[] = {
    { "debug.attach", "{\"subscription\": 1}" },
    { "debug.detach", "{}" },
    { "pause", "{\"state\": \"paused\", \"reason\": \"pause\"}" },
    { "resume", "{\"state\": \"running\"}" },
    { "step", "{}" },
    { "stop", "{}" },
    { "reset", "{}" },
    { "regs", regs },
    { "regs.set", "{}" },
    { "mem.write", "{}" },
    { "break.set", "{}" },
    { "break.clear", "{}" },
    { "watch.set", "{}" },
    { "watch.clear", "{}" },
    { "tables", tables },
    { "map", map },
    { "walk", "{\"target\": {\"gpa\": \"0x5000\"}, \"text\": \"the walk\\n\"}" },
    { "exits", "{\"text\": \"the exits\\n\"}" },
};

static json_t *read_mem(const json_t *params)
{
    uint64_t addr = strtoull(json_string_value(json_object_get(params, "addr")), NULL, 0);
    json_int_t len = json_integer_value(json_object_get(params, "len"));
    unsigned flip = json_is_true(json_object_get(params, "physical")) ? 0xff : 0;
    json_t *out;
    char *hex;

    if (addr >= RIG_MEM || (uint64_t)len > RIG_MEM - addr)
        return NULL;
    hex = malloc(2 * (size_t)len + 1);
    for (json_int_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned)((addr + (uint64_t)i) & 0xff) ^ flip);
    out = json_pack("{s:s}", "bytes", hex);
    free(hex);
    return out;
}

static json_t *list_cpus(const struct gdb_rig *r)
{
    json_t *list = json_array();

    for (int i = 0; i < r->ncpus; i++)
        json_array_append_new(
            list, json_pack("{s:i, s:i, s:s}", "cpu", i, "bits", r->bits, "mode", "long (64-bit)"));
    return json_pack("{s:o}", "cpus", list);
}

static json_t *answer(const struct gdb_rig *r, const char *method, const json_t *params)
{
    if (strcmp(method, "mem.read") == 0)
        return read_mem(params);
    if (strcmp(method, "cpus") == 0)
        return list_cpus(r);
    if (strcmp(method, "info") == 0)
        return json_pack("{s:s}", "kind", r->kind);
    if (strcmp(method, "regs.get") == 0)
        return r->fpu != NULL ? json_loads(r->fpu, 0, NULL) : NULL;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        if (strcmp(answers[i].method, method) == 0)
            return json_loads(answers[i].json, 0, NULL);
    }
    return NULL;
}

static json_t *call(void *ctx, const char *method, json_t *params, char *why, size_t len)
{
    struct gdb_rig *r = ctx;
    char *text = params != NULL ? json_dumps(params, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_t *result = NULL;

    text_add(&r->calls, "%s %s\n", method, text != NULL ? text : "");
    if (r->refuse == NULL || strcmp(r->refuse, method) != 0)
        result = answer(r, method, params);
    if (result == NULL)
        snprintf(why, len, "the machine says no to %s", method);
    free(text);
    json_decref(params);
    return result;
}

static void send(void *ctx, const char *data, size_t len)
{
    struct gdb_rig *r = ctx;

    text_add_bytes(&r->sent, data, len);
    text_add(&r->sent, "\n");
}

void gdb_rig_init(struct gdb_rig *r)
{
    *r = (struct gdb_rig){ .kind = "flat", .ncpus = 2, .bits = 64 };
}

static void forget(struct gdb_rig *r)
{
    text_fini(&r->calls);
    text_fini(&r->sent);
    r->calls = r->sent = (struct text){ 0 };
}

int gdb_rig_start(struct gdb_rig *r, const char *arch)
{
    const struct session_ops ops = { .call = call, .send = send, .ctx = r };
    int rc = session_new(arch, &ops, &r->session, NULL);

    forget(r);
    return rc;
}

void gdb_rig_fini(struct gdb_rig *r)
{
    session_free(r->session);
    forget(r);
}

static const char *sent(const struct gdb_rig *r)
{
    return r->sent.buf != NULL ? r->sent.buf : "";
}

const char *gdb_rig_ask(struct gdb_rig *r, const char *packet)
{
    forget(r);
    session_packet(r->session, packet, strlen(packet));
    session_settle(r->session);
    return sent(r);
}

const char *gdb_rig_notify(struct gdb_rig *r, const char *json, bool early)
{
    json_t *params = json_loads(json, 0, NULL);

    forget(r);
    session_notify(r->session, params, early);
    session_settle(r->session);
    json_decref(params);
    return sent(r);
}
