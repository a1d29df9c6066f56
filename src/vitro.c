/* SPDX-License-Identifier: MIT */
/* vitro.c - the library's face: machines. vitro_run.c has what they do. */
#include <assert.h>
#include <errno.h>
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

static int check_translate(const struct vitro_config *cfg, struct vitro_err *err)
{
    if (!(cfg->translate & VITRO_TRANSLATE_CHECK))
        return 0;
    if (cfg->tier == VITRO_TIER_INTERP)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "checking translated code: tier interp translates nothing; take another");
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

static enum engine_tier tier_of(enum vitro_tier tier)
{
    return tier == VITRO_TIER_INTERP  ? TIER_INTERP
           : tier == VITRO_TIER_TRANS ? TIER_TRANS
                                      : TIER_AUTO;
}

static unsigned translate_of(unsigned translate)
{
    return (translate & VITRO_TRANSLATE_CHECK ? TRANSLATE_CHECK : 0) |
           (translate & VITRO_TRANSLATE_COUNT ? TRANSLATE_COUNT : 0) |
           (translate & VITRO_TRANSLATE_PERF ? TRANSLATE_PERF : 0);
}

static uint64_t page_bytes_of(const struct vitro_config *cfg, const struct vitro_guest *guest)
{
    if (cfg->page_bytes != 0)
        return cfg->page_bytes;
    return guest->builtin != NULL ? guest->builtin->page_bytes : 0;
}

/* All but what follows from the engine. */
static struct board_config board_config_of(struct vitro *m, const struct vitro_config *cfg,
                                           const struct boot_held *held)
{
    const struct vitro_guest *guest = m->guest;

    return (struct board_config){
        .name = cfg->name != NULL ? cfg->name : guest->name,
        .sink = cfg->event != NULL ? pass_event : NULL,
        .sink_ctx = m,
        .image = &held->image,
        .origin = held->origin,
        .norigins = held->n,
        .mem_bytes = cfg->mem_bytes != 0 ? cfg->mem_bytes : default_memory(&guest->image),
        .page_bytes = page_bytes_of(cfg, guest),
        .ncpus = cfg->cpus != 0 ? cfg->cpus : 1,
        .console_fd = cfg->console_fd != 0 ? cfg->console_fd : 1,
        .output = cfg->output,
        .output_ctx = cfg->output_ctx,
        .debug_exit_port = debug_exit_port(cfg, guest),
        .cpuid = guest->builtin == NULL || cfg->cpu != NULL,
        .hypercalls = hypercalls_allowed(cfg, guest),
        .files = m->files != NULL ? files_iface(m->files) : (struct files){ 0 },
        .tier = tier_of(cfg->tier),
        .translate = translate_of(cfg->translate),
        .counted = cfg->deterministic,
        .seed = cfg->seed,
        .cmdline = m->cmdline,
        .initrd = m->initrd != NULL ? &m->initrd_module : NULL,
        .module = m->module,
        .nmodules = m->nmodules,
        .screen = cfg->screen,
    };
}

static int make_board(struct vitro *m, const struct vitro_config *cfg, const struct boot_held *held,
                      struct vitro_err *err)
{
    struct board_config board = board_config_of(m, cfg, held);
    struct vitro_err first = { 0 };
    int rc = choose_engine(m, cfg, board.page_bytes, &board.engine, err);

    if (rc < 0)
        return rc;
    board.helper = helper_of(board.engine);
    board.cpu_model = cpu_model_for(m, board.engine);
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

/* With what it is made from in memory. */
static int load(struct vitro *m, const struct vitro_config *cfg, struct vitro_err *err)
{
    struct boot_held held;
    int rc = boot_hold(m, &held, err);

    if (rc == 0)
        rc = make_board(m, cfg, &held, err);
    boot_release(m, &held);
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
        rc = load(m, cfg, err);
    if (rc < 0) {
        vitro_free(m);
        return rc;
    }
    m->board->m->turns.hash_every = cfg->hash_every;
    if (cfg->no_reboot)
        m->board->m->reset = NULL;
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

/* ---- what it is and holds ---------------------------------------------------------------------- */

int vitro_state_hash(struct vitro *m, uint64_t *insns, uint64_t *hash, struct vitro_err *err)
{
    int rc = machine_hash(m->board->m, hash, err);

    *insns = vitro_insns(m); /* reading registers has finished the instruction that ended the run */
    return rc;
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
