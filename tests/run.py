#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs Vitro's tests and counts them one by one.

usage: tests/run.py --build FOLDER [--fuzz FOLDER --fuzz-seconds N] [--only unit,cli,web,linux,fuzz] [--full]

Every cmocka test, every Python test and every fuzz target counts as one. The closing line is
`N passed, N failed, N skipped`; skipped tests are listed with their reasons.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Count:
    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skips = []
        self.native_cases = 0
        self.oracles = None  # the closing line of soft/oracle

    def program(self, name, run):
        """Adds what one program's output says; a program that says nothing counts as one test."""
        text = run.stdout + run.stderr
        # cmocka's closing summary repeats the failed and skipped ones, hence the sets.
        passed = re.findall(r"^\[\s+OK \] (\S+)$", text, re.M)
        self.native_cases += sum(int(n) for n in re.findall(r"native oracle, .*?: \d+ rows, (\d+) cases", text))
        self.oracles = next(iter(re.findall(r"^oracles: .*", text, re.M)), self.oracles)
        failed = sorted(set(re.findall(r"^\[  FAILED  \] (\S+)$", text, re.M)))
        skipped = sorted(set(re.findall(r"^\[  SKIPPED \] (\S+)$", text, re.M)))
        self.passed += len(passed)
        for test in failed:
            self.failures.append((f"{name}: {test}", tail(text)))
        for test in skipped:
            # What the test itself printed, between its RUN line and its result.
            said = re.search(rf"^\[ RUN +\] {re.escape(test)}$(.*?)^\[  SKIPPED \]", run.stdout, re.M | re.S)
            why = re.findall(r"cannot[^\n]*", said.group(1)) if said else []
            self.skips.append((f"{name}: {test}", "; ".join(why)))
            if not why:
                self.failures.append((f"{name}: {test}", "    skipped without a reason"))
        if run.returncode == 77 and not skipped:
            self.skips.append((name, text.strip().splitlines()[-1] if text.strip() else ""))
        elif run.returncode != 0 and not failed:
            self.failures.append((name, f"exit status {run.returncode}\n{tail(text)}"))
        elif run.returncode == 0 and not passed and not skipped:
            self.passed += 1


def tail(text, lines=25):
    return "\n".join("    " + line for line in text.strip().splitlines()[-lines:])


def run_units(build, count, env):
    listing = subprocess.run(["meson", "introspect", "--tests", str(build)], capture_output=True,
                             text=True, check=True)
    for test in json.loads(listing.stdout):
        start = time.monotonic()
        try:
            run = subprocess.run(test["cmd"], capture_output=True, text=True, errors="replace",
                                 timeout=test["timeout"] * 3, env={**env, **test["env"]},
                                 cwd=test["workdir"] or str(build))
        except subprocess.TimeoutExpired as slow:
            run = subprocess.CompletedProcess(test["cmd"], 124, "", f"ran longer than {slow.timeout} s")
        before = len(count.failures)
        count.program(test["name"], run)
        state = "ok" if len(count.failures) == before else "FAILED"
        print(f"  {test['name']:<28} {state:<6} {time.monotonic() - start:6.1f} s", flush=True)


class Result(unittest.TestResult):
    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        took = time.monotonic() - self.began
        if took > 5:
            print(f"  {test.id():<60} {took:6.1f} s", flush=True)


def run_python(build, folder, name, count):
    os.environ["VITRO"] = str(build / "src/cli/vitro")
    os.environ["VITRO_BUILD"] = str(build)
    suite = unittest.TestLoader().discover(str(folder), top_level_dir=str(folder))
    result = Result()
    suite.run(result)
    bad = result.failures + result.errors
    count.passed += result.testsRun - len(bad) - len(result.skipped)
    count.failures += [(test.id(), tail(trace, 40)) for test, trace in bad]
    count.skips += [(test.id(), why) for test, why in result.skipped]
    print(f"  {name}: {result.testsRun} tests", flush=True)


def run_web(build, count, env):
    """Each tests/web/test_*.mjs by node: lines `ok NAME`, `FAILED NAME` with what is indented, `skip NAME: why`."""
    for test in sorted((ROOT / "tests/web").glob("test_*.mjs")):
        if shutil.which("node") is None:
            count.skips.append((f"web {test.name}", "node is not installed"))
            continue
        run = subprocess.run(["node", str(test)], capture_output=True, text=True, errors="replace", timeout=900,
                             env={**env, "VITRO": str(build / "src/cli/vitro"), "VITRO_BUILD": str(build)})
        passed = re.findall(r"^ok (.*)$", run.stdout, re.M)
        failed = re.findall(r"^FAILED (.*)\n((?:    .*\n)*)", run.stdout, re.M)
        count.passed += len(passed)
        count.failures += [(f"web: {name}", text.rstrip()) for name, text in failed]
        count.skips += [(f"web: {name}", why) for name, why in re.findall(r"^skip (.*?): (.*)$", run.stdout, re.M)]
        if run.returncode != 0 and not failed:
            count.failures.append((f"web {test.name}", tail(run.stdout + run.stderr)))
        print(f"  web {test.name:<24} {len(passed)} ok, {len(failed)} failed", flush=True)


def run_fuzz(build, seconds, count):
    for target in sorted(build.glob("tests/fuzz/fuzz_*")):
        if not os.access(target, os.X_OK) or target.is_dir():
            continue
        name = target.name.removeprefix("fuzz_")
        corpus = ROOT / "tests/fuzz/corpus" / name
        work = build / "corpus" / name
        work.mkdir(parents=True, exist_ok=True)
        run = subprocess.run([str(target), f"-max_total_time={seconds}", "-timeout=10",
                              "-rss_limit_mb=1024", f"-artifact_prefix={build}/", str(work),
                              str(corpus)], capture_output=True, text=True, errors="replace")
        runs = re.findall(r"^Done (\d+) runs", run.stderr, re.M)
        if run.returncode == 0 and runs:
            count.passed += 1
            print(f"  fuzz {name:<23} ok     {runs[-1]} inputs in {seconds} s", flush=True)
        else:
            count.failures.append((f"fuzz {name}", tail(run.stderr)))
            print(f"  fuzz {name:<23} FAILED", flush=True)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--build", type=pathlib.Path)
    args.add_argument("--fuzz", type=pathlib.Path)
    args.add_argument("--fuzz-seconds", type=int, default=10)
    args.add_argument("--only", default="unit,cli,web,linux,fuzz")
    args.add_argument("--full", action="store_true", help="every size and number of CPUs")
    args = args.parse_args()
    # A shell starts what it runs in the background with these ignored, and children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    what = args.only.split(",")
    count = Count()
    env = dict(os.environ)
    if "unit" in what and args.build:
        run_units(args.build.resolve(), count, env)
    if "cli" in what and args.build:
        run_python(args.build.resolve(), ROOT / "tests/cli", "command line", count)
    if "web" in what and args.build:
        run_web(args.build.resolve(), count, env)
    if "linux" in what and args.build:
        os.environ["VITRO_FULL"] = "yes" if args.full else "no"
        run_python(args.build.resolve(), ROOT / "tests/linux", "Linux", count)
    if "fuzz" in what and args.fuzz:
        run_fuzz(args.fuzz.resolve(), args.fuzz_seconds, count)
    if count.oracles:
        print(count.oracles.replace("with cases elsewhere", f"with {count.native_cases} cases"))
    for name, why in count.skips:
        print(f"skipped: {name}: {why}")
    for name, text in count.failures:
        print(f"FAILED: {name}\n{text}")
    print(f"{count.passed} passed, {len(count.failures)} failed, {len(count.skips)} skipped")
    return 1 if count.failures or count.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
