# SPDX-License-Identifier: MIT
"""The part of scripts/bench about going back in time: what checkpoints cost, and how soon a step back answers.

The same deterministic boot of Linux with and without checkpoints, alternately, by the CPU time of the monitor's
process. Then, in a boot that is stopped at several places, steps back through the control socket, by the wall clock.
The places are shares of that CPU time apart, and a machine that has come to its end before the last stays for them.
"""
import json
import os
import pathlib
import resource
import socket
import statistics
import subprocess
import tempfile
import time

import bench_runs

COST = "a deterministic boot of Linux with checkpoints, against the same without"
STEP = "a step back in the middle of a boot of Linux, the slowest of several places"
APPEND = "console=ttyS0 vitro.run=true vitro.end=poweroff"
PLACES = 6


def summary(values):
    return {"n": len(values), "min": min(values), "median": statistics.median(values), "max": max(values)}


def cpu_s(argv):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                         errors="replace")
    if run.returncode != 0:
        raise bench_runs.Failed(f"{argv[0]}: exit status {run.returncode}: {run.stderr.strip()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Machine:
    """A boot in the background, and a client of it, for whom it stays after its end."""

    def __init__(self, argv, runtime):
        env = {**os.environ, "XDG_RUNTIME_DIR": runtime}
        self.process = subprocess.Popen([*map(str, argv), "-n", "bench"], stdin=subprocess.DEVNULL, env=env,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.sock = socket.socket(socket.AF_UNIX)
        while self.sock.connect_ex(str(pathlib.Path(runtime, "vitro/bench.sock"))) != 0:
            if self.process.poll() is not None:
                self.fail("before its control socket could be found")
            time.sleep(0.001)
        self.lines = self.sock.makefile("rb")
        self.call("debug.attach", hold_end=True)

    def fail(self, what):
        self.end()
        raise bench_runs.Failed(f"the machine to step back in ended (exit status {self.process.returncode}) {what}")

    def answer(self, method):
        try:
            line = self.lines.readline()
        except OSError:
            line = b""
        if not line:
            self.fail(f"before it had answered {method}")
        line = json.loads(line)
        if "error" in line:
            raise bench_runs.Failed(f"{method}: {line['error']['message']}")
        return line

    def call(self, method, **params):
        """Answered, and for a step back also done."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            self.sock.sendall(json.dumps(request).encode() + b"\n")
        except OSError:
            self.fail(f"before it was asked for {method}")
        wanted = ["id"] + (["params"] if method == "back.step" else [])
        while wanted:
            line = self.answer(method)
            if "id" in line or line["params"].get("reason") == "step":
                wanted.remove("id" if "id" in line else "params")

    def end(self):
        self.process.kill()
        self.process.wait()
        self.sock.close()


def steps_back(own, apart_s):
    spans = []
    with tempfile.TemporaryDirectory() as runtime:
        machine = Machine(own, runtime)
        try:
            for _ in range(PLACES):
                time.sleep(apart_s)
                machine.call("pause")
                start = time.monotonic_ns()
                machine.call("back.step")
                spans.append((time.monotonic_ns() - start) / 1e6)
                machine.call("resume")
        finally:
            machine.end()
    return spans


def rewind(figure, vitro, guests, initrd, rounds):
    own = [vitro, "run", guests / "vmlinux-cloud", "--deterministic", "-q", "-m", "512M", "-i", initrd, "-a", APPEND]
    if not own[2].exists():
        yield figure("checkpoints", COST, "ratio", 1.1, cannot_run="no Debian kernel (scripts/guest-kernels)")
        return
    runs = {0: [], "256M": []}
    for _ in range(rounds):
        for size, times in runs.items():
            times.append(cpu_s([*own, "--checkpoints", size]) * 1e9)
    ratio = statistics.median(runs["256M"]) / statistics.median(runs[0])
    yield figure("checkpoints", COST, "ratio", 1.1, ratio,
                 {"with_ns": summary(runs["256M"]), "without_ns": summary(runs[0])})
    spans = steps_back(own, statistics.median(runs["256M"]) / 1e9 / (PLACES + 1))
    yield figure("back_step", STEP, "ms", 1000, max(spans), {"step_ms": summary(spans)})
