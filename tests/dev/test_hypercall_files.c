/* SPDX-License-Identifier: MIT */
/* test_hypercall_files.c - file calls of the hypercall device, and guests that lie in their blocks. */
#include "hypercall_rig.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct block {
    uint32_t op;
    int32_t fd;
    uint64_t addr;
    uint32_t len, flags;
    int64_t offset, result;
};
static_assert(sizeof(struct block) == 40, "the block is 40 bytes");

enum { OPEN = 1, READ, WRITE, CLOSE, SEEK, OPS_END };
enum { BLOCK_AT = 0x20000, UNTOUCHED = 12345 };

static int64_t call_at(struct fixture *t, const struct block *b, uint64_t gva, uint64_t gpa)
{
    struct block *mem = (struct block *)(t->ram + gpa);
    struct block put = *b;
    int64_t result;

    put.result = UNTOUCHED;
    *mem = put;
    t->calls = 0;
    out_addr(t, FILE_CALL, gva);
    result = mem->result;
    mem->result = UNTOUCHED;
    assert_memory_equal(mem, &put, sizeof(put)); /* nothing but the result is written */
    return result;
}

static int64_t call(struct fixture *t, const struct block *b)
{
    return call_at(t, b, BLOCK_AT, BLOCK_AT);
}

static void files_open_seek_close(void **state)
{
    struct fixture *t = *state;

    strcpy((char *)t->ram + 0x30000, "a/b.txt");
    t->answer = 3;
    assert_int_equal(call(t, &(struct block){ .op = OPEN, .addr = 0x30000, .flags = FILE_READ }),
                     3);
    assert_string_equal(t->path, "a/b.txt");
    assert_int_equal(t->flags, FILE_READ);
    t->answer = INT64_MAX;
    assert_int_equal(call(t, &(struct block){ .op = SEEK, .fd = 3, .offset = -5, .flags = 2 }),
                     INT64_MAX);
    assert_int_equal(t->fd, 3);
    assert_int_equal(t->off, -5);
    assert_int_equal(t->whence, 2);
    t->answer = 0;
    assert_int_equal(call(t, &(struct block){ .op = CLOSE, .fd = -7 }), 0);
    assert_int_equal(t->fd, -7);
    expect(t, "", 0);
    t->answer = -EBADF;
    assert_int_equal(call(t, &(struct block){ .op = CLOSE, .fd = 9 }), -EBADF);
    expect(t, "", 1);
}

static void files_read_and_write_across_pages(void **state)
{
    struct fixture *t = *state;

    memcpy(t->data, "0123456789", 10);
    t->answer = 9; /* one less than asked for */
    memset(t->ram + 0x50000, '#', 0x2000);
    assert_int_equal(
        call(t, &(struct block){ .op = READ, .fd = 1, .addr = SWAP_A + 0xffb, .len = 10 }), 9);
    assert_memory_equal(t->ram + 0x51ffb, "01234", 5);
    assert_memory_equal(t->ram + 0x50000, "5678#", 5);
    assert_int_equal(t->ram[0x51ffa], '#');
    memset(t->data, 0, sizeof(t->data));
    assert_int_equal(
        call(t, &(struct block){ .op = WRITE, .fd = 2, .addr = SWAP_A + 0xffb, .len = 9 }), 9);
    assert_memory_equal(t->data, "012345678", 10);
    assert_int_equal(t->fd, 2);
    assert_int_equal(t->moved, 9);
    expect(t, "", 0);
}

static void files_move_at_most_64k(void **state)
{
    struct fixture *t = *state;

    t->answer = 65536;
    memset(t->data, 'r', sizeof(t->data));
    assert_int_equal(
        call(t, &(struct block){ .op = READ, .fd = 1, .addr = 0x30001, .len = UINT32_MAX }), 65536);
    assert_int_equal(t->moved, 65536);
    assert_int_equal(t->ram[0x30000], 0);
    assert_int_equal(t->ram[0x30001], 'r');
    assert_int_equal(t->ram[0x40000], 'r');
    assert_int_equal(t->ram[0x40001], 0);
    assert_int_equal(
        call(t, &(struct block){ .op = WRITE, .fd = 1, .addr = 0x30001, .len = 65537 }), 65536);
    assert_int_equal(t->moved, 65536);
    t->answer = 0;
    assert_int_equal(call(t, &(struct block){ .op = READ, .fd = 1, .addr = ABSENT, .len = 0 }),
                     0); /* no byte, no fault */
    assert_int_equal(t->moved, 0);
    expect(t, "", 0);
}

static void files_refuse_bad_buffers(void **state)
{
    static const struct {
        uint64_t addr;
        uint32_t len;
        bool readable;
    } rows[] = {
        { ABSENT, 1, false },      { ABSENT - 1, 2, false },
        { HOLE, 1, false },        { HOLE - 1, 2, false },
        { TOP + 0xfff, 2, false }, { UINT64_MAX, UINT32_MAX, false },
        { 0x4f000, 65536, false }, { UINT64_C(1) << 47, 1, false },
        { ROM, 1, true },          { ROM + 0x1fff, 2, false },
    };
    struct fixture *t = *state;

    t->answer = 1;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct block b = { .op = READ, .fd = 0, .addr = rows[i].addr, .len = rows[i].len };

        assert_int_equal(call(t, &b), -EFAULT);
        assert_int_equal(t->calls, 0); /* the file's position has not moved */
        b.op = WRITE;
        assert_int_equal(call(t, &b), rows[i].readable ? 1 : -EFAULT);
        assert_int_equal(t->calls, rows[i].readable);
        expect(t, "", rows[i].readable ? 1 : 2);
    }
    assert_int_equal(t->rom[0], 0);
}

static void files_refuse_bad_paths_ops_and_whence(void **state)
{
    struct fixture *t = *state;

    memset(t->ram + 0x30000, 'a', 4096);
    memcpy(t->ram + 0x50ffe, "ab", 2);
    assert_int_equal(call(t, &(struct block){ .op = OPEN, .addr = 0x30000 }), -ENAMETOOLONG);
    assert_int_equal(call(t, &(struct block){ .op = OPEN, .addr = SWAP_B + 0xffe }), -EFAULT);
    assert_int_equal(call(t, &(struct block){ .op = OPEN, .addr = HOLE }), -EFAULT);
    assert_int_equal(call(t, &(struct block){ 0 }), -ENOSYS);
    assert_int_equal(call(t, &(struct block){ .op = OPS_END }), -ENOSYS);
    assert_int_equal(call(t, &(struct block){ .op = UINT32_MAX }), -ENOSYS);
    assert_int_equal(call(t, &(struct block){ .op = SEEK, .flags = UINT32_MAX }), -EINVAL);
    assert_int_equal(t->calls, 0);
    expect(t, "", 7);
}

static void files_refuse_blocks_without_room_for_the_result(void **state)
{
    static const uint64_t bad[] = { ABSENT - 39, ABSENT - 8, ABSENT,     HOLE - 32,
                                    HOLE,        TOP + 4064, UINT64_MAX, UINT64_C(1) << 47 };
    struct fixture *t = *state;
    struct block b = { .op = CLOSE, .fd = 1 };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        out_addr(t, FILE_CALL, bad[i]);
        expect(t, "", 1);
    }
    memcpy(t->rom, &b, sizeof(b));
    out_addr(t, FILE_CALL, ROM);
    expect(t, "", 1);
    assert_memory_equal(t->rom, &b, sizeof(b));
    assert_int_equal(t->calls, 0);
    no_paging(t);
    out32(t, FILE_CALL, RAM_LEN - 39);
    out32(t, FILE_CALL, UINT32_MAX - 10); /* wraps 2^32 */
    expect(t, "", 2);
    assert_int_equal(t->calls, 0);
}

/* The block is cut at every byte, with its second part before the first in memory. */
static void files_block_may_cross_pages(void **state)
{
    struct fixture *t = *state;
    struct block b = { .op = SEEK, .offset = 0x1122334455667788 };

    for (unsigned cut = 1; cut < sizeof(b); cut++) {
        struct block got;

        b.result = UNTOUCHED;
        b.fd = (int32_t)cut;
        t->answer = 0x7766554433221100 + cut;
        memcpy(t->ram + 0x52000 - cut, &b, cut);
        memcpy(t->ram + 0x50000, (const char *)&b + cut, sizeof(b) - cut);
        out_addr(t, FILE_CALL, SWAP_B - cut);
        memcpy(&got, t->ram + 0x52000 - cut, cut);
        memcpy((char *)&got + cut, t->ram + 0x50000, sizeof(b) - cut);
        b.result = t->answer;
        assert_memory_equal(&got, &b, sizeof(b));
        assert_int_equal(t->fd, cut);
        assert_int_equal(t->off, b.offset);
    }
    no_paging(t);
    assert_int_equal(call_at(t, &b, RAM_LEN - 40, RAM_LEN - 40), t->answer); /* ends with memory */
    expect(t, "", 0);
}

/* The guest gives its own block as the buffer: it is looked at before, the result wins after. */
static void files_buffer_may_be_the_block(void **state)
{
    struct fixture *t = *state;
    struct block b = {
        .op = READ, .fd = 5, .addr = BLOCK_AT, .len = sizeof(b), .result = UNTOUCHED
    };

    memset(t->data, 0xee, sizeof(t->data));
    memcpy(t->ram + BLOCK_AT, &b, sizeof(b));
    t->answer = sizeof(b);
    out32(t, FILE_CALL, BLOCK_AT);
    assert_int_equal(t->fd, 5);
    assert_int_equal(t->ram[BLOCK_AT], 0xee);
    assert_int_equal(le_get(t->ram + BLOCK_AT + 32, 8), sizeof(b));
    expect(t, "", 0);
}

static void files_without_directory(void **state)
{
    struct fixture *t = *state;

    attach(t, HYPERCALL_BASIC, false);
    for (uint32_t op = OPEN; op < OPS_END; op++)
        assert_int_equal(call(t, &(struct block){ .op = op, .addr = 0x30000 }), -ENODEV);
    expect(t, "", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_open_seek_close),
        TEST(files_read_and_write_across_pages),
        TEST(files_move_at_most_64k),
        TEST(files_refuse_bad_buffers),
        TEST(files_refuse_bad_paths_ops_and_whence),
        TEST(files_refuse_blocks_without_room_for_the_result),
        TEST(files_block_may_cross_pages),
        TEST(files_buffer_may_be_the_block),
        TEST(files_without_directory),
    };

    return cmocka_run_group_tests_name("dev/hypercall files", tests, NULL, NULL);
}
