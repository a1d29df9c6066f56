/* SPDX-License-Identifier: MIT */
/*
 * A contributory exception while another is delivered is #DF with error code 0; a benign one first is
 * handled one after the other.
 */
#include "lab64.inc"
    program long, "SDM 3A, Double Fault Exception (#DF), table Conditions for Generating a Double Fault", "mode_long"
main:
    movb    $1, IDT + 16 * DF + 4
    .macro  double first:req, insn:vararg
    movq    $.Lon\@, RESUME
    mov     %rsp, KSP
.Lat\@:
    \insn
.Lon\@:
    cmpq    $DF, REC_VECTOR
    check   e, #DF after: \insn
    cmpq    $0, REC_ERROR
    check   e, error code of #DF
    .endm
    gate_at IDT+16*GP, DATA0, main, 0x8e
    mov     $SEL_OUT, %eax
    double  GP, mov %eax, %fs
    gate_at IDT+16*GP, CODE0, stubs64+STUB64*GP, 0x0e
    double  GP, mov %eax, %fs
    gate_at IDT+16*GP, CODE0, stubs64+STUB64*GP, 0x8e
    gate_at IDT+16*DE, DATA0, main, 0x8e
    xor     %ecx, %ecx
    double  DE, div %ecx
    gate_at IDT+16*PF, SEL_OUT, main, 0x8e
    double  PF, mov 0x7fff0000, %eax
    cmpq    $0x7fff0000, REC_CR2
    check   e, CR2 of the page fault that came first
    gate_at IDT+16*UD, CODE0, stubs64+STUB64*UD, 0x0e
    fault   NP, UD*8+3, ud2
    gate_at IDT+16*UD, DATA0, main, 0x8e
    fault   GP, DATA0+1, ud2
    pass
