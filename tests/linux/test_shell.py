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


class Memtest(Window):
    """The keyboard controller: memtest86+ reads no serial line."""

    @needs("memtest64.bin")
    def test_its_menu(self):
        self.keys("-l", f"{VITRO} run {GUESTS}/memtest64.bin -m 32M -e soft -q --screen text; echo code=$?")
        self.keys("Enter")
        self.wait_for("Testing: ")
        self.keys("F1")
        self.wait_for("<F4>  Error reporting mode")
        self.keys("F2")
        self.wait_for("Current range: 0KB - 32MB")
        self.keys("F10")
        self.wait_for("<F4>  Error reporting mode")
        self.keys("F10")
        wait_until(lambda: "Exit menu" not in self.screen())
        self.keys("C-]")
        self.keys("-l", "q")
        self.wait_for("code=16")


if __name__ == "__main__":
    unittest.main()
