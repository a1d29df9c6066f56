#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns the opcode table into C: opcodes.py TABLE [--c FILE] [--h FILE] [--samples text|c]

--c, --h   the rows with the decode index, and the enums that name rows, mnemonics, features and
           operands. All of it is const; src/x86/opcode.h says what it means
--samples  prints encodings of every row to standard output, for tests that are made from the rows

A bad line, two rows that match the same bytes and a row that no bytes reach are errors, told with
file and line.
"""
import argparse
import itertools
import re
import sys

sys.dont_write_bytecode = True  # the source tree stays as it is
from opcode_table import (ACCESSES, FACTS, MAPS, MODRM_KEYS, PREFIXES, PROPS, Bad, check_reach,
                          link_rows, name_rows, read_table)

# Kinds of index cells, see src/x86/opcode.h
KIND_LIST, KIND_REG, KIND_MODRM = 0x4000, 0x8000, 0xC000


class Index:
    """cell = one of row number, list, table by reg and mod, table by ModRM: see opcode.h"""

    def __init__(self, cells):
        self.lists = [0]
        self.sub = []
        self.known = {}
        self.top = [0] * (len(MAPS) * 256 * 4)
        for (map_, op, prefix), cell in cells.items():
            at = (MAPS.index(map_) * 256 + op) * 4 + PREFIXES.index(prefix)
            self.top[at] = self.group(cell)

    def leaf(self, rows):
        numbers = tuple(row.number for row in rows)
        if len(numbers) < 2:
            return numbers[0] if numbers else 0
        if numbers not in self.known:
            self.known[numbers] = KIND_LIST | len(self.lists)
            self.lists += numbers + (0,)
        return self.known[numbers]

    def group(self, rows):
        if any(row.exact is not None for row in rows):
            kind, keys = KIND_MODRM, MODRM_KEYS
        elif any(row.reg is not None for row in rows) or len({row.mod for row in rows}) > 1:
            kind, keys = KIND_REG, [(r,) for r in range(8)] + [0xC0 | r << 3 for r in range(8)]
        else:
            return self.leaf(rows)
        table = tuple(self.leaf([row for row in rows if row.takes_modrm(key)]) for key in keys)
        if table not in self.known:
            self.known[table] = kind | len(self.sub)
            self.sub += table
        return self.known[table]


def c_array(type_, name, values, per_line=12):
    out = [f"const {type_} {name}[{len(values)}] = {{"]
    for at in range(0, len(values), per_line):
        out.append("    " + " ".join(f"{v}," for v in values[at:at + per_line]))
    return out + ["};", ""]


def unique(words):
    return list(dict.fromkeys(words))


def emit_header(operands, features, rows):
    out = ["/* SPDX-License-Identifier: MIT */",
           "/* opcode_rows.h - names of the rows of opcodes.tbl; made by scripts/opcodes.py. */",
           "#ifndef X86_OPCODE_ROWS_H", "#define X86_OPCODE_ROWS_H", ""]

    def enum(tag, prefix, names, count):
        out.append(f"enum {tag} {{")
        out.extend(f"    {prefix}{name}," for name in names)
        out.extend([f"    {count}", "};", ""])

    enum("x86_op", "X86_OP_", ["NONE"] + [row.name for row in rows], "X86_NOPS")
    enum("x86_mnemonic", "X86_MN_", ["NONE"] + unique(row.mnemonic.upper() for row in rows),
         "X86_NMNEMONICS")
    enum("x86_feature", "X86_FEATURE_", [name.upper() for name in features], "X86_NFEATURES")
    enum("x86_opnd", "X86_OPND_", ["NONE"] + list(operands), "X86_NOPNDS")
    longest = max(len(name) for row in rows for name in (row.name, row.mnemonic))
    return out + [f"enum {{ X86_NAME_ROOM = {longest + 1} }};", "", "#endif"]


def row_fields(row):
    operand = ", ".join("X86_OPND_" + n for n in row.operand_names) or "X86_OPND_NONE"
    access = sum(ACCESSES[a] << 2 * i for i, a in enumerate(row.acc))
    modrm = row.exact if row.exact is not None else row.reg if row.reg is not None else 0
    align = {"0": "0", "vl": "X86_ALIGN_VL"}.get(row.align, row.align)
    yield f".when = {row.when:#x}"
    yield f".flags_read = {row.flags['r']:#x}"
    yield f".flags_written = {row.flags['w'] | row.flags['w0']:#x}"
    yield f".flags_undefined = {row.flags['u']:#x}"
    yield f".mnemonic = X86_MN_{row.mnemonic.upper()}"
    yield f".uses = {row.uses:#x}"
    yield f".sets = {row.sets:#x}"
    yield f".props = {row.props:#x}"
    yield f".otherwise = {row.otherwise_number}"
    yield f".map = X86_MAP_{row.map.upper()}"
    yield f".opcode = {row.opcodes[0]:#04x}"
    yield f".prefixes = {sum(1 << PREFIXES.index(p) for p in row.prefixes):#x}"
    yield f".modrm = {modrm:#x}"
    yield f".operand = {{ {operand} }}"
    yield f".access = {access:#x}"
    yield f".size = X86_SIZE_{row.size.upper()}"
    yield f".imm = X86_IMM_{row.imm.upper()}"
    yield f".check = X86_CHECK_{row.check.upper()}"
    yield f".klass = X86_CLASS_{row.klass.upper()}"
    yield f".feature = X86_FEATURE_{row.feature.upper()}"
    yield f".privilege = X86_PRIV_{row.privilege.upper()}"
    yield f".align = {align}"
    yield f".exception = X86_EXC_{row.exception.upper()}"


def emit_asserts():
    """The header's constants are written by hand; here they are held against the script's."""
    for prefix, bits in (("X86_WHEN_", FACTS), ("X86_ROW_", PROPS)):
        for name, bit in bits.items():
            yield f'static_assert({prefix}{name.upper()} == {bit:#x}, "as in opcode_table.py");'


def names(array, entries):
    """Words of a fixed size: pointers to them would have to be set at each start."""
    words = [f'    [{index}] = "{word}",' for index, word in entries]
    return [f"const char {array}[][X86_NAME_ROOM] = {{", *words, "};", ""]


def emit_source(operands, features, rows):
    out = ["/* SPDX-License-Identifier: MIT */",
           "/* opcode_rows.c - the rows of opcodes.tbl and their index; made by scripts/opcodes.py. */",
           '#include "x86/opcode.h"', "", "#include <assert.h>", "", *emit_asserts(), "",
           "const struct x86_row x86_rows[X86_NOPS] = {"]
    for row in rows:
        fields = [f for f in row_fields(row) if not re.search(r"= 0(x0)?$", f)]
        out.append(f"    [X86_OP_{row.name}] = {{ {', '.join(fields)} }},")
    out += ["};", "", "const struct x86_opnd_type x86_opnd_types[X86_NOPNDS] = {"]
    for o in operands.values():
        out.append(f"    [X86_OPND_{o.name}] = {{ X86_OPK_{o.kind.upper()}, X86_SZ_{o.reg_size.upper()}, "
                   f"X86_SZ_{o.mem_size.upper()}, {o.fixed} }},")
    out += ["};", "", "const struct x86_feature_place x86_feature_places[X86_NFEATURES] = {"]
    for name, (leaf, subleaf, register, bit, present) in features.items():
        if present:
            out.append(f"    [X86_FEATURE_{name.upper()}] = {{ {leaf:#x}, {subleaf}, {register}, {bit} }},")
    out += ["};", ""]
    out += names("x86_mnemonic_names", [(f"X86_MN_{m.upper()}", m) for m in unique(r.mnemonic for r in rows)])
    out += names("x86_op_names", [(f"X86_OP_{row.name}", row.name) for row in rows])
    index = Index(check_reach(rows))
    if max(len(index.lists), len(index.sub), len(rows)) >= KIND_LIST:
        raise Bad(rows[-1].line, "the index holds at most 16383 entries of a kind")
    out += c_array("uint16_t", "x86_op_index", index.top)
    out += c_array("uint16_t", "x86_op_sub", index.sub)
    out += c_array("uint16_t", "x86_op_lists", index.lists)
    return out[:-1]


class Sample:
    """Encodings of one row in one mode: fixed values, every operand form once."""

    IMM_BYTES = {"none": 0, "b": 1, "sb": 1, "w": 2, "w_b": 3, "rel8": 1}

    def __init__(self, row, code, opcode, prefix, pre66, W, L, key, addr67):
        self.row, self.code, self.opcode, self.prefix = row, code, opcode, prefix
        self.pre66, self.W, self.L, self.key, self.addr67 = pre66, W, L, key, addr67
        default = 16 if code == 16 else 32
        self.osize = 64 if W and code == 64 else 48 - default if pre66 else default
        self.asize = {16: 16, 32: 32, 64: 64}[code]
        if addr67:
            self.asize = 32 if code == 64 else 48 - code
        if row.size == "f64" and code == 64:
            self.imm_size = 64
        elif row.size == "d64" and code == 64:
            self.imm_size = 16 if pre66 and not W else 64
        else:
            self.imm_size = self.osize

    def facts(self):
        names = ["64" if self.code == 64 else "not64", f"L{self.L}", f"W{self.W}",
                 f"Q{int(self.W and self.code == 64)}", f"B{self.rexb()}", f"O{self.osize}",
                 f"A{self.asize}"]
        if self.key is not None:
            names.append("mem" if isinstance(self.key, tuple) else "reg")
        return sum(FACTS[n] for n in names)

    def rexb(self):
        return int(self.row.rexb == "1" and self.code == 64)

    def valid(self):
        return not self.facts() & ~self.row.when

    def head(self):
        out = [0x67] if self.addr67 else []
        if self.row.vex:
            kinds = {o.kind for o in self.row.operands}
            vvvv = 0xC if kinds & {"vvvv", "xvvvv"} else 0xF
            pp = PREFIXES.index(self.prefix)
            out += [0xC4, 0xE0 | MAPS.index(self.row.map) - 3,
                    self.W << 7 | vvvv << 3 | self.L << 2 | pp, self.opcode]
            return out
        if self.pre66:
            out.append(0x66)
        if self.prefix in ("f3", "f2"):
            out.append(int(self.prefix, 16))
        rex = 0x48 * self.W | (0x41 if self.rexb() else 0)
        if rex:
            out.append(rex)
        return out + {"1b": [], "0f": [0x0F], "0f38": [0x0F, 0x38],
                      "0f3a": [0x0F, 0x3A]}[self.row.map] + [self.opcode]

    def modrm(self):
        row = self.row
        if self.key is None:
            return []
        if not isinstance(self.key, tuple):
            return [self.key]
        reg = self.key[0] << 3
        if row.props & PROPS["vsib"]:
            return [0x44 | reg, 0x63, 0x10]  # [rbx + xmm4*2 + 16]
        return [0x47 | reg, 0x10]  # [rdi + 16], [bx + 16]

    def immediate(self):
        kind = self.row.imm
        size = self.imm_size // 8
        length = self.IMM_BYTES.get(kind)
        if length is None:
            length = {"z": min(size, 4), "rel": min(size, 4), "v": size, "far": min(size, 4) + 2,
                      "moffs": self.asize // 8}[kind]
        return [0x21 + i for i in range(length)]

    def bytes(self):
        return self.head() + self.modrm() + self.immediate()


def sample_keys(row):
    if not row.has_modrm:
        return [None]
    if row.exact is not None:
        return [row.exact]
    reg = 1 if row.reg is None else row.reg
    if row.check == "creg":
        reg = 2
    if row.check.startswith("sreg"):
        reg = 3
    return [key for key in [(reg,), 0xC2 | reg << 3] if row.takes_modrm(key)
            and not (row.mod == "*" and isinstance(key, tuple))]


def samples(rows):
    """(row, code size, bytes) for every row in every mode and operand size it has."""
    for row in rows:
        seen = set()
        wide = [0, 1] if row.W in ("-", "ig", "q1") else [int(row.W)] if row.W in "01" else [0]
        lengths = {"0": [0], "1": [1], "x": [0, 1]}.get(row.L, [0])
        for code, opcode, prefix, key, W, L, o66, a67 in itertools.product(
                (16, 32, 64), row.opcodes, row.prefixes[:1], sample_keys(row), wide, lengths, (0, 1),
                (0, 1)):
            if not row.vex and ((W and code != 64) or (prefix == "66") and not o66):
                continue
            if row.vex and o66 or (a67 and row.only_addresses is None and row.check != "gather"):
                continue
            if o66 and prefix == "np" and "66" not in row.prefixes:
                continue
            s = Sample(row, code, opcode, prefix, o66, W, L, key, a67)
            if row.check == "gather" and s.asize == 16:
                continue
            text = (code, bytes(s.bytes()))
            if s.valid() and text not in seen:
                seen.add(text)
                yield row, code, text[1]


def emit_samples(rows, form):
    for row, code, data in samples(rows):
        if form == "text":
            print(f"{row.name} {code} {data.hex()}")
        else:
            body = ", ".join(f"{b:#04x}" for b in data)
            print(f"{{ X86_OP_{row.name}, X86_CODE_{code}, {len(data)}, {{ {body} }} }},")


def write(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("table")
    parser.add_argument("--c")
    parser.add_argument("--h")
    parser.add_argument("--samples", choices=["text", "c"])
    args = parser.parse_args()
    try:
        operands, features, rows = read_table(args.table)
        name_rows(rows)
        link_rows(rows)
        source = emit_source(operands, features, rows)
        if args.c:
            write(args.c, source)
        if args.h:
            write(args.h, emit_header(operands, features, rows))
        if args.samples:
            emit_samples(rows, args.samples)
    except Bad as bad:
        print(f"{args.table}:{bad.line}: {bad}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
