/* SPDX-License-Identifier: MIT */
/* formatter.h - the one style in which instructions are written; used by disasm.c and explain.c. */
#ifndef INSPECT_FORMATTER_H
#define INSPECT_FORMATTER_H

#include <Zydis/Zydis.h>
#include <stdbool.h>

/* Intel syntax, lower-case hex without leading zeros. */
static inline bool formatter_init(ZydisFormatter *f)
{
    static const struct {
        ZydisFormatterProperty property;
        ZyanUPointer value;
    } rows[] = {
        { ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE },
        { ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE, ZYDIS_PADDING_DISABLED },
        { ZYDIS_FORMATTER_PROP_DISP_PADDING, ZYDIS_PADDING_DISABLED },
        { ZYDIS_FORMATTER_PROP_IMM_PADDING, ZYDIS_PADDING_DISABLED },
    };

    if (ZYAN_FAILED(ZydisFormatterInit(f, ZYDIS_FORMATTER_STYLE_INTEL)))
        return false;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ZydisFormatterSetProperty(f, rows[i].property, rows[i].value);
    return true;
}

#endif
