/* SPDX-License-Identifier: MIT */
/*
 * embed.c - a program with a machine in it: gcc embed.c $(pkg-config --cflags --libs vitro)
 *
 * The guest reads a number from a device of ours, doubles it and writes it back.
 */
#include <inttypes.h>
#include <stdio.h>

#include <vitro/device.h>
#include <vitro/inspect.h>
#include <vitro/vitro.h>

static const unsigned char code[] = {
    0x66, 0xba, 0x00, 0x05, /* 0: mov $0x500, %dx */
    0xed,                   /* 4: in %dx, %eax */
    0x01, 0xc0,             /* 5: add %eax, %eax */
    0xef,                   /* 7: out %eax, %dx */
    0xf4,                   /* 8: hlt */
};

/* The device: one 32-bit register. */
static uint64_t number_read(void *ctx, uint64_t off, unsigned width)
{
    (void)off, (void)width;
    return *(const uint64_t *)ctx;
}

static void number_write(void *ctx, uint64_t off, unsigned width, uint64_t val)
{
    (void)off, (void)width;
    *(uint64_t *)ctx = val;
}

static void print_exits(const struct vitro *m)
{
    struct vitro_exit_row row[16];
    size_t n = 0;

    if (vitro_exits(m, row, 16, &n, NULL) < 0)
        return;
    for (size_t i = 0; i < n && i < 16; i++)
        printf("%" PRIu64 " x %s%s%s, rip 0x%" PRIx64 "\n", row[i].exits, row[i].reason,
               row[i].is_access ? row[i].write ? " write to " : " read from " : "",
               row[i].device != NULL ? row[i].device : "", row[i].rip);
}

int main(void)
{
    uint64_t number = 21;
    struct vitro_guest_config what = { .name = "doubler", .bytes = code, .len = sizeof(code) };
    struct vitro_device dev = {
        .name = "number",
        .bus = VITRO_BUS_PIO,
        .base = 0x500,
        .len = 4,
        .widths = VITRO_W32,
        .read = number_read,
        .write = number_write,
        .ctx = &number,
    };
    struct vitro_guest *guest = NULL;
    struct vitro *m = NULL;
    struct vitro_outcome end;
    struct vitro_err err = { 0 };

    if (vitro_guest_open(&what, &guest, &err) == 0 &&
        vitro_new(&(struct vitro_config){ 0 }, guest, &m, &err) == 0 &&
        vitro_add_device(m, &dev, &err) == 0 && vitro_run(m, &end, &err) == 0) {
        printf("the number is %" PRIu64 " after %" PRIu64 " exits\n", number, end.exits);
        print_exits(m);
    }
    if (err.code != 0)
        fprintf(stderr, "embed: %s\n", err.text);
    vitro_free(m);
    vitro_guest_free(guest);
    return err.code != 0;
}
