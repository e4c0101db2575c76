/* The view beside the log: made anew from it, with the same bytes. */
#include "broker/view_store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "tests/support/broker_log.h"
#include "tests/support/fleet_log.h"

/* Say it in both: the fold in memory is the one to compare with. */
static void say(struct broker_log *place, struct fleet_log *fleet, struct record record)
{
    struct error err = { 0 };
    struct log_txn *txn;

    if (fleet_log_apply(fleet, &record, &err) < 0)
        fail_msg("%s", err.text);
    if (record.stream == NULL)
        record.stream = arena_text(&fleet->arena, STREAM_SYSTEM);
    assert_int_equal(log_begin(place->log, LOG_WRITE, &txn, &err), 0);
    assert_int_equal(log_append(txn, &record, &err), 0);
    assert_int_equal(log_commit(txn, &err), 0);
}

static void say_some(struct broker_log *place, struct fleet_log *fleet)
{
    struct host_facts facts = { .version = arena_text(&fleet->arena, "0.1.0") };
    const struct host_hello hello = {
        .incarnation = 1,
        .journal.bytes = { 1 },
        .facts = &facts,
    };
    char *id = fleet_log_container(fleet, 1);
    struct container_create create = { .config = fleet_log_config(fleet, "web") };
    struct container_created created = { .config = create.config };
    struct record command;

    say(place, fleet, fleet_log_system(fleet, "host.hello", LOG_HOST, &hello));
    command = fleet_log_command(fleet, "container.create", id, &create);
    say(place, fleet, command);
    say(place, fleet, fleet_log_event(fleet, "container.created", id, 0, &created));
    say(place, fleet, fleet_log_outcome(fleet, "command.done", command.id));
}

static uint64_t hash_of(struct broker_log *place)
{
    struct log_txn *txn;
    struct view view;
    uint64_t hash = 0;

    assert_int_equal(log_begin(place->log, LOG_READ, &txn, NULL), 0);
    view = view_store_in(txn);
    assert_int_equal(view_hash(&view, &hash, NULL), 0);
    log_abort(txn);
    return hash;
}

static uint64_t prepare(struct broker_log *place)
{
    struct error err = { 0 };
    uint64_t folded = 0;

    if (view_store_prepare(place->log, &folded, &err) < 0)
        fail_msg("%s", err.text);
    return folded;
}

/* As say(), and fold it into the view that is kept, as the committer does. */
static void say_live(struct broker_log *place, struct fleet_log *fleet, struct record record)
{
    struct error err = { 0 };
    struct log_txn *txn;
    struct view view;

    say(place, fleet, record);
    record.pos = fleet->pos;
    record.time = fleet->now_ns;
    assert_int_equal(log_begin(place->log, LOG_WRITE, &txn, &err), 0);
    view = view_store_in(txn);
    if (fleet_apply(&view, &record, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(log_commit(txn, &err), 0);
}

static void a_view_is_folded_from_the_log_once(void **state)
{
    struct broker_log *place = *state;
    autodestroy(fleet_log) struct fleet_log *fleet = fleet_log_new_empty();
    uint64_t expected = 0;

    say_some(place, fleet);
    assert_int_equal(prepare(place), 4);
    assert_int_equal(view_hash(fleet->view, &expected, NULL), 0);
    assert_int_equal(hash_of(place), expected);
    broker_log_reopen(place);
    assert_int_equal(prepare(place), 0);
    assert_int_equal(hash_of(place), expected);
}

/* Looking for the rows of one host ends at those of the next. */
static void a_host_without_its_journal_loses_its_rows_among_other_hosts(void **state)
{
    struct broker_log *place = *state;
    autodestroy(fleet_log) struct fleet_log *fleet = fleet_log_new_empty();
    struct host_facts facts = { .version = arena_text(&fleet->arena, "0.1.0") };
    struct host_hello hello = { .incarnation = 1, .journal.bytes = { 1 }, .facts = &facts };
    uint64_t expected = 0;

    say(place, fleet, fleet_log_system(fleet, "host.hello", LOG_HOST, &hello));
    say(place, fleet, fleet_log_system(fleet, "host.hello", "b", &hello));
    for (unsigned i = 1; i <= 2; i++) {
        char *id = fleet_log_container(fleet, i);
        struct container_created created = { .config =
                                                 fleet_log_config(fleet, i == 1 ? "x" : "y") };
        struct record record = fleet_log_event(fleet, "container.created", id, 0, &created);

        record.host = arena_text(&fleet->arena, i == 1 ? LOG_HOST : "b");
        say(place, fleet, record);
    }
    (void)prepare(place);
    hello.journal.bytes[0] = 2;
    say_live(place, fleet, fleet_log_system(fleet, "host.hello", LOG_HOST, &hello));
    assert_null(fleet_log_row(fleet, fleet_log_container(fleet, 1)).id);
    assert_int_equal(view_hash(fleet->view, &expected, NULL), 0);
    assert_int_equal(hash_of(place), expected);
}

/* As a broker leaves it that was killed while it folded, or that folded by other rules. */
static void spoil(struct broker_log *place, uint64_t version)
{
    struct log_txn *txn;
    struct view view;

    assert_int_equal(log_begin(place->log, LOG_WRITE, &txn, NULL), 0);
    view = view_store_in(txn);
    assert_int_equal(view.functions->put(view.store, VIEW_NAMES, bytes_of_text("a/junk"),
                                         bytes_of_text("junk"), NULL),
                     0);
    assert_int_equal(view_store_put_number(txn, "view_version", version, NULL), 0);
    assert_int_equal(log_commit(txn, NULL), 0);
}

static void an_unfinished_or_foreign_view_is_folded_again(void **state)
{
    struct broker_log *place = *state;
    autodestroy(fleet_log) struct fleet_log *fleet = fleet_log_new_empty();
    uint64_t expected;

    say_some(place, fleet);
    (void)prepare(place);
    expected = hash_of(place);
    spoil(place, 0);
    assert_int_not_equal(hash_of(place), expected);
    assert_int_equal(prepare(place), 4);
    assert_int_equal(hash_of(place), expected);
    spoil(place, VIEW_VERSION + 1);
    assert_int_equal(prepare(place), 4);
    assert_int_equal(hash_of(place), expected);
}

static void a_view_without_its_records_cannot_be_folded(void **state)
{
    struct broker_log *place = *state;
    struct error err = { 0 };
    struct log_txn *txn;
    uint64_t folded;
    unsigned count;

    (void)broker_log_append(place, "sys", "x", 3);
    assert_int_equal(log_begin(place->log, LOG_WRITE, &txn, NULL), 0);
    assert_int_equal(log_trim(txn, 1, 10, &count, NULL), 0);
    assert_int_equal(log_commit(txn, NULL), 0);
    assert_int_equal(view_store_prepare(place->log, &folded, &err), -ENODATA);
    assert_non_null(strstr(err.text, "records up to 1 are no longer kept"));
}

static void numbers_are_kept_and_absent_ones_are_zero(void **state)
{
    struct broker_log *place = *state;
    uint64_t number = 7;
    struct log_txn *txn;

    assert_int_equal(log_begin(place->log, LOG_WRITE, &txn, NULL), 0);
    assert_int_equal(view_store_number(txn, "none", &number, NULL), 0);
    assert_int_equal(number, 0);
    assert_int_equal(view_store_put_number(txn, "one", UINT64_MAX - 1, NULL), 0);
    assert_int_equal(log_commit(txn, NULL), 0);
    broker_log_reopen(place);
    assert_int_equal(log_begin(place->log, LOG_READ, &txn, NULL), 0);
    assert_int_equal(view_store_number(txn, "one", &number, NULL), 0);
    assert_true(number == UINT64_MAX - 1);
    log_abort(txn);
}

#define VIEW_TEST(function) \
    cmocka_unit_test_setup_teardown(function, broker_log_setup, broker_log_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        VIEW_TEST(a_view_is_folded_from_the_log_once),
        VIEW_TEST(a_host_without_its_journal_loses_its_rows_among_other_hosts),
        VIEW_TEST(an_unfinished_or_foreign_view_is_folded_again),
        VIEW_TEST(a_view_without_its_records_cannot_be_folded),
        VIEW_TEST(numbers_are_kept_and_absent_ones_are_zero),
    };

    return cmocka_run_group_tests_name("view_store", tests, NULL, NULL);
}
