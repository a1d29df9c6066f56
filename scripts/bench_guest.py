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
INTERP = BOOT.replace("software CPU", "its interpreter alone")
OWN = "peak memory of the booted monitor without the guest's memory, software CPU"
OWN_INTERP = OWN + ", its interpreter alone"
IDLE = "CPU time of a guest that waits in sleep, software CPU"
MICROVM = "from the process' start to init's first line, KVM against QEMU microvm under KVM"
IDLE_S = 10


class Failed(Exception):
    pass


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


def cpu_ns(pid):
    """CPU time of all threads that live; those of a monitor live as long as it does."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def own_kib(pid):
    """Resident memory without mappings as large as the guest's. What is mapped twice, translated code, counts once."""
    rows = []
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            rows.append({"once": "/memfd:" in line})
        elif (m := re.match(r"(Size|Rss|Pss): *(\d+)", line)) is not None:
            rows[-1][m[1]] = int(m[2])
    return sum(row["Pss" if row["once"] else "Rss"] for row in rows if row["Size"] < MEMORY_MIB * 1024)


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
                own = max(own, own_kib(run.pid))
            elif words[:2] == [b"bench", b"end"] and words[2].decode() in begun:
                wall, cpu = begun[words[2].decode()]
                spans[words[2].decode()] = (time.monotonic_ns() - wall, cpu_ns(run.pid) - cpu)
        error = run.stderr.read().decode(errors="replace")
    if run.returncode != 0 or "boot" not in spans:
        raise Failed(f"{argv[0]}: exit status {run.returncode}: {error.strip()}")
    return spans, own


def idle_percent(argv):
    """Of one core, while the guest sleeps; it has had time to settle."""
    with subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as run:
        for line in run.stdout:
            if line.startswith(b"idle begins"):
                break
        time.sleep(3)
        cpu, wall = cpu_ns(run.pid), time.monotonic_ns()
        time.sleep(IDLE_S)
        percent = 100 * (cpu_ns(run.pid) - cpu) / (time.monotonic_ns() - wall)
        run.terminate()
    return percent


def why_no_kvm(vitro, kernel):
    """None where kernels run on KVM here, else the program's own words."""
    run = subprocess.run([vitro, "run", kernel, "-v", "-q", "--stop-at", "exit:1"], stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, check=False)
    words = re.search(r"^vitro: \S+: 1 CPU, (.*)$", run.stderr, re.M)
    if words is None:
        raise Failed(f"which engine a kernel gets: {run.stderr.strip()}")
    return None if words[1].startswith("kvm") else words[1]


def microvm(figure, vitro, kernel, initrd, rounds):
    reason = why_no_kvm(vitro, kernel)
    if reason is not None:
        yield figure("guest_microvm", MICROVM, "ratio", 1, cannot_run=reason)
        return
    append = "console=ttyS0 vitro.run=true"
    ours = [vitro, "run", kernel, "-e", "kvm", "-q", "-m", f"{MEMORY_MIB}M", "-i", initrd, "-a", append]
    theirs = ["qemu-system-x86_64", "-M", "microvm,rtc=on,pic=on,pit=on", "-nodefaults", "-no-user-config", "-display",
              "none", "-serial", "stdio", "-cpu", "host", "-accel", "kvm", "-smp", "1", "-m", str(MEMORY_MIB), "-no-reboot",
              "-kernel", kernel, "-initrd", initrd, "-append", append]
    a, b = [], []
    for _ in range(rounds):
        spans, _kib = one_run(ours)
        a.append(spans["boot"][0])
        b.append(one_run(theirs)[0]["boot"][0])
    yield figure("guest_microvm", MICROVM, "ratio", 1, statistics.median(a) / statistics.median(b),
                 {"vitro_ns": summary(a), "microvm_ns": summary(b)}, {})


def interpreter(figure, own, tcg, rounds):
    """Boots with the interpreter alone, against the boots of TCG beside which they are not run."""
    append = "console=ttyS0 vitro.run=\"echo bench begin up; true\""
    argv = [*own[:-1], append, "--tier", "interp"]
    runs = [one_run(argv) for _ in range(rounds)]
    cpu = [spans["boot"][1] for spans, _ in runs]
    yield figure("guest_boot_interp", INTERP, "ratio", 12, statistics.median(cpu) / statistics.median(tcg),
                 {"vitro_ns": summary(cpu), "tcg_ns": summary(tcg)}, {})
    memory = [kib for _, kib in runs]
    yield figure("guest_memory_interp", OWN_INTERP, "KiB", 40 * 1024, max(memory), {"vitro_kib": summary(memory)}, {})


def native_run(program):
    """The same spans on the host; CPU time is that of the program and its children."""
    spans = {}
    with tempfile.TemporaryDirectory() as bin_folder:
        applets = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True)
        for applet in applets.stdout.split():
            (pathlib.Path(bin_folder) / applet).symlink_to(shutil.which("busybox"))
        listing = subprocess.run([program, "list"], capture_output=True, text=True, check=True)
        for name in [line.split()[0] for line in listing.stdout.splitlines()]:
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
    if not pathlib.Path("/usr/include/sqlite3.h").exists():
        return "no SQLite (scripts/setup test)"
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
    yield from interpreter(figure, own, [run["boot"][1] for run in theirs], rounds)
    idle = idle_percent([*own[:-1], "console=ttyS0 vitro.run=\"echo idle begins; sleep 60\""])
    yield figure("guest_idle", IDLE, "percent", 1, idle, {}, {})
    yield from microvm(figure, vitro, kernel, initrd, rounds)
