/* SPDX-License-Identifier: MIT */
/*
 * kvm_remedy.c - see kvm_remedy.h
 *
 * A group helps only where the file's mode gives it something, and never root's own. The kernel looks at the mode first
 * (EACCES); what forbids it after that is a container's rules for devices (EPERM) or a security module.
 */
#include "engine/kvm/kvm_remedy.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Users and groups that a user namespace does not know are shown as this one: "Overflow user and group IDs", user_namespaces(7). */
enum { NOBODY = 65534, NAMES = 1024, GROUPS_MAX = 256 };

static void name_user(unsigned uid, char *out, size_t len)
{
    struct passwd pw, *found = NULL;
    char names[NAMES];

    if (getpwuid_r(uid, &pw, names, sizeof(names), &found) == 0 && found != NULL)
        snprintf(out, len, "%s", pw.pw_name);
    else
        snprintf(out, len, "%u", uid);
}

static void name_group(unsigned gid, char *out, size_t len)
{
    struct group gr, *found = NULL;
    char names[NAMES];

    if (getgrgid_r(gid, &gr, names, sizeof(names), &found) == 0 && found != NULL)
        snprintf(out, len, "%s", gr.gr_name);
    else
        snprintf(out, len, "%u", gid);
}

static bool in_group(gid_t gid)
{
    gid_t all[GROUPS_MAX];
    int n = getgroups(GROUPS_MAX, all);

    for (int i = 0; i < n; i++) {
        if (all[i] == gid)
            return true;
    }
    return getegid() == gid;
}

int kvm_file_look(void *ctx, const char *path, struct kvm_file *out)
{
    struct stat st;

    (void)ctx;
    if (stat(path, &st) < 0)
        return -errno;
    *out = (struct kvm_file){ .mode = st.st_mode & 0777,
                              .uid = st.st_uid,
                              .gid = st.st_gid,
                              .euid = geteuid(),
                              .in_group = in_group(st.st_gid) };
    name_user(st.st_uid, out->owner, sizeof(out->owner));
    name_group(st.st_gid, out->group, sizeof(out->group));
    return 0;
}

static bool lets_in(const struct kvm_file *f)
{
    unsigned who = f->euid == f->uid ? 6 : f->in_group ? 3 : 0;

    return (f->euid == 0 && f->uid != NOBODY) || (f->mode >> who & 6) == 6;
}

static bool group_helps(const struct kvm_file *f)
{
    return (f->mode >> 3 & 6) == 6 && f->gid != 0 && f->gid != NOBODY && !f->in_group &&
           f->euid != f->uid;
}

char *kvm_remedy(const struct kvm_sys *sys, int error, char *buf, size_t len)
{
    struct kvm_file f;

    *buf = '\0';
    if (error != -EACCES && error != -EPERM)
        return buf;
    if (sys->look == NULL || sys->look(sys->ctx, "/dev/kvm", &f) < 0)
        snprintf(buf, len, "see who may: ls -l /dev/kvm");
    else if (error == -EPERM || lets_in(&f))
        snprintf(buf, len,
                 "its mode lets this user in: a container's device rules or a security module do "
                 "not");
    else if (group_helps(&f))
        snprintf(buf, len,
                 "join the group that owns it (sudo usermod -aG %s $USER, then log in again)",
                 f.group);
    else
        snprintf(buf, len,
                 "%.12s:%.12s and mode %04o keep this user out; as root: chmod 666 /dev/kvm",
                 f.owner, f.group, f.mode);
    return buf;
}
