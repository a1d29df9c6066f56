#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Translated code under a magnifying glass: blocks, run --count-blocks, --perf-map and --check-blocks."""
import json
import os
import pathlib
import re
import subprocess
import unittest

from common import ENGINE, OK, USAGE, VITRO, Case, needs_kvm, vitro

# mov ecx, 100000; 1: add eax, ecx; pxor xmm0, xmm0; dec ecx; jnz 1b; 2: mov [0x6000], eax; cpuid; hlt
LOOP = bytes.fromhex("b9a086010001c8660fefc0ffc975f6890425006000000fa2f4")
# the same of 32-bit code: mov ecx, 100000; 1: add eax, ecx; dec ecx; jnz 1b; mov [0x6000], eax; hlt
LOOP_32 = bytes.fromhex("b9a086010001c84975fba300600000f4")


class MapCase(Case):
    def run_and_forget_map(self, *args):
        """vitro run: its number, output and words. The map that it may leave is removed after the test."""
        run = subprocess.Popen([VITRO, "run", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               stdin=subprocess.DEVNULL)
        self.addCleanup(pathlib.Path(f"/tmp/perf-{run.pid}.map").unlink, missing_ok=True)
        out, err = run.communicate(timeout=60)
        self.assertEqual(run.returncode, OK, err)
        return run.pid, out, err.decode()


class CheckBlocks(Case):
    def test_built_in_guests(self):
        for guest in ("hello", "pages", "hyper-print", "hyper-string"):
            for tier in ("auto", "trans"):
                plain = vitro("run", guest, "-e", "soft", "--tier", "interp", "-q")
                checked = vitro("run", guest, "--check-blocks", "--tier", tier, "-q")
                self.expect(checked, OK)
                self.assertEqual(checked.stdout, plain.stdout)

    def test_32_bit_guests(self):
        for mode in ("protected", "paged32"):
            checked = vitro("run", "hello", "--mode", mode, "--check-blocks", "--tier", "trans", "-q")
            self.expect(checked, OK)
            self.assertIn(b"Hello, world!", checked.stdout)

    def test_two_cpus(self):
        checked = vitro("run", "hello", "--check-blocks", "--tier", "trans", "-c", "2", "-q")
        self.expect(checked, OK)
        self.assertEqual(sorted(checked.stdout), sorted(b"Hello, world!\n" * 2))  # the letters of both

    def test_from_page_to_page(self):
        """More pages than a piece keeps, of 4 KiB, never accessed before: mov eax, [rdi] or mov [rdi], eax at each."""
        for access in ("8b07", "8907"):
            guest = self.file("walk", bytes.fromhex(f"bf00000100b9c2010000{access}4881c700100000ffc975f3f4"))
            for tier in ("auto", "trans"):
                run = vitro("run", guest, "--check-blocks", "--tier", tier, "--page-size", "4k", "-m", "4M")
                self.expect(run, OK, "halted")

    def test_engine_is_said(self):
        self.expect(vitro("run", "hello", "--check-blocks"), OK, "only it translates code")

    def test_refused(self):
        self.refuse(vitro("run", "hello", "--check-blocks", "--tier", "interp"), USAGE, "tier interp translates nothing")
        self.refuse(vitro("run", "hello", "--check-blocks", "-e", "kvm"), ENGINE, "the engine kvm translates nothing")


class Blocks(MapCase):
    def test_what_became_of_each_instruction(self):
        doc, _ = self.json("blocks", self.file("loop", LOOP), "-e", "soft", "--tier", "trans", "--listing")
        self.assertTrue(doc["translates"] and doc["counts"])
        self.assertTrue(390000 < doc["executed"] < 400010, doc["executed"])
        hot = doc["blocks"][0]
        self.assertEqual(hot["addr"], "0x5")
        self.assertTrue(99000 < hot["executions"] < 100000)  # some rounds may be the interpreter's
        first, second, _, jump = hot["listing"][:4]
        self.assertEqual((first["hex"], first["text"]), ("01c8", "add eax, ecx"))
        self.assertEqual(first["host"][0]["hex"], "01c8")
        self.assertEqual(second["host"], [{"hex": "660fefc0", "text": "pxor xmm0, xmm0"}])
        self.assertIn("jmp 0x", jump["host"][-1]["text"])
        why = {i["text"]: i["interpreted"] for b in doc["blocks"] for i in b["listing"]}
        self.assertIsNone(why["add eax, ecx"])
        self.assertEqual(why["hlt"], "privileged")
        self.assertEqual(why["cpuid"], "system instruction")
        for block in doc["blocks"]:
            self.assertEqual(sum(len(i["hex"]) for i in block["listing"]), 2 * block["guest_bytes"])

    def test_the_clock_and_ports(self):
        """mov ebp, 1000; 1: rdtsc; in al, 0x80; dec ebp; jnz 1b; hlt. The clock is read in translated code."""
        code = "bde8030000 0f31 e480 ffcd 75f8 f4".replace(" ", "")
        doc, run = self.json("blocks", self.file("clock", bytes.fromhex(code)), "-e", "soft", "--tier", "trans", "-l", "-q")
        self.expect(run, OK)
        why = {i["text"]: i["interpreted"] for b in doc["blocks"] for i in b["listing"]}
        self.assertEqual((why["rdtsc"], why["in al, 0x80"]), (None, "port I/O"))
        self.assertEqual(why["hlt"], "privileged")
        self.assertLess(doc["interpreted"], 1100)  # the 1000 of the port

    def test_an_instruction_that_the_model_does_not_offer(self):
        # mov ecx, 1000; 1: crc32 eax, ecx; dec ecx; jnz 1b; hlt
        guest = self.file("crc", bytes.fromhex("b9e8030000 f20f38f1c1 ffc9 75f7 f4"))
        doc, _ = self.json("blocks", guest, "-e", "soft", "--tier", "trans", "--listing", "--cpu", "-sse4_2")
        why = {i["text"].split()[0]: i["interpreted"] for b in doc["blocks"] for i in b["listing"]}
        self.assertEqual(why["crc32"], "this CPU model does not offer it")

    def test_executions_of_all_cpus(self):
        doc, _ = self.json("blocks", self.file("loop", LOOP), "-e", "soft", "--tier", "trans", "-c", "2")
        hot = doc["blocks"][0]
        self.assertEqual(hot["addr"], "0x5")
        self.assertGreater(hot["executions"], 190000)

    def test_an_instruction_in_two_pages(self):
        # mov ecx, 1000; jmp 0xffe; there: mov eax, 0x12345678; dec ecx; jnz to the mov; hlt
        code = bytes.fromhex("b9e8030000 e9") + (0xffe - 10).to_bytes(4, "little")
        code += b"\x90" * (0xffe - len(code)) + bytes.fromhex("b878563412 ffc9 0f85 f3ffffff f4")
        doc, _ = self.json("blocks", self.file("two", code), "-e", "soft", "--tier", "trans", "--listing", "--range",
                           "0xffe-0xffe")
        self.assertEqual([(i["hex"], i["text"], i["interpreted"]) for i in doc["blocks"][0]["listing"]],
                         [("b878563412", "mov eax, 0x12345678", None)])

    def test_blocks_that_are_dropped_are_gone(self):
        # mov ecx, 40; 1: mov [2f+1], cl; 2: mov eax, ...; dec ecx; jnz 1b; hlt
        guest = self.file("own", bytes.fromhex("b928000000 880d01000000 b800000000 ffc9 75f1 f4"))
        doc, _ = self.json("blocks", guest, "-e", "soft", "--tier", "trans")
        self.assertGreater(doc["dropped"], 2)
        at = [b["addr"] for b in doc["blocks"]]
        self.assertEqual(len(at), len(set(at)))

    def test_32_bit_code(self):
        doc, _ = self.json("blocks", self.file("loop", LOOP_32), "-e", "soft", "--tier", "trans", "--mode", "protected",
                           "--listing")
        hot = doc["blocks"][0]
        self.assertEqual([i["text"].split()[0] for i in hot["listing"][:5]], ["add", "dec", "jnz", "mov", "hlt"])
        self.assertEqual((hot["listing"][1]["hex"], hot["listing"][1]["host"][0]["hex"]), ("49", "ffc9"))

    def test_text(self):
        guest = self.file("loop", LOOP)
        run = vitro("blocks", guest, "1", "-e", "soft", "--tier", "trans", "-q")
        self.expect(run, OK)
        text = run.stdout.decode()
        self.assertRegex(text, r"executions +guest address +instructions +bytes +host bytes +symbol\n +99,\d\d\d +0x5 ")
        self.assertRegex(text, r"and \d+ more\n")
        self.assertNotIn("\x1b", text)
        text = vitro("blocks", guest, "1", "-l", "-e", "soft", "--tier", "trans", "-q").stdout.decode()
        self.assertRegex(text, r"0x5 +01 c8 +add eax, ecx +01 c8 +add eax, ecx")
        self.assertIn("interpreted: privileged", text)

    def test_filters(self):
        guest = self.file("loop", LOOP)
        args = ("-e", "soft", "--tier", "trans")
        doc, _ = self.json("blocks", guest, *args, "--range", "0x5-0x6")
        self.assertEqual({b["addr"] for b in doc["blocks"]}, {"0x5"})
        doc, _ = self.json("blocks", guest, "1", *args)
        self.assertEqual(len(doc["blocks"]), 1)
        self.assertGreater(doc["matching"], 1)
        self.refuse(vitro("blocks", guest, "0", *args), USAGE, "a number from 1")

    def test_filters_that_nothing_passes(self):
        args = ("blocks", self.file("loop", LOOP), "-e", "soft", "--tier", "trans", "-q")
        for word in ("0x9000-0x9fff", "0x9000..0x9fff"):
            run = vitro(*args, "--range", word)
            self.expect(run, OK)
            self.assertIn(b"None of them lies in 0x9000 .. 0x9fff", run.stdout)
        run = vitro("blocks", "hello", "--mode", "real", "-q")
        self.expect(run, OK)
        self.assertIn(b"Nothing was translated: 64-bit", run.stdout)
        self.assertNotIn(b"executions", run.stdout)

    def test_a_page_of_code_that_is_written(self):
        """mov ecx, 100000; 1: mov [0x800], ecx; dec ecx; jnz 1b; hlt"""
        run = vitro("blocks", self.file("beside", bytes.fromhex("b9a0860100890c2500080000ffc975f5f4")), "-q")
        self.expect(run, OK)
        self.assertRegex(run.stdout.decode(), r"[1-9]\d* of them dropped: their page was written")
        self.assertLessEqual(max(map(len, run.stdout.decode().splitlines())), 100)

    def test_mistakes_are_found_before_the_guest_runs(self):
        for args in (("blocks", "hello", "0"), ("run", "hello", "--then", "blocks:x"),
                     ("run", "hello", "--then", "regs,blocks:1:2"), ("disasm", "hello", "0", "x", "--at", "end")):
            run = vitro(*args)
            self.refuse(run, USAGE)
            self.assertEqual(run.stdout, b"")

    def test_then_takes_the_engine_that_translates(self):
        self.expect(vitro("run", "hello", "--then", "blocks:3"), OK, "on soft: only it translates code")

    def test_without_translation(self):
        doc, _ = self.json("blocks", "hello", "-e", "soft", "--tier", "interp")
        self.assertEqual((doc["translates"], doc["blocks"]), (False, []))
        self.assertIn(b"Nothing is translated", vitro("blocks", "hello", "-e", "soft", "--tier", "interp", "-q").stdout)

    @needs_kvm
    def test_engine_that_does_not_translate(self):
        self.refuse(vitro("blocks", "hello", "-e", "kvm"), ENGINE, "the engine kvm translates nothing")
        run = vitro("run", "hello", "-e", "kvm", "-q", "--then", "blocks")
        self.assertIn(b"showing translated code: the engine kvm translates nothing", run.stderr)

    def test_counts_only_when_asked(self):
        guest = self.file("loop", LOOP)
        for option, counts in (([], False), (["--count-blocks"], True)):
            doc = self.json("run", guest, "-e", "soft", *option, "--then", "blocks:3")[0]["then"][0]["data"]
            self.assertEqual(doc["counts"], counts)
            self.assertEqual(doc["blocks"][0]["executions"] is not None, counts)

    def test_counts_do_not_change_the_run(self):
        guest = self.file("loop", LOOP)
        ends = [self.run_and_forget_map(guest, "--deterministic", *option, "--then", "regs,mem:0x6000:8", "-j")
                for option in ([], ["--count-blocks"], ["--perf-map"])]
        ends = [json.loads(out)["then"] for _, out, _ in ends]
        self.assertEqual(ends[0], ends[1])
        self.assertEqual(ends[0], ends[2])


class PerfMap(MapCase):
    def test_the_map(self):
        guest = self.file("loop", LOOP)
        pid, out, _ = self.run_and_forget_map(guest, "--perf-map", "--tier", "trans", "-j", "--then", "blocks:1000")
        path = pathlib.Path(f"/tmp/perf-{pid}.map")
        lines = path.read_text().splitlines()
        blocks = json.loads(out)["then"][0]["data"]["blocks"]
        said = {(f"0x{a}", int(n, 16), rip) for a, n, rip in (re.fullmatch(r"(\S+) (\S+) guest:(0x\S+)", x).groups()
                                                            for x in lines)}
        self.assertEqual(said, {(b["host_addr"], b["host_bytes"], b["addr"]) for b in blocks})
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)

    def test_where_it_is_said(self):
        pid, _, err = self.run_and_forget_map("hello", "--perf-map")
        self.assertIn(f"/tmp/perf-{pid}.map", err)
        pid, _, err = self.run_and_forget_map("hello", "--perf-map", "-q")
        self.assertEqual(err, "")

    @needs_kvm
    def test_refused(self):
        self.refuse(vitro("run", "hello", "--perf-map", "-e", "kvm"), ENGINE, "the engine kvm translates nothing")


if __name__ == "__main__":
    unittest.main()
