/* SPDX-License-Identifier: MIT */
/* mem.c - the memory door. Every comparison subtracts from a checked bound, so nothing can wrap. */
#include "core/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "core/mem_access.h"
#include "core/mem_cow.h"

enum { PAGE = 4096 };

int mem_add(struct mem *m, const struct mem_slot *slot, struct vitro_err *err)
{
    size_t at = 0;

    if (slot->len == 0 || (slot->base | slot->len) % PAGE != 0 ||
        slot->len - 1 > UINT64_MAX - slot->base)
        return err_set(err, -EINVAL, "memory slot %s at 0x%" PRIx64 ": not whole pages", slot->name,
                       slot->base);
    if (m->nslots == MEM_SLOTS_MAX)
        return err_set(err, -ENOSPC, "memory slot %s: more than %d slots", slot->name,
                       MEM_SLOTS_MAX);
    for (size_t i = 0; i < m->nslots; i++) {
        if (ranges_overlap(m->slot[i].base, m->slot[i].len, slot->base, slot->len))
            return err_set(err, -EEXIST, "memory slot %s overlaps %s", slot->name, m->slot[i].name);
        if (m->slot[i].base < slot->base)
            at = i + 1;
    }
    memmove(&m->slot[at + 1], &m->slot[at], (m->nslots - at) * sizeof(m->slot[0]));
    m->slot[at] = *slot; /* MARK: soft-mem-slot */
    m->nslots++;
    return 0;
}

const struct mem_slot *mem_slot_at(const struct mem *m, gpa_t gpa)
{
    for (size_t i = 0; i < m->nslots; i++) {
        if (gpa >= m->slot[i].base && gpa - m->slot[i].base < m->slot[i].len)
            return &m->slot[i];
    }
    return NULL;
}

uint64_t mem_left(const struct mem *m, gpa_t gpa)
{
    const struct mem_slot *s = mem_slot_at(m, gpa);

    return s != NULL ? s->len - (gpa - s->base) : 0;
}

static void note_written(struct mem_code *code, gpa_t gpa, uint64_t len)
{
    for (uint64_t page = gpa / 4096; page <= (gpa + len - 1) / 4096 && page < code->npages;
         page++) {
        if (atomic_load_explicit(&code->page[page], memory_order_relaxed) != MEM_CODE_MADE)
            continue;
        atomic_store_explicit(&code->page[page], MEM_CODE_WRITTEN, memory_order_relaxed);
        atomic_store_explicit(&code->written, true, memory_order_relaxed);
    }
}

void *mem_host(const struct mem *m, gpa_t gpa, uint64_t len, bool write)
{
    const struct mem_slot *s = mem_slot_at(m, gpa);

    if (s == NULL || len > s->len - (gpa - s->base) || (write && s->kind == MEM_ROM))
        return NULL;
    if (write && m->code != NULL && len > 0)
        note_written(m->code, gpa, len);
    if (write && m->cow != NULL)
        mem_cow_note(m->cow, gpa, len);
    return s->host + (gpa - s->base);
}

/* Every byte of [gpa, gpa + len) is in some slot that allows the access. */
static bool mem_covers(const struct mem *m, gpa_t gpa, uint64_t len, bool write)
{
    if (len > 0 && len - 1 > UINT64_MAX - gpa)
        return false; /* after the last byte comes the end, not address 0 */
    while (len > 0) {
        uint64_t left = mem_left(m, gpa);

        if (left == 0 || mem_host(m, gpa, 1, write) == NULL)
            return false;
        if (len <= left)
            return true;
        gpa += left;
        len -= left;
    }
    return true;
}

/* Larger copies are a stopped machine's: boot, views. */
enum { ATOMIC_MAX = 64 };

static bool mem_copy(const struct mem *m, gpa_t gpa, void *dst, const void *src, uint64_t len)
{
    bool write = src != NULL;

    if (!mem_covers(m, gpa, len, write))
        return false;
    for (uint64_t done = 0; done < len;) {
        uint64_t left = mem_left(m, gpa + done);
        uint64_t n = len - done < left ? len - done : left;
        void *host = mem_host(m, gpa + done, n, write);

        if (n <= ATOMIC_MAX && write)
            mem_store(host, (const char *)src + done, n);
        else if (n <= ATOMIC_MAX)
            mem_load((char *)dst + done, host, n);
        else if (write)
            memcpy(host, (const char *)src + done, n);
        else
            memcpy((char *)dst + done, host, n);
        done += n;
    }
    return true;
}

bool mem_get(const struct mem *m, gpa_t gpa, void *dst, uint64_t len)
{
    return mem_copy(m, gpa, dst, NULL, len);
}

bool mem_put(const struct mem *m, gpa_t gpa, const void *src, uint64_t len)
{
    return mem_copy(m, gpa, NULL, src, len);
}

uint64_t mem_bytes(const struct mem *m)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < m->nslots; i++)
        sum += m->slot[i].len;
    return sum;
}

void mem_note(struct mem *m, enum mem_use use, gpa_t base, uint64_t len, const char *fmt, ...)
{
    struct mem_note n = { .base = base, .len = len, .use = use };
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(n.name, sizeof(n.name), fmt, ap);
    va_end(ap);
    for (size_t i = 0; i < m->nnotes; i++) {
        const struct mem_note *old = &m->note[i];

        if (old->base == base && old->len == len && old->use == use &&
            strcmp(old->name, n.name) == 0)
            return; /* said again after a reset, while somebody may be reading it */
    }
    if (m->nnotes < MEM_NOTES_MAX && len != 0)
        m->note[m->nnotes++] = n;
}
