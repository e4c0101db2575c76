/* Commands that are taken back: what has not begun ends, what has begun goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "schemas/commands.h"
#include "tests/support/engine_script.h"

static void what_waits_is_cancelled_and_what_is_behind_it_goes_on(void **state)
{
    struct engine_world *world = *state;
    uint64_t kill;
    uint64_t behind;
    uint64_t cancel;

    script_running(world, NULL, false);
    (void)world_submit(world, "container.pause", SCRIPT_ID, NULL);
    kill = script_kill(world, SIGKILL);
    behind = world_submit(world, "container.unpause", SCRIPT_ID, NULL);
    cancel = world_cancel(world, kill);
    script_expect_refused(world, kill, "cancelled");
    script_expect_outcome(world, cancel, "command.done", "");
    script_succeed(world, STEP_PAUSE);
    script_succeed(world, STEP_UNPAUSE);
    script_expect_outcome(world, behind, "command.done", "");
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_RUNNING);
}

static void what_has_begun_or_ended_is_not_cancelled(void **state)
{
    struct engine_world *world = *state;
    uint64_t pause;

    script_running(world, NULL, false);
    pause = world_submit(world, "container.pause", SCRIPT_ID, NULL);
    script_expect_refused(world, world_cancel(world, pause), "no-command");
    script_succeed(world, STEP_PAUSE);
    script_expect_outcome(world, pause, "command.done", "");
    script_expect_refused(world, world_cancel(world, pause), "no-command");
    script_expect_outcome(world, pause, "command.done", "");
}

static void a_cancel_in_the_same_page_wins(void **state)
{
    struct engine_world *world = *state;
    uint64_t pause;
    uint64_t first;
    uint64_t second;

    script_running(world, NULL, false);
    world_hold(world);
    pause = world_submit(world, "container.pause", SCRIPT_ID, NULL);
    first = world_cancel(world, pause);
    second = world_cancel(world, pause);
    world_deliver(world);
    script_expect_nothing(world);
    script_expect_refused(world, pause, "cancelled");
    script_expect_outcome(world, first, "command.done", "");
    script_expect_refused(world, second, "no-command");
    assert_int_equal(world_state(world, SCRIPT_ID), CONTAINER_RUNNING);
}

static void a_cancel_of_an_unheard_command_wins_over_a_crash_too(void **state)
{
    struct engine_world *world = *state;
    uint64_t pause;
    uint64_t cancel;

    script_running(world, NULL, false);
    world_hold(world);
    world_set_auto_commit(world, false);
    pause = world_submit(world, "container.pause", SCRIPT_ID, NULL);
    cancel = world_cancel(world, pause);
    world_deliver(world);
    world_restart(world, false, NULL, NULL); /* nothing of the page was durable */
    world_commit(world);
    script_expect_nothing(world);
    script_expect_refused(world, pause, "cancelled");
    script_expect_outcome(world, cancel, "command.done", "");
}

static void a_cancel_that_comes_too_late_expires(void **state)
{
    struct engine_world *world = *state;
    struct command_cancel body;
    uint64_t pause;
    uint64_t cancel;

    script_running(world, NULL, false);
    world_hold(world);
    pause = world_submit(world, "container.pause", SCRIPT_ID, NULL);
    body.id = command_id_make(7, pause);
    cancel = world_submit_until(world, "command.cancel", SCRIPT_ID, &body, 1);
    world_deliver(world);
    script_succeed(world, STEP_PAUSE);
    script_expect_outcome(world, pause, "command.done", "");
    script_expect_outcome(world, cancel, "command.expired", "expired");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TEST(what_waits_is_cancelled_and_what_is_behind_it_goes_on),
        SCRIPT_TEST(what_has_begun_or_ended_is_not_cancelled),
        SCRIPT_TEST(a_cancel_in_the_same_page_wins),
        SCRIPT_TEST(a_cancel_of_an_unheard_command_wins_over_a_crash_too),
        SCRIPT_TEST(a_cancel_that_comes_too_late_expires),
    };

    return cmocka_run_group_tests_name("cancel", tests, NULL, NULL);
}
