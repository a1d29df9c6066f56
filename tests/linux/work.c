/* SPDX-License-Identifier: MIT */
/*
 * work.c - what the Linux tests run in the guest and natively besides work.sh; the outputs must be equal
 *
 * Threads, signals, floating point, x87 and MMX, memory. Built static for the baseline x86-64, so that both run the same bytes;
 * no libm, whose functions come in variants for different CPUs.
 */
#define _GNU_SOURCE
#include <float.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 20000 };

/* ---- threads --------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static unsigned whose, guarded;
static atomic_uint counted;
static _Thread_local unsigned own;

static void *count(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;

    for (unsigned i = 0; i < ROUNDS; i++) {
        atomic_fetch_add(&counted, 1);
        own++;
        if (i % 16 == 0) {
            pthread_mutex_lock(&lock);
            guarded++;
            pthread_mutex_unlock(&lock);
        }
    }
    for (unsigned i = 0; i < 50; i++) {
        pthread_mutex_lock(&lock);
        while (whose != me)
            pthread_cond_wait(&turn, &lock);
        whose = (whose + 1) % THREADS;
        pthread_cond_broadcast(&turn);
        pthread_mutex_unlock(&lock);
    }
    return (void *)(uintptr_t)own;
}

static void threads(void)
{
    pthread_t thread[THREADS];
    uintptr_t sum = 0;

    for (unsigned i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, count, (void *)(uintptr_t)i);
    for (unsigned i = 0; i < THREADS; i++) {
        void *out;

        pthread_join(thread[i], &out);
        sum += (uintptr_t)out;
    }
    printf("threads: %u %u %ju, turn %u\n", counted, guarded, (uintmax_t)sum, whose);
}

/* ---- signals --------------------------------------------------------------------------------- */

static sigjmp_buf back;
static volatile sig_atomic_t ticks;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)context;
    siglongjmp(back, sig << 8 | info->si_code);
}

static void on_tick(int sig)
{
    (void)sig;
    ticks++;
}

static void provoke(const char *what, void (*fault)(void))
{
    int got = sigsetjmp(back, 1);

    if (got == 0)
        fault();
    printf("%s: signal %d, code %d\n", what, got >> 8, got & 0xff);
}

static void read_nothing(void)
{
    volatile uintptr_t nothing = 16;

    (void)*(volatile char *)nothing;
}

static void write_constant(void)
{
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    *(volatile char *)page = 1;
}

static void divide(void)
{
    volatile int zero = 0;

    printf("%d\n", 100 / zero);
}

static void no_instruction(void)
{
    __asm__ volatile("ud2");
}

static void breakpoint(void)
{
    __asm__ volatile("int3");
}

static void signals(void)
{
    static const int faults[] = { SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGBUS };
    struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
    struct itimerval every = { { 0, 5000 }, { 0, 5000 } }, never = { { 0, 0 }, { 0, 0 } };
    char stack[SIGSTKSZ];
    stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };

    for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigaction(faults[i], &act, NULL);
    provoke("read of nothing", read_nothing);
    provoke("write of a constant", write_constant);
    provoke("division by zero", divide);
    provoke("no instruction", no_instruction);
    provoke("breakpoint", breakpoint);
    sigaltstack(&alt, NULL);
    act = (struct sigaction){ .sa_handler = on_tick, .sa_flags = SA_ONSTACK };
    sigaction(SIGALRM, &act, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    while (ticks < 10)
        pause();
    setitimer(ITIMER_REAL, &never, NULL);
    printf("timer: ten ticks\n");
    fflush(stdout);
}

/* ---- floating point -------------------------------------------------------------------------- */

static double root(double x)
{
    __asm__("sqrtsd %0, %0" : "+x"(x));
    return x;
}

static void floating(void)
{
    volatile double third = 1.0 / 3, tiny = DBL_MIN / 8, huge = DBL_MAX;
    volatile long double wide = 1.0L / 3;
    double sum = 0, x = 1;
    long double product = 1;
    float narrow = 0;
    uint64_t bits;

    for (int i = 1; i <= 2000; i++) {
        sum += root(i) / (i + third);
        product *= 1 + wide / (long double)i;
        narrow += 1.0f / (float)i;
        x = x * 1.000123456789 + 1e-9;
    }
    printf("double %.17g %.17g, float %.9g, long double %.20Lg\n", sum, x, (double)narrow, product);
    printf("%a %a %.17g %.17g\n", third, tiny, huge * 2, huge * 2 - huge * 2);
    sum = -0.0;
    memcpy(&bits, &sum, sizeof(bits));
    printf("%016" PRIx64 " %d %" PRId64 "\n", bits, (int)(third * 1e9), (int64_t)(third * 1e18));
}

/* ---- x87 ------------------------------------------------------------------------------------- */

enum { SERIES = 6, TERMS = 4000, FCW_SINGLE = 0x07f, FCW_UP = 0xb7f, FCW_NO_DIVISION = 0x37b };

static void set_fcw(uint16_t fcw)
{
    __asm__ volatile("fldcw %0" : : "m"(fcw));
}

static uint16_t get_fcw(void)
{
    uint16_t fcw;

    __asm__ volatile("fnstcw %0" : "=m"(fcw));
    return fcw;
}

/* A sum with x87's own functions, while others have the CPU in between. */
static long double series(uint16_t fcw)
{
    long double sum = 0;

    set_fcw(fcw);
    for (int i = 1; i <= TERMS; i++) {
        long double x = 1.0L / i, y = x, z = 1;

        __asm__("fsincos" : "=t"(y), "=u"(x) : "0"(y));
        __asm__("fyl2xp1" : "+t"(x) : "u"(z) : "st(1)");
        sum += x * y - z / (i * 3.0L);
        if (i % 100 == 0)
            sched_yield();
    }
    return fcw == get_fcw() ? sum : -1;
}

/* Processes at the same time, each with rounding of its own. */
static void roundings(void)
{
    static const uint16_t fcw[SERIES] = { 0x37f, FCW_SINGLE, FCW_UP, 0x27f, 0x77f, 0xf7f };
    int fd[SERIES][2];
    long double sum;

    fflush(stdout);
    for (int i = 0; i < SERIES; i++) {
        if (pipe(fd[i]) != 0)
            exit(1);
        if (fork() == 0) {
            sum = series(fcw[i]);
            set_fcw(0x37f);
            _exit(write(fd[i][1], &sum, sizeof(sum)) != sizeof(sum));
        }
    }
    for (int i = 0; i < SERIES; i++) {
        if (read(fd[i][0], &sum, sizeof(sum)) != sizeof(sum))
            exit(1);
        printf("x87 with %03x: %.21Lg %La\n", fcw[i], sum, sum);
    }
    while (wait(NULL) > 0)
        ;
}

static void divide_x87(void)
{
    volatile long double zero = 0;

    set_fcw(FCW_NO_DIVISION);
    zero = 1 / zero;
    printf("%Lg\n", zero);
}

/* Four numbers at a time, in the registers of the x87. */
static void mmx(void)
{
    uint64_t sum = 0x0001000200030004, step = 0x7ff00001fff00101;
    uint16_t fsw;

    for (int i = 0; i < 1000; i++)
        __asm__ volatile("movq %0, %%mm3\n\tpaddsw %1, %%mm3\n\tpmullw %1, %%mm3\n\tmovq %%mm3, %0"
                         : "+m"(sum)
                         : "m"(step)
                         : "mm3");
    __asm__ volatile("emms\n\tfnstsw %0" : "=a"(fsw));
    printf("MMX %016" PRIx64 ", status %04x\n", sum, fsw);
}

static void extended(void)
{
    static const char *const texts[] = { "3.14159265358979323846264338327950288", "-1e-4940",
                                         "1.18973149535723176502e+4932", "0x1.8p-16445", "nan" };

    roundings();
    mmx();
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        printf("%.25Lg %La\n", strtold(texts[i], NULL), strtold(texts[i], NULL));
    provoke("x87 division by zero", divide_x87);
    __asm__ volatile("fninit");
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void memory(void)
{
    enum { LEN = 8 << 20 };
    unsigned char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t hash = 2166136261u;
    int fd[2], status = 0;
    pid_t child;

    for (unsigned i = 0; i < LEN; i += 509)
        p[i] = (unsigned char)(i * 31);
    memmove(p + 4001, p, LEN / 2);
    if (pipe(fd) != 0)
        exit(1);
    fflush(stdout);
    child = fork(); /* copies on write */
    if (child == 0) {
        memset(p, 7, LEN / 4);
        _exit(write(fd[1], p, 3) == 3 ? 5 : 6);
    }
    waitpid(child, &status, 0);
    for (unsigned i = 0; i < LEN; i++)
        hash = (hash ^ p[i]) * 16777619u;
    printf("memory: %08" PRIx32 ", child %d\n", hash, WEXITSTATUS(status));
}

int main(void)
{
    threads();
    signals();
    floating();
    extended();
    memory();
    return 7;
}
