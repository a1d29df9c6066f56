/* SPDX-License-Identifier: MIT */
/*
 * ferr.S - x87 exceptions by interrupt 13: a multiboot kernel with CR0.NE clear
 *
 * A pending exception stops the CPU before the next waiting instruction; the handler writes port 0xf0, and may then use
 * the x87 before it clears the exception. Ends standing still with interrupts off and 0xff in BL, or writes to port 0xf4
 * the number of the step that got something else. Sources: SDM 1, "MS-DOS Compatibility Sub-Mode"; SDM 3A, "Control
 * Registers", NE; PIIX3 data sheet, "Coprocessor Error Register".
 */
    .set EXIT_PORT, 0xf4
    .set LAPIC, 0xfee00000
    .set FLAGS, 0x10000
    .set CR0_NE, 0x20

    .code32
    .globl _start
    .text
_start:
header:
    .long 0x1badb002, FLAGS, -(0x1badb002 + FLAGS)
    .long header, _start, end, end, entry

    .macro outb value:req, port:req
    mov     $\value, %al
    out     %al, $\port
    .endm

    .macro gate vector:req, at:req
    mov     $\at, %eax
    mov     %ax, idt + \vector * 8
    movw    $8, idt + \vector * 8 + 2
    movw    $0x8e00, idt + \vector * 8 + 4
    shr     $16, %eax
    mov     %ax, idt + \vector * 8 + 6
    .endm

    /* 1 / 0, unmasked: pending, and nothing more yet. */
    .macro divide_by_zero
    fninit
    fldcw   control
    fld1
    fldz
    fdivrp  %st, %st(1)
    .endm

    .macro step n:req
    mov     $\n, %bl
    .endm

    .macro must cc:req
    j\cc    .Lgood\@
    jmp     fail
.Lgood\@:
    .endm

entry:
    mov     $stack, %esp
    lgdt    gdtr
    ljmp    $8, $1f
1:  mov     $16, %eax
    mov     %eax, %ds
    mov     %eax, %es
    mov     %eax, %ss
    gate    0x10, by_mf
    gate    0x5d, by_ferr
    lidt    idtr
    outb    0x11, 0x20              /* both i8259: vectors 0x50 and 0x58, only pin 13 is not masked */
    outb    0x11, 0xa0
    outb    0x50, 0x21
    outb    0x58, 0xa1
    outb    4, 0x21
    outb    2, 0xa1
    outb    1, 0x21
    outb    1, 0xa1
    outb    0xfb, 0x21
    outb    0xdf, 0xa1
    movl    $0x1ff, LAPIC + 0xf0    /* LINT0 is a virtual wire as firmware leaves it */
    mov     %cr0, %eax
    and     $~(CR0_NE | 12), %eax   /* nor EM, TS */
    mov     %eax, %cr0

    step    1                       /* nothing comes before a waiting instruction */
    divide_by_zero
    sti
    nop
    fnstsw  %ax
    nop
    cmpl    $0, count
    must    e
    step    2
waits:
    fwait
    cmpl    $1, count
    must    e
    step    3                       /* it came before that instruction, and was still pending in the handler */
    cmpl    $waits, saved_ip
    must    e
    testb   $0x80, saved_status
    must    nz
    step    4                       /* IGNNE# has ended with the exception */
    divide_by_zero
    fld1
    cmpl    $2, count
    must    e
    step    5                       /* right behind STI */
    cli
    divide_by_zero
    sti
    fwait
    cmpl    $3, count
    must    e
    step    6                       /* cleared in time: no interrupt */
    divide_by_zero
    fnclex
    fwait
    cmpl    $3, count
    must    e
    step    7                       /* with NE it is an exception of the CPU */
    divide_by_zero
    mov     %cr0, %eax
    or      $CR0_NE, %eax
    mov     %eax, %cr0
    fwait
    cmpl    $3, count
    must    e
    cmpl    $1, mf_count
    must    e

    and     $~CR0_NE, %eax          /* with interrupts off it stands still for good */
    mov     %eax, %cr0
    cli
    divide_by_zero
    step    0xff
    fwait
    step    8
fail:
    mov     %bl, %al
    out     %al, $EXIT_PORT
    hlt

by_ferr:
    push    %eax
    incl    count
    mov     4(%esp), %eax
    mov     %eax, saved_ip
    out     %al, $0xf0
    fld1                            /* waiting instructions, with the exception pending */
    fstp    %st(0)
    fnstsw  saved_status
    fnclex
    outb    0x20, 0xa0
    outb    0x20, 0x20
    pop     %eax
    iret

by_mf:
    incl    mf_count
    fnclex
    iret

    .balign 8
gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:
    .word gdtr - gdt - 1
    .long gdt
idtr:
    .word 0x60 * 8 - 1
    .long idt
control:
    .word 0x37b
saved_status:
    .word 0
    .balign 8
idt:
    .fill 0x60 * 8
count:
    .long 0
mf_count:
    .long 0
saved_ip:
    .long 0
    .fill 1024
stack:
end:
