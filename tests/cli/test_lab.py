# SPDX-License-Identifier: MIT
"""vitro lab: lab files, turns, memory that is shared and copied, and the six labs with their solutions."""
import json
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

from common import DIFFERS, HOST, IMAGE, NO_KVM, OK, ROOT, STOPPED, USAGE, VITRO, Case, needs_kvm, vitro

LABS = sorted(p for p in (ROOT / "docs/labs").iterdir() if p.is_dir())

# 64-bit, at 0: mov al, [0x1000]; add al, '0'; out 0xe9, al; inc byte [0x1000]; jmp 0
COUNT_UP = bytes.fromhex("8a042500100000" "0430" "e6e9" "fe042500100000" "ebec")
# mov al, [0x1000]; add al, '0'; out 0xe9, al; hlt
SHOW = bytes.fromhex("8a042500100000" "0430" "e6e9" "f4")

# Twice: shows the first letter of a file and writes the next one over it; the second time it only shows it.
LETTER = b"""
#include "guest.h"
static struct { unsigned op; int fd; unsigned long addr; unsigned len, flags; long offset, result; } call;
static char c[2];
static long ask(unsigned op, const void *addr, unsigned len, unsigned flags)
{
    call.op = op, call.addr = (unsigned long)addr, call.len = len, call.flags = flags;
    out32(FILE_CALL, (unsigned)(unsigned long)&call);
    return call.result;
}
void _start(void)
{
    call.fd = (int)ask(1, "letter.txt", 0, 1 | 2);
    for (int i = 0; i < 2; i++) {
        ask(5, 0, 0, 0);
        ask(2, c, 1, 0);
        put(c);
        c[0]++;
        ask(5, 0, 0, 0);
        if (i == 0)
            ask(3, c, 1, 0);
    }
    put("\\n");
    halt();
}
"""


class LabCase(Case):
    def lab(self, text, *args, **files):
        for name, data in files.items():
            self.file(name, data)
        return vitro("lab", self.file("x.lab", text.encode()), *args)

    def output(self, text, **files):
        run = self.lab(text, "-q", **files)
        self.expect(run, OK)
        return run.stdout.decode()

    def refused(self, text, words, **files):
        run = self.lab(text, **files)
        self.expect(run, USAGE, words)
        self.assertEqual(run.stderr.count(b"\n"), 1)
        self.assertEqual(run.stdout, b"")


class Turns(LabCase):
    def test_alternate_on_exits(self):
        text = "machine a hello\nmachine b hello\noutput bytes\n"
        twice = "".join(c + c for c in "Hello, world!\n")
        self.assertEqual(self.output(text), twice)
        self.assertEqual(self.output(text + "turn exit 2"), "HeHellllo,o, w wororldld!\n!\n")

    def test_lines_have_names(self):
        self.assertEqual(self.output("machine a hello # the first\n\n  machine b hello\tmode=real\n"),
                         "a: Hello, world!\nb: Hello, world!\n")

    def test_pre_emption(self):
        run = self.lab("machine a spin\nmachine b hello\nturn insn 1000\nlimit 6", "-v")
        self.expect(run, OK)
        self.assertEqual(run.stdout.decode().splitlines(), [
            "turn 1: a, 0 exits, 1000 instructions", "b: Hello, world!",
            "turn 2: b, 15 exits, 78 instructions, halted",
            *(f"turn {n}: a, 0 exits, 1000 instructions" for n in range(3, 7)),
            "a did not end: 0 exits, 5000 instructions, 5 turns",
            "b halted: 15 exits, 78 instructions, 1 turn", "ended after 6 turns by the limit"])

    def test_nobody_keeps_the_thread(self):
        """A turn that is counted in exits ends without one."""
        doc = json.loads(self.lab("machine a spin\nmachine b hello\nlimit 4", "-j").stdout)
        self.assertEqual([m["turns"] for m in doc["machines"]], [2, 2])
        self.assertEqual(doc["machines"][0]["instructions"], 2000000)
        self.assertIs(doc["cut"], True)

    def test_shares(self):
        doc = json.loads(self.lab("machine a spin\nmachine b spin\nturn insn 1000\nshare b=30 a=70\nlimit 20",
                                  "-j").stdout)
        self.assertEqual([m["instructions"] for m in doc["machines"]], [7000, 3000])

    def test_schedule(self):
        text = "machine a a.bin\nmachine b b.bin\nschedule s\noutput bytes"
        guest = {"a.bin": b"\xb0\x61\xe6\xe9\xeb\xfc", "b.bin": b"\xb0\x62\xe6\xe9\xeb\xfc"}
        self.assertEqual(self.output(text, s=b"1 2 2\n1\t1 2", **guest), "abbaab\n")
        for wrong in (b"1 3", b"0", b"12", b"", b"one", b"1,2", b"1 \xff"):
            self.refused(text, "schedule", s=wrong, **guest)

    def test_the_same_every_time(self):
        text = "machine a hello\nmachine b hyper-exits\nturn insn 7\nmachine c hello mode=paged32"
        self.assertEqual(len({self.lab(text, "-v").stdout for _ in range(5)}), 1)

    def test_several_cpus(self):
        self.assertIn("a: ", self.output("machine a hello cpus=2"))
        self.refused("machine a hello cpus=2\nturn insn 5", "machine a, which has several CPUs, are not counted")

    def test_the_clock_ends_turns(self):
        """On the software CPU; with cpus=2 the instructions of a turn that counts exits are not counted."""
        for text, turns in (("machine a spin\nmachine b hello\nturn ms 50\nlimit 4", [3, 1]),
                            ("machine a spin cpus=2\nmachine b hello\nturn insn 9 ms 2\nlimit 4", [2, 2]),
                            ("machine a spin cpus=2\nmachine b hello\nlimit 2", [1, 1])):
            with self.subTest(text):
                doc = json.loads(self.lab(text, "-j").stdout)
                self.assertEqual([m["turns"] for m in doc["machines"]], turns)
                self.assertGreater(doc["machines"][0]["instructions"], 0)

    def test_shares_of_time(self):
        doc = json.loads(self.lab("machine a spin\nmachine b spin\nturn ms 20\nshare a=90 b=10\nlimit 10",
                                  "-j").stdout)
        self.assertEqual([m["turns"] for m in doc["machines"]], [5, 5])
        self.refused("machine a spin\nturn exit 1 ms 5\nshare a=100", "shares are of")

    def test_a_signal_ends_it(self):
        """What came out before is shown. The signal is sent once a guest has made its file, so that it runs."""
        for engine in ("soft",) if NO_KVM else ("soft", "kvm"):
            for turn in ("exit 1000", "exit 1000 ms 10000"):
                with self.subTest(engine=engine, turn=turn):
                    folder = self.tmp / f"{engine}{len(turn)}"
                    folder.mkdir()
                    lab = self.file("x.lab", f"machine f hyper-files files={folder}\nmachine s spin\nturn {turn}\n".encode())
                    run = subprocess.Popen([VITRO, "lab", "-e", engine, lab], stdout=subprocess.PIPE)
                    while not (folder / "out.txt").exists() and run.poll() is None:
                        time.sleep(0.01)
                    run.send_signal(signal.SIGINT)
                    out, _ = run.communicate()
                    self.assertEqual(run.returncode, STOPPED)
                    self.assertIn(b"f: ", out)
                    self.assertRegex(out, rb"stopped in turn \d+\n$")

    def test_output_is_seen_as_it_comes(self):
        """Of a machine that has ended, while another goes on."""
        for output, first in (("lines", b"a: Hello, world!\n"), ("bytes", b"Hello, world!\n")):
            lab = self.file("x.lab", f"machine a hello\nmachine s spin\nturn insn 1000000 ms 100\noutput {output}".encode())
            run = subprocess.Popen([VITRO, "lab", lab], stdout=subprocess.PIPE)
            self.addCleanup(run.stdout.close)
            self.assertEqual(run.stdout.readline(), first)
            self.assertIsNone(run.poll())
            run.send_signal(signal.SIGINT)
            self.assertRegex(run.stdout.read(), rb"s did not end.*\nstopped in turn \d+\n$")
            self.assertEqual(run.wait(), STOPPED)

    def test_nobody_takes_its_output(self):
        lab = self.file("x.lab", b"machine a hello\nmachine s spin\n")
        with open("/dev/full", "wb") as full:
            run = subprocess.run([VITRO, "lab", lab], stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual(run.returncode, HOST)
        self.assertIn(b"writing to standard output", run.stderr)

    @needs_kvm
    def test_machines_of_kvm(self):
        self.assertEqual(self.output("machine a hello engine=kvm\nmachine b hello\noutput bytes"),
                         "".join(c + c for c in "Hello, world!\n"))
        self.refused("machine a hello engine=kvm\nturn insn 5", "machine a, which is KVM's, are not counted")

    @needs_kvm
    def test_pre_emption_on_kvm(self):
        """A machine that never exits is taken out by the clock, also from a turn that counts exits."""
        for text in ("machine a spin\nmachine b hello\nturn ms 2\nlimit 60",
                     "machine a spin\nmachine b hello\nturn insn 5 ms 2\nlimit 60",
                     "machine a spin\nmachine b hello mode=real\nturn exit 20\nlimit 3"):
            with self.subTest(text):
                doc = json.loads(self.lab(text, "-j", "-e", "kvm").stdout)
                self.assertEqual([m["end"] for m in doc["machines"]], ["did not end", "halted"])
                self.assertEqual([m["instructions"] for m in doc["machines"]], [0, 0])
                self.assertIn("Hello, world!\n", doc["output"])

    @needs_kvm
    def test_the_engine_of_a_machine_that_names_none(self):
        text = "machine a hello\nmachine b hello engine=soft"
        for option, counted in (((), [True, True]), (("-e", "soft"), [True, True]), (("-e", "kvm"), [False, True])):
            doc = json.loads(self.lab(text, "-j", *option).stdout)
            self.assertEqual([m["instructions"] > 0 for m in doc["machines"]], counted)


class Memory(LabCase):
    def test_shared(self):
        text = "machine a up.bin\nmachine b up.bin\nshared 0x1000 1\noutput bytes\nlimit 6"
        self.assertEqual(self.output(text, **{"up.bin": COUNT_UP}), "001234\n")  # the first turns end at the output

    def test_shared_is_common(self):
        """Turns long enough for the write that follows the output."""
        text = "machine a up.bin\nmachine b up.bin\nshared 0x1000 1\noutput bytes\nlimit 6\nturn insn 5"
        self.assertEqual(self.output(text, **{"up.bin": COUNT_UP}), "012345\n")
        apart = text.replace("shared 0x1000 1\n", "")
        self.assertEqual(self.output(apart, **{"up.bin": COUNT_UP}), "001122\n")

    def test_copies(self):
        text = ("machine a up.bin\nmachine b show.bin\nturn insn 5\nschedule s\noutput bytes\n"
                "copy a:0x1000 b:0x1000 1 when a %s\n")
        guests = {"up.bin": COUNT_UP, "show.bin": SHOW, "s": b"1 1 1 2 2"}
        self.assertEqual(self.output(text % "turn 3", **guests), "0123\n")
        self.assertEqual(self.output(text % "turn 2", **guests), "0122\n")
        self.assertEqual(self.output(text % "exit 3", **guests), "0122\n")  # before its third increment
        self.assertEqual(self.output(text % "end", **guests), "0120\n")
        more = text.replace("insn 5", "insn 15") + "copy a:0x1001 b:0x1001 1 when a exit 3\n"
        guests["s"] = b"1 2"
        self.assertEqual(self.output(more % "exit 2", **guests), "0121\n")  # each in its time within a turn

    def test_shared_memory_is_free(self):
        """Page tables are at 0x2000; what shares memory with them would be a riddle."""
        self.refused("machine a hello\nshared 0x1000 8K", "at 0x2000 in machine a")
        self.refused("machine a hello\nshared 0 1", "at 0x0 in machine a")

    def test_no_such_memory(self):
        guests = {"up.bin": COUNT_UP}
        self.refused("machine a up.bin\nshared 0x10000000 8", "not in the memory of machine a", **guests)
        self.refused("machine a up.bin\nmachine b up.bin\ncopy a:0 b:0x1fffff 2 when a exit 1",
                     "not in the memory of machine b", **guests)


class Files(LabCase):
    def test_mistakes(self):
        for text, words in (
                ("", "no machine"), ("machine", "machine NAME GUEST"), ("machine a", "machine NAME GUEST"),
                ("machine a! hello", "a name has"), ("machine a hello\nmachine a hello", "line 2: a second"),
                ("machine a hello mem=2", "out of range"), ("machine a hello mem=x", "is no number"),
                ("machine a hello mem", "wants =VALUE"), ("machine a hello cow", "cow without files"),
                ("machine a hello hypercalls=1", "takes no value"), ("machine a hello speed=1", "has no 'speed'"),
                ("machine a hello mode=fast", "mode 'fast'"), ("machine a hello engine=qemu", "engine 'qemu'"),
                ("turn", "turn [exit N]"), ("turn exit", "turn [exit N]"), ("turn exit 0", "out of range"),
                ("turn fast 1", "has no 'fast'"), ("turn ms 10001", "out of range"), ("machine a hello\nshare a=100", "shares are of"),
                ("machine a hello\nturn insn 5\nshare a=99", "99% together"), ("share b=100", "no machine is called"),
                ("machine a hello\ncopy a:0 a:0 1 when a sometime", "comes exit N"), ("copy a b 1", "copy NAME"),
                ("machine a hello\ncopy a a:0 1 when a end", "should be NAME:ADDRESS"), ("frob", "'frob'?"),
                ("limit 0", "out of range"), ("output loud", "output lines|bytes"), ("expect", "expect FILE"),
                ("turn exit 1\n\nturn insn 3", "line 3: a second turn; line 1 has the first"),
                ("output bytes\noutput bytes", "a second output"), ("machine a hello mem=2M mem=4M", "'mem' twice"),
                ("machine a hello\nturn insn 5\nshare a=50 a=50", "two shares"),
                ("turn insn 5\nmachine a hello cpus=2", "line 1: turns count"),
                ("machine a h\u00e9llo", "only ASCII"), ("machine a hello \x01", "is no text"),
                ("x" * 2000, "more than 1000 bytes"), ("a " * 20, "more than 16 words"),
                ("#\n" * 40000, "more than 65536 bytes"),
                ("".join(f"machine m{i} hello\n" for i in range(9)), "line 9: more than 8")):
            with self.subTest(text[:40]):
                run = self.lab(text)
                self.assertIn(run.returncode, (USAGE, IMAGE))
                self.assertIn(words, run.stderr.decode())
                self.assertEqual(run.stderr.count(b"\n"), 1)

    def test_files_that_are_not_there(self):
        self.expect(vitro("lab", self.tmp / "none.lab"), IMAGE, "No such file")
        self.expect(self.lab("machine a none.bin"), IMAGE, "none.bin")
        self.expect(self.lab("machine a hello\nschedule none"), IMAGE, "schedule")
        self.expect(self.lab("machine a hello\nexpect none", "--check"), IMAGE, "none")
        self.expect(self.lab("machine a hello", "--check"), USAGE, "nothing to check against")

    def test_output_that_is_no_text(self):
        guest = b"\xb0\x1b\xe6\xe9\xb0\x5b\xe6\xe9\xf4"  # ESC [
        self.assertEqual(self.output("machine a esc.bin", **{"esc.bin": guest}), "a: \\x1b[\n")

    def test_output_of_any_bytes(self):
        guest = b"".join(b"\xb0%c\xe6\xe9" % c for c in b"\x80\0A\n\x1bB\n") + b"\xf4"
        text = "machine a any.bin\noutput bytes\nturn exit 100\nexpect e"
        self.assertEqual(self.lab(text, "-q", **{"any.bin": guest}).stdout, b"\x80\0A\n\x1bB\n")
        self.assertTrue(json.loads(self.lab(text, "-j").stdout)["output"].startswith("\x80\0A\n\x1bB\n"))
        self.expect(self.lab(text, "--check", e=b"\x80\0A\n\x1bB\n"), OK)
        run = self.lab(text, "--check", e=b"\x80\0C\n\x1bB\n")
        self.expect(run, DIFFERS, "line 1")
        self.assertIn(b"  expected: \\x80\\x00C\n  got:      \\x80\\x00A\n", run.stdout)

    def test_output_without_end(self):
        guest = b"\xb0\x78\xe6\xe9\xeb\xfc"  # x for ever
        run = self.lab("machine a x.bin\nturn insn 1000000", "-j", **{"x.bin": guest})
        doc = json.loads(run.stdout)
        self.assertIs(doc["cut"], True)
        self.assertLess(len(doc["output"]), 2 << 20)

    def test_check(self):
        text = "machine a hello\nexpect e"
        self.expect(self.lab(text, "--check", e=b"a: Hello, world!\n"), OK)
        for wrong in (b"a: Hello, world.\n", b"", b"a: Hello, world!\nmore\n", b"a: Hello"):
            run = self.lab(text, "--check", e=wrong)
            self.expect(run, DIFFERS, "of the output is not that of")
            self.assertIn(b"a halted: 15 exits", run.stdout)


class Labs(LabCase):
    """The six labs: unfinished they fail with words that help, and their solutions pass."""

    def test_each_machine_has_its_own_copy_of_a_file(self):
        """Two machines change a letter of one file and look at it again, turn by turn."""
        shutil.copytree(ROOT / "docs/labs", self.tmp / "l")
        self.file("l/letter.c", LETTER)
        subprocess.run([self.tmp / "l/build.sh", self.tmp / "l"], check=True)
        (self.tmp / "d").mkdir()
        for key, seen, left in ((" cow", "a: AB\nb: AB\n", b"A"), ("", "a: AB\nb: BC\n", b"C")):
            with self.subTest(key):
                letter = self.file("d/letter.txt", b"A")
                text = f"machine a l/letter.elf files=d{key}\nmachine b l/letter.elf files=d{key}\nturn exit 100"
                self.assertEqual(self.output(text), seen)
                self.assertEqual(letter.read_bytes(), left)

    def build(self, lab, solved):
        folder = pathlib.Path(shutil.copytree(ROOT / "docs/labs", self.tmp / f"labs{solved}", dirs_exist_ok=True))
        if solved:
            shutil.copytree(ROOT / "tests/labs" / lab, folder / lab, dirs_exist_ok=True)
        subprocess.run([folder / "build.sh", folder / lab], check=True)
        return sorted((folder / lab).glob("*.lab"))

    def test_every_lab(self):
        self.assertEqual(len(LABS), 6)
        for lab in LABS:
            self.assertTrue((lab / "README.md").exists())
            for solved in (True, False):
                files = self.build(lab.name, solved)
                self.assertGreater(len(files), 0)
                for file in files:
                    with self.subTest(file=file.name, solved=solved):
                        run = vitro("lab", "--check", file)
                        self.expect(run, OK if solved else DIFFERS)
                        if not solved:
                            self.assertIn(b"expected:", run.stdout)
                            self.assertIn(b"got:", run.stdout)

    @needs_kvm
    def test_labs_on_kvm(self):
        """Those whose turns are exits, and those that come to the same end in any order."""
        for lab, file in (("2-exits", "exits"), ("3-page-tables", "tables"), ("4-files", "files"),
                          ("5-turns", "alternate"), ("6-producer", "box")):
            with self.subTest(lab):
                folder = self.build(lab, True)[0].parent
                if file == "box":  # turns by the clock: on a busy host some do not come far
                    (folder / "schedule").write_text("1 2 " * 300)
                self.expect(vitro("lab", "--check", "-e", "kvm", folder / f"{file}.lab"), OK)

    def test_a_schedule_does_not_matter_to_a_right_consumer(self):
        box = self.build("6-producer", True)[0]
        for schedule in ("1 2 " * 20, "2 2 2 1 " * 12, "1 1 1 2 2 " * 10):
            (box.parent / "schedule").write_text(schedule)
            self.expect(vitro("lab", "--check", box), OK)


if __name__ == "__main__":
    unittest.main()
