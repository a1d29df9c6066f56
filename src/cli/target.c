/* SPDX-License-Identifier: MIT */
/* target.c - from a name and options to a machine, and to a point of its run. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "ctl/ctl.h"

int target_open(struct target *t, struct options *o, const char *name)
{
    struct vitro_err err = { 0 };

    *t = (struct target){ .ctl = t->ctl };
    o->guest.name = name;
    if (o->cpuid && o->machine.cpu == NULL)
        o->machine.cpu = "base"; /* a built-in guest executes no CPUID: unasked, it is given none */
    o->machine.counts_insns =
        o->insns || o->stop_at.insns != 0 || o->since.insns != 0 || o->switch_at.insns != 0;
    if (vitro_guest_open(&o->guest, &t->guest, &err) < 0 ||
        vitro_new(&o->machine, t->guest, &t->m, &err) < 0) {
        target_close(t);
        return fail_err(&err);
    }
    if (t->ctl != NULL)
        ctl_machine(t->ctl, t->m, t->guest);
    return EXIT_OK;
}

void target_stop(const struct target *t, enum vitro_stop_kind kind)
{
    if (t->ctl != NULL)
        ctl_stop(t->ctl, kind);
    else
        vitro_stop(t->m, kind);
}

void target_close(struct target *t)
{
    vitro_free(t->m);
    vitro_guest_free(t->guest);
    *t = (struct target){ .ctl = t->ctl };
}

/* Whether the word is a register's name; then *code says whether it could be read. */
static bool register_value(const struct target *t, const struct options *o, const char *word,
                           uint64_t *value, int *code)
{
    static const char *const names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                           "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };
    bool rip = strcmp(word, "rip") == 0;
    struct vitro_err err = { 0 };
    struct vitro_regs regs;
    unsigned i = 0;

    while (!rip && i < 16 && strcmp(word, names[i]) != 0)
        i++;
    if (i == 16)
        return false;
    *code = EXIT_OK;
    if (vitro_regs(t->m, o->cpu, &regs, &err) < 0)
        *code = fail_err(&err);
    else
        *value = rip ? regs.rip : regs.gpr[i];
    return true;
}

static bool symbol_value(const struct target *t, const char *word, uint64_t *value)
{
    const char *plus = strchr(word, '+');
    uint64_t offset = 0;
    char name[256];

    snprintf(name, sizeof(name), "%.*s", plus != NULL ? (int)(plus - word) : 255, word);
    if (plus != NULL && !parse_number(plus + 1, &offset))
        return false;
    if (!vitro_symbol_addr(t->m, name, value))
        return false;
    *value += offset;
    return true;
}

int target_addr(const struct target *t, const struct options *o, const char *word, uint64_t *addr)
{
    int code;

    if (register_value(t, o, word, addr, &code))
        return code;
    if (parse_number(word, addr) || symbol_value(t, word, addr))
        return EXIT_OK;
    return fail_usage("address %s: neither a number (0x400), a register (rip) nor a symbol of this "
                      "guest",
                      word);
}

/* Sets the machine's stop conditions: the address and watchpoints of the options, and a number. */
static int set_stop(struct target *t, const struct options *o, const struct stop_spec *count)
{
    struct vitro_stop_at where = { .exits = count->exits, .insns = count->insns };
    struct vitro_watch *watches;
    struct vitro_err err = { 0 };
    uint64_t addr = 0;
    int code;

    if (o->stop_at.kind == STOP_AT_ADDR) {
        code = target_addr(t, o, o->stop_at.addr, &addr);
        if (code != EXIT_OK)
            return code;
        where.addrs = &addr;
        where.naddrs = 1;
    }
    watches = watchpoints_resolve(t, o, &code);
    if (watches == NULL)
        return code;
    where.watches = watches;
    where.nwatches = o->nwatches;
    if ((t->ctl != NULL ? ctl_stop_at(t->ctl, &where, &err) : vitro_stop_at(t->m, &where, &err)) <
        0)
        code = fail_err(&err);
    free(watches);
    return code;
}

int target_end_code(const struct vitro_outcome *end)
{
    switch (end->end) {
    case VITRO_END_GUEST_EXIT:
        return (int)((end->code << 1 | 1) & 0xff);
    case VITRO_END_SHUTDOWN:
    case VITRO_END_REFUSED:
    case VITRO_END_FAILED:
        return EXIT_GUEST;
    case VITRO_END_PANIC:
        return EXIT_PANIC;
    case VITRO_END_TIMEOUT:
        return EXIT_TIMEOUT;
    case VITRO_END_STOPPED:
        return EXIT_STOPPED;
    case VITRO_END_HALT:
    case VITRO_END_POWEROFF:
    case VITRO_END_RESET:
    case VITRO_END_BREAK:
    case VITRO_END_COUNT:
    case VITRO_END_HELD:
        break;
    }
    return EXIT_OK;
}

static size_t type_at(void *ctx, const void *bytes, size_t len)
{
    return vitro_console_send(((const struct target *)ctx)->m, bytes, len);
}

static void stop_run(void *ctx)
{
    target_stop(ctx, VITRO_STOP_USER);
}

static void press_power(void *ctx)
{
    vitro_power_button(((const struct target *)ctx)->m);
}

/* *out is NULL where the machine has no serial line. */
static int start_console(struct target *t, struct console **out)
{
    const struct console_line line = {
        .send = type_at, .stop = stop_run, .power = press_power, .ctx = t
    };

    *out = NULL;
    return vitro_has_console(t->m) ? console_start(&line, out) : 0;
}

/* --check-blocks: the blocks that hold the code that differs, instruction by instruction. */
static void show_difference(const struct target *t)
{
    const struct vitro_style style = { .format = VITRO_TEXT };
    struct vitro_blocks_filter filter = { .count = 4, .listing = true };
    char *out;

    if (!vitro_check_failed(t->m, &filter.from))
        return;
    filter.to = filter.from;
    if (vitro_show_blocks(t->m, &filter, &style, &out, NULL) < 0)
        return;
    fputs(out, stderr);
    free(out);
}

static int run_leg(struct target *t, const struct options *o, const struct stop_spec *count,
                   uint64_t timeout_ns, struct vitro_outcome *end)
{
    struct vitro_err err = { 0 };
    struct console *console = NULL;
    struct screen *screen = NULL;
    struct watch *watch;
    int rc = set_stop(t, o, count);

    if (rc != EXIT_OK)
        return rc;
    if (o->console)
        rc = start_console(t, &console);
    if (rc == 0)
        rc = screen_start(t->m, o, &screen);
    if (rc == 0)
        rc = watch_start(t, console, timeout_ns, &watch);
    if (rc < 0) {
        screen_end(screen);
        console_end(console);
        fprintf(stderr, "vitro: watching for signals and keys: %s\n", strerror(-rc));
        return EXIT_HOST;
    }
    console_resume(console); /* raw only now: a signal before the watch would leave it so */
    rc = t->ctl != NULL ? ctl_run(t->ctl, end, &err) : vitro_run(t->m, end, &err);
    watch_stop(watch);
    screen_end(screen);
    console_end(console);
    watch_end(watch); /* the terminal is as it was: signals may do what they do */
    if (rc >= 0)
        return EXIT_OK;
    rc = fail_err(&err);
    show_difference(t);
    return rc;
}

static int switch_engine(struct target *t, const struct options *o)
{
    static const struct stop_spec nowhere;
    bool kvm = strcmp(vitro_engine_name(t->m), "kvm") == 0;
    struct vitro_err err = { 0 };
    int code = set_stop(t, o, &nowhere); /* the other engine may not count instructions */

    if (code != EXIT_OK)
        return code;
    vitro_hold(t->m);
    if (vitro_switch_engine(t->m, kvm ? VITRO_ENGINE_SOFT : VITRO_ENGINE_KVM, &err) < 0) {
        begin_line(t->m, o);
        code = fail_err(&err);
    }
    vitro_release(t->m);
    t->switched = code == EXIT_OK;
    return code;
}

/* Whether the engine that it ends on can stop it: said before it runs. */
static int check_count(const struct target *t, const struct options *o)
{
    struct vitro_err err = { .kind = VITRO_ERR_ENGINE };

    if (o->switch_at.kind == STOP_AT_NOTHING || o->stop_at.insns == 0 ||
        strcmp(vitro_engine_name(t->m), "kvm") == 0)
        return EXIT_OK;
    snprintf(err.text, sizeof(err.text),
             "stopping after %" PRIu64 " instructions: --switch moves the run to kvm, which does "
             "not count them; stop at exit:N or an address%s",
             o->stop_at.insns, o->switch_at.exits != 0 ? ", or begin with --engine kvm" : "");
    return fail_err(&err);
}

int target_run_to(struct target *t, const struct options *o, struct vitro_outcome *end, bool *ran)
{
    uint64_t left_ns = o->timeout_ns;
    int code;

    *ran = o->stop_at.kind != STOP_AT_NOTHING;
    if (!*ran)
        return set_stop(t, o, &o->stop_at);
    code = check_count(t, o);
    if (code != EXIT_OK)
        return code;
    if (o->switch_at.kind != STOP_AT_NOTHING) {
        code = run_leg(t, o, &o->switch_at, left_ns, end);
        if (code != EXIT_OK || end->end != VITRO_END_COUNT)
            return code;
        code = switch_engine(t, o);
        if (code != EXIT_OK)
            return code;
        if (left_ns != 0)
            left_ns = left_ns > end->run_ns ? left_ns - end->run_ns : 1;
    }
    return run_leg(t, o, &o->stop_at, left_ns, end);
}
