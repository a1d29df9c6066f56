/* SPDX-License-Identifier: MIT */
/*
 * MSRs that are not there, reserved bits, addresses that are not canonical, bad memory types: #GP(0),
 * and nothing is written.
 */
#include "lab64.inc"
    program long, "SDM 2, RDMSR, WRMSR; SDM 4, Architectural MSRs; SDM 3A, Page Attribute Table", "mode_long insn_rdmsr insn_wrmsr"
main:
    mov     $0x12345678, %ecx
    fault   GP, 0, rdmsr
    fault   GP, 0, wrmsr
    mov     $0xc0000082, %ecx
    mov     $0x8000, %edx
    xor     %eax, %eax
    fault   GP, 0, wrmsr
    mov     $0xc0000100, %ecx
    fault   GP, 0, wrmsr
    mov     $0x277, %ecx
    mov     $0x02020202, %eax
    mov     $0, %edx
    fault   GP, 0, wrmsr
    write_msr 0x277, 0x00070406, 0x00070406
    rdmsr
    check_eq $0x00070406, %eax, PAT
    write_msr 0x176, 0x1234, 0xffff8000
    rdmsr
    check_eq $0x1234, %eax, SYSENTER_EIP, low
    check_eq $0xffff8000, %edx, SYSENTER_EIP, high
    mov     $0x8000, %edx
    fault   GP, 0, wrmsr
    write_msr 0xc0000100, DATA
    movl    $0x77, DATA + 4
    mov     %fs:4, %eax
    check_eq $0x77, %eax, IA32_FS_BASE
    mov     $0xfe, %ecx
    rdmsr
    fault   GP, 0, wrmsr
    movabs  $0xffffffff00000277, %rcx
    rdmsr
    check_eq $0x00070406, %eax, the upper half of RCX does not count
    user    GP, 0, rdmsr
    pass
