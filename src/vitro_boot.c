/* SPDX-License-Identifier: MIT */
/* vitro_boot.c - the library's face: what kernels are given, and the keys and buttons of their machine. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "board/pc_mem.h"
#include "core/mem_access.h"
#include "host/file.h"
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

static int read_module(const struct vitro_module *from, struct boot_module *out,
                       struct vitro_err *err)
{
    uint8_t *bytes = NULL;
    char *cmdline = NULL;
    int rc = file_read(from->path, INITRD_MAX_MIB * MIB, &bytes, &out->len, err);

    if (rc < 0)
        return rc;
    out->bytes = bytes;
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
    if (m->module == NULL)
        return err_set(err, -ENOMEM, "reading modules: out of memory");
    for (unsigned i = 0; i < cfg->nmodules && rc == 0; i++)
        rc = read_module(&cfg->modules[i], &m->module[m->nmodules++], err);
    return rc;
}

int boot_open(struct vitro *m, const struct vitro_config *cfg, struct vitro_err *err)
{
    const char *cmdline = cfg->cmdline;
    size_t len = 0;
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
        rc = file_read(cfg->initrd, INITRD_MAX_MIB * MIB, &m->initrd, &len, err);
        if (rc < 0)
            return rc;
        m->initrd_module = (struct boot_module){ .bytes = m->initrd, .len = len };
    }
    return read_modules(m, cfg, err);
}

void boot_close(struct vitro *m)
{
    for (unsigned i = 0; i < m->nmodules; i++) {
        free((void *)(uintptr_t)m->module[i].bytes);
        free((void *)(uintptr_t)m->module[i].cmdline);
    }
    free(m->module);
    free(m->initrd);
    free(m->cmdline);
}

const char *boot_gave_up(const struct vitro *m, uint64_t rip)
{
    /* Linux maps itself to the upper half, in 32 bits from 3 GiB on; what unpacks it runs where it was loaded. */
    if (!m->guest->image.unpacks || rip >= PC_HOLE)
        return NULL;
    return "it halted before it was unpacked: the image is damaged, or the memory too small; its words "
           "are seen with earlyprintk=ttyS0 in --append";
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
