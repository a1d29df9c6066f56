/* SPDX-License-Identifier: MIT */
/*
 * uart16550.h - serial port of a PC; used by board/
 *
 * Bytes the guest sends go out at once; bytes for the guest are taken as the guest makes room for them, never
 * more than the chip has room for: what waits is the caller's, in a queue with a bound of its own. Everything
 * here is under the machine lock.
 */
#ifndef DEV_UART16550_H
#define DEV_UART16550_H

#include "core/backend.h"
#include "core/bus.h"
#include "core/clock.h"
#include "core/irq.h"
#include "core/timer.h"

enum {
    UART16550_LEN = 8,
    UART16550_HZ = 1843200 /* a PC's crystal; 16 periods a bit at divisor 1 */
};

struct uart16550_config {
    struct chr out;            /* where sent bytes go */
    struct irq_line irq;       /* high while an interrupt is pending */
    const struct clock *clock; /* borrowed, as timers: for the character timeout */
    struct timers *timers;

    /*
     * uart16550_receive has taken less than it was given, and now there is room. Called at the end of an access by
     * the guest; may call uart16550_receive, which never calls back. NULL: nobody waits.
     */
    void (*room)(void *ctx);
    void *room_ctx;

    /*
     * Whether the line takes bytes; while it does not, the transmitter is told of as full, and the guest waits in
     * its own way. Call uart16550_ready when that is over. NULL: it always does.
     */
    bool (*ready)(void *ctx);
    void *ready_ctx;

    /* The interrupt reaches its line only with MCR.OUT2 set, as on a PC. False: always. */
    bool out2_gates;
    /*
     * The other end sends only while MCR.RTS is set, so that what is typed ahead survives a driver that clears the
     * FIFO first; and to a guest that has never written MCR, once it has looked at LSR. False: always.
     */
    bool rts_flow;
};

/* cfg is copied. Returns NULL when out of memory. The caller gives it to machine_add_dev. */
struct dev *uart16550_new(const struct uart16550_config *cfg);

/* The line takes bytes again: see uart16550_config.ready. */
void uart16550_ready(struct dev *dev);

/* The guest has all of the port's interrupts off: whatever drives it now polls. */
bool uart16550_polled(const struct dev *dev);

/* Bytes come in on the line. How many were taken, 0..len; see uart16550_config.room about the rest. */
size_t uart16550_receive(struct dev *dev, const void *bytes, size_t len);

/*
 * uart16550_break - the line is held down for longer than a character: a break comes in
 *
 * It takes the place of one character. False: there is no room for it now.
 */
bool uart16550_break(struct dev *dev);

#endif
