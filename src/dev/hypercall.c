/* SPDX-License-Identifier: MIT */
/*
 * hypercall.c - the small paravirtual device: its registers, print, counters, addresses
 *
 * The interface is our own and is described in docs/hypercalls.md. Registers are 32 bits wide and 4
 * ports apart; each vCPU has a set of its own, so that two of them cannot disturb each other between
 * ADDR_HI and the register that takes it. Guest addresses are guest-linear: segment bases are not added.
 *
 * Guest memory is resolved before anything is done (whole ranges, all or nothing), then copied once
 * into a private buffer and only looked at there.
 *
 * GAP: page rights are not looked at, only whether a page is mapped and is memory. A guest kernel that
 * gives these ports to its ring 3 gives it the guest's memory.
 */
#include "dev/hypercall_priv.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"

#define SIGNATURE_VTRO 0x4f525456u /* the letters V, T, R, O in memory order */

/* ---- guest memory ---------------------------------------------------------------------------- */

/* Bytes from gva to the end of its page, at most len. */
static uint32_t in_page(gva_t gva, uint32_t len)
{
    uint32_t left = HYPERCALL_PAGE - (uint32_t)(gva % HYPERCALL_PAGE);

    return len < left ? len : left;
}

bool guest_range(const struct hypercall *h, gva_t gva, uint32_t len, bool write,
                 struct guest_range *out)
{
    assert(len <= HYPERCALL_CALL_MAX);
    out->n = 0;
    if (len != 0 && len - 1 > UINT64_MAX - gva)
        return false;
    while (len > 0) {
        uint32_t n = in_page(gva, len);
        uint8_t *host;
        gpa_t gpa;

        if (!vcpu_translate(h->m->accessing, gva, &gpa))
            return false;
        host = mem_host(&h->m->mem, gpa, n, write);
        if (host == NULL)
            return false;
        out->span[out->n].host = host;
        out->span[out->n++].len = n;
        gva += n;
        len -= n;
    }
    return true;
}

void guest_range_get(const struct guest_range *r, uint8_t *dst)
{
    for (unsigned i = 0; i < r->n; i++) {
        memcpy(dst, r->span[i].host, r->span[i].len);
        dst += r->span[i].len;
    }
}

void guest_range_put(const struct guest_range *r, uint32_t off, const uint8_t *src, uint32_t len)
{
    for (unsigned i = 0; i < r->n && len > 0; i++) {
        uint32_t slen = r->span[i].len, n;

        if (off >= slen) {
            off -= slen;
            continue;
        }
        n = slen - off < len ? slen - off : len;
        memcpy(r->span[i].host + off, src, n);
        src += n;
        len -= n;
        off = 0;
    }
    assert(len == 0);
}

enum guest_string guest_string(struct hypercall *h, gva_t gva, uint32_t *len)
{
    *len = 0;
    while (*len < HYPERCALL_STRING_MAX) {
        uint32_t n = in_page(gva, HYPERCALL_STRING_MAX - *len);
        uint8_t *at = h->bounce + *len;
        const uint8_t *nul;
        struct guest_range r;

        if (!guest_range(h, gva, n, false, &r))
            return STRING_FAULT;
        guest_range_get(&r, at);
        nul = memchr(at, 0, n);
        *len += nul != NULL ? (uint32_t)(nul - at) : n;
        if (nul != NULL)
            return STRING_WHOLE;
        if (n > UINT64_MAX - gva)
            return STRING_FAULT; /* reached 2^64 */
        gva += n;
    }
    return STRING_CUT;
}

/* ---- print ----------------------------------------------------------------------------------- */

static struct hypercall_cpu *regs_of(struct hypercall *h)
{
    return &h->cpu[h->m->accessing->idx];
}

static uint32_t signature_read(struct hypercall *h)
{
    (void)h;
    return SIGNATURE_VTRO;
}

static void print8_write(struct hypercall *h, uint32_t val)
{
    uint8_t byte = (uint8_t)val;

    chr_write(&h->out, &byte, 1);
}

static void print32_write(struct hypercall *h, uint32_t val)
{
    char line[16];
    int n = snprintf(line, sizeof(line), "%" PRIu32 "\n", val);

    chr_write(&h->out, line, (size_t)n);
}

static void print_str(struct hypercall *h, gva_t gva)
{
    uint32_t len;

    if (guest_string(h, gva, &len) != STRING_WHOLE)
        h->dev.refused++;
    if (len > 0)
        chr_write(&h->out, h->bounce, len);
}

/* ---- counters -------------------------------------------------------------------------------- */

enum direction { ANY, IN, OUT };

/* The lines of a report. Kicks are left out: they are not the guest's doing. */
/* clang-format off */
static const struct report_row {
    enum exit_kind kind;
    enum direction dir;
    const char *suffix;
} report_rows[] = {
    { EXIT_PIO, IN, " in" },
    { EXIT_PIO, OUT, " out" },
    { EXIT_MMIO, IN, " read" },
    { EXIT_MMIO, OUT, " write" },
    { EXIT_HLT, ANY, "" },
    { EXIT_SHUTDOWN, ANY, "" },
    { EXIT_DEBUG, ANY, "" },
    { EXIT_REFUSED, ANY, "" },
    { EXIT_MSR, ANY, "" },
    { EXIT_IRQ_WINDOW, ANY, "" },
    { EXIT_EOI, ANY, "" },
    { EXIT_SYSTEM_EVENT, ANY, "" },
    { EXIT_FAILED, ANY, "" },
};
/* clang-format on */

struct report_sum {
    uint64_t exits, guest_ticks, monitor_ticks;
};

static void sum_row(const struct exit_row *r, struct report_sum *sums)
{
    enum direction dir = r->write ? OUT : IN;

    for (size_t i = 0; i < ARRAY_LEN(report_rows); i++) {
        const struct report_row *row = &report_rows[i];

        if (row->kind != r->kind || (row->dir != ANY && row->dir != dir))
            continue;
        sums[i].exits += r->exits;
        sums[i].guest_ticks += r->guest_ticks;
        sums[i].monitor_ticks += r->monitor_ticks;
        return;
    }
}

static void sum_machine(const struct machine *m, struct report_sum *sums)
{
    for (unsigned i = 0; i < m->ncpus; i++) {
        const struct exit_table *t = &m->cpu[i]->exits;

        for (size_t k = 0; k < ARRAY_LEN(t->row); k++) {
            if (t->row[k].accesses != 0)
                sum_row(&t->row[k], sums);
        }
        for (size_t k = 0; k < ARRAY_LEN(t->other); k++) {
            if (t->other[k].accesses != 0)
                sum_row(&t->other[k], sums);
        }
    }
}

/* Makes the text in h->bounce; returns its length without the NUL. */
static uint32_t report_text(struct hypercall *h, bool times)
{
    struct report_sum sums[ARRAY_LEN(report_rows)] = { 0 };
    const struct clock *clock = &h->m->clock;
    char *text = (char *)h->bounce;
    int n = 0;

    static_assert(ARRAY_LEN(report_rows) * 80 < HYPERCALL_CALL_MAX, "every line has room");
    sum_machine(h->m, sums);
    for (size_t i = 0; i < ARRAY_LEN(report_rows); i++) {
        n += snprintf(text + n, sizeof(h->bounce) - (size_t)n, "%.20s%s ",
                      exit_kind_name(report_rows[i].kind), report_rows[i].suffix);
        if (times)
            n += snprintf(text + n, sizeof(h->bounce) - (size_t)n, "%" PRIu64 " %" PRIu64 "\n",
                          clock_ticks_to_ns(clock, sums[i].guest_ticks),
                          clock_ticks_to_ns(clock, sums[i].monitor_ticks));
        else
            n += snprintf(text + n, sizeof(h->bounce) - (size_t)n, "%" PRIu64 "\n", sums[i].exits);
    }
    return (uint32_t)n;
}

static void report(struct hypercall *h, gva_t gva, bool times)
{
    uint32_t room = regs_of(h)->buf_len, n = report_text(h, times) + 1;
    struct guest_range r;

    if (n > room)
        n = room;
    if (n == 0 || !guest_range(h, gva, n, true, &r)) {
        h->dev.refused++;
        return;
    }
    h->bounce[n - 1] = '\0';
    guest_range_put(&r, 0, h->bounce, n);
}

static void exits_by_type(struct hypercall *h, gva_t gva)
{
    report(h, gva, false);
}

static void time_by_type(struct hypercall *h, gva_t gva)
{
    report(h, gva, true);
}

/* The access that asks is counted after it: the guest reads what came before. */
static uint32_t exits_read(struct hypercall *h)
{
    return (uint32_t)machine_exits(h->m);
}

/* ---- addresses ------------------------------------------------------------------------------- */

static void addr_hi_write(struct hypercall *h, uint32_t val)
{
    regs_of(h)->addr_hi = val;
}

static void buf_len_write(struct hypercall *h, uint32_t val)
{
    regs_of(h)->buf_len = val;
}

static void gva_to_hva(struct hypercall *h, gva_t gva)
{
    static const char invalid[] = "Invalid GVA\n";
    struct guest_range r;

    regs_of(h)->hva = 0;
    if (!(h->allow & HYPERCALL_HOST_ADDR)) {
        h->dev.refused++;
    } else if (guest_range(h, gva, 1, false, &r)) {
        regs_of(h)->hva = (uintptr_t)r.span[0].host;
    } else {
        h->dev.refused++;
        chr_write(&h->out, invalid, sizeof(invalid) - 1);
    }
}

static uint32_t hva_lo_read(struct hypercall *h)
{
    return (uint32_t)regs_of(h)->hva;
}

static uint32_t hva_hi_read(struct hypercall *h)
{
    return (uint32_t)(regs_of(h)->hva >> 32);
}

/* ---- registers ------------------------------------------------------------------------------- */

/* All the device's registers, a row every 4 ports. */
static const struct reg {
    const char *name;
    unsigned widths;
    uint32_t (*read)(struct hypercall *h);
    void (*write)(struct hypercall *h, uint32_t val);
    void (*addr)(struct hypercall *h, gva_t gva); /* written with an address: takes ADDR_HI */
} regs[] = {
    [0x00 / 4] = { "SIGNATURE", W32, .read = signature_read },
    [0x04 / 4] = { "PRINT8", W8 | W32, .write = print8_write },
    [0x08 / 4] = { "PRINT32", W32, .write = print32_write },
    [0x0c / 4] = { "ADDR_HI", W32, .write = addr_hi_write },
    [0x10 / 4] = { "PRINT_STR", W32, .addr = print_str },
    [0x14 / 4] = { "BUF_LEN", W32, .write = buf_len_write },
    [0x18 / 4] = { "EXITS", W32, .read = exits_read },
    [0x1c / 4] = { "EXITS_BY_TYPE", W32, .addr = exits_by_type },
    [0x20 / 4] = { "TIME_BY_TYPE", W32, .addr = time_by_type },
    [0x24 / 4] = { "GVA_TO_HVA", W32, .addr = gva_to_hva },
    [0x28 / 4] = { "HVA_LO", W32, .read = hva_lo_read },
    [0x2c / 4] = { "HVA_HI", W32, .read = hva_hi_read },
    [0x30 / 4] = { "FILE_CALL", W32, .addr = hypercall_file_call },
};
static_assert(ARRAY_LEN(regs) <= HYPERCALL_LEN / 4, "the registers fit the ports");

/* NULL: no register begins there, it is not that wide, or it was no vCPU that asked. */
static const struct reg *reg_at(const struct hypercall *h, uint64_t off, unsigned width)
{
    if (off % 4 != 0 || off / 4 >= ARRAY_LEN(regs) || h->m->accessing == NULL)
        return NULL;
    return regs[off / 4].widths & width ? &regs[off / 4] : NULL;
}

static uint64_t hypercall_read(struct dev *dev, uint64_t off, unsigned width)
{
    struct hypercall *h = (struct hypercall *)dev;
    const struct reg *reg = reg_at(h, off, width);

    if (reg != NULL && reg->read != NULL)
        return reg->read(h);
    dev->refused++;
    return ones(width);
}

static void hypercall_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct hypercall *h = (struct hypercall *)dev;
    const struct reg *reg = reg_at(h, off, width);

    if (reg != NULL && reg->write != NULL) {
        reg->write(h, (uint32_t)val);
    } else if (reg != NULL && reg->addr != NULL) {
        gva_t hi = regs_of(h)->addr_hi;

        regs_of(h)->addr_hi = 0;
        reg->addr(h, hi << 32 | (uint32_t)val);
    } else {
        dev->refused++;
    }
}

/* Open files stay open: they are the backend's. */
static void hypercall_reset(struct dev *dev)
{
    struct hypercall *h = (struct hypercall *)dev;

    memset(h->cpu, 0, sizeof(h->cpu));
}

static void hypercall_free(struct dev *dev)
{
    free(dev);
}

/* W16 is declared so that the bus does not cut a 16-bit access into bytes: it is refused whole. */
static const struct dev_ops hypercall_ops = {
    .name = "hypercall",
    .widths = W8 | W16 | W32,
    .read = hypercall_read,
    .write = hypercall_write,
    .reset = hypercall_reset,
    .bytes = sizeof(struct hypercall),
    .free = hypercall_free,
};

struct dev *hypercall_new(struct machine *m, const struct chr *out, const struct files *files,
                          unsigned allow)
{
    struct hypercall *h = calloc(1, sizeof(*h));

    if (h == NULL)
        return NULL;
    h->dev.ops = &hypercall_ops;
    h->m = m;
    h->out = *out;
    if (files != NULL)
        h->files = *files;
    h->allow = allow;
    return &h->dev;
}
