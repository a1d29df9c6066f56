# SPDX-License-Identifier: MIT
"""vitro top: on a terminal (through tmux), as text and as JSON."""
import json
import os
import re
import signal
import subprocess
import unittest

from common import OK, PRINT_FOREVER, USAGE, VITRO, Case, vitro
from guests import COUNTER
from rpc import Machine
from terminal import Window, wait_until


def top_of(name):
    """The process that shows this machine."""
    run = subprocess.run(["pgrep", "-f", f"^vitro-top {name} "], capture_output=True, text=True)
    return int(run.stdout.split()[0])


class Plain(Case):
    def machine(self, code=PRINT_FOREVER, name="guest.bin"):
        return Machine(self, self.file(name, code), "-e", "soft", stdout=subprocess.DEVNULL)

    def test_one_interval_as_text(self):
        run = vitro("top", self.machine().name, "--once", "--interval", "0.3")
        self.expect(run, OK)
        text = run.stdout.decode()
        for word in ("running", "guest.bin on soft, 1 CPU, 2 MiB", "Exits a second", "pio out 0xe9  debugcon", "CPU 0",
                     "long (64-bit), ring 0", "RAM", "PML4"):
            self.assertIn(word, text)
        self.assertGreater(float(re.search(r"debugcon +port 0xe9 +0 read +([0-9.]+)[kM]? written", text)[1]), 0)

    def test_one_interval_as_json(self):
        run = vitro("top", self.machine().name, "--once", "-j", "--interval", "0.3")
        self.expect(run, OK)
        doc = json.loads(run.stdout)
        self.assertEqual((doc["state"], doc["kinds"][0]["reason"], doc["places"][0]["device"]),
                         ("running", "pio", "debugcon"))
        self.assertGreater(doc["exits_per_second"], 0)
        self.assertAlmostEqual(sum(k["per_second"] for k in doc["kinds"]), doc["exits_per_second"], places=3)
        self.assertGreater(doc["cpus"][0]["monitor"], 0)
        self.assertLessEqual(doc["cpus"][0]["guest"] + doc["cpus"][0]["monitor"], 2)
        self.assertAlmostEqual(sum(s["share"] for s in doc["seen"]), 1, places=3)
        self.assertGreater(doc["devices"][0]["writes"], 0)

    def test_memory_that_changes(self):
        run = vitro("top", self.machine(COUNTER).name, "--once", "-j", "--interval", "0.3")
        self.expect(run, OK)
        self.assertEqual([c["gpa"] for c in json.loads(run.stdout)["heat"]["hot"]], ["0x0"])

    def test_an_object_for_each_interval(self):
        machine = self.machine()
        top = subprocess.Popen([VITRO, "top", machine.name, "-j", "--interval", "0.1"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
        self.addCleanup(top.kill)
        for _ in range(3):
            self.assertGreater(json.loads(top.stdout.readline())["exits_per_second"], 0)
        machine.process.kill()
        _, err = top.communicate(timeout=60)
        self.assertEqual((top.returncode, err.decode()), (OK, f"vitro: top: {machine.name} has ended\n"))

    def test_a_paused_machine(self):
        machine = self.machine()
        machine.client().call("pause")
        doc = json.loads(vitro("top", machine.name, "--once", "-j", "--interval", "0.1").stdout)
        self.assertEqual((doc["state"], doc["exits_per_second"], doc["heat"]["hot"]), ("paused", 0, []))

    def test_names_never_act(self):
        name = "\x1b[2J\x1b]0;title\x07\x9bm.bin"
        machine = Machine(self, self.file(name, PRINT_FOREVER), "-e", "soft", stdout=subprocess.DEVNULL)
        for words in ((), ("-j",)):
            run = vitro("top", machine.name, "--once", "--interval", "0.1", *words)
            self.expect(run, OK)
            self.assertNotRegex(run.stdout, rb"[^\n\x20-\x7e]")
        self.assertIn(b"\\x1b[2J\\x1b]0;title\\x07", vitro("top", machine.name, "--once", "--interval", "0.1").stdout)

    def test_what_is_refused(self):
        name = self.machine().name
        self.refuse(vitro("top", name), USAGE, "not a terminal", "--once")
        self.refuse(vitro("top", "nobody", "--once"), USAGE, "nobody")
        for word in ("0", "0.05", "3601", "x", "-1"):
            self.refuse(vitro("top", name, "--once", f"--interval={word}"), USAGE, "a time is wanted")
        self.refuse(vitro("top"), USAGE, "NAME")
        run = vitro("top", name, "--once", env={**os.environ, "VITRO_LIBEXEC": str(self.tmp)})
        self.refuse(run, 12, "vitro-top is not installed")


class Screen(Window):
    def setUp(self):
        super().setUp()
        path = self.file("guest.bin", PRINT_FOREVER)
        self.machine = Machine(self, path, "-e", "soft", stdout=subprocess.DEVNULL)
        self.before = self.modes()

    def open(self, *words):
        self.keys(" ".join(["clear;", *words, VITRO, "top", self.machine.name, "--interval", "0.2"]) + "; echo code=$?", "Enter")

    def shown(self):
        self.wait_for("debugcon")
        self.assertEqual(self.screen().splitlines()[0].split()[:2], [self.machine.name, "running"])

    def given_back(self, code):
        self.wait_for(f"code={code}\n")
        self.assertEqual(self.modes(), self.before)
        self.assertNotIn("Hot addresses", self.screen())

    def test_shows_and_ends(self):
        for key in ("q", "Escape", "C-c"):
            self.open()
            self.shown()
            for word in ("Exits a second", "Hot addresses", "CPU 0", "RAM", "Devices"):
                self.assertIn(word, self.screen())
            self.keys(key)
            self.given_back(0)

    def test_it_is_live(self):
        self.open()
        self.shown()
        self.machine.client().call("pause")
        self.wait_for("paused: pause")
        self.wait_for("none in this interval")
        self.machine.client().call("resume")
        self.wait_for("running")
        self.keys("q")
        self.given_back(0)

    def test_follows_the_terminals_size(self):
        self.open()
        self.shown()
        for width, height in ((60, 14), (140, 40), (20, 3), (100, 30)):
            self.tmux("resize-window", "-x", str(width), "-y", str(height))

            def fits():
                text = self.screen()
                return (all(len(row) <= width for row in text.splitlines()) and self.machine.name in text and
                        ("Devices" in text) == (height > 10))
            wait_until(fits)
        self.keys("q")
        self.given_back(0)

    def test_the_machine_ends(self):
        self.open()
        self.shown()
        self.machine.process.kill()
        self.wait_for("has ended")
        self.given_back(0)

    def test_a_signal_gives_the_terminal_back(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            self.open()
            self.shown()
            os.kill(top_of(self.machine.name), number)
            self.given_back(0)

    def test_stopped_and_continued(self):
        self.open()
        self.shown()
        self.keys("C-z")
        self.wait_for("ready>", 1)
        wait_until(lambda: self.modes() == self.before)
        self.keys("fg", "Enter")
        self.shown()
        self.keys("q")
        wait_until(lambda: self.modes() == self.before)

    def test_a_terminal_that_is_not_known(self):
        self.open("env", "TERM=nonsense")
        self.wait_for("TERM=nonsense")
        self.given_back(USAGE)

    def test_colours(self):
        for words, there in (((), True), (("env", "NO_COLOR=1"), False)):
            self.open(*words)
            self.shown()
            coloured = re.search(r"\x1b\[[0-9;]*3[0-8]m", self.tmux("capture-pane", "-p", "-e"))
            self.assertEqual(coloured is not None, there)
            self.keys("q")
            self.given_back(0)


if __name__ == "__main__":
    unittest.main()
