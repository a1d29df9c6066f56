/* SPDX-License-Identifier: MIT */
/* vitro_boot.c - the library's face: what kernels are given, and the keys and buttons of their machine. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "board/pc_mem.h"
#include "core/mem_access.h"
#include "host/image_file.h"
#include "vitro_priv.h"

enum { INITRD_MAX_MIB = 4096 };

static int refuse(const struct vitro *m, const struct vitro_config *cfg, struct vitro_err *err)
{
    const char *what = cfg->cmdline != NULL  ? "command line"
                       : cfg->initrd != NULL ? "initrd"
                       : cfg->nmodules != 0  ? "module"
                       : cfg->screen         ? "screen"
                                             : NULL;

    if (what == NULL)
        return 0;
    return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                     "%s: guest %s is no kernel (it is of kind %s): these are for kernels", what,
                     m->guest->name, image_kind_name(m->guest->image.kind));
}

/* A kernel that speaks on the serial line is what everybody wants to see, but for those who want a screen. */
static const char *default_cmdline(const struct image *img, bool screen)
{
    return img->is_linux && !screen ? "console=ttyS0" : NULL;
}

static int open_file(const char *path, struct image_file **file, struct boot_module *out,
                     struct vitro_err *err)
{
    int rc = image_file_open(path, INITRD_MAX_MIB * MIB, file, NULL, err);

    if (rc == 0)
        out->len = image_file_len(*file);
    return rc;
}

static int read_module(const struct vitro_module *from, struct image_file **file,
                       struct boot_module *out, struct vitro_err *err)
{
    char *cmdline = NULL;
    int rc = open_file(from->path, file, out, err);

    if (rc < 0)
        return rc;
    if (from->cmdline == NULL)
        return 0;
    cmdline = strdup(from->cmdline);
    out->cmdline = cmdline;
    return cmdline != NULL
               ? 0
               : err_set(err, -ENOMEM, "copying the command line of a module: out of memory");
}

static int read_modules(struct vitro *m, const struct vitro_config *cfg, struct vitro_err *err)
{
    int rc = 0;

    if (cfg->nmodules > VITRO_MODULES_MAX)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "%u modules: at most %d", cfg->nmodules,
                         VITRO_MODULES_MAX);
    if (cfg->nmodules == 0)
        return 0;
    m->module = calloc(cfg->nmodules, sizeof(*m->module));
    m->module_file = calloc(cfg->nmodules, sizeof(*m->module_file));
    if (m->module == NULL || m->module_file == NULL)
        return err_set(err, -ENOMEM, "reading modules: out of memory");
    m->nmodules = cfg->nmodules;
    for (unsigned i = 0; i < cfg->nmodules && rc == 0; i++)
        rc = read_module(&cfg->modules[i], &m->module_file[i], &m->module[i], err);
    return rc;
}

int boot_open(struct vitro *m, const struct vitro_config *cfg, struct vitro_err *err)
{
    const char *cmdline = cfg->cmdline;
    int rc;

    if (!image_boots(m->guest->image.kind))
        return refuse(m, cfg, err);
    m->kernel_symbols = calloc(1, sizeof(*m->kernel_symbols));
    if (m->kernel_symbols == NULL)
        return err_set(err, -ENOMEM, "making a table of symbols: out of memory");
    if (cmdline == NULL)
        cmdline = default_cmdline(&m->guest->image, cfg->screen);
    if (cmdline != NULL) {
        m->cmdline = strdup(cmdline);
        if (m->cmdline == NULL)
            return err_set(err, -ENOMEM, "copying the command line: out of memory");
    }
    if (cfg->initrd != NULL) {
        rc = open_file(cfg->initrd, &m->initrd, &m->initrd_module, err);
        if (rc < 0)
            return rc;
    }
    return read_modules(m, cfg, err);
}

void boot_close(struct vitro *m)
{
    for (unsigned i = 0; i < m->nmodules; i++) {
        image_file_close(m->module_file[i]);
        free((void *)(uintptr_t)m->module[i].cmdline);
    }
    free(m->module);
    free(m->module_file);
    image_file_close(m->initrd);
    free(m->cmdline);
}

/* ---- files in memory --------------------------------------------------------------------------- */

static int hold(struct boot_held *held, struct image_file *file, const uint8_t **bytes,
                struct vitro_err *err)
{
    int rc = image_file_get(file, bytes, err);

    if (rc == 0)
        held->origin[held->n++] = (struct board_origin){ .file = file, .bytes = *bytes };
    return rc;
}

int boot_hold(struct vitro *m, struct boot_held *out, struct vitro_err *err)
{
    int rc = 0;

    out->image = m->guest->image;
    out->n = 0;
    if (!image_boots(out->image.kind))
        return 0;
    if (m->guest->file != NULL)
        rc = hold(out, m->guest->file, &out->image.bytes, err);
    if (rc == 0 && m->initrd != NULL)
        rc = hold(out, m->initrd, &m->initrd_module.bytes, err);
    for (unsigned i = 0; i < m->nmodules && rc == 0; i++)
        rc = hold(out, m->module_file[i], &m->module[i].bytes, err);
    return rc;
}

void boot_release(struct vitro *m, struct boot_held *held)
{
    m->initrd_module.bytes = NULL;
    for (unsigned i = 0; i < m->nmodules; i++)
        m->module[i].bytes = NULL;
    while (held->n > 0)
        image_file_put(held->origin[--held->n].file);
}

const char *boot_gave_up(const struct vitro *m, uint64_t rip)
{
    /* Linux maps itself to the upper half, in 32 bits from 3 GiB on; what unpacks it runs where it was loaded. */
    if (!m->guest->image.unpacks || rip >= PC_HOLE)
        return NULL;
    return "it halted before it was unpacked: the image is damaged, or the memory too small; its words "
           "are seen with earlyprintk=ttyS0 in --append";
}

bool vitro_begin_line(struct vitro *m)
{
    bool open = m->board->console.open_line;

    m->board->console.open_line = false;
    return open;
}

bool vitro_has_console(const struct vitro *m)
{
    return image_boots(m->guest->image.kind);
}

size_t vitro_console_send(struct vitro *m, const void *bytes, size_t len)
{
    return vitro_has_console(m) ? pc_console_send(m->board, bytes, len) : 0;
}

int vitro_screen(const struct vitro *m, uint16_t cells[VITRO_SCREEN_ROWS * VITRO_SCREEN_COLS])
{
    enum { BYTES = VITRO_SCREEN_ROWS * VITRO_SCREEN_COLS * 2 };
    const void *text =
        m->config.screen ? mem_host(&m->board->m->mem, PC_SCREEN, BYTES, false) : NULL;

    if (text == NULL)
        return -ENOENT;
    mem_load(cells, text, BYTES);
    return 0;
}

void vitro_power_button(struct vitro *m)
{
    if (vitro_has_console(m))
        pc_power_button(m->board);
}
