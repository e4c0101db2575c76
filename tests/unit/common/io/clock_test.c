/* The two clocks have the units that they claim. */
#include "common/io/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static void the_wall_clock_counts_nanoseconds_since_1970(void **state)
{
    uint64_t before = (uint64_t)time(NULL);
    uint64_t seconds = clock_wall_ns() / 1000000000U;

    (void)state;
    /* Nobody promises that it did not jump meanwhile; a wrong unit is off by a thousand. */
    assert_in_range(seconds, before / 2, before * 2);
}

static void the_steady_clock_counts_milliseconds_and_never_goes_back(void **state)
{
    struct timespec boot;
    uint64_t last = clock_steady_ms();

    (void)state;
    assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &boot), 0);
    assert_true(last <= (uint64_t)boot.tv_sec * 1000 + 1000);
    assert_true(clock_steady_ms() >= (uint64_t)boot.tv_sec * 1000);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t now = clock_steady_ms();

        assert_true(now >= last);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wall_clock_counts_nanoseconds_since_1970),
        cmocka_unit_test(the_steady_clock_counts_milliseconds_and_never_goes_back),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
