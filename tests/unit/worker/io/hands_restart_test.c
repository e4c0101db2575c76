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
#include <poll.h>
#include <sched.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/auto.h"
#include "common/mem.h"
#include "tests/support/hands_rig.h"
#include "worker/io/hands.h"
#include "worker/io/process.h"

#define DEADLINE_MS 100000
#define TRIES_MAX   20

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

/* Until somebody renames something to this name in the directory, or has done so before. */
static void wait_for_name(const char *directory, const char *name)
{
    autofree char *path = mem_text("%s/%s", directory, name);
    autoclose int fd = inotify_init1(IN_CLOEXEC);
    struct pollfd poller = { .fd = fd, .events = POLLIN };
    char buffer[4096];

    assert_true(inotify_add_watch(fd, directory, IN_MOVED_TO | IN_CLOSE_WRITE) >= 0);
    while (access(path, F_OK) < 0) {
        assert_int_equal(poll(&poller, 1, DEADLINE_MS), 1);
        assert_true(read(fd, buffer, sizeof(buffer)) > 0);
    }
}

/* Hands that end in order take conmon's parent and its session with them; a killed worker does not.
 * conmon has a session of its own soon. */
static void await_session(const char *pid_path)
{
    struct error err = { 0 };
    uint32_t pid;

    if (process_read_pid(pid_path, &pid, &err) < 0)
        fail_msg("%s", err.text);
    while (getsid((pid_t)pid) != (pid_t)pid) {
        assert_int_equal(kill((pid_t)pid, 0), 0);
        (void)sched_yield(); /* nobody tells of it */
    }
}

/* Begin an init, and leave it when conmon works and has not answered. */
static void leave_an_init(struct rig *rig, const char *directory)
{
    autofree char *conmon_pid = mem_text("%s/conmon.pid", directory);

    for (uint32_t run = 1; run < TRIES_MAX; run++) {
        rig->container.run = run;
        rig_begin(rig, hands_create_runtime);
        while (access(conmon_pid, F_OK) < 0 && !rig->is_step_done)
            assert_int_equal(event_base_loop(rig->loop, EVLOOP_ONCE), 0);
        if (!rig->is_step_done)
            break;
        rig_do(rig, hands_delete_runtime); /* conmon was quicker than we are */
        hands_forget_exit(rig->hands, rig->id, run);
    }
    assert_false(rig->is_step_done);
    await_session(conmon_pid);
    rig_close_hands(rig);
}

static void a_conmon_that_nobody_listens_to_goes_on(void **state)
{
    struct rig *rig = *state;
    autofree char *directory = mem_text("%s/run/containers/%s", rig->directory, rig->id);

    rig_set_script(rig, "exit 8");
    leave_an_init(rig, directory);
    wait_for_name(directory, "pidfile");
    rig_open_hands(rig);
    rig_watch_exits(rig);
    rig_do(rig, hands_resolve_create);
    rig_do(rig, hands_start_runtime);
    rig_wait_count(rig, &rig->exits, 1);
    assert_int_equal(rig->died.exit_code, 8);
    assert_false(rig->died.is_unknown);
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
        TEST(a_conmon_that_nobody_listens_to_goes_on),
        TEST(an_init_that_was_cut_off_is_undone),
        TEST(an_init_can_be_made_over_one_that_was_forgotten),
        TEST(an_init_that_is_cut_off_anywhere_leaves_nothing),
        TEST(stopping_in_the_middle_ends_every_step),
    };
    return cmocka_run_group_tests_name("hands_restart", tests, NULL, NULL);
}
