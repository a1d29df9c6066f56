/* SPDX-License-Identifier: MIT */
/*
 * LDS, LES, LSS, LFS, LGS load offset and selector together; POP loads segment registers; with 32-bit
 * operands POP takes four bytes.
 */
#include "lab32.inc"
    program protected, "SDM 2, LDS/LES/LFS/LGS/LSS; POP", "mode_protected"
main:
    movl    $0x11223344, DATA
    movw    $DATA0, DATA + 4
    lds     DATA, %ebx
    check_eq $0x11223344, %ebx, offset of LDS
    mov     %ds, %ecx
    check_eq $DATA0, %cx, selector of LDS
    mov     $DATA3, %ecx
    mov     %cx, %ds
    mov     $DATA3, %ecx
    les     DATA, %ebx
    mov     %es, %ecx
    check_eq $DATA0, %cx, selector of LES
    mov     $DATA3, %ecx
    mov     %cx, %es
    lfs     DATA, %edx
    lgs     DATA, %esi
    check_eq %edx, %esi, offsets of LFS and LGS
    mov     %fs, %ecx
    check_eq $DATA0, %cx, selector of LFS
    movl    $KSTACK - 16, DATA
    lss     DATA, %esp
    check_eq $KSTACK-16, %esp, LSS
    movl    $0xffff0000 + DATA3, KSTACK - 16
    pop     %gs
    check_eq $KSTACK-12, %esp, POP GS takes four bytes
    push    %gs
    pop     %fs
    mov     %fs, %ecx
    check_eq $DATA3, %cx, POP FS
    pushl   $DATA0
    pop     %ds
    mov     %ds, %ecx
    check_eq $DATA0, %cx, POP DS
    pushl   $DATA3
    pop     %ds
    pushl   $DATA3
    pop     %es
    pushl   $DATA0
    pop     %ss
    pushw   $DATA3
    .byte   0x66
    pop     %es
    check_eq $KSTACK-12, %esp, POP ES with a 16-bit operand takes two
    movw    $SEL_OUT, DATA + 4
    fault   GP, SEL_OUT, lss DATA, %esp
    fault   UD, 0, .byte 0x0f, 0xb2, 0xc0
    pass
