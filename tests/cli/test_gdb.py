# SPDX-License-Identifier: MIT
"""The debugger's server: gdb and lldb on bare guests, and what people do to it who are no debuggers."""
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import unittest

from common import GUEST, HOST, NO_KVM, OK, PRINT_FOREVER, STOPPED, USAGE, Case, vitro
from debuggers import Debugged, beside, gdb, lldb, needs_gdb, needs_lldb
from guests import echo_kernel
from rpc import Machine

# Per mode: the OUT of hello, the instruction after it, and gdb's name of the CPU.
MODES = {"real": (0xb, 0xc, "i8086"), "protected": (0xf, 0x10, "i386"), "paged32": (0xf, 0x10, "i386"),
         "long": (0xf, 0x10, "i386:x86-64")}

PROGRAM = """
    .globl _start, add, done
    .type _start, @function
    .type add, @function
_start:
    mov $3, %edi
    call add
    call add
done:
    hlt
    .size _start, . - _start
add:
    lea 7(%rdi), %edi
    mov %edi, counter(%rip)
    ret
    .size add, . - add
    .data
    .globl counter
    .type counter, @object
counter: .long 0
    .size counter, 4
"""

# mov rax, cr4; or eax, OSXSAVE | OSFXSR | OSXMMEXCPT; mov cr4, rax; xsetbv of 7; mov rax, 0x1122334455667788;
# movq xmm0, rax; vinsertf128 ymm0, ymm0, xmm0, 1; nop; hlt
AVX = bytes.fromhex("0f20e0 0d00060400 0f22e0 31c9 31d2 b807000000 0f01d1 48b88877665544332211 66480f6ec0"
                    "c4e37d18c001 90 f4")
AVX_NOP = len(AVX) - 2
needs_avx = unittest.skipIf(" avx " not in pathlib.Path("/proc/cpuinfo").read_text(), "this host's CPU has no AVX")


@needs_gdb
class Gdb(Case):
    def test_hello_in_every_mode(self):
        for mode, (out, after, arch) in MODES.items():
            with self.subTest(mode=mode):
                machine = Debugged(self, "hello", "--mode", mode, "-e", "soft")
                pc = "rip" if mode == "long" else "eip"
                rax = "rax" if mode == "long" else "eax"
                text = gdb(machine.where, "show architecture", f"break *{out}", "continue",
                           f"printf \"at %#x al %c\\n\", ${pc}, ${rax} & 255", "stepi",
                           f"printf \"then %#x\\n\", ${pc}", "delete", "watch *(int *)0x400",
                           "continue", "printf \"left %d\\n\", *(int *)0x400", "continue")
                self.assertIn(f'currently "{arch}"', text)
                self.assertIn(f"at {out:#x} al H\n", text)
                self.assertIn(f"then {after:#x}\n", text)
                self.assertIn("New value = 42", text)
                self.assertIn("left 42\n", text)
                self.assertIn("exited normally", text)
                code, output, _ = machine.wait()
                self.assertEqual((code, output), (OK, b"Hello, world!\n"))

    def test_kvm_stops_and_steps_too(self):
        if NO_KVM:
            self.skipTest(f"cannot run guests here: {NO_KVM}")
        machine = Debugged(self, "hello", "-e", "kvm")
        text = gdb(machine.where, "break *0xf", "continue", "stepi", 'printf "then %#x\\n", $rip',
                   "delete", "watch *(int *)0x400", "continue", 'printf "left %d\\n", *(int *)0x400',
                   "continue")
        self.assertIn("then 0x10\n", text)
        self.assertIn("left 42\n", text)
        self.assertIn("exited normally", text)
        self.assertEqual(machine.wait()[:2], (OK, b"Hello, world!\n"))

    def test_registers_can_be_read_and_set(self):
        machine = Debugged(self, "hello", "-e", "soft")
        text = gdb(machine.where, "info registers cr0 efer rsp cs", "set $rbx = 0x1122334455667788",
                   "set $eflags = 0x97", "set $gs_base = 0xffff888000000000", "stepi",
                   "info registers rbx eflags gs_base", "set $cr3 = 0x2018", "p $cr3", "set $cr0 = 0", "p/x $cr0",
                   "set $tr = 8", "p $tr", "p $mxcsr", "p $fctrl",
                   "p $xmm15.uint128", "p $ymm0.v8_int32", "kill")
        self.assertRegex(text, r"cr0 +0x80050033 +\[ PE MP ET NE WP AM PG \]")
        self.assertRegex(text, r"efer +0x500 +\[ LME LMA \]")
        self.assertRegex(text, r"rsp +0x200000 ")
        self.assertRegex(text, r"rbx +0x1122334455667788 ")
        self.assertRegex(text, r"eflags +0x97 +\[ CF PF AF SF \]")
        self.assertRegex(text, r"gs_base +0xffff888000000000 ")
        self.assertIn("= 8216\n", text)    # write-through, from the same table
        self.assertIn("= 0x80050033\n", text)  # no long mode without paging
        self.assertIn("= [ IM DM ZM OM UM PM ]", text)
        self.assertIn("= 895", text)       # 0x37f
        self.assertEqual(machine.wait()[0], STOPPED)

    @needs_avx
    def test_upper_halves_of_vectors(self):
        machine = Debugged(self, self.file("avx", AVX), "-e", "soft", "--cpu", "host")
        text = gdb(machine.where, "p $ymm0.v4_int64", f"break *{AVX_NOP}", "continue", "info registers ymm0",
                   "p/x $ymm0.v4_int64", "p/x $ymm15h", "continue")
        self.assertIn("$1 = {0, 0, <unavailable>, <unavailable>}\n", text)  # XCR0 says nothing of them yet
        self.assertIn("v4_int64 = {0x1122334455667788, 0x0, 0x1122334455667788, 0x0}", text)
        self.assertIn("$2 = {0x1122334455667788, 0x0, 0x1122334455667788, 0x0}\n", text)
        self.assertIn("$3 = 0x0\n", text)
        self.assertEqual(machine.wait()[0], OK)

    def test_memory_can_be_read_and_set(self):
        machine = Debugged(self, "hello", "-e", "soft")
        text = gdb(machine.where, "x/s 0x22", "set {int}0x1000 = 0x12345678", "x/xw 0x1000",
                   "maint packet Qqemu.PhyMemMode:1", "x/xw 0x1000", "maint packet Qqemu.PhyMemMode:0",
                   "x/x 0x300000", "set {char[2]}0x22 = \"J\"", "continue")
        self.assertIn('"Hello, world!\\n"', text)
        self.assertEqual(text.count("0x12345678"), 2)
        self.assertIn("Cannot access memory at address 0x300000", text)
        self.assertEqual(machine.wait()[1], b"J")

    def test_monitor_words(self):
        machine = Debugged(self, "hello", "-e", "soft")
        text = gdb(machine.where, "monitor help", "monitor info mem", "monitor info tlb",
                   "monitor info registers", "monitor gva2gpa 0x400", "monitor gva2gpa 0x200000",
                   "monitor gpa2hva 0x400", "monitor xp /2xw 0x0", "monitor walk $rip", "monitor exits",
                   "monitor reset", "monitor dance", "monitor quit")
        for words in ("gpa2hva ADDR", "0000000000000000-0000000000200000 0000000000200000 urwx",
                      "2 MiB page", "PE MP ET NE WP AM PG", "gpa: 0x400\n", "Unmapped\n",
                      "Host virtual address for 0x400 (RAM) is 0x", "0x000022be 0x00e9ba00", "PML4[0]", "no exits",
                      "a bare machine has no reset", "dance: no such word"):
            self.assertIn(words, text)
        self.assertEqual(machine.wait()[0], STOPPED)

    def test_registers_that_can_be_written(self):
        machine = Debugged(self, "hello", "-e", "soft")
        text = gdb(machine.where, "set $dr0 = 0x400", "set $dr7 = 2", "printf \"dr %#lx %#lx\\n\", $dr0, $dr7", "set $cr8 = 4",
                   "set $idtr_limit = 0x1ff", "printf \"and %ld %#x\\n\", $cr8, $idtr_limit", "set $tr = 8", "set $dr7 = 1 << 14")
        self.assertIn("dr 0x400 0x402\n", text)
        self.assertIn("and 4 0x1ff\n", text)
        self.assertIn("outside of the GDT", text)
        self.assertIn("DR7: a bit that is always 0", text)

    def test_reset(self):
        machine = Debugged(self, self.file("echo.elf", echo_kernel()), "-e", "soft", "-m", "32M")
        text = gdb(machine.where, "stepi", "stepi", "printf \"at %#lx\\n\", $eip", "monitor reset",
                   "maintenance flush register-cache", "printf \"again %#lx\\n\", $eip", "stepi", "printf \"then %#lx\\n\", $eip",
                   "kill")
        self.assertRegex(text, r"(?s)at 0x10010.*stands at its beginning.*again 0x100100\n.*then 0x100105\n")
        self.assertEqual(machine.wait()[0], STOPPED)

    def test_cpus_are_threads(self):
        machine = Debugged(self, "hello", "-e", "soft", "-c", "2")
        text = gdb(machine.where, "info threads", "thread 2", "p $rdi", "stepi", "p $rip",
                   "thread 1", "p $rip", "p $rdi", "continue")
        self.assertRegex(text, r'\* 1 +Thread 1 "CPU 0" \(long \(64-bit\)\)')
        self.assertRegex(text, r'  2 +Thread 2 "CPU 1" \(long \(64-bit\)\)')
        self.assertRegex(text, r"(?s)\$1 = 1\n.*\$2 = \(void \(\*\)\(\)\) 0x5\n.*"
                               r"\$3 = \(void \(\*\)\(\)\) 0x0\n.*\$4 = 0\n")
        self.assertEqual(machine.wait()[0], OK)

    def test_symbols_of_an_image(self):
        for tool in ("as", "ld"):
            if shutil.which(tool) is None:
                self.skipTest(f"{tool} is not installed")
        source = self.file("guest.s", PROGRAM.encode())
        elf = self.tmp / "guest"
        subprocess.run(["as", "-g", "-o", f"{elf}.o", source], check=True)
        subprocess.run(["ld", "-static", "-Ttext=0x10000", "-Tdata=0x20000", "-o", elf, f"{elf}.o"],
                       check=True)
        machine = Debugged(self, elf, "-e", "soft")
        text = gdb(machine.where, "break add", "continue", "p $edi", "backtrace", "finish", "p (int)counter",
                   "next", "p (int)counter", "info symbol $pc", "continue", file=elf)
        self.assertRegex(text, r"Breakpoint 1, add \(\) at .*guest\.s:\d+")
        self.assertIn("$1 = 3\n", text)
        self.assertRegex(text, r"#1 .* in _start \(\)")
        self.assertIn("$2 = 10\n", text)
        self.assertIn("exited normally", text)
        self.assertEqual(machine.wait()[0], OK)

    def test_a_triple_fault_can_be_looked_at(self):
        machine = Debugged(self, self.file("ud", b"\x0f\x0b"), "-e", "soft")
        text = gdb(machine.where, "continue", "p $rip", "continue")
        self.assertIn("received signal SIGSEGV", text)
        self.assertIn("$1 = (void (*)()) 0x0", text)
        self.assertIn("terminated with signal SIGSEGV", text)
        self.assertEqual(machine.wait()[0], GUEST)

    def test_the_exit_code_of_the_run(self):
        machine = Debugged(self, "exit", "-e", "soft")
        client = machine.client()
        client.call("state.subscribe")
        text = gdb(machine.where, "continue", "printf \"code %d\\n\", $_exitcode")
        code = machine.wait()[0]
        self.assertIn(f"code {code}\n", text)
        self.assertNotEqual(code, OK)
        while (note := client.note("state"))["reason"] != "end":
            pass
        self.assertEqual(note["exit_code"], code)

    def test_attach_to_a_running_machine(self):
        machine = Machine(self, self.file("forever", PRINT_FOREVER), "-e", "soft",
                          stdout=subprocess.DEVNULL)
        path = self.tmp / "gdb.sock"
        where, server = beside(self, machine.name, "--socket", path)
        self.assertEqual(where, str(path))
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        for _ in range(2):  # one after the other; breakpoints of the first are gone
            text = gdb(where, "x/i $pc", "break *0x7", "continue", "p $rip")
            self.assertIn("$1 = (void (*)()) 0x7", text)
        info = machine.client().call("info")
        self.assertEqual((info["state"], info["reason"]), ("running", ""))
        self.assertIsNone(machine.process.poll())
        vitro("stop", machine.name)
        self.assertEqual(server.wait(timeout=60), OK)
        self.assertFalse(path.exists())

    def test_interrupt(self):
        machine = Debugged(self, self.file("forever", PRINT_FOREVER), "-e", "soft", wait=False,
                           stdout=subprocess.DEVNULL)
        process = subprocess.Popen(
            ["gdb", "-nx", "-batch", "-iex", "set confirm off", "-ex", f"target remote {machine.where}",
             "-ex", "continue", "-ex", "p $rip", "-ex", "detach"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(process.kill)
        client = machine.client()
        client.call("state.subscribe")
        paused = False
        while True:  # stopped by the connection, then running by continue
            state = client.call("info")["state"]
            paused |= state == "paused"
            if paused and state == "running":
                break
        process.send_signal(signal.SIGINT)
        text = process.communicate(timeout=60)[0].decode()
        self.assertIn("Program received signal SIGINT", text)
        self.assertIn("$1 = (void (*)())", text)
        self.assertEqual(client.call("info")["state"], "running")


@needs_lldb
class Lldb(Case):
    def test_hello(self):
        machine = Debugged(self, "hello", "-e", "soft")
        text = lldb(machine.where, "breakpoint set -a 0xf", "continue", "register read rip rax",
                    "stepi", "register read rip", "process plugin packet monitor gva2gpa 0x400",
                    "breakpoint delete -f", "watchpoint set expression -w write -s 4 -- 0x400",
                    "continue", "memory read -s 4 -f d -c 1 0x400", "watchpoint delete -f", "continue")
        self.assertIn("stop reason = breakpoint 1.1", text)
        self.assertRegex(text, r"rip = 0x0*f\n +rax = 0x0*48\n")
        self.assertRegex(text, r"rip = 0x0*10\n")
        self.assertIn("gpa: 0x400", text)
        self.assertIn("new value: 42", text)
        self.assertIn("0x00000400: 42", text)
        self.assertIn("exited with status = 0", text)
        self.assertEqual(machine.wait()[:2], (OK, b"Hello, world!\n"))

    @needs_avx
    def test_upper_halves_of_vectors(self):
        machine = Debugged(self, self.file("avx", AVX), "-e", "soft", "--cpu", "host")
        text = lldb(machine.where, f"breakpoint set -a {AVX_NOP}", "continue", "register read ymm0 ymm0h",
                    "breakpoint delete -f", "continue")
        half = "0x88 0x77 0x66 0x55 0x44 0x33 0x22 0x11 " + " ".join(["0x00"] * 8)
        self.assertIn(f"ymm0 = {{{half} {half}}}", text)
        self.assertIn(f"ymm0h = {{{half}}}", text)
        self.assertEqual(machine.wait()[0], OK)

    def test_threads(self):
        machine = Debugged(self, "hello", "-e", "soft", "-c", "2")
        text = lldb(machine.where, "thread list", "process detach")
        self.assertRegex(text, r"thread #1: tid = 0x0001")
        self.assertRegex(text, r"thread #2: tid = 0x0002")
        self.assertEqual(machine.wait()[0], OK)


def packet(text):
    return b"$%s#%02x" % (text, sum(text) & 0xff)


class Raw:
    """A debugger made by hand."""

    def __init__(self, case, where):
        host, port = where.split(":")
        self.sock = socket.create_connection((host, int(port)), timeout=60)
        case.addCleanup(self.sock.close)
        self.data = b""

    def send(self, data):
        self.sock.sendall(data)

    def byte(self):
        if not self.data:
            self.data = self.sock.recv(65536)
            if not self.data:
                raise EOFError
        byte, self.data = self.data[:1], self.data[1:]
        return byte

    def reply(self):
        """The content of the next packet; acknowledgements before it are skipped."""
        while self.byte() != b"$":
            pass
        out = b""
        while (byte := self.byte()) != b"#":
            out += byte
        self.byte()
        self.byte()
        return out

    def ask(self, text):
        self.send(packet(text))
        return self.reply()

    def closed(self):
        try:
            while self.sock.recv(65536):
                pass
        except ConnectionError:
            pass
        return True


class Hostile(Case):
    """Row G1 is in the unit tests of sessions and packets; this is the way in, and row G2."""

    def test_acknowledgements(self):
        machine = Debugged(self, "hello", "-e", "soft")
        raw = Raw(self, machine.where)
        raw.send(b"+$?#00")
        self.assertEqual(raw.byte(), b"-")
        raw.send(packet(b"?"))
        self.assertEqual(raw.byte(), b"+")
        self.assertEqual(raw.reply(), b"T05thread:1;")
        raw.send(b"-")  # again
        self.assertEqual(raw.reply(), b"T05thread:1;")
        self.assertEqual(raw.ask(b"QStartNoAckMode"), b"OK")
        raw.send(b"+" + packet(b"?"))
        self.assertEqual(raw.byte(), b"$")
        self.assertEqual(raw.ask(b"m" + b"0" * (1 << 20)), b"E07")
        self.assertEqual(raw.ask(b"m0,4"), b"be220000")

    def test_web_pages_are_turned_away(self):
        machine = Debugged(self, "hello", "-e", "soft")
        raw = Raw(self, machine.where)
        raw.send(b"POST / HTTP/1.1\r\n\r\n" + packet(b"k"))
        self.assertTrue(raw.closed())
        self.assertIn("waiting", raw_state(machine))
        self.assertEqual(Raw(self, machine.where).ask(b"?"), b"T05thread:1;")

    def test_a_second_debugger_is_turned_away(self):
        machine = Debugged(self, "hello", "-e", "soft")
        first = Raw(self, machine.where)
        self.assertEqual(first.ask(b"?"), b"T05thread:1;")
        self.assertTrue(Raw(self, machine.where).closed())
        # nor by way of a second server
        where, _ = beside(self, machine.name)
        second = Raw(self, where)
        second.send(packet(b"?"))
        self.assertTrue(second.closed())
        self.assertEqual(first.ask(b"m0,1"), b"be")

    def test_gone_while_stopped(self):
        machine = Debugged(self, "hello", "-e", "soft")
        raw = Raw(self, machine.where)
        self.assertEqual(raw.ask(b"Z0,f,1"), b"OK")
        raw.sock.close()
        self.assertEqual(machine.wait()[:2], (OK, b"Hello, world!\n"))

    def test_gone_while_running(self):
        machine = Debugged(self, self.file("forever", PRINT_FOREVER), "-e", "soft",
                           stdout=subprocess.DEVNULL)
        raw = Raw(self, machine.where)
        self.assertEqual(raw.ask(b"Z0,100,1"), b"OK")
        raw.send(packet(b"c"))
        raw.sock.shutdown(socket.SHUT_RDWR)
        while True:  # until the server has seen that the first has gone
            try:
                self.assertEqual(Raw(self, machine.where).ask(b"?"), b"T05thread:1;")
                break
            except (EOFError, ConnectionError):
                pass
        self.assertIsNone(machine.process.poll())

    def test_gone_in_the_middle_of_a_packet(self):
        machine = Debugged(self, "hello", "-e", "soft")
        raw = Raw(self, machine.where)
        raw.send(b"$m0,4")
        raw.sock.close()
        self.assertEqual(machine.wait()[0], OK)

    def test_a_server_that_dies_lets_the_machine_go(self):
        machine = Machine(self, self.file("forever", PRINT_FOREVER), "-e", "soft",
                          stdout=subprocess.DEVNULL)
        where, server = beside(self, machine.name)
        raw = Raw(self, where)
        self.assertEqual(raw.ask(b"?"), b"T05thread:1;")
        client = machine.client()
        self.assertEqual(client.call("info")["state"], "paused")
        client.call("state.subscribe")
        server.kill()
        self.assertEqual(client.note("state")["state"], "running")

    def test_the_machine_is_killed(self):
        machine = Debugged(self, self.file("forever", PRINT_FOREVER), "-e", "soft",
                           stdout=subprocess.DEVNULL)
        raw = Raw(self, machine.where)
        self.assertEqual(raw.ask(b"vCont?"), b"vCont;c;C;s;S;t")
        raw.send(packet(b"c"))
        self.assertEqual(raw.byte(), b"+")
        machine.process.kill()
        self.assertEqual(raw.reply(), b"X09")
        self.assertTrue(raw.closed())

    def test_paused_and_stopped_by_others(self):
        machine = Debugged(self, self.file("forever", PRINT_FOREVER), "-e", "soft",
                           stdout=subprocess.DEVNULL)
        raw = Raw(self, machine.where)
        raw.ask(b"QStartNoAckMode")
        raw.send(packet(b"c"))
        client = machine.client()
        while client.call("info")["state"] != "running":
            pass
        client.call("pause")
        self.assertEqual(raw.reply(), b"T11thread:1;")
        raw.send(packet(b"c"))
        while client.call("info")["state"] != "running":
            pass
        client.call("stop", now=True)
        self.assertEqual(raw.reply(), b"X0f")
        self.assertTrue(raw.closed())
        self.assertEqual(machine.wait()[0], STOPPED)


def raw_state(machine):
    """The last line that the server wrote."""
    with open(machine.log.name, encoding="utf-8", errors="replace") as log:
        return log.read()


class Usage(Case):
    def test_no_such_machine(self):
        self.refuse(vitro("gdb", "nobody"), USAGE, "nobody")
        self.refuse(vitro("gdb"), USAGE, "operand")

    def test_options(self):
        machine = Machine(self, "spin", "-e", "soft")
        self.refuse(vitro("gdb", "--port", "1", "--socket", "x", machine.name), USAGE, "one of them")
        self.refuse(vitro("gdb", "--port", "65536", machine.name), USAGE, "--port")
        self.refuse(vitro("gdb", "--arch", "vax", machine.name), USAGE, "vax")
        self.refuse(vitro("run", "hello", "--gdb-port", "x"), USAGE, "--gdb-port")
        taken = self.file("taken", b"")
        self.refuse(vitro("gdb", "--socket", taken, machine.name), HOST, "taken")
        self.refuse(vitro("gdb", "--socket", "/" + "x" * 200, machine.name), HOST, "too long")

    def test_a_port_that_is_taken(self):
        machine = Machine(self, "spin", "-e", "soft")
        where, _ = beside(self, machine.name)
        self.refuse(vitro("gdb", "--port", where.split(":")[1], machine.name), HOST, where)


if __name__ == "__main__":
    unittest.main()
