#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""scripts/guest-kernels with an apt that is scripted: what it says when lists or packages cannot be fetched."""
import os
import subprocess
import unittest

from common import ROOT, Case

# All but what comes from i386's packages, the last of which is in the folder already.
THERE = ("vmlinuz-cloud", "vmlinuz", "memtest64.bin", "memtest32.bin", "luajit", "vmlinux-cloud", "vmlinux", "vmlinuz-686",
         "vmlinuz-686-pae", "initramfs.cpio.gz", "initramfs-i386.cpio.gz")
PACKAGE = "busybox-static_1_i386.deb"
APT_GET = """#!/bin/sh
case "$*" in
*update) echo "Hashes of expected file"; echo "E: Some index files failed to download."; exit $UPDATE ;;
*download*) echo "E: Unable to locate package"; exit 100 ;;
esac
"""
DPKG = """#!/bin/sh
mkdir -p tree/bin && echo program >tree/bin/busybox && tar -c -C tree ./bin/busybox
"""


class GuestKernels(Case):
    def setUp(self):
        super().setUp()
        self.folder = self.tmp / "guests"
        for name in ("bin", "guests", "elsewhere"):
            (self.tmp / name).mkdir()
        for name in THERE:
            self.file(f"guests/{name}", b"there")
        for name, text in (("apt-get", APT_GET), ("apt-cache", "#!/bin/sh\n"), ("dpkg", DPKG)):
            self.file(f"bin/{name}", text.encode()).chmod(0o755)

    def get(self, update):
        env = {**os.environ, "PATH": f"{self.tmp}/bin:{os.environ['PATH']}", "UPDATE": str(update)}
        return subprocess.run([ROOT / "scripts/guest-kernels", self.folder], env=env, cwd=self.tmp, text=True,
                              capture_output=True, check=False)

    def test_packages_behind_a_link(self):
        self.file(f"elsewhere/{PACKAGE}", b"package")
        (self.folder / "deb").symlink_to(self.tmp / "elsewhere")
        run = self.get(0)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertIn(f"busybox-i386 from {PACKAGE}", run.stdout)
        self.assertEqual((self.folder / "busybox-i386").read_bytes(), b"program\n")

    def test_lists_that_are_not_whole(self):
        """One line of the script's own, none of apt's; and the next run asks again."""
        self.file(f"elsewhere/{PACKAGE}", b"package")
        (self.folder / "deb").symlink_to(self.tmp / "elsewhere")
        for update, lines in ((100, 1), (100, 1), (0, 0), (100, 0)):
            (self.folder / "busybox-i386").unlink(missing_ok=True)
            run = self.get(update)
            self.assertEqual((run.returncode, run.stderr.count("\n")), (0, lines), run.stderr)
            self.assertEqual("going on with those that are there" in run.stderr, lines == 1)

    def test_a_package_that_cannot_be_had(self):
        run = self.get(100)
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stderr, r"cannot download busybox-static: E: Unable to locate package; try: .*\n$")
        self.assertFalse((self.folder / "busybox-i386").exists())


if __name__ == "__main__":
    unittest.main()
