/* SPDX-License-Identifier: MIT */
/*
 * lab32.h - protected mode: descriptor tables, two rings, handlers that write down what happened
 *
 * DS and ES are flat data of DPL 3, so that they survive a visit of ring 3.
 */
#include "lab.h"

.set CODE0, 0x08
    .set DATA0, 0x10
    .set CODE3, 0x1b
    .set DATA3, 0x23
    .set TSS_SEL, 0x28
    .set TSS_B_SEL, 0x30
    .set LDT_SEL, 0x38
    .set CODE16, 0x40
    .set SEL_A, 0x48    /* free for programs, up to SEL_H */
    .set SEL_B, 0x50
    .set SEL_C, 0x58
    .set SEL_D, 0x60
    .set SEL_E, 0x68
    .set SEL_F, 0x70
    .set SEL_G, 0x78
    .set SEL_H, 0x80
    .set SEL_OUT, 0x100 /* beyond the limit */

    /* Access bytes; flags are the upper nibble: 8 G, 4 D/B, 2 L. */
    .set A_CODE, 0x9b
    .set A_DATA, 0x93
    .set A_DPL3, 0x60

    .macro desc_at place:req, base:req, limit:req, access:req, flags:req
    movl    $((\limit) & 0xffff) | ((\base) & 0xffff) << 16, \place
    movl    $(((\base) >> 16) & 0xff) | (\access) << 8 | ((\limit) & 0xf0000) | (\flags) << 20 | ((\base) & 0xff000000), \place + 4
    .endm

    .macro desc sel:req, base:req, limit:req, access:req, flags:req
    desc_at GDT+((\sel)&0xf8), \base, \limit, \access, \flags
    .endm

    /* A gate to a label below 64 KiB. access: 8e interrupt, 8f trap, 8c call, 85 task, + 60 DPL 3 */
    .macro gate_at place:req, sel:req, offset:req, access:req, count=0
    movl    $(\offset) + (\sel) * 0x10000, \place
    movl    $(\access) << 8 | (\count), \place + 4
    .endm

    .macro gate vec:req, offset:req, access=0x8e, sel=CODE0
    gate_at IDT+8*\vec, \sel, \offset, \access
    .endm

    .code32
start:
    mov     $KSTACK, %esp
    movl    $0, RESUME
    movl    $0, REC_COUNT
    movl    $2, UFLAGS
    desc    0, 0, 0, 0, 0
    desc    CODE0, 0, 0xfffff, A_CODE, 0xc
    desc    DATA0, 0, 0xfffff, A_DATA, 0xc
    desc    CODE3, 0, 0xfffff, A_CODE | A_DPL3, 0xc
    desc    DATA3, 0, 0xfffff, A_DATA | A_DPL3, 0xc
    desc    TSS_SEL, TSS, 0xe8, 0x89, 0
    desc    TSS_B_SEL, TSS_B, 0x67, 0x89, 0
    desc    LDT_SEL, LDT, 0x1f, 0x82, 0
    desc    CODE16, 0, 0xffff, A_CODE, 0
    movw    $0xff, GDT - 8
    movl    $GDT, GDT - 6
    lgdt    GDT - 8
    ljmp    $CODE0, $1f
1:  mov     $DATA3, %eax
    mov     %ax, %ds
    mov     %ax, %es
    mov     $DATA0, %eax
    mov     %ax, %ss
    mov     $stubs32 + CODE0 * 0x10000, %eax
    mov     $IDT, %edi
2:  mov     %eax, (%edi)
    movl    $0x8e00, 4(%edi)
    add     $STUB32, %eax
    add     $8, %edi
    cmp     $IDT + 8 * 0x42, %edi
    jb      2b
    movb    $0xee, IDT + 8 * BP + 5
    movb    $0xee, IDT + 8 * OF + 5
    movb    $0xee, IDT + 8 * 0x40 + 5
    movw    $0x42 * 8 - 1, GDT - 16
    movl    $IDT, GDT - 14
    lidt    GDT - 16
    mov     $TSS, %edi
    mov     $0xe8 / 4, %ecx
    xor     %eax, %eax
    rep stosl
    movl    $KSTACK - 0x1000, TSS + 4
    movl    $DATA0, TSS + 8
    movw    $0x68, TSS + 0x66
    movb    $0xff, TSS + 0xe8
    mov     $TSS_SEL, %eax
    ltr     %ax
    jmp     main

    .set STUB32, 12
    .balign 4
stubs32:
    .set v, 0
    .rept 0x42
    .if v != DF && (v < TS || v > PF) && v != AC
    pushl   $0
    .endif
    pushl   $v
    jmp     common32
    .org    stubs32 + STUB32 * (v + 1)
    .set v, v + 1
    .endr

    /* 0: EAX, 4: DS, 8: vector, 12: error code, 16: EIP, 20: CS, 24: EFLAGS, 28: ESP, 32: SS */
common32:
    push    %ds
    push    %eax
    mov     $DATA3, %eax
    mov     %ax, %ds
    mov     8(%esp), %eax
    mov     %eax, REC_VECTOR
    mov     12(%esp), %eax
    mov     %eax, REC_ERROR
    mov     16(%esp), %eax
    mov     %eax, REC_IP
    mov     20(%esp), %eax
    mov     %eax, REC_CS
    mov     24(%esp), %eax
    mov     %eax, REC_FLAGS
    lea     16(%esp), %eax
    mov     %eax, REC_FRAME
    cmp     $KSTACK - 0x10, %eax
    jae     1f
    mov     28(%esp), %eax
    mov     %eax, REC_SP
    mov     32(%esp), %eax
    mov     %eax, REC_SS
1:  mov     %ss, REC_HSS
    mov     %cs, REC_HCS
    mov     %cr2, %eax
    mov     %eax, REC_CR2
    mov     %dr6, %eax
    mov     %eax, REC_DR6
    incl    REC_COUNT
    cmpl    $0, RESUME
    jne     2f
    end_with ENDS_UNEXPECTED
2:  mov     RESUME, %eax
    mov     %eax, GO
    movl    $0, RESUME
    mov     (%esp), %eax
    mov     %eax, SAVED
    mov     $DATA0, %eax
    mov     %ax, %ss
    mov     KSP, %esp
    mov     $DATA3, %eax
    mov     %ax, %es
    mov     SAVED, %eax
    jmp     *GO

    .macro expect vec:req, err:req, ip:req, text:vararg
    cmpl    $\vec, REC_VECTOR
    check   e, vector of: \text
    cmpl    $\err, REC_ERROR
    check   e, error code of: \text
    cmpl    $\ip, REC_IP
    check   e, saved EIP of: \text
    .endm

    /* The instruction raises this, with its own address saved. */
    .macro fault vec:req, err:req, insn:vararg
    mov     %esp, KSP
    movl    $.Lon\@, RESUME
.Lat\@:
    \insn
    fail    nothing raised by: \insn
.Lon\@:
    expect  \vec, \err, .Lat\@, \insn
    .endm

    .macro trap vec:req, insn:vararg
    mov     %esp, KSP
    movl    $.Lon\@, RESUME
    \insn
.Lat\@:
    fail    nothing raised by: \insn
.Lon\@:
    expect  \vec, 0, .Lat\@, \insn
    .endm

    /* Goes to ring 3; code there ends in UD2, and on_return says what was to happen. */
    .macro enter_user label:req
    mov     %esp, KSP
    pushl   $DATA3
    pushl   $USTACK
    pushl   UFLAGS
    pushl   $CODE3
    pushl   $\label
    iret
    .endm

    /* One instruction in ring 3 raises this. */
    .macro user vec:req, err:req, insn:vararg
    movl    $.Lon\@, RESUME
    enter_user .Lat\@
.Lat\@:
    \insn
    ud2
.Lon\@:
    expect  \vec, \err, .Lat\@, ring 3: \insn
    .endm

    /* One instruction in ring 3 raises nothing. */
    .macro user_ok insn:vararg
    movl    $.Lon\@, RESUME
    enter_user .Lin\@
.Lin\@:
    \insn
.Lat\@:
    ud2
.Lon\@:
    expect  UD, 0, .Lat\@, ring 3: \insn
    .endm

    /*
     * Virtual-8086 mode: code and stack lie in the segments below, ES to GS hold 0x3000 to 0x3003. One
     * instruction there raises this.
     */
    .set V86_CS, 0x800
    .set V86_SS, 0x5800
    .set V86_SP, 0x1000

    .macro enter_v86 label:req, flags=0
    mov     %esp, KSP
    pushl   $0x3003
    pushl   $0x3002
    pushl   $0x3001
    pushl   $0x3000
    pushl   $V86_SS
    pushl   $V86_SP
    pushl   $FLAG_VM | 2 | (\flags)
    pushl   $V86_CS
    pushl   $\label - 0x8000
    iret
    .endm

    .macro v86 vec:req, err:req, flags:req, insn:vararg
    movl    $.Lon\@, RESUME
    enter_v86 .Lat\@, \flags
    .code16
.Lat\@:
    \insn
    ud2
    .code32
.Lon\@:
    expect  \vec, \err, .Lat\@-0x8000, virtual-8086: \insn
    .endm

    .macro v86_ok flags:req, insn:vararg
    movl    $.Lon\@, RESUME
    enter_v86 .Lin\@, \flags
    .code16
.Lin\@:
    \insn
.Lat\@:
    ud2
    .code32
.Lon\@:
    expect  UD, 0, .Lat\@-0x8000, virtual-8086: \insn
    .endm

    /* TSS_B: a task in ring 0 that starts at a label. Changes EAX, ECX, EDI. */
    .macro task_b label:req
    mov     $TSS_B, %edi
    mov     $26, %ecx
    xor     %eax, %eax
    rep stosl
    movl    $\label, TSS_B + 0x20
    movl    $2, TSS_B + 0x24
    movl    $KSTACK - 0x2000, TSS_B + 0x38
    movl    $DATA3, TSS_B + 0x48
    movl    $CODE0, TSS_B + 0x4c
    movl    $DATA0, TSS_B + 0x50
    movl    $DATA3, TSS_B + 0x54
    movw    $0x68, TSS_B + 0x66
    .endm

    /* ---- 32-bit paging: a directory at TABLES, the first 4 MiB in pages, identity, for every ring ---- */

    .set PT32, TABLES + 0x1000
    .set PTE_A, PT32 + 4 * (PAGE_A >> 12)
    .set PTE_B, PT32 + 4 * (PAGE_B >> 12)
    .set PTE_C, PT32 + 4 * (PAGE_C >> 12)

    .macro own_tables
    mov     $TABLES, %edi
    mov     $0x400, %ecx
    xor     %eax, %eax
    rep stosl
    mov     $7, %eax
.Lfill\@:
    stosl
    add     $0x1000, %eax
    cmp     $PT32 + 0x1000, %edi
    jb      .Lfill\@
    movl    $PT32 + 7, TABLES
    mov     $TABLES, %eax
    mov     %eax, %cr3
    .endm

    .macro set_cr0 bits:req
    mov     %cr0, %eax
    or      $\bits, %eax
    mov     %eax, %cr0
    .endm

    .macro set_cr4 bits:req
    mov     %cr4, %eax
    or      $\bits, %eax
    mov     %eax, %cr4
    .endm

    .macro page_fault err:req, addr:req, insn:vararg
    fault   PF, \err, \insn
    cmpl    $\addr, REC_CR2
    check   e, CR2 of: \insn
    .endm

    .macro user_page_fault err:req, addr:req, insn:vararg
    user    PF, \err, \insn
    cmpl    $\addr, REC_CR2
    check   e, CR2 of: ring 3: \insn
    .endm
