#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the guests of a lab: build.sh FOLDER. The flags are those of docs/your-first-guest.md.
set -e
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:?usage: build.sh FOLDER}"
flags="-O2 -ffreestanding -nostdlib -static -fno-pie -fno-stack-protector -fcf-protection=none -mgeneral-regs-only
    -I $here"

for file in *.c; do
    [ -e "$file" ] || continue
    gcc $flags -Wl,-Ttext-segment=0x100000,--build-id=none -o "${file%.c}.elf" "$file"
done
for file in *.S; do # one flat image for each mode
    [ -e "$file" ] || continue
    for mode in real protected paged32 long; do
        gcc $flags "-DMODE_$mode" -Wl,-Ttext=0,--oformat=binary,--build-id=none -o "$mode.bin" "$file"
    done
done
