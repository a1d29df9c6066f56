# SPDX-License-Identifier: MIT
"""Back in time: machines of --deterministic that step and run backwards, through the control socket."""
import pathlib
import re
import signal
import time
import unittest

from common import ENGINE, GUEST, OK, USAGE, VITRO, Case, vitro
from debuggers import Debugged, Server, gdb, needs_gdb
from guests import COUNTER, REBOOT_CODE, echo_kernel, kernel
from rpc import Failed, Machine
from terminal import Window


class Back(Case):
    def open(self, *args, code=COUNTER, **more):
        path = code if isinstance(code, str) else self.file("guest.bin", code)
        self.machine = Machine(self, path, "-e", "soft", "--deterministic", *args, **more)
        client = self.machine.client()
        client.call("debug.attach", hold_end=True)
        return client

    def until(self, client, reason):
        while (note := client.note("state"))["reason"] != reason:
            pass
        return note

    def go(self, client, method, reason="step", **params):
        client.call(method, **params)
        return self.until(client, reason)

    def regs(self, client):
        regs = client.call("regs.get")
        return {name: regs[name] for name in ("rip", "rax", "rflags", "rsp")}

    def pause_after(self, client, rounds):
        """Of COUNTER: a pause may come before the first instruction."""
        while int(self.regs(client)["rax"], 16) < rounds:
            time.sleep(0.005)
        client.call("pause")

    def test_steps_back_are_steps_undone(self):
        client = self.open()
        client.call("break.set", addr="0x5")
        self.until(client, "break")
        seen = [self.regs(client)]
        for _ in range(12):
            self.go(client, "step")
            seen.append(self.regs(client))
        for want in reversed(seen[:-1]):
            self.go(client, "back.step")
            self.assertEqual(self.regs(client), want)
        self.go(client, "step")
        self.assertEqual(self.regs(client), seen[1])

    def test_memory_goes_back_too(self):
        client = self.open()
        client.call("pause")
        rax = int(self.regs(client)["rax"], 16)
        before = client.call("mem.read", addr="0x800", len=8)
        for _ in range(9):
            self.go(client, "step")
        self.assertEqual(int(self.regs(client)["rax"], 16), rax + 3)
        self.assertNotEqual(client.call("mem.read", addr="0x800", len=8), before)
        for _ in range(9):
            self.go(client, "back.step")
        self.assertEqual(int(self.regs(client)["rax"], 16), rax)
        self.assertEqual(client.call("mem.read", addr="0x800", len=8), before)

    def test_to_breakpoints_and_watchpoints(self):
        client = self.open()
        self.pause_after(client, 10)
        client.call("break.set", addr="0x5")
        self.go(client, "back.continue", "break")
        here = int(self.regs(client)["rax"], 16)
        for back in (1, 2, 3):
            self.assertEqual(self.go(client, "back.continue", "break")["rip"], "0x5")
            self.assertEqual(int(self.regs(client)["rax"], 16), here - back)
        client.call("break.clear", addr="0x5")
        client.call("watch.set", addr="0x800", len=4)
        note = self.go(client, "back.continue", "watch")
        self.assertEqual((note["rip"], note["addr"], note["how"]), ("0x5", "0x800", "w"))
        self.assertEqual(int(self.regs(client)["rax"], 16), here - 4)
        written = client.call("mem.read", addr="0x800", len=8)["bytes"]
        self.assertEqual(int.from_bytes(bytes.fromhex(written), "little"), here - 5)  # not yet

    def test_a_search_can_be_stopped(self):
        """For what is nowhere in a long past: a pause comes first, and where it stood still there is a past, too."""
        client = self.open()
        self.pause_after(client, 1_000_000)
        self.until(client, "pause")
        client.call("break.set", addr="0x700")
        client.call("back.continue")
        client.call("pause")
        self.assertEqual(client.note("state")["reason"], "pause")
        before = self.regs(client)
        self.go(client, "step")
        self.go(client, "back.step")
        self.assertEqual(self.regs(client), before)

    def test_the_beginning(self):
        client = self.open("-S", "--gdb-port", "0")
        with self.assertRaises(Failed) as e:
            client.call("back.step", cpu=3)
        self.assertEqual(e.exception.code, -32602)
        self.go(client, "back.step", "oldest")
        for _ in range(3):
            self.go(client, "step")
        client.call("break.set", addr="0x700")
        self.go(client, "back.continue", "oldest")
        self.assertEqual(self.regs(client)["rip"], "0x0")
        self.go(client, "step")
        self.assertEqual(self.regs(client)["rip"], "0x2")

    def test_before_the_first_entry(self):
        client = self.open("-S", "--gdb-port", "0")
        for addr in range(5, 5 + 32):  # with and without room for another breakpoint
            self.go(client, "back.continue", "oldest") if addr in (5, 6) else None
            client.call("break.set", addr=hex(addr))
        self.go(client, "back.continue", "oldest")
        self.go(client, "back.step", "oldest")
        self.assertEqual(self.regs(client)["rip"], "0x0")
        self.assertEqual(self.go(client, "resume", "break")["rip"], "0x5")
        self.go(client, "back.continue", "oldest")
        self.go(client, "back.continue", "oldest")
        self.assertEqual(self.regs(client)["rip"], "0x0")
        self.assertEqual(self.go(client, "resume", "break")["rip"], "0x5")

    def test_from_the_end_of_a_run(self):
        client = self.open("-S", "--gdb-port", "0", code="fault")
        self.go(client, "resume", "end")
        rip = self.regs(client)["rip"]
        self.go(client, "back.step")
        self.assertNotEqual(self.regs(client)["rip"], rip)
        self.go(client, "step")
        self.assertEqual(self.regs(client)["rip"], rip)
        note = self.go(client, "resume", "end")
        self.assertEqual(note["end"], "shutdown")
        client.call("debug.detach")
        self.assertEqual(self.machine.wait()[0], 2)

    def test_output_comes_once(self):
        client = self.open("-S", "--gdb-port", "0", code="hello")
        self.go(client, "resume", "end")
        client.call("break.set", addr="0x0")
        self.go(client, "back.continue", "break")
        client.call("break.clear", addr="0x0")
        self.go(client, "resume", "end")
        client.call("debug.detach")
        code, out, _ = self.machine.wait()
        self.assertEqual((code, out), (OK, vitro("run", "hello", "-q").stdout))

    def test_keys_come_again(self):
        path = self.file("echo.elf", echo_kernel())
        client = self.open("-m", "64M", code=str(path))
        client.call("console.subscribe")
        client.call("console.send", text="a")
        self.assertEqual(client.note("console")["text"], "a")
        client.call("pause")
        end = self.regs(client)
        client.call("break.set", addr="0x100112")  # in al, dx: where it takes the byte
        self.go(client, "back.continue", "break")
        self.go(client, "step")
        self.assertEqual(int(self.regs(client)["rax"], 16) & 0xff, ord("a"))
        client.call("console.send", text="b")  # waits for the present
        client.call("break.clear", addr="0x100112")
        client.call("resume")
        self.assertEqual(client.note("console")["text"], "b")
        self.assertEqual(end["rsp"], self.regs(client)["rsp"])

    def seen(self, client):
        return self.regs(client) | {n: client.call("mem.read", addr=n, len=8)["bytes"] for n in ("0x800", "0x900")}

    def steps(self, client, n, method="step"):
        for _ in range(n):
            self.go(client, method)
        return self.seen(client)

    def test_a_change_from_outside_is_part_of_the_past(self):
        client = self.open("-S", "--gdb-port", "0")
        self.steps(client, 5)
        first = self.seen(client)
        client.call("regs.set", regs={"rax": "0x7777"})
        client.call("mem.write", addr="0x900", bytes="0123456789abcdef")
        changed = self.seen(client)
        self.assertEqual((changed["rax"], changed["0x900"]), ("0x7777", "0123456789abcdef"))
        last = self.steps(client, 6)
        self.assertEqual(self.steps(client, 6, "back.step"), changed)
        before = self.steps(client, 1, "back.step")
        self.assertEqual(before["0x900"], first["0x900"])
        self.assertNotEqual(int(before["rax"], 16) >> 12, 7)
        self.assertEqual(self.steps(client, 1), changed)  # done again where it was done
        self.assertEqual(self.steps(client, 6), last)
        self.go(client, "back.continue", "oldest")  # and from the beginning
        self.assertEqual(self.seen(client)["0x900"], "00" * 8)
        client.call("watch.set", addr="0x800", len=8)
        while int(self.regs(client)["rax"], 16) < int(last["rax"], 16):
            self.go(client, "resume", "watch")
        self.assertEqual(self.seen(client)["0x900"], "0123456789abcdef")

    def test_all_registers_that_can_be_set_are_part_of_it(self):
        client = self.open("-S", "--gdb-port", "0")

        def look():
            regs = client.call("regs.get")
            return {name: regs[name] for name in ("rip", "rax", "dr0", "dr7", "cr8", "tr", "idt", "ds", "events")}
        self.steps(client, 5)
        first = look()
        client.call("regs.set", regs={"dr0": "0x8000", "dr7": "0x2", "cr8": "3", "tr_base": "0x9000", "idt_limit": "0xff",
                                      "ds_limit": "0xfff", "rflags": "0x202", "shadow": "0x2", "exception": "none"})
        changed = look()
        self.assertEqual((changed["dr0"], changed["cr8"], changed["events"]["shadow"]), ("0x8000", "0x3", 2))
        self.steps(client, 3)
        last = look()
        for _ in range(3):
            self.go(client, "back.step")
        self.assertEqual(look(), changed)
        self.go(client, "back.step")
        self.assertEqual({**look(), "rip": 0, "rax": 0}, {**first, "rip": 0, "rax": 0})
        for _ in range(4):
            self.go(client, "step")
        self.assertEqual(look(), last)

    def test_a_change_in_the_past_begins_another_future(self):
        client = self.open()
        client.call("pause")
        self.steps(client, 2)
        client.call("mem.write", addr="0x900", bytes="11")
        self.steps(client, 4)
        client.call("mem.write", addr="0x901", bytes="22")
        self.steps(client, 2)
        self.steps(client, 4, "back.step")  # between the two
        client.call("regs.set", regs={"rax": "0x5000"})
        there = self.steps(client, 8)
        self.assertEqual(there["0x900"], "1100" + "00" * 6)  # the second write is of a future that does not come
        self.assertEqual(int(there["rax"], 16) >> 12, 5)
        self.assertEqual(self.steps(client, 8, "back.step")["rax"], "0x5000")
        self.assertEqual(self.steps(client, 8), there)

    def test_more_than_is_kept_begins_a_new_past(self):
        client = self.open("-m", "32M")
        client.call("pause")
        self.steps(client, 2)
        for i in range(17 * 64):
            client.call("mem.write", addr=hex(0x10000 + i * 0x4000), bytes="ab" * 0x4000, physical=True)
        self.go(client, "back.step", "oldest")
        self.steps(client, 2)

    def booted(self, client):
        return self.regs(client) | {"count": client.call("mem.read", addr="0x200000", len=4, physical=True)["bytes"]}

    def reboots(self, *args):
        client = self.open("-S", "--gdb-port", "0", "-m", "32M", *args, code=str(self.file("reboot.elf", kernel(REBOOT_CODE))))
        client.call("break.set", addr="0x10011b")
        return client

    def test_over_a_reset_of_the_guest(self):
        client = self.reboots()
        first = self.booted(client)
        self.go(client, "resume", "break")
        before = self.booted(client)
        self.assertEqual(before["count"], "e8030000")
        self.go(client, "step")
        after = self.booted(client)
        self.assertEqual((after["rip"], after["count"]), (first["rip"], "00000000"))  # begins anew, and stands there
        seen = [after]
        for _ in range(5):
            self.go(client, "step")
            seen.append(self.booted(client))
        self.assertEqual(seen[3]["count"], "01000000")
        for want in [*reversed(seen[:-1]), before]:
            self.go(client, "back.step")
            self.assertEqual(self.booted(client), want)
        self.go(client, "step")
        self.assertEqual(self.booted(client), after)
        for _ in range(3):
            self.go(client, "resume", "break")
        for _ in range(3):
            self.go(client, "back.continue", "break")
            self.assertEqual(self.booted(client)["count"], "e8030000")
        self.assertEqual(self.booted(client), before)
        self.go(client, "back.continue", "oldest")
        self.assertEqual(self.booted(client), first)
        client.call("break.clear", addr="0x10011b")
        client.call("console.subscribe")
        client.call("stop", now=True)
        while client.note("state")["reason"] != "end":
            pass
        self.assertEqual(self.machine.wait()[1], b"RRRR")  # each once

    def test_over_the_reset_button(self):
        client = self.reboots()
        self.go(client, "resume", "break")
        there = self.booted(client)
        self.go(client, "back.step")
        before = self.booted(client)
        self.go(client, "step")
        client.call("reset")
        after = self.booted(client)
        self.assertEqual((after["rip"], after["count"]), ("0x100100", "00000000"))  # it stands there
        for _ in range(5):
            self.go(client, "step")
        self.assertEqual(self.booted(client)["count"], "02000000")
        for _ in range(5):
            self.go(client, "back.step")
        self.assertEqual(self.booted(client), after)
        self.go(client, "back.step")
        self.assertEqual(self.booted(client), before)
        self.go(client, "step")
        self.assertEqual(self.booted(client), after)  # pressed again where it was
        second = self.go(client, "resume", "break")
        self.assertEqual(self.booted(client)["count"], "e8030000")
        self.assertEqual(self.go(client, "back.continue", "break"), second)  # where it was pressed, before that
        self.assertEqual(self.booted(client), there)
        self.go(client, "back.continue", "oldest")
        for _ in range(2):
            self.go(client, "resume", "break")
            self.assertEqual(self.booted(client), there)  # the first and the second time
        for _ in range(2):
            client.call("reset")
        self.assertEqual(self.booted(client), after)

    def test_a_reset_that_there_is_no_room_for(self):
        """What memory held does not fit: the past begins anew, and the machine goes on."""
        client = self.reboots("--checkpoints", "4K")
        for _ in range(3):
            self.go(client, "resume", "break")
        self.go(client, "back.step", "oldest")
        self.go(client, "resume", "break")
        self.assertEqual(self.booted(client)["count"], "e8030000")

    def test_a_reset_when_all_is_over(self):
        client = self.reboots("--no-reboot")
        with self.assertRaises(Failed):
            client.call("reset")
        self.go(client, "resume", "break")
        before = self.booted(client)
        self.assertEqual(self.go(client, "resume", "end")["end"], "reset")
        self.go(client, "back.continue", "break")
        self.assertEqual(self.booted(client), before)

    def test_two_cpus(self):
        client = self.open("-c", "2")
        client.call("pause")
        for cpu in (0, 1):
            before = client.call("regs.get", cpu=cpu)
            client.call("step", cpu=cpu)
            self.until(client, "step")
            client.call("back.step", cpu=cpu)
            self.until(client, "step")
            after = client.call("regs.get", cpu=cpu)
            self.assertEqual((after["rip"], after["rax"]), (before["rip"], before["rax"]))

    def test_what_keeps_no_past(self):
        for args in (("-e", "soft"), ("--deterministic", "--checkpoints", "0")):
            client = Machine(self, "spin", *args).client()
            self.assertIs(client.call("info")["past"], False)
            client.call("pause")
            for method in ("back.step", "back.continue"):
                with self.assertRaises(Failed) as e:
                    client.call(method)
                self.assertEqual(e.exception.code, -32002)
        self.refuse(vitro("run", "hello", "--checkpoints", "1M"), USAGE, "--deterministic")
        self.refuse(vitro("run", "hello", "--deterministic", "--checkpoints", "much"), USAGE, "256M")

    def test_little_memory_is_enough(self):
        self.expect(vitro("run", "hello", "--deterministic", "--checkpoints", "1"), OK, "halted")


@needs_gdb
class Gdb(Case):
    def test_backwards_from_a_triple_fault(self):
        machine = Debugged(self, "fault", "-e", "soft", "--deterministic")
        text = gdb(machine.where, "continue", "printf \"at %#lx\\n\", $rip", "reverse-stepi",
                   "printf \"before %#lx\\n\", $rip", "stepi", "printf \"again %#lx\\n\", $rip",
                   "reverse-continue", "printf \"first %#lx\\n\", $rip", "continue")
        self.assertIn("SIGSEGV", text)
        at, before, again, first = (re.search(rf"{word} (0x[0-9a-f]+|0)\n", text).group(1)
                                    for word in ("at", "before", "again", "first"))
        self.assertEqual(at, again)
        self.assertLess(int(before, 16), int(at, 16))
        self.assertEqual(int(first, 16), 0)
        self.assertIn("No more reverse-execution history", text)
        self.assertEqual(text.count("SIGSEGV"), 2)

    def test_to_breakpoints(self):
        machine = Debugged(self, "hello", "-e", "soft", "--deterministic", "--mode", "long")
        text = gdb(machine.where, "break *0xf", *["continue"] * 5, "printf \"al %c\\n\", $rax & 255",
                   *["reverse-continue", "printf \"back %c\\n\", $rax & 255"] * 4, "delete", "continue")
        self.assertIn("al o\n", text)
        self.assertEqual(re.findall(r"back (.)", text), ["l", "l", "e", "H"])
        self.assertEqual(machine.wait()[:2], (OK, b"Hello, world!\n"))

    def test_who_wrote_it(self):
        machine = Debugged(self, "hello", "-e", "soft", "--deterministic", "--mode", "long")
        text = gdb(machine.where, "continue", "printf \"end %d\\n\", *(int *)0x400", "watch *(int *)0x400",
                   "reverse-continue", "printf \"then %d\\n\", *(int *)0x400", "x/i $pc")
        self.assertIn("end 42\n", text)
        self.assertIn("Old value = 42", text)
        self.assertIn("New value = 0", text)
        self.assertIn("then 0\n", text)
        self.assertRegex(text, r"=> 0x\w+:\s+mov.*,(?:ds:)?0x400")

    def test_not_without_a_past(self):
        machine = Debugged(self, "hello", "-e", "soft")
        self.assertIn("does not support this command", gdb(machine.where, "reverse-stepi", "continue"))


class OnFault(Case):
    @needs_gdb
    def test_without_a_terminal_it_waits_for_a_debugger(self):
        log = open(self.tmp / "stderr", "wb")
        self.addCleanup(log.close)
        machine = Machine(self, "fault", "--rewind-on-fault", stderr=log)
        where = Server(log.name).where(machine.process).rstrip("'")
        text = gdb(where, "printf \"at %#lx\\n\", $rip", "reverse-stepi", "printf \"before %#lx\\n\", $rip",
                   "reverse-stepi", "continue", "continue")
        self.assertIn("at 0x5\n", text)
        self.assertIn("before 0\n", text)
        self.assertIn("No more reverse-execution history", text)
        self.assertIn("SIGSEGV", text)
        self.assertEqual(machine.wait()[0], GUEST)
        self.assertIn(b"triple fault", pathlib.Path(log.name).read_bytes())
        self.assertFalse(pathlib.Path(where).exists())

    def test_only_where_a_guest_fails(self):
        self.expect(vitro("run", "hello", "--rewind-on-fault"), OK, "halted")

    def test_it_can_be_stopped_while_it_waits(self):
        log = open(self.tmp / "stderr", "wb")
        self.addCleanup(log.close)
        machine = Machine(self, "fault", "--rewind-on-fault", stderr=log)
        Server(log.name).where(machine.process)
        machine.process.send_signal(signal.SIGTERM)
        self.assertEqual(machine.wait()[0], GUEST)

    def test_it_needs_a_run_that_can_be_repeated(self):
        self.refuse(vitro("run", "fault", "--rewind-on-fault", "-e", "kvm"), ENGINE, "--engine soft")


@needs_gdb
class OnTerminal(Window):
    def test_a_prompt_that_steps_backwards(self):
        self.keys(f"DEBUGINFOD_URLS= HOME=/nonexistent {VITRO} run fault --rewind-on-fault", "Enter")
        self.wait_for("(gdb)")
        self.keys("reverse-stepi", "Enter")
        self.wait_for("0x0000000000000000 in")
        self.keys("stepi", "Enter")
        self.wait_for("0x0000000000000005 in", 2)
        self.keys("detach", "Enter")
        self.wait_for("detached")
        self.keys("quit", "Enter")
        self.wait_for("exits of CPU 0, newest last")  # the report, at the end of the run
        self.wait_for("ready>")
        self.assertIn(" icanon", self.modes())


if __name__ == "__main__":
    unittest.main()
