/* SPDX-License-Identifier: MIT */
/*
 * test_programs.c - guest programs for the features of the architecture, each on both engines
 *
 * Arguments are the images. Each says what it is for (programs/lab.inc): on the software CPU it must pass,
 * interpreted, translated from the first instruction on, and translated and compared with the interpreter. On
 * KVM it runs where this KVM has what it needs, and leaves the same console bytes, accesses and registers; what is
 * otherwise there is printed with the manual's section, and is KVM's doing or ours: somebody has to look.
 *
 * After each run on the software CPU nothing in the guest's memory and registers may be an address of this
 * process.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "evidence.h"

enum {
    ORIGIN = 0x8000,
    MEMORY = 8 << 20,
    EXIT_PORT = 0xf4,
    IMAGE_MAX = 1 << 16,
    PROGRAMS_MAX = 256,
    CHECKS_MAX = 200,
    RANGES_MAX = 1024,
    SOFT_INSNS = 20000000,
    KVM_SECONDS = 3,
};

/* lab.inc. */
enum { ENDS_PASSED = 0xff, ENDS_UNOFFERED = 0xfe, ENDS_UNEXPECTED = 0xfd, REC_VECTOR = 0x600 };

struct program {
    char name[64]; /* "real/ivt" */
    unsigned char image[IMAGE_MAX];
    size_t len;
    const char *mode, *source, *needs, *ends, *check[CHECKS_MAX];
    unsigned nchecks;
};

enum verdict { PASSED, UNOFFERED, FAILED };

struct result {
    enum verdict verdict;
    char text[512];
};

static struct program *programs;
static size_t nprograms;

/* ---- images ---------------------------------------------------------------------------------- */

/* The string at *at, which moves behind it; NULL at the end. */
static const char *next_string(const struct program *p, size_t *at)
{
    const char *text = (const char *)p->image + *at;

    if (*at >= p->len)
        return NULL;
    *at += strlen(text) + 1; /* the image is followed by zeros */
    return text;
}

static bool read_info(struct program *p)
{
    static const char magic[] = "vitro-program";
    const unsigned char *found = memmem(p->image, p->len, magic, sizeof(magic));
    size_t at;

    if (found == NULL)
        return false;
    at = (size_t)(found - p->image) + sizeof(magic);
    p->mode = next_string(p, &at);
    p->source = next_string(p, &at);
    p->needs = next_string(p, &at);
    p->ends = next_string(p, &at);
    while (p->nchecks < CHECKS_MAX && (p->check[p->nchecks] = next_string(p, &at)) != NULL)
        p->nchecks++;
    return p->ends != NULL;
}

/* ".../real.ivt.bin" */
static void name_of(const char *path, char *name, size_t size)
{
    const char *base = strrchr(path, '/');
    char *dot;

    snprintf(name, size, "%s", base != NULL ? base + 1 : path);
    if ((dot = strrchr(name, '.')) != NULL)
        *dot = '\0';
    if ((dot = strchr(name, '.')) != NULL)
        *dot = '/';
}

static bool read_program(const char *path, struct program *p)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return false;
    n = read(fd, p->image, IMAGE_MAX - 1);
    close(fd);
    if (n <= 0)
        return false;
    p->len = (size_t)n;
    name_of(path, p->name, sizeof(p->name));
    return read_info(p);
}

/* ---- runs ------------------------------------------------------------------------------------ */

/* How the software CPU executes. */
struct way {
    const char *name;
    enum vitro_tier tier;
    unsigned translate; /* enum vitro_translate */
};

static void must(int rc, const struct vitro_err *err)
{
    if (rc < 0)
        fail_msg("%s", err->text);
}

/* console: where its output goes, or -1. */
static struct vitro *machine(const struct program *p, enum vitro_engine engine,
                             const struct way *way, int console, struct vitro_guest **guest)
{
    struct vitro_guest_config gcfg = {
        .name = p->name, .bytes = p->image, .len = p->len, .kind = VITRO_KIND_FLAT, .origin = ORIGIN
    };
    struct vitro_config cfg = {
        .engine = engine,
        .tier = way->tier,
        .translate = way->translate,
        .cpu = "host", /* all that each has, not only what both have */
        .mem_bytes = MEMORY,
        .console_fd = console,
        .debug_exit_port = EXIT_PORT,
    };
    struct vitro_err err = { 0 };
    struct vitro *m;

    assert_true(vitro_mode_parse(p->mode, &gcfg.mode));
    must(vitro_guest_open(&gcfg, guest, &err), &err);
    must(vitro_new(&cfg, *guest, &m, &err), &err);
    return m;
}

/* What lab.inc calls REC_*: the exception that nobody waited for. */
static void tell_event(const struct vitro *m, struct result *r)
{
    uint64_t rec[8] = { 0 };

    vitro_mem_read(m, REC_VECTOR, rec, sizeof(rec));
    snprintf(r->text, sizeof(r->text),
             "vector %u was not expected, error code %#x, at %#x:%#llx, CR2 %#llx",
             (unsigned)(rec[0] & 0xffff), (unsigned)rec[1], (unsigned)(rec[3] & 0xffff),
             (unsigned long long)rec[2], (unsigned long long)rec[7]);
}

static bool ended_as_said(const struct program *p, const struct vitro_outcome *end)
{
    if (strcmp(p->ends, "halt") == 0)
        return end->end == VITRO_END_HALT;
    if (strcmp(p->ends, "shutdown") == 0)
        return end->end == VITRO_END_SHUTDOWN;
    return end->end == VITRO_END_GUEST_EXIT && (end->code & 0xff) == ENDS_PASSED;
}

static void judge(const struct program *p, const struct vitro *m, const struct vitro_outcome *end,
                  struct result *r)
{
    unsigned code = end->code & 0xff;

    *r = (struct result){ .verdict = FAILED };
    if (ended_as_said(p, end))
        r->verdict = PASSED;
    else if (end->end != VITRO_END_GUEST_EXIT)
        snprintf(r->text, sizeof(r->text), "%s", end->text);
    else if (code == ENDS_UNOFFERED)
        r->verdict = UNOFFERED;
    else if (code == ENDS_UNEXPECTED)
        tell_event(m, r);
    else
        snprintf(r->text, sizeof(r->text), "not so: %s",
                 code >= 1 && code <= p->nchecks ? p->check[code - 1] : "?");
}

/* ---- no address of ours ---------------------------------------------------------------------- */

struct ranges {
    struct {
        uint64_t from, to;
    } r[RANGES_MAX];
    size_t n;
};

static void own_ranges(struct ranges *out)
{
    FILE *f = fopen("/proc/self/maps", "re");
    char line[512];

    assert_non_null(f);
    for (out->n = 0; out->n < RANGES_MAX && fgets(line, sizeof(line), f) != NULL;) {
        unsigned long long from, to;

        /* A sanitizer's shadow takes whole terabytes, among them what is no address of anybody. */
        if (sscanf(line, "%llx-%llx", &from, &to) == 2 && from >= UINT64_C(1) << 32 &&
            to - from < UINT64_C(1) << 37) {
            out->r[out->n].from = from;
            out->r[out->n++].to = to;
        }
    }
    fclose(f);
    assert_in_range(out->n, 5, RANGES_MAX - 1);
}

static bool is_ours(const struct ranges *ranges, uint64_t word)
{
    if (word - (UINT64_C(1) << 32) >= UINT64_C(1) << 47)
        return false;
    for (size_t i = 0; i < ranges->n; i++) {
        if (word >= ranges->r[i].from && word < ranges->r[i].to)
            return true;
    }
    return false;
}

/* Bytes of the image, as they were: what they look like as an address is chance. */
static bool is_image(const struct program *p, const unsigned char *memory, size_t at)
{
    return at >= ORIGIN && at + 8 <= ORIGIN + p->len &&
           memcmp(memory + at, p->image + (at - ORIGIN), 8) == 0;
}

static void no_address_of_ours(const struct program *p, struct vitro *m)
{
    static unsigned char memory[MEMORY];
    static struct ranges ranges;
    struct vitro_err err = { 0 };
    struct vitro_regs regs;

    own_ranges(&ranges);
    must(vitro_mem_read(m, 0, memory, MEMORY), &err);
    for (size_t at = 0; at + 8 <= MEMORY; at += 2) {
        uint64_t word;

        memcpy(&word, memory + at, 8);
        if (is_ours(&ranges, word) && !is_image(p, memory, at))
            fail_msg("%s: an address of ours, %#llx, lies at %#zx", p->name,
                     (unsigned long long)word, at);
    }
    must(vitro_regs(m, 0, &regs, &err), &err);
    for (unsigned i = 0; i < 16; i++)
        assert_false(is_ours(&ranges, regs.gpr[i]));
    for (unsigned i = 0; i < 6; i++)
        assert_false(is_ours(&ranges, regs.seg[i].base));
    assert_false(is_ours(&ranges, regs.rip) || is_ours(&ranges, regs.cr2) ||
                 is_ours(&ranges, regs.gdt_base) || is_ours(&ranges, regs.idt_base) ||
                 is_ours(&ranges, regs.tr.base) || is_ours(&ranges, regs.ldtr.base));
}

/* ---- the software CPU ------------------------------------------------------------------------ */

static const struct way ways[] = {
    { "interpreted", VITRO_TIER_INTERP, 0 },
    { "translated", VITRO_TIER_TRANS, 0 },
    { "translated and compared", VITRO_TIER_TRANS, VITRO_TRANSLATE_CHECK },
};

static enum verdict on_soft_as(const struct program *p, const struct way *way)
{
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct result r;
    struct vitro *m = machine(p, VITRO_ENGINE_SOFT, way, -1, &guest);

    must(vitro_stop_at(m, &(struct vitro_stop_at){ .insns = SOFT_INSNS }, &err), &err);
    must(vitro_run(m, &end, &err), &err);
    judge(p, m, &end, &r);
    if (r.verdict == FAILED)
        fail_msg("%s, %s: %s\n    %s", p->name, way->name, r.text, p->source);
    no_address_of_ours(p, m);
    vitro_free(m);
    vitro_guest_free(guest);
    return r.verdict;
}

static void on_soft(void **state)
{
    const struct program *p = *state;
    enum verdict verdict = PASSED;

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        verdict = on_soft_as(p, &ways[i]);
    if (verdict == UNOFFERED) {
        print_message("cannot run here: the CPU model does not offer what %s is about\n", p->name);
        skip();
    }
}

/* ---- KVM ------------------------------------------------------------------------------------- */

struct watchdog {
    struct vitro *m;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool done;
};

/* A guest that goes round for ever is stopped. */
static void *watch(void *arg)
{
    struct watchdog *w = arg;
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += KVM_SECONDS;
    pthread_mutex_lock(&w->lock);
    while (!w->done && pthread_cond_timedwait(&w->ended, &w->lock, &until) != ETIMEDOUT)
        ;
    if (!w->done)
        vitro_stop(w->m, VITRO_STOP_TIMEOUT);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void run_watched(struct vitro *m, struct vitro_outcome *end)
{
    struct watchdog w = { .m = m };
    struct vitro_err err = { 0 };
    int rc;

    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.ended, NULL);
    assert_int_equal(pthread_create(&w.thread, NULL, watch, &w), 0);
    rc = vitro_run(m, end, &err);
    pthread_mutex_lock(&w.lock);
    w.done = true;
    pthread_cond_signal(&w.ended);
    pthread_mutex_unlock(&w.lock);
    pthread_join(w.thread, NULL);
    must(rc, &err);
}

/* Whether the probe has a yes for the row; anything that is not in the probe has none. */
static bool probe_has(const json_t *doctor, const char *key)
{
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(doctor, "rows"), i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "key")), key) == 0)
            return strcmp(json_string_value(json_object_get(row, "verdict")), "yes") == 0;
    }
    fail_msg("the probe has no row %s", key);
    return false;
}

/* The first need that this KVM does not meet, or NULL. */
static const char *lacks(const json_t *doctor, const struct program *p, char *word, size_t size)
{
    for (const char *at = p->needs; *at != '\0';) {
        size_t len = strcspn(at, " ");

        snprintf(word, size, "%.*s", (int)len, at);
        if (!probe_has(doctor, word))
            return word;
        at += len + strspn(at + len, " ");
    }
    return NULL;
}

static json_t *ask_doctor(void)
{
    const struct vitro_style style = { .format = VITRO_JSON };
    enum vitro_doctor_verdict verdict;
    struct vitro_err err = { 0 };
    json_t *doctor;
    char *text;

    must(vitro_doctor(false, &style, &text, &verdict, &err), &err);
    doctor = json_loads(text, 0, NULL);
    free(text);
    assert_non_null(doctor);
    if (verdict == VITRO_DOCTOR_NONE) {
        json_decref(doctor);
        print_message("cannot run here: no KVM that runs guests\n");
        skip();
    }
    return doctor;
}

/* One run on an engine, and what it has left. */
static void gather(const struct program *p, enum vitro_engine engine, struct result *r,
                   struct evidence *e)
{
    int output = memfd_create("output", MFD_CLOEXEC);
    struct vitro_guest *guest;
    struct vitro *m;

    assert_true(output >= 0);
    *e = (struct evidence){ 0 };
    m = machine(p, engine, &(struct way){ .tier = VITRO_TIER_INTERP }, output, &guest);
    run_watched(m, &e->end);
    judge(p, m, &e->end, r);
    evidence_take(m, output, e);
    vitro_free(m);
    vitro_guest_free(guest);
    close(output);
}

/* How programs end on KVM, beside what the software CPU makes of them. */
struct tally {
    unsigned pass, same, differ, not_here, unoffered;
};

static void tell_difference(const struct program *p, const char *what, const struct result *r)
{
    print_message("%s: KVM %s than soft: %s\n    %s\n", p->name, what, r->text, p->source);
}

static void beside_soft(const struct program *p, struct tally *n)
{
    static struct evidence kvm, soft;
    struct result r, other;

    gather(p, VITRO_ENGINE_KVM, &r, &kvm);
    n->unoffered += r.verdict == UNOFFERED;
    n->differ += r.verdict == FAILED;
    n->pass += r.verdict == PASSED;
    if (r.verdict == FAILED)
        tell_difference(p, "does otherwise", &r);
    if (r.verdict != PASSED)
        return;
    gather(p, VITRO_ENGINE_SOFT, &other, &soft);
    if (evidence_same(&kvm, &soft, r.text, sizeof(r.text)))
        n->same++;
    else
        tell_difference(p, "leaves something else", &r);
}

static void on_kvm(void **state)
{
    json_t *doctor = ask_doctor();
    struct tally n = { 0 };

    (void)state;
    for (size_t i = 0; i < nprograms; i++) {
        const struct program *p = &programs[i];
        char word[64];

        if (lacks(doctor, p, word, sizeof(word)) != NULL) {
            print_message("%s: not on this KVM: %s\n", p->name, word);
            n.not_here++;
            continue;
        }
        beside_soft(p, &n);
    }
    json_decref(doctor);
    print_message(
        "%zu guest programs; on KVM %u pass, %u of them with the same console, accesses and "
        "state; %u differ, %u not offered, %u cannot run\n",
        nprograms, n.pass, n.same, n.differ, n.unoffered, n.not_here);
    assert_true(n.pass > 0 ||
                n.differ == 0); /* a KVM does some things in its own way, but not all */
    assert_true(n.same * 2 >= n.pass);
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[PROGRAMS_MAX + 1];
    int failed;

    programs = calloc(PROGRAMS_MAX, sizeof(*programs));
    if (programs == NULL)
        return 1;
    for (int i = 1; i < argc && nprograms < PROGRAMS_MAX; i++) {
        struct program *p = &programs[nprograms];

        if (!read_program(argv[i], p)) {
            fprintf(stderr, "%s: not a guest program\n", argv[i]);
            return 1;
        }
        tests[nprograms++] =
            (struct CMUnitTest){ .name = p->name, .test_func = on_soft, .initial_state = p };
    }
    tests[nprograms] = (struct CMUnitTest){ .name = "on_kvm", .test_func = on_kvm };
    failed = _cmocka_run_group_tests("programs", tests, nprograms + 1, NULL, NULL);
    free(programs);
    return failed;
}
