static void put(char c)
{
    __asm__ volatile("outb %0, $0xe9" : : "a"(c));
}
void _start(void)
{
    for (const char *p = "Hello from C!\n"; *p != '\0'; p++)
        put(*p);
    for (;;) __asm__ volatile("hlt" : : "a"(42L));
}
