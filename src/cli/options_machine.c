/* SPDX-License-Identifier: MIT */
/*
 * options_machine.c - setters of the options that choose a guest and build its machine
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/options.h"

const char *set_engine(struct options *o, char *arg)
{
    static const char *const words[] = {
        [VITRO_ENGINE_AUTO] = "auto",
        [VITRO_ENGINE_KVM] = "kvm",
        [VITRO_ENGINE_SOFT] = "soft",
    };
    int i = word_index(words, sizeof(words) / sizeof(words[0]), arg);

    if (i < 0)
        return "engines are auto, kvm and soft";
    o->machine.engine = (enum vitro_engine)i;
    return NULL;
}

const char *set_tier(struct options *o, char *arg)
{
    static const char *const words[] = {
        [VITRO_TIER_AUTO] = "auto",
        [VITRO_TIER_INTERP] = "interp",
        [VITRO_TIER_TRANS] = "trans",
    };
    int i = word_index(words, sizeof(words) / sizeof(words[0]), arg);

    if (i < 0)
        return "tiers are auto, interp and trans";
    o->machine.tier = (enum vitro_tier)i;
    return NULL;
}

const char *set_count_blocks(struct options *o, char *arg)
{
    (void)arg;
    o->machine.translate |= VITRO_TRANSLATE_COUNT;
    return NULL;
}

const char *set_perf_map(struct options *o, char *arg)
{
    (void)arg;
    o->machine.translate |= VITRO_TRANSLATE_PERF;
    o->perf_map = true;
    return NULL;
}

const char *set_check_blocks(struct options *o, char *arg)
{
    (void)arg;
    o->machine.translate |= VITRO_TRANSLATE_CHECK;
    return NULL;
}

const char *set_kind(struct options *o, char *arg)
{
    static const char *const words[VITRO_KINDS] = {
        [VITRO_KIND_FLAT] = "flat",
        [VITRO_KIND_ELF] = "elf",
        [VITRO_KIND_LINUX] = "linux",
        [VITRO_KIND_VMLINUX] = "vmlinux",
        [VITRO_KIND_PVH] = "pvh",
        [VITRO_KIND_MULTIBOOT] = "multiboot",
        [VITRO_KIND_MULTIBOOT2] = "multiboot2",
    };
    int i = word_index(words, VITRO_KINDS, arg);

    if (i < 0)
        return "kinds are flat, elf, linux, vmlinux, pvh, multiboot and multiboot2";
    o->guest.kind = (enum vitro_kind)i;
    return NULL;
}

const char *set_mem(struct options *o, char *arg)
{
    if (!parse_number(arg, &o->machine.mem_bytes) || o->machine.mem_bytes == 0)
        return "a size such as 512K, 64M or 2G is wanted";
    return NULL;
}

const char *set_cpus(struct options *o, char *arg)
{
    uint64_t n;

    if (!parse_number(arg, &n) || n < 1 || n > 8)
        return "1 to 8 CPUs";
    o->machine.cpus = (unsigned)n;
    return NULL;
}

const char *set_mode(struct options *o, char *arg)
{
    return vitro_mode_parse(arg, &o->guest.mode) ? NULL
                                                 : "modes are real, protected, paged32 and long";
}

const char *set_origin(struct options *o, char *arg)
{
    return parse_number(arg, &o->guest.origin) ? NULL : "an address such as 0x7c00 is wanted";
}

const char *set_page_size(struct options *o, char *arg)
{
    static const struct {
        const char *word;
        uint64_t bytes;
    } sizes[] = { { "4k", 4096 }, { "2m", 2u << 20 }, { "4m", 4u << 20 } };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (strcasecmp(arg, sizes[i].word) == 0) {
            o->machine.page_bytes = sizes[i].bytes;
            return NULL;
        }
    }
    return "page sizes are 4k, 2m (long mode) and 4m (paged32)";
}

const char *set_name(struct options *o, char *arg)
{
    if (*arg == '\0' || strlen(arg) > 63 || strchr(arg, '/') != NULL)
        return "a name has 1 to 63 characters and no '/'";
    o->machine.name = arg;
    return NULL;
}

const char *set_debug_exit(struct options *o, char *arg)
{
    uint64_t port = 0xf4;

    if (arg != NULL && (!parse_number(arg, &port) || port < 1 || port > 65532))
        return "a port from 1 to 65532 is wanted";
    o->machine.debug_exit_port = (int)port;
    return NULL;
}

const char *set_hypercalls(struct options *o, char *arg)
{
    o->machine.hypercalls = VITRO_HYPERCALLS_ON;
    if (arg == NULL)
        return NULL;
    if (strcmp(arg, "host-addr") != 0)
        return "the only thing to add is host-addr";
    o->machine.hypercalls |= VITRO_HYPERCALLS_HOST_ADDR;
    return NULL;
}

const char *set_screen(struct options *o, char *arg)
{
    o->machine.screen = strcmp(arg, "text") == 0;
    return o->machine.screen ? NULL : "text is the only kind of screen";
}

/* The text begins after the first '='; a path has none. */
const char *set_module(struct options *o, char *arg)
{
    char *text = strchr(arg, '=');

    if (*arg == '\0' || text == arg)
        return "a file is wanted";
    if (o->machine.nmodules == VITRO_MODULES_MAX)
        return "31 modules are the most";
    if (text != NULL)
        *text++ = '\0';
    o->modules[o->machine.nmodules++] = (struct vitro_module){ .path = arg, .cmdline = text };
    o->machine.modules = o->modules;
    return NULL;
}

const char *set_seed(struct options *o, char *arg)
{
    return parse_number(arg, &o->machine.seed) ? NULL : "a number is wanted";
}

const char *set_hash_every(struct options *o, char *arg)
{
    if (!parse_number(arg, &o->machine.hash_every) || o->machine.hash_every == 0)
        return "a number of instructions such as 1M is wanted";
    return NULL;
}

const char *set_checkpoints(struct options *o, char *arg)
{
    o->checkpoints_given = true;
    return parse_number(arg, &o->machine.checkpoint_bytes) ? NULL
                                                           : "a size such as 256M is wanted, or 0";
}

static bool is_cpu_flag(const char *name, size_t len)
{
    const char *flag;

    for (unsigned i = 0; (flag = vitro_cpu_flag(i)) != NULL; i++) {
        if (strncmp(flag, name, len) == 0 && flag[len] == '\0')
            return true;
    }
    return false;
}

static const char *list_cpu_flags(struct options *o, const char *name, size_t len)
{
    const char *flag;
    size_t at = (size_t)snprintf(o->wrong, sizeof(o->wrong), "there is no flag '%.*s'; there are",
                                 (int)(len < 32 ? len : 32), name);

    for (unsigned i = 0; (flag = vitro_cpu_flag(i)) != NULL && at < sizeof(o->wrong); i++)
        at += (size_t)snprintf(o->wrong + at, sizeof(o->wrong) - at, " %s", flag);
    return o->wrong;
}

/* base, host, +flag,-flag; a number is a view's. */
const char *set_cpu(struct options *o, char *arg)
{
    uint64_t n;

    if (parse_number(arg, &n)) {
        if (n > 7)
            return "a CPU's number, 0 to 7, is wanted";
        o->cpu = (unsigned)n;
        o->cpu_given = true;
        return NULL;
    }
    for (const char *word = arg; word != NULL;) {
        size_t len = strcspn(word, ",");

        if ((word[0] == '+' || word[0] == '-') && !is_cpu_flag(word + 1, len - 1))
            return list_cpu_flags(o, word + 1, len - 1);
        word = word[len] == ',' ? word + len + 1 : NULL;
    }
    o->machine.cpu = arg;
    return NULL;
}
