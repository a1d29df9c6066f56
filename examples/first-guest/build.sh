#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds guest.c twice: as a flat image and as an ELF program. docs/your-first-guest.md explains the flags.
set -e
cd "$(dirname "$0")"
flags='-O2 -ffreestanding -nostdlib -static -fno-pie -fno-stack-protector -fcf-protection=none -mgeneral-regs-only'

gcc $flags -Wl,-Ttext=0,--oformat=binary,--build-id=none -o guest.bin guest.c
gcc $flags -Wl,-Ttext-segment=0x100000,--build-id=none -o guest.elf guest.c
