/* Hosts fall silent once, in order, and come back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "broker/core/liveness.h"

#define SILENCE 30000
#define HOSTS   3

static int setup(void **state)
{
    *state = liveness_new(SILENCE, HOSTS);
    return 0;
}

static int teardown(void **state)
{
    liveness_destroy(*state);
    return 0;
}

static bool hear(struct liveness *liveness, const char *host, uint64_t now)
{
    bool was_silent = false;

    assert_int_equal(liveness_heard(liveness, host, now, &was_silent, NULL), 0);
    return was_silent;
}

static void assert_silent(struct liveness *liveness, uint64_t now, const char *host, uint64_t since)
{
    struct silence silence;

    assert_true(liveness_next_silent(liveness, now, &silence));
    assert_string_equal(silence.host, host);
    assert_int_equal(silence.silent_ms, since);
}

static void assert_nobody_silent(struct liveness *liveness, uint64_t now)
{
    struct silence silence;

    assert_false(liveness_next_silent(liveness, now, &silence));
}

static void nobody_is_waited_for_at_first(void **state)
{
    assert_int_equal(liveness_deadline(*state), LIVENESS_NEVER);
    assert_nobody_silent(*state, UINT64_MAX);
    assert_int_equal(liveness_reachable(*state), 0);
}

static void a_silent_host_is_told_once(void **state)
{
    assert_true(hear(*state, "a", 1000));
    assert_int_equal(liveness_deadline(*state), 31000);
    assert_nobody_silent(*state, 30999);
    assert_silent(*state, 31000, "a", 30000);
    assert_nobody_silent(*state, 99000);
    assert_int_equal(liveness_deadline(*state), LIVENESS_NEVER);
    assert_int_equal(liveness_reachable(*state), 0);
}

static void a_host_that_is_heard_again_is_back(void **state)
{
    assert_true(hear(*state, "a", 0));
    assert_false(hear(*state, "a", 20000));
    assert_nobody_silent(*state, 49999);
    assert_silent(*state, 60000, "a", 40000);
    assert_true(hear(*state, "a", 61000));
    assert_false(hear(*state, "a", 62000));
    assert_int_equal(liveness_reachable(*state), 1);
}

static void the_longest_silent_comes_first(void **state)
{
    (void)hear(*state, "a", 1);
    (void)hear(*state, "b", 2);
    (void)hear(*state, "c", 3);
    (void)hear(*state, "a", 4);
    assert_int_equal(liveness_deadline(*state), 30002);
    assert_silent(*state, 30003, "b", 30001);
    assert_silent(*state, 30003, "c", 30000);
    assert_nobody_silent(*state, 30003);
    assert_int_equal(liveness_reachable(*state), 1);
}

static void a_host_known_as_unreachable_is_not_told_again(void **state)
{
    assert_int_equal(liveness_add_silent(*state, "a", NULL), 0);
    assert_nobody_silent(*state, UINT64_MAX);
    assert_true(hear(*state, "a", 5));
    assert_int_equal(liveness_add_silent(*state, "a", NULL), 0);
    assert_nobody_silent(*state, UINT64_MAX);
    assert_int_equal(liveness_reachable(*state), 0);
}

static void a_forgotten_host_is_new_when_it_comes_back(void **state)
{
    (void)hear(*state, "a", 5);
    liveness_forget(*state, "a");
    liveness_forget(*state, "a");
    assert_nobody_silent(*state, UINT64_MAX);
    assert_true(hear(*state, "a", 6));
}

static void there_is_a_maximum_of_hosts(void **state)
{
    struct error err = { 0 };

    (void)hear(*state, "a", 1);
    (void)hear(*state, "b", 1);
    assert_int_equal(liveness_add_silent(*state, "c", NULL), 0);
    assert_int_equal(liveness_heard(*state, "d", 1, NULL, &err), -ENOSPC);
    assert_string_equal(err.text, "host d: 3 hosts are known, that is the maximum");
    assert_int_equal(liveness_add_silent(*state, "d", NULL), -ENOSPC);
    (void)hear(*state, "c", 2);
    liveness_forget(*state, "b");
    assert_true(hear(*state, "d", 3));
}

static void a_clock_that_goes_back_keeps_the_order(void **state)
{
    (void)hear(*state, "a", 1000);
    (void)hear(*state, "b", 10);
    assert_nobody_silent(*state, 30500);
    assert_silent(*state, 31000, "a", 30000);
    assert_silent(*state, 31000, "b", 30000);
}

#define with_hosts(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_hosts(nobody_is_waited_for_at_first),
        with_hosts(a_silent_host_is_told_once),
        with_hosts(a_host_that_is_heard_again_is_back),
        with_hosts(the_longest_silent_comes_first),
        with_hosts(a_host_known_as_unreachable_is_not_told_again),
        with_hosts(a_forgotten_host_is_new_when_it_comes_back),
        with_hosts(there_is_a_maximum_of_hosts),
        with_hosts(a_clock_that_goes_back_keeps_the_order),
    };
    return cmocka_run_group_tests_name("liveness", tests, NULL, NULL);
}
