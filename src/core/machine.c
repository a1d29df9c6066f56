/* SPDX-License-Identifier: MIT */
/* machine.c - the life of a machine: parts added, run, stopped, freed. */
#include "core/machine.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kick.h"

/*
 * machine.stop is reason | (cpu + 1) << 8 | these | code << 32. A reset is not forgotten because somebody wants to stop
 * at the same moment, nor the other way round.
 */
enum {
    ALSO_RESET = 1 << 16, /* the machine is to be reset: by itself */
    BY_BUTTON = 1 << 17,  /* by somebody outside */
    RESETS = ALSO_RESET | BY_BUTTON,
};

static enum stop_reason reason_of(uint64_t request)
{
    return (enum stop_reason)(request & 0xff);
}

const char *stop_reason_text(enum stop_reason why)
{
#define X(name, text) [STOP_##name] = text,
    static const char *const texts[STOP_NREASONS] = { STOP_REASONS(X) };
#undef X

    return texts[why];
}

/*
 * Recursive: a device that asks for registers while its access is dispatched makes the engine call the
 * host, and the event about that call takes the lock again.
 */
static void init_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(lock, &attr);
    pthread_mutexattr_destroy(&attr);
}

int machine_new(const char *name, const struct engine_ops *engine, struct machine **out,
                struct vitro_err *err)
{
    struct machine *m;
    int rc = kick_get(err);

    if (rc < 0)
        return rc;
    m = calloc(1, sizeof(*m));
    if (m == NULL) {
        kick_put();
        return err_set(err, -ENOMEM, "making machine %s: out of memory", name);
    }
    snprintf(m->name, sizeof(m->name), "%s", name);
    m->engine = engine;
    clock_init(&m->clock);
    init_lock(&m->lock);
    pause_init(&m->pause);
    *out = m;
    return 0;
}

void machine_free(struct machine *m)
{
    if (m == NULL)
        return;
    rewind_close(m);
    host_log_fini(&m->host_log);
    outside_fini(&m->outside);
    for (unsigned i = 0; i < m->ncpus; i++)
        vcpu_free(m->cpu[i]);
    for (unsigned i = 0; i < m->ndevs; i++) {
        if (m->dev[i]->ops->free != NULL)
            m->dev[i]->ops->free(m->dev[i]);
    }
    for (unsigned i = 0; i < ENGINE_SEATS; i++) {
        if (m->opened[i] != NULL)
            m->opened[i]->close(m);
    }
    pause_fini(&m->pause);
    pthread_mutex_destroy(&m->lock);
    free(m);
    kick_put();
}

int machine_open(struct machine *m, struct vitro_err *err)
{
    return machine_seat(m, m->engine, err);
}

int machine_add_mem(struct machine *m, const struct mem_slot *slot, struct vitro_err *err)
{
    int rc = mem_add(&m->mem, slot, err);

    for (unsigned i = 0; i < ENGINE_SEATS && rc == 0; i++) {
        if (m->opened[i] != NULL)
            rc = m->opened[i]->mem_added(m, slot, err);
    }
    return rc;
}

int machine_add_dev(struct machine *m, struct dev *dev, struct vitro_err *err)
{
    if (m->ndevs == DEVS_MAX) {
        if (dev->ops->free != NULL)
            dev->ops->free(dev);
        return err_set(err, -ENOSPC, "device %s: more than %d devices", dev->ops->name, DEVS_MAX);
    }
    m->dev[m->ndevs++] = dev;
    return 0;
}

void machine_add_part(struct machine *m, void *at, size_t len)
{
    assert(m->nparts < PARTS_MAX);
    m->part[m->nparts].at = at;
    m->part[m->nparts++].len = len;
}

int machine_add_cpu(struct machine *m, const struct x86_state *start, struct vitro_err *err)
{
    struct vcpu *cpu;
    int rc;

    if (m->ncpus == CPUS_MAX)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "more than %d CPUs", CPUS_MAX);
    rc = vcpu_new(m, m->ncpus, &cpu, err);
    if (rc < 0)
        return rc;
    m->cpu[m->ncpus++] = cpu;
    return m->engine->set(cpu, STATE_REGS | STATE_SREGS, start, err); /* MARK: start-state */
}

/* Of two requests the first is kept, but none is lost beside a reset, and no reset. False: there was another. */
static bool request(struct machine *m, uint64_t want)
{
    uint64_t was = atomic_load(&m->stop), next;

    do {
        if (was == 0)
            next = want;
        else if (reason_of(want) == STOP_RESET)
            next = was | (want & RESETS);
        else if (reason_of(was) == STOP_RESET)
            next = want | (was & RESETS);
        else
            return false;
    } while (!atomic_compare_exchange_weak(&m->stop, &was, next));
    return true;
}

void machine_stop(struct machine *m, enum stop_reason why, uint32_t code, int cpu)
{
    uint64_t want = (uint64_t)why | (uint64_t)(cpu + 1) << 8 | (uint64_t)code << 32;

    assert(why != STOP_NONE);
    if (why == STOP_RESET)
        want |= cpu < 0 ? BY_BUTTON : ALSO_RESET;
    if (!request(m, want))
        return;
    for (unsigned i = 0; i < m->ncpus; i++) {
        if ((int)i != cpu) /* the one that causes it is on its way out already */
            vcpu_kick(m->cpu[i]);
    }
    pthread_mutex_lock(&m->lock);
    pause_look_again(m);
    pthread_mutex_unlock(&m->lock);
}

void machine_fail(struct machine *m, const struct vitro_err *err, int cpu)
{
    assert(err->code < 0);
    pthread_mutex_lock(&m->lock);
    if (m->host_err.code == 0)
        m->host_err = *err;
    m->failed = true;
    pthread_mutex_unlock(&m->lock);
    machine_stop(m, STOP_HOST, 0, cpu);
}

static void *cpu_thread(void *arg)
{
    struct vcpu *cpu = arg;

    pause_enter(cpu->m, false);
    vcpu_loop(cpu);
    pause_leave(cpu->m);
    return NULL;
}

/* Starts vCPUs 1.. and returns how many threads run; a failure stops the machine. */
static unsigned start_threads(struct machine *m, pthread_t *thread)
{
    unsigned n = 0;

    for (unsigned i = 1; i < m->ncpus; i++) {
        int rc = pthread_create(&thread[n], NULL, cpu_thread, m->cpu[i]);

        if (rc != 0) {
            struct vitro_err err = { 0 };

            err_set(&err, -rc, "starting the thread of CPU %u: %s", i, strerror(rc));
            machine_fail(m, &err, (int)i);
            break;
        }
        n++;
    }
    return n;
}

static void start_loop(struct machine *m)
{
    struct vitro_err err = { 0 };

    m->loop_runs = m->loop.ctx != NULL && m->loop.start(m->loop.ctx, &err) == 0;
    if (m->loop.ctx != NULL && !m->loop_runs)
        machine_fail(m, &err, -1);
}

static void stop_loop(struct machine *m)
{
    if (m->loop_runs)
        m->loop.stop(m->loop.ctx);
    m->loop_runs = false;
}

/* No other reason to stop hides a failure of the host's. */
static bool take_failure(struct machine *m)
{
    bool failed;

    pthread_mutex_lock(&m->lock);
    failed = m->failed;
    m->failed = false;
    pthread_mutex_unlock(&m->lock);
    return failed;
}

/* Takes the stop request, tells it to whoever called and to the sink; returns it. */
static uint64_t end_run(struct machine *m, uint64_t start, struct stop *out)
{
    uint64_t stop = atomic_exchange(&m->stop, 0);

    m->run_ns += clock_host_ns(&m->clock) - start;
    *out = (struct stop){
        .why = stop != 0 ? reason_of(stop) : STOP_HALT,
        .cpu = (int)(stop >> 8 & 0xff) - 1,
        .code = (uint32_t)(stop >> 32),
    };
    if (take_failure(m))
        out->why = STOP_HOST;
    if (m->sink.fn != NULL) {
        struct event ev = { .kind = EVENT_STOP,
                            .text = stop_reason_text(out->why),
                            .cpu = out->cpu >= 0 ? (unsigned)out->cpu : 0 };

        machine_emit(m, &ev);
    }
    return stop;
}

static void run_threads(struct machine *m)
{
    pthread_t thread[CPUS_MAX];
    unsigned nthreads;

    start_loop(m);
    nthreads = start_threads(m, thread);
    vcpu_loop(m->cpu[0]);
    pause_leave(m); /* the others may be asked to stand still meanwhile */
    for (unsigned i = 0; i < nthreads; i++)
        pthread_join(thread[i], NULL);
    stop_loop(m);
    pause_enter(m, true);
}

static void run_one(struct machine *m, struct vcpu *cpu)
{
    start_loop(m);
    vcpu_loop(cpu);
    stop_loop(m);
}

/* Until something stops it; returns the request. only: NULL for all. */
static uint64_t run_once(struct machine *m, struct vcpu *only, struct stop *out)
{
    uint64_t start = clock_host_ns(&m->clock), request;

    pause_enter(m, false);
    if (m->clock.counted)
        turns_run(m, only);
    else if (only != NULL)
        run_one(m, only);
    else
        run_threads(m);
    request = end_run(m, start, out);
    pause_leave(m);
    return request;
}

/* ---- resets ---------------------------------------------------------------------------------- */

/* Nothing is left to go on from, or what there is will be looked at. */
static bool is_end(enum stop_reason why)
{
    return why == STOP_HALT || why == STOP_GUEST_EXIT || why == STOP_POWEROFF ||
           why == STOP_PANIC || why == STOP_SHUTDOWN || why == STOP_REFUSED || why == STOP_FAILED ||
           why == STOP_HOST;
}

/* Whoever looks at the machine keeps it as it is meanwhile. */
static int reset(struct machine *m, bool by_button, struct vitro_err *err)
{
    int rc;

    pause_keep(m);
    pause_enter(m, true);
    rc = outside_begin(m, err); /* the instruction that resets has been executed */
    if (rc == 0 && by_button)
        outside_reset(m);
    if (rc == 0)
        rc = m->reset(m->reset_ctx, err);
    for (unsigned i = 0; i < m->ncpus; i++)
        m->cpu[i]->exit = (struct cpu_exit){ .kind = EXIT_KICKED };
    m->resets++;
    pause_leave(m);
    pause_unkeep(m);
    return rc;
}

/* What is stepped, or counts its instructions, has come to where it is to stop with the one that reset it. */
static bool stops_there(const struct machine *m, struct stop *out)
{
    for (unsigned i = 0; i < m->ncpus; i++) {
        struct vcpu *cpu = m->cpu[i];
        bool counted = m->stop_at_insns != 0 && cpu->engine->count(cpu) == m->stop_at_insns;

        if (!cpu->debug.step && !counted)
            continue;
        *out = (struct stop){ .why = cpu->debug.step ? STOP_BREAK : STOP_COUNT, .cpu = (int)i };
        return true;
    }
    return false;
}

/* Whether the run goes on from there. */
static bool begin_anew(struct machine *m, bool by_button, struct stop *out)
{
    struct vitro_err err = { 0 };

    if (is_end(out->why))
        return false;
    if (m->reset == NULL) {
        out->why = STOP_RESET;
        return false;
    }
    if (reset(m, by_button, &err) < 0) {
        m->host_err = err;
        *out = (struct stop){ .why = STOP_HOST, .cpu = -1 };
        return false;
    }
    return out->why == STOP_RESET && !stops_there(m, out);
}

/* The button that is pressed on the way back is not pressed in the past: it waits until the way is over. */
static uint64_t put_off(struct machine *m, uint64_t request)
{
    if (!m->goes_back || !(request & BY_BUTTON))
        return request;
    m->button_waits = true;
    return request & ~(uint64_t)BY_BUTTON;
}

static void run(struct machine *m, struct vcpu *only, struct stop *out)
{
    uint64_t request;
    bool on;

    do {
        request = put_off(m, run_once(m, only, out));
        on = request & RESETS ? begin_anew(m, request & BY_BUTTON, out) : out->why == STOP_RESET;
    } while (on);
}

void machine_run(struct machine *m, struct stop *out)
{
    run(m, NULL, out);
}

void machine_run_cpu(struct machine *m, unsigned cpu, struct stop *out)
{
    run(m, m->cpu[cpu], out);
}

void machine_emit(struct machine *m, struct event *ev)
{
    ev->seq = m->sink.seq++;
    ev->t_ns = clock_ns(&m->clock);
    m->sink.fn(m->sink.ctx, ev);
}

int machine_mark_exits(struct machine *m, struct vitro_err *err)
{
    for (unsigned i = 0; i < m->ncpus; i++) {
        struct vcpu *cpu = m->cpu[i];

        if (cpu->exits_mark == NULL)
            cpu->exits_mark = malloc(sizeof(*cpu->exits_mark));
        if (cpu->exits_mark == NULL)
            return err_set(err, -ENOMEM, "marking the exits of CPU %u: out of memory", i);
        *cpu->exits_mark = cpu->exits;
    }
    return 0;
}

uint64_t machine_exits(const struct machine *m)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < m->ncpus; i++)
        sum += m->cpu[i]->exits.exits;
    return sum;
}
