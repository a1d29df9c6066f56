# SPDX-License-Identifier: MIT
"""The arithmetic of scripts/bench guest, on runs that are made up."""
import os
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import bench_guest  # noqa: E402
import bench_rewind  # noqa: E402
import bench_runs  # noqa: E402
from bench_runs import Run, Span  # noqa: E402

GROUPS = {"sums": "compute", "loops": "compute", "calls": "system", "faults": "system", "shell": "program"}


def figure(name, what, unit, target, value=None, samples=None, facts=None, cannot_run=None):
    return {"name": name, "what": what, "unit": unit, "target": target, "value": value, "facts": facts,
            "cannot_run": cannot_run}


def run(*times, boot=1000, value="1"):
    """Programs in the order of GROUPS."""
    spans = {name: Span(wall=2 * t, cpu=t, alone=t, value=value) for name, t in zip(GROUPS, times)}
    return Run(spans | {"boot": Span(boot, boot)}, {})


def by_name(rows):
    return {row["name"]: row for row in rows}


class Figures(unittest.TestCase):
    def programs(self, ours, theirs, native):
        return by_name(bench_guest.programs(figure, ours, theirs, native, GROUPS))

    def test_geomean(self):
        self.assertAlmostEqual(bench_guest.geomean([2]), 2)
        self.assertAlmostEqual(bench_guest.geomean([2, 8]), 4)
        self.assertAlmostEqual(bench_guest.geomean([0.5, 2, 1]), 1)
        self.assertAlmostEqual(bench_guest.geomean([3, 9, 27]), 9)

    def test_what_the_figures_are_made_of(self):
        rows = self.programs([run(100, 200, 50, 50, 100)], [run(200, 1600, 100, 400, 400)], [run(50, 25, 9, 9, 9)])
        self.assertAlmostEqual(rows["guest_sums"]["value"], 2)
        self.assertAlmostEqual(rows["guest_sums"]["facts"]["times_native"], 2)
        self.assertAlmostEqual(rows["guest_sums"]["facts"]["tcg_times_native"], 4)
        self.assertAlmostEqual(rows["guest_geomean"]["value"], (2 * 8 * 2 * 8 * 4) ** 0.2)
        self.assertAlmostEqual(rows["guest_native"]["value"], 4)  # of 2 and 8: the compute programs only
        self.assertAlmostEqual(rows["guest_system"]["value"], 4)  # of 2 and 8
        self.assertAlmostEqual(rows["guest_worst"]["value"], 2)
        self.assertIn(rows["guest_worst"]["facts"]["program_named"], ("sums", "calls"))

    def test_what_no_cpu_could_reach_is_named(self):
        rows = self.programs([run(*[100] * 5)], [run(100, 100, 100, 100, 119)], [run(90, 80, 70, 60, 100)])
        self.assertEqual(rows["guest_worst"]["facts"]["not_even_native_is_1.2_times_TCG"], "sums shell")

    def test_medians_of_rounds(self):
        rows = self.programs([run(*[t] * 5) for t in (10, 1000, 20)], [run(*[t] * 5) for t in (80, 1, 60)],
                             [run(*[10] * 5)])
        self.assertAlmostEqual(rows["guest_geomean"]["value"], 3)
        self.assertAlmostEqual(rows["guest_native"]["value"], 2)

    def test_a_program_that_cannot_run_counts_nowhere(self):
        native = run(10, 10, 10, 10, 10)
        native.cannot["loops"] = "this CPU has no AVX2"
        del native.spans["loops"]
        rows = self.programs([run(*[10] * 5)], [run(20, 2000, 20, 20, 20)], [native])
        self.assertEqual(rows["guest_loops"]["cannot_run"], "this CPU has no AVX2")
        self.assertAlmostEqual(rows["guest_geomean"]["value"], 2)
        self.assertEqual(rows["guest_geomean"]["facts"]["programs"], 4)

    def test_boot_and_deterministic(self):
        ours = [run(*[10] * 5, boot=1000)]
        rows = by_name(bench_guest.boot(figure, ours, [run(*[10] * 5, boot=4000)]))
        self.assertAlmostEqual(rows["guest_boot"]["value"], 0.25)
        rows = by_name(bench_guest.counted(figure, ours, [run(10, 10, 10, 10, 20, boot=2000)]))
        self.assertAlmostEqual(rows["guest_deterministic"]["value"], 4 ** (1 / 6))

    def test_results_that_differ_fail(self):
        bench_guest.agree([("Vitro", run(*[1] * 5)), ("TCG", run(*[2] * 5))])
        with self.assertRaisesRegex(bench_guest.Failed, "sums has computed 2 under TCG, 1 under Vitro"):
            bench_guest.agree([("Vitro", run(*[1] * 5)), ("TCG", run(*[1] * 5, value="2"))])

    def test_lines_of_a_guest(self):
        lines = ["vitro: init runs", "bench cannot wide this CPU is narrow", "bench begin sums", "noise",
                 "bench end sums 5000 9 00ff", "bench end calls 1 1 1"]
        got = bench_runs.one_run(["sh", "-c", "; ".join(f"echo '{line}'" for line in lines)])
        self.assertEqual(set(got.spans), {"boot", "sums"})
        self.assertEqual((got.spans["sums"].wall, got.spans["sums"].value), (5000, "00ff"))
        self.assertEqual(got.cannot, {"wide": "this CPU is narrow"})
        self.assertGreater(bench_runs.own_kib(os.getpid()), 1024)
        for bad in ("exit 3", "echo no init"):
            with self.assertRaises(bench_runs.Failed):
                bench_runs.one_run(["sh", "-c", bad])

    def test_time_alone(self):
        """Of two threads the one that sleeps least says how long it would have taken with CPUs for both."""
        got = bench_runs.span(1000, {"1": (0, 0), "2": (50, 0)}, {"1": (600, 390), "2": (650, 100)})
        self.assertEqual((got.wall, got.cpu, got.alone), (1000, 1200, 610))


# A machine that attaches a client and ends.
ENDS = """
import os, socket
folder = os.environ["XDG_RUNTIME_DIR"] + "/vitro"
os.mkdir(folder)
with socket.socket(socket.AF_UNIX) as door:
    door.bind(folder + "/bench.sock")
    door.listen()
    client = door.accept()[0]
    client.makefile().readline()
    client.sendall(b'{"id": 1, "result": {}}\\n')
raise SystemExit(7)
"""


class StepsBack(unittest.TestCase):
    def test_no_machine_is_a_sentence(self):
        with self.assertRaisesRegex(bench_runs.Failed, "ended .exit status 1. before its control socket"):
            bench_rewind.steps_back(["false"], 0)

    def test_a_machine_that_ends_is_a_sentence(self):
        with self.assertRaisesRegex(bench_runs.Failed, "the machine to step back in ended"):
            bench_rewind.steps_back([sys.executable, "-c", ENDS], 0)


if __name__ == "__main__":
    unittest.main()
