/* Signals by name and number. */
#include "common/signals.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void names_and_numbers_are_the_same_signals(void **state)
{
    static const struct {
        const char *text;
        uint32_t number;
    } signals[] = {
        { "KILL", SIGKILL }, { "SIGTERM", SIGTERM }, { "sighup", SIGHUP }, { "9", 9 },
        { "64", 64 },        { "RTMIN", 34 },        { "SIGRTMIN+3", 37 }, { "RTMAX-2", 62 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
        uint32_t number = 0;

        assert_int_equal(signals_parse(signals[i].text, &number, NULL), 0);
        assert_int_equal(number, signals[i].number);
    }
}

static void what_is_no_signal_is_refused(void **state)
{
    static const char *const wrong[] = { "",        "SIG",     "0",        "65", "9x",
                                         "NOTHING", "RTMIN-1", "RTMIN+31", "-9" };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        uint32_t number = 0;

        assert_int_equal(signals_parse(wrong[i], &number, NULL), -EINVAL);
    }
}

static void every_signal_has_a_name_that_reads_back(void **state)
{
    (void)state;
    for (uint32_t number = 1; number <= 64; number++) {
        char name[SIGNALS_NAME_SIZE];
        uint32_t again = 0;

        signals_write_name(number, name);
        assert_int_equal(signals_parse(name, &again, NULL), 0);
        assert_int_equal(again, number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_numbers_are_the_same_signals),
        cmocka_unit_test(what_is_no_signal_is_refused),
        cmocka_unit_test(every_signal_has_a_name_that_reads_back),
    };

    return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
