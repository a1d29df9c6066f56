/* SPDX-License-Identifier: MIT */
/* kvm_real.h - what the tests on this host's KVM share, beside the rig. */
#ifndef TESTS_KVM_REAL_H
#define TESTS_KVM_REAL_H

#include "kvm_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Skips the calling test where there is no KVM. */
static inline void need_kvm(void)
{
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        print_message("this host cannot: opening /dev/kvm: %s\n", strerror(errno));
        skip();
    }
    close(fd);
}

#define CODE(...) \
    .code = (const uint8_t[]){ __VA_ARGS__ }, .len = sizeof((const uint8_t[]){ __VA_ARGS__ })

/* lodsb; test al, al; jz +3; out dx, al; jmp -8; hlt */
#define HELLO 0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8, 0xf4

#define SPIN  0xeb, 0xfe

#endif
