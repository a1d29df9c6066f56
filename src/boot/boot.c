/* SPDX-License-Identifier: MIT */
/* boot.c - the loaders as a table; from an image to a plan, from a plan to memory and registers. */
#include "boot/boot.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/bits.h"
#include "boot/loader.h"

static const struct loader *const loaders[IMAGE_KINDS] = {
    [IMAGE_BZIMAGE] = &loader_bzimage,
    [IMAGE_VMLINUX] = &loader_vmlinux,
    [IMAGE_PVH] = &loader_pvh,
    [IMAGE_MULTIBOOT] = &loader_multiboot,
    [IMAGE_MULTIBOOT2] = &loader_multiboot2,
};

bool image_boots(enum image_kind kind)
{
    return loaders[kind] != NULL;
}

int image_boot(enum image_kind kind, const uint8_t *bytes, size_t len, struct image *out,
               struct vitro_err *err)
{
    assert(image_boots(kind));
    *out = (struct image){ .kind = kind, .bytes = bytes, .len = len };
    return loaders[kind]->read(out, err);
}

/* The board's own tables: a wrong one is our bug. */
static void check_request(const struct boot_request *req)
{
    uint64_t end = 0;

    assert(req->nrows <= BOOT_ROWS_MAX && req->nmodules < BOOT_MODULES_MAX);
    assert(req->rsdp_len == 0 || req->rsdp_len == 20 || req->rsdp_len == BOOT_RSDP_MAX);
    for (unsigned i = 0; i < req->nrows; i++) {
        const struct boot_row *r = &req->row[i];

        assert(r->len != 0 && r->base >= end && r->len < UINT64_MAX - r->base);
        end = r->base + r->len;
    }
}

int boot_plan(const struct image *img, const struct boot_request *req, struct boot_plan *out,
              struct vitro_err *err)
{
    const struct loader *loader = loaders[img->kind];
    struct planner p = { .img = img, .req = req, .plan = out, .err = err };

    assert(loader != NULL);
    check_request(req);
    *out = (struct boot_plan){ .kind = img->kind };
    if (req->nmodules > 0 && !loader->modules)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "modules: a %s image takes none besides an initrd",
                         image_kind_name(img->kind));
    return loader->plan(&p);
}

int boot_place(const struct boot_plan *plan, struct mem *mem, struct vitro_err *err)
{
    for (unsigned i = 0; i < plan->nparts; i++) {
        const struct image_part *part = &plan->part[i];

        if (!mem_put(mem, part->gpa, part->bytes, part->len))
            return err_class(err, VITRO_ERR_IMAGE, -ENOEXEC,
                             "%s image: %s at 0x%" PRIx64 ", %" PRIu64
                             " bytes, does not fit the guest's memory",
                             image_kind_name(plan->kind), part->name, part->gpa, part->memsz);
        mem_note(mem, part->use, part->gpa, part->memsz, "%s", part->name);
    }
    return 0;
}

void boot_state(const struct boot_plan *plan, struct x86_state *out)
{
    x86_start_state(plan->start, plan->entry, 0, plan->tables, out);
    out->gpr[X86_RAX] = plan->rax;
    out->gpr[X86_RBX] = plan->rbx;
    out->gpr[X86_RSI] = plan->rsi;
    out->gdtr = (struct x86_dtable){ .base = plan->gdt, .limit = X86_BOOT_DS + 7 };
}

void boot_plan_fini(struct boot_plan *plan)
{
    for (unsigned i = 0; i < plan->nbuilt; i++)
        free(plan->built[i]);
    *plan = (struct boot_plan){ 0 };
}
