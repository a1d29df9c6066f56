/* SPDX-License-Identifier: MIT */
/*
 * lab.h - what all guest programs have in common: where things lie, how a program reports
 *
 * A program is a flat image that starts at 0x8000 in the mode that its first line names. It ends by writing
 * one byte to the debug-exit port: ENDS_PASSED, or the number of the check that failed. What the numbers mean
 * lies behind the code, in section .info: the runner reads it from the image.
 *
 * lab16.h, lab32.h and lab64.h bring descriptor tables, stacks and a handler for every vector. The handler
 * writes down what happened (REC_*) and goes on in ring 0 at the address in RESUME, on the stack in KSP;
 * without such an address the exception was not meant to be, and ends the program.
 *
 * Registers: macros change EAX and flags unless they say otherwise.
 */

.set EXIT_PORT, 0xf4
    .set ENDS_PASSED, 0xff
    .set ENDS_UNOFFERED, 0xfe   /* CPUID does not offer what the program is about */
    .set ENDS_UNEXPECTED, 0xfd  /* an exception that nobody waited for: see REC_* */

    .set DE, 0
    .set DB, 1
    .set NMI, 2
    .set BP, 3
    .set OF, 4
    .set BR, 5
    .set UD, 6
    .set NM, 7
    .set DF, 8
    .set TS, 10
    .set NP, 11
    .set SS, 12
    .set GP, 13
    .set PF, 14
    .set MF, 16
    .set AC, 17
    .set XM, 19

    .set CR0_PE, 1
    .set CR0_MP, 2
    .set CR0_EM, 4
    .set CR0_TS, 8
    .set CR0_NE, 0x20
    .set CR0_WP, 0x10000
    .set CR0_AM, 0x40000
    .set CR0_PG, 0x80000000
    .set CR4_VME, 1
    .set CR4_PVI, 2
    .set CR4_TSD, 4
    .set CR4_DE, 8
    .set CR4_PSE, 0x10
    .set CR4_PAE, 0x20
    .set CR4_PGE, 0x80
    .set CR4_OSFXSR, 0x200
    .set CR4_OSXMMEXCPT, 0x400
    .set CR4_UMIP, 0x800
    .set CR4_LA57, 0x1000
    .set CR4_FSGSBASE, 0x10000
    .set CR4_PCIDE, 0x20000
    .set CR4_OSXSAVE, 0x40000
    .set CR4_SMEP, 0x100000
    .set CR4_SMAP, 0x200000
    .set EFER, 0xc0000080
    .set EFER_SCE, 1
    .set EFER_NXE, 0x800
    .set FLAG_CF, 1
    .set FLAG_ZF, 0x40
    .set FLAG_TF, 0x100
    .set FLAG_IF, 0x200
    .set FLAG_DF, 0x400
    .set FLAG_NT, 0x4000
    .set FLAG_RF, 0x10000
    .set FLAG_VM, 0x20000
    .set FLAG_AC, 0x40000
    .set FLAG_IOPL3, 0x3000

    /* The last event, as its handler found it. */
    .set REC_VECTOR, 0x600
    .set REC_ERROR, 0x608
    .set REC_IP, 0x610
    .set REC_CS, 0x618
    .set REC_FLAGS, 0x620
    .set REC_SP, 0x628      /* of what was interrupted, where the frame has it */
    .set REC_SS, 0x630
    .set REC_CR2, 0x638
    .set REC_DR6, 0x640
    .set REC_COUNT, 0x648   /* events since the start */
    .set REC_FRAME, 0x650   /* address of the saved IP */
    .set REC_HSS, 0x658     /* the handler's SS and CS */
    .set REC_HCS, 0x660
    .set RESUME, 0x668
    .set KSP, 0x670
    .set UFLAGS, 0x678      /* flags that macro `user` gives to ring 3 */
    .set SAVED, 0x680
    .set GO, 0x688

    /* Fixed places. */
    .set IDT, 0x10000
    .set GDT, 0x11000
    .set TSS, 0x11800
    .set IOMAP, 0x11868     /* behind the TSS: 0x80 bytes of it, ports 0..0x3ff */
    .set TSS_B, 0x12000
    .set LDT, 0x12800
    .set TABLES, 0x14000
    .set KSTACK, 0x30000
    .set USTACK, 0x40000
    .set IST_STACK, 0x50000
    .set DATA, 0x60000
    .set PAGE_A, 0x70000    /* pages for page-table tests: nothing else lies here */
    .set PAGE_B, 0x71000
    .set PAGE_C, 0x72000

    .set checks, 0

    /*
     * mode    real, protected, paged32, long: what the machine starts in
     * source  title of the manual's section
     * needs   rows of `vitro doctor` that this KVM must have a yes for
     * ends    exit, by the port; halt; shutdown
     */
    .macro program mode:req, source:req, needs, ends=exit
    .pushsection .info, "a"
    .asciz  "vitro-program"
    .asciz  "\mode"
    .asciz  "\source"
    .asciz  "\needs"
    .asciz  "\ends"
    .popsection
    .endm

    .macro end_with code:req
    mov     $\code, %al
    out     %al, $EXIT_PORT
.Lend\@:
    hlt
    jmp     .Lend\@
    .endm

    .macro pass
    end_with ENDS_PASSED
    .endm

    .macro fail text:vararg
    .set    checks, checks + 1
    .pushsection .info, "a"
    .ascii  "\text"
    .byte   0
    .popsection
    end_with checks
    .endm

    /* Goes on if the condition holds: check e, what is checked */
    .macro check cc:req, text:vararg
    j\cc    .Lgood\@
    fail    \text
.Lgood\@:
    .endm

    .macro check_eq a:req, b:req, text:vararg
    cmp     \a, \b
    check   e, \text
    .endm
