# SPDX-License-Identifier: MIT
"""The translator under Linux: compared with the interpreter."""
import unittest

from rig import GUESTS, Boot, full, needs

OK = 0


class CheckBlocks(unittest.TestCase):
    """run --check-blocks: each block by both, and compared."""

    @needs("vmlinuz-cloud")
    def test_the_beginning(self):
        boot = Boot("vmlinuz-cloud", options=["--check-blocks", "--stop-at", "insn:40M"])
        self.assertEqual(boot.code, OK, boot.tail())
        self.assertIn("stopped after the count asked for", boot.report)

    @needs("vmlinuz-cloud", "initramfs.cpio.gz")
    def test_a_boot_with_two_cpus(self):
        boot = Boot("vmlinuz-cloud", "nproc; seq 1000 | md5sum", append="loglevel=4",
                    options=["--check-blocks", "-c", "2", "-m", "256M"], initrd=GUESTS / "initramfs.cpio.gz")
        self.assertEqual(boot.code, OK, boot.tail())
        self.assertIn(b"\n2\n53d025127ae99ab79e8502aae2d9bea6  -\n", boot.said, boot.tail())

    @needs("vmlinuz-686", "initramfs-i386.cpio.gz")
    def test_the_beginning_of_a_32_bit_kernel(self):
        boot = Boot("vmlinuz-686", options=["--check-blocks", "-m", "256M", "--stop-at", "insn:40M"],
                    initrd=GUESTS / "initramfs-i386.cpio.gz")
        self.assertEqual(boot.code, OK, boot.tail())
        self.assertIn("stopped after the count asked for", boot.report)

    @needs("vmlinuz-686-pae", "initramfs-i386.cpio.gz")
    @full
    def test_a_whole_boot_of_a_32_bit_kernel(self):
        boot = Boot("vmlinuz-686-pae", "seq 1000 | md5sum", append="loglevel=4",
                    options=["--check-blocks", "-m", "256M"], initrd=GUESTS / "initramfs-i386.cpio.gz")
        self.assertEqual(boot.code, OK, boot.tail())
        self.assertIn(b"53d025127ae99ab79e8502aae2d9bea6  -", boot.said, boot.tail())

    @needs("vmlinuz-cloud")
    @full
    def test_a_whole_boot_with_work(self):
        boot = Boot("vmlinuz-cloud", "sh report.sh", append="loglevel=4", options=["--check-blocks"])
        self.assertEqual(boot.code, OK, boot.tail())
        self.assertIn(b"vitro: exit status 0", boot.said, boot.tail())

    @needs("vmlinuz-cloud")
    @full
    def test_a_boot_with_work_and_two_cpus(self):
        boot = Boot("vmlinuz-cloud", "nproc; sh report.sh", append="loglevel=4", options=["--check-blocks", "-c", "2"])
        self.assertEqual(boot.code, OK, boot.tail())
        self.assertIn(b"\n2\n", boot.said, boot.tail())
        self.assertIn(b"vitro: exit status 0", boot.said, boot.tail())


if __name__ == "__main__":
    unittest.main()
