/* SPDX-License-Identifier: MIT */
/*
 * kvm_insn.c - matches instructions with the access of an exit
 *
 * Registers are those of the exit. KVM's emulator writes them back before it reports a write, so the
 * address register of a string instruction has moved on by one element then; before a read nothing has.
 */
#include "engine/kvm/kvm_insn.h"

#include "core/mem_phys.h"
#include "x86/operand.h"

enum { PAGE = 4096 };

static bool to_gpa(const struct kvm_site *s, uint64_t linear, gpa_t *gpa)
{
    struct x86_phys phys = mem_phys(s->mem);
    struct x86_walk walk;

    x86_walk(&s->paging, &phys, linear, &walk);
    *gpa = walk.gpa;
    return walk.end == X86_WALK_MAPPED;
}

/* Copies bytes one guest page at a time; the first that cannot be read ends it. */
static unsigned read_linear(const struct kvm_site *s, uint64_t linear, uint8_t *dst, unsigned len)
{
    unsigned done = 0;

    while (done < len) {
        unsigned room = PAGE - (unsigned)((linear + done) % PAGE);
        unsigned n = len - done < room ? len - done : room;
        gpa_t gpa;

        if (!to_gpa(s, linear + done, &gpa) || !mem_get(s->mem, gpa, dst + done, n))
            break;
        done += n;
    }
    return done;
}

int kvm_site_load(struct vcpu *cpu, struct kvm_site *s, struct vitro_err *err)
{
    int rc = kvm_load_state(cpu, STATE_REGS | STATE_SREGS, &s->state, err);
    uint64_t linear;
    unsigned back;

    if (rc < 0)
        return rc;
    s->mem = &cpu->m->mem;
    x86_paging_regs_from(&s->state, 52, &s->paging);
    linear = x86_linear_rip(&s->state);
    s->end = SITE_BACK + read_linear(s, linear, s->code + SITE_BACK, INSN_MAX);
    /* Bytes before it: all, or only those of its own page when the page before is not there. */
    back = linear < SITE_BACK ? (unsigned)linear : SITE_BACK;
    s->first = SITE_BACK - back;
    if (read_linear(s, linear - back, s->code + s->first, back) < back) {
        back = linear % PAGE < back ? (unsigned)(linear % PAGE) : 0;
        s->first = SITE_BACK - back;
        if (read_linear(s, linear - back, s->code + s->first, back) < back)
            s->first = SITE_BACK;
    }
    return 0;
}

static enum x86_code code_of(const struct x86_state *s)
{
    switch (x86_mode_of(s)) {
    case X86_MODE_REAL:
    case X86_MODE_VM86:
    case X86_MODE_PROT16:
        return X86_CODE_16;
    case X86_MODE_PROT32:
        return X86_CODE_32;
    case X86_MODE_COMPAT:
        return s->seg[X86_CS].db ? X86_CODE_32 : X86_CODE_16;
    case X86_MODE_LONG:
        break;
    }
    return X86_CODE_64;
}

/* An instruction with what is needed to say what its operands are. */
struct decoded {
    struct x86_insn insn;
    uint64_t next; /* offset in CS of the instruction after it */
};

static uint64_t reg_value(const struct kvm_site *s, const struct decoded *d, unsigned reg)
{
    if (reg == X86_BASE_RIP)
        return d->next;
    return reg != X86_REG_NONE ? s->state.gpr[reg] : 0;
}

static uint64_t segment_base(const struct kvm_site *s, unsigned seg)
{
    if (x86_mode_of(&s->state) == X86_MODE_LONG && seg != X86_FS && seg != X86_GS)
        return 0;
    return s->state.seg[seg].base;
}

/* Where the instruction has, or had, its memory; see the head of this file for strings. */
static uint64_t offset_of(const struct kvm_site *s, const struct decoded *d,
                          const struct x86_operand *op)
{
    const struct x86_insn *in = &d->insn;
    uint64_t at;

    if (op->kind != X86_OPK_STRSRC && op->kind != X86_OPK_STRDST)
        return in->disp + reg_value(s, d, in->base) + (reg_value(s, d, in->index) << in->scale);
    at = s->state.gpr[op->kind == X86_OPK_STRSRC ? X86_RSI : X86_RDI];
    if (!s->write)
        return at;
    return s->state.rflags & X86_RFLAGS_DF ? at + op->bytes : at - op->bytes;
}

static uint64_t linear_of(const struct kvm_site *s, uint64_t offset, unsigned seg)
{
    uint64_t at = offset + segment_base(s, seg);

    return x86_mode_of(&s->state) == X86_MODE_LONG ? at : (uint32_t)at;
}

static uint64_t operand_linear(const struct kvm_site *s, const struct decoded *d,
                               const struct x86_operand *op)
{
    return linear_of(s, offset_of(s, d, op) & ones(d->insn.addrsize), op->seg);
}

/*
 * The access is the operand, or the part of it that KVM hands out first: 8 bytes of a wider one, or what
 * lies on one side of a page border.
 */
static bool covers(const struct kvm_site *s, uint64_t linear, uint64_t size)
{
    uint64_t in_page = PAGE - linear % PAGE;
    gpa_t gpa;

    if (to_gpa(s, linear, &gpa) && s->addr - gpa < (size < in_page ? size : in_page))
        return true;
    return in_page < size && to_gpa(s, linear + in_page, &gpa) && s->addr - gpa < size - in_page;
}

static void match_memory(const struct kvm_site *s, uint64_t linear, uint64_t size,
                         struct kvm_match *m)
{
    if (size < s->len || (size != s->len && size <= 8 && linear % PAGE + size <= PAGE))
        return; /* only wide operands and those across a page border come in parts */
    m->looks = true;
    m->fits |= covers(s, linear, size);
}

/* The element on the stack, which no operand names: rSP is where it lies, before a pop as after a push. */
static void match_stack(const struct kvm_site *s, const struct decoded *d, struct kvm_match *m)
{
    bool wide = x86_mode_of(&s->state) == X86_MODE_LONG, half = s->state.seg[X86_SS].db;
    bool pushes;

    switch (x86_insn_row(&d->insn)->mnemonic) {
    case X86_MN_PUSH:
    case X86_MN_PUSHF:
    case X86_MN_PUSHFD:
    case X86_MN_PUSHFQ:
    case X86_MN_CALL:
        pushes = true;
        break;
    case X86_MN_POP:
    case X86_MN_POPF:
    case X86_MN_POPFD:
    case X86_MN_POPFQ:
    case X86_MN_RET:
        pushes = false;
        break;
    default:
        return;
    }
    if (pushes == s->write)
        match_memory(s,
                     linear_of(s,
                               s->state.gpr[X86_RSP] & ones(wide   ? 8
                                                            : half ? 4
                                                                   : 2),
                               X86_SS),
                     d->insn.opsize, m);
}

static void match_mmio(const struct kvm_site *s, const struct decoded *d, struct kvm_match *m)
{
    unsigned wanted = s->write ? X86_ACCESS_W : X86_ACCESS_R;

    for (unsigned i = 0; i < 4; i++) {
        struct x86_operand op;

        x86_insn_operand(&d->insn, i, &op);
        if (op.what == X86_OPERAND_MEM && op.kind != X86_OPK_VSIB && op.access & wanted)
            match_memory(s, operand_linear(s, d, &op), op.bytes, m);
    }
    match_stack(s, d, m);
}

/* The data of OUT is in rAX, that of OUTS in memory; both can be compared with what KVM handed out. */
static bool data_fits(const struct kvm_site *s, const struct decoded *d,
                      const struct x86_operand *op)
{
    uint8_t bytes[4];

    if (!s->write)
        return true;
    if (op->what == X86_OPERAND_REG)
        return ((s->state.gpr[X86_RAX] ^ s->data) & ones(s->len)) == 0;
    return read_linear(s, operand_linear(s, d, op), bytes, s->len) == s->len &&
           le_get(bytes, s->len) == s->data;
}

static bool reaches_port(const struct x86_insn *in, bool write)
{
    switch (x86_insn_row(in)->mnemonic) {
    case X86_MN_IN:
    case X86_MN_INSB:
    case X86_MN_INSW:
    case X86_MN_INSD:
        return !write;
    case X86_MN_OUT:
    case X86_MN_OUTSB:
    case X86_MN_OUTSW:
    case X86_MN_OUTSD:
        return write;
    default:
        return false;
    }
}

/* IN, OUT, INS, OUTS: the destination is operand 0, and the port DX or a number. */
static void match_pio(const struct kvm_site *s, const struct decoded *d, struct kvm_match *m)
{
    struct x86_operand port, data;

    if (!reaches_port(&d->insn, s->write))
        return;
    x86_insn_operand(&d->insn, s->write ? 0 : 1, &port);
    x86_insn_operand(&d->insn, s->write ? 1 : 0, &data);
    m->looks = s->addr == (port.what == X86_OPERAND_IMM ? port.value & 0xff
                                                        : s->state.gpr[X86_RDX] & 0xffff) &&
               data.bytes == s->len;
    m->fits = m->looks && data_fits(s, d, &data);
}

struct kvm_match kvm_site_match(const struct kvm_site *s, unsigned at)
{
    struct kvm_match m = { 0 };
    const struct x86_row *row;
    struct decoded d;

    if (at < s->first || at >= s->end ||
        x86_decode(s->code + at, s->end - at, code_of(&s->state), &d.insn) != X86_DECODE_OK)
        return m;
    row = x86_insn_row(&d.insn);
    m.len = d.insn.len;
    m.rep = row->props & X86_ROW_REP && d.insn.flags & (X86_INSN_F2 | X86_INSN_F3);
    d.next = s->state.rip + at + m.len - SITE_BACK;
    switch (s->kind) {
    case SITE_PIO:
        match_pio(s, &d, &m);
        break;
    case SITE_MMIO:
        match_mmio(s, &d, &m);
        break;
    case SITE_HLT:
        m.looks = m.fits = row->mnemonic == X86_MN_HLT;
        break;
    }
    return m;
}
