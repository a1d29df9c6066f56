/* SPDX-License-Identifier: MIT */
/*
 * memory.c - m, M, X: guest memory by linear or, in QEMU's physical mode, by physical address
 *
 * A read that runs into what is not mapped is answered with what lies before it, as the protocol allows. Page
 * protection is not looked at: a debugger may write into read-only pages.
 */
#include "gdb/session_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The largest that fits into a packet as digits. */
enum { READ_MAX = PACKET_MAX / 2, PAGE = 4096 };

static json_t *place(const struct session *s, uint64_t addr, bool physical)
{
    return json_pack("{s:o, s:b, s:i}", "addr", gdb_json_hex(addr), "physical", physical, "cpu",
                     (int)s->cpu);
}

bool gdb_mem_fetch(struct session *s, uint64_t addr, size_t len, bool physical, uint8_t *out,
                   char why[WHY_MAX])
{
    json_t *params = place(s, addr, physical), *got;
    const char *hex;
    struct scan in;
    bool ok;

    json_object_set_new(params, "len", json_integer((json_int_t)len));
    got = session_call(s, "mem.read", params, why);
    hex = json_string_value(json_object_get(got, "bytes"));
    if (hex != NULL)
        in = (struct scan){ hex, hex + strlen(hex) };
    ok = hex != NULL && scan_bytes(&in, out, len) && scan_done(&in);
    json_decref(got);
    return ok;
}

/* addr,len and nothing that wraps around. */
static bool scan_range(struct scan *in, uint64_t *addr, uint64_t *len)
{
    return scan_hex(in, addr) && scan_word(in, ",") && scan_hex(in, len) &&
           (*len == 0 || *len - 1 <= UINT64_MAX - *addr);
}

void gdb_mem_read(struct session *s, struct scan *in)
{
    uint8_t bytes[READ_MAX];
    char hex[2 * READ_MAX];
    uint64_t addr, len;
    size_t n, page;

    if (!scan_range(in, &addr, &len) || !scan_done(in)) {
        gdb_reply_error(s, EINVAL);
        return;
    }
    n = len < READ_MAX ? (size_t)len : READ_MAX;
    page = PAGE - (addr & (PAGE - 1)); /* up to its end */
    if (n != 0 && !gdb_mem_fetch(s, addr, n, s->physical, bytes, NULL)) {
        if (page >= n || !gdb_mem_fetch(s, addr, page, s->physical, bytes, NULL)) {
            gdb_reply_error(s, EFAULT);
            return;
        }
        n = page;
    }
    hex_put(hex, bytes, n);
    gdb_reply_bytes(s, hex, 2 * n);
}

static void store(struct session *s, uint64_t addr, const uint8_t *bytes, size_t len)
{
    char *hex = malloc(2 * len + 1);
    json_t *params, *done = NULL;

    if (hex != NULL) {
        hex_put(hex, bytes, len);
        params = place(s, addr, s->physical);
        json_object_set_new(params, "bytes", json_stringn(hex, 2 * len));
        done = session_call(s, "mem.write", params, NULL);
    }
    free(hex);
    if (done == NULL)
        gdb_reply_error(s, EFAULT);
    else
        gdb_reply(s, "OK");
    json_decref(done);
    gdb_regs_forget(s); /* what a table entry in memory says of an address may have changed */
}

void gdb_mem_write(struct session *s, struct scan *in)
{
    uint8_t bytes[READ_MAX];
    uint64_t addr, len;

    if (!scan_range(in, &addr, &len) || !scan_word(in, ":") || len > READ_MAX ||
        !scan_bytes(in, bytes, (size_t)len) || !scan_done(in))
        gdb_reply_error(s, EINVAL);
    else if (len == 0)
        gdb_reply(s, "OK");
    else
        store(s, addr, bytes, (size_t)len);
}

void gdb_mem_write_binary(struct session *s, struct scan *in)
{
    uint64_t addr, len;

    if (!scan_range(in, &addr, &len) || !scan_word(in, ":") || (size_t)(in->end - in->at) != len)
        gdb_reply_error(s, EINVAL);
    else if (len == 0)
        gdb_reply(s, "OK"); /* how gdb asks whether X is known */
    else
        store(s, addr, (const uint8_t *)in->at, (size_t)len);
}
