/* SPDX-License-Identifier: MIT */
/*
 * flow.c - benchmark programs of control: recursion, an interpreter of bytecode, callbacks, a parser
 */
#include "tasks.h"

#include <stdlib.h>
#include <string.h>

static __attribute__((noinline)) unsigned fibonacci(unsigned n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

uint64_t task_calls(unsigned n)
{
    return fibonacci(n);
}

/* ---- queens on a board: recursion with much in registers ----------------------------------------- */

static unsigned place_queens(unsigned all, unsigned columns, unsigned left, unsigned right)
{
    unsigned found = 0, free_ones = all & ~(columns | left | right);

    if (columns == all)
        return 1;
    while (free_ones != 0) {
        unsigned here = free_ones & -free_ones;

        free_ones ^= here;
        found += place_queens(all, columns | here, (left | here) << 1, (right | here) >> 1);
    }
    return found;
}

/* In how many ways n queens stand on a board of n by n. */
uint64_t task_queens(unsigned n)
{
    return place_queens((1u << n) - 1, 0, 0, 0);
}

/* ---- a stack machine of bytes -------------------------------------------------------------------- */

enum bytecode { PUSH, LOAD, STORE, ADD, MUL, SHIFT, AND, LESS, JUMP, JUMP_IF, HALT };

/* Collatz: variable 0 counts to variable 3, 1 is the number at hand, 2 the sum of steps. Jumps go to offsets. */
static const unsigned char collatz[] = {
    /*  0 */ PUSH, 1, STORE, 0,     PUSH, 0,       STORE, 2,
    /*  8 */ LOAD, 0, STORE, 1, /* the next number */
    /* 12 */ LOAD, 1, PUSH,  2,     LESS, JUMP_IF, 44,
    /* 19 */ LOAD, 2, PUSH,  1,     ADD,  STORE,   2,
    /* 26 */ LOAD, 1, PUSH,  1,     AND,  JUMP_IF, 56,
    /* 33 */ LOAD, 1, SHIFT, STORE, 1,    JUMP,    12,    0,    0,     0, 0,
    /* 44 */ LOAD, 0, PUSH,  1,     ADD,  STORE,   0,     JUMP, 68,    0, 0,    0,
    /* 56 */ LOAD, 1, PUSH,  3,     MUL,  PUSH,    1,     ADD,  STORE, 1, JUMP, 12,
    /* 68 */ LOAD, 3, LOAD,  0,     LESS, JUMP_IF, 77,    JUMP, 8,
    /* 77 */ HALT,
};

static __attribute__((noinline)) void interpret(const unsigned char *code, uint64_t *variable)
{
    uint64_t stack[16], *top = stack; /* above the topmost */

    for (const unsigned char *pc = code;;) {
        switch ((enum bytecode) * pc++) {
        case PUSH:
            *top++ = *pc++;
            break;
        case LOAD:
            *top++ = variable[*pc++];
            break;
        case STORE:
            variable[*pc++] = *--top;
            break;
        case ADD:
            top--;
            top[-1] += *top;
            break;
        case MUL:
            top--;
            top[-1] *= *top;
            break;
        case SHIFT:
            top[-1] >>= 1;
            break;
        case AND:
            top--;
            top[-1] &= *top;
            break;
        case LESS:
            top--;
            top[-1] = top[-1] < *top;
            break;
        case JUMP:
            pc = code + *pc;
            break;
        case JUMP_IF:
            pc = *--top != 0 ? code + *pc : pc + 1;
            break;
        case HALT:
            return;
        }
    }
}

/* The steps of all Collatz sequences that begin with 1 to n. */
uint64_t task_bytecode(unsigned n)
{
    uint64_t variable[4] = { [3] = n };

    interpret(collatz, variable);
    return variable[2];
}

/* ---- sorting with a function that compares -------------------------------------------------------- */

struct record {
    uint32_t key, number;
    uint64_t load;
};

static int by_key(const void *a, const void *b)
{
    const struct record *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Of n records in order the sum of rank times number, modulo 2^64. Keys repeat. */
uint64_t task_sorting(unsigned n)
{
    struct record *records = calloc(n, sizeof(*records));
    uint64_t x = RANDOM_SEED, sum = 0;

    for (unsigned i = 0; i < n; i++)
        records[i] = (struct record){ .key = (uint32_t)(random_next(&x) >> 46), .number = i };
    qsort(records, n, sizeof(*records), by_key);
    for (unsigned i = 0; i < n; i++)
        sum += (uint64_t)i * records[i].number;
    free(records);
    return sum;
}

/* ---- a parser by recursive descent ---------------------------------------------------------------- */

struct text {
    char *at, *end;
    uint64_t x;
};

static void write_expression(struct text *t, unsigned depth)
{
    uint64_t r = random_next(&t->x) >> 20;

    if (depth == 0 || t->end - t->at < 64) {
        *t->at++ = (char)('1' + r % 9);
        *t->at++ = (char)('0' + r / 16 % 10);
        return;
    }
    *t->at++ = '(';
    write_expression(t, depth - 1);
    *t->at++ = "+-*"[r % 3];
    write_expression(t, depth - 1);
    *t->at++ = ')';
}

static uint64_t read_sum(const char **at);

static uint64_t read_factor(const char **at)
{
    uint64_t value = 0;

    if (**at == '(') {
        (*at)++;
        value = read_sum(at);
        (*at)++;
        return value;
    }
    while (**at >= '0' && **at <= '9')
        value = 10 * value + (uint64_t)(*(*at)++ - '0');
    return value;
}

static uint64_t read_product(const char **at)
{
    uint64_t value = read_factor(at);

    while (**at == '*') {
        (*at)++;
        value *= read_factor(at);
    }
    return value;
}

static uint64_t read_sum(const char **at)
{
    uint64_t value = read_product(at);

    while (**at == '+' || **at == '-') {
        char sign = *(*at)++;
        uint64_t more = read_product(at);

        value = sign == '+' ? value + more : value - more;
    }
    return value;
}

/* Writes and reads n expressions; the sum of their values modulo 2^64. */
uint64_t task_parse(unsigned n)
{
    static char buffer[8192];
    struct text t = { .x = RANDOM_SEED };
    uint64_t sum = 0;

    for (unsigned i = 0; i < n; i++) {
        const char *at = buffer;

        t.at = buffer;
        t.end = buffer + sizeof(buffer);
        write_expression(&t, 9);
        *t.at = '\0';
        sum += read_sum(&at);
    }
    return sum;
}
