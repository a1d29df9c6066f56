# SPDX-License-Identifier: MIT
"""Guests that compile and throw away code as they run: LuaJIT and Node of Debian's packages, output as on the host."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from rig import GUESTS, HERE, Boot, full, needs

OK = 0
# What Debian's node reads of its packages node-acorn, node-cjs-module-lexer and node-undici; others have it inside.
NODE_SCRIPTS = ["acorn/dist/acorn.js", "acorn-walk/dist/walk.js", "cjs-module-lexer/lexer.js",
                "cjs-module-lexer/dist/lexer.js", "undici/undici-fetch.js"]


def libraries(program):
    """What the host's loader takes for it, and the loader itself; the same files run in the guest."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [pathlib.Path(p) for p in re.findall(r"(/\S+\.so\S*)", listed)]


def node_files():
    """All that node opens on this host, as absolute paths."""
    node = shutil.which("node")
    scripts = [pathlib.Path("/usr/share/nodejs") / name for name in NODE_SCRIPTS]
    return [pathlib.Path(node), *libraries(node), *(path for path in scripts if path.exists())]


def node_initrd():
    """The initramfs, and before it an archive of node at the places of the host, not packed: it is 100 MB."""
    out, script = GUESTS / "initramfs-node.cpio", HERE / "jit.js"
    with tempfile.TemporaryDirectory(dir=GUESTS) as name:
        tree = pathlib.Path(name)
        for path in node_files():
            (tree / path.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tree / path.relative_to("/"))
        (tree / "root").mkdir()
        shutil.copy(script, tree / "root")
        names = "".join(f"{path.relative_to(tree)}\n" for path in sorted(tree.rglob("*")))
        with open(out, "wb") as archive:
            subprocess.run(["cpio", "-o", "-H", "newc", "--quiet", "-R", "0:0"], cwd=tree, input=names.encode(),
                           stdout=archive, check=True)
            archive.write((GUESTS / "initramfs.cpio.gz").read_bytes())
    return out


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

    def run_node(self, initrd, native, *options):
        boot = Boot("vmlinuz-cloud", f"{shutil.which('node')} jit.js", append="loglevel=4",
                    options=["-e", "soft", "-m", "1G", *options], initrd=initrd)
        self.assertEqual(boot.code, OK, boot.tail())
        said = boot.said.decode(errors="replace").splitlines()
        self.assertIn("node begins object", said, boot.tail())
        first = said.index("node begins object")
        self.assertEqual(said[first:first + len(native)], native)
        return boot

    def node(self):
        native = subprocess.run(["node", HERE / "jit.js"], capture_output=True, text=True, check=True).stdout
        self.assertIn("node ends", native)
        self.addCleanup((GUESTS / "initramfs-node.cpio").unlink, missing_ok=True)
        return node_initrd(), native.splitlines()

    @unittest.skipUnless(shutil.which("node"), "no node here (package nodejs; scripts/setup test)")
    @needs("vmlinuz-cloud", "initramfs.cpio.gz")
    def test_node(self):
        initrd, native = self.node()
        self.run_node(initrd, native, "--tier", "trans")
        self.run_node(initrd, native, "--tier", "trans", "-c", "2")

    @full
    @unittest.skipUnless(shutil.which("node"), "no node here (package nodejs; scripts/setup test)")
    @needs("vmlinuz-cloud", "initramfs.cpio.gz")
    def test_node_in_other_ways(self):
        initrd, native = self.node()
        for options in (["--tier", "interp"], ["--deterministic"], ["--check-blocks"]):
            with self.subTest(options):
                self.run_node(initrd, native, *options)


if __name__ == "__main__":
    unittest.main()
