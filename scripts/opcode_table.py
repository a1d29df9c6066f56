# SPDX-License-Identifier: MIT
"""The opcode table as rows: reads src/x86/opcodes.tbl and checks it.

The head of the table says what its columns mean. A bad line, two rows that match the same bytes and a
row that no bytes reach are a Bad with the line. opcodes.py writes the rows out.
"""
import itertools
import re

MAPS = ["1b", "0f", "0f38", "0f3a", "vex0f", "vex0f38", "vex0f3a"]
PREFIXES = ["np", "66", "f3", "f2"]
COLUMNS = 13
MODES = ["any", "not64", "only64"]
SIZE_RULES = ["n", "d64", "f64"]
CLASSES = ["int", "stack", "string", "branch", "far", "io", "system", "hint", "ud", "state", "x87",
           "mmx", "sse", "avx"]
EXCEPTIONS = ["none", "1", "2", "3", "4", "4u", "5", "6", "7", "8", "11", "12", "13", "mmx", "mmxfp",
              "x87", "fx", "xsave"]
PRIVILEGES = ["none", "cpl0", "iopl", "iopl_vm", "umip", "tsd", "pce"]
KINDS = ["none", "rm", "rmbits", "reg", "vvvv", "opreg", "gpr", "seg", "sreg", "creg", "dreg", "vsib",
         "imm", "imm2", "one", "rel", "far", "moffs", "strsrc", "strdst", "st0", "sti", "mmreg",
         "mmrm", "xreg", "xrm", "xvvvv", "xis4", "xmm0"]
SIZES = ["none", "b", "sb", "w", "d", "q", "t", "dq", "qq", "v", "z", "y", "n", "x", "xh", "xq", "xo",
         "p", "a", "s", "env", "fst", "fx", "xs"]
GPRS = ["rAX", "rCX", "rDX", "rBX", "rSP", "rBP", "rSI", "rDI", "r8", "r9", "r10", "r11", "r12", "r13",
        "r14", "r15"]
SEGMENTS = ["ES", "CS", "SS", "DS", "FS", "GS"]
FLAG_BITS = {"C": 1, "P": 1 << 2, "A": 1 << 4, "Z": 1 << 6, "S": 1 << 7, "T": 1 << 8, "I": 1 << 9,
             "D": 1 << 10, "O": 1 << 11}
FLAG_WORDS = {"IOPL": 3 << 12, "NT": 1 << 14, "RF": 1 << 16, "VM": 1 << 17, "AC": 1 << 18,
              "VIF": 1 << 19, "VIP": 1 << 20, "ID": 1 << 21, "ALL": 0x3C7FD5}
LEAF_REGISTERS = ["eax", "ebx", "ecx", "edx"]
ACCESSES = {"n": 0, "r": 1, "w": 2, "x": 3}

# Facts about bytes and mode that a row may ask for. Bit numbers as in enum x86_when.
FACTS = {name: 1 << bit for bit, name in enumerate(
    ["not64", "64", "mem", "reg", "L0", "L1", "W0", "W1", "Q0", "Q1", "B0", "B1", "O16", "O32", "O64",
     "A16", "A32", "A64"])}
PROPS = {name: 1 << bit for bit, name in enumerate(
    ["modrm", "lock", "rep", "repz", "noreal", "vvvv", "anymod", "only66", "vsib", "is4", "lig",
     "xmm0"])}

PREFIX_BYTES = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3}


class Bad(Exception):
    """What is wrong, and the line it is in."""

    def __init__(self, line, text):
        super().__init__(text)
        self.line = line


class Operand:
    def __init__(self, number, line, words):
        if len(words) != 4:
            raise Bad(line, "@operand takes a name, a kind and two sizes")
        self.number = number
        self.name, kind, reg_size, mem_size = words
        self.fixed = 0
        if kind in GPRS:
            self.fixed, kind = GPRS.index(kind), "gpr"
        elif kind in SEGMENTS:
            self.fixed, kind = SEGMENTS.index(kind), "seg"
        self.kind = choice(line, "operand kind", kind, KINDS)
        self.memory_only_none = mem_size == "none"
        self.reg_size = "none" if reg_size == "-" else choice(line, "size", reg_size, SIZES)
        self.mem_size = "none" if mem_size == "-" else choice(line, "size", mem_size, SIZES)

    def by_modrm(self):
        return self.kind in ("rm", "rmbits", "mmrm", "xrm", "vsib")


def choice(line, what, word, words):
    if word not in words:
        raise Bad(line, f"{what} {word!r}: one of {' '.join(words)}")
    return word


def flag_mask(line, text):
    first, *words = text.split("+")
    mask = 0
    for letter in first:
        if letter not in FLAG_BITS:
            raise Bad(line, f"flag {letter!r}")
        mask |= FLAG_BITS[letter]
    for word in words:
        if word not in FLAG_WORDS:
            raise Bad(line, f"flag {word!r}")
        mask |= FLAG_WORDS[word]
    return mask


def gpr_mask(line, text):
    return sum(1 << GPRS.index(choice(line, "register", name, GPRS)) for name in text.split(","))


class Row:
    """One line of the table. `when` holds the facts under which it applies."""

    def __init__(self, line, words, operands, features):
        if len(words) < COLUMNS:
            raise Bad(line, f"{len(words)} columns, not {COLUMNS}")
        self.line = line
        (self.map, op, pfx, modrm, self.L, self.W, self.mnemonic, names, acc, self.size, modes, klass,
         feature) = words[:COLUMNS]
        choice(line, "map", self.map, MAPS)
        self.vex = self.map.startswith("vex")
        self.opcodes = self.parse_opcode(op)
        self.prefixes = PREFIXES if pfx == "any" else [choice(line, "prefix", p, PREFIXES)
                                                       for p in pfx.split(",")]
        self.parse_modrm(modrm)
        self.operand_names = [] if names == "-" else names.split(",")
        self.operands = [operands[choice(line, "operand", n, list(operands))]
                         for n in self.operand_names]
        self.acc = "" if acc == "-" else acc
        self.modes = choice(line, "modes", modes, MODES)
        self.klass = choice(line, "class", klass, CLASSES)
        self.feature = choice(line, "feature", feature, list(features))
        choice(line, "size", self.size, SIZE_RULES)
        if not re.fullmatch(r"[a-z][a-z0-9]*", self.mnemonic):
            raise Bad(line, f"mnemonic {self.mnemonic!r}")
        if len(self.operands) > 4 or len(self.acc) != len(self.operands):
            raise Bad(line, "at most four operands, and one access letter each")
        for letter in self.acc:
            choice(line, "access", letter, list(ACCESSES))
        self.attributes(words[COLUMNS:])
        self.derive()

    def parse_opcode(self, op):
        m = re.fullmatch(r"([0-9a-f]{2})(\+r|\.\.([0-9a-f]{2}))?", op)
        if not m:
            raise Bad(self.line, f"opcode {op!r}")
        first = int(m[1], 16)
        last = first
        if m[2] == "+r":
            if first % 8:
                raise Bad(self.line, f"opcode {op!r}: +r needs a multiple of 8")
            last = first + 7
        elif m[2]:
            last = int(m[3], 16)
            if last <= first or last // 8 != first // 8:
                raise Bad(self.line, f"opcode {op!r}: a range goes up and stays in one group of eight")
        return range(first, last + 1)

    def parse_modrm(self, text):
        m = re.fullmatch(r"-|/(r|[0-7])(:[mr*])?|=([c-f][0-9a-f])", text)
        if not m:
            raise Bad(self.line, f"modrm {text!r}")
        self.modrm_text = text
        self.reg = int(m[1]) if m[1] and m[1] != "r" else None
        self.exact = int(m[3], 16) if m[3] else None
        self.mod = (m[2] or ":")[1:]
        if self.exact is not None:
            self.mod = "r"
        self.has_modrm = text != "-"

    def attributes(self, words):
        self.lock = self.rep = self.repz = self.noreal = self.xmm0 = False
        self.privilege, self.exception, self.align = "none", "none", "0"
        self.flags = {"r": 0, "w": 0, "w0": 0, "u": 0}
        self.uses = self.sets = 0
        self.only_sizes = self.only_addresses = self.rexb = self.otherwise = None
        for word in words:
            name, _, value = word.partition("=")
            if not _ and name in ("lock", "rep", "repz", "noreal", "xmm0"):
                setattr(self, name, True)
            elif not _ and name in PRIVILEGES[1:]:
                self.privilege = name
            elif _ and name in self.flags:
                self.flags[name] = flag_mask(self.line, value)
            elif _ and name in ("uses", "sets"):
                setattr(self, name, gpr_mask(self.line, value))
            elif _ and name in ("o", "a"):
                sizes = [choice(self.line, "size", v, ["16", "32", "64"]) for v in value.split(",")]
                setattr(self, "only_sizes" if name == "o" else "only_addresses", sizes)
            elif _ and name == "rexb":
                self.rexb = choice(self.line, "rexb", value, ["0", "1"])
            elif _ and name == "align":
                self.align = choice(self.line, "alignment", value, ["16", "64", "vl"])
            elif _ and name == "exc":
                self.exception = choice(self.line, "exception class", value, EXCEPTIONS[1:])
            elif _ and name == "else":
                self.otherwise = value
            else:
                raise Bad(self.line, f"attribute {word!r}")

    def derive(self):
        self.check_shape()
        self.when = self.facts_needed()
        self.imm = self.immediate()
        self.check = self.register_check()
        kinds = {o.kind for o in self.operands}
        props = {"modrm": self.has_modrm, "lock": self.lock, "rep": self.rep, "repz": self.repz,
                 "noreal": self.noreal, "vvvv": bool(kinds & {"vvvv", "xvvvv"}),
                 "anymod": self.mod == "*", "only66": self.prefixes == ["66"],
                 "vsib": "vsib" in kinds, "is4": "xis4" in kinds, "lig": self.L == "ig",
                 "xmm0": self.xmm0}
        self.props = sum(PROPS[name] for name, on in props.items() if on)

    def check_shape(self):
        if self.vex != (self.L != "-"):
            raise Bad(self.line, "VEX.L belongs to the VEX maps, and all of them need it")
        choice(self.line, "L", self.L, ["-", "0", "1", "x", "ig"])
        choice(self.line, "W", self.W, ["0", "1", "ig", "q0", "q1"] if self.vex else ["-", "0", "1"])
        for o in self.operands:
            uses_modrm = o.by_modrm() or o.kind in ("reg", "sreg", "creg", "dreg", "sti", "mmreg", "xreg")
            if uses_modrm and not self.has_modrm:
                raise Bad(self.line, f"operand {o.name} needs ModRM")
            if o.by_modrm() and o.mem_size == "none" and not o.memory_only_none and self.mod not in ("r", "*"):
                raise Bad(self.line, f"operand {o.name} is a register: modrm needs :r")
            if o.by_modrm() and (o.reg_size == "none" or o.kind == "vsib") and self.mod != "m":
                raise Bad(self.line, f"operand {o.name} is memory: modrm needs :m")
        if self.lock and not (self.operands and self.operands[0].by_modrm() and "x" in self.acc[:1]):
            raise Bad(self.line, "LOCK needs a destination by ModRM that is read and written")

    def facts_needed(self):
        either = {"not64": ["not64"], "only64": ["64"], "any": ["not64", "64"]}[self.modes]
        mod = {"m": ["mem"], "r": ["reg"]}.get(self.mod, ["mem", "reg"])
        sizes = self.only_sizes or ["16", "32", "64"]
        if self.size == "d64" and self.only_sizes:
            if len(sizes) != 1 or self.modes != "any":
                raise Bad(self.line, "o= of a d64 row takes one size")
            either = {"16": ["not64", "64"], "32": ["not64"], "64": ["64"]}[sizes[0]]
            sizes = {"16": ["16"], "32": ["32"], "64": ["32", "64"]}[sizes[0]]
        elif self.size == "f64" and self.only_sizes:
            raise Bad(self.line, "o= of an f64 row")
        names = either + mod
        names += {"0": ["L0"], "1": ["L1"]}.get(self.L, ["L0", "L1"])
        names += {"0": ["W0"], "1": ["W1"]}.get(self.W, ["W0", "W1"])
        names += {"q0": ["Q0"], "q1": ["Q1"]}.get(self.W, ["Q0", "Q1"])
        names += {"0": ["B0"], "1": ["B1"]}.get(self.rexb, ["B0", "B1"])
        names += ["O" + s for s in sizes]
        names += ["A" + s for s in self.only_addresses or ["16", "32", "64"]]
        return sum(FACTS[n] for n in names)

    def immediate(self):
        kinds = {o.kind: o for o in self.operands}
        if "imm2" in kinds:
            return "w_b"
        if "far" in kinds or "moffs" in kinds:
            return "far" if "far" in kinds else "moffs"
        if "xis4" in kinds:
            return "b"
        if "rel" in kinds:
            return "rel8" if kinds["rel"].reg_size == "sb" else "rel"
        if "imm" in kinds:
            return kinds["imm"].reg_size
        return "none"

    def register_check(self):
        kinds = [o.kind for o in self.operands]
        if "vsib" in kinds:
            return "gather"
        for kind in ("creg", "dreg"):
            if kind in kinds:
                return kind
        if "sreg" in kinds:
            return "sreg_dst" if kinds[0] == "sreg" else "sreg"
        return "none"

    def takes_modrm(self, key):
        """key: None for no ModRM, (reg,) for memory, else the ModRM byte of a register form"""
        if key is None:
            return not self.has_modrm
        if isinstance(key, tuple):
            return self.mod != "r" and self.reg in (None, key[0])
        if self.exact is not None:
            return key == self.exact
        return self.mod != "m" and self.reg in (None, key >> 3 & 7)

    def name_parts(self):
        yield self.mnemonic.upper()
        yield "_".join(self.operand_names)
        yield f"{self.opcodes[0]:02x}" + ("" if self.exact is None else f"_{self.exact:02x}")
        yield "" if self.reg is None else str(self.reg)
        yield {"m": "m", "r": "r"}.get(self.mod, "")
        yield "" if self.L in ("-", "x") else "L" + self.L
        yield "".join(p.upper() for p in self.prefixes) if len(self.prefixes) < 4 else ""
        yield "" if self.W == "-" else "W" + self.W
        yield "" if not self.only_sizes else "o" + self.only_sizes[0]


MODRM_KEYS = [(reg,) for reg in range(8)] + list(range(0xC0, 0x100))


def contexts(vex, prefix):
    """Every combination of facts, but mem and reg, that bytes and a mode can bring together."""
    for is64, L, W, B, O, A in itertools.product((0, 1), (0, 1), (0, 1), (0, 1), ("16", "32", "64"),
                                                 ("16", "32", "64")):
        Q = W & is64
        if (O == "64") != bool(Q) or (not is64 and B) or A == ("16" if is64 else "64"):
            continue
        if not vex and (L or W != Q):
            continue
        if is64 and O == "16" and (vex or prefix == "np"):
            continue
        if is64 and O == "32" and not vex and prefix == "66":
            continue
        names = ["64" if is64 else "not64", f"L{L}", f"W{W}", f"Q{Q}", f"B{B}", "O" + O, "A" + A]
        yield sum(FACTS[n] for n in names)


def reachable_bytes(row):
    """Opcode bytes of the row that are no prefix or escape in any of its modes."""
    taken = set()
    if row.map == "1b":
        taken = PREFIX_BYTES | {0x0F}
        if row.modes == "only64":
            taken = taken | set(range(0x40, 0x50)) | {0xC4, 0xC5}
    elif row.map == "0f":
        taken = {0x38, 0x3A}
    return [op for op in row.opcodes if op not in taken]


def check_reach(rows):
    """Fails on two rows for the same bytes and on rows without bytes."""
    cells = {}
    for row in rows:
        for op, prefix in itertools.product(reachable_bytes(row), row.prefixes):
            cells.setdefault((row.map, op, prefix), []).append(row)
    reached = set()
    for (map_, op, prefix), cell in cells.items():
        if len({row.has_modrm for row in cell}) > 1:
            raise Bad(cell[-1].line, f"{map_} {op:02x} has ModRM in one line and none in another")
        all_facts = list(contexts(map_.startswith("vex"), prefix))
        for key in MODRM_KEYS if cell[0].has_modrm else [None]:
            fact = 0 if key is None else FACTS["mem" if isinstance(key, tuple) else "reg"]
            candidates = [row for row in cell if row.takes_modrm(key)]
            for facts in all_facts if candidates else []:
                found = [row for row in candidates if not (facts | fact) & ~row.when]
                if len(found) > 1:
                    raise Bad(found[1].line, f"matches bytes of line {found[0].line} too: {map_} "
                                             f"{op:02x} {prefix} {modrm_words(key)}")
                reached.update(id(row) for row in found)
    for row in rows:
        if id(row) not in reached:
            raise Bad(row.line, "no bytes reach this row")
        if len(reachable_bytes(row)) != len(row.opcodes):
            raise Bad(row.line, "an opcode byte of the row is a prefix")
    return cells


def modrm_words(key):
    if key is None:
        return ""
    return f"memory /{key[0]}" if isinstance(key, tuple) else f"ModRM {key:02x}"


def read_table(path):
    operands, features, rows = {}, {}, []
    with open(path, encoding="utf-8") as file:
        for line, text in enumerate(file, 1):
            words = text.split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] == "@operand":
                operand = Operand(len(operands) + 1, line, words[1:])
                operands[operand.name] = operand
            elif words[0] == "@feature":
                if len(words) != 3:
                    raise Bad(line, "@feature takes a name and a place")
                features[words[1]] = feature_place(line, words[2])
            else:
                rows.append(Row(line, words, operands, features))
    return operands, features, rows


def feature_place(line, text):
    if text == "-":
        return (0, 0, 0, 0, 0)
    m = re.fullmatch(r"([0-9a-f]+)\.([0-9a-f]+)\.(e[abcd]x)\.(\d+)", text)
    if not m or int(m[4]) > 31:
        raise Bad(line, f"feature place {text!r}")
    return (int(m[1], 16), int(m[2], 16), LEAF_REGISTERS.index(m[3]), int(m[4]), 1)


def name_rows(rows):
    """Identifiers: mnemonic and operands, and what else it takes to tell rows apart."""
    by_name = {}
    for row in rows:
        parts = list(row.name_parts())
        by_name.setdefault("_".join(p for p in parts[:2] if p), []).append((row, parts))
    for name, group in by_name.items():
        if len(group) == 1:
            group[0][0].name = name
            continue
        differ = [i for i in range(2, len(group[0][1])) if len({parts[i] for _, parts in group}) > 1]
        names = ["_".join([name] + [parts[i] for i in differ if parts[i]]) for _, parts in group]
        if len(set(names)) != len(names):
            raise Bad(group[-1][0].line, f"several rows would be called {name}")
        for (row, _), full in zip(group, names):
            row.name = full


def link_rows(rows):
    for number, row in enumerate(rows, 1):
        row.number = number
    for row in rows:
        row.otherwise_number = 0
        if row.otherwise:
            same = [other for other in rows
                    if other.mnemonic == row.otherwise and other.map == row.map
                    and other.opcodes == row.opcodes and other.operand_names == row.operand_names]
            if not same:
                raise Bad(row.line, f"else={row.otherwise}: no such row for the same opcode")
            row.otherwise_number = same[0].number
