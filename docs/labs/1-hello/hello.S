/* SPDX-License-Identifier: MIT */
/* hello.S - one text in four modes of the CPU; build.sh assembles it once for each. */
#if defined(MODE_real)
    .code16
#define REG si
#define NAME "real"
#elif defined(MODE_protected)
    .code32
#define REG esi
#define NAME "protected"
#elif defined(MODE_paged32)
    .code32
#define REG esi
#define NAME "paged 32-bit"
#else
    .code64
#define REG rsi
#define NAME "long"
#endif

    .globl _start
_start:
    mov $text, %REG
    mov (%REG), %al
    out %al, $0xe9
    /* This prints one character. Yours: print all of them, up to the 0 that ends the text. */
1:  hlt
    jmp 1b
text:
    .asciz "Hello from " NAME " mode!\n"
