/* SPDX-License-Identifier: MIT */
/*
 * translate.c - what it costs to translate an instruction: the translator alone, on a kernel's code
 *
 *   bench-translate VMLINUX [PASSES [INSTRUCTIONS]]
 *
 * The code of the ELF file, its first segment that is executable and not writable, is put into a guest's memory and
 * translated from its beginning, block after block, page after page, as a vCPU would that came along there; nothing
 * of it is executed. Each pass has a machine of its own, so that memory touched for the first time counts as it does
 * in a run. Padding between functions (INT3) is passed over. What a run adds is the search for the block and the
 * links between blocks.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "board/bare.h"
#include "boot/elf.h"
#include "engine/soft/soft.h"
#include "engine/soft/soft_priv.h"
#include "engine/soft/trans/block.h"
#include "x86/decode.h"

enum { PAGE = 4096, CODE_AT = 16 << 20, INT3 = 0xcc, HLT = 0xf4 };

struct text {
    uint8_t *file;        /* owned */
    const uint8_t *bytes; /* in it */
    size_t len;
    uint64_t linear; /* of the first byte, which begins a page */
};

struct totals {
    uint64_t insns, blocks, host_bytes;
};

/* The whole file; the process ends if it cannot be read. */
static uint8_t *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes;
    long end;

    if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (end = ftell(f)) < 0)
        bench_die("%s: cannot be read", path);
    *len = (size_t)end;
    bytes = malloc(*len + 1);
    rewind(f);
    if (bytes == NULL || fread(bytes, 1, *len, f) != *len)
        bench_die("%s: cannot be read", path);
    fclose(f);
    return bytes;
}

static struct text read_text(const char *path)
{
    size_t len;
    uint8_t *file = read_file(path, &len);
    struct elf_image img;
    struct vitro_err err = { 0 };

    if (elf_parse(file, len, &img, &err) < 0)
        bench_die("%s: %s", path, err.text);
    for (unsigned i = 0; i < img.nsegments; i++) {
        const struct elf_segment *s = &img.segment[i];

        if (s->exec && !s->write && s->gva % PAGE == 0)
            return (
                struct text){ .file = file, .bytes = s->bytes, .len = s->filesz, .linear = s->gva };
    }
    bench_die("%s: no code", path);
}

static struct board *make_machine(const struct text *text)
{
    static const uint8_t hlt = HLT;
    struct board_config cfg = { .name = "bench",
                                .engine = &soft_engine,
                                .tier = TIER_TRANS,
                                .mem_bytes =
                                    CODE_AT + ((text->len + PAGE - 1) & ~(size_t)(PAGE - 1)),
                                .ncpus = 1,
                                .console_fd = -1,
                                .debug_exit_port = -1 };
    struct vitro_err err = { 0 };
    struct image img;
    struct board *board;

    cfg.image = &img;
    if (image_flat(&hlt, 1, 0, X86_START_LONG, &img, &err) < 0 || bare_new(&cfg, &board, &err) < 0)
        bench_die("%s", err.text);
    memcpy(board->ram + CODE_AT, text->bytes, text->len);
    return board;
}

/* The length of an instruction that was not translated. */
static size_t pass_over(const struct text *text, size_t at)
{
    size_t rest = text->len - at;
    struct x86_insn in;

    if (x86_decode(text->bytes + at, rest < X86_INSN_MAX ? (unsigned)rest : X86_INSN_MAX,
                   X86_CODE_64, &in) != X86_DECODE_OK)
        return 1;
    return in.len;
}

static struct totals translate(struct trans *t, uint8_t *ram, const struct text *text,
                               uint64_t insns)
{
    struct totals sum = { 0 };
    size_t guarded = SIZE_MAX;

    for (size_t at = 0; at < text->len && sum.insns < insns;) {
        struct block *b;

        if (text->bytes[at] == INT3) {
            at++;
            continue;
        }
        if (guarded != at / PAGE &&
            !trans_guard(t, CODE_AT + at / PAGE * PAGE, ram + CODE_AT + at / PAGE * PAGE))
            bench_die("a page cannot be guarded");
        guarded = at / PAGE;
        b = trans_build(t, &(struct source){ .rip = text->linear + at,
                                             .gpa = CODE_AT + at,
                                             .host = ram + CODE_AT + at,
                                             .mode = BANK_SUPER,
                                             .next_gpa = SOURCE_NO_PAGE });
        if (atomic_load(&t->store->reset_wanted))
            bench_die("%" PRIu64 " instructions fill the code cache", sum.insns);
        sum.insns += b != NULL ? b->ninsns : 0;
        sum.blocks += b != NULL;
        sum.host_bytes += b != NULL ? b->bytes : 0;
        at += b != NULL ? b->guest_bytes : pass_over(text, at);
    }
    return sum;
}

static double cpu_time_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

int main(int argc, char **argv)
{
    unsigned long passes = bench_arg(argc, argv, 2, 11), insns = bench_arg(argc, argv, 3, 200000);
    struct totals sum = { 0 };
    struct series ns;
    struct text text;

    if (argc < 2)
        bench_die("usage: bench-translate VMLINUX [PASSES [INSTRUCTIONS]]");
    text = read_text(argv[1]);
    series_init(&ns, "translate_ns", passes);
    for (unsigned long i = 0; i < passes; i++) {
        struct board *board = make_machine(&text);
        struct trans *t = soft_of(board->m->cpu[0])->trans;
        double start = cpu_time_ns();

        sum = translate(t, board->ram, &text, insns);
        series_add(&ns, (cpu_time_ns() - start) / (double)sum.insns);
        board_free(board);
    }
    printf("{");
    json_series(&ns, false);
    printf("\"insns\": %" PRIu64 ", \"blocks\": %" PRIu64 ", \"host_bytes\": %" PRIu64 "}\n",
           sum.insns, sum.blocks, sum.host_bytes);
    series_fini(&ns);
    free(text.file);
    return 0;
}
