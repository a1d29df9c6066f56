# SPDX-License-Identifier: MIT
"""libvitro as others link it: what it exports, what it keeps, and what scripts/setup says without apt."""
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from common import ROOT, VITRO, Case, needs_kvm

BUILD = pathlib.Path(os.environ.get("VITRO_BUILD", pathlib.Path(VITRO).parent.parent.parent))


def nm(*args):
    return subprocess.run(["nm", *map(str, args)], capture_output=True, text=True, check=True).stdout


class Library(Case):
    def test_exports_what_the_headers_declare(self):
        declared = set()
        for header in (ROOT / "include/vitro").glob("*.h"):
            text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
            declared |= set(re.findall(r"^[a-z][\w \*]*?\b(vitro_\w+)\(", text, re.M))
        exported = set(re.findall(r" [TDBR] (\w+)", nm("-D", "--defined-only", BUILD / "src/libvitro.so")))
        self.assertEqual({s for s in exported if s.startswith("vitro_")}, declared)
        self.assertEqual({s for s in exported if not re.match(r"vitro_|VITRO_|__", s)}, set())

    def test_keeps_no_state_but_the_kick_handler(self):
        """Writable data of the insides, outside sanitizer builds: kick.c's three, and nothing else."""
        rows = nm("-f", "sysv", "--defined-only", BUILD / "src/libinsides.a").splitlines()
        if any("__asan" in row for row in rows):
            self.skipTest("cannot tell in a sanitizer build: it adds data of its own")
        fields = [[f.strip() for f in row.split("|")] for row in rows if row.count("|") == 6]
        writable = {f[0] for f in fields if re.fullmatch(r"\.data|\.bss|\*COM\*", f[6])}
        self.assertEqual(writable, {"lock", "users", "before"})

    def test_pkg_config_file(self):
        text = (BUILD / "meson-private/vitro.pc").read_text()
        for word in ("Name: vitro", "-lvitro", "Version: "):
            self.assertIn(word, text)


class Installed(Case):
    """What meson install lays down is all that a program needs."""

    def setUp(self):
        super().setUp()
        if not shutil.which("meson"):
            self.skipTest("cannot install here: no meson")
        if "__asan_init" in nm("-D", BUILD / "src/libvitro.so") or "__tsan_init" in nm("-D", BUILD / "src/libvitro.so"):
            self.skipTest("not in a sanitizer build: programs would have to be linked with its library")
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", self.tmp], check=True,
                       capture_output=True)
        self.pc, = self.tmp.rglob("vitro.pc")
        self.env = {**os.environ, "PKG_CONFIG_PATH": str(self.pc.parent), "PKG_CONFIG_SYSROOT_DIR": str(self.tmp),
                    "LD_LIBRARY_PATH": str(self.pc.parent.parent)}

    def flags(self, *words):
        return subprocess.run(["pkg-config", *words, "vitro"], env=self.env, capture_output=True, text=True,
                              check=True).stdout.split()

    def compile(self, *words):
        done = subprocess.run(["gcc", "-std=c17", "-Wall", "-Wextra", "-Werror", *words], capture_output=True,
                              text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_each_header_alone(self):
        for header in ("vitro", "inspect", "device", "err"):
            self.compile("-pedantic", "-fsyntax-only", "-x", "c", "-include", f"vitro/{header}.h", "/dev/null",
                         *self.flags("--cflags"))

    @needs_kvm
    def test_embed_shared_and_static(self):
        static = ["-l:libvitro.a" if f == "-lvitro" else f for f in self.flags("--libs", "--static")]
        for libs in (self.flags("--libs"), static):
            self.compile(ROOT / "examples/embed.c", *self.flags("--cflags"), *libs, "-o", self.tmp / "embed")
            run = subprocess.run([self.tmp / "embed"], env=self.env, capture_output=True, text=True, timeout=60)
            self.assertEqual((run.returncode, run.stdout, run.stderr),
                             (0, (ROOT / "examples/embed.expected").read_text(), ""))


class Setup(Case):
    def without_apt(self, what=None, clang=None, script=None):
        """A system with a shell, the usual tools, and neither apt nor a compiler; clang: a script of that name.
        Runs scripts/setup for what, or another script."""
        tools = self.tmp / "bin"
        tools.mkdir(exist_ok=True)
        for name in ("bash", "env", "id", "mktemp", "rm", "tail", "printf", "dirname"):
            path = subprocess.run(["which", name], capture_output=True, text=True).stdout.strip()
            if path and not (tools / name).exists():
                (tools / name).symlink_to(path)
        if clang is not None:
            (tools / "clang").write_text(clang)
            (tools / "clang").chmod(0o755)
        name, *words = script.split() if script else ("setup", what)
        run = subprocess.run([ROOT / "scripts" / name, *words], capture_output=True, text=True,
                             env={"PATH": str(tools)})
        self.assertEqual(run.returncode, 1)
        return run

    def test_without_apt_it_lists_the_packages(self):
        run = self.without_apt("build")
        for word in ("gcc", "meson", "ninja-build"):
            self.assertIn(word, run.stdout)
        self.assertRegex(run.stderr, r"\Asetup: this system has no apt-get: [^\n]*\n\Z")

    def test_the_two_commands_stop_there(self):
        """demo and test, too, print the list and the one line, and begin nothing."""
        for what, script in (("demo", "demo"), ("test", "test"), ("test", "test --quick")):
            setup, run = self.without_apt(what), self.without_apt(script=script)
            self.assertEqual((run.returncode, run.stdout, run.stderr), (1, setup.stdout, setup.stderr), script)

    def test_clang_of_any_version(self):
        """Its run-time library is of its own version, and looked for where it says that it is."""
        self.assertRegex(self.without_apt("test").stdout, r"(?m)^  libclang-rt-dev ")
        fake = '#!/bin/bash\ncase "$1" in -dumpversion) echo 19.1.7 ;; *) echo "{}" ;; esac\n'
        missing = self.without_apt("test", fake.format("libclang_rt.fuzzer-x86_64.a")).stdout
        self.assertRegex(missing, r"(?m)^  libclang-rt-19-dev ")
        there = self.file("fuzzer.a", b"")
        self.assertNotIn("libclang-rt", self.without_apt("test", fake.format(there)).stdout)


if __name__ == "__main__":
    unittest.main()
