/* What is told of a host's clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/core/clock_watch.h"

#define HOUR_MS INT64_C(3600000)

static void a_clock_that_is_right_is_not_worth_a_word(void **unused)
{
    struct clock_watch watch = { 0 };

    (void)unused;
    for (uint64_t now = 0; now < 1000; now++)
        assert_false(clock_watch_hear(&watch, (int64_t)(now % 2 * 4000) - 2000, now * 20000));
}

static void a_clock_that_is_off_is_told_of_once_and_when_it_is_right(void **unused)
{
    struct clock_watch watch = { 0 };
    unsigned told = 0;

    (void)unused;
    assert_false(clock_watch_hear(&watch, -HOUR_MS, 0));
    assert_true(clock_watch_hear(&watch, -HOUR_MS, 20000));
    assert_int_equal(watch.told_ms, -HOUR_MS);
    for (uint64_t now = 2; now < 1000; now++)
        told += clock_watch_hear(&watch, -HOUR_MS + 100, now * 20000);
    assert_int_equal(told, 0);
    assert_false(clock_watch_hear(&watch, 10, 1000 * 20000));
    assert_true(clock_watch_hear(&watch, 20, 1001 * 20000));
    assert_int_equal(watch.told_ms, 0);
}

static void a_word_that_was_long_under_way_is_not_believed(void **unused)
{
    struct clock_watch watch = { 0 };

    (void)unused;
    for (uint64_t now = 0; now < 1000; now++)
        assert_false(clock_watch_hear(&watch, now % 3 == 0 ? -30000 : 0, now * 20000));
}

static void a_clock_that_jumps_all_the_time_is_told_of_once_a_minute(void **unused)
{
    struct clock_watch watch = { 0 };
    unsigned told = 0;

    (void)unused;
    for (int64_t now = 0; now < 3600; now++) /* twice the same, then another */
        told += clock_watch_hear(&watch, now / 2 * HOUR_MS, (uint64_t)now * 1000);
    assert_in_range(told, 2, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_is_right_is_not_worth_a_word),
        cmocka_unit_test(a_clock_that_is_off_is_told_of_once_and_when_it_is_right),
        cmocka_unit_test(a_word_that_was_long_under_way_is_not_believed),
        cmocka_unit_test(a_clock_that_jumps_all_the_time_is_told_of_once_a_minute),
    };

    return cmocka_run_group_tests_name("clock_watch", tests, NULL, NULL);
}
