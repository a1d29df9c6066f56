# SPDX-License-Identifier: MIT
"""A client of control sockets, and machines that run while a test talks to them."""
import json
import os
import pathlib
import socket
import subprocess
import time

from common import VITRO


def socket_path(name):
    return pathlib.Path(os.environ["XDG_RUNTIME_DIR"], "vitro", f"{name}.sock")


class Failed(Exception):
    def __init__(self, error):
        super().__init__(error["message"])
        self.code, self.message = error["code"], error["message"]


class Client:
    def __init__(self, name):
        self.sock = socket.socket(socket.AF_UNIX)
        try:
            self.sock.connect(str(socket_path(name)))  # waits for a place in the queue, which a time limit would not
        except OSError:
            self.sock.close()
            raise
        self.sock.settimeout(30)
        self.file = self.sock.makefile("rb")
        self.id = 0
        self.notes = []

    def close(self):
        self.file.close()
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def line(self):
        """The next object, or None when the other side has hung up."""
        line = self.file.readline()
        return json.loads(line) if line else None

    def answer(self):
        """The next answer; notifications before it are kept."""
        while True:
            doc = self.line()
            if doc is None or "id" in doc:
                return doc
            assert len(self.notes) < 200_000, "no answer among the notifications"
            self.notes.append(doc)

    def raw(self, data):
        """A line of any bytes, and its answer."""
        self.send(data + b"\n")
        return self.answer()

    def call(self, method, **params):
        self.id += 1
        doc = self.raw(json.dumps({"jsonrpc": "2.0", "id": self.id, "method": method,
                                   "params": params}).encode())
        if doc is None:
            raise EOFError(method)
        assert doc["id"] == self.id and doc["jsonrpc"] == "2.0", doc
        if "error" in doc:
            raise Failed(doc["error"])
        return doc["result"]

    def note(self, method=None):
        """The params of the next notification (of that method)."""
        while True:
            doc = self.notes.pop(0) if self.notes else self.line()
            if doc is None:
                raise EOFError(method)
            if method is None or doc["method"] == method:
                return doc["params"]


class Machine:
    """vitro run in the background. Its name is its own: wait for it with .client()."""

    def __init__(self, case, *args, name=None, **more):
        self.name = name or "m%d" % id(self)
        self.stands = "-S" in args
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        self.process = subprocess.Popen([VITRO, "run", *map(str, args), "-n", self.name], **more)
        case.addCleanup(self.end)
        self.case = case
        deadline = time.monotonic() + 30
        while not self.answers() and self.process.poll() is None:
            assert time.monotonic() < deadline, "no socket"
            time.sleep(0.005)

    def answers(self):
        """It answers, which a socket of a killed process does not, and has begun to run, unless it is told to wait."""
        try:
            client = Client(self.name)
        except OSError:
            return False
        try:
            return client.call("info")["reason"] != "start" or self.stands
        except (OSError, EOFError):
            return False
        finally:
            client.close()

    def client(self):
        client = Client(self.name)
        self.case.addCleanup(client.close)
        return client

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def wait(self):
        """Exit code, standard output, standard error."""
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err
