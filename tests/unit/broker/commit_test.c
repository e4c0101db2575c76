/* The committer: batches, and what becomes of an entry when one of them fails. */
#include "broker/commit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/arena.h"
#include "common/fleet/view.h"
#include "common/io/clock.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "tests/support/broker_log.h"

#define ENTRIES_MAX (COMMIT_ENTRIES_MAX + 16)

/* Writes `records` records, or fails by `failure`. */
struct test_entry {
    struct commit_entry entry;
    struct desk *desk;
    int failure;
    unsigned applied; /* times; the committer's thread's until it is done */
    uint64_t head;    /* of the log, when it began to write */
    uint64_t total;   /* in the view, of entries that have written */
    bool is_done;
    int result;
    unsigned order; /* of being told */
};

/* A committer on a loop, over a log whose commits can be made to fail. */
struct desk {
    struct broker_log *place;
    struct log_functions functions; /* the log's, with our commit */
    struct event_base *loop;
    struct committer *committer;
    unsigned batches; /* whose entries have all been told */
    unsigned told;
    unsigned wanted; /* the loop ends when so many are told */
    struct test_entry entries[ENTRIES_MAX];
};

static int failing_commit(struct log_txn *txn, struct error *err)
{
    log_abort(txn);
    return error_set(err, -ENOSPC, "the test's disk is full");
}

static int entry_apply(struct commit_entry *entry, struct commit_turn *turn, struct error *err)
{
    struct test_entry *test = container_of(entry, struct test_entry, entry);
    struct record record = broker_log_event("sys", "test.written");
    struct log_state state;

    test->applied++;
    assert_int_equal(log_state(turn->txn, &state, err), 0);
    test->head = state.head;
    assert_int_equal(view_add_to_total(&turn->view, "written", 1, &test->total, err), 0);
    for (unsigned i = 0; i < entry->records; i++)
        assert_int_equal(commit_append(turn, &record, err), 0);
    if (test->failure < 0)
        return error_set(err, test->failure, "the test's entry fails");
    return 0;
}

static void entry_done(struct commit_entry *entry, const struct error *failure)
{
    struct test_entry *test = container_of(entry, struct test_entry, entry);

    assert_false(test->is_done);
    test->is_done = true;
    test->result = failure == NULL ? 0 : failure->code;
    test->order = ++test->desk->told;
}

static const struct commit_functions entry_functions = {
    .apply = entry_apply,
    .done = entry_done,
};

static void on_committed(void *owner)
{
    struct desk *desk = owner;

    desk->batches++;
    if (desk->told >= desk->wanted)
        (void)event_base_loopbreak(desk->loop);
}

static int setup(void **state)
{
    struct desk *desk = mem_new(struct desk);
    void *place;

    assert_int_equal(broker_log_setup(&place), 0);
    desk->place = place;
    desk->functions = *desk->place->log->functions;
    desk->place->log->functions = &desk->functions;
    desk->loop = event_base_new();
    assert_int_equal(
        committer_new(desk->loop, desk->place->log, on_committed, desk, &desk->committer, NULL), 0);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;
    void *place = desk->place;

    committer_destroy(desk->committer);
    event_base_free(desk->loop);
    assert_int_equal(broker_log_teardown(&place), 0);
    free(desk);
    return 0;
}

static int add(struct desk *desk, unsigned index, unsigned records, int failure)
{
    struct test_entry *test = &desk->entries[index];

    *test = (struct test_entry){
        .entry = { .functions = &entry_functions, .records = records, .bytes = 100 },
        .desk = desk,
        .failure = failure,
    };
    return committer_add(desk->committer, &test->entry, NULL);
}

/* Run the loop until so many entries have been told in all. */
static void run_until(struct desk *desk, unsigned told)
{
    desk->wanted = told;
    if (desk->told < told)
        (void)event_base_dispatch(desk->loop);
    assert_int_equal(desk->told, told);
}

static void what_comes_during_a_commit_is_the_next_batch(void **state)
{
    struct desk *desk = *state;

    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(add(desk, i, 1, 0), 0);
    run_until(desk, 10);
    assert_int_equal(desk->batches, 2);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(desk->entries[i].result, 0);
        assert_int_equal(desk->entries[i].order, i + 1);
        assert_int_equal(desk->entries[i].head, i); /* it saw the ones before it */
    }
    assert_int_equal(broker_log_state(desk->place).head, 10);
    assert_int_equal(committer_counters(desk->committer).commits, 2);
    assert_int_equal(committer_counters(desk->committer).records, 10);
    assert_true(committer_is_idle(desk->committer));
}

static uint64_t time_at(struct desk *desk, uint64_t pos)
{
    autodestroy(log_txn) struct log_txn *txn = NULL;
    autodestroy(log_cursor) struct log_cursor *cursor = NULL;
    autoarena arena = { 0 };
    struct log_entry entry;
    struct record record;

    assert_int_equal(log_begin(desk->place->log, LOG_READ, &txn, NULL), 0);
    assert_int_equal(log_walk(txn, NULL, pos - 1, &cursor, NULL), 0);
    assert_int_equal(log_next(cursor, &entry, NULL), 1);
    assert_int_equal(schema_decode(&record_schema, entry.record, &record, &arena, NULL), 0);
    return record.time;
}

static void append_at(struct desk *desk, uint64_t time_ns)
{
    struct record record = broker_log_event("sys", "test.written");
    struct log_txn *txn;

    record.time = time_ns;
    assert_int_equal(log_begin(desk->place->log, LOG_WRITE, &txn, NULL), 0);
    assert_int_equal(log_append(txn, &record, NULL), 0);
    assert_int_equal(log_commit(txn, NULL), 0);
}

/* The log was written by a broker whose clock was a day ahead. */
static void times_of_records_never_go_back(void **state)
{
    struct desk *desk = *state;
    uint64_t tomorrow = clock_wall_ns() + UINT64_C(86400) * 1000000000;

    assert_int_equal(add(desk, 0, 1, 0), 0);
    run_until(desk, 1);
    assert_in_range(time_at(desk, 1), 1, tomorrow - 1);
    append_at(desk, tomorrow);
    committer_destroy(desk->committer);
    assert_int_equal(
        committer_new(desk->loop, desk->place->log, on_committed, desk, &desk->committer, NULL), 0);
    assert_int_equal(add(desk, 1, 1, 0), 0);
    run_until(desk, 2);
    assert_int_equal(add(desk, 2, 1, 0), 0);
    run_until(desk, 3);
    assert_int_equal(time_at(desk, 3), tomorrow);
    assert_int_equal(time_at(desk, 4), tomorrow);
}

static void a_batch_is_bounded(void **state)
{
    struct desk *desk = *state;

    const unsigned records = 10; /* of each entry */
    const unsigned small = 2 * COMMIT_BATCH_RECORDS_MAX / records + 50;
    const unsigned large = 2 * COMMIT_BATCH_RECORDS_MAX;

    for (unsigned i = 0; i < small; i++)
        assert_int_equal(add(desk, i, records, 0), 0);
    assert_int_equal(add(desk, small, large, 0), 0); /* a large entry is a batch of its own */
    run_until(desk, small + 1);
    assert_int_equal(desk->batches, 5); /* one entry, the most, the most, 49, the large one */
    assert_int_equal(broker_log_state(desk->place).head, small * records + large);
}

static void an_entry_that_fails_harms_only_itself(void **state)
{
    struct desk *desk = *state;

    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(add(desk, i, 1, i == 2 || i == 3 ? -EINVAL : 0), 0);
    run_until(desk, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(desk->entries[i].result, i == 2 || i == 3 ? -EINVAL : 0);
    assert_int_equal(broker_log_state(desk->place).head, 3);
    assert_int_equal(desk->entries[1].applied, 3);
    assert_int_equal(desk->entries[4].head, 2);
    assert_int_equal(desk->entries[4].total, 3);
}

static void a_commit_that_fails_fails_all_and_the_next_one_succeeds(void **state)
{
    struct desk *desk = *state;
    int (*commit)(struct log_txn *, struct error *) = desk->functions.commit;

    desk->functions.commit = failing_commit;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(add(desk, i, 1, 0), 0);
    run_until(desk, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(desk->entries[i].result, -ENOSPC);
    assert_int_equal(broker_log_state(desk->place).head, 0);
    assert_int_equal(committer_counters(desk->committer).failures, 2);
    assert_int_equal(committer_counters(desk->committer).records, 0);

    desk->functions.commit = commit;
    assert_int_equal(add(desk, 3, 1, 0), 0);
    run_until(desk, 4);
    assert_int_equal(desk->entries[3].total, 1); /* what was undone is not remembered */
    assert_int_equal(desk->entries[3].result, 0);
    assert_int_equal(broker_log_state(desk->place).head, 1);
}

static void a_full_disk_is_not_tried_once_for_each_entry(void **state)
{
    struct desk *desk = *state;

    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(add(desk, i, 1, i == 50 ? -ENOSPC : 0), 0);
    run_until(desk, 100);
    assert_int_equal(desk->entries[0].result, 0);
    for (unsigned i = 1; i < 100; i++)
        assert_int_equal(desk->entries[i].result, -ENOSPC);
    assert_int_equal(desk->entries[1].applied, 1);
}

static void what_waits_is_bounded(void **state)
{
    struct desk *desk = *state;

    for (unsigned i = 0; i < COMMIT_ENTRIES_MAX; i++) {
        assert_int_equal(committer_is_busy(desk->committer), i >= COMMIT_ENTRIES_MAX / 4 * 3);
        assert_int_equal(add(desk, i, 1, 0), 0);
    }
    assert_int_equal(add(desk, COMMIT_ENTRIES_MAX, 1, 0), -EAGAIN);
    run_until(desk, COMMIT_ENTRIES_MAX);
    assert_false(committer_is_busy(desk->committer));
    assert_int_equal(add(desk, COMMIT_ENTRIES_MAX, 1, 0), 0);
    run_until(desk, COMMIT_ENTRIES_MAX + 1);
}

static void an_end_finishes_what_is_begun_and_cancels_the_rest(void **state)
{
    struct desk *desk = *state;

    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(add(desk, i, 1, 0), 0);
    committer_destroy(steal_ptr(desk->committer));
    for (unsigned i = 0; i < 3; i++)
        assert_true(desk->entries[i].is_done);
    /* The first was with the pool: begun or not, but never half. */
    assert_int_equal(broker_log_state(desk->place).head, desk->entries[0].result == 0 ? 1 : 0);
    assert_int_equal(desk->entries[1].result, -ECANCELED);
    assert_int_equal(desk->entries[2].result, -ECANCELED);
}

#define COMMIT_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        COMMIT_TEST(what_comes_during_a_commit_is_the_next_batch),
        COMMIT_TEST(a_batch_is_bounded),
        COMMIT_TEST(times_of_records_never_go_back),
        COMMIT_TEST(an_entry_that_fails_harms_only_itself),
        COMMIT_TEST(a_commit_that_fails_fails_all_and_the_next_one_succeeds),
        COMMIT_TEST(a_full_disk_is_not_tried_once_for_each_entry),
        COMMIT_TEST(what_waits_is_bounded),
        COMMIT_TEST(an_end_finishes_what_is_begun_and_cancels_the_rest),
    };

    return cmocka_run_group_tests_name("commit", tests, NULL, NULL);
}
