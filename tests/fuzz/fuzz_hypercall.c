/* SPDX-License-Identifier: MIT */
/*
 * fuzz_hypercall.c - the hypercall device with files, under random use by a guest
 *
 * Input: how the machine is set up, then steps of an operation byte and its arguments (fuzz_take), zero when it ends in
 * the middle. Files are real ones in a folder of /tmp of this process, which also has what must not be reached: a file
 * beside the guest's directory, and links, a FIFO and a directory in it. Held: the file beside is never read nor
 * written, ROM stays as it is, one call prints no more than a call may, and registers are of their width.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "dev/hypercall.h"
#include "dev/hypercall_priv.h"
#include "fuzz.h"
#include "host/files.h"
#include "stub_engine.h"
#include "x86/start.h"

enum {
    RAM_LEN = 0x20000,
    ROM_AT = 0x40000,
    ROM_LEN = 0x1000,
    TABLES = 0x1000, /* PML4, PDPT, PD of the identity map; the guest may write them */
    BLOCK_AT = 0x8000,
    PATH_AT = 0x9000,
    STEPS_MAX = 512,
    SECRET = 32,
    FILE_MAX = 16 << 20 /* bytes of the host's disk that one file takes */
};

enum { FILE_CALL = 0x30, ADDR_HI = 0x0c };

static char top[] = "/tmp/vitro-fuzz-hypercall-XXXXXX";
static uint8_t secret[SECRET];

struct path {
    char text[128];
};

/* Of what is in the folder. */
static struct path in_top(const char *name)
{
    struct path p;

    snprintf(p.text, sizeof(p.text), "%s/%s", top, name);
    return p;
}

struct fixture {
    struct stub stub;
    struct machine *m;
    struct host_files *files;
    uint8_t *ram, *rom;
    uint64_t printed;
    struct fuzz_input in;
};

static uint64_t take(struct fixture *t, unsigned bytes)
{
    return fuzz_take(&t->in, bytes);
}

/* ---- the folder -------------------------------------------------------------------------------- */

static void put_file(const char *name, const void *bytes, size_t len)
{
    int fd = open(in_top(name).text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    close(fd);
}

/* What the guest has made, in a folder and those in it. */
static void empty(const char *path, unsigned depth)
{
    DIR *d = opendir(path);
    struct dirent *e;
    char name[512];

    CHECK(d != NULL);
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
        if (e->d_type == DT_REG)
            unlink(name);
        else if (e->d_type == DT_DIR && depth > 0)
            empty(name, depth - 1);
    }
    closedir(d);
}

static void remove_all(void)
{
    static const char *const entries[] = { "in/link", "in/out", "in/fifo", "in/dir/up",
                                           "in/dir",  "in",     "secret",  "" };

    empty(in_top("in").text, 1);
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        (void)remove(in_top(entries[i]).text);
}

static void make_folder(void)
{
    const struct rlimit most = { FILE_MAX, FILE_MAX };

    CHECK(mkdtemp(top) != NULL);
    atexit(remove_all);
    signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &most) == 0);
    CHECK(mkdir(in_top("in").text, 0700) == 0 && mkdir(in_top("in/dir").text, 0700) == 0 &&
          mkfifo(in_top("in/fifo").text, 0600) == 0);
    CHECK(symlink("../secret", in_top("in/link").text) == 0 &&
          symlink("..", in_top("in/out").text) == 0 &&
          symlink("../../secret", in_top("in/dir/up").text) == 0);
}

/* Another for each input: libFuzzer learns what is compared, and puts it into the next ones. */
static void make_secret(void)
{
    CHECK(getrandom(secret, sizeof(secret), 0) == SECRET);
    put_file("secret", secret, sizeof(secret));
}

static void check_secret(const struct fixture *t)
{
    uint8_t now[SECRET + 1];
    int fd = open(in_top("secret").text, O_RDONLY | O_CLOEXEC);

    CHECK(fd >= 0 && read(fd, now, sizeof(now)) == SECRET && memcmp(now, secret, SECRET) == 0);
    close(fd);
    CHECK(memmem(t->ram, RAM_LEN, secret, 8) == NULL);
}

/* ---- the machine ------------------------------------------------------------------------------- */

static void see_print(void *ctx, const void *bytes, size_t len)
{
    struct fixture *t = ctx;

    (void)bytes;
    CHECK(len <= HYPERCALL_CALL_MAX);
    t->printed += len;
}

static uint8_t *memory(size_t len)
{
    uint8_t *p = calloc(1, len);

    CHECK(p != NULL);
    return p;
}

static void build(struct fixture *t)
{
    static const struct chr_ops ops = { .write = see_print };
    const struct chr out = { &ops, t };
    uint64_t how = take(t, 1);
    struct files files = { 0 };
    struct mem_slot ram = { .len = RAM_LEN, .kind = MEM_RAM, .name = "RAM" };
    struct mem_slot rom = { .base = ROM_AT, .len = ROM_LEN, .kind = MEM_ROM, .name = "ROM" };
    struct dev *dev;

    t->ram = ram.host = memory(RAM_LEN);
    t->rom = rom.host = memory(ROM_LEN);
    le_put(t->ram + TABLES, 8, (TABLES + 0x1000) | 7);
    le_put(t->ram + TABLES + 0x1000, 8, (TABLES + 0x2000) | 7);
    le_put(t->ram + TABLES + 0x2000, 8, 0x87);
    x86_start_state(how & 1 ? X86_START_LONG : X86_START_PROTECTED, 0, 0, TABLES, &t->stub.state);
    t->m = stub_machine(&t->stub, 2);
    CHECK(machine_add_mem(t->m, &ram, NULL) == 0 && machine_add_mem(t->m, &rom, NULL) == 0);
    if (how & 6) {
        CHECK(files_open(in_top("in").text, how & 2, &t->files, NULL) == 0);
        files = files_iface(t->files);
    }
    dev = hypercall_new(t->m, &out, &files, HYPERCALL_BASIC | (how & 8 ? HYPERCALL_HOST_ADDR : 0u));
    CHECK(dev != NULL && machine_add_dev(t->m, dev, NULL) == 0 &&
          bus_add(&t->m->pio, HYPERCALL_PORT, HYPERCALL_LEN, dev, NULL) == 0);
    t->m->accessing = t->m->cpu[0];
}

/* ---- steps ------------------------------------------------------------------------------------- */

static void do_register(struct fixture *t, uint64_t how)
{
    uint64_t port = HYPERCALL_PORT + (how & 2 ? take(t, 1) % 16 * 4 : take(t, 1) % HYPERCALL_LEN);
    unsigned width = how & 12 ? 4 : 1u << take(t, 1) % 3;

    if (how & 1)
        bus_write(&t->m->pio, port, width, take(t, width));
    else
        CHECK((bus_read(&t->m->pio, port, width) & ~ones(width)) == 0);
}

static void do_poke(struct fixture *t, uint64_t how)
{
    uint64_t at = take(t, 3) % RAM_LEN;

    for (unsigned n = how % 64 + 1; n > 0 && at < RAM_LEN; n--)
        t->ram[at++] = (uint8_t)take(t, 1);
}

static void put_path(struct fixture *t, uint64_t how)
{
    static const char *const paths[] = { "a",      "dir/b",  "link",        "out/secret",
                                         "fifo",   "dir/up", "../secret",   "dir/../../secret",
                                         "dir",    "",       "/etc/passwd", "./a",
                                         "dir//b", "out",    "dir/",        "a/b" };
    const char *path = paths[how % ARRAY_LEN(paths)];

    memcpy(t->ram + PATH_AT, path, strlen(path) + 1);
    if (how & 0x80)
        t->ram[PATH_AT + take(t, 1)] = (uint8_t)take(t, 1);
}

/* A parameter block that makes sense, but for what the input turns over in it. */
static void do_call(struct fixture *t, uint64_t how)
{
    uint8_t *block = t->ram + BLOCK_AT;
    uint64_t op = how % 6;

    put_path(t, take(t, 1));
    le_put(block, 4, op);
    le_put(block + 4, 4, take(t, 1) % 40);
    le_put(block + 8, 8, op == 1 ? PATH_AT : take(t, 3));
    le_put(block + 16, 4, how & 0x40 ? take(t, 4) : take(t, 2));
    le_put(block + 20, 4, how & 0x80 ? take(t, 4) : take(t, 1) % 16);
    le_put(block + 24, 8, how & 0x20 ? take(t, 8) : take(t, 2));
    bus_write(&t->m->pio, HYPERCALL_PORT + ADDR_HI, 4, 0);
    bus_write(&t->m->pio, HYPERCALL_PORT + FILE_CALL, 4, BLOCK_AT);
}

static void step(struct fixture *t)
{
    uint64_t op = take(t, 1), how = take(t, 1), printed = t->printed;

    switch (op % 6) {
    case 0:
    case 1:
        do_register(t, how);
        break;
    case 2:
        do_poke(t, how);
        break;
    case 3: /* an entry of the tables, or the mode's flags */
        le_put(t->ram + TABLES + how % 3 * 0x1000 + take(t, 1) % 16 * 8, 8, take(t, 8));
        break;
    case 4:
        t->m->accessing = t->m->cpu[how & 1];
        break;
    default:
        do_call(t, how);
        break;
    }
    CHECK(t->printed - printed <= HYPERCALL_CALL_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made; /* libFuzzer's state, not ours */
    struct fixture t = { .in = { data, size } };

    if (!made)
        make_folder();
    made = true;
    make_secret();
    build(&t);
    for (unsigned i = 0; i < STEPS_MAX && t.in.left > 0; i++)
        step(&t);
    check_secret(&t);
    for (unsigned i = 0; i < ROM_LEN; i++)
        CHECK(t.rom[i] == 0);
    machine_free(t.m);
    if (t.files != NULL) {
        files_close(t.files);
        empty(in_top("in").text, 1);
    }
    free(t.ram);
    free(t.rom);
    return 0;
}
