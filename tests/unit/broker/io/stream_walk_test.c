/* Walks of a stream whose records the index has only some of. */
#include "broker/io/log_lmdb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/io/log_tables.h"
#include "broker/io/stored_number.h"
#include "broker/io/stream_walk.h"
#include "broker/view_store.h"
#include "common/io/store.h"
#include "common/mem.h"
#include "tests/support/broker_log.h"

#define STORE_BYTES (64 * 1024 * 1024)

/* Of a log whose records at multiples of three are of "evt/b": the rest of "evt/a", as text. */
static char *rest_of_a(uint64_t after, uint64_t floor, uint64_t head)
{
    char *text = mem_dup_text("");

    for (uint64_t pos = (after > floor ? after : floor) + 1; pos <= head; pos++) {
        char *longer;

        if (pos % 3 == 0)
            continue;
        longer = mem_text("%s%s%llu", text, text[0] == '\0' ? "" : " ", (unsigned long long)pos);
        free(text);
        text = longer;
    }
    return text;
}

static void append_both(struct broker_log *place, uint64_t upto)
{
    for (uint64_t pos = broker_log_state(place).head + 1; pos <= upto; pos++)
        (void)broker_log_append(place, pos % 3 == 0 ? "evt/b" : "evt/a", "x", 1);
}

static void assert_rest_of_a(struct broker_log *place, uint64_t floor, uint64_t head)
{
    for (uint64_t after = 0; after <= head; after += 7) {
        char *expected = rest_of_a(after, floor, head);

        broker_log_assert_walk(place, "evt/a", after, expected);
        free(expected);
    }
}

/* The index has few of its records. */
static void a_long_stream_is_walked_from_anywhere(void **state)
{
    struct broker_log *place = *state;

    append_both(place, 400);
    assert_rest_of_a(place, 0, 400);
    broker_log_reopen(place);
    append_both(place, 410);
    assert_rest_of_a(place, 0, 410);
}

static void the_index_has_few_of_a_streams_records(void **state)
{
    struct broker_log *place = *state;
    const char *const tables[] = { "log", "index", NULL };
    struct store_txn *txn;
    struct store *store;

    (void)broker_log_append(place, "evt/a", "x", 3 * STREAM_MARK_EVERY);
    (void)broker_log_append(place, "evt/b", "x", STREAM_MARK_EVERY - 1);
    log_close(place->log);
    assert_int_equal(store_open(place->directory, tables, STORE_BYTES, &store, NULL), 0);
    assert_int_equal(store_begin(store, STORE_READ, &txn, NULL), 0);
    assert_int_equal(store_count(txn, LOG_TABLE_MARKS), 3);
    store_abort(txn);
    store_close(store);
    place->log = NULL;
}

/* Others are found on both sides of it, far from the next one that the index has. */
static void a_damaged_record_hides_no_other_of_its_stream(void **state)
{
    struct broker_log *place = *state;
    struct error err = { 0 };
    char *expected = rest_of_a(0, 0, 99);
    char *found;

    append_both(place, 99);
    assert_int_equal(broker_log_append(place, "evt/a", BROKER_LOG_MARKER, 1), 100);
    append_both(place, 120);
    broker_log_damage(place);
    broker_log_reopen(place);
    found = broker_log_walk(place, "evt/a", 0, &err);
    assert_int_equal(strncmp(found, expected, strlen(expected)), 0);
    assert_string_equal(found + strlen(expected), "!");
    assert_non_null(strstr(err.text, "record 100 "));
    free(found);
    free(expected);
    expected = rest_of_a(100, 0, 120);
    broker_log_assert_walk(place, "evt/a", 100, expected);
    free(expected);
}

/* Format 2 had every record in the index, and heads that say no more than where. */
static void a_log_whose_index_has_all_goes_on(void **state)
{
    struct broker_log *place = *state;
    const char *tables[LOG_TABLE_COUNT + VIEW_STORE_TABLES_MAX + 1] = { "log", "index", "heads",
                                                                        "meta" };
    struct store *store;
    struct store_txn *txn;

    append_both(place, 100);
    view_store_tables(tables + LOG_TABLE_COUNT);
    log_close(place->log);
    assert_int_equal(store_open(place->directory, tables, STORE_BYTES, &store, NULL), 0);
    assert_int_equal(store_begin(store, STORE_WRITE, &txn, NULL), 0);
    for (uint64_t pos = 1; pos <= 100; pos++) {
        const char *stream = pos % 3 == 0 ? "evt/b" : "evt/a";
        struct index_key key;

        assert_int_equal(index_key_make(stream, pos, &key, NULL), 0);
        assert_int_equal(store_put(txn, LOG_TABLE_MARKS, (struct bytes){ key.bytes, key.size },
                                   (struct bytes){ 0 }, NULL),
                         0);
        assert_int_equal(stored_number_put(txn, LOG_TABLE_HEADS, stream, pos, NULL), 0);
    }
    assert_int_equal(stored_number_put(txn, LOG_TABLE_META, "format", 2, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
    store_close(store);
    assert_int_equal(
        log_lmdb_open(place->directory, tables + LOG_TABLE_COUNT, STORE_BYTES, &place->log, NULL),
        0);
    assert_rest_of_a(place, 0, 100);
    append_both(place, 300);
    broker_log_reopen(place);
    assert_rest_of_a(place, 0, 300);
}

static void trim(struct broker_log *place, uint64_t upto)
{
    struct log_txn *txn;
    unsigned count = 0;

    assert_int_equal(log_begin(place->log, LOG_WRITE, &txn, NULL), 0);
    assert_int_equal(log_trim(txn, upto, 1000, &count, NULL), 0);
    assert_int_equal(log_commit(txn, NULL), 0);
    assert_int_equal(broker_log_state(place).floor, upto);
}

static void a_long_stream_is_walked_from_what_is_kept(void **state)
{
    struct broker_log *place = *state;

    append_both(place, 400);
    for (uint64_t floor = 50; floor < 400; floor += 50) {
        trim(place, floor);
        assert_rest_of_a(place, floor, 400);
    }
    trim(place, 399);
    broker_log_assert_walk(place, "evt/b", 0, "");
    broker_log_assert_walk(place, "evt/a", 0, "400");
}

#define WALK_TEST(function) \
    cmocka_unit_test_setup_teardown(function, broker_log_setup, broker_log_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WALK_TEST(a_long_stream_is_walked_from_anywhere),
        WALK_TEST(the_index_has_few_of_a_streams_records),
        WALK_TEST(a_damaged_record_hides_no_other_of_its_stream),
        WALK_TEST(a_log_whose_index_has_all_goes_on),
        WALK_TEST(a_long_stream_is_walked_from_what_is_kept),
    };
    return cmocka_run_group_tests_name("stream_walk", tests, NULL, NULL);
}
