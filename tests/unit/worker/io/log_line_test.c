/* Lines of conmon's k8s-file format. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/io/log_line.h"

static int parse(const char *text, struct container_log_line *ret)
{
    return log_line_parse(bytes_of_text(text), ret);
}

static void a_full_line_has_time_channel_and_text(void **unused)
{
    struct container_log_line line;

    (void)unused;
    assert_int_equal(parse("2026-11-29T16:14:33.492388819+00:00 stdout F hi  there", &line), 0);
    assert_int_equal(line.channel, LOG_CHANNEL_STDOUT);
    assert_false(line.is_partial);
    assert_int_equal(line.time, 1795968873492388819ULL);
    assert_int_equal(line.text.size, 9);
    assert_memory_equal(line.text.data, "hi  there", 9);
}

static void a_part_is_told_from_a_full_line(void **unused)
{
    struct container_log_line line;

    (void)unused;
    assert_int_equal(parse("1970-01-01T00:00:01Z stderr P ", &line), 0);
    assert_true(line.is_partial);
    assert_int_equal(line.channel, LOG_CHANNEL_STDERR);
    assert_int_equal(line.time, 1000000000ULL);
    assert_int_equal(line.text.size, 0);
}

static void the_zone_is_taken_off(void **unused)
{
    struct container_log_line line;

    (void)unused;
    assert_int_equal(parse("1970-01-01T03:00:01.5+03:00 stdout F x", &line), 0);
    assert_int_equal(line.time, 1500000000ULL);
    assert_int_equal(parse("1969-12-31T23:30:00-00:30 stdout F x", &line), 0);
    assert_int_equal(line.time, 0);
}

static void anything_else_is_refused(void **unused)
{
    static const char *const bad[] = {
        "",
        "hello",
        "2026-11-29T16:14:33+00:00",
        "2026-11-29T16:14:33+00:00 stdin F x",
        "2026-11-29T16:14:33+00:00 stdout X x",
        "2026-11-29T16:14:33+00:00 stdout F",
        "2026-11-29T16:14:33 stdout F x",
        "2026-11-29T16:14:33.+00:00 stdout F x",
        "1960-11-29T16:14:33+00:00 stdout F x",
        "2026-1-29T16:14:33+00:00 stdout F x",
    };
    struct container_log_line line;

    (void)unused;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(parse(bad[i], &line), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_line_has_time_channel_and_text),
        cmocka_unit_test(a_part_is_told_from_a_full_line),
        cmocka_unit_test(the_zone_is_taken_off),
        cmocka_unit_test(anything_else_is_refused),
    };
    return cmocka_run_group_tests_name("log_line", tests, NULL, NULL);
}
