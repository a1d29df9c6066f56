/* SPDX-License-Identifier: MIT */
/*
 * locking.c - benchmark programs of atomic instructions, and of locks made of them
 *
 * With one CPU nobody else writes the words: a software CPU may do without what makes them atomic.
 */
#include "tasks.h"

#include <pthread.h>

uint64_t task_atomics(unsigned n)
{
    uint64_t words[64] = { 0 }, last = 0;

    for (unsigned i = 0; i < n; i++) {
        uint64_t old = __atomic_fetch_add(&words[i % 64], i, __ATOMIC_SEQ_CST);

        __atomic_compare_exchange_n(&words[(i + 7) % 64], &old, old + 1, 0, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        last = __atomic_exchange_n(&words[(i + 13) % 64], last, __ATOMIC_SEQ_CST);
        __atomic_or_fetch(&words[(i + 29) % 64], 1, __ATOMIC_SEQ_CST);
    }
    return last;
}

/* ---- a list that several threads share ----------------------------------------------------------- */

enum { THREADS = 3, SLOTS = 256 };

struct account {
    pthread_mutex_t lock;
    int64_t balance;
};

struct bank {
    struct account account[SLOTS];
    unsigned transfers; /* of each thread */
};

static void transfer(struct account *from, struct account *to, int64_t sum)
{
    struct account *first = from < to ? from : to, *second = from < to ? to : from;

    if (from == to)
        return;
    pthread_mutex_lock(&first->lock);
    pthread_mutex_lock(&second->lock);
    from->balance -= sum;
    to->balance += sum;
    pthread_mutex_unlock(&second->lock);
    pthread_mutex_unlock(&first->lock);
}

static void *teller(void *arg)
{
    struct bank *bank = arg;
    uint64_t x = RANDOM_SEED;

    for (unsigned i = 0; i < bank->transfers; i++) {
        uint64_t r = random_next(&x);

        transfer(&bank->account[r >> 32 & (SLOTS - 1)], &bank->account[r >> 48 & (SLOTS - 1)],
                 (int64_t)(r >> 40 & 0xff));
    }
    return NULL;
}

/* n transfers by each of three threads; all do the same ones, so the balances do not depend on their order. */
uint64_t task_locks(unsigned n)
{
    static struct bank bank;
    pthread_t thread[THREADS];
    uint64_t value = HASH_BEGIN;

    bank.transfers = n;
    for (unsigned i = 0; i < SLOTS; i++) {
        pthread_mutex_init(&bank.account[i].lock, NULL);
        bank.account[i].balance = 0;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        if (pthread_create(&thread[i], NULL, teller, &bank) != 0)
            task_fail("pthread_create");
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    for (unsigned i = 0; i < SLOTS; i++)
        value = hash_bytes(value, &bank.account[i].balance, sizeof(bank.account[i].balance));
    return value;
}
