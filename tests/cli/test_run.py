# SPDX-License-Identifier: MIT
"""vitro run: the main job, its report, its exit codes."""
import json
import os
import signal
import subprocess
import time
import unittest

from common import (ENGINE, GUEST, HOST, NO_KVM, OK, PRINT_FOREVER, STOPPED, TIMEOUT, USAGE, VITRO,
                    Case, needs_kvm, print_times, vitro)


class MainJob(Case):
    def test_verbose_says_what_was_found(self):
        run = vitro("run", "hello", "-v", "-q", "-e", "soft")
        self.assertEqual(run.returncode, 0)
        self.assertEqual(run.stderr.splitlines()[:2], [b"vitro: hello: found: built-in",
                                                       b"vitro: hello: 1 CPU, soft: it was asked for"])

    @needs_kvm
    def test_hello_prints_and_reports(self):
        run = vitro("run", "hello", "-e", "kvm")
        self.expect(run, OK, "15 exits", "on kvm", "rax = 42", "memory at 0x400 = 42")
        self.assertEqual(run.stdout, b"Hello, world!\n")

    def test_quiet_is_only_the_guest(self):
        run = vitro("run", "hello", "-q")
        self.assertEqual((run.returncode, run.stdout, run.stderr), (OK, b"Hello, world!\n", b""))

    @needs_kvm
    def test_the_engine_is_named_with_the_reason(self):
        run = vitro("run", "hello")
        self.expect(run, OK, "on kvm: ")

    def test_json_is_one_document(self):
        doc, run = self.json("run", "hello", "--then", "exits,regs,walk:0x400")
        self.expect(run, OK)
        self.assertEqual(doc["console"], "Hello, world!\n")
        self.assertEqual((doc["exits"], doc["end"], doc["exit_code"]), (15, "halt", 0))
        self.assertEqual([v["view"] for v in doc["then"]], ["exits", "regs", "walk"])
        self.assertTrue(all(v["data"] for v in doc["then"]))

    def test_then_prints_views(self):
        run = vitro("run", "hello", "-q", "--then", "map,walk:0x400,tables,regs,exits,mem:0x400:16,disasm:0:4")
        self.expect(run, OK)
        text = run.stdout.decode()
        for word in ("PML4", "0x400", "debugcon", "cr3", "2a 00 00 00"):
            self.assertIn(word, text)

    def test_the_guests_own_code_is_odd(self):
        self.expect(vitro("run", "exit"), 7)

    def test_triple_fault_shows_state_and_last_exits(self):
        run = vitro("run", "fault")
        self.expect(run, GUEST, "triple fault", "rip", "cr3", "shutdown")

    def test_stop_at_exit(self):
        doc, run = self.json("run", "hello", "--stop-at", "exit:5", "--then", "regs")
        self.expect(run, OK)
        self.assertEqual((doc["exits"], doc["end"], doc["console"]), (5, "count", "Hello"))

    def test_stop_at_address(self):
        """0xc is behind the whole loop's test: the first instruction after 'test al, al'."""
        doc, run = self.json("run", "hello", "--stop-at", "0x5")
        self.expect(run, OK)
        self.assertEqual(doc["end"], "break")
        self.assertEqual(doc["rip"], "0x5")
        self.assertIn("breakpoint at rip 0x5", doc["text"])
        self.assertNotIn(b"ended before", vitro("run", "hello", "--stop-at", "0x5").stderr)

    def test_stop_that_is_not_reached(self):
        for place in ("0x999", "exit:99", "insn:9999"):
            self.expect(vitro("run", "hello", "-e", "soft", "--stop-at", place), OK, "halted", "ended before --stop-at")

    def test_timeout_ends_a_spinning_guest(self):
        start = time.monotonic()
        run = vitro("run", "spin", "--timeout", "0.3")
        self.expect(run, TIMEOUT, "time limit", "rip")
        self.assertLess(time.monotonic() - start, 30)

    def test_two_processors(self):
        # mov [rdi*8 + 0x500], 1 ... each CPU marks its own place: inc byte [rdi+0x500]; hlt
        image = self.file("two", bytes.fromhex("fe8700050000f4"))
        doc, run = self.json("run", image, "-c", "2", "--then", "mem:0x500:2")
        self.expect(run, OK)
        self.assertEqual(doc["exits"], 2)
        self.assertIn("0101", json.dumps(doc["then"]).replace(" ", ""))


class Signals(Case):
    def stop_by(self, *signals):
        with subprocess.Popen([VITRO, "run", "spin"], stderr=subprocess.PIPE) as run:
            time.sleep(0.3)
            for sig in signals:
                run.send_signal(sig)
                time.sleep(0.05)
            err = run.stderr.read().decode()
            return run.wait(timeout=30), err

    def test_each_ending_signal_is_reported(self):
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            code, err = self.stop_by(sig)
            self.assertEqual(code, STOPPED, sig)
            self.assertIn("stopped from outside", err)

    def test_three_interrupts_end_it_too(self):
        code, _ = self.stop_by(signal.SIGINT, signal.SIGINT, signal.SIGINT)
        self.assertEqual(code, STOPPED)

    def test_a_storm_of_signals(self):
        """Those that come while the first one's end is under way end it with the same code, whatever moment they meet."""
        image = self.file("once", bytes.fromhex("b078e6e9ebfe"))  # mov al, 'x'; out 0xe9, al; jmp to itself
        for i in range(60):
            with subprocess.Popen([VITRO, "run", image, "-e", "soft"], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL) as run:
                self.assertEqual(run.stdout.read(1), b"x")
                while run.poll() is None:
                    run.send_signal((signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)[i % 4])
                    time.sleep(i * 5e-6)
                self.assertEqual(run.returncode, STOPPED, i)

    def test_stop_and_continue(self):
        """SIGTSTP and SIGCONT, and a storm of SIGWINCH, change nothing that the guest sees."""
        image = self.file("prints", print_times(3000))
        with subprocess.Popen([VITRO, "run", image, "-q"], stdout=subprocess.PIPE) as run:
            for _ in range(20):
                for sig in (signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT):
                    if run.poll() is None:
                        run.send_signal(sig)
                time.sleep(0.002)
            run.send_signal(signal.SIGCONT)
            out = run.stdout.read()
            self.assertEqual(run.wait(timeout=30), OK)
        self.assertEqual(out, b"x" * 3000)


class Output(Case):
    """Bad-input rows C1, C2, C4: nothing stops the monitor, and what is lost is said."""

    def test_closed_pipe(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        run = vitro("run", "hello", stdout=write_end)
        os.close(write_end)
        self.expect(run, HOST, "Broken pipe", "14 bytes are lost", "15 exits")

    def test_full_device(self):
        with open("/dev/full", "wb") as full:
            run = vitro("run", "hello", "-q", stdout=full)
        self.expect(run, HOST, "No space left", "14 bytes are lost")

    def test_closed_output(self):
        run = subprocess.run(["sh", "-c", f'exec "$0" run hello >&-', VITRO], stderr=subprocess.PIPE)
        self.expect(run, HOST, "lost")

    def test_views_on_a_full_device(self):
        with open("/dev/full", "wb") as full:
            self.refuse(vitro("map", "hello", stdout=full), HOST, "standard output")

    def test_stopped_reader_ends_with_the_timeout(self):
        image = self.file("forever", PRINT_FOREVER)
        read_end, write_end = os.pipe()
        run = vitro("run", image, "--timeout", "3", stdout=write_end)
        os.close(write_end)
        os.close(read_end)
        self.expect(run, TIMEOUT, "the reader took nothing for a second", "lost")

    def test_slow_reader_gets_everything(self):
        image = self.file("many", print_times(5000))
        with subprocess.Popen([VITRO, "run", image, "-q"], stdout=subprocess.PIPE) as run:
            time.sleep(0.5)
            out = run.stdout.read()
            self.assertEqual(run.wait(timeout=60), OK)
        self.assertEqual(len(out), 5000)

    def test_file_size_limit(self):
        image = self.file("many", print_times(5000))
        target = self.tmp / "out"
        run = subprocess.run(["sh", "-c", 'ulimit -f 1; exec "$0" run "$1" -q >"$2"', VITRO, image,
                              target], stderr=subprocess.PIPE)
        self.expect(run, HOST, "File too large", "lost")

    def test_no_standard_input(self):
        run = subprocess.run(["sh", "-c", 'exec "$0" run hello -q <&-', VITRO], stdout=subprocess.PIPE)
        self.assertEqual((run.returncode, run.stdout), (OK, b"Hello, world!\n"))

    def test_json_with_any_bytes(self):
        """C7: all 256 byte values, in one valid document."""
        # xor eax, eax; mov edx, 0xe9; 1: out dx, al; inc al; jnz 1b; hlt
        image = self.file("bytes", bytes.fromhex("31c0bae9000000eefec075fbf4"))
        doc, run = self.json("run", image)
        self.expect(run, OK)
        self.assertEqual([ord(c) for c in doc["console"]], list(range(256)))

    def test_json_output_is_bounded(self):
        image = self.file("many", print_times(70000))
        doc, _ = self.json("run", image)
        self.assertEqual(len(doc["console"]), 65536)
        self.assertEqual(doc["console_dropped"], 70000 - 65536)


class Usage(Case):
    def test_bad_words(self):
        rows = [
            (["frobnicate"], "no such command"),
            (["run"], "missing"),
            (["run", "hello", "extra"], "too many"),
            (["run", "hello", "--mode", "v86"], "modes are"),
            (["run", "hello", "-m", "lots"], "a size"),
            (["run", "hello", "-m", "-5"], "a size"),
            (["run", "hello", "-m", "99999999999999999999"], "a size"),
            (["run", "hello", "-m", "16777216T"], "a size"),
            (["run", "hello", "-m", "4K"], "64 KiB or more"),
            (["run", "hello", "-m", "1000001"], "multiple of 4 KiB"),
            (["run", "hello", "-m", "600G"], "at most 512 GiB"),
            (["run", "hello", "-c", "0"], "1 to 8"),
            (["run", "hello", "-c", "9"], "1 to 8"),
            (["run", "hello", "-e", "xen"], "engines are"),
            (["run", "hello", "--page-size", "3k"], "page sizes"),
            (["run", "hello", "--page-size", "4m"], "4 KiB and 2 MiB"),
            (["run", "hello", "--mode", "real", "--page-size", "4k"], "no paging"),
            (["run", "hello", "--timeout", "0"], "seconds"),
            (["run", "hello", "--timeout", "nan"], "seconds"),
            (["run", "hello", "--timeout", "1e99"], "seconds"),
            (["run", "hello", "--then", "mapp"], "no such view"),
            (["run", "hello", "--stop-at", "exit:0"], "from 1"),
            (["run", "hello", "--origin", "0x10"], "are for files"),
            (["run", "hello", "--debug-exit=99999"], "a port"),
            (["run", "hello", "--hypercalls=all"], "host-addr"),
            (["run", "hello", "--name", "a/b"], "no '/'"),
            (["run", "hello", "--nonsense"], "no such option"),
            (["run", "hello", "-Z"], "no such option"),
            (["run", "hello", "--mode"], "wants a value"),
            (["run", "hello", "--quiet=3"], "takes no value"),
            (["run", "pages", "--mode", "real"], "does not come in real mode; it does in long"),
            (["walk", "hello"], "missing"),
            (["walk", "hello", "nowhere"], "neither a number"),
            (["mem", "hello", "0", "0"], "a number from 1"),
            (["disasm", "hello", "0", "10001"], "a number from 1"),
            (["tables", "hello", "--range", "5"], "FROM-TO"),
            (["help", "nothing"], "no such command"),
        ]
        for args, word in rows:
            with self.subTest(args=args):
                self.refuse(vitro(*args), USAGE, word)

    def test_more_memory_than_the_host(self):
        self.refuse(vitro("run", "hello", "-m", "500G"), USAGE, "this host has", "ask for less")

    def test_help_everywhere(self):
        for cmd in vitro("--list").stdout.decode().split():
            run = vitro(cmd, "--help")
            self.assertEqual(run.returncode, OK)
            self.assertIn(f"usage: vitro {cmd}".encode(), run.stdout)
            self.assertEqual(vitro("help", cmd).stdout, run.stdout)

    def test_version(self):
        self.assertRegex(vitro("--version").stdout.decode(), r"^vitro \d+\.\d+\.\d+\n$")

    def test_guests_lists_all(self):
        names = [g["name"] for g in json.loads(vitro("guests", "-j").stdout)]
        text = vitro("guests").stdout.decode()
        for name in ("hello", "pages", "fault", "spin", "hyper-files"):
            self.assertIn(name, names)
            self.assertIn(name, text)


class Engines(Case):
    def test_every_mode_runs_on_what_auto_takes(self):
        for mode in ("real", "protected", "paged32", "long"):
            with self.subTest(mode):
                run = vitro("run", "hello", "--mode", mode)
                self.expect(run, OK, "15 exits", "memory at 0x400 = 42")
                self.assertRegex(run.stderr.decode(), r"on (kvm|soft): ")
                self.assertEqual(run.stdout, b"Hello, world!\n")

    def test_soft_needs_no_kvm(self):
        run = vitro("run", "hello", "-e", "soft")
        self.expect(run, OK, "15 exits", "on soft: it was asked for")
        self.assertEqual(run.stdout, b"Hello, world!\n")

    def test_stop_after_instructions(self):
        doc, run = self.json("run", "hello", "-e", "soft", "--stop-at", "insn:2", "--then", "regs")
        self.expect(run, OK)
        self.assertEqual((doc["end"], doc["exits"], doc["rip"]), ("count", 0, "0xa"))

    def test_stop_at_the_first_instruction(self):
        doc, run = self.json("run", "hello", "-e", "soft", "--stop-at", "0x0")
        self.expect(run, OK)
        self.assertEqual((doc["end"], doc["exits"], doc["rip"]), ("break", 1, "0x0"))

    def test_the_chain_of_a_triple_fault(self):
        for engine in ("soft",) if NO_KVM else ("soft", "kvm"):
            run = vitro("run", "fault", "-e", engine)
            self.expect(run, GUEST, "mov rbx, [rax]", "#PF at 0x200000 (read), error 0x0: PD[1] not present",
                        "IDT entry 14 lies beyond", "#DF", "IDT entry 8 lies beyond", "shutdown")
            doc, run = self.json("run", "fault", "-e", engine)
            chain = doc["failure"]["chain"]
            self.assertEqual([f["name"] for f in chain["faults"]], ["#PF", "#GP", "#GP"])
            self.assertEqual([f["becomes_double_fault"] for f in chain["faults"]], [False, True, False])
            self.assertEqual((chain["rip"], chain["faults"][0]["cr2"], chain["faults"][0]["entry"]),
                             ("0x5", "0x200000", "0x4008"))

    def test_explain_names_the_chain(self):
        run = vitro("explain", "fault")
        self.assertIn(b"-> #PF at 0x200000 (read), error 0x0: PD[1] not present", run.stdout)
        doc, run = self.json("explain", "fault")
        self.assertEqual(doc["control"]["chain"]["faults"][0]["why"], "PD[1] not present")
        doc, run = self.json("explain", "hello")
        self.assertIsNone(doc["control"]["chain"])

    def test_a_deterministic_machine_does_not_move(self):
        self.refuse(vitro("run", "hello", "-e", "soft", "--deterministic", "--switch", "exit:3"), ENGINE,
                    "leave --deterministic out")

    @needs_kvm
    def test_help_is_said(self):
        """popcnt rdx, rcx, twice; hlt. There are KVMs that execute it themselves."""
        image = self.file("popcnt.bin", bytes.fromhex("f3480fb8d1f3480fb8d1f4"))
        doc, run = self.json("run", "-e", "kvm", image, "--then", "exits")
        self.expect(run, OK)
        exits = doc["then"][0]["data"]
        self.assertEqual(doc["helped"], exits["helped"])
        self.assertEqual(doc["refused"], sum(r["exits"] for r in exits["rows"] if r["reason"] == "refused"))
        words = ("helped",) if doc["refused"] else ()
        self.expect(vitro("run", "-e", "kvm", image), OK, *words)

    @needs_kvm
    def test_another_end_than_a_refusal_is_none(self):
        """popcnt rdx, rcx; loop: stopped behind a refusal, where there are any."""
        image = self.file("popcnt.bin", bytes.fromhex("f3480fb8d1e2f9f4"))
        for how in (("--stop-at", "exit:1"), ("--stop-at", "exit:9"), ("--timeout", "0.3")):
            run = vitro("run", "-e", "kvm", image, *how)
            self.assertNotIn(b"cannot emulate", run.stderr.splitlines()[0])

    def test_bad_switches(self):
        self.refuse(vitro("run", "hello", "--switch", "end"), USAGE, "exit:N or insn:N")
        self.refuse(vitro("run", "hello", "--switch", "exit:5", "--stop-at", "exit:5"), USAGE,
                    "--stop-at comes before --switch")

    def test_a_switch_that_is_not_reached(self):
        self.expect(vitro("run", "hello", "-e", "soft", "--switch", "exit:99"), OK, "ended before --switch",
                    "on soft")

    @needs_kvm
    def test_switch_in_both_directions(self):
        for first, then, where in (("kvm", "soft", "exit:5"), ("soft", "kvm", "exit:5"), ("soft", "kvm", "insn:9")):
            doc, run = self.json("run", "hello", "-e", first, "--switch", where, "--then", "exits")
            self.expect(run, OK)
            self.assertEqual((doc["engine"], doc["console"], doc["exits"], doc["end"]),
                             (then, "Hello, world!\n", 15, "halt"))
            self.assertIn(f"went on where {first} stopped", doc["engine_why"])
            self.assertEqual(doc["cpus"][0]["rax"], "0x2a")

    @needs_kvm
    def test_switch_then_stop(self):
        doc, run = self.json("run", "hello", "-e", "kvm", "--switch", "exit:3", "--stop-at", "exit:7")
        self.expect(run, OK)
        self.assertEqual((doc["engine"], doc["console"], doc["end"]), ("soft", "Hello, ", "count"))

    @needs_kvm
    def test_kvm_counts_no_instructions_to_switch_after(self):
        self.refuse(vitro("run", "hello", "-e", "kvm", "--switch", "insn:3"), ENGINE, "does not count")
        run = vitro("run", "hello", "-e", "kvm", "--switch", "exit:3", "--stop-at", "insn:20")
        self.expect(run, OK, "on soft: it went on where kvm stopped")

    def test_instructions_after_a_switch_to_kvm(self):
        """It is said before the guest has printed, and what is true: the machine began on soft."""
        for where, words in (("exit:3", "an address, or begin with --engine kvm"), ("insn:5", "an address\n")):
            run = vitro("run", "hello", "-e", "soft", "--switch", where, "--stop-at", "insn:50")
            self.refuse(run, ENGINE, "--switch moves the run to kvm, which does not count", words)
            self.assertNotIn(b"try --engine soft", run.stderr)
            self.assertEqual(run.stdout, b"")

    def test_watch(self):
        doc, run = self.json("run", "hello", "-e", "soft", "--watch", "0x400:4")
        self.expect(run, OK)
        self.assertEqual(doc["end"], "break")
        self.assertEqual(doc["watch"], {"address": "0x400", "bytes": 8, "read": False, "write": True})
        run = vitro("run", "hello", "-e", "soft", "--watch", "0x300:rw", "--watch", "0x402")
        self.expect(run, OK, "watchpoint: 8 bytes at 0x400 written at rip 0x")
        run = vitro("run", "hello", "-e", "soft", "--watch", "0x401:r")
        self.expect(run, OK, "halted")

    def test_bad_watches(self):
        self.refuse(vitro("run", "hello", "--watch", "1:2:q"), USAGE, "--watch 1:2:q: ")
        for word, why in (("", "ADDR[:LEN]"), ("1:0", "from 1"), ("1:x", "from 1"), ("1:2:q", "r, w and rw"),
                          ("1:2:r:w", "r, w and rw"), ("nobody:8", "neither a number")):
            self.refuse(vitro("run", "hello", "-e", "soft", "--watch", word), USAGE, why)
        self.refuse(vitro("run", "hello", "-e", "soft", "--watch", "0xffffffffffffffff:2"), USAGE, "no such range")

    @needs_kvm
    def test_what_kvm_cannot_watch_the_software_cpu_does(self):
        run = vitro("run", "hello", "-e", "kvm", "--watch", "0x400:64")
        self.expect(run, OK, "watchpoint: 8 bytes at 0x400 written at rip 0x17", "on kvm",
                    "the software CPU ran it: watchpoints: KVM has 4 debug registers")
        doc, run = self.json("run", "hello", "-e", "kvm", "--watch", "0x400:r")
        self.assertEqual((doc["end"], doc["console"]), ("halt", "Hello, world!\n"))
        self.assertIn("watching reads alone", doc["debugged"])
        doc, run = self.json("run", "hello", "-e", "kvm")
        self.assertIsNone(doc["debugged"])

    def test_watchpoints_have_no_limit(self):
        """Far more than a CPU has debug registers, and the last of them is met."""
        watches = [word for i in range(300) for word in ("--watch", f"{0x10000 + 0x1000 * i:#x}:8")]
        doc, run = self.json("run", "hello", "-e", "soft", *watches, "--watch", "0x400")
        self.expect(run, OK)
        self.assertEqual((doc["end"], doc["watch"]["address"]), ("break", "0x400"))

    def test_auto_takes_the_engine_that_counts(self):
        run = vitro("run", "hello", "--stop-at", "insn:2")
        self.expect(run, OK, "stopped after the count asked for at rip 0xa", "on soft: only it counts instructions")
        doc, run = self.json("regs", "hello", "--at", "insn:2")
        self.expect(run, OK)
        self.assertEqual(doc["rip"], "0xa")
        doc, run = self.json("run", "hello", "--stop-at", "exit:2")
        self.assertNotIn("counts", doc["engine_why"])

    @needs_kvm
    def test_auto_begins_where_instructions_are_counted(self):
        doc, run = self.json("run", "hello", "--switch", "insn:9")
        self.expect(run, OK)
        self.assertEqual((doc["engine"], doc["console"]), ("kvm", "Hello, world!\n"))
        self.assertIn("went on where soft stopped", doc["engine_why"])

    def test_kvm_does_not_count_instructions(self):
        if NO_KVM:
            self.skipTest(f"cannot run guests here: {NO_KVM}")
        self.refuse(vitro("run", "hello", "-e", "kvm", "--stop-at", "insn:2"), ENGINE, "--engine soft")


if __name__ == "__main__":
    unittest.main()
