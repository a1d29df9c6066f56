/* SPDX-License-Identifier: MIT */
/* trace_rig.h - events made by hand and a sink that can fail, for the tests of traces */
#ifndef TESTS_TRACE_RIG_H
#define TESTS_TRACE_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/bits.h"
#include "base/text.h"
#include "inspect/inspect_cpu.h"

enum { FORMATS = 4 };

/* Takes bytes; fails every `every`-th call (0: never), keeping none of them or, if torn, half. */
struct sink {
    struct text text;
    unsigned calls, every;
    bool torn;
};

bool sink_write(void *ctx, const char *bytes, size_t len);
struct vitro_trace *start(enum vitro_trace_format format, struct sink *sink);

struct vitro_event call(const char *object, const char *name, const char *meaning, int64_t result,
                        uint64_t ns);
struct vitro_event run_call(uint64_t ns);
struct vitro_event pio_out(char byte);
/* The events of hello in short: set-up, a string byte by byte, other kinds of exit, the end. */
size_t small_run(struct vitro_event *ev);
/* All these events through a trace of that format, ended. */
char *traced(enum vitro_trace_format format, const struct vitro_event *ev, size_t n,
             struct sink *sink);

/* Slices of each track follow one another; nothing is negative; every track that is used has a name. */
void assert_tracks(const json_t *doc);
/* A JSON document, or the test fails. */
json_t *parsed(const char *text);

#endif
