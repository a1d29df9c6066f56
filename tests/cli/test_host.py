# SPDX-License-Identifier: MIT
"""A host that refuses things: bad-input rows H1, H3, H4, H6, H7."""
import grp
import json
import os
import pathlib
import resource
import shutil
import subprocess

from common import ENGINE, HOST, OK, USAGE, VITRO, Case, needs_kvm, vitro
import unittest

BUILD = pathlib.Path(os.environ.get("VITRO_BUILD", pathlib.Path(VITRO).parent.parent.parent))
SHIM = BUILD / "tests/libfail_alloc.so"
SANITIZED = b"__asan_init" in pathlib.Path(VITRO).read_bytes()
TRACED = shutil.which("strace") and subprocess.run(
    ["strace", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL).returncode == 0
needs_strace = unittest.skipUnless(TRACED, "cannot inject failing system calls here: strace does not run")
plain_build = unittest.skipIf(SANITIZED, "cannot run under a sanitizer: it replaces allocation and tracing")


def with_fault(call, error, *args, path="/dev/kvm", when="1+"):
    """Runs vitro with a system call on a path failing."""
    return subprocess.run(["strace", "-f", "-o", "/dev/null", "-P", path, "-e", f"trace={call}", "-e",
                           f"inject={call}:error={error}:when={when}", VITRO, *args],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)


@needs_strace
@plain_build
class NoKvm(Case):
    def test_absent(self):
        self.refuse(with_fault("openat", "ENOENT", "run", "hello", "-e", "kvm"), ENGINE, "/dev/kvm",
                    "offers no KVM")

    def remedy(self):
        """What would help, by this host's own file."""
        try:
            st = os.stat("/dev/kvm")
        except OSError:
            return "ls -l"
        if os.access("/dev/kvm", os.R_OK | os.W_OK):
            return "lets this user in"
        if st.st_mode & 0o60 == 0o60 and st.st_gid not in (0, 65534, *os.getgroups(), os.getegid()):
            return f"usermod -aG {grp.getgrgid(st.st_gid).gr_name} $USER"
        return f"mode {st.st_mode & 0o777:04o}"

    def test_forbidden(self):
        self.refuse(with_fault("openat", "EACCES", "run", "hello", "-e", "kvm"), ENGINE,
                    "Permission denied", self.remedy())

    def outsider(self):
        """How to run vitro as a user whom /dev/kvm does not let in."""
        st = os.stat("/dev/kvm")
        user = ["setpriv", "--reuid", "65533", "--regid", "65533", "--clear-groups", VITRO]
        if st.st_mode & 6 == 6:
            self.skipTest("/dev/kvm lets everybody in here")
        if subprocess.run([*user, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            self.skipTest("the build lies where another user cannot execute it")
        return st, user

    @unittest.skipUnless(os.geteuid() == 0 and os.path.exists("/dev/kvm"), "only root can become another user")
    def test_the_result_is_no_part_of_the_advice(self):
        _, user = self.outsider()
        run = subprocess.run([*user, "run", "hello"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        self.expect(run, OK, "on soft: opening /dev/kvm: ")
        if ";" in run.stderr.decode().split("on soft: ")[1]:
            self.assertRegex(run.stderr.decode(), r"exits; rax = 42, memory at 0x400 = 42; [^;]* on soft: .*; as root")

    @unittest.skipUnless(os.geteuid() == 0 and os.path.exists("/dev/kvm"), "only root can become another user")
    def test_advice_fits_the_file(self):
        """A user whom the file does not let in: the kvm group is named only where that would."""
        st, user = self.outsider()
        run = subprocess.run([*user, "doctor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(run.returncode, ENGINE)
        by_group = st.st_mode & 0o60 == 0o60 and st.st_gid not in (0, 65534)
        want = f"usermod -aG {grp.getgrgid(st.st_gid).gr_name}" if by_group else f"mode {st.st_mode & 0o777:04o}"
        self.assertIn(want, run.stdout.decode())

    def test_auto_takes_the_software_cpu_and_says_why(self):
        run = with_fault("openat", "EACCES", "run", "hello")
        self.expect(run, OK, "on soft: opening /dev/kvm", "Permission denied")
        self.assertEqual(run.stdout, b"Hello, world!\n")

    def test_doctor_names_the_reason(self):
        run = with_fault("openat", "EACCES", "doctor", "--fresh")
        self.assertEqual(run.returncode, ENGINE)
        self.assertIn(b"Permission denied", run.stdout)
        self.assertIn(self.remedy(), run.stdout.decode())

    def test_another_file(self):
        """Every ioctl is refused, as on a file that is no KVM."""
        self.refuse(with_fault("ioctl", "ENOTTY", "run", "hello", "-e", "kvm"), ENGINE, "/dev/kvm")


class Doctor(Case):
    def test_json_says_what_the_text_says(self):
        env = {**os.environ, "XDG_CACHE_HOME": str(self.tmp)} # the second remembers what the first measured
        text, doc = vitro("doctor", env=env), vitro("doctor", "-j", env=env)
        self.assertEqual(doc.returncode, text.returncode)
        doc, text = json.loads(doc.stdout), " ".join(text.stdout.decode().split())
        self.assertIn(doc["verdict"], ("full", "partial", "none"))
        self.assertGreater(len(doc["rows"]), 20)
        for line in [doc["summary"], *doc["means"], *doc["advice"], doc["host"]["cpu"]]:
            self.assertIn(" ".join(line.split()), text)


class Limits(Case):
    def run_limited(self, what, soft):
        def limit():
            resource.setrlimit(what, (soft, soft))
        return vitro("run", "hello", "-q", preexec_fn=limit)

    @plain_build
    def test_few_descriptors(self):
        """Either it works or it is refused with a reason; never half of it."""
        worked = 0
        for n in range(3, 21):
            run = self.run_limited(resource.RLIMIT_NOFILE, n)
            if run.returncode == OK:
                self.assertEqual(run.stdout, b"Hello, world!\n")
                worked += 1
            elif run.returncode == 127:  # not even the C library could be loaded
                self.assertLess(n, 5)
            else:
                self.assertIn(run.returncode, (HOST, ENGINE))
                self.assertEqual(run.stderr.decode().count("\n"), 1, run.stderr)
        self.assertGreater(worked, 5)

    @plain_build
    def test_little_address_space(self):
        outcomes = set()
        for mib in (8, 16, 24, 32, 64, 128):
            run = self.run_limited(resource.RLIMIT_AS, mib << 20)
            outcomes.add(run.returncode)
            if run.returncode == OK:
                self.assertEqual(run.stdout, b"Hello, world!\n")
            else:
                self.assertIn(run.returncode, (HOST, ENGINE, 127))
        self.assertIn(OK, outcomes)

    @plain_build
    def test_guest_memory_beyond_the_address_space(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (256 << 20, 256 << 20))
        self.refuse(vitro("run", "hello", "-m", "1G", preexec_fn=limit), HOST, "guest memory")


@plain_build
@unittest.skipUnless(SHIM.exists(), f"cannot fail allocations here: {SHIM} is not built")
class Allocation(Case):
    def fail_each(self, *args):
        """Fails the first allocation, the second, ... until a run has no more; all must be refused."""
        for n in range(1, 2000):
            mark = self.tmp / f"mark{n}"
            env = {**os.environ, "LD_PRELOAD": str(SHIM), "FAIL_AT": str(n), "FAIL_MARK": str(mark)}
            run = vitro(*args, env=env)
            self.assertGreaterEqual(run.returncode, 0, f"allocation {n}: signal {-run.returncode}")
            if not mark.exists():
                self.assertEqual(run.returncode, OK, run.stderr)
                return n - 1
            if run.returncode != OK:
                self.assertIn(run.returncode, (HOST, ENGINE, 127), run.stderr)
                self.assertNotEqual(run.stderr, b"", f"allocation {n} failed without a word")
        self.fail("the program never stopped allocating")

    def run_and_views(self, engine):
        self.assertGreater(self.fail_each("run", "hello", "-q", "-e", engine), 3)
        self.assertGreater(self.fail_each("run", "hello", "-e", engine, "--then", "map,walk:0x400,exits"), 3)

    def test_soft(self):
        self.run_and_views("soft")

    @needs_kvm
    def test_kvm(self):
        self.run_and_views("kvm")


class Surroundings(Case):
    def test_odd_environment(self):
        rows = [{}, {"HOME": "/nonexistent"}, {"HOME": ""}, {"TERM": "nonsense"},
                {"LC_ALL": "C", "LANG": "xx_YY"}, {"TZ": "Nowhere/Land"},
                {"TMPDIR": "/nonexistent"}, {"XDG_CACHE_HOME": "/proc/version"},
                {"XDG_CACHE_HOME": str(self.tmp / "a b\nc")}]
        for env in rows:
            with self.subTest(env=env):
                run = vitro("run", "hello", env={"PATH": os.environ["PATH"], **env})
                self.expect(run, OK, "15 exits")
                self.assertEqual(run.stdout, b"Hello, world!\n")

    def test_200_at_once(self):
        """H7: all or clear refusals, and all of them end."""
        runs = [subprocess.Popen([VITRO, "run", "hello", "-q"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE) for _ in range(200)]
        fine = 0
        for run in runs:
            out, err = run.communicate(timeout=120)
            if run.returncode == OK:
                self.assertEqual(out, b"Hello, world!\n")
                fine += 1
            else:
                self.assertEqual(err.decode().count("\n"), 1, err)
        self.assertGreater(fine, 100)

    def test_no_colour_codes_in_a_pipe(self):
        for cmd in (["map"], ["regs"], ["exits"], ["tables"], ["explain"]):
            run = vitro(*cmd, "hello", "-q") if cmd != ["explain"] else vitro("explain", "hello")
            self.expect(run, OK)
            self.assertNotIn(b"\x1b", run.stdout)


if __name__ == "__main__":
    unittest.main()
