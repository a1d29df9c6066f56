#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""--tier: the same results whether code is interpreted or translated, and hosts that cannot translate."""
import os
import resource
import signal
import subprocess
import unittest

from common import HOST, OK, TIMEOUT, USAGE, VITRO, Case, vitro

TIERS = ("interp", "trans", "auto")
# mov ecx, 100000; 1: lea eax, [rax+rcx*2]; mov [0x6000], rax; add rdx, [0x6000]; adc rbx, rdx; push rbx; pop rsi;
# imul rsi, rax; xor rdi, rsi; dec ecx; jnz 1b; hlt
LOOP = bytes.fromhex("b9a0860100678d04484889042500600000480314250060000048 11d3535e480faff04831f7ffc975dff4"
                     .replace(" ", ""))
# mov ecx, 10000; mov esi, 0x4ff3; lea edi, [rsi+0x10005]; rep movsb; mov ecx, 3000; rep stosq; hlt; over borders of pages
STRINGS = bytes.fromhex("b910270000 bef34f0100 8dbe05000100 f3a4 b9b80b0000 f348ab f4".replace(" ", ""))
# mov ecx, 500; 1: 60 times mov ebx, eax; sub eax, 0x70000001; sub ecx, 1; jnz 1b; hlt: flags that nobody reads
UNREAD_FLAGS = bytes.fromhex("b9f4010000" + 60 * "89c3" + "2d01000070 83e901 0f857affffff f4")
INSNS_BEFORE, ELEMENTS = 3, 10000


def no_executable_memory():
    """The memory file for code cannot get its size."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


class Tier(Case):
    def test_the_same_end(self):
        guest = self.file("loop", LOOP)
        for args in (["hello"], ["pages"], [guest], [guest, "--stop-at", "insn:123457"],
                     [guest, "--stop-at", "0x21"], ["hello", "--mode", "real"]):
            docs = [self.json("run", *args, "-e", "soft", "--tier", tier, "--then", "regs,mem:0x6000:8")[0]
                    for tier in TIERS]
            for doc in docs:
                doc.pop("run_ns", None)
                doc.pop("end", None)
            self.assertEqual(docs[0]["then"], docs[1]["then"], args)
            self.assertEqual(docs[0]["then"], docs[2]["then"], args)

    def test_the_same_hashes(self):
        guest = self.file("loop", LOOP)
        hashes = [self.json("run", guest, "--deterministic", "--hash-every", "10007", "--tier", tier)[0]["hashes"]
                  for tier in TIERS]
        self.assertGreater(hashes[0]["count"], 80)
        self.assertEqual(hashes[0], hashes[1])
        self.assertEqual(hashes[0], hashes[2])

    def test_flags_that_nobody_reads_are_hashed_too(self):
        guest = self.file("unread", UNREAD_FLAGS)
        hashes = [self.json("run", guest, "--deterministic", "--hash-every", "997", "--tier", tier)[0]["hashes"]
                  for tier in TIERS]
        self.assertEqual(hashes[0]["count"], (1 + 500 * 63 + 1) // 997 + 1)
        self.assertEqual(hashes, [hashes[0]] * len(TIERS))
        args = ("run", guest, "-e", "soft", "--stop-at", "insn:20090", "--then", "regs")
        flags = [self.json(*args, "--tier", tier)[0]["then"][0]["data"]["rflags"] for tier in TIERS]
        self.assertEqual(flags, [flags[0]] * len(TIERS))

    def test_each_element_of_a_string_counts(self):
        guest = self.file("strings", STRINGS)
        for done in (1, 4095, 5000, ELEMENTS):
            at = f"insn:{INSNS_BEFORE + done}"
            left = [self.json("regs", guest, "-e", "soft", "--tier", tier, "--at", at)[0]["gpr"]["rcx"]
                    for tier in TIERS]
            self.assertEqual(left, [hex(ELEMENTS - done)] * len(TIERS), at)
        hashes = [self.json("run", guest, "--deterministic", "--hash-every", "501", "--tier", tier)[0]["hashes"]
                  for tier in TIERS]
        insns = INSNS_BEFORE + ELEMENTS + 1 + 3000 + 1
        self.assertEqual(hashes[0]["count"], insns // 501 + 1, "and one at the end")
        self.assertEqual(hashes, [hashes[0]] * len(TIERS))

    def test_the_same_hashes_with_several_cpus(self):
        """They take turns, and all of them write the same words."""
        guest = self.file("loop", LOOP)
        for cpus in (2, 4):
            hashes = [self.json("run", guest, "--deterministic", "--hash-every", "50021", "-c", cpus, "--tier",
                                tier)[0]["hashes"] for tier in TIERS]
            self.assertGreater(hashes[0]["count"], 15 * cpus)
            self.assertEqual(hashes[0], hashes[1], cpus)
            self.assertEqual(hashes[0], hashes[2], cpus)

    def test_no_executable_memory(self):
        run = vitro("run", "hello", "-e", "soft", preexec_fn=no_executable_memory)
        self.expect(run, OK, "interpreted only: mapping memory for translated code")
        run = vitro("run", "hello", "-e", "soft", "--tier", "interp", preexec_fn=no_executable_memory)
        self.expect(run, OK)
        self.assertNotIn(b"interpreted only", run.stderr)
        run = vitro("run", "hello", "-e", "soft", "--tier", "trans", preexec_fn=no_executable_memory)
        self.assertNotIn(run.returncode, (OK, USAGE))
        self.assertIn(b"mapping memory for translated code", run.stderr)
        self.assertIn(b"--tier interp goes without", run.stderr)
        run = vitro("run", "hello", "--check-blocks", preexec_fn=no_executable_memory)
        self.refuse(run, HOST, "mapping memory for translated code")
        run = vitro("blocks", "hello", "-q", preexec_fn=no_executable_memory)
        self.expect(run, OK)
        self.assertIn(b"Nothing is translated in this machine: mapping memory for", run.stdout)

    def test_refused(self):
        self.refuse(vitro("run", "hello", "--tier", "fast"), USAGE, "tier", "auto, interp and trans")


class CodeCache(Case):
    """Code that is all blocks and no loops: the store of translated code is bounded, and nothing is lost."""
    BOUND_KB = 200 << 10

    def run_bounded(self, code):
        guest = self.file("blocks", code)
        hashes = set()
        for tier in ("interp", "trans"):
            args = [VITRO, "run", guest, "-e", "soft", "--tier", tier, "--origin", "0x100000", "-m", "8M", "-j",
                    "--deterministic", "--hash-every", "1M", "--checkpoints", "0"]
            with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
                text = process.stdout.read()
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.returncode, OK)
            self.assertLess(usage.ru_maxrss, self.BOUND_KB)
            hashes.add(text[text.index(b'"hashes"'):text.index(b'"console"')])
        self.assertEqual(len(hashes), 1)

    def test_a_million_blocks(self):
        self.run_bounded(b"\xeb\x00" * (1 << 20) + b"\xf4")  # jmp to the next; hlt

    def test_calls_that_never_return(self):
        self.run_bounded(b"\xe8\0\0\0\0" * 200000 + b"\xf4")

    def test_a_jump_to_itself_can_be_stopped(self):
        for code in (b"\xeb\xfe", b"\xe9" + (4091).to_bytes(4, "little") + b"\x90" * 4091 + b"\xe9" +
                     (-4101 & 0xffffffff).to_bytes(4, "little")):  # and two that jump from page to page
            guest = self.file("jump", code)
            self.assertEqual(vitro("run", guest, "-e", "soft", "--tier", "trans", "-q", "--timeout", "0.3").returncode,
                             TIMEOUT)


if __name__ == "__main__":
    unittest.main()
