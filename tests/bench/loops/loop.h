/* SPDX-License-Identifier: MIT */
/*
 * loop.h - the frame of a benchmark loop
 *
 * A flat binary that is a guest, beginning at its first byte, and a function for the host, at its byte 16:
 * position-independent, System V registers, no memory but the stack. ECX holds the rounds, which the byte
 * pattern "mov $LOOP_ROUNDS, %ecx" sets at the function's start.
 */
#define LOOP_ROUNDS 4000000

#define LOOP_BEGIN  \
    .text;          \
    call 0f;        \
    hlt;            \
    .balign 16;     \
    0 : push % rbx; \
    mov $LOOP_ROUNDS, % ecx;

#define LOOP_END \
    pop % rbx;   \
    ret;
