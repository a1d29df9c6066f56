/* SPDX-License-Identifier: MIT */
/* exit.c - exit accounting: a fixed hash table with a memo of the last row. */
#include "core/exit.h"

#include "base/bits.h"

static bool row_is(const struct exit_row *r, const struct cpu_exit *x)
{
    return r->kind == x->kind && r->write == x->write && r->addr == x->addr && r->rip == x->rip;
}

static uint32_t key_hash(const struct cpu_exit *x)
{
    uint64_t h = x->rip * UINT64_C(0x9e3779b97f4a7c15);

    h ^= (x->addr + ((uint64_t)x->kind << 1 | x->write)) * UINT64_C(0xc2b2ae3d27d4eb4f);
    return (uint32_t)(h >> 32);
}

/* The row of a key, a new one while a quarter of the table is free, else the reason's shared row. */
static struct exit_row *row_of(struct exit_table *t, const struct cpu_exit *x)
{
    uint32_t at = key_hash(x) % EXIT_ROWS;

    while (t->row[at].accesses != 0) {
        if (row_is(&t->row[at], x))
            return &t->row[at];
        at = (at + 1) % EXIT_ROWS;
    }
    if (t->nrows == EXIT_ROWS / 4 * 3 || (x->nobody && t->nobody == EXIT_NOBODY_ROWS)) {
        struct exit_row *other = &t->other[2 * x->kind + x->write];

        other->kind = x->kind;
        other->write = x->write;
        other->other = true;
        return other;
    }
    t->nrows++;
    t->nobody += x->nobody;
    t->row[at] =
        (struct exit_row){ .kind = x->kind, .write = x->write, .addr = x->addr, .rip = x->rip };
    return &t->row[at];
}

void exit_account(struct exit_table *t, const struct cpu_exit *x, uint64_t guest_ticks,
                  uint64_t monitor_ticks)
{
    struct exit_row *r = t->last;

    if (r == NULL || r->other || !row_is(r, x))
        r = t->last = row_of(t, x);
    r->accesses++;
    r->exits += !x->more;
    r->guest_ticks += guest_ticks;
    r->monitor_ticks += monitor_ticks;
    if (monitor_ticks > r->monitor_worst_ticks)
        r->monitor_worst_ticks = monitor_ticks;
    if (x->kind == EXIT_KICKED)
        return;
    t->accesses++;
    t->exits += !x->more;
    t->recent[t->nrecent++ % EXIT_RECENT] = *x;
}

const char *exit_kind_name(enum exit_kind kind)
{
#define X(name, text) [EXIT_##name] = text,
    static const char *const names[EXIT_NKINDS] = { EXIT_KINDS(X) };
#undef X

    return names[kind];
}
