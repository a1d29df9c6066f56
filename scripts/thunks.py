#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the one-instruction thunks of the software CPU: thunks.py TABLE --s FILE --c FILE

Every row of the opcode table whose meaning is left to the host CPU becomes one or more functions of a
single instruction and a return, with operands in fixed places (src/engine/soft/thunk.h). The
instruction is written as bytes, encoded here from the row, so that the assembler need not know it. A
thunk fills one slot of eight bytes; a row with an immediate has 256 slots, one for each value, a row
with an x87 stack register has eight. --s gets the code, --c the table from row to slot numbers.
"""
import argparse
import sys

sys.dont_write_bytecode = True  # the source tree stays as it is
from opcode_table import MAPS, Bad, name_rows, read_table

SLOT = 8
PP = {"np": 0, "66": 1, "f3": 2, "f2": 3}
PREFIX_BYTES = {"np": [], "66": [0x66], "f3": [0xF3], "f2": [0xF2]}
MAP_BYTES = {"1b": [], "0f": [0x0F], "0f38": [0x0F, 0x38], "0f3a": [0x0F, 0x3A]}
RET = 0xC3

# Rows that C code executes: masked and gathered memory, control of the x87 and of MXCSR, moving of state.
IN_C = {"ldmxcsr", "stmxcsr", "vldmxcsr", "vstmxcsr", "maskmovq", "maskmovdqu", "vmaskmovdqu",
        "vmaskmovps", "vmaskmovpd", "vpmaskmovd", "vpmaskmovq", "emms", "vzeroupper", "vzeroall",
        "fwait", "fldenv", "fnstenv", "fldcw", "fnstcw", "fnsave", "frstor", "fninit", "fnclex", "fnstsw",
        "feni", "fdisi", "fsetpm"}
# Rows whose memory operand gives another result than the same bytes in a register.
UNLIKE_REGISTER = {"insertps", "vinsertps", "cvtpi2ps", "cvtpi2pd"}

REG_KINDS = {"reg", "xreg", "mmreg"}
RM_KINDS = {"rm", "xrm", "mmrm"}


def wanted(row):
    kinds = {o.kind for o in row.operands}
    return row.klass in ("x87", "mmx", "sse", "avx") and row.mnemonic not in IN_C and "vsib" not in kinds


def register_number(index, operand):
    """Operand i is vector or MMX register i + 1; XMM0 is itself; a general register is RAX."""
    return 0 if operand.kind in ("rm", "reg") else index + 1


class Variant:
    """One encoding of a row: operand form, VEX.L, W, stack register."""

    def __init__(self, row, form, wide, length):
        self.row, self.form, self.wide, self.length = row, form, wide, length
        self.reg = row.reg or 0
        self.rm = 7 if form == "mem" else 0  # [rdi]
        self.vvvv = 0
        self.tail = None
        for i, operand in enumerate(row.operands):
            number = register_number(i, operand)
            if operand.kind in REG_KINDS:
                self.reg = number
            elif operand.kind in RM_KINDS and form == "reg":
                self.rm = number
            elif operand.kind == "xvvvv":
                self.vvvv = number
            elif operand.kind == "xis4":
                self.tail = number << 4
        kinds = {o.kind for o in row.operands}
        self.count = 256 if "imm" in kinds else 8 if "sti" in kinds else 1
        self.by_imm = self.count == 256

    def modrm(self):
        row = self.row
        if row.exact is not None:
            return row.exact
        return (0 if self.form == "mem" else 0xC0) | self.reg << 3 | self.rm

    def bytes(self):
        """Up to what counts: ModRM, or the immediate."""
        row = self.row
        prefix = "np" if "np" in row.prefixes else row.prefixes[0]
        if row.vex:
            out = [0xC4, 0xE0 | MAPS.index(row.map) - 3,
                   self.wide << 7 | (~self.vvvv & 15) << 3 | self.length << 2 | PP[prefix]]
        else:
            out = PREFIX_BYTES[prefix] + ([0x48] if self.wide else []) + MAP_BYTES[row.map]
        out = out + [row.opcodes[0]]
        if row.has_modrm:
            out.append(self.modrm())
        if self.tail is not None:
            out.append(self.tail)
        return out

    def lines(self):
        data = self.bytes()
        if len(data) + self.by_imm + 1 > SLOT:
            raise Bad(self.row.line, f"no room for {self.row.name} in a slot")
        text = [f"{b:#04x}" for b in data]
        if self.count == 1:
            return ["    .byte " + ", ".join(text + [f"{RET:#04x}"])]
        if self.by_imm:
            text.append("i")
        else:
            text[-1] += " + i"
        return ["    .set i, 0", f"    .rept {self.count}",
                "    .byte " + ", ".join(text + [f"{RET:#04x}"]), "    .balign 8, 0xcc",
                "    .set i, i + 1", "    .endr"]


def widths(row):
    """W of each of the row's two variants; one when they do not differ."""
    if any("y" in (o.reg_size, o.mem_size) for o in row.operands):
        return [0, 1]
    return [1] if row.W in ("1", "q1") else [0]


def lengths(row):
    return {"x": [0, 1], "1": [1]}.get(row.L, [0])


def forms(row):
    if row.exact is not None or not row.has_modrm:
        return ["reg"]
    if row.mod == "m":
        return ["mem"]
    unlike = row.mnemonic in UNLIKE_REGISTER and row.mod != "r"
    return ["reg", "mem"] if unlike else ["reg"]


class Book:
    """Slots in order, and for each row where its variants begin."""

    def __init__(self, rows):
        self.code = []
        self.entries = []
        self.next = 1  # slot 0 is no thunk
        for row in rows:
            if wanted(row):
                self.add(row)

    def add(self, row):
        wide, length = widths(row), lengths(row)
        if len(wide) > 1 and len(length) > 1:
            raise Bad(row.line, f"{row.name} depends on W and on L")
        by = "W" if len(wide) > 1 else "L" if len(length) > 1 else "NOTHING"
        starts = {form: [self.place(Variant(row, form, w, n)) for w in wide for n in length]
                  for form in forms(row)}
        self.entries.append((row, by, starts))

    def place(self, variant):
        start = self.next
        self.code.append(f"    .org {start} * {SLOT}, 0xcc")
        self.code.append(f"    /* {variant.row.name} {variant.form} */")
        self.code += variant.lines()
        self.next += variant.count
        return start


def emit_code(book):
    return ["/* SPDX-License-Identifier: MIT */",
            "/* thunks.S - one instruction and a return in each slot; made by scripts/thunks.py. */",
            '    .section .text.soft_thunks, "ax", @progbits',
            "    .balign 64", "    .globl soft_thunk_code", "    .hidden soft_thunk_code",
            "soft_thunk_code:", "    ud2", *book.code, f"    .org {book.next} * {SLOT}, 0xcc",
            '    .section .note.GNU-stack, "", @progbits']


def emit_table(book):
    out = ["/* SPDX-License-Identifier: MIT */",
           "/* thunks.c - from rows to their thunks; made by scripts/thunks.py. */",
           '#include "engine/soft/thunk.h"', "",
           "const struct soft_thunk soft_thunks[X86_NOPS] = {"]
    for row, by, starts in book.entries:
        parts = [f".{form} = {{ {', '.join(str(s) for s in slots)} }}" for form, slots in starts.items()]
        out.append(f"    [X86_OP_{row.name}] = {{ {', '.join(parts)}, .by = SOFT_THUNK_BY_{by} }},")
    return out + ["};"]


def write(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("table")
    parser.add_argument("--s", required=True)
    parser.add_argument("--c", required=True)
    args = parser.parse_args()
    try:
        _, _, rows = read_table(args.table)
        name_rows(rows)
        book = Book(rows)
    except Bad as bad:
        print(f"{args.table}:{bad.line}: {bad}", file=sys.stderr)
        return 1
    write(args.s, emit_code(book))
    write(args.c, emit_table(book))
    return 0


if __name__ == "__main__":
    sys.exit(main())
