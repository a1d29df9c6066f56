# SPDX-License-Identifier: MIT
"""Guests that compile and throw away code as they run: LuaJIT of Debian's packages, with output as on the host."""
import pathlib
import re
import subprocess
import unittest

from rig import GUESTS, HERE, Boot, needs

OK = 0


def libraries(program):
    """What the host's loader takes for it, and the loader itself; the same files run in the guest."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [pathlib.Path(p) for p in re.findall(r"(/\S*(?:lib(?:c|m|dl|gcc_s)|ld-linux-x86-64)\.so\S*)", listed)]


class JustInTime(unittest.TestCase):
    def luajit(self):
        """The initramfs, and what the script prints natively."""
        out = GUESTS / "initramfs-luajit.cpio.gz"
        files = [GUESTS / "luajit", HERE / "jit.lua", *libraries(GUESTS / "luajit")]
        copy = GUESTS / "jit"
        copy.mkdir(exist_ok=True)
        for path in files:
            (copy / path.name).write_bytes(path.read_bytes())
            (copy / path.name).chmod(0o755)
        subprocess.run([HERE / "initramfs", out, *sorted(copy.iterdir())], check=True)
        native = subprocess.run([copy / "ld-linux-x86-64.so.2", "--library-path", copy, copy / "luajit",
                                 copy / "jit.lua"], capture_output=True, text=True, check=True)
        return out, native.stdout

    @needs("vmlinuz-cloud", "luajit")
    def test_luajit(self):
        initrd, native = self.luajit()
        self.assertIn("jit\ttrue", native)
        for options in (["--tier", "trans"], ["--tier", "auto"]):
            boot = Boot("vmlinuz-cloud", "./ld-linux-x86-64.so.2 --library-path . ./luajit jit.lua",
                        append="loglevel=4", options=["-e", "soft", *options], initrd=initrd)
            self.assertEqual(boot.code, OK, boot.tail())
            said = boot.said.decode(errors="replace").splitlines()
            wanted = native.splitlines()
            first = said.index(wanted[0])
            self.assertEqual(said[first:first + len(wanted)], wanted)


if __name__ == "__main__":
    unittest.main()
