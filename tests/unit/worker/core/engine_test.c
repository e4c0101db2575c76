/*
 * The engine, told what happened step by step: what it asks for, what it journals, how commands
 * end. The world is scripted: a test answers every action itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "schemas/commands.h"
#include "tests/support/engine_script.h"
#include "worker/core/plan.h"
#include "worker/core/unit.h"

/* --- one operation after the other */

static void a_whole_life_is_told_in_order(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_running(world, NULL, false);
    pos = script_stop(world, 10);
    script_succeed(world, STEP_SIGNAL_STOP);
    script_exit(world, 1, 0);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_expect_outcome(world, pos, "command.done", "");
    pos = world_submit(world, "container.remove", SCRIPT_ID, NULL);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_succeed(world, STEP_REMOVE_DIRECTORIES);
    script_expect_outcome(world, pos, "command.done", "");
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_STATE_COUNT);
    script_expect_trace(world, 0,
                        "container.created command.done container.initialized container.started "
                        "command.done container.stopping container.died container.cleaned "
                        "command.done container.removing container.removed command.done");
    assert_int_equal(world_kept_commands(world), 0);
}

static void nothing_is_done_before_its_intent_is_durable(void **state)
{
    struct engine_world *world = *state;

    world_set_auto_commit(world, false);
    (void)world_create(world, SCRIPT_ID, "web", NULL, false);
    script_expect_nothing(world);
    assert_int_equal(world_kept_commands(world), 0);
    world_commit(world);
    (void)script_expect_step(world, STEP_MAKE_DIRECTORIES);
    assert_int_equal(world_kept_commands(world), 1);
}

static void a_create_that_fails_is_taken_back(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos = world_create(world, SCRIPT_ID, "web", NULL, false);

    script_fail(world, STEP_MAKE_DIRECTORIES, FAILURE_ROOTFS);
    script_succeed(world, STEP_REMOVE_DIRECTORIES);
    script_expect_outcome(world, pos, "command.failed", "rootfs");
    script_expect_trace(world, 0, "command.failed");
    script_create(world, NULL, false); /* the id and the name are free again */
}

static void a_failed_init_can_be_tried_again(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;
    size_t mark;

    script_create(world, NULL, false);
    mark = world_event_count(world);
    pos = world_submit(world, "container.start", SCRIPT_ID, NULL);
    script_fail(world, STEP_CREATE_RUNTIME, FAILURE_NOT_FOUND);
    script_expect_nothing(world);
    script_expect_outcome(world, pos, "command.failed", "not-found");
    script_expect_trace(world, mark, "container.init_failed command.failed");
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_CONFIGURED);
    script_start(world);
}

static void a_failed_start_undoes_the_init(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_create(world, NULL, false);
    pos = world_submit(world, "container.start", SCRIPT_ID, NULL);
    script_succeed(world, STEP_CREATE_RUNTIME);
    script_fail(world, STEP_START_RUNTIME, FAILURE_PERMISSION_DENIED);
    script_expect_pending(world, pos);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_expect_outcome(world, pos, "command.failed", "permission-denied");
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_CONFIGURED);
    script_start(world);
}

static void a_failed_start_of_what_removes_itself_removes_it(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_create(world, NULL, true);
    pos = world_submit(world, "container.start", SCRIPT_ID, NULL);
    script_fail(world, STEP_CREATE_RUNTIME, FAILURE_NOT_FOUND);
    script_expect_outcome(world, pos, "command.failed", "not-found");
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_succeed(world, STEP_REMOVE_DIRECTORIES);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_STATE_COUNT);
}

static void an_undo_that_fails_is_tried_again_later(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_create(world, NULL, false);
    pos = world_submit(world, "container.start", SCRIPT_ID, NULL);
    script_succeed(world, STEP_CREATE_RUNTIME);
    script_fail(world, STEP_START_RUNTIME, FAILURE_RUNTIME);
    script_fail(world, STEP_DELETE_RUNTIME, FAILURE_RUNTIME);
    script_expect_outcome(world, pos, "command.failed", "runtime");
    script_fail(world, STEP_DELETE_RUNTIME, FAILURE_RUNTIME);
    script_expect_nothing(world);
    world_advance_ms(world, RETRY_DELAY_MIN_MS);
    script_succeed(world, STEP_DELETE_RUNTIME);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_CONFIGURED);
}

static void an_exit_during_a_start_comes_after_it(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;
    size_t mark;

    script_create(world, NULL, false);
    mark = world_event_count(world);
    pos = world_submit(world, "container.start", SCRIPT_ID, NULL);
    script_succeed(world, STEP_CREATE_RUNTIME);
    (void)script_expect_step(world, STEP_START_RUNTIME);
    script_exit(world, 1, 3);
    script_succeed(world, STEP_START_RUNTIME);
    script_expect_outcome(world, pos, "command.done", "");
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_expect_trace(world, mark,
                        "container.initialized container.started container.died command.done "
                        "container.cleaned");
}

static void an_init_that_dies_before_its_start_is_no_success(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_create(world, NULL, false);
    pos = world_submit(world, "container.start", SCRIPT_ID, NULL);
    (void)script_expect_step(world, STEP_CREATE_RUNTIME);
    script_exit(world, 1, 1);
    script_succeed(world, STEP_CREATE_RUNTIME);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_expect_outcome(world, pos, "command.failed", "state-improper");
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_EXITED);
}

static void exits_of_other_runs_are_forgotten_without_a_word(void **state)
{
    struct engine_world *world = *state;
    size_t mark;

    script_running(world, NULL, false);
    mark = world_event_count(world);
    script_exit(world, 0, 1);
    assert_int_equal(world_action(world, 0).kind, ACTION_FORGET_EXIT);
    world_answer(world, 0, NULL);
    script_exit(world, 7, 1);
    assert_int_equal(world_action(world, 0).kind, ACTION_FORGET_EXIT);
    world_answer(world, 0, NULL);
    world_exit(world, SCRIPT_OTHER, 1, &(struct container_died){ 0 });
    assert_int_equal(world_action(world, 0).kind, ACTION_FORGET_EXIT);
    assert_int_equal(world_event_count(world), mark);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_RUNNING);
}

/* --- refusals */

static void what_makes_no_sense_is_refused(void **state)
{
    struct engine_world *world = *state;

    script_expect_refused(world, world_submit(world, "container.start", SCRIPT_ID, NULL),
                          "no-container");
    script_create(world, NULL, false);
    script_expect_refused(world, world_create(world, SCRIPT_ID, "other", NULL, false),
                          "container-exists");
    script_expect_refused(world, world_create(world, SCRIPT_OTHER, "web", NULL, false),
                          "container-exists");
    script_expect_refused(world, world_submit(world, "container.pause", SCRIPT_ID, NULL),
                          "state-improper");
    script_expect_refused(world, script_kill(world, 65), "invalid-argument");
    script_start(world);
    script_expect_refused(world, world_submit(world, "container.start", SCRIPT_ID, NULL),
                          "state-improper");
    script_expect_nothing(world);
}

static void a_full_journal_refuses_commands_and_goes_on(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_running(world, NULL, false);
    engine_set_full(world_engine(world), true);
    script_expect_refused(world, script_stop(world, 1), "busy");
    script_exit(world, 1, 0);
    script_succeed(world, STEP_DELETE_RUNTIME);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_EXITED);
    engine_set_full(world_engine(world), false);
    pos = world_submit(world, "container.remove", SCRIPT_ID, NULL);
    script_expect_pending(world, pos);
}

static void a_queue_has_an_end(void **state)
{
    struct engine_world *world = *state;

    script_running(world, NULL, false);
    (void)world_submit(world, "container.pause", SCRIPT_ID, NULL);
    for (unsigned i = 1; i < UNIT_COMMANDS_MAX; i++)
        script_expect_pending(world, world_submit(world, "container.unpause", SCRIPT_ID, NULL));
    script_expect_refused(world, world_submit(world, "container.unpause", SCRIPT_ID, NULL), "busy");
    script_succeed(world, STEP_PAUSE);
    script_succeed(world, STEP_UNPAUSE);
    assert_int_equal(world_kept_commands(world), 0); /* the others are improper now */
}

static void a_command_past_its_deadline_expires(void **state)
{
    struct engine_world *world = *state;
    uint64_t deadline;
    uint64_t pos;

    script_running(world, NULL, false);
    (void)world_submit(world, "container.pause", SCRIPT_ID, NULL);
    deadline = world_now(world).wall_ns + 5000000;
    pos = world_submit_until(world, "container.unpause", SCRIPT_ID, NULL, deadline);
    world_advance_ms(world, 6);
    script_succeed(world, STEP_PAUSE);
    script_expect_outcome(world, pos, "command.expired", "expired");
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_PAUSED);
}

static void restart_policies_wait_while_the_journal_is_full(void **state)
{
    struct engine_world *world = *state;

    script_running(world, "always", false);
    engine_set_full(world_engine(world), true);
    script_exit(world, 1, 1);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_expect_refused(world, world_submit(world, "container.start", SCRIPT_ID, NULL), "busy");
    assert_int_equal(engine_deadline_ms(world_engine(world)), UINT64_MAX);
    world_advance_ms(world, 3600000);
    script_expect_nothing(world);
    engine_set_full(world_engine(world), false);
    world_advance_ms(world, 0);
    (void)script_expect_step(world, STEP_CREATE_RUNTIME);
}

/* --- stop and kill */

static void a_stop_becomes_a_kill_in_time(void **state)
{
    struct engine_world *world = *state;
    struct world_action action;
    uint64_t pos;

    script_running(world, NULL, false);
    pos = script_stop(world, 10);
    action = script_expect_step(world, STEP_SIGNAL_STOP);
    assert_int_equal(action.signal, SIGTERM);
    script_succeed(world, STEP_SIGNAL_STOP);
    world_advance_ms(world, 9999);
    script_expect_nothing(world);
    world_advance_ms(world, 1);
    action = script_expect_step(world, STEP_SIGNAL_KILL);
    assert_int_equal(action.signal, SIGKILL);
    script_succeed(world, STEP_SIGNAL_KILL);
    script_expect_nothing(world);
    script_exit(world, 1, 137);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_expect_outcome(world, pos, "command.done", "");
}

static void a_stop_in_no_time_kills_at_once(void **state)
{
    struct engine_world *world = *state;

    script_running(world, NULL, false);
    (void)script_stop(world, 0);
    script_succeed(world, STEP_SIGNAL_KILL);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_STOPPING);
}

static void a_stop_that_cannot_kill_fails_and_the_watch_goes_on(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_running(world, NULL, false);
    pos = script_stop(world, 0);
    script_succeed(world, STEP_SIGNAL_KILL);
    world_advance_ms(world, DEATH_WAIT_MS);
    script_expect_outcome(world, pos, "command.failed", "runtime");
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_STOPPING);
    script_exit(world, 1, 137);
    script_succeed(world, STEP_DELETE_RUNTIME);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_EXITED);
}

static void a_created_one_is_stopped_by_a_kill(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_create(world, NULL, false);
    (void)world_submit(world, "container.init", SCRIPT_ID, NULL);
    script_succeed(world, STEP_CREATE_RUNTIME);
    pos = script_stop(world, 10);
    script_succeed(world, STEP_SIGNAL_KILL);
    script_exit(world, 1, 137);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_expect_outcome(world, pos, "command.done", "");
}

static void a_less_patient_stop_joins_and_shortens(void **state)
{
    struct engine_world *world = *state;
    uint64_t patient;
    uint64_t hasty;

    script_running(world, NULL, false);
    patient = script_stop(world, 600);
    script_succeed(world, STEP_SIGNAL_STOP);
    hasty = script_stop(world, 1);
    script_expect_nothing(world);
    world_advance_ms(world, 1000);
    script_succeed(world, STEP_SIGNAL_KILL);
    script_exit(world, 1, 137);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_expect_outcome(world, patient, "command.done", "");
    script_expect_outcome(world, hasty, "command.done", "");
}

static void a_kill_passes_a_stop_that_waits(void **state)
{
    struct engine_world *world = *state;
    uint64_t stopped;
    uint64_t killed;

    script_running(world, NULL, false);
    stopped = script_stop(world, 600);
    script_succeed(world, STEP_SIGNAL_STOP);
    killed = script_kill(world, SIGKILL);
    script_succeed(world, STEP_SIGNAL_ASKED);
    script_expect_pending(world, killed); /* it has not died yet */
    script_exit(world, 1, 137);
    script_expect_outcome(world, killed, "command.done", "");
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_expect_outcome(world, stopped, "command.done", "");
}

static void a_forced_remove_hastens_a_stop(void **state)
{
    struct engine_world *world = *state;
    struct container_remove message = { .force = true, .timeout_s = { true, 0 } };
    uint64_t stopped;
    uint64_t removed;

    script_running(world, NULL, false);
    stopped = script_stop(world, 600);
    script_succeed(world, STEP_SIGNAL_STOP);
    removed = world_submit(world, "container.remove", SCRIPT_ID, &message);
    script_succeed(world, STEP_SIGNAL_KILL);
    script_exit(world, 1, 137);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_expect_outcome(world, stopped, "command.done", "");
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_succeed(world, STEP_REMOVE_DIRECTORIES);
    script_expect_outcome(world, removed, "command.done", "");
}

static void a_kill_behind_a_start_waits_its_turn(void **state)
{
    struct engine_world *world = *state;
    uint64_t killed;

    script_running(world, NULL, false);
    (void)script_stop(world, 600);
    script_succeed(world, STEP_SIGNAL_STOP);
    (void)world_submit(world, "container.start", SCRIPT_ID, NULL);
    killed = script_kill(world, SIGKILL);
    script_expect_nothing(world);
    script_exit(world, 1, 0);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_succeed(world, STEP_CREATE_RUNTIME);
    script_succeed(world, STEP_START_RUNTIME);
    script_succeed(world, STEP_SIGNAL_ASKED);
    script_exit(world, 2, 137);
    script_expect_outcome(world, killed, "command.done", "");
}

static void a_forced_remove_thaws_what_it_kills(void **state)
{
    struct engine_world *world = *state;
    struct container_remove message = { .force = true };
    uint64_t pos;

    script_running(world, NULL, false);
    (void)world_submit(world, "container.pause", SCRIPT_ID, NULL);
    script_succeed(world, STEP_PAUSE);
    pos = world_submit(world, "container.remove", SCRIPT_ID, &message);
    script_succeed(world, STEP_SIGNAL_KILL);
    script_fail(world, STEP_UNPAUSE, FAILURE_RUNTIME); /* it is dead: there is nothing to thaw */
    script_succeed(world, STEP_SIGNAL_KILL);
    script_exit(world, 1, 137);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_succeed(world, STEP_REMOVE_DIRECTORIES);
    script_expect_outcome(world, pos, "command.done", "");
}

static void a_removal_that_has_begun_is_taken_up_again(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_create(world, NULL, false);
    pos = world_submit(world, "container.remove", SCRIPT_ID, NULL);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_fail(world, STEP_REMOVE_DIRECTORIES, FAILURE_DISK);
    script_expect_outcome(world, pos, "command.failed", "disk");
    world_advance_ms(world, RETRY_DELAY_MIN_MS);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_succeed(world, STEP_REMOVE_DIRECTORIES);
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_STATE_COUNT);
}

static void commands_behind_a_removal_find_no_container(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_create(world, NULL, false);
    (void)world_submit(world, "container.remove", SCRIPT_ID, NULL);
    pos = world_submit(world, "container.start", SCRIPT_ID, NULL);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_succeed(world, STEP_REMOVE_DIRECTORIES);
    script_expect_refused(world, pos, "no-container");
}

static void a_restart_is_a_stop_and_a_start(void **state)
{
    struct engine_world *world = *state;
    uint64_t pos;

    script_running(world, NULL, false);
    pos = world_submit(world, "container.restart", SCRIPT_ID, NULL);
    script_succeed(world, STEP_SIGNAL_STOP);
    script_exit(world, 1, 0);
    script_succeed(world, STEP_DELETE_RUNTIME);
    script_succeed(world, STEP_CREATE_RUNTIME);
    script_succeed(world, STEP_START_RUNTIME);
    script_expect_outcome(world, pos, "command.done", "");
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_RUNNING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TEST(a_whole_life_is_told_in_order),
        SCRIPT_TEST(nothing_is_done_before_its_intent_is_durable),
        SCRIPT_TEST(a_create_that_fails_is_taken_back),
        SCRIPT_TEST(a_failed_init_can_be_tried_again),
        SCRIPT_TEST(a_failed_start_undoes_the_init),
        SCRIPT_TEST(a_failed_start_of_what_removes_itself_removes_it),
        SCRIPT_TEST(an_undo_that_fails_is_tried_again_later),
        SCRIPT_TEST(an_exit_during_a_start_comes_after_it),
        SCRIPT_TEST(an_init_that_dies_before_its_start_is_no_success),
        SCRIPT_TEST(exits_of_other_runs_are_forgotten_without_a_word),
        SCRIPT_TEST(what_makes_no_sense_is_refused),
        SCRIPT_TEST(a_full_journal_refuses_commands_and_goes_on),
        SCRIPT_TEST(a_queue_has_an_end),
        SCRIPT_TEST(a_command_past_its_deadline_expires),
        SCRIPT_TEST(restart_policies_wait_while_the_journal_is_full),
        SCRIPT_TEST(a_stop_becomes_a_kill_in_time),
        SCRIPT_TEST(a_stop_in_no_time_kills_at_once),
        SCRIPT_TEST(a_stop_that_cannot_kill_fails_and_the_watch_goes_on),
        SCRIPT_TEST(a_created_one_is_stopped_by_a_kill),
        SCRIPT_TEST(a_less_patient_stop_joins_and_shortens),
        SCRIPT_TEST(a_kill_passes_a_stop_that_waits),
        SCRIPT_TEST(a_forced_remove_hastens_a_stop),
        SCRIPT_TEST(a_kill_behind_a_start_waits_its_turn),
        SCRIPT_TEST(a_forced_remove_thaws_what_it_kills),
        SCRIPT_TEST(a_removal_that_has_begun_is_taken_up_again),
        SCRIPT_TEST(commands_behind_a_removal_find_no_container),
        SCRIPT_TEST(a_restart_is_a_stop_and_a_start),
    };

    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
