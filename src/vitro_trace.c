/* SPDX-License-Identifier: MIT */
/* vitro_trace.c - the library's face: events, and traces made of them. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "inspect/insn_text.h"
#include "inspect/inspect_cpu.h"
#include "inspect/show.h"
#include "vitro_priv.h"

static_assert((int)EVENT_EXIT == (int)VITRO_EVENT_EXIT &&
                  (int)EVENT_HOSTCALL == (int)VITRO_EVENT_HOSTCALL &&
                  (int)EVENT_START == (int)VITRO_EVENT_START &&
                  (int)EVENT_STOP == (int)VITRO_EVENT_STOP &&
                  (int)EVENT_HASH == (int)VITRO_EVENT_HASH &&
                  (int)EVENT_INSN == (int)VITRO_EVENT_INSN,
              "kinds are passed on as numbers");

/* An instruction, with what its event points to. */
struct insn_words {
    struct vitro_insn insn;
    struct vitro_reg_change reg[INSN_REGS_MAX];
    char text[INSN_TEXT_MAX], symbol[SHOW_SYMBOL];
};

static void fill_insn(const struct vitro *m, const struct insn_event *in, struct insn_words *w)
{
    static_assert((int)INSN_REG_BYTES == sizeof(w->reg[0].value), "copied whole");

    for (unsigned i = 0; i < in->nregs; i++) {
        w->reg[i].name = in->reg[i].name;
        w->reg[i].bytes = in->reg[i].width;
        memcpy(w->reg[i].value, in->reg[i].value, INSN_REG_BYTES);
    }
    w->insn = (struct vitro_insn){
        .count = in->count,
        .rip = in->rip,
        .linear = in->linear,
        .len = in->len,
        .bytes = in->bytes,
        .text = insn_text(in->code_bits, in->bytes, in->len, in->rip, w->text),
        .symbol = show_symbol(&m->guest->image.symbols, in->linear, w->symbol),
        .raised = in->raised >= 0 ? x86_exception_name((unsigned)in->raised) : NULL,
        .nregs = in->nregs,
        .reg = w->reg,
    };
}

static void tell(const struct vitro *m, const struct vitro_event *ev)
{
    if (m->event != NULL)
        m->event(m->event_ctx, ev);
    if (m->listener != NULL)
        m->listener(m->listener_ctx, ev);
}

/* From the core's event to the public one: the same facts, without the core's types. */
void pass_event(void *ctx, const struct event *ev)
{
    const struct vitro *m = ctx;
    const struct cpu_exit *x = &ev->exit;
    struct vitro_event out = {
        .kind = (enum vitro_event_kind)ev->kind,
        .seq = ev->seq,
        .t_ns = ev->t_ns,
        .cpu = ev->cpu,
        .guest_ns = ev->guest_ns,
        .monitor_ns = ev->monitor_ns,
        .call = ev->call.name,
        .object = ev->call.on,
        .meaning = ev->call.meaning,
        .result = ev->call.result,
        .text = ev->text,
        .insns = ev->insns,
        .hash = ev->hash,
    };

    if (ev->kind == EVENT_EXIT) {
        out.reason = exit_kind_name(x->kind);
        out.is_access = x->kind == EXIT_PIO || x->kind == EXIT_MMIO;
        out.write = x->write;
        out.width = x->width;
        out.addr = x->addr;
        out.data = x->data;
        out.rip = x->rip;
        out.device = ev->dev;
        out.gpr = ev->gpr;
    }
    if (ev->kind == EVENT_INSN) {
        struct insn_words words;

        fill_insn(m, ev->insn, &words);
        out.insn = &words.insn;
        tell(m, &out);
        return;
    }
    tell(m, &out);
}

int vitro_trace_insns(struct vitro *m, const struct vitro_insn_filter *filter,
                      struct vitro_err *err)
{
    struct machine *machine = m->board->m;
    uint64_t to = filter != NULL && filter->to != 0 ? filter->to : UINT64_MAX;

    if (filter == NULL) {
        machine->insn_trace.on = false;
        return 0;
    }
    if (!machine->engine->traces_insns)
        return err_class(err, VITRO_ERR_ENGINE, -ENOTSUP,
                         "tracing instructions: %s executes many at a time; take --engine soft",
                         machine->engine->name);
    if (filter->from > to || !sink_on(&machine->sink))
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "tracing instructions: an empty range, or nobody who takes events");
    machine->insn_trace = (struct insn_trace){
        .on = true,
        .first = filter->first,
        .left = filter->count != 0 ? filter->count : UINT64_MAX,
        .from = filter->from,
        .to = to,
    };
    return 0;
}

int vitro_trace_new(enum vitro_trace_format format,
                    bool (*write)(void *ctx, const char *bytes, size_t len), void *ctx,
                    struct vitro_trace **out, struct vitro_err *err)
{
    return trace_new(format, write, ctx, out, err);
}

void vitro_trace_event(struct vitro_trace *t, const struct vitro_event *ev)
{
    trace_event(t, ev);
}

uint64_t vitro_trace_end(struct vitro_trace *t)
{
    return trace_end(t);
}
