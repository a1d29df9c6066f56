# SPDX-License-Identifier: MIT
"""Debian's kernel on the PC board under KVM: as far as this host's KVM gets, and what -e auto makes of it."""
import os
import re
import subprocess
import unittest

from rig import GUESTS, VITRO, Boot, full, initramfs, needs

OK, STOPPED = 0, 16
CAN_KVM = os.access("/dev/kvm", os.R_OK | os.W_OK)

needs_kvm = unittest.skipUnless(CAN_KVM, "this host cannot: it has no /dev/kvm to open")


def boot_until(line, kernel, *append):
    """Forced on KVM until the guest prints the line, then ended; what it said, with the report."""
    argv = [VITRO, "run", GUESTS / kernel, "-e", "kvm", "-i", initramfs(), "-a", " ".join(append), "-v"]
    said = b""
    with subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as run:
        for said_line in run.stdout:
            said += said_line
            if line in said_line:
                break
        run.terminate()
        rest, report = run.communicate()
    return said + rest, report.decode(errors="replace"), run.returncode


class Kvm(unittest.TestCase):
    @needs_kvm
    @needs("vmlinux-cloud")
    def test_first_serial_line(self):
        said, report, code = boot_until(b"Linux version", "vmlinux-cloud", "console=ttyS0", "earlyprintk=ttyS0")
        self.assertIn(b"Linux version 6.", said, report)
        self.assertIn("kvm: it was asked for", report)
        self.assertEqual(code, STOPPED, report)

    @needs_kvm
    @needs("vmlinux-cloud")
    @full
    def test_init_is_reached(self):
        # Patching code costs minutes where ring 0 is emulated. A KVM whose CPUID shows features that were not offered
        # (vitro doctor finds it) shows AVX-512, which the software CPU does not execute when that KVM refuses it; CLAC, which it
        # refuses too, would be part of each interrupt, and self-tests of RSA are long.
        said, report, code = boot_until(b"Run /init as init process", "vmlinux-cloud", "console=ttyS0",
                                        "noreplace-smp", "mitigations=off", "clearcpuid=avx512f,avx512vl", "nosmap",
                                        "cryptomgr.notests", "nowatchdog")
        self.assertIn(b"Run /init as init process", said, said[-2000:].decode(errors="replace") + report)
        self.assertEqual(code, STOPPED, report)


class Auto(unittest.TestCase):
    @needs("vmlinuz-cloud")
    def test_choice_and_its_words(self):
        boot = Boot("vmlinuz-cloud", "echo x", append="loglevel=4", options=["-v"])
        self.assertEqual(boot.code, OK, boot.tail())
        words = re.search(r"^vitro: vmlinuz-cloud: 1 CPU, (.*)$", boot.report, re.M)
        self.assertIsNotNone(words, boot.report)
        self.assertRegex(words[1], r"^(soft: this host's KVM (cannot run a kernel \(.+\)|emulates ring 0 at \d+ .*)"
                                   r"|soft: there is no KVM to use here \(.+\)|kvm: it runs ring 0 at \d+ .*)$")


if __name__ == "__main__":
    unittest.main()
