# SPDX-License-Identifier: MIT
"""The tour's numbers are this run's own: each is compared with what another view, or the host, says of it."""
import json
import re
import shutil
import subprocess
import unittest

from common import OK, VITRO, Case, needs_kvm, vitro

TRACED = shutil.which("strace") and subprocess.run(
    ["strace", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL).returncode == 0
MACHINES = (("hello",), ("pages",), ("hello", "--page-size", "4k"), ("hello", "-e", "soft"))


def number(text):
    return int(text, 16)


@needs_kvm
class Explain(Case):
    def view(self, *args):
        run = vitro(*args, "-j")
        self.expect(run, OK)
        return json.loads(run.stdout)

    def each(self):
        for guest, *options in MACHINES:
            yield self.view("explain", guest, *options), guest, options

    def test_paging(self):
        """Question 4 against the tree of tables, and against walks to both sides of the mapping's end."""
        for doc, guest, options in self.each():
            said, tree = doc["page_tables"], self.view("tables", guest, *options)
            self.assertEqual((said["form"], said["levels_of_mode"], said["mapped_bytes"], said["address_bits"]),
                             (tree["paging"], tree["levels"], tree["mapped_bytes"], tree["address_bits"]))
            led_to = {row["gpa"] for row in tree["rows"] if row["kind"] == "table"} | {tree["top_table"]}
            self.assertEqual({t["guest_physical"] for t in said["tables"]}, led_to)
            self.assertEqual(len(said["tables"]), tree["table_pages"])
            beyond = self.view("walk", guest, said["beyond"], *options)
            self.assertEqual((beyond["mapped"], beyond["why"]), (False, said["beyond_why"]))
            self.assertTrue(self.view("walk", guest, hex(number(said["beyond"]) - 1), *options)["mapped"])
            start = self.view("walk", guest, doc["start"]["rip"], *options)
            self.assertEqual(said["levels_used"], len(start["steps"]))

    def test_start(self):
        """Question 5 against the registers before the first entry."""
        for doc, guest, options in self.each():
            said, regs = doc["start"], self.view("regs", guest, *options)
            self.assertEqual((said["rip"], said["rflags"], said["rsp"], said["cr3"], said["mode"]),
                             (regs["rip"], regs["rflags"]["value"], regs["gpr"]["rsp"], regs["cr3"],
                              regs["mode"]))

    def test_control(self):
        """Question 6 against the table of exits, and the registers before and after the first."""
        for doc, guest, options in self.each():
            said, table = doc["control"], self.view("exits", guest, "-q", *options)
            self.assertEqual(said["exits"], table["exits"])
            self.assertEqual({(r["reason"], r["rip"], r["exits"]) for r in said["by_site"]},
                             {(r["reason"], r["rip"], r["exits"]) for r in table["rows"]})
            self.assertEqual({r["addr"] for r in said["by_site"] if r["reason"] == "pio"},
                             {r["address"] for r in table["rows"] if r["reason"] == "pio"})
            self.assertIn(said["first_rip"], {r["rip"] for r in table["rows"]})
            self.assertEqual(said["next_rip"], self.view("regs", guest, "--at", "exit:1", "-q", *options)["rip"])

    def test_result(self):
        """Question 8 against the instruction itself, and memory and rax at the end."""
        for doc, guest, options in self.each():
            said = doc["result"]
            if guest != "hello": # the others store nothing there
                continue
            store = self.view("disasm", guest, said["stored_by"], "1", *options)
            self.assertIn(said["instruction"], json.dumps(store))
            end = self.view("regs", guest, "--at", "end", "-q", *options)
            self.assertEqual(said["rax"], number(end["gpr"]["rax"]))

    def test_where_the_byte_lies(self):
        """Question 7: KVM puts it one page into the run area, and the first is the text's first."""
        text = vitro("explain", "hello", "-e", "kvm").stdout.decode()
        area, = re.findall(r"host address (0x\w+): struct kvm_run", text)
        offset, host, byte = re.search(r"at offset (0x\w+) \(host (0x\w+)\); the first was 0x48 '(.)'",
                                       text).groups()
        self.assertEqual((number(offset), byte), (0x1000, "H"))
        self.assertEqual(number(host), number(area) + 0x1000)

    def test_what_came_out(self):
        """Question 7 as fields: the bytes themselves, each a code point, and what the first one's buffer held."""
        for engine in ("kvm", "soft"):
            said = self.view("explain", "hello", "-e", engine)["output"]
            self.assertEqual((said["text"], said["first_byte"]), ("Hello, world!\n", "0x48"))
        # mov al, 0xe9; out 0xe9, al; mov al, 0; out 0xe9, al; mov al, '\\'; out 0xe9, al; hlt
        path = self.file("bytes.bin", bytes.fromhex("b0e9e6e9b000e6e9b05ce6e9f4"))
        said = self.view("explain", path, "-e", "soft")["output"]
        self.assertEqual((said["text"], said["first_byte"], said["exits"]), ("\xe9\0\\", "0xe9", 3))
        for silent in ("exit", "hyper-string"):
            self.assertIsNone(self.view("explain", silent)["output"]["first_byte"])

    @unittest.skipUnless(TRACED, "cannot watch system calls here: strace does not run")
    def test_host_addresses(self):
        """Questions 1 to 3: the run area is what the host gave for the vCPU's descriptor, RAM lies in a mapping."""
        log = self.tmp / "calls"
        run = subprocess.run(["strace", "-f", "-o", log, "-e", "trace=mmap", VITRO, "explain", "hello", "-j",
                              "-e", "kvm"], capture_output=True, timeout=60)
        self.expect(run, OK)
        doc = json.loads(run.stdout)
        maps = [(int(n), int(fd), number(at)) for n, fd, at in
                re.findall(r"mmap\(\w+, (\d+), [A-Z_|]+, [A-Z_|]+, (-?\d+), 0\) = (0x\w+)", log.read_text())]
        area = doc["run_area"]
        self.assertTrue([m for m in maps if m[1] >= 0 and m[0] == area["bytes"] and
                         m[2] == number(area["host_virtual"])])
        ram, size = number(doc["memory"]["host_virtual"]), doc["memory"]["bytes"]
        self.assertTrue([m for m in maps if m[1] == -1 and m[2] <= ram and ram + size <= m[2] + m[0]])
        for r in doc["address_spaces"]["ranges"]:
            base = number(area["host_virtual"]) if r["use"] == "run-area" else ram
            self.assertEqual(number(r["host_virtual"]), base + number(r["guest_physical"]), r["name"])


if __name__ == "__main__":
    unittest.main()
