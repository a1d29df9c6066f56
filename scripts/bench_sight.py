# SPDX-License-Identifier: MIT
"""What it costs to be watched: the page's server with a page that follows, the terminal view, and how soon an exit
is on the page. Used by scripts/bench."""
import http.client
import json
import os
import pathlib
import re
import select
import statistics
import subprocess
import tempfile
import threading
import time

VIEW = "a busy guest's time while a page follows it, against the same alone"
TOP = "a busy guest's time while vitro top shows it, against the same alone"
SHOWN = "from an exit until the page is told of it, the slowest"

RUN_NS = 3_000_000_000
NAME = "watched"
# mov ecx, N; 1: inc ebx; mov edx, 0x4000; 2: dec edx; jnz 2b; out 0xe9, al; loop 1b; hlt: an exit every some 20 us
PRINTS = "b9{:08x} ffc3 ba00400000 ffca 75fc e6e9 e2f1 f4"


class Follower(threading.Thread):
    """As a page: takes the events, and asks what the page asks for on each of them."""

    OFTEN = ("recent", "regs", "disasm")
    SELDOM = ("exits", "map", "tables", "devices")

    def __init__(self, url):
        super().__init__(daemon=True)
        self.host, self.path = re.fullmatch(r"http://([^/]+)(/.*)", url).groups()
        self.events, self.calls, self.looked = 0, 0, {}
        self.trace = []  # when each came
        self.arrived = threading.Condition()

    def call(self, method, **params):
        self.calls += 1
        link = http.client.HTTPConnection(self.host, timeout=20)
        link.request("POST", f"{self.path}call", json.dumps({"method": method, "params": params}))
        return json.loads(link.getresponse().read())

    def look(self):
        for methods, every in ((self.OFTEN, 0.25), (self.SELDOM, 1)):
            if time.monotonic() - self.looked.get(every, 0) >= every:
                self.looked[every] = time.monotonic()
                for method in methods:
                    self.call(method)

    def run(self):
        try:
            link = http.client.HTTPConnection(self.host, timeout=20)
            link.request("GET", f"{self.path}events")
            stream = link.getresponse()
            while line := stream.readline():
                if line == b"event: trace\n":
                    with self.arrived:
                        self.trace.append(time.monotonic())
                        self.arrived.notify()
                if line in (b"event: machine\n", b"event: heat\n"):
                    self.events += 1
                    self.look()
        except (OSError, http.client.HTTPException, ValueError):
            pass  # the run is over


def start_view(vitro, *words):
    view = subprocess.Popen([vitro, "view", "--no-browser", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)
    for line in view.stdout:
        if found := re.search(r"http://\S+", line):
            return view, found[0]
    raise RuntimeError("vitro view: " + str(view.wait()))


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.001)


class Watching:
    """Starts a watcher as soon as the machine has its socket; stop() ends it."""

    def __init__(self, vitro, what, runtime):
        self.vitro, self.what, self.runtime = vitro, what, runtime
        self.process, self.facts = None, {}
        self.thread = threading.Thread(target=self.begin, daemon=True)
        self.thread.start()

    def begin(self):
        wait_for(os.path.join(self.runtime, "vitro", f"{NAME}.sock"))
        if self.what == "top":
            self.process = subprocess.Popen([self.vitro, "top", NAME, "-j"], stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL)
            return
        self.process, url = start_view(self.vitro, NAME)
        self.follower = Follower(url)
        self.follower.start()

    def stop(self):
        self.thread.join()
        self.process.terminate()
        self.process.wait()
        if self.what == "view":
            self.follower.join()
            self.facts = {"events": self.follower.events, "calls": self.follower.calls}


def waited_ns(pid):
    """How long the vCPU's thread, which is the busiest, was ready and another program had the host's CPU."""
    most = (0, 0)
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
        ran, waited, _ = map(int, task.read_text().split())
        most = max(most, (ran, waited))
    return most[1]


def run_ns(vitro, guest, *words):
    """Of the run, without what other load on the host took from it: the time that it ran or was made to stand still."""
    waited = 0
    with subprocess.Popen([vitro, "run", guest, "-e", "soft", "-j", *words], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        while not select.select([run.stdout], [], [], 0.01)[0]:
            try:
                waited = waited_ns(run.pid)
            except (OSError, ValueError):
                break  # it has just ended
        return json.loads(run.stdout.read())["run_ns"] - waited


def spin_for(vitro):
    """Options that let `spin` run for RUN_NS."""
    insns = 20_000_000
    while (ns := run_ns(vitro, "spin", "--stop-at", f"insn:{insns}")) < RUN_NS / 10:
        insns *= 4
    return ["spin", "--stop-at", f"insn:{int(insns * RUN_NS / ns)}"]


def prints_for(vitro, folder):
    path, n = os.path.join(folder, "prints.bin"), 4000

    def write(count):
        with open(path, "wb") as f:
            f.write(bytes.fromhex(PRINTS.replace("{:08x}", count.to_bytes(4, "little").hex())))

    while True:
        write(n)
        if (ns := run_ns(vitro, path)) >= RUN_NS / 10:
            break
        n *= 4
    write(int(n * RUN_NS / ns))
    return [path]


def spread(part):
    return {"n": len(part), "min": min(part), "median": statistics.median(part), "max": max(part)}


def watched(vitro, what, guests, n, runtime):
    """Ratios by guest, of neighbours; and what was asked."""
    pairs, facts = {}, {}
    for guest, words in guests.items():
        pairs[guest] = []
        for _ in range(n):
            alone = run_ns(vitro, *words)
            watching = Watching(vitro, what, runtime)
            pairs[guest].append(run_ns(vitro, *words, "-n", NAME) / alone)
            watching.stop()
            for name, value in watching.facts.items():
                facts[f"{guest}_{name}"] = value
    return pairs, facts


def shown_ms(vitro, n):
    """Steps `hello` from one OUT to the next, and waits for each to come."""
    times = []
    for _ in range(n):
        view, url = start_view(vitro, "hello", "-e", "soft", "-q")
        page = Follower(url)
        page.look = lambda: None
        page.start()
        while not page.events:
            time.sleep(0.01)
        page.call("run_to", addr="0xf")
        time.sleep(0.3)
        for _ in range(10):
            with page.arrived:
                before, begin = len(page.trace), time.monotonic()
                page.call("run_to", addr="0xf")
                if not page.arrived.wait_for(lambda: len(page.trace) > before, 10):
                    raise RuntimeError("an exit did not come to the page")
                times.append((page.trace[before] - begin) * 1000)
        view.terminate()
        view.communicate()
    return times


def sight(figure, vitro, n):
    with tempfile.TemporaryDirectory() as runtime:
        os.environ["XDG_RUNTIME_DIR"] = runtime
        guests = {"spin": spin_for(vitro), "exits": prints_for(vitro, runtime)}
        for name, what, target in (("view", VIEW, 1.03), ("top", TOP, 1.01)):
            pairs, facts = watched(vitro, name, guests, n, runtime)
            worst = max(statistics.median(part) for part in pairs.values())
            samples = {f"pairs of {guest}": spread(part) for guest, part in pairs.items()}
            yield figure(f"{name}_ratio", what, "ratio", target, worst, samples, facts)
        times = shown_ms(vitro, 1 if n < 5 else 4)
        yield figure("page_exit_ms", SHOWN, "ms", 100, max(times), {"exits_ms": spread(times)})
