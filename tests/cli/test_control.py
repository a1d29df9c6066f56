# SPDX-License-Identifier: MIT
"""Running machines: names, sockets, ps, pause, resume, stop."""
import json
import os
import signal
import socket
import stat
import subprocess
import time
import unittest

from common import HOST, OK, ROOT, STOPPED, USAGE, VITRO, Case, vitro
from guests import echo_kernel
from rpc import Client, Failed, Machine, socket_path
from terminal import Window


class Names(Case):
    def test_list_of_none(self):
        self.assertEqual(json.loads(vitro("ps", "-j").stdout), [])
        run = vitro("ps")
        self.assertEqual((run.returncode, run.stdout.count(b"\n")), (OK, 1))
        self.assertEqual(vitro("ps", "-q").stdout, b"")

    def test_list(self):
        a = Machine(self, "spin", "-e", "soft", name="ab.c_d-1")
        Machine(self, "spin", "-e", "soft", "-m", "64K", name="b")
        rows = {row["name"]: row for row in json.loads(vitro("ps", "-j").stdout)}
        self.assertEqual(set(rows), {"ab.c_d-1", "b"})
        self.assertEqual(rows["ab.c_d-1"]["pid"], a.process.pid)
        self.assertEqual((rows["b"]["mode"], rows["b"]["mem_bytes"], rows["b"]["state"]),
                         ("long", 65536, "running"))
        self.assertEqual(vitro("ps", "-q").stdout, b"ab.c_d-1\nb\n")
        text = vitro("ps").stdout.decode()
        self.assertRegex(text, rf"(?m)^ab\.c_d-1 +{a.process.pid}  running  soft +1 +2 MiB .* spin$")

    def test_folder_and_socket_are_the_users(self):
        machine = Machine(self, "spin", "-e", "soft")
        path = socket_path(machine.name)
        self.assertEqual(stat.S_IMODE(path.parent.stat().st_mode), 0o700)
        self.assertTrue(path.is_socket())
        vitro("stop", machine.name)
        self.assertFalse(path.exists())
        self.assertEqual(machine.wait()[0], STOPPED)

    def test_a_name_that_is_taken(self):
        Machine(self, "spin", "-e", "soft", name="taken")
        run = vitro("run", "hello", "-e", "soft", "-n", "taken", "-q")
        self.refuse(run, USAGE, "taken", "vitro ps")
        self.assertEqual(run.stdout, b"")

    def test_guests_names_are_counted(self):
        runs = [subprocess.Popen([VITRO, "run", "spin", "-e", "soft", "-q"], stdin=subprocess.DEVNULL)
                for _ in range(3)]
        for run in runs:
            self.addCleanup(run.wait)
            self.addCleanup(run.kill)
        deadline = time.monotonic() + 30
        while len(vitro("ps", "-q").stdout.split()) < 3:
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(vitro("ps", "-q").stdout.split(), [b"spin", b"spin-2", b"spin-3"])
        vitro("stop", "spin-2")
        self.assertEqual(vitro("ps", "-q").stdout.split(), [b"spin", b"spin-3"])
        for name in ("spin", "spin-3"):
            self.expect(vitro("stop", name), OK)
        self.assertEqual([run.wait(60) for run in runs], [STOPPED] * 3)

    def test_what_a_killed_process_leaves(self):
        machine = Machine(self, "spin", "-e", "soft", name="dead")
        machine.process.kill()
        machine.process.wait()
        self.assertTrue(socket_path("dead").exists())
        self.refuse(vitro("pause", "dead"), USAGE, "no machine of that name runs")
        again = Machine(self, "spin", "-e", "soft", name="dead")
        self.assertEqual(again.client().call("info")["pid"], again.process.pid)
        again.process.kill()
        again.process.wait()
        self.assertEqual(vitro("ps", "-q").stdout, b"")
        self.assertFalse(socket_path("dead").exists())

    def test_what_is_no_socket_stays(self):
        socket_path("x").parent.mkdir(mode=0o700, exist_ok=True)
        path = socket_path("file")
        path.write_text("mine")
        self.addCleanup(path.unlink)
        self.refuse(vitro("run", "hello", "-e", "soft", "-q", "-n", "file"), USAGE, "file")
        self.assertEqual(path.read_text(), "mine")

    def test_names_of_files_become_names_of_sockets(self):
        path = self.file("-a b\n€.bin", b"\xeb\xfe")
        run = subprocess.Popen([VITRO, "run", "./" + path.name, "-e", "soft", "-q"], cwd=self.tmp,
                               stdin=subprocess.DEVNULL)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        deadline = time.monotonic() + 30
        while not (names := vitro("ps", "-q").stdout.split()):
            self.assertLess(time.monotonic(), deadline)
        self.assertRegex(names[0].decode(), r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
        self.expect(vitro("stop", names[0].decode()), OK)

    def test_names_that_nobody_can_have(self):
        for name in ("../x", "a/b", "", ".", "%2e", "a" * 1000, "naïve", "-"):
            self.refuse(vitro("pause", "--", name), USAGE)


class Completion(Case):
    def ask(self, *words):
        script = (f"COMP_WORDS=('{VITRO}' {' '.join(words)} '') COMP_CWORD={len(words) + 1}\n"
                  f". '{ROOT}/completion/vitro.bash'\n_vitro vitro '' ''\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"")
        return subprocess.run(["bash", "--norc", "-c", script], capture_output=True, check=True,
                              cwd=self.tmp).stdout.split()

    def test_names(self):
        Machine(self, "spin", "-e", "soft", name="a-machine")
        for command in ("console", "pause", "resume", "stop"):
            self.assertEqual(self.ask(command), [b"a-machine"])
            self.assertEqual(self.ask(command, "a-machine"), [])
        for command in ("map", "walk", "regs"):
            self.assertIn(b"a-machine", self.ask(command))
            self.assertIn(b"hello", self.ask(command))
        self.assertNotIn(b"a-machine", self.ask("run"))


class Folder(Case):
    """A run does not fail for want of a socket, and says why there is none."""

    def run_in(self, runtime, **more):
        env = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), **more}
        return vitro("run", "spin", "-e", "soft", "-v", "-q", "-n", "x", "--timeout", "0.1", env=env)

    def test_long_paths_are_fine(self):
        deep = self.tmp / ("d" * 100) / ("e" * 100)
        deep.mkdir(parents=True)
        self.assertIn(b"control socket " + str(deep).encode(), self.run_in(deep).stderr)

    def test_it_cannot_be_made(self):
        run = self.run_in(self.tmp / "nowhere")
        self.assertEqual(run.stderr.count(b"no control socket"), 1)
        self.assertEqual(run.returncode, 14)
        run = self.run_in(self.file("file", b""))
        self.assertIn(b"no control socket", run.stderr)

    def test_others_can_enter_it(self):
        (self.tmp / "vitro").mkdir()
        (self.tmp / "vitro").chmod(0o755)
        run = self.run_in(self.tmp)
        self.assertIn(b"mode 0700", run.stderr)
        self.assertEqual(list((self.tmp / "vitro").iterdir()), [])
        listed = vitro("ps", env={**os.environ, "XDG_RUNTIME_DIR": str(self.tmp)})
        self.refuse(listed, HOST, "mode 0700")

    def test_it_is_a_link(self):
        (self.tmp / "real").mkdir(mode=0o700)
        (self.tmp / "vitro").symlink_to(self.tmp / "real")
        self.assertIn(b"it is a link", self.run_in(self.tmp).stderr)

    def test_somebody_elses(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give folders away")
        (self.tmp / "vitro").mkdir(mode=0o700)
        os.chown(self.tmp / "vitro", 12345, 12345)
        self.assertIn(b"belongs to somebody else", self.run_in(self.tmp).stderr)

    def test_other_users_cannot_connect(self):
        if os.geteuid() != 0:
            self.skipTest("only root can be another user")
        machine = Machine(self, "spin", "-e", "soft")
        path = str(socket_path(machine.name))
        path_of = "import os, socket, sys\nos.setuid(12345)\ns = socket.socket(socket.AF_UNIX)\n"
        run = subprocess.run(["python3", "-c", path_of + "s.connect(sys.argv[1])", path],
                             capture_output=True, check=False)
        self.assertIn(b"PermissionError", run.stderr)
        # even with a descriptor of the folder: the server asks who it is
        inside = path_of.replace("os.setuid", "fd = os.open(os.path.dirname(sys.argv[1]), os.O_PATH)\n"
                                              "os.fchdir(fd)\nos.setuid")
        run = subprocess.run(["python3", "-c", inside + "s.connect(os.path.basename(sys.argv[1]))\n"
                              "s.send(b'{}\\n')\nprint(s.recv(100))", path],
                             capture_output=True, check=False)
        self.assertNotIn(b"jsonrpc", run.stdout, run)


class Life(Case):
    def test_pause_and_resume(self):
        machine = Machine(self, "spin", "-e", "soft")
        client = machine.client()
        self.assertEqual(client.call("state.subscribe"), {"state": "running", "reason": "",
                                                          "subscription": 1})
        for _ in range(2):
            self.expect(vitro("pause", machine.name), OK)
            self.assertEqual(client.call("info")["state"], "paused")
        for _ in range(2):
            self.expect(vitro("resume", machine.name), OK)
            self.assertEqual(client.call("info")["state"], "running")
        self.assertEqual(client.note(), {"state": "paused", "reason": "pause", "subscription": 1})
        self.assertEqual(client.note(), {"state": "running", "reason": "", "subscription": 1})
        client.call("unsubscribe", subscription=1)
        with self.assertRaises(Failed):
            client.call("unsubscribe", subscription=1)

    def test_a_paused_machine_ends_all_the_same(self):
        for how in ("stop", "signal", "timeout"):
            machine = Machine(self, "spin", "-e", "soft",
                              *(("--timeout", "0.5") if how == "timeout" else ()))
            vitro("pause", machine.name)
            if how == "stop":
                self.expect(vitro("stop", machine.name), OK)
            elif how == "signal":
                machine.process.send_signal(signal.SIGINT)
            self.assertEqual(machine.wait()[0], 14 if how == "timeout" else STOPPED, how)

    def test_the_end_is_told(self):
        machine = Machine(self, "spin", "-e", "soft")
        client = machine.client()
        client.call("state.subscribe")
        self.assertEqual(client.call("stop"), {})
        note = client.note("state")
        self.assertEqual((note["state"], note["reason"], note["end"]), ("paused", "end", "stopped"))
        self.assertIsNone(client.line())
        self.assertFalse(socket_path(machine.name).exists())

    def test_reset_and_button_of_a_bare_machine(self):
        client = Machine(self, "spin", "-e", "soft").client()
        for method in ("reset", "power_button"):
            with self.assertRaises(Failed) as e:
                client.call(method)
            self.assertEqual(e.exception.code, -32002)

    def step(self, client):
        client.call("step")
        while client.note("state")["reason"] != "step":
            pass

    def test_a_machine_that_stands_is_reset_and_stands(self):
        path = self.file("echo.elf", echo_kernel())
        for args in (("-e", "soft"), ("-e", "soft", "--deterministic", "--checkpoints", "0"), ("-e", "soft", "-S", "--gdb-port", "0")):
            client = Machine(self, path, "-m", "32M", *args).client()
            client.call("debug.attach")
            client.call("pause")
            for step in (False, True):
                if step:
                    self.step(client)
                client.call("mem.write", addr="0x300000", bytes="ff", physical=True)
                client.call("reset")
                self.assertEqual(client.call("info")["state"], "paused")
                self.assertEqual(client.call("regs.get")["rip"], "0x100100")
                self.assertEqual(client.call("mem.read", addr="0x300000", len=1, physical=True)["bytes"], "00")
            self.step(client)
            self.assertEqual(client.call("regs.get")["rip"], "0x100105")
            client.call("console.subscribe")
            client.call("resume")
            client.call("console.send", text="x")
            self.assertEqual(client.note("console")["text"], "x")

    def test_a_machine_that_runs_is_reset_and_runs(self):
        client = Machine(self, self.file("echo.elf", echo_kernel()), "-e", "soft", "-m", "32M").client()
        client.call("mem.write", addr="0x300000", bytes="ff", physical=True)
        client.call("reset")
        while client.call("mem.read", addr="0x300000", len=1, physical=True)["bytes"] != "00":
            pass
        self.assertEqual(client.call("info")["state"], "running")
        client.call("console.subscribe")
        client.call("console.send", text="x")
        self.assertEqual(client.note("console")["text"], "x")

    def test_a_client_that_dies_changes_nothing(self):
        machine = Machine(self, "spin", "-e", "soft")
        for data in (b"", b"{", b'{"jsonrpc": "2.0", "id": 1, "method": "info"}\n' * 100):
            client = Client(machine.name)
            client.send(data)
            client.close()
        self.assertEqual(machine.client().call("info")["state"], "running")

    def test_stop_wants_a_machine(self):
        self.refuse(vitro("stop", "nobody"), USAGE, "no machine of that name runs")
        self.refuse(vitro("stop", "--grace", "0", "nobody"), USAGE, "--grace")


class AtATerminal(Window):
    def test_a_console_begins_with_a_whole_line(self):
        # 400 times the text at 0x40, then jmp to itself
        code = bytes.fromhex("41b890010000 be40000000 ac 84c0 7404 e6e9 ebf7 41ffc8 75ed ebfe").ljust(0x40, b"\0")
        machine = Machine(self, self.file("lines", code + b"begin-0123456789-end\n\0"), "-e", "soft", stdout=subprocess.DEVNULL)
        client = machine.client()
        while client.call("console.tail")["position"] < 400 * 21:
            pass
        self.keys(f"{VITRO} console {machine.name}", "Enter")
        self.wait_for("begin-0123456789-end", 10)
        rows = self.tmux("capture-pane", "-p", "-J", "-S", "-200").splitlines()
        first = next(i for i, row in enumerate(rows) if "-end" in row)
        self.assertEqual(rows[first], "begin-0123456789-end")

    def test_who_stops_a_guest_that_does_not_listen_is_told(self):
        machine = Machine(self, self.file("echo.elf", echo_kernel()), "-e", "soft", "-m", "32M")
        self.keys(f"{VITRO} stop --grace 600 {machine.name}", "Enter")
        self.wait_for("waiting for it to switch off")
        self.expect(vitro("stop", "--now", machine.name), OK)
        self.assertEqual(machine.wait()[0], STOPPED)


if __name__ == "__main__":
    unittest.main()
