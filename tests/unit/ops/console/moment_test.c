/* How operators name a moment past. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ops/console/moment.h"

#define SECOND 1000000000ULL
#define NOW    (1796000000 * SECOND)

static struct moment parsed(const char *text)
{
    struct moment moment = { 0 };
    struct error err = { 0 };

    if (moment_parse(text, NOW, &moment, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    return moment;
}

static void assert_position(const char *text, uint64_t pos)
{
    struct moment moment = parsed(text);

    assert_true(moment.is_position);
    assert_int_equal(moment.pos, pos);
}

static void assert_time(const char *text, uint64_t time_ns)
{
    struct moment moment = parsed(text);

    assert_false(moment.is_position);
    assert_int_equal(moment.time_ns, time_ns);
}

static void small_whole_numbers_are_positions(void **unused)
{
    (void)unused;
    assert_position("0", 0);
    assert_position("812", 812);
    assert_position("999999999", 999999999);
    assert_position("pos:812", 812);
    assert_position("pos:5000000000", 5000000000);
}

static void all_else_is_a_time(void **unused)
{
    (void)unused;
    assert_time("1796000000", 1796000000 * SECOND);
    assert_time("1000000000", 1000000000 * SECOND);
    assert_time("12.5", 12 * SECOND + SECOND / 2);
    assert_time("2026-11-29T16:00:00Z", 1795968000 * SECOND);
    assert_time("2026-11-29T17:00:00+01:00", 1795968000 * SECOND);
    assert_time("5m", NOW - 300 * SECOND);
    assert_time("now", NOW);
}

static void nonsense_is_refused_with_what_would_do(void **unused)
{
    static const char *const words[] = {
        "", "yesterday", "pos:", "pos:-1", "pos:1x", "-1", "pos:99999999999999999999"
    };
    struct moment moment;

    (void)unused;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        struct error err = { 0 };

        assert_int_equal(moment_parse(words[i], NOW, &moment, &err), -EINVAL);
        assert_non_null(strstr(err.text, "pos:123"));
    }
}

static void a_moment_has_what_was_appended_up_to_it(void **unused)
{
    const struct moment position = { .is_position = true, .pos = 8 };
    const struct moment time = { .time_ns = NOW };

    (void)unused;
    assert_false(moment_is_before(&position, &(struct record){ .pos = 8, .time = NOW + 1 }));
    assert_true(moment_is_before(&position, &(struct record){ .pos = 9 }));
    assert_false(moment_is_before(&time, &(struct record){ .pos = 9, .time = NOW }));
    assert_true(moment_is_before(&time, &(struct record){ .pos = 9, .time = NOW + 1 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_whole_numbers_are_positions),
        cmocka_unit_test(all_else_is_a_time),
        cmocka_unit_test(nonsense_is_refused_with_what_would_do),
        cmocka_unit_test(a_moment_has_what_was_appended_up_to_it),
    };

    return cmocka_run_group_tests_name("moment", tests, NULL, NULL);
}
