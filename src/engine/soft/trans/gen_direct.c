/* SPDX-License-Identifier: MIT */
/*
 * gen_direct.c - operands that are accessed by their own register
 *
 * Behind a check S2 can be the distance from the guest's page to the host's (frame.h). An operand of one register is
 * that register with S2 and the instruction's own displacement, so that what it loads waits for neither the sum with
 * the tag nor that with the host's page. With two registers there is no room for S2.
 */
#include "engine/soft/trans/gen.h"

static bool at_home(unsigned reg)
{
    return reg < 16 && gen_home(reg) != GEN_SPILLED;
}

bool gen_direct(const struct scan_insn *x)
{
    const struct x86_insn *in = &x->in;
    bool one = (at_home(in->base) && in->index == X86_REG_NONE) ||
               (at_home(in->index) && in->base == X86_REG_NONE);

    return one && x->kind == SCAN_COPY && in->flags & X86_INSN_MEM && in->addrsize == 8 &&
           in->seg != X86_FS && in->seg != X86_GS && !gen_has_high_byte(in) && gen_shares_s1(in);
}

struct emit_mem gen_direct_place(const struct x86_insn *in)
{
    if (in->index == X86_REG_NONE)
        return (struct emit_mem){ (uint8_t)gen_home(in->base), HOST_S2, 0, (int32_t)in->disp };
    return (struct emit_mem){ HOST_S2, (uint8_t)gen_home(in->index), in->scale, (int32_t)in->disp };
}
