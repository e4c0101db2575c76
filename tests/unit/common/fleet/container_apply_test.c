/* What each event does to a container's row, as a worker folds its own journal. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/fleet/container_state.h"
#include "tests/support/fleet_log.h"

static const struct command_id a_user = { .bytes = { 1 } };

/* A row of a container that was brought up to a state, by applying events to it alone. */
struct fixture {
    struct fleet_log *log;
    struct container_row row;
    char *id;
};

static int apply(struct fixture *fixture, struct record record, struct error *err)
{
    return container_apply(&fixture->row, &record, &fixture->log->arena, err);
}

static struct record event(struct fixture *fixture, const char *type, uint32_t run,
                           const void *body)
{
    return fleet_log_event(fixture->log, type, fixture->id, run, body);
}

static void must(struct fixture *fixture, struct record record)
{
    struct error err = { 0 };

    if (apply(fixture, record, &err) < 0)
        fail_msg("%s", err.text);
}

static void create(struct fixture *fixture)
{
    struct container_created created = { .config = fleet_log_config(fixture->log, "web") };

    must(fixture, event(fixture, "container.created", 0, &created));
}

static void init(struct fixture *fixture, uint32_t run, struct command_id cause)
{
    struct container_initialized initialized = {
        .pid = 4242,
        .pid_started = 11,
        .conmon_pid = 4240,
        .conmon_started = 10,
        .runtime = arena_text(&fixture->log->arena, "crun"),
    };
    struct record record = event(fixture, "container.initialized", run, &initialized);

    record.cause = cause;
    must(fixture, record);
}

static void run(struct fixture *fixture)
{
    create(fixture);
    init(fixture, 1, a_user);
    must(fixture, event(fixture, "container.started", 1, NULL));
}

static void die(struct fixture *fixture, uint32_t run_number, int32_t code)
{
    struct container_died died = { .exit_code = code, .oom_killed = true, .finished = 77 };

    must(fixture, event(fixture, "container.died", run_number, &died));
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    fixture->log = fleet_log_new_empty();
    fixture->id = fleet_log_container(fixture->log, 0xabc);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    fleet_log_destroy(fixture->log);
    free(fixture);
    return 0;
}

static void created_fills_a_new_row(void **state)
{
    struct fixture *fixture = *state;

    create(fixture);
    assert_string_equal(fixture->row.id, fixture->id);
    assert_string_equal(fixture->row.host, "a");
    assert_string_equal(fixture->row.config->name, "web");
    assert_int_equal(fixture->row.state, CONTAINER_CONFIGURED);
    assert_int_equal(fixture->row.created, LOG_START);
    assert_int_equal(fixture->row.run, 0);
    assert_int_equal(fixture->row.pos, 1); /* the journal's number, in a worker */
}

static void a_row_does_not_live_in_the_record(void **state)
{
    struct fixture *fixture = *state;
    struct container_created created = { .config = fleet_log_config(fixture->log, "web") };
    struct record record = event(fixture, "container.created", 0, &created);

    must(fixture, record);
    record.container[0] = 'x';
    record.host[0] = 'x';
    assert_string_equal(fixture->row.id, fixture->id);
    assert_string_equal(fixture->row.host, "a");
}

static void initialized_begins_a_run(void **state)
{
    struct fixture *fixture = *state;

    create(fixture);
    init(fixture, 1, a_user);
    assert_int_equal(fixture->row.state, CONTAINER_CREATED);
    assert_int_equal(fixture->row.run, 1);
    assert_int_equal(fixture->row.pid, 4242);
    assert_int_equal(fixture->row.pid_started, 11);
    assert_int_equal(fixture->row.conmon_pid, 4240);
    assert_int_equal(fixture->row.conmon_started, 10);
    assert_string_equal(fixture->row.runtime, "crun");
}

static void died_keeps_the_exit_and_forgets_init(void **state)
{
    struct fixture *fixture = *state;

    run(fixture);
    die(fixture, 1, 137);
    assert_int_equal(fixture->row.state, CONTAINER_STOPPED);
    assert_int_equal(fixture->row.exit_code, 137);
    assert_true(fixture->row.has_exited);
    assert_false(fixture->row.exit_unknown);
    assert_true(fixture->row.oom_killed);
    assert_int_equal(fixture->row.finished, 77);
    assert_int_equal(fixture->row.started, LOG_START);
    assert_int_equal(fixture->row.pid, 0);
    assert_int_equal(fixture->row.pid_started, 0);
    assert_int_equal(fixture->row.conmon_pid, 4240);
}

static void an_unknown_exit_is_no_exit_code(void **state)
{
    struct fixture *fixture = *state;
    struct container_died died = { .exit_code = 3, .is_unknown = true };

    run(fixture);
    must(fixture, event(fixture, "container.died", 1, &died));
    assert_true(fixture->row.exit_unknown);
    assert_true(fixture->row.has_exited);
    assert_int_equal(fixture->row.exit_code, 0);
    assert_int_equal(fixture->row.finished, LOG_START);
}

static void cleaned_leaves_no_process(void **state)
{
    struct fixture *fixture = *state;

    run(fixture);
    die(fixture, 1, 0);
    must(fixture, event(fixture, "container.cleaned", 1, NULL));
    assert_int_equal(fixture->row.state, CONTAINER_EXITED);
    assert_int_equal(fixture->row.conmon_pid, 0);
    assert_int_equal(fixture->row.conmon_started, 0);
    assert_true(fixture->row.has_exited);
}

static void the_next_run_starts_clean(void **state)
{
    struct fixture *fixture = *state;
    struct container_stopping stopping = { .signal = SIGTERM, .timeout_s = 10 };
    struct record asked;

    run(fixture);
    asked = event(fixture, "container.stopping", 1, &stopping);
    asked.cause = a_user;
    must(fixture, asked);
    die(fixture, 1, 143);
    must(fixture, event(fixture, "container.cleaned", 1, NULL));
    init(fixture, 2, a_user);
    assert_int_equal(fixture->row.run, 2);
    assert_int_equal(fixture->row.exit_code, 0);
    assert_int_equal(fixture->row.finished, 0);
    assert_int_equal(fixture->row.started, 0);
    assert_false(fixture->row.has_exited);
    assert_false(fixture->row.oom_killed);
    assert_false(fixture->row.stopped_by_user);
}

static void only_a_users_stop_counts_as_one(void **state)
{
    struct fixture *fixture = *state;
    struct container_stopping stopping = { .signal = SIGTERM, .timeout_s = 10 };
    struct record asked;

    run(fixture);
    must(fixture, event(fixture, "container.stopping", 1, &stopping));
    assert_int_equal(fixture->row.state, CONTAINER_STOPPING);
    assert_false(fixture->row.stopped_by_user);
    asked = event(fixture, "container.stopping", 1, &stopping);
    asked.cause = a_user;
    must(fixture, asked);
    assert_true(fixture->row.stopped_by_user);
}

static void signal_from(struct fixture *fixture, uint32_t number, struct command_id cause)
{
    struct container_signalled signalled = { .signal = number };
    struct record record = event(fixture, "container.signalled", 1, &signalled);

    record.cause = cause;
    must(fixture, record);
}

static void a_signal_that_ends_nothing_keeps_the_restart_policy(void **state)
{
    struct fixture *fixture = *state;

    run(fixture);
    signal_from(fixture, SIGHUP, a_user);
    signal_from(fixture, SIGKILL, (struct command_id){ 0 });
    assert_false(fixture->row.stopped_by_user);
    signal_from(fixture, SIGTERM, a_user); /* its stop signal */
    assert_true(fixture->row.stopped_by_user);
    assert_int_equal(fixture->row.state, CONTAINER_RUNNING);
}

static void sigkill_by_a_user_is_a_stop(void **state)
{
    struct fixture *fixture = *state;

    run(fixture);
    fixture->row.config->stop_signal = SIGINT;
    signal_from(fixture, SIGTERM, a_user);
    assert_false(fixture->row.stopped_by_user);
    signal_from(fixture, SIGKILL, a_user);
    assert_true(fixture->row.stopped_by_user);
}

static void pause_and_unpause_change_the_state_only(void **state)
{
    struct fixture *fixture = *state;

    run(fixture);
    must(fixture, event(fixture, "container.paused", 1, NULL));
    assert_int_equal(fixture->row.state, CONTAINER_PAUSED);
    must(fixture, event(fixture, "container.unpaused", 1, NULL));
    assert_int_equal(fixture->row.state, CONTAINER_RUNNING);
    assert_int_equal(fixture->row.pid, 4242);
}

static void a_policy_counts_its_restarts_until_a_user_starts(void **state)
{
    struct fixture *fixture = *state;
    struct container_restarting restarting = { .count = 3, .delay_ms = 100 };

    run(fixture);
    die(fixture, 1, 1);
    must(fixture, event(fixture, "container.cleaned", 1, NULL));
    must(fixture, event(fixture, "container.restarting", 1, &restarting));
    init(fixture, 2, (struct command_id){ 0 });
    assert_int_equal(fixture->row.restart_count, 3);
    die(fixture, 2, 1);
    must(fixture, event(fixture, "container.cleaned", 2, NULL));
    init(fixture, 3, a_user);
    assert_int_equal(fixture->row.restart_count, 0);
}

static void init_failed_says_why_until_an_init_works(void **state)
{
    struct fixture *fixture = *state;
    static char text[] = "crun: no such file";
    struct container_init_failed failed = { .text = text };

    create(fixture);
    must(fixture, event(fixture, "container.init_failed", 1, &failed));
    assert_int_equal(fixture->row.state, CONTAINER_CONFIGURED);
    assert_string_equal(fixture->row.failure, "crun: no such file");
    must(fixture, event(fixture, "container.init_failed", 1, NULL));
    assert_string_equal(fixture->row.failure, "no reason was given");
    init(fixture, 1, a_user); /* the number was not used up */
    assert_null(fixture->row.failure);
}

static void a_removed_row_is_left_to_its_owner(void **state)
{
    struct fixture *fixture = *state;

    create(fixture);
    must(fixture, event(fixture, "container.removing", 0, NULL));
    must(fixture, event(fixture, "container.removed", 0, NULL));
    assert_int_equal(fixture->row.state, CONTAINER_REMOVING);
}

/* The row after a refused record is the row before it, to the byte. */
static void refused(struct fixture *fixture, struct record record, const char *why)
{
    struct container_row before = fixture->row;
    struct error err = { 0 };

    assert_int_equal(apply(fixture, record, &err), -EPROTO);
    assert_string_equal(err.text, why);
    assert_memory_equal(&fixture->row, &before, sizeof(before));
}

static void a_late_exit_of_an_earlier_run_hits_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct container_died died = { .exit_code = 1 };

    run(fixture);
    die(fixture, 1, 0);
    must(fixture, event(fixture, "container.cleaned", 1, NULL));
    init(fixture, 2, a_user);
    refused(fixture, event(fixture, "container.died", 1, &died),
            "container.died of container "
            "0000000000000000000000000000000000000000000000000000000000000abc in run 1: it is in "
            "run 2");
    refused(fixture, event(fixture, "container.died", 0, &died),
            "container.died of container "
            "0000000000000000000000000000000000000000000000000000000000000abc in run 0: it is in "
            "run 2");
}

static void a_run_is_not_begun_twice(void **state)
{
    struct fixture *fixture = *state;
    static char runtime[] = "crun";
    struct container_initialized initialized = { .pid = 1, .conmon_pid = 2, .runtime = runtime };

    run(fixture);
    die(fixture, 1, 0);
    must(fixture, event(fixture, "container.cleaned", 1, NULL));
    refused(fixture, event(fixture, "container.initialized", 1, &initialized),
            "container.initialized of container "
            "0000000000000000000000000000000000000000000000000000000000000abc: run 1 after run 1");
}

static void an_illegal_event_changes_nothing_and_says_why(void **state)
{
    struct fixture *fixture = *state;

    create(fixture);
    refused(fixture, event(fixture, "container.paused", 0, NULL),
            "container.paused of container "
            "0000000000000000000000000000000000000000000000000000000000000abc while configured");
    refused(fixture, event(fixture, "command.done", 0, NULL),
            "command.done is no event of a container");
}

static void events_of_others_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct record record;

    refused(fixture, event(fixture, "container.removing", 0, NULL),
            "container.removing of unknown container "
            "0000000000000000000000000000000000000000000000000000000000000abc");
    create(fixture);
    record = event(fixture, "container.removing", 0, NULL);
    record.container[63] = 'd';
    refused(fixture, record,
            "container.removing of another container than "
            "0000000000000000000000000000000000000000000000000000000000000abc");
    record = event(fixture, "container.removing", 0, NULL);
    record.host[0] = 'b';
    refused(fixture, record,
            "container.removing of container "
            "0000000000000000000000000000000000000000000000000000000000000abc by host b: it is on "
            "host a");
    record.container = NULL;
    refused(fixture, record, "container.removing without a container");
}

static void a_body_that_does_not_fit_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct error err = { 0 };
    struct container_row before;

    create(fixture);
    before = fixture->row;
    assert_int_equal(apply(fixture, event(fixture, "container.initialized", 1, NULL), &err),
                     -EPROTO);
    assert_non_null(strstr(err.text, "body of container.initialized: "));
    assert_memory_equal(&fixture->row, &before, sizeof(before));
}

#define with_row(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_row(created_fills_a_new_row),
        with_row(a_row_does_not_live_in_the_record),
        with_row(initialized_begins_a_run),
        with_row(died_keeps_the_exit_and_forgets_init),
        with_row(an_unknown_exit_is_no_exit_code),
        with_row(cleaned_leaves_no_process),
        with_row(the_next_run_starts_clean),
        with_row(only_a_users_stop_counts_as_one),
        with_row(a_signal_that_ends_nothing_keeps_the_restart_policy),
        with_row(sigkill_by_a_user_is_a_stop),
        with_row(pause_and_unpause_change_the_state_only),
        with_row(a_policy_counts_its_restarts_until_a_user_starts),
        with_row(init_failed_says_why_until_an_init_works),
        with_row(a_removed_row_is_left_to_its_owner),
        with_row(a_late_exit_of_an_earlier_run_hits_nobody),
        with_row(a_run_is_not_begun_twice),
        with_row(an_illegal_event_changes_nothing_and_says_why),
        with_row(events_of_others_are_refused),
        with_row(a_body_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests_name("container_apply", tests, NULL, NULL);
}
