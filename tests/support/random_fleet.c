/* A fleet at random; see the header. */
#include "tests/support/random_fleet.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/fleet/container_state.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "tests/support/fleet_log.h"

#define HOSTS      3
#define CONTAINERS 12
#define NAMES      8

static const char *const host_names[HOSTS] = { "a", "ab", "b" };

struct random_fleet {
    struct dice dice;
    struct fleet_log *log;   /* its view is not used: each record's parts are in its arena */
    const struct view *view; /* of whoever asks for the next record */
    size_t made;
    size_t records_max;
    struct command_id *asked;
    unsigned *asked_hosts;
    size_t asked_count;
    uint64_t journals[HOSTS]; /* journal_seq of each host */
    uint64_t incarnations[HOSTS];
    unsigned recovering[HOSTS]; /* records until it is recovered */
};

static char *host_name(struct random_fleet *fleet, unsigned host)
{
    return arena_text(&fleet->log->arena, host_names[host]);
}

static unsigned host_number(const char *name)
{
    unsigned host = 0;

    while (strcmp(host_names[host], name) != 0)
        host++;
    return host;
}

static struct container_config *any_config(struct random_fleet *fleet)
{
    char name[] = { (char)('m' + (char)dice_below(&fleet->dice, NAMES)), '\0' };

    return fleet_log_config(fleet->log, name);
}

static struct record make_command(struct random_fleet *fleet)
{
    static const char *const types[] = { "container.create", "container.start", "container.rename",
                                         "container.stop" };
    const char *type = types[dice_below(&fleet->dice, 4)];
    unsigned host = dice_below(&fleet->dice, HOSTS);
    struct container_create create = { .config = any_config(fleet) };
    struct container_rename renaming = { .name = create.config->name };
    const void *body = NULL;
    struct record record;

    if (strcmp(type, "container.create") == 0)
        body = &create;
    else if (strcmp(type, "container.rename") == 0)
        body = &renaming;
    record = fleet_log_command(
        fleet->log, type, fleet_log_container(fleet->log, dice_below(&fleet->dice, CONTAINERS)),
        body);
    record.host = host_name(fleet, host);
    fleet->asked_hosts[fleet->asked_count] = host;
    fleet->asked[fleet->asked_count++] = record.id;
    return record;
}

static struct record of_host(struct random_fleet *fleet, struct record record, unsigned host)
{
    record.host = host_name(fleet, host);
    if (record.journal_seq != 0)
        record.journal_seq = ++fleet->journals[host];
    return record;
}

/* Of an old one now and then: it has ended, or stays open for long. */
static size_t any_asked(struct random_fleet *fleet)
{
    size_t recent = fleet->asked_count < 12 ? fleet->asked_count : 12;

    return dice_one_in(&fleet->dice, 20)
               ? dice_below(&fleet->dice, (unsigned)fleet->asked_count)
               : fleet->asked_count - 1 - dice_below(&fleet->dice, (unsigned)recent);
}

static struct record make_outcome(struct random_fleet *fleet)
{
    static const char *const types[] = { "command.done", "command.failed", "command.expired" };
    size_t which = any_asked(fleet);

    return of_host(
        fleet,
        fleet_log_outcome(fleet->log, types[dice_below(&fleet->dice, 3)], fleet->asked[which]),
        fleet->asked_hosts[which]);
}

static const void *event_body(struct random_fleet *fleet, const char *type)
{
    struct container_created *created =
        arena_zeroed(&fleet->log->arena, sizeof(struct container_created));
    static const struct container_died died = { .exit_code = 7 };
    static struct container_initialized initialized = { .pid = 5, .conmon_pid = 4 };
    static char runtime[] = "crun";

    initialized.runtime = runtime;
    created->config = any_config(fleet);
    if (strcmp(type, "container.created") == 0)
        return created;
    if (strcmp(type, "container.initialized") == 0)
        return &initialized;
    if (strcmp(type, "container.died") == 0)
        return &died;
    if (strcmp(type, "container.renamed") == 0)
        return arena_zeroed(&fleet->log->arena, sizeof(struct container_renamed));
    return NULL;
}

static struct container_row row_of(struct random_fleet *fleet, const char *id)
{
    struct container_row row = { 0 };

    (void)view_container(fleet->view, id, &row, &fleet->log->arena, NULL);
    return row;
}

static struct record make_event(struct random_fleet *fleet)
{
    static const enum container_event events[] = {
        CONTAINER_EVENT_CREATED, CONTAINER_EVENT_INITIALIZED, CONTAINER_EVENT_STARTED,
        CONTAINER_EVENT_DIED,    CONTAINER_EVENT_CLEANED,     CONTAINER_EVENT_PAUSED,
        CONTAINER_EVENT_REMOVED, CONTAINER_EVENT_RENAMED,     CONTAINER_EVENT_REMOVING,
    };
    char *id = fleet_log_container(fleet->log, dice_below(&fleet->dice, CONTAINERS));
    struct container_row row = row_of(fleet, id);
    enum container_event event = events[dice_below(&fleet->dice, 9)];
    struct container_renamed renamed = { .name = any_config(fleet)->name };
    const char *type;
    const void *body;

    for (unsigned i = 0; i < 12; i++) {
        if (container_state_after((enum container_state)row.state, event) != CONTAINER_STATE_COUNT)
            break;
        event = events[dice_below(&fleet->dice, 9)];
    }
    type = container_event_type(event);
    body = event == CONTAINER_EVENT_RENAMED ? &renamed : event_body(fleet, type);
    return of_host(fleet,
                   fleet_log_event(fleet->log, type, id,
                                   row.run + (event == CONTAINER_EVENT_INITIALIZED ? 1 : 0), body),
                   row.id != NULL ? host_number(row.host) : dice_below(&fleet->dice, HOSTS));
}

static struct record make_hello(struct random_fleet *fleet, unsigned host)
{
    struct host_facts facts = { .version = arena_text(&fleet->log->arena, "1") };
    struct host_hello hello = { .facts = &facts };

    if (dice_one_in(&fleet->dice, 40)) { /* another journal: its containers are gone */
        fleet->incarnations[host] += 1000;
        fleet->journals[host] = 0;
    }
    fleet->incarnations[host]++;
    hello.incarnation = fleet->incarnations[host] % 1000;
    hello.journal = command_id_make(host, fleet->incarnations[host] / 1000);
    return fleet_log_system(fleet->log, "host.hello", host_name(fleet, host), &hello);
}

/* What a host tells anew: commands that have ended here among them. */
static struct record make_recovery(struct random_fleet *fleet, unsigned host)
{
    size_t which = any_asked(fleet);
    struct container_create create = { .config = any_config(fleet) };
    struct record command = fleet_log_command(
        fleet->log, "container.create",
        fleet_log_container(fleet->log, dice_below(&fleet->dice, CONTAINERS)), &create);
    struct buffer bytes = { 0 };
    struct command_recovered recovered;
    struct record record;

    if (--fleet->recovering[host] == 0)
        return of_host(fleet, fleet_log_event(fleet->log, "host.recovered", NULL, 0, NULL), host);
    command.id = fleet->asked[which];
    command.host = host_name(fleet, fleet->asked_hosts[which]);
    schema_encode(&record_schema, &command, &bytes);
    recovered.command.bytes = buffer_bytes(&bytes);
    record = fleet_log_system(fleet->log, "command.recovered", command.host, &recovered);
    record.cause = command.id;
    buffer_done(&bytes);
    return record;
}

static struct record make_host_event(struct random_fleet *fleet)
{
    struct host_recovering recovering = { .from = 1 };
    unsigned host = dice_below(&fleet->dice, HOSTS);

    if (dice_one_in(&fleet->dice, 3))
        return make_hello(fleet, host);
    if (fleet->asked_count > 100 && dice_one_in(&fleet->dice, 30)) {
        fleet->recovering[host] = 1 + dice_below(&fleet->dice, 5);
        recovering.from = fleet->journals[host] + 1;
        return fleet_log_system(fleet->log, "host.recovering", host_name(fleet, host), &recovering);
    }
    return fleet_log_system(fleet->log,
                            dice_one_in(&fleet->dice, 2) ? "host.unreachable" : "host.reachable",
                            host_name(fleet, host), NULL);
}

static struct record make_record(struct random_fleet *fleet)
{
    unsigned what = dice_below(&fleet->dice, 40);

    if (fleet->made < HOSTS)
        return make_hello(fleet, (unsigned)fleet->made);
    for (unsigned host = 0; host < HOSTS; host++) {
        if (fleet->recovering[host] > 0)
            return make_recovery(fleet, host);
    }
    if (what == 0)
        return make_host_event(fleet);
    if (what < 10 || fleet->asked_count == 0)
        return make_command(fleet);
    return what < 20 ? make_outcome(fleet) : make_event(fleet);
}

/* Mostly on, sometimes back. */
static struct record stamp(struct random_fleet *fleet, struct record record)
{
    struct fleet_log *log = fleet->log;

    log->now_ns += dice_below(&fleet->dice, 100) * LOG_SECOND / 10;
    if (dice_one_in(&fleet->dice, 500))
        log->now_ns -= dice_below(&fleet->dice, 600) * LOG_SECOND;
    record.time = log->now_ns;
    record.stream = arena_text(&log->arena, STREAM_SYSTEM);
    return record;
}

struct random_fleet *random_fleet_new(uint64_t seed, size_t records_max)
{
    struct random_fleet *fleet = mem_new(struct random_fleet);

    fleet->dice.state = seed;
    fleet->log = fleet_log_new_empty();
    fleet->records_max = records_max;
    fleet->asked = mem_zeroed(records_max * sizeof(*fleet->asked));
    fleet->asked_hosts = mem_zeroed(records_max * sizeof(*fleet->asked_hosts));
    return fleet;
}

void random_fleet_destroy(struct random_fleet *fleet)
{
    if (fleet == NULL)
        return;
    fleet_log_destroy(fleet->log);
    free(fleet->asked);
    free(fleet->asked_hosts);
    free(fleet);
}

struct dice *random_fleet_dice(struct random_fleet *fleet)
{
    return &fleet->dice;
}

struct record random_fleet_next(struct random_fleet *fleet, const struct view *view)
{
    struct record record;

    assert(fleet->made < fleet->records_max);
    fleet->view = view;
    record = make_record(fleet);
    fleet->made++;
    return stamp(fleet, record);
}

size_t random_fleet_commands(const struct random_fleet *fleet)
{
    return fleet->asked_count;
}

struct record random_fleet_end(struct random_fleet *fleet, size_t command)
{
    struct record record = fleet_log_outcome(fleet->log, "command.done", fleet->asked[command]);

    return stamp(fleet, of_host(fleet, record, fleet->asked_hosts[command]));
}
