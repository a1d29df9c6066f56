/* SPDX-License-Identifier: MIT */
/* test_trans_pages.c - the table of checked pages: what is read and what is written at one index */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/soft/mmu.h"
#include "engine/soft/trans/block.h"
#include "trans_rig.h"

#define LINEAR UINT64_C(0x10005000)
#define OTHER  (LINEAR + (UINT64_C(1) << 32)) /* at the same index */

struct world {
    struct rig rig;
    struct trans *t;
    struct soft_tlb_entry one, other;
};

static void world_open(struct world *w)
{
    struct soft_cpu *c = trans_rig_open(&w->rig);

    assert_int_equal(trans_new(c, &(struct trans_config){ .cache_len = 1 << 20 }, &w->t, NULL), 0);
    c->trans = w->t;
    w->one = (struct soft_tlb_entry){ .host = w->rig.ram };
    w->other = (struct soft_tlb_entry){ .host = w->rig.ram + 4096 };
}

static void world_close(struct world *w)
{
    trans_free(w->t);
    trans_rig_close(&w->rig);
}

/* Where an access of this kind would go; NULL: it would leave. */
static const uint8_t *place(const struct world *w, enum trans_access how, uint64_t linear)
{
    const struct trans_pages *p = &w->t->frame->tlb[w->rig.c->bank];
    uint32_t index = (uint32_t)linear >> 12;

    if (linear + p->ntag[how][index] >= 4096)
        return NULL;
    assert_ptr_equal((const void *)(uintptr_t)(linear + p->distance[index]),
                     p->host[index] + linear % 4096);
    return p->host[index] + linear % 4096;
}

static void test_kinds(void **state)
{
    struct world w;

    (void)state;
    world_open(&w);
    assert_null(place(&w, TRANS_READ, LINEAR));
    assert_true(trans_page_fill(w.t, LINEAR + 8, TRANS_READ, &w.one));
    assert_ptr_equal(place(&w, TRANS_READ, LINEAR + 8), w.one.host + 8);
    assert_null(place(&w, TRANS_WRITE, LINEAR));
    assert_true(trans_page_fill(w.t, LINEAR, TRANS_WRITE, &w.one));
    assert_ptr_equal(place(&w, TRANS_READ, LINEAR), w.one.host);
    assert_ptr_equal(place(&w, TRANS_WRITE, LINEAR), w.one.host);
    assert_false(trans_page_fill(w.t, LINEAR, TRANS_READ, &w.one));
    world_close(&w);
}

/* One place for both kinds: nothing of the page that was there before. */
static void test_another_page(void **state)
{
    struct world w;

    (void)state;
    world_open(&w);
    trans_page_fill(w.t, LINEAR, TRANS_READ, &w.one);
    trans_page_fill(w.t, OTHER, TRANS_WRITE, &w.other);
    assert_null(place(&w, TRANS_READ, LINEAR));
    assert_null(place(&w, TRANS_READ, OTHER));
    assert_ptr_equal(place(&w, TRANS_WRITE, OTHER), w.other.host);
    trans_page_fill(w.t, OTHER, TRANS_READ, &w.one); /* it has moved */
    assert_null(place(&w, TRANS_WRITE, OTHER));
    assert_ptr_equal(place(&w, TRANS_READ, OTHER), w.one.host);
    world_close(&w);
}

static void test_freed(void **state)
{
    struct world w;

    (void)state;
    world_open(&w);
    trans_page_fill(w.t, LINEAR, TRANS_READ, &w.one);
    trans_page_fill(w.t, LINEAR, TRANS_WRITE, &w.one);
    trans_pages_strip(w.t, w.other.host);
    assert_non_null(place(&w, TRANS_WRITE, LINEAR));
    trans_pages_strip(w.t, w.one.host);
    assert_null(place(&w, TRANS_WRITE, LINEAR));
    assert_ptr_equal(place(&w, TRANS_READ, LINEAR), w.one.host);
    assert_true(trans_page_fill(w.t, LINEAR, TRANS_WRITE, &w.one));
    trans_pages_free(w.t);
    assert_null(place(&w, TRANS_READ, LINEAR));
    assert_null(place(&w, TRANS_WRITE, LINEAR));
    world_close(&w);
}

/* What is in use is noted once, however often it is filled: a list has room for each entry. */
static void test_noted_once(void **state)
{
    struct world w;

    (void)state;
    world_open(&w);
    for (unsigned i = 0; i < 3; i++) {
        trans_page_fill(w.t, LINEAR, TRANS_READ, &w.one);
        trans_page_fill(w.t, OTHER, TRANS_READ, &w.other);
    }
    assert_int_equal(w.t->used[TABLE_PAGES][0].n, 1);
    trans_pages_free(w.t);
    assert_int_equal(w.t->used[TABLE_PAGES][0].n, 0);
    trans_page_fill(w.t, LINEAR, TRANS_READ, &w.one);
    assert_int_equal(w.t->used[TABLE_PAGES][0].n, 1);
    world_close(&w);
}

/* Index 0 is where the address 0 looks. */
static void test_first(void **state)
{
    struct world w;

    (void)state;
    world_open(&w);
    assert_null(place(&w, TRANS_READ, 8));
    trans_page_fill(w.t, UINT64_C(1) << 32, TRANS_READ, &w.one);
    assert_null(place(&w, TRANS_READ, 8));
    assert_null(place(&w, TRANS_WRITE, 8));
    trans_page_fill(w.t, 0, TRANS_READ, &w.one);
    assert_ptr_equal(place(&w, TRANS_READ, 8), w.one.host + 8);
    trans_pages_free(w.t);
    assert_null(place(&w, TRANS_READ, 8));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),      cmocka_unit_test(test_another_page),
        cmocka_unit_test(test_freed),      cmocka_unit_test(test_first),
        cmocka_unit_test(test_noted_once),
    };

    return cmocka_run_group_tests_name("soft/trans pages", tests, NULL, NULL);
}
