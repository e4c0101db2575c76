/* A clock that was set, and one that only runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock_step.h"

#define YEAR_2026_NS UINT64_C(1767225600000000000)
#define MS_NS        UINT64_C(1000000)
#define DAY_MS       INT64_C(86400000)

static void time_that_passes_is_no_step(void **unused)
{
    struct clock_step step = { 0 };
    int64_t by_ms = 1;

    (void)unused;
    for (uint64_t ms = 0; ms < 1000000000; ms += 12345678) /* with a drift of one in 10,000 */
        assert_false(
            clock_step_look(&step, YEAR_2026_NS + (ms + ms / 10000) * MS_NS, 77 + ms, &by_ms));
    assert_int_equal(by_ms, 1);
}

static void a_step_is_told_once_either_way(void **unused)
{
    struct clock_step step = { 0 };
    int64_t by_ms = 0;

    (void)unused;
    assert_false(clock_step_look(&step, YEAR_2026_NS, 1000, &by_ms));
    assert_true(clock_step_look(&step, YEAR_2026_NS + (uint64_t)DAY_MS * MS_NS, 1000, &by_ms));
    assert_int_equal(by_ms, DAY_MS);
    assert_false(clock_step_look(&step, YEAR_2026_NS + (uint64_t)DAY_MS * MS_NS, 1000, &by_ms));
    assert_true(clock_step_look(&step, YEAR_2026_NS, 1000, &by_ms));
    assert_int_equal(by_ms, -DAY_MS);
    assert_true(clock_step_look(&step, 0, 1000, &by_ms)); /* a clock that has lost its battery */
    assert_int_equal(by_ms, -(int64_t)(YEAR_2026_NS / MS_NS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_that_passes_is_no_step),
        cmocka_unit_test(a_step_is_told_once_either_way),
    };

    return cmocka_run_group_tests_name("clock_step", tests, NULL, NULL);
}
