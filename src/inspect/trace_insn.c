/* SPDX-License-Identifier: MIT */
/* trace_insn.c - instructions in the formats of the trace. */
#include <inttypes.h>

#include "inspect/show.h"
#include "inspect/trace_priv.h"

enum { AT_RIP = 36, AT_BYTES = 55, AT_TEXT = 79, AT_REGS = 112 };

static void hex_bytes(struct text *t, const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        text_add(t, "%02x", bytes[i]);
}

/* 0x and the value without leading zeros; the longest has 32 bytes. */
static void reg_value(struct text *t, const struct vitro_reg_change *reg)
{
    unsigned i = reg->bytes;

    while (i > 1 && reg->value[i - 1] == 0)
        i--;
    text_add(t, "0x%x", reg->value[i - 1]);
    while (--i > 0)
        text_add(t, "%02x", reg->value[i - 1]);
}

void trace_insn_words(struct text *t, size_t start, const struct vitro_insn *in)
{
    text_add(t, "insn   %" PRIu64, in->count);
    trace_tab(t, start, AT_RIP);
    text_add(t, "0x%" PRIx64, in->linear);
    trace_tab(t, start, AT_BYTES);
    hex_bytes(t, in->bytes, in->len);
    trace_tab(t, start, AT_TEXT);
    show_name(t, in->text, TRACE_NAME);
    if (in->symbol[0] != '\0') {
        text_add_bytes(t, "  ; ", 4);
        show_name(t, in->symbol, TRACE_NAME);
    }
    if (in->nregs > 0 || in->raised != NULL)
        trace_tab(t, start, AT_REGS);
    if (in->raised != NULL)
        text_add(t, "%s ", in->raised);
    for (unsigned i = 0; i < in->nregs; i++) {
        text_add(t, "%s%s=", i > 0 ? " " : "", in->reg[i].name);
        reg_value(t, &in->reg[i]);
    }
}

void trace_insn_members(struct text *t, const struct vitro_insn *in)
{
    text_add(t,
             ",\"count\":%" PRIu64 ",\"rip\":\"0x%" PRIx64 "\",\"linear\":\"0x%" PRIx64
             "\",\"hex\":\"",
             in->count, in->rip, in->linear);
    hex_bytes(t, in->bytes, in->len);
    text_add_bytes(t, "\",\"text\":", 9);
    trace_json_string(t, in->text);
    text_add_bytes(t, ",\"symbol\":", 10);
    trace_json_string(t, in->symbol[0] != '\0' ? in->symbol : NULL);
    text_add_bytes(t, ",\"raised\":", 10);
    trace_json_string(t, in->raised);
    text_add_bytes(t, ",\"registers\":{", 14);
    for (unsigned i = 0; i < in->nregs; i++) {
        text_add(t, "%s\"%s\":\"", i > 0 ? "," : "", in->reg[i].name);
        reg_value(t, &in->reg[i]);
        text_add_bytes(t, "\"", 1);
    }
    text_add_bytes(t, "}", 1);
}
