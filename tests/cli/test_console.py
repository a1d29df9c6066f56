# SPDX-License-Identifier: MIT
"""The serial line of a PC on the terminal, on pipes and files: rows C1 to C7 of the list of hostile inputs."""
import json
import os
import pathlib
import signal
import struct
import subprocess
import time
import unittest

from common import STOPPED, VITRO, Case, vitro
from terminal import Window, wait_until

LOAD = 0x100000
ENDED = 1  # by the debug-exit port, with 0

# Echoes what it receives, and ends the run after a 'Q'. Polls.
ECHO = bytes.fromhex("bafd030000eca80174fbbaf8030000ec88c4bafd030000eca82074fb88e0baf8030000ee3c5175d831c0e6f4")
# Says that it runs, with a dot, and never reads: pause; jmp.
DEAF = bytes.fromhex("baf8030000b02eeef390ebfc")


def flood(n):
    """Prints n letters in the order of the alphabet, each when the transmitter is empty; ends the run."""
    return b"\xb9" + n.to_bytes(4, "little") + bytes.fromhex(
        "b361bafd030000eca82074fbbaf803000088d8eefec380fb7b7502b361e2e331c0e6f4")


def letters(n):
    alphabet = bytes(range(ord("a"), ord("z") + 1))
    return (alphabet * (n // 26 + 1))[:n]


def say(text):
    """Prints bytes that lie behind it, then ends the run; it does not look whether there is room."""
    return (b"\xbe" + (LOAD + 0x20 + 24).to_bytes(4, "little") + b"\xb9" + len(text).to_bytes(4, "little") +
            bytes.fromhex("baf8030000f36e31c0e6f4ebfe")).ljust(24, b"\xf4") + text


def kernel(code):
    head = struct.pack("<IIIIIIII", 0x1badb002, 0x10000, -0x1badb002 - 0x10000 & 0xffffffff, LOAD, LOAD, 0, 0,
                       LOAD + 0x20)
    return head + code


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


class Serial(Case):
    def argv(self, code, *more):
        path = self.file("kernel", kernel(code))
        return [VITRO, "run", str(path), "-e", "soft", "-m", "16M", "-q", "--debug-exit", *more]

    def start(self, code, *more, **how):
        how.setdefault("stdin", subprocess.DEVNULL)
        run = subprocess.Popen(self.argv(code, *more), stderr=subprocess.PIPE, **how)
        self.addCleanup(run.stderr.close)
        self.addCleanup(lambda: run.poll() is None and run.kill())
        return run

    def run_it(self, code, *more, **how):
        how.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(self.argv(code, *more), stderr=subprocess.PIPE, timeout=120, **how)


class Output(Serial):
    """C1, C2: whatever becomes of the reader, the machine goes on and what is lost is counted."""

    def test_a_slow_reader_loses_nothing(self):
        run = self.start(flood(300000), stdout=subprocess.PIPE)
        time.sleep(0.3)
        got = run.stdout.read()
        run.stdout.close()
        self.assertEqual(run.wait(), ENDED)
        self.assertEqual(got, letters(300000))

    def test_a_reader_that_stops_does_not_stop_the_machine(self):
        out, back = os.pipe()
        run = self.start(flood(400000), stdout=back)
        os.close(back)
        self.assertEqual(run.wait(timeout=60), ENDED)
        got = b""
        while piece := os.read(out, 65536):
            got += piece
        os.close(out)
        lost = 400000 - len(got)
        self.assertGreater(lost, 0)
        self.assertIn(f"{lost} bytes are lost", run.stderr.read().decode())
        self.assertEqual(got, letters(len(got)))

    def test_a_reader_that_is_gone(self):
        out, back = os.pipe()
        os.close(out)
        run = self.run_it(flood(1000), stdout=back)
        os.close(back)
        self.assertEqual(run.returncode, ENDED)
        self.assertIn(b"1000 bytes are lost", run.stderr)

    def test_a_full_device(self):
        with open("/dev/full", "wb") as out:
            run = self.run_it(flood(1000), stdout=out)
        self.assertIn(b"No space left", run.stderr)
        self.assertIn(b"1000 bytes are lost", run.stderr)

    def test_a_limit_of_the_files_size(self):
        path = self.tmp / "out"
        with open(path, "wb") as out:
            run = subprocess.run(["prlimit", "--fsize=100", *self.argv(flood(1000))], stdout=out,
                                 stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.assertEqual(run.returncode, ENDED)
        self.assertEqual(path.read_bytes(), letters(100))
        self.assertIn(b"900 bytes are lost", run.stderr)

    def test_to_a_file(self):
        path = self.tmp / "out"
        with open(path, "wb") as out:
            self.assertEqual(self.run_it(flood(100000), stdout=out).returncode, ENDED)
        self.assertEqual(path.read_bytes(), letters(100000))

    def test_any_bytes_are_valid_json(self):
        text = bytes(range(256)) + b"\x1b]52;c;!\x07\xff\xfe"
        run = vitro("run", self.file("kernel", kernel(say(text))), "-e", "soft", "-m", "16M", "--debug-exit", "-j")
        self.assertEqual(json.loads(run.stdout)["console"], text.decode("latin-1"))
        self.assertNotIn(b"\x1b", run.stdout)


class Input(Serial):
    """C3, C4: input from pipes, files, nothing."""

    def test_from_a_pipe(self):
        text = letters(20000) + b"Q"
        run = self.run_it(ECHO, stdin=None, input=text, stdout=subprocess.PIPE)
        self.assertEqual((run.returncode, run.stdout), (ENDED, text))

    def test_from_a_file(self):
        path = self.file("input", letters(500) + b"Q")
        with open(path, "rb") as source:
            run = self.run_it(ECHO, stdin=source, stdout=subprocess.PIPE)
        self.assertEqual((run.returncode, run.stdout), (ENDED, letters(500) + b"Q"))

    def test_the_end_of_input_is_not_the_end_of_the_run(self):
        run = self.start(ECHO, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        run.stdin.write(b"abc")
        run.stdin.close()
        self.assertEqual(run.stdout.read(3), b"abc")
        time.sleep(0.2)
        self.assertIsNone(run.poll())
        run.send_signal(signal.SIGTERM)
        run.stdout.close()
        self.assertEqual(run.wait(timeout=60), STOPPED)

    def test_closed_input(self):
        run = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", *self.argv(flood(100))], capture_output=True)
        self.assertEqual((run.returncode, run.stdout), (ENDED, letters(100)))

    @staticmethod
    def push(pipe):
        """Writes until the pipe has been full for a while; bytes that it took."""
        pushed, full = 0, 0
        while full < 25 and pushed < 1 << 24:
            try:
                pushed += os.write(pipe.fileno(), b"x" * 65536)
                full = 0
            except BlockingIOError:
                full += 1
                time.sleep(0.01)
        return pushed

    def test_a_guest_that_never_reads(self):
        """C3: input waits with its sender, not in memory."""
        run = self.start(DEAF, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        os.set_blocking(run.stdin.fileno(), False)
        self.assertEqual(run.stdout.read(1), b".")
        run.stdout.close()
        pushed = self.push(run.stdin)
        before = resident_kib(run.pid)
        for _ in range(4):
            pushed += self.push(run.stdin)
        self.assertLess(pushed, 1 << 20)
        self.assertLess(resident_kib(run.pid), before * 1.01 + 256)
        run.send_signal(signal.SIGTERM)
        run.stdin.close()
        self.assertEqual(run.wait(timeout=60), STOPPED)


class Terminal(Window, Serial):
    """C5, C6: a window, never left broken."""

    def start_guest(self, code):
        argv = self.argv(code)
        argv.remove("-q")
        self.keys("-l", " ".join(argv) + "; echo code=$?")
        self.keys("Enter")
        wait_until(lambda: "-icanon" in self.modes())

    def pid(self):
        run = subprocess.run(["pgrep", "-f", str(self.tmp / "kernel")], capture_output=True, text=True)
        return int(run.stdout.split()[0])

    def check_restored(self):
        self.wait_for("code=")
        wait_until(lambda: " icanon" in self.modes() and " echo " in self.modes())
        self.keys("-l", "echo al''ive")
        self.keys("Enter")
        self.wait_for("alive")

    def check_menu(self):
        """A line a key, none so long that a terminal would break it."""
        lines = self.screen().split("one key now:", 1)[1].splitlines()[1:5]
        self.assertEqual([line.split()[0] for line in lines], ["q", "p", "Ctrl-]", "c"])
        self.assertLess(max(map(len, lines)), 80)

    def test_keys_are_the_guests_and_the_menu_ends_the_run(self):
        self.start_guest(ECHO)
        self.keys("-l", "hello guest")
        self.wait_for("hello guest")
        self.keys("C-c")  # the guest's too
        self.keys("-l", "still here")
        self.wait_for("still here")
        self.keys("C-]")
        self.wait_for("back to the guest")
        self.check_menu()
        self.keys("x")  # back to the guest
        self.keys("-l", "and again")
        self.wait_for("and again")
        self.keys("C-]")
        self.wait_for("back to the guest", 2)
        self.keys("q")
        self.wait_for(f"code={STOPPED}")
        self.check_restored()

    def test_the_guest_ends(self):
        self.start_guest(ECHO)
        self.keys("-l", "byeQ")
        self.wait_for(f"code={ENDED}")
        self.check_restored()

    def test_signals_leave_the_terminal_as_it_was(self):
        for sig, times in ((signal.SIGTERM, 1), (signal.SIGHUP, 1), (signal.SIGQUIT, 1), (signal.SIGINT, 3)):
            with self.subTest(sig=sig):
                self.keys("clear; echo clear''ed", "Enter")  # before it is done, what is typed would be cleared too
                self.wait_for("cleared")
                self.start_guest(DEAF)
                self.wait_for("\n.")
                for _ in range(times):
                    try:
                        os.kill(self.pid(), sig)
                    except (ProcessLookupError, IndexError):
                        pass
                self.wait_for(f"code={STOPPED}")
                self.check_restored()

    def test_after_a_kill_the_next_start_tells_the_way_out(self):
        self.start_guest(ECHO)
        os.kill(self.pid(), signal.SIGKILL)
        self.wait_for("code=137")
        self.assertIn("-icanon", self.modes())
        self.keys("-l", " ".join(self.argv(flood(10))) + "; stty sane; echo code=$?")
        self.keys("C-j")
        self.wait_for("stty sane")
        self.wait_for("left in raw mode")
        self.check_restored()

    def test_stopped_and_continued(self):
        self.start_guest(ECHO)
        pid = self.pid()
        os.kill(pid, signal.SIGTSTP)
        wait_until(lambda: " icanon" in self.modes())
        self.keys("-l", "fg")
        self.keys("Enter")
        wait_until(lambda: "-icanon" in self.modes())
        for width in (60, 90, 100):  # a storm of SIGWINCH
            self.tmux("resize-window", "-x", str(width))
        self.keys("-l", "back again")
        self.wait_for("back again")
        self.keys("-l", "Q")
        self.check_restored()


if __name__ == "__main__":
    unittest.main()
