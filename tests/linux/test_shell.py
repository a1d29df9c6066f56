# SPDX-License-Identifier: MIT
"""Linux to a shell that somebody types into, in a window of tmux."""
import unittest

from rig import GUESTS, VITRO, needs
from terminal import Window, wait_until


class Shell(Window):
    @needs("vmlinuz-cloud", "initramfs.cpio.gz")
    def test_a_shell(self):
        self.keys("-l", f"{VITRO} run {GUESTS}/vmlinuz-cloud -i {GUESTS}/initramfs.cpio.gz -e soft -q "
                        "-a 'console=ttyS0 quiet'; echo code=$?")
        self.keys("Enter")
        self.wait_for("root #")
        self.keys("-l", "echo $((6 * 7))-$(cat /proc/sys/kernel/ostype)")
        self.keys("Enter")
        self.wait_for("42-Linux")
        self.keys("-l", "sh -c 'echo be''gun; exec sleep 1000'")
        self.keys("Enter")
        self.wait_for("begun")  # a key before that would be the prompt's
        self.keys("C-c")  # ends the sleep, not the run
        self.keys("-l", "echo code $?")
        self.keys("Enter")
        self.wait_for("code 130")
        self.keys("C-d")
        self.wait_for("code=0")
        wait_until(lambda: " icanon" in self.modes())


if __name__ == "__main__":
    unittest.main()
