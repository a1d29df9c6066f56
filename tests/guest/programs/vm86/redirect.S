/* SPDX-License-Identifier: MIT */
/*
 * With CR4.VME a bit of the TSS for each vector says where INT n goes: 1 to the IDT (methods 3 and 4), 0 to the program's
 * own table at linear address 0 (methods 5 and 6). INT3 has no bit.
 */
#include "lab32.inc"
    program protected, "SDM 3B, Software Interrupt Handling Methods While in Virtual-8086 Mode", "mode_protected"
    .set FLAG_VIF, 0x80000
    .set FRAME, 0x58000 + V86_SP - 6
    .set MAP, IOMAP             /* 32 bytes; the I/O bitmap then begins behind them */
main:
    mov     $1, %eax
    cpuid
    bt      $1, %edx
    jc      1f
    end_with ENDS_UNOFFERED
1:  set_cr4 CR4_VME
    movw    $0x88, TSS + 0x66
    movb    $0x02, MAP + 0x40 / 8   /* 41 is the monitor's */
    movl    $V86_CS * 0x10000 + own - 0x8000, 0x40 * 4
    movl    $V86_CS * 0x10000 + own - 0x8000, 0x41 * 4
    movl    $V86_CS * 0x10000 + own - 0x8000, 0x03 * 4

    .macro own_handler flags:req
    movl    $1f, RESUME
    enter_v86 2f, \flags
    .code16
2:  int     $0x40
3:  ud2
    .code32
1:  expect  UD, 0, own-0x8000, INT n to the own handler
    mov     REC_SP, %eax
    check_eq $V86_SP-6, %ax, three words are on its stack
    cmpw    $3b-0x8000, FRAME
    check   e, saved IP
    cmpw    $V86_CS, FRAME + 2
    check   e, saved CS
    .endm

    own_handler FLAG_VIF | 0x1000
    cmpw    $0x3202, FRAME + 4
    check   e, saved FLAGS have VIF as IF and IOPL 3
    testl   $FLAG_VIF, REC_FLAGS
    check   z, VIF is clear in the handler
    own_handler FLAG_IF | FLAG_VIF | FLAG_IOPL3
    cmpw    $0x3202, FRAME + 4
    check   e, with IOPL 3 saved FLAGS are the real ones
    testl   $FLAG_IF, REC_FLAGS
    check   z, with IOPL 3 IF is clear in the handler
    testl   $FLAG_VIF, REC_FLAGS
    check   nz, with IOPL 3 VIF stays

    v86     GP, 0, 0, int $0x41
    movl    $1f, RESUME
    movb    $0xee, IDT + 8 * 0x41 + 5
    enter_v86 2f, FLAG_IOPL3
    .code16
2:  int     $0x41
3:  nop
    .code32
1:  expect  0x41, 0, 3b-0x8000, INT n by the IDT with IOPL 3

    movl    $1f, RESUME
    enter_v86 2f, 0
    .code16
2:  int3
3:  nop
    .code32
1:  expect  BP, 0, 3b-0x8000, INT3 is not redirected
    movw    $0x10, TSS + 0x66
    v86     GP, 0, FLAG_IOPL3, int $0x40
    pass
    .code16
own:
    ud2
