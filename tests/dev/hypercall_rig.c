/* SPDX-License-Identifier: MIT */
/* hypercall_rig.c - the engine, the page tables, and what the device is given. */
#include "hypercall_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stub_engine.h"
#include "x86/start.h"

static const struct {
    uint64_t gva, gpa;
} pages[] = {
    { HIGH, 0x58000 },
    { TOP, 0x59000 },
    { SWAP_A, 0x51000 },
    { SWAP_B, 0x50000 },
    { HOLE, 0x40000000 },
    { ROM, ROM_AT },
    { ROM + 0x1000, ROM_AT + 0x1000 },
    { HOLE - 0x1000, 0x5a000 },
    { 0, 0x5b000 }, /* so that wrapping 2^64 would find something */
};

/* ---- the machine ----------------------------------------------------------------------------- */

static int get_state(struct vcpu *cpu, unsigned parts, struct x86_state *out, struct vitro_err *err)
{
    const struct fixture *t = cpu->m->engine_arg;

    (void)parts;
    (void)err;
    *out = t->state;
    return t->deaf ? -EIO : 0;
}

static const struct engine_ops engine = {
    STUB_BASICS,
    .get = get_state,
    .set = stub_set_nothing,
};

static void map_page(struct fixture *t, uint64_t gva, uint64_t gpa)
{
    uint64_t table = TABLES;

    for (unsigned shift = 39; shift > 12; shift -= 9) {
        uint8_t *entry = t->ram + table + (gva >> shift & 511) * 8;

        if (le_get(entry, 8) == 0) {
            assert_true(t->next_table < TABLES_END);
            le_put(entry, 8, t->next_table | 7);
            t->next_table += 4096;
        }
        table = le_get(entry, 8) & ~UINT64_C(0xfff);
    }
    le_put(t->ram + table + (gva >> 12 & 511) * 8, 8, gpa | 3);
}

void no_paging(struct fixture *t)
{
    x86_start_state(X86_START_PROTECTED, 0, 0, 0, &t->state);
}

/* ---- what the device is given ---------------------------------------------------------------- */

static void take_output(void *ctx, const void *bytes, size_t len)
{
    struct fixture *t = ctx;

    assert_true(len < sizeof(t->out) - t->len);
    memcpy(t->out + t->len, bytes, len);
    t->len += len;
    t->out[t->len] = '\0';
    t->writes++;
}

static int fake_open(void *ctx, const char *path, unsigned flags)
{
    struct fixture *t = ctx;

    t->calls++;
    strncpy(t->path, path, sizeof(t->path) - 1);
    t->flags = flags;
    return (int)t->answer;
}

static int64_t fake_read(void *ctx, int fd, void *buf, uint32_t len)
{
    struct fixture *t = ctx;

    t->calls++;
    t->fd = fd;
    t->moved = len;
    memcpy(buf, t->data, len);
    return t->answer;
}

static int64_t fake_write(void *ctx, int fd, const void *buf, uint32_t len)
{
    struct fixture *t = ctx;

    t->calls++;
    t->fd = fd;
    t->moved = len;
    memcpy(t->data, buf, len);
    return t->answer;
}

static int64_t fake_seek(void *ctx, int fd, int64_t off, int whence)
{
    struct fixture *t = ctx;

    t->calls++;
    t->fd = fd;
    t->off = off;
    t->whence = whence;
    return t->answer;
}

static int fake_close(void *ctx, int fd)
{
    struct fixture *t = ctx;

    t->calls++;
    t->fd = fd;
    return (int)t->answer;
}

void attach(struct fixture *t, unsigned allow, bool with_files)
{
    static const struct chr_ops chr_ops = { .write = take_output };
    static const struct file_ops file_ops = { fake_open, fake_read, fake_write, fake_seek,
                                              fake_close };
    struct chr out = { &chr_ops, t };
    struct files files = { with_files ? &file_ops : NULL, t };

    t->dev = hypercall_new(t->m, &out, &files, allow);
    assert_non_null(t->dev);
    assert_int_equal(machine_add_dev(t->m, t->dev, NULL), 0);
    memset(&out, 0xff, sizeof(out)); /* only what they point to is borrowed */
    memset(&files, 0xff, sizeof(files));
    t->m->pio.nranges = 0;
    assert_int_equal(bus_add(&t->m->pio, HYPERCALL_PORT, HYPERCALL_LEN, t->dev, NULL), 0);
}

int setup(void **state)
{
    struct fixture *t = calloc(1, sizeof(*t));
    struct mem_slot ram = { 0, RAM_LEN, NULL, MEM_RAM, "RAM" };
    struct mem_slot rom = { ROM_AT, ROM_LEN, NULL, MEM_ROM, "ROM" };

    t->ram = ram.host = calloc(1, RAM_LEN);
    t->rom = rom.host = calloc(1, ROM_LEN);
    assert_int_equal(machine_new("test", &engine, &t->m, NULL), 0);
    t->m->engine_arg = t;
    assert_int_equal(machine_open(t->m, NULL), 0);
    assert_int_equal(machine_add_mem(t->m, &ram, NULL), 0);
    assert_int_equal(machine_add_mem(t->m, &rom, NULL), 0);
    attach(t, HYPERCALL_BASIC | HYPERCALL_HOST_ADDR, true);
    x86_start_state(X86_START_LONG, 0, 0, TABLES, &t->state);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(machine_add_cpu(t->m, &t->state, NULL), 0);
    t->next_table = TABLES + 4096;
    for (uint64_t at = 0x10000; at < 0x50000; at += 4096)
        map_page(t, at, at);
    for (size_t i = 0; i < ARRAY_LEN(pages); i++)
        map_page(t, pages[i].gva, pages[i].gpa);
    t->m->accessing = t->m->cpu[0];
    *state = t;
    return 0;
}

int teardown(void **state)
{
    struct fixture *t = *state;

    machine_free(t->m);
    free(t->ram);
    free(t->rom);
    free(t);
    return 0;
}

void out32(struct fixture *t, unsigned reg, uint64_t val)
{
    bus_write(&t->m->pio, HYPERCALL_PORT + reg, 4, val);
}

uint32_t in32(struct fixture *t, unsigned reg)
{
    return (uint32_t)bus_read(&t->m->pio, HYPERCALL_PORT + reg, 4);
}

void out_addr(struct fixture *t, unsigned reg, uint64_t gva)
{
    out32(t, ADDR_HI, gva >> 32);
    out32(t, reg, gva & UINT32_MAX);
}

void expect(struct fixture *t, const char *printed, uint64_t refused)
{
    assert_string_equal(t->out, printed);
    assert_int_equal(t->dev->refused, refused);
    t->len = t->writes = 0;
    t->out[0] = '\0';
    t->dev->refused = 0;
}
