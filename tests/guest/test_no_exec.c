/* SPDX-License-Identifier: MIT */
/*
 * test_no_exec.c - the software CPU's interpreter generates no code: it runs where nothing can become executable
 *
 * In a child process a seccomp filter kills whoever asks for memory that can be executed. Arguments are guest
 * programs in long mode (programs/lab.inc) that modify their code and use x87, MMX and SSE.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <vitro/vitro.h>

enum { ORIGIN = 0x8000, MEMORY = 8 << 20, EXIT_PORT = 0xf4, ENDS_PASSED = 0xff, INSNS = 2000000 };

static char **images;
static int nimages;

/* ---- the filter ------------------------------------------------------------------------------ */

#define LOAD(field)            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define EQUAL(value, yes, no)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define ANY_BIT(bits, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, yes, no)
#define RETURN(what)           BPF_STMT(BPF_RET | BPF_K, what)

/* mmap, mprotect, pkey_mprotect: the third argument is what the memory may be used for. */
static bool forbid_exec(void)
{
    struct sock_filter code[] = {
        LOAD(arch),
        EQUAL(AUDIT_ARCH_X86_64, 0, 8),
        LOAD(nr),
        EQUAL(SYS_mmap, 4, 0),
        EQUAL(SYS_mprotect, 3, 0),
        EQUAL(SYS_pkey_mprotect, 2, 0),
        EQUAL(SYS_shmat, 3, 0),
        EQUAL(SYS_personality, 2, 3),
        LOAD(args[2]),
        ANY_BIT(PROT_EXEC, 0, 1),
        RETURN(SECCOMP_RET_KILL_PROCESS),
        RETURN(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

enum { CHILD_PASSED = 0, CHILD_FAILED = 1, CHILD_NO_FILTER = 2 };

/* Runs fn behind the filter; the child's wait status. */
static int behind_filter(bool (*fn)(void))
{
    int status;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (!forbid_exec())
            _exit(CHILD_NO_FILTER);
        _exit(fn() ? CHILD_PASSED : CHILD_FAILED);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_NO_FILTER) {
        print_message("cannot run here: this system has no seccomp filters\n");
        skip();
    }
    return status;
}

/* ---- guests ---------------------------------------------------------------------------------- */

static bool run(const struct vitro_guest_config *gcfg, struct vitro_outcome *end)
{
    struct vitro_config cfg = { .engine = VITRO_ENGINE_SOFT,
                                .tier = VITRO_TIER_INTERP,
                                .mem_bytes = MEMORY,
                                .console_fd = -1,
                                .debug_exit_port = EXIT_PORT };
    struct vitro_err err = { 0 };
    struct vitro_guest *guest = NULL;
    struct vitro *m = NULL;
    bool ran = vitro_guest_open(gcfg, &guest, &err) == 0 && vitro_new(&cfg, guest, &m, &err) == 0 &&
               vitro_stop_at(m, &(struct vitro_stop_at){ .insns = INSNS }, &err) == 0 &&
               vitro_run(m, end, &err) == 0;

    if (!ran)
        fprintf(stderr, "%s: %s\n", gcfg->name, err.text);
    vitro_free(m);
    vitro_guest_free(guest);
    return ran;
}

/* Those that never end are stopped after some instructions. */
static bool builtins(void)
{
    struct vitro_builtin b;

    for (unsigned i = 0; vitro_builtin(i, &b); i++) {
        for (unsigned mode = VITRO_MODE_REAL; mode <= VITRO_MODE_LONG; mode++) {
            struct vitro_guest_config gcfg = { .name = b.name, .mode = (enum vitro_mode)mode };
            struct vitro_outcome end;

            if (b.modes[mode] &&
                (!run(&gcfg, &end) || (strcmp(b.ends, "halt") == 0 && end.end != VITRO_END_HALT)))
                return false;
        }
    }
    return true;
}

static bool programs(void)
{
    for (int i = 0; i < nimages; i++) {
        struct vitro_guest_config gcfg = {
            .name = images[i], .kind = VITRO_KIND_FLAT, .mode = VITRO_MODE_LONG, .origin = ORIGIN
        };
        struct vitro_outcome end;

        if (!run(&gcfg, &end))
            return false;
        if (end.end != VITRO_END_GUEST_EXIT || (end.code & 0xff) != ENDS_PASSED) {
            fprintf(stderr, "%s: %s\n", images[i], end.text);
            return false;
        }
    }
    return nimages > 0;
}

static bool asks_for_exec(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED;
}

static bool asks_later(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void the_filter_works(void **state)
{
    int status;

    (void)state;
    status = behind_filter(asks_for_exec);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    status = behind_filter(asks_later);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

static void builtin_guests_run(void **state)
{
    (void)state;
    assert_int_equal(behind_filter(builtins), 0);
}

static void programs_run(void **state)
{
    (void)state;
    assert_int_equal(behind_filter(programs), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_filter_works),
        cmocka_unit_test(builtin_guests_run),
        cmocka_unit_test(programs_run),
    };

    images = argv + 1;
    nimages = argc - 1;
    return cmocka_run_group_tests_name("no_exec", tests, NULL, NULL);
}
