/* Who goes with whom, and in what order. */
#include "ops/console/depend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT 5

enum { ALONE, APP, DB, LOOP, WEB }; /* rows are in order of ids */

static char id_alone[] = "alone";
static char id_app[] = "app";
static char id_db[] = "db";
static char id_loop[] = "loop";
static char id_web[] = "web";
static char id_gone[] = "gone";

static char *needs_db[] = { id_db, id_gone };
static char *needs_app[] = { id_app, id_db };
static char *needs_itself[] = { id_loop };

static struct container_config nothing;
static struct container_config app = { .requires = { .items = needs_db, .count = 2 } };
static struct container_config web = { .requires = { .items = needs_app, .count = 2 } };
static struct container_config ring = { .requires = { .items = needs_itself, .count = 1 } };

static struct container_row items[COUNT] = {
    { .id = id_alone, .config = NULL },  { .id = id_app, .config = &app },
    { .id = id_db, .config = &nothing }, { .id = id_loop, .config = &ring },
    { .id = id_web, .config = &web },
};

static const struct container_rows rows = { .items = items, .count = COUNT };

static void dependants_of_dependants_are_added_and_nobody_else(void **state)
{
    bool chosen[COUNT] = { [DB] = true };

    (void)state;
    depend_add_dependants(&rows, chosen);
    assert_true(chosen[DB] && chosen[APP] && chosen[WEB]);
    assert_false(chosen[ALONE] || chosen[LOOP]);
}

static void what_is_required_stands_first_or_last(void **state)
{
    const bool chosen[COUNT] = { [ALONE] = true, [APP] = true, [DB] = true, [WEB] = true };
    uint32_t ranks[COUNT];

    (void)state;
    assert_int_equal(depend_rank(&rows, chosen, DEPEND_REQUIRED_FIRST, ranks), 3);
    assert_int_equal(ranks[DB], 0);
    assert_int_equal(ranks[APP], 1);
    assert_int_equal(ranks[WEB], 2);
    assert_int_equal(ranks[ALONE], 0);
    assert_int_equal(depend_rank(&rows, chosen, DEPEND_DEPENDANTS_FIRST, ranks), 3);
    assert_int_equal(ranks[WEB], 0);
    assert_int_equal(ranks[APP], 1);
    assert_int_equal(ranks[DB], 2);
}

static void who_is_not_chosen_has_no_say(void **state)
{
    const bool chosen[COUNT] = { [APP] = true, [ALONE] = true };
    uint32_t ranks[COUNT];

    (void)state;
    assert_int_equal(depend_rank(&rows, chosen, DEPEND_DEPENDANTS_FIRST, ranks), 1);
    assert_int_equal(ranks[APP], 0);
}

static void without_an_order_all_have_one_rank(void **state)
{
    const bool chosen[COUNT] = { [APP] = true, [DB] = true };
    uint32_t ranks[COUNT];

    (void)state;
    assert_int_equal(depend_rank(&rows, chosen, DEPEND_NO_ORDER, ranks), 1);
    assert_int_equal(ranks[APP], 0);
    assert_int_equal(ranks[DB], 0);
}

static void a_ring_comes_to_an_end(void **state)
{
    const bool chosen[COUNT] = { [LOOP] = true };
    uint32_t ranks[COUNT];

    (void)state;
    assert_true(depend_rank(&rows, chosen, DEPEND_REQUIRED_FIRST, ranks) <= COUNT + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dependants_of_dependants_are_added_and_nobody_else),
        cmocka_unit_test(what_is_required_stands_first_or_last),
        cmocka_unit_test(who_is_not_chosen_has_no_say),
        cmocka_unit_test(without_an_order_all_have_one_rank),
        cmocka_unit_test(a_ring_comes_to_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
