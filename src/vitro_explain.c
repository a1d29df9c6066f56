/* SPDX-License-Identifier: MIT */
/* vitro_explain.c - builds and runs a machine, and collects what the standard questions ask. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "core/mem_phys.h"
#include "inspect/explain.h"
#include "vitro_priv.h"
#include "x86/walk.h"

enum { TREE_BUDGET = 1 << 20, RESULT_GPA = 0x400, EXITS_LIMIT = 100000, TIME_LIMIT_S = 10 };

/* ---- before the run -------------------------------------------------------------------------- */

static int collect_spaces(struct vitro *m, struct explain *x, struct vitro_err *err)
{
    struct run_area area;
    size_t n;
    int rc = vitro_map(m, x->range, EXPLAIN_RANGES, &n, err);

    x->nranges = n < EXPLAIN_RANGES ? (unsigned)n : EXPLAIN_RANGES;
    for (unsigned i = 0; i < x->nranges; i++) {
        if (x->range[i].is_slot && x->mem_bytes == 0) {
            x->mem_bytes = x->range[i].len;
            x->mem_host = x->range[i].host;
        }
    }
    m->board->m->engine->run_area(m->board->m->cpu[0], &area);
    x->run_area_host = (uintptr_t)area.host;
    x->run_area_len = area.len;
    x->run_area_what = area.what;
    return rc;
}

static void note_table(struct explain *x, const char *name, gpa_t gpa)
{
    for (unsigned i = 0; i < x->ntables; i++) {
        if (x->table[i].gpa == gpa) {
            x->table[i].present++;
            return;
        }
    }
    if (x->ntables == EXPLAIN_TABLES) {
        x->cut = true;
        return;
    }
    x->table[x->ntables++] = (struct explain_table){ name, gpa, 1 };
}

/* Joins a leaf to the mapping before it when both go on without a step. */
static void note_mapping(struct explain *x, const struct x86_tree_node *node)
{
    struct explain_mapping *last = x->nmappings > 0 ? &x->mapping[x->nmappings - 1] : NULL;

    x->mapped_bytes += node->bytes;
    if (last != NULL && last->gva + last->bytes == node->gva &&
        last->gpa + last->bytes == node->gpa && last->writable == node->writable &&
        last->user == node->user && last->executable == node->executable &&
        last->page_bytes == node->bytes) {
        last->bytes += node->bytes;
        return;
    }
    if (x->nmappings == EXPLAIN_MAPPINGS) {
        x->cut = true;
        return;
    }
    x->mapping[x->nmappings++] = (struct explain_mapping){
        .gva = node->gva,
        .gpa = node->gpa,
        .bytes = node->bytes,
        .page_bytes = node->bytes,
        .writable = node->writable,
        .user = node->user,
        .executable = node->executable,
    };
}

static bool on_node(void *ctx, const struct x86_tree_node *node)
{
    struct explain *x = ctx;

    if (node->step.gpa != UINT64_MAX)
        note_table(x, x86_level_name(node->step.level), node->step.gpa & ~UINT64_C(0xfff));
    if (node->leaf)
        note_mapping(x, node);
    return true;
}

static int collect_paging(struct vitro *m, struct explain *x, struct vitro_err *err)
{
    struct machine *machine = m->board->m;
    struct x86_phys phys = mem_phys(&machine->mem);
    struct vitro_walk at_zero, beyond;
    struct x86_paging_regs regs;
    struct x86_state state;
    enum x86_paging form;
    int rc = machine->cpu[0]->engine->get(machine->cpu[0], STATE_SREGS, &state, err);

    if (rc < 0)
        return rc;
    x86_paging_regs_from(&state, 52, &regs);
    form = x86_paging_form(&regs);
    x->paging = x86_paging_name(form);
    x->levels_of_mode = x86_paging_levels(form);
    x->gva_bits = form == X86_PG_NONE     ? 0
                  : form == X86_PG_4LEVEL ? 48
                  : form == X86_PG_5LEVEL ? 57
                                          : 32;
    if (x86_walk_tree(&regs, &phys, 0, UINT64_MAX, TREE_BUDGET, on_node, x) == X86_TREE_CUT)
        x->cut = true;
    rc = vitro_walk(m, 0, x->start.rip, &at_zero, err);
    if (rc < 0)
        return rc;
    x->levels_used = at_zero.nsteps;
    if (x->nmappings > 0) {
        x->beyond = x->mapping[0].gva + x->mapping[0].bytes;
        rc = vitro_walk(m, 0, x->beyond, &beyond, err);
        x->beyond_why = rc == 0 && !beyond.mapped ? beyond.why : NULL;
    }
    return rc;
}

/* ---- the run --------------------------------------------------------------------------------- */

/* Ends a guest that does not end by itself. */
struct limit {
    struct vitro *m;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool over; /* guarded by lock */
};

static void *limit_thread(void *arg)
{
    struct limit *l = arg;
    struct timespec at;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += TIME_LIMIT_S;
    pthread_mutex_lock(&l->lock);
    while (!l->over && rc == 0)
        rc = pthread_cond_clockwait(&l->cond, &l->lock, CLOCK_MONOTONIC, &at);
    pthread_mutex_unlock(&l->lock);
    if (rc != 0)
        vitro_stop(l->m, VITRO_STOP_TIMEOUT);
    return NULL;
}

static int limit_start(struct limit *l, struct vitro *m, struct vitro_err *err)
{
    int rc;

    *l = (struct limit){ .m = m };
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->cond, NULL);
    rc = pthread_create(&l->thread, NULL, limit_thread, l);
    return rc != 0 ? err_set(err, -rc, "explain: starting a thread: %s", strerror(rc)) : 0;
}

static void limit_end(struct limit *l)
{
    pthread_mutex_lock(&l->lock);
    l->over = true;
    pthread_cond_signal(&l->cond);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
}

/* To the first exit, so that rip before and after it can be told; then to the end. */
static int run_it(struct vitro *m, struct explain *x, struct vitro_err *err)
{
    struct machine *machine = m->board->m;
    const struct cpu_exit *first = &machine->cpu[0]->exit;
    struct run_area area;
    struct vitro_regs regs;
    int rc = vitro_stop_at(m, &(struct vitro_stop_at){ .exits = 1 }, err);

    if (rc == 0)
        rc = vitro_run(m, &x->end, err);
    if (rc < 0)
        return rc;
    if (x->end.end == VITRO_END_COUNT) {
        x->has_first = true;
        x->first_rip = first->rip;
        x->first_reason = exit_kind_name(first->kind);
        machine->engine->run_area(machine->cpu[0], &area);
        x->out_buffer_offset = area.io_offset;
        if (first->kind == EXIT_PIO && first->write && area.io_offset < area.len)
            x->out_byte = *((const uint8_t *)area.host + area.io_offset);
        rc = vitro_regs(m, 0, &regs, err);
        if (rc < 0)
            return rc;
        x->next_rip = regs.rip;
        rc = vitro_stop_at(m, &(struct vitro_stop_at){ .exits = EXITS_LIMIT }, err);
        if (rc == 0)
            rc = vitro_run(m, &x->end, err);
    }
    return rc;
}

/* ---- after the run --------------------------------------------------------------------------- */

static int collect_exits(struct vitro *m, struct explain *x, struct vitro_err *err)
{
    struct vitro_exit_row rows[ARRAY_LEN(x->exit) + 1];
    size_t n;
    int rc = vitro_exits(m, rows, ARRAY_LEN(rows), &n, err);

    for (size_t i = 0; i < n && i < ARRAY_LEN(rows); i++) {
        const struct vitro_exit_row *row = &rows[i];

        if (strcmp(row->reason, "kicked") == 0) /* our doing, not the guest's */
            continue;
        if (x->nexits < ARRAY_LEN(x->exit))
            x->exit[x->nexits++] = *row;
        if (row->write && row->device != NULL && strcmp(row->device, "debugcon") == 0) {
            x->out_port = row->addr;
            x->out_exits += row->exits;
            x->out_width = 1;
        }
    }
    return rc;
}

/* The word at 0x400, which the base case's guests leave there, and who put it. */
static void collect_result(struct vitro *m, struct explain *x, const struct vitro_guest *guest)
{
    const struct image_part *part = &guest->image.part[0];
    const uint8_t *host = mem_host(&m->board->m->mem, RESULT_GPA, 8, false);
    unsigned bits = guest->image.start == X86_START_REAL   ? 16
                    : guest->image.start == X86_START_LONG ? 64
                                                           : 32;

    if (host == NULL)
        return;
    x->store = explain_find_store(part->bytes, part->len, part->gpa, RESULT_GPA, bits);
    if (x->store.text[0] == '\0')
        return;
    x->has_result = true;
    x->result_gpa = RESULT_GPA;
    x->result_host = (uintptr_t)host;
    x->result = le_get(host, 4);
}

static void collect_output(struct explain *x, int fd)
{
    off_t len = lseek(fd, 0, SEEK_CUR);
    ssize_t n = pread(fd, x->output, len < EXPLAIN_OUTPUT ? (size_t)len : EXPLAIN_OUTPUT, 0);

    x->output_len = n > 0 ? (unsigned)n : 0;
}

static bool shut_down(enum vitro_end end)
{
    return end == VITRO_END_SHUTDOWN || end == VITRO_END_REFUSED || end == VITRO_END_FAILED;
}

static int collect(struct vitro *m, const struct vitro_guest *guest, struct explain *x,
                   struct vitro_err *err)
{
    struct vitro_regs regs;
    struct limit limit;
    int rc = vitro_regs(m, 0, &x->start, err);

    x->guest = guest->shown;
    x->mode = x86_start_names[guest->image.start];
    x->engine = vitro_engine_name(m);
    x->engine_why = vitro_engine_why(m);
    x->cs = x->start.seg[X86_CS];
    if (rc == 0)
        rc = collect_spaces(m, x, err);
    if (rc == 0)
        rc = collect_paging(m, x, err);
    if (rc == 0)
        rc = limit_start(&limit, m, err);
    if (rc == 0) {
        rc = run_it(m, x, err);
        limit_end(&limit);
    }
    if (rc == 0)
        rc = collect_exits(m, x, err);
    x->has_chain = rc == 0 && shut_down(x->end.end) && x->end.cpu >= 0 &&
                   vitro_chain(m, (unsigned)x->end.cpu, &x->chain, NULL) == 0;
    if (rc == 0)
        rc = vitro_regs(m, 0, &regs, err);
    if (rc == 0) {
        x->rax = regs.gpr[X86_RAX];
        collect_result(m, x, guest);
    }
    return rc;
}

/* A file that keeps the beginning of the output and cannot grow; -1 on failure. */
static int open_keep(void)
{
    int fd = memfd_create("guest output", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 && (ftruncate(fd, EXPLAIN_OUTPUT) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int vitro_explain(const struct vitro_guest *guest, const struct vitro_config *cfg,
                  const struct vitro_style *style, char **out, struct vitro_err *err)
{
    int console = open_keep();
    struct explain *x = calloc(1, sizeof(*x));
    struct vitro_config mine = *cfg;
    struct vitro *m = NULL;
    int rc;

    if (console < 0 || x == NULL) {
        rc = err_set(err, -ENOMEM, "explain: out of memory");
        goto out;
    }
    mine.console_fd = console;
    rc = vitro_new(&mine, guest, &m, err);
    if (rc == 0)
        rc = collect(m, guest, x, err);
    if (rc == 0) {
        collect_output(x, console);
        rc = explain_show(x, style, out, err);
    }
out:
    vitro_free(m);
    free(x);
    if (console >= 0)
        close(console);
    return rc;
}
