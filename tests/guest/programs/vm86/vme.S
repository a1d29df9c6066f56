/* SPDX-License-Identifier: MIT */
/*
 * With CR4.VME and IOPL below 3 a virtual-8086 program finds VIF where it looks for IF: CLI, STI, and PUSHF, POPF and
 * IRET of 16 bits. Those of 32 bits stay #GP(0), and so does what would let an interrupt in while VIP is set.
 */
#include "lab32.inc"
    program protected, "SDM 3B, Virtual-8086 Mode Extensions; SDM 2, PUSHF, POPF, IRET", "mode_protected"
    .set FLAG_VIF, 0x80000
    .set FLAG_VIP, 0x100000
    .set PUSHED, 0x58000 + V86_SP - 2   /* the first word on the program's stack */
main:
    mov     $1, %eax
    cpuid
    bt      $1, %edx
    jc      1f
    end_with ENDS_UNOFFERED
1:  set_cr4 CR4_VME
    v86_ok  0, sti
    testl   $FLAG_VIF, REC_FLAGS
    check   nz, STI sets VIF
    testl   $FLAG_IF, REC_FLAGS
    check   z, STI leaves IF alone
    v86_ok  FLAG_VIF | FLAG_IF, cli
    testl   $FLAG_VIF, REC_FLAGS
    check   z, CLI clears VIF
    testl   $FLAG_IF, REC_FLAGS
    check   nz, CLI leaves IF alone
    v86     GP, 0, FLAG_VIP, sti
    v86     GP, 0, FLAG_VIP | FLAG_VIF, nop
    v86_ok  FLAG_VIP | FLAG_VIF | FLAG_IOPL3, nop
    v86_ok  FLAG_VIF | 0x2000, pushf
    cmpw    $0x3202, PUSHED
    check   e, PUSHF shows VIF as IF and IOPL 3
    v86_ok  FLAG_IF, pushf
    cmpw    $0x3002, PUSHED
    check   e, PUSHF shows no IF without VIF
    v86     GP, 0, 0, pushfl
    v86     GP, 0, 0, popfl
    v86     GP, 0, 0, iretl

    movl    $1f, RESUME
    enter_v86 2f, 0x1000
    .code16
2:  push    $0x4ed5 /* all that may be changed but TF, and another IOPL */
    popf
    ud2
    .code32
1:  mov     REC_FLAGS, %eax
    and     $0x1fffff, %eax
    check_eq $0xb5cd7, %eax, POPF sets VIF and keeps IF and IOPL

    movl    $1f, RESUME
    enter_v86 2f, FLAG_VIF
    .code16
2:  push    $2
    popf
    ud2
    .code32
1:  testl   $FLAG_VIF, REC_FLAGS
    check   z, POPF clears VIF

    .macro popf_faults image:req, flags:req
    movl    $1f, RESUME
    enter_v86 2f, \flags
    .code16
2:  push    $\image
3:  popf
    ud2
    .code32
1:  expect  GP, 0, 3b-0x8000, POPF of \image
    mov     REC_SP, %eax
    check_eq $V86_SP-2, %ax, SP after POPF that faults
    .endm
    popf_faults 0x202, FLAG_VIP
    popf_faults 0x102, 0

    .macro iret_of image:req, flags:req
    movl    $1f, RESUME
    enter_v86 2f, \flags
    .code16
2:  push    $\image
    push    $V86_CS
    push    $4f-0x8000
3:  iret
4:  ud2
    .code32
1:
    .endm
    iret_of 0x202, 0
    expect  UD, 0, 4b-0x8000, IRET
    testl   $FLAG_VIF, REC_FLAGS
    check   nz, IRET sets VIF
    testl   $FLAG_IF, REC_FLAGS
    check   z, IRET leaves IF alone
    iret_of 0x202, FLAG_VIP
    expect  GP, 0, 3b-0x8000, IRET with IF while VIP is set
    iret_of 0x102, 0
    expect  GP, 0, 3b-0x8000, IRET with TF
    iret_of 2, FLAG_VIP
    expect  UD, 0, 4b-0x8000, IRET without IF while VIP is set
    pass
