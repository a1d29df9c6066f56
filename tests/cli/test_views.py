# SPDX-License-Identifier: MIT
"""The views as commands: each shows what the others say, as text and as JSON."""
import json
import re
import unittest

from common import HOST, OK, USAGE, Case, needs_kvm, vitro


def walk_dict(value):
    """Every value in a document, however deep."""
    if isinstance(value, dict):
        for v in value.values():
            yield from walk_dict(v)
    elif isinstance(value, list):
        for v in value:
            yield from walk_dict(v)
    else:
        yield value


class Views(Case):
    COMMANDS = [("map",), ("walk", "0x400"), ("tables",), ("regs",), ("devices",), ("mem", "0x0", "64"),
                ("disasm", "0", "8"), ("exits",)]

    def test_each_is_text_and_json(self):
        for name, *operands in self.COMMANDS:
            with self.subTest(name):
                text = vitro(name, "hello", *operands)
                self.expect(text, OK)
                self.assertTrue(text.stdout.endswith(b"\n"))
                self.assertLessEqual(max(map(len, text.stdout.decode().splitlines())), 110)
                doc, run = self.json(name, "hello", *operands)
                self.expect(run, OK)
                self.assertTrue(doc)

    def test_map_of_the_base_case(self):
        doc, _ = self.json("map", "hello")
        values = set(map(str, walk_dict(doc)))
        for address in ("0x2000", "0x3000", "0x4000", str(0x200000)):
            self.assertIn(address, values)

    def test_walk_of_the_base_case(self):
        text = vitro("walk", "hello", "0x400").stdout.decode()
        for word in ("PML4", "PDPT", "PD", "0x2000", "0x3000", "0x4000", "0x3007", "0x4007", "0x87"):
            self.assertIn(word, text)
        self.assertNotIn(" PT ", text)

    def test_walk_beyond_what_is_mapped(self):
        self.assertIn("not present", vitro("walk", "hello", "0x200000").stdout.decode())
        self.assertIn("canonical", vitro("walk", "hello", "0x800000000000").stdout.decode())

    def test_devices_of_a_run(self):
        run = vitro("devices", "hello", "--at", "end", "-q")
        self.expect(run, OK)
        self.assertRegex(run.stdout.decode(), r"0xe9 +debugcon +0 +14 +0\n")
        doc, _ = self.json("devices", "hello", "--at", "exit:3", "-q")
        self.assertEqual([(d["name"], d["base"], d["writes"]) for d in doc["devices"]],
                         [("debugcon", "0xe9", 3), ("debug-exit", "0xf4", 0)])
        self.assertEqual(doc["unclaimed"], {"port": 0, "memory": 0})
        doc, _ = self.json("run", "hello", "--then", "devices")
        self.assertEqual(doc["then"][0]["view"], "devices")

    def test_reverse_walk_finds_the_alias(self):
        text = vitro("walk", "pages", "--at", "end", "--physical", "0x0", "-q").stdout.decode()
        self.assertIn("0x100000", text)

    def test_tables_filter(self):
        full = vitro("tables", "hello").stdout
        self.assertIn(b"PML4", full)
        none = vitro("tables", "hello", "--range", "0x200000-0x3fffff").stdout
        self.assertNotEqual(full, none)

    def test_regs_before_and_after(self):
        before = vitro("regs", "hello").stdout.decode()
        after = vitro("regs", "hello", "--at", "end", "-q").stdout.decode()
        self.assertIn("long (64-bit)", before)
        self.assertIn("0x2a", after)

    def test_exits_add_up(self):
        text = vitro("exits", "hello", "-q").stdout.decode()
        self.assertIn("15", text)
        self.assertIn("0xe9", text)
        self.assertIn("debugcon", text)

    def test_exits_since_a_mark(self):
        doc, run = self.json("exits", "hello", "-q", "--since", "exit:10")
        self.expect(run, OK)
        self.assertEqual(sum(row["exits"] for row in doc["rows"]), 5)
        text = vitro("exits", "hello", "-q", "--since", "exit:14").stdout.decode()
        self.assertNotIn("debugcon", text)
        self.assertIn("hlt", text)
        doc, run = self.json("exits", "hello", "-q", "--since", "insn:20")
        self.expect(run, OK)
        self.assertEqual(sum(row["exits"] for row in doc["rows"]), 12)

    def test_at_exit_and_register_operand(self):
        doc, run = self.json("regs", "hello", "--at", "exit:3", "-q")
        self.expect(run, OK)
        text = vitro("disasm", "hello", "rip", "1", "--at", "exit:3", "-q").stdout.decode()
        self.assertEqual(len([line for line in text.splitlines() if line.startswith(">")]), 1)

    def test_a_point_that_is_never_reached_is_said(self):
        run = vitro("regs", "hello", "--at", "exit:99")
        self.expect(run, OK, "ended before")

    def test_no_such_cpu(self):
        run = vitro("regs", "hello", "--cpu", "3")
        self.assertNotEqual(run.returncode, OK)
        self.assertIn(b"CPU", run.stderr)

    @needs_kvm
    def test_explain_answers_the_eight_questions(self):
        text = vitro("explain", "hello").stdout.decode()
        for question in range(1, 9):
            self.assertRegex(text, rf"(?m)^{question}\. ")
        for fact in ("2 MiB", "0x2000", "0x3000", "0x4000", "4 levels", "in 3", "three pages|3 pages",
                     "14 exits", "15 times", "Hello, world!", "42", r"src/engine/kvm/kvm_run\.c:\d+"):
            self.assertRegex(text, fact)

    def test_explain_names_lines_that_exist(self):
        doc, _ = self.json("explain", "hello")
        from common import ROOT
        for mark in doc["source"].values():
            line = (ROOT / mark["file"]).read_text().splitlines()[mark["line"] - 1]
            self.assertIn(mark["text"], line)

    def test_explain_fits_and_names_what_happens(self):
        for guest in ("hello", "fault"):
            text = vitro("explain", guest, "-e", "soft").stdout.decode()
            self.assertEqual([line for line in text.splitlines() if len(line) > 100], [])
            self.assertNotRegex(text, r"(?m)^   src/\S+  return 0;$")

    def test_explain_numbers_agree_with_each_other(self):
        doc, _ = self.json("explain", "hello")
        memory, result = doc["memory"], doc["result"]
        self.assertEqual(int(result["host_virtual"], 16), int(memory["host_virtual"], 16) + 0x400)
        self.assertEqual((result["memory"], result["rax"]), (42, 42))
        self.assertEqual(doc["control"]["exits"], 15)
        self.assertEqual(doc["output"]["exits"], 14)
        self.assertEqual(doc["page_tables"]["levels_used"], 3)

    def test_explain_of_every_guest_that_ends(self):
        for guest in json.loads(vitro("guests", "-j").stdout):
            if guest["ends"] != "never":
                with self.subTest(guest["name"]):
                    self.expect(vitro("explain", guest["name"]), OK)


class Trace(Case):
    def test_text_has_every_exit(self):
        run = vitro("trace", "hello", "-q")
        self.expect(run, OK)
        self.assertEqual(len(re.findall(r"debugcon", run.stdout.decode())), 14)

    def test_json_lines(self):
        run = vitro("trace", "hello", "-j", "-q")
        events = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual(sum(e.get("device") == "debugcon" for e in events), 14)
        self.assertEqual([e["seq"] for e in events], list(range(len(events))))

    def registers_are_the_exits(self, *args):
        path = self.tmp / "trace.jsonl"
        self.expect(vitro("run", "hello", "-q", "--trace", path, "--to", "jsonl", *args), OK)
        outs = [e for e in map(json.loads, path.read_text().splitlines()) if e.get("device") == "debugcon"]
        self.assertEqual(len(outs), 14)
        for e in outs:
            self.assertEqual((e["regs"]["rax"], e["regs"]["rdx"]), (e["data"], "0xe9"))

    def test_registers_of_each_exit(self):
        self.registers_are_the_exits("-e", "soft")

    @needs_kvm
    def test_registers_of_each_exit_on_kvm(self):
        self.registers_are_the_exits("-e", "kvm")
        # The software CPU has the guest then.
        self.registers_are_the_exits("-e", "kvm", "--watch", "0x400:64")

    def test_chrome(self):
        run = vitro("trace", "hello", "--to", "chrome", "-q")
        events = json.loads(run.stdout)
        events = events["traceEvents"] if isinstance(events, dict) else events
        self.assertGreater(len(events), 15)

    @needs_kvm
    def test_flow_names_the_conversation(self):
        text = vitro("trace", "hello", "--flow", "-q").stdout.decode()
        calls = ["KVM_CREATE_VM", "KVM_SET_USER_MEMORY_REGION", "KVM_CREATE_VCPU", "KVM_SET_SREGS",
                 "KVM_SET_REGS", "KVM_RUN"]
        at = [text.index(call) for call in calls]
        self.assertEqual(at, sorted(at))

    @needs_kvm
    def test_every_call_has_its_meaning(self):
        text = " ".join(vitro("trace", "hello", "--flow", "-q").stdout.decode().split())
        events = map(json.loads, vitro("trace", "hello", "-j", "-q").stdout.splitlines())
        calls = [e for e in events if e["event"] == "call"]
        self.assertGreater(len(calls), 10)
        for call in calls:
            self.assertGreater(len(call["meaning"].split()), 2, call["call"])
            self.assertIn(call["object"], ("/dev/kvm", "vm", "vcpu"))
            self.assertIn(call["meaning"], text)

    def test_to_a_file_beside_a_run(self):
        path = self.tmp / "trace.json"
        run = vitro("run", "hello", "--trace", path, "--to", "chrome")
        self.expect(run, OK)
        self.assertEqual(run.stdout, b"Hello, world!\n")
        json.loads(path.read_text())

    def test_full_disk_costs_events_not_the_guest(self):
        run = vitro("run", "hello", "--trace", "/dev/full")
        self.expect(run, HOST, "No space left", "lost", "15 exits")
        self.assertEqual(run.stdout, b"Hello, world!\n")

    def test_no_such_folder(self):
        self.refuse(vitro("run", "hello", "--trace", self.tmp / "no/file"), HOST, "creating trace file")

    def test_flow_excludes_formats(self):
        self.refuse(vitro("trace", "hello", "--flow", "--to", "chrome"), USAGE, "--flow")


if __name__ == "__main__":
    unittest.main()
