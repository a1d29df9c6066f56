# SPDX-License-Identifier: MIT
"""What the command-line tests share: running vitro, small guests, the exit codes."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
VITRO = os.environ.get("VITRO", str(ROOT / "build/src/cli/vitro"))

# Machines of these tests are not those of the user, nor of other tests.
_runtime = tempfile.TemporaryDirectory()
os.environ["XDG_RUNTIME_DIR"] = _runtime.name

OK, GUEST, USAGE, IMAGE, ENGINE, HOST, TIMEOUT, STOPPED, PARTIAL, DIFFERS = 0, 2, 6, 8, 10, 12, 14, 16, 18, 20

# mov al, 'x'; mov edx, 0xe9; 1: out dx, al; jmp 1b
PRINT_FOREVER = bytes.fromhex("b078bae9000000eeebfd")
# mov ecx, N; mov al, 'x'; mov edx, 0xe9; 1: out dx, al; loop 1b; hlt
def print_times(n):
    return b"\xb9" + n.to_bytes(4, "little") + bytes.fromhex("b078bae9000000eee2fdf4")


def vitro(*args, timeout=60, stdin=subprocess.DEVNULL, **more):
    """Runs the program; stdout and stderr are bytes."""
    more.setdefault("stdout", subprocess.PIPE)
    more.setdefault("stderr", subprocess.PIPE)
    return subprocess.run([VITRO, *map(str, args)], timeout=timeout, stdin=stdin, **more)


def why_no_kvm():
    """None when bare guests run here, else the program's own words."""
    run = vitro("run", "hello", "-q", "-e", "kvm")
    return None if run.returncode == OK else run.stderr.decode().strip()


NO_KVM = why_no_kvm()
needs_kvm = unittest.skipIf(NO_KVM, f"cannot run guests here: {NO_KVM}")


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tmp = pathlib.Path(folder.name)

    def file(self, name, data):
        path = self.tmp / name
        path.write_bytes(data)
        return path

    def expect(self, run, code, *words):
        """Exit code, and for failures one line on standard error that begins with 'vitro: '."""
        err = run.stderr.decode(errors="replace") if run.stderr else ""
        self.assertEqual(run.returncode, code, err)
        for word in words:
            self.assertIn(word, err)

    def refuse(self, run, code, *words):
        self.expect(run, code, *words)
        err = run.stderr.decode(errors="replace")
        self.assertTrue(err.startswith("vitro: "), err)
        self.assertEqual(err.count("\n"), 1, err)
        return err

    def json(self, *args, **more):
        run = vitro(*args, "-j", **more)
        return json.loads(run.stdout), run
