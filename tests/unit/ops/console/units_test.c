/* Sizes, durations and times, read and written. */
#include "ops/console/units.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S 1000000000ULL

static void times_are_read_in_every_form(void **state)
{
    static const uint64_t moment = 1796054400 * S; /* 2026-11-30 16:00:00 UTC */
    static const struct {
        const char *text;
        uint64_t ns;
    } times[] = {
        { "1796054400", moment },
        { "1796054400.000000001", moment + 1 },
        { "2026-11-30T16:00:00Z", moment },
        { "2026-11-30T16:00:00.123456789Z", moment + 123456789 },
        { "2026-11-30T17:30:00+01:30", moment },
        { "2026-11-30 08:00:00-08:00", moment },
        { "10m", moment - 600 * S },
        { "1000000h", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        uint64_t ns = 0;

        assert_int_equal(units_parse_time(times[i].text, moment, &ns, NULL), 0);
        assert_true(ns == times[i].ns);
    }
}

static void a_time_without_a_zone_is_local(void **state)
{
    uint64_t ns = 0;

    (void)state;
    assert_int_equal(setenv("TZ", "UTC-2", 1), 0);
    assert_int_equal(units_parse_time("2026-11-30T18:00:00", 0, &ns, NULL), 0);
    assert_true(ns == 1796054400 * S);
    assert_int_equal(units_parse_time("2026-11-30", 0, &ns, NULL), 0);
    assert_true(ns == (1796054400 - 18 * 3600) * S);
    assert_int_equal(unsetenv("TZ"), 0);
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const wrong[] = {
        "", "now", "2026-11-30T", "2026-11-30T16:00:00X", "2026-11-30T16:00:00+1", "12:00"
    };
    uint64_t ns = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_int_equal(units_parse_time(wrong[i], 5 * S, &ns, NULL), -EINVAL);
}

static void durations_are_said_as_podman_says_them(void **state)
{
    static const struct {
        uint64_t seconds;
        const char *text;
    } durations[] = {
        { 0, "Less than a second" },  { 1, "1 second" },          { 59, "59 seconds" },
        { 60, "About a minute" },     { 119, "About a minute" },  { 120, "2 minutes" },
        { 3599, "59 minutes" },       { 3600, "About an hour" },  { 7200, "2 hours" },
        { 47 * 3600, "47 hours" },    { 48 * 3600, "2 days" },    { 13 * 86400, "13 days" },
        { 14 * 86400, "2 weeks" },    { 62 * 86400, "8 weeks" },  { 63 * 86400, "2 months" },
        { 729 * 86400, "24 months" }, { 750 * 86400, "2 years" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(durations) / sizeof(*durations); i++) {
        char text[UNITS_DURATION_SIZE];

        units_write_duration(durations[i].seconds * S, text);
        assert_string_equal(text, durations[i].text);
    }
}

static void times_are_written_with_nanoseconds(void **state)
{
    char text[UNITS_TIME_SIZE];

    (void)state;
    units_write_time(1796054400 * S + 5, text);
    assert_string_equal(text, "2026-11-30T16:00:00.000000005Z");
    units_write_go_time(1796054400 * S + 5, text);
    assert_string_equal(text, "2026-11-30 16:00:00.000000005 +0000 UTC");
    units_write_time(0, text);
    assert_string_equal(text, "0001-01-01T00:00:00Z");
}

static void bytes_are_written_in_the_largest_unit(void **state)
{
    char text[UNITS_BYTES_SIZE];

    (void)state;
    units_write_bytes(1023, text);
    assert_string_equal(text, "1023 B");
    units_write_bytes(3ULL << 29, text);
    assert_string_equal(text, "1.5 GiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_in_every_form),
        cmocka_unit_test(a_time_without_a_zone_is_local),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(durations_are_said_as_podman_says_them),
        cmocka_unit_test(times_are_written_with_nanoseconds),
        cmocka_unit_test(bytes_are_written_in_the_largest_unit),
    };

    return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
