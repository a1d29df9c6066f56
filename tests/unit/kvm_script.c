/* SPDX-License-Identifier: MIT */
/* kvm_script.c - answers the engine's calls as the script says. */
#include "kvm_script.h"

#include <errno.h>

static struct fake_fd *fd_of(struct fake *f, int fd)
{
    assert_in_range(fd, FD_BASE, FD_BASE + FDS_MAX - 1);
    assert_int_not_equal(f->fd[fd - FD_BASE].kind, FD_FREE);
    return &f->fd[fd - FD_BASE];
}

static int new_fd(struct fake *f, enum fd_kind kind, bool scratch)
{
    for (int i = 0; i < FDS_MAX; i++) {
        if (f->fd[i].kind == FD_FREE) {
            f->fd[i] = (struct fake_fd){ .kind = kind, .scratch = scratch };
            f->opened++;
            return FD_BASE + i;
        }
    }
    fail_msg("descriptors leak");
    return -EMFILE;
}

static int fake_open(void *ctx, const char *path)
{
    struct fake *f = ctx;

    assert_string_equal(path, "/dev/kvm");
    return f->open_rc < 0 ? f->open_rc : new_fd(f, FD_KVM, false);
}

static void fake_close(void *ctx, int fd)
{
    struct fake *f = ctx;

    fd_of(f, fd)->kind = FD_FREE;
    f->closed++;
}

static void *fake_mmap(void *ctx, int fd, uint64_t len)
{
    struct fake *f = ctx;

    assert_int_equal(len, f->run_len);
    if (f->mmap_fails)
        return NULL;
    f->mapped++;
    return fd_of(f, fd)->run = calloc(1, len);
}

static void fake_munmap(void *ctx, void *at, uint64_t len)
{
    struct fake *f = ctx;

    assert_int_equal(len, f->run_len);
    f->unmapped++;
    free(at);
}

static void fill_run(struct fake *f, struct kvm_run *run, const struct play *p)
{
    run->exit_reason = p->reason;
    switch (p->reason) {
    case KVM_EXIT_IO:
        run->io.direction = p->io.out ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN;
        run->io.size = p->io.size;
        run->io.port = p->io.port;
        run->io.count = p->io.count;
        run->io.data_offset = p->io.offset != 0 ? p->io.offset : IO_OFFSET;
        if (p->io.out)
            memcpy((uint8_t *)run + IO_OFFSET, f->io_data, sizeof(f->io_data));
        break;
    case KVM_EXIT_MMIO:
        run->mmio.phys_addr = p->mmio.addr;
        run->mmio.len = p->mmio.len;
        run->mmio.is_write = p->mmio.write;
        if (p->mmio.write)
            memcpy(run->mmio.data, f->io_data, 8);
        break;
    case KVM_EXIT_INTERNAL_ERROR:
        run->emulation_failure.suberror = p->internal.suberror;
        run->emulation_failure.ndata = p->internal.ndata;
        run->emulation_failure.flags = p->internal.flags;
        run->emulation_failure.insn_size = p->internal.insn_size;
        memcpy(run->emulation_failure.insn_bytes, p->internal.insn, 15);
        break;
    case KVM_EXIT_DEBUG:
        run->debug.arch.exception = p->debug.exception;
        run->debug.arch.pc = p->debug.pc;
        run->debug.arch.dr6 = p->debug.dr6;
        break;
    case KVM_EXIT_FAIL_ENTRY:
        run->fail_entry.hardware_entry_failure_reason = p->value;
        break;
    case KVM_EXIT_SYSTEM_EVENT:
        run->system_event.type = (uint32_t)p->value;
        break;
    default:
        break;
    }
}

/* A KVM that debugs everything it is asked to and `debugs` allows; else the code ends in a HLT. */
static int run_scratch(const struct fake *f, struct fake_fd *v, struct kvm_run *run)
{
    uint32_t control = v->debug.control;
    bool watch = v->debug.arch.debugreg[7] & 0x10000;
    unsigned cap = control & KVM_GUESTDBG_SINGLESTEP  ? DEBUG_STEP
                   : control & KVM_GUESTDBG_USE_SW_BP ? DEBUG_INT3
                   : watch                            ? DEBUG_WATCH
                                                      : DEBUG_EXEC;

    run->exit_reason = f->debugs & cap ? KVM_EXIT_DEBUG : KVM_EXIT_HLT;
    v->regs.rip++;
    return 0;
}

static int next_play(struct fake *f, struct fake_fd *v, struct kvm_run *run)
{
    const struct play *p;

    if (f->at == f->nplays) {
        run->exit_reason = KVM_EXIT_HLT;
        return 0;
    }
    p = &f->play[f->at++];
    if (p->rc < 0)
        return p->rc;
    fill_run(f, run, p);
    if (p->rip != 0)
        v->regs.rip = p->rip;
    f->owed = p->reason == KVM_EXIT_IO || p->reason == KVM_EXIT_MMIO;
    return 0;
}

static int fake_run(struct fake *f, struct fake_fd *v)
{
    struct kvm_run *run = (struct kvm_run *)v->run;
    bool immediate = run->immediate_exit, further = false;
    int rc;

    f->runs++;
    if (v->scratch)
        return run_scratch(f, v, run);
    if (f->owed) { /* first the old access ends, then immediate_exit is looked at */
        const struct play *p = &f->play[f->at - 1];

        f->owed = false;
        if (p->rip_finished != 0)
            v->regs.rip = p->rip_finished;
        further = p->further;
    }
    rc = immediate && !further ? -EINTR : next_play(f, v, run);
    run->s.regs.regs = v->regs;
    return rc;
}

static int check_extension(const struct fake *f, unsigned long cap)
{
    if (cap == f->lacks || (cap == KVM_CAP_SYNC_REGS && f->no_sync_regs) ||
        (cap == KVM_CAP_SREGS2 && f->no_sregs2))
        return 0;
    return cap == KVM_CAP_XSAVE2 ? 4096 : 1;
}

static int list_msrs(struct kvm_msr_list *list)
{
    uint32_t room = list->nmsrs;

    list->nmsrs = 200; /* more than the engine asks for at first, and than a state holds */
    if (room < list->nmsrs)
        return -E2BIG;
    for (uint32_t i = 0; i < list->nmsrs; i++)
        list->indices[i] = 0xc0000080 + i;
    return 0;
}

static int set_debug(struct fake *f, struct fake_fd *v, const struct kvm_guest_debug *dbg)
{
    v->debug = *dbg;
    f->injected += (dbg->control & KVM_GUESTDBG_INJECT_BP) != 0;
    return 0;
}

static int answer(struct fake *f, struct fake_fd *at, unsigned long request, void *arg)
{
    switch (request) {
    case KVM_GET_API_VERSION:
        return f->version;
    case KVM_CHECK_EXTENSION:
        return check_extension(f, (unsigned long)arg);
    case KVM_CREATE_VM: {
        bool first = true;

        for (int i = 0; i < FDS_MAX; i++)
            first &= f->fd[i].kind != FD_VM;
        return new_fd(f, FD_VM, !first);
    }
    case KVM_GET_VCPU_MMAP_SIZE:
        return (int)f->run_len;
    case KVM_CREATE_VCPU:
        return new_fd(f, FD_VCPU, at->scratch);
    case KVM_GET_MSR_INDEX_LIST:
        return list_msrs(arg);
    case KVM_GET_SUPPORTED_CPUID:
        ((struct kvm_cpuid2 *)arg)->nent = 3;
        return 0;
    case KVM_RUN:
        return fake_run(f, at);
    case KVM_ENABLE_CAP: {
        const struct kvm_enable_cap *cap = arg;

        f->enabled = cap->args[0] == 1 ? cap->cap : 0;
        return 0;
    }
    case KVM_GET_REGS:
        *(struct kvm_regs *)arg = at->regs;
        return 0;
    case KVM_SET_REGS:
        at->regs = *(struct kvm_regs *)arg;
        return 0;
    case KVM_GET_SREGS:
        memcpy(arg, &at->sregs, offsetof(struct kvm_sregs, interrupt_bitmap));
        return 0;
    case KVM_SET_SREGS:
        memcpy(&at->sregs, arg, offsetof(struct kvm_sregs, interrupt_bitmap));
        return 0;
    case KVM_GET_SREGS2:
        *(struct kvm_sregs2 *)arg = at->sregs;
        return 0;
    case KVM_SET_SREGS2:
        at->sregs = *(struct kvm_sregs2 *)arg;
        return 0;
    case KVM_GET_MSRS: /* as KVM does: the number read before the first that is not there */
    case KVM_SET_MSRS:
        return (int)((struct kvm_msrs *)arg)->nmsrs;
    case KVM_SET_GUEST_DEBUG:
        return set_debug(f, at, arg);
    default:
        return 0;
    }
}

static int fake_ioctl(void *ctx, int fd, unsigned long request, void *arg)
{
    struct fake *f = ctx;
    struct fake_fd *at = fd_of(f, fd);

    f->calls++;
    if (f->calls == f->fail_at || (request == f->fail_request && f->fail_times > 0)) {
        f->fail_times -= f->fail_times > 0;
        f->failed = request;
        return f->fail_rc;
    }
    return answer(f, at, request, arg);
}

void fake_init(struct fake *f)
{
    *f = (struct fake){
        .sys = { .open = fake_open,
                 .ioctl = fake_ioctl,
                 .mmap = fake_mmap,
                 .munmap = fake_munmap,
                 .close = fake_close,
                 .ctx = f },
        .version = 12,
        .run_len = RUN_LEN,
        .debugs = DEBUG_STEP | DEBUG_EXEC | DEBUG_INT3 | DEBUG_WATCH,
    };
    for (unsigned i = 0; i < sizeof(f->io_data); i++)
        f->io_data[i] = (uint8_t)(0xa0 + i);
}

void assert_no_leak(const struct fake *f)
{
    assert_int_equal(f->opened, f->closed);
    assert_int_equal(f->mapped, f->unmapped);
}

const uint8_t nops[NOPS] = { 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90 };

struct rig_config config(const struct fake *f, const void *code, size_t len)
{
    return (struct rig_config){ .sys = &f->sys, .start = X86_START_LONG, .code = code, .len = len };
}

void open_with(struct rig *r, struct fake *f, const struct play *play, size_t n)
{
    struct rig_config cfg = config(f, nops, sizeof(nops));

    f->play = play;
    f->nplays = n;
    rig_open(r, &cfg);
}

void finish(struct rig *r, const struct fake *f)
{
    rig_close(r);
    assert_no_leak(f);
}
