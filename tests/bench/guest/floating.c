/* SPDX-License-Identifier: MIT */
/*
 * floating.c - benchmark programs of scalar floating point: SSE2's double precision, and the x87's extended
 *
 * Only operations that IEEE 754 rounds correctly, in the order of the source: every CPU gives the same bits.
 */
#include "tasks.h"

#include <string.h>

static uint64_t bits_of(double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof(bits));
    return bits;
}

/* Matrices multiplied n times. */
uint64_t task_floating(unsigned n)
{
    enum { N = 96 };
    static double a[N][N], b[N][N], c[N][N];

    memset(c, 0, sizeof(c));
    for (unsigned i = 0; i < N * N; i++) {
        a[i / N][i % N] = 1.0 / (i + 1);
        b[i / N][i % N] = i * 0.5;
    }
    for (unsigned round = 0; round < n; round++) {
        for (unsigned i = 0; i < N; i++) {
            for (unsigned j = 0; j < N; j++) {
                double sum = 0;

                for (unsigned k = 0; k < N; k++)
                    sum += a[i][k] * b[k][j];
                c[i][j] += sum;
            }
        }
    }
    return bits_of(c[3][5]) ^ bits_of(c[95][94]);
}

/* ---- planets: divisions and square roots --------------------------------------------------------- */

enum { PLANETS = 6 };

struct planet {
    double at[3], speed[3], mass;
};

static void pull(struct planet *a, struct planet *b, double span)
{
    double d[3], square = 0.01, pull;

    for (unsigned k = 0; k < 3; k++) {
        d[k] = a->at[k] - b->at[k];
        square += d[k] * d[k];
    }
    pull = span / (square * __builtin_sqrt(square));
    for (unsigned k = 0; k < 3; k++) {
        a->speed[k] -= d[k] * (b->mass * pull);
        b->speed[k] += d[k] * (a->mass * pull);
    }
}

/* Six bodies that attract one another, n steps. */
uint64_t task_planets(unsigned n)
{
    struct planet p[PLANETS];
    uint64_t value = HASH_BEGIN;

    for (unsigned i = 0; i < PLANETS; i++) {
        p[i] = (struct planet){ .at = { i * 1.5, i * i * 0.25, 4.0 - i },
                                .speed = { 0.5 - i * 0.125, 0.25, i * 0.0625 },
                                .mass = 1.0 / (i + 1) };
    }
    for (unsigned step = 0; step < n; step++) {
        for (unsigned i = 0; i < PLANETS; i++) {
            for (unsigned j = i + 1; j < PLANETS; j++)
                pull(&p[i], &p[j], 0.001);
        }
        for (unsigned i = 0; i < PLANETS; i++) {
            for (unsigned k = 0; k < 3; k++)
                p[i].at[k] += 0.001 * p[i].speed[k];
        }
    }
    for (unsigned i = 0; i < PLANETS; i++)
        value = hash_bytes(value, p[i].at, sizeof(p[i].at));
    return value;
}

/* The steps of all points of a grid of n by n until they leave, 200 at most. */
uint64_t task_mandelbrot(unsigned n)
{
    uint64_t sum = 0;

    for (unsigned row = 0; row < n; row++) {
        for (unsigned column = 0; column < n; column++) {
            double cx = -2.0 + 2.5 * column / n, cy = -1.25 + 2.5 * row / n, x = 0, y = 0;
            unsigned steps = 0;

            while (steps < 200 && x * x + y * y < 4.0) {
                double next = x * x - y * y + cx;

                y = 2.0 * x * y + cy;
                x = next;
                steps++;
            }
            sum += steps;
        }
    }
    return sum;
}

/* The x87: the sum of 1 / k^2 for k from n down to 1, and of a fraction that follows from it; times 2^56. */
uint64_t task_extended(unsigned n)
{
    long double sum = 0, folded = 1;

    for (unsigned k = n; k > 0; k--) {
        long double d = k;

        sum += 1 / (d * d);
        folded = 1 + 1 / (folded + 1); /* goes to the square root of 2 */
    }
    return (uint64_t)(sum * 0x1p56L) + (uint64_t)(folded * 0x1p56L);
}
