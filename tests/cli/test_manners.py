# SPDX-License-Identifier: MIT
"""What a user may trip over: widths of help, ignored signals, options that need others, several CPUs."""
import json
import os
import signal
import subprocess
import time
import unittest

from common import GUEST, IMAGE, OK, TIMEOUT, USAGE, VITRO, Case, needs_kvm, vitro

COMMANDS = vitro("--list").stdout.decode().split()


class Words(Case):
    def test_help_fits_a_terminal(self):
        for command in [["help"], *([name, "--help"] for name in COMMANDS)]:
            run = vitro(*command)
            self.expect(run, OK)
            for line in run.stdout.decode().splitlines():
                self.assertLessEqual(len(line), 80, command)

    def test_help_has_columns(self):
        for cmd in ("run", "blocks", "trace"):
            lines = vitro(cmd, "--help").stdout.decode().split("options:\n")[1].splitlines()
            for line in lines:
                self.assertRegex(line, r"^( {28}\S|  (-\w,|   ) --\S+( \S+)?( {2,}\S.*)?$)", cmd)

    def test_files_need_the_device(self):
        image = self.file("halt", b"\xf4")
        self.refuse(vitro("run", image, "--files", self.tmp), USAGE, "--hypercalls")
        self.refuse(vitro("run", "hello", "--files-cow"), USAGE, "--files DIR")


class Runs(Case):
    def test_a_register_of_a_cpu_that_is_not_there(self):
        self.refuse(vitro("walk", "hello", "rip", "--cpu", "3"), USAGE, "CPU 3: the machine has 1")

    def test_two_devices_at_one_port(self):
        self.refuse(vitro("run", "hello", "--debug-exit=0xe9"), USAGE, "overlaps debugcon")

    def test_where_a_spinning_guest_was_stopped(self):
        doc, run = self.json("run", "spin", "--timeout", "0.2")
        self.expect(run, TIMEOUT)
        self.assertEqual(doc["rip"], doc["failure"]["regs"]["rip"])
        self.assertIn("ended by the time limit", doc["text"])

    def test_failure_in_json_has_state_and_last_exits(self):
        doc, _ = self.json("run", "fault")
        self.assertEqual(doc["failure"]["regs"]["rip"], "0x5")
        self.assertEqual(doc["failure"]["recent"]["recent"][-1]["reason"], "shutdown")
        self.assertEqual(doc["failure"]["code"]["instructions"][0]["addr"], "0x5")
        self.expect(vitro("run", "fault"), GUEST, "> 0x00000005")

    def test_a_line_for_each_cpu(self):
        run = vitro("run", "hello", "-c", "3")
        self.expect(run, OK, "45 exits", "; memory at 0x400 = 42",
                    *(f"CPU {i}: 15 exits, rip 0x20, rax = 42" for i in range(3)))
        self.assertNotIn("CPU", vitro("run", "hello").stderr.decode())
        doc, _ = self.json("run", "hello", "-c", "2")
        self.assertEqual([(c["cpu"], c["exits"], c["rax"]) for c in doc["cpus"]],
                         [(0, 15, "0x2a"), (1, 15, "0x2a")])

    def test_each_stack_is_on_the_map(self):
        text = vitro("map", "hello", "-c", "2").stdout.decode()
        self.assertRegex(text, r"0x1ff000-0x1fffff +stack of CPU 0 ")
        self.assertRegex(text, r"0x1fb000-0x1fbfff +stack of CPU 1 ")

    def test_an_ignored_signal_stays_ignored(self):
        """As under nohup: a hang-up does not end the run."""
        with subprocess.Popen([VITRO, "run", "spin", "-q", "--timeout", "1"], stderr=subprocess.PIPE,
                              preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as run:
            time.sleep(0.3)
            run.send_signal(signal.SIGHUP)
            self.assertEqual(run.wait(timeout=30), TIMEOUT)

    def test_blocked_signals_do_not_keep_it_running(self):
        """A mask that the parent left behind: the time limit must still reach the CPU."""
        run = vitro("run", "spin", "-q", "--timeout", "0.3", timeout=30,
                    preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()))
        self.expect(run, TIMEOUT)

    def test_closed_output_takes_no_other_file(self):
        """With descriptor 1 free, the trace must not get it and then the guest's output too."""
        trace = self.tmp / "trace"
        subprocess.run(["sh", "-c", 'exec "$0" run hello -q --to jsonl --trace "$1" >&-', VITRO, trace],
                       stderr=subprocess.DEVNULL)
        self.assertTrue(all(json.loads(line) for line in trace.read_text().splitlines()))


    def test_names_of_any_bytes(self):
        for name in (b"\xff\x1b[31mbad", "a".encode() * 62 + "\u00e9b".encode()):
            path = os.path.join(os.fsencode(self.tmp), name)
            with open(path, "wb") as image:
                image.write(b"\xf4")
            for command in ("run", "explain", "map"):
                run = subprocess.run([VITRO, command, path, "-j"], stdout=subprocess.PIPE, timeout=60)
                self.assertEqual(run.returncode, OK)
                json.loads(run.stdout)
            self.assertNotIn(b"\x1b", subprocess.run([VITRO, "run", path], stderr=subprocess.PIPE).stderr)

    def test_errors_are_one_line_whatever_the_name(self):
        self.refuse(vitro("run", "./no\nsuch\x1bfile"), IMAGE, "./no?such?file")
        self.refuse(vitro("run", "hello", "--then", "a\nb"), USAGE, "a?b")


@needs_kvm
class Calls(Case):
    def events(self):
        run = vitro("trace", "hello", "-c", "2", "-j", "-q")
        return [json.loads(line) for line in run.stdout.splitlines()]

    def test_calls_name_their_cpu(self):
        calls = [e for e in self.events() if e["event"] == "call"]
        for cpu in (0, 1):
            self.assertTrue({"KVM_SET_REGS", "KVM_RUN"} <=
                            {e["call"] for e in calls if e["object"] == "vcpu" and e["cpu"] == cpu})
        self.assertEqual({e["cpu"] for e in calls if e["object"] != "vcpu"}, {0})
        self.assertIn("vcpu 1    KVM_RUN", vitro("trace", "hello", "-c", "2", "--flow", "-q").stdout.decode())

    def test_capabilities_are_named(self):
        asked = [e["meaning"] for e in self.events() if e.get("call") == "KVM_CHECK_EXTENSION"]
        self.assertTrue(asked)
        self.assertEqual([m for m in asked if not m.startswith("KVM_CAP_")], [])
        self.assertEqual(len(set(asked)), len(asked))


if __name__ == "__main__":
    unittest.main()
