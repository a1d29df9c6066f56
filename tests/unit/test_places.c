/* SPDX-License-Identifier: MIT */
/*
 * test_places.c - a stack in ROM, code in ROM, code in a device's memory: on the software CPU and on this host's KVM
 *
 * Bad-input row D9: a fault of the guest or a report, never a hang, and nothing written where nothing can be. 32-bit
 * code without paging; a handler for each vector, where a program wants them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/bits.h"
#include "core/machine.h"
#include "engine/kvm/kvm.h"
#include "engine/soft/soft.h"
#include "x86/start.h"

enum {
    RAM = 0x80000,
    ROM_AT = 0x90000,
    PAGE = 4096,
    DEV_AT = 0x10000000,
    CODE = 0x6000,
    STACK = 0x20000,
    IDT = 0x1000,
    GDT = 0x800,
    HANDLERS = 0x5000, /* each leaves its vector in EDI and halts */
    VECTORS = 32,
    FILL = 0xc3, /* bytes of the ROM, unless a program has others; as code: ret */
};

/* A device whose memory holds what would be `mov edi, 0x99; hlt` if anybody executed it. */
struct memory_dev {
    struct dev dev; /* first */
    unsigned writes;
};

static uint64_t dev_read(struct dev *dev, uint64_t off, unsigned width)
{
    static const uint8_t bytes[8] = { 0xbf, 0x99, 0, 0, 0, 0xf4 };
    uint64_t val = 0;

    (void)dev;
    for (unsigned i = 0; i < width; i++)
        val |= (uint64_t)bytes[(off + i) % sizeof(bytes)] << (8 * i);
    return val;
}

static void dev_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    (void)off;
    (void)width;
    (void)val;
    ((struct memory_dev *)dev)->writes++;
}

static const struct dev_ops memory_ops = {
    .name = "memory", .widths = W8 | W16 | W32 | W64, .read = dev_read, .write = dev_write
};

struct setup {
    struct machine *m;
    uint8_t *ram, *rom;
    struct memory_dev dev;
    struct stop stop;
    struct x86_state s;
};

/* A gate of 32 bits and a handler for each vector: mov edi, VECTOR; hlt */
static void add_handlers(uint8_t *ram)
{
    for (unsigned v = 0; v < VECTORS; v++) {
        const uint8_t code[] = { 0xbf, (uint8_t)v, 0, 0, 0, 0xf4 };
        unsigned at = HANDLERS + 8 * v;

        memcpy(ram + at, code, sizeof(code));
        le_put(ram + IDT + (size_t)8 * v, 4, (at & 0xffff) | 8u << 16);
        le_put(ram + IDT + (size_t)8 * v + 4, 4, 0x8e00);
    }
    le_put(ram + GDT + 8, 8, UINT64_C(0x00cf9b000000ffff));
    le_put(ram + GDT + 16, 8, UINT64_C(0x00cf93000000ffff));
}

static void set_start(struct x86_state *s, uint32_t esp, bool handlers)
{
    x86_start_state(X86_START_PROTECTED, CODE, esp, 0, s);
    s->gpr[X86_RDI] = 0x1234;
    s->gdtr.base = GDT;
    s->gdtr.limit = 23;
    s->idtr.base = IDT;
    s->idtr.limit = handlers ? 8 * VECTORS - 1 : 0;
}

/* False: this engine cannot be had here. */
static bool setup_run(struct setup *p, const struct engine_ops *engine, uint32_t esp, bool handlers,
                      const uint8_t *code, size_t len)
{
    struct mem_slot ram = { .len = RAM, .kind = MEM_RAM, .name = "RAM" };
    struct mem_slot rom = { .base = ROM_AT, .len = PAGE, .kind = MEM_ROM, .name = "ROM" };
    struct vitro_err err = { 0 };

    p->dev.dev.ops = &memory_ops;
    p->ram = ram.host =
        mmap(NULL, RAM + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(p->ram, MAP_FAILED);
    p->rom = rom.host = p->ram + RAM;
    memset(p->rom, FILL, PAGE);
    le_put(p->rom + 0x7fc, 4, CODE + 0x100);        /* where a RET from the stack in ROM goes */
    memcpy(p->rom + 0x10, "\xbf\x77\0\0\0\xf4", 6); /* mov edi, 0x77; hlt */
    memcpy(p->ram + CODE, code, len);
    memcpy(p->ram + CODE + 0x100, "\xbf\x42\0\0\0\xf4", 6); /* mov edi, 0x42; hlt */
    add_handlers(p->ram);
    set_start(&p->s, esp, handlers);
    assert_int_equal(machine_new("places", engine, &p->m, &err), 0);
    p->m->helper = engine == &kvm_engine ? &soft_engine : NULL;
    if (machine_open(p->m, &err) < 0) {
        print_message("%s cannot be had here: %s\n", engine->name, err.text);
        return false;
    }
    assert_int_equal(machine_add_mem(p->m, &ram, &err), 0);
    assert_int_equal(machine_add_mem(p->m, &rom, &err), 0);
    assert_int_equal(machine_add_dev(p->m, &p->dev.dev, &err), 0);
    assert_int_equal(bus_add(&p->m->mmio, DEV_AT, PAGE, &p->dev.dev, &err), 0);
    assert_int_equal(machine_add_cpu(p->m, &p->s, &err), 0);
    machine_run(p->m, &p->stop);
    assert_int_equal(p->m->cpu[0]->engine->get(p->m->cpu[0], STATE_REGS | STATE_SREGS, &p->s, &err),
                     0);
    return true;
}

static void setup_end(struct setup *p)
{
    machine_free(p->m);
    munmap(p->ram, RAM + PAGE);
    *p = (struct setup){ 0 };
}

/* What is the same on every engine: the ROM is what it was. */
static void check_rom(const struct setup *p)
{
    for (unsigned i = 0x100; i < PAGE; i++)
        assert_int_equal(p->rom[i],
                         i >= 0x7fc && i < 0x800 ? (CODE + 0x100) >> 8 * (i - 0x7fc) & 0xff : FILL);
}

static const struct engine_ops *const engines[] = { &soft_engine, &kvm_engine };

/* Runs a program on each engine that there is, up to its checks. */
#define EACH(p, esp, handlers, ...)                                                   \
    for (size_t e = 0; e < ARRAY_LEN(engines); setup_end(p), e++)                     \
        if (setup_run(p, engines[e], esp, handlers, (const uint8_t[]){ __VA_ARGS__ }, \
                      sizeof((const uint8_t[]){ __VA_ARGS__ })))

/* push eax; pop ebx; hlt: what is pushed is lost, what is popped is the ROM's. */
static void test_push_to_rom(void **state)
{
    struct setup p = { 0 };

    (void)state;
    EACH(&p, ROM_AT + 0x400, false, 0x50, 0x5b, 0xf4)
    {
        assert_int_equal(p.stop.why, STOP_HALT);
        assert_int_equal(p.s.gpr[X86_RBX], 0xc3c3c3c3);
        assert_int_equal(p.s.gpr[X86_RSP], ROM_AT + 0x400);
        check_rom(&p);
    }
}

/* call +0 would come back behind itself; from a stack in ROM, RET goes where the ROM says. */
static void test_call_from_rom(void **state)
{
    struct setup p = { 0 };

    (void)state;
    /* call 1f; hlt; 1: ret */
    EACH(&p, ROM_AT + 0x800, false, 0xe8, 1, 0, 0, 0, 0xf4, 0xc3)
    {
        assert_int_equal(p.stop.why, STOP_HALT);
        assert_int_equal(p.s.gpr[X86_RDI], 0x42);
        assert_int_equal(p.s.gpr[X86_RSP], ROM_AT + 0x800);
        check_rom(&p);
    }
}

/* An exception whose frame goes to ROM is lost there; the handler runs all the same, or the run ends with a report. */
static void test_exception_to_rom(void **state)
{
    struct setup p = { 0 };

    (void)state;
    EACH(&p, ROM_AT + 0x400, true, 0x0f, 0x0b)
    {
        if (engines[e] == &soft_engine || p.stop.why == STOP_HALT) {
            assert_int_equal(p.stop.why, STOP_HALT);
            assert_int_equal(p.s.gpr[X86_RDI], 6);
            assert_int_equal(p.s.gpr[X86_RSP], ROM_AT + 0x400 - 12);
        } else {
            assert_in_range(p.stop.why, STOP_SHUTDOWN, STOP_FAILED);
        }
        check_rom(&p);
    }
}

/* ROM is memory: code there runs. mov eax, ROM_AT + 0x10; jmp eax */
static void test_code_in_rom(void **state)
{
    struct setup p = { 0 };

    (void)state;
    EACH(&p, STACK, false, 0xb8, 0x10, 0x00, 0x09, 0x00, 0xff, 0xe0)
    {
        assert_int_equal(p.stop.why, STOP_HALT);
        assert_int_equal(p.s.gpr[X86_RDI], 0x77);
    }
}

/* mov eax, DEV_AT; jmp eax: what a device's memory would say is not executed, and #UD or a report comes of it. */
static void test_code_in_device(void **state)
{
    struct setup p = { 0 };

    (void)state;
    EACH(&p, STACK, true, 0xb8, 0, 0, 0, 0x10, 0xff, 0xe0)
    {
        assert_int_not_equal(p.s.gpr[X86_RDI], 0x99);
        if (p.stop.why == STOP_HALT) {
            assert_int_equal(p.s.gpr[X86_RDI], 6);
            assert_int_equal(le_get(p.ram + STACK - 12, 4), DEV_AT);
        } else {
            assert_ptr_equal(engines[e], &kvm_engine);
            assert_in_range(p.stop.why, STOP_SHUTDOWN, STOP_FAILED);
        }
        assert_int_equal(p.dev.writes, 0);
    }
}

/* The same with no handlers: a triple fault, told as a chain that begins with #UD. */
static void test_code_in_device_without_handlers(void **state)
{
    struct setup p = { 0 };

    (void)state;
    EACH(&p, STACK, false, 0xb8, 0, 0, 0, 0x10, 0xff, 0xe0)
    {
        assert_in_range(p.stop.why, STOP_SHUTDOWN, STOP_FAILED);
        if (engines[e] == &soft_engine) {
            assert_int_equal(p.stop.why, STOP_SHUTDOWN);
            assert_int_equal(p.m->cpu[0]->chain.link[0].vector, 6);
            assert_int_equal(p.s.rip, DEV_AT);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push_to_rom),
        cmocka_unit_test(test_call_from_rom),
        cmocka_unit_test(test_exception_to_rom),
        cmocka_unit_test(test_code_in_rom),
        cmocka_unit_test(test_code_in_device),
        cmocka_unit_test(test_code_in_device_without_handlers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
