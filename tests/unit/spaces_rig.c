/* SPDX-License-Identifier: MIT */
/* spaces_rig.c - the engine, golden files, and JSON read back. */
#include "spaces_rig.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "stub_engine.h"

/* ---- the rig --------------------------------------------------------------------------------- */

static struct rig *rig_of(const struct machine *m)
{
    struct rig *r;

    memcpy(&r, &m->engine_arg, sizeof(r));
    return r;
}

static int get_state(struct vcpu *cpu, unsigned parts, struct x86_state *out, struct vitro_err *err)
{
    (void)err;
    assert_true(parts & STATE_SREGS);
    *out = rig_of(cpu->m)->state;
    return 0;
}

static int set_state(struct vcpu *cpu, unsigned parts, const struct x86_state *in,
                     struct vitro_err *err)
{
    (void)parts, (void)err;
    rig_of(cpu->m)->state = *in;
    return 0;
}

static int debug_nothing(struct vcpu *cpu, const struct cpu_debug *dbg, struct vitro_err *err)
{
    (void)cpu, (void)dbg, (void)err;
    return 0;
}

static void tell_run_area(const struct vcpu *cpu, struct run_area *out)
{
    *out = (struct run_area){ rig_of(cpu->m)->run, RUN_LEN, 0x1000, "a buffer of the test" };
}

static const struct engine_ops engine = {
    STUB_BASICS,
    .get = get_state,
    .set = set_state,
    .debug = debug_nothing,
    .run_area = tell_run_area,
};

uint8_t *map_host(size_t len)
{
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(at, MAP_FAILED);
    return at;
}

void put(struct rig *r, uint64_t gpa, unsigned bytes, uint64_t v)
{
    uint8_t buf[8];

    le_put(buf, bytes, v);
    assert_true(mem_put(&r->m->mem, gpa, buf, bytes));
}

/* The base case's long-mode tables, as board/ lays them, without the board. */
void put_long_tables(struct rig *r)
{
    put(r, 0x2000, 8, 0x3000 | PWU);
    put(r, 0x3000, 8, 0x4000 | PWU);
    put(r, 0x4000, 8, PS | PWU);
    mem_note(&r->m->mem, MEM_USE_CODE, 0, 49, "code");
    mem_note(&r->m->mem, MEM_USE_TABLES, 0x2000, 0x1000, "PML4");
    mem_note(&r->m->mem, MEM_USE_TABLES, 0x3000, 0x1000, "PDPT");
    mem_note(&r->m->mem, MEM_USE_TABLES, 0x4000, 0x1000, "PD");
    mem_note(&r->m->mem, MEM_USE_STACK, RAM_LEN - 4096, 4096, "stack");
}

int set_up(void **out)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct mem_slot low = { .len = RAM_LEN, .kind = MEM_RAM, .name = "RAM" };
    struct mem_slot high = { .base = HIGH, .len = HIGH_LEN, .kind = MEM_ROM, .name = "high" };

    assert_non_null(r);
    r->ram = low.host = map_host(RAM_LEN + HIGH_LEN);
    high.host = r->ram + RAM_LEN;
    r->run = map_host(RUN_LEN);
    assert_int_equal(machine_new("rig", &engine, &r->m, NULL), 0);
    r->m->engine_arg = r;
    assert_int_equal(machine_open(r->m, NULL), 0);
    assert_int_equal(machine_add_mem(r->m, &low, NULL), 0);
    assert_int_equal(machine_add_mem(r->m, &high, NULL), 0);
    x86_start_state(X86_START_LONG, 0, RAM_LEN, 0x2000, &r->state);
    assert_int_equal(machine_add_cpu(r->m, &r->state, NULL), 0);
    r->s = (struct spaces){ .m = r->m, .symbols = &r->symbols };
    *out = r;
    return 0;
}

int tear_down(void **state)
{
    struct rig *r = *state;

    machine_free(r->m);
    munmap(r->ram, RAM_LEN + HIGH_LEN);
    munmap(r->run, RUN_LEN);
    symtab_fini(&r->symbols);
    residency_fini(&r->look);
    free(r);
    return 0;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static bool place(char *out, size_t len, const char *name, uint64_t v, const void *base, uint64_t n)
{
    uint64_t from = (uintptr_t)base;

    if (v < from || v - from >= n)
        return false;
    snprintf(out, len, "%s:%0*" PRIx64, name, 13 - (int)strlen(name), v - from);
    return true;
}

/* Host addresses replaced by words of the same width, so that columns stay aligned. */
static char *without_host(const struct rig *r, const char *text)
{
    char *out = calloc(1, 2 * strlen(text) + 1), *to = out;

    assert_non_null(out);
    while (*text != '\0') {
        char word[32], *end;
        uint64_t v = strncmp(text, "0x", 2) == 0 ? strtoull(text, &end, 16) : 0;

        if (v != 0 && (place(word, sizeof(word), "HOST", v, r->ram, RAM_LEN + HIGH_LEN) ||
                       place(word, sizeof(word), "RUN", v, r->run, RUN_LEN))) {
            to = stpcpy(to, word);
            text = end;
        } else {
            *to++ = *text++;
        }
    }
    return out;
}

static char *read_golden(const char *name)
{
    static const char dir[] = GOLDEN_DIR;
    char path[512];
    char *buf = calloc(1, 65536);
    FILE *f;

    snprintf(path, sizeof(path), "%s/spaces-%s.txt", dir, name);
    f = fopen(path, "r");
    if (f == NULL)
        fail_msg("cannot open %s", path);
    assert_non_null(buf);
    assert_true(fread(buf, 1, 65535, f) < 65535);
    fclose(f);
    return buf;
}

static void write_golden(const char *name, const char *text)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof(path), "%s/spaces-%s.txt", GOLDEN_DIR, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    fclose(f);
}

/* Takes text. */
void assert_golden(const struct rig *r, char *text, const char *name)
{
    char *got = without_host(r, text), *want;

    if (getenv("VITRO_UPDATE_GOLDEN") != NULL)
        write_golden(name, got);
    want = read_golden(name);
    assert_string_equal(got, want);
    free(want);
    free(got);
    free(text);
}

/* Takes text. */
json_t *parsed(char *text)
{
    json_error_t e;
    json_t *doc = json_loads(text, JSON_REJECT_DUPLICATES, &e);

    if (doc == NULL)
        fail_msg("line %d: %s in: %s", e.line, e.text, text);
    for (const char *p = text; *p != '\0'; p++)
        assert_true((unsigned char)*p < 0x80);
    free(text);
    return doc;
}

uint64_t hex_of(const json_t *obj, const char *key)
{
    const char *word = json_string_value(json_object_get(obj, key));

    if (word == NULL)
        fail_msg("%s is no string", key);
    assert_memory_equal(word, "0x", 2);
    return strtoull(word, NULL, 16);
}

uint64_t num_of(const json_t *obj, const char *key)
{
    assert_true(json_is_integer(json_object_get(obj, key)));
    return (uint64_t)json_integer_value(json_object_get(obj, key));
}

bool bool_of(const json_t *obj, const char *key)
{
    assert_true(json_is_boolean(json_object_get(obj, key)));
    return json_is_true(json_object_get(obj, key));
}

bool null_of(const json_t *obj, const char *key)
{
    assert_non_null(json_object_get(obj, key));
    return json_is_null(json_object_get(obj, key));
}

size_t count_words(const char *text, const char *word)
{
    size_t n = 0;

    for (; (text = strstr(text, word)) != NULL; text += strlen(word))
        n++;
    return n;
}

/* Lies whole in one readable and writable mapping of this process. */
bool is_ours(uint64_t host, uint64_t len)
{
    FILE *f = fopen("/proc/self/maps", "r");
    uint64_t from, to, at = host;
    char line[512], rights[8];

    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, rights) == 3 && at >= from &&
            at < to && strncmp(rights, "rw", 2) == 0)
            at = to; /* neighbours may be told apart; the list is by address */
    }
    fclose(f);
    return at >= host + len;
}
