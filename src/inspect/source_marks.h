/* SPDX-License-Identifier: MIT */
/*
 * source_marks.h - where in our own source the steps of a run happen
 *
 * The table is made by the build (scripts/source_marks.py) from MARK comments, so it cannot go stale.
 */
#ifndef INSPECT_SOURCE_MARKS_H
#define INSPECT_SOURCE_MARKS_H

struct source_mark {
    const char *name;
    const char *file; /* from the root of the source */
    unsigned line;
    const char *text; /* the line itself */
};

extern const struct source_mark source_marks[];
extern const unsigned nsource_marks;

#endif
