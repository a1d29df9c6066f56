/* SPDX-License-Identifier: MIT */
/*
 * kvm_probe_vm.c - the probe's machine: its memory, its timer, one run of a piece of code
 *
 * The engine's own functions are used, so that the probe finds what a guest would find. The vCPU loop of
 * core/ is not: the probe looks at each exit itself.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/kick.h"
#include "engine/kvm/kvm_probe_priv.h"

/* ---- memory ---------------------------------------------------------------------------------- */

struct entry {
    uint32_t at;
    uint64_t value;
};

enum { PWU = 7, PS = 0x80 }; /* present, writable, user; large page */

/* Directories. Each maps its page size twice: at 0 and, one entry on, at the alias. */
static const struct entry entries64[] = {
    { PROBE_LONG_TOP, (PROBE_LONG_TOP + 0x1000) | PWU },
    { PROBE_LONG_TOP + 0x1000, (PROBE_LONG_TOP + 0x2000) | PWU },
    { PROBE_LONG_TOP + 0x2000, PWU | PS },
    { PROBE_LONG_TOP + 0x2008, PWU | PS },
    { PROBE_LONG4K_TOP, (PROBE_LONG4K_TOP + 0x1000) | PWU },
    { PROBE_LONG4K_TOP + 0x1000, (PROBE_LONG4K_TOP + 0x2000) | PWU },
    { PROBE_LONG4K_TOP + 0x2000, (PROBE_LONG4K_TOP + 0x3000) | PWU },
    { PROBE_LONG4K_TOP + 0x2008, (PROBE_LONG4K_TOP + 0x3000) | PWU },
    { PROBE_PAE_TOP, (PROBE_PAE_TOP + 0x1000) | 1 }, /* a PAE pointer has no W and no U */
    { PROBE_PAE_TOP + 0x1000, PWU | PS },
    { PROBE_PAE_TOP + 0x1008, PWU | PS },
    /* GDT: ring 0 code and data, ring 3 code 32, data, code 64, then the TSS */
    { PROBE_GDT + PROBE_CS, UINT64_C(0x00af9b000000ffff) },
    { PROBE_GDT + PROBE_DS, UINT64_C(0x00cf93000000ffff) },
    { PROBE_GDT + (PROBE_USER32_CS & ~7), UINT64_C(0x00cffb000000ffff) },
    { PROBE_GDT + (PROBE_USER_DS & ~7), UINT64_C(0x00cff3000000ffff) },
    { PROBE_GDT + (PROBE_USER_CS & ~7), UINT64_C(0x00affb000000ffff) },
    { PROBE_GDT + PROBE_TR, UINT64_C(0x00008b0000000067) | PROBE_TSS << 16 },
    { PROBE_TSS + 4, PROBE_RSP0 },
};

static const struct entry entries32[] = {
    { PROBE_PSE_TOP, PWU | PS },
    { PROBE_PSE_TOP + 4, PWU | PS },
    { PROBE_P32_TOP, (PROBE_P32_TOP + 0x1000) | PWU },
    { PROBE_P32_TOP + 4, (PROBE_P32_TOP + 0x1000) | PWU },
};

/* A 64-bit interrupt gate that ring 3 may use too. SDM 3A, "64-Bit Mode IDT". */
static void write_gate(uint8_t *idt, unsigned vector, uint64_t handler)
{
    le_put(idt + 16 * vector, 8,
           (handler & 0xffff) | PROBE_CS << 16 | UINT64_C(0xee00) << 32 | (handler >> 16) << 48);
}

static void write_memory(uint8_t *ram)
{
    size_t code_len = (size_t)(kvm_probe_code_end - kvm_probe_code);

    assert(code_len <= PROBE_GDT - PROBE_CODE);
    memcpy(ram + PROBE_CODE, kvm_probe_code, code_len);
    for (size_t i = 0; i < ARRAY_LEN(entries64); i++)
        le_put(ram + entries64[i].at, 8, entries64[i].value);
    for (size_t i = 0; i < ARRAY_LEN(entries32); i++)
        le_put(ram + entries32[i].at, 4, entries32[i].value);
    for (uint64_t page = 0; page < 512; page++) {
        le_put(ram + PROBE_LONG4K_TOP + 0x3000 + 8 * page, 8, page << 12 | PWU);
        le_put(ram + PROBE_P32_TOP + 0x1000 + 4 * page, 4, page << 12 | PWU);
    }
    for (unsigned v = 0; v < PROBE_GATES; v++)
        write_gate(ram + PROBE_IDT, v, probe_at(kvm_probe_stubs) + v * PROBE_STUB_LEN);
    write_gate(ram + PROBE_IDT, PROBE_INT_RING0, probe_at(kvm_probe_int_ring0));
}

/* What the pieces find in memory they write to. */
static void fresh_data(uint8_t *ram)
{
    memset(ram + PROBE_CELL, 0, 0x1000 + 1024);
    le_put(ram + PROBE_XAREA + 24, 4, 0x1f80);        /* MXCSR */
    le_put(ram + PROBE_XAREA + 28, 4, 0xffff);        /* its mask */
    le_put(ram + PROBE_XAREA + 160, 4, PROBE_RESULT); /* xmm0 */
    le_put(ram + PROBE_XAREA + 512, 8, 2);            /* XSTATE_BV: SSE is there */
}

/* ---- time limit ------------------------------------------------------------------------------ */

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static int make_timer(struct prober *p, struct vitro_err *err)
{
    struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = kick_signal() };

    ev.sigev_notify_thread_id = gettid();
    if (timer_create(CLOCK_MONOTONIC, &ev, &p->timer) < 0)
        return err_set(err, -errno, "making the probe's timer: %s", strerror(errno));
    p->have_timer = true;
    kick_unblock(&p->old_mask);
    return 0;
}

/* The signal repeats, since one that comes just before KVM_RUN is entered does not end it. 0: off. */
static void arm(struct prober *p, uint64_t ns)
{
    struct itimerspec t = {
        .it_value = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) },
        .it_interval = { 0, ns != 0 ? 1000000 : 0 },
    };

    timer_settime(p->timer, 0, &t, NULL);
}

/* ---- life ------------------------------------------------------------------------------------ */

int prober_init(struct prober *p, const struct kvm_sys *sys, struct vitro_err *err)
{
    int rc;

    *p = (struct prober){ .sys = sys != NULL ? sys : &kvm_sys_real };
    clock_init(&p->clock);
    rc = kick_get(err);
    if (rc < 0)
        return rc;
    p->have_kick = true;
    rc = make_timer(p, err);
    if (rc < 0)
        goto fail;
    p->ram = mmap(NULL, PROBE_MEM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p->ram == MAP_FAILED) {
        p->ram = NULL;
        rc = err_set(err, -ENOMEM, "mapping the probe's memory: out of memory");
        goto fail;
    }
    return 0;
fail:
    prober_fini(p);
    return rc;
}

void prober_drop(struct prober *p)
{
    machine_free(p->m);
    p->m = NULL;
}

/* A signal still under way is for this thread, so it has come when timer_delete returns: before the
 * handler goes. */
void prober_fini(struct prober *p)
{
    prober_drop(p);
    if (p->ram != NULL)
        munmap(p->ram, PROBE_MEM);
    p->ram = NULL;
    if (p->have_timer) {
        timer_delete(p->timer);
        pthread_sigmask(SIG_SETMASK, &p->old_mask, NULL);
    }
    p->have_timer = false;
    if (p->have_kick)
        kick_put();
    p->have_kick = false;
}

/* Two features less than this KVM would offer: the guest looks whether it has them all the same. */
static int withhold(struct prober *p)
{
    struct kvm_vm *vm = vm_of(p->m);
    struct kvm_cpuid2 *list = vm->cpuid;

    for (uint32_t i = 0; list != NULL && i < list->nent; i++) {
        if (list->entries[i].function != 1)
            continue;
        list->entries[i].ecx &= ~(uint32_t)PROBE_WITHHELD;
        return kvm_call(vm, kcpu_of(p->m->cpu[0])->fd, KVM_SET_CPUID2, list, &p->err);
    }
    return 0;
}

/* Memory is written anew for every machine: the one before may have destroyed it. */
static int make_machine(struct prober *p, const struct x86_state *start)
{
    struct mem_slot slot = { .len = PROBE_MEM, .host = p->ram, .kind = MEM_RAM, .name = "RAM" };
    int rc = machine_new("probe", &kvm_engine, &p->m, &p->err);

    p->no_machine = true;
    if (rc < 0)
        return rc;
    p->m->cpuid = p->offer_cpuid;
    p->m->engine_arg = p->sys;
    rc = machine_open(p->m, &p->err);
    write_memory(p->ram);
    if (rc == 0)
        rc = machine_add_mem(p->m, &slot, &p->err);
    if (rc == 0)
        rc = machine_add_cpu(p->m, start, &p->err);
    if (rc == 0)
        rc = withhold(p);
    p->no_machine = p->m->ncpus == 0;
    if (rc < 0)
        prober_drop(p);
    return rc;
}

/* ---- one shot -------------------------------------------------------------------------------- */

static void start_msrs(const struct probe_shot *shot, struct x86_state *s)
{
    s->efer |= X86_EFER_SCE;
    s->msr[s->nmsrs++] = (struct x86_msr){ (uint32_t)X86_MSR_STAR, (uint64_t)PROBE_USER32_CS << 48 |
                                                                       (uint64_t)PROBE_CS << 32 };
    s->msr[s->nmsrs++] = (struct x86_msr){ (uint32_t)X86_MSR_LSTAR, probe_at(shot->lstar) };
    s->msr[s->nmsrs++] = (struct x86_msr){ (uint32_t)X86_MSR_FMASK, 0 };
    s->msr[s->nmsrs++] = (struct x86_msr){ (uint32_t)X86_MSR_KERNEL_GS_BASE, PROBE_CELL };
}

/* Ring 3 is entered by the start state itself, not by an instruction that may not work. */
static void start_ring3(struct x86_state *s)
{
    s->rflags |= X86_RFLAGS_IOPL;
    for (unsigned i = 0; i < X86_NSREG; i++) {
        s->seg[i].selector = i == X86_CS ? PROBE_USER_CS : PROBE_USER_DS;
        s->seg[i].dpl = 3;
    }
}

static void start_state(const struct probe_shot *shot, struct x86_state *s)
{
    x86_start_state(shot->start, probe_at(shot->code), PROBE_STACK, shot->tables, s);
    s->gpr[X86_RCX] = shot->rcx;
    if (shot->pae)
        s->cr4 = X86_CR4_PAE;
    s->cr4 |= shot->cr4;
    if (shot->start == X86_START_LONG) {
        s->gdtr = (struct x86_dtable){ PROBE_GDT, 0x3f };
        s->idtr = (struct x86_dtable){ PROBE_IDT, 16 * PROBE_GATES - 1 };
        s->tr.selector = PROBE_TR;
        s->tr.base = PROBE_TSS;
    }
    if (shot->ring == 3)
        start_ring3(s);
    if (shot->lstar != NULL)
        start_msrs(shot, s);
    s->xcr0 = shot->xcr0;
}

int prober_aim(struct prober *p, const struct probe_shot *shot)
{
    bool rest = shot->lstar != NULL || shot->xcr0 != 0;
    unsigned parts = rest ? STATE_REST : 0;
    int rc = 0;

    p->err = (struct vitro_err){ 0 };
    start_state(shot, &p->state);
    if (p->m == NULL)
        rc = make_machine(p, &p->state);
    else
        parts |= STATE_REGS | STATE_SREGS;
    if (rc == 0 && parts != 0)
        rc = kvm_engine.set(p->m->cpu[0], parts, &p->state, &p->err);
    if (rc == 0)
        fresh_data(p->ram);
    return rc;
}

enum probe_how prober_fire(struct prober *p, uint64_t limit_ns)
{
    uint64_t end = clock_ns(&p->clock) + limit_ns;
    struct vcpu *cpu = p->m->cpu[0];
    bool late;
    int rc;

    arm(p, limit_ns);
    do {
        rc = kvm_engine.run(cpu, &p->err);
        late = clock_ns(&p->clock) >= end;
    } while (rc == 0 && cpu->exit.kind == EXIT_KICKED && !late);
    arm(p, 0);
    if (rc < 0)
        return HOW_BROKEN;
    return cpu->exit.kind == EXIT_KICKED ? HOW_TIMEOUT : HOW_EXIT;
}

enum probe_how prober_shoot(struct prober *p, const struct probe_shot *shot)
{
    enum probe_how how;

    if (p->m != NULL && p->m->cpu[0]->exit.kind != EXIT_PIO)
        prober_drop(p);
    if (prober_aim(p, shot) < 0)
        return HOW_BROKEN;
    how = prober_fire(p, PROBE_LIMIT_NS);
    if (how == HOW_BROKEN)
        prober_drop(p);
    if (how == HOW_TIMEOUT)
        p->timeouts++;
    return how;
}

bool prober_state(struct prober *p, struct x86_state *out)
{
    return kvm_engine.get(p->m->cpu[0], STATE_REGS | STATE_SREGS, out, &p->err) == 0;
}

/* ---- what came of it ------------------------------------------------------------------------- */

const struct cpu_exit *prober_exit(const struct prober *p)
{
    return &p->m->cpu[0]->exit;
}

static bool wrote(const struct prober *p, unsigned port)
{
    const struct cpu_exit *x = prober_exit(p);

    return x->kind == EXIT_PIO && x->write && x->width == 1 && x->addr == port;
}

bool prober_done(const struct prober *p)
{
    return wrote(p, PROBE_DONE_PORT) && prober_exit(p)->data == PROBE_RESULT &&
           le_get(p->ram + PROBE_CELL, 4) == PROBE_RESULT;
}

bool prober_trapped(const struct prober *p, unsigned vector)
{
    return wrote(p, PROBE_TRAP_PORT) && prober_exit(p)->data == vector;
}

static void explain_exit(const struct prober *p, const struct cpu_exit *x, struct probe_row *row)
{
    const char *name;

    switch (x->kind) {
    case EXIT_PIO:
        name = wrote(p, PROBE_TRAP_PORT) ? x86_exception_name((unsigned)x->data) : NULL;
        if (name != NULL)
            probe_set(row, PROBE_NO, 0, "raised %s instead", name);
        else
            probe_set(row, PROBE_NO, 0, "ran to its end with a wrong result");
        break;
    case EXIT_MMIO:
        probe_set(row, PROBE_NO, 0, "went to guest-physical 0x%" PRIx64 " instead", x->addr);
        break;
    case EXIT_SHUTDOWN:
        probe_set(row, PROBE_NO, 0, "ended in a triple fault (SHUTDOWN)");
        break;
    case EXIT_REFUSED:
        probe_set(row, PROBE_NO, 0, "KVM cannot emulate it");
        break;
    case EXIT_FAILED:
        probe_set(row, PROBE_NO, 0, "%s", x->detail);
        break;
    default:
        probe_set(row, PROBE_NO, 0, "ended with the exit '%s'", exit_kind_name(x->kind));
    }
}

void prober_explain(struct prober *p, enum probe_how how, struct probe_row *row)
{
    switch (how) {
    case HOW_EXIT:
        explain_exit(p, prober_exit(p), row);
        break;
    case HOW_TIMEOUT:
        probe_set(row, PROBE_NO, 0, "gave no answer within %u ms",
                  (unsigned)(PROBE_LIMIT_NS / 1000000));
        row->timed_out = true;
        break;
    case HOW_BROKEN:
        probe_set(row, PROBE_NO, 0, "%s", p->err.text);
        break;
    }
}
