/*
 * The hands with real conmon, real runtimes and a root filesystem of one static busybox: a life of
 * a container from its directories to their removal, and what they do when the world fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/auto.h"
#include "common/io/files.h"
#include "common/mem.h"
#include "tests/support/hands_rig.h"
#include "worker/io/hands.h"
#include "worker/io/process.h"

static void a_container_lives_from_its_directories_to_their_removal(void **state)
{
    struct rig *rig = *state;
    autofree char *log = NULL;

    rig_set_script(rig, "echo hello; hostname; cat /etc/hosts; exit 7");
    rig_create(rig);
    assert_int_equal(rig->exits, 0);
    rig_do(rig, hands_start_runtime);
    rig_wait_count(rig, &rig->exits, 1);
    assert_int_equal(rig->died.exit_code, 7);
    assert_false(rig->died.is_unknown);
    assert_int_equal(rig->exit_run, 1);
    assert_true(rig->died.finished > 0);
    log = rig_read_log(rig);
    assert_non_null(strstr(log, "stdout F hello"));
    assert_non_null(strstr(log, "localhost"));
    rig_clear(rig);
    assert_int_equal(rig->exits, 1);
    assert_int_equal(rig->losses, 0);
}

static void the_probe_finds_a_runtime_that_works_and_leaves_nothing(void **state)
{
    struct rig *rig = *state;
    autofree char *leftover = mem_text("%s/run/probe/gantry-probe-crun-1/rootfs", rig->directory);

    assert_int_equal(files_make_directories(leftover, 0700, NULL), 0);
    rig_probe(rig);
    assert_string_not_equal(rig->runtime, "");
    assert_int_equal(strlen(hands_boot_id(rig->hands)), 36);
    rig_assert_gone(rig, "run/probe", "gantry-probe-crun-1");
}

static void steps_that_are_done_twice_succeed_twice(void **state)
{
    struct rig *rig = *state;

    rig_set_script(rig, "echo up; exec sleep 1000");
    rig_create(rig);
    rig_do(rig, hands_make_directories);
    rig_do(rig, hands_start_runtime);
    rig_do(rig, hands_start_runtime);
    rig_do(rig, hands_pause);
    rig_do(rig, hands_pause);
    rig_do(rig, hands_unpause);
    rig_do(rig, hands_unpause);
    rig_signal(rig, SIGKILL);
    rig_wait_count(rig, &rig->exits, 1);
    assert_int_equal(rig->died.exit_code, 128 + SIGKILL);
    rig_do(rig, hands_start_runtime);
    rig_signal(rig, SIGKILL);
    rig_do(rig, hands_delete_runtime);
    rig_do(rig, hands_delete_runtime);
    hands_forget_exit(rig->hands, rig->id, 1);
    hands_forget_exit(rig->hands, rig->id, 1);
    rig_do(rig, hands_remove_directories);
    rig_do(rig, hands_remove_directories);
}

static void a_root_filesystem_that_is_not_there_is_named(void **state)
{
    struct rig *rig = *state;
    static char path[] = "/nowhere/at/all";

    rig->config.rootfs = path;
    rig_fail(rig, hands_make_directories, FAILURE_ROOTFS);
    assert_non_null(strstr(rig->text, path));
    rig_assert_gone(rig, "state/containers", rig->id);
    rig_fail(rig, hands_create_runtime, FAILURE_ROOTFS);
}

static void a_command_that_is_not_there_is_undone(void **state)
{
    struct rig *rig = *state;
    static const char command[] = "no-such-command";

    rig_set_command(rig, command);
    rig_fail(rig, hands_create_runtime, FAILURE_NOT_FOUND);
    assert_non_null(strstr(rig->text, command));
    rig_assert_run_gone(rig);
    rig_set_script(rig, "exit 3");
    rig_start(rig);
    rig_wait_count(rig, &rig->exits, 1);
    assert_int_equal(rig->died.exit_code, 3);
    rig_clear(rig);
}

static void a_command_that_may_not_run_is_told_apart(void **state)
{
    struct rig *rig = *state;

    rig_set_command(rig, "/etc");
    rig_fail(rig, hands_create_runtime, FAILURE_PERMISSION_DENIED);
}

static void what_makes_no_sense_is_refused(void **state)
{
    struct rig *rig = *state;
    static char user[] = "nobody-of-the-name";
    static char runtime[] = "runq";

    rig->config.user = user;
    rig_fail(rig, hands_create_runtime, FAILURE_INVALID_ARGUMENT);
    assert_non_null(strstr(rig->text, user));
    rig->config.user = NULL;
    rig->config.runtime = runtime;
    rig_fail(rig, hands_create_runtime, FAILURE_NO_RUNTIME);
    assert_non_null(strstr(rig->text, runtime));
}

static void a_signal_reaches_the_process(void **state)
{
    struct rig *rig = *state;

    rig_set_script(rig, "trap 'exit 9' TERM; echo up; while :; do sleep 1; done");
    rig_start(rig);
    rig_wait_output(rig, "up");
    rig_signal(rig, SIGTERM);
    rig_wait_count(rig, &rig->exits, 1);
    assert_int_equal(rig->died.exit_code, 9);
    rig_clear(rig);
}

/* On a host that does not have that limit there is nothing to see. */
static void assert_pids_limit(const struct rig *rig, const char *expected)
{
    static const char *const mounts[] = { "/sys/fs/cgroup/pids", "/sys/fs/cgroup" };

    for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
        autofree char *path = mem_text("%s/gantry/%s/pids.max", mounts[i], rig->id);
        autofree char *text = NULL;

        if (files_read(AT_FDCWD, path, 64, &text, NULL, NULL) >= 0)
            assert_string_equal(text, expected);
    }
}

static void a_live_container_gets_new_limits(void **state)
{
    struct rig *rig = *state;

    rig_set_script(rig, "exec sleep 1000");
    rig_start(rig);
    rig->config.pids_limit = 77;
    rig_do(rig, hands_update_limits);
    rig_do(rig, hands_update_limits);
    assert_pids_limit(rig, "77\n");
    rig->config.cpu_quota_us = 20000;
    rig->config.pids_limit = 0;
    rig_do(rig, hands_update_limits);
    assert_pids_limit(rig, "2048\n");
    rig_signal(rig, SIGKILL);
    rig_wait_count(rig, &rig->exits, 1);
    rig_do(rig, hands_update_limits); /* too late to matter */
    rig_clear(rig);
}

static void a_paused_container_can_be_killed(void **state)
{
    struct rig *rig = *state;

    rig_set_script(rig, "exec sleep 1000");
    rig_start(rig);
    rig_do(rig, hands_pause);
    rig_signal(rig, SIGKILL);
    rig_wait_count(rig, &rig->exits, 1);
    assert_int_equal(rig->died.exit_code, 128 + SIGKILL);
    rig_clear(rig);
}

static void all_are_signalled_when_the_pid_namespace_is_the_hosts(void **state)
{
    struct rig *rig = *state;
    static char host[] = "host";

    rig->config.pid = host;
    rig_set_script(rig, "sleep 1000 & echo up; wait");
    rig_start(rig);
    rig_wait_output(rig, "up");
    rig_signal(rig, SIGKILL);
    rig_wait_count(rig, &rig->exits, 1);
    rig_clear(rig);
}

static void a_paused_container_can_be_deleted(void **state)
{
    struct rig *rig = *state;

    rig_set_script(rig, "exec sleep 1000");
    rig_start(rig);
    rig_do(rig, hands_pause);
    rig_do(rig, hands_delete_runtime);
    assert_true(rig_is_init_dead(rig));
    rig_clear(rig);
}

/* They outlive init, which was not the first of a PID namespace. */
static void what_outlives_init_is_ended_too(void **state)
{
    struct rig *rig = *state;
    static char host[] = "host";
    autofree char *log = NULL;
    unsigned long pid;
    struct process child = PROCESS_NONE;

    rig->config.pid = host;
    rig_set_script(rig, "sleep 1000 & echo child $!");
    log = rig_run(rig);
    assert_non_null(strstr(log, "child "));
    pid = strtoul(strstr(log, "child ") + strlen("child "), NULL, 10);
    assert_int_equal(process_open((uint32_t)pid, 0, &child, NULL), 0);
    assert_false(process_is_gone(&child));
    rig_clear(rig);
    assert_true(process_is_gone(&child));
    process_done(&child);
}

static void deleting_ends_what_lives(void **state)
{
    struct rig *rig = *state;

    rig_set_script(rig, "exec sleep 1000");
    rig_start(rig);
    rig_do(rig, hands_delete_runtime);
    rig_wait_count(rig, &rig->exits, 1);
    assert_true(rig_is_init_dead(rig));
    rig_clear(rig);
}

static void a_created_container_can_be_deleted(void **state)
{
    struct rig *rig = *state;

    rig_create(rig);
    rig_do(rig, hands_delete_runtime);
    assert_int_equal(rig->losses, 0);
    rig_clear(rig);
}

static void two_runs_have_each_their_exit(void **state)
{
    struct rig *rig = *state;

    rig_set_script(rig, "exit 1");
    rig_start(rig);
    rig_wait_count(rig, &rig->exits, 1);
    assert_int_equal(rig->exit_run, 1);
    rig_do(rig, hands_delete_runtime);
    rig->container.run = 2;
    rig_set_script(rig, "exit 2");
    rig_do(rig, hands_create_runtime);
    rig_do(rig, hands_start_runtime);
    rig_wait_count(rig, &rig->exits, 2);
    assert_int_equal(rig->exit_run, 2);
    assert_int_equal(rig->died.exit_code, 2);
    rig_clear(rig);
}

static void a_dead_conmon_is_a_lost_exit(void **state)
{
    struct rig *rig = *state;

    rig_set_script(rig, "exec sleep 1000");
    rig_start(rig);
    assert_int_equal(kill((pid_t)rig->conmon_pid, SIGKILL), 0);
    rig_wait_count(rig, &rig->losses, 1);
    assert_true(rig->died.is_unknown);
    assert_true(rig->died.finished > 0);
    assert_int_equal(rig->exits, 0);
    rig_clear(rig);
}

static void half_an_exit_file_goes_with_its_run(void **state)
{
    struct rig *rig = *state;
    autofree char *half = mem_text("%s/run/exits/%s-1.A1B2C3", rig->directory, rig->id);
    autofree char *others = mem_text("%s/run/exits/%s-12", rig->directory, rig->id);

    rig_set_script(rig, "exec sleep 1000");
    rig_start(rig);
    assert_int_equal(kill((pid_t)rig->conmon_pid, SIGKILL), 0);
    rig_wait_count(rig, &rig->losses, 1);
    assert_int_equal(files_replace(AT_FDCWD, half, bytes_of_text("1"), 0600, false, NULL), 0);
    assert_int_equal(files_replace(AT_FDCWD, others, bytes_of_text("1"), 0600, false, NULL), 0);
    hands_forget_exit(rig->hands, rig->id, 1);
    assert_int_equal(access(half, F_OK), -1);
    assert_int_equal(unlink(others), 0);
    rig_clear(rig);
}

static void a_dead_conmon_of_a_paused_container_is_a_lost_exit(void **state)
{
    struct rig *rig = *state;

    rig_set_script(rig, "exec sleep 1000");
    rig_start(rig);
    rig_do(rig, hands_pause);
    assert_int_equal(kill((pid_t)rig->conmon_pid, SIGKILL), 0);
    rig_wait_count(rig, &rig->losses, 1);
    assert_true(rig_is_init_dead(rig));
    rig_clear(rig);
}

static void an_exit_directory_that_is_removed_is_made_again(void **state)
{
    struct rig *rig = *state;
    autofree char *exits = mem_text("%s/run/exits", rig->directory);

    rig_set_script(rig, "exit 5");
    rig_create(rig);
    assert_int_equal(files_remove_tree(AT_FDCWD, exits, NULL), 0);
    rig_do(rig, hands_start_runtime);
    rig_wait_count(rig, &rig->exits, 1);
    assert_int_equal(rig->died.exit_code, 5);
    rig_clear(rig);
}

static void want_of_memory_is_noticed(void **state)
{
    struct rig *rig = *state;

    rig->config.memory_bytes = 32 * 1024 * 1024;
    rig_set_script(rig, "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done");
    rig_start(rig);
    rig_wait_count(rig, &rig->exits, 1);
    assert_true(rig->died.oom_killed);
    rig_clear(rig);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_probe_finds_a_runtime_that_works_and_leaves_nothing),
        TEST(a_container_lives_from_its_directories_to_their_removal),
        TEST(steps_that_are_done_twice_succeed_twice),
        TEST(a_root_filesystem_that_is_not_there_is_named),
        TEST(a_command_that_is_not_there_is_undone),
        TEST(a_command_that_may_not_run_is_told_apart),
        TEST(what_makes_no_sense_is_refused),
        TEST(a_signal_reaches_the_process),
        TEST(a_live_container_gets_new_limits),
        TEST(a_paused_container_can_be_killed),
        TEST(all_are_signalled_when_the_pid_namespace_is_the_hosts),
        TEST(a_paused_container_can_be_deleted),
        TEST(what_outlives_init_is_ended_too),
        TEST(deleting_ends_what_lives),
        TEST(a_created_container_can_be_deleted),
        TEST(two_runs_have_each_their_exit),
        TEST(a_dead_conmon_is_a_lost_exit),
        TEST(half_an_exit_file_goes_with_its_run),
        TEST(a_dead_conmon_of_a_paused_container_is_a_lost_exit),
        TEST(an_exit_directory_that_is_removed_is_made_again),
        TEST(want_of_memory_is_noticed),
    };
    return cmocka_run_group_tests_name("hands", tests, NULL, NULL);
}
