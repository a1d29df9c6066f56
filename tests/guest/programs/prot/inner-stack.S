/* SPDX-License-Identifier: MIT */
/*
 * An interrupt from ring 3 takes SS0:ESP0 from the TSS. What is wrong with them is #TS(SS0), or
 * #SS(SS0) when it is not present.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Stack Usage on Transfers to Interrupt and Exception-Handling Routines; Invalid TSS Exception (#TS)", "mode_protected ring3_int"
main:
    user    UD, 0, ud2
    cmpl    $KSTACK - 0x1000 - 20, REC_FRAME
    check   e, five words on the stack of ring 0
    cmpl    $USTACK, REC_SP
    check   e, ESP of ring 3
    cmpw    $DATA3, REC_SS
    check   e, SS of ring 3
    cmpw    $DATA0, REC_HSS
    check   e, SS of the handler
    /* The handlers of #TS and #SS run as tasks' do not: through a gate to conforming code they keep ring 3. */
    desc    SEL_A, 0, 0xfffff, A_CODE | 4, 0xc
    desc    SEL_B, 0, 0xfffff, A_DATA & 0x7f, 0xc
    gate    TS, handler, 0x8e, SEL_A
    gate    SS, handler, 0x8e, SEL_A
    .macro bad_ss0 selector:req, error:req
    movl    $\selector, TSS + 8
    movl    $.Lnext\@, AFTER
    enter_user .Lint\@
.Lint\@:
    int     $0x40
.Lnext\@:
    pop     %ecx
    mov     %ecx, DATA
    pop     %edx
    mov     %edx, DATA + 8
    movl    $DATA0, TSS + 8
    movl    $.Lback\@, RESUME
    ud2
.Lback\@:
    cmpl    $\error, DATA
    check   e, error code of \selector in SS0
    cmpl    $.Lint\@, DATA + 8
    check   e, saved EIP of \selector in SS0
    .endm
    .set AFTER, 0x690
    bad_ss0 0, 0
    bad_ss0 DATA3, 0x20
    bad_ss0 SEL_OUT, SEL_OUT
    bad_ss0 CODE0, CODE0
    bad_ss0 SEL_B, SEL_B
    pass
handler:
    jmp     *AFTER
