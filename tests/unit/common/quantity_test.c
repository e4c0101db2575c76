/* Sizes and durations, as they are written in options. */
#include "common/quantity.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S 1000000000ULL

static void sizes_are_in_units_of_1024(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } sizes[] = {
        { "0", 0 },           { "4096", 4096 },    { "10b", 10 },          { "1k", 1024 },
        { "64m", 64 << 20 },  { "64M", 64 << 20 }, { "1.5g", 3ULL << 29 }, { "2GiB", 2ULL << 30 },
        { "1t", 1ULL << 40 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        uint64_t bytes = 7;

        assert_int_equal(quantity_parse_bytes(sizes[i].text, &bytes, NULL), 0);
        assert_true(bytes == sizes[i].bytes);
    }
}

static void what_is_no_size_is_refused(void **state)
{
    static const char *const wrong[] = { "",    "m",   "-1",  "1x",    "0x10",
                                         "1 m", "inf", "1e3", "1..5m", "99999999999t" };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        uint64_t bytes = 7;

        assert_true(quantity_parse_bytes(wrong[i], &bytes, NULL) < 0);
        assert_int_equal(bytes, 7);
    }
}

static void durations_add_up(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } durations[] = {
        { "10", 10 * S },      { "90s", 90 * S }, { "1h30m", 5400 * S }, { "250ms", S / 4 },
        { "1.5s", 3 * S / 2 }, { "10us", 10000 }, { "5ns", 5 },          { "2d", 172800 * S },
    };
    static const char *const wrong[] = { "", "s", "-5s", "5x", "5s5", "m5" };
    uint64_t ns = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(durations) / sizeof(*durations); i++) {
        assert_int_equal(quantity_parse_duration(durations[i].text, &ns, NULL), 0);
        assert_true(ns == durations[i].ns);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_int_equal(quantity_parse_duration(wrong[i], &ns, NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_in_units_of_1024),
        cmocka_unit_test(what_is_no_size_is_refused),
        cmocka_unit_test(durations_add_up),
    };

    return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
