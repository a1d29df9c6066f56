# SPDX-License-Identifier: MIT
"""vitro run --boot-times: when each line of the console came, on the host's clock and on the guest's."""
import re
import unittest

from common import HOST, OK, Case, vitro

# lea rsi, [rip + text]; 1: lodsb; test al, al; jz 2f; out 0xe9, al; jmp 1b; 2: hlt
PRINT = bytes.fromhex("488d350a000000" "ac" "84c0" "7404" "e6e9" "ebf7" "f4")
LINES = (b"no stamp\n[    0.000000] begin\r\n[    1.250000] one \x1b[31mred\xff\n"
         b"[12345.678901] late\n[    1.25] no stamp either\n\nunfinished")
# mov ecx, N; 1: mov al, 'x'; out 0xe9, al; mov al, 10; out 0xe9, al; loop 1b; hlt
MANY = 20000
PRINT_LINES = b"\xb9" + MANY.to_bytes(4, "little") + bytes.fromhex("b078e6e9b00ae6e9e2f6f4")


class BootTimes(Case):
    def setUp(self):
        super().setUp()
        self.guest = self.file("lines.bin", PRINT + LINES + b"\0")

    def test_json(self):
        for engine in ("soft", "auto"):
            doc, run = self.json("run", self.guest, "-e", engine, "--boot-times")
            self.assertEqual(run.returncode, OK)
            times = doc["boot_times"]
            self.assertEqual([(line["guest_ns"], line["line"]) for line in times["lines"]], [
                (None, "no stamp"), (0, "begin"), (1250000000, "one .[31mred."), (12345678901000, "late"),
                (None, "[    1.25] no stamp either"), (None, ""), (None, "unfinished")])
            hosts = [line["host_ns"] for line in times["lines"]]
            self.assertEqual(hosts, sorted(hosts))
            self.assertEqual([b - a for a, b in zip([0] + hosts, hosts)],
                             [line["since_last_ns"] for line in times["lines"]])
            self.assertEqual(times["not_kept"], 0)
            self.assertEqual([(wait["ns"], wait["line"]) for wait in times["longest"]],
                             sorted(((line["since_last_ns"], i) for i, line in enumerate(times["lines"])),
                                    key=lambda wait: (-wait[0], wait[1])))

    def test_text(self):
        run = vitro("run", self.guest, "-q", "--boot-times")
        self.assertEqual(run.returncode, OK)
        self.assertTrue(run.stdout.startswith(LINES + b"\nboot times"), run.stdout)
        text = run.stdout[len(LINES):].decode()
        rows = re.findall(r"^ +(\d+\.\d{6})  +\+(\d+\.\d{6})  +(-|\d+\.\d{6})  (.*)$", text, re.M)
        self.assertEqual([row[2:] for row in rows],
                         [("-", "no stamp"), ("0.000000", "begin"), ("1.250000", "one .[31mred."),
                          ("12345.678901", "late"), ("-", "[    1.25] no stamp either"), ("-", ""), ("-", "unfinished")])
        self.assertIn("the longest waits\n", text)
        self.assertIn("  the start of the run\n              no stamp\n", text)

    def test_the_ten_longest_of_many(self):
        doc, run = self.json("run", self.file("many.bin", PRINT_LINES), "--boot-times")
        self.assertEqual(run.returncode, OK)
        times = doc["boot_times"]
        self.assertEqual(len(times["lines"]) + times["not_kept"], MANY)
        self.assertGreater(times["not_kept"], 0)
        waits = sorted((line["since_last_ns"] for line in times["lines"]), reverse=True)
        self.assertEqual([wait["ns"] for wait in times["longest"]], waits[:10])

    def test_without_it(self):
        doc, _ = self.json("run", self.guest)
        self.assertNotIn("boot_times", doc)

    def test_nowhere_to_print(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            run = vitro("run", self.file("hlt.bin", b"\xf4"), "-q", "--boot-times", stdout=full)
        self.assertEqual(run.returncode, HOST)


if __name__ == "__main__":
    unittest.main()
