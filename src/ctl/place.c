/* SPDX-License-Identifier: MIT */
/* place.c - the folder of control sockets; its lock (flock) is held while a name is looked at and changed. */
#include "place.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 16, TRIES = 1000, LOCK_TRIES = 100, FILE_NAME_MAX = PLACE_NAME_MAX + 8 };

static const char suffix[] = ".sock", making[] = ".making";

__attribute__((format(printf, 4, 5))) static int fail(struct vitro_err *err, int code,
                                                      enum vitro_err_class kind, const char *fmt,
                                                      ...)
{
    va_list ap;

    if (err != NULL && err->code == 0) {
        err->code = code;
        err->kind = kind;
        va_start(ap, fmt);
        vsnprintf(err->text, sizeof(err->text), fmt, ap);
        va_end(ap);
    }
    return code;
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool name_char(char c)
{
    return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-';
}

bool place_name_valid(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > PLACE_NAME_MAX || !isalnum((unsigned char)name[0]))
        return false;
    while (*name != '\0' && (unsigned char)*name < 0x80 && name_char(*name))
        name++;
    return *name == '\0';
}

void place_name_from(const char *text, char out[PLACE_NAME_MAX + 1])
{
    size_t n = 0;

    if (!isalnum((unsigned char)text[0]) || (unsigned char)text[0] >= 0x80)
        out[n++] = 'm';
    for (; *text != '\0' && n < PLACE_NAME_MAX; text++)
        out[n++] = (unsigned char)*text < 0x80 && name_char(*text) ? *text : '_';
    out[n] = '\0';
}

static void file_name(const char *name, char out[FILE_NAME_MAX])
{
    snprintf(out, FILE_NAME_MAX, "%s%s", name, suffix);
}

/* ---- the folder ------------------------------------------------------------------------------ */

static void folder_path(char *out, size_t len)
{
    const char *xdg = getenv("XDG_RUNTIME_DIR");
    unsigned uid = (unsigned)geteuid();
    struct stat st;
    char run[64];

    snprintf(run, sizeof(run), "/run/user/%u", uid);
    if (xdg != NULL && *xdg == '/')
        snprintf(out, len, "%s/vitro", xdg);
    else if (stat(run, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid())
        snprintf(out, len, "%s/vitro", run);
    else
        snprintf(out, len, "/tmp/vitro-%u", uid);
}

/* Ours, and closed to others: whoever can enter could put a socket of his own there. */
static int check_folder(int fd, const char *path, struct vitro_err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return fail(err, -errno, VITRO_ERR_HOST, "control folder %s: %s", path, strerror(errno));
    if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return fail(err, -EPERM, VITRO_ERR_HOST,
                    "control folder %s: %s: it must be this user's, with mode 0700", path,
                    st.st_uid != geteuid() ? "it belongs to somebody else" : "others can enter it");
    return 0;
}

/* Returns a descriptor; without make, -ENOENT when there is no folder. path receives its name. */
static int open_folder(bool make, char path[PLACE_PATH_MAX], struct vitro_err *err)
{
    int fd, rc;

    folder_path(path, PLACE_PATH_MAX - FILE_NAME_MAX - 1);
    if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
        return fail(err, -errno, VITRO_ERR_HOST, "making the control folder %s: %s", path,
                    strerror(errno));
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail(err, -errno, VITRO_ERR_HOST, "control folder %s: %s", path,
                    errno == ELOOP || errno == ENOTDIR ? "it is a link or a file, not a folder"
                                                       : strerror(errno));
    rc = check_folder(fd, path, err);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    return fd;
}

/* Held for microseconds; a process that was stopped while it had the lock does not stop others for good. */
static bool lock_folder(int folder)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(folder, LOCK_EX | LOCK_NB) == 0)
            return true;
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    }
    return false;
}

static struct sockaddr_un address(int folder, const char *file)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };

    snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", folder, file);
    return a;
}

/* A connection, or a negative errno; never waits for whoever listens. */
static int try_connect(int folder, const char *file)
{
    struct sockaddr_un a = address(folder, file);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc;

    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    rc = -errno;
    close(fd);
    return rc;
}

static bool is_socket(int folder, const char *file)
{
    struct stat st;

    return fstatat(folder, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode);
}

/* Under the folder's lock. Whether the name can be had, after what is dead has been removed. */
static bool is_free(int folder, const char *file)
{
    int rc;

    if (faccessat(folder, file, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT;
    if (!is_socket(folder, file))
        return false;
    rc = try_connect(folder, file);
    if (rc >= 0)
        close(rc);
    return rc == -ECONNREFUSED && unlinkat(folder, file, 0) == 0;
}

/* ---- a socket of one's own ------------------------------------------------------------------- */

/* Under the folder's lock. The name appears when there is somebody who listens, not before. */
static int listen_at(struct place *p, struct vitro_err *err)
{
    struct sockaddr_un a = address(p->folder, making);
    char file[FILE_NAME_MAX];
    struct stat st;

    file_name(p->name, file);
    unlinkat(p->folder, making, 0); /* of one that was killed here */
    p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
        listen(p->fd, BACKLOG) < 0 || renameat(p->folder, making, p->folder, file) < 0 ||
        fstatat(p->folder, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return fail(err, -errno, VITRO_ERR_HOST, "control socket %s: %s", p->path, strerror(errno));
    p->inode = st.st_ino;
    return 0;
}

/* NAME, NAME-2, NAME-3 ... The number always fits. */
static void nth_name(const char *name, unsigned n, char out[PLACE_NAME_MAX + 1])
{
    char tail[12] = "";

    if (n > 1)
        snprintf(tail, sizeof(tail), "-%u", n);
    snprintf(out, PLACE_NAME_MAX + 1, "%.*s%s", (int)(PLACE_NAME_MAX - strlen(tail)), name, tail);
}

/* Under the folder's lock. */
static int find_name(struct place *p, const char *name, bool exact, struct vitro_err *err)
{
    char file[FILE_NAME_MAX];

    for (unsigned n = 1; n <= TRIES; n++) {
        nth_name(name, n, p->name);
        file_name(p->name, file);
        if (is_free(p->folder, file))
            return 0;
        if (exact)
            return fail(err, -EEXIST, VITRO_ERR_USAGE,
                        "name %s: a running machine has it: see 'vitro ps', or take another", name);
    }
    return fail(err, -EEXIST, VITRO_ERR_HOST, "name %s: %d machines have it already", name, TRIES);
}

int place_claim(const char *name, bool exact, struct place *out, struct vitro_err *err)
{
    struct place *p = out;
    size_t len;
    int rc;

    *p = (struct place){ .fd = -1 };
    p->folder = open_folder(true, p->path, err);
    if (p->folder < 0)
        return p->folder;
    if (!lock_folder(p->folder)) {
        rc = fail(err, -EBUSY, VITRO_ERR_HOST, "control folder %s: somebody keeps it locked",
                  p->path);
        place_release(p);
        return rc;
    }
    rc = find_name(p, name, exact, err);
    if (rc == 0) {
        len = strlen(p->path);
        snprintf(p->path + len, sizeof(p->path) - len, "/%s%s", p->name, suffix);
        rc = listen_at(p, err);
    }
    flock(p->folder, LOCK_UN);
    if (rc < 0)
        place_release(p);
    return rc;
}

void place_release(struct place *p)
{
    char file[FILE_NAME_MAX];
    struct stat st;

    file_name(p->name, file);
    if (p->folder >= 0 && p->inode != 0) {
        lock_folder(p->folder);
        if (fstatat(p->folder, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == p->inode)
            unlinkat(p->folder, file, 0);
        flock(p->folder, LOCK_UN);
    }
    if (p->fd >= 0)
        close(p->fd);
    if (p->folder >= 0)
        close(p->folder);
    *p = (struct place){ .folder = -1, .fd = -1 };
}

/* ---- others' sockets ------------------------------------------------------------------------- */

int place_connect(const char *name, struct vitro_err *err)
{
    char path[PLACE_PATH_MAX], file[FILE_NAME_MAX];
    struct vitro_err why = { 0 };
    int folder, rc;

    if (!place_name_valid(name))
        return fail(err, -ENOENT, VITRO_ERR_USAGE, "no machine can have the name %.80s", name);
    folder = open_folder(false, path, &why);
    if (folder == -ENOENT)
        return fail(err, -ENOENT, VITRO_ERR_USAGE, "%s: no machine of that name runs", name);
    if (folder < 0)
        return fail(err, folder, why.kind, "%s", why.text);
    file_name(name, file);
    rc = is_socket(folder, file) ? try_connect(folder, file) : -ENOENT;
    close(folder);
    if (rc == -ENOENT || rc == -ECONNREFUSED)
        return fail(err, -ENOENT, VITRO_ERR_USAGE, "%s: no machine of that name runs", name);
    if (rc < 0)
        return fail(err, rc, VITRO_ERR_HOST, "connecting to %s: %s", name, strerror(-rc));
    fcntl(rc, F_SETFL, 0);
    return rc;
}

void place_sweep(const char *name)
{
    char path[PLACE_PATH_MAX], file[FILE_NAME_MAX];
    int folder = open_folder(false, path, NULL);

    if (folder < 0)
        return;
    file_name(name, file);
    if (lock_folder(folder))
        is_free(folder, file);
    close(folder);
}

/* "NAME.sock" of a valid name: NAME, allocated; else NULL. */
static char *name_of(const char *file)
{
    size_t len = strlen(file), tail = sizeof(suffix) - 1;
    char *name;

    if (len <= tail || strcmp(file + len - tail, suffix) != 0)
        return NULL;
    name = strndup(file, len - tail);
    if (name != NULL && !place_name_valid(name)) {
        free(name);
        return NULL;
    }
    return name;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(DIR *dir, char ***names, size_t *n)
{
    const struct dirent *e;

    while ((e = readdir(dir)) != NULL) {
        char *name = name_of(e->d_name);
        char **more = name != NULL ? realloc(*names, (*n + 1) * sizeof(**names)) : *names;

        if (name == NULL)
            continue;
        if (more == NULL) {
            free(name);
            return -ENOMEM;
        }
        *names = more;
        more[(*n)++] = name;
    }
    if (*n > 1)
        qsort(*names, *n, sizeof(**names), by_name);
    return 0;
}

int place_list(char ***names, size_t *n, struct vitro_err *err)
{
    char path[PLACE_PATH_MAX];
    struct vitro_err why = { 0 };
    int folder = open_folder(false, path, &why);
    DIR *dir;
    int rc;

    *names = NULL;
    *n = 0;
    if (folder == -ENOENT)
        return 0;
    if (folder < 0)
        return fail(err, folder, why.kind, "%s", why.text);
    dir = fdopendir(folder);
    if (dir == NULL) {
        close(folder);
        return fail(err, -ENOMEM, VITRO_ERR_HOST, "listing machines: out of memory");
    }
    rc = read_names(dir, names, n);
    closedir(dir);
    return rc < 0 ? fail(err, rc, VITRO_ERR_HOST, "listing machines: out of memory") : 0;
}
