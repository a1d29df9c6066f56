/* SPDX-License-Identifier: MIT */
/*
 * spaces_rig.h - a machine over a stub engine whose registers the test sets, for the views' tests
 *
 * Two slots: RAM from 0, "high" (read only) from HIGH. Texts are compared with
 * tests/golden/spaces-*.txt, where host addresses stand as HOST: and an offset into guest memory, or
 * RUN: and one into the run area. VITRO_UPDATE_GOLDEN=1 writes those files anew.
 */
#ifndef TESTS_SPACES_RIG_H
#define TESTS_SPACES_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/bits.h"
#include "host/residency.h"
#include "inspect/inspect_spaces.h"
#include "x86/start.h"

#define P        BIT(0)
#define W        BIT(1)
#define U        BIT(2)
#define PS       BIT(7)
#define NX       BIT(63)
#define PWU      (P | W | U)
#define RAM_LEN  (4 * MIB)
#define RUN_LEN  (3 * 4096)
#define HIGH     (16 * MIB) /* of the second slot */
#define HIGH_LEN (64 * KIB)

struct rig {
    struct machine *m;
    struct x86_state state;
    uint8_t *ram; /* the first slot, then the second */
    uint8_t *run;
    struct symtab symbols;
    struct residency_look look;
    struct spaces s;
};

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* Anonymous zero pages of this process. */
uint8_t *map_host(size_t len);
/* A little-endian value in guest memory. */
void put(struct rig *r, uint64_t gpa, unsigned bytes, uint64_t v);
/* The base case's long-mode tables, as board/ lays them, without the board. */
void put_long_tables(struct rig *r);
int set_up(void **out);
int tear_down(void **state);
/* Takes text. */
void assert_golden(const struct rig *r, char *text, const char *name);
/* Takes text; fails the test unless it is a JSON document in ASCII. */
json_t *parsed(char *text);
uint64_t hex_of(const json_t *obj, const char *key);
uint64_t num_of(const json_t *obj, const char *key);
bool bool_of(const json_t *obj, const char *key);
bool null_of(const json_t *obj, const char *key);
size_t count_words(const char *text, const char *word);
/* Lies whole in readable and writable mappings of this process. */
bool is_ours(uint64_t host, uint64_t len);

#define assert_has(text, word)   assert_non_null(strstr(text, word))
#define assert_lacks(text, word) assert_null(strstr(text, word))

#endif
