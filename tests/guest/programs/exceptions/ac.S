/* SPDX-License-Identifier: MIT */
/*
 * With CR0.AM and EFLAGS.AC an access of ring 3 that is not aligned is #AC(0); ring 0 is not checked,
 * implicit accesses are not.
 */
#include "lab64.inc"
    program long, "SDM 3A, Alignment Check Exception (#AC)", "mode_long mode_long_ring3"
main:
    set_cr0 CR0_AM
    movq    $FLAG_AC | 2, UFLAGS
    user    AC, 0, mov DATA + 1, %eax
    user    AC, 0, mov %ax, DATA + 1
    user    AC, 0, mov DATA + 4, %rax
    user    AC, 0, lock incl DATA + 2
    user    AC, 0, fldl DATA + 4
    user_ok mov DATA + 4, %eax
    user_ok mov DATA + 1, %al
    user    GP, 0, movaps DATA + 8, %xmm0
    pushfq
    orq     $FLAG_AC, (%rsp)
    popfq
    mov     DATA + 1, %eax
    pushfq
    andq    $~FLAG_AC, (%rsp)
    popfq
    clear_cr0 CR0_AM
    user_ok mov DATA + 1, %eax
    set_cr0 CR0_AM
    movq    $2, UFLAGS
    user_ok mov DATA + 1, %eax
    pass
