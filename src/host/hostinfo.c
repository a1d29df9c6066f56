/* SPDX-License-Identifier: MIT */
/* hostinfo.c - CPU, kernel, boot and memory of the host. SDM 2A, "CPUID". */
#include "host/hostinfo.h"

#include <cpuid.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Keeps what may stand in a line and in JSON. */
static void clean(char *s)
{
    for (; *s != '\0'; s++) {
        if (*s < ' ' || *s > '~')
            *s = '?';
    }
}

static void read_boot_id(char *out, size_t len)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, len - 1) : 0;

    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    clean(out);
}

static void cpu_signature(char *out, size_t len)
{
    unsigned max, a, b, c, d;
    char vendor[13] = "";

    __cpuid(0, max, b, c, d);
    memcpy(vendor, &b, 4);
    memcpy(vendor + 4, &d, 4);
    memcpy(vendor + 8, &c, 4);
    __cpuid(1, a, b, c, d);
    snprintf(out, len, "%s-%x", vendor, a);
    clean(out);
}

/* devtmpfs makes the node anew when the module comes back, perhaps with other parameters. */
static void device_identity(char *out, size_t len)
{
    struct stat st;

    if (stat("/dev/kvm", &st) == 0)
        snprintf(out, len, "%ju-%jx-%jd.%09ld", (uintmax_t)st.st_ino, (uintmax_t)st.st_rdev,
                 (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

void hostinfo_key(const char *version, struct probe_host *out)
{
    struct utsname u;

    *out = (struct probe_host){ 0 };
    snprintf(out->version, sizeof(out->version), "%s", version);
    read_boot_id(out->boot_id, sizeof(out->boot_id));
    if (uname(&u) == 0)
        snprintf(out->kernel, sizeof(out->kernel), "%s", u.release);
    clean(out->kernel);
    cpu_signature(out->cpu_signature, sizeof(out->cpu_signature));
    device_identity(out->device, sizeof(out->device));
}

/* Leaves 0x80000002 to 4 hold 48 characters, often with leading spaces. */
static void cpu_brand(char *out, size_t len)
{
    unsigned r[12], max = __get_cpuid_max(0x80000000, NULL);
    char brand[sizeof(r) + 1];

    if (max < 0x80000004)
        return;
    for (unsigned i = 0; i < 3; i++)
        __cpuid(0x80000002 + i, r[4 * i], r[4 * i + 1], r[4 * i + 2], r[4 * i + 3]);
    memcpy(brand, r, sizeof(r));
    brand[sizeof(r)] = '\0';
    snprintf(out, len, "%s", brand + strspn(brand, " "));
    clean(out);
}

void hostinfo_all(const char *version, struct probe_host *out)
{
    struct sysinfo si;
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    hostinfo_key(version, out);
    cpu_brand(out->cpu, sizeof(out->cpu));
    out->ncpus = n > 0 ? (unsigned)n : 0;
    if (sysinfo(&si) == 0)
        out->mem_bytes = (uint64_t)si.totalram * si.mem_unit;
}
