#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the ELF file that is compressed inside a Linux bzImage.

usage: scripts/linux_payload.py BZIMAGE OUTPUT

Linux boot protocol 2.08 and later: payload_offset (0x248) counts from the protected-mode code, which
follows the boot sector and setup_sects (0x1f1) sectors; the last four bytes of the payload are the
length of what was compressed.
"""
import lzma
import struct
import subprocess
import sys
import zlib


def lz4(data):
    return subprocess.run(["lz4", "-d", "-c"], input=data, capture_output=True, check=True).stdout


def zstd(data):
    return subprocess.run(["zstd", "-d", "-c"], input=data, capture_output=True, check=True).stdout


FORMATS = {
    b"\x1f\x8b": lambda data: zlib.decompress(data, wbits=31),
    b"\xfd7zXZ": lambda data: lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(data),
    b"\x02\x21\x4c\x18": lz4,
    b"\x28\xb5\x2f\xfd": zstd,
}


def payload(image):
    if image[0x202:0x206] != b"HdrS" or struct.unpack_from("<H", image, 0x206)[0] < 0x208:
        sys.exit("linux_payload: no Linux bzImage of protocol 2.08 or later")
    start = (image[0x1f1] + 1) * 512 + struct.unpack_from("<I", image, 0x248)[0]
    data = image[start:start + struct.unpack_from("<I", image, 0x24c)[0]]
    for magic, unpack in FORMATS.items():
        if data.startswith(magic):
            return unpack(data[:-4]), struct.unpack("<I", data[-4:])[0]
    sys.exit(f"linux_payload: unknown compression, the payload starts with {data[:6].hex()}")


with open(sys.argv[1], "rb") as source:
    elf, want = payload(source.read())
if len(elf) != want:
    sys.exit(f"linux_payload: {len(elf)} bytes unpacked, the image says {want}")
with open(sys.argv[2], "wb") as target:
    target.write(elf)
