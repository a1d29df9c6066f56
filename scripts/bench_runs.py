# SPDX-License-Identifier: MIT
"""What scripts/bench runs and watches: the guest's programs natively, and monitors that boot Linux.

Every span is measured by the wall clock and by the CPU time of the monitor's process (/proc/PID/task/*/schedstat),
which other load on the host disturbs less. The CPU time is looked at when a line of the guest arrives, so the guest's
program rests a moment behind each.
"""
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MEMORY_MIB = 512
FIRST = b"vitro: init runs"


class Failed(Exception):
    pass


@dataclasses.dataclass
class Span:
    wall: int          # ns; of a program by the guest's clock
    cpu: int           # ns, of all threads
    alone: int = 0     # ns of wall without what the thread that slept least waited for one of the host's CPUs
    value: str = ""    # what the program computed


@dataclasses.dataclass
class Run:
    spans: dict        # "boot" and each program's name: Span
    cannot: dict       # program: why it did not run
    own_kib: int = 0   # memory of the monitor without the guest's, when the first program began
    most_kib: int = 0  # the same, the most that was seen


# ---- the programs ------------------------------------------------------------------------------

def compile_tasks(program):
    """tests/bench/guest as one static program, made anew when a source is newer."""
    sources = sorted((ROOT / "tests/bench/guest").iterdir())
    if program.exists() and program.stat().st_mtime >= max(s.stat().st_mtime for s in sources):
        return
    # The linker's warnings are of what SQLite has for extensions and user names, which the program does not use.
    subprocess.run(["gcc", "-O2", "-std=gnu17", "-D_GNU_SOURCE", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror",
                    "-Wno-missing-field-initializers", "-static", "-pthread", "-o", program,
                    *[s for s in sources if s.suffix == ".c"], "-lsqlite3", "-lm", "-Wl,--no-warnings"], check=True)


def make(folder):
    """The program and the initramfs."""
    program, initrd = folder / "tasks", folder / "tasks.cpio.gz"
    compile_tasks(program)
    subprocess.run([ROOT / "tests/linux/initramfs", initrd, program], check=True)
    return program, initrd


def groups(program):
    listing = subprocess.run([program, "list"], capture_output=True, text=True, check=True)
    return dict(line.split() for line in listing.stdout.splitlines())


def native_run(program):
    """The programs on the host; CPU time is by their own account, that of children included."""
    run = Run({}, {})
    with tempfile.TemporaryDirectory() as bin_folder:
        applets = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True)
        for applet in applets.stdout.split():
            (pathlib.Path(bin_folder) / applet).symlink_to(shutil.which("busybox"))
        out = subprocess.run([program], capture_output=True, text=True, check=True, env={"PATH": bin_folder}).stdout
    for line in out.splitlines():
        words = line.split()
        if words[1] == "end":
            run.spans[words[2]] = Span(int(words[3]), int(words[4]), int(words[4]), words[5])
        elif words[1] == "cannot":
            run.cannot[words[2]] = " ".join(words[3:])
    return run


# ---- a monitor ---------------------------------------------------------------------------------

def threads(pid):
    """{thread: (ns on a CPU, ns it waited for one)}; those of a monitor live as long as it does."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            on, waited, _slices = (task / "schedstat").read_text().split()
            found[task.name] = (int(on), int(waited))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def cpu_ns(pid):
    return sum(on for on, _ in threads(pid).values())


def span(wall, before, after, value=""):
    """wall: ns; between two answers of threads()."""
    spent = {name: [late - early for late, early in zip(times, before.get(name, (0, 0)))] for name, times in after.items()}
    return Span(wall, sum(on for on, _ in spent.values()), wall - max(spent.values(), key=sum)[1], value)


def own_kib(pid):
    """Resident memory without mappings as large as the guest's. What is mapped twice, translated code, counts once."""
    rows = []
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            rows.append({"once": "/memfd:" in line})
        elif (m := re.match(r"(Size|Rss|Pss): *(\d+)", line)) is not None:
            rows[-1][m[1]] = int(m[2])
    return sum(row["Pss" if row["once"] else "Rss"] for row in rows if row["Size"] < MEMORY_MIB * 1024)


def be_prompt():
    """Where that is allowed, this process gets a CPU as soon as there is a line to read; what it starts is as ever."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except PermissionError:
        pass


def one_run(argv):
    """One boot, and what the guest's program prints about its work."""
    result, begun = Run({}, {}), {}
    start = time.monotonic_ns()
    with subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as run:
        for line in run.stdout:
            words = line.decode(errors="replace").split()
            if line.startswith(FIRST):
                result.spans["boot"] = span(time.monotonic_ns() - start, {}, threads(run.pid))
            elif words[:2] == ["bench", "begin"]:
                begun[words[2]] = threads(run.pid)
                kib = own_kib(run.pid)
                result.own_kib = result.own_kib or kib
                result.most_kib = max(result.most_kib, kib)
            elif words[:2] == ["bench", "end"] and words[2] in begun:
                result.spans[words[2]] = span(int(words[3]), begun[words[2]], threads(run.pid), words[5])
            elif words[:2] == ["bench", "cannot"]:
                result.cannot[words[2]] = " ".join(words[3:])
        error = run.stderr.read().decode(errors="replace")
    if run.returncode != 0 or "boot" not in result.spans:
        raise Failed(f"{argv[0]}: exit status {run.returncode}: {error.strip()}")
    return result
