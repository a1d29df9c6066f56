# SPDX-License-Identifier: MIT
"""Small guests for tests that talk to a running machine."""
import struct

# A multiboot kernel of 32-bit code at 0x100100 that sends back every byte that comes on COM1:
# mov esp, 0x9000; 1: mov dx, 0x3fd; in al, dx; test al, 1; jz 1b; mov dx, 0x3f8; in al, dx; out dx, al; jmp 1b
ECHO_CODE = bytes.fromhex("bc00900000" "66bafd03" "ec" "a801" "74f7" "66baf803" "ec" "ee" "ebef")


# The same kind of kernel: counts to 1000 at 0x200000, says "R" and resets the machine by the keyboard controller.
# mov esp, 0x9000; mov ecx, 1000; 1: inc dword [0x200000]; loop 1b; mov al, 'R'; mov dx, 0x3f8; out dx, al;
# mov al, 0xfe; out 0x64, al (0x10011b); 2: jmp 2b
REBOOT_CODE = bytes.fromhex("bc00900000" "b9e8030000" "ff0500002000" "e2f8" "b052" "66baf803" "ee" "b0fe" "e664" "ebfe")


# The same kind of kernel for two CPUs: puts "mov byte [0x500], 1; hlt" of real mode at 0x8000, sends INIT and a startup
# message for it to CPU 1 by the local APIC, waits for the byte, says "S" and halts.
# mov esp, 0x7000; mov dword [0x8000], 0x050006c6; mov word [0x8004], 0xf401; mov dword [0xfee000f0], 0x1ff;
# mov dword [0xfee00310], 0x1000000; mov dword [0xfee00300], 0x4500; mov dword [0xfee00300], 0x4608;
# 1: pause; cmp byte [0x500], 1; jne 1b; mov al, 'S'; mov dx, 0x3f8; out dx, al; cli; hlt
STARTUP_CODE = bytes.fromhex("bc00700000" "c70500800000c6060005" "66c705048000" "0001f4" "c705f000e0feff010000"
                             "c7051003e0fe00000001" "c7050003e0fe00450000" "c7050003e0fe08460000"
                             "f390" "803d0005000001" "75f5" "b053" "66baf803" "ee" "fa" "f4")


def echo_kernel():
    return kernel(ECHO_CODE)


def kernel(code):
    head = struct.pack("<III", 0x1badb002, 3, -0x1badb002 - 3 & 0xffffffff)
    text = head.ljust(0x100, b"\0") + code
    begin = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01\x01", 2, 3, 1, 0x100100, 52, 0, 0, 52, 32, 1,
                        40, 0, 0)
    begin += struct.pack("<IIIIIIII", 1, 0x80, 0x100000, 0x100000, len(text), 0x1000, 7, 1)
    return begin.ljust(0x80, b"\0") + text


# 64-bit, at 0: xor eax, eax; 1: inc rax (2); mov [0x800], rax (5); jmp 1b (13)
COUNTER = bytes.fromhex("31c0" "48ffc0" "4889042500080000" "ebf3")
