/* SPDX-License-Identifier: MIT */
/*
 * pc_chips.c - the chips of the PC board and their wires
 *
 * An ISA interrupt goes to the i8259 pair and to the I/O APIC both, as on a PC; the guest masks what it does not use.
 * The PIT is pin 0 of the one and pin 2 of the other. The pair's output is LINT0 of the local APICs, which firmware
 * leaves as a virtual wire.
 */
#include <errno.h>

#include "board/acpi.h"
#include "board/pc_mem.h"
#include "board/pc_priv.h"
#include "board/pc_rows.h"
#include "dev/acpi_pm.h"
#include "dev/ferr.h"
#include "dev/i8042.h"
#include "dev/i8254.h"
#include "dev/i8259.h"
#include "dev/ioapic.h"
#include "dev/lapic.h"
#include "dev/mc146818.h"
#include "dev/sysports.h"
#include "dev/uart16550.h"

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
    struct machine *m = pc->board.m;

    machine_stop(m, panic_seen(&pc->panic) ? STOP_PANIC : STOP_RESET, 0,
                 m->accessing != NULL ? (int)m->accessing->idx : 0);
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
            .room = i == 0 ? pc_feed_console : NULL,
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

int pc_add_chips(struct pc *pc, const struct board_config *cfg, struct vitro_err *err)
{
    int rc;

    if ((rc = add_interrupt_chips(pc, err)) < 0 || (rc = add_timer(pc, err)) < 0 ||
        (rc = add_rtc(pc, cfg, err)) < 0 || (rc = add_serial(pc, err)) < 0 ||
        (rc = add_keyboard(pc, err)) < 0 || (rc = add_power(pc, err)) < 0 ||
        (rc = add_ports(pc, err)) < 0)
        return rc;
    return add_ferr(pc, err);
}
