/* SPDX-License-Identifier: MIT */
/* guest.h - what the guests of the labs share: ports, printing, the end. */
#ifndef GUEST_H
#define GUEST_H

enum {
    DEBUGCON = 0xe9, /* a byte for the console */
    /* Of the hypercall device, docs/hypercalls.md: */
    PRINT32 = 0x5608,
    PRINT_STR = 0x5610,
    EXITS = 0x5618,
    FILE_CALL = 0x5630,
};

static inline void out8(unsigned short port, unsigned char value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "d"(port) : "memory");
}

static inline void out32(unsigned short port, unsigned value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "d"(port) : "memory");
}

static inline unsigned in32(unsigned short port)
{
    unsigned value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "d"(port) : "memory");
    return value;
}

static inline void put(const char *text)
{
    for (; *text != '\0'; text++)
        out8(DEBUGCON, (unsigned char)*text);
}

static inline void put_number(unsigned long n)
{
    char digits[20];
    int len = 0;

    do
        digits[len++] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    while (len > 0)
        out8(DEBUGCON, (unsigned char)digits[--len]);
}

/* Two instructions a round, and no exit. */
static inline void work(unsigned long rounds)
{
    __asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(rounds));
}

static inline void halt(void)
{
    for (;;)
        __asm__ volatile("hlt");
}

#endif
