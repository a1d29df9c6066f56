/* SPDX-License-Identifier: MIT */
/*
 * acpi_pm.h - fixed hardware of ACPI: events, control, power-management timer; used by board/
 *
 * One device for the machine, three places on the port bus (acpi_pm_part). All under the machine lock.
 */
#ifndef DEV_ACPI_PM_H
#define DEV_ACPI_PM_H

#include "core/bus.h"
#include "core/clock.h"
#include "core/irq.h"
#include "core/timer.h"

enum acpi_pm_part { ACPI_PM1_EVENT, ACPI_PM1_CONTROL, ACPI_PM_TIMER, ACPI_PM_PARTS };
enum { ACPI_PM1_EVENT_LEN = 4, ACPI_PM1_CONTROL_LEN = 2, ACPI_PM_TIMER_LEN = 4 };
enum { ACPI_PM_TIMER_HZ = 3579545 };

struct acpi_pm_config {
    struct irq_line sci;       /* level: high while an event is pending and enabled */
    const struct clock *clock; /* borrowed, as timers */
    struct timers *timers;
    unsigned timer_bits; /* 24 or 32, as the FADT has it */
    unsigned s5_type;    /* 0..7: the sleep type that switches off, as \_S5 has it */
    /* The guest enters S5. Called in an access. */
    void (*power_off)(void *ctx);
    void *power_off_ctx;
};

/* cfg is copied. Returns NULL when out of memory. The caller gives it to machine_add_dev. */
struct dev *acpi_pm_new(const struct acpi_pm_config *cfg);

/* What belongs on the port bus at a part's port; owned by dev. ACPI_PM1_EVENT gives dev itself. */
struct dev *acpi_pm_part(struct dev *dev, enum acpi_pm_part part);

/*
 * acpi_pm_power_button - somebody presses the power button
 *
 * The guest may switch off then, or not. False: it has not enabled the event, and learns of it only if it looks.
 */
bool acpi_pm_power_button(struct dev *dev);

#endif
