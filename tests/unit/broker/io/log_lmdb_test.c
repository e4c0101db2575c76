/* The log in LMDB: positions, streams, damage, trimming. */
#include "broker/io/log_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/io/stored_number.h"
#include "broker/view_store.h"
#include "common/arena.h"
#include "common/io/files.h"
#include "common/io/store.h"
#include "common/mem.h"
#include "schemas/codec.h"
#include "tests/support/broker_log.h"

static struct record read_record(struct broker_log *place, uint64_t pos, struct arena *arena)
{
    struct record record = { 0 };
    struct log_cursor *cursor;
    struct log_entry entry;
    struct log_txn *txn;

    assert_int_equal(log_begin(place->log, LOG_READ, &txn, NULL), 0);
    assert_int_equal(log_walk(txn, NULL, pos - 1, &cursor, NULL), 0);
    assert_int_equal(log_next(cursor, &entry, NULL), 1);
    assert_int_equal(schema_decode(&record_schema, entry.record, &record, arena, NULL), 0);
    log_walk_end(cursor);
    log_abort(txn);
    return record;
}

static void a_new_log_is_empty_and_keeps_its_id(void **state)
{
    struct broker_log *place = *state;
    struct log_state before = broker_log_state(place), after;

    assert_int_equal(before.head, 0);
    assert_int_equal(before.floor, 0);
    assert_int_equal(before.epoch, 1);
    assert_false(command_id_is_zero(before.id));
    broker_log_reopen(place);
    after = broker_log_state(place);
    assert_true(command_id_equal(before.id, after.id));
    broker_log_assert_walk(place, NULL, 0, "");
}

static void each_record_names_the_one_before_in_its_stream(void **state)
{
    struct broker_log *place = *state;
    autoarena arena = { 0 };

    (void)broker_log_append(place, "cmd/a", "x", 2);
    (void)broker_log_append(place, "cmd/ab", "x", 1);
    (void)broker_log_append(place, "cmd/a", "x", 1);
    broker_log_reopen(place);
    assert_int_equal(broker_log_append(place, "cmd/ab", "x", 1), 5);
    assert_int_equal(read_record(place, 1, &arena).prev, 0);
    assert_int_equal(read_record(place, 2, &arena).prev, 1);
    assert_int_equal(read_record(place, 3, &arena).prev, 0);
    assert_int_equal(read_record(place, 4, &arena).prev, 2);
    assert_int_equal(read_record(place, 5, &arena).prev, 3);
    assert_int_equal(read_record(place, 5, &arena).pos, 5);
    assert_string_equal(read_record(place, 5, &arena).stream, "cmd/ab");
}

static void a_walk_is_of_one_stream_or_of_all(void **state)
{
    struct broker_log *place = *state;

    (void)broker_log_append(place, "cmd/a", "x", 2);
    (void)broker_log_append(place, "cmd/ab", "x", 2);
    (void)broker_log_append(place, "cmd/a", "x", 1);
    (void)broker_log_append(place, "sys", "x", 1);
    broker_log_assert_walk(place, NULL, 0, "1 2 3 4 5 6");
    broker_log_assert_walk(place, NULL, 4, "5 6");
    broker_log_assert_walk(place, NULL, 6, "");
    broker_log_assert_walk(place, NULL, UINT64_MAX, "");
    broker_log_assert_walk(place, "cmd/a", 0, "1 2 5");
    broker_log_assert_walk(place, "cmd/a", 1, "2 5");
    broker_log_assert_walk(place, "cmd/a", 5, "");
    broker_log_assert_walk(place, "cmd/ab", 0, "3 4");
    broker_log_assert_walk(place, "cmd/", 0, "");
    broker_log_assert_walk(place, "cmd/z", 0, "");
}

static void what_is_not_committed_is_not_there(void **state)
{
    struct broker_log *place = *state;
    struct record record = broker_log_event("sys", "x");
    struct log_txn *txn;

    assert_int_equal(log_begin(place->log, LOG_WRITE, &txn, NULL), 0);
    assert_int_equal(log_append(txn, &record, NULL), 0);
    assert_int_equal(record.pos, 1);
    log_abort(txn);
    assert_int_equal(broker_log_append(place, "sys", "x", 1), 1);
}

static void a_stream_with_too_long_a_name_is_refused(void **state)
{
    struct broker_log *place = *state;
    char name[1024] = "";
    struct record record = broker_log_event(name, "x");
    struct error err = { 0 };
    struct log_txn *txn;

    memset(name, 's', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(log_begin(place->log, LOG_WRITE, &txn, NULL), 0);
    assert_int_equal(log_append(txn, &record, &err), -ENAMETOOLONG);
    log_abort(txn);
}

static void a_flipped_bit_is_found_and_named(void **state)
{
    struct broker_log *place = *state;
    struct error err = { 0 };
    char *found;

    (void)broker_log_append(place, "evt/a", "x", 2);
    (void)broker_log_append(place, "evt/a", BROKER_LOG_MARKER, 1);
    (void)broker_log_append(place, "evt/a", "x", 1);
    broker_log_damage(place);
    broker_log_reopen(place);
    found = broker_log_walk(place, NULL, 0, &err);
    assert_string_equal(found, "1 2!");
    assert_int_equal(err.code, -EUCLEAN);
    assert_non_null(strstr(err.text, "record 3 "));
    free(found);
    found = broker_log_walk(place, "evt/a", 2, &err);
    assert_string_equal(found, "!");
    free(found);
    broker_log_assert_walk(place, NULL, 3, "4");
}

static const char *const row_keys[] = { "one", "two" };

static void put_row(struct broker_log *place, const char *key, const char *value)
{
    struct log_txn *txn;

    assert_int_equal(log_begin(place->log, LOG_WRITE, &txn, NULL), 0);
    assert_int_equal(log_table_put(txn, 0, bytes_of_text(key), bytes_of_text(value), NULL), 0);
    assert_int_equal(log_commit(txn, NULL), 0);
}

static int get_row(struct broker_log *place, const char *key, const char *expected)
{
    struct log_txn *txn;
    struct bytes value;
    int r;

    assert_int_equal(log_begin(place->log, LOG_READ, &txn, NULL), 0);
    r = log_table_get(txn, 0, bytes_of_text(key), &value);
    if (r == 0)
        assert_true(bytes_equal(value, bytes_of_text(expected)));
    log_abort(txn);
    return r;
}

static int visit_row(void *owner, struct bytes key, struct bytes value)
{
    unsigned *count = owner;

    assert_true(bytes_equal(key, bytes_of_text(row_keys[*count])));
    assert_true(value.size > 0);
    ++*count;
    return 0;
}

static void a_flipped_bit_of_a_row_is_found_and_named(void **state)
{
    struct broker_log *place = *state;
    struct error err = { 0 };
    struct log_txn *txn;
    unsigned count = 0;

    put_row(place, row_keys[0], "whole");
    put_row(place, row_keys[1], "a row with the " BROKER_LOG_MARKER);
    broker_log_damage(place);
    broker_log_reopen(place);
    assert_int_equal(get_row(place, row_keys[0], "whole"), 0);
    assert_int_equal(get_row(place, row_keys[1], NULL), -EUCLEAN);
    assert_int_equal(log_begin(place->log, LOG_READ, &txn, NULL), 0);
    assert_int_equal(log_table_walk(txn, 0, (struct bytes){ 0 }, visit_row, &count, &err),
                     -EUCLEAN);
    log_abort(txn);
    assert_int_equal(count, 1);
    assert_non_null(strstr(err.text, "row two is damaged"));
}

/* As the format before this one had them. */
static void rows_of_an_old_log_get_their_checksums(void **state)
{
    struct broker_log *place = *state;
    const char *tables[5 + VIEW_STORE_TABLES_MAX] = { "log", "index", "heads", "meta" };
    struct store *store;
    struct store_txn *txn;

    view_store_tables(tables + 4);
    log_close(place->log);
    assert_int_equal(store_open(place->directory, tables, 64 * 1024 * 1024, &store, NULL), 0);
    assert_int_equal(store_begin(store, STORE_WRITE, &txn, NULL), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(store_put(txn, 4, bytes_of_text(row_keys[i]), bytes_of_text("old"), NULL),
                         0);
    assert_int_equal(stored_number_put(txn, 3, "format", 1, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
    store_close(store);
    assert_int_equal(
        log_lmdb_open(place->directory, tables + 4, 64 * 1024 * 1024, &place->log, NULL), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(get_row(place, row_keys[i], "old"), 0);
    broker_log_reopen(place);
    assert_int_equal(get_row(place, row_keys[0], "old"), 0);
}

static unsigned trim(struct broker_log *place, uint64_t upto, unsigned max)
{
    struct log_txn *txn;
    unsigned count = 0;

    assert_int_equal(log_begin(place->log, LOG_WRITE, &txn, NULL), 0);
    assert_int_equal(log_trim(txn, upto, max, &count, NULL), 0);
    assert_int_equal(log_commit(txn, NULL), 0);
    return count;
}

static void trimming_raises_the_floor_and_keeps_the_heads(void **state)
{
    struct broker_log *place = *state;
    autoarena arena = { 0 };

    (void)broker_log_append(place, "cmd/a", "x", 3);
    (void)broker_log_append(place, "sys", "x", 3);
    assert_int_equal(trim(place, 4, 2), 2);
    assert_int_equal(broker_log_state(place).floor, 2);
    broker_log_assert_walk(place, "cmd/a", 0, "3");
    assert_int_equal(trim(place, 4, 100), 2);
    assert_int_equal(broker_log_state(place).floor, 4);
    broker_log_assert_walk(place, NULL, 0, "5 6");
    broker_log_assert_walk(place, "cmd/a", 0, "");
    broker_log_assert_walk(place, "sys", 0, "5 6");
    assert_int_equal(broker_log_append(place, "cmd/a", "x", 1), 7);
    assert_int_equal(read_record(place, 7, &arena).prev, 3);
}

static void the_last_record_is_never_trimmed(void **state)
{
    struct broker_log *place = *state;

    assert_int_equal(trim(place, 100, 100), 0);
    (void)broker_log_append(place, "sys", "x", 3);
    assert_int_equal(trim(place, UINT64_MAX, 100), 2);
    broker_log_reopen(place);
    assert_int_equal(broker_log_append(place, "sys", "x", 1), 4);
}

static void another_epoch_is_one_more(void **state)
{
    struct broker_log *place = *state;
    struct log_txn *txn;

    assert_int_equal(broker_log_state(place).epoch, 1);
    assert_int_equal(log_begin(place->log, LOG_WRITE, &txn, NULL), 0);
    assert_int_equal(log_renew(txn, NULL), 0);
    assert_int_equal(log_commit(txn, NULL), 0);
    broker_log_reopen(place);
    assert_int_equal(broker_log_state(place).epoch, 2);
}

static void trimming_makes_room(void **state)
{
    struct broker_log *place = *state;
    struct log_state before;
    struct log_state after;

    (void)broker_log_append(place, "sys", "x", 2000);
    before = broker_log_state(place);
    assert_int_equal(trim(place, 1000, 2000), 1000);
    after = broker_log_state(place);
    assert_true(after.record_bytes < before.record_bytes * 2 / 3);
    assert_true(after.record_bytes > 0);
    assert_true(after.bytes >= after.record_bytes);
}

static int count_visit(void *owner, struct bytes key, struct bytes value)
{
    unsigned *count = owner;

    (void)key;
    (void)value;
    return ++*count == 2 ? 7 : 0;
}

static void tables_change_with_the_log_or_not_at_all(void **state)
{
    struct broker_log *place = *state;
    struct bytes value = bytes_of_text("value"), found;
    struct log_txn *txn;
    unsigned count = 0;

    assert_int_equal(log_begin(place->log, LOG_WRITE, &txn, NULL), 0);
    assert_int_equal(log_table_put(txn, 1, bytes_of_text("a"), value, NULL), 0);
    log_abort(txn);
    assert_int_equal(log_begin(place->log, LOG_WRITE, &txn, NULL), 0);
    assert_int_equal(log_table_get(txn, 1, bytes_of_text("a"), &found), -ENOENT);
    for (char key = 'a'; key <= 'd'; key++)
        assert_int_equal(
            log_table_put(txn, 1, (struct bytes){ (const uint8_t *)&key, 1 }, value, NULL), 0);
    assert_int_equal(log_table_remove(txn, 1, bytes_of_text("a"), NULL), 0);
    assert_int_equal(log_table_remove(txn, 1, bytes_of_text("a"), NULL), -ENOENT);
    assert_int_equal(log_table_walk(txn, 1, bytes_of_text("a"), count_visit, &count, NULL), 7);
    assert_int_equal(log_commit(txn, NULL), 0);
    broker_log_reopen(place);
    assert_int_equal(log_begin(place->log, LOG_READ, &txn, NULL), 0);
    assert_int_equal(log_table_get(txn, 1, bytes_of_text("b"), &found), 0);
    assert_true(bytes_equal(found, value));
    assert_int_equal(log_table_get(txn, 0, bytes_of_text("b"), &found), -ENOENT);
    log_abort(txn);
}

static void a_second_open_is_refused(void **state)
{
    struct broker_log *place = *state;
    static const char *const tables[] = { NULL };
    struct error err = { 0 };
    struct log *log;

    assert_int_equal(log_lmdb_open(place->directory, tables, 1 << 20, &log, &err), -EBUSY);
    assert_non_null(strstr(err.text, place->directory));
}

#define LOG_TEST(function) \
    cmocka_unit_test_setup_teardown(function, broker_log_setup, broker_log_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(a_new_log_is_empty_and_keeps_its_id),
        LOG_TEST(each_record_names_the_one_before_in_its_stream),
        LOG_TEST(a_walk_is_of_one_stream_or_of_all),
        LOG_TEST(what_is_not_committed_is_not_there),
        LOG_TEST(a_stream_with_too_long_a_name_is_refused),
        LOG_TEST(a_flipped_bit_is_found_and_named),
        LOG_TEST(a_flipped_bit_of_a_row_is_found_and_named),
        LOG_TEST(rows_of_an_old_log_get_their_checksums),
        LOG_TEST(trimming_raises_the_floor_and_keeps_the_heads),
        LOG_TEST(the_last_record_is_never_trimmed),
        LOG_TEST(another_epoch_is_one_more),
        LOG_TEST(trimming_makes_room),
        LOG_TEST(tables_change_with_the_log_or_not_at_all),
        LOG_TEST(a_second_open_is_refused),
    };

    return cmocka_run_group_tests_name("log_lmdb", tests, NULL, NULL);
}
