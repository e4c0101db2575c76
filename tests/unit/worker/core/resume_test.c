/* The engine after its worker, or its host, was restarted: it takes up what the journal holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "tests/support/engine_script.h"
#include "worker/core/plan.h"

static bool nobody_lives(void *owner, const char *id, uint32_t run)
{
    (void)owner;
    (void)id;
    (void)run;
    return false;
}

static void a_command_that_comes_twice_is_done_once(void **state)
{
    struct engine_world *world = *state;

    script_running(world, NULL, false);
    world_restart(world, false, NULL, NULL); /* says every command again */
    script_expect_nothing(world);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_RUNNING);
}

static void an_init_that_was_cut_off_is_looked_at(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_create(world, NULL, false);
    pos = world_submit(world, "container.start", SCRIPT_ID, NULL);
    (void)script_expect_step(world, STEP_CREATE_RUNTIME);
    world_restart(world, false, NULL, NULL);
    script_fail(world, STEP_RESOLVE_CREATE, FAILURE_INTERNAL); /* nothing is left of it */
    script_succeed(world, STEP_CREATE_RUNTIME);
    world_restart(world, false, NULL, NULL);
    script_succeed(world, STEP_START_RUNTIME);
    script_expect_outcome(world, pos, "command.done", "");
}

static void an_init_that_had_succeeded_is_taken_over(void **state)
{
    struct engine_world *world = *state;

    script_create(world, NULL, false);
    (void)world_submit(world, "container.init", SCRIPT_ID, NULL);
    world_restart(world, false, NULL, NULL);
    script_succeed(world, STEP_RESOLVE_CREATE);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_CREATED);
}

static void what_ended_during_a_lost_start_had_been_started(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;
    size_t mark;

    script_create(world, NULL, false);
    pos = world_submit(world, "container.start", SCRIPT_ID, NULL);
    script_succeed(world, STEP_CREATE_RUNTIME);
    mark = world_event_count(world);
    world_restart(world, false, nobody_lives, NULL);
    script_expect_nothing(world); /* the exit decides */
    script_exit(world, 1, 7);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_expect_outcome(world, pos, "command.done", "");
    script_expect_trace(world, mark,
                        "container.started container.died command.done container.cleaned");
}

static void a_stop_keeps_its_deadline(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_running(world, NULL, false);
    pos = script_stop(world, 10);
    script_succeed(world, STEP_SIGNAL_STOP);
    world_advance_ms(world, 6000);
    world_restart(world, false, NULL, NULL);
    script_expect_nothing(world);
    world_advance_ms(world, 4000);
    script_succeed(world, STEP_SIGNAL_KILL);
    script_exit(world, 1, 137);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_expect_outcome(world, pos, "command.done", "");
}

static void a_signal_of_unknown_fate_is_not_sent_twice(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_running(world, NULL, false);
    pos = script_kill(world, SIGUSR1);
    world_restart(world, false, NULL, NULL);
    script_expect_nothing(world);
    script_expect_outcome(world, pos, "command.failed", "internal");
    pos = script_kill(world, SIGKILL);
    world_restart(world, false, NULL, NULL);
    script_succeed(world, STEP_SIGNAL_ASKED); /* dying twice is dying once */
    script_exit(world, 1, 137);
    script_expect_outcome(world, pos, "command.done", "");
}

static void a_passing_kill_is_taken_up_with_the_stop(void **state)
{
    struct engine_world *world = *state;
    uint64_t stopped;
    uint64_t killed;

    script_running(world, NULL, false);
    stopped = script_stop(world, 600);
    script_succeed(world, STEP_SIGNAL_STOP);
    killed = script_kill(world, SIGKILL);
    world_restart(world, false, NULL, NULL);
    script_succeed(world, STEP_SIGNAL_ASKED);
    script_exit(world, 1, 137);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_expect_outcome(world, stopped, "command.done", "");
    script_expect_outcome(world, killed, "command.done", "");
}

static void a_joined_stop_joins_again(void **state)
{
    struct engine_world *world = *state;
    uint64_t first;
    uint64_t second;

    script_running(world, NULL, false);
    first = script_stop(world, 600);
    script_succeed(world, STEP_SIGNAL_STOP);
    second = script_stop(world, 600);
    world_restart(world, false, NULL, NULL);
    script_exit(world, 1, 0);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_expect_outcome(world, first, "command.done", "");
    script_expect_outcome(world, second, "command.done", "");
}

static void a_pending_restart_is_kept(void **state)
{
    struct engine_world *world = *state;

    script_running(world, "always", false);
    script_exit(world, 1, 1);
    script_succeed(world, STEP_DELETE_RUNTIME);
    world_restart(world, false, NULL, NULL);
    script_expect_nothing(world);
    world_advance_ms(world, RESTART_DELAY_MIN_MS);
    script_succeed(world, STEP_CREATE_RUNTIME);
}

static void what_waits_in_the_queue_is_kept(void **state)
{
    struct engine_world *world = *state;
    uint64_t paused;
    uint64_t unpaused;

    script_running(world, NULL, false);
    paused = world_submit(world, "container.pause", SCRIPT_ID, NULL);
    unpaused = world_submit(world, "container.unpause", SCRIPT_ID, NULL);
    world_restart(world, false, NULL, NULL);
    script_succeed(world, STEP_PAUSE);
    script_succeed(world, STEP_UNPAUSE);
    script_expect_outcome(world, paused, "command.done", "");
    script_expect_outcome(world, unpaused, "command.done", "");
}

static void a_reboot_ends_what_ran(void **state)
{
    struct engine_world *world = *state;
    size_t mark;

    script_running(world, NULL, false);
    mark = world_event_count(world);
    world_restart(world, true, NULL, NULL);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_expect_trace(world, mark, "container.died container.cleaned");
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_EXITED);
}

static void a_reboot_takes_what_was_created_back(void **state)
{
    struct engine_world *world = *state;

    script_create(world, NULL, false);
    (void)world_submit(world, "container.init", SCRIPT_ID, NULL);
    script_succeed(world, STEP_CREATE_RUNTIME);
    world_restart(world, true, NULL, NULL);
    script_succeed(world, STEP_DELETE_RUNTIME);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_CONFIGURED);
}

/* Nobody would ever tell of the exit of what the reboot ended. */
static void a_stop_of_what_a_reboot_left_cleans_it_up(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_create(world, NULL, false);
    (void)world_submit(world, "container.init", SCRIPT_ID, NULL);
    script_succeed(world, STEP_CREATE_RUNTIME);
    world_restart(world, true, NULL, NULL);
    script_fail(world, STEP_DELETE_RUNTIME, FAILURE_RUNTIME);
    pos = script_stop(world, 10);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_expect_outcome(world, pos, "command.done", "");
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_CONFIGURED);
    (void)world_submit(world, "container.init", SCRIPT_ID, NULL);
    script_succeed(world, STEP_CREATE_RUNTIME);
    script_expect_nothing(world);
}

static void a_reboot_restarts_what_is_to_run_always(void **state)
{
    struct engine_world *world = *state;

    script_running(world, "always", false);
    world_restart(world, true, NULL, NULL);
    script_succeed(world, STEP_DELETE_RUNTIME);
    world_advance_ms(world, RESTART_DELAY_MIN_MS);
    script_succeed(world, STEP_CREATE_RUNTIME);
    script_succeed(world, STEP_START_RUNTIME);
}

static void a_reboot_leaves_what_a_user_stopped(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_running(world, "unless-stopped", false);
    pos = script_stop(world, 600);
    script_succeed(world, STEP_SIGNAL_STOP);
    world_restart(world, true, NULL, NULL);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_expect_outcome(world, pos, "command.done", "");
    world_advance_ms(world, RESTART_DELAY_MAX_MS);
    script_expect_nothing(world);
    world_restart(world, true, NULL, NULL);
    world_advance_ms(world, RESTART_DELAY_MAX_MS);
    script_expect_nothing(world);
}

static void a_reboot_runs_again_what_is_to_run_always_and_was_stopped(void **state)
{
    struct engine_world *world = *state;

    script_running(world, "always", false);
    (void)script_stop(world, 0);
    script_succeed(world, STEP_SIGNAL_KILL);
    script_exit(world, 1, 137);
    script_succeed(world, STEP_DELETE_RUNTIME);
    world_advance_ms(world, RESTART_DELAY_MAX_MS);
    script_expect_nothing(world);
    world_restart(world, true, NULL, NULL);
    world_advance_ms(world, RESTART_DELAY_MIN_MS);
    script_succeed(world, STEP_CREATE_RUNTIME);
    script_succeed(world, STEP_START_RUNTIME);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_RUNNING);
}

static void a_reboot_does_not_start_what_never_ran(void **state)
{
    struct engine_world *world = *state;

    script_create(world, "always", false);
    world_restart(world, true, NULL, NULL);
    world_advance_ms(world, RESTART_DELAY_MAX_MS);
    script_expect_nothing(world);
}

static void a_reboot_counts_a_failure_of_what_ran(void **state)
{
    struct engine_world *world = *state;

    script_running(world, "on-failure", false);
    world_restart(world, true, NULL, NULL); /* how it ended is not known */
    script_succeed(world, STEP_DELETE_RUNTIME);
    world_advance_ms(world, RESTART_DELAY_MIN_MS);
    script_succeed(world, STEP_CREATE_RUNTIME);
    script_succeed(world, STEP_START_RUNTIME);
}

static bool it_had_succeeded(void *owner, const char *id, uint32_t run, struct container_died *ret)
{
    (void)owner;
    (void)id;
    *ret = (struct container_died){ .exit_code = 0, .finished = 77 };
    return run == 1;
}

static void an_exit_that_was_kept_is_told_after_a_reboot(void **state)
{
    struct engine_world *world = *state;
    struct engine_container container;

    script_running(world, "on-failure", false);
    world_reboot(world, it_had_succeeded, NULL);
    script_succeed(world, STEP_DELETE_RUNTIME);
    assert_true(engine_find(world_engine(world), SCRIPT_ID, &container));
    assert_false(container.row->exit_unknown);
    assert_int_equal(container.row->exit_code, 0);
    assert_int_equal(container.row->finished, 77);
    world_advance_ms(world, RESTART_DELAY_MAX_MS);
    script_expect_nothing(world); /* it had not failed */
}

static void a_reboot_removes_what_removes_itself(void **state)
{
    struct engine_world *world = *state;

    script_running(world, NULL, true);
    world_restart(world, true, NULL, NULL);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_succeed(world, STEP_REMOVE_DIRECTORIES);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_STATE_COUNT);
}

/* Whether its process ran is not known. */
static void a_reboot_fails_a_start_that_may_have_run(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_create(world, NULL, false);
    pos = world_submit(world, "container.start", SCRIPT_ID, NULL);
    script_succeed(world, STEP_CREATE_RUNTIME);
    world_restart(world, true, NULL, NULL);
    script_expect_outcome(world, pos, "command.failed", "internal");
    script_succeed(world, STEP_DELETE_RUNTIME);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_CONFIGURED);
    script_expect_nothing(world);
}

static void the_policy_goes_on_after_a_start_that_may_have_run(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_create(world, "always", false);
    pos = world_submit(world, "container.start", SCRIPT_ID, NULL);
    script_succeed(world, STEP_CREATE_RUNTIME);
    world_restart(world, true, NULL, NULL);
    script_expect_outcome(world, pos, "command.failed", "internal");
    script_succeed(world, STEP_DELETE_RUNTIME);
    world_advance_ms(world, RESTART_DELAY_MIN_MS);
    script_succeed(world, STEP_CREATE_RUNTIME);
    script_succeed(world, STEP_START_RUNTIME);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_RUNNING);
}

static void a_reboot_begins_a_start_anew_that_had_no_effect(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_create(world, NULL, false);
    pos = world_submit(world, "container.start", SCRIPT_ID, NULL);
    (void)script_expect_step(world, STEP_CREATE_RUNTIME);
    world_restart(world, true, NULL, NULL);
    script_succeed(world, STEP_CREATE_RUNTIME);
    script_succeed(world, STEP_START_RUNTIME);
    script_expect_outcome(world, pos, "command.done", "");
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_RUNNING);
}

static void a_restart_goes_on_after_a_reboot(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_running(world, NULL, false);
    pos = world_submit(world, "container.restart", SCRIPT_ID, NULL);
    script_succeed(world, STEP_SIGNAL_STOP);
    world_restart(world, true, NULL, NULL);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_succeed(world, STEP_CREATE_RUNTIME);
    script_succeed(world, STEP_START_RUNTIME);
    script_expect_outcome(world, pos, "command.done", "");
}

/* The web container requires the other one. */
static void a_start_that_waits_goes_on_after_a_reboot(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_create_named(world, SCRIPT_OTHER, "other");
    (void)world_create_requiring(world, SCRIPT_ID, "web", "other");
    script_succeed(world, STEP_MAKE_DIRECTORIES);
    pos = world_submit(world, "container.start", SCRIPT_ID, NULL);
    (void)script_expect_step(world, STEP_CREATE_RUNTIME); /* of the other one */
    world_restart(world, true, NULL, NULL);
    script_expect_pending(world, pos);
    script_carry_out(world);
    script_expect_outcome(world, pos, "command.done", "");
    assert_int_equal(world_state(world, SCRIPT_OTHER), CONTAINER_RUNNING);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_RUNNING);
}

/* What it requires ran when the host went down, and has to run again first. */
static void a_start_asks_again_for_what_a_reboot_ended(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_create_named(world, SCRIPT_OTHER, "other");
    (void)world_submit(world, "container.start", SCRIPT_OTHER, NULL);
    script_carry_out(world);
    (void)world_create_requiring(world, SCRIPT_ID, "web", "other");
    script_succeed(world, STEP_MAKE_DIRECTORIES);
    pos = world_submit(world, "container.start", SCRIPT_ID, NULL);
    (void)script_expect_step(world, STEP_CREATE_RUNTIME);
    world_restart(world, true, NULL, NULL);
    script_carry_out(world);
    script_expect_outcome(world, pos, "command.done", "");
    assert_int_equal(world_state(world, SCRIPT_OTHER), CONTAINER_RUNNING);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_RUNNING);
}

static void what_was_created_is_cleaned_up_before_somebody_needs_it(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_create_named(world, SCRIPT_OTHER, "other");
    (void)world_submit(world, "container.init", SCRIPT_OTHER, NULL);
    script_carry_out(world);
    (void)world_create_requiring(world, SCRIPT_ID, "web", "other");
    script_succeed(world, STEP_MAKE_DIRECTORIES);
    pos = world_submit(world, "container.start", SCRIPT_ID, NULL);
    (void)script_expect_step(world, STEP_START_RUNTIME); /* of the other one */
    world_restart(world, true, NULL, NULL);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_carry_out(world);
    script_expect_outcome(world, pos, "command.done", "");
    assert_int_equal(world_state(world, SCRIPT_OTHER), CONTAINER_RUNNING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TEST(a_command_that_comes_twice_is_done_once),
        SCRIPT_TEST(an_init_that_was_cut_off_is_looked_at),
        SCRIPT_TEST(an_init_that_had_succeeded_is_taken_over),
        SCRIPT_TEST(what_ended_during_a_lost_start_had_been_started),
        SCRIPT_TEST(a_stop_keeps_its_deadline),
        SCRIPT_TEST(a_signal_of_unknown_fate_is_not_sent_twice),
        SCRIPT_TEST(a_passing_kill_is_taken_up_with_the_stop),
        SCRIPT_TEST(a_joined_stop_joins_again),
        SCRIPT_TEST(a_pending_restart_is_kept),
        SCRIPT_TEST(what_waits_in_the_queue_is_kept),
        SCRIPT_TEST(a_reboot_ends_what_ran),
        SCRIPT_TEST(a_reboot_takes_what_was_created_back),
        SCRIPT_TEST(a_stop_of_what_a_reboot_left_cleans_it_up),
        SCRIPT_TEST(a_reboot_restarts_what_is_to_run_always),
        SCRIPT_TEST(a_reboot_leaves_what_a_user_stopped),
        SCRIPT_TEST(a_reboot_runs_again_what_is_to_run_always_and_was_stopped),
        SCRIPT_TEST(a_reboot_does_not_start_what_never_ran),
        SCRIPT_TEST(a_reboot_counts_a_failure_of_what_ran),
        SCRIPT_TEST(an_exit_that_was_kept_is_told_after_a_reboot),
        SCRIPT_TEST(a_reboot_removes_what_removes_itself),
        SCRIPT_TEST(a_reboot_fails_a_start_that_may_have_run),
        SCRIPT_TEST(the_policy_goes_on_after_a_start_that_may_have_run),
        SCRIPT_TEST(a_reboot_begins_a_start_anew_that_had_no_effect),
        SCRIPT_TEST(a_restart_goes_on_after_a_reboot),
        SCRIPT_TEST(a_start_that_waits_goes_on_after_a_reboot),
        SCRIPT_TEST(a_start_asks_again_for_what_a_reboot_ended),
        SCRIPT_TEST(what_was_created_is_cleaned_up_before_somebody_needs_it),
    };

    return cmocka_run_group_tests_name("resume", tests, NULL, NULL);
}
