/* SPDX-License-Identifier: MIT */
/* soft_int_rig.c - see soft_int_rig.h */
#include "soft_int_rig.h"

#include <stdlib.h>
#include <string.h>

#include "host_vendor.h"
#include "x86/cpuid_model.h"

enum { PAGE = 4096, P = 1, W = 2, U = 4, A = 0x20, D = 0x40 };

static void set_pte(uint8_t *table, unsigned idx, uint64_t val)
{
    le_put(table + 8 * (size_t)idx, 8, val);
}

/* PML4, PDPT, PD, PT from guest-physical 0 on; the window lies in one 2 MiB region. */
static void make_tables(struct rig *r)
{
    uint64_t dir = P | W | U | A;
    uint8_t *pt = r->ram + 3 * (size_t)PAGE;

    set_pte(r->ram, 0, PAGE | dir);
    set_pte(r->ram + PAGE, WINDOW >> 30, 2 * PAGE | dir);
    set_pte(r->ram + 2 * (size_t)PAGE, WINDOW >> 21 & 511, 3 * PAGE | dir);
    set_pte(pt, 0, RIG_CODE | P | U | A);
    for (unsigned at = WINDOW_DATA; at < WINDOW_END; at += PAGE) {
        uint64_t gpa = RIG_DATA + at - WINDOW_DATA;

        set_pte(pt, at / PAGE, gpa | P | U | A | (at < WINDOW_RO ? W | D : 0));
    }
    set_pte(pt, RIG_TSS_AT / PAGE, RIG_TSS | P | W | A | D); /* for ring 0 */
}

void rig_open(struct rig *r)
{
    struct mem_slot slot = { .len = RIG_RAM, .name = "ram" };

    memset(r, 0, sizeof(*r));
    r->m = stub_machine(&r->stub, 0);
    r->ram = aligned_alloc(PAGE, RIG_RAM);
    r->c = aligned_alloc(64, (sizeof(*r->c) + 63) & ~(size_t)63);
    r->model = calloc(1, sizeof(*r->model));
    if (r->ram == NULL || r->c == NULL || r->model == NULL)
        abort();
    memset(r->ram, 0, RIG_RAM);
    memset(r->c, 0, sizeof(*r->c));
    slot.host = r->ram;
    if (machine_add_mem(r->m, &slot, NULL) < 0 || machine_add_cpu(r->m, &r->stub.state, NULL) < 0)
        abort();
    r->model->features = UINT64_MAX;
    r->model->intel = !host_is_amd();
    r->code = r->ram + RIG_CODE;
    r->data = r->ram + RIG_DATA;
    r->c->vcpu = r->m->cpu[0];
    r->c->sys.model = r->model;
    make_tables(r);
    rig_mode(r, X86_CODE_64);
}

void rig_close(struct rig *r)
{
    machine_free(r->m);
    free(r->c);
    free(r->ram);
    free(r->model);
}

static struct x86_seg segment(uint16_t selector, uint8_t type, uint64_t base, uint32_t limit)
{
    return (struct x86_seg){ .base = base,
                             .limit = limit,
                             .selector = selector,
                             .type = type,
                             .dpl = 3,
                             .s = true,
                             .present = true,
                             .db = true };
}

void rig_mode(struct rig *r, enum x86_code code)
{
    struct x86_state *s = &r->c->s;
    bool is16 = code == X86_CODE_16;
    struct x86_seg cs = segment(is16 ? NATIVE_CS16 : NATIVE_CS32, 11, is16 ? WINDOW : 0,
                                is16 ? 0xffff : UINT32_MAX);
    struct x86_seg ds = segment(is16 ? NATIVE_DS16 : NATIVE_DS32, 3, cs.base, cs.limit);

    cs.l = code == X86_CODE_64;
    cs.db = code == X86_CODE_32;
    ds.db = !is16;
    for (unsigned i = 0; i < X86_NSREG; i++)
        s->seg[i] = i == X86_CS ? cs : ds;
    s->seg[X86_FS].selector = s->seg[X86_GS].selector = 0;
    if (code == X86_CODE_64) {
        s->seg[X86_CS].selector = NATIVE_CS64;
        s->seg[X86_DS].selector = s->seg[X86_ES].selector = 0;
    }
    s->tr.unusable = true;
    s->cr0 = X86_CR0_PE | X86_CR0_PG | X86_CR0_WP | X86_CR0_NE;
    s->cr3 = RIG_TABLES;
    s->cr4 = X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXSAVE;
    s->efer = X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE;
    s->rflags = X86_RFLAGS_FIXED | X86_RFLAGS_IF;
    r->c->waiting = false;
    r->c->naccesses = 0;
    soft_flush(r->c, true);
    soft_mode_changed(r->c);
}

void rig_real(struct rig *r)
{
    struct x86_state *s = &r->c->s;

    rig_mode(r, X86_CODE_16);
    s->cr0 = 0;
    s->cr4 = 0;
    s->efer = 0;
    for (unsigned i = 0; i < X86_NSREG; i++) {
        s->seg[i].base = i == X86_CS ? RIG_CODE : RIG_DATA - WINDOW_DATA;
        s->seg[i].selector = (uint16_t)(s->seg[i].base >> 4);
        s->seg[i].dpl = 0;
    }
    soft_flush(r->c, true);
    soft_mode_changed(r->c);
}

bool rig_once(struct rig *r)
{
    struct soft_cpu *c = r->c;
    const uint8_t *at = r->code + (c->s.rip % PAGE);
    struct x86_insn in;

    if (x86_decode(at, X86_INSN_MAX, (enum x86_code)c->code_bits, &in) != X86_DECODE_OK)
        return soft_raise(c, VEC_UD);
    if (!soft_execute(c, &in, soft_op_of(x86_insn_row(&in))))
        return false;
    c->s.rip = c->next_rip;
    c->naccesses = 0;
    return true;
}

bool rig_run(struct rig *r, const void *bytes, unsigned len)
{
    memset(r->code, 0xcc, PAGE);
    memcpy(r->code, bytes, len);
    r->c->s.rip = r->c->s.seg[X86_CS].base == 0 ? WINDOW : 0;
    r->c->naccesses = 0;
    return rig_once(r);
}

bool rig_answer(struct rig *r, uint64_t data)
{
    const struct cpu_exit *x = &r->c->vcpu->exit;

    r->c->access[r->c->naccesses++] = (struct soft_access){ .addr = x->addr,
                                                            .data = data,
                                                            .width = x->width,
                                                            .port = x->kind == EXIT_PIO,
                                                            .write = x->write };
    return rig_once(r);
}
