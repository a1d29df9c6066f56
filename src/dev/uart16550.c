/* SPDX-License-Identifier: MIT */
/*
 * uart16550.c - National Semiconductor 16550A, a serial port with FIFOs of 16 bytes
 *
 * Source: data sheet PC16550D, "Universal Asynchronous Receiver/Transmitter with FIFOs". The transmitter is always
 * empty again when the guest looks. The modem at the other end is always there: CTS, DSR and DCD are active.
 * Without: writes to LSR and MSR, which are for a factory's tests.
 *
 * GAP: The serial line has no baud rate and no errors: characters have eight bits whatever LCR says, come as fast as
 * they are read, and have good parity. The divisor and LCR only give the time of the character timeout.
 */
#include "dev/uart16550.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/names.h"

/* X(constant, name, mask, words) */
#define IER_BITS(X)                                       \
    X(IER_ERBFI, "ERBFI", 0x01, "received data, timeout") \
    X(IER_ETBEI, "ETBEI", 0x02, "transmitter empty")      \
    X(IER_ELSI, "ELSI", 0x04, "line status")              \
    X(IER_EDSSI, "EDSSI", 0x08, "modem status")

#define IIR_BITS(X)                                                            \
    X(IIR_NONE, "NONE", 0x01, "no interrupt is pending")                       \
    X(IIR_ID, "ID", 0x0e, "0 modem, 1 transmitter, 2 data, 3 line, 6 timeout") \
    X(IIR_FIFO, "FIFO", 0xc0, "3: the FIFOs are on")

#define FCR_BITS(X)                                             \
    X(FCR_ENABLE, "ENABLE", 0x01, "FIFOs are on")               \
    X(FCR_CLEAR_RX, "CLEAR_RX", 0x02, "clears the receiver's")  \
    X(FCR_CLEAR_TX, "CLEAR_TX", 0x04, "clears transmitter's")   \
    X(FCR_DMA, "DMA", 0x08, "mode of the RXRDY and TXRDY pins") \
    X(FCR_TRIGGER, "TRIGGER", 0xc0, "0..3: 1, 4, 8 or 14 bytes")

#define LCR_BITS(X)                                             \
    X(LCR_WLS, "WLS", 0x03, "bits of a character, less 5")      \
    X(LCR_STB, "STB", 0x04, "two stop bits, or one and a half") \
    X(LCR_PEN, "PEN", 0x08, "parity")                           \
    X(LCR_EPS, "EPS", 0x10, "even parity")                      \
    X(LCR_STICK, "STICK", 0x20, "stick parity")                 \
    X(LCR_BREAK, "BREAK", 0x40, "a break is sent")              \
    X(LCR_DLAB, "DLAB", 0x80, "divisor latch access")

#define MCR_BITS(X)                                   \
    X(MCR_DTR, "DTR", 0x01, "data terminal ready")    \
    X(MCR_RTS, "RTS", 0x02, "request to send")        \
    X(MCR_OUT1, "OUT1", 0x04, "output 1")             \
    X(MCR_OUT2, "OUT2", 0x08, "output 2: interrupts") \
    X(MCR_LOOP, "LOOP", 0x10, "loopback")

#define LSR_BITS(X)                                                 \
    X(LSR_DR, "DR", 0x01, "data ready")                             \
    X(LSR_OE, "OE", 0x02, "overrun error")                          \
    X(LSR_PE, "PE", 0x04, "parity error")                           \
    X(LSR_FE, "FE", 0x08, "framing error")                          \
    X(LSR_BI, "BI", 0x10, "break interrupt")                        \
    X(LSR_THRE, "THRE", 0x20, "transmitter holding register empty") \
    X(LSR_TEMT, "TEMT", 0x40, "transmitter empty")                  \
    X(LSR_FIFO, "FIFO", 0x80, "an error is in the FIFO")

#define MSR_BITS(X)                              \
    X(MSR_DCTS, "DCTS", 0x01, "CTS has changed") \
    X(MSR_DDSR, "DDSR", 0x02, "DSR has changed") \
    X(MSR_TERI, "TERI", 0x04, "RI has ended")    \
    X(MSR_DDCD, "DDCD", 0x08, "DCD has changed") \
    X(MSR_CTS, "CTS", 0x10, "clear to send")     \
    X(MSR_DSR, "DSR", 0x20, "data set ready")    \
    X(MSR_RI, "RI", 0x40, "ring indicator")      \
    X(MSR_DCD, "DCD", 0x80, "data carrier detect")

#define X(id, name, mask, what) id = mask,
enum { IER_BITS(X) IIR_BITS(X) FCR_BITS(X) LCR_BITS(X) MCR_BITS(X) LSR_BITS(X) MSR_BITS(X) };
#undef X

/* What IIR says, highest priority first. */
enum {
    ID_LINE = 0x06,
    ID_DATA = 0x04,
    ID_TIMEOUT = 0x0c,
    ID_TRANSMITTER = 0x02,
    ID_MODEM = 0x00,
};

enum { FIFO_LEN = 16, MODEM_THERE = MSR_CTS | MSR_DSR | MSR_DCD };

/* The registers of the eight ports; with DLAB the first two are the divisor's. */
enum { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

struct uart16550 {
    struct dev dev; /* first */
    struct uart16550_config cfg;
    struct timer timeout;

    uint8_t ier, fcr, lcr, mcr, msr, scr;
    uint16_t divisor;
    bool overrun;
    bool thre_waits; /* the transmitter's interrupt has not been told yet */
    bool timed_out;

    /* A ring; without FIFOs only one place of it is used. */
    struct {
        uint8_t byte, errors; /* LSR_BI */
    } fifo[FIFO_LEN];
    unsigned head, count;
    uint8_t last;      /* what was read last */
    uint64_t moved_ns; /* when a byte last came or was read */

    bool mcr_written, lsr_read; /* since reset: for rts_flow */
    bool refused;               /* uart16550_receive was */
    bool irq_level;
};

static bool fifos_on(const struct uart16550 *u)
{
    return u->fcr & FCR_ENABLE;
}

static unsigned capacity(const struct uart16550 *u)
{
    return fifos_on(u) ? FIFO_LEN : 1;
}

static unsigned trigger(const struct uart16550 *u)
{
    static const uint8_t bytes[] = { 1, 4, 8, 14 };

    return fifos_on(u) ? bytes[u->fcr >> 6] : 1;
}

/* ---- interrupts -------------------------------------------------------------------------------- */

/* The line takes what is written to THR. */
static bool line_ready(const struct uart16550 *u)
{
    return u->cfg.ready == NULL || u->cfg.ready(u->cfg.ready_ctx);
}

static uint8_t lsr_of(const struct uart16550 *u)
{
    uint8_t lsr = line_ready(u) ? LSR_THRE | LSR_TEMT : 0;

    if (u->count > 0)
        lsr |= LSR_DR | u->fifo[u->head].errors;
    if (u->overrun)
        lsr |= LSR_OE;
    for (unsigned i = 0; fifos_on(u) && i < u->count; i++)
        lsr |= u->fifo[(u->head + i) % FIFO_LEN].errors ? LSR_FIFO : 0;
    return lsr;
}

static uint8_t iir_of(const struct uart16550 *u)
{
    uint8_t fifo = fifos_on(u) ? IIR_FIFO : 0;

    if (u->ier & IER_ELSI && lsr_of(u) & (LSR_OE | LSR_PE | LSR_FE | LSR_BI))
        return fifo | ID_LINE;
    if (u->ier & IER_ERBFI && u->count >= trigger(u))
        return fifo | ID_DATA;
    if (u->ier & IER_ERBFI && u->timed_out)
        return fifo | ID_TIMEOUT;
    if (u->ier & IER_ETBEI && u->thre_waits && line_ready(u))
        return fifo | ID_TRANSMITTER;
    if (u->ier & IER_EDSSI && u->msr & (MSR_DCTS | MSR_DDSR | MSR_TERI | MSR_DDCD))
        return fifo | ID_MODEM;
    return fifo | IIR_NONE;
}

/* In loopback the chip's outputs, OUT2 too, are inactive. */
static void update_irq(struct uart16550 *u)
{
    bool open = !u->cfg.out2_gates || (u->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
    bool level = open && !(iir_of(u) & IIR_NONE);

    if (level != u->irq_level)
        irq_set(&u->cfg.irq, level);
    u->irq_level = level;
}

/* Four characters as LCR and the divisor have them; a divisor of 0 is taken as 1. Half bits, for stop bits. */
static uint64_t timeout_ns(const struct uart16550 *u)
{
    unsigned data = 5 + (u->lcr & LCR_WLS), divisor = u->divisor ? u->divisor : 1;
    unsigned stop = !(u->lcr & LCR_STB) ? 2 : data == 5 ? 3 : 4;
    unsigned halves = 2 + 2 * data + (u->lcr & LCR_PEN ? 2 : 0) + stop;

    return UINT64_C(4) * halves * 8 * divisor * 1000000000 / UART16550_HZ;
}

/* Few bytes wait, and the guest wants to be told: it is when nothing has moved for the time of four. */
static void update_timeout(struct uart16550 *u)
{
    if (fifos_on(u) && u->ier & IER_ERBFI && u->count > 0 && u->count < trigger(u) && !u->timed_out)
        timer_arm(&u->timeout, u->moved_ns + timeout_ns(u));
    else
        timer_cancel(&u->timeout);
}

static void on_timeout(void *ctx)
{
    struct uart16550 *u = ctx;

    u->timed_out = true;
    update_irq(u);
}

static void moved(struct uart16550 *u)
{
    u->moved_ns = clock_ns(u->cfg.clock);
}

/* ---- receiver ---------------------------------------------------------------------------------- */

/* Full: with FIFOs the new byte is lost, without the old one. */
static void put(struct uart16550 *u, uint8_t byte, uint8_t errors)
{
    if (u->count == capacity(u)) {
        u->overrun = true;
        if (fifos_on(u))
            return;
        u->count = 0;
    }
    u->fifo[(u->head + u->count) % FIFO_LEN].byte = byte;
    u->fifo[(u->head + u->count) % FIFO_LEN].errors = errors;
    u->count++;
}

static void clear_fifo(struct uart16550 *u)
{
    u->head = u->count = 0;
    u->timed_out = false;
}

static bool line_open(const struct uart16550 *u)
{
    if (u->mcr & MCR_LOOP)
        return false;
    return !u->cfg.rts_flow || (u->mcr_written ? u->mcr & MCR_RTS : u->lsr_read);
}

static void after_receive(struct uart16550 *u)
{
    moved(u);
    update_timeout(u);
    update_irq(u);
}

void uart16550_ready(struct dev *dev)
{
    update_irq((struct uart16550 *)dev);
}

bool uart16550_polled(const struct dev *dev)
{
    return ((const struct uart16550 *)dev)->ier == 0;
}

size_t uart16550_receive(struct dev *dev, const void *bytes, size_t len)
{
    struct uart16550 *u = (struct uart16550 *)dev;
    size_t room = line_open(u) ? capacity(u) - u->count : 0;
    size_t n = len < room ? len : room;

    for (size_t i = 0; i < n; i++)
        put(u, ((const uint8_t *)bytes)[i], 0);
    u->refused = n < len;
    if (n > 0)
        after_receive(u);
    return n;
}

bool uart16550_break(struct dev *dev)
{
    struct uart16550 *u = (struct uart16550 *)dev;

    if (!line_open(u) || u->count == capacity(u))
        return false;
    put(u, 0, LSR_BI);
    after_receive(u);
    return true;
}

/* At the end of an access: whoever waits may send more now. */
static void tell_room(struct uart16550 *u)
{
    if (!u->refused || !line_open(u) || u->count == capacity(u))
        return;
    u->refused = false;
    if (u->cfg.room != NULL)
        u->cfg.room(u->cfg.room_ctx);
}

/* ---- registers --------------------------------------------------------------------------------- */

static uint8_t read_rbr(struct uart16550 *u)
{
    u->timed_out = false;
    if (u->count > 0) {
        u->last = u->fifo[u->head].byte;
        u->head = (u->head + 1) % FIFO_LEN;
        u->count--;
    }
    moved(u);
    return u->last;
}

/* Tells of the transmitter's interrupt once, if it is the one that is told of. */
static uint8_t read_iir(struct uart16550 *u)
{
    uint8_t iir = iir_of(u);

    if ((iir & (IIR_ID | IIR_NONE)) == ID_TRANSMITTER)
        u->thre_waits = false;
    return iir;
}

static uint8_t read_lsr(struct uart16550 *u)
{
    uint8_t lsr = lsr_of(u);

    u->overrun = false;
    u->lsr_read = true;
    if (u->count > 0)
        u->fifo[u->head].errors = 0;
    return lsr;
}

static uint8_t read_msr(struct uart16550 *u)
{
    uint8_t msr = u->msr;

    u->msr &= MSR_CTS | MSR_DSR | MSR_RI | MSR_DCD;
    return msr;
}

/* While a break is sent, a byte does not get through it. The interrupt ends and comes again: a new edge. */
static void write_thr(struct uart16550 *u, uint8_t val)
{
    u->thre_waits = false;
    update_irq(u);
    if (u->mcr & MCR_LOOP) {
        put(u, val, 0);
        moved(u);
    } else if (!(u->lcr & LCR_BREAK)) {
        chr_write(&u->cfg.out, &val, 1);
    }
    u->thre_waits = true;
}

/* Asked for while the transmitter is empty, its interrupt comes at once. */
static void write_ier(struct uart16550 *u, uint8_t val)
{
    if (val & IER_ETBEI && !(u->ier & IER_ETBEI))
        u->thre_waits = true;
    u->ier = val & (IER_ERBFI | IER_ETBEI | IER_ELSI | IER_EDSSI);
}

/* Bits other than ENABLE are heeded only with it. Both FIFOs are cleared when it changes. */
static void write_fcr(struct uart16550 *u, uint8_t val)
{
    if ((val ^ u->fcr) & FCR_ENABLE || (val & FCR_ENABLE && val & FCR_CLEAR_RX))
        clear_fifo(u);
    u->fcr = val & FCR_ENABLE ? val & (FCR_ENABLE | FCR_DMA | FCR_TRIGGER) : 0;
}

/* The modem's lines, or in loopback our own outputs; notes what has changed. */
static void update_msr(struct uart16550 *u)
{
    uint8_t old = u->msr, lines = MODEM_THERE;

    if (u->mcr & MCR_LOOP)
        lines = (u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
                (u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0);
    u->msr = lines | (old & 0x0f) | ((old ^ lines) & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4;
    if (old & ~lines & MSR_RI)
        u->msr |= MSR_TERI;
}

static void write_mcr(struct uart16550 *u, uint8_t val)
{
    u->mcr = val & (MCR_DTR | MCR_RTS | MCR_OUT1 | MCR_OUT2 | MCR_LOOP);
    u->mcr_written = true;
    update_msr(u);
}

static void write_divisor(struct uart16550 *u, unsigned off, uint8_t val)
{
    u->divisor = off == 0 ? (u->divisor & 0xff00) | val : (u->divisor & 0x00ff) | val << 8;
}

static bool is_divisor(const struct uart16550 *u, uint64_t off)
{
    return u->lcr & LCR_DLAB && off <= IER;
}

static uint8_t read_reg(struct uart16550 *u, uint64_t off)
{
    if (is_divisor(u, off))
        return (uint8_t)(u->divisor >> (8 * off));
    switch (off) {
    case RBR_THR:
        return read_rbr(u);
    case IER:
        return u->ier;
    case IIR_FCR:
        return read_iir(u);
    case LCR:
        return u->lcr;
    case MCR:
        return u->mcr;
    case LSR:
        return read_lsr(u);
    case MSR:
        return read_msr(u);
    default:
        return u->scr;
    }
}

static void write_reg(struct uart16550 *u, uint64_t off, uint8_t val)
{
    if (is_divisor(u, off)) {
        write_divisor(u, (unsigned)off, val);
        return;
    }
    switch (off) {
    case RBR_THR:
        write_thr(u, val);
        break;
    case IER:
        write_ier(u, val);
        break;
    case IIR_FCR:
        write_fcr(u, val);
        break;
    case LCR:
        u->lcr = val;
        break;
    case MCR:
        write_mcr(u, val);
        break;
    case SCR:
        u->scr = val;
        break;
    default: /* LSR and MSR are for reading */
        u->dev.refused++;
        break;
    }
}

static void after_access(struct uart16550 *u)
{
    update_timeout(u);
    update_irq(u);
    tell_room(u);
}

static uint64_t uart16550_read(struct dev *dev, uint64_t off, unsigned width)
{
    struct uart16550 *u = (struct uart16550 *)dev;
    uint8_t val = read_reg(u, off);

    (void)width;
    after_access(u);
    return val;
}

static void uart16550_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct uart16550 *u = (struct uart16550 *)dev;

    (void)width;
    write_reg(u, off, (uint8_t)val);
    after_access(u);
}

/* ---- the device -------------------------------------------------------------------------------- */

#define X(id, name, mask, what) { mask, name, what },
#define TABLE(id, BITS)                                     \
    static const struct bit_name id##_rows[] = { BITS(X) }; \
    static const struct bit_table id = { id##_rows, ARRAY_LEN(id##_rows) }
TABLE(ier, IER_BITS);
TABLE(iir, IIR_BITS);
TABLE(fcr, FCR_BITS);
TABLE(lcr, LCR_BITS);
TABLE(mcr, MCR_BITS);
TABLE(lsr, LSR_BITS);
TABLE(msr, MSR_BITS);
#undef X

static size_t uart16550_regs(const struct dev *dev, struct dev_reg *out)
{
    const struct uart16550 *u = (const struct uart16550 *)dev;
    const struct dev_reg rows[] = {
        { "IER", 1, &ier, u->ier },    { "IIR", 1, &iir, iir_of(u) },
        { "FCR", 1, &fcr, u->fcr },    { "LCR", 1, &lcr, u->lcr },
        { "MCR", 1, &mcr, u->mcr },    { "LSR", 1, &lsr, lsr_of(u) },
        { "MSR", 1, &msr, u->msr },    { "SCR", 1, NULL, u->scr },
        { "DL", 2, NULL, u->divisor }, { "waiting", 1, NULL, u->count },
    };

    static_assert(ARRAY_LEN(rows) <= DEV_REGS_MAX, "all rows have room");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        out[i] = rows[i];
    return ARRAY_LEN(rows);
}

/* Master reset leaves the divisor and SCR alone. */
static void uart16550_reset(struct dev *dev)
{
    struct uart16550 *u = (struct uart16550 *)dev;

    u->ier = u->fcr = u->lcr = u->mcr = 0;
    u->msr = MODEM_THERE;
    u->overrun = u->thre_waits = false;
    u->mcr_written = u->lsr_read = false;
    clear_fifo(u);
    after_access(u);
}

static void uart16550_free(struct dev *dev)
{
    struct uart16550 *u = (struct uart16550 *)dev;

    timer_cancel(&u->timeout);
    free(u);
}

static const struct dev_ops uart16550_ops = {
    .name = "uart16550",
    .widths = W8,
    .read = uart16550_read,
    .write = uart16550_write,
    .reset = uart16550_reset,
    .bytes = sizeof(struct uart16550),
    .free = uart16550_free,
    .regs = uart16550_regs,
};

struct dev *uart16550_new(const struct uart16550_config *cfg)
{
    struct uart16550 *u = calloc(1, sizeof(*u));

    if (u == NULL)
        return NULL;
    u->dev.ops = &uart16550_ops;
    u->cfg = *cfg;
    timer_init(&u->timeout, cfg->timers, on_timeout, u);
    u->divisor = 12; /* 9600 baud, as firmware leaves it */
    uart16550_reset(&u->dev);
    return &u->dev;
}
