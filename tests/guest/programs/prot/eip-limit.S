/* SPDX-License-Identifier: MIT */
/*
 * EIP beyond the limit of CS is #GP(0): at the jump for transfers, at the instruction when code runs
 * off the end.
 */
#include "lab32.inc"
    program protected, "SDM 2, JMP, CALL, RET; SDM 3A, Limit Checking", "mode_protected"
main:
    desc    SEL_A, 0, 0xdfff, A_CODE, 4
    ljmp    $SEL_A, $1f
1:  mov     $0xe000, %ecx
    .macro  small vec:req, insn:vararg
    fault   \vec, 0, \insn
    ljmp    $SEL_A, $.Lsmall\@
.Lsmall\@:
    .endm
    small   GP, jmp *%ecx
    small   GP, call *%ecx
    small   GP, jmp 0xe000
    check_eq $KSTACK, %esp, a failed CALL pushes nothing
    push    %ecx
    small   GP, ret
    pop     %ecx
    fault   GP, 0, ljmp $SEL_A, $0xe000
    ljmp    $SEL_A, $2f
2:  movw    $0x9090, 0xdffe
    movw    $0x9090, 0xe000
    mov     %esp, KSP
    movl    $3f, RESUME
    mov     $0xdffe, %ecx
    jmp     *%ecx
3:  expect  GP, 0, 0xe000, running off the end
    ljmp    $SEL_A, $4f
4:  movb    $0xb8, 0xdffe
    movl    $5f, RESUME
    jmp     *%ecx
5:  expect  GP, 0, 0xdffe, an instruction over the end
    ljmp    $CODE0, $6f
6:  desc    SEL_A, 0, 0xd8ff, A_CODE, 4     /* the end lies in the middle of a page */
    movl    $0x90909090, 0xd8f8
    movl    $0xb8909090, 0xd8fc
    movl    $0, 0xd900
    movl    $7f, RESUME
    mov     $0xd8f8, %ecx
    ljmp    $SEL_A, $0xd8f8
7:  expect  GP, 0, 0xd8ff, an instruction over the end in a page
    pass
