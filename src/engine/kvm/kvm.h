/* SPDX-License-Identifier: MIT */
/*
 * kvm.h - the KVM engine, as the board and the library's face see it
 *
 * This folder is the only one that includes linux/kvm.h. Source: the kernel's "The Definitive KVM API
 * Documentation"; the sections are named where they matter.
 */
#ifndef ENGINE_KVM_H
#define ENGINE_KVM_H

#include "core/engine.h"

/* Who may open a device file, and who asks. */
struct kvm_file {
    unsigned mode; /* permission bits */
    unsigned uid, gid, euid;
    bool in_group; /* who asks is */
    char owner[33], group[33];
};

/*
 * How the engine reaches the kernel: the real calls, or a test's scripted answers. Each returns what
 * the system call would, with errno as a negative result.
 */
struct kvm_sys {
    int (*open)(void *ctx, const char *path);
    int (*ioctl)(void *ctx, int fd, unsigned long request, void *arg);
    void *(*mmap)(void *ctx, int fd, uint64_t len); /* NULL on failure */
    void (*munmap)(void *ctx, void *at, uint64_t len);
    void (*close)(void *ctx, int fd);
    void *ctx;
    int (*look)(void *ctx, const char *path, struct kvm_file *out); /* NULL: it is not known */
};

extern const struct kvm_sys kvm_sys_real;

/* Before machine_open, m->engine_arg may point to another struct kvm_sys; NULL is kvm_sys_real. */
extern const struct engine_ops kvm_engine;

#endif
