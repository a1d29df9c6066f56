/* SPDX-License-Identifier: MIT */
/* helper.c - programs beside this one. */
#include "helper.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum { ARGS_MAX = 10, PATH_ROOM = PATH_MAX + 64 };

/* In VITRO_LIBEXEC, else in the build's folder, else where it is installed. */
static bool find(const char *name, char path[PATH_ROOM])
{
    const char *folder = getenv("VITRO_LIBEXEC");
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (folder != NULL) {
        snprintf(path, PATH_ROOM, "%s/vitro-%s", folder, name);
        return access(path, X_OK) == 0;
    }
    self[n > 0 ? n : 0] = '\0';
    *(strrchr(self, '/') != NULL ? strrchr(self, '/') + 1 : self) = '\0';
    snprintf(path, PATH_ROOM, "%s../%s/vitro-%s", self, name, name);
    if (access(path, X_OK) == 0)
        return true;
    snprintf(path, PATH_ROOM, "%s../libexec/vitro/vitro-%s", self, name);
    return access(path, X_OK) == 0;
}

bool helper_there(const char *name)
{
    char path[PATH_ROOM];

    return find(name, path);
}

int helper_become(const char *name, const char *const *args)
{
    char path[PATH_ROOM], self[32];
    const char *argv[ARGS_MAX + 2] = { self };

    snprintf(self, sizeof(self), "vitro-%s", name);
    for (unsigned i = 0; args[i] != NULL && i < ARGS_MAX; i++)
        argv[i + 1] = args[i];
    if (!find(name, path))
        return -ENOENT;
    execv(path, (char **)(uintptr_t)argv);
    return -errno;
}

int helper_fail(const char *command, const char *name, int rc)
{
    if (rc == -ENOENT)
        fprintf(stderr,
                "vitro: %s: vitro-%s is not installed beside this program: set VITRO_LIBEXEC to "
                "its folder\n",
                command, name);
    else
        fprintf(stderr, "vitro: %s: starting vitro-%s: %s\n", command, name, strerror(-rc));
    return EXIT_HOST;
}
