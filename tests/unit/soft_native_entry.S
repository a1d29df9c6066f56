/* SPDX-License-Identifier: MIT */
/*
 * soft_native_entry.S - the first instructions of a signal handler that the instruction under test has left anything to
 *
 * The kernel gives a handler FS, GS and the flag AC as they were. C code wants none of them: its thread's variables lie at
 * FS, and what a sanitizer puts into a function may access memory that is not aligned. So they are noted and put back here.
 */
        .equ    ARCH_SET_FS, 0x1002
        .equ    SYS_ARCH_PRCTL, 158

        .bss
        .balign 8
        .globl  native_thread_base, native_has_bases
        .hidden native_thread_base, native_has_bases
native_thread_base:
        .skip   8
native_has_bases:
        .skip   8

        .text
        .globl  native_entry
        .hidden native_entry, native_on_signal
        .type   native_entry, @function

        /* (signal, info, context) and FS, its base, that of GS: native_on_signal; bases are 0 without FSGSBASE. */
native_entry:
        pushfq
        andl    $~0x40000, (%rsp)
        popfq
        mov     %fs, %ecx
        xor     %r8d, %r8d
        xor     %r9d, %r9d
        cmpb    $0, native_has_bases(%rip)
        je      1f
        rdfsbase %r8
        rdgsbase %r9
        xor     %eax, %eax
        mov     %eax, %fs
        mov     native_thread_base(%rip), %rax
        wrfsbase %rax
        jmp     native_on_signal
1:      push    %rdi
        push    %rsi
        push    %rdx
        push    %rcx
        mov     $SYS_ARCH_PRCTL, %eax
        mov     $ARCH_SET_FS, %edi
        mov     native_thread_base(%rip), %rsi
        syscall
        pop     %rcx
        pop     %rdx
        pop     %rsi
        pop     %rdi
        jmp     native_on_signal
        .size   native_entry, . - native_entry

        .section .note.GNU-stack, "", @progbits
