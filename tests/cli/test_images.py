# SPDX-License-Identifier: MIT
"""Guest images that are no good: bad-input rows L1 to L5 and L13, as a user meets them."""
import os
import struct
import time
import unittest

from common import IMAGE, OK, USAGE, Case, vitro

HLT = b"\xf4"


def elf64(segments=((0x100000, HLT, 1),), entry=0x100000, machine=62, etype=2, phnum=None,
          phentsize=56, ident=b"\x7fELF\x02\x01\x01", memsz=None):
    """A small executable; segments are (address, bytes, flags)."""
    n = len(segments) if phnum is None else phnum
    header = ident.ljust(16, b"\0") + struct.pack("<HHIQQQIHHHHHH", etype, machine, 1, entry, 64, 0, 0, 64,
                                                  phentsize, n, 64, 0, 0)
    offset = 64 + 56 * len(segments)
    table, data = b"", b""
    for address, body, flags in segments:
        size = len(body) if memsz is None else memsz
        table += struct.pack("<IIQQQQQQ", 1, flags, offset + len(data), address, address, len(body),
                             size, 1)
        data += body
    return header + table + data


class Refused(Case):
    def test_not_files(self):
        fifo = self.tmp / "fifo"
        os.mkfifo(fifo)
        rows = [(self.tmp, "a directory"), (fifo, "a FIFO"), ("/dev/null", "a device"),
                (self.tmp / "missing", "No such file")]
        for path, word in rows:
            with self.subTest(word):
                self.refuse(vitro("run", path, timeout=10), IMAGE, word)

    def test_unreadable(self):
        if os.geteuid() == 0:
            path = "/proc/self/mem"  # root may open anything; reading this file at 0 fails
            run = vitro("run", path)
            self.expect(run, IMAGE)
        else:
            path = self.file("secret", HLT)
            path.chmod(0)
            self.refuse(vitro("run", path), IMAGE, "Permission denied")

    def test_empty(self):
        self.refuse(vitro("run", self.file("empty", b"")), IMAGE, "empty")

    def test_huge(self):
        path = self.file("huge", b"")
        os.truncate(path, 1 << 40)
        start = time.monotonic()
        self.refuse(vitro("run", path), IMAGE, "1024 MiB")
        self.assertLess(time.monotonic() - start, 10)

    def test_unknown_name(self):
        self.refuse(vitro("run", "no-such-guest"), USAGE, "neither a built-in guest nor a file",
                    "vitro guests")

    def test_cut_linux_kernel(self):
        image = bytearray(4096)
        image[0x202:0x206] = b"HdrS"
        self.refuse(vitro("run", self.file("bzImage", image)), IMAGE, "Linux")

    def test_what_only_kernels_take(self):
        self.refuse(vitro("run", "hello", "-a", "quiet"), USAGE, "command line", "no kernel")
        self.refuse(vitro("run", "hello", "-i", "/dev/null"), USAGE, "initrd", "no kernel")

    def test_real_mode_beyond_its_reach(self):
        path = self.file("big", HLT * (1 << 20) + HLT)
        self.refuse(vitro("run", path, "--mode", "real"), IMAGE, "first MiB")
        small = self.file("small", HLT)
        self.refuse(vitro("run", small, "--mode", "real", "--origin", "0x10000"), IMAGE, "0xffff")

    def test_origin_outside_memory(self):
        self.refuse(vitro("run", self.file("x", HLT), "--origin", "0x10000000000"), IMAGE, "does not fit")

    def test_malformed_elf(self):
        good = elf64()
        rows = [
            (elf64(ident=b"\x7fELF\x03\x01\x01"), "class"),
            (elf64(ident=b"\x7fELF\x02\x02\x01"), "endian"),
            (elf64(machine=183), "machine"),
            (elf64(etype=1), "not yet linked"),
            (elf64(etype=3), "-no-pie"),
            (elf64(phnum=0), "program header"),
            (elf64(phnum=65535), "65535"),
            (elf64(phentsize=55), "55"),
            (elf64(memsz=0x10), "entry", elf64(entry=0x200000)),
            (elf64(memsz=0), "memory"),
            (elf64(memsz=1 << 63), ""),
            (elf64(segments=((0x100000, HLT * 64, 1), (0x100020, HLT * 64, 1))), "overlap"),
            (elf64(segments=((1 << 63, HLT, 1),), entry=1 << 63), ""),
            (good[:40], ""),
            (good[:70], ""),
        ]
        for row in rows:
            image, word = row[-1] if len(row) == 3 else row[0], row[1]
            with self.subTest(word):
                self.refuse(vitro("run", self.file("bad.elf", image)), IMAGE, word)

    def test_segment_beyond_memory(self):
        image = elf64(memsz=1 << 40)
        start = time.monotonic()
        self.refuse(vitro("run", self.file("far.elf", image)), IMAGE, "does not fit")
        self.assertLess(time.monotonic() - start, 10)

    def test_mode_that_the_class_excludes(self):
        self.refuse(vitro("run", self.file("x.elf", elf64()), "--mode", "real"), USAGE, "leave --mode out")


class Taken(Case):
    def test_good_elf(self):
        self.expect(vitro("run", self.file("good.elf", elf64())), OK, "1 exit")

    def test_flat_over_the_tables(self):
        """The page tables make way for an image that covers 0x2000."""
        image = bytes.fromhex("e9fb3f0000").ljust(0x4000, b"\x90") + HLT
        run = vitro("run", self.file("large", image))
        self.expect(run, OK, "0x4000 after 1 exit")

    def test_odd_origin_in_real_mode(self):
        run = vitro("run", self.file("boot", HLT), "--mode", "real", "--origin", "0x7c01")
        self.expect(run, OK, "0x7c01 after 1 exit")

    def test_path_with_spaces_and_newline(self):
        self.expect(vitro("run", self.file("a name\nwith lines", HLT)), OK)

    def test_flat_by_force(self):
        self.expect(vitro("run", self.file("x", HLT + b"\x7fELF"), "--kind", "flat"), OK)


if __name__ == "__main__":
    unittest.main()
