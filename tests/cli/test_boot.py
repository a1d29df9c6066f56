# SPDX-License-Identifier: MIT
"""Kernels of other protocols than Linux's: small ones made here, started by the bytes of their file."""
import struct
import unittest

from common import IMAGE, OK, USAGE, Case, needs_kvm, vitro
from guests import STARTUP_CODE, kernel

# Three entries, each with a stack at 0x9000. They check the magic number ('!' and halt when it is wrong) and
# print to COM1, each followed by a newline: the command line, and the first module's bytes up to a NUL. mb2 walks
# the tags and prints what it finds. Then cli; hlt.
CODE = bytes.fromhex(
    "bc00900000baf80300003d02b0ad2b0f85830000008b7310e86f0000008b7b188b37e865000000faf4"  # 0x00 mb1
    "bc00900000baf80300003d8962d736755e8d7b088b0785c074218d770883f801740783f80375078b36"  # 0x29 mb2
    "e8350000008b470483c00783e0f801c7ebd9faf4"
    "bc00900000baf8030000813b78c56e3375208b7318e80c0000008b7b108b37e802000000faf4"  # 0x66 pvh
    "ac84c07403eeebf8b00aeec3b021eefaf4")  # text, bad
MB1, MB2, PVH = 0x00, 0x29, 0x66
LOAD = 0x100000


def header1(flags=0):
    return struct.pack("<III", 0x1badb002, flags, -0x1badb002 - flags & 0xffffffff)


def header2(*tags):
    body = b""
    for kind, flags, data in tags + ((0, 0, b""),):
        tag = struct.pack("<HHI", kind, flags, 8 + len(data)) + data
        body += tag.ljust(len(tag) + 7 & ~7, b"\0")
    size = 16 + len(body)
    return struct.pack("<IIII", 0xe85250d6, 0, size, -0xe85250d6 - size & 0xffffffff) + body


def elf32(head=b"", entry=0, note=b""):
    """head stands at LOAD, the code 0x100 above it."""
    text = head.ljust(0x100, b"\0") + CODE
    begin = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01\x01", 2, 3, 1, LOAD + 0x100 + entry, 52, 0,
                        0, 52, 32, 2, 40, 0, 0)
    begin += struct.pack("<IIIIIIII", 1, 0x80, LOAD, LOAD, len(text), 0x1000, 7, 1)
    begin += struct.pack("<IIIIIIII", 4, 0x80 + len(text), 0, 0, len(note), len(note), 4, 4)
    return begin.ljust(0x80, b"\0") + text + note


def pvh_note(entry):
    return struct.pack("<III4sI", 4, 4, 18, b"Xen\0", LOAD + 0x100 + entry)


class Boot(Case):
    def boots(self, image, kind, want, *args):
        initrd = self.file("module", b"from a module\0")
        path = self.file("kernel", image)
        doc, run = self.json("run", path, "-e", "soft", "-m", "16M", "-a", "one two", "-i", initrd,
                             "--timeout", "20", *args)
        self.expect(run, OK)
        self.assertEqual((doc["kind"], doc["end"]), (kind, "halt"))
        self.assertEqual(doc["console"], want)

    def test_multiboot(self):
        self.boots(elf32(header1(3), MB1), "multiboot", "one two\nfrom a module\n")

    def test_multiboot_by_load_addresses(self):
        image = header1(0x10000) + struct.pack("<IIIII", LOAD, LOAD, 0, 0, LOAD + 0x100 + MB1)
        self.boots(image.ljust(0x100, b"\0") + CODE, "multiboot", "one two\nfrom a module\n")

    def test_multiboot2(self):
        self.boots(elf32(header2((6, 0, b"")), MB2), "multiboot2", "one two\nfrom a module\n")

    def test_multiboot2_by_entry_tag(self):
        head = header2((3, 0, struct.pack("<I", LOAD + 0x100 + MB2)))
        self.boots(elf32(head, MB1), "multiboot2", "one two\nfrom a module\n")

    def test_pvh(self):
        self.boots(elf32(note=pvh_note(PVH)), "pvh", "one two\nfrom a module\n")

    def test_the_note_goes_first_and_kind_overrides(self):
        image = elf32(header1().ljust(64, b"\0") + header2(), MB1, pvh_note(PVH))
        self.boots(image, "pvh", "one two\nfrom a module\n")
        self.boots(image, "multiboot", "one two\nfrom a module\n", "--kind", "multiboot")
        self.boots(image, "multiboot2", "!", "--kind", "multiboot2")  # enters at mb1: not its magic


    def test_default_command_line_is_for_linux(self):
        note = pvh_note(PVH) + struct.pack("<III8s8s", 6, 6, 0x100, b"Linux", b"6.1.0")
        kernel = self.file("kernel", elf32(note=note))
        module = self.file("module", b"from a module\0")
        doc, run = self.json("run", kernel, "-e", "soft", "-m", "16M", "-i", module, "--timeout", "20")
        self.expect(run, OK)
        self.assertEqual(doc["console"], "console=ttyS0\nfrom a module\n")


# Multiboot 1: prints each module's command line, if it has one, and its bytes up to a NUL.
MODULES = bytes.fromhex(
    "bc00900000baf80300008b6b148b7b1885ed74198b770885f67405e80f0000008b37e80800000083c7104debe3faf4"
    "ac84c07403eeebf8b00aeec3")


class Modules(Case):
    """--module, beside -i."""

    def say(self, image, *args):
        doc, run = self.json("run", self.file("kernel", image), "-e", "soft", "-m", "16M", "--timeout", "20", *args)
        self.expect(run, OK)
        return doc["console"].split("\n")[:-1]

    def setUp(self):
        super().setUp()
        self.one = self.file("one", b"first\0")
        self.two = self.file("two", b"second" * 2000 + b"\0")
        self.empty = self.file("empty", b"")

    def test_multiboot(self):
        head = header1(0x10000) + struct.pack("<IIIII", LOAD, LOAD, 0, 0, LOAD + 0x100)
        image = head.ljust(0x100, b"\0") + MODULES
        want = ["from -i", "a=b c", "first", "second" * 2000, "last", ""]
        said = self.say(image, "-i", self.file("initrd", b"from -i\0"), "--module", f"{self.one}=a=b c", "--module",
                        self.two, "--module", f"{self.empty}=last")
        self.assertEqual(said, want)
        self.assertEqual(self.say(image, *["--module", self.one] * 31), ["first"] * 31)
        self.assertEqual(self.say(image), [])

    def test_multiboot2(self):
        said = self.say(elf32(header2((6, 0, b"")), MB2), "-a", "x", "--module", f"{self.one}=text", "--module", self.two)
        self.assertEqual(said, ["x", "first", "second" * 2000])

    def test_refused(self):
        kernel = self.file("kernel", elf32(header1(3), MB1))
        module = ["--module", self.one]
        self.refuse(vitro("run", kernel, *module * 32), USAGE, "31 modules")
        self.refuse(vitro("run", kernel, "--module", "=x"), USAGE, "a file is wanted")
        self.refuse(vitro("run", kernel, "--module", self.tmp / "none"), IMAGE, "none")
        self.refuse(vitro("run", kernel, "--module", f"{self.one}=a\nb", "-e", "soft"), USAGE, "0x0a")
        self.refuse(vitro("run", "hello", *module), USAGE, "module: guest hello is no kernel")
        big = self.file("big", b"\x01" * (20 << 20))
        self.refuse(vitro("run", kernel, "-e", "soft", "-m", "16M", "--module", big), IMAGE, "no room for the module")


class Refused(Case):
    def test_kinds(self):
        plain = self.file("plain", elf32())
        rows = [("linux", "HdrS"), ("vmlinux", "32-bit"), ("pvh", "no PVH note"),
                ("multiboot", "no header in the first 8 KiB"), ("multiboot2", "first 32 KiB")]
        for kind, words in rows:
            with self.subTest(kind):
                self.refuse(vitro("run", plain, "--kind", kind), IMAGE, words)
        self.refuse(vitro("run", plain, "--kind", "coff"), USAGE, "multiboot2")

    def test_mode(self):
        kernel = self.file("kernel", elf32(header1(), MB1))
        self.refuse(vitro("run", kernel, "--mode", "long"), USAGE, "--mode")

    def test_notes(self):
        """L6."""
        note = bytearray(pvh_note(PVH))
        note[0:4] = b"\xff\xff\xff\xff"
        self.refuse(vitro("run", self.file("kernel", elf32(note=bytes(note)))), IMAGE, "--kind elf")
        outside = self.file("outside", elf32(note=pvh_note(0x100000)))
        self.refuse(vitro("run", outside), IMAGE, "PVH entry 0x200100")

    def test_what_a_kernel_demands(self):
        self.refuse(vitro("run", self.file("k", elf32(header1(8), MB1))), IMAGE, "demand")
        image = elf32(header2((7, 0, b"")), MB2)
        self.refuse(vitro("run", self.file("k", image)), IMAGE, "EFI boot services")

    def test_command_line(self):
        """L12."""
        kernel = self.file("kernel", elf32(header1(), MB1))
        for text, words in (("a\nb", "0x0a"), ("\udcff", "0xff"), ("x" * 4096, "at most 4095")):
            with self.subTest(words):
                self.refuse(vitro("run", kernel, "-e", "soft", "-a", text), USAGE, words)

    def test_initrd(self):
        """L10."""
        kernel = self.file("kernel", elf32(header1(), MB1))
        big = self.file("big", b"\x01" * (20 << 20))
        run = vitro("run", kernel, "-e", "soft", "-m", "16M", "-i", big)
        self.refuse(run, IMAGE, "no room for the initrd")


class SecondCpu(Case):
    """The PC's other CPUs wait for INIT and a startup message, on both engines."""

    def check(self, engine):
        guest = self.file("startup.elf", kernel(STARTUP_CODE))
        run = vitro("run", guest, "-e", engine, "-m", "16M", "-c", 2)
        self.assertEqual((run.returncode, run.stdout), (OK, b"S"), run.stderr)
        self.assertIn(b"CPU 1: 1 exit, rip 0x6,", run.stderr)  # behind the HLT, at segment 0x800

    def test_soft(self):
        self.check("soft")

    @needs_kvm
    def test_kvm(self):
        self.check("kvm")


if __name__ == "__main__":
    unittest.main()
