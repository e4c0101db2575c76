/* What an update makes of a configuration, and which ones make no sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/fleet/config_update.h"

#define SAID(number)                      \
    (struct maybe_i64)                    \
    {                                     \
        .is_set = true, .value = (number) \
    }

static char on_failure[] = "on-failure";
static char always[] = "always";

static void what_is_not_said_stays(void **unused)
{
    struct container_config config = { .memory_bytes = 1,
                                       .cpu_shares = 2,
                                       .pids_limit = 3,
                                       .restart_policy = on_failure,
                                       .restart_retries = 4 };
    struct container_update update = { .cpu_shares = SAID(512) };

    (void)unused;
    config_update_apply(&config, &update);
    assert_int_equal(config.memory_bytes, 1);
    assert_int_equal(config.cpu_shares, 512);
    assert_int_equal(config.pids_limit, 3);
    assert_string_equal(config.restart_policy, "on-failure");
    assert_int_equal(config.restart_retries, 4);
}

static void less_than_one_is_no_limit(void **unused)
{
    struct container_config config = { .memory_bytes = 64,
                                       .memory_swap_bytes = 128,
                                       .cpu_quota_us = 5000 };
    struct container_update update = { .memory_bytes = SAID(-1), .cpu_quota_us = SAID(0) };

    (void)unused;
    config_update_apply(&config, &update);
    assert_int_equal(config.memory_bytes, 0);
    assert_int_equal(config.cpu_quota_us, 0);
    /* With the limit of memory goes that of memory and swap. */
    assert_true(config.memory_swap_bytes == CONTAINER_SWAP_UNLIMITED);
}

static void a_new_policy_has_no_retries_of_the_old(void **unused)
{
    struct container_config config = { .restart_policy = on_failure, .restart_retries = 4 };
    struct container_update update = { .restart_policy = always };

    (void)unused;
    config_update_apply(&config, &update);
    assert_string_equal(config.restart_policy, "always");
    assert_int_equal(config.restart_retries, 0);
    update = (struct container_update){ .restart_policy = on_failure,
                                        .restart_retries = { .is_set = true, .value = 7 } };
    config_update_apply(&config, &update);
    assert_int_equal(config.restart_retries, 7);
}

static void the_copy_is_of_its_own(void **unused)
{
    static char name[] = "web";
    static char rootfs[] = "/srv";
    static char word[] = "true";
    char *words[] = { word };
    struct container_config config = { .name = name,
                                       .rootfs = rootfs,
                                       .command = { .items = words, .count = 1 } };
    struct container_update update = { .memory_bytes = SAID(99) };
    autoarena arena = { 0 };
    struct container_config *copy = config_updated(&config, &update, &arena);

    (void)unused;
    assert_int_equal(config.memory_bytes, 0);
    assert_int_equal(copy->memory_bytes, 99);
    assert_string_equal(copy->name, "web");
    assert_ptr_not_equal(copy->name, config.name);
}

static void nonsense_is_refused(void **unused)
{
    struct container_update nothing = { 0 };
    struct container_update negative = { .cpu_shares = SAID(-2) };
    struct container_update policy = { .restart_policy = always };
    struct container_update pids = { .pids_limit = SAID(-1) };
    struct refusal why;

    (void)unused;
    assert_int_equal(config_update_check(&nothing, &why), FAILURE_INVALID_ARGUMENT);
    assert_string_equal(why.text, "the update changes nothing: say a limit or a restart policy");
    assert_int_equal(config_update_check(&negative, &why), FAILURE_INVALID_ARGUMENT);
    assert_string_equal(why.text, "the cpu shares limit -2 makes no sense: use -1 for none");
    assert_int_equal(config_update_check(&policy, &why), FAILURE_NONE);
    assert_false(config_update_has_limits(&policy));
    assert_int_equal(config_update_check(&pids, &why), FAILURE_NONE);
    assert_true(config_update_has_limits(&pids));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_said_stays),
        cmocka_unit_test(less_than_one_is_no_limit),
        cmocka_unit_test(a_new_policy_has_no_retries_of_the_old),
        cmocka_unit_test(the_copy_is_of_its_own),
        cmocka_unit_test(nonsense_is_refused),
    };

    return cmocka_run_group_tests_name("config_update", tests, NULL, NULL);
}
