# SPDX-License-Identifier: MIT
"""gdb and lldb in batch mode at a machine that waits for them."""
import os
import pathlib
import re
import shutil
import subprocess
import time
import unittest

from common import VITRO
from rpc import Machine, socket_path

needs_gdb = unittest.skipIf(shutil.which("gdb") is None, "gdb is not installed")
needs_lldb = unittest.skipIf(shutil.which("lldb") is None, "lldb is not installed")


class Server:
    """Reads where the debugger's server listens from a file that it writes its messages to."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def where(self, process):
        deadline = time.monotonic() + 60
        while True:
            text = self.path.read_text(errors="replace")
            found = re.search(r"target remote (\S+)", text)
            if found:
                return found.group(1)
            assert process.poll() is None and time.monotonic() < deadline, f"no server: {text}"
            time.sleep(0.01)


class Debugged(Machine):
    """vitro run with a debugger's server beside it, at any free port."""

    def __init__(self, case, *args, wait=True, **more):
        self.log = open(case.tmp / f"stderr-{id(self)}", "wb")
        case.addCleanup(self.log.close)
        how = ["-S"] if wait else ["-s"]
        super().__init__(case, *args, *how, "--gdb-port", "0", stderr=self.log, **more)
        self.where = Server(self.log.name).where(self.process)

    def answers(self):
        """It has its socket; what waits for a debugger has not begun to run."""
        return socket_path(self.name).exists()

    def wait(self):
        code, out, _ = super().wait()
        return code, out, pathlib.Path(self.log.name).read_bytes()


def beside(case, name, *args):
    """vitro gdb on a running machine, at any free port unless args say where; returns where it listens and its process."""
    where = [] if "--socket" in args else ["--port", "0"]
    log = open(case.tmp / f"gdb-{name}", "wb")
    case.addCleanup(log.close)
    process = subprocess.Popen([VITRO, "gdb", *where, *args, name], stdin=subprocess.DEVNULL, stderr=log)

    def end():
        process.kill()
        process.wait()

    case.addCleanup(end)
    return Server(log.name).where(process), process


def run(argv, timeout=120):
    env = {**os.environ, "HOME": "/nonexistent", "DEBUGINFOD_URLS": ""}
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=timeout, env=env)
    return done.stdout.decode(errors="replace")


def gdb(where, *commands, file=None, timeout=120):
    """Everything that gdb says. It detaches at its end."""
    argv = ["gdb", "-nx", "-batch", "-iex", "set confirm off", "-iex", "set pagination off",
            "-iex", "set width 0"]
    argv += [str(file)] if file else []
    argv += ["-ex", f"target remote {where}"]
    for command in commands:
        argv += ["-ex", command]
    return run(argv, timeout)


def lldb(where, *commands, timeout=120):
    argv = ["lldb", "-X", "-b", "-o", f"gdb-remote {where}"]
    for command in commands:
        argv += ["-o", command]
    return run(argv, timeout)
