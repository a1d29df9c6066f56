/* SPDX-License-Identifier: MIT */
/*
 * native_loop.c - a benchmark loop (loops/loop.h) as a function on the host, timed
 *
 *   bench-native-loop FILE [SAMPLES]
 *
 * The yardstick for a software CPU that runs the same bytes as a guest.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

enum { LOOP_MAX = 4096, LOOP_FUNCTION = 16 };

/* The file's bytes, executable. */
static void *load(const char *path)
{
    FILE *file = fopen(path, "rb");
    void *code = mmap(NULL, LOOP_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t len;

    if (file == NULL || code == MAP_FAILED)
        bench_die("%s: cannot be loaded", path);
    len = fread(code, 1, LOOP_MAX, file);
    fclose(file);
    if (len <= LOOP_FUNCTION)
        bench_die("%s: not a loop", path);
    if (mprotect(code, LOOP_MAX, PROT_READ | PROT_EXEC) != 0)
        bench_cannot_run("no executable memory here");
    return code;
}

int main(int argc, char **argv)
{
    unsigned long n = bench_arg(argc, argv, 2, 5);
    struct series native;
    union {
        uint8_t *bytes;
        void (*run)(void);
    } loop;

    if (argc < 2)
        bench_die("usage: bench-native-loop FILE [SAMPLES]");
    loop.bytes = load(argv[1]);
    loop.bytes += LOOP_FUNCTION;
    series_init(&native, "native_ns", n);
    for (unsigned long i = 0; i < n; i++) {
        uint64_t start = bench_ns();

        loop.run();
        series_add(&native, (double)(bench_ns() - start));
    }
    printf("{");
    json_series(&native, true);
    printf("}\n");
    series_fini(&native);
    return 0;
}
