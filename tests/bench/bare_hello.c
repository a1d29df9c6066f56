/* SPDX-License-Identifier: MIT */
/*
 * bare_hello.c - the measure of `vitro run hello`: the same machine by bare ioctls, nothing else
 *
 * 2 MiB at 0, the same long-mode code, page tables at 0x2000, the stack at the top; each byte of
 * output is written as it comes, until HLT. No checks but that the calls work.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MEM_BYTES = 2 << 20, PML4 = 0x2000, PDPT = 0x3000, PD = 0x4000 };

extern const unsigned char guest_hello_long[];
extern const unsigned int guest_hello_long_len;

static int check(int rc, const char *what)
{
    if (rc < 0) {
        perror(what);
        exit(1);
    }
    return rc;
}

static void *map(size_t len, int flags, int fd)
{
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, flags, fd, 0);

    if (at == MAP_FAILED)
        check(-1, "mmap");
    return at;
}

static void set_entry(uint8_t *mem, uint64_t at, uint64_t entry)
{
    memcpy(mem + at, &entry, sizeof(entry));
}

static void fill_memory(int vm)
{
    uint8_t *mem = map(MEM_BYTES, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    struct kvm_userspace_memory_region slot = { .memory_size = MEM_BYTES,
                                                .userspace_addr = (uintptr_t)mem };

    check(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
    memcpy(mem, guest_hello_long, guest_hello_long_len);
    set_entry(mem, PML4, PDPT | 7);
    set_entry(mem, PDPT, PD | 7);
    set_entry(mem, PD, 0x87); /* present, writable, user, 2 MiB */
}

static void set_state(int cpu)
{
    struct kvm_segment code = {
        .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1
    };
    struct kvm_segment data = {
        .limit = 0xffffffff, .selector = 16, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1
    };
    struct kvm_regs regs = { .rflags = 2, .rsp = MEM_BYTES };
    struct kvm_sregs sregs;

    check(ioctl(cpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
    sregs.cs = code;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.cr0 = 0x80050033; /* PE, MP, ET, NE, WP, AM, PG */
    sregs.cr3 = PML4;
    sregs.cr4 = 0x620;  /* PAE, OSFXSR, OSXMMEXCPT */
    sregs.efer = 0x500; /* LME, LMA */
    check(ioctl(cpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
    check(ioctl(cpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

static void run(int cpu, const struct kvm_run *area)
{
    for (;;) {
        check(ioctl(cpu, KVM_RUN, NULL), "KVM_RUN");
        if (area->exit_reason == KVM_EXIT_HLT)
            return;
        if (area->exit_reason != KVM_EXIT_IO)
            check(-1, "exit reason");
        if (write(STDOUT_FILENO, (const char *)area + area->io.data_offset, 1) != 1)
            check(-1, "write");
    }
}

int main(void)
{
    int kvm = check(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
    int vm = check(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    int len = check(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL), "KVM_GET_VCPU_MMAP_SIZE");
    int cpu;

    fill_memory(vm);
    cpu = check(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    set_state(cpu);
    run(cpu, map((size_t)len, MAP_SHARED, cpu));
    return 0;
}
