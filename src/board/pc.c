/* SPDX-License-Identifier: MIT */
/*
 * pc.c - composes the PC board: memory, kernel, tables, chips, CPUs; and puts it all back at a reset
 *
 * Wiring: an ISA interrupt goes to the i8259 pair and to the I/O APIC both, as on a PC; the guest masks what it
 * does not use. The PIT is pin 0 of the one and pin 2 of the other. The pair's output is LINT0 of the local
 * APICs, which firmware leaves as a virtual wire.
 */
#include "board/pc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "board/acpi.h"
#include "board/pc_mem.h"
#include "board/pc_rows.h"
#include "dev/acpi_pm.h"
#include "board/keys.h"
#include "dev/ferr.h"
#include "dev/i8042.h"
#include "dev/i8254.h"
#include "dev/i8259.h"
#include "dev/ioapic.h"
#include "dev/lapic.h"
#include "dev/mc146818.h"
#include "dev/sysports.h"
#include "dev/uart16550.h"
#include "host/loop.h"
#include "host/ram.h"

enum { SERIALS = 2 };
enum { TYPED_MAX = 4096 };       /* bytes that wait for the first serial port to take them */
enum { HOST_TYPED, HOST_POWER }; /* kinds of host_event */
enum { MTRR_ENABLE = 0x800, MTRR_WRITE_BACK = 6 }; /* IA32_MTRR_DEF_TYPE */

struct pc {
    struct board board; /* first */
    struct loop *loop;
    struct boot_plan plan;
    unsigned ncpus;
    bool screen; /* what is typed goes to the keyboard, not to the first serial port */
    struct panic panic;
    struct { /* a ring, guarded by the machine lock */
        uint8_t bytes[TYPED_MAX];
        unsigned head, len;
    } typed;
    struct x86_state *start; /* one a vCPU: as it was made, for resets */
    /* owned by the machine */
    struct dev *lapic, *ioapic, *pic, *pit, *rtc, *kbd, *pm, *ferr, *uart[SERIALS];
};

static struct pc *pc_of(struct board *b)
{
    return (struct pc *)b;
}

/* ---- wires ----------------------------------------------------------------------------------- */

static void isa_set(void *ctx, unsigned irq, bool level)
{
    struct pc *pc = ctx;

    i8259_set(pc->pic, irq, level);
    ioapic_set(pc->ioapic, irq == 0 ? PC_PIT_GSI : irq, level);
}

static struct irq_line isa_line(struct pc *pc, enum pc_id id)
{
    return (struct irq_line){ isa_set, pc, (unsigned)pc_rows[id].pin };
}

static int ack_pic(void *ctx)
{
    return i8259_ack(((struct pc *)ctx)->pic);
}

static void eoi(void *ctx, uint8_t vector)
{
    ioapic_eoi(((struct pc *)ctx)->ioapic, vector);
}

static void reset(void *ctx)
{
    struct pc *pc = ctx;

    machine_stop(pc->board.m, panic_seen(&pc->panic) ? STOP_PANIC : STOP_RESET, 0, -1);
}

/* Gives the port what has been typed, as far as it takes it. */
static void feed_console(void *ctx)
{
    struct pc *pc = ctx;

    while (pc->typed.len > 0 &&
           uart16550_receive(pc->uart[0], &pc->typed.bytes[pc->typed.head], 1) == 1) {
        pc->typed.head = (pc->typed.head + 1) % TYPED_MAX;
        pc->typed.len--;
    }
}

static bool takes_event(void *ctx)
{
    struct pc *pc = ctx;

    return pc->screen ? i8042_ready(pc->kbd) : pc->typed.len < TYPED_MAX;
}

/* A key of keys.h. What no key has is lost. */
static void press(struct pc *pc, uint8_t key)
{
    unsigned code = keys_code(key);

    if (key < KEYS_FIRST) {
        (void)i8042_type(pc->kbd, (char)key);
    } else if (code != 0) {
        (void)i8042_key(pc->kbd, code, true);
        (void)i8042_key(pc->kbd, code, false);
    }
}

/* Of a run that counts its instructions: at the place that the log has for it. */
static void take_event(void *ctx, const struct host_event *ev)
{
    struct pc *pc = ctx;

    if (ev->kind == HOST_POWER) {
        acpi_pm_power_button(pc->pm);
        return;
    }
    if (pc->screen) {
        press(pc, ev->byte);
        return;
    }
    pc->typed.bytes[(pc->typed.head + pc->typed.len++) % TYPED_MAX] = ev->byte;
    feed_console(pc);
}

static void console_ready(void *ctx)
{
    uart16550_ready(((struct pc *)ctx)->uart[0]);
}

static bool is_console_ready(void *ctx)
{
    return chr_fd_ready(&((struct pc *)ctx)->board.console);
}

static bool console_polled(void *ctx)
{
    return uart16550_polled(((struct pc *)ctx)->uart[0]);
}

static void power_off(void *ctx)
{
    machine_stop(((struct pc *)ctx)->board.m, STOP_POWEROFF, 0, -1);
}

/* Of the RTC. */
static uint64_t wall_seconds(void *ctx)
{
    return clock_wall_ns(&((struct pc *)ctx)->board.m->clock) / 1000000000;
}

/* ---- chips ----------------------------------------------------------------------------------- */

/* Gives dev to the machine; NULL: out of memory. */
static int own(struct pc *pc, struct dev *dev, struct dev **out, struct vitro_err *err)
{
    *out = dev;
    if (dev == NULL)
        return err_set(err, -ENOMEM, "making a device: out of memory");
    return machine_add_dev(pc->board.m, dev, err);
}

static int attach(struct pc *pc, enum pc_id id, struct dev *dev, struct vitro_err *err)
{
    const struct pc_row *row = &pc_rows[id];
    struct machine *m = pc->board.m;

    return bus_add(row->where == ON_PIO ? &m->pio : &m->mmio, row->base, row->len, dev, err);
}

static int add_interrupt_chips(struct pc *pc, struct vitro_err *err)
{
    struct machine *m = pc->board.m;
    const struct lapic_wires wires = { .ack_pic = ack_pic, .pic = pc, .eoi = eoi, .ioapic = pc };
    struct ioapic_config ioapic = { .id = (uint8_t)pc->ncpus }; /* as acpi.c says */
    struct irq_line lint0;
    int rc;

    if ((rc = own(pc, lapic_new(m, &wires), &pc->lapic, err)) < 0)
        return rc;
    lint0 = (struct irq_line){ lapic_lint, pc->lapic, LAPIC_LINT0 };
    ioapic.msi = (struct msi_sink){ lapic_msi, pc->lapic };
    if ((rc = own(pc, i8259_new(&lint0), &pc->pic, err)) < 0 ||
        (rc = own(pc, ioapic_new(&ioapic), &pc->ioapic, err)) < 0 ||
        (rc = attach(pc, PC_LAPIC, pc->lapic, err)) < 0 ||
        (rc = attach(pc, PC_IOAPIC, pc->ioapic, err)) < 0 ||
        (rc = attach(pc, PC_I8259_MASTER, i8259_part(pc->pic, I8259_MASTER), err)) < 0 ||
        (rc = attach(pc, PC_I8259_SLAVE, i8259_part(pc->pic, I8259_SLAVE), err)) < 0)
        return rc;
    return attach(pc, PC_ELCR, i8259_part(pc->pic, I8259_ELCR), err);
}

static int add_timer(struct pc *pc, struct vitro_err *err)
{
    const struct irq_line line = isa_line(pc, PC_I8254);
    int rc = own(pc, i8254_new(pc->board.m, &line), &pc->pit, err);

    if (rc < 0 || (rc = attach(pc, PC_I8254, i8254_part(pc->pit, I8254_COUNTERS), err)) < 0)
        return rc;
    return attach(pc, PC_PORT61, i8254_part(pc->pit, I8254_PORT_B), err);
}

static int add_serial(struct pc *pc, struct vitro_err *err)
{
    static const enum pc_id rows[SERIALS] = { PC_COM1, PC_COM2 };
    struct machine *m = pc->board.m;
    int rc = 0;

    /* A run that is to be repeated may not depend on who reads: there a write waits, and the guest's time not. */
    if (!m->clock.counted)
        rc = chr_fd_open_ring(&pc->board.console, pc->loop, m, console_ready, pc, err);
    panic_init(&pc->panic, m, chr_fd_chr(&pc->board.console), console_polled, pc);
    pc->board.panic = &pc->panic;
    for (unsigned i = 0; i < SERIALS && rc == 0; i++) {
        const struct uart16550_config cfg = {
            .out = i == 0 ? panic_chr(&pc->panic) : (struct chr){ 0 },
            .ready = i == 0 ? is_console_ready : NULL,
            .ready_ctx = pc,
            .room = i == 0 ? feed_console : NULL,
            .room_ctx = pc,
            .irq = isa_line(pc, rows[i]),
            .clock = &m->clock,
            .timers = &m->timers,
            .out2_gates = true,
            .rts_flow = true,
        };

        rc = own(pc, uart16550_new(&cfg), &pc->uart[i], err);
        if (rc == 0)
            rc = attach(pc, rows[i], pc->uart[i], err);
    }
    return rc;
}

static int add_rtc(struct pc *pc, const struct board_config *cfg, struct vitro_err *err)
{
    struct machine *m = pc->board.m;
    uint64_t low = cfg->mem_bytes < PC_HOLE ? cfg->mem_bytes : PC_HOLE;
    const struct mc146818_config rtc = {
        .irq = isa_line(pc, PC_MC146818),
        .clock = &m->clock,
        .timers = &m->timers,
        .wall = wall_seconds,
        .wall_ctx = pc,
        .ram_below_4g = low,
        .ram_above_4g = cfg->mem_bytes - low,
    };
    int rc = own(pc, mc146818_new(&rtc), &pc->rtc, err);

    return rc < 0 ? rc : attach(pc, PC_MC146818, pc->rtc, err);
}

static int add_keyboard(struct pc *pc, struct vitro_err *err)
{
    const struct i8042_config cfg = { .irq = isa_line(pc, PC_I8042_DATA),
                                      .reset = reset,
                                      .reset_ctx = pc };
    int rc = own(pc, i8042_new(&cfg), &pc->kbd, err);

    if (rc < 0 || (rc = attach(pc, PC_I8042_DATA, i8042_part(pc->kbd, I8042_DATA), err)) < 0)
        return rc;
    return attach(pc, PC_I8042_COMMAND, i8042_part(pc->kbd, I8042_COMMAND), err);
}

static int add_power(struct pc *pc, struct vitro_err *err)
{
    struct machine *m = pc->board.m;
    const struct acpi_pm_config cfg = {
        .sci = isa_line(pc, PC_PM1_EVENT),
        .clock = &m->clock,
        .timers = &m->timers,
        .timer_bits = 32,
        .s5_type = ACPI_SLEEP_S5,
        .power_off = power_off,
        .power_off_ctx = pc,
    };
    int rc = own(pc, acpi_pm_new(&cfg), &pc->pm, err);

    if (rc < 0 || (rc = attach(pc, PC_PM1_EVENT, acpi_pm_part(pc->pm, ACPI_PM1_EVENT), err)) < 0 ||
        (rc = attach(pc, PC_PM1_CONTROL, acpi_pm_part(pc->pm, ACPI_PM1_CONTROL), err)) < 0)
        return rc;
    return attach(pc, PC_PM_TIMER, acpi_pm_part(pc->pm, ACPI_PM_TIMER), err);
}

static int add_ferr(struct pc *pc, struct vitro_err *err)
{
    const struct irq_line line = isa_line(pc, PC_FERR);
    int rc = own(pc, ferr_new(&line), &pc->ferr, err);

    return rc < 0 ? rc : attach(pc, PC_FERR, pc->ferr, err);
}

static int add_ports(struct pc *pc, struct vitro_err *err)
{
    const struct sysports_config cfg = { .reset = reset, .reset_ctx = pc };
    struct dev *ports;
    int rc = own(pc, sysports_new(&cfg), &ports, err);

    if (rc < 0 || (rc = attach(pc, PC_POST, sysports_part(ports, SYSPORTS_POST), err)) < 0 ||
        (rc = attach(pc, PC_PORT92, sysports_part(ports, SYSPORTS_92), err)) < 0)
        return rc;
    return attach(pc, PC_RESET, sysports_part(ports, SYSPORTS_RESET), err);
}

/* ---- memory and kernel ----------------------------------------------------------------------- */

/* Writes the firmware's tables and the kernel into memory that is zero. */
static int fill_memory(struct pc *pc, struct vitro_err *err)
{
    struct mem *mem = &pc->board.m->mem;

    acpi_write(mem, pc->ncpus);
    mptable_write(mem, pc->ncpus);
    return boot_place(&pc->plan, mem, err);
}

static int load_kernel(struct pc *pc, const struct board_config *cfg, struct vitro_err *err)
{
    struct mem *mem = &pc->board.m->mem;
    struct boot_row rows[PC_ROWS_MAX];
    struct boot_request req = {
        .cmdline = cfg->cmdline,
        .initrd = cfg->initrd,
        .module = cfg->module,
        .nmodules = cfg->nmodules,
        .row = rows,
        .nrows = pc_mem_rows(cfg->mem_bytes, rows),
        .rsdp = acpi_write(mem, cfg->ncpus),
        .rsdp_len = BOOT_RSDP_MAX,
        .vga_text = cfg->screen,
    };
    int rc;

    if (!mem_get(mem, req.rsdp, req.rsdp_bytes, req.rsdp_len))
        return -EFAULT;
    rc = boot_plan(cfg->image, &req, &pc->plan, err);
    if (rc < 0)
        return rc;
    mem_note(mem, MEM_USE_BOOT, ACPI_BASE, ACPI_BYTES, "ACPI tables");
    mem_note(mem, MEM_USE_BOOT, MPTABLE_BASE, MPTABLE_BYTES, "MP table");
    return fill_memory(pc, err);
}

/* ---- CPUs ------------------------------------------------------------------------------------ */

/*
 * What firmware does before it starts a kernel: memory types on, write-back wherever page tables say nothing else.
 * Linux leaves the PAT alone on a CPU whose MTRRs are off.
 */
static int enable_mtrrs(struct vcpu *cpu, struct x86_state *s, struct vitro_err *err)
{
    int rc = cpu->m->engine->get(cpu, STATE_ALL, s, err);

    for (uint32_t i = 0; rc == 0 && i < s->nmsrs; i++) {
        if (s->msr[i].index == X86_MSR_MTRR_DEF_TYPE)
            s->msr[i].value = MTRR_ENABLE | MTRR_WRITE_BACK;
    }
    return rc < 0 ? rc : cpu->m->engine->set(cpu, STATE_ALL, s, err);
}

static int add_cpus(struct pc *pc, struct vitro_err *err)
{
    struct machine *m = pc->board.m;
    struct x86_state first, other;
    int rc = 0;

    pc->start = calloc(pc->ncpus, sizeof(*pc->start));
    if (pc->start == NULL)
        return err_set(err, -ENOMEM, "making the CPUs: out of memory");
    boot_state(&pc->plan, &first);
    x86_reset_state(first.apic_base & ~UINT64_C(0x100), &other);
    for (unsigned i = 0; i < pc->ncpus && rc == 0; i++) {
        rc = machine_add_cpu(m, i == 0 ? &first : &other, err);
        if (rc < 0)
            return rc;
        lapic_plug(pc->lapic, m->cpu[i]);
        m->cpu[i]->activity = i == 0 ? X86_RUNNING : X86_WAIT_SIPI;
        m->cpu[i]->ferr = i == 0 ? ferr_wires(pc->ferr) : NULL; /* of the others nobody asks */
        rc = enable_mtrrs(m->cpu[i], &pc->start[i], err);
    }
    lapic_virtual_wire(pc->lapic);
    return rc;
}

static int reset_cpu(struct pc *pc, unsigned i, struct vitro_err *err)
{
    struct vcpu *cpu = pc->board.m->cpu[i];

    vcpu_withdraw(cpu, ~0u);
    cpu->ended = false;
    cpu->activity = i == 0 ? X86_RUNNING : X86_WAIT_SIPI;
    return cpu->m->engine->set(cpu, STATE_ALL, &pc->start[i], err);
}

/* ---- life ------------------------------------------------------------------------------------ */

/* As after power-up. Not while it runs. */
static int pc_reset(struct board *b, struct vitro_err *err)
{
    struct pc *pc = pc_of(b);
    struct machine *m = b->m;
    int rc;

    for (unsigned i = 0; i < m->ndevs; i++) {
        if (m->dev[i]->ops->reset != NULL)
            m->dev[i]->ops->reset(m->dev[i]);
    }
    panic_reset(&pc->panic);
    ram_clear(b->ram, b->ram_len);
    rc = fill_memory(pc, err);
    for (unsigned i = 0; i < pc->ncpus && rc == 0; i++)
        rc = reset_cpu(pc, i, err);
    lapic_virtual_wire(pc->lapic);
    return rc;
}

static void pc_fini(struct board *b)
{
    struct pc *pc = pc_of(b);

    loop_free(pc->loop);
    boot_plan_fini(&pc->plan);
    free(pc->start);
}

static int add_parts(struct pc *pc, const struct board_config *cfg, struct vitro_err *err)
{
    struct board *b = &pc->board;
    int rc;

    if ((rc = board_open(b, cfg, err)) < 0 || (rc = loop_new(b->m, &pc->loop, err)) < 0 ||
        (rc = pc_mem_add(b, cfg, err)) < 0 || (rc = load_kernel(pc, cfg, err)) < 0 ||
        (rc = add_interrupt_chips(pc, err)) < 0 || (rc = add_timer(pc, err)) < 0 ||
        (rc = add_rtc(pc, cfg, err)) < 0 || (rc = add_serial(pc, err)) < 0 ||
        (rc = add_keyboard(pc, err)) < 0 || (rc = add_power(pc, err)) < 0 ||
        (rc = add_ports(pc, err)) < 0 || (rc = add_ferr(pc, err)) < 0 ||
        (rc = board_add_debug(b, cfg, err)) < 0)
        return rc;
    return add_cpus(pc, err);
}

/* What is the board's own and changes: for checkpoints, and for what comes from the host meanwhile. */
static void add_past(struct pc *pc)
{
    struct machine *m = pc->board.m;

    machine_add_part(m, &pc->panic, sizeof(pc->panic));
    machine_add_part(m, &pc->typed, sizeof(pc->typed));
    m->host_log.ready = takes_event;
    m->host_log.deliver = take_event;
    m->host_log.ctx = pc;
}

int pc_new(const struct board_config *cfg, struct board **out, struct vitro_err *err)
{
    struct pc *pc;
    int rc;

    pc = calloc(1, sizeof(*pc));
    if (pc == NULL)
        return err_set(err, -ENOMEM, "making the board: out of memory");
    pc->board.reset = pc_reset;
    pc->board.fini = pc_fini;
    pc->board.lapic = true;
    pc->ncpus = cfg->ncpus;
    pc->screen = cfg->screen;
    rc = add_parts(pc, cfg, err);
    if (rc < 0) {
        board_free(&pc->board);
        return rc;
    }
    add_past(pc);
    *out = &pc->board;
    return 0;
}

/* Now, or in a run that counts its instructions at the place that the log gives it. */
static bool type_byte(struct pc *pc, uint8_t byte)
{
    if (pc->board.m->clock.counted)
        return host_log_add(pc->board.m, HOST_TYPED, byte);
    if (!takes_event(pc))
        return false;
    take_event(pc, &(struct host_event){ .kind = HOST_TYPED, .byte = byte });
    return true;
}

size_t pc_console_send(struct board *b, const void *bytes, size_t len)
{
    struct pc *pc = pc_of(b);
    const uint8_t *from = bytes;
    size_t taken = 0, n;

    pthread_mutex_lock(&b->m->lock);
    for (; taken < len; taken += n) {
        uint8_t byte = from[taken];

        n = pc->screen ? keys_next(from + taken, len - taken, &byte) : 1;
        if (!type_byte(pc, byte))
            break;
    }
    pthread_mutex_unlock(&b->m->lock);
    return taken;
}

void pc_power_button(struct board *b)
{
    pthread_mutex_lock(&b->m->lock);
    if (!b->m->clock.counted)
        acpi_pm_power_button(pc_of(b)->pm);
    else
        (void)host_log_add(b->m, HOST_POWER,
                           0); /* no room: nobody reads keys, or a button, there */
    pthread_mutex_unlock(&b->m->lock);
}
