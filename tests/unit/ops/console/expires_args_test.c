/* What --expires makes of a duration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ops/console/expires_args.h"

#define NOW UINT64_C(1700000000000000000)
#define S   UINT64_C(1000000000)

struct said {
    const char *expires;
    struct text_list operands;
};

static uint64_t deadline_of(const char *text)
{
    uint64_t deadline = 1;

    assert_int_equal(expires_args_take(text, NOW, &deadline, NULL), 0);
    return deadline;
}

static void a_duration_becomes_a_moment(void **unused)
{
    (void)unused;
    assert_int_equal(deadline_of("90"), NOW + 90 * S);
    assert_int_equal(deadline_of("5m"), NOW + 300 * S);
    assert_int_equal(deadline_of("250ms"), NOW + S / 4);
}

static void nothing_said_is_no_deadline(void **unused)
{
    (void)unused;
    assert_int_equal(deadline_of(NULL), 0);
}

static void nonsense_is_named(void **unused)
{
    static const char *const wrong[] = { "", "soon", "-5s", "0", "0s", "200000d" };
    uint64_t deadline;

    (void)unused;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct error err = { 0 };

        assert_true(expires_args_take(wrong[i], NOW, &deadline, &err) < 0);
        assert_non_null(strstr(err.text, "--expires"));
        assert_int_equal(deadline, 0);
    }
}

static void the_row_takes_the_word_behind_it(void **unused)
{
    static const struct arg_row rows[] = { EXPIRES_ROW(struct said) };
    static const struct args_table table = { .rows = rows,
                                             .count = 1,
                                             .operands = offsetof(struct said, operands) };
    static const struct args_usage usage = { .verb = "stop", .operands = "", .summary = "" };
    static char words[][10] = { "stop", "--expires", "5m", "web" };
    char *argv[] = { words[0], words[1], words[2], words[3], NULL };
    autoarena arena = { 0 };
    struct said said = { 0 };

    (void)unused;
    assert_int_equal(args_parse(&table, &usage, argv, &said, &arena, NULL), 0);
    assert_string_equal(said.expires, "5m");
    assert_int_equal(said.operands.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_duration_becomes_a_moment),
        cmocka_unit_test(nothing_said_is_no_deadline),
        cmocka_unit_test(nonsense_is_named),
        cmocka_unit_test(the_row_takes_the_word_behind_it),
    };

    return cmocka_run_group_tests_name("expires_args", tests, NULL, NULL);
}
