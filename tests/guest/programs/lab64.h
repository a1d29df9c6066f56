/* SPDX-License-Identifier: MIT */
/*
 * lab64.h - long mode: descriptor tables, two rings, handlers that write down what happened
 *
 * Everything below 2^31 is identity-mapped for every ring by what the machine starts with.
 */
#include "lab.h"

.set CODE0, 0x08
    .set DATA0, 0x10
    .set CODE3_32, 0x1b /* compatibility mode */
    .set DATA3, 0x23
    .set CODE3, 0x2b
    .set CODE0_32, 0x38
    .set TSS_SEL, 0x40  /* 16 bytes */
    .set LDT_SEL, 0x50  /* 16 bytes */
    .set SEL_A, 0x60    /* free for programs, up to SEL_F */
    .set SEL_B, 0x68
    .set SEL_C, 0x70
    .set SEL_D, 0x78
    .set SEL_E, 0x80
    .set SEL_F, 0x88
    .set SEL_OUT, 0x100

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

    .macro gate_at place:req, sel:req, offset:req, access:req, ist=0
    movl    $(\offset) + (\sel) * 0x10000, \place
    movl    $(\access) << 8 | (\ist), \place + 4
    movq    $0, \place + 8
    .endm

    .macro gate vec:req, offset:req, access=0x8e, ist=0
    gate_at IDT+16*\vec, CODE0, \offset, \access, \ist
    .endm

    .code64
start:
    mov     $KSTACK, %esp
    movq    $0, RESUME
    movq    $0, REC_COUNT
    movq    $2, UFLAGS
    movq    $0, GDT
    desc    CODE0, 0, 0xfffff, A_CODE, 0xa
    desc    DATA0, 0, 0xfffff, A_DATA, 0xc
    desc    CODE3_32, 0, 0xfffff, A_CODE | A_DPL3, 0xc
    desc    DATA3, 0, 0xfffff, A_DATA | A_DPL3, 0xc
    desc    CODE3, 0, 0xfffff, A_CODE | A_DPL3, 0xa
    desc    CODE0_32, 0, 0xfffff, A_CODE, 0xc
    desc    TSS_SEL, TSS, 0xe8, 0x89, 0
    movq    $0, GDT + TSS_SEL + 8
    desc    LDT_SEL, LDT, 0x1f, 0x82, 0
    movq    $0, GDT + LDT_SEL + 8
    movw    $0xff, GDT - 16
    movq    $GDT, GDT - 14
    lgdt    GDT - 16
    pushq   $CODE0
    pushq   $1f
    lretq
1:  mov     $DATA0, %eax
    mov     %eax, %ss
    mov     $DATA3, %eax
    mov     %eax, %ds
    mov     %eax, %es
    mov     $stubs64 + CODE0 * 0x10000, %eax
    mov     $IDT, %edi
2:  mov     %eax, (%rdi)
    movl    $0x8e00, 4(%rdi)
    movq    $0, 8(%rdi)
    add     $STUB64, %eax
    add     $16, %edi
    cmp     $IDT + 16 * 0x42, %edi
    jb      2b
    movb    $0xee, IDT + 16 * BP + 5
    movb    $0xee, IDT + 16 * 0x40 + 5
    movw    $0x42 * 16 - 1, GDT - 32
    movq    $IDT, GDT - 30
    lidt    GDT - 32
    mov     $TSS, %edi
    mov     $0xe8 / 4, %ecx
    xor     %eax, %eax
    rep stosl
    movl    $KSTACK - 0x1000, TSS + 4
    movl    $IST_STACK, TSS + 0x24
    movw    $0x68, TSS + 0x66
    movb    $0xff, TSS + 0xe8
    mov     $TSS_SEL, %eax
    ltr     %ax
    jmp     main

    .set STUB64, 12
    .balign 4
stubs64:
    .set v, 0
    .rept 0x42
    .if v != DF && (v < TS || v > PF) && v != AC
    pushq   $0
    .endif
    pushq   $v
    jmp     common64
    .org    stubs64 + STUB64 * (v + 1)
    .set v, v + 1
    .endr

    /* 0: RAX, 8: vector, 16: error code, 24: RIP, 32: CS, 40: RFLAGS, 48: RSP, 56: SS */
common64:
    push    %rax
    mov     8(%rsp), %rax
    mov     %rax, REC_VECTOR
    mov     16(%rsp), %rax
    mov     %rax, REC_ERROR
    mov     24(%rsp), %rax
    mov     %rax, REC_IP
    mov     32(%rsp), %rax
    mov     %rax, REC_CS
    mov     40(%rsp), %rax
    mov     %rax, REC_FLAGS
    mov     48(%rsp), %rax
    mov     %rax, REC_SP
    mov     56(%rsp), %rax
    mov     %rax, REC_SS
    lea     24(%rsp), %rax
    mov     %rax, REC_FRAME
    mov     %ss, REC_HSS
    mov     %cs, REC_HCS
    mov     %cr2, %rax
    mov     %rax, REC_CR2
    mov     %dr6, %rax
    mov     %rax, REC_DR6
    incq    REC_COUNT
    cmpq    $0, RESUME
    jne     2f
    end_with ENDS_UNEXPECTED
2:  mov     RESUME, %rax
    mov     %rax, GO
    movq    $0, RESUME
    mov     (%rsp), %rax
    mov     %rax, SAVED
    mov     $DATA0, %eax
    mov     %eax, %ss
    mov     KSP, %rsp
    mov     $DATA3, %eax
    mov     %eax, %ds
    mov     %eax, %es
    mov     SAVED, %rax
    jmp     *GO

    .macro expect vec:req, err:req, ip:req, text:vararg
    cmpq    $\vec, REC_VECTOR
    check   e, vector of: \text
    cmpq    $\err, REC_ERROR
    check   e, error code of: \text
    cmpq    $\ip, REC_IP
    check   e, saved RIP of: \text
    .endm

    .macro fault vec:req, err:req, insn:vararg
    mov     %rsp, KSP
    movq    $.Lon\@, RESUME
.Lat\@:
    \insn
    fail    nothing raised by: \insn
.Lon\@:
    expect  \vec, \err, .Lat\@, \insn
    .endm

    .macro trap vec:req, insn:vararg
    mov     %rsp, KSP
    movq    $.Lon\@, RESUME
    \insn
.Lat\@:
    fail    nothing raised by: \insn
.Lon\@:
    expect  \vec, 0, .Lat\@, \insn
    .endm

    .macro enter_user label:req, cs=CODE3
    mov     %rsp, KSP
    pushq   $DATA3
    pushq   $USTACK
    pushq   UFLAGS
    pushq   $\cs
    pushq   $\label
    iretq
    .endm

    .macro user vec:req, err:req, insn:vararg
    movq    $.Lon\@, RESUME
    enter_user .Lat\@
.Lat\@:
    \insn
    ud2
.Lon\@:
    expect  \vec, \err, .Lat\@, ring 3: \insn
    .endm

    .macro user_ok insn:vararg
    movq    $.Lon\@, RESUME
    enter_user .Lin\@
.Lin\@:
    \insn
.Lat\@:
    ud2
.Lon\@:
    expect  UD, 0, .Lat\@, ring 3: \insn
    .endm

    /* reg: eax, ebx, ecx, edx. Changes all four. */
    .macro needs_cpuid leaf:req, subleaf:req, reg:req, bit:req
    mov     $\leaf, %eax
    mov     $\subleaf, %ecx
    cpuid
    bt      $\bit, %\reg
    jc      .Loffered\@
    end_with ENDS_UNOFFERED
.Loffered\@:
    .endm

    .macro set_cr0 bits:req
    mov     %cr0, %rax
    or      $\bits, %eax
    mov     %rax, %cr0
    .endm

    .macro clear_cr0 bits:req
    mov     %cr0, %rax
    and     $~(\bits), %rax
    mov     %rax, %cr0
    .endm

    .macro set_cr4 bits:req
    mov     %cr4, %rax
    or      $\bits, %rax
    mov     %rax, %cr4
    .endm

    .macro clear_cr4 bits:req
    mov     %cr4, %rax
    and     $~(\bits), %rax
    mov     %rax, %cr4
    .endm

    /* Changes ECX and EDX too. */
    .macro set_efer bits:req
    mov     $EFER, %ecx
    rdmsr
    or      $\bits, %eax
    wrmsr
    .endm

    .macro write_msr index:req, low:req, high=0
    mov     $\index, %ecx
    mov     $\low, %eax
    mov     $\high, %edx
    wrmsr
    .endm

    /* ---- tables of one's own ---- */

    .set PML4, TABLES
    .set PDPT, TABLES + 0x1000
    .set PD, TABLES + 0x2000
    .set PT, TABLES + 0x3000
    .set PTE_A, PT + 8 * (PAGE_A >> 12)
    .set PTE_B, PT + 8 * (PAGE_B >> 12)
    .set PTE_C, PT + 8 * (PAGE_C >> 12)
    .set NOWHERE, TABLES + 0x8000 /* empty pages for more tables, up to KSTACK - 0x8000 */

    /*
     * The first 2 MiB in 4 KiB pages, the next 6 in large ones, identity, for every ring. After that
     * CR3 holds PML4. Changes RAX, RCX, RDI.
     */
    .macro own_tables
    mov     $TABLES, %edi
    mov     $0x4000 / 8, %ecx
    xor     %eax, %eax
    rep stosq
    movq    $PDPT + 7, PML4
    movq    $PD + 7, PDPT
    movq    $PT + 7, PD
    movq    $0x200087, PD + 8
    movq    $0x400087, PD + 16
    movq    $0x600087, PD + 24
    mov     $PT, %edi
    mov     $7, %eax
.Lfill\@:
    mov     %rax, (%rdi)
    add     $0x1000, %eax
    add     $8, %edi
    cmp     $PT + 0x1000, %edi
    jb      .Lfill\@
    mov     $PML4, %eax
    mov     %rax, %cr3
    .endm

    /* Low half of an entry, and what is known of its page is forgotten. */
    .macro set_pte page:req, val:req
    movq    $\val, PT + 8 * ((\page) >> 12)
    invlpg  \page
    .endm

    /* The instruction raises #PF with this error code and address. */
    .macro page_fault err:req, addr:req, insn:vararg
    fault   PF, \err, \insn
    cmpq    $\addr, REC_CR2
    check   e, CR2 of: \insn
    .endm

    .macro user_page_fault err:req, addr:req, insn:vararg
    user    PF, \err, \insn
    cmpq    $\addr, REC_CR2
    check   e, CR2 of: ring 3: \insn
    .endm
