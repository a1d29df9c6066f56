/* SPDX-License-Identifier: MIT */
/* recorder.c - writes a trace; a full disk costs events, never the guest. */
#include "recorder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct recorder {
    FILE *file;
    const char *path;
    struct vitro_trace *trace;
    int error; /* errno of the first failed write */
};

/* stdio buffers, so a failure shows late: what counts as stored is what was handed over. */
static bool write_file(void *ctx, const char *bytes, size_t len)
{
    struct recorder *r = ctx;

    if (fwrite(bytes, 1, len, r->file) == len)
        return true;
    if (r->error == 0)
        r->error = errno;
    clearerr(r->file);
    return false;
}

void recorder_event(struct recorder *r, const struct vitro_event *ev)
{
    vitro_trace_event(r->trace, ev);
}

static void on_event(void *ctx, const struct vitro_event *ev)
{
    recorder_event(ctx, ev);
}

int recorder_open(const char *path, enum vitro_trace_format format, struct options *o,
                  struct recorder **out)
{
    struct recorder *r = calloc(1, sizeof(*r));
    struct vitro_err err = { 0 };

    *out = NULL;
    if (r == NULL)
        return fail_err(&(struct vitro_err){ .code = -ENOMEM, .text = "trace: out of memory" });
    r->path = path == NULL || strcmp(path, "-") == 0 ? "standard output" : path;
    r->file = r->path != path ? stdout : fopen(path, "we");
    if (r->file == NULL) {
        fprintf(stderr, "vitro: creating trace file %s: %s\n", path, strerror(errno));
        free(r);
        return EXIT_HOST;
    }
    if (vitro_trace_new(format, write_file, r, &r->trace, &err) < 0) {
        recorder_close(r, EXIT_HOST);
        return fail_err(&err);
    }
    o->machine.event = on_event;
    o->machine.event_ctx = r;
    *out = r;
    return EXIT_OK;
}

int recorder_close(struct recorder *r, int code)
{
    uint64_t dropped = 0;

    if (r == NULL)
        return code;
    if (r->trace != NULL)
        dropped = vitro_trace_end(r->trace);
    if ((r->file == stdout ? fflush(stdout) : fclose(r->file)) == EOF && r->error == 0)
        r->error = errno;
    if (r->error != 0 || dropped != 0) {
        fprintf(stderr, "vitro: writing the trace to %s: %s: events are lost", r->path,
                r->error != 0 ? strerror(r->error) : "refused");
        if (dropped != 0) /* what stdio lost later is not in the count */
            fprintf(stderr, " (at least %" PRIu64 ")", dropped);
        fputc('\n', stderr);
        if (code == EXIT_OK)
            code = EXIT_HOST;
    }
    free(r);
    return code;
}
