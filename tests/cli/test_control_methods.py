# SPDX-License-Identifier: MIT
"""The methods of the control socket, on running machines: as the schema says, and as they should."""
import contextlib
import json
import os
import signal
import subprocess
import threading
import time
import tty
import unittest

from common import OK, PRINT_FOREVER, ROOT, STOPPED, USAGE, VITRO, Case, needs_kvm, vitro
from guests import COUNTER, echo_kernel, kernel
from rpc import Failed, Machine
from shape import problems

SCHEMA = json.loads((ROOT / "docs/control.schema.json").read_text())
# What each method is called with; the others take nothing that they must have.
SAMPLES = {
    "unsubscribe": {"subscription": 1}, "walk": {"addr": "rip"}, "who_maps": {"addr": 0},
    "mem": {"addr": "0xffff000000000000", "len": 40}, "regs": {"all": True}, "devices": {"all": True},
    "console.send": {"text": "x"}, "regs.get": {"fpu": True}, "regs.set": {"regs": {"rbx": "0x5"}},
    "mem.read": {"addr": "0x500", "len": 3}, "mem.write": {"addr": "0x500", "bytes": "00"},
    "stop": {"grace_ms": 0}, "break.set": {"addr": "0x7000"}, "break.clear": {"addr": "0x7000"}, "watch.set": {"addr": "0x7000"},
    "watch.clear": {"addr": "0x7000"}, "run_to": {"addr": "rip"}, "blocks": {"all": True, "count": 3},
}


class Schema(Case):
    def fits(self, method, result):
        self.assertEqual(problems(SCHEMA["methods"][method]["result"], result, method), [])

    def test_parameters_are_those_of_the_server(self):
        listed = Machine(self, "spin", "-e", "soft").client().call("methods")["methods"]
        self.assertEqual({m["name"]: {p["name"] + ("" if p["required"] else "?"): p["type"]
                                      for p in m["params"]} for m in listed},
                         {name: m["params"] for name, m in SCHEMA["methods"].items()})

    def test_the_document_names_every_method_and_parameter(self):
        text = (ROOT / "docs/control.md").read_text()
        for name, method in SCHEMA["methods"].items():
            self.assertIn(f"`{name}`", text)
            for param in method["params"]:
                self.assertIn(f"`{param.rstrip('?')}`", text, name)

    def walk_all(self, client, bare):
        last = ("stop",)  # ends the machine
        for method in (*(m for m in SCHEMA["methods"] if m not in last), *last):
            try:
                self.fits(method, client.call(method, **SAMPLES.get(method, {})))
            except Failed as e:
                self.assertTrue(method in ("reset", "power_button", "console.send") and bare or
                                method in ("step", "symbols") or
                                method == "blocks" and "the engine kvm translates nothing" in str(e) or
                                method in ("back.step", "back.continue") and e.code == -32002, f"{method}: {e}")
            if method == "break.set":
                client.call("pause")
            if method == "unsubscribe":
                client.call("state.subscribe")
            if method == "trace.subscribe":
                client.call("resume")  # run_to may have come to where it was to
                while all(n["method"] != "trace" for n in client.notes):
                    client.notes.append(client.line())
        client.notes += iter(client.line, None)
        for note in client.notes:
            self.assertEqual(problems(SCHEMA["notifications"][note["method"]], note["params"],
                                      note["method"]), [])
        told = {n["method"] for n in client.notes}
        self.assertLessEqual({"state", "trace"}, told)
        self.assertLessEqual(told, set(SCHEMA["notifications"]))

    def test_every_method_of_a_bare_machine(self):
        path = self.file("print.bin", PRINT_FOREVER)
        self.walk_all(Machine(self, path, "-e", "soft", stdout=subprocess.DEVNULL).client(), True)

    @needs_kvm
    def test_every_method_of_a_bare_machine_on_kvm(self):
        path = self.file("print.bin", PRINT_FOREVER)
        self.walk_all(Machine(self, path, "-e", "kvm", stdout=subprocess.DEVNULL).client(), True)

    def test_every_method_of_a_kernel(self):
        path = self.file("echo", echo_kernel())
        client = Machine(self, path, "-e", "soft", "-m", "16M", "-c", "2").client()
        self.walk_all(client, False)


class Views(Case):
    def test_as_the_command_shows_a_guest(self):
        """A machine that was paused before its first instruction is what the view of the guest shows."""
        path = self.file("counter.bin", COUNTER)
        machine = Machine(self, path, "-e", "soft")
        client = machine.client()
        client.call("pause")
        client.call("regs.set", regs={"rip": "0x0", "rax": "0x0", "rflags": "0x2"})
        for words in (["regs"], ["regs", "--cpuid"], ["disasm", "0", "3"], ["disasm"]):
            for more in ((), ("-j",)):
                run = vitro(words[0], machine.name, *words[1:], *more)
                want = vitro(words[0], path, *words[1:], *more, "-e", "soft")
                self.expect(run, OK)
                self.assertEqual(run.stdout, want.stdout, words)

    def test_every_view_by_name_and_in_both_forms(self):
        machine = Machine(self, "spin", "-e", "soft")
        for words in (["map"], ["walk", "rip"], ["walk", "0", "-p"], ["tables"],
                      ["tables", "-w", "--range", "0-0x1000"], ["regs", "-A"], ["devices", "-A"],
                      ["mem", "1K"], ["mem", "1K", "16", "-p"], ["disasm"], ["disasm", "rip", "2"], ["exits"]):
            text = vitro(words[0], machine.name, *words[1:])
            self.expect(text, OK)
            self.assertIn(b"\n", text.stdout, words)
            json.loads(vitro(words[0], machine.name, *words[1:], "-j").stdout)

    def test_name_before_guest(self):
        machine = Machine(self, "spin", "-e", "soft", name="hello")
        run = vitro("regs", "hello", "-j")
        self.assertIn(b"which runs spin", run.stderr)
        self.assertIn(b"-e auto", run.stderr)
        self.assertEqual(vitro("regs", "hello", "-j", "-q").stderr, b"")
        guest = vitro("disasm", "hello", "-e", "soft")
        self.assertNotEqual(guest.stdout, vitro("disasm", "hello", "-q").stdout)
        self.assertEqual(vitro("disasm", "hello", "--at", "exit:1", "-e", "soft", "-q").returncode, OK)
        machine.end()

    def test_targets_that_are_none(self):
        machine = Machine(self, "spin", "-e", "soft")
        for option in (("--at", "end"), ("-m", "2M"), ("--timeout", "1")):
            self.refuse(vitro("blocks", machine.name, *option), USAGE, machine.name, "looked at as it is: leave out")
        machine.end()
        for command in ("blocks", "regs", "exits"):
            self.refuse(vitro(command, "nobody-runs"), USAGE, "'vitro ps'", "'vitro guests'", "nor a file")

    def test_addresses_that_are_none(self):
        machine = Machine(self, "spin", "-e", "soft")
        self.refuse(vitro("walk", machine.name, "nosuch"), USAGE, "neither a number, a register nor a symbol")
        self.refuse(vitro("regs", machine.name, "--cpu", "5"), USAGE, "CPU 5")
        self.refuse(vitro("mem", machine.name, "0", "many"), USAGE, "a number from 1 to 1048576 is wanted")
        self.refuse(vitro("mem", machine.name, "0", "0"), USAGE, "a number from 1 to 1048576 is wanted")

    def test_marks_of_exits(self):
        path = self.file("print.bin", PRINT_FOREVER)
        client = Machine(self, path, "-e", "soft", stdout=subprocess.DEVNULL).client()
        while client.call("exits")["exits"] < 10:
            pass
        client.call("pause")
        whole = client.call("exits")["exits"]
        self.assertEqual(client.call("exits.mark"), {"mark": 1})
        self.assertEqual(client.call("exits", since=1)["exits"], 0)
        client.call("resume")
        while client.call("exits", since=1)["exits"] == 0:
            pass
        client.call("pause")
        self.assertEqual(client.call("exits")["exits"], whole + client.call("exits", since=1)["exits"])
        for n in range(2, 6):
            self.assertEqual(client.call("exits.mark"), {"mark": n})
        for gone in (1, 6, 0):
            with self.assertRaises(Failed):
                client.call("exits", since=gone)
        self.assertEqual(client.call("exits", since=2)["exits"], 0)

    def test_many_clients_at_a_time(self):
        machine = Machine(self, "spin", "-e", "soft")
        wrong = []

        def look(client):
            try:
                for i in range(100):
                    if client.call("regs.get")["cr3"] != "0x2000":
                        wrong.append(i)
            except Exception as e:  # in a thread: told by the assertion below
                wrong.append(e)

        threads = [threading.Thread(target=look, args=(machine.client(),)) for _ in range(5)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])


class Debug(Case):
    def counter(self, engine, *args):
        return Machine(self, self.file("counter.bin", COUNTER), "-e", engine, *args)

    def attach(self, machine, **more):
        client = machine.client()
        client.call("debug.attach", **more)
        return client

    def until(self, client, reason):
        while (note := client.note("state"))["reason"] != reason:
            pass
        return note

    def steps_and_breaks(self, engine):
        machine = self.counter(engine)
        client = self.attach(machine)
        client.call("break.set", addr="0x5")
        note = self.until(client, "break")
        self.assertEqual((note["cpu"], note["rip"]), (0, "0x5"))
        for rip in ("0xd", "0x2", "0x5", "0xd"):
            client.call("step")
            self.assertEqual(self.until(client, "step")["rip"], rip)
        rax = int(client.call("regs.get")["rax"], 16)
        client.call("resume")
        self.assertEqual(self.until(client, "break")["rip"], "0x5")
        self.assertEqual(int(client.call("regs.get")["rax"], 16), rax + 1)
        client.call("run_to", addr="0xd")
        self.assertEqual(self.until(client, "break")["rip"], "0xd")
        client.call("break.clear", addr="0x5")
        client.call("resume")
        self.assertEqual(client.call("info")["state"], "running")
        with self.assertRaises(Failed) as e:
            client.call("step")
        self.assertEqual(e.exception.code, -32001)

    def test_steps_and_breakpoints(self):
        self.steps_and_breaks("soft")

    def test_breakpoints_are_their_clients(self):
        """Of two at one place each has its own: the other cannot clear it, and need not hear of it."""
        machine = self.counter("soft")
        client, other = self.attach(machine), machine.client()
        for c in (client, other):
            c.call("break.set", addr="0x5")
        self.until(client, "break")
        client.call("break.clear", addr="0x5")
        with self.assertRaises(Failed) as e:
            client.call("break.clear", addr="0x5")
        self.assertEqual(e.exception.code, -32602)
        client.call("resume")
        self.assertEqual(self.until(client, "break")["rip"], "0x5")
        other.call("break.clear", addr="0x5")
        client.call("resume")
        client.call("run_to", addr="0xd")
        self.assertEqual(self.until(client, "break")["rip"], "0xd")

    def test_a_breakpoint_where_run_to_goes_stays(self):
        client = self.attach(self.counter("soft"))
        client.call("run_to", addr="0x700")  # where the guest never comes by itself: there is time
        client.call("break.set", addr="0x700")
        client.call("pause")
        for _ in range(3):
            client.call("regs.set", regs={"rip": "0x6fe", "rax": "0x900"})  # two zeros before it: add [rax], al
            client.call("resume")
            self.assertEqual(self.until(client, "break")["rip"], "0x700")

    def test_breakpoints_of_code_that_two_cpus_execute(self):
        """Set while it runs, translated for long: both come to it. Cleared, neither does."""
        client = self.attach(self.counter("soft", "-c", 2, "--tier", "trans"))
        for addr in ("0x5", "0x2", "0xd"):
            rounds = int(client.call("regs.get")["rax"], 16) + 1000
            while int(client.call("regs.get")["rax"], 16) < rounds:
                time.sleep(0.005)
            client.call("break.set", addr=addr)
            seen = set()
            while len(seen) < 2:
                note = self.until(client, "break")
                self.assertEqual(note["rip"], addr)
                seen.add(note["cpu"])
                client.call("resume")
            client.call("pause")
            client.call("break.clear", addr=addr)
            client.notes.clear()
            client.call("resume")
        client.call("pause")
        self.assertNotIn("break", [note["params"]["reason"] for note in client.notes if note["method"] == "state"])

    def test_breakpoints_do_not_change_what_a_run_counts(self):
        """Nor does who clears them at its end: the instruction that switches off is counted as any."""
        # mov ecx, 0x1000; 1: loop 1b; mov dx, 0x604; mov ax, 0x3400; out dx, ax; 2: jmp 2b
        path = self.file("off", kernel(bytes.fromhex("b900100000" "e2fe" "66ba0406" "66b80034" "66ef" "ebfe")))
        for where in (None, "0x100107", "0x10010f"):
            machine = Machine(self, path, "--deterministic", "--hash-every", "1M", "-m", "16M", "-S", "--gdb-port", "0")
            client = self.attach(machine, hold_end=True)
            if where is not None:
                client.call("break.set", addr=where)
                client.call("resume")
                self.until(client, "break")
            client.call("resume")
            self.until(client, "end")
            client.call("debug.detach")
            self.assertRegex(machine.wait()[2], rb"hash 4100 0x[0-9a-f]{16}\n")

    def resume_into(self, client, method):
        """Both at once: the resume mostly comes while the instruction is executed."""
        doc = client.raw(b'{"jsonrpc": "2.0", "method": "%s"}\n{"jsonrpc": "2.0", "id": 0, "method": "resume"}' % method.encode())
        self.assertIn("result", doc)

    def test_a_resume_that_comes_into_a_step(self):
        client = self.attach(self.counter("soft", "--deterministic"))
        for method in ("step",) * 200 + ("back.step",) * 50:
            client.call("pause")
            self.resume_into(client, method)
            self.assertEqual(client.call("pause")["reason"], "pause", method)
            client.call("resume")

    def test_a_resume_into_a_step_to_a_breakpoint(self):
        client = self.attach(self.counter("soft"))
        for _ in range(50):
            client.call("run_to", addr="0x5")
            self.until(client, "break")
            rax = int(client.call("regs.get")["rax"], 16)
            client.call("break.set", addr="0xd")
            self.resume_into(client, "step")
            notes = [client.note("state")]
            while notes[-1]["reason"] != "break":
                notes.append(client.note("state"))
            self.assertEqual(notes[-1]["rip"], "0xd")
            stepped = "step" in [note["reason"] for note in notes]  # before the resume: it has passed the breakpoint
            self.assertEqual(int(client.call("regs.get")["rax"], 16), rax + stepped)
            client.call("break.clear", addr="0xd")

    def test_a_breakpoint_cleared_just_as_it_is_met(self):
        """It is nobody's, and what the run itself stops at elsewhere does not make it the run's."""
        client = self.attach(self.counter("soft", "-c", 2, "--stop-at", "0x700", "--watch", "0x900"))
        for _ in range(300):
            for method, params in (("break.set", {"addr": "0x5"}), ("resume", {}), ("break.clear", {"addr": "0x5"}), ("resume", {})):
                client.call(method, **params)
        self.assertEqual(client.call("pause")["state"], "paused")
        self.assertNotEqual(client.call("info")["reason"], "end")

    def test_breakpoints_of_the_run_where_cs_has_a_base(self):
        """They are linear addresses: a client's at the same offset is another's, and does not end the run."""
        image = self.file("based.bin", bytes.fromhex("ea05001000").ljust(0x105, b"\0") + bytes.fromhex("90 ebfd"))
        machine = Machine(self, image, "-e", "soft", "--mode", "real", "-S", "--gdb-port", "0", "--stop-at", "0x5", "--stop-at", "0x106")
        client = self.attach(machine)
        client.call("break.set", addr="0x105")
        client.call("resume")
        self.assertEqual(self.until(client, "break")["rip"], "0x5")
        client.call("resume")
        code, _, err = machine.wait()
        self.assertEqual(code, OK, err)
        self.assertIn(b"breakpoint at rip 0x6", err)

    @needs_kvm
    def test_steps_and_breakpoints_on_kvm(self):
        self.steps_and_breaks("kvm")

    def watches(self, engine):
        client = self.attach(self.counter(engine))
        client.call("watch.set", addr="0x804", len=2)
        note = self.until(client, "watch")
        self.assertEqual((note["how"], note["rip"] in ("0xd", "0x5")), ("w", True), note)
        client.call("watch.clear", addr="0x804", len=2)
        client.call("resume")
        self.assertEqual(client.call("info")["state"], "running")

    def test_watchpoints(self):
        self.watches("soft")

    @needs_kvm
    def test_watchpoints_on_kvm(self):
        self.watches("kvm")

    def test_registers_and_memory(self):
        client = self.attach(self.counter("soft"))
        client.call("pause")
        client.call("regs.set", regs={"rax": "0xfff0", "r15": "0xffffffffffffffff", "rip": "2", "fs_base": "0x10"})
        regs = client.call("regs.get")
        self.assertEqual((regs["rax"], regs["r15"], regs["rip"], regs["fs"]["base"]),
                         ("0xfff0", "0xffffffffffffffff", "0x2", "0x10"))
        client.call("step")
        self.until(client, "step")
        client.call("step")
        self.until(client, "step")
        self.assertEqual(client.call("mem.read", addr="0x800", len=8), {"bytes": "f1ff000000000000"})
        client.call("mem.write", addr="0x5", bytes="9090909090909090")  # no store any more
        client.call("mem.write", addr="0x800", bytes="AA", physical=True)
        client.call("resume")
        client.call("pause")
        self.assertEqual(client.call("mem.read", addr="0x800", len=1, physical=True), {"bytes": "aa"})

    def system_registers(self, engine):
        """In a guest of 32-bit code with tables of its own; what a CPU cannot be in is refused, and nothing is set."""
        # lgdt [0x20]; 1: jmp 1b; at 0x20 the limit and base 0x30; there: null, code, data, data of ring 3, no segment
        code = bytes.fromhex("0f011520000000 ebfe").ljust(0x20, b"\0") + bytes.fromhex("2700 30000000").ljust(0x10, b"\0") + \
            b"".join(d.to_bytes(8, "little") for d in (0, 0x00cf9b000000ffff, 0x00cf93001000ffff, 0x00cff3000000ffff, 0))
        image = self.file("system", code)
        machine = Machine(self, image, "-e", engine, "--mode", "protected", name=f"system-{engine}")
        client = machine.client()
        while client.call("regs.get")["gdt"]["limit"] != "0x27":
            pass
        client.call("pause")
        client.call("regs.set", regs={"ds": "0x10", "es_base": "0x1234", "cr3": "0x5000", "cr4": "0x10"})
        regs = client.call("regs.get")
        self.assertEqual((regs["ds"]["selector"], regs["ds"]["base"], regs["ds"]["limit"], regs["es"]["base"],
                          regs["cr3"], regs["cr4"]), ("0x10", "0x1000", "0xffffffff", "0x1234", "0x5000", "0x10"))
        client.call("regs.set", regs={"ds_base": "0x7", "ds": "0x10"})  # the base wins, in whatever order
        regs = client.call("regs.get")
        self.assertEqual(regs["ds"]["base"], "0x7")
        for wrong, words in (({"cr0": "0x80000000"}, "CR0.PG without CR0.PE"), ({"cr0": "0x20000001"}, "CR0.NW"),
                             ({"cr0": "0x100000011"}, "bits 63 to 32"), ({"cr4": "0x2000"}, "CR4: a bit"),
                             ({"efer": "0x400"}, "EFER.LMA"), ({"efer": "0x2"}, "EFER: a bit"),
                             ({"cr0": "0x80000011", "efer": "0x500", "cr4": "0x0"}, "without CR4.PAE"),
                             ({"cr3": "0xf000000000000000"}, "CR3"), ({"cs": "0x10"}, "CS: no code segment"),
                             ({"cs": "0x0"}, "CS: no code segment"), ({"ss": "0x8"}, "SS: no data segment"),
                             ({"ss": "0x1b"}, "different rings"), ({"ds": "0x20"}, "a data segment"),
                             ({"ss": "0x0"}, "SS: null"), ({"ds": "0x28"}, "outside of the GDT"),
                             ({"cs_base": "0x100000000"}, "beyond 4 GiB"),
                             ({"rbx": "0x1", "cr3": "0xf000000000000000"}, "CR3")):
            with self.subTest(wrong=wrong), self.assertRaises(Failed) as e:
                client.call("regs.set", regs=wrong)
            self.assertIn(words, str(e.exception))
        self.assertEqual(client.call("regs.get"), regs)

    def tables_and_debug(self, engine):
        """As system_registers: what is less seldom set than it is asked about."""
        # lgdt [0x20]; 1: jmp 1b; null, code, data, a task state segment, a local table, a busy one
        code = bytes.fromhex("0f011520000000 ebfe").ljust(0x20, b"\0") + bytes.fromhex("2f00 30000000").ljust(0x10, b"\0") + \
            b"".join(d.to_bytes(8, "little") for d in (0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x0000890200000067,
                                                       0x000082030000001f, 0x00008b0400000067))
        client = Machine(self, self.file("tables", code), "-e", engine, "--mode", "protected", name=f"tables-{engine}").client()
        while client.call("regs.get")["gdt"]["limit"] != "0x2f":
            pass
        client.call("pause")
        client.call("regs.set", regs={"tr": "0x18", "ldtr": "0x20", "ds_limit": "0xfff", "es_limit": "0x12345fff", "cr8": "5",
                                      "idt_base": "0x1000", "idt_limit": "0x7ff", "gdt_base": "0x30", "dr0": "0x1234", "dr7": "0x2",
                                      "dr6": "0x1"})
        regs = client.call("regs.get")
        self.assertEqual((regs["tr"]["base"], regs["tr"]["limit"], regs["tr"]["type"]), ("0x20000", "0x67", 11))
        self.assertEqual((regs["ldtr"]["base"], regs["ldtr"]["limit"], regs["ldtr"]["type"]), ("0x30000", "0x1f", 2))
        self.assertEqual((regs["ds"]["limit"], regs["ds"]["g"], regs["es"]["limit"], regs["es"]["g"]),
                         ("0xfff", False, "0x12345fff", True))
        self.assertEqual((regs["cr8"], regs["idt"], regs["dr0"], regs["dr7"], regs["dr6"]),
                         ("0x5", {"base": "0x1000", "limit": "0x7ff"}, "0x1234", "0x402", "0xffff0ff1"))
        client.call("regs.set", regs={"tr_base": "0x9000", "tr_limit": "0xff", "ldtr": "0x0", "dr7": "0x0"})
        regs = client.call("regs.get")
        self.assertEqual((regs["tr"]["base"], regs["tr"]["limit"], regs["ldtr"]["unusable"]), ("0x9000", "0xff", True))
        for wrong, words in (({"tr": "0x10"}, "TR: no task state"), ({"tr": "0x0"}, "TR: no task state"),
                             ({"ldtr": "0x18"}, "LDTR: no local"), ({"ldtr": "0x100"}, "outside of the GDT"),
                             ({"ds_limit": "0x100000"}, "a segment's limit"), ({"tr_limit": "0x123456"}, "limit of TR"),
                             ({"tr_base": "0x100000000"}, "beyond 4 GiB"), ({"cr8": "0x10"}, "CR8"),
                             ({"gdt_base": "0x800000000000"}, "GDT or IDT"), ({"dr7": "0x4000"}, "DR7"),
                             ({"dr6": "0x100000000"}, "DR6"), ({"exception": "0x2"}, "NMI"), ({"exception": "0x20"}, "0 to 31"),
                             ({"exception": "0x6", "exception_error": "1"}, "pushes none"), ({"interrupt": "0x20"}, "IF is clear"),
                             ({"shadow": "1"}, "held off")):
            with self.subTest(wrong=wrong), self.assertRaises(Failed) as e:
                client.call("regs.set", regs=wrong)
            self.assertIn(words, str(e.exception))
            self.assertEqual(e.exception.code, -32602)
        self.assertEqual(client.call("regs.get"), regs)

    def test_tables_and_debug_registers(self):
        self.tables_and_debug("soft")

    @needs_kvm
    def test_tables_and_debug_registers_on_kvm(self):
        self.tables_and_debug("kvm")

    def test_cr8_is_the_local_apics(self):
        client = Machine(self, self.file("echo.elf", echo_kernel()), "-e", "soft", "-m", "32M", name="apic").client()
        client.call("pause")
        client.call("regs.set", regs={"cr8": "0x5"})
        self.assertEqual((client.call("regs.get")["cr8"], client.call("regs")["cr8"]), ("0x5", "0x5"))
        self.assertRegex(client.call("devices", all=True, format="text")["text"], r"PPR +0x50\b")

    def events(self, engine):
        """Real mode: vectors 6 and 0x20 have handlers, which count; what is set comes before the next instruction."""
        # 1: sti; jmp 1b; at 0x10: inc word [0x610]; iret; at 0x20: inc word [0x620]; iret
        code = bytes.fromhex("fb ebfd").ljust(0x10, b"\x90") + bytes.fromhex("ff061006 cf").ljust(0x10, b"\x90") + \
            bytes.fromhex("ff062006 cf")
        client = Machine(self, self.file("events", code), "-e", engine, "--mode", "real", "--origin", "0x7000",
                         name=f"events-{engine}").client()
        client.call("pause")
        self.assertEqual(client.call("regs.get")["events"]["exception"], None)
        for vector, at in ((6, 0x7010), (0x20, 0x7020)):
            client.call("mem.write", addr=hex(4 * vector), bytes=at.to_bytes(4, "little").hex(), physical=True)
        client.call("regs.set", regs={"exception": "0x6"})
        self.assertEqual(client.call("regs.get")["events"]["exception"], "0x6")
        client.call("regs.set", regs={"exception": "none", "rflags": "0x202", "shadow": "0", "interrupt": "0x20"})
        events = client.call("regs.get")["events"]
        self.assertEqual((events["exception"], events["interrupt"], events["nmi"]), (None, "0x20", False))
        for regs, at in (({}, "0x620"), ({"exception": "0x6", "shadow": "0"}, "0x610")):
            client.call("regs.set", regs=regs)
            client.call("resume")
            while client.call("mem.read", addr=at, len=2, physical=True)["bytes"] != "0100":
                pass
            client.call("pause")
            events = client.call("regs.get")["events"]
            self.assertEqual((events["exception"], events["interrupt"]), (None, None))

    def test_events(self):
        self.events("soft")

    @needs_kvm
    def test_events_on_kvm(self):
        self.events("kvm")

    def test_system_registers(self):
        self.system_registers("soft")

    @needs_kvm
    def test_system_registers_on_kvm(self):
        self.system_registers("kvm")

    def test_selectors_where_they_are_addresses(self):
        machine = Machine(self, self.file("real", bytes.fromhex("ebfe")), "-e", "soft", "--mode", "real", name="real")
        client = machine.client()
        client.call("pause")
        client.call("regs.set", regs={"es": "0xb800"})
        es = client.call("regs.get")["es"]
        self.assertEqual((es["selector"], es["base"], es["limit"]), ("0xb800", "0xb8000", "0xffff"))

    def test_all_or_nothing(self):
        client = self.attach(self.counter("soft"))
        client.call("pause")
        before = client.call("regs.get")
        for regs in ({"rbx": "0x1", "nosuch": "0x1"}, {"rbx": "0x1", "rip": "0x1000000000000"}, {"rbx": 1},
                     {"rbx": "x"}, {"rbx": "0x10000000000000000"}, {"xcr0": "0x1"}, {"cs_limits": "0x1"}, {"cs": "0x10000"}, {"ds_limit": "0x100000000"},
                     {"gdt_limit": "0x10000"}, {"shadow": "0x3"}, {"nmi": "0x2"}, {"exception": "0x100"}, {"rax": "none"}):
            with self.assertRaises(Failed) as e:
                client.call("regs.set", regs=regs)
            self.assertEqual(e.exception.code, -32602)
        self.assertEqual(client.call("regs.get"), before)
        client.call("mem.write", addr="0x1ffffe", bytes="1122")
        for params in ({"addr": "0x1ffffe", "bytes": "334455"}, {"addr": "0x1ffffe", "bytes": "334455", "physical": True}):
            with self.assertRaises(Failed) as e:
                client.call("mem.write", **params)
            self.assertEqual(e.exception.code, -32004)
        for text in ("3", "3g", "0x33", " 33"):
            with self.assertRaises(Failed) as e:
                client.call("mem.write", addr="0x1ffffe", bytes=text)
            self.assertEqual(e.exception.code, -32602)
        self.assertEqual(client.call("mem.read", addr="0x1ffffe", len=2), {"bytes": "1122"})

    def test_one_debugger_at_a_time_and_what_it_leaves(self):
        machine = self.counter("soft")
        client, other = self.attach(machine), machine.client()
        with self.assertRaises(Failed) as e:
            other.call("debug.attach")
        self.assertEqual(e.exception.code, -32003)
        client.call("break.set", addr="0x5")
        self.until(client, "break")
        client.close()
        while other.call("info")["state"] != "running":
            time.sleep(0.01)
        other.call("debug.attach")
        other.call("pause")
        with self.assertRaises(Failed):
            other.call("break.clear", addr="0x5")  # it was not ours, and it is gone
        other.call("debug.detach")
        self.assertEqual(other.call("info")["state"], "running")
        with self.assertRaises(Failed):
            other.call("debug.detach")

    def test_the_end_is_held(self):
        machine = Machine(self, self.file("loop.bin", bytes.fromhex("f390ebfcf4")), "-e", "soft")
        client = self.attach(machine, hold_end=True)
        client.call("pause")
        client.call("regs.set", regs={"rip": "4"})
        client.call("resume")
        note = self.until(client, "end")
        self.assertEqual(note["end"], "halt")
        self.assertEqual(client.call("regs.get")["rip"], "0x5")
        for method in ("resume", "step"):
            with self.assertRaises(Failed) as e:
                client.call(method)
            self.assertEqual(e.exception.code, -32001)
        self.assertIsNone(machine.process.poll())
        client.call("debug.detach")
        self.assertEqual(machine.wait()[0], OK)

    def test_the_runs_own_stops_end_it(self):
        path = self.file("late.bin", bytes.fromhex("f390ebfc") + b"\x90\xf4")
        machine = Machine(self, path, "-e", "soft", "--stop-at", "5")
        client = self.attach(machine)
        client.call("break.set", addr="0x4")
        client.call("pause")
        client.call("regs.set", regs={"rip": "4"})
        client.call("resume")
        client.call("break.clear", addr="0x4")
        try:
            client.call("resume")
        except EOFError:
            pass
        code, _, err = machine.wait()
        self.assertEqual(code, OK)
        self.assertIn(b"at rip 0x5", err)

    def test_limits_of_points(self):
        client = self.attach(self.counter("soft"))
        for i in range(32):
            client.call("break.set", addr=hex(0x10000 + i))
            client.call("break.set", addr=hex(0x10000 + i))
        with self.assertRaises(Failed) as e:
            client.call("break.set", addr="0x20000")
        self.assertEqual(e.exception.code, -32003)
        client.call("break.clear", addr="0x10000")
        client.call("break.set", addr="0x20000")


class Console(Case):
    def kernel(self, **more):
        return Machine(self, self.file("echo", echo_kernel()), "-e", "soft", "-m", "16M", **more)

    def type(self, client, text):
        while text:
            text = text[client.call("console.send", text=text)["taken"]:]

    def test_both_ways(self):
        machine = self.kernel()
        client = machine.client()
        self.assertEqual(client.call("console.subscribe"), {"text": "", "position": 0, "subscription": 1})
        every = "".join(map(chr, range(1, 256)))
        self.type(client, every)
        got = ""
        while len(got) < 255:
            note = client.note("console")
            got += note["text"]
        self.assertEqual((got, note["position"]), (every, 255))
        self.assertEqual(client.call("console.tail", bytes=3), {"text": "\xfd\xfe\xff", "position": 255})
        self.assertEqual(client.call("console.subscribe", bytes=1)["text"], "\xff")
        with self.assertRaises(Failed) as e:
            client.call("console.send", text="a\u0100")
        self.assertEqual(e.exception.code, -32602)
        vitro("stop", "--now", machine.name)
        self.assertEqual(machine.wait()[1], every.encode("latin-1"))

    def test_a_console_heeds_no_signal_that_is_ignored(self):
        """As under nohup: a SIGHUP that is ignored is not delivered because it is blocked."""
        machine = Machine(self, self.file("printer", PRINT_FOREVER), "-e", "soft", name="nohup")
        console = subprocess.Popen([VITRO, "console", machine.name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.addCleanup(console.stdout.close)
        self.addCleanup(console.kill)
        self.assertTrue(console.stdout.read(1))
        console.send_signal(signal.SIGHUP)
        for _ in range(100):  # it goes on
            self.assertTrue(console.stdout.read(1000))
        console.send_signal(signal.SIGTERM)
        console.stdout.read()
        self.assertEqual(console.wait(60), STOPPED)

    def test_command(self):
        machine = self.kernel()
        console = subprocess.Popen([VITRO, "console", machine.name], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(console.wait)
        self.addCleanup(console.kill)
        console.stdin.write(b"hello\xff\x1dq there\n")
        console.stdin.flush()
        self.assertEqual(console.stdout.read(15), b"hello\xff\x1dq there\n"[:15])
        self.expect(vitro("stop", "--now", machine.name), OK)
        self.assertEqual(console.wait(60), OK)
        for pipe in (console.stdin, console.stdout, console.stderr):
            pipe.close()

    def attached_to_terminal(self, text):
        """What `vitro console` shows on a terminal of a guest that has printed that, and goes on without a word."""
        # mov esi, 0x20; mov ecx, len; 1: lodsb; out 0xe9, al; loop 1b; jmp .
        code = b"\xbe\x20\0\0\0\xb9" + len(text).to_bytes(4, "little") + bytes.fromhex("ace6e9e2fbebfe")
        machine = Machine(self, self.file("text", code.ljust(0x20, b"\0") + text), "-e", "soft", stdout=subprocess.DEVNULL)
        client = machine.client()
        while client.call("console.tail", bytes=0)["position"] < len(text):
            time.sleep(0.01)
        ours, its = os.openpty()
        tty.setraw(its)
        console = subprocess.Popen([VITRO, "console", machine.name], stdin=subprocess.DEVNULL, stdout=its,
                                   stderr=subprocess.DEVNULL)
        os.close(its)
        shown = os.read(ours, 4096)  # it has been told what there was
        client.call("stop", now=True)
        with contextlib.suppress(OSError):  # its end is closed
            while data := os.read(ours, 4096):
                shown += data
        os.close(ours)
        console.wait(60)
        return shown

    def test_on_a_terminal_the_last_lines_come_first(self):
        line = b"%06d\n"
        lines = lambda n: b"".join(line % i for i in range(n))
        self.assertEqual(self.attached_to_terminal(lines(20)), lines(20))
        many = lines(400)
        self.assertEqual(self.attached_to_terminal(many), many[-1995:])  # of 2,000 bytes, from a line's start on
        self.assertEqual(self.attached_to_terminal(many + b"12345"), many[-1995:] + b"12345")  # exactly 2,000
        whole = b"x" * 11 + lines(284) + b"\n"  # one byte more than is asked for
        self.assertEqual(len(whole), 2000)
        self.assertEqual(self.attached_to_terminal(whole), whole)
        self.assertEqual(self.attached_to_terminal(b"y" + whole), b"y" + whole)

    def test_a_slow_reader_is_told_what_it_lost(self):
        path = self.file("print.bin", PRINT_FOREVER)
        machine = Machine(self, path, "-e", "soft", stdout=subprocess.DEVNULL)
        client = machine.client()
        start = client.call("console.subscribe")["position"]
        other = machine.client()
        while other.call("console.tail", bytes=0)["position"] < 700_000:  # more than is kept for it
            time.sleep(0.05)
        seen = dropped = 0
        client.call("pause")
        end = client.call("console.tail", bytes=0)["position"]
        while start + seen + dropped < end:
            doc = client.notes.pop(0) if client.notes else client.line()
            if doc["method"] == "dropped":
                dropped += doc["params"]["count"]
            elif doc["method"] == "console":
                seen += len(doc["params"]["text"])
        self.assertEqual(start + seen + dropped, end)
        self.assertGreater(dropped, 0)


class Trace(Case):
    def test_events(self):
        path = self.file("print.bin", PRINT_FOREVER)
        machine = Machine(self, path, "-e", "soft", stdout=subprocess.DEVNULL)
        client, other = machine.client(), machine.client()
        client.call("trace.subscribe")
        for _ in range(100):
            event = client.note("trace")["event"]
        self.assertEqual((event["event"], event["reason"], event["device"]), ("exit", "pio", "debugcon"))
        with self.assertRaises(Failed) as e:
            other.call("trace.subscribe")
        self.assertEqual(e.exception.code, -32003)
        client.close()
        while True:
            try:
                other.call("trace.subscribe")
                break
            except Failed:
                time.sleep(0.01)
        other.note("trace")
        other.call("unsubscribe", subscription=1)
        other.call("trace.subscribe")
        self.assertEqual(vitro("stop", machine.name).returncode, OK)

    def test_looking_is_no_event(self):
        client = Machine(self, "spin", "-e", "soft").client()
        client.call("trace.subscribe")
        for _ in range(200):
            client.call("regs")
        client.call("unsubscribe", subscription=1)
        self.assertEqual([n for n in client.notes if n["params"]["event"]["event"] == "exit"], [])


if __name__ == "__main__":
    unittest.main()
