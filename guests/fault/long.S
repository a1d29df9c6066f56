/* SPDX-License-Identifier: MIT */
/* fault: reads the first address that is not mapped. There is no IDT, so one fault becomes three. */
    .code64
start:
    mov $0x200000, %eax
    mov (%rax), %rbx
1:  hlt
    jmp 1b
