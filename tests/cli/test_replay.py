# SPDX-License-Identifier: MIT
"""vitro trace FILE: a recorded trace told again, in each format, and files that are none."""
import json
import unittest

from common import Case, vitro

IMAGE = 8


class Replay(Case):
    def record(self, *more):
        run = vitro("trace", "hello", "-j", "-q", *more)
        self.assertEqual(run.returncode, 0)
        return run.stdout

    def test_says_the_same_again(self):
        for more in ((), ("-e", "soft", "--insns")):
            recorded = self.record(*more)
            again = vitro("trace", self.file("trace", recorded), "--to", "jsonl")
            self.assertEqual((again.returncode, again.stdout), (0, recorded))

    def test_other_formats(self):
        path = self.file("trace", self.record("-e", "soft"))
        text = vitro("trace", path).stdout.decode()
        self.assertEqual(text.count("debugcon"), 14)
        self.assertIn("hlt", text)
        json.loads(vitro("trace", path, "--to", "chrome").stdout)

    def test_lost_events_are_told(self):
        recorded = self.record() + b'{"event":"dropped","count":7}\n'
        again = vitro("trace", self.file("trace", recorded))
        self.assertEqual(again.returncode, 0)
        self.assertIn(b"7 events were lost", again.stderr)

    def test_what_is_no_event_is_refused_by_its_line(self):
        good = b'{"seq":0,"t_ns":1,"cpu":0,"event":"start"}\n'
        for bad in (b"{}", b"[]", b"{", b'{"seq":1,"event":"nonsense"}', b'{"seq":"1","event":"start"}',
                    b'{"seq":1,"t_ns":1,"cpu":300,"event":"start"}',
                    b'{"seq":1,"t_ns":1,"cpu":0,"event":"exit","reason":"pio","rip":"zz"}',
                    b'{"seq":1,"t_ns":1,"cpu":0,"event":"exit","reason":"pio","regs":{"rax":"0x1"}}',
                    b'{"seq":1,"t_ns":1,"cpu":0,"event":"exit","reason":"pio","regs":[]}',
                    b'{"seq":1,"t_ns":1,"cpu":0,"event":"insn","hex":"' + b"90" * 16 + b'"}',
                    b'{"seq":1,"t_ns":1,"cpu":0,"event":"insn","registers":{"rax":"0x' + b"1" * 65 + b'"}}',
                    b"\xff\x00", b'{"seq":1' + b"0" * (1 << 17) + b"}"):
            run = vitro("trace", self.file("trace", good + bad + b"\n"))
            self.assertEqual(run.returncode, IMAGE, bad[:60])
            self.assertIn(b"line 2", run.stderr)
            self.assertEqual(run.stderr.count(b"\n"), 1)


if __name__ == "__main__":
    unittest.main()
