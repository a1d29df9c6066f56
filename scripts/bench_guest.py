# SPDX-License-Identifier: MIT
"""The part of scripts/bench that boots Linux, under Vitro's software CPU and under QEMU's TCG.

One virtual CPU, the same kernel, initrd, command line and memory; runs alternate. Every span is measured twice:
by the wall clock, and by the CPU time of the monitor's process (/proc/PID/task/*/schedstat), which other load on
the host disturbs less. Ratios of medians are of CPU time; those of the wall clock are among the facts.
"""
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MEMORY_MIB = 512
APPEND = 'console=ttyS0 vitro.run=./tasks vitro.end=poweroff'
FIRST = b"vitro: init runs"

BOOT = "from the process' start to init's first line, software CPU against QEMU TCG"
TASK = "in the booted guest, software CPU against QEMU TCG: "
PAIR = "two busy programs in the guest, wall-clock time with two virtual CPUs against one"
OWN = "peak memory of the booted monitor without the guest's memory, software CPU"


class Failed(Exception):
    pass


def make(folder):
    """The program and the initramfs, made anew when their sources are newer."""
    program, initrd = folder / "tasks", folder / "tasks.cpio.gz"
    source = ROOT / "tests/bench/guest/tasks.c"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["gcc", "-O2", "-static", "-o", program, source], check=True)
    subprocess.run([ROOT / "tests/linux/initramfs", initrd, program], check=True)
    return program, initrd


def cpu_ns(pid):
    """CPU time of all threads that live; those of a monitor live as long as it does."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def guest_resident_kib(pid):
    """Resident pages of the mapping that holds the guest's memory: the largest one."""
    sizes, size = [], 0
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if line.startswith("Size:"):
            size = int(line.split()[1])
        elif line.startswith("Rss:"):
            sizes.append((size, int(line.split()[1])))
    largest = max(size for size, _ in sizes)
    return sum(rss for size, rss in sizes if size == largest)


def resident_kib(pid):
    return int(re.search(r"VmRSS:\s*(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1))


def one_run(argv):
    """{span: (wall ns, CPU ns)} of one boot; "boot", and a span a task; own memory in KiB."""
    spans, begun, own = {}, {}, 0
    start = time.monotonic_ns()
    with subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as run:
        for line in run.stdout:
            words = line.split()
            if line.startswith(FIRST):
                spans["boot"] = (time.monotonic_ns() - start, cpu_ns(run.pid))
            elif words[:2] == [b"bench", b"begin"]:
                begun[words[2].decode()] = (time.monotonic_ns(), cpu_ns(run.pid))
                own = max(own, resident_kib(run.pid) - guest_resident_kib(run.pid))
            elif words[:2] == [b"bench", b"end"] and words[2].decode() in begun:
                wall, cpu = begun[words[2].decode()]
                spans[words[2].decode()] = (time.monotonic_ns() - wall, cpu_ns(run.pid) - cpu)
        error = run.stderr.read().decode(errors="replace")
    if run.returncode != 0 or "boot" not in spans:
        raise Failed(f"{argv[0]}: exit status {run.returncode}: {error.strip()}")
    return spans, own


def native_run(program):
    """The same spans on the host; CPU time is that of the program and its children."""
    spans = {}
    with tempfile.TemporaryDirectory() as bin_folder:
        applets = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True)
        for applet in applets.stdout.split():
            (pathlib.Path(bin_folder) / applet).symlink_to(shutil.which("busybox"))
        listing = subprocess.run([program, "list"], capture_output=True, text=True, check=True)
        for name in listing.stdout.split():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            out = subprocess.run([program, name], capture_output=True, text=True, check=True,
                                 env={"PATH": bin_folder}).stdout
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            spans[name] = (int(re.search(r"bench end \S+ (\d+)", out).group(1)), int(cpu * 1e9))
    return spans


def summary(values):
    return {"n": len(values), "min": min(values), "median": statistics.median(values), "max": max(values)}


def compare(ours, theirs, native, name):
    """Value, samples and facts of one span."""
    a, b = ([run[name][1] for run in runs] for runs in (ours, theirs))
    wall = [statistics.median(run[name][0] for run in runs) for runs in (ours, theirs)]
    facts = {"wall_ratio": round(wall[0] / wall[1], 2)}
    if name in native[0]:
        alone = statistics.median(run[name][0] for run in native)
        facts["native_ms"] = round(alone / 1e6, 1)
        facts["vitro_times_native"] = round(statistics.median(a) / alone, 1)
        facts["tcg_times_native"] = round(statistics.median(b) / alone, 1)
    return (statistics.median(a) / statistics.median(b),
            {"vitro_ns": summary(a), "tcg_ns": summary(b)}, facts)


def why_not(guests):
    for name in ("qemu-system-x86_64", "busybox", "gcc"):
        if shutil.which(name) is None:
            return f"no {name} (scripts/setup test)"
    if not (guests / "vmlinuz-cloud").exists():
        return "no Debian kernel (scripts/guest-kernels)"
    return None


def two_cpus(figure, own, rounds):
    """On a host whose own CPUs are busy otherwise the clock says little: the CPU time says what sharing costs."""
    append = APPEND.replace("./tasks", '"./tasks pair"')
    argv = [append if word == APPEND else word for word in own]
    runs = {cpus: [] for cpus in (1, 2)}
    for _ in range(rounds):
        for cpus, spans in runs.items():
            spans.append(one_run([*argv, "-c", cpus])[0]["pair"])
    wall, cpu = ({cpus: [span[i] for span in spans] for cpus, spans in runs.items()} for i in (0, 1))
    value = min(wall[2]) / min(wall[1])
    facts = {"times_faster": round(1 / value, 2), "cpu_time_ratio": round(min(cpu[2]) / min(cpu[1]), 2)}
    yield figure("guest_two_cpus", PAIR, "ratio", 1 / 1.8, value,
                 {"one_ns": summary(wall[1]), "two_ns": summary(wall[2])}, facts)


def guest(figure, vitro, guests, rounds):
    """Rows as scripts/bench shows them, made by its figure()."""
    reason = why_not(guests)
    if reason is not None:
        yield figure("guest_boot", BOOT, "ratio", 12, cannot_run=reason)
        return
    program, initrd = make(guests)
    kernel = guests / "vmlinuz-cloud"
    qemu = ["qemu-system-x86_64", "-M", "pc", "-nodefaults", "-no-user-config", "-display", "none", "-serial",
            "stdio", "-cpu", "max", "-accel", "tcg", "-smp", "1", "-m", MEMORY_MIB, "-no-reboot", "-kernel", kernel,
            "-initrd", initrd, "-append", APPEND]
    own = [vitro, "run", kernel, "-e", "soft", "-q", "-m", f"{MEMORY_MIB}M", "-i", initrd, "-a", APPEND]
    ours, theirs, native, memory = [], [], [], []
    for _ in range(rounds):
        spans, kib = one_run(own)
        ours.append(spans)
        memory.append(kib)
        theirs.append(one_run(qemu)[0])
        native.append(native_run(program))
    for name in ours[0]:
        value, samples, facts = compare(ours, theirs, native, name)
        what = BOOT if name == "boot" else TASK + name.replace("_", " ")
        yield figure(f"guest_{name}", what, "ratio", 12, value, samples, facts)
    yield from two_cpus(figure, own, rounds)
    yield figure("guest_memory", OWN, "KiB", 40 * 1024, max(memory), {"vitro_kib": summary(memory)})
