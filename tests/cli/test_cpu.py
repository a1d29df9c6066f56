#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""--cpu: which CPU a guest sees, the same on every engine; KVM's clock in it."""
import json
import re
import struct
import time
import unittest

from common import ENGINE, NO_KVM, OK, USAGE, Case, vitro

LEAVES = [(0, 0), (1, 0), (6, 0), (7, 0), (0xb, 0), (0xb, 1), (0xd, 0), (0xd, 1), (0x40000000, 0), (0x40000001, 0),
          (0x80000000, 0), (0x80000001, 0), (0x80000002, 0), (0x80000007, 0), (0x80000008, 0)]
# mov edi, 0x5000; mov esi, table; 1: mov eax, [rsi]; mov ecx, [rsi+4]; cpuid; store eax, ebx, ecx, edx at rdi;
# add edi, 16; add esi, 8; cmp esi, end; jb 1b; hlt
DUMP = bytes.fromhex(
    "bf00500000be2c0000008b068b4e040fa28907895f04894f0889570c83c71083c60881fea400000072e0f490000000000000"
    "00000100000000000000060000000000000007000000000000000b000000000000000b000000010000000d00000000000000"
    "0d00000001000000000000400000000001000040000000000000008000000000010000800000000002000080000000000700"
    "0080000000000800008000000000")
# wrmsr 0x4b564d00 = 0x6000; wrmsr 0x4b564d01 = 0x5001; rdtsc to [0x5040]; rdmsr 0x4b564d01 to [0x5048]; hlt
CLOCK = bytes.fromhex(
    "b9004d564bb80060000031d20f30b9014d564bb80150000031d20f300f3148c1e2204809d04889042540500000b9014d564b"
    "0f3289042548500000f4")


class Cpu(Case):
    def memory(self, guest, addr, length, *args):
        run = vitro("mem", guest, addr, length, "--at", "end", "-q", "-j", *args)
        self.expect(run, OK)
        return bytes.fromhex(json.loads(run.stdout)["extents"][0]["hex"])

    def dump(self, *args):
        raw = self.memory(self.file("dump", DUMP), "0x5000", 16 * len(LEAVES), *args)
        return dict(zip(LEAVES, struct.iter_unpack("<4I", raw)))

    def flags(self, *args, guest=None):
        doc, run = self.json("regs", guest or self.file("dump", DUMP), "--cpuid", *args)
        self.expect(run, OK)
        return doc

    def test_the_guest_sees_what_the_view_says(self):
        leaves = self.dump("-e", "soft")
        view = {(int(r["leaf"], 16), r["subleaf"]): tuple(int(r[n], 16) for n in ("eax", "ebx", "ecx", "edx"))
                for r in self.flags("-e", "soft")["leaves"]}
        for leaf, regs in leaves.items():
            self.assertEqual(view.get(leaf, (0, 0, 0, 0)), regs, leaf)

    def test_a_built_in_guest_has_one_to_show(self):
        for engine in ("soft",) if NO_KVM else ("kvm", "soft"):
            doc, run = self.json("regs", "hello", "--cpuid", "-e", engine)
            self.expect(run, OK)
            self.assertGreater(len(doc["leaves"]), 5, engine)
            self.assertIn("lm", doc["flags"], engine)
            places = [(int(r["leaf"], 16), r["subleaf"]) for r in doc["leaves"]]
            self.assertEqual(places, sorted(places))
            text = vitro("regs", "hello", "--cpuid", "-e", engine).stdout.decode()
            self.assertEqual([int(word, 16) for word in re.findall(r"^leaf (\w+)", text, re.M)], [p[0] for p in places])

    def test_both_engines_show_the_same(self):
        if NO_KVM:
            self.skipTest(f"cannot run guests here: {NO_KVM}")
        own = set()
        for args in ([], ["--cpu", "-sse2,-cx16"], ["--cpu", "base"]):
            kvm, soft = self.dump("-e", "kvm", *args), self.dump("-e", "soft", *args)
            own |= {leaf for leaf in kvm if leaf[0] in (1, 7, 0xd) and kvm[leaf] != soft[leaf]}
            self.assertEqual({k: v for k, v in kvm.items() if k not in own},
                             {k: v for k, v in soft.items() if k not in own}, args)
            self.assertEqual(self.flags("-e", "kvm", *args), self.flags("-e", "soft", *args), args)
        if own:
            self.skipTest(f"this host's KVM answers leaves {sorted(own)} with its own features, whatever it is told")

    def test_flags(self):
        base = self.flags("-e", "soft")
        self.assertEqual((base["model"], base["movable"]), ("base", True))
        self.assertLessEqual({"fpu", "tsc", "msr", "sse2", "lm", "hypervisor", "kvmclock"}, set(base["flags"]))
        less = self.flags("-e", "soft", "--cpu", "-sse2,-kvmclock")
        self.assertEqual(set(base["flags"]) - set(less["flags"]), {"sse2", "kvmclock"} |
                         (set(base["flags"]) & set("pni ssse3 sse4_1 sse4_2 avx avx2 fma f16c aes pclmulqdq sha_ni".split())))
        more = self.flags("-e", "soft", "--cpu", "-rdrand,+rdrand,+sse4_2")  # the last word counts
        self.assertLessEqual({"rdrand", "sse4_2", "sse4_1", "ssse3", "pni"}, set(more["flags"]))
        self.assertEqual(self.dump("-e", "soft", "--cpu", "-kvmclock")[0x40000001, 0][0], 0)

    def test_timer_of_a_kernel(self):
        """Where no KVM runs kernels, the timer's speed need not be measured; what may move has what KVM has."""
        header = (0x1badb002, 0x10000, 0xe4514ffe, 0x100000, 0x100000, 0, 0, 0x100020)
        kernel = self.file("kernel", struct.pack("<8I", *header) + b"\xf4")
        stays = bool(NO_KVM) or b"kernels would be for the software CPU" in vitro("doctor").stdout
        self.assertEqual("tsc_deadline_timer" in self.flags("-e", "soft", guest=kernel)["flags"], stays)
        for flag, there in (("+tsc_deadline_timer", True), ("-tsc_deadline_timer", False)):
            flags = self.flags("-e", "soft", "--cpu", flag, guest=kernel)["flags"]
            self.assertEqual("tsc_deadline_timer" in flags, there, flag)

    def test_hypervisor_leaf_is_kvms_with_its_clock_alone(self):
        leaves = self.dump("-e", "soft")
        self.assertEqual(struct.pack("<3I", *leaves[0x40000000, 0][1:]), b"KVMKVMKVM\0\0\0")
        self.assertEqual(leaves[0x40000000, 0][0], 0x40000001)
        self.assertEqual(leaves[0x40000001, 0], (1 << 3 | 1 << 24, 0, 0, 0))

    def test_instructions_that_are_not_offered_raise_ud(self):
        guest = self.file("rdrand", bytes.fromhex("0fc7f0f4"))  # rdrand eax; hlt
        self.expect(vitro("run", guest, "-e", "soft", "--cpu", "+rdrand"), OK, "halted")
        run = vitro("trace", guest, "--insns", "-q", "-j", "--cpu", "-rdrand")
        self.assertIn(b'"raised":"#UD"', run.stdout)

    def test_host(self):
        doc = self.flags("-e", "soft", "--cpu", "host")
        self.assertEqual((doc["model"], doc["movable"]), ("host", False))
        self.assertGreaterEqual(set(doc["flags"]), set(self.flags("-e", "soft")["flags"]) - {"arch_capabilities"})
        self.refuse(vitro("run", self.file("dump", DUMP), "-e", "soft", "--cpu", "host", "--switch", "insn:3"),
                    ENGINE, "--cpu base")

    def clock(self, *args):
        """Time page, TSC right after, MSR, wall clock."""
        guest = self.file("clock", CLOCK)
        low = self.memory(guest, "0x5000", 0x50, *args)
        wall = struct.unpack("<3I", self.memory(guest, "0x6000", 12, *args))
        page = struct.unpack("<IIQQIbB", low[:30])
        return page, struct.unpack("<QI", low[0x40:0x4c]), wall

    def test_clock_of_a_run_that_can_be_repeated(self):
        (version, _, tsc, ns, mul, shift, flags), (now, msr), wall = self.clock("--deterministic")
        self.assertEqual((version, flags, msr), (2, 1, 0x5001))
        self.assertEqual((tsc, ns), (7, 7))
        self.assertEqual((now, (now - tsc << shift) * mul >> 32), (8, 1))
        self.assertEqual(wall, (2, 1577836800, 0))

    def test_clock(self):
        engines = ["soft"] + ([] if NO_KVM else ["kvm"])
        for engine in engines:
            (version, _, tsc, ns, mul, shift, flags), (now, msr), wall = self.clock("-e", engine)
            self.assertEqual((version % 2, msr), (0, 0x5001), engine)
            delta = now - tsc << shift if shift >= 0 else now - tsc >> -shift
            self.assertLess(ns + (delta * mul >> 32), 60e9, engine)
            self.assertLess(abs(wall[1] - time.time()), 60, engine)

    def test_refused(self):
        err = self.refuse(vitro("run", "hello", "--cpu", "+nope"), USAGE, "'nope'")
        self.assertLessEqual({"avx2", "rdrand", "x2apic", "kvmclock"}, set(re.findall(r"\w+", err)))
        self.refuse(vitro("run", "hello", "--cpu", "pentium"), USAGE, "base, host")
        self.refuse(vitro("run", "hello", "--cpu", "+"), USAGE, "there are")
        self.refuse(vitro("run", "hello", "--cpu", ""), USAGE, "base, host")
        self.refuse(vitro("run", "hello", "--cpu", "1"), USAGE, "views")
        self.refuse(vitro("regs", "hello", "--cpu", "9"), USAGE, "0 to 7")
        self.refuse(vitro("run", self.file("dump", DUMP), "-e", "soft", "--cpu", "+apic"), ENGINE, "apic")
        self.refuse(vitro("run", "hello", "-e", "soft", "--cpu", "+avx,-sse"), USAGE, "it builds on sse,", "leave -sse out")


if __name__ == "__main__":
    unittest.main()
