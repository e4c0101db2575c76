/*
 * Hands that begin where others were cut off: what lives is adopted, what ended meanwhile is told,
 * an init that was half done is finished or undone.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>

#include "tests/support/hands_rig.h"
#include "worker/io/hands.h"

static void a_new_worker_adopts_what_lives(void **state)
{
    struct rig *rig = *state;

    rig_set_script(rig, "trap 'exit 4' TERM; echo up; while :; do sleep 1; done");
    rig_start(rig);
    rig_wait_output(rig, "up");
    rig_close_hands(rig);
    rig_open_hands(rig);
    assert_true(rig_adopt(rig));
    rig_watch_exits(rig);
    rig_signal(rig, SIGTERM);
    rig_wait_count(rig, &rig->exits, 1);
    assert_int_equal(rig->died.exit_code, 4);
    rig_clear(rig);
}

static void an_exit_without_a_worker_is_told_to_the_next(void **state)
{
    struct rig *rig = *state;

    rig_set_script(rig, "trap 'exit 6' TERM; echo up; while :; do sleep 1; done");
    rig_start(rig);
    rig_wait_output(rig, "up");
    rig_close_hands(rig);
    assert_int_equal(kill((pid_t)rig->container.pid, SIGTERM), 0);
    rig_wait_conmon_death(rig);
    rig_open_hands(rig);
    assert_false(rig_adopt(rig));
    rig_watch_exits(rig);
    rig_wait_count(rig, &rig->exits, 1);
    assert_int_equal(rig->died.exit_code, 6);
    rig_clear(rig);
    assert_int_equal(rig->losses, 0);
}

static void a_dead_conmon_of_an_earlier_worker_is_a_lost_exit(void **state)
{
    struct rig *rig = *state;

    rig_set_script(rig, "exec sleep 1000");
    rig_start(rig);
    rig_close_hands(rig);
    assert_int_equal(kill((pid_t)rig->conmon_pid, SIGKILL), 0);
    rig_wait_conmon_death(rig);
    rig_open_hands(rig);
    rig_watch_exits(rig);
    assert_false(rig_adopt(rig));
    rig_wait_count(rig, &rig->losses, 1);
    assert_true(rig->died.is_unknown);
    rig_clear(rig);
}

static void an_init_that_was_through_is_taken_over(void **state)
{
    struct rig *rig = *state;
    uint32_t pid;

    rig_set_script(rig, "exit 8");
    rig_create(rig);
    pid = rig->container.pid;
    rig->container.pid = 0;
    rig_close_hands(rig);
    rig_open_hands(rig);
    rig_watch_exits(rig);
    rig_do(rig, hands_resolve_create);
    assert_int_equal(rig->container.pid, pid);
    rig_do(rig, hands_start_runtime);
    rig_wait_count(rig, &rig->exits, 1);
    assert_int_equal(rig->died.exit_code, 8);
    rig_clear(rig);
}

static void an_init_that_was_cut_off_is_undone(void **state)
{
    struct rig *rig = *state;

    rig_set_script(rig, "exit 8");
    rig_create(rig);
    rig_close_hands(rig);
    assert_int_equal(kill((pid_t)rig->conmon_pid, SIGKILL), 0);
    rig_wait_conmon_death(rig);
    rig_open_hands(rig);
    rig_fail(rig, hands_resolve_create, FAILURE_INTERNAL);
    rig_assert_run_gone(rig);
    assert_true(rig_is_init_dead(rig));
    rig_watch_exits(rig);
    rig_do(rig, hands_create_runtime);
    rig_do(rig, hands_start_runtime);
    rig_wait_count(rig, &rig->exits, 1);
    rig_clear(rig);
}

static void an_init_can_be_made_over_one_that_was_forgotten(void **state)
{
    struct rig *rig = *state;

    rig_set_script(rig, "exec sleep 1000");
    rig_create(rig);
    rig_close_hands(rig);
    rig_open_hands(rig);
    rig_watch_exits(rig);
    rig_set_script(rig, "exit 4");
    rig_do(rig, hands_create_runtime);
    rig_do(rig, hands_start_runtime);
    rig_wait_count(rig, &rig->exits, 1);
    assert_int_equal(rig->died.exit_code, 4);
    rig_clear(rig);
}

/* The worker is killed at any moment of the init: the next one finishes or undoes it, and a new
 * try always works. */
static void an_init_that_is_cut_off_anywhere_leaves_nothing(void **state)
{
    struct rig *rig = *state;

    rig_set_script(rig, "exit 0");
    for (int turns = 0; turns < 12; turns++) {
        rig->container.run = (uint32_t)turns + 1;
        rig_begin(rig, hands_create_runtime);
        for (int i = 0; i < turns && !rig->is_step_done; i++)
            (void)event_base_loop(rig->loop, EVLOOP_ONCE);
        rig_close_hands(rig);
        rig_open_hands(rig);
        rig_begin(rig, hands_resolve_create);
        rig_wait_step(rig);
        rig_do(rig, hands_create_runtime);
        rig_do(rig, hands_delete_runtime);
        hands_forget_exit(rig->hands, rig->id, rig->container.run);
    }
    rig_do(rig, hands_remove_directories);
}

static void stopping_in_the_middle_ends_every_step(void **state)
{
    struct rig *rig = *state;

    rig_begin(rig, hands_create_runtime);
    (void)event_base_loop(rig->loop, EVLOOP_ONCE);
    rig_close_hands(rig);
    assert_true(rig->is_step_done);
    assert_int_equal(rig->code, -ECANCELED);
    rig_open_hands(rig);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_worker_adopts_what_lives),
        TEST(an_exit_without_a_worker_is_told_to_the_next),
        TEST(a_dead_conmon_of_an_earlier_worker_is_a_lost_exit),
        TEST(an_init_that_was_through_is_taken_over),
        TEST(an_init_that_was_cut_off_is_undone),
        TEST(an_init_can_be_made_over_one_that_was_forgotten),
        TEST(an_init_that_is_cut_off_anywhere_leaves_nothing),
        TEST(stopping_in_the_middle_ends_every_step),
    };
    return cmocka_run_group_tests_name("hands_restart", tests, NULL, NULL);
}
