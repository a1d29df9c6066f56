/* SPDX-License-Identifier: MIT */
/*
 * timers.S - the interrupts of a PC: a multiboot kernel that counts them, by each way they take
 *
 * The PIT by the IOAPIC, the timer and a message of the local APIC by memory, the PIT by the i8259 and LINT0, and a
 * message when the local APIC has moved; the CPU halts meanwhile. Ends with 0xff at port 0xf4, or with the number of
 * the step that got something else.
 * Sources: Multiboot specification 0.6.96; SDM 3A, "Advanced Programmable Interrupt Controller"; 82093AA
 * data sheet; 8259A and 8254 data sheets.
 */
    .set EXIT_PORT, 0xf4
    .set LAPIC, 0xfee00000
    .set IOAPIC, 0xfec00000
    .set ELSEWHERE, 0xfd000000
    .set TIMES, 5
    .set FLAGS, 0x10000

    .code32
    .globl _start
    .text
_start:
header:
    .long 0x1badb002, FLAGS, -(0x1badb002 + FLAGS)
    .long header, _start, end, end, entry

    .macro ioapic index:req, value:req
    movl    $\index, IOAPIC
    movl    $\value, IOAPIC + 0x10
    .endm

    .macro outb value:req, port:req
    mov     $\value, %al
    out     %al, $\port
    .endm

    /* Handler: counts in memory, ends the interrupt. */
    .macro handler name:req
\name:
    incl    \name\()_count
    movl    $0, LAPIC + 0xb0
    iret
    .endm

    .macro gate vector:req, at:req
    mov     $\at, %eax
    mov     %ax, idt + \vector * 8
    movw    $8, idt + \vector * 8 + 2
    movw    $0x8e00, idt + \vector * 8 + 4
    shr     $16, %eax
    mov     %ax, idt + \vector * 8 + 6
    .endm

    /* Halts until the count is there. */
    .macro wait_for counter:req
.Lagain\@:
    cli
    cmpl    $TIMES, \counter
    jae     .Ldone\@
    sti
    hlt
    jmp     .Lagain\@
.Ldone\@:
    .endm

entry:
    mov     $stack, %esp
    lgdt    gdtr
    ljmp    $8, $1f
1:  mov     $16, %eax
    mov     %eax, %ds
    mov     %eax, %es
    mov     %eax, %ss
    gate    0x40, by_ioapic
    gate    0x41, by_timer
    gate    0x42, by_message
    gate    0x50, by_pic
    lidt    idtr
    outb    0x11, 0x20              /* both i8259: vectors 0x50 and 0x58, all masked */
    outb    0x50, 0x21
    outb    4, 0x21
    outb    1, 0x21
    outb    0xff, 0x21
    outb    0x34, 0x43              /* counter 0, mode 2, about 1 kHz */
    outb    0xa9, 0x40
    outb    4, 0x40
    movl    $0x1ff, LAPIC + 0xf0

    ioapic  0x15, 0                 /* pin 2: to APIC 0, fixed, edge */
    ioapic  0x14, 0x40
    wait_for by_ioapic_count
    ioapic  0x14, 0x10040

    movl    $3, LAPIC + 0x3e0       /* by 16; periodic */
    movl    $0x20041, LAPIC + 0x320
    movl    $100000, LAPIC + 0x380
    wait_for by_timer_count
    movl    $0x10041, LAPIC + 0x320

    mov     $1, %bl
    movl    $0x40042, LAPIC + 0x300 /* to itself: pending while IF is clear */
    cmpl    $0, by_message_count
    jne     fail
    sti
    hlt
    cli
    mov     $2, %bl
    cmpl    $1, by_message_count
    jne     fail

    outb    0xfe, 0x21              /* the PIT by the i8259; LINT0 is a virtual wire as firmware leaves it */
    wait_for by_pic_count
    outb    0xff, 0x21

    mov     $3, %bl                 /* the local APIC moves; a message by its new place */
    mov     $0x1b, %ecx
    rdmsr
    mov     %eax, %esi
    and     $0xfff, %eax
    or      $ELSEWHERE, %eax
    wrmsr
    cmpl    $-1, LAPIC + 0x30
    jne     fail
    cmpb    $0x14, ELSEWHERE + 0x30
    jne     fail
    movl    $0x40042, ELSEWHERE + 0x300
    mov     ELSEWHERE + 0x220, %edi /* IRR of 0x40 to 0x5f */
    mov     %esi, %eax
    wrmsr
    cmp     $1 << 2, %edi
    jne     fail
    sti
    hlt
    cli
    cmpl    $2, by_message_count
    jne     fail
    mov     $0xff, %bl
fail:
    mov     %bl, %al
    out     %al, $EXIT_PORT
    hlt

    handler by_ioapic
    handler by_timer
    handler by_message
by_pic:
    push    %eax
    incl    by_pic_count
    outb    0x20, 0x20
    pop     %eax
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
    .balign 8
idt:
    .fill 0x60 * 8
by_ioapic_count:
    .long 0
by_timer_count:
    .long 0
by_message_count:
    .long 0
by_pic_count:
    .long 0
    .fill 1024
stack:
end:
