/* SPDX-License-Identifier: MIT */
/* mem_phys.h - guest memory as a page walk reads it; used by engines and views. */
#ifndef CORE_MEM_PHYS_H
#define CORE_MEM_PHYS_H

#include "core/mem.h"
#include "x86/walk.h"

/* Reads of a table outside memory fail: the walk ends there. Borrows m for as long as it is used. */
struct x86_phys mem_phys(const struct mem *m);

#endif
