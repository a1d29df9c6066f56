# SPDX-License-Identifier: MIT
"""Other real guests: memtest86+ with its text screen, and Debian's i386 kernels."""
import hashlib
import json
import re
import subprocess
import tempfile
import unittest

from rig import GUESTS, HERE, VITRO, Boot, needs

OK, TIMEOUT = 0, 14


class Memtest(unittest.TestCase):
    """memtest86+: 64- and 32-bit entry, no serial port; it tests memory until it is stopped."""

    def check(self, image, name):
        run = subprocess.run([VITRO, "run", GUESTS / image, "-e", "soft", "-m", "32M", "--screen", "text", "-j",
                              "--timeout", "30"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        doc = json.loads(run.stdout)
        self.assertEqual(run.returncode, TIMEOUT)
        screen = "\n".join(doc["screen"])
        self.assertEqual(len(doc["screen"]), 25)
        self.assertIn("Memtest86+", screen)
        self.assertIn("32MB", screen)
        self.assertIn("─────", screen)
        self.assertRegex(screen, r"Errors: 0\b")
        self.assertRegex(screen, r"Testing: \S")
        self.assertIn(name, screen)
        self.assertEqual(doc["console"], "")

    @needs("memtest64.bin")
    def test_64_bit(self):
        self.check("memtest64.bin", "x64")

    @needs("memtest32.bin")
    def test_32_bit(self):
        self.check("memtest32.bin", "x32")

    @needs("memtest64.bin")
    def test_without_json_the_screen_is_printed_at_the_end(self):
        run = subprocess.run([VITRO, "run", GUESTS / "memtest64.bin", "-e", "soft", "-m", "32M", "-q", "--screen",
                              "text", "--timeout", "10"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self.assertEqual(run.returncode, TIMEOUT)
        self.assertEqual(run.stdout.count(b"\n"), 25)
        self.assertTrue(run.stdout.decode().strip().startswith("Memtest86+"))


class LinuxScreen(unittest.TestCase):
    """A kernel with a VGA console, which is told to scroll by copying: docs/devices.md."""

    @needs("vmlinuz-cloud")
    def test_the_end_of_the_boot_is_on_it(self):
        boot = Boot("vmlinuz-cloud", "cat /proc/consoles", append="console=tty0 no-scroll",
                    options=["-e", "soft", "--screen", "text", "-j"])
        self.assertEqual(boot.code, OK, boot.tail())
        screen = "\n".join(json.loads(boot.said)["screen"])
        self.assertRegex(screen, r"tty0 +-WU")
        self.assertIn("reboot: Power down", screen)


class Compatibility(unittest.TestCase):
    """Programs of 32 bits under a 64-bit kernel."""

    @needs("vmlinuz-cloud", "busybox-i386")
    def test_programs(self):
        with tempfile.NamedTemporaryFile(suffix=".cpio.gz") as initrd:
            subprocess.run([HERE / "initramfs", initrd.name, GUESTS / "busybox-i386"], check=True)
            boot = Boot("vmlinuz-cloud",
                        "b=/root/busybox-i386; $b seq 3000 | $b sort -r | $b gzip | $b gunzip | $b md5sum",
                        append="loglevel=4", options=["-e", "soft"], initrd=initrd.name)
        lines = "".join(f"{n}\n" for n in sorted((str(n) for n in range(1, 3001)), reverse=True))
        self.assertEqual(boot.code, OK, boot.tail())
        self.assertIn(hashlib.md5(lines.encode()).hexdigest().encode() + b"  -\n", boot.said, boot.tail())


class I386(unittest.TestCase):
    """32-bit paging and PAE, to busybox's shell."""

    def check(self, kernel):
        boot = Boot(kernel, "uname -m; cat /proc/self/comm; seq 1000 | md5sum", append="loglevel=4",
                    options=["-e", "soft", "-m", "256M"], initrd=GUESTS / "initramfs-i386.cpio.gz")
        self.assertEqual(boot.code, OK, boot.tail())
        self.assertTrue(re.search(rb"i[3-6]86\ncat\n53d025127ae99ab79e8502aae2d9bea6  -\n", boot.said), boot.tail())

    @needs("vmlinuz-686", "initramfs-i386.cpio.gz")
    def test_32_bit_paging(self):
        self.check("vmlinuz-686")

    @needs("vmlinuz-686-pae", "initramfs-i386.cpio.gz")
    def test_pae(self):
        self.check("vmlinuz-686-pae")


if __name__ == "__main__":
    unittest.main()
