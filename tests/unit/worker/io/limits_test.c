/* The limits in the words that runc and crun take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/auto.h"
#include "worker/io/limits.h"

static void assert_limits(const struct container_config *config, const char *runtime,
                          const char *expected)
{
    autofree char *text = NULL;

    assert_int_equal(limits_write(config, runtime, &text, NULL), 0);
    assert_string_equal(text, expected);
}

static void every_limit_is_said(void **unused)
{
    struct container_config config = {
        .memory_bytes = 67108864,
        .memory_swap_bytes = 134217728,
        .cpu_shares = 512,
        .cpu_quota_us = 50000,
        .cpu_period_us = 200000,
        .pids_limit = 50,
    };

    (void)unused;
    assert_limits(&config, "runc",
                  "{\"memory\":{\"limit\":67108864,\"swap\":134217728},"
                  "\"cpu\":{\"shares\":512,\"quota\":50000,\"period\":200000},"
                  "\"pids\":{\"limit\":50}}");
}

static void no_limit_is_said_too(void **unused)
{
    struct container_config config = { 0 };

    (void)unused;
    assert_limits(&config, "runc",
                  "{\"memory\":{\"limit\":-1},"
                  "\"cpu\":{\"shares\":1024,\"quota\":-1,\"period\":100000},"
                  "\"pids\":{\"limit\":2048}}");
}

static void crun_gets_more_than_any_machine_has(void **unused)
{
    struct container_config config = { .memory_swap_bytes = CONTAINER_SWAP_UNLIMITED,
                                       .pids_limit = -1 };

    (void)unused;
    assert_limits(&config, "crun",
                  "{\"memory\":{\"limit\":-1,\"swap\":-1},"
                  "\"cpu\":{\"shares\":1024,\"quota\":1000000000,\"period\":100000},"
                  "\"pids\":{\"limit\":4194304}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_limit_is_said),
        cmocka_unit_test(no_limit_is_said_too),
        cmocka_unit_test(crun_gets_more_than_any_machine_has),
    };

    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
