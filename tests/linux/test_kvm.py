# SPDX-License-Identifier: MIT
"""Debian's kernel on the PC board under KVM: as far as this host's KVM gets, and what -e auto makes of it."""
import json
import os
import re
import subprocess
import unittest

from rig import GUESTS, VITRO, Boot, first_initramfs, full, initramfs, needs

OK, PANIC, STOPPED = 0, 4, 16
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


def doctor(key):
    """What vitro doctor says of one row: yes, no or unknown."""
    run = subprocess.run([VITRO, "doctor", "-j"], stdout=subprocess.PIPE, check=False)
    return next(row["verdict"] for row in json.loads(run.stdout)["rows"] if row["key"] == key)


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
        """To init, and what becomes of its system calls: just what the doctor says of SYSCALL."""
        # Where ring 0 is emulated this takes minutes: docs/engines.md has them, and what each option is for.
        boot = Boot("vmlinux-cloud", append="cryptomgr.notests clearcpuid=avx512f,avx512vl nowatchdog",
                    options=["-e", "kvm", "-m", "128M"], initrd=first_initramfs())
        self.assertIn("Run /init as init process", boot.kernel, boot.tail())
        if doctor("syscall_ring0") == "yes":
            self.assertIn(b"first: system calls come back", boot.said, boot.tail())
        else:
            self.assertIn("RIP: 0033:entry_SYSCALL_64", boot.kernel, boot.tail())  # the kernel's entry, in ring 3
        self.assertEqual(boot.code, PANIC, boot.tail())  # an init that ends


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
