# SPDX-License-Identifier: MIT
"""Debian's kernels as packaged, on the PC board: they boot, work as the host does, and end."""
import json
import re
import signal
import subprocess
import tempfile
import time
import unittest

from rig import FULL, GUESTS, VITRO, Boot, full, initramfs, native_work, needs

OK, PANIC, STOPPED = 0, 4, 16

# What the kernel says when it finds something wrong with CPU or board.
COMPLAINTS = re.compile(r"unchecked MSR|\[Firmware (Bug|Warn)|WARNING:|\bBUG\b|Call Trace|Oops|mtrr: your|"
                        r"MTRRs disabled|Calibration failed|ACPI (Error|Warning|BIOS)|rcu_.*stall|soft lockup")
SLOW_WORDS = ("Retpolines", "PTI", "BHB")


class Work(unittest.TestCase):
    """The same script in the guest and natively; what the kernel thinks of its machine; power-off."""

    def check(self, kernel, options=(), cpus=1, end=OK):
        options = ["-e", "soft", "-c", cpus, *options]
        before = time.time()
        boot = Boot(kernel, "sh report.sh", append="loglevel=4", options=options)
        self.assertEqual(boot.code, end, boot.tail())
        self.assertIn(b"vitro: exit status 0", boot.said, boot.tail())
        work = boot.between(b"vitro: work begins", b"vitro: work ends").decode(errors="replace")
        self.assertEqual(work.splitlines(), native_work().decode(errors="replace").splitlines())
        report = boot.between(b"vitro: work ends", b"vitro: dmesg").decode()
        now, nproc, *vulnerabilities = report.splitlines()
        self.assertTrue(before - 2 <= int(now) <= time.time() + 2, f"{before} {now} {time.time()}")
        self.assertEqual(int(nproc), cpus)
        self.check_vulnerabilities(vulnerabilities)
        complaints = [line for line in boot.kernel.splitlines() if COMPLAINTS.search(line)]
        self.assertEqual(complaints, [])
        return boot

    def check_vulnerabilities(self, lines):
        """Nothing that makes a translator slow: see docs/engines.md."""
        self.assertGreater(len(lines), 8)
        for line in lines:
            for word in SLOW_WORDS:
                self.assertNotIn(word, line)

    @needs("vmlinuz-cloud")
    def test_cloud_kernel(self):
        boot = self.check("vmlinuz-cloud")
        self.assertIn("switched the machine off", boot.report)
        self.assertIn("PCI: System does not support PCI", boot.kernel)  # and it has gone on

    @needs("vmlinuz")
    def test_standard_kernel_on_two_cpus(self):
        self.check("vmlinuz", cpus=2)

    @needs("vmlinuz-cloud")
    @full
    def test_four_cpus(self):
        self.check("vmlinuz-cloud", cpus=4)

    @needs("vmlinux-cloud")
    @full
    def test_elf_kernel(self):
        self.check("vmlinux-cloud")


class BootTimes(unittest.TestCase):
    @needs("vmlinuz-cloud")
    def test_line_by_line(self):
        with tempfile.TemporaryFile() as out:
            run = subprocess.run([VITRO, "run", GUESTS / "vmlinuz-cloud", "-e", "soft", "-i", initramfs(), "-j", "--boot-times",
                                  "-a", 'console=ttyS0 vitro.run="true"'], stdin=subprocess.DEVNULL, stdout=out, check=False)
            out.seek(0)
            doc = json.load(out)
        self.assertEqual(run.returncode, OK)
        lines = doc["boot_times"]["lines"]
        stamps = [line["guest_ns"] for line in lines if line["guest_ns"] is not None]
        self.assertGreater(len(stamps), 100)
        self.assertTrue(lines[0]["line"].startswith("Linux version 6."), lines[0])
        self.assertEqual(lines[-1]["line"], "reboot: Power down")
        self.assertEqual([line["guest_ns"] for line in lines if line["line"] == "vitro: init runs"], [None])
        # Both clocks have run as long as each other between two lines late in the boot, but for the printing.
        first, last = [next(line for line in lines if line["line"].startswith(words))
                       for words in ("Run /init as init process", "reboot: Power down")]
        self.assertGreater(last["guest_ns"], first["guest_ns"])
        self.assertGreater(last["host_ns"], first["host_ns"])


class Damaged(unittest.TestCase):
    """L8: a header that is fine, and what cannot be unpacked behind it."""

    @needs("vmlinuz-cloud")
    def test_garbage_in_the_payload(self):
        image = bytearray((GUESTS / "vmlinuz-cloud").read_bytes())
        middle = len(image) // 2
        image[middle:middle + 200000] = b"\xff" * 200000
        with tempfile.NamedTemporaryFile() as damaged:
            damaged.write(image)
            damaged.flush()
            boot = Boot(damaged.name, options=["-e", "soft"], append="earlyprintk=ttyS0")
            quiet = Boot(damaged.name, options=["-e", "soft"])
        self.assertIn(b"System halted", boot.said, boot.tail())
        for run in (boot, quiet):
            self.assertEqual(run.code, PANIC, run.tail())
            self.assertIn("it halted before it was unpacked: the image is damaged", run.report)


class Sizes(unittest.TestCase):
    """Memory from 128 MiB to 4 GiB; the hole for devices begins at 3 GiB."""

    def total_kib(self, size):
        boot = Boot("vmlinuz-cloud", "grep MemTotal /proc/meminfo; grep RAM /proc/iomem", append="loglevel=4",
                    options=["-e", "soft", "-m", size])
        self.assertEqual(boot.code, OK, boot.tail())
        return int(re.search(rb"MemTotal: *(\d+) kB", boot.said).group(1)), boot

    @needs("vmlinuz-cloud")
    @full
    def test_sizes(self):
        for mib in (128, 256, 3071, 3072, 3073, 4096):
            with self.subTest(mib=mib):
                total, boot = self.total_kib(f"{mib}M")
                self.assertGreater(total, mib * 1024 * 0.55 if mib < 512 else mib * 1024 * 0.9)
                self.assertLess(total, mib * 1024)
                self.assertEqual(b"100000000-" in boot.said, mib > 3072)


class Ends(unittest.TestCase):
    """How a run ends when the guest ends otherwise than by power-off."""

    @needs("vmlinuz-cloud")
    @full
    def test_reboot_starts_over(self):
        argv = [VITRO, "run", GUESTS / "vmlinuz-cloud", "-e", "soft", "-i", initramfs(), "-a",
                'console=ttyS0 loglevel=4 vitro.run="echo x" vitro.end=reboot']
        with subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as run:
            starts = 0
            for line in run.stdout:
                starts += line.startswith(b"vitro: init runs")
                if starts == 2:
                    run.send_signal(signal.SIGTERM)
                    break
            run.stdout.read()
            run.stderr.read()
        self.assertEqual((starts, run.returncode), (2, STOPPED))

    def check_panic(self, boot, message):
        self.assertEqual(boot.code, PANIC, boot.tail())
        self.assertIn("panicked", boot.report)
        self.assertIn(f"it said: {message}", boot.report)
        self.assertIn("its last lines:", boot.report)
        self.assertIn("Kernel Offset:", boot.report)

    @needs("vmlinuz-cloud")
    def test_panic_that_spins(self):
        boot = Boot("vmlinuz-cloud", append="rdinit=/no/such/init", options=["-e", "soft", "-c", 2], initrd=False)
        self.check_panic(boot, "VFS: Unable to mount root fs")

    @needs("vmlinuz-cloud")
    @full
    def test_panic_that_resets(self):
        boot = Boot("vmlinuz-cloud", "echo c >/proc/sysrq-trigger", append="oops=panic panic=-1 loglevel=4",
                    options=["-e", "soft"])
        self.check_panic(boot, "sysrq triggered crash")

    @needs("vmlinuz-cloud")
    def test_the_same_text_is_no_panic_and_a_reset_ends_the_run_when_told_so(self):
        line = "Kernel panic - not syncing: no"
        boot = Boot("vmlinuz-cloud", f"echo {line}; echo {line} >/dev/kmsg; sleep 3; echo on",
                    append="loglevel=8 vitro.end=reboot", options=["-e", "soft", "--no-reboot"])
        self.assertEqual(boot.code, OK, boot.tail())
        self.assertIn("reset", boot.report)
        self.assertIn(f"{line}\n".encode(), boot.said)
        self.assertIn(line, boot.kernel)
        self.assertIn(b"\non\n", boot.said)


if __name__ == "__main__":
    unittest.main(verbosity=2 if FULL else 1)
