/* SPDX-License-Identifier: MIT */
/*
 * points.c - Z and z: breakpoints and watchpoints
 *
 * Software and hardware breakpoints are the same thing to a machine that can stop before any instruction: nothing is
 * written into the guest. The session keeps its own list, so that setting one twice, or a soft and a hard one at the
 * same place, and clearing one of them does what the protocol says. Conditions and commands (agent expressions) are
 * not offered in qSupported and are refused.
 */
#include "gdb/session_priv.h"

#include <errno.h>
#include <string.h>

#include "base/bits.h"

/* The longest range that is watched: a page is more than a debugger asks for. */
enum { WATCH_LEN_MAX = 4096 };

static const struct type_row {
    const char *set, *clear; /* methods */
    const char *how;         /* NULL: execution */
} types[NPOINT_TYPES] = {
    [POINT_SOFT] = { "break.set", "break.clear", NULL },
    [POINT_HARD] = { "break.set", "break.clear", NULL },
    [POINT_WRITE] = { "watch.set", "watch.clear", "w" },
    [POINT_READ] = { "watch.set", "watch.clear", "r" },
    [POINT_ACCESS] = { "watch.set", "watch.clear", "rw" },
};

/* type,addr,kind: kind is 1 for breakpoints on x86, and the length of what is watched. */
static bool scan_point(struct scan *in, struct point *out)
{
    uint64_t type, kind;

    if (!scan_hex(in, &type) || type >= NPOINT_TYPES || !scan_word(in, ",") ||
        !scan_hex(in, &out->addr) || !scan_word(in, ",") || !scan_hex(in, &kind) || !scan_done(in))
        return false;
    out->type = (enum point_type)type;
    out->len = kind;
    if (types[type].how == NULL)
        return kind == 1;
    return kind != 0 && kind <= WATCH_LEN_MAX && kind - 1 <= UINT64_MAX - out->addr;
}

static struct point *find(struct session *s, const struct point *p)
{
    for (unsigned i = 0; i < s->npoints; i++) {
        struct point *q = &s->point[i];

        if (q->type == p->type && q->addr == p->addr && q->len == p->len)
            return q;
    }
    return NULL;
}

/* The machine knows no difference between the two kinds of breakpoint. */
static bool has_twin(struct session *s, const struct point *p)
{
    struct point twin = *p;

    if (types[p->type].how != NULL)
        return false;
    twin.type = p->type == POINT_SOFT ? POINT_HARD : POINT_SOFT;
    return find(s, &twin) != NULL;
}

static bool ask(struct session *s, const struct point *p, bool set)
{
    const struct type_row *t = &types[p->type];
    json_t *params = json_pack("{s:o}", "addr", gdb_json_hex(p->addr)), *done;

    if (t->how != NULL) {
        json_object_set_new(params, "len", json_integer((json_int_t)p->len));
        json_object_set_new(params, "how", json_string(t->how));
    }
    done = session_call(s, set ? t->set : t->clear, params, NULL);
    json_decref(done);
    return done != NULL;
}

void gdb_point_set(struct session *s, struct scan *in)
{
    struct point p;

    if (!scan_point(in, &p)) {
        gdb_reply_error(s, EINVAL);
        return;
    }
    if (find(s, &p) == NULL) {
        if (s->npoints == POINTS_MAX || (!has_twin(s, &p) && !ask(s, &p, true))) {
            gdb_reply_error(s, ENOSPC);
            return;
        }
        s->point[s->npoints++] = p;
    }
    gdb_reply(s, "OK");
}

void gdb_point_clear(struct session *s, struct scan *in)
{
    struct point p, *own;

    if (!scan_point(in, &p)) {
        gdb_reply_error(s, EINVAL);
        return;
    }
    own = find(s, &p);
    if (own != NULL) {
        if (!has_twin(s, &p) && !ask(s, &p, false)) {
            gdb_reply_error(s, EIO);
            return;
        }
        *own = s->point[--s->npoints];
    }
    gdb_reply(s, "OK");
}

const struct point *gdb_point_watching(const struct session *s, uint64_t addr, uint64_t len)
{
    for (unsigned i = 0; i < s->npoints; i++) {
        const struct point *p = &s->point[i];

        if (types[p->type].how != NULL && ranges_overlap(p->addr, p->len, addr, len))
            return p;
    }
    return NULL;
}

const struct point *gdb_point_at(const struct session *s, uint64_t addr)
{
    for (unsigned i = 0; i < s->npoints; i++) {
        const struct point *p = &s->point[i];

        if (types[p->type].how == NULL && p->addr == addr)
            return p;
    }
    return NULL;
}
