/* SPDX-License-Identifier: MIT */
/*
 * lab_run.c - machines that take turns on the calling thread
 *
 * Only one machine runs at a time, so a shared region needs no shared pages: whoever's turn begins is given the
 * bytes that the one before left there.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"
#include "lab_clock.h"
#include "lab_signals.h"

struct station {
    struct lab *lab;
    const struct lab_machine *is;
    struct lab_fate *fate;
    struct vitro_guest *guest;
    struct vitro *m;
    char line[256]; /* output that has no newline yet */
    size_t len;
};

struct lab {
    const struct lab_plan *plan;
    struct lab_result *result;
    FILE *out, *turns;
    size_t put;     /* bytes of output so far */
    bool open_line; /* the last of them was no newline */
    bool unseen;    /* some of them wait to be written */
    struct station station[LAB_MACHINES_MAX];
    bool copied[LAB_COPIES_MAX];
    unsigned char *shared;
    struct lab_signals *signals;
    struct lab_clock *clock; /* NULL: every machine's instructions are counted */
    struct vitro_err *err;
};

static int refuse(const struct lab *lab, const struct station *s, const char *what, uint64_t gpa,
                  uint64_t len)
{
    if (lab->err != NULL) {
        *lab->err = (struct vitro_err){ .code = -EINVAL, .kind = VITRO_ERR_USAGE };
        snprintf(lab->err->text, sizeof(lab->err->text),
                 "%s: 0x%" PRIx64 ", %" PRIu64 " bytes, is not in the memory of machine %s", what,
                 gpa, len, s->is->name);
    }
    return -EINVAL;
}

/* ---- output ---------------------------------------------------------------------------------- */

static void end_line(struct station *s)
{
    fprintf(s->lab->out, "%s: %.*s\n", s->is->name, (int)s->len, s->line);
    fflush(s->lab->out);
    s->len = 0;
}

/* A guest's bytes never reach a terminal as commands. */
static void put_byte(struct station *s, unsigned char c)
{
    if (c == '\n') {
        end_line(s);
        return;
    }
    if (s->len + sizeof("\\xff") > sizeof(s->line))
        end_line(s);
    if (c == '\t' || (c >= ' ' && c <= '~'))
        s->line[s->len++] = (char)c;
    else
        s->len += (size_t)snprintf(s->line + s->len, sizeof(s->line) - s->len, "\\x%02x", c);
}

static void on_output(void *ctx, const void *bytes, size_t len)
{
    struct station *s = ctx;
    const unsigned char *c = bytes;

    if (s->lab->put >= LAB_OUTPUT_MAX)
        return;
    s->lab->put += len;
    if (s->lab->plan->raw)
        s->lab->unseen |= fwrite(bytes, 1, len, s->lab->out) > 0;
    s->lab->open_line = len > 0 && c[len - 1] != '\n';
    for (size_t i = 0; i < len && !s->lab->plan->raw; i++)
        put_byte(s, c[i]);
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* dry: only finds that both ends are memory, and writes none. */
static int copy(const struct lab *lab, const struct lab_copy *c, bool dry)
{
    const struct station *from = &lab->station[c->from], *to = &lab->station[c->to];
    unsigned char *bytes = malloc(c->len);
    int rc = 0;

    if (bytes == NULL)
        return -ENOMEM;
    if (vitro_mem_read(from->m, c->from_gpa, bytes, c->len) < 0)
        rc = refuse(lab, from, "copy", c->from_gpa, c->len);
    else if ((dry ? vitro_mem_read(to->m, c->to_gpa, bytes, c->len)
                  : vitro_mem_write(to->m, c->to_gpa, bytes, c->len)) < 0)
        rc = refuse(lab, to, "copy", c->to_gpa, c->len);
    free(bytes);
    return rc;
}

/* Before the first turn, not in the middle of the lab. */
static int check_copies(const struct lab *lab)
{
    int rc = 0;

    for (unsigned i = 0; i < lab->plan->ncopies && rc == 0; i++)
        rc = copy(lab, &lab->plan->copy[i], true);
    return rc;
}

static bool is_due(const struct lab_copy *c, const struct lab_fate *f)
{
    switch (c->when) {
    case LAB_AT_EXIT:
        return f->exits >= c->count;
    case LAB_AT_TURN:
        return f->turns >= c->count;
    case LAB_AT_END:
        return f->ended;
    }
    return false;
}

static int copies(struct lab *lab)
{
    int rc = 0;

    for (unsigned i = 0; i < lab->plan->ncopies && rc == 0; i++) {
        const struct lab_copy *c = &lab->plan->copy[i];

        if (lab->copied[i] || !is_due(c, lab->station[c->of].fate))
            continue;
        lab->copied[i] = true;
        rc = copy(lab, c, false);
    }
    return rc;
}

/* The number of exits at which this machine's turn is interrupted for a copy; 0: none. */
static uint64_t next_mark(const struct lab *lab, const struct station *s)
{
    uint64_t first = 0;

    for (unsigned i = 0; i < lab->plan->ncopies; i++) {
        const struct lab_copy *c = &lab->plan->copy[i];

        if (&lab->station[c->of] == s && c->when == LAB_AT_EXIT && !lab->copied[i] &&
            (first == 0 || c->count < first))
            first = c->count;
    }
    return first;
}

/* The region begins as zeros for all: nothing that was laid into a machine may be under it. */
static int check_shared(struct lab *lab, struct station *s)
{
    const struct lab_plan *p = lab->plan;
    uint64_t used = 0;

    if (p->shared_len == 0)
        return 0;
    if (vitro_mem_read(s->m, p->shared_gpa, lab->shared, p->shared_len) < 0)
        return refuse(lab, s, "shared", p->shared_gpa, p->shared_len);
    while (used < p->shared_len && lab->shared[used] == 0)
        used++;
    memset(lab->shared, 0, p->shared_len);
    if (used == p->shared_len)
        return 0;
    if (lab->err != NULL) {
        *lab->err = (struct vitro_err){ .code = -EINVAL, .kind = VITRO_ERR_USAGE };
        snprintf(lab->err->text, sizeof(lab->err->text),
                 "shared: at 0x%" PRIx64
                 " in machine %s lies what it begins with, code, data or page "
                 "tables: 'vitro map' shows where memory is free",
                 p->shared_gpa + used, s->is->name);
    }
    return -EINVAL;
}

static int give_shared(struct lab *lab, struct station *s)
{
    const struct lab_plan *p = lab->plan;

    if (p->shared_len == 0 || vitro_mem_write(s->m, p->shared_gpa, lab->shared, p->shared_len) == 0)
        return 0;
    return refuse(lab, s, "shared", p->shared_gpa, p->shared_len);
}

static int take_shared(struct lab *lab, struct station *s)
{
    const struct lab_plan *p = lab->plan;

    if (p->shared_len == 0 || vitro_mem_read(s->m, p->shared_gpa, lab->shared, p->shared_len) == 0)
        return 0;
    return refuse(lab, s, "shared", p->shared_gpa, p->shared_len);
}

/* ---- turns ----------------------------------------------------------------------------------- */

static bool goes_on(enum vitro_end end)
{
    return end == VITRO_END_BREAK || end == VITRO_END_COUNT || end == VITRO_END_STOPPED ||
           end == VITRO_END_HELD;
}

/* What ends a turn; 0: this does not. */
struct length {
    uint64_t exits, insns, ms;
};

static uint64_t part(const struct lab_machine *is, uint64_t of)
{
    uint64_t part = is->share != 0 ? of * is->share / 100 : of;

    return part == 0 && of != 0 ? 1 : part;
}

static struct length length_of_turn(const struct lab_plan *p, const struct lab_machine *is)
{
    struct length l = { .exits = p->turn_exits };

    if (p->turn_insns != 0 && lab_counts(is))
        l.insns = part(is, p->turn_insns);
    else if (p->turn_ms != 0)
        l.ms = part(is, p->turn_ms);
    else if (lab_counts(is))
        l.insns = LAB_TURN_INSNS;
    else
        l.ms = LAB_TURN_MS;
    return l;
}

static int run_on(struct station *s, uint64_t exits, uint64_t insns, struct vitro_err *err)
{
    const struct vitro_stop_at stop = { .exits = exits, .insns = insns };
    struct vitro_outcome end;
    int rc = vitro_stop_at(s->m, &stop, err);

    if (rc == 0)
        rc = vitro_run(s->m, &end, err);
    if (rc < 0)
        return rc;
    s->fate->exits = end.exits;
    s->fate->insns = vitro_insns(s->m);
    s->fate->ended = !goes_on(end.end);
    s->fate->end = end.end;
    s->fate->code = end.code;
    return 0;
}

/* To the end of the turn, with a stop at each copy's mark on the way. */
static int run_to_end(struct lab *lab, struct station *s, const struct length *l)
{
    uint64_t exits = l->exits != 0 ? s->fate->exits + l->exits : UINT64_MAX;
    uint64_t insns = l->insns != 0 ? s->fate->insns + l->insns : 0;
    int rc = 0;

    do {
        uint64_t mark = next_mark(lab, s);
        uint64_t stop = mark != 0 && mark < exits ? mark : exits;

        rc = run_on(s, stop == UINT64_MAX ? 0 : stop, insns, lab->err);
        if (rc == 0)
            rc = copies(lab);
    } while (rc == 0 && !s->fate->ended && s->fate->end != VITRO_END_HELD &&
             s->fate->end != VITRO_END_STOPPED && s->fate->exits < exits &&
             (insns == 0 || s->fate->insns < insns));
    return rc;
}

static int run_turn(struct lab *lab, struct station *s)
{
    struct length l = length_of_turn(lab->plan, s->is);
    int rc;

    if (l.ms != 0)
        lab_clock_arm(lab->clock, s->m, l.ms);
    rc = run_to_end(lab, s, &l);
    if (l.ms != 0)
        lab_clock_disarm(lab->clock);
    return rc;
}

static void tell_turn(struct lab *lab, const struct station *s, const struct lab_fate *before)
{
    if (lab->turns == NULL)
        return;
    fprintf(lab->turns, "turn %" PRIu64 ": %s, %" PRIu64 " exit%s", lab->result->turns, s->is->name,
            s->fate->exits - before->exits, s->fate->exits - before->exits == 1 ? "" : "s");
    if (s->fate->insns != 0)
        fprintf(lab->turns, ", %" PRIu64 " instruction%s", s->fate->insns - before->insns,
                s->fate->insns - before->insns == 1 ? "" : "s");
    fprintf(lab->turns, "%s%s\n", s->fate->ended ? ", " : "",
            s->fate->ended ? lab_end_name(s->fate) : "");
}

/* Who looks on sees a turn's output when it is over. */
static int show_output(struct lab *lab)
{
    if (lab->unseen)
        fflush(lab->out);
    lab->unseen = false;
    if (!ferror(lab->out))
        return 0;
    if (lab->err != NULL)
        *lab->err =
            (struct vitro_err){ .code = -EIO, .text = "writing to standard output: failed" };
    return -EIO;
}

static int turn(struct lab *lab, struct station *s)
{
    struct lab_fate before = *s->fate;
    int rc = give_shared(lab, s);

    if (rc == 0)
        rc = run_turn(lab, s);
    if (rc == 0)
        rc = take_shared(lab, s);
    if (rc < 0)
        return rc;
    s->fate->turns++;
    lab->result->turns++;
    if (s->fate->ended && s->len > 0)
        end_line(s);
    tell_turn(lab, s, &before);
    rc = show_output(lab);
    return rc < 0 ? rc : copies(lab);
}

/* Whose turn it is: the schedule's, else the next that has not ended. NULL: nobody's. */
static struct station *whose(struct lab *lab, size_t *at)
{
    const struct lab_plan *p = lab->plan;

    for (; p->schedule != NULL && *at < p->nschedule; ++*at) {
        struct station *s = &lab->station[p->schedule[*at]];

        if (!s->fate->ended) {
            ++*at;
            return s;
        }
    }
    for (unsigned i = 0; p->schedule == NULL && i < p->nmachines; i++) {
        struct station *s = &lab->station[(*at)++ % p->nmachines];

        if (!s->fate->ended)
            return s;
    }
    return NULL;
}

/* ---- machines -------------------------------------------------------------------------------- */

static int open_station(struct lab *lab, unsigned i)
{
    const struct lab_machine *is = &lab->plan->machine[i];
    struct station *s = &lab->station[i];
    const struct vitro_guest_config guest = { .name = is->guest,
                                              .mode = is->mode,
                                              .origin = is->origin };
    const struct vitro_config machine = {
        .name = is->name,
        .engine = is->engine,
        .deterministic = is->engine == VITRO_ENGINE_SOFT,
        .mem_bytes = is->mem,
        .cpus = is->cpus,
        .console_fd = -1,
        .hypercalls = is->hypercalls,
        .files_dir = is->files[0] != '\0' ? is->files : NULL,
        .files_cow = is->files_cow,
        .output = on_output,
        .output_ctx = s,
    };
    int rc = vitro_guest_open(&guest, &s->guest, lab->err);

    s->lab = lab;
    s->is = is;
    s->fate = &lab->result->fate[i];
    if (rc == 0)
        rc = vitro_new(&machine, s->guest, &s->m, lab->err);
    return rc < 0 ? rc : check_shared(lab, s);
}

/* Signals, and the clock if any turn is measured by it. */
static int open_threads(struct lab *lab)
{
    const struct lab_plan *p = lab->plan;
    bool wanted = false;
    int rc = lab_signals_start(&lab->signals);

    for (unsigned i = 0; i < p->nmachines; i++)
        wanted = wanted || length_of_turn(p, &p->machine[i]).ms != 0;
    if (wanted && rc == 0)
        rc = lab_clock_start(&lab->clock);
    if (rc < 0 && lab->err != NULL)
        *lab->err = (struct vitro_err){ .code = rc, .text = "lab: a thread cannot be started" };
    return rc;
}

static void close_lab(struct lab *lab)
{
    lab_clock_end(lab->clock);
    lab_signals_end(lab->signals);
    for (unsigned i = 0; i < lab->plan->nmachines; i++) {
        vitro_free(lab->station[i].m);
        vitro_guest_free(lab->station[i].guest);
    }
    free(lab->shared);
    free(lab);
}

static int out_of_memory(struct vitro_err *err)
{
    if (err != NULL)
        *err = (struct vitro_err){ .code = -ENOMEM, .text = "lab: out of memory" };
    return -ENOMEM;
}

static int take_turns(struct lab *lab)
{
    struct station *s;
    size_t at = 0;
    int rc = 0;

    while (rc == 0 && (s = whose(lab, &at)) != NULL) {
        if (lab->result->turns == lab->plan->turns || lab->put >= LAB_OUTPUT_MAX) {
            lab->result->cut = true;
            break;
        }
        lab->result->stopped = !lab_signals_stop(lab->signals, s->m);
        if (lab->result->stopped)
            break;
        rc = turn(lab, s);
    }
    if (!lab_signals_stop(lab->signals, NULL) && s != NULL)
        lab->result->stopped = true;
    for (unsigned i = 0; i < lab->plan->nmachines; i++) {
        if (lab->station[i].len > 0)
            end_line(&lab->station[i]);
    }
    if (lab->plan->raw && lab->open_line)
        fputc('\n', lab->out);
    return rc;
}

int lab_run(const struct lab_plan *plan, FILE *out, FILE *turns, struct lab_result *result,
            struct vitro_err *err)
{
    struct lab *lab = calloc(1, sizeof(*lab));
    int rc = 0;

    *result = (struct lab_result){ 0 };
    if (lab == NULL)
        return out_of_memory(err);
    *lab = (struct lab){ .plan = plan, .result = result, .out = out, .turns = turns, .err = err };
    if (plan->shared_len > 0 && (lab->shared = calloc(1, plan->shared_len)) == NULL)
        rc = out_of_memory(err);
    if (rc == 0)
        rc = open_threads(lab);
    for (unsigned i = 0; i < plan->nmachines && rc == 0; i++)
        rc = open_station(lab, i);
    if (rc == 0)
        rc = check_copies(lab);
    if (rc == 0)
        rc = take_turns(lab);
    close_lab(lab);
    return rc == -ENOMEM ? out_of_memory(err) : rc;
}

const char *lab_end_name(const struct lab_fate *fate)
{
    static const char *const names[] = {
        [VITRO_END_HALT] = "halted",
        [VITRO_END_GUEST_EXIT] = "ended itself",
        [VITRO_END_POWEROFF] = "switched off",
        [VITRO_END_RESET] = "reset",
        [VITRO_END_SHUTDOWN] = "triple fault",
        [VITRO_END_REFUSED] = "instruction refused",
        [VITRO_END_FAILED] = "could not be entered",
        [VITRO_END_PANIC] = "kernel panic",
    };
    bool known = fate->ended && (size_t)fate->end < sizeof(names) / sizeof(names[0]);

    return known && names[fate->end] != NULL ? names[fate->end] : "did not end";
}
