/* SPDX-License-Identifier: MIT */
/* spin: never leaves the guest by itself. */
    .code64
start:
    inc %rax
    jmp start
