#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the examples and compares what they print. Exit code 77: this host cannot run guests.

  check.py embed PROGRAM              must print embed.expected
  check.py first-guest FORM PROGRAM   builds first-guest with its build.sh and runs FORM (bin or elf);
                                      PROGRAM is vitro
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def need_kvm(test):
    try:
        open("/dev/kvm", "rb+", buffering=0).close()
    except OSError as e:
        print(f"SKIP {test}: /dev/kvm cannot be opened: {e.strerror}")
        sys.exit(77)


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: wanted\n{wanted}\ngot\n{got}")


def embed(program):
    lines = len((HERE / "embed.c").read_text().splitlines())
    expect("embed.c: shorter than 80 lines", lines < 80, True)
    need_kvm("examples/embed")
    done = subprocess.run([program], capture_output=True, text=True, timeout=60)
    expect("embed: standard error", done.stderr, "")
    expect("embed: standard output", done.stdout, (HERE / "embed.expected").read_text())
    expect("embed: exit code", done.returncode, 0)


def block_of(page, language):
    """The first fenced block of that language in a Markdown page."""
    return re.search(rf"^```{language}\n(.*?)^```", page, re.S | re.M).group(1)


def documented():
    """The page shows the guest, and the two lines that build it, as they are here."""
    page = (HERE.parent / "docs" / "your-first-guest.md").read_text()
    script = (HERE / "first-guest" / "build.sh").read_text()
    flags = re.search(r"^flags='(.*)'$", script, re.M).group(1)
    lines = [line.replace("$flags", flags) for line in script.splitlines() if line.startswith("gcc ")]
    shown = [line for line in page.replace("\\\n", "").splitlines() if line.startswith("gcc ")]
    expect("your-first-guest.md: guest.c", block_of(page, "c"),
           (HERE / "first-guest" / "guest.c").read_text())
    expect("your-first-guest.md: how to build", [" ".join(s.split()) for s in shown], lines)


def first_guest(form, vitro):
    documented()
    with tempfile.TemporaryDirectory() as scratch:
        folder = shutil.copytree(HERE / "first-guest", pathlib.Path(scratch) / "first-guest")
        subprocess.run([folder / "build.sh"], check=True, timeout=60)
        need_kvm(f"examples/first-guest {form}")
        done = subprocess.run([vitro, "run", folder / f"guest.{form}"], capture_output=True, text=True,
                              timeout=60)
    expect("first-guest: exit code", (done.returncode, done.stderr if done.returncode else ""), (0, ""))
    expect("first-guest: standard output", done.stdout, "Hello from C!\n")
    if "rax = 42" not in done.stderr:
        sys.exit(f"first-guest: no 42 in the report: {done.stderr}")


{"embed": embed, "first-guest": first_guest}[sys.argv[1]](*sys.argv[2:])
