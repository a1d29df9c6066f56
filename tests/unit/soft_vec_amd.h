/* SPDX-License-Identifier: MIT */
/*
 * soft_vec_amd.h - where AMD's CPUs do otherwise than the software CPU with vectors, x87 and their state
 *
 * As soft_int_amd.h: exact, rule by rule. docs/decisions/0005 has the list.
 */
#ifndef TESTS_SOFT_VEC_AMD_H
#define TESTS_SOFT_VEC_AMD_H

#include "soft_vec_rig.h"

/* Makes k->soft and r->soft_after, the software CPU's result, what AMD's would be. r->page is as before. */
void vec_amd_expect(struct rig *r, struct rig_case *k);

#endif
