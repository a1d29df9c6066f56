# SPDX-License-Identifier: MIT
"""What the Linux tests share: the kernels, the initramfs with the work to do, a boot."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/cli"))
from common import VITRO  # noqa: E402

GUESTS = pathlib.Path(os.environ.get("VITRO_BUILD", ROOT / "build")) / "guests"
HERE = ROOT / "tests/linux"
FULL = os.environ.get("VITRO_FULL") == "yes"

# A line that the kernel prints, of its own or among those of programs.
KERNEL_LINE = re.compile(rb"^\[ *\d+\.\d{6}\] ")


def needs(*names):
    missing = [name for name in names if not (GUESTS / name).exists()]
    return unittest.skipIf(missing, f"cannot boot here: no {', '.join(missing)} (scripts/guest-kernels)")


full = unittest.skipUnless(FULL, "only in scripts/test --full: it boots once more for each size")


def program():
    """work.c, static: the same bytes run natively and in the guest."""
    out, source = GUESTS / "work", HERE / "work.c"
    if not out.exists() or out.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["gcc", "-O2", "-static", "-pthread", "-Wall", "-Wextra", "-Werror", "-o", out, source],
                       check=True)
    return out


def initramfs():
    """The initramfs with work.sh, report.sh and the program in /root."""
    out = GUESTS / "initramfs-work.cpio.gz"
    parts = [HERE / "work.sh", HERE / "report.sh", program()]
    newest = max(path.stat().st_mtime for path in [*parts, HERE / "init", HERE / "initramfs"])
    if not out.exists() or out.stat().st_mtime < newest:
        subprocess.run([HERE / "initramfs", out, *parts], check=True)
    return out


def first_initramfs():
    """The smallest initramfs, not packed, with first.S as /init."""
    out, source = GUESTS / "initramfs-first.cpio", HERE / "first.S"
    if not out.exists() or out.stat().st_mtime < source.stat().st_mtime:
        with tempfile.TemporaryDirectory() as name:
            subprocess.run(["gcc", "-nostdlib", "-static", "-o", "init", source], cwd=name, check=True)
            archive = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=name, input=b"init\n",
                                     stdout=subprocess.PIPE, check=True).stdout
        out.write_bytes(archive)
    return out


def native_work():
    """What work.sh prints on the host, with the same busybox and program."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "bin").mkdir()
        (folder / "place").mkdir()
        applets = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout
        for applet in applets.split():
            (folder / "bin" / applet).symlink_to("/usr/bin/busybox")
        for path in (HERE / "work.sh", program()):
            (folder / path.name).symlink_to(path)
        run = subprocess.run(["busybox", "sh", "-c", "exec sh ../work.sh ../work 2>&1"],
                             cwd=folder / "place", stdout=subprocess.PIPE, check=True, stdin=subprocess.DEVNULL,
                             env={"PATH": str(folder / "bin"), "HOME": "/root", "TERM": "linux"})
        return run.stdout


class Boot:
    """One run of a kernel: exit code, what programs printed, what the kernel printed, the report."""

    def __init__(self, kernel, command=None, *, append="", options=(), initrd=None):
        words = ["console=ttyS0", append]
        if command:
            words.append(f'vitro.run="{command}"')
        argv = [VITRO, "run", GUESTS / kernel, "-a", " ".join(w for w in words if w), *options]
        if initrd is not False:
            argv += ["-i", initrd or initramfs()]
        run = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, capture_output=True,
                             check=False)
        self.code = run.returncode
        self.report = run.stderr.decode(errors="replace")
        lines = run.stdout.replace(b"\r\n", b"\n").split(b"\n")
        self.kernel = b"\n".join(line for line in lines if KERNEL_LINE.match(line)).decode(errors="replace")
        self.said = b"\n".join(line for line in lines if not KERNEL_LINE.match(line))

    def between(self, begin, end):
        """What programs printed between two lines."""
        return self.said.split(begin + b"\n", 1)[-1].split(end + b"\n", 1)[0]

    def tail(self):
        shown = (self.kernel + "\n" + self.said.decode(errors="replace"))[-3000:]
        return f"{shown}{self.report}[exit code {self.code}]"  # a signal's is negative, and says nothing else
