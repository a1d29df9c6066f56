# SPDX-License-Identifier: MIT
"""The programs of scripts/bench guest compute what they say: each at a small size against the same in Python.

Independent of the C code where the thing has a definition of its own (hashlib, zlib, pow, re, known counts); else
the same rule written down once more, with Python's numbers.
"""
import bisect
import hashlib
import json
import math
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import bench_runs  # noqa: E402
from common import VITRO  # noqa: E402

MASK = (1 << 64) - 1
SEED = 88172645463325252


def randoms(x=SEED):
    while True:
        x ^= x << 13 & MASK
        x ^= x >> 7
        x ^= x << 17 & MASK
        yield x


def some(n):
    r = randoms()
    return [next(r) for _ in range(n)]


def random_bytes(n):
    return bytes(x & 0xff for x in some(n))


def fnv(data, h=0xcbf29ce484222325):
    for byte in data:
        h = (h ^ byte) * 0x100000001b3 & MASK
    return h


def bits(v):
    return struct.unpack("<Q", struct.pack("<d", v))[0]


def single(v):
    """Rounded to float; for sums, products and differences of floats the double between changes nothing."""
    return struct.unpack("<f", struct.pack("<f", v))[0]


# ---- integers and control ----------------------------------------------------------------------

def integers(n):
    return sum(x >> 60 if x & 1 else i for i, x in enumerate(some(n)))


def sieve(n):
    return sum(all(k % d for d in range(2, math.isqrt(k) + 1)) for k in range(2, n + 1))


def divide(n):
    r = randoms()
    return sum(math.gcd(next(r), next(r) >> 20) for _ in range(n))


def crc32(n):
    return zlib.crc32(random_bytes(1 << 16) * n)


def chacha(n):
    """One block: the key stream that RFC 8439, 2.3.2 prints."""
    assert n == 1
    return fnv(bytes.fromhex("10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
                             "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"))


def sha256(n):
    return int.from_bytes(hashlib.sha256(random_bytes(1024) * n).digest()[:8], "big")


def bignum(n):
    m = some(8)
    m[0] |= 1
    m[7] = m[7] >> 2 | 1 << 61
    modulus = sum(limb << 64 * i for i, limb in enumerate(m))
    return fnv(pow(3, 1 << n, modulus).to_bytes(64, "little"))


def calls(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def queens(n):
    return {4: 2, 5: 10, 6: 4, 8: 92}[n]


def bytecode(n):
    steps = 0
    for k in range(1, n + 1):
        while k > 1:
            k = 3 * k + 1 if k % 2 else k // 2
            steps += 1
    return steps


def sorting(n):
    order = sorted((x >> 46, i) for i, x in enumerate(some(n)))
    return sum(rank * i for rank, (_, i) in enumerate(order))


def parse(n):
    r, total = randoms(), 0

    def write(depth):
        x = next(r) >> 20
        if depth == 0:
            return f"{1 + x % 9}{x // 16 % 10}"
        left = write(depth - 1)
        return f"({left}{'+-*'[x % 3]}{write(depth - 1)})"
    for _ in range(n):
        total += eval(write(9))
    return total & MASK


# ---- memory and structures ---------------------------------------------------------------------

def copies(n):
    a, total = bytearray(b"\x01") * (1 << 20), 0
    for i in range(n):
        b = bytes(a)
        a[i] = b[-1 - i] ^ i
        total += b[i // 2]
    return total


def clears(n):
    memory, total = bytearray(1 << 17), 0
    for i, r in enumerate(some(n)):
        length, at = (r & 0xffff) >> (r >> 16 & 15), r >> 32 & 0xffff
        memory[at:at + length] = bytes([i & 0xff]) * length
        total += memory[r >> 20 & (1 << 17) - 1]
    return total


def chase(size):
    def steps(n):
        r, count, at, total = randoms(), size // 64, 0, 0
        follow = list(range(count))
        for i in range(count - 1, 0, -1):
            j = (next(r) >> 16) % i
            follow[i], follow[j] = follow[j], follow[i]
        for i in range(n):
            total += at * i
            at = follow[at]
        return total & MASK
    return steps


def random_32m(n):
    words, table, total = (32 << 20) // 8, {}, 0
    for x in some(n):
        total += table.get((x >> 40) % words, 0)
        at = (x >> 16) % words
        table[at] = table.get(at, 0) + x & MASK
    return total + sum(v for at, v in table.items() if at % 512 == 0) & MASK


def hash_table(n):
    table, total = {}, 0
    for i, x in enumerate(some(n)):
        key = f"k{(x >> 20) % 40000}"
        table[key] = table.get(key, 0) + 1
        if i % 3 == 0:
            total += table.pop(key[:-1] + "0", 0) * i
    return total + sum(v * v for v in table.values()) & MASK


def tree(n):
    keys = sorted({x >> 44 for x in some(2 * n)[::2]})
    return sum(rank * key for rank, key in enumerate(keys)) & MASK


def words(n):
    known = [f"w{13 * i:05}" for i in range(500)]
    r, total = randoms(), 0
    for _ in range(40 * n):
        word = f"w{next(r) % 9000:05}"
        at = bisect.bisect_left(known, word)
        total += len(word) + (at * 1000 if known[at:at + 1] == [word] else 0)
    return total


def atomics(n):
    w, last = [0] * 64, 0
    for i in range(n):
        old = w[i % 64]
        w[i % 64] = old + i & MASK
        if w[(i + 7) % 64] == old:
            w[(i + 7) % 64] = old + 1
        w[(i + 13) % 64], last = last, w[(i + 13) % 64]
        w[(i + 29) % 64] |= 1
    return last


def locks(n):
    balance = [0] * 256
    for x in some(n):
        a, b, cents = x >> 32 & 255, x >> 48 & 255, 3 * (x >> 40 & 255)
        balance[a] -= cents
        balance[b] += cents
    return fnv(struct.pack("<256q", *balance))


# ---- floating point ----------------------------------------------------------------------------

def floating(n):
    size = 96
    a = [[1.0 / (i * size + k + 1) for k in range(size)] for i in range(size)]
    b = [[(i * size + k) * 0.5 for k in range(size)] for i in range(size)]

    def product(i, j):
        total = 0.0
        for k in range(size):
            total += a[i][k] * b[k][j]
        return n * total
    assert n == 1
    return bits(product(3, 5)) ^ bits(product(95, 94))


def planets(n):
    at = [[i * 1.5, i * i * 0.25, 4.0 - i] for i in range(6)]
    speed = [[0.5 - i * 0.125, 0.25, i * 0.0625] for i in range(6)]
    mass = [1.0 / (i + 1) for i in range(6)]

    def pull(i, j):
        d = [p - q for p, q in zip(at[i], at[j])]
        square = 0.01
        for v in d:
            square += v * v
        force = 0.001 / (square * math.sqrt(square))
        for k in range(3):
            speed[i][k] -= d[k] * (mass[j] * force)
            speed[j][k] += d[k] * (mass[i] * force)
    for _ in range(n):
        for i in range(6):
            for j in range(i + 1, 6):
                pull(i, j)
        for i in range(6):
            for k in range(3):
                at[i][k] += 0.001 * speed[i][k]
    return fnv(struct.pack("<18d", *(v for row in at for v in row)))


def mandelbrot(n):
    total = 0
    for row in range(n):
        for column in range(n):
            cx, cy, x, y, steps = -2.0 + 2.5 * column / n, -1.25 + 2.5 * row / n, 0.0, 0.0, 0
            while steps < 200 and x * x + y * y < 4.0:
                x, y, steps = x * x - y * y + cx, 2.0 * x * y + cy, steps + 1
            total += steps
    return total


def sse2_floats(n):
    size = 4096 + 2
    array = [[i % 97 * 0.25 for i in range(size)] for _ in range(2)]
    for p in range(n):
        f, t = array[p & 1], array[~p & 1]
        for i in range(1, size - 1):
            t[i] = (f[i - 1] + f[i] + f[i + 1]) * (1.0 / 3.0)
    return fnv(struct.pack(f"<{size}d", *array[n & 1]))


def sse2_bytes(n):
    data = random_bytes(1 << 16)
    return sum(data.count(k) * (k + 1) + sum(abs(b - k) for b in data) for k in range(n))


def avx2_floats(n):
    array = [single(i % 1021 + 1) / 1024.0 for i in range(4096)]
    for _ in range(n):
        array = [max(single(x * single(3.5 - single(3.5 * x))), 1.0 / 1024.0) for x in array]
    return fnv(struct.pack("<4096f", *array))


def avx2_bytes(n):
    one, two = random_bytes(1 << 16), bytes([0x80]) * (1 << 16)
    for k in range(n):
        two = bytes(((a * k >> 8 ^ a) + b + 1) >> 1 for a, b in zip(one, two))
    return fnv(two)


# ---- text and the kernel -----------------------------------------------------------------------

PARTS = ["the ", "guest ", "of a ", "memory ", "page ", "writes ", "number", "and ", "reads\n", "in ", "one ", "is "]


def text(size):
    r, out, length = randoms(), [], 0
    while length < size:
        x = next(r) >> 20
        out.append(PARTS[x % 12] + (f" {(x >> 8) % 1000} " if x % 12 == 6 else ""))
        length += len(out[-1])
    return "".join(out)[:size]


def regex(n):
    patterns = [r"(guest|page) (memory|writes|is) ", r"number ([0-9]+) (and|of a) ", r"^[a-z ]*reads$",
                r"(one |in )+is"]
    total = 0
    for line in text(n * 1024).split("\n"):
        for i, pattern in enumerate(patterns):
            if (m := re.search(pattern, line)) is not None:
                total += (m.start() + 1) * (m.end() + i)
    return total


def sqlite(n):
    r = randoms()
    sales = [((next(r) >> 20) % 500, (next(r) >> 20) % 10000) for _ in range(n)]
    sales = [(client, cents + (client % 3 == 0)) for client, cents in sales]
    regions, most = {}, {}
    for client, cents in sales:
        regions[client % 7] = regions.get(client % 7, 0) + cents
        most[client] = max(most.get(client, 0), cents)
    sevens = sum("7" in str(i) and 100 <= cents <= 5000 for i, (_, cents) in enumerate(sales))
    rows = [[v for _, v in sorted(part.items())] for part in (regions, most)]
    return sevens + sum((i + 1) * v for part in rows for i, v in enumerate(part))


def files(n):
    sizes = [512 + i * 61 % (16384 - 512) for i in range(n)]
    return sum(size + size - size // 2 for size in sizes) + n // 2


def itself(n):
    return n


EXPECTED = {f.__name__: f for f in (
    integers, sieve, divide, crc32, chacha, sha256, bignum, calls, queens, bytecode, sorting, parse, copies, clears,
    random_32m, hash_table, tree, words, atomics, locks, floating, planets, mandelbrot, sse2_floats, sse2_bytes,
    avx2_floats, avx2_bytes, regex, sqlite, files)}
EXPECTED |= {"chase_16k": chase(16 << 10), "chase_1m": chase(1 << 20), "chase_64m": chase(64 << 20),
             "null_calls": itself, "fork_exec": itself, "signals": itself,
             "pipe_switches": lambda n: sum((i + 1) % 256 for i in range(n)),
             "page_faults": lambda n: n * 2048}


def why_not():
    if shutil.which("gcc") is None:
        return "cannot build the programs here: no gcc"
    if not pathlib.Path("/usr/include/sqlite3.h").exists():
        return "cannot build the programs here: no SQLite (scripts/setup test)"
    return None


@unittest.skipIf(why_not(), why_not())
class Tasks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.program = pathlib.Path(folder.name, "tasks")
        bench_runs.compile_tasks(cls.program)
        run = subprocess.run([cls.program, "check"], capture_output=True, text=True, check=True)
        cls.values = {name: (int(n), int(value, 16)) for name, n, value in map(str.split, run.stdout.splitlines())}

    def test_values(self):
        for name, (n, value) in self.values.items():
            if name in EXPECTED:
                with self.subTest(name):
                    self.assertEqual(f"{value:016x}", f"{EXPECTED[name](n):016x}")

    def test_compress(self):
        """What was packed comes out again, and packing made less of it."""
        n, value = self.values["compress"]
        self.assertEqual(value & (1 << 48) - 1, fnv(text(n * 1024).encode()) >> 16)
        self.assertLess((value >> 48) * 64, n * 1024 // 2)

    def test_extended(self):
        """The x87 has 64 bits of mantissa: the two sums are right to 2^-55."""
        n, value = self.values["extended"]
        squares = sum((1 << 120) // (k * k) for k in range(1, n + 1)) >> 64
        self.assertLessEqual(abs(value - squares - math.isqrt(2 << 112)), 4)

    def test_translation(self):
        """bench-translate takes the code of an ELF file and counts what it does: this program's own."""
        bench = pathlib.Path(VITRO).parent.parent.parent / "tests/bench/bench-translate"
        run = subprocess.run([bench, self.program, "2", "3000"], capture_output=True, text=True, check=True)
        got = json.loads(run.stdout)
        self.assertEqual(got["translate_ns"]["n"], 2)
        self.assertGreaterEqual(got["insns"], 3000)
        self.assertIn(got["insns"] // got["blocks"], range(2, 65))
        self.assertIn(got["host_bytes"] // got["insns"], range(3, 200))

    def test_all_are_checked(self):
        listing = subprocess.run([self.program, "list"], capture_output=True, text=True, check=True).stdout
        groups = dict(line.split() for line in listing.splitlines())
        shell = {"sort", "sha256sum", "gzip", "grep", "awk", "shell"}
        self.assertEqual(set(groups) - shell - set(self.values), set())
        self.assertEqual(set(self.values) - set(EXPECTED), {"compress", "extended"})
        self.assertEqual(set(groups.values()), {"compute", "system", "program"})


if __name__ == "__main__":
    unittest.main()
