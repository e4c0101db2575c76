/* What is said to update, and what comes of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/console/update_args.h"

static void assert_said(struct maybe_i64 number, int64_t expected)
{
    assert_true(number.is_set);
    assert_int_equal(number.value, expected);
}

static void limits_are_taken(void **unused)
{
    autoarena arena = { 0 };
    struct update_options options = { .memory = "64m",
                                      .memory_swap = "-1",
                                      .cpus = "1.5",
                                      .pids_limit = { .is_set = true },
                                      .restart = "on-failure:3" };
    struct container_update update = { 0 };

    (void)unused;
    assert_int_equal(update_from_args(&options, &arena, &update, NULL), 0);
    assert_said(update.memory_bytes, 64 * 1024 * 1024);
    assert_said(update.memory_swap_bytes, -1);
    assert_said(update.cpu_quota_us, 150000);
    assert_said(update.cpu_period_us, 100000);
    assert_said(update.pids_limit, -1);
    assert_false(update.cpu_shares.is_set);
    assert_string_equal(update.restart_policy, "on-failure");
    assert_true(update.restart_retries.is_set);
    assert_int_equal(update.restart_retries.value, 3);
}

static void what_is_not_said_is_not_sent(void **unused)
{
    autoarena arena = { 0 };
    struct update_options options = { .cpus = "0" };
    struct container_update update = { 0 };

    (void)unused;
    assert_int_equal(update_from_args(&options, &arena, &update, NULL), 0);
    assert_said(update.cpu_quota_us, -1);
    assert_false(update.memory_bytes.is_set || update.memory_swap_bytes.is_set ||
                 update.pids_limit.is_set || update.restart_retries.is_set);
    assert_null(update.restart_policy);
}

static void nonsense_is_named(void **unused)
{
    static const struct update_options wrong[] = {
        { .memory = "much" },
        { .memory_swap = "-2" },
        { .cpus = "few" },
        { .cpus = "0.001" },
        { .cpus = "1", .cpu_quota_us = { .is_set = true, .value = 1000 } },
        { .restart = "sometimes" },
        { .restart = "always:3" },
        { .restart = "on-failure:many" },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        autoarena arena = { 0 };
        struct container_update update;
        struct error err = { 0 };

        assert_true(update_from_args(&wrong[i], &arena, &update, &err) < 0);
        assert_true(err.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_taken),
        cmocka_unit_test(what_is_not_said_is_not_sent),
        cmocka_unit_test(nonsense_is_named),
    };

    return cmocka_run_group_tests_name("update_args", tests, NULL, NULL);
}
