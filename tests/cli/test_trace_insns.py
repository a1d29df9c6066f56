#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""trace --insns: every instruction of a run, as lines, as JSON and for Chromium."""
import json
import unittest

from common import ENGINE, OK, USAGE, Case, vitro

GPRS = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split()
# 00: mov rax, cr4; 03: or eax, 0x600; 08: mov cr4, rax; 0b: mov edi, 0x5000; 10: mov ecx, 3; 15: rep stosb;
# 17: movd xmm3, eax; 1b: push rdi; 1c: pop r9; 1e: hlt
MIXED = bytes.fromhex("0f20e00d000600000f22e0bf00500000b903000000f3aa660f6ed857415 9f4".replace(" ", ""))


class Insns(Case):
    def insns(self, *args, code=OK):
        run = vitro("trace", "-q", "--insns", "-j", *args)
        self.expect(run, code)
        events = [json.loads(line) for line in run.stdout.splitlines()]
        return [e for e in events if e["event"] == "insn"], events

    def test_every_instruction(self):
        insns, events = self.insns("hello")
        self.assertEqual([e["count"] for e in insns], list(range(1, 79)))
        self.assertEqual((insns[0]["rip"], insns[0]["hex"], insns[0]["text"]), ("0x0", "be22000000", "mov esi, 0x22"))
        self.assertEqual(insns[0]["registers"], {"rsi": "0x22"})
        self.assertEqual(insns[2]["registers"], {"rax": "0x48", "rsi": "0x23"})
        self.assertEqual(insns[-1]["text"], "hlt")
        self.assertEqual([e["seq"] for e in events], list(range(len(events))))
        self.assertEqual(sum(e["event"] == "exit" for e in events), 15)

    def test_changes_add_up_to_the_registers(self):
        guest = self.file("mixed", MIXED)
        start, _ = self.json("regs", guest, "-e", "soft")
        end, _ = self.json("regs", guest, "-e", "soft", "--at", "end")
        insns, _ = self.insns(guest)
        regs = dict(start["gpr"])
        for e in insns:
            regs.update({k: v for k, v in e["registers"].items() if k in GPRS})
        self.assertEqual({k: int(v, 16) for k, v in regs.items()}, {k: int(v, 16) for k, v in end["gpr"].items()})
        self.assertEqual([e["hex"] for e in insns].count("f3aa"), 3)
        self.assertEqual({k for e in insns for k in e["registers"]},
                         {"rax", "rdi", "rcx", "rsp", "r9", "xmm3"})
        self.assertEqual([e["registers"]["xmm3"] for e in insns if "xmm3" in e["registers"]], ["0x620"])

    def test_exception(self):
        insns, _ = self.insns("fault")
        self.assertEqual([(e["count"], e["raised"]) for e in insns], [(1, None), (2, "#PF")])
        self.assertEqual(insns[1]["registers"], {"cr2": "0x200000"})

    def test_modes(self):
        for mode, bits in (("real", 16), ("protected", 32), ("paged32", 32)):
            insns, _ = self.insns("hello", "--mode", mode)
            self.assertGreater(len(insns), 70)
            for e in insns:
                self.assertNotIn("no instruction", e["text"])
            self.assertEqual(insns[-1]["text"], "hlt", bits)

    def test_limits(self):
        insns, events = self.insns("hello", "--from", "insn:20", "--count", "3")
        self.assertEqual([e["count"] for e in insns], [20, 21, 22])
        self.assertEqual(events[-1]["event"], "stop")
        insns, _ = self.insns("hello", "--range", "0xb..0xd")
        self.assertEqual({e["linear"] for e in insns}, {"0xb", "0xd"})
        again, _ = self.insns("hello", "--range", "0xb-0xd")
        self.assertEqual([e["count"] for e in again], [e["count"] for e in insns])
        self.assertEqual(len(insns), 30)
        insns, _ = self.insns("spin", "--from", "insn:3000000", "--count", "2")
        self.assertEqual([e["count"] for e in insns], [3000000, 3000001])
        insns, _ = self.insns("hello", "-c", "2", "--count", "100")
        self.assertEqual(len(insns), 100)

    def test_text(self):
        lines = vitro("trace", "-q", "--insns", "--count", "3", "hello").stdout.decode().splitlines()
        insns = [line.split()[2:] for line in lines if " insn " in line]
        self.assertEqual(insns[2], ["insn", "3", "0xa", "ac", "lodsb", "rax=0x48", "rsi=0x23"])

    def test_chrome(self):
        run = vitro("trace", "-q", "--insns", "--to", "chrome", "hello")
        slices = [e for e in json.loads(run.stdout) if e.get("cat") == "insn"]
        self.assertEqual(len(slices), 78)
        self.assertEqual(slices[2]["args"]["registers"], {"rax": "0x48", "rsi": "0x23"})

    def test_repeatable(self):
        runs = [vitro("trace", "-q", "--insns", "-j", "--deterministic", "hello", "-c", "2").stdout for _ in range(2)]
        self.assertEqual(runs[0], runs[1])
        self.assertIn(b'"t_ns":7,', runs[0])

    def test_endless(self):
        run = vitro("trace", "-q", "--insns", "spin", "--timeout", "0.1", "-o", "/dev/null")
        self.assertIn(b"cut short", run.stderr)

    def test_refused(self):
        self.refuse(vitro("trace", "--insns", "-e", "kvm", "hello"), ENGINE, "-e soft")
        self.refuse(vitro("trace", "--insns", "--flow", "hello"), USAGE, "--flow")
        for option in (["--range", "1..2"], ["--from", "insn:5"], ["--count", "1"]):
            self.refuse(vitro("trace", *option, "hello"), USAGE, "--insns")
        for option in (["--range", "5"], ["--range", "..5"], ["--range", "9..5"], ["--range", "10..0"], ["--range", "0x9-0x5"], ["--range", "no..body"],
                       ["--from", "5"], ["--from", "insn:0"], ["--count", "0"]):
            self.refuse(vitro("trace", "-q", "--insns", *option, "hello"), USAGE)


if __name__ == "__main__":
    unittest.main()
