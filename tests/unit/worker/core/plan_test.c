/* What a container does by itself: restart policies with their delays, --rm, cleanups that fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "tests/support/engine_script.h"
#include "worker/core/plan.h"

/* It dies and is cleaned up. */
static void die(struct engine_world *world, uint32_t run, int32_t code)
{
    script_exit(world, run, code);
    script_succeed(world, STEP_DELETE_RUNTIME);
}

static void run_again(struct engine_world *world)
{
    script_succeed(world, STEP_CREATE_RUNTIME);
    script_succeed(world, STEP_START_RUNTIME);
}

static void always_restarts_ever_more_slowly(void **state)
{
    struct engine_world *world = *state;
    uint64_t delay_ms = RESTART_DELAY_MIN_MS;

    script_running(world, "always", false);
    for (uint32_t run = 1; run <= 12; run++) {
        die(world, run, 0);
        script_expect_nothing(world);
        world_advance_ms(world, delay_ms - 1);
        script_expect_nothing(world);
        world_advance_ms(world, 1);
        run_again(world);
        delay_ms = delay_ms * 2 < RESTART_DELAY_MAX_MS ? delay_ms * 2 : RESTART_DELAY_MAX_MS;
    }
}

static void a_long_run_begins_the_delays_anew(void **state)
{
    struct engine_world *world = *state;

    script_running(world, "always", false);
    for (uint32_t run = 1; run <= 4; run++) {
        world_advance_ms(world, 10000);
        die(world, run, 1);
        world_advance_ms(world, RESTART_DELAY_MIN_MS);
        run_again(world);
    }
}

static void on_failure_looks_at_the_code(void **state)
{
    struct engine_world *world = *state;
    size_t mark;

    script_running(world, "on-failure", false);
    die(world, 1, 1);
    world_advance_ms(world, RESTART_DELAY_MIN_MS);
    run_again(world);
    mark = world_event_count(world);
    die(world, 2, 0);
    world_advance_ms(world, RESTART_DELAY_MAX_MS);
    script_expect_nothing(world);
    script_expect_trace(world, mark, "container.died container.cleaned");
}

static void on_failure_counts(void **state)
{
    struct container_config config = { .restart_retries = 2 };
    struct container_row row = { .config = &config, .exit_code = 1 };
    struct container_restarting restarting;
    struct plan plan = { 0 };
    static char on_failure[] = "on-failure";

    (void)state;
    config.restart_policy = on_failure;
    for (uint32_t count = 1; count <= 2; count++) {
        plan_after_exit(&plan, &row);
        assert_int_equal(plan.next, PLAN_RESTART);
        plan_announce(&plan, 0, &restarting);
        assert_int_equal(restarting.count, count);
    }
    plan_after_exit(&plan, &row);
    assert_int_equal(plan.next, PLAN_NOTHING);
    plan_reset(&plan); /* a user's start */
    plan_after_exit(&plan, &row);
    assert_int_equal(plan.next, PLAN_RESTART);
}

static void an_unknown_exit_is_a_failure(void **state)
{
    static char on_failure[] = "on-failure";
    struct container_config config = { .restart_policy = on_failure };
    struct container_row row = { .config = &config, .exit_unknown = true };
    struct plan plan = { 0 };

    (void)state;
    plan_after_exit(&plan, &row);
    assert_int_equal(plan.next, PLAN_RESTART);
}

static void a_users_stop_ends_the_policy(void **state)
{
    struct engine_world *world = *state;

    script_running(world, "unless-stopped", false);
    (void)script_stop(world, 10);
    script_succeed(world, STEP_SIGNAL_STOP);
    script_exit(world, 1, 1);
    script_succeed(world, STEP_DELETE_RUNTIME);
    world_advance_ms(world, RESTART_DELAY_MAX_MS);
    script_expect_nothing(world);
}

static void a_stop_before_the_restart_cancels_it(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_running(world, "always", false);
    die(world, 1, 1);
    pos = script_stop(world, 10);
    script_expect_outcome(world, pos, "command.done", "");
    world_advance_ms(world, RESTART_DELAY_MAX_MS);
    script_expect_nothing(world);
    script_expect_refused(world, script_stop(world, 10), "already-stopped");
}

static void a_signal_that_is_survived_leaves_the_policy_alone(void **state)
{
    struct engine_world *world = *state;

    script_running(world, "always", false);
    (void)script_kill(world, SIGHUP);
    script_succeed(world, STEP_SIGNAL_ASKED);
    die(world, 1, 1);
    world_advance_ms(world, RESTART_DELAY_MIN_MS);
    (void)script_expect_step(world, STEP_CREATE_RUNTIME);
}

static void a_signal_that_ends_the_run_ends_the_policy(void **state)
{
    struct engine_world *world = *state;

    script_running(world, "always", false);
    (void)script_kill(world, SIGHUP);
    script_succeed(world, STEP_SIGNAL_ASKED);
    die(world, 1, 128 + SIGHUP);
    world_advance_ms(world, RESTART_DELAY_MAX_MS);
    script_expect_nothing(world);
}

static void a_policy_outlives_a_start_that_fails(void **state)
{
    struct engine_world *world = *state;

    script_running(world, "always", false);
    die(world, 1, 1);
    world_advance_ms(world, RESTART_DELAY_MIN_MS);
    script_fail(world, STEP_CREATE_RUNTIME, FAILURE_RUNTIME);
    script_expect_nothing(world);
    world_advance_ms(world, 2 * RESTART_DELAY_MIN_MS);
    run_again(world);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_RUNNING);
}

static void what_removes_itself_does_so_at_its_end(void **state)
{
    struct engine_world *world = *state;
    size_t mark;

    script_running(world, NULL, true);
    mark = world_event_count(world);
    script_exit(world, 1, 0);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_succeed(world, STEP_REMOVE_DIRECTORIES);
    script_expect_trace(world, mark, "container.died container.removing container.removed");
}

static void a_restart_of_what_removes_itself_keeps_it(void **state)
{
    struct engine_world *world = *state;

    script_running(world, NULL, true);
    (void)world_submit(world, "container.restart", SCRIPT_ID, NULL);
    script_succeed(world, STEP_SIGNAL_STOP);
    die(world, 1, 0);
    run_again(world);
    script_expect_nothing(world);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_RUNNING);
}

static void a_cleanup_that_fails_is_tried_again(void **state)
{
    struct engine_world *world = *state;

    script_running(world, NULL, false);
    script_exit(world, 1, 0);
    script_fail(world, STEP_DELETE_RUNTIME, FAILURE_RUNTIME);
    script_expect_nothing(world);
    world_advance_ms(world, RETRY_DELAY_MIN_MS);
    script_fail(world, STEP_DELETE_RUNTIME, FAILURE_RUNTIME);
    world_advance_ms(world, RETRY_DELAY_MIN_MS);
    script_expect_nothing(world); /* twice as long now */
    world_advance_ms(world, RETRY_DELAY_MIN_MS);
    script_succeed(world, STEP_DELETE_RUNTIME);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_EXITED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TEST(always_restarts_ever_more_slowly),
        SCRIPT_TEST(a_long_run_begins_the_delays_anew),
        SCRIPT_TEST(on_failure_looks_at_the_code),
        SCRIPT_TEST(on_failure_counts),
        SCRIPT_TEST(an_unknown_exit_is_a_failure),
        SCRIPT_TEST(a_users_stop_ends_the_policy),
        SCRIPT_TEST(a_stop_before_the_restart_cancels_it),
        SCRIPT_TEST(a_signal_that_is_survived_leaves_the_policy_alone),
        SCRIPT_TEST(a_signal_that_ends_the_run_ends_the_policy),
        SCRIPT_TEST(a_policy_outlives_a_start_that_fails),
        SCRIPT_TEST(what_removes_itself_does_so_at_its_end),
        SCRIPT_TEST(a_restart_of_what_removes_itself_keeps_it),
        SCRIPT_TEST(a_cleanup_that_fails_is_tried_again),
    };

    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
