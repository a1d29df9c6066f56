/* SPDX-License-Identifier: MIT */
/*
 * Linear addresses go up to 10FFEF; paging makes the wrap of the 8086 when it wants one.
 */
#include "lab32.inc"
    program protected, "SDM 3B, Address Translation; Paging of Virtual-8086 Tasks", "mode_protected mode_paged32_4k"
main:
    mov     $TABLES + 0x1000, %edi
    mov     $7, %eax
1:  mov     %eax, (%edi)
    add     $0x1000, %eax
    add     $4, %edi
    cmp     $TABLES + 0x2000, %edi
    jb      1b
    movl    $TABLES + 0x1007, TABLES
    movl    $PAGE_A + 7, TABLES + 0x1000 + 4 * 0x100 /* 1 MiB is page A */
    mov     $TABLES, %eax
    mov     %eax, %cr3
    mov     %cr0, %eax
    or      $CR0_PG, %eax
    mov     %eax, %cr0
    movl    $2f, RESUME
    enter_v86 3f, 0
    .code16
3:  mov     $0xffff, %ax
    mov     %ax, %ds
    movw    $0x5a5a, 0x20
    ud2
    .code32
2:  cmpw    $0x5a5a, PAGE_A + 0x10
    check   e, FFFF:0020 is byte 10 of the page that is mapped at 1 MiB
    pass
