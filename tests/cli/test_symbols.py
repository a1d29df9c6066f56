# SPDX-License-Identifier: MIT
"""--symbols: names from an ELF file or a map; bad-input row G3."""
import unittest

from common import IMAGE, OK, Case, vitro

# nop; 1: mov al, 'x'; out 0xe9, al; hlt
CODE = bytes.fromhex("90 b078 e6e9 f4")
MAP = "0000000000000000 T begin\n                 U elsewhere\n\n1 t inner\t[module]\r\n3 T the_out\n3 t less\nfffffffffffffffe A far\n"


class Symbols(Case):
    def setUp(self):
        super().setUp()
        self.guest = self.file("guest", CODE)

    def test_map(self):
        names = self.file("names.map", MAP.encode())
        doc, run = self.json("run", self.guest, "-e", "soft", "--symbols", names, "--stop-at", "the_out", "--then", "symbols,disasm")
        self.expect(run, OK)
        self.assertEqual((doc["end"], doc["rip"]), ("break", "0x3"))
        self.assertEqual(sorted((row["addr"], row["name"]) for row in doc["then"][0]["data"]),
                         [("0x0", "begin"), ("0x1", "inner"), ("0x3", "less"), ("0x3", "the_out"), ("0xfffffffffffffffe", "far")])
        text = vitro("exits", self.guest, "-e", "soft", "--symbols", names, "--at", "end", "-q")
        self.assertIn(b"the_out", text.stdout)

    def test_elf_made_of_them(self):
        names, elf = self.file("names.map", MAP.encode()), self.tmp / "names.elf"
        self.expect(vitro("symbols", self.guest, "--symbols", names, "-o", elf), OK)
        doc, run = self.json("run", self.guest, "-e", "soft", "--symbols", elf, "--stop-at", "inner")
        self.expect(run, OK)
        self.assertEqual((doc["end"], doc["rip"]), ("break", "0x1"))

    def test_refused(self):
        """G3: the malformed ELF files are in tests/unit/test_elf.c and fuzz_elf.c."""
        rows = [("", "there is none"), ("\n\n", "there is none"), ("0 T a\nzz T b\n", "line 2"), ("0 T\n", "line 1"),
                ("11112222333344445 T a\n", "line 1"), ("0 TT a\n", "line 1"), ("0 T a b\n", "line 1"), ("0", "line 1"),
                ("ffffffffffffffff B The real System.map is elsewhere\n", "line 1"), ("0 T \x01\n", "line 1")]
        for text, words in rows:
            with self.subTest(text):
                self.refuse(vitro("run", self.guest, "--symbols", self.file("bad", text.encode())), IMAGE, words)
        self.refuse(vitro("run", self.guest, "--symbols", self.file("bad", b"\x7fELF\x02\x01")), IMAGE)
        self.refuse(vitro("run", self.guest, "--symbols", self.tmp), IMAGE)


if __name__ == "__main__":
    unittest.main()
