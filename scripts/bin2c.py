#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns a flat binary into a C array: bin2c.py INPUT OUTPUT SYMBOL"""
import sys

source, target, symbol = sys.argv[1:]
data = open(source, "rb").read()
with open(target, "w") as out:
    out.write(f"extern const unsigned char {symbol}[{len(data)}];\n")
    out.write(f"const unsigned char {symbol}[{len(data)}] = {{\n")
    for at in range(0, len(data), 16):
        out.write("    " + " ".join(f"0x{b:02x}," for b in data[at : at + 16]) + "\n")
    out.write("};\n")
    out.write(f"extern const unsigned int {symbol}_len;\n")
    out.write(f"const unsigned int {symbol}_len = {len(data)};\n")
