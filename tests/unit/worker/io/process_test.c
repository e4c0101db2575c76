/* Processes by pid, start time and descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/auto.h"
#include "common/bytes.h"
#include "common/io/files.h"
#include "common/io/spawn.h"
#include "common/mem.h"
#include "worker/io/process.h"

#define PATIENCE_MS 60000

/* A shell that waits for a line that never comes; it has begun when this returns, so that its
 * command line is its own. The words behind are for show. */
static pid_t start_sleeper(const char *option, const char *name)
{
    const char *argv[] = { "/bin/sh", "-c", "echo; read never", option, name, NULL };
    int input[2];
    int output[2];
    struct spawn_fd fds[] = { { .theirs = 0 }, { .theirs = 1 } };
    struct spawn_request request = { .argv = argv, .fds = fds, .fd_count = 2 };
    pid_t pid = -1;
    char byte;

    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    fds[0].ours = input[0];
    fds[1].ours = output[1];
    assert_int_equal(spawn_detached(&request, &pid, NULL), 0);
    (void)close(input[0]); /* the other end stays open, as long as the test runs */
    (void)close(output[1]);
    assert_int_equal(read(output[0], &byte, 1), 1);
    (void)close(output[0]);
    return pid;
}

static void reap(pid_t pid)
{
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void only_the_one_that_started_then_is_opened(void **unused)
{
    pid_t pid = start_sleeper("-x", "y");
    struct process process = PROCESS_NONE;
    struct process again = PROCESS_NONE;

    (void)unused;
    assert_int_equal(process_open((uint32_t)pid, 0, &process, NULL), 0);
    assert_true(process.started > 0);
    assert_int_equal(process_open((uint32_t)pid, process.started, &again, NULL), 0);
    process_done(&again);
    assert_int_equal(process_open((uint32_t)pid, process.started + 1, &again, NULL), -ESRCH);
    assert_false(process_is_gone(&process));
    assert_int_equal(process_kill(&process, PATIENCE_MS, NULL), 0);
    assert_true(process_is_gone(&process)); /* dead, and not yet reaped */
    reap(pid);
    assert_int_equal(process_kill(&process, PATIENCE_MS, NULL), 0);
    assert_int_equal(process_signal(&process, SIGTERM, NULL), -ESRCH);
    process_done(&process);
    assert_true(process_is_gone(&process));
}

static void nobody_has_no_pid(void **unused)
{
    struct process process = PROCESS_NONE;

    (void)unused;
    assert_int_equal(process_open(0, 0, &process, NULL), -ESRCH);
    assert_int_equal(process_open(UINT32_MAX, 0, &process, NULL), -ESRCH);
}

static void a_child_is_told_from_a_stranger(void **unused)
{
    pid_t pid = start_sleeper("-x", "y");
    struct process process = PROCESS_NONE;

    (void)unused;
    assert_int_equal(process_open_child((uint32_t)pid, (uint32_t)getpid(), &process, NULL), 0);
    process_done(&process);
    assert_int_equal(process_open_child((uint32_t)pid, 1, &process, NULL), -ESRCH);
    assert_int_equal(kill(pid, SIGKILL), 0);
    reap(pid);
}

static void conmon_is_found_by_its_words(void **unused)
{
    autofree char *name = mem_text("only-of-the-test-%d", (int)getpid());
    pid_t pid = start_sleeper("-u", name);
    autofree char *pidfile = mem_text("/run/gantry-process-test-%d/pidfile", (int)getpid());
    pid_t maker = start_sleeper("--pid-file", pidfile);
    pid_t other = start_sleeper("-c", name);
    struct process process = PROCESS_NONE;

    (void)unused;
    assert_int_equal(process_find_conmon(name, &process, NULL), 0);
    assert_int_equal(process.pid, pid);
    assert_int_equal(process_kill_makers(name, pidfile, PATIENCE_MS, NULL), 0);
    assert_true(process_is_gone(&process));
    process_done(&process);
    reap(pid);
    reap(maker);
    assert_int_equal(process_find_conmon(name, &process, NULL), -ENOENT);
    assert_int_equal(kill(other, SIGKILL), 0);
    reap(other);
}

static void late_calls_of_a_runtime_are_ended_and_nobody_elses(void **unused)
{
    const char *root = "/run/gantry-process-test/runtime";
    pid_t late = start_sleeper("--root", root);
    pid_t other = start_sleeper("--root", "/run/gantry-process-test/runtime2");
    int status = 0;

    (void)unused;
    assert_int_equal(process_await_calls(root, PATIENCE_MS / 1000, NULL), 0);
    assert_int_equal(waitpid(late, &status, WNOHANG), late);
    assert_int_equal(waitpid(other, &status, WNOHANG), 0);
    assert_int_equal(process_await_calls(root, PATIENCE_MS, NULL), 0);
    assert_int_equal(kill(other, SIGKILL), 0);
    reap(other);
}

static void a_pid_file_holds_a_pid_and_nothing_else(void **unused)
{
    static const char *const bad[] = { "", "x", "-1", "0", "12x", "99999999999" };
    char directory[] = "/tmp/gantry-process-XXXXXX";
    autoclose int fd = -1;
    char path[64];
    uint32_t pid = 0;

    (void)unused;
    assert_non_null(mkdtemp(directory));
    fd = open(directory, O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(snprintf(path, sizeof(path), "%s/pid", directory) > 0);
    assert_int_equal(process_read_pid(path, &pid, NULL), -ENOENT);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(files_replace(fd, "pid", bytes_of_text(bad[i]), 0600, 0, NULL), 0);
        assert_int_equal(process_read_pid(path, &pid, NULL), -EBADMSG);
    }
    assert_int_equal(files_replace(fd, "pid", bytes_of_text("4711\n"), 0600, 0, NULL), 0);
    assert_int_equal(process_read_pid(path, &pid, NULL), 0);
    assert_int_equal(pid, 4711);
    assert_int_equal(files_remove_tree(AT_FDCWD, directory, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_one_that_started_then_is_opened),
        cmocka_unit_test(nobody_has_no_pid),
        cmocka_unit_test(a_child_is_told_from_a_stranger),
        cmocka_unit_test(conmon_is_found_by_its_words),
        cmocka_unit_test(late_calls_of_a_runtime_are_ended_and_nobody_elses),
        cmocka_unit_test(a_pid_file_holds_a_pid_and_nothing_else),
    };
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
