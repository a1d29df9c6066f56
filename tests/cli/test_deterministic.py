#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""--deterministic: runs that are the same every time, and what cannot be had with it."""
import contextlib
import json
import os
import re
import subprocess
import tty
import unittest

from common import ENGINE, OK, TIMEOUT, USAGE, VITRO, Case, vitro

# mov ebx, 0x5000; 1: rdtsc; mov [rbx], eax; rdrand rcx; mov [rbx+8], rcx; rdseed rdx; xor [rbx+8], rdx;
# add ebx, 16; cmp ebx, 0x80000; jb 1b; mov eax, 1; xor ecx, ecx; cpuid; hlt
RANDOM = bytes.fromhex("bb005000000f318903480fc7f148894b08480fc7fa4831530883c31081fb0000080072e1b80100000031c90fa2f4")
# mov ecx, 200000; 1: mov eax, [0x6000]; lea eax, [rax+rax*2+1]; add eax, edi; mov [0x6000], eax;
# lock inc dword [0x6008]; loop 1b; hlt: with several CPUs the result depends on their order
RACE = bytes.fromhex("b9400d03008b0425006000008d44400101f889042500600000f0ff042508600000e2e2f4")


def hashes(doc):
    return [(row["insns"], row["hash"]) for row in doc["hashes"]["first"]]


# which this host's KVM may lack, and then the base model does
WITH_RANDOM = ("--cpu", "+rdrand,+rdseed")


class Deterministic(Case):
    def twice(self, *args):
        """Hashes of two runs, which must be equal, and the JSON document of one."""
        runs = [self.json("run", "--deterministic", "--hash-every", "10007", *args) for _ in range(2)]
        for doc, run in runs:
            self.expect(run, OK)
            self.assertEqual(doc["engine"], "soft")
        self.assertEqual(hashes(runs[0][0]), hashes(runs[1][0]))
        return runs[0][0]

    def test_built_in_guests(self):
        for guest in ("hello", "pages", "hyper-exits", "hyper-time", "hyper-print", "hyper-string"):
            doc = self.twice(guest)
            self.assertGreater(doc["hashes"]["last"]["insns"], 10, guest)
        for mode in ("real", "protected", "paged32"):
            self.twice("hello", "--mode", mode)

    def test_time_and_random_numbers(self):
        guest = self.file("random", RANDOM)
        doc = self.twice(guest, *WITH_RANDOM)
        self.assertGreater(len(doc["hashes"]["first"]), 20)
        self.assertEqual(doc["hashes"]["count"], len(doc["hashes"]["first"]))
        self.assertEqual(doc["hashes"]["last"], doc["hashes"]["first"][-1])
        other = self.twice(guest, *WITH_RANDOM, "--seed", "1")
        self.assertNotEqual(hashes(doc)[-1], hashes(other)[-1])

    def test_time_counts_instructions(self):
        doc, _ = self.json("run", self.file("random", RANDOM), *WITH_RANDOM, "--deterministic", "--then",
                           "mem:0x5000:8,mem:0x5010:8")
        first, second = (row["data"]["extents"][0]["hex"] for row in doc["then"])
        self.assertEqual((first[:2], second[:2]), ("01", "0a"))  # 9 instructions a turn

    def test_cpus_take_turns(self):
        guest = self.file("race", RACE)
        doc = self.twice(guest, "-c", "3")
        self.assertEqual(doc["hashes"]["last"]["insns"], 3 * (1200000 + 2))

    def test_text(self):
        run = vitro("run", "hello", "--deterministic", "--hash-every", "25", "-q")
        lines = run.stderr.decode().splitlines()
        self.assertEqual([line.split()[:2] for line in lines],
                         [["hash", "25"], ["hash", "50"], ["hash", "75"], ["hash", "78"]])
        for line in lines:
            self.assertRegex(line, r"^hash \d+ 0x[0-9a-f]{16}$")

    def on_terminal(self, *args, **more):
        """What is seen on a terminal, with both outputs or one of them there."""
        ours, its = os.openpty()
        tty.setraw(its)
        run = subprocess.Popen([VITRO, "run", *args], stdin=subprocess.DEVNULL, **{"stdout": its, "stderr": its, **more})
        os.close(its)
        shown = b""
        with contextlib.suppress(OSError):  # its end is closed
            while data := os.read(ours, 65536):
                shown += data
        os.close(ours)
        self.assertEqual(run.wait(), OK)
        return shown.decode()

    def test_lines_on_a_terminal_are_whole(self):
        """Words of the guest's that end in no newline do not stand before ours; those that do leave no empty line."""
        for text in (b"abc", b"abc\n", b"a\nb"):
            # 1: mov esi, 0x40; mov ecx, len; 2: lodsb; out 0xe9, al; loop 2b; mov ecx, 5000; loop .; dec ebx; jnz 1b; hlt
            code = b"\xbb\x03\0\0\0" b"\xbe\x40\0\0\0\xb9" + len(text).to_bytes(4, "little") + \
                bytes.fromhex("ace6e9e2fb b988130000 e2fe ffcb 75e6 f4")
            guest = self.file("text", code.ljust(0x40, b"\0") + text)
            with self.subTest(text=text):
                lines = self.on_terminal(guest, "--deterministic", "--hash-every", "1500").split("\n")
                self.assertEqual(lines[-1], "")
                mine = [line for line in lines[:-1] if re.fullmatch(r"hash \d+ 0x[0-9a-f]{16}|vitro: text: halted .*", line)]
                its = [line for line in lines[:-1] if line not in mine]
                self.assertEqual("".join(its), text.decode().replace("\n", "") * 3)
                self.assertTrue(all(its), lines)
                self.assertGreater(len(mine), 10)
        with open(self.tmp / "apart", "wb") as apart:
            self.assertEqual(self.on_terminal(guest, "--deterministic", "--hash-every", "1500", stderr=apart), "a\nb" * 3)
        self.assertTrue((self.tmp / "apart").read_bytes().startswith(b"hash 1500 "))

    def test_trace_is_the_same_and_holds_hashes(self):
        texts = [vitro("run", "hello", "--deterministic", "--hash-every", "25", "-q", "--trace", "-",
                       "--to", form).stdout for form in ("jsonl", "jsonl", "text", "chrome")]
        self.assertEqual(texts[0], texts[1])
        events = [json.loads(line) for line in texts[0].splitlines()]  # and nothing of the guest's between them
        self.assertEqual([e["insns"] for e in events if e["event"] == "hash"], [25, 50, 75])
        self.assertIn(b"after 50 instructions", texts[2])
        self.assertIn(b"after 50 instructions", texts[3])

    def test_a_run_in_pieces_is_the_same_run(self):
        guest = self.file("random", RANDOM)
        whole = dict(hashes(self.twice(guest, *WITH_RANDOM)))
        for stop in ("insn:30021", "0x4", "exit:1"):
            doc, _ = self.json("run", guest, *WITH_RANDOM, "--deterministic", "--hash-every", "10007", "--stop-at", stop)
            for insns, value in hashes(doc)[:-1]:
                self.assertEqual(whole[insns], value)
        doc, _ = self.json("run", guest, *WITH_RANDOM, "--deterministic", "--hash-every", "30021", "--stop-at", "insn:30021")
        self.assertEqual(doc["hashes"]["last"], {"insns": 30021, "hash": whole[30021]})

    def test_it_says_why_soft(self):
        run = vitro("run", "hello", "--deterministic")
        self.expect(run, OK, "on soft: only its runs can be repeated (--deterministic)")

    def test_endless_guests_end_by_the_clock_of_the_host(self):
        self.expect(vitro("run", "spin", "--deterministic", "--timeout", "0.2"), TIMEOUT)

    def test_every_command_takes_it(self):
        for command in (["regs", "hello", "--at", "insn:5"], ["exits", "hello"], ["trace", "hello", "-q"],
                        ["explain", "hello"]):
            runs = [vitro(*command, "--deterministic", "--seed", "7") for _ in range(2)]
            self.expect(runs[0], OK)
            if command[0] != "explain":  # which tells host addresses
                self.assertEqual(runs[0].stdout, runs[1].stdout, command[0])

    def test_refused(self):
        self.refuse(vitro("run", "hello", "--deterministic", "-e", "kvm"), ENGINE, "--engine soft")
        self.refuse(vitro("run", "hello", "--deterministic", "--switch", "insn:5"), ENGINE, "--deterministic")
        self.refuse(vitro("run", "hello", "--seed", "1"), USAGE, "--deterministic")
        self.refuse(vitro("run", "hello", "--hash-every", "1M"), USAGE, "--deterministic")
        self.refuse(vitro("run", "hello", "--deterministic", "--hash-every", "0"), USAGE, "1M")
        self.refuse(vitro("run", "hello", "--deterministic", "--hypercalls=host-addr"), USAGE, "host addresses")


if __name__ == "__main__":
    unittest.main()
