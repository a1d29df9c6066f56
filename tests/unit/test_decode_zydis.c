/* SPDX-License-Identifier: MIT */
/*
 * test_decode_zydis.c - the decoder held against Zydis
 *
 * Three sweeps: the code of every executable in the system's folder of programs; every opcode of
 * every map with every ModRM byte; random byte strings biased to prefixes, VEX and the longer maps.
 * The last two in 16-, 32- and 64-bit code. decode_oracle.h says what is compared.
 *
 * VITRO_DECODE_CASES   random strings
 * VITRO_DECODE_FILES   executables, in the order of the folder
 * VITRO_DECODE_SEED    of the random strings
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "decode_oracle.h"

enum { CASES = 10000000, TEXT = 160 };

#define BIN "/usr/bin"

static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 0);
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Random bytes with, more often than chance, prefixes and then an escape or a VEX prefix. */
static void random_string(uint64_t *state, uint8_t out[X86_INSN_MAX])
{
    static const uint8_t prefixes[] = { 0x66, 0xf2, 0xf3, 0x66, 0xf2, 0xf3, 0x67, 0xf0,
                                        0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x48, 0x41 };
    static const uint8_t ends[] = { 0, 0xc0 };
    uint64_t r = next_random(state);
    unsigned at = 0;

    for (unsigned i = 0; i < X86_INSN_MAX; i++)
        out[i] = (uint8_t)next_random(state);
    for (unsigned n = r & 3; n > 0 && (r & 0x30) != 0; n--)
        out[at++] = prefixes[next_random(state) % ARRAY_LEN(prefixes)];
    if ((r & 0xc0) == 0 && at < X86_INSN_MAX)
        out[at++] = (uint8_t)(0x40 | (r >> 16 & 0xf));
    switch (r >> 8 & 7) {
    case 0:
    case 1:
        out[at++] = 0x0f;
        break;
    case 2:
        out[at++] = 0x0f;
        out[at++] = r & 0x800 ? 0x38 : 0x3a;
        break;
    case 3:
        out[at++] = 0xc5;
        out[at++] |= ends[r >> 11 & 1];
        break;
    case 4:
    case 5:
        /* Real maps, and VEX.vvvv = 1111 half of the time, or most strings would be #UD. */
        out[at++] = 0xc4;
        out[at] = (uint8_t)((out[at] & 0xe0) | ends[r >> 11 & 1] | (r >> 12 & 3));
        at++;
        if (r & 0x4000)
            out[at] |= 0x78;
        break;
    default:
        break;
    }
}

static void random_strings(void **unused)
{
    static const enum x86_code codes[] = { X86_CODE_16, X86_CODE_32, X86_CODE_64, X86_CODE_64 };
    uint64_t cases = env_number("VITRO_DECODE_CASES", CASES);
    uint64_t state = env_number("VITRO_DECODE_SEED", 1);
    struct oracle o;

    (void)unused;
    oracle_init(&o);
    for (uint64_t i = 0; i < cases; i++) {
        uint8_t bytes[X86_INSN_MAX];

        random_string(&state, bytes);
        oracle_try(&o, bytes, X86_INSN_MAX, codes[i % ARRAY_LEN(codes)]);
    }
    oracle_close(&o, "random");
}

/* One opcode with every ModRM byte, at `at`; the bytes behind it are random. */
static void every_modrm(struct oracle *o, uint8_t *bytes, unsigned at, enum x86_code code)
{
    for (unsigned modrm = 0; modrm < 256; modrm++) {
        bytes[at] = (uint8_t)modrm;
        oracle_try(o, bytes, X86_INSN_MAX, code);
    }
}

static void legacy_forms(struct oracle *o, enum x86_code code)
{
    static const uint8_t prefixes[][2] = { { 0x2e, 0x2e }, { 0x66, 0x2e }, { 0xf3, 0x2e },
                                           { 0xf2, 0x2e }, { 0x66, 0xf3 }, { 0xf0, 0x2e },
                                           { 0x67, 0x48 }, { 0x66, 0x4f }, { 0x2e, 0x67 } };
    static const uint8_t maps[][2] = { { 0 }, { 0x0f }, { 0x0f, 0x38 }, { 0x0f, 0x3a } };
    uint64_t state = code;

    for (unsigned i = 0; i < ARRAY_LEN(prefixes) * ARRAY_LEN(maps) * 256; i++) {
        const uint8_t *map = maps[i >> 8 & 3];
        uint8_t bytes[X86_INSN_MAX];
        unsigned at = 2;

        for (unsigned k = 0; k < X86_INSN_MAX; k++)
            bytes[k] = (uint8_t)next_random(&state);
        memcpy(bytes, prefixes[i >> 10], 2);
        for (unsigned k = 0; k < 2; k++)
            if (map[k] != 0)
                bytes[at++] = map[k];
        bytes[at] = (uint8_t)i;
        every_modrm(o, bytes, at + 1, code);
    }
}

static void vex_forms(struct oracle *o, enum x86_code code)
{
    uint64_t state = code;

    /* 16: W, L and pp; 4: maps and one that is none; 3: VEX.vvvv unused, used, with its high bit. */
    for (unsigned i = 0; i < 16 * 4 * 3 * 256; i++) {
        static const uint8_t vvvv[] = { 0x78, 0x58, 0x38 };
        uint8_t bytes[X86_INSN_MAX];

        for (unsigned k = 0; k < X86_INSN_MAX; k++)
            bytes[k] = (uint8_t)next_random(&state);
        bytes[0] = 0xc4;
        bytes[1] = (uint8_t)(0xc0 | (bytes[1] & 0x20) | (1 + (i >> 8 & 3)));
        bytes[2] = (uint8_t)((i >> 10 & 7) | (i >> 13 & 1) << 7 | vvvv[i >> 14]);
        bytes[3] = (uint8_t)i;
        every_modrm(o, bytes, 4, code);
    }
}

static void every_form(void **unused)
{
    static const enum x86_code codes[] = { X86_CODE_16, X86_CODE_32, X86_CODE_64 };
    struct oracle o;

    (void)unused;
    oracle_init(&o);
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        legacy_forms(&o, codes[i]);
        vex_forms(&o, codes[i]);
    }
    oracle_close(&o, "every form");
    for (unsigned op = X86_OP_NONE + 1; op < X86_NOPS; op++)
        if (!o.seen[op])
            fail_msg("no string was %s", x86_op_names[op]);
}

static void sweep(struct oracle *o, const uint8_t *code, size_t len, enum x86_code size)
{
    for (size_t at = 0; at < len;) {
        size_t left = len - at;

        at += oracle_try(o, code + at, left < X86_INSN_MAX ? (unsigned)left : X86_INSN_MAX, size);
    }
}

/* Every section of code of an ELF file in memory; false when it is none. */
static bool sweep_elf(struct oracle *o, const uint8_t *file, size_t len)
{
    Elf64_Ehdr head;

    if (len < sizeof(head))
        return false;
    memcpy(&head, file, sizeof(head));
    if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
        head.e_machine != EM_X86_64 || head.e_shentsize != sizeof(Elf64_Shdr))
        return false;
    for (unsigned i = 0; i < head.e_shnum; i++) {
        Elf64_Shdr section;
        uint64_t at = head.e_shoff + i * sizeof(section);

        if (at > len || len - at < sizeof(section))
            break;
        memcpy(&section, file + at, sizeof(section));
        if (section.sh_type == SHT_PROGBITS && section.sh_flags & SHF_EXECINSTR &&
            section.sh_offset <= len && section.sh_size <= len - section.sh_offset)
            sweep(o, file + section.sh_offset, section.sh_size, X86_CODE_64);
    }
    return true;
}

static bool sweep_file(struct oracle *o, int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    bool done = false;

    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
        size_t len = (size_t)st.st_size;
        void *file = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);

        if (file != MAP_FAILED) {
            done = sweep_elf(o, file, len);
            munmap(file, len);
        }
    }
    close(fd);
    return done;
}

static void executables(void **unused)
{
    uint64_t left = env_number("VITRO_DECODE_FILES", UINT64_MAX), files = 0;
    DIR *folder = opendir(BIN);
    struct oracle o;
    char what[TEXT];

    (void)unused;
    assert_non_null(folder);
    oracle_init(&o);
    for (struct dirent *entry; files < left && (entry = readdir(folder)) != NULL;)
        files += sweep_file(&o, dirfd(folder), entry->d_name);
    closedir(folder);
    snprintf(what, sizeof(what), "%s, %" PRIu64 " files", BIN, files);
    oracle_close(&o, what);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(executables),
        cmocka_unit_test(every_form),
        cmocka_unit_test(random_strings),
    };

    return cmocka_run_group_tests_name("x86/decode against Zydis", tests, NULL, NULL);
}
