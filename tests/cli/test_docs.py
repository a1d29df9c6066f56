#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manual, the completion and the documents say what the program does.

VITRO names the program; default: build/src/cli/vitro. No guest is run, so KVM is not needed.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
VITRO = pathlib.Path(os.environ.get("VITRO", ROOT / "build" / "src" / "cli" / "vitro")).absolute()
MAN = ROOT / "docs" / "man"
COMPLETION = ROOT / "completion" / "vitro.bash"
PACKAGE = pathlib.Path("/usr/share/bash-completion/bash_completion")
# Completed and explained as part of vitro(1); it has no page of its own.
IN_MAIN_PAGE = {"help"}


def output(*argv, **kw):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=60, **kw)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, argv))}: exit code {done.returncode}: {done.stderr}")
    return done.stdout


def listed(*command):
    return output(VITRO, "--list", *command).split()


def words_of(text):
    """Long options of a text, each as a whole: --files is not found in --files-cow."""
    return set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", text))


def page_of(command):
    return MAN / ("vitro.1" if command in IN_MAIN_PAGE else f"vitro-{command}.1")


def rendered(page):
    text = output("mandoc", "-Tascii", "-O", "width=200", page)
    return re.sub(".\b", "", text)


def need(test, program):
    if shutil.which(program) is None:
        test.skipTest(f"{program} is not installed")


class Manual(unittest.TestCase):
    def setUp(self):
        need(self, "mandoc")

    def test_every_command_has_a_page_and_no_page_is_left_over(self):
        wanted = {page_of(c).name for c in listed()} | {"vitro.1"}
        self.assertEqual({p.name for p in MAN.glob("*.1")}, wanted)

    def test_every_page_is_installed(self):
        meson = (ROOT / "docs" / "meson.build").read_text()
        self.assertEqual(set(re.findall(r"'man/(.*?)'", meson)), {p.name for p in MAN.glob("*.1")})

    def test_lint(self):
        for page in sorted(MAN.glob("*.1")):
            done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""), page.name)

    def test_every_option_is_in_its_page(self):
        for command in listed():
            missing = set(listed(command)) - words_of(rendered(page_of(command)))
            self.assertEqual(missing, set(), f"{page_of(command).name}: options that are not described")

    def test_no_page_has_options_that_no_command_has(self):
        known = {o for c in listed() for o in listed(c)} | {"--help", "--version", "--list"}
        for page in MAN.glob("*.1"):
            self.assertEqual(words_of(rendered(page)) - known, set(), page.name)

    def test_sections(self):
        for page in MAN.glob("*.1"):
            have = re.findall(r"^\.Sh (.*)", page.read_text(), re.M)
            for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES",
                            "SEE ALSO"):
                self.assertIn(section, have, page.name)

    def test_exit_codes_of_views(self):
        """Those that run a guest to a point say what an end from outside gives."""
        for command in listed():
            if {"--timeout", "--at"} <= set(listed(command)):
                for code in (14, 16):
                    self.assertIn(f"\n.It {code}\n", page_of(command).read_text(), command)

    def test_main_page_lists_every_command(self):
        text = rendered(MAN / "vitro.1")
        for command in listed():
            self.assertRegex(text, rf"(?m)^\s+(vitro-)?{command}\b", "vitro.1")

    def test_examples_use_commands_and_options_that_exist(self):
        commands = {c: set(listed(c)) for c in listed()}
        for page in MAN.glob("*.1"):
            for line in re.findall(r"^\.Dl \$ vitro (.*)", page.read_text(), re.M):
                command = line.split()[0]
                self.assertIn(command, commands, f"{page.name}: {line}")
                self.assertLessEqual(words_of(line), commands[command], f"{page.name}: {line}")

    def test_exit_codes_of_the_main_page(self):
        section = rendered(MAN / "vitro.1").split("EXIT STATUS")[1].split("EXAMPLES")[0]
        codes = {int(n) for n in re.findall(r"^\s+(\d+)\s\s", section, re.M)}
        self.assertEqual(codes, set(exit_codes().values()))


class Help(unittest.TestCase):
    def test_every_option_is_in_the_help(self):
        for command in listed():
            missing = set(listed(command)) - words_of(output(VITRO, command, "--help"))
            self.assertEqual(missing, set(), f"{command} --help")

    def test_overview_lists_every_command(self):
        text = output(VITRO, "help")
        for command in listed():
            self.assertRegex(text, rf"(?m)^  {command} ")


def values_taken(command):
    """Options of a command by what --help says: those that take a value, and those that may."""
    takes, may = set(), set()
    for line in output(VITRO, command, "--help").splitlines():
        m = re.match(r"  (?:-(\w), |    )(--[a-z-]+)(\[=| \S| {2,}|$)", line)
        if m and m.group(3).startswith("[="):
            may.add(m.group(2))
        elif m and re.match(r" \S", m.group(3)):
            takes |= {m.group(2)} | ({f"-{m.group(1)}"} if m.group(1) else set())
    return takes, may


class Completion(unittest.TestCase):
    """Calls the completion function as the shell would, with and without the bash-completion package."""

    def setUp(self):
        need(self, "bash")

    def ask(self, *words, package=False, folder=None):
        quoted = " ".join("'" + str(w).replace("'", "'\\''") + "'" for w in (VITRO, *words))
        script = f"""
            set -u
            [ {int(package)} = 0 ] || . {PACKAGE}
            . '{COMPLETION}'
            COMP_WORDS=({quoted}); COMP_CWORD={len(words)}
            COMP_LINE="${{COMP_WORDS[*]}}"; COMP_POINT=${{#COMP_LINE}}
            _vitro vitro "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        if package:
            script = script.replace("set -u\n", "\n")
        done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True,
                              cwd=folder, timeout=60)
        self.assertEqual(done.stderr, "")
        return [line for line in done.stdout.splitlines() if line]

    def test_it_is_installed_and_registered(self):
        self.assertIn("vitro.bash", (ROOT / "docs" / "meson.build").read_text())
        said = output("bash", "--norc", "-c", f". '{COMPLETION}'; complete -p vitro")
        self.assertIn("-F _vitro vitro", said)

    def test_commands(self):
        self.assertEqual(set(self.ask("")), {*listed(), "--help", "--version"})
        self.assertEqual(self.ask("wal"), ["walk"])
        self.assertEqual(set(self.ask("help", "")), set(listed()))

    def test_options_of_each_command(self):
        for command in listed():
            self.assertEqual(self.ask(command, "--"), listed(command), command)

    def test_with_the_package(self):
        if not PACKAGE.exists():
            self.skipTest("the bash-completion package is not installed")
        self.assertEqual(self.ask("wal", package=True), ["walk"])
        self.assertEqual(self.ask("run", "--", package=True), listed("run"))
        self.assertIn("hello", self.ask("run", "h", package=True))

    def test_values(self):
        rows = {"--mode": {"real", "protected", "paged32", "long"}, "--engine": {"auto", "kvm", "soft"},
                "-e": {"auto", "kvm", "soft"}, "--kind": {"flat", "elf", "linux", "vmlinux", "pvh", "multiboot", "multiboot2"}, "--page-size": {"4k", "2m", "4m"},
                "--to": {"text", "jsonl", "chrome"}, "--stop-at": {"exit:", "insn:", "end"},
                "--then": {"map", "walk:", "tables", "regs", "devices", "mem:", "disasm:", "exits", "symbols", "blocks"}, "-m": set()}
        for option, values in rows.items():
            self.assertEqual(set(self.ask("run", option, "")), values, option)

    def test_values_after_an_equals_sign(self):
        self.assertEqual(self.ask("run", "--mode", "=", "lo"), ["long"])
        self.assertEqual(set(self.ask("run", "--mode", "=")), {"real", "protected", "paged32", "long"})
        self.assertEqual(self.ask("run", "--mode=lo"), ["--mode=long"])
        self.assertEqual(self.ask("run", "--hypercalls", "=", "h"), ["host-addr"])

    def test_lists_of_views(self):
        self.assertEqual(self.ask("run", "--then", "map,ex"), ["map,exits"])
        self.assertEqual(self.ask("run", "--then", "map,regs,wa"), ["map,regs,walk:"])

    def test_views_are_those_of_the_program(self):
        done = subprocess.run([VITRO, "run", "--then", "nonsense", "hello"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 6)
        said = set(re.findall(r"\b([a-z]+)(?::[A-Z]+)*(?=,| and|$)", done.stderr.split("there are")[1]))
        self.assertEqual({v.rstrip(":") for v in self.ask("run", "--then", "")}, said | {"symbols"})

    def test_which_options_take_a_value(self):
        for command in listed():
            takes, may = values_taken(command)
            for option in listed(command):
                asked = output("bash", "-c", f". '{COMPLETION}'; _vitro_values {option} '' >/dev/null && "
                               f"echo takes; _vitro_optional_values {option} >/dev/null && echo may; :")
                self.assertEqual(("takes" in asked, "may" in asked), (option in takes, option in may),
                                 f"{command} {option}")

    def test_guests_and_files(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("hello.bin", "two words"):
                pathlib.Path(folder, name).touch()
            pathlib.Path(folder, "directory").mkdir()
            found = self.ask("run", "", folder=folder)
            self.assertLessEqual({"hello", "pages", "spin", "hello.bin", "two words", "directory"},
                                 set(found))
            self.assertEqual(self.ask("run", "./h", folder=folder), ["./hello.bin"])
            self.assertEqual(self.ask("run", "--mode", "real", "-q", "pag", folder=folder), ["pages"])
            self.assertEqual(self.ask("run", "--files", "", folder=folder), ["directory"])
            self.assertEqual(self.ask("trace", "-o", "two", folder=folder), ["two words"])
            self.assertEqual(self.ask("run", "hello", "", folder=folder), [])
            self.assertEqual(self.ask("walk", "hello", "", folder=folder), ["rip", "rsp"])
            self.assertEqual(self.ask("guests", "", folder=folder), [])


def exit_codes():
    enum = re.search(r"enum exit_code \{(.*?)\};", (ROOT / "src/cli/cli.h").read_text(), re.S).group(1)
    return {name: int(value) for name, value in re.findall(r"(EXIT_\w+) = (\d+)", enum)}


class Documents(unittest.TestCase):
    def test_exit_codes(self):
        table = (ROOT / "docs" / "exit-codes.md").read_text()
        rows = re.findall(r"^\| (\d+) \| (EXIT_\w+) \|", table, re.M)
        self.assertEqual({name: int(value) for value, name in rows}, exit_codes())
        self.assertTrue(all(value % 2 == 0 for value in exit_codes().values()))

    def test_quirks_are_fresh(self):
        output(ROOT / "scripts" / "quirks", "--check")

    def test_readme_names_the_two_commands(self):
        text = (ROOT / "README.md").read_text()
        self.assertIn("scripts/demo", text)
        self.assertIn("scripts/test", text)

    def test_links_between_documents(self):
        pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md"),
                 *(ROOT / "guests").rglob("*.md"), *ROOT.glob("*.md")]
        for page in pages:
            for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
                self.assertTrue((page.parent / link).exists(), f"{page.relative_to(ROOT)}: {link}")

    def test_commands_in_documents_exist(self):
        commands = {c: set(listed(c)) for c in listed()}
        for page in [*(ROOT / "docs").rglob("*.md"), *(ROOT / "guests").rglob("*.md"),
                     *(ROOT / "examples").rglob("*.md")]:
            text = page.read_text()
            lines = re.findall(r"^(?:\$ | {4})?vitro ([a-z].*)", text, re.M)
            for line in lines + re.findall(r"`vitro ([a-z][^`]*)`", text):
                command = line.split()[0]
                self.assertIn(command, commands, f"{page.relative_to(ROOT)}: vitro {line}")
                self.assertLessEqual(words_of(line.split("#")[0]), commands[command],
                                     f"{page.relative_to(ROOT)}: vitro {line}")

    def test_layers_are_those_of_the_checker(self):
        table = (ROOT / "docs" / "architecture.md").read_text()
        folders = {f.strip("/") for f in re.findall(r"^\| `src/([\w/]+/)`", table, re.M)}
        checked = set(re.findall(r'^    "([a-z0-9/]+)": \{', (ROOT / "scripts/check-includes").read_text(),
                                 re.M)) - {"face", "examples"}
        self.assertEqual(folders, checked)


class BadInput(unittest.TestCase):
    """docs/bad-input.md: every row names tests, and they are there."""

    def test_rows(self):
        rows = re.findall(r"^\| ([LCDGFAHT]\d+) \| .* \| (.*) \|$", (ROOT / "docs/bad-input.md").read_text(), re.M)
        self.assertEqual([name for name, _ in rows], [f"L{n}" for n in range(1, 14)] + [f"C{n}" for n in range(1, 8)] +
                         [f"D{n}" for n in range(1, 13)] + ["H1", "H2", "H3", "H4", "H6", "H7"] +
                         [f"T{n}" for n in range(1, 11)] + [f"G{n}" for n in range(1, 6)] +
                         ["F1"] + [f"A{n}" for n in (1, 2, 3, 4, 5, 6, 7, 9, 10)])
        targets = (ROOT / "tests/fuzz").glob("fuzz_*.c")
        fuzz = {path.stem for path in targets}
        for name, tests in rows:
            with self.subTest(name):
                words = re.findall(r"`([\w./-]+)`", tests)
                self.assertTrue(words or name == "L11")
                for word in words:
                    self.assertTrue(word in fuzz or (ROOT / "tests" / word).exists(), word)
                for file, test in re.findall(r"`([\w./-]+\.py)` (test_\w+|[A-Z]\w+)", tests):
                    self.assertRegex((ROOT / "tests" / file).read_text(), rf"(def|class) {test}\b")


if __name__ == "__main__":
    if not VITRO.exists():
        sys.exit(f"test_docs: {VITRO} is not there: build first, or set VITRO")
    unittest.main()
