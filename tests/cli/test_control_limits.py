# SPDX-License-Identifier: MIT
"""What clients may send, and how many there may be: nothing of it harms the machine or other clients."""
import json
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

from common import OK, PRINT_FOREVER, Case, print_times, vitro
from rpc import Client, Failed, Machine, socket_path

LINE_MAX, CONNECTIONS = 51200, 10
INFO = b'{"jsonrpc": "2.0", "id": 7, "method": "info"}'


class Limits(Case):
    def setUp(self):
        super().setUp()
        self.machine = Machine(self, "spin", "-e", "soft")

    def works(self):
        """The machine is as it was, for another client too."""
        client = Client(self.machine.name)
        self.assertEqual(client.call("info")["state"], "running")
        client.close()

    def error(self, client, data, code, *words):
        doc = client.raw(data)
        self.assertEqual((doc["jsonrpc"], doc["error"]["code"]), ("2.0", code), (data[:100], doc))
        for word in words:
            self.assertIn(word, doc["error"]["message"])
        return doc


class Requests(Limits):
    def test_what_is_no_json(self):
        client = self.machine.client()
        for data in (b"{", b"}", b"nonsense", b"\xff", b'"\xff"', b"\0", b'{"a": "\\u0000"}', b"[1,", b"'a'", b"01",
                     b'{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "info"}', b"1e999", b"18446744073709551616",
                     b'{"jsonrpc": "2.0", "id": 1e999, "method": "info"}', b"[" * 10000 + b"]" * 10000,
                     b'{"a":' * 8000 + b"1" + b"}" * 8000, INFO + b" {}", INFO[:-1], b"\xef\xbb\xbf" + INFO):
            self.assertEqual(self.error(client, data, -32700)["id"], None)
        self.works()

    def test_what_is_no_request(self):
        client = self.machine.client()
        for data in (b"null", b"[]", b"5", b'"info"', b"true", b"-0", b"{}", b'{"jsonrpc": "2.0"}',
                     b"[" + INFO + b"]", b'{"jsonrpc": 2.0, "id": 1, "method": "info"}',
                     b'{"jsonrpc": "1.0", "id": 1, "method": "info"}', b'{"id": 1, "method": "info"}',
                     b'{"jsonrpc": "2.0", "id": 1, "method": 5}', b'{"jsonrpc": "2.0", "id": 1, "method": null}',
                     b'{"jsonrpc": "2.0", "id": {}, "method": "info"}', b'{"jsonrpc": "2.0", "id": 1.5, "method": "info"}',
                     b'{"jsonrpc": "2.0", "id": 1, "method": "info", "more": 1}'):
            self.error(client, data, -32600)
        for name in (b"", b"nosuch", b"INFO", b"info ", b"../info", b"x" * 1000, "é".encode() * 100):
            self.error(client, b'{"jsonrpc": "2.0", "id": 1, "method": "' + name + b'"}', -32601)
        self.works()

    def test_ids_come_back(self):
        client = self.machine.client()
        for text in (b"1", b"-5", b'"a\\"b"', b"null", b"9223372036854775807", '"é"'.encode()):
            doc = client.raw(INFO.replace(b"7", text))
            self.assertEqual(doc["id"], json.loads(text))
            self.assertEqual(doc["result"]["name"], self.machine.name)

    def test_parameters(self):
        """Every method, with everything that its parameters are not."""
        client = self.machine.client()
        methods = [m for m in client.call("methods")["methods"] if m["name"] != "stop"]
        wrong = {"boolean": (0, "true", None, [], {}), "number": (-1, 1.5, "x", "-1", "", None, True, [], {}),
                 "address": (-1, 1.5, "", None, True, [], {}, "a" * 300), "string": (1, None, True, [], {}),
                 "object": (1, "x", None, [])}
        for method in methods:
            for params in ([], [1], "x", 5, None, True):
                with self.assertRaises(Failed) as e:
                    client.id += 1
                    doc = client.raw(json.dumps({"jsonrpc": "2.0", "id": client.id, "method": method["name"],
                                                 "params": params}).encode())
                    if "error" in doc:
                        raise Failed(doc["error"])
                self.assertEqual(e.exception.code, -32602, (method, params))
            with self.assertRaises(Failed) as e:
                client.call(method["name"], nosuch=1)
            self.assertEqual(e.exception.code, -32602)
            for param in method["params"]:
                for value in wrong[param["type"]]:
                    with self.assertRaises(Failed) as e:
                        client.call(method["name"], **{param["name"]: value})
                    self.assertEqual(e.exception.code, -32602, (method, value))
        self.works()

    def test_numbers_out_of_range(self):
        client = self.machine.client()
        for method, params in (("mem", {"addr": 0, "len": 0}), ("mem", {"addr": 0, "len": (1 << 20) + 1}),
                               ("disasm", {"count": 10001}), ("mem.read", {"addr": 0, "len": 16385}),
                               ("mem.write", {"addr": 0, "bytes": "0" * 32770}), ("regs", {"cpu": 8}),
                               ("regs", {"cpu": 1}), ("step", {"cpu": 3}), ("walk", {"addr": "0x10000000000000000"}),
                               ("watch.set", {"addr": 0, "len": 0}), ("stop", {"grace_ms": 3600001}),
                               ("watch.set", {"addr": "0xffffffffffffffff", "len": 2}),
                               ("console.tail", {"bytes": 65537}), ("tables", {"from": 2, "to": 1}),
                               ("regs", {"format": "xml"}), ("unsubscribe", {"subscription": 99})):
            with self.assertRaises(Failed) as e:
                client.call(method, **params)
            self.assertEqual(e.exception.code, -32602, (method, str(e.exception)))
        for method, params in (("mem.read", {"addr": "0x200000", "len": 1}),
                               ("mem.read", {"addr": "0xffffffffffffffff", "len": 1}),
                               ("mem.read", {"addr": "0x200000", "len": 1, "physical": True}),
                               ("mem.read", {"addr": "0xffffffffffffffff", "len": 16384, "physical": True})):
            with self.assertRaises(Failed) as e:
                client.call(method, **params)
            self.assertEqual(e.exception.code, -32004, (method, str(e.exception)))
        self.assertEqual(client.call("mem.read", addr=0, len=0), {"bytes": ""})
        self.works()

    def test_breakpoints_and_watchpoints(self):
        """Clients have a bound, the run has not; all of them are set at once."""
        words = [word for i in range(200) for word in ("--watch", f"{0x10000 + 0x1000 * i:#x}")]
        machine = Machine(self, "spin", "-e", "soft", "--stop-at", "0x7000", *words, name="points")
        client, other = machine.client(), machine.client()
        for method, most, apart in (("watch.set", 64, 64), ("break.set", 31, 1)):  # of 32 breakpoints the run has one
            for i in range(most):
                (client, other)[i % 2].call(method, addr=f"{0x8000 + i * apart:#x}")
            with self.assertRaises(Failed) as e:
                client.call(method, addr="0x9f00")
            self.assertIn("there are", str(e.exception))
        client.call("watch.clear", addr="0x8000")
        client.call("watch.set", addr="0x9f00")
        machine.process.send_signal(signal.SIGTERM)
        machine.wait()

    def test_long_lines(self):
        client = self.machine.client()
        whole = INFO[:-1] + b' , "params": {}}'
        fits = whole.replace(b" , ", b" " * (LINE_MAX - len(whole) + 1) + b", ")
        self.assertEqual(len(fits), LINE_MAX)
        self.assertIn("result", client.raw(fits))
        self.error(client, b" " + fits, -32600, "51200")
        self.error(client, b"x" * 1_000_000, -32600, "51200")  # one answer however long it is
        self.assertIn("result", client.raw(INFO))
        client.send(b"\n\n")  # empty lines are nothing
        self.assertIn("result", client.raw(INFO))
        self.works()

    def test_notifications_are_not_answered(self):
        client = self.machine.client()
        client.send(b'{"jsonrpc": "2.0", "method": "pause"}\n{"jsonrpc": "2.0", "method": "nosuch"}\n')
        self.assertEqual(client.call("info")["state"], "paused")
        client.call("resume")

    def test_pieces_and_many_at_once(self):
        client = self.machine.client()
        for byte in INFO + b"\n":
            client.send(bytes([byte]))
        self.assertEqual(client.answer()["id"], 7)
        client.send((INFO + b"\n") * 500)
        self.assertEqual([client.answer()["id"] for _ in range(500)], [7] * 500)


class Connections(Limits):
    def resident(self):
        """KiB of the machine's process."""
        with open(f"/proc/{self.machine.process.pid}/status", encoding="ascii") as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1])

    def test_the_eleventh(self):
        clients = [self.machine.client() for _ in range(CONNECTIONS)]
        for client in clients:
            client.call("info")
        extra = Client(self.machine.name)
        doc = extra.line()
        self.assertEqual(doc["error"]["code"], -32003)
        self.assertIsNone(extra.line())
        extra.close()
        self.expect(vitro("pause", self.machine.name), 12, "no room")
        clients.pop().close()
        while True:
            again = Client(self.machine.name)
            doc = again.raw(INFO)
            again.close()
            if doc and "result" in doc:
                break
        for client in clients:
            client.call("info")

    def test_thousands_one_after_the_other(self):
        before = self.resident()
        for _ in range(3000):
            with socket.socket(socket.AF_UNIX) as sock:
                try:
                    sock.connect(str(socket_path(self.machine.name)))
                except BlockingIOError:
                    pass
        self.works()
        self.assertLess(self.resident() - before, 4096)

    def test_who_never_reads(self):
        """Its requests wait, and it gets all its answers when it reads after all."""
        client = self.machine.client()
        request = b'{"jsonrpc": "2.0", "id": 1, "method": "mem", "params": {"addr": 0, "len": 65536}}\n'
        stop = threading.Event()

        def send():
            for _ in range(50):
                client.sock.sendall(request)
            stop.set()

        thread = threading.Thread(target=send)
        thread.start()
        for _ in range(20):
            self.works()
        for _ in range(50):
            self.assertIn("result", client.answer())
        thread.join()

    def test_who_dies(self):
        path = self.file("print.bin", PRINT_FOREVER)
        machine = Machine(self, path, "-e", "soft", stdout=subprocess.DEVNULL)
        script = ("import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
                  "for m in ('trace', 'console', 'state'):\n"
                  "    s.send(b'{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"%s.subscribe\"}\\n' % m.encode())\n"
                  "s.recv(10)\nprint('ready', flush=True)\nwhile True: s.recv(100)\n")
        for _ in range(5):
            child = subprocess.Popen(["python3", "-c", script, str(socket_path(machine.name))],
                                     stdout=subprocess.PIPE)
            child.stdout.readline()
            child.send_signal(signal.SIGSTOP)
            self.assertEqual(machine.client().call("info")["state"], "running")
            child.kill()
            child.communicate()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:  # the trace is free again
            try:
                machine.client().call("trace.subscribe")
                break
            except (Failed, EOFError, ConnectionError):
                time.sleep(0.05)
        self.expect(vitro("stop", machine.name), OK)

    def test_a_slow_reader_of_a_stream_is_answered(self):
        path = self.file("print.bin", PRINT_FOREVER)
        machine = Machine(self, path, "-e", "soft", stdout=subprocess.DEVNULL)
        client = machine.client()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.call("trace.subscribe")
        seen, size = b"", 0
        while size < 400_000:  # by now its queue is full, and stays so
            size += len(client.sock.recv(2048))
            time.sleep(0.001)
        client.send(INFO + b"\n")
        while b'"result"' not in seen:
            seen = seen[-20:] + client.sock.recv(2048)
            size += len(seen)
            self.assertLess(size, 4_000_000, "no answer among what is streamed")
            time.sleep(0.001)

    def test_a_slow_reader_of_a_stream_costs_no_memory(self):
        path = self.file("print.bin", PRINT_FOREVER)
        machine = Machine(self, path, "-e", "soft", stdout=subprocess.DEVNULL)
        client = machine.client()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.call("trace.subscribe")

        def read(size):
            while size > 0:
                size -= len(client.sock.recv(2048))
                time.sleep(0.001)
            with open(f"/proc/{machine.process.pid}/status") as status:
                return int(re.search(r"VmData:\s+(\d+) kB", status.read())[1])

        before = read(400_000)
        self.assertLess(read(3_000_000) - before, 1500)

    def test_subscriptions_of_one(self):
        client = self.machine.client()
        for n in range(8):
            self.assertEqual(client.call("state.subscribe")["subscription"], n + 1)
        with self.assertRaises(Failed) as e:
            client.call("state.subscribe")
        self.assertEqual(e.exception.code, -32003)
        client.call("unsubscribe", subscription=3)
        self.assertEqual(client.call("state.subscribe")["subscription"], 9)

    def test_half_closed(self):
        client = self.machine.client()
        client.send((INFO + b"\n") * 3)
        client.sock.shutdown(socket.SHUT_WR)
        self.assertEqual([client.answer()["id"] for _ in range(3)], [7] * 3)
        self.assertIsNone(client.line())


class States(Limits):
    """Methods in every state: what cannot be done is refused in words, and nothing else happens."""

    def test_while_it_runs(self):
        client = self.machine.client()
        with self.assertRaises(Failed) as e:
            client.call("step")
        self.assertEqual(e.exception.code, -32001)
        client.call("resume")
        self.works()

    def test_pause_resume_step_in_every_order(self):
        client = self.machine.client()
        for methods in ("pause step resume", "pause pause step step resume resume", "resume pause resume",
                        "pause step pause resume", "pause run_to resume pause step resume"):
            for method in methods.split():
                try:
                    client.call(method, **({"addr": 0} if method == "run_to" else {}))
                except Failed as e:
                    self.assertEqual((method, e.code), ("step", -32001))
        # Whether run_to's place was met before the last pause is a matter of time.
        client.call("resume")
        self.works()

    def test_a_run_that_ends_meanwhile(self):
        """Many short runs, with clients that do not know when they end."""
        path = self.file("times.bin", print_times(200_000))
        machine = Machine(self, path, "-e", "soft", stdout=subprocess.DEVNULL)
        client = machine.client()
        calls = 0
        try:
            while True:
                for method in ("regs", "pause", "step", "exits", "resume", "map"):
                    try:
                        client.call(method)
                    except Failed as e:
                        self.assertIn((method, e.code), (("step", -32001), ("resume", -32001)))
                    calls += 1
        except (EOFError, ConnectionError):
            pass
        self.assertEqual(machine.wait()[0], OK)
        self.assertGreater(calls, 0)


if __name__ == "__main__":
    unittest.main()
