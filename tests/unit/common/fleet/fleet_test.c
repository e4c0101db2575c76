/* What records do to the view: names, hosts, commands, clients, and what is forgotten. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/fleet/container_state.h"
#include "tests/support/fleet_log.h"

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

static void refused(struct fleet_log *log, struct record record, const char *why)
{
    struct error err = { 0 };

    assert_int_equal(fleet_log_apply(log, &record, &err), -EPROTO);
    assert_string_equal(err.text, why);
}

static void assert_name(struct fleet_log *log, const char *name, const char *id)
{
    char holder[CONTAINER_ID_SIZE + 1] = "nobody";

    if (id == NULL) {
        assert_int_equal(view_name(log->view, "a", name, holder, NULL), -ENOENT);
        return;
    }
    assert_int_equal(view_name(log->view, "a", name, holder, NULL), 0);
    assert_string_equal(holder, id);
}

static uint64_t pending(const struct fleet_log *log)
{
    uint64_t count = 99;

    assert_int_equal(view_pending(log->view, "a", &count, NULL), 0);
    return count;
}

static struct host_row host(struct fleet_log *log)
{
    struct host_row row = { 0 };

    assert_int_equal(view_host(log->view, "a", &row, &log->arena, NULL), 0);
    return row;
}

static void hello(struct fleet_log *log, uint64_t incarnation, uint64_t journal, int expected)
{
    struct host_facts facts = { .version = arena_text(&log->arena, "0.2.0") };
    struct host_hello body = { .incarnation = incarnation,
                               .journal = command_id_make(1, journal),
                               .facts = &facts };
    struct record record = fleet_log_system(log, "host.hello", "a", &body);

    assert_int_equal(fleet_log_apply(log, &record, NULL), expected);
}

static void a_create_holds_id_and_name_at_once(void **state)
{
    struct fleet_log *log = *state;
    char *id = fleet_log_container(log, 1);
    struct command_id command = fleet_log_create(log, id, "web");
    struct container_row row = fleet_log_row(log, id);

    assert_int_equal(row.state, CONTAINER_UNKNOWN);
    assert_string_equal(row.config->name, "web");
    assert_int_equal(row.pos, log->pos);
    assert_name(log, "web", id);
    assert_int_equal(fleet_log_command_row(log, command).state, COMMAND_PENDING);
    assert_int_equal(pending(log), 1);
}

static void created_makes_the_reserved_row_a_container(void **state)
{
    struct fleet_log *log = *state;
    char *id = fleet_log_container(log, 1);
    struct command_id command = fleet_log_create(log, id, "web");

    fleet_log_created(log, id, "web");
    fleet_log_must(log, fleet_log_outcome(log, "command.done", command));
    assert_int_equal(fleet_log_row(log, id).state, CONTAINER_CONFIGURED);
    assert_name(log, "web", id);
    assert_int_equal(fleet_log_command_row(log, command).state, COMMAND_DONE);
    assert_int_equal(fleet_log_command_row(log, command).run, 1);
    assert_int_equal(fleet_log_command_row(log, command).outcome_pos, log->pos);
    assert_int_equal(pending(log), 0);
}

static void a_create_that_fails_gives_back_what_it_held(void **state)
{
    static const char *const ends[] = { "command.failed", "command.refused", "command.expired" };
    static const enum command_state states[] = { COMMAND_FAILED, COMMAND_REFUSED, COMMAND_EXPIRED };
    struct fleet_log *log = *state;

    for (unsigned i = 0; i < 3; i++) {
        char *id = fleet_log_container(log, i);
        struct command_id command = fleet_log_create(log, id, "web");

        fleet_log_must(log, fleet_log_outcome(log, ends[i], command));
        assert_null(fleet_log_row(log, id).id);
        assert_name(log, "web", NULL);
        assert_int_equal(fleet_log_command_row(log, command).state, states[i]);
        assert_string_equal(fleet_log_command_row(log, command).code, "rootfs");
    }
}

static void a_failed_create_leaves_an_existing_container_alone(void **state)
{
    struct fleet_log *log = *state;
    char *id = fleet_log_container(log, 1);
    struct container_create create = { .config = fleet_log_config(log, "web") };
    struct record second = fleet_log_command(log, "container.create", id, &create);
    struct record third;

    fleet_log_created(log, id, "web");
    second.id = command_id_make(LOG_CLIENT, ++log->sequence);
    assert_int_equal(fleet_log_apply(log, &second, NULL), -EPROTO);
    assert_int_equal(fleet_log_command_row(log, second.id).state, COMMAND_PENDING);
    fleet_log_must(log, fleet_log_outcome(log, "command.failed", second.id));
    assert_int_equal(fleet_log_row(log, id).state, CONTAINER_CONFIGURED);

    /* And one that is only being created, by another command. */
    id = fleet_log_container(log, 2);
    (void)fleet_log_create(log, id, "db");
    create.config = fleet_log_config(log, "other");
    third = fleet_log_command(log, "container.create", id, &create);
    assert_int_equal(fleet_log_apply(log, &third, NULL), -EPROTO);
    fleet_log_must(log, fleet_log_outcome(log, "command.failed", third.id));
    assert_int_equal(fleet_log_row(log, id).state, CONTAINER_UNKNOWN);
    assert_name(log, "db", id);
    assert_name(log, "other", NULL);
}

static void a_name_is_held_by_one_container(void **state)
{
    struct fleet_log *log = *state;
    char *first = fleet_log_container(log, 1);
    char *second = fleet_log_container(log, 2);
    struct container_created created = { .config = fleet_log_config(log, "web") };

    fleet_log_created(log, first, "web");
    refused(log, fleet_log_event(log, "container.created", second, 0, &created),
            "container 0000000000000000000000000000000000000000000000000000000000000002: name web "
            "of host a is held by "
            "0000000000000000000000000000000000000000000000000000000000000001");
    assert_null(fleet_log_row(log, second).id);
    assert_name(log, "web", first);
}

static void a_container_created_under_another_name_frees_the_reserved_one(void **state)
{
    struct fleet_log *log = *state;
    char *id = fleet_log_container(log, 1);

    (void)fleet_log_create(log, id, "web");
    fleet_log_created(log, id, "web2");
    assert_name(log, "web", NULL);
    assert_name(log, "web2", id);
}

static struct command_id ask_rename(struct fleet_log *log, const char *id, const char *name)
{
    struct container_rename renaming = { .name = arena_text(&log->arena, name) };
    struct record command = fleet_log_command(log, "container.rename", id, &renaming);

    fleet_log_must(log, command);
    return command.id;
}

static struct record renamed(struct fleet_log *log, const char *id, const char *name)
{
    struct container_renamed body = { .name = arena_text(&log->arena, name) };

    return fleet_log_event(log, "container.renamed", id, 0, &body);
}

static void a_rename_holds_the_new_name_until_it_has_it(void **state)
{
    struct fleet_log *log = *state;
    char *id = fleet_log_container(log, 1);
    struct command_id command;

    fleet_log_created(log, id, "web");
    command = ask_rename(log, id, "shop");
    assert_name(log, "web", id);
    assert_name(log, "shop", id);
    fleet_log_must(log, renamed(log, id, "shop"));
    fleet_log_must(log, fleet_log_outcome(log, "command.done", command));
    assert_name(log, "web", NULL);
    assert_name(log, "shop", id);
    assert_string_equal(fleet_log_row(log, id).config->name, "shop");
}

static void a_rename_that_fails_gives_the_new_name_back(void **state)
{
    struct fleet_log *log = *state;
    char *id = fleet_log_container(log, 1);
    struct command_id first;
    struct command_id second;

    fleet_log_created(log, id, "web");
    first = ask_rename(log, id, "shop");
    second = ask_rename(log, id, "mall");
    fleet_log_must(log, fleet_log_outcome(log, "command.failed", first));
    assert_name(log, "shop", NULL);
    assert_name(log, "mall", id);
    fleet_log_must(log, fleet_log_event(log, "container.removing", id, 0, NULL));
    fleet_log_must(log, fleet_log_event(log, "container.removed", id, 0, NULL));
    assert_name(log, "web", NULL);
    assert_name(log, "mall", id); /* somebody still answers for it */
    fleet_log_must(log, fleet_log_outcome(log, "command.refused", second));
    assert_name(log, "mall", NULL);
}

static void a_rename_takes_no_name_that_is_held(void **state)
{
    struct fleet_log *log = *state;
    char *id = fleet_log_container(log, 1);
    char *other = fleet_log_container(log, 2);
    struct container_rename renaming = { .name = arena_text(&log->arena, "db") };

    fleet_log_created(log, id, "web");
    fleet_log_created(log, other, "db");
    refused(log, fleet_log_command(log, "container.rename", id, &renaming),
            arena_printf(&log->arena, "rename container %s: name db of host a is held by %s", id,
                         other));
    refused(log, renamed(log, id, "db"),
            arena_printf(&log->arena, "container %s: name db of host a is held by %s", id, other));
    assert_name(log, "web", id);
    assert_name(log, "db", other);
    refused(log, renamed(log, id, "no name"),
            arena_printf(&log->arena, "container %s: name 'no name' is none", id));
}

static void removed_deletes_row_and_name(void **state)
{
    struct fleet_log *log = *state;
    char *id = fleet_log_container(log, 1);

    fleet_log_created(log, id, "web");
    fleet_log_must(log, fleet_log_event(log, "container.removing", id, 0, NULL));
    fleet_log_must(log, fleet_log_event(log, "container.removed", id, 0, NULL));
    assert_null(fleet_log_row(log, id).id);
    assert_name(log, "web", NULL);
}

static void an_illegal_event_moves_only_the_journal(void **state)
{
    struct fleet_log *log = *state;
    char *id = fleet_log_container(log, 1);
    struct container_row before;

    fleet_log_created(log, id, "web");
    before = fleet_log_row(log, id);
    refused(log, fleet_log_event(log, "container.started", id, 0, NULL),
            "container.started of container "
            "0000000000000000000000000000000000000000000000000000000000000001 while configured");
    assert_int_equal(fleet_log_row(log, id).state, before.state);
    assert_int_equal(fleet_log_row(log, id).pos, before.pos);
    assert_int_equal(host(log).journal_seq, log->journal_seq);
}

static void an_event_is_folded_once(void **state)
{
    struct fleet_log *log = *state;
    char *id = fleet_log_container(log, 1);
    struct record again;
    uint64_t before;

    fleet_log_created(log, id, "web");
    again = fleet_log_event(log, "container.removing", id, 0, NULL);
    fleet_log_must(log, again);
    before = fleet_log_hash(log);
    refused(log, again, "event 2 of host a after its event 2");
    assert_int_equal(fleet_log_hash(log), before);
}

static void a_host_is_what_its_worker_said(void **state)
{
    struct fleet_log *log = *state;
    struct host_row row;

    log->now_ns += LOG_SECOND;
    hello(log, 2, 1, 0);
    row = host(log);
    assert_int_equal(row.state, HOST_REACHABLE);
    assert_int_equal(row.since, LOG_START); /* it was reachable before */
    assert_int_equal(row.incarnation, 2);
    assert_string_equal(row.facts->version, "0.2.0");
    assert_int_equal(row.pos, log->pos);
}

static void an_older_incarnation_is_fenced(void **state)
{
    struct fleet_log *log = *state;

    hello(log, 5, 1, 0);
    hello(log, 4, 1, -EPROTO);
    assert_int_equal(host(log).incarnation, 5);
    hello(log, 5, 1, 0); /* said twice on the way */
}

static void another_journal_drops_the_old_ones_containers(void **state)
{
    struct fleet_log *log = *state;
    char *old = fleet_log_container(log, 1);
    char *wanted = fleet_log_container(log, 2);

    fleet_log_running(log, old, "web");
    (void)fleet_log_create(log, wanted, "db");
    hello(log, 1, 2, 0);
    assert_null(fleet_log_row(log, old).id);
    assert_name(log, "web", NULL);
    assert_int_equal(fleet_log_row(log, wanted).state, CONTAINER_UNKNOWN);
    assert_name(log, "db", wanted);
    assert_int_equal(host(log).journal_seq, 0);
    log->journal_seq = 0;
    fleet_log_created(log, old, "web");
}

static void another_hosts_containers_survive_a_lost_journal(void **state)
{
    struct fleet_log *log = *state;
    struct host_facts facts = { .version = arena_text(&log->arena, "1") };
    struct host_hello body = { .incarnation = 1, .journal = { .bytes = { 9 } }, .facts = &facts };
    struct container_created created = { .config = fleet_log_config(log, "web") };
    struct record record;
    char *id = fleet_log_container(log, 3);

    fleet_log_must(log, fleet_log_system(log, "host.hello", "ab", &body));
    record = fleet_log_event(log, "container.created", id, 0, &created);
    record.host = arena_text(&log->arena, "ab");
    fleet_log_must(log, record);
    hello(log, 1, 2, 0);
    assert_string_equal(fleet_log_row(log, id).host, "ab");
}

static void silence_and_return_are_states_with_a_time(void **state)
{
    struct fleet_log *log = *state;
    struct host_unreachable silent = { .silent_ms = 30000 };

    log->now_ns += 30 * LOG_SECOND;
    fleet_log_must(log, fleet_log_system(log, "host.unreachable", "a", &silent));
    assert_int_equal(host(log).state, HOST_UNREACHABLE);
    assert_int_equal(host(log).since, LOG_START + 30 * LOG_SECOND);
    log->now_ns += LOG_SECOND;
    fleet_log_must(log, fleet_log_system(log, "host.reachable", "a", NULL));
    assert_int_equal(host(log).state, HOST_REACHABLE);
    assert_int_equal(host(log).since, LOG_START + 31 * LOG_SECOND);
    refused(log, fleet_log_system(log, "host.reachable", "b", NULL),
            "host.reachable of unknown host b");
    refused(log,
            fleet_log_system(
                log, "host.hello", "not a name",
                &(struct host_hello){
                    .facts = &(struct host_facts){ .version = arena_text(&log->arena, "1") } }),
            "host.hello without a host");
}

static struct record lost_host(struct fleet_log *log, uint64_t journal)
{
    struct host_lost lost = { .journal = command_id_make(1, journal) };

    return fleet_log_system(log, "host.lost", "a", &lost);
}

static struct record lost_container(struct fleet_log *log, char *id, const char *host_name)
{
    struct record record = fleet_log_system(log, "container.lost", host_name, NULL);

    record.container = id;
    return record;
}

static void a_lost_host_keeps_its_row_and_nothing_else(void **state)
{
    struct fleet_log *log = *state;
    struct host_unreachable silent = { .silent_ms = 30000 };
    char *web = fleet_log_container(log, 1);
    char *db = fleet_log_container(log, 2);

    fleet_log_running(log, web, "web");
    fleet_log_running(log, db, "db");
    hello(log, 1, 1, 0);
    refused(log, lost_host(log, 1), "host.lost of host a, which is not the one that fell silent");
    fleet_log_must(log, fleet_log_system(log, "host.unreachable", "a", &silent));
    refused(log, lost_container(log, web, "b"),
            "container.lost of a container that is not on its host");
    fleet_log_must(log, lost_container(log, web, "a"));
    assert_null(fleet_log_row(log, web).id);
    assert_name(log, "web", NULL);
    refused(log, lost_container(log, web, "a"),
            "container.lost of a container that is not on its host");
    refused(log, lost_host(log, 2), "host.lost of host a, which is not the one that fell silent");
    fleet_log_must(log, lost_host(log, 1));
    assert_null(fleet_log_row(log, db).id); /* of a log that does not say each */
    assert_int_equal(host(log).state, HOST_LOST);
    assert_int_equal(host(log).pos, log->pos);
    refused(log, fleet_log_system(log, "host.reachable", "a", NULL),
            "host.reachable of host a, which is lost");
    hello(log, 1, 2, 0);
    assert_int_equal(host(log).state, HOST_REACHABLE);
}

static void a_command_is_asked_once(void **state)
{
    struct fleet_log *log = *state;
    char *id = fleet_log_container(log, 1);
    struct record command = fleet_log_command(log, "container.start", id, NULL);
    struct client_row client;

    fleet_log_must(log, command);
    assert_int_equal(view_client(log->view, LOG_CLIENT, &client, NULL), 0);
    assert_int_equal(client.sequence, 1);
    assert_int_equal(client.pos, log->pos);
    assert_int_equal(client.time, LOG_START);
    refused(log, command, "command at 2 again at 3");
    command.id = command_id_make(LOG_CLIENT, 0);
    refused(log, command, "command 0 of client 0000000000000007 after its command 1");
    assert_int_equal(pending(log), 1);
}

static void a_command_ends_once_and_by_its_host(void **state)
{
    struct fleet_log *log = *state;
    struct record command = fleet_log_command(log, "container.start", NULL, NULL);
    struct record outcome;

    fleet_log_must(log, command);
    outcome = fleet_log_outcome(log, "command.failed", command.id);
    outcome.host = arena_text(&log->arena, "b");
    outcome.journal_seq = 0;
    refused(log, outcome, "command.failed by host b of a command to host a");
    assert_int_equal(pending(log), 1);
    fleet_log_must(log, fleet_log_outcome(log, "command.done", command.id));
    assert_int_equal(pending(log), 0);
    refused(log, fleet_log_outcome(log, "command.failed", command.id),
            "command.failed at 5 of a command that ended at 4");
    assert_int_equal(pending(log), 0);
    assert_int_equal(fleet_log_command_row(log, command.id).state, COMMAND_DONE);
    refused(log, fleet_log_outcome(log, "command.done", command_id_make(5, 5)),
            "command.done of an unknown command");
}

static void a_refusal_at_the_door_is_the_answer_to_its_command(void **state)
{
    struct fleet_log *log = *state;
    static char code[] = "no-host";
    static char text[] = "no host is called z";
    struct command_failed failed = { .code = code, .text = text };
    struct record refusal = fleet_log_system(log, "command.refused", "z", &failed);
    struct command_row row;
    struct client_row client;

    refusal.cause = command_id_make(9, 4);
    fleet_log_must(log, refusal);
    row = fleet_log_command_row(log, refusal.cause);
    assert_int_equal(row.state, COMMAND_REFUSED);
    assert_int_equal(row.pos, log->pos);
    assert_int_equal(row.outcome_pos, log->pos);
    assert_string_equal(row.code, "no-host");
    assert_string_equal(row.text, "no host is called z");
    assert_int_equal(view_client(log->view, 9, &client, NULL), 0);
    assert_int_equal(client.sequence, 4);
    refused(log, refusal, "command.refused at 3 of a command that ended at 2");
}

static struct command_id ended_command(struct fleet_log *log)
{
    struct record command = fleet_log_command(log, "container.start", NULL, NULL);

    fleet_log_must(log, command);
    fleet_log_must(log, fleet_log_outcome(log, "command.done", command.id));
    return command.id;
}

static void ended_commands_are_kept_for_a_day(void **state)
{
    struct fleet_log *log = *state;
    struct command_id first = ended_command(log);
    struct command_id second = ended_command(log);
    struct command_id third = ended_command(log);
    struct record waiting = fleet_log_command(log, "container.start", NULL, NULL);

    fleet_log_must(log, waiting);
    log->now_ns += 24 * LOG_HOUR;
    (void)ended_command(log);
    assert_int_equal(fleet_log_command_row(log, first).state, COMMAND_DONE);
    log->now_ns += LOG_SECOND;
    (void)ended_command(log); /* one comes, two go */
    assert_int_equal(fleet_log_command_row(log, first).state, 0);
    assert_int_equal(fleet_log_command_row(log, second).state, 0);
    assert_int_equal(fleet_log_command_row(log, third).state, COMMAND_DONE);
    (void)ended_command(log);
    assert_int_equal(fleet_log_command_row(log, third).state, 0);
    assert_int_equal(fleet_log_command_row(log, waiting.id).state, COMMAND_PENDING);
}

static void set_total(struct fleet_log *log, const char *key, uint8_t high, uint8_t middle)
{
    uint8_t number[8] = { 0, 0, 0, 0, 0, high, middle, 0 };

    assert_int_equal(
        log->view->functions->put(log->view->store, VIEW_TOTALS, bytes_of_text(key),
                                  (struct bytes){ .data = number, .size = sizeof(number) }, NULL),
        0);
}

static void there_is_a_maximum_of_ended_commands(void **state)
{
    struct fleet_log *log = *state;
    struct command_id first = ended_command(log);
    struct command_id second = ended_command(log);

    set_total(log, "finished", 2, 0); /* as if there were 131,072 */
    (void)ended_command(log);
    assert_int_equal(fleet_log_command_row(log, first).state, 0);
    assert_int_equal(fleet_log_command_row(log, second).state, 0);
}

static void word_of(struct fleet_log *log, uint64_t client)
{
    struct record command = fleet_log_command(log, "container.start", NULL, NULL);

    command.id = command_id_make(client, ++log->sequence);
    fleet_log_must(log, command);
}

static bool is_known(const struct fleet_log *log, uint64_t client)
{
    struct client_row row;

    return view_client(log->view, client, &row, NULL) == 0;
}

static uint64_t forgotten(const struct fleet_log *log)
{
    uint64_t until = 0;

    assert_int_equal(view_forgotten(log->view, &until, NULL), 0);
    return until;
}

static void a_silent_client_is_forgotten_after_a_day(void **state)
{
    struct fleet_log *log = *state;

    word_of(log, 1);
    word_of(log, 2);
    log->now_ns += 12 * LOG_HOUR;
    word_of(log, 1);
    log->now_ns += 14 * LOG_HOUR;
    word_of(log, 3);
    assert_true(is_known(log, 1));
    assert_false(is_known(log, 2));
    assert_true(is_known(log, 3));
    assert_int_equal(forgotten(log), LOG_START);
    log->now_ns += 26 * LOG_HOUR;
    word_of(log, 3); /* it moves to another hour itself */
    assert_false(is_known(log, 1));
    assert_true(is_known(log, 3));
    assert_int_equal(forgotten(log), LOG_START + 12 * LOG_HOUR);
}

static void there_is_a_maximum_of_clients(void **state)
{
    struct fleet_log *log = *state;

    word_of(log, 1);
    log->now_ns += LOG_HOUR;
    word_of(log, 2);
    assert_int_equal(forgotten(log), 0);
    set_total(log, "clients", 0xff, 0); /* as if there were 16 million */
    log->now_ns += LOG_HOUR;
    word_of(log, 3);
    assert_false(is_known(log, 1));
    assert_false(is_known(log, 2));
    assert_true(is_known(log, 3));
    assert_int_equal(forgotten(log), LOG_START + LOG_HOUR);
}

static void a_clock_that_goes_back_forgets_nobody(void **state)
{
    struct fleet_log *log = *state;

    word_of(log, 1);
    (void)ended_command(log);
    log->now_ns -= 100 * LOG_HOUR;
    word_of(log, 2);
    word_of(log, 1);
    assert_true(is_known(log, 1));
    assert_true(is_known(log, 2));
}

static void what_no_schema_knows_is_refused(void **state)
{
    struct fleet_log *log = *state;
    static const uint8_t garbage[] = { 0xc1, 0xff };
    struct record record =
        fleet_log_event(log, "container.created", fleet_log_container(log, 1), 0, NULL);
    struct record command;
    uint64_t before;

    record.body.bytes = (struct bytes){ .data = garbage, .size = sizeof(garbage) };
    assert_int_equal(fleet_log_apply(log, &record, NULL), -EPROTO);
    record = fleet_log_event(log, "command.failed", NULL, 0, NULL);
    assert_int_equal(fleet_log_apply(log, &record, NULL), -EPROTO);
    command = fleet_log_command(log, "container.create", NULL, NULL);
    assert_int_equal(fleet_log_apply(log, &command, NULL), -EPROTO);
    assert_int_equal(fleet_log_command_row(log, command.id).state, COMMAND_PENDING);

    before = fleet_log_hash(log);
    record = (struct record){ .kind = 3, .type = command.type };
    assert_int_equal(fleet_log_apply(log, &record, NULL), -EPROTO);
    record = (struct record){ .kind = RECORD_EVENT };
    assert_int_equal(fleet_log_apply(log, &record, NULL), -EPROTO);
    assert_int_equal(fleet_log_hash(log), before);
}

static void a_newer_peers_events_pass_unnoticed(void **state)
{
    struct fleet_log *log = *state;

    fleet_log_must(log, fleet_log_system(log, "host.renamed", "a", NULL));
    fleet_log_must(log, fleet_log_event(log, "image.pulled", NULL, 0, NULL));
    assert_int_equal(host(log).journal_seq, 1);
}

static void the_hash_sees_every_table(void **state)
{
    struct fleet_log *log = *state;
    static const uint8_t one[] = { 1 };
    struct bytes bytes = { .data = one, .size = 1 };
    uint64_t before = fleet_log_hash(log);

    for (unsigned table = 0; table < VIEW_TABLE_COUNT; table++) {
        const struct view *view = log->view;

        assert_int_equal(
            view->functions->put(view->store, (enum view_table)table, bytes, bytes, NULL), 0);
        assert_int_not_equal(fleet_log_hash(log), before);
        assert_int_equal(view->functions->remove(view->store, (enum view_table)table, bytes, NULL),
                         0);
        assert_int_equal(fleet_log_hash(log), before);
        assert_true(strlen(view_table_name((enum view_table)table)) > 0);
    }
    assert_int_equal(before >> 32, 1); /* rows */
}

#define with_log(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_log(a_create_holds_id_and_name_at_once),
        with_log(created_makes_the_reserved_row_a_container),
        with_log(a_create_that_fails_gives_back_what_it_held),
        with_log(a_failed_create_leaves_an_existing_container_alone),
        with_log(a_name_is_held_by_one_container),
        with_log(a_container_created_under_another_name_frees_the_reserved_one),
        with_log(a_rename_holds_the_new_name_until_it_has_it),
        with_log(a_rename_that_fails_gives_the_new_name_back),
        with_log(a_rename_takes_no_name_that_is_held),
        with_log(removed_deletes_row_and_name),
        with_log(an_illegal_event_moves_only_the_journal),
        with_log(an_event_is_folded_once),
        with_log(a_host_is_what_its_worker_said),
        with_log(an_older_incarnation_is_fenced),
        with_log(another_journal_drops_the_old_ones_containers),
        with_log(another_hosts_containers_survive_a_lost_journal),
        with_log(silence_and_return_are_states_with_a_time),
        with_log(a_lost_host_keeps_its_row_and_nothing_else),
        with_log(a_command_is_asked_once),
        with_log(a_command_ends_once_and_by_its_host),
        with_log(a_refusal_at_the_door_is_the_answer_to_its_command),
        with_log(ended_commands_are_kept_for_a_day),
        with_log(there_is_a_maximum_of_ended_commands),
        with_log(a_silent_client_is_forgotten_after_a_day),
        with_log(there_is_a_maximum_of_clients),
        with_log(a_clock_that_goes_back_forgets_nobody),
        with_log(what_no_schema_knows_is_refused),
        with_log(a_newer_peers_events_pass_unnoticed),
        with_log(the_hash_sees_every_table),
    };
    return cmocka_run_group_tests_name("fleet", tests, NULL, NULL);
}
