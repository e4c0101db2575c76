/* Limits and policy of a container are changed: of the run first, then of the configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "schemas/commands.h"
#include "tests/support/engine_script.h"

#define FIRST "1111111111111111111111111111111111111111111111111111111111111111"

static uint64_t ask_memory(struct engine_world *world, int64_t bytes)
{
    return world_submit(
        world, "container.update", FIRST,
        &(struct container_update){ .memory_bytes = { .is_set = true, .value = bytes } });
}

static struct engine_container find(struct engine_world *world)
{
    struct engine_container container;

    assert_true(engine_find(world_engine(world), FIRST, &container));
    assert_null(world_check_fold(world));
    return container;
}

static void run(struct engine_world *world)
{
    script_create_named(world, FIRST, "web");
    (void)world_submit(world, "container.start", FIRST, NULL);
    script_carry_out(world);
    assert_int_equal(world_state(world, FIRST), CONTAINER_RUNNING);
}

static void a_container_that_does_not_run_is_updated_at_once(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_create_named(world, FIRST, "web");
    pos = ask_memory(world, 1000);
    assert_int_equal(world_action_count(world), 0);
    assert_string_equal(world_outcome(world, pos, NULL), "command.done");
    assert_int_equal(find(world).row->config->memory_bytes, 1000);
}

static void a_live_one_is_told_before_its_configuration_changes(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    run(world);
    pos = ask_memory(world, 1000);
    assert_int_equal(world_action(world, 0).step, STEP_UPDATE_LIMITS);
    assert_int_equal(find(world).config->memory_bytes, 1000); /* what the step is to say */
    assert_int_equal(find(world).row->config->memory_bytes, 0);
    script_carry_out(world);
    assert_string_equal(world_outcome(world, pos, NULL), "command.done");
    assert_int_equal(find(world).row->config->memory_bytes, 1000);
    assert_int_equal(world_state(world, FIRST), CONTAINER_RUNNING);
}

static void a_killed_worker_says_it_again(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    run(world);
    pos = ask_memory(world, 1000);
    world_restart(world, false, NULL, NULL);
    assert_int_equal(world_action(world, 0).step, STEP_UPDATE_LIMITS);
    assert_int_equal(find(world).config->memory_bytes, 1000);
    script_carry_out(world);
    assert_string_equal(world_outcome(world, pos, NULL), "command.done");
    assert_int_equal(find(world).row->config->memory_bytes, 1000);
}

static void what_the_runtime_refuses_is_taken_back(void **state)
{
    struct engine_world *world = *state;
    const struct step_result no = { .code = -EIO, .failure = FAILURE_RUNTIME, .text = "no" };
    uint64_t pos;

    run(world);
    pos = ask_memory(world, 1000);
    world_answer(world, 0, &no);
    assert_int_equal(world_action(world, 0).step, STEP_UPDATE_LIMITS);
    assert_int_equal(find(world).config->memory_bytes, 0); /* as it was */
    script_carry_out(world);
    assert_string_equal(world_outcome(world, pos, NULL), "command.failed");
    assert_string_equal(world_outcome_code(world, pos), "runtime");
    assert_int_equal(find(world).row->config->memory_bytes, 0);
}

static void what_no_container_can_be_is_refused(void **state)
{
    struct engine_world *world = *state;
    const struct container_update swap = { .memory_swap_bytes = { .is_set = true, .value = 10 } };
    uint64_t pos;

    script_create_named(world, FIRST, "web");
    (void)ask_memory(world, 1000);
    pos = world_submit(world, "container.update", FIRST, &swap);
    assert_string_equal(world_outcome(world, pos, NULL), "command.refused");
    assert_string_equal(world_outcome_code(world, pos), "invalid-argument");
    assert_int_equal(find(world).row->config->memory_swap_bytes, 0);
}

/* No limit is changed: the runtime need not be asked, and the restart to come is given up. */
static void a_policy_that_wants_no_restart_ends_the_waiting_one(void **state)
{
    struct engine_world *world = *state;
    static char no[] = "no";
    const struct container_died died = { .exit_code = 1 };
    uint64_t pos;

    (void)world_create(world, FIRST, "web", "always", false);
    script_carry_out(world);
    (void)world_submit(world, "container.start", FIRST, NULL);
    script_carry_out(world);
    pos = world_submit(world, "container.update", FIRST,
                       &(struct container_update){ .restart_policy = no });
    assert_int_equal(world_action_count(world), 0);
    assert_string_equal(world_outcome(world, pos, NULL), "command.done");
    (void)world_submit(world, "container.update", FIRST,
                       &(struct container_update){ .restart_policy = (char[]){ "always" } });
    world_exit(world, FIRST, 1, &died);
    script_carry_out(world);
    assert_int_not_equal(engine_deadline_ms(world_engine(world)), UINT64_MAX);
    (void)world_submit(world, "container.update", FIRST,
                       &(struct container_update){ .restart_policy = no });
    assert_int_equal(engine_deadline_ms(world_engine(world)), UINT64_MAX);
    assert_int_equal(world_state(world, FIRST), CONTAINER_EXITED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TEST(a_container_that_does_not_run_is_updated_at_once),
        SCRIPT_TEST(a_live_one_is_told_before_its_configuration_changes),
        SCRIPT_TEST(a_killed_worker_says_it_again),
        SCRIPT_TEST(what_the_runtime_refuses_is_taken_back),
        SCRIPT_TEST(what_no_container_can_be_is_refused),
        SCRIPT_TEST(a_policy_that_wants_no_restart_ends_the_waiting_one),
    };

    return cmocka_run_group_tests_name("update", tests, NULL, NULL);
}
