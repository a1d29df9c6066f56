#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a machine is loaded from is read again when the guest resets it: the files may be others by then."""
import contextlib
import fcntl
import os
import subprocess
import sys
import termios
import unittest

from common import IMAGE, STOPPED, VITRO, Case
from guests import REBOOT_CODE, kernel

MIB = 1 << 20


class ResetFiles(Case):
    def setUp(self):
        super().setUp()
        self.kernel = self.file("kernel.elf", kernel(REBOOT_CODE))
        self.initrd = self.file("initrd", os.urandom(3 * MIB))

    @contextlib.contextmanager
    def changed(self, change, *args):
        """A machine that resets itself for ever, to which something happens after its second start."""
        argv = [VITRO, "run", self.kernel, "-q", "-m", "32M", *map(str, args)]
        with subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, bufsize=0) as run:
            try:
                self.read(run, 2)
                change()
                yield run
            finally:
                run.kill()

    def read(self, run, n):
        """So many starts, each an R."""
        while n > 0:
            said = run.stdout.read(n)
            self.assertEqual(said.strip(b"R"), b"")
            self.assertNotEqual(said, b"", "it has ended")
            n -= len(said)

    def test_replaced_or_removed_files_are_still_there(self):
        def change():
            self.file("other", b"no kernel").rename(self.kernel)
            self.initrd.unlink()
        with self.changed(change, "-i", self.initrd) as run:
            before = fcntl.ioctl(run.stdout, termios.FIONREAD, bytes(4))
            self.read(run, int.from_bytes(before, sys.byteorder) + 2)  # between the last two a reset after the change
            run.terminate()
            run.stdout.read()
            self.assertEqual(run.wait(), STOPPED)

    def check_refused(self, change, words, *args):
        with self.changed(change, *args) as run:
            _, report = run.communicate(timeout=60)
        self.assertEqual((run.returncode, report.count(b"\n")), (IMAGE, 1), report)
        self.assertIn(words, report.decode())

    def test_kernel_written(self):
        def change():
            with open(self.kernel, "r+b") as f:
                f.seek(0x180)
                f.write(b"\xf4")
        self.check_refused(change, f"reading {self.kernel} again: it has been written since it was loaded")

    def test_kernel_cut(self):
        self.check_refused(lambda: os.truncate(self.kernel, 100),
                           f"reading {self.kernel} again: it has become shorter since it was loaded")

    def test_initrd_written(self):
        def change():
            with open(self.initrd, "r+b") as f:
                f.seek(2 * MIB)
                f.write(bytes(4096))
        self.check_refused(change, f"reading {self.initrd} again: it has been written", "-i", self.initrd)

    def test_module_cut(self):
        self.check_refused(lambda: os.truncate(self.initrd, 0),
                           f"reading {self.initrd} again: it has become shorter", "--module", self.initrd)

    def test_its_bytes_are_not_kept(self):
        def memory():
            argv = [VITRO, "run", self.kernel, "-q", "-m", "128M", "-i", self.initrd, "-e", "soft", "--tier", "interp"]
            with subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as run:
                self.assertEqual(run.stdout.read(3), b"RRR")
                with open(f"/proc/{run.pid}/status", encoding="ascii") as status:
                    rows = dict(line.split(":", 1) for line in status)
                run.kill()
                run.stdout.read()
            return int(rows["RssAnon"].split()[0]) + int(rows["RssShmem"].split()[0])
        small = memory()
        self.file("initrd", bytes(48 * MIB))
        self.assertLess(memory(), small + 60 * 1024)  # KiB: 48 MiB in guest memory, and not once more


if __name__ == "__main__":
    unittest.main()
