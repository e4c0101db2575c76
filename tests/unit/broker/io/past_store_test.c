/* Snapshots on the disk: whole or not there, found by position and by time, never served torn. */
#include "broker/io/past_store.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/io/files.h"
#include "common/io/store.h"
#include "common/mem.h"

#define BYTES_MAX (64ULL * 1024 * 1024)

struct place {
    char directory[64];
    struct past_store *store;
};

static void open_place(struct place *place)
{
    struct error err = { 0 };

    if (past_store_open(place->directory, BYTES_MAX, &place->store, &err) < 0)
        fail_msg("%s", err.text);
}

static void reopen(struct place *place)
{
    past_store_close(place->store);
    open_place(place);
}

static int setup(void **state)
{
    struct place *place = mem_new(struct place);

    (void)snprintf(place->directory, sizeof(place->directory), "/tmp/gantry-past-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    open_place(place);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;

    past_store_close(place->store);
    assert_int_equal(files_remove_tree(AT_FDCWD, place->directory, NULL), 0);
    free(place);
    return 0;
}

static struct past_writer *new_writer(struct place *place)
{
    struct past_writer *writer = NULL;

    assert_int_equal(past_writer_new(place->store, &writer, NULL), 0);
    return writer;
}

/* Rows "<pos>-<number>" of two tables. */
static void write_rows(struct past_writer *writer, uint64_t pos, unsigned count, size_t value_size)
{
    autofree char *value = mem_zeroed(value_size + 1);

    memset(value, 'v', value_size);
    for (unsigned i = 0; i < count; i++) {
        char key[32];
        struct past_row row = { .table = i < count / 2 ? 1 : 2 };

        (void)snprintf(key, sizeof(key), "%llu-%04u", (unsigned long long)pos, i);
        row.key = bytes_of_text(key);
        row.value = bytes_at(value, value_size);
        assert_int_equal(past_writer_row(writer, &row, NULL), 0);
    }
}

static void write_one(struct past_writer *writer, uint64_t pos, uint64_t latest, unsigned count,
                      size_t value_size)
{
    struct past_snapshot snapshot = { .pos = pos, .time = latest - 1, .latest = latest };

    past_writer_begin(writer, pos);
    write_rows(writer, pos, count, value_size);
    assert_int_equal(past_writer_end(writer, &snapshot, NULL), 0);
    assert_int_equal(snapshot.rows, count);
}

static void write_committed(struct place *place, uint64_t pos, uint64_t latest)
{
    struct past_writer *writer = new_writer(place);

    write_one(writer, pos, latest, 4, 10);
    assert_int_equal(past_writer_commit(writer, NULL), 0);
}

static int find(struct place *place, uint64_t pos, uint64_t time, uint64_t *ret)
{
    const struct past_bound bound = { .pos = pos, .time = time };
    struct past_snapshot snapshot = { 0 };
    int r = past_store_find(place->store, &bound, &snapshot, NULL);

    *ret = snapshot.pos;
    return r;
}

static void assert_found(struct place *place, uint64_t pos, uint64_t time, uint64_t wanted)
{
    uint64_t found = 0;
    int r = find(place, pos, time, &found);

    assert_int_equal(r, wanted == 0 ? -ENOENT : 0);
    assert_int_equal(found, wanted);
}

static void the_newest_within_the_bounds_is_found(void **state)
{
    struct place *place = *state;

    assert_found(place, UINT64_MAX, UINT64_MAX, 0);
    write_committed(place, 10, 1000);
    write_committed(place, 20, 1000); /* the clock went back meanwhile */
    write_committed(place, 30, 3000);
    assert_found(place, UINT64_MAX, UINT64_MAX, 30);
    assert_found(place, 29, UINT64_MAX, 20);
    assert_found(place, 30, UINT64_MAX, 30);
    assert_found(place, 9, UINT64_MAX, 0);
    assert_found(place, UINT64_MAX, 999, 0);
    assert_found(place, UINT64_MAX, 1000, 20);
    assert_found(place, UINT64_MAX, 2999, 20);
    assert_found(place, UINT64_MAX, 3000, 30);
    assert_found(place, 15, 3000, 10);
    assert_found(place, 35, 1500, 20);
}

static void what_was_not_committed_is_not_there(void **state)
{
    struct place *place = *state;
    struct past_counts counts;
    struct past_writer *writer;

    write_committed(place, 10, 1000);
    writer = new_writer(place);
    write_one(writer, 20, 2000, 4000, 300);
    past_writer_begin(writer, 30);
    write_rows(writer, 30, 4000, 300);
    past_writer_destroy(writer);
    assert_found(place, UINT64_MAX, UINT64_MAX, 10);
    reopen(place);
    assert_int_equal(past_store_counts(place->store, &counts, NULL), 0);
    assert_int_equal(counts.snapshots, 1);
    assert_int_equal(counts.first, 10);
    assert_int_equal(counts.last, 10);
}

static void all_rows_come_back_in_chunks_of_bounded_size(void **state)
{
    struct place *place = *state;
    struct past_writer *writer = new_writer(place);
    unsigned count = 0;
    uint32_t chunk = 1;
    int r = 0;

    write_one(writer, 7, 1, 3000, 400);
    assert_int_equal(past_writer_commit(writer, NULL), 0);
    for (; r == 0; chunk++) {
        autoarena arena = { 0 };
        struct past_rows rows = { 0 };
        size_t bytes = 0;

        r = past_store_rows(place->store, 7, chunk, &rows, &arena, NULL);
        for (size_t i = 0; i < rows.rows.count; i++) {
            const struct past_row *row = &((const struct past_row *)rows.rows.items)[i];
            char key[32];

            (void)snprintf(key, sizeof(key), "7-%04u", count++);
            assert_true(bytes_equal(row->key, bytes_of_text(key)));
            assert_int_equal(row->table, count <= 1500 ? 1 : 2);
            assert_int_equal(row->value.size, 400);
            bytes += row->key.size + row->value.size;
        }
        assert_true(bytes < PAST_CHUNK_BYTES + 500);
    }
    assert_int_equal(r, -ENOENT);
    assert_int_equal(count, 3000);
    assert_in_range(chunk, 5, 9);
}

static void the_chunk_of_a_row_is_found(void **state)
{
    struct place *place = *state;
    struct past_writer *writer = new_writer(place);

    write_one(writer, 7, 1, 3000, 400);
    assert_int_equal(past_writer_commit(writer, NULL), 0);
    for (unsigned i = 0; i < 3000; i += 7) {
        autoarena arena = { 0 };
        struct past_rows rows = { 0 };
        struct past_row wanted = { .table = i < 1500 ? 1 : 2 };
        char key[32];
        uint32_t chunk = 0;
        bool is_there = false;

        (void)snprintf(key, sizeof(key), "7-%04u", i);
        wanted.key = bytes_of_text(key);
        assert_int_equal(past_store_chunk_of(place->store, 7, &wanted, &chunk, NULL), 0);
        assert_int_equal(past_store_rows(place->store, 7, chunk, &rows, &arena, NULL), 0);
        for (size_t n = 0; n < rows.rows.count; n++)
            is_there |= bytes_equal(((const struct past_row *)rows.rows.items)[n].key, wanted.key);
        assert_true(is_there);
    }
}

static void those_below_the_floor_are_dropped(void **state)
{
    struct place *place = *state;
    autoarena arena = { 0 };
    struct past_counts counts;
    struct past_rows rows;

    for (uint64_t i = 1; i <= 5; i++)
        write_committed(place, i * 10, i * 1000);
    assert_int_equal(past_store_drop_below(place->store, 30, NULL), 0);
    assert_int_equal(past_store_counts(place->store, &counts, NULL), 0);
    assert_int_equal(counts.snapshots, 3);
    assert_int_equal(counts.first, 30);
    assert_found(place, 29, UINT64_MAX, 0);
    assert_found(place, UINT64_MAX, 2999, 0);
    assert_found(place, UINT64_MAX, 3000, 30);
    assert_int_equal(past_store_rows(place->store, 20, 1, &rows, &arena, NULL), -ENOENT);
    assert_int_equal(past_store_drop(place->store, 40, NULL), 0);
    assert_found(place, 49, UINT64_MAX, 30);
}

static void snapshots_of_another_log_or_of_other_rules_are_dropped(void **state)
{
    struct place *place = *state;
    struct past_source source = { .log.bytes = { 1 }, .epoch = 1, .version = 1 };

    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(past_store_claim(place->store, &source, NULL), 0);
        assert_found(place, UINT64_MAX, UINT64_MAX, 0);
        write_committed(place, 10, 1000);
        reopen(place);
        assert_int_equal(past_store_claim(place->store, &source, NULL), 0);
        assert_found(place, UINT64_MAX, UINT64_MAX, 10);
        if (i == 0)
            source.epoch++;
        else if (i == 1)
            source.version++;
        else
            source.log.bytes[0]++;
    }
}

/* --- what a disk may do */

static const char *const tables[] = { "source", "snapshots", "times", "chunks", NULL };

/* Change a byte of each value of a table. */
static void damage(struct place *place, unsigned table)
{
    struct store_cursor *cursor = NULL;
    struct bytes key, value;
    struct store_txn *txn = NULL;
    struct store *store = NULL;

    past_store_close(place->store);
    assert_int_equal(store_open(place->directory, tables, BYTES_MAX, &store, NULL), 0);
    assert_int_equal(store_begin(store, STORE_WRITE, &txn, NULL), 0);
    assert_int_equal(store_walk(txn, table, (struct bytes){ 0 }, &cursor, NULL), 0);
    while (store_next(cursor, &key, &value, NULL) > 0) {
        autofree uint8_t *copy = mem_dup(value.data, value.size);
        uint8_t own_key[16];

        memcpy(own_key, key.data, key.size);
        copy[value.size / 2] ^= 0x10;
        assert_int_equal(
            store_put(txn, table, bytes_at(own_key, key.size), bytes_at(copy, value.size), NULL),
            0);
    }
    store_walk_end(cursor);
    assert_int_equal(store_commit(txn, NULL), 0);
    store_close(store);
    open_place(place);
}

static void a_damaged_chunk_is_not_served(void **state)
{
    struct place *place = *state;
    autoarena arena = { 0 };
    struct error err = { 0 };
    struct past_rows rows;

    write_committed(place, 10, 1000);
    assert_int_equal(past_store_rows(place->store, 10, 1, &rows, &arena, NULL), 0);
    damage(place, 3);
    assert_int_equal(past_store_rows(place->store, 10, 1, &rows, &arena, &err), -EUCLEAN);
    assert_non_null(strstr(err.text, "snapshot at 10"));
    assert_int_equal(past_store_drop(place->store, 10, NULL), 0);
    assert_found(place, UINT64_MAX, UINT64_MAX, 0);
}

static void a_damaged_snapshot_is_not_found_and_can_be_cleared(void **state)
{
    struct place *place = *state;
    uint64_t found;

    write_committed(place, 10, 1000);
    damage(place, 1);
    assert_int_equal(find(place, UINT64_MAX, UINT64_MAX, &found), -EUCLEAN);
    assert_int_equal(past_store_clear(place->store, NULL), 0);
    assert_found(place, UINT64_MAX, UINT64_MAX, 0);
    write_committed(place, 10, 1000);
    assert_found(place, UINT64_MAX, UINT64_MAX, 10);
}

static void a_file_that_is_no_store_is_begun_anew(void **state)
{
    struct place *place = *state;
    autofree char *path = mem_text("%s/data.mdb", place->directory);
    int fd;

    write_committed(place, 10, 1000);
    past_store_close(place->store);
    fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(write(fd, "this is no store", 16), 16);
    (void)close(fd);
    open_place(place);
    assert_found(place, UINT64_MAX, UINT64_MAX, 0);
    write_committed(place, 10, 1000);
    assert_found(place, UINT64_MAX, UINT64_MAX, 10);
}

static void nobody_else_opens_it(void **state)
{
    struct place *place = *state;
    struct past_store *other;

    assert_int_equal(past_store_open(place->directory, BYTES_MAX, &other, NULL), -EBUSY);
}

#define STORE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest all[] = {
        STORE_TEST(the_newest_within_the_bounds_is_found),
        STORE_TEST(what_was_not_committed_is_not_there),
        STORE_TEST(all_rows_come_back_in_chunks_of_bounded_size),
        STORE_TEST(the_chunk_of_a_row_is_found),
        STORE_TEST(those_below_the_floor_are_dropped),
        STORE_TEST(snapshots_of_another_log_or_of_other_rules_are_dropped),
        STORE_TEST(a_damaged_chunk_is_not_served),
        STORE_TEST(a_damaged_snapshot_is_not_found_and_can_be_cleared),
        STORE_TEST(a_file_that_is_no_store_is_begun_anew),
        STORE_TEST(nobody_else_opens_it),
    };

    return cmocka_run_group_tests_name("past_store", all, NULL, NULL);
}
