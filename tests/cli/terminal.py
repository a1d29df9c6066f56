# SPDX-License-Identifier: MIT
"""A window of tmux with a shell in it, for tests that are about a terminal."""
import os
import shutil
import subprocess
import time
import unittest

from common import Case


def wait_until(what, limit=120):
    end = time.monotonic() + limit
    while not what():
        if time.monotonic() > end:
            raise AssertionError("it has not come to that")
        time.sleep(0.05)


@unittest.skipIf(shutil.which("tmux") is None, "cannot open a terminal here: no tmux (scripts/setup test)")
class Window(Case):

    def setUp(self):
        super().setUp()
        self.socket = str(self.tmp / "tmux")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", "env", "PS1=ready> ", "TERM=screen",
                  "sh", "-i")
        self.addCleanup(self.tmux, "kill-server")
        self.wait_for("ready>")

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", self.socket, *words], capture_output=True, text=True,
                              env={**os.environ, "TERM": "screen"}).stdout

    def keys(self, *words):
        self.tmux("send-keys", *words)

    def screen(self):
        return self.tmux("capture-pane", "-p", "-J")

    def wait_for(self, text, count=1):
        try:
            wait_until(lambda: self.screen().count(text) >= count)
        except AssertionError:
            self.fail(f"no {text!r} on:\n{self.screen()}")

    def modes(self):
        tty = self.tmux("display-message", "-p", "#{pane_tty}").strip()
        return subprocess.run(["stty", "-a", "-F", tty], capture_output=True, text=True).stdout
