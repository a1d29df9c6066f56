/* SPDX-License-Identifier: MIT */
/*
 * pc_input.c - what comes from the host into a PC: bytes that are typed, keys, the power button
 *
 * To the first serial port, or with a screen to the keyboard. A run that counts its instructions takes it from the log
 * of host events, so that it comes again where it came.
 */
#include "board/keys.h"
#include "board/pc_priv.h"
#include "dev/acpi_pm.h"
#include "dev/i8042.h"
#include "dev/uart16550.h"

enum { HOST_TYPED, HOST_POWER }; /* kinds of host_event */

void pc_feed_console(void *ctx)
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
    pc_feed_console(pc);
}

void pc_take_input(struct pc *pc)
{
    struct machine *m = pc->board.m;

    m->host_log.ready = takes_event;
    m->host_log.deliver = take_event;
    m->host_log.ctx = pc;
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
