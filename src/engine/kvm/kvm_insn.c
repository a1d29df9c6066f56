/* SPDX-License-Identifier: MIT */
/*
 * kvm_insn.c - matches instructions with the access of an exit
 *
 * Registers are those of the exit. KVM's emulator writes them back before it reports a write, so the
 * address register of a string instruction has moved on by one element then; before a read nothing has.
 */
#include "engine/kvm/kvm_insn.h"

#include <Zydis/Zydis.h>

#include "core/mem_phys.h"

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

static void decoder_for(const struct kvm_site *s, ZydisDecoder *d)
{
    bool db = s->state.seg[X86_CS].db;

    switch (x86_mode_of(&s->state)) {
    case X86_MODE_REAL:
    case X86_MODE_VM86:
        ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_REAL_16, ZYDIS_STACK_WIDTH_16);
        break;
    case X86_MODE_PROT16:
        ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
        break;
    case X86_MODE_PROT32:
        ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
        break;
    case X86_MODE_COMPAT:
        ZydisDecoderInit(d,
                         db ? ZYDIS_MACHINE_MODE_LONG_COMPAT_32 : ZYDIS_MACHINE_MODE_LONG_COMPAT_16,
                         db ? ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16);
        break;
    case X86_MODE_LONG:
        ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        break;
    }
}

/* An instruction with what is needed to say what its operands are. */
struct decoded {
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
    uint64_t next; /* offset in CS of the instruction after it */
};

static uint64_t reg_value(const struct kvm_site *s, const struct decoded *d, ZydisRegister reg)
{
    switch (ZydisRegisterGetClass(reg)) {
    case ZYDIS_REGCLASS_GPR16:
    case ZYDIS_REGCLASS_GPR32:
    case ZYDIS_REGCLASS_GPR64:
        return s->state.gpr[ZydisRegisterGetId(reg)];
    case ZYDIS_REGCLASS_IP:
        return d->next;
    default:
        return 0;
    }
}

static uint64_t segment_base(const struct kvm_site *s, ZydisRegister reg)
{
    ZyanI8 id = ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_SEGMENT ? ZydisRegisterGetId(reg) : -1;

    if (id < 0 || (x86_mode_of(&s->state) == X86_MODE_LONG && id != X86_FS && id != X86_GS))
        return 0;
    return s->state.seg[id].base;
}

static bool is_string(const struct decoded *d)
{
    return d->insn.meta.category == ZYDIS_CATEGORY_STRINGOP ||
           d->insn.meta.category == ZYDIS_CATEGORY_IOSTRINGOP;
}

/* Linear address of a memory operand of the access, see the head of this file for strings. */
static uint64_t operand_linear(const struct kvm_site *s, const struct decoded *d,
                               const ZydisDecodedOperand *op)
{
    uint64_t mask = d->insn.address_width == 64 ? UINT64_MAX : BIT(d->insn.address_width) - 1;
    uint64_t at = reg_value(s, d, op->mem.base) + reg_value(s, d, op->mem.index) * op->mem.scale +
                  (op->mem.disp.has_displacement ? (uint64_t)op->mem.disp.value : 0);

    if (s->write && is_string(d))
        at += s->state.rflags & X86_RFLAGS_DF ? op->size / 8 : UINT64_C(0) - op->size / 8;
    at = (at & mask) + segment_base(s, op->mem.segment);
    return x86_mode_of(&s->state) == X86_MODE_LONG ? at : (uint32_t)at;
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

static void match_mmio(const struct kvm_site *s, const struct decoded *d, struct kvm_match *m)
{
    unsigned wanted = s->write ? ZYDIS_OPERAND_ACTION_MASK_WRITE : ZYDIS_OPERAND_ACTION_MASK_READ;

    for (unsigned i = 0; i < d->insn.operand_count; i++) {
        const ZydisDecodedOperand *op = &d->op[i];
        uint64_t size = op->size / 8, linear;

        if (op->type != ZYDIS_OPERAND_TYPE_MEMORY || op->mem.type != ZYDIS_MEMOP_TYPE_MEM ||
            !(op->actions & wanted) || size < s->len)
            continue;
        linear = operand_linear(s, d, op);
        if (size != s->len && size <= 8 && linear % PAGE + size <= PAGE)
            continue; /* only wide operands and those across a page border come in parts */
        m->looks = true;
        m->fits |= covers(s, linear, size);
    }
}

/* The data of OUT is in rAX, that of OUTS in memory; both can be compared with what KVM handed out. */
static bool data_fits(const struct kvm_site *s, const struct decoded *d,
                      const ZydisDecodedOperand *op)
{
    uint8_t bytes[4];

    if (!s->write)
        return true;
    if (op->type == ZYDIS_OPERAND_TYPE_REGISTER)
        return ((s->state.gpr[X86_RAX] ^ s->data) & ones(s->len)) == 0;
    return read_linear(s, operand_linear(s, d, op), bytes, s->len) == s->len &&
           le_get(bytes, s->len) == s->data;
}

/* IN, OUT, INS, OUTS: operand 0 or 1 is the port (DX or a number), the other one the data. */
static void match_pio(const struct kvm_site *s, const struct decoded *d, struct kvm_match *m)
{
    const ZydisDecodedOperand *port = &d->op[s->write ? 0 : 1], *data = &d->op[s->write ? 1 : 0];
    uint64_t number;

    if (d->insn.meta.category != ZYDIS_CATEGORY_IO &&
        d->insn.meta.category != ZYDIS_CATEGORY_IOSTRINGOP)
        return;
    if (port->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
        number = port->imm.value.u & 0xff;
    else if (port->type == ZYDIS_OPERAND_TYPE_REGISTER && port->reg.value == ZYDIS_REGISTER_DX)
        number = s->state.gpr[X86_RDX] & 0xffff;
    else
        return; /* the other direction */
    m->looks = number == s->addr && data->size / 8 == s->len;
    m->fits = m->looks && data_fits(s, d, data);
}

struct kvm_match kvm_site_match(const struct kvm_site *s, unsigned at)
{
    struct kvm_match m = { 0 };
    ZydisDecoder decoder;
    struct decoded d;

    decoder_for(s, &decoder);
    if (at < s->first || at >= s->end ||
        !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, s->code + at, s->end - at, &d.insn, d.op)))
        return m;
    m.len = d.insn.length;
    m.rep = is_string(&d) && d.insn.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE |
                                                  ZYDIS_ATTRIB_HAS_REPNE);
    d.next = s->state.rip + at + m.len - SITE_BACK;
    switch (s->kind) {
    case SITE_PIO:
        match_pio(s, &d, &m);
        break;
    case SITE_MMIO:
        match_mmio(s, &d, &m);
        break;
    case SITE_HLT:
        m.looks = m.fits = d.insn.mnemonic == ZYDIS_MNEMONIC_HLT;
        break;
    }
    return m;
}
