/* Children: what they get, what they leave, and that each ends in one `done`. */
#include "common/io/spawn.h"

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
#include <event2/event.h>

#include "common/mem.h"

#define OUTPUT_MAX  4096
#define DEADLINE_MS 60000

/* What `done` was told. */
struct told {
    struct event_base *loop;
    unsigned count;
    int status;
    int failure;
    char *output;
};

static void remember(void *owner, const struct spawn_result *result)
{
    struct told *told = owner;

    told->count++;
    told->status = result->status;
    told->failure = result->failure;
    free(told->output);
    told->output = mem_dup_text(result->output);
    (void)event_base_loopbreak(told->loop);
}

static struct spawn_request shell(const char *const *argv)
{
    return (
        struct spawn_request){ .argv = argv, .output_max = OUTPUT_MAX, .timeout_ms = DEADLINE_MS };
}

#define SHELL(script) ((const char *const[]){ "/bin/sh", "-c", (script), NULL })

/* Run it on a loop; the caller frees the output. */
static struct told run(const struct spawn_request *request)
{
    struct told told = { .loop = event_base_new() };
    struct error err = { 0 };

    if (spawn_start(told.loop, request, remember, &told, NULL, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(told.count, 0); /* never from within the call */
    (void)event_base_dispatch(told.loop);
    assert_int_equal(told.count, 1);
    event_base_free(told.loop);
    return told;
}

static char *output_of(const struct spawn_request *request)
{
    struct told told = run(request);

    assert_int_equal(told.failure, 0);
    assert_true(WIFEXITED(told.status));
    return told.output;
}

static void status_and_both_outputs_are_told(void **state)
{
    struct spawn_request request = shell(SHELL("echo one; echo two >&2; exit 7"));
    struct told told = run(&request);

    (void)state;
    assert_int_equal(told.failure, 0);
    assert_true(WIFEXITED(told.status));
    assert_int_equal(WEXITSTATUS(told.status), 7);
    assert_string_equal(told.output, "one\ntwo\n");
    free(told.output);
}

static void a_signal_is_told(void **state)
{
    struct spawn_request request = { .argv = SHELL("kill -TERM $$") };
    struct told told = run(&request);

    (void)state;
    assert_true(WIFSIGNALED(told.status));
    assert_int_equal(WTERMSIG(told.status), SIGTERM);
    assert_string_equal(told.output, "");
    free(told.output);
}

static void a_program_that_is_not_there_is_an_error_at_once(void **state)
{
    struct event_base *loop = event_base_new();
    const char *const argv[] = { "/nonexistent/program", NULL };
    struct spawn_request request = shell(argv);
    struct child *child = NULL;
    struct error err = { 0 };
    struct told told = { .loop = loop };
    pid_t pid = 0;

    (void)state;
    assert_int_equal(spawn_start(loop, &request, remember, &told, &child, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nonexistent/program"));
    assert_null(child);
    assert_int_equal(spawn_wait(&request, NULL, NULL, NULL), -ENOENT);
    request = (struct spawn_request){ .argv = argv };
    assert_int_equal(spawn_detached(&request, &pid, NULL), -ENOENT);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left to reap */
    assert_int_equal(errno, ECHILD);
    event_base_free(loop);
}

static void output_beyond_the_maximum_is_thrown_away(void **state)
{
    struct spawn_request request =
        shell(SHELL("i=0; while [ $i -lt 5000 ]; do echo 0123456789012345678901234567890123456789; "
                    "i=$((i+1)); done"));
    struct told told;

    (void)state;
    request.output_max = 100;
    told = run(&request);
    assert_int_equal(told.failure, 0);
    assert_true(WIFEXITED(told.status)); /* it was not stopped by a full pipe */
    assert_int_equal(strlen(told.output), 100);
    free(told.output);
}

static void a_time_out_kills(void **state)
{
    struct spawn_request request = { .argv = SHELL("while :; do sleep 1000; done"),
                                     .timeout_ms = 50,
                                     .new_session = true };
    struct told told = run(&request);
    int status = 0;
    char *output = NULL;
    struct error err = { 0 };

    (void)state;
    assert_int_equal(told.failure, -ETIMEDOUT);
    assert_true(WIFSIGNALED(told.status));
    assert_int_equal(WTERMSIG(told.status), SIGKILL);
    free(told.output);

    request.output_max = OUTPUT_MAX;
    assert_int_equal(spawn_wait(&request, &status, &output, &err), -ETIMEDOUT);
    assert_null(output);
    assert_non_null(strstr(err.text, "/bin/sh"));
}

/* The grandchild ends when the test closes its end of the fifo's pipe. */
static void a_grandchild_with_the_pipe_does_not_hold_up_done(void **state)
{
    struct spawn_request request = shell(SHELL("echo first; cat <&5 & exit 3"));
    struct spawn_fd fd;
    struct told told;
    char *output = NULL;
    int status = 0;
    int held[2];

    (void)state;
    assert_int_equal(pipe2(held, O_CLOEXEC), 0);
    fd = (struct spawn_fd){ .ours = held[0], .theirs = 5 };
    request.fds = &fd;
    request.fd_count = 1;
    told = run(&request);
    assert_int_equal(WEXITSTATUS(told.status), 3);
    assert_string_equal(told.output, "first\n");
    free(told.output);
    assert_int_equal(spawn_wait(&request, &status, &output, NULL), 0);
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_string_equal(output, "first\n");
    free(output);
    (void)close(held[0]);
    (void)close(held[1]);
}

static void a_child_gets_what_was_named_and_nothing_else(void **state)
{
    int leaked = open("/dev/null", O_RDONLY); /* not close-on-exec: somebody's mistake */
    int high = fcntl(leaked, F_DUPFD, 200);
    struct spawn_request request =
        shell(SHELL("for fd in /proc/self/fd/*; do echo ${fd##*/} $(readlink $fd); done; true"));
    struct spawn_fd fds[] = { { .ours = high, .theirs = 7 } };
    char *output;

    (void)state;
    request.fds = fds;
    request.fd_count = 1;
    output = output_of(&request);
    assert_non_null(strstr(output, "0 /dev/null\n"));
    assert_non_null(strstr(output, "7 /dev/null\n"));
    for (int fd = 3; fd < 300; fd++) {
        autofree char *line = mem_text("\n%d /dev/null\n", fd);

        if (fd != 7 && strstr(output, line) != NULL)
            fail_msg("descriptor %d came along", fd);
    }
    free(output);
    (void)close(leaked);
    (void)close(high);
}

/* Ours 4 becomes their 5 and ours 5 their 4: no order of dup2 alone could do it. */
static void descriptors_may_cross(void **state)
{
    struct spawn_request request = shell(SHELL("cat <&4; cat <&5; cat <&6"));
    int pipes[3][2];
    struct spawn_fd fds[3];
    char *output;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pipe2(pipes[i], O_CLOEXEC), 0);
        assert_int_equal(dprintf(pipes[i][1], "pipe %u\n", i), 7);
        (void)close(pipes[i][1]);
    }
    /* Put them exactly there, whatever the runner left open. */
    for (int i = 0; i < 3; i++) {
        int moved = fcntl(pipes[i][0], F_DUPFD_CLOEXEC, 50);

        (void)close(pipes[i][0]);
        pipes[i][0] = moved;
    }
    assert_int_equal(dup3(pipes[0][0], 4, O_CLOEXEC), 4);
    assert_int_equal(dup3(pipes[1][0], 5, O_CLOEXEC), 5);
    assert_int_equal(dup3(pipes[2][0], 6, O_CLOEXEC), 6);
    fds[0] = (struct spawn_fd){ .ours = 4, .theirs = 5 };
    fds[1] = (struct spawn_fd){ .ours = 5, .theirs = 4 };
    fds[2] = (struct spawn_fd){ .ours = 6, .theirs = 6 };
    request.fds = fds;
    request.fd_count = 3;
    output = output_of(&request);
    assert_string_equal(output, "pipe 1\npipe 0\npipe 2\n");
    free(output);
    for (int i = 0; i < 3; i++) {
        (void)close(pipes[i][0]);
        (void)close(4 + i);
    }
}

static void standard_output_can_be_named(void **state)
{
    struct spawn_request request = shell(SHELL("echo named; echo kept >&2"));
    struct spawn_fd fd;
    char named[16] = "";
    char *output;
    int out[2];

    (void)state;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    fd = (struct spawn_fd){ .ours = out[1], .theirs = STDOUT_FILENO };
    request.fds = &fd;
    request.fd_count = 1;
    output = output_of(&request);
    assert_string_equal(output, "kept\n");
    assert_int_equal(read(out[0], named, sizeof(named) - 1), 6);
    assert_string_equal(named, "named\n");
    free(output);
    (void)close(out[0]);
    (void)close(out[1]);
}

/* The hexadecimal mask behind `label`, without 32 and 33, which are the C library's own. */
static unsigned long long signals_of(const char *status, const char *label)
{
    const char *line = strstr(status, label);

    assert_non_null(line);
    return strtoull(line + strlen(label), NULL, 16) & ~0x180000000ULL;
}

static void signals_begin_at_their_defaults(void **state)
{
    struct spawn_request request = shell(SHELL("cat /proc/self/status"));
    sigset_t blocked;
    sigset_t before;
    void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
    char *output;

    (void)state;
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &blocked, &before);
    output = output_of(&request);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    (void)signal(SIGPIPE, handler);
    assert_int_equal(signals_of(output, "SigBlk:"), 0);
    assert_int_equal(signals_of(output, "SigIgn:"), 0);
    free(output);
}

static void directory_environment_and_session_are_the_requests(void **state)
{
    const char *const env[] = { "WORD=hello", "PATH=/usr/bin:/bin", NULL };
    struct spawn_request request =
        shell(SHELL("pwd; echo $WORD $HOME; set -- $(cat /proc/$$/stat); "
                    "[ $6 = $$ ] && echo leads"));
    char *output;

    (void)state;
    request.env = env;
    request.directory = "/";
    request.new_session = true;
    output = output_of(&request);
    assert_string_equal(output, "/\nhello\nleads\n");
    free(output);
}

static void a_bare_name_is_looked_up(void **state)
{
    const char *const argv[] = { "sh", "-c", "echo found", NULL };
    struct spawn_request request = shell(argv);
    char *output = output_of(&request);

    (void)state;
    assert_string_equal(output, "found\n");
    free(output);
}

static void destroying_kills_and_tells_nobody(void **state)
{
    struct told told = { .loop = event_base_new() };
    struct spawn_request request = shell(SHELL("while :; do sleep 1000; done"));
    struct child *child = NULL;
    pid_t pid;

    (void)state;
    request.new_session = true;
    assert_int_equal(spawn_start(told.loop, &request, remember, &told, &child, NULL), 0);
    pid = child_pid(child);
    assert_int_equal(kill(pid, 0), 0);
    child_destroy(child);
    child_destroy(NULL);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
    (void)event_base_loop(told.loop, EVLOOP_NONBLOCK);
    assert_int_equal(told.count, 0);
    event_base_free(told.loop);
}

static void a_detached_child_is_the_callers_to_reap(void **state)
{
    struct spawn_request request = { .argv = SHELL("exit 9") };
    struct error err = { 0 };
    pid_t pid = 0;
    int status = 0;

    (void)state;
    assert_int_equal(spawn_detached(&request, &pid, &err), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 9);
}

static void waiting_gives_status_and_output(void **state)
{
    struct spawn_request request = shell(SHELL("echo out; exit 4"));
    char *output = NULL;
    int status = 0;

    (void)state;
    assert_int_equal(spawn_wait(&request, &status, &output, NULL), 0);
    assert_int_equal(WEXITSTATUS(status), 4);
    assert_string_equal(output, "out\n");
    free(output);
    request.output_max = 0;
    assert_int_equal(spawn_wait(&request, &status, NULL, NULL), 0);
    assert_int_equal(WEXITSTATUS(status), 4);
}

static unsigned open_count(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* Many at once: each is told of once, and no descriptor is left. */
static void many_children_leave_nothing(void **state)
{
    enum { CHILDREN = 20 };
    unsigned before = open_count();
    struct event_base *loop = event_base_new();
    struct told told[CHILDREN];
    struct spawn_request request = shell(SHELL("echo $$"));

    (void)state;
    for (unsigned i = 0; i < CHILDREN; i++) {
        told[i] = (struct told){ .loop = loop };
        assert_int_equal(spawn_start(loop, &request, remember, &told[i], NULL, NULL), 0);
    }
    while (event_base_dispatch(loop) == 0)
        continue;
    for (unsigned i = 0; i < CHILDREN; i++) {
        assert_int_equal(told[i].count, 1);
        assert_true(atoi(told[i].output) > 0);
        free(told[i].output);
    }
    event_base_free(loop);
    assert_int_equal(open_count(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_and_both_outputs_are_told),
        cmocka_unit_test(a_signal_is_told),
        cmocka_unit_test(a_program_that_is_not_there_is_an_error_at_once),
        cmocka_unit_test(output_beyond_the_maximum_is_thrown_away),
        cmocka_unit_test(a_time_out_kills),
        cmocka_unit_test(a_grandchild_with_the_pipe_does_not_hold_up_done),
        cmocka_unit_test(a_child_gets_what_was_named_and_nothing_else),
        cmocka_unit_test(descriptors_may_cross),
        cmocka_unit_test(standard_output_can_be_named),
        cmocka_unit_test(signals_begin_at_their_defaults),
        cmocka_unit_test(directory_environment_and_session_are_the_requests),
        cmocka_unit_test(a_bare_name_is_looked_up),
        cmocka_unit_test(destroying_kills_and_tells_nobody),
        cmocka_unit_test(a_detached_child_is_the_callers_to_reap),
        cmocka_unit_test(waiting_gives_status_and_output),
        cmocka_unit_test(many_children_leave_nothing),
    };
    return cmocka_run_group_tests_name("spawn", tests, NULL, NULL);
}
