# SPDX-License-Identifier: MIT
"""The translator under Linux: compared with the interpreter."""
import unittest

from rig import Boot, full, needs

OK = 0


class CheckBlocks(unittest.TestCase):
    """run --check-blocks: each block by both, and compared."""

    @needs("vmlinuz-cloud")
    def test_the_beginning(self):
        boot = Boot("vmlinuz-cloud", options=["--check-blocks", "--stop-at", "insn:40M"])
        self.assertEqual(boot.code, OK, boot.tail())
        self.assertIn("stopped after the count asked for", boot.report)

    @needs("vmlinuz-cloud")
    @full
    def test_a_whole_boot_with_work(self):
        boot = Boot("vmlinuz-cloud", "sh report.sh", append="loglevel=4", options=["--check-blocks"])
        self.assertEqual(boot.code, OK, boot.tail())
        self.assertIn(b"vitro: exit status 0", boot.said, boot.tail())


if __name__ == "__main__":
    unittest.main()
