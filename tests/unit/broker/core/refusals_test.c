/* Refused workers are told of, and never in a flood. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/core/refusals.h"

static struct refused_worker worker(uint64_t session)
{
    return (struct refused_worker){
        .journal = { .bytes = { 1 } },
        .session = session,
        .incarnation = 3,
        .failure = FAILURE_JOURNAL_COPIED,
    };
}

static void a_worker_is_told_of_once(void **unused)
{
    struct refusals refusals = { 0 };
    struct refused_worker copy = worker(1);

    (void)unused;
    for (uint64_t hour = 0; hour < 100; hour++)
        assert_int_equal(refusals_note(&refusals, &copy, hour * 3600000), hour == 0);
    copy.failure = FAILURE_HOST_TAKEN; /* that is something else */
    assert_true(refusals_note(&refusals, &copy, 3600000 * 101));
}

static void new_faces_are_told_of_one_in_a_while(void **unused)
{
    struct refusals refusals = { 0 };
    unsigned told = 0;

    (void)unused;
    for (uint64_t second = 0; second < 3600; second++) {
        struct refused_worker copy = worker(1 + second);

        told += refusals_note(&refusals, &copy, second * 1000);
    }
    assert_int_equal(told, 60);
}

static void who_came_in_the_pause_is_told_of_when_it_comes_again(void **unused)
{
    struct refusals refusals = { 0 };
    struct refused_worker one = worker(1);
    struct refused_worker other = worker(2);

    (void)unused;
    assert_true(refusals_note(&refusals, &one, 1000));
    assert_false(refusals_note(&refusals, &other, 1001));
    assert_true(refusals_note(&refusals, &other, 1000 + REFUSALS_PAUSE_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_is_told_of_once),
        cmocka_unit_test(new_faces_are_told_of_one_in_a_while),
        cmocka_unit_test(who_came_in_the_pause_is_told_of_when_it_comes_again),
    };

    return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
