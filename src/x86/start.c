/* SPDX-License-Identifier: MIT */
/*
 * start.c - start states
 *
 * Source: SDM 3A, "Processor State After Reset" and "Initializing IA-32e Mode"; Linux,
 * Documentation/arch/x86/boot.rst, "32-bit Boot Protocol" and "64-bit Boot Protocol"; Xen,
 * docs/misc/pvh.pandoc, "CPU state"; Multiboot specification 0.6.96, "Machine state".
 */
#include "x86/start.h"

enum { SEG_DATA_RW_ACCESSED = 3, SEG_CODE_RX_ACCESSED = 11, SEG_TSS_BUSY = 11, SEG_LDT = 2 };
enum { CODE_SELECTOR = 1 << 3, DATA_SELECTOR = 2 << 3 };

const char *const x86_start_names[X86_START_ROWS] = {
    [X86_START_REAL] = "real", [X86_START_PROTECTED] = "protected", [X86_START_PAGED32] = "paged32",
    [X86_START_LONG] = "long", [X86_START_BOOT32] = "boot32",       [X86_START_BOOT64] = "boot64",
};

/* What tells them apart. */
static const struct start_row {
    uint64_t cr0, cr4, efer;
    bool paged;
    struct x86_seg code, data;
} rows[X86_START_ROWS] = {
    [X86_START_REAL] = {
        .cr0 = X86_CR0_ET,
        .code = { .limit = 0xffff, .type = SEG_CODE_RX_ACCESSED, .s = true, .present = true },
        .data = { .limit = 0xffff, .type = SEG_DATA_RW_ACCESSED, .s = true, .present = true },
    },
    [X86_START_PROTECTED] = {
        .cr0 = X86_CR0_PE | X86_CR0_ET,
        .code = { .selector = CODE_SELECTOR, .limit = UINT32_MAX, .type = SEG_CODE_RX_ACCESSED,
                  .s = true, .present = true, .db = true, .g = true },
        .data = { .selector = DATA_SELECTOR, .limit = UINT32_MAX, .type = SEG_DATA_RW_ACCESSED,
                  .s = true, .present = true, .db = true, .g = true },
    },
    [X86_START_PAGED32] = {
        .cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM |
               X86_CR0_PG,
        .cr4 = X86_CR4_PSE,
        .paged = true,
        .code = { .selector = CODE_SELECTOR, .limit = UINT32_MAX, .type = SEG_CODE_RX_ACCESSED,
                  .s = true, .present = true, .db = true, .g = true },
        .data = { .selector = DATA_SELECTOR, .limit = UINT32_MAX, .type = SEG_DATA_RW_ACCESSED,
                  .s = true, .present = true, .db = true, .g = true },
    },
    [X86_START_LONG] = {
        .cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM |
               X86_CR0_PG,
        .cr4 = X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT,
        .efer = X86_EFER_LME | X86_EFER_LMA,
        .paged = true,
        .code = { .selector = CODE_SELECTOR, .limit = UINT32_MAX, .type = SEG_CODE_RX_ACCESSED,
                  .s = true, .present = true, .l = true, .g = true },
        .data = { .selector = DATA_SELECTOR, .limit = UINT32_MAX, .type = SEG_DATA_RW_ACCESSED,
                  .s = true, .present = true, .db = true, .g = true },
    },
    [X86_START_BOOT32] = {
        .cr0 = X86_CR0_PE | X86_CR0_ET,
        .code = { .selector = X86_BOOT_CS, .limit = UINT32_MAX, .type = SEG_CODE_RX_ACCESSED,
                  .s = true, .present = true, .db = true, .g = true },
        .data = { .selector = X86_BOOT_DS, .limit = UINT32_MAX, .type = SEG_DATA_RW_ACCESSED,
                  .s = true, .present = true, .db = true, .g = true },
    },
    [X86_START_BOOT64] = {
        .cr0 = X86_CR0_PE | X86_CR0_ET | X86_CR0_PG,
        .cr4 = X86_CR4_PAE,
        .efer = X86_EFER_LME | X86_EFER_LMA,
        .paged = true,
        .code = { .selector = X86_BOOT_CS, .limit = UINT32_MAX, .type = SEG_CODE_RX_ACCESSED,
                  .s = true, .present = true, .l = true, .g = true },
        .data = { .selector = X86_BOOT_DS, .limit = UINT32_MAX, .type = SEG_DATA_RW_ACCESSED,
                  .s = true, .present = true, .db = true, .g = true },
    },
};

void x86_start_state(enum x86_start how, uint64_t rip, uint64_t rsp, uint64_t tables,
                     struct x86_state *out)
{
    const struct start_row *row = &rows[how];

    *out = (struct x86_state){
        .rip = rip,
        .rflags = X86_RFLAGS_FIXED,
        .gpr = { [X86_RSP] = rsp },
        .cr0 = row->cr0,
        .cr3 = row->paged ? tables : 0,
        .cr4 = row->cr4,
        .efer = row->efer,
        .tr = { .limit = 0x67, .type = SEG_TSS_BUSY, .present = true },
        .ldtr = { .limit = 0xffff, .type = SEG_LDT, .present = true },
        .idtr = { .limit = how == X86_START_REAL ? 0x3ff : 0 },
        .apic_base = 0xfee00900, /* enabled, bootstrap processor */
        .dr6 = 0xffff0ff0,
        .dr7 = 0x400,
    };
    for (unsigned i = 0; i < X86_NSREG; i++)
        out->seg[i] = i == X86_CS ? row->code : row->data;
}

void x86_reset_state(uint64_t apic_base, struct x86_state *out)
{
    const struct start_row *real = &rows[X86_START_REAL];

    *out = (struct x86_state){
        .rip = 0xfff0,
        .rflags = X86_RFLAGS_FIXED,
        .gpr = { [X86_RDX] = 0x600 },
        .cr0 = X86_CR0_CD | X86_CR0_NW | X86_CR0_ET,
        .tr = { .limit = 0xffff, .type = SEG_TSS_BUSY, .present = true },
        .ldtr = { .limit = 0xffff, .type = SEG_LDT, .present = true },
        .gdtr = { .limit = 0xffff },
        .idtr = { .limit = 0xffff },
        .apic_base = apic_base,
        .dr6 = 0xffff0ff0,
        .dr7 = 0x400,
    };
    for (unsigned i = 0; i < X86_NSREG; i++)
        out->seg[i] = i == X86_CS ? real->code : real->data;
    out->seg[X86_CS].selector = 0xf000;
    out->seg[X86_CS].base = 0xffff0000;
}
