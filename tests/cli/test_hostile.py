# SPDX-License-Identifier: MIT
"""Guests that do what none should, on both engines: bad-input rows D1, D2, D8, D9, D11."""
import signal
import unittest

from common import GUEST, NO_KVM, OK, STOPPED, Case
from rpc import Machine

ENGINES = ["soft"] + ([] if NO_KVM else ["kvm"])


class Ports(Case):
    def test_every_port_in_every_size(self):
        """D1: 65,536 ports, in and out, 1, 2 and 4 bytes; nothing grows and the guest goes on."""
        # xor edx, edx; 1: in al|ax|eax, dx; out dx, al|ax|eax; inc dx; jnz 1b; hlt
        image = self.file("ports", bytes.fromhex("31d2 ec66ed ed ee66ef ef 66ffc2 75f3 f4"))
        for engine in ENGINES:
            with self.subTest(engine):
                doc, run = self.json("run", image, "-e", engine)
                self.expect(run, OK)
                self.assertEqual((doc["end"], doc["exits"]), ("halt", 6 * 65536 + 1))


class Strings(Case):
    """D2: the REP forms at their limits. Every engine shows the devices the same accesses."""

    def run_both(self, code, mode="long"):
        image = self.file("strings", bytes.fromhex(code))
        for engine in ENGINES:
            with self.subTest(engine):
                yield self.json("run", image, "-e", engine, "--mode", mode, "--then", "exits")

    def test_count_zero(self):
        # xor ecx, ecx; mov edx, 0xe9; rep outsb; hlt
        for doc, run in self.run_both("31c9 bae9000000 f36e f4"):
            self.expect(run, OK)
            self.assertEqual((doc["end"], doc["console"]), ("halt", ""))

    def test_off_the_end_of_memory(self):
        # mov esi, 0x1ffff0; mov ecx, -1; mov edx, 0xe9; rep outsb: sixteen bytes, then #PF
        for doc, run in self.run_both("bef0ff1f00 b9ffffffff bae9000000 f36e f4"):
            self.expect(run, GUEST)
            self.assertEqual((doc["end"], len(doc["console"])), ("shutdown", 16))

    def test_downwards_off_the_beginning(self):
        # std; mov esi, 2; mov ecx, -1; mov edx, 0xe9; rep outsb: three bytes, then #PF
        for doc, run in self.run_both("fd be02000000 b9ffffffff bae9000000 f36e f4"):
            self.expect(run, GUEST)
            self.assertEqual((doc["end"], len(doc["console"])), ("shutdown", 3))

    def test_into_unclaimed_memory(self):
        # mov edi, 0x10000000; mov ecx, 3; mov edx, 0x77; rep insb; hlt
        for doc, run in self.run_both("bf00000010 b903000000 ba77000000 f36c f4", "protected"):
            self.expect(run, OK)
            self.assertEqual(doc["end"], "halt")


class Holes(Case):
    """D9: what the CPU itself needs lies where there is nothing: a report, never a hang."""

    def check(self, code, mode="long"):
        image = self.file("hole", bytes.fromhex(code))
        for engine in ENGINES:
            with self.subTest(engine):
                doc, run = self.json("run", image, "-e", engine, "--mode", mode, "--timeout", "20")
                self.expect(run, GUEST)
                self.assertIn(doc["end"], ("shutdown", "refused", "failed"))
                self.assertIn("failure", doc)

    def test_code(self):
        self.check("b800000010 ffe0", "protected")  # mov eax, 0x10000000; jmp eax

    def test_page_tables(self):
        self.check("b800000040 0f22d8 f4")  # mov eax, 0x40000000; mov cr3, rax

    def test_stack(self):
        self.check("bc00000040 50 f4")  # mov esp, 0x40000000; push rax

    def test_descriptor_table(self):
        # lgdt [0x12]; mov eax, 8; mov ds, ax; hlt; its operand: limit 0xffff, base 0x40000000
        image = self.file("gdt", bytes.fromhex("0f011512000000 b808000000 8ed8 f4 000000 ffff00000040"))
        doc, run = self.json("run", image, "-e", "soft", "--mode", "protected")
        self.expect(run, OK)  # a bus without memory floats: all ones are a code segment that can be read
        self.assertEqual((doc["end"], doc["exits"]), ("halt", 2))  # the access to nobody is counted
        self.assertEqual(doc["rip"], "0xe")

    def test_interrupt_table(self):
        # lidt [rip + 2]; ud2; its operand: limit 0xffff, base 0x40000000
        self.check("0f011d02000000 0f0b ffff 0000004000000000")


class Edges(Case):
    """D8: one access that begins in memory and ends where there is none."""

    def test_across_the_end_of_memory(self):
        # mov eax, 0x55667788; mov [0x1ffffe], eax; mov ebx, [0x1ffffd]; mov eax, [0x1ffffc]; hlt
        image = self.file("edge", bytes.fromhex("b888776655 a3feff1f00 8b1dfdff1f00 a1fcff1f00 f4"))
        for engine in ENGINES:
            with self.subTest(engine):
                doc, run = self.json("run", image, "-e", engine, "--mode", "protected", "--timeout", "20",
                                     "--then", "exits,mem:0x1ffffc:4,regs")
                self.expect(run, OK)
                exits, mem = doc["then"][0]["data"], doc["then"][1]["data"]
                # The part in memory is done there; the rest goes to nobody, and reads as all ones.
                self.assertEqual(mem["extents"][0]["hex"], "00008877")
                rows = {(row["address"], row["direction"]): row["exits"] for row in exits["rows"] if row["reason"] == "mmio"}
                self.assertEqual(rows, {("0x200000", "write"): 1, ("0x200000", "read"): 1})
                self.assertEqual(doc["cpus"][0]["rax"], hex(0x77880000))


class Storm(Case):
    """D11: every CPU reads and writes a device without end; who asks and who ends it are not starved."""

    def test_views_and_signals(self):
        # mov dx, 0x3f8; 1: in al, dx; out dx, al; jmp 1b
        image = self.file("storm", bytes.fromhex("66baf803 ec ee ebfc"))
        for engine in ENGINES:
            with self.subTest(engine):
                machine = Machine(self, image, "-e", engine, "-c", "4", name=f"storm-{engine}")
                client = machine.client()
                first = client.call("exits")["exits"]
                for _ in range(20):
                    client.call("regs")
                while client.call("exits")["exits"] <= first:
                    pass  # on a busy host 20 looks may follow each other before a CPU comes to its next exit
                machine.process.send_signal(signal.SIGTERM)
                self.assertEqual(machine.wait()[0], STOPPED)


if __name__ == "__main__":
    unittest.main()
