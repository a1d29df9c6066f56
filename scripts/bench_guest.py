# SPDX-License-Identifier: MIT
"""The part of scripts/bench that boots Linux, under Vitro's software CPU and under QEMU's TCG, and natively.

One virtual CPU, the same kernel, initrd, command line and memory; runs alternate. Ratios of medians are of CPU time
of the monitor's process; those of the wall clock are among the facts. What a program computes must be the same
everywhere, else the bench fails.
"""
import json
import math
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import threading
import time

import bench_runs
from bench_runs import FIRST, MEMORY_MIB, Failed, make, one_run

APPEND = 'console=ttyS0 vitro.run=./tasks vitro.end=poweroff'

PROGRAM = "CPU time in the booted guest, QEMU TCG against the software CPU: "
ALL = "geomean over all programs, TCG's CPU time against the software CPU's"
SLOWDOWN = "geomean over the compute programs, the software CPU's CPU time against native"
WORST = "the worst program, TCG's CPU time against the software CPU's"
SYSTEM = "geomean over the system programs, TCG's CPU time against the software CPU's"
BOOT = "from the process' start to init's first line, software CPU against QEMU TCG"
COUNTED = "geomean over boot and all programs, CPU time of a deterministic run against a free one"
PAIR = "two busy programs in the guest, how much faster with two virtual CPUs than with one"
INTERP = BOOT.replace("software CPU", "its interpreter alone")
OWN = "memory of the monitor without the guest's after a boot of Linux, software CPU"
OWN_KVM = "memory of the monitor without the guest's, Linux on the PC board under KVM"
OWN_INTERP = OWN + ", its interpreter alone"
IDLE = "CPU time of a guest that waits in sleep, software CPU"
MICROVM = "from the process' start to init's first line, KVM against QEMU microvm under KVM"
TRANSLATE = "CPU time to translate an instruction of the kernel's code"
IDLE_S = 10


def summary(values):
    return {"n": len(values), "min": min(values), "median": statistics.median(values), "max": max(values)}


# ---- arithmetic --------------------------------------------------------------------------------

def geomean(values):
    """Of one value or more, all above 0."""
    return math.exp(statistics.fmean(math.log(v) for v in values))


def agree(runs):
    """Every program has computed the same in all runs that it took part in; {name of a run: Run}."""
    seen = {}
    for where, run in runs:
        for name, span in run.spans.items():
            first = seen.setdefault(name, (where, span.value))
            if span.value != first[1]:
                raise Failed(f"{name} has computed {span.value} under {where}, {first[1]} under {first[0]}")


def cpu(runs, name):
    return [run.spans[name].cpu for run in runs]


def ratio(above, below, name):
    return statistics.median(cpu(above, name)) / statistics.median(cpu(below, name))


def program_row(figure, ours, theirs, native, name, group):
    wall = [statistics.median(run.spans[name].wall for run in runs) for runs in (theirs, ours)]
    return figure(f"guest_{name}", PROGRAM + name.replace("_", " "), "times", 1.2, ratio(theirs, ours, name),
                  {"vitro_ns": summary(cpu(ours, name)), "tcg_ns": summary(cpu(theirs, name)),
                   "native_ns": summary(cpu(native, name))},
                  {"program": name, "group": group, "times_native": round(ratio(ours, native, name), 2),
                   "tcg_times_native": round(ratio(theirs, native, name), 2),
                   "wall_ratio": round(wall[0] / wall[1], 2)})


def programs(figure, ours, theirs, native, groups):
    """A row a program, then what they say together."""
    lacking = {name: why for run in (*ours, *theirs, *native) for name, why in run.cannot.items()}
    ran = [name for name in groups if name not in lacking]
    for name in groups:
        if name in lacking:
            yield figure(f"guest_{name}", PROGRAM + name, "times", 1.2, cannot_run=lacking[name])
        else:
            yield program_row(figure, ours, theirs, native, name, groups[name])
    faster = {name: ratio(theirs, ours, name) for name in ran}
    slower = {name: ratio(ours, native, name) for name in ran if groups[name] == "compute"}
    system = {name: faster[name] for name in ran if groups[name] == "system"}
    worst = min(faster, key=faster.get)
    yield figure("guest_geomean", ALL, "times", 4, geomean(faster.values()), {}, {"aim": 8, "programs": len(faster)})
    yield figure("guest_native", SLOWDOWN, "ratio", 2.4, geomean(slower.values()), {},
                 {"aim": 1.5, "programs": len(slower)})
    bound = [name for name in ran if ratio(theirs, native, name) < 1.2]
    yield figure("guest_worst", WORST, "times", 1.2, faster[worst], {},
                 {"aim": 2, "program_named": worst, "not_even_native_is_1.2_times_TCG": " ".join(bound) or "none"})
    yield figure("guest_system", SYSTEM, "times", 2, geomean(system.values()), {}, {"aim": 5, "programs": len(system)})


def boot(figure, ours, theirs):
    yield figure("guest_boot", BOOT, "ratio", 0.8, ratio(ours, theirs, "boot"),
                 {"vitro_ns": summary(cpu(ours, "boot")), "tcg_ns": summary(cpu(theirs, "boot"))}, {"aim": 0.4})


def counted(figure, ours, repeatable):
    each = {name: ratio(repeatable, ours, name) for name in ours[0].spans}
    most = max(each, key=each.get)
    yield figure("guest_deterministic", COUNTED, "ratio", 1.1, geomean(each.values()), {},
                 {"aim": 1.03, "boot": round(each["boot"], 3), "most": f"{most} {each[most]:.3f}"})


# ---- other boots -------------------------------------------------------------------------------

def idle_percent(argv):
    """Of one core, while the guest sleeps; it has had time to settle."""
    with subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as run:
        for line in run.stdout:
            if line.startswith(b"idle begins"):
                break
        time.sleep(3)
        before, wall = bench_runs.cpu_ns(run.pid), time.monotonic_ns()
        time.sleep(IDLE_S)
        percent = 100 * (bench_runs.cpu_ns(run.pid) - before) / (time.monotonic_ns() - wall)
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


def memory_at(argv, line, seconds):
    """KiB when the guest says the line; None: it has ended before, or not said it in time."""
    with subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as run:
        late = threading.Timer(seconds, run.kill)
        late.start()
        found = any(line in said for said in run.stdout)
        kib = bench_runs.own_kib(run.pid) if found else None
        late.cancel()
        run.kill()
    return kib


def kvm_memory(figure, vitro, guests, initrd, rounds):
    """After a boot where KVM runs kernels; else when the kernel, which unpacks nothing there, has said its first line."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        yield figure("guest_memory_kvm", OWN_KVM, "KiB", 8 * 1024, cannot_run="no /dev/kvm to open")
        return
    boots = why_no_kvm(vitro, guests / "vmlinuz-cloud") is None
    kernel, line, when = (("vmlinuz-cloud", FIRST, "at init's first line") if boots else
                          ("vmlinux-cloud", b"Linux version", "at the kernel's first line"))
    argv = [vitro, "run", guests / kernel, "-e", "kvm", "-q", "-m", f"{MEMORY_MIB}M", "-i", initrd, "-a",
            "console=ttyS0 earlyprintk=ttyS0"]
    kib = [memory_at(argv, line, 300) for _ in range(rounds)]
    if None in kib:
        yield figure("guest_memory_kvm", OWN_KVM, "KiB", 8 * 1024, cannot_run=f"the kernel did not come so far: {when}")
        return
    yield figure("guest_memory_kvm", OWN_KVM, "KiB", 8 * 1024, max(kib), {"vitro_kib": summary(kib)}, {"measured": when})


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
        a.append(one_run(ours).spans["boot"].wall)
        b.append(one_run(theirs).spans["boot"].wall)
    yield figure("guest_microvm", MICROVM, "ratio", 1, statistics.median(a) / statistics.median(b),
                 {"vitro_ns": summary(a), "microvm_ns": summary(b)}, {})


def interpreter(figure, own, theirs, rounds):
    """Boots with the interpreter alone, against the boots of TCG beside which they are not run."""
    append = "console=ttyS0 vitro.run=\"echo bench begin up; true\""
    runs = [one_run([*own[:-1], append, "--tier", "interp"]) for _ in range(rounds)]
    yield figure("guest_boot_interp", INTERP, "ratio", 12, ratio(runs, theirs, "boot"),
                 {"vitro_ns": summary(cpu(runs, "boot")), "tcg_ns": summary(cpu(theirs, "boot"))}, {})
    memory = [run.own_kib for run in runs]
    yield figure("guest_memory_interp", OWN_INTERP, "KiB", 40 * 1024, max(memory), {"vitro_kib": summary(memory)}, {})


def two_cpus(figure, own, rounds):
    """By the wall clock, without what the thread that slept least waited for a CPU of the host's: others want them."""
    append = APPEND.replace("./tasks", '"./tasks pair"')
    argv = [append if word == APPEND else word for word in own]
    runs = {cpus: [] for cpus in (1, 2)}
    for _ in range(rounds):
        for cpus, spans in runs.items():
            spans.append(one_run([*argv, "-c", cpus]).spans["pair"])
    alone, wall, used = ({cpus: statistics.median(getattr(s, what) for s in spans) for cpus, spans in runs.items()}
                         for what in ("alone", "wall", "cpu"))
    yield figure("guest_two_cpus", PAIR, "times", 1.8, alone[1] / alone[2],
                 {"one_ns": summary([s.alone for s in runs[1]]), "two_ns": summary([s.alone for s in runs[2]])},
                 {"aim": 1.95, "by_the_wall_clock": round(wall[1] / wall[2], 2),
                  "cpu_time_ratio": round(used[2] / used[1], 2)})


def translation(figure, folder, kernel, rounds):
    """By bench-translate, an unpacked kernel's code."""
    if not kernel.exists():
        yield figure("guest_translation", TRANSLATE, "ns", 300, cannot_run="no unpacked kernel (scripts/guest-kernels)")
        return
    run = subprocess.run([folder / "tests/bench/bench-translate", kernel, str(2 * rounds + 1)], capture_output=True,
                         text=True, check=False)
    if run.returncode != 0:
        raise Failed(f"bench-translate: {run.stderr.strip() or run.returncode}")
    got = json.loads(run.stdout)
    yield figure("guest_translation", TRANSLATE, "ns", 300, got["translate_ns"]["median"],
                 {"translate_ns": got["translate_ns"]},
                 {"aim": 120, "instructions": got["insns"], "insns_a_block": round(got["insns"] / got["blocks"], 1),
                  "host_bytes_an_instruction": round(got["host_bytes"] / got["insns"], 1)})


def why_not(guests):
    for name in ("qemu-system-x86_64", "busybox", "gcc"):
        if shutil.which(name) is None:
            return f"no {name} (scripts/setup test)"
    if not (guests / "vmlinuz-cloud").exists():
        return "no Debian kernel (scripts/guest-kernels)"
    if not pathlib.Path("/usr/include/sqlite3.h").exists():
        return "no SQLite (scripts/setup test)"
    return None


def guest(figure, folder, guests, rounds):
    """Rows as scripts/bench shows them, made by its figure(). folder: of the build."""
    vitro = folder / "src/cli/vitro"
    reason = why_not(guests)
    if reason is not None:
        yield figure("guest_boot", BOOT, "ratio", 0.8, cannot_run=reason)
        return
    bench_runs.be_prompt()
    program, initrd = make(guests)
    kernel = guests / "vmlinuz-cloud"
    qemu = ["qemu-system-x86_64", "-M", "pc", "-nodefaults", "-no-user-config", "-display", "none", "-serial",
            "stdio", "-cpu", "max", "-accel", "tcg", "-smp", "1", "-m", MEMORY_MIB, "-no-reboot", "-kernel", kernel,
            "-initrd", initrd, "-append", APPEND]
    own = [vitro, "run", kernel, "-e", "soft", "-q", "-m", f"{MEMORY_MIB}M", "-i", initrd, "-a", APPEND]
    ours, theirs, native, repeatable = [], [], [], []
    for _ in range(rounds):
        ours.append(one_run(own))
        theirs.append(one_run(qemu))
        native.append(bench_runs.native_run(program))
        repeatable.append(one_run([*own, "--deterministic", "--checkpoints", "0"]))
        agree([("Vitro", ours[-1]), ("TCG", theirs[-1]), ("the host", native[-1]), ("--deterministic", repeatable[-1])])
    yield from programs(figure, ours, theirs, native, bench_runs.groups(program))
    yield from boot(figure, ours, theirs)
    yield from two_cpus(figure, own, max(rounds, 3))
    yield from counted(figure, ours, repeatable)
    yield from translation(figure, folder, guests / "vmlinux-cloud", rounds)
    yield figure("guest_memory", OWN, "KiB", 40 * 1024, max(run.own_kib for run in ours),
                 {"vitro_kib": summary([run.own_kib for run in ours])},
                 {"aim": 32 * 1024, "most_while_programs_ran": max(run.most_kib for run in ours)})
    yield from interpreter(figure, own, theirs, rounds)
    idle = idle_percent([*own[:-1], "console=ttyS0 vitro.run=\"echo idle begins; sleep 60\""])
    yield figure("guest_idle", IDLE, "percent", 1, idle, {}, {})
    yield from kvm_memory(figure, vitro, guests, initrd, rounds)
    yield from microvm(figure, vitro, kernel, initrd, rounds)
