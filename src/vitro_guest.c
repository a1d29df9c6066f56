/* SPDX-License-Identifier: MIT */
/* vitro_guest.c - the library's face: finding and reading guests. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/text.h"
#include "boot/boot.h"
#include "host/image_file.h"
#include "vitro_priv.h"

enum { IMAGE_MAX_MIB = 1024 };

bool vitro_mode_parse(const char *word, enum vitro_mode *out)
{
    for (unsigned i = 0; i < X86_STARTS; i++) {
        if (strcmp(word, x86_start_names[i]) == 0) {
            *out = (enum vitro_mode)(i + VITRO_MODE_REAL);
            return true;
        }
    }
    return false;
}

const char *vitro_mode_name(enum vitro_mode mode)
{
    return mode == VITRO_MODE_DEFAULT ? "default" : x86_start_names[mode - VITRO_MODE_REAL];
}

static enum x86_start start_of(enum vitro_mode mode)
{
    return mode == VITRO_MODE_DEFAULT ? X86_START_LONG : (enum x86_start)(mode - VITRO_MODE_REAL);
}

bool vitro_builtin(unsigned row, struct vitro_builtin *out)
{
    const struct builtin *b = builtin_row(row);

    if (b == NULL)
        return false;
    *out = (struct vitro_builtin){
        .name = b->name, .summary = b->summary, .output = b->output, .ends = b->ends
    };
    for (unsigned i = 0; i < X86_STARTS; i++)
        out->modes[i + VITRO_MODE_REAL] = b->code[i].bytes != NULL;
    return true;
}

static int parse_elf(struct vitro_guest *g, const struct vitro_guest_config *cfg,
                     const uint8_t *bytes, size_t len, struct vitro_err *err)
{
    int rc = image_elf(bytes, len, &g->image, err);

    if (rc == 0 && cfg->mode != VITRO_MODE_DEFAULT && start_of(cfg->mode) != g->image.start)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "mode %s: this ELF file starts in %s mode; leave --mode out",
                         vitro_mode_name(cfg->mode), x86_start_names[g->image.start]);
    if (rc == 0 && cfg->origin != 0)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "origin: an ELF file says itself where it goes; leave --origin out");
    return rc;
}

/* The loaders' kinds, as the public header numbers them. */
static const enum image_kind kernel_kinds[] = {
    [VITRO_KIND_LINUX] = IMAGE_BZIMAGE,
    [VITRO_KIND_VMLINUX] = IMAGE_VMLINUX,
    [VITRO_KIND_PVH] = IMAGE_PVH,
    [VITRO_KIND_MULTIBOOT] = IMAGE_MULTIBOOT,
    [VITRO_KIND_MULTIBOOT2] = IMAGE_MULTIBOOT2,
};

static int parse_kernel(struct vitro_guest *g, const struct vitro_guest_config *cfg,
                        enum image_kind kind, const uint8_t *bytes, size_t len,
                        struct vitro_err *err)
{
    if (cfg->mode != VITRO_MODE_DEFAULT || cfg->origin != 0)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "%s is a kernel, which says itself how it starts and where it goes; leave "
                         "--mode and --origin out",
                         g->name);
    return image_boot(kind, bytes, len, &g->image, err);
}

static int parse_image(struct vitro_guest *g, const struct vitro_guest_config *cfg,
                       const uint8_t *bytes, size_t len, struct vitro_err *err)
{
    enum image_kind kind = IMAGE_FLAT;
    int rc = 0;

    if (cfg->kind == VITRO_KIND_AUTO)
        rc = image_probe(bytes, len, &kind, err);
    else if (cfg->kind == VITRO_KIND_ELF)
        kind = IMAGE_ELF;
    else if (cfg->kind != VITRO_KIND_FLAT)
        kind = kernel_kinds[cfg->kind];
    if (rc < 0)
        return rc;
    if (image_boots(kind))
        return parse_kernel(g, cfg, kind, bytes, len, err);
    if (kind == IMAGE_ELF)
        return parse_elf(g, cfg, bytes, len, err);
    return image_flat(bytes, len, cfg->origin, start_of(cfg->mode), &g->image, err);
}

static int open_builtin(struct vitro_guest *g, const struct vitro_guest_config *cfg,
                        struct vitro_err *err)
{
    if (cfg->origin != 0 || cfg->kind != VITRO_KIND_AUTO)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "guest %s: --origin and --kind are for files; write ./%s for a file",
                         g->name, g->name);
    return image_builtin(g->builtin, start_of(cfg->mode), &g->image, err);
}

static int open_file(struct vitro_guest *g, const struct vitro_guest_config *cfg,
                     struct vitro_err *err)
{
    const uint8_t *bytes;
    int rc = image_file_open(cfg->name, IMAGE_MAX_MIB * MIB, &g->file, &bytes, err);

    if (rc == -ENOENT && strchr(cfg->name, '/') == NULL && err != NULL) {
        err->kind = VITRO_ERR_USAGE;
        snprintf(err->text, sizeof(err->text),
                 "finding guest %.64s: neither a built-in guest nor a file here: 'vitro guests' "
                 "lists the built-in ones",
                 cfg->name);
    }
    if (rc == 0)
        rc = parse_image(g, cfg, bytes, image_file_len(g->file), err);
    if (rc < 0)
        return rc;
    if (!image_boots(g->image.kind))
        return image_file_get(g->file, &bytes, err); /* parts are borrowed from them */
    g->image.bytes = NULL;
    return 0;
}

static void set_name(struct vitro_guest *g, const char *name)
{
    struct text shown = { 0 };

    snprintf(g->name, sizeof(g->name), "%s", name);
    text_add_escaped(&shown, g->name, strlen(g->name));
    snprintf(g->shown, sizeof(g->shown), "%s", shown.buf != NULL ? shown.buf : "");
    text_fini(&shown);
}

static int check_guest(const struct vitro_guest_config *cfg, struct vitro_err *err)
{
    if (cfg->name == NULL && cfg->bytes == NULL)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "opening a guest: neither name nor bytes");
    if ((unsigned)cfg->mode > VITRO_MODE_LONG || (unsigned)cfg->kind >= VITRO_KINDS)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "opening a guest: no such mode or kind");
    return 0;
}

int vitro_guest_open(const struct vitro_guest_config *cfg, struct vitro_guest **out,
                     struct vitro_err *err)
{
    const char *name = cfg->name != NULL ? cfg->name : "image";
    const char *slash = strrchr(name, '/');
    int rc = check_guest(cfg, err);
    struct vitro_guest *g;

    if (rc < 0)
        return rc;
    g = calloc(1, sizeof(*g));
    if (g == NULL)
        return err_set(err, -ENOMEM, "opening guest %s: out of memory", name);
    set_name(g, slash != NULL && slash[1] ? slash + 1 : name);
    g->builtin = cfg->bytes == NULL && slash == NULL ? builtin_find(name) : NULL;
    if (cfg->bytes != NULL)
        rc = parse_image(g, cfg, cfg->bytes, cfg->len, err);
    else if (g->builtin != NULL)
        rc = open_builtin(g, cfg, err);
    else
        rc = open_file(g, cfg, err);
    if (rc < 0) {
        vitro_guest_free(g);
        return rc;
    }
    *out = g;
    return 0;
}

void vitro_guest_free(struct vitro_guest *guest)
{
    if (guest == NULL)
        return;
    image_fini(&guest->image);
    image_file_close(guest->file);
    free(guest);
}

const char *vitro_guest_name(const struct vitro_guest *guest)
{
    return guest->shown;
}

enum vitro_mode vitro_guest_mode(const struct vitro_guest *guest)
{
    return (enum vitro_mode)(guest->image.start + VITRO_MODE_REAL);
}

const char *vitro_guest_found(const struct vitro_guest *guest)
{
    return guest->image.found;
}

const char *vitro_guest_kind(const struct vitro_guest *guest)
{
    return image_kind_name(guest->image.kind);
}
