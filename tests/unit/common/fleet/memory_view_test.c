/* A view in memory keeps rows, in order, and lends what it keeps. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/fleet/memory_view.h"

#define ROWS 2000

static int setup(void **state)
{
    *state = memory_view_new();
    return 0;
}

static int teardown(void **state)
{
    memory_view_destroy(*state);
    return 0;
}

static const struct view *view_of(void **state)
{
    return memory_view_view(*state);
}

static void put(const struct view *view, struct bytes key, const char *value)
{
    assert_int_equal(view->functions->put(view->store, VIEW_NAMES, key, bytes_of_text(value), NULL),
                     0);
}

static void assert_value(const struct view *view, const char *key, const char *value)
{
    struct bytes found;

    assert_int_equal(view->functions->get(view->store, VIEW_NAMES, bytes_of_text(key), &found), 0);
    assert_true(bytes_equal(found, bytes_of_text(value)));
}

static void a_row_is_found_replaced_and_removed(void **state)
{
    const struct view *view = view_of(state);
    struct bytes found;

    put(view, bytes_of_text("k"), "one");
    assert_value(view, "k", "one");
    put(view, bytes_of_text("k"), "");
    assert_value(view, "k", "");
    put(view, bytes_of_text("k"), "three");
    assert_value(view, "k", "three");
    assert_int_equal(view->functions->remove(view->store, VIEW_NAMES, bytes_of_text("k"), NULL), 0);
    assert_int_equal(view->functions->get(view->store, VIEW_NAMES, bytes_of_text("k"), &found),
                     -ENOENT);
    assert_int_equal(view->functions->remove(view->store, VIEW_NAMES, bytes_of_text("k"), NULL),
                     -ENOENT);
}

static void a_row_can_be_put_back_from_what_was_lent(void **state)
{
    const struct view *view = view_of(state);
    struct bytes lent;

    put(view, bytes_of_text("k"), "value");
    assert_int_equal(view->functions->get(view->store, VIEW_NAMES, bytes_of_text("k"), &lent), 0);
    assert_int_equal(view->functions->put(view->store, VIEW_NAMES, bytes_of_text("k"), lent, NULL),
                     0);
    assert_value(view, "k", "value");
}

static void tables_do_not_mix(void **state)
{
    const struct view *view = view_of(state);
    struct bytes found;

    put(view, bytes_of_text("k"), "name");
    assert_int_equal(view->functions->get(view->store, VIEW_HOSTS, bytes_of_text("k"), &found),
                     -ENOENT);
}

struct visits {
    uint32_t numbers[ROWS];
    size_t count;
    size_t stop_after;
};

static int visit(void *owner, struct bytes key, struct bytes value)
{
    struct visits *visits = owner;

    (void)value;
    visits->numbers[visits->count] = (uint32_t)key.data[0] << 8 | key.data[1];
    return ++visits->count == visits->stop_after ? 1 : 0;
}

/* Two bytes, so that their order is the numbers'. */
static void fill(const struct view *view)
{
    for (unsigned i = 0; i < ROWS; i++) {
        unsigned number = i * 769 % ROWS; /* all of them, not in order */
        uint8_t key[] = { (uint8_t)(number >> 8), (uint8_t)number };

        put(view, (struct bytes){ .data = key, .size = sizeof(key) }, "x");
    }
}

static void a_walk_is_in_order(void **state)
{
    const struct view *view = view_of(state);
    struct visits visits = { 0 };

    fill(view);
    assert_int_equal(
        view->functions->walk(view->store, VIEW_NAMES, (struct bytes){ 0 }, visit, &visits, NULL),
        0);
    assert_int_equal(visits.count, ROWS);
    for (unsigned i = 0; i < ROWS; i++)
        assert_int_equal(visits.numbers[i], i);
}

static void a_walk_begins_anywhere_and_stops_when_told(void **state)
{
    const struct view *view = view_of(state);
    static const uint8_t from[] = { 2, 0x10, 0 }; /* just after 0x210 */
    struct visits visits = { .stop_after = 3 };

    fill(view);
    assert_int_equal(view->functions->walk(view->store, VIEW_NAMES,
                                           (struct bytes){ .data = from, .size = sizeof(from) },
                                           visit, &visits, NULL),
                     0);
    assert_int_equal(visits.count, 3);
    assert_int_equal(visits.numbers[0], 0x211);
    assert_int_equal(visits.numbers[2], 0x213);
}

static void removing_every_other_row_leaves_the_rest_in_order(void **state)
{
    const struct view *view = view_of(state);
    struct visits visits = { 0 };

    fill(view);
    for (unsigned i = 0; i < ROWS; i += 2) {
        uint8_t key[] = { (uint8_t)(i >> 8), (uint8_t)i };

        assert_int_equal(view->functions->remove(view->store, VIEW_NAMES,
                                                 (struct bytes){ .data = key, .size = sizeof(key) },
                                                 NULL),
                         0);
    }
    assert_int_equal(
        view->functions->walk(view->store, VIEW_NAMES, (struct bytes){ 0 }, visit, &visits, NULL),
        0);
    assert_int_equal(visits.count, ROWS / 2);
    for (unsigned i = 0; i < ROWS / 2; i++)
        assert_int_equal(visits.numbers[i], 2 * i + 1);
}

#define with_view(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_view(a_row_is_found_replaced_and_removed),
        with_view(a_row_can_be_put_back_from_what_was_lent),
        with_view(tables_do_not_mix),
        with_view(a_walk_is_in_order),
        with_view(a_walk_begins_anywhere_and_stops_when_told),
        with_view(removing_every_other_row_leaves_the_rest_in_order),
    };
    return cmocka_run_group_tests_name("memory_view", tests, NULL, NULL);
}
