/* SPDX-License-Identifier: MIT */
/* fast_across.c - the operand of a vector instruction in two pages that the translation cache has; see gen_across.c. */
#include "engine/soft/trans/fast.h"

#include "core/mem_access.h"
#include "engine/soft/trans/block.h"

enum { PAGE = 4096 };

/* Up to the page's end, then from the next one's beginning. */
static void move(struct trans_frame *f, const struct site *s, uint64_t linear, uint8_t *first,
                 uint8_t *second)
{
    unsigned room = PAGE - (unsigned)(linear % PAGE);

    for (unsigned i = 0; i < s->size; i++) {
        uint8_t *at = i < room ? first + linear % PAGE + i : second + (i - room);

        if (s->how == TRANS_WRITE)
            mem_store_8(at, f->across_bytes[i]);
        else
            f->across_bytes[i] = mem_load_8(at);
    }
}

bool trans_across_at(struct trans_frame *f, uint32_t site, uint64_t linear)
{
    struct trans *t = f->trans;
    const struct site *s = &t->store->site[site];
    uint64_t next = linear - linear % PAGE + PAGE;

    if (linear % PAGE + s->size <= PAGE || (t->c->code_bits != 64 && next > UINT32_MAX))
        return false;
    f->across_page[0] = trans_known_page(t, (enum trans_access)s->how, linear);
    f->across_page[1] = trans_known_page(t, (enum trans_access)s->how, next);
    if (f->across_page[0] == NULL || f->across_page[1] == NULL)
        return false;
    f->data = linear;
    if (s->how != TRANS_WRITE)
        move(f, s, linear, f->across_page[0], f->across_page[1]);
    return true;
}

bool trans_across_end_at(struct trans_frame *f, uint32_t site, uint64_t unused)
{
    (void)unused;
    move(f, &f->trans->store->site[site], f->data, f->across_page[0], f->across_page[1]);
    return true;
}
