/* What is admitted, what gets its first answer again, and each refusal with its sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/admission.h"
#include "tests/support/fleet_log.h"

#define ID "0000000000000000000000000000000000000000000000000000000000000001"

static int setup(void **state)
{
    *state = fleet_log_new();
    return 0;
}

static int teardown(void **state)
{
    fleet_log_destroy(*state);
    return 0;
}

static struct admission ask_as(struct fleet_log *log, enum role role, const struct record *command)
{
    struct admission_context context = { .now_ns = log->now_ns, .role = role };
    struct admission admission = { 0 };
    struct error err = { 0 };

    if (admission_check(log->view, command, &context, &admission, &err) < 0)
        fail_msg("%s", err.text);
    return admission;
}

static struct admission ask(struct fleet_log *log, const struct record *command)
{
    return ask_as(log, ROLE_CONTROLLER, command);
}

static void accepted(struct fleet_log *log, const struct record *command)
{
    struct admission admission = ask(log, command);

    if (admission.result != ADMISSION_ACCEPT)
        fail_msg("%s", admission.refusal.text);
    assert_int_equal(admission.refusal.failure, FAILURE_NONE);
    assert_int_equal(admission.pos, 0);
}

static void assert_refused(const struct admission *admission, enum failure failure,
                           bool is_recorded, const char *why)
{
    assert_int_equal(admission->result, ADMISSION_REFUSE);
    assert_string_equal(admission->refusal.text, why);
    assert_int_equal(admission->refusal.failure, failure);
    assert_int_equal(admission->is_recorded, is_recorded);
    assert_int_equal(admission->pos, 0);
}

static void refused(struct fleet_log *log, const struct record *command, enum failure failure,
                    const char *why)
{
    struct admission admission = ask(log, command);

    assert_refused(&admission, failure, true, why);
}

static struct record create_command(struct fleet_log *log, unsigned number, const char *name)
{
    struct container_create create = { .config = fleet_log_config(log, name) };

    return fleet_log_command(log, "container.create", fleet_log_container(log, number), &create);
}

static struct record start_command(struct fleet_log *log)
{
    return fleet_log_command(log, "container.start", ID, NULL);
}

static void a_create_is_accepted_and_holds_its_name(void **state)
{
    struct fleet_log *log = *state;
    struct record first = create_command(log, 1, "web");
    struct record second;

    accepted(log, &first);
    fleet_log_must(log, first);
    second = create_command(log, 2, "web");
    refused(log, &second, FAILURE_CONTAINER_EXISTS,
            "name web is taken on host a by container " ID
            ": remove that one, or choose another name");
    second = create_command(log, 1, "other");
    refused(log, &second, FAILURE_CONTAINER_EXISTS,
            "container " ID " exists already on host a: choose another id");
    second = create_command(log, 2, "other");
    accepted(log, &second);
}

static void a_name_is_free_again_when_its_create_failed(void **state)
{
    struct fleet_log *log = *state;
    struct command_id failed = fleet_log_create(log, ID, "web");
    struct record again;

    fleet_log_must(log, fleet_log_outcome(log, "command.failed", failed));
    again = create_command(log, 1, "web");
    accepted(log, &again);
}

static void a_container_that_is_being_created_takes_commands(void **state)
{
    struct fleet_log *log = *state;
    struct record start;

    (void)fleet_log_create(log, ID, "web");
    start = start_command(log);
    accepted(log, &start);
}

/* The state may change until the command begins: the worker decides. */
static void the_state_is_not_asked(void **state)
{
    struct fleet_log *log = *state;
    struct record start;

    fleet_log_running(log, ID, "web");
    start = start_command(log);
    accepted(log, &start);
}

static void a_host_that_is_silent_still_gets_commands(void **state)
{
    struct fleet_log *log = *state;
    struct host_unreachable silent = { .silent_ms = 1 };
    struct record command = create_command(log, 1, "web");

    fleet_log_must(log, fleet_log_system(log, "host.unreachable", "a", &silent));
    accepted(log, &command);
}

static void who_may_not_submit_is_refused(void **state)
{
    struct fleet_log *log = *state;
    struct record command = create_command(log, 1, "web");
    struct admission admission;

    admission = ask_as(log, ROLE_WATCHER, &command);
    assert_refused(&admission, FAILURE_DENIED, false,
                   "role watcher may not submit commands: connect as a controller or an admin");
    admission = ask_as(log, ROLE_WORKER, &command);
    assert_int_equal(admission.refusal.failure, FAILURE_DENIED);
    admission = ask_as(log, ROLE_NONE, &command);
    assert_int_equal(admission.refusal.failure, FAILURE_DENIED);
    admission = ask_as(log, ROLE_ADMIN, &command);
    assert_int_equal(admission.result, ADMISSION_ACCEPT);
}

static void a_command_has_an_id(void **state)
{
    struct fleet_log *log = *state;
    struct record command = create_command(log, 1, "web");
    struct admission admission;

    command.id = command_id_make(5, 0);
    admission = ask(log, &command);
    assert_refused(&admission, FAILURE_INVALID_ARGUMENT, false,
                   "the command has no id: give it one of 8 bytes of client and 8 bytes of that "
                   "client's sequence, which begins with 1");
}

static void the_same_command_gets_its_first_answer(void **state)
{
    struct fleet_log *log = *state;
    struct record command = create_command(log, 1, "web");
    struct admission admission;
    uint64_t pos;

    fleet_log_must(log, command);
    pos = log->pos;
    (void)fleet_log_create(log, fleet_log_container(log, 2), "db");
    admission = ask(log, &command);
    assert_int_equal(admission.result, ADMISSION_DUPLICATE);
    assert_int_equal(admission.pos, pos);
    assert_int_equal(admission.refusal.failure, FAILURE_NONE);

    /* What the worker made of it is the outcome's to tell, not the submission's. */
    fleet_log_must(log, fleet_log_outcome(log, "command.refused", command.id));
    admission = ask(log, &command);
    assert_int_equal(admission.result, ADMISSION_DUPLICATE);
    assert_int_equal(admission.refusal.failure, FAILURE_NONE);
}

static void a_refused_command_is_refused_again_in_the_same_words(void **state)
{
    struct fleet_log *log = *state;
    struct record command = start_command(log);
    struct admission admission = ask(log, &command);
    struct command_failed failed = { .text = admission.refusal.text };
    struct record refusal;

    assert_true(admission.is_recorded);
    failed.code = arena_text(&log->arena, failure_name(admission.refusal.failure));
    refusal = fleet_log_system(log, "command.refused", "a", &failed);
    refusal.cause = command.id;
    fleet_log_must(log, refusal);
    fleet_log_created(log, ID, "web"); /* now it would be accepted */
    admission = ask(log, &command);
    assert_int_equal(admission.result, ADMISSION_DUPLICATE);
    assert_int_equal(admission.pos, 2);
    assert_int_equal(admission.refusal.failure, FAILURE_NO_CONTAINER);
    assert_string_equal(admission.refusal.text, failed.text);
}

static void a_command_behind_the_mark_that_is_forgotten_is_too_old(void **state)
{
    struct fleet_log *log = *state;
    struct record late = create_command(log, 1, "web");
    struct admission admission;

    (void)fleet_log_create(log, fleet_log_container(log, 2), "db");
    admission = ask(log, &late);
    assert_refused(&admission, FAILURE_TOO_OLD, false,
                   "command 1 of client 0000000000000007 came after a later one, and what became "
                   "of it is forgotten: look at its container, then submit with a new id");
}

static void an_unknown_client_says_when_it_wrote(void **state)
{
    struct fleet_log *log = *state;
    struct record command = create_command(log, 1, "web");
    struct admission admission;

    command.happened = 0;
    admission = ask(log, &command);
    assert_refused(&admission, FAILURE_INVALID_ARGUMENT, false,
                   "the command does not say when it was written: set `happened`");
    (void)fleet_log_create(log, fleet_log_container(log, 2), "db"); /* the same client */
    command = create_command(log, 1, "web");
    command.happened = 0;
    accepted(log, &command);
}

static void an_old_command_of_an_unknown_client_is_too_old(void **state)
{
    struct fleet_log *log = *state;
    struct record command = create_command(log, 1, "web");
    struct admission admission;

    log->now_ns += 24 * LOG_HOUR;
    accepted(log, &command);
    log->now_ns += 1;
    admission = ask(log, &command);
    assert_refused(&admission, FAILURE_TOO_OLD, false,
                   "the command was written 24 h ago, when its client may have said it already: "
                   "check the clock, look at its container, then submit it anew");
}

/* A client that was forgotten cannot have its old command done twice, however young it claims. */
static void a_command_from_before_its_client_was_forgotten_is_too_old(void **state)
{
    struct fleet_log *log = *state;
    struct record old = create_command(log, 1, "web");
    struct record other;

    fleet_log_must(log, old);
    fleet_log_must(log, fleet_log_outcome(log, "command.failed", old.id));
    log->now_ns += 26 * LOG_HOUR;
    other = create_command(log, 2, "db");
    other.id = command_id_make(8, 1);
    fleet_log_must(log, other); /* now the first client is forgotten, but not its command */
    assert_int_equal(ask(log, &old).result, ADMISSION_DUPLICATE);
    fleet_log_must(log, fleet_log_outcome(log, "command.failed", other.id)); /* and now that too */
    old.happened = LOG_START + LOG_HOUR; /* by a clock that is wrong */
    assert_int_equal(ask(log, &old).refusal.failure, FAILURE_TOO_OLD);
    old.happened = log->now_ns;
    old.id = command_id_make(LOG_CLIENT, 9);
    accepted(log, &old);
}

static void what_is_no_command_is_refused(void **state)
{
    struct fleet_log *log = *state;
    static char type[] = "container.dance";
    static char event[] = "container.died";
    struct record command = start_command(log);

    command.type = type;
    refused(log, &command, FAILURE_UNSUPPORTED,
            "no command is called container.dance: this broker may be older than its client");
    command.type = event;
    refused(log, &command, FAILURE_UNSUPPORTED,
            "no command is called container.died: this broker may be older than its client");
    command = start_command(log);
    command.kind = RECORD_EVENT;
    assert_int_equal(ask(log, &command).refusal.failure, FAILURE_UNSUPPORTED);
    command.kind = RECORD_COMMAND;
    command.type = NULL;
    assert_int_equal(ask(log, &command).refusal.failure, FAILURE_UNSUPPORTED);
}

static void a_body_fits_its_type(void **state)
{
    struct fleet_log *log = *state;
    static const uint8_t garbage[] = { 0x81, 0xc1 };
    struct record command = create_command(log, 1, "web");
    struct admission admission;

    command.body.bytes = (struct bytes){ .data = garbage, .size = sizeof(garbage) };
    admission = ask(log, &command);
    assert_int_equal(admission.refusal.failure, FAILURE_INVALID_ARGUMENT);
    assert_int_equal(strncmp(admission.refusal.text, "body of container.create: ", 26), 0);
    command.body.bytes.size = 0;
    admission = ask(log, &command);
    assert_int_equal(admission.refusal.failure, FAILURE_INVALID_ARGUMENT);
}

static void a_deadline_that_has_passed_is_refused(void **state)
{
    struct fleet_log *log = *state;
    struct record command = create_command(log, 1, "web");

    command.deadline = log->now_ns;
    accepted(log, &command);
    log->now_ns += 1500000;
    refused(log, &command, FAILURE_EXPIRED,
            "container.create came 1 ms after its deadline: give it more time, or check the clock");
}

static void a_host_has_to_be_known(void **state)
{
    struct fleet_log *log = *state;
    static char other[] = "b";
    static char bad[] = "no/name";
    struct record command = create_command(log, 1, "web");

    command.host = other;
    refused(log, &command, FAILURE_NO_HOST,
            "no host is called b: check the name, or start gantry-worker there");
    command.host = bad;
    refused(log, &command, FAILURE_INVALID_ARGUMENT,
            "container.create names no host: a host's name has letters, digits, '_', '.' and '-'");
    command.host = NULL;
    assert_int_equal(ask(log, &command).refusal.failure, FAILURE_INVALID_ARGUMENT);
}

static void a_host_with_too_much_to_do_takes_no_more(void **state)
{
    struct fleet_log *log = *state;
    struct record command = create_command(log, 1, "web");
    static const uint8_t full[] = { 0, 0, 0, 0, 0, 0, 0x27, 0x10 };
    struct admission admission;

    assert_int_equal(
        log->view->functions->put(log->view->store, VIEW_TOTALS, bytes_of_text("pending/a"),
                                  (struct bytes){ .data = full, .size = sizeof(full) }, NULL),
        0);
    admission = ask(log, &command);
    assert_refused(&admission, FAILURE_BUSY, false,
                   "host a has 10000 commands to carry out already: ask again later, or see "
                   "whether its worker runs");
}

static void a_container_id_is_64_digits(void **state)
{
    struct fleet_log *log = *state;
    static char id[] = "abc";
    struct record command = start_command(log);

    command.container = id;
    refused(log, &command, FAILURE_INVALID_ARGUMENT,
            "container id 'abc' is not valid: it has 64 digits of 0-9 and a-f");
    command.container = NULL;
    refused(log, &command, FAILURE_INVALID_ARGUMENT,
            "container id '' is not valid: it has 64 digits of 0-9 and a-f");
}

static void a_configuration_that_cannot_be_is_refused(void **state)
{
    struct fleet_log *log = *state;
    struct container_create create = { .config = fleet_log_config(log, "web") };
    struct record command;

    create.config->rootfs = arena_text(&log->arena, "srv");
    command = fleet_log_command(log, "container.create", ID, &create);
    refused(log, &command, FAILURE_INVALID_ARGUMENT,
            "container web: root filesystem 'srv' is no absolute path: name a directory of the "
            "host from / on");
}

static void a_container_has_to_exist_on_that_host(void **state)
{
    struct fleet_log *log = *state;
    struct host_facts facts = { .version = arena_text(&log->arena, "1") };
    struct host_hello hello = { .incarnation = 1, .journal = { .bytes = { 9 } }, .facts = &facts };
    struct record start = start_command(log);

    refused(log, &start, FAILURE_NO_CONTAINER,
            "no container has the id " ID ": it was removed, or never created");
    fleet_log_created(log, ID, "web");
    accepted(log, &start);
    fleet_log_must(log, fleet_log_system(log, "host.hello", "b", &hello));
    start.host = arena_text(&log->arena, "b");
    refused(log, &start, FAILURE_NO_CONTAINER,
            "container " ID " is not on host b: send the command to host a");
}

static struct record cancel_command(struct fleet_log *log, const struct record *target)
{
    struct command_cancel cancel = { .id = target->id };

    return fleet_log_command(log, "command.cancel", target->container, &cancel);
}

static void only_a_pending_command_is_cancelled(void **state)
{
    struct fleet_log *log = *state;
    struct record start;
    struct record cancel;

    fleet_log_created(log, ID, "web");
    start = fleet_log_command(log, "container.start", ID, NULL);
    cancel = cancel_command(log, &start);
    assert_int_equal(ask(log, &cancel).refusal.failure, FAILURE_NO_COMMAND);
    fleet_log_must(log, start);
    accepted(log, &cancel);
    fleet_log_must(log, fleet_log_outcome(log, "command.done", start.id));
    assert_int_equal(ask(log, &cancel).refusal.failure, FAILURE_NO_COMMAND);
}

static void a_cancel_names_host_and_container_of_its_command(void **state)
{
    struct fleet_log *log = *state;
    struct host_facts facts = { .version = arena_text(&log->arena, "1") };
    struct host_hello hello = { .incarnation = 1, .journal = { .bytes = { 9 } }, .facts = &facts };
    struct record start;
    struct record cancel;
    struct record second;

    fleet_log_created(log, ID, "web");
    fleet_log_must(log, fleet_log_system(log, "host.hello", "b", &hello));
    start = fleet_log_command(log, "container.start", ID, NULL);
    fleet_log_must(log, start);
    cancel = cancel_command(log, &start);
    cancel.host = arena_text(&log->arena, "b");
    assert_int_equal(ask(log, &cancel).refusal.failure, FAILURE_INVALID_ARGUMENT);
    cancel = cancel_command(log, &start);
    cancel.container = NULL;
    assert_int_equal(ask(log, &cancel).refusal.failure, FAILURE_INVALID_ARGUMENT);
    cancel = cancel_command(log, &start);
    fleet_log_must(log, cancel);
    second = cancel_command(log, &cancel);
    assert_int_equal(ask(log, &second).refusal.failure, FAILURE_INVALID_ARGUMENT);
}

static void a_signal_is_one_of_64(void **state)
{
    struct fleet_log *log = *state;
    static const uint32_t good[] = { 1, 9, 64 };
    static const uint32_t bad[] = { 0, 65 };
    struct container_kill kill;
    struct record command;

    fleet_log_created(log, ID, "web");
    for (unsigned i = 0; i < 3; i++) {
        kill.signal = good[i];
        command = fleet_log_command(log, "container.kill", ID, &kill);
        accepted(log, &command);
    }
    kill.signal = bad[0];
    command = fleet_log_command(log, "container.kill", ID, &kill);
    refused(log, &command, FAILURE_INVALID_ARGUMENT,
            "kill container " ID ": signal 0 is none: use 1 to 64");
    kill.signal = bad[1];
    command = fleet_log_command(log, "container.kill", ID, &kill);
    refused(log, &command, FAILURE_INVALID_ARGUMENT,
            "kill container " ID ": signal 65 is none: use 1 to 64");
}

static struct record rename_command(struct fleet_log *log, const char *name)
{
    struct container_rename renaming = { .name = arena_text(&log->arena, name) };

    return fleet_log_command(log, "container.rename", ID, &renaming);
}

static void a_new_name_is_free_and_held_at_once(void **state)
{
    struct fleet_log *log = *state;
    struct record command = rename_command(log, "shop");

    refused(log, &command, FAILURE_NO_CONTAINER,
            "no container has the id " ID ": it was removed, or never created");
    fleet_log_created(log, ID, "web");
    accepted(log, &command);
    fleet_log_must(log, command);
    command = create_command(log, 2, "shop");
    assert_int_equal(ask(log, &command).refusal.failure, FAILURE_CONTAINER_EXISTS);
    command = rename_command(log, "web");
    refused(log, &command, FAILURE_CONTAINER_EXISTS,
            "name web is taken on host a by container " ID
            ": remove that one, or choose another name");
    command = rename_command(log, "no/name");
    assert_int_equal(ask(log, &command).refusal.failure, FAILURE_INVALID_ARGUMENT);
}

static void an_update_changes_something(void **state)
{
    struct fleet_log *log = *state;
    struct container_update update = { .memory_bytes = { .is_set = true, .value = 1 } };
    struct record command;

    fleet_log_created(log, ID, "web");
    command = fleet_log_command(log, "container.update", ID, &update);
    accepted(log, &command);
    update = (struct container_update){ 0 };
    command = fleet_log_command(log, "container.update", ID, &update);
    refused(log, &command, FAILURE_INVALID_ARGUMENT,
            "the update changes nothing: say a limit or a restart policy");
}

#define with_log(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_log(a_create_is_accepted_and_holds_its_name),
        with_log(a_name_is_free_again_when_its_create_failed),
        with_log(a_container_that_is_being_created_takes_commands),
        with_log(the_state_is_not_asked),
        with_log(a_host_that_is_silent_still_gets_commands),
        with_log(who_may_not_submit_is_refused),
        with_log(a_command_has_an_id),
        with_log(the_same_command_gets_its_first_answer),
        with_log(a_refused_command_is_refused_again_in_the_same_words),
        with_log(a_command_behind_the_mark_that_is_forgotten_is_too_old),
        with_log(an_unknown_client_says_when_it_wrote),
        with_log(an_old_command_of_an_unknown_client_is_too_old),
        with_log(a_command_from_before_its_client_was_forgotten_is_too_old),
        with_log(what_is_no_command_is_refused),
        with_log(a_body_fits_its_type),
        with_log(a_deadline_that_has_passed_is_refused),
        with_log(a_host_has_to_be_known),
        with_log(a_host_with_too_much_to_do_takes_no_more),
        with_log(a_container_id_is_64_digits),
        with_log(a_configuration_that_cannot_be_is_refused),
        with_log(a_container_has_to_exist_on_that_host),
        with_log(only_a_pending_command_is_cancelled),
        with_log(a_cancel_names_host_and_container_of_its_command),
        with_log(a_signal_is_one_of_64),
        with_log(a_new_name_is_free_and_held_at_once),
        with_log(an_update_changes_something),
    };
    return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
