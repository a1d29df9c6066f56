/* SPDX-License-Identifier: MIT */
/*
 * recipe.h - arithmetic flags that are not kept, but can be computed anew
 *
 * Where all flags have to be right at any place (deterministic runs), most of them are read by nobody. After CMP RAX, 5
 * they follow from RAX, as long as that stays; after ADD RAX, RCX from both. A recipe names such an instruction. It is
 * a number, which a site has (FLAGS_RECIPE), or frame.flags instead of flags. There it may be one whose registers have
 * been kept (frame.kept), since they will be other ones.
 */
#ifndef ENGINE_SOFT_TRANS_RECIPE_H
#define ENGINE_SOFT_TRANS_RECIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "x86/decode.h"

/* A recipe has it. Flags in the frame have AL as SETO leaves it, 0 or 1, and in the upper half anything. */
enum { RECIPE_NONE = 0, RECIPE_MARK = 1 << 7, RECIPE_KEPT = 1 << 6, RECIPE_REGISTERS = 2 };

/* recipe_of - of the flags that an instruction leaves, which writes all of them; RECIPE_NONE: they need more than registers
 */
uint32_t recipe_of(const struct x86_insn *in);

/* An instruction writes a register that the recipe reads. */
bool recipe_spoilt(uint32_t recipe, const struct x86_insn *in);

/* recipe_registers - which of the guest's registers it reads, and how many these are */
unsigned recipe_registers(uint32_t recipe, uint8_t reg[RECIPE_REGISTERS]);

/*
 * recipe_flags - OF SF ZF AF PF CF at their places in RFLAGS
 *
 * gpr   all registers as they are
 * kept  with RECIPE_KEPT: what those of recipe_registers were, in that order
 */
uint64_t recipe_flags(uint32_t recipe, const uint64_t *gpr, const uint64_t *kept);

#endif
