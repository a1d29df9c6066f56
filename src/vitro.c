/* SPDX-License-Identifier: MIT */
/* vitro.c - the library's face: machines and runs. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "core/kick.h"
#include "dev/debugexit.h"
#include "engine/kvm/kvm.h"
#include "engine/soft/soft.h"
#include "vitro_priv.h"

const char *vitro_version(void)
{
    return VITRO_VERSION;
}

int vitro_kick_signal(void)
{
    return kick_signal();
}

/* ---- making ---------------------------------------------------------------------------------- */

/* What a guest gets when nobody says: the base case's 2 MiB, more for larger images, 64 MiB for ELF. */
static uint64_t default_memory(const struct image *img)
{
    uint64_t least = img->kind == IMAGE_ELF ? 64 * MIB : 2 * MIB;
    uint64_t end = image_end(img);

    if (image_boots(img->kind))
        return 512 * MIB;
    if (end > GIB - 2 * MIB || end + MIB <= least)
        return least; /* far too high an address is refused when the image is placed */
    return (end + MIB + 2 * MIB - 1) & ~(2 * MIB - 1);
}

static_assert((int)VITRO_HYPERCALLS_ON == (int)HYPERCALL_BASIC &&
                  (int)VITRO_HYPERCALLS_HOST_ADDR == (int)HYPERCALL_HOST_ADDR,
              "what is allowed is passed on as a number");

static unsigned hypercalls_allowed(const struct vitro_config *cfg, const struct vitro_guest *guest)
{
    if (cfg->hypercalls != 0)
        return cfg->hypercalls;
    if (guest->builtin == NULL || !guest->builtin->hypercalls)
        return 0;
    return VITRO_HYPERCALLS_ON | (cfg->deterministic ? 0 : VITRO_HYPERCALLS_HOST_ADDR);
}

static int check_machine(const struct vitro_config *cfg, struct vitro_err *err)
{
    if (cfg->debug_exit_port < VITRO_DEBUG_EXIT_OFF ||
        cfg->debug_exit_port > 0x10000 - DEBUGEXIT_LEN)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "debug exit at port %d: 1 to %d",
                         cfg->debug_exit_port, 0x10000 - DEBUGEXIT_LEN);
    return 0;
}

static int check_deterministic(const struct vitro_config *cfg, struct vitro_err *err)
{
    const char *what = cfg->seed != 0 ? "a seed" : "hashes of the state";

    if (!cfg->deterministic && (cfg->seed != 0 || cfg->hash_every != 0))
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "%s: only a run that can be repeated has use for it; add --deterministic",
                         what);
    if (!cfg->deterministic && cfg->checkpoint_bytes != 0)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "checkpoints: only a run that can be repeated can go back; add "
                         "--deterministic");
    if (cfg->deterministic && cfg->hypercalls & VITRO_HYPERCALLS_HOST_ADDR)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "host addresses differ from run to run: not with --deterministic");
    return 0;
}

/* What other CPUs write meanwhile cannot be taken back. */
static int check_translate(const struct vitro_config *cfg, struct vitro_err *err)
{
    if (!(cfg->translate & VITRO_TRANSLATE_CHECK))
        return 0;
    if (cfg->tier == VITRO_TIER_INTERP)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "checking translated code: tier interp translates nothing");
    if (cfg->cpus > 1)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "checking translated code: only with one CPU");
    return 0;
}

static int debug_exit_port(const struct vitro_config *cfg, const struct vitro_guest *guest)
{
    if (cfg->debug_exit_port != VITRO_DEBUG_EXIT_DEFAULT)
        return cfg->debug_exit_port;
    return guest->builtin != NULL ? DEBUGEXIT_PORT : -1;
}

static int open_files(struct vitro *m, const struct vitro_config *cfg, struct vitro_err *err)
{
    if (cfg->files_dir == NULL)
        return cfg->files_cow ? err_class(err, VITRO_ERR_USAGE, -EINVAL,
                                          "private copies of files: no directory is given; add "
                                          "--files DIR")
                              : 0;
    if (hypercalls_allowed(cfg, m->guest) == 0)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "directory %s: guest %s has no hypercall device to use it with; add "
                         "--hypercalls",
                         cfg->files_dir, m->guest->name);
    return files_open(cfg->files_dir, cfg->files_cow, &m->files, err);
}

/* The board that the guest's kind wants. */
static int new_board(const struct board_config *cfg, struct board **out, struct vitro_err *err)
{
    return image_boots(cfg->image->kind) ? pc_new(cfg, out, err) : bare_new(cfg, out, err);
}

static int make_board(struct vitro *m, const struct vitro_config *cfg, struct vitro_err *err)
{
    const struct vitro_guest *guest = m->guest;
    struct board_config board = {
        .name = cfg->name != NULL ? cfg->name : guest->name,
        .sink = cfg->event != NULL ? pass_event : NULL,
        .sink_ctx = m,
        .image = &guest->image,
        .mem_bytes = cfg->mem_bytes != 0 ? cfg->mem_bytes : default_memory(&guest->image),
        .page_bytes = cfg->page_bytes != 0     ? cfg->page_bytes
                      : guest->builtin != NULL ? guest->builtin->page_bytes
                                               : 0,
        .ncpus = cfg->cpus != 0 ? cfg->cpus : 1,
        .console_fd = cfg->console_fd != 0 ? cfg->console_fd : 1,
        .output = cfg->output,
        .output_ctx = cfg->output_ctx,
        .debug_exit_port = debug_exit_port(cfg, guest),
        .cpuid = guest->builtin == NULL || cfg->cpu != NULL,
        .hypercalls = hypercalls_allowed(cfg, guest),
        .tier = cfg->tier == VITRO_TIER_INTERP  ? TIER_INTERP
                : cfg->tier == VITRO_TIER_TRANS ? TIER_TRANS
                                                : TIER_AUTO,
        .translate = (cfg->translate & VITRO_TRANSLATE_CHECK ? TRANSLATE_CHECK : 0) |
                     (cfg->translate & VITRO_TRANSLATE_COUNT ? TRANSLATE_COUNT : 0) |
                     (cfg->translate & VITRO_TRANSLATE_PERF ? TRANSLATE_PERF : 0),
        .counted = cfg->deterministic,
        .seed = cfg->seed,
        .cmdline = m->cmdline,
        .initrd = m->initrd != NULL ? &m->initrd_module : NULL,
        .module = m->module,
        .nmodules = m->nmodules,
        .screen = cfg->screen,
    };
    struct vitro_err first = { 0 };
    int rc;

    rc = choose_engine(m, cfg, board.page_bytes, &board.engine, err);
    if (rc < 0)
        return rc;
    board.helper = helper_of(board.engine);
    board.cpu_model = cpu_model_for(m, board.engine);
    if (m->files != NULL)
        board.files = files_iface(m->files);
    if (cfg->engine != VITRO_ENGINE_AUTO)
        return new_board(&board, &m->board, err);
    rc = new_board(&board, &m->board, &first);
    board.helper = NULL; /* what is fallen back to refuses nothing */
    if (rc < 0 && first.kind == VITRO_ERR_ENGINE && fall_back(m, &board.engine, &first)) {
        board.cpu_model = cpu_model_for(m, board.engine);
        return new_board(&board, &m->board, err);
    }
    if (rc < 0 && err != NULL && err->code == 0)
        *err = first;
    return rc;
}

/* To the line that says which engine was taken. */
static void tell_untranslated(struct vitro *m)
{
    const struct machine *machine = m->board->m;
    size_t len = strlen(m->engine_why);

    if (machine->engine == &soft_engine && machine->untranslated.code != 0)
        snprintf(m->engine_why + len, sizeof(m->engine_why) - len, "; interpreted only: %s",
                 machine->untranslated.text);
}

int vitro_new(const struct vitro_config *cfg, const struct vitro_guest *guest, struct vitro **out,
              struct vitro_err *err)
{
    struct vitro *m = calloc(1, sizeof(*m));
    int rc;

    if (m == NULL)
        return err_set(err, -ENOMEM, "making a machine: out of memory");
    m->guest = guest;
    m->event = cfg->event;
    m->event_ctx = cfg->event_ctx;
    m->config = *cfg;
    m->config.name = m->config.files_dir = NULL; /* borrowed for the call only */
    m->config.event = NULL;
    m->config.cpu = NULL;
    m->config.output = NULL;
    rc = check_machine(cfg, err);
    if (rc == 0)
        rc = check_deterministic(cfg, err);
    if (rc == 0)
        rc = check_translate(cfg, err);
    if (rc == 0)
        rc = open_files(m, cfg, err);
    if (rc == 0)
        rc = boot_open(m, cfg, err);
    if (rc == 0)
        rc = symbols_open(m, cfg, err);
    if (rc == 0)
        rc = cpu_choose(m, cfg, err);
    if (rc == 0)
        rc = make_board(m, cfg, err);
    if (rc < 0) {
        vitro_free(m);
        return rc;
    }
    m->board->m->turns.hash_every = cfg->hash_every;
    tell_untranslated(m);
    if (cfg->checkpoint_bytes != 0)
        rc = rewind_open(m->board->m, &(struct rewind_config){ .bytes = cfg->checkpoint_bytes },
                         err);
    if (rc < 0) {
        vitro_free(m);
        return rc;
    }
    *out = m;
    return 0;
}

void vitro_free(struct vitro *m)
{
    if (m == NULL)
        return;
    board_free(m->board);
    files_close(m->files);
    free(m->watch);
    free(m->cpu_text);
    boot_close(m);
    symbols_close(m);
    free(m);
}

/* ---- running --------------------------------------------------------------------------------- */

static const enum vitro_end end_of[STOP_NREASONS] = {
    [STOP_HALT] = VITRO_END_HALT,         [STOP_GUEST_EXIT] = VITRO_END_GUEST_EXIT,
    [STOP_SHUTDOWN] = VITRO_END_SHUTDOWN, [STOP_REFUSED] = VITRO_END_REFUSED,
    [STOP_FAILED] = VITRO_END_FAILED,     [STOP_BREAK] = VITRO_END_BREAK,
    [STOP_COUNT] = VITRO_END_COUNT,       [STOP_USER] = VITRO_END_STOPPED,
    [STOP_TIMEOUT] = VITRO_END_TIMEOUT,   [STOP_POWEROFF] = VITRO_END_POWEROFF,
    [STOP_RESET] = VITRO_END_RESET,       [STOP_PANIC] = VITRO_END_PANIC,
    [STOP_HELD] = VITRO_END_HELD,
};

/* Of the last instruction that left the guest; a CPU that was kicked out is asked where it is. */
static uint64_t last_rip(struct vcpu *cpu)
{
    struct x86_state state;

    if (cpu->exit.kind != EXIT_KICKED || cpu->engine->get(cpu, STATE_REGS, &state, NULL) < 0)
        return cpu->exit.rip;
    return state.rip;
}

static const char *watch_words(const struct cpu_exit *x, char *buf, size_t len)
{
    static const char *const what[] = { "", "read", "written", "read and written" };

    snprintf(buf, len, "watchpoint: %u byte%s at 0x%" PRIx64 " %s", x->watch_len,
             x->watch_len == 1 ? "" : "s", x->data, what[x->watch_how & 3]);
    return buf;
}

static void count_help(const struct machine *machine, struct vitro_outcome *out)
{
    for (unsigned i = 0; i < machine->ncpus; i++) {
        const struct help *h = &machine->cpu[i]->help;

        out->refused += h->refused;
        out->helped += h->helped;
        out->kept |= h->for_good;
        if (h->debugs)
            out->debugged = h->why.text;
    }
}

static void fill_outcome(const struct vitro *m, const struct stop *stop, struct vitro_outcome *out)
{
    const struct machine *machine = m->board->m;
    struct vcpu *cpu = machine->cpu[stop->cpu >= 0 ? stop->cpu : 0];
    const struct cpu_exit *x = &cpu->exit;
    const char *why = stop_reason_text(stop->why);
    char words[96];

    *out = (struct vitro_outcome){
        .end = end_of[stop->why],
        .code = stop->code,
        .cpu = stop->cpu,
        .rip = last_rip(cpu),
        .exits = machine_exits(machine),
        .run_ns = machine->run_ns,
        .dropped = m->board->console.dropped,
        .output_error = m->board->console.error,
        .open_line = m->board->console.open_line,
        .detail = x->detail,
    };
    count_help(machine, out);
    if (stop->why == STOP_BREAK && x->watch_how != 0) {
        out->watch_addr = x->data;
        out->watch_len = x->watch_len;
        out->watch_how = x->watch_how;
        why = watch_words(x, words, sizeof(words));
    }
    if (stop->why == STOP_PANIC) {
        snprintf(out->panic, sizeof(out->panic), "%s",
                 panic_seen(m->board->panic) ? m->board->panic->text : boot_gave_up(m, out->rip));
        panic_last_lines(m->board->panic, out->panic_lines, sizeof(out->panic_lines));
    }
    if (stop->why == STOP_HALT && machine->ncpus == 1)
        why = "halted";
    snprintf(out->text, sizeof(out->text), "%s%s%s at rip 0x%" PRIx64 " after %" PRIu64 " exit%s",
             why, x->detail != NULL ? ": " : "", x->detail != NULL ? x->detail : "", out->rip,
             out->exits, out->exits == 1 ? "" : "s");
}

static const char *gave_up(const struct vitro *m, const struct stop *stop)
{
    return stop->why == STOP_HALT && m->board->panic != NULL
               ? boot_gave_up(m, last_rip(m->board->m->cpu[0]))
               : NULL;
}

/* A kernel that has panicked may halt for good, or end in a triple fault, which is how some reset a PC. */
static bool is_panic(const struct vitro *m, const struct stop *stop)
{
    return (stop->why == STOP_HALT || stop->why == STOP_SHUTDOWN) && m->board->panic != NULL &&
           panic_seen(m->board->panic);
}

int end_run(const struct vitro *m, struct stop *stop, struct vitro_outcome *out,
            struct vitro_err *err)
{
    const struct machine *machine = m->board->m;

    chr_fd_settle(&m->board->console);
    if (is_panic(m, stop) || gave_up(m, stop) != NULL)
        stop->why = STOP_PANIC;

    if (stop->why == STOP_HOST) {
        if (err != NULL && err->code == 0)
            *err = machine->host_err;
        return machine->host_err.code;
    }
    pause_enter(m->board->m, true); /* reads registers, which nobody else does meanwhile */
    fill_outcome(m, stop, out);
    pause_leave(m->board->m);
    return 0;
}

int vitro_run(struct vitro *m, struct vitro_outcome *out, struct vitro_err *err)
{
    struct machine *machine = m->board->m;
    struct stop stop;

    m->has_run = true;
    machine_run(machine, &stop);
    while (stop.why == STOP_RESET && m->reboots) {
        int rc;

        pause_keep(machine); /* whoever looks has the symbols in his hands */
        pause_enter(machine, true);
        symtab_fini(m->kernel_symbols); /* it will move itself elsewhere */
        rewind_cut(machine);
        rc = m->board->reset(m->board, err);
        pause_leave(machine);
        pause_unkeep(machine);
        if (rc < 0)
            return rc;
        machine_run(machine, &stop);
    }
    return end_run(m, &stop, out, err);
}

void vitro_stop(struct vitro *m, enum vitro_stop_kind kind)
{
    static const enum stop_reason why[] = {
        [VITRO_STOP_USER] = STOP_USER,
        [VITRO_STOP_TIMEOUT] = STOP_TIMEOUT,
        [VITRO_STOP_HOLD] = STOP_HELD,
    };

    machine_stop(m->board->m, why[kind], 0, -1);
}

static int set_debug(struct machine *machine, const struct cpu_debug *dbg, struct vitro_err *err)
{
    int rc = 0;

    for (unsigned i = 0; i < machine->ncpus && rc == 0; i++)
        rc = vcpu_debug(machine->cpu[i], dbg, err);
    return rc;
}

static_assert((int)VITRO_WATCH_READ == (int)WATCH_READ &&
                  (int)VITRO_WATCH_WRITE == (int)WATCH_WRITE,
              "kinds of access are passed on as numbers");

/* The list as the engine wants it; the caller frees it. */
static int copy_watches(const struct vitro_stop_at *where, struct watchpoint **out,
                        struct vitro_err *err)
{
    struct watchpoint *list = NULL;

    if (where->nwatches > 0)
        list = calloc(where->nwatches, sizeof(*list));
    if (where->nwatches > 0 && list == NULL)
        return err_set(err, -ENOMEM, "setting %u watchpoints: out of memory", where->nwatches);
    for (unsigned i = 0; i < where->nwatches; i++) {
        const struct vitro_watch *w = &where->watches[i];

        if (w->len == 0 || w->len - 1 > UINT64_MAX - w->addr ||
            w->how & ~(unsigned)(VITRO_WATCH_READ | VITRO_WATCH_WRITE)) {
            free(list);
            return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                             "watching %" PRIu64 " bytes at 0x%" PRIx64 ": no such range or access",
                             w->len, w->addr);
        }
        list[i] = (struct watchpoint){ w->addr, w->len, w->how != 0 ? w->how : WATCH_WRITE };
    }
    *out = list;
    return 0;
}

int vitro_stop_at(struct vitro *m, const struct vitro_stop_at *where, struct vitro_err *err)
{
    struct cpu_debug dbg = { 0 };
    struct watchpoint *watch = NULL;
    int rc;

    if (where->naddrs > BREAKS_MAX)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "stopping at %u addresses: at most %d",
                         where->naddrs, BREAKS_MAX);
    if (where->insns != 0 && !m->board->m->engine->counts_insns)
        return err_class(err, VITRO_ERR_ENGINE, -ENOTSUP,
                         "stopping after %" PRIu64 " instructions: %s does not count them; try "
                         "--engine soft",
                         where->insns, m->board->m->engine->name);
    rc = copy_watches(where, &watch, err);
    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < where->naddrs; i++)
        dbg.brk[dbg.nbreaks++] = (struct breakpoint){ .addr = where->addrs[i] };
    dbg.watch = watch;
    dbg.nwatches = where->nwatches;
    rc = set_debug(m->board->m, &dbg, err);
    if (rc < 0) {
        set_debug(m->board->m, &m->debug, NULL); /* what was set before has worked */
        free(watch);
        return rc;
    }
    free(m->watch);
    m->watch = watch;
    m->board->m->stop_at_exits = where->exits;
    m->board->m->stop_at_insns = where->insns;
    m->debug = dbg;
    return 0;
}

int vitro_step(struct vitro *m, unsigned cpu, struct vitro_outcome *out, struct vitro_err *err)
{
    const struct cpu_debug step = { .step = true };
    struct machine *machine = m->board->m;
    uint64_t stop_at_exits = machine->stop_at_exits;
    struct stop stop;
    int rc, back;

    if (cpu >= machine->ncpus)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "stepping CPU %u: the machine has %u", cpu,
                         machine->ncpus);
    rc = vcpu_debug(machine->cpu[cpu], &step, err);
    if (rc < 0)
        return rc;
    m->has_run = true;
    machine->stop_at_exits = 0; /* the trap that ends a step is an exit too, but not one to count */
    if (machine->rewind != NULL) /* in turns, as they would have come anyway */
        machine_run(machine, &stop);
    else
        machine_run_cpu(machine, cpu, &stop);
    machine->stop_at_exits = stop_at_exits;
    rc = end_run(m, &stop, out, err);
    back = vcpu_debug(machine->cpu[cpu], &m->debug, rc == 0 ? err : NULL);
    return rc < 0 ? rc : back;
}

int vitro_state_hash(struct vitro *m, uint64_t *insns, uint64_t *hash, struct vitro_err *err)
{
    struct machine *machine = m->board->m;

    *insns = vitro_insns(m);
    return machine_hash(machine, hash, err);
}

uint64_t vitro_insns(const struct vitro *m)
{
    const struct machine *machine = m->board->m;

    return machine->clock.counted ? turns_insns(machine) : 0;
}

int vitro_mem_read(const struct vitro *m, uint64_t gpa, void *buf, size_t len)
{
    return mem_get(&m->board->m->mem, gpa, buf, len) ? 0 : -EFAULT;
}

int vitro_mem_write(struct vitro *m, uint64_t gpa, const void *buf, size_t len)
{
    struct machine *machine = m->board->m;

    if (m->has_run && outside_begin(machine, NULL) < 0)
        rewind_cut(machine);
    if (!mem_put(&machine->mem, gpa, buf, len))
        return -EFAULT;
    if (m->has_run)
        machine_wrote(machine, gpa, buf, len);
    return 0;
}

const char *vitro_engine_name(const struct vitro *m)
{
    return m->board->m->engine->name;
}

const char *vitro_engine_why(const struct vitro *m)
{
    return m->engine_why;
}
