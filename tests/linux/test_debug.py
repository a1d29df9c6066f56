# SPDX-License-Identifier: MIT
"""gdb and lldb on a Linux kernel with its own symbols, forwards and backwards in time."""
import re
import subprocess
import unittest

from rig import GUESTS, initramfs, needs

from common import OK, VITRO, Case
from debuggers import Server, beside, gdb, lldb, needs_gdb, needs_lldb
from rpc import Machine

PANIC = 4  # exit code
WORDS = "console=ttyS0 vitro.run=date"


@needs("vmlinux-cloud")
class Debug(Case):
    def boot(self, *args, words=WORDS):
        """A machine that has been paused when its kernel began with programs, its client and its symbols."""
        machine = Machine(self, GUESTS / "vmlinux-cloud", "-e", "soft", "-i", initramfs(), "-a", words,
                          "--no-reboot", *args)
        client = machine.client()
        client.sock.settimeout(600)
        seen = client.call("console.subscribe", bytes=65536)["text"]
        while "Run /init" not in seen:
            seen += client.note("console")["text"]
        client.call("pause")
        symbols = self.tmp / "kernel.elf"
        subprocess.run([VITRO, "symbols", machine.name, "-o", symbols], check=True, stdin=subprocess.DEVNULL)
        return machine, client, symbols

    @needs_gdb
    def test_gdb_to_power_off(self):
        machine, _, symbols = self.boot()
        where, _ = beside(self, machine.name)
        text = gdb(where, "break kernel_power_off", "watch *(unsigned long *)&jiffies_64", "continue",
                   "printf \"jiffies %lu\\n\", *(unsigned long *)&jiffies_64", "delete 2", "continue",
                   "info registers rip", "backtrace 3", "stepi", "info registers rip", "delete", "continue",
                   file=symbols, timeout=600)
        self.assertRegex(text, r"Hardware watchpoint 2: ")
        old, new = (int(re.search(rf"{word} value = (\d+)", text).group(1)) for word in ("Old", "New"))
        self.assertGreater(new, old)
        self.assertIn(f"jiffies {new}\n", text)
        self.assertRegex(text, r"Breakpoint 1, 0x\w+ in kernel_power_off \(\)")
        self.assertRegex(text, r"rip +0x\w+ +0x\w+ <kernel_power_off>")
        self.assertRegex(text, r"#0 +0x\w+ in kernel_power_off \(\)\n#1 +0x\w+ in ")
        self.assertRegex(text, r"rip +0x\w+ +0x\w+ <kernel_power_off\+\d+>")
        self.assertIn("exited normally", text)
        self.assertEqual(machine.wait()[0], OK)

    @needs_lldb
    def test_lldb_to_power_off(self):
        machine, _, symbols = self.boot()
        where, _ = beside(self, machine.name)
        text = lldb(where, f"target modules add {symbols}",
                    f"target modules load --file {symbols} --slide 0",
                    "breakpoint set -n kernel_power_off", "continue", "register read rip", "breakpoint delete -f",
                    "continue", timeout=600)
        self.assertRegex(text, r"rip = 0x\w+ +\S*kernel_power_off")
        self.assertEqual(machine.wait()[0], OK)

    @needs_gdb
    def test_gdb_backwards(self):
        """To a function of the past; forward from there everything is as it was."""
        machine, client, symbols = self.boot("--deterministic")
        where, _ = beside(self, machine.name)
        end = "printf \"end %#lx %#lx %lu\\n\", $rip, $rsp, *(unsigned long *)&jiffies_64"
        text = gdb(where, "break kernel_power_off", "continue", end, "break __x64_sys_execve", "reverse-continue",
                   "info registers rip", "reverse-stepi", "info registers rip", "stepi", "info registers rip",
                   "delete 2", "continue", end, "delete", "continue", "continue", file=symbols, timeout=900)
        self.assertIn("exited normally", text)
        self.assertRegex(text, r"Breakpoint 2, 0x\w+ in __x64_sys_execve")
        rips = re.findall(r"rip +(0x\w+)", text)
        self.assertEqual(rips[0], rips[2])
        self.assertNotEqual(rips[0], rips[1])
        ends = re.findall(r"end (0x.*)", text)
        self.assertEqual(len(ends), 2)
        self.assertEqual(ends[0], ends[1])
        self.assertEqual(machine.wait()[0], OK)

    @needs_gdb
    def test_backwards_from_a_panic(self):
        log = open(self.tmp / "stderr", "wb")
        self.addCleanup(log.close)
        machine = Machine(self, GUESTS / "vmlinux-cloud", "-e", "soft", "-a", "console=ttyS0 root=/dev/none panic=-1",
                          "--no-reboot", "--rewind-on-fault", stderr=log)
        where = Server(log.name).where(machine.process).rstrip("'")
        symbols = self.tmp / "kernel.elf"
        subprocess.run([VITRO, "symbols", machine.name, "-o", symbols], check=True, stdin=subprocess.DEVNULL)
        text = gdb(where, "break panic", "reverse-continue", "info registers rip", "reverse-stepi", "stepi",
                   "info registers rip", file=symbols, timeout=900)
        self.assertRegex(text, r"Breakpoint 1, 0x\w+ in panic")
        self.assertEqual(len(re.findall(r"rip +0x\w+ +0x\w+ <panic>", text)), 2)
        self.assertEqual(machine.wait()[0], PANIC)


if __name__ == "__main__":
    unittest.main()
