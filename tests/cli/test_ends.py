#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How a small kernel that has panicked ends, and what it finds when it starts over."""
import subprocess
import unittest

from common import VITRO, Case
from guests import kernel

PANIC, BASE = 4, 0x100100

# Prints what follows the code to COM1, by polling: mov esi, TEXT; 1: lodsb; test al, al; jz 2f; mov dx, 0x3f8; out dx, al;
# jmp 1b; 2:
PRINT = "be%s" "ac" "84c0" "7407" "66baf803" "ee" "ebf4"
HALT = "faf4"  # cli; hlt
FAULT = "0f011d00020000" "cc"  # lidt [0x200], where nothing is; int3
RESET = "b0fe" "e664" "ebfe"  # mov al, 0xfe; out 0x64, al; 1: jmp 1b

# The address of the RSDP out of multiboot 2's information is not at hand in multiboot 1: it lies where ACPI wants it.
# mov esi, 0xe0000; 1: cmp dword [esi], "RSD "; je 2f; add esi, 16; cmp esi, 0x100000; jb 1b; mov al, "-"; jmp 3f;
# 2: mov byte [esi], 0; mov al, "+"; 3: mov dx, 0x3f8; out dx, al; then RESET
SPOIL = ("be00000e00" "813e52534420" "740f" "83c610" "81fe00001000" "72ed" "b02d" "eb05" "c60600" "b02b" "66baf803" "ee") + RESET


def speaker(text, end):
    code = bytes.fromhex(PRINT % bytes(4).hex() + end)
    return kernel(bytes.fromhex(PRINT % (BASE + len(code)).to_bytes(4, "little").hex() + end) + text + b"\0")


class Panics(Case):
    def end_of(self, said, end, *args):
        image = self.file("kernel.elf", speaker(said, end))
        run = subprocess.run([VITRO, "run", image, "-m", "32M", *args], stdin=subprocess.DEVNULL, capture_output=True,
                             check=False)
        return run.returncode, run.stderr.decode()

    def test_halt_fault_and_reset_after_it(self):
        for end in (HALT, FAULT, RESET):
            code, report = self.end_of(b"before\n[  1.5] Kernel panic - not syncing: on purpose\n", end)
            with self.subTest(end=end):
                self.assertEqual(code, PANIC, report)
                self.assertIn("it said: on purpose", report)
                self.assertIn("before", report)

    def test_the_same_ends_without_it(self):
        for end, words in ((HALT, "halted"), (FAULT, "shut"), (RESET, "reset")):
            code, report = self.end_of(b"[  1.5] a Kernel panic - not syncing: no\n", end, "--no-reboot")
            with self.subTest(end=end):
                self.assertNotEqual(code, PANIC, report)
                self.assertIn(words, report)


class StartsOver(Case):
    def test_tables_are_as_new(self):
        image = self.file("kernel.elf", kernel(bytes.fromhex(SPOIL)))
        with subprocess.Popen([VITRO, "run", image, "-m", "32M", "-q"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE) as run:
            said = run.stdout.read(5)
            run.terminate()
            run.stdout.read()
        self.assertEqual(said, b"+++++")


if __name__ == "__main__":
    unittest.main()
