/* SPDX-License-Identifier: MIT */
/*
 * database.c - a benchmark program of SQLite, from Debian's libsqlite3-dev: insert, index, update, join, group
 */
#include "tasks.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

static void run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        task_fail(sqlite3_errmsg(db));
}

static void fill(sqlite3 *db, unsigned n)
{
    sqlite3_stmt *insert;
    uint64_t x = RANDOM_SEED;

    run(db, "CREATE TABLE sale (id INTEGER PRIMARY KEY, client INTEGER, cents INTEGER, note TEXT);"
            "CREATE TABLE client (id INTEGER PRIMARY KEY, region INTEGER); BEGIN");
    if (sqlite3_prepare_v2(db, "INSERT INTO sale VALUES (?1, ?2, ?3, 'sale ' || ?1)", -1, &insert,
                           NULL) != SQLITE_OK)
        task_fail(sqlite3_errmsg(db));
    for (unsigned i = 0; i < n; i++) {
        sqlite3_bind_int(insert, 1, (int)i);
        sqlite3_bind_int(insert, 2, (int)((random_next(&x) >> 20) % 500));
        sqlite3_bind_int(insert, 3, (int)((random_next(&x) >> 20) % 10000));
        if (sqlite3_step(insert) != SQLITE_DONE)
            task_fail(sqlite3_errmsg(db));
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    run(db, "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 499)"
            "INSERT INTO client SELECT i, i % 7 FROM c; COMMIT;"
            "CREATE INDEX by_client ON sale (client)");
}

static uint64_t ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *select;
    uint64_t sum = 0;

    if (sqlite3_prepare_v2(db, sql, -1, &select, NULL) != SQLITE_OK)
        task_fail(sqlite3_errmsg(db));
    for (unsigned row = 1; sqlite3_step(select) == SQLITE_ROW; row++)
        sum += row * (uint64_t)sqlite3_column_int64(select, 0);
    sqlite3_finalize(select);
    return sum;
}

/* A table of n rows in memory; rank times answer over the rows of three queries. */
uint64_t task_sqlite(unsigned n)
{
    sqlite3 *db;
    uint64_t value;

    if (sqlite3_open(":memory:", &db) != SQLITE_OK)
        task_fail("sqlite3_open");
    fill(db, n);
    run(db, "UPDATE sale SET cents = cents + 1 WHERE client % 3 = 0");
    value = ask(db, "SELECT sum(cents) FROM sale JOIN client ON client.id = sale.client "
                    "GROUP BY region ORDER BY region");
    value += ask(db, "SELECT max(cents) FROM sale GROUP BY client ORDER BY client");
    value +=
        ask(db, "SELECT count(*) FROM sale WHERE note LIKE '%7%' AND cents BETWEEN 100 AND 5000");
    sqlite3_close(db);
    return value;
}
