# SPDX-License-Identifier: MIT
"""Views of a Linux guest: devices in every view, the kernel's symbols against its own list, walks, exits by function."""
import json
import subprocess
import unittest

from rig import GUESTS, VITRO, initramfs, needs

OK = 0
# Every 151st of the kernel's own, without those of modules and of BPF nor offsets in per-CPU areas; how many there are.
ASK = "grep ^f /proc/kallsyms | grep -v '\\[' >k; awk 'NR%151==0 {print $1, $3}' k; wc -l <k"
VIEWS = "map,devices,exits,symbols,walk:linux_banner,mem:linux_banner:64,walk:0x400000,tables"


@needs("vmlinuz-cloud")
class Views(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        run = subprocess.run([VITRO, "run", GUESTS / "vmlinuz-cloud", "-e", "soft", "-i", initramfs(), "-j", "--then", VIEWS,
                              "-a", f'console=ttyS0 loglevel=4 vitro.run="{ASK}"'],
                             stdin=subprocess.DEVNULL, capture_output=True, check=False)
        cls.doc = json.loads(run.stdout)
        cls.code = run.returncode
        cls.views = [view["data"] for view in cls.doc["then"]]

    def test_devices_have_their_place_in_every_view(self):
        self.assertEqual(self.code, OK, self.doc["console"][-2000:])
        mapped, devices, exits = self.views[:3]
        in_map = [(row["space"], row["base"], row["bytes"], row["device"]) for row in mapped["devices"]]
        in_devices = [(row["space"], row["base"], row["bytes"], row["name"]) for row in devices["devices"]]
        self.assertEqual(in_map, in_devices)
        chips = {"i8259", "i8259-2", "i8254", "i8042", "mc146818", "uart16550", "ioapic", "lapic", "acpi-timer", "post"}
        self.assertLessEqual(chips, {row[3] for row in in_map})
        in_exits = {row["device"] for row in exits["rows"] if row["device"]}
        self.assertLessEqual(chips, in_exits)
        self.assertLessEqual(in_exits, {row[3] for row in in_map})

    def test_symbols_are_those_of_kallsyms(self):
        lines = [line for line in self.doc["console"].split("\n") if line.strip()]
        said = [line.split() for line in lines if len(line.split()) == 2 and len(line.split()[0]) == 16]
        self.assertGreater(len(said), 500)
        symbols = {(int(row["addr"], 16), row["name"]) for row in self.views[3]}
        self.assertEqual([pair for pair in said if (int(pair[0], 16), pair[1]) not in symbols], [])
        count = next(int(line) for line in lines if line.strip().isdigit() and len(line.strip()) < 10)
        self.assertEqual(len(self.views[3]), count)

    def test_walks(self):
        kernel, banner, user = self.views[4:7]
        self.assertTrue(kernel["mapped"])
        self.assertFalse(kernel["target"]["user"])
        self.assertTrue(banner["extents"][0]["text"].startswith("Linux version 6."))
        self.assertTrue(user["mapped"])
        self.assertTrue(user["target"]["user"])

    def test_tables_say_what_walks_say(self):
        tables = self.views[7]
        self.assertFalse(tables["cut"])
        for walk in (self.views[4], self.views[6]):
            at, found = int(walk["gva"], 16), []
            for row in tables["rows"]:
                begin = int(row["gva"], 16)
                if row["kind"] == "pages" and begin <= at < begin + row["bytes"]:
                    found.append((row["user"], row["writable"], row["executable"], int(row["gpa"], 16) + at - begin))
            target = walk["target"]
            self.assertEqual(found, [(target["user"], target["writable"], target["executable"], int(target["gpa"], 16))])

    def test_exits_by_function_of_the_kernel(self):
        symbols = {row["symbol"].split("+")[0] for row in self.views[2]["rows"] if row["symbol"]}
        names = {row["name"] for row in self.views[3]}
        self.assertIn("native_apic_mem_write", symbols)
        self.assertLessEqual(symbols, names)
        self.assertGreater(len(symbols), 20)


if __name__ == "__main__":
    unittest.main()
