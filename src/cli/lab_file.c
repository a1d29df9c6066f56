/* SPDX-License-Identifier: MIT */
/*
 * lab_file.c - reads lab files: one statement a line, words and key=value
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "lab.h"

enum statement_kind {
    ST_MACHINE,
    ST_TURN,
    ST_SHARE,
    ST_SCHEDULE,
    ST_LIMIT,
    ST_SHARED,
    ST_COPY,
    ST_OUTPUT,
    ST_EXPECT,
    NSTATEMENTS
};

struct reader {
    struct lab_plan *plan;
    const char *folder;
    enum vitro_engine engine; /* of machines that do not say */
    unsigned line;
    unsigned last[NSTATEMENTS]; /* the line of the last of each; 0: there was none */
    int nwords;
    char *word[LAB_WORDS_MAX];
    struct vitro_err *err;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct reader *r, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (r->err == NULL)
        return -EINVAL;
    *r->err = (struct vitro_err){ .code = -EINVAL, .kind = VITRO_ERR_USAGE };
    n = snprintf(r->err->text, sizeof(r->err->text), "lab file, line %u: ", r->line);
    va_start(ap, fmt);
    vsnprintf(r->err->text + n, sizeof(r->err->text) - (size_t)n, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

/* ---- words ----------------------------------------------------------------------------------- */

static int number(struct reader *r, const char *word, uint64_t min, uint64_t max, uint64_t *out)
{
    if (!parse_number(word, out))
        return refuse(r, "'%s' is no number", word);
    if (*out < min || *out > max)
        return refuse(r, "%s is out of range, %" PRIu64 " to %" PRIu64, word, min, max);
    return 0;
}

static int find_machine(struct reader *r, const char *name, unsigned *out)
{
    for (unsigned i = 0; i < r->plan->nmachines; i++) {
        if (strcmp(r->plan->machine[i].name, name) == 0) {
            *out = i;
            return 0;
        }
    }
    return refuse(r, "no machine is called '%s'; name it by a machine line before this one", name);
}

/* Relative to the lab file's folder. */
static int keep_path(struct reader *r, const char *word, char *out)
{
    bool joined = word[0] != '/' && r->folder[0] != '\0';
    int n = snprintf(out, LAB_PATH_MAX, "%s%s%s", joined ? r->folder : "", joined ? "/" : "", word);

    return n < LAB_PATH_MAX ? 0 : refuse(r, "a path of more than %d bytes", LAB_PATH_MAX - 1);
}

static bool is_builtin(const char *name)
{
    struct vitro_builtin b;

    for (unsigned i = 0; vitro_builtin(i, &b); i++) {
        if (strcmp(b.name, name) == 0)
            return true;
    }
    return false;
}

/* ---- machine --------------------------------------------------------------------------------- */

static int key_mem(struct reader *r, struct lab_machine *m, const char *value)
{
    return number(r, value, 64 << 10, (uint64_t)64 << 30, &m->mem);
}

static int key_origin(struct reader *r, struct lab_machine *m, const char *value)
{
    return number(r, value, 0, UINT64_MAX, &m->origin);
}

static int key_cpus(struct reader *r, struct lab_machine *m, const char *value)
{
    uint64_t n = 0;
    int rc = number(r, value, 1, 8, &n);

    m->cpus = (unsigned)n;
    return rc;
}

static int key_mode(struct reader *r, struct lab_machine *m, const char *value)
{
    if (vitro_mode_parse(value, &m->mode))
        return 0;
    return refuse(r, "mode '%s'; there are real, protected, paged32 and long", value);
}

static int key_engine(struct reader *r, struct lab_machine *m, const char *value)
{
    if (strcmp(value, "soft") != 0 && strcmp(value, "kvm") != 0)
        return refuse(r, "engine '%s'; there are soft and kvm", value);
    m->engine = value[0] == 'k' ? VITRO_ENGINE_KVM : VITRO_ENGINE_SOFT;
    return 0;
}

static int key_files(struct reader *r, struct lab_machine *m, const char *value)
{
    m->hypercalls |= VITRO_HYPERCALLS_ON;
    return keep_path(r, value, m->files);
}

static int key_hypercalls(struct reader *r, struct lab_machine *m, const char *value)
{
    (void)r, (void)value;
    m->hypercalls |= VITRO_HYPERCALLS_ON;
    return 0;
}

static int key_cow(struct reader *r, struct lab_machine *m, const char *value)
{
    (void)r, (void)value;
    m->files_cow = true;
    return 0;
}

static const struct key {
    const char *name;
    bool valued;
    int (*set)(struct reader *r, struct lab_machine *m, const char *value);
} keys[] = {
    { "mem", true, key_mem },     { "mode", true, key_mode },
    { "cpus", true, key_cpus },   { "origin", true, key_origin },
    { "files", true, key_files }, { "engine", true, key_engine },
    { "cow", false, key_cow },    { "hypercalls", false, key_hypercalls },
};

static int set_key(struct reader *r, struct lab_machine *m, char *word, unsigned *seen)
{
    char *value = strchr(word, '=');

    if (value != NULL)
        *value++ = '\0';
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(keys[i].name, word) != 0)
            continue;
        if (keys[i].valued != (value != NULL))
            return refuse(r, "'%s' %s", word, value != NULL ? "takes no value" : "wants =VALUE");
        if (*seen & 1u << i)
            return refuse(r, "'%s' twice", word);
        *seen |= 1u << i;
        return keys[i].set(r, m, value);
    }
    return refuse(r,
                  "a machine has no '%s'; there are mem, mode, cpus, origin, engine, hypercalls, "
                  "files and cow",
                  word);
}

static bool is_name(const char *word)
{
    size_t len = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

    return len > 0 && len < LAB_NAME_MAX && word[len] == '\0';
}

static int do_machine(struct reader *r)
{
    struct lab_machine *m = &r->plan->machine[r->plan->nmachines];
    unsigned seen = 0;
    int rc = 0;

    if (r->nwords < 3)
        return refuse(r, "machine NAME GUEST [key=value ...]");
    if (r->plan->nmachines == LAB_MACHINES_MAX)
        return refuse(r, "more than %d machines", LAB_MACHINES_MAX);
    if (!is_name(r->word[1]))
        return refuse(r, "a name has 1 to %d letters, digits, - and _", LAB_NAME_MAX - 1);
    for (unsigned i = 0; i < r->plan->nmachines; i++) {
        if (strcmp(r->plan->machine[i].name, r->word[1]) == 0)
            return refuse(r, "a second machine called '%s'", r->word[1]);
    }
    *m = (struct lab_machine){ .engine = r->engine, .cpus = 1 };
    snprintf(m->name, sizeof(m->name), "%s", r->word[1]);
    if (is_builtin(r->word[2]))
        snprintf(m->guest, sizeof(m->guest), "%s", r->word[2]);
    else
        rc = keep_path(r, r->word[2], m->guest);
    for (int i = 3; i < r->nwords && rc == 0; i++)
        rc = set_key(r, m, r->word[i], &seen);
    if (rc == 0 && m->files_cow && m->files[0] == '\0')
        rc = refuse(r, "cow without files=DIR");
    r->plan->nmachines += rc == 0;
    return rc;
}

/* ---- turns ----------------------------------------------------------------------------------- */

static int do_turn(struct reader *r)
{
    struct lab_plan *p = r->plan;
    struct {
        const char *word;
        uint64_t max, *out;
    } ends[] = { { "exit", UINT32_MAX, &p->turn_exits },
                 { "insn", UINT32_MAX, &p->turn_insns },
                 { "ms", LAB_TURN_MS_MAX, &p->turn_ms } };
    enum { NENDS = sizeof(ends) / sizeof(ends[0]) };

    p->turn_exits = p->turn_insns = p->turn_ms = 0;
    for (int i = 1; i + 1 < r->nwords; i += 2) {
        unsigned k = 0;
        int rc;

        while (k < NENDS && strcmp(r->word[i], ends[k].word) != 0)
            k++;
        rc = k < NENDS ? number(r, r->word[i + 1], 1, ends[k].max, ends[k].out)
                       : refuse(r, "a turn has no '%s'; there are exit, insn and ms", r->word[i]);
        if (rc < 0)
            return rc;
    }
    if (r->nwords % 2 == 0 || r->nwords == 1)
        return refuse(r, "turn [exit N] [insn N] [ms N]: a turn ends after so many of any");
    return 0;
}

static int do_share(struct reader *r)
{
    unsigned sum = 0;

    for (int i = 1; i < r->nwords; i++) {
        char *value = strchr(r->word[i], '=');
        uint64_t percent;
        unsigned m = 0;
        int rc;

        if (value == NULL)
            return refuse(r, "share NAME=PERCENT ...");
        *value++ = '\0';
        if ((rc = find_machine(r, r->word[i], &m)) < 0 ||
            (rc = number(r, value, 1, 100, &percent)) < 0)
            return rc;
        if (r->plan->machine[m].share != 0)
            return refuse(r, "machine %s has two shares", r->plan->machine[m].name);
        r->plan->machine[m].share = (unsigned)percent;
        sum += (unsigned)percent;
    }
    return sum == 100 ? 0 : refuse(r, "the shares are %u%% together, not 100%%", sum);
}

static int do_schedule(struct reader *r)
{
    if (r->nwords != 2)
        return refuse(r, "schedule FILE");
    return keep_path(r, r->word[1], r->plan->schedule_file);
}

static int do_limit(struct reader *r)
{
    if (r->nwords != 2)
        return refuse(r, "limit TURNS");
    return number(r, r->word[1], 1, UINT32_MAX, &r->plan->turns);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int do_shared(struct reader *r)
{
    struct lab_plan *p = r->plan;
    int rc;

    if (r->nwords != 3)
        return refuse(r, "shared ADDRESS LENGTH");
    rc = number(r, r->word[1], 0, UINT64_MAX / 2, &p->shared_gpa);
    return rc < 0 ? rc : number(r, r->word[2], 1, LAB_COPY_MAX, &p->shared_len);
}

static int place(struct reader *r, char *word, unsigned *m, uint64_t *gpa)
{
    char *colon = strchr(word, ':');
    int rc;

    if (colon == NULL)
        return refuse(r, "'%s' should be NAME:ADDRESS", word);
    *colon = '\0';
    rc = find_machine(r, word, m);
    return rc < 0 ? rc : number(r, colon + 1, 0, UINT64_MAX / 2, gpa);
}

static int mark(struct reader *r, struct lab_copy *c)
{
    static const char *const names[] = { [LAB_AT_EXIT] = "exit", [LAB_AT_TURN] = "turn" };

    if (r->nwords == 7 && strcmp(r->word[6], "end") == 0) {
        c->when = LAB_AT_END;
        return 0;
    }
    for (unsigned i = 0; i < 2 && r->nwords == 8; i++) {
        if (strcmp(r->word[6], names[i]) == 0) {
            c->when = (enum lab_when)i;
            return number(r, r->word[7], 1, UINT32_MAX, &c->count);
        }
    }
    return refuse(r, "after 'when NAME' comes exit N, turn N or end");
}

static int do_copy(struct reader *r)
{
    struct lab_copy *c = &r->plan->copy[r->plan->ncopies];
    int rc;

    if (r->nwords < 7 || strcmp(r->word[4], "when") != 0)
        return refuse(r, "copy NAME:ADDRESS NAME:ADDRESS LENGTH when NAME exit N|turn N|end");
    if (r->plan->ncopies == LAB_COPIES_MAX)
        return refuse(r, "more than %d copies", LAB_COPIES_MAX);
    *c = (struct lab_copy){ 0 };
    if ((rc = place(r, r->word[1], &c->from, &c->from_gpa)) < 0 ||
        (rc = place(r, r->word[2], &c->to, &c->to_gpa)) < 0 ||
        (rc = number(r, r->word[3], 1, LAB_COPY_MAX, &c->len)) < 0 ||
        (rc = find_machine(r, r->word[5], &c->of)) < 0 || (rc = mark(r, c)) < 0)
        return rc;
    r->plan->ncopies++;
    return 0;
}

/* ---- output ---------------------------------------------------------------------------------- */

static int do_output(struct reader *r)
{
    if (r->nwords != 2 || (strcmp(r->word[1], "lines") != 0 && strcmp(r->word[1], "bytes") != 0))
        return refuse(r, "output lines|bytes");
    r->plan->raw = r->word[1][0] == 'b';
    return 0;
}

static int do_expect(struct reader *r)
{
    if (r->nwords != 2)
        return refuse(r, "expect FILE");
    return keep_path(r, r->word[1], r->plan->expect);
}

static const struct statement {
    const char *word;
    bool often; /* may be said more than once */
    int (*parse)(struct reader *r);
} statements[NSTATEMENTS] = {
    [ST_MACHINE] = { "machine", true, do_machine },
    [ST_TURN] = { "turn", false, do_turn },
    [ST_SHARE] = { "share", false, do_share },
    [ST_SCHEDULE] = { "schedule", false, do_schedule },
    [ST_LIMIT] = { "limit", false, do_limit },
    [ST_SHARED] = { "shared", false, do_shared },
    [ST_COPY] = { "copy", true, do_copy },
    [ST_OUTPUT] = { "output", false, do_output },
    [ST_EXPECT] = { "expect", false, do_expect },
};

/* ---- the file -------------------------------------------------------------------------------- */

static int split(struct reader *r, char *line)
{
    char *rest = NULL;

    r->nwords = 0;
    for (char *w = strtok_r(line, " \t\r", &rest); w != NULL; w = strtok_r(NULL, " \t\r", &rest)) {
        if (w[0] == '#')
            break;
        if (r->nwords == LAB_WORDS_MAX)
            return refuse(r, "more than %d words", LAB_WORDS_MAX);
        r->word[r->nwords++] = w;
    }
    return 0;
}

static int parse_statement(struct reader *r, enum statement_kind kind)
{
    const struct statement *st = &statements[kind];

    if (r->last[kind] != 0 && !st->often)
        return refuse(r, "a second %s; line %u has the first", st->word, r->last[kind]);
    r->last[kind] = r->line;
    return st->parse(r);
}

static int parse_line(struct reader *r, const char *from, size_t len)
{
    char line[LAB_LINE_MAX + 1];
    int rc;

    if (len > LAB_LINE_MAX)
        return refuse(r, "more than %d bytes", LAB_LINE_MAX);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)from[i] < ' ' && from[i] != '\t' && from[i] != '\r')
            return refuse(r, "byte 0x%02x is no text", (unsigned char)from[i]);
        if ((unsigned char)from[i] > '~' && memchr(from, '#', i) == NULL)
            return refuse(r, "byte 0x%02x: outside of comments only ASCII is understood",
                          (unsigned char)from[i]);
    }
    memcpy(line, from, len);
    line[len] = '\0';
    if ((rc = split(r, line)) < 0 || r->nwords == 0)
        return rc;
    for (unsigned i = 0; i < NSTATEMENTS; i++) {
        if (strcmp(statements[i].word, r->word[0]) == 0)
            return parse_statement(r, (enum statement_kind)i);
    }
    return refuse(r,
                  "'%s'? Lines begin with machine, turn, share, schedule, limit, shared, copy, "
                  "output or expect",
                  r->word[0]);
}

/* What no line can know alone. */
static int check_whole(struct reader *r)
{
    struct lab_plan *p = r->plan;
    unsigned shares = 0;

    if (p->nmachines == 0)
        return refuse(r, "there is no machine");
    for (unsigned i = 0; i < p->nmachines; i++) {
        const struct lab_machine *m = &p->machine[i];

        shares += m->share != 0;
        r->line = r->last[ST_TURN];
        if (p->turn_insns != 0 && p->turn_ms == 0 && !lab_counts(m))
            return refuse(r,
                          "turns count instructions, and those of machine %s, %s, are not counted: "
                          "say how long they are in time too, with turn insn N ms N",
                          m->name, m->cpus > 1 ? "which has several CPUs" : "which is KVM's");
    }
    r->line = r->last[ST_SHARE];
    if (shares != 0 && (shares != p->nmachines || p->turn_exits != 0))
        return refuse(r, "shares are of 'turn insn N' or 'turn ms N', and every machine has one");
    return 0;
}

bool lab_counts(const struct lab_machine *m)
{
    return m->engine == VITRO_ENGINE_SOFT && m->cpus == 1;
}

int lab_parse(const char *text, size_t len, const char *folder, enum vitro_engine engine,
              struct lab_plan *out, struct vitro_err *err)
{
    struct reader r = { .plan = out, .folder = folder, .engine = engine, .err = err };
    int rc = 0;

    *out = (struct lab_plan){ .turn_exits = 1, .turns = LAB_TURNS };
    if (engine == VITRO_ENGINE_AUTO)
        r.engine = VITRO_ENGINE_SOFT;
    if (len > LAB_FILE_MAX)
        return refuse(&r, "the file has more than %d bytes", LAB_FILE_MAX);
    while (len > 0 && rc == 0) {
        const char *end = memchr(text, '\n', len);
        size_t n = end != NULL ? (size_t)(end - text) : len;

        r.line++;
        rc = parse_line(&r, text, n);
        n += end != NULL;
        text += n;
        len -= n;
    }
    return rc < 0 ? rc : check_whole(&r);
}

int lab_parse_schedule(const char *text, size_t len, struct lab_plan *plan, struct vitro_err *err)
{
    struct reader r = { .plan = plan, .line = 1, .err = err };

    free(plan->schedule);
    plan->nschedule = 0;
    plan->schedule = len <= LAB_FILE_MAX ? malloc(len + 1) : NULL;
    if (plan->schedule == NULL)
        return refuse(&r, "the schedule has more than %d bytes, or there is no memory",
                      LAB_FILE_MAX);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n')
            r.line++;
        if (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n')
            continue;
        if (text[i] < '1' || (unsigned)(text[i] - '0') > plan->nmachines ||
            (i + 1 < len && text[i + 1] > ' '))
            return refuse(&r, "schedule: numbers of machines, 1 to %u", plan->nmachines);
        plan->schedule[plan->nschedule++] = (unsigned char)(text[i] - '1');
    }
    return plan->nschedule > 0 ? 0 : refuse(&r, "the schedule is empty");
}

void lab_plan_fini(struct lab_plan *plan)
{
    free(plan->schedule);
    plan->schedule = NULL;
}
