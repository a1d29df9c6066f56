# SPDX-License-Identifier: MIT
"""The opcode table's generator: what it refuses, with file and line, and the samples of the table."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "scripts/opcodes.py"
TABLE = ROOT / "src/x86/opcodes.tbl"

HEAD = """@feature base -
@feature avx 1.0.ecx.28
@operand Eb rm b b
@operand Ev rm v v
@operand Gb reg b -
@operand M rm - none
@operand Ux xrm x -
@operand Zv opreg v -
"""
HEAD_LINES = HEAD.count("\n")
ADD = "1b 00 any /r - - add Eb,Gb xr n any int base lock w=OSZAPC"


def generate(table, *options):
    return subprocess.run([sys.executable, SCRIPT, table, *options], capture_output=True, text=True,
                          timeout=60)


class Refusals(unittest.TestCase):
    def refused(self, lines, line, text):
        """The last column of the message is the reason; line counts from 1 behind the head."""
        with tempfile.TemporaryDirectory() as folder:
            table = pathlib.Path(folder) / "t.tbl"
            table.write_text(HEAD + "\n".join(lines) + "\n")
            run = generate(table, "--c", pathlib.Path(folder) / "rows.c")
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertIn(f"t.tbl:{HEAD_LINES + line}: ", run.stderr)
        self.assertIn(text, run.stderr)

    def test_bad_words(self):
        for old, new, text in [
            ("1b", "2b", "map"), (" 00 ", " 0 ", "opcode"), ("any /r", "67 /r", "prefix"),
            ("/r", "/8", "modrm"), ("add", "ADD", "mnemonic"), ("Eb,Gb", "Eb,Gq", "operand"),
            ("xr", "xq", "access"), ("xr", "x", "access letter"), (" n ", " d32 ", "size"),
            ("any int", "some int", "modes"), ("int", "integer", "class"), ("base", "sse9", "feature"),
            ("lock", "locked", "attribute"), ("w=OSZAPC", "w=OSQ", "flag"), ("- - add", "0 - add", "VEX"),
            ("xr", "rr", "LOCK"), (" lock w=OSZAPC", " o=8", "size"), (" any int base lock w=OSZAPC", "", "columns"),
        ]:
            with self.subTest(new):
                self.assertIn(old, ADD)
                self.refused(["# comment", ADD.replace(old, new, 1)], 2, text)

    def test_operands_that_do_not_fit_modrm(self):
        self.refused(["1b 00 any - - - add Eb xr n any int base".replace("xr", "x")], 1, "needs ModRM")
        self.refused(["1b 8d any /r - - lea M n n any int base"], 1, ":m")
        self.refused(["0f d7 66 /r - - pmov Ux r n any sse base"], 1, ":r")

    def test_two_rows_for_the_same_bytes(self):
        self.refused([ADD, "1b 00 f3 /3 - - or Eb,Gb xr n any int base"], 2, "matches bytes of line")
        self.refused(["1b 40+r any - - - inc Zv x n not64 int base",
                      "1b 43 any - - - dec Zv x n not64 int base o=32"], 2, "matches bytes of line")
        self.refused(["vex0f 58 np /r x ig vadd Ux r n any avx avx".replace("/r", "/r:r"),
                      "vex0f 58 np /r:r 1 ig vsub Ux r n any avx avx"], 2, "matches bytes of line")

    def test_rows_without_bytes(self):
        self.refused(["1b 40+r any - - - inc Zv x n only64 int base"], 1, "no bytes reach")
        self.refused(["1b 66 any - - - size - - n any int base"], 1, "no bytes reach")
        self.refused(["0f 38 any /r - - odd Eb r n any int base"], 1, "no bytes reach")
        self.refused(["1b 91 any - - - odd - - n not64 int base o=64"], 1, "no bytes reach")

    def test_a_substitute_that_is_not_there(self):
        self.refused([ADD + " else=nop"], 1, "else=nop")


class TheTable(unittest.TestCase):
    def test_every_row_has_samples(self):
        rows = [line for line in TABLE.read_text().splitlines() if line and line[0] not in "#@"]
        run = generate(TABLE, "--samples", "text")
        self.assertEqual(run.returncode, 0, run.stderr)
        samples = [line.split() for line in run.stdout.splitlines()]
        self.assertEqual(len({name for name, _, _ in samples}), len(rows))
        for _, code, data in samples:
            self.assertIn(code, ("16", "32", "64"))
            self.assertLessEqual(len(bytes.fromhex(data)), 15)


if __name__ == "__main__":
    unittest.main()
