/* SPDX-License-Identifier: MIT */
/* bench.c - summaries of samples, and printing them. */
#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t bench_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void series_init(struct series *s, const char *name, size_t max)
{
    *s = (struct series){ .name = name, .v = calloc(max, sizeof(*s->v)), .max = max };
    if (s->v == NULL)
        bench_die("out of memory");
}

void series_fini(struct series *s)
{
    free(s->v);
    *s = (struct series){ 0 };
}

void series_add(struct series *s, double v)
{
    if (s->n < s->max)
        s->v[s->n++] = v;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* A sorted copy, so that neighbours of two series still belong together. */
static double *sorted(const struct series *s)
{
    double *v = malloc((s->n + 1) * sizeof(*v));

    if (v == NULL)
        bench_die("out of memory");
    memcpy(v, s->v, s->n * sizeof(*v));
    qsort(v, s->n, sizeof(*v), by_value);
    return v;
}

static double middle(const double *v, size_t n)
{
    if (n == 0)
        return 0;
    return n % 2 != 0 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

double series_median(const struct series *s)
{
    double *v = sorted(s);
    double median = middle(v, s->n);

    free(v);
    return median;
}

void json_series(const struct series *s, bool last)
{
    double *v = sorted(s);

    printf("\"%s\": {\"n\": %zu, \"min\": %.3f, \"median\": %.3f, \"max\": %.3f}%s\n", s->name,
           s->n, s->n > 0 ? v[0] : 0, middle(v, s->n), s->n > 0 ? v[s->n - 1] : 0, last ? "" : ",");
    free(v);
}

void json_ratio(const char *name, const struct series *a, const struct series *b, bool last)
{
    struct series r;
    double *v;

    series_init(&r, name, a->n);
    for (size_t i = 0; i < a->n && i < b->n; i++)
        series_add(&r, a->v[i] / b->v[i]);
    v = sorted(&r);
    printf("\"%s\": {\"n\": %zu, \"min\": %.5f, \"median\": %.5f, \"max\": %.5f}%s\n", name, r.n,
           v[0], series_median(a) / series_median(b), v[r.n - 1], last ? "" : ",");
    free(v);
    series_fini(&r);
}

void bench_cannot_run(const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    for (char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\' || *c < ' ')
            *c = '\'';
    }
    printf("{\"cannot_run\": \"%s\"}\n", text);
    exit(0);
}

void bench_die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fprintf(stderr, "bench: ");
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

unsigned long bench_arg(int argc, char **argv, int i, unsigned long otherwise)
{
    return argc > i ? strtoul(argv[i], NULL, 0) : otherwise;
}
