/* What a batch costs in the store: counts, which do not depend on how busy the machine is. */
#include "broker/commit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "broker/borrowed.h"
#include "common/mem.h"
#include "tests/support/broker_log.h"
#include "tests/support/fleet_log.h"

#define CONTAINERS   25
#define RECORDS_MAX  200
#define EVENTS       100 /* of a report: a life of each container */
#define COMMANDS     50
#define STREAM       "evt/" LOG_HOST
#define STREAM_ASKED "cmd/" LOG_HOST

/* A committer over a log whose tables are counted, and one entry for all of it. */
struct desk {
    struct broker_log *place;
    struct log_functions functions; /* the log's, with our counting ones */
    const struct log_functions *theirs;
    struct event_base *loop;
    struct committer *committer;
    struct fleet_log *fleet; /* makes the records */
    unsigned gets[VIEW_TABLE_COUNT];
    unsigned puts[VIEW_TABLE_COUNT];
    unsigned removes;

    struct commit_entry entry;
    struct record records[RECORDS_MAX];
    unsigned count;
};

/* The functions of a transaction are told no owner. */
static struct desk *the_desk;

static int count_get(struct log_txn *txn, unsigned table, struct bytes key, struct bytes *ret)
{
    if (table < VIEW_TABLE_COUNT)
        the_desk->gets[table]++;
    return the_desk->theirs->table_get(txn, table, key, ret);
}

static int count_put(struct log_txn *txn, unsigned table, struct bytes key, struct bytes value,
                     struct error *err)
{
    if (table < VIEW_TABLE_COUNT)
        the_desk->puts[table]++;
    return the_desk->theirs->table_put(txn, table, key, value, err);
}

static int count_remove(struct log_txn *txn, unsigned table, struct bytes key, struct error *err)
{
    the_desk->removes++;
    return the_desk->theirs->table_remove(txn, table, key, err);
}

static int entry_apply(struct commit_entry *entry, struct commit_turn *turn, struct error *err)
{
    struct desk *desk = container_of(entry, struct desk, entry);

    for (unsigned i = 0; i < desk->count; i++)
        assert_int_equal(commit_append(turn, &desk->records[i], err), 0);
    assert_int_equal(turn->unfollowed, 0);
    return 0;
}

static void entry_done(struct commit_entry *entry, const struct error *failure)
{
    (void)entry;
    assert_null(failure);
}

static const struct commit_functions entry_functions = {
    .apply = entry_apply,
    .done = entry_done,
};

static void on_committed(void *owner)
{
    struct desk *desk = owner;

    (void)event_base_loopbreak(desk->loop);
}

static void say(struct desk *desk, const char *stream, struct record record)
{
    record.stream = borrowed(stream);
    desk->records[desk->count++] = record;
}

/* Write what was said in one batch, and count it. */
static void write_batch(struct desk *desk)
{
    memset(desk->gets, 0, sizeof(desk->gets));
    memset(desk->puts, 0, sizeof(desk->puts));
    desk->removes = 0;
    desk->entry =
        (struct commit_entry){ .functions = &entry_functions, .records = desk->count, .bytes = 1 };
    assert_int_equal(committer_add(desk->committer, &desk->entry, NULL), 0);
    (void)event_base_dispatch(desk->loop);
    desk->count = 0;
}

static void say_fleet(struct desk *desk)
{
    struct fleet_log *fleet = desk->fleet;
    struct host_facts facts = { .version = borrowed("0.1.0") };
    const struct host_hello hello = { .incarnation = 1,
                                      .journal = command_id_make(1, 1),
                                      .facts = &facts };

    say(desk, "sys", fleet_log_system(fleet, "host.hello", LOG_HOST, &hello));
    for (unsigned i = 0; i < CONTAINERS; i++) {
        const char *name = arena_printf(&fleet->arena, "c%u", i);
        const struct container_created created = { .config = fleet_log_config(fleet, name) };

        say(desk, STREAM,
            fleet_log_event(fleet, "container.created", fleet_log_container(fleet, i), 0,
                            &created));
    }
    write_batch(desk);
}

static int setup(void **state)
{
    struct desk *desk = mem_new(struct desk);
    void *place;

    assert_int_equal(broker_log_setup(&place), 0);
    the_desk = desk;
    desk->place = place;
    desk->theirs = desk->place->log->functions;
    desk->functions = *desk->theirs;
    desk->functions.table_get = count_get;
    desk->functions.table_put = count_put;
    desk->functions.table_remove = count_remove;
    desk->place->log->functions = &desk->functions;
    desk->loop = event_base_new();
    desk->fleet = fleet_log_new_empty();
    assert_int_equal(
        committer_new(desk->loop, desk->place->log, on_committed, desk, &desk->committer, NULL), 0);
    say_fleet(desk);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;
    void *place = desk->place;

    committer_destroy(desk->committer);
    event_base_free(desk->loop);
    fleet_log_destroy(desk->fleet);
    assert_int_equal(broker_log_teardown(&place), 0);
    free(desk);
    return 0;
}

static void say_report(struct desk *desk, uint32_t run)
{
    struct fleet_log *fleet = desk->fleet;
    const struct container_initialized initialized = { .pid = 7, .runtime = borrowed("crun") };
    const struct container_died died = { .exit_code = 1 };

    for (unsigned i = 0; i < CONTAINERS; i++) {
        const char *id = fleet_log_container(fleet, i);

        say(desk, STREAM, fleet_log_event(fleet, "container.initialized", id, run, &initialized));
        say(desk, STREAM, fleet_log_event(fleet, "container.started", id, run, NULL));
        say(desk, STREAM, fleet_log_event(fleet, "container.died", id, run, &died));
        say(desk, STREAM, fleet_log_event(fleet, "container.cleaned", id, run, NULL));
    }
    assert_int_equal(desk->count, EVENTS);
}

static unsigned sum(const unsigned *counts)
{
    unsigned total = 0;

    for (unsigned table = 0; table < VIEW_TABLE_COUNT; table++)
        total += counts[table];
    return total;
}

static void a_report_writes_each_row_once_and_reads_none_again(void **state)
{
    struct desk *desk = *state;

    for (uint32_t run = 1; run <= 3; run++) {
        say_report(desk, run);
        write_batch(desk);
        assert_int_equal(desk->puts[VIEW_HOSTS], 1);
        assert_int_equal(desk->puts[VIEW_CONTAINERS], CONTAINERS);
        assert_int_equal(sum(desk->puts), 1 + CONTAINERS);
        /* The containers were put whole when they were created. */
        assert_int_equal(sum(desk->gets), run == 1 ? CONTAINERS : 0);
        assert_int_equal(desk->removes, 0);
    }
}

/* Each command is a row of its own; its client and what its host has to do are one each. */
static void commands_of_a_client_write_its_mark_once(void **state)
{
    struct desk *desk = *state;
    const char *id = fleet_log_container(desk->fleet, 1);

    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < COMMANDS; i++)
            say(desk, STREAM_ASKED, fleet_log_command(desk->fleet, "container.start", id, NULL));
        write_batch(desk);
        assert_int_equal(desk->puts[VIEW_COMMANDS], COMMANDS);
        assert_int_equal(desk->puts[VIEW_CLIENTS], 1);
        assert_int_equal(desk->puts[VIEW_TOTALS], round == 0 ? 2 : 1); /* "clients" too */
        assert_int_equal(desk->puts[VIEW_CLIENT_HOURS], round == 0 ? 1 : 0);
        assert_int_equal(sum(desk->puts), COMMANDS + (round == 0 ? 4 : 2));
        /* Was it said before? */
        assert_int_equal(desk->gets[VIEW_COMMANDS], COMMANDS);
        assert_int_equal(sum(desk->gets), COMMANDS + (round == 0 ? 3 : 0));
    }
}

#define with_desk(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_desk(a_report_writes_each_row_once_and_reads_none_again),
        with_desk(commands_of_a_client_write_its_mark_once),
    };
    return cmocka_run_group_tests_name("commit_cost", tests, NULL, NULL);
}
